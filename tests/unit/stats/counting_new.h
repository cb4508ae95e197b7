// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Replaces the global operator new by one that counts.
#pragma once

#include <cstddef>

std::size_t allocations_so_far();
