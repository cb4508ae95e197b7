// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/meta.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "common/base/shell_word.h"
#include "common/bpf/bpf_info.h"
#include "common/pins/abi_names.h"
#include "common/pins/bpffs.h"
#include "common/pins/pin_names.h"

namespace tally {
namespace {

constexpr const char* kReading = "reading the meta";
// That of version 1.
constexpr std::uint32_t kShortest = offsetof(Meta, delivery_first);

}  // namespace

Result<Meta> read_meta(const std::string& path) {
    TALLY_ASSIGN_OR_RETURN(auto fd, open_map_pin(path, true));
    return read_meta(fd.get());
}

Result<Meta> read_meta(int fd) {
    TALLY_ASSIGN_OR_RETURN(auto info, map_info(fd));
    TALLY_ASSIGN_OR_RETURN(const auto value, single_value(fd, info, kReading));
    if (!value || value->size() < kShortest) {
        return make_error(ErrorKind::kConflict, kReading,
                          fmt::format("map {} has a different layout", info.id));
    }
    auto meta = decode_meta(*value);
    if (!meta) {
        meta.error().reason = fmt::format("map {} {}", info.id, meta.error().reason);
    }
    return meta;
}

Result<std::optional<Meta>> find_meta(const std::string& directory) {
    return answer_of(read_meta(directory + '/' + XDP_TALLY_META_NAME));
}

Result<std::optional<Meta>> find_trusted_meta(const std::string& directory, const std::string& root) {
    if (auto trusted = check_trusted(directory, root); !trusted) {
        return answer_of(Result<Meta>(std::move(trusted).error()));
    }
    return find_meta(directory);
}

bool same_generation(const Meta& a, const Meta& b) {
    return a.lineage == b.lineage && a.generation == b.generation;
}

bool meta_is_hidden(const std::string& directory) {
    const auto meta = read_meta(directory + '/' + XDP_TALLY_META_NAME);
    return !meta && meta.error().kind == ErrorKind::kPermission;
}

Result<Meta> decode_meta(std::span<const unsigned char> value) {
    Meta meta = {};
    if (value.size() >= kShortest) {
        std::memcpy(&meta, value.data(), std::min(value.size(), sizeof(meta)));
    }
    const bool complete = value.size() >= sizeof(meta) || meta.abi_version == 1;
    if (meta.abi_version == 1) {
        meta.delivery_first = {};
        meta.delivery_map = {};
    }
    if (meta.magic != XDP_TALLY_MAGIC || meta.abi_version == 0 || !complete ||
        meta.map_count > XDP_TALLY_MAX_MAPS || meta.delivery_first.count > XDP_TALLY_DELIVERY_BASE_MAX ||
        meta.delivery_map.count > XDP_TALLY_DELIVERY_BASE_MAX) {
        return make_error(ErrorKind::kConflict, kReading, "holds no meta of xdp_loader");
    }
    meta.interface[sizeof(meta.interface) - 1] = '\0';
    meta.program[sizeof(meta.program) - 1] = '\0';
    return meta;
}

Result<void> write_meta(int fd, const Meta& meta) {
    const std::uint32_t key = 0;
    if (bpf_map_update_elem(fd, &key, &meta, BPF_ANY) != 0) {
        return last_error("writing the meta");
    }
    return {};
}

bool owns_map(const Meta& meta, std::uint32_t map_id) {
    const auto* end = meta.map_ids + meta.map_count;
    return std::find(meta.map_ids, end, map_id) != end;
}

bool owns_pin(const Meta& meta, const std::string& pin, const MapInfo& map) {
    if (!owns_map(meta, map.id)) {
        return false;
    }
    // Pins of data sections (".bss") and of a dispatcher's components are not called like their maps. The
    // kernel cuts a map's name, and one without a name tells nothing.
    const std::string name = decode_pin_name(pin);
    return map.name.empty() || name.starts_with('.') || parse_component_map_pin(pin) ||
           name.substr(0, BPF_OBJ_NAME_LEN - 1) == map.name;
}

bool adopted_map(const Meta& meta, std::uint32_t map_id) {
    const auto* begin = meta.map_ids + meta.map_count;
    const auto* end = std::find(begin, std::end(meta.map_ids), 0U);
    return std::find(begin, end, map_id) != end;
}

std::string load_options(const Meta& meta) {
    const std::string_view program = meta.program;
    if ((meta.flags & XDP_TALLY_META_BUILT_IN) == 0) {
        // Of this length it may be cut: by the kernel, whose name a meta has that was made anew, or here.
        const bool is_whole =
            program.size() != BPF_OBJ_NAME_LEN - 1 && program.size() != sizeof(meta.program) - 1;
        return program.empty() || !is_whole ? " --filename FILE"
                                            : " --filename FILE --progname " + shell_word(program);
    }
    // "xdp_drop", or "xdp_drop_frags".
    constexpr std::size_t kPrefix = std::string_view("xdp_").size();
    const std::string_view verdict = program.substr(std::min(kPrefix, program.size()));
    const auto action = parse_action_name(verdict.substr(0, verdict.find('_')));
    if (!action || *action == Action::kPass) {
        return {};
    }
    return fmt::format(" --action {}{}", short_action_name(*action),
                       *action == Action::kRedirect ? " --redirect-to IFACE" : "");
}

}  // namespace tally
