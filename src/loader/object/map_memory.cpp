// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/map_memory.h"

#include <linux/bpf.h>
#include <sys/resource.h>

#include <bit>
#include <fstream>
#include <limits>
#include <string>

#include "common/bpf/kernel_release.h"

namespace tally::loader {
namespace {

constexpr std::uint64_t kPointer = 8;

// The kernel's slots are multiples of 8 bytes.
std::uint64_t padded(std::uint64_t size) {
    return (size + kPointer - 1) / kPointer * kPointer;
}

// A number instead of a question, because there is none to ask: what is refused for the limit is refused for
// anything else with the same errno.
bool counts_locked_memory() {
    return kernel_is_before(5, 11);
}

// The table of a hash, which it has from the beginning, also where its entries come later: 16 bytes for each
// entry, of which there are a power of two (struct bucket, kernel/bpf/hashtab.c).
std::uint64_t bucket_memory(std::uint32_t entries) {
    return 16 * std::bit_ceil(std::uint64_t{entries});
}

}  // namespace

bool is_hash(std::uint32_t type) {
    return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_PERCPU_HASH ||
           type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

std::uint64_t map_memory(const MapLayout& layout, std::uint64_t possible_cpus) {
    const std::uint64_t buckets = is_hash(layout.type) ? bucket_memory(layout.max_entries) : 0;
    if ((layout.flags & BPF_F_NO_PREALLOC) != 0) {
        return buckets;
    }
    const std::uint64_t key = padded(layout.key_size);
    const std::uint64_t value = padded(layout.value_size);
    std::uint64_t entry = kPointer;
    switch (layout.type) {
        case BPF_MAP_TYPE_ARRAY:
            entry = value;
            break;
        case BPF_MAP_TYPE_PERCPU_ARRAY:
            entry = kPointer + value * possible_cpus;
            break;
        case BPF_MAP_TYPE_HASH:
        case BPF_MAP_TYPE_LRU_HASH:
            entry = key + value;
            break;
        case BPF_MAP_TYPE_PERCPU_HASH:
        case BPF_MAP_TYPE_LRU_PERCPU_HASH:
            entry = key + kPointer + value * possible_cpus;
            break;
        case BPF_MAP_TYPE_QUEUE:
        case BPF_MAP_TYPE_STACK:
            entry = layout.value_size;
            break;
        case BPF_MAP_TYPE_RINGBUF:
            entry = 1;  // its entries are bytes
            break;
        default:  // a slot for a pointer: programs, sockets, devices, other maps
            break;
    }
    std::uint64_t bytes = 0;
    return __builtin_mul_overflow(entry, std::uint64_t{layout.max_entries}, &bytes) ||
                   __builtin_add_overflow(bytes, buckets, &bytes)
               ? std::numeric_limits<std::uint64_t>::max()
               : bytes;
}

std::optional<std::uint64_t> available_memory() {
    std::ifstream file("/proc/meminfo");
    std::string label;
    std::uint64_t kibibytes = 0;
    for (std::string rest; file >> label >> kibibytes; std::getline(file, rest)) {
        if (label == "MemAvailable:") {
            return kibibytes * 1024;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> locked_memory_limit() {
    rlimit limit = {};
    if (!counts_locked_memory() || ::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 ||
        limit.rlim_cur == RLIM_INFINITY) {
        return std::nullopt;
    }
    return limit.rlim_cur;
}

void raise_locked_memory_limit() {
    rlimit limit = {};
    if (locked_memory_limit() && ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
        limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_MEMLOCK, &limit);
    }
}

}  // namespace tally::loader
