// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/bpf_info.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "common/base/directory.h"
#include "common/bpf/libbpf_options.h"

namespace tally {
namespace {

template <typename Info>
Result<Info> object_info(int fd, const char* kind) {
    Info info = {};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) {
        return last_error("asking the kernel about a {}", kind);
    }
    return info;
}

struct LinkSearch {
    std::optional<LinkInfo> found;
    bool unsettled = false;  // a link is being made, which the kernel does not open yet (EAGAIN)
};

Result<LinkSearch> search_xdp_link(std::uint32_t ifindex, std::uint32_t program_id) {
    LinkSearch search;
    for (std::uint32_t id = 0; bpf_link_get_next_id(id, &id) == 0;) {
        const UniqueFd fd(bpf_link_get_fd_by_id(id));
        if (!fd && (errno == ENOENT || errno == EAGAIN)) {
            search.unsettled = search.unsettled || errno == EAGAIN;
            continue;  // gone since, or not there yet
        }
        if (!fd) {
            return last_error("opening the link with id {}", id);
        }
        TALLY_ASSIGN_OR_RETURN(const auto info, link_info(fd.get()));
        if (info.type == BPF_LINK_TYPE_XDP && info.ifindex == ifindex && info.program_id == program_id) {
            search.found = info;
            return search;
        }
    }
    if (errno != ENOENT) {
        return last_error("listing the BPF links");
    }
    return search;
}

}  // namespace

std::string map_type_name(std::uint32_t type) {
    const char* name = libbpf_bpf_map_type_str(static_cast<bpf_map_type>(type));
    return name != nullptr ? name : fmt::format("type {}", type);
}

// The kernel tells it nowhere else.
Result<bool> map_is_frozen(int fd) {
    TALLY_ASSIGN_OR_RETURN(const auto info, read_file(fmt::format("/proc/self/fdinfo/{}", fd)));
    return info.find("\nfrozen:\t1\n") != std::string::npos;
}

Result<void> freeze_map(int fd) {
    if (bpf_map_freeze(fd) == 0) {
        return {};
    }
    auto error = last_error("freezing a map");
    const auto frozen = map_is_frozen(fd);
    return frozen && *frozen ? Result<void>() : error;
}

Result<std::optional<std::vector<unsigned char>>> single_value(int fd, const MapInfo& info,
                                                               const char* what) {
    constexpr std::uint32_t kLongest = 64 << 10;  // somebody else's must not make a reader allocate gigabytes
    if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != sizeof(std::uint32_t) || info.max_entries != 1 ||
        info.value_size > kLongest) {
        return std::optional<std::vector<unsigned char>>();
    }
    std::vector<unsigned char> value(info.value_size);
    const std::uint32_t key = 0;
    if (bpf_map_lookup_elem(fd, &key, value.data()) != 0) {
        return last_error(what);
    }
    return std::optional(std::move(value));
}

Result<std::size_t> possible_cpus() {
    const int possible = libbpf_num_possible_cpus();
    if (possible <= 0) {
        return system_error(possible, "counting the possible CPUs");
    }
    return static_cast<std::size_t>(possible);
}

Result<ObjectType> object_type(int fd) {
    std::array<char, 64> target = {};
    const auto length =
        ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), target.data(), target.size() - 1);
    if (length < 0) {
        const std::string what = "asking which kind of BPF object a pin is";
        // Of a descriptor that is open, and no word about the pin.
        return errno == ENOENT ? make_error(ErrorKind::kSystem, what, "/proc is not mounted")
                               : last_error(what);
    }
    const std::string_view name(target.data(), static_cast<std::size_t>(length));
    if (name == "anon_inode:bpf-map") {
        return ObjectType::kMap;
    }
    if (name == "anon_inode:bpf-prog") {
        return ObjectType::kProgram;
    }
    if (name == "anon_inode:bpf_link" || name == "anon_inode:bpf-link") {
        return ObjectType::kLink;
    }
    return ObjectType::kUnknown;
}

Result<MapInfo> map_info(int fd) {
    TALLY_ASSIGN_OR_RETURN(auto raw, object_info<bpf_map_info>(fd, "map"));
    MapInfo info;
    info.id = raw.id;
    info.type = raw.type;
    info.key_size = raw.key_size;
    info.value_size = raw.value_size;
    info.max_entries = raw.max_entries;
    info.flags = raw.map_flags;
    info.btf_id = raw.btf_id;
    info.btf_value_type_id = raw.btf_value_type_id;
    info.name = raw.name;
    return info;
}

Result<ProgramInfo> program_info(int fd) {
    TALLY_ASSIGN_OR_RETURN(auto raw, object_info<bpf_prog_info>(fd, "program"));
    ProgramInfo info;
    info.id = raw.id;
    info.name = raw.name;
    info.load_time = raw.load_time;
    info.run_count = raw.run_cnt;
    info.run_nanoseconds = raw.run_time_ns;
    for (const auto byte : raw.tag) {
        info.tag += fmt::format("{:02x}", byte);
    }
    return info;
}

Result<std::vector<std::uint32_t>> program_maps(int fd) {
    std::vector<std::uint32_t> ids(1);
    // The kernel says how many there are, and fills in what there is room for.
    for (;;) {
        bpf_prog_info raw = {};
        raw.nr_map_ids = static_cast<__u32>(ids.size());
        raw.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
        __u32 size = sizeof(raw);
        if (bpf_obj_get_info_by_fd(fd, &raw, &size) != 0) {
            return last_error("reading which maps a program uses");
        }
        const bool complete = raw.nr_map_ids <= ids.size();
        ids.resize(raw.nr_map_ids);
        if (complete) {
            return ids;
        }
    }
}

Result<std::vector<std::uint32_t>> maps_of_program(std::uint32_t id) {
    TALLY_ASSIGN_OR_RETURN(const auto program, open_program_by_id(id));
    return program_maps(program.get());
}

Result<bool> program_uses_map(std::uint32_t program_id, std::uint32_t map_id) {
    TALLY_ASSIGN_OR_RETURN(const auto maps, answer_of(maps_of_program(program_id)));
    return maps && std::find(maps->begin(), maps->end(), map_id) != maps->end();
}

Result<LinkInfo> link_info(int fd) {
    TALLY_ASSIGN_OR_RETURN(auto raw, object_info<bpf_link_info>(fd, "link"));
    LinkInfo info;
    info.id = raw.id;
    info.type = raw.type;
    info.program_id = raw.prog_id;
    info.ifindex = raw.type == BPF_LINK_TYPE_XDP ? raw.xdp.ifindex : 0;
    return info;
}

Result<std::optional<LinkInfo>> info_if_link(int fd) {
    TALLY_ASSIGN_OR_RETURN(const auto type, object_type(fd));
    if (type != ObjectType::kLink) {
        return std::optional<LinkInfo>();
    }
    TALLY_ASSIGN_OR_RETURN(const auto info, link_info(fd));
    return std::optional(info);
}

Result<UniqueFd> open_map_by_id(std::uint32_t id, bool read_only) {
    bpf_get_fd_by_id_opts options;
    init_options(options);
    options.open_flags = read_only ? BPF_F_RDONLY : 0;
    UniqueFd fd(bpf_map_get_fd_by_id_opts(id, &options));
    if (!fd) {
        return last_error("opening the map with id {}", id);
    }
    return fd;
}

Result<UniqueFd> open_program_by_id(std::uint32_t id) {
    UniqueFd fd(bpf_prog_get_fd_by_id(id));
    if (!fd) {
        return last_error("opening the program with id {}", id);
    }
    return fd;
}

Result<std::optional<LinkInfo>> find_xdp_link(std::uint32_t ifindex, std::uint32_t program_id) {
    // The kernel gives a link its id before it attaches, and lets others open it right after. Whoever has
    // seen the program on the device has it settled within microseconds; a link that takes longer waits for
    // the lock of the devices, and is not attached.
    constexpr int kLooks = 50;
    constexpr auto kPause = std::chrono::milliseconds(1);
    for (int look = 1;; ++look) {
        TALLY_ASSIGN_OR_RETURN(const auto search, search_xdp_link(ifindex, program_id));
        if (search.found || !search.unsettled || look == kLooks) {
            return search.found;
        }
        std::this_thread::sleep_for(kPause);
    }
}

}  // namespace tally
