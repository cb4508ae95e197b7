// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Why the kernel does not take a program or its maps: from the verifier's log, from what libbpf warns of, and
// from the layout of the map.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/result.h"
#include "loader/object/map_layout.h"

namespace tally::loader {

// Before a map is created: kSystem where its size is left to others, or is more than the bytes that are
// available (none: nobody knows).
Result<void> check_new_map(const std::string& name, const MapLayout& layout,
                           std::optional<std::uint64_t> available);

// What libbpf was loading when it gave up, by its warnings: a map (empty: it was none), a program.
std::string refused_map(std::string_view warnings);
std::optional<std::string> refused_program(std::string_view warnings);

// `error` of a map that the kernel has refused, with its reason and a hint.
Error explain_refused_map(Error error, const std::string& name, const MapLayout& layout,
                          std::string_view warnings);

// `error` of a failed load with its reason and details from the verifier's log, or, where the verifier was
// not asked, from libbpf's warnings. The license is the object's, empty where it has none. kPermission where
// the verifier misses a capability that this process lacks.
Error explain_failed_load(Error error, std::string_view verifier_log, std::string_view warnings,
                          std::string_view license);

}  // namespace tally::loader
