// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Why a program cannot be loaded: from the log of the verifier or the warnings of libbpf.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace tally::loader {

std::string last_lines(std::string_view text, std::size_t count);

// `error` of a failed load with its reason and details from the verifier's log, or, where the verifier was
// not asked, from libbpf's warnings. kPermission where a capability is what the verifier misses. Pure.
Error explain_failed_load(Error error, std::string_view verifier_log, std::string_view warnings);

}  // namespace tally::loader
