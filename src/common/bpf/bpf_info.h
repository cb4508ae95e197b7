// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// BPF programs, maps and links as the kernel describes them, and how to get hold of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace tally {

// Fields of struct bpf_map_info that matter here. Needs no capability on a descriptor one holds.
struct MapInfo {
    std::uint32_t id = 0;
    std::uint32_t type = 0;  // enum bpf_map_type
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
    std::uint32_t max_entries = 0;
    std::uint32_t flags = 0;
    std::uint32_t btf_id = 0;  // 0 where the map has no BTF
    std::uint32_t btf_value_type_id = 0;
    std::string name;  // cut to 15 characters by the kernel
};

// The field's word for an enum bpf_map_type: "percpu_array".
std::string map_type_name(std::uint32_t type);

struct ProgramInfo {
    std::uint32_t id = 0;
    std::string name;                   // cut to 15 characters by the kernel
    std::string tag;                    // 16 hexadecimal digits
    std::uint64_t load_time = 0;        // nanoseconds since the machine was started
    std::uint64_t run_count = 0;        // while run-time statistics were on (bpf_enable_stats)
    std::uint64_t run_nanoseconds = 0;  // that those runs took
};

struct LinkInfo {
    std::uint32_t id = 0;
    std::uint32_t type = 0;  // enum bpf_link_type
    std::uint32_t program_id = 0;
    std::uint32_t ifindex = 0;  // XDP links: 0 once the device is gone ("severed"), kernel 5.9
};

enum class ObjectType { kUnknown, kMap, kProgram, kLink };

// What a descriptor from BPF_OBJ_GET refers to; by the name of its anonymous inode.
Result<ObjectType> object_type(int fd);

Result<MapInfo> map_info(int fd);
Result<ProgramInfo> program_info(int fd);
Result<LinkInfo> link_info(int fd);
// None where it is something else.
Result<std::optional<LinkInfo>> info_if_link(int fd);
// Ids of the maps that the program uses.
Result<std::vector<std::uint32_t>> program_maps(int fd);
// The same by the program's id, as below.
Result<std::vector<std::uint32_t>> maps_of_program(std::uint32_t id);
// False also where there is no such program, or it may not be opened.
Result<bool> program_uses_map(std::uint32_t program_id, std::uint32_t map_id);

// The value of an array of one entry; none where `info`, which is of this map, says that it is another kind
// of map, or that its value is longer than a newer version of ours could be (64 KiB).
Result<std::optional<std::vector<unsigned char>>> single_value(int fd, const MapInfo& info, const char* what);

// How many values an entry of a map per CPU has.
Result<std::size_t> possible_cpus();

// Nobody can write to the map from user space any more, through whatever descriptor or pin; programs can
// (BPF_MAP_FREEZE, kernel 5.2). One that is frozen already will do. The descriptor must be a writable one.
Result<void> freeze_map(int fd);
Result<bool> map_is_frozen(int fd);

// By id: CAP_SYS_ADMIN. ENOENT when there is none any more.
Result<UniqueFd> open_map_by_id(std::uint32_t id, bool read_only);
Result<UniqueFd> open_program_by_id(std::uint32_t id);

// The XDP link that runs this program on this interface, if there is one (kernel 5.9, CAP_SYS_ADMIN). The
// program is part of the question because equal ifindexes exist in other network namespaces.
Result<std::optional<LinkInfo>> find_xdp_link(std::uint32_t ifindex, std::uint32_t program_id);

}  // namespace tally
