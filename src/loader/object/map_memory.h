// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the maps of an object will cost. The kernel allocates most maps whole when they are created, page by
// page: one that does not fit makes it end other processes first, and refuse last.
#pragma once

#include <cstdint>
#include <optional>

#include "loader/object/map_layout.h"

namespace tally::loader {

// At least this many bytes are allocated at once for a map of this layout; UINT64_MAX where a number does not
// hold them. Of maps that grow as they are filled only the table. Pure.
std::uint64_t map_memory(const MapLayout& layout, std::uint64_t possible_cpus);

// Its entries are found by a table of buckets. Pure.
bool is_hash(std::uint32_t type);

// What the machine can give without swapping (MemAvailable of /proc/meminfo, kernel 3.14); none where it does
// not tell.
std::optional<std::uint64_t> available_memory();

// Kernels before 5.11 count programs and maps against RLIMIT_MEMLOCK, which libbpf lifts where
// CAP_SYS_RESOURCE allows it. The limit in bytes; none where the kernel does not count, or there is no limit.
std::optional<std::uint64_t> locked_memory_limit();
// What to do about it, for a hint.
inline constexpr const char* kRaiseLockedMemory =
    "raise it, which takes CAP_SYS_RESOURCE: `ulimit -l unlimited`, in a systemd unit LimitMEMLOCK=infinity, "
    "in a "
    "container `--ulimit memlock=-1`";
// As far as this process may without CAP_SYS_RESOURCE.
void raise_locked_memory_limit();

}  // namespace tally::loader
