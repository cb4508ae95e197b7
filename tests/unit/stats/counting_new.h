// Replaces the global operator new by one that counts.
#pragma once

#include <cstddef>

std::size_t allocations_so_far();
