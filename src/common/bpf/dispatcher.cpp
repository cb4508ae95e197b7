// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/dispatcher.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <xdp/libxdp.h>
#include <xdp/prog_dispatcher.h>

#include <string_view>
#include <utility>
#include <vector>

#include "common/base/unique_handle.h"
#include "common/bpf/bpf_info.h"
#include "common/bpf/dispatcher_config.h"
#include "common/bpf/dispatcher_directory.h"

namespace tally {
namespace {

constexpr std::string_view kDispatcherName = "xdp_dispatcher";
constexpr const char* kMetadataSection = "xdp_metadata";

using UniqueBtf = UniqueHandle<btf, btf__free>;

// The version is in the BTF of the oldest, which is all that tells it.
Result<bool> is_of_first_version(int program_fd, const std::string& what) {
    bpf_prog_info info = {};
    std::uint32_t size = sizeof(info);
    if (bpf_obj_get_info_by_fd(program_fd, &info, &size) != 0) {
        return last_error(what);
    }
    if (info.btf_id == 0) {
        return false;
    }
    const UniqueBtf btf(btf__load_from_kernel_by_id(info.btf_id));
    if (!btf) {
        auto error = last_error(what);
        return is_failed_question(error) ? Result<bool>(std::move(error)) : false;
    }
    return btf__find_by_name_kind(btf.get(), kMetadataSection, BTF_KIND_DATASEC) > 0;
}

// What a program that is called like a dispatcher has as its read-only data; none where it has other maps,
// and is no dispatcher. The name alone says nothing.
Result<std::optional<std::vector<unsigned char>>> read_configuration(int program_fd) {
    TALLY_ASSIGN_OR_RETURN(const auto maps, program_maps(program_fd));
    if (maps.size() != 1) {
        return std::optional<std::vector<unsigned char>>();
    }
    TALLY_ASSIGN_OR_RETURN(const auto map, open_map_by_id(maps.front(), true));
    TALLY_ASSIGN_OR_RETURN(const auto info, map_info(map.get()));
    if ((info.flags & BPF_F_RDONLY_PROG) == 0) {
        return std::optional<std::vector<unsigned char>>();
    }
    return single_value(map.get(), info, "reading the configuration of a dispatcher");
}

Error newer_dispatcher(const std::string& what) {
    auto error = system_error(EOPNOTSUPP, what);
    error.kind = ErrorKind::kConflict;
    error.reason = "it belongs to a newer libxdp than this program's, which cannot read it";
    error.hint = "`xdp-loader` of that libxdp shows and unloads its programs";
    return error;
}

// None where it is no dispatcher.
Result<std::optional<DispatcherConfig>> find_configuration(int program_fd, const std::string& what) {
    TALLY_ASSIGN_OR_RETURN(const auto bytes, read_configuration(program_fd));
    if (!bytes) {
        return std::optional<DispatcherConfig>();
    }
    auto version = dispatcher_version(*bytes);
    if (!version) {
        TALLY_ASSIGN_OR_RETURN(const bool is_first, is_of_first_version(program_fd, what));
        version = is_first ? std::optional(kOldestDispatcherVersion) : std::nullopt;
    }
    // What this program cannot read it cannot hand to its libxdp either, and the other way round.
    if (version && (*version > XDP_DISPATCHER_VERSION || *version > kNewestDispatcherVersion)) {
        return newer_dispatcher(what);
    }
    return version ? decode_dispatcher_config(*bytes, *version) : std::nullopt;
}

Result<Component> read_component(const std::string& pin, const DispatcherConfig::Slot& slot) {
    const UniqueFd program(bpf_obj_get(pin.c_str()));
    if (!program) {
        return last_error("opening the pin {}", pin);
    }
    TALLY_ASSIGN_OR_RETURN(auto info, program_info(program.get()));
    return Component{info.id, std::move(info.name), slot.priority, slot.chain_actions, slot.frags};
}

Result<std::vector<Component>> read_components(std::uint32_t program_id, const DispatcherConfig& config,
                                               const std::string& what) {
    TALLY_ASSIGN_OR_RETURN(const auto directory, find_dispatcher_directory(program_id));
    std::vector<Component> components;
    for (const auto& slot : config.slots) {
        TALLY_ASSIGN_OR_RETURN(
            auto component,
            answer_if_permitted(
                directory
                    ? read_component(fmt::format("{}/prog{}-prog", directory->path, components.size()), slot)
                    : system_error(ENOENT, what)));
        if (!component) {
            return make_error(
                       ErrorKind::kSystem, what,
                       "the pins of its programs are missing, or in another BPF file system (LIBXDP_BPFFS)")
                .with_hint(
                    fmt::format("libxdp looks for them below {}, or /sys/fs/bpf: set it as it was when they "
                                "were loaded",
                                XDP_BPFFS_ENVVAR));
        }
        components.push_back(std::move(*component));
    }
    return components;
}

}  // namespace

Result<std::optional<Dispatcher>> read_dispatcher(const HookProgram& program) {
    const std::string what = fmt::format("reading the dispatcher {}", program.id);
    auto fd = open_program_by_id(program.id);
    if (!fd) {
        auto& error = fd.error();
        error.what = what;
        if (error.kind == ErrorKind::kPermission) {
            error.reason += " (it requires CAP_SYS_ADMIN)";
            error.hint = "run it as root, or with CAP_SYS_ADMIN";
        }
        return error;
    }
    TALLY_ASSIGN_OR_RETURN(const auto info, program_info(fd->get()));
    if (info.name != kDispatcherName) {
        return std::optional<Dispatcher>();
    }
    TALLY_ASSIGN_OR_RETURN(const auto config, find_configuration(fd->get(), what));
    if (!config) {
        return std::optional<Dispatcher>();
    }
    auto components = read_components(program.id, *config, what);
    if (!components) {
        auto& error = components.error();
        error.hint = error.kind == ErrorKind::kPermission ? "run it as root" : error.hint;
        return error;
    }
    return std::optional(Dispatcher{program.id, program.mode, config->frags, std::move(components).value()});
}

Result<void> look_into_dispatcher(Link& link, LinkSocket& socket) {
    for (;;) {
        XdpHook& hook = link.hook;
        if (!hook.program) {
            return {};
        }
        auto dispatcher = read_dispatcher(*hook.program);
        if (dispatcher) {
            hook.dispatcher = std::move(*dispatcher);
            return {};
        }
        // libxdp puts another one in its place, then removes the pins.
        const auto now = socket.find(link.interface.ifindex);
        if (!now || (now->hook.program && now->hook.program->id == hook.program->id)) {
            return std::move(dispatcher).error();
        }
        link = *now;
    }
}

Result<std::optional<Dispatcher>> read_dispatcher(std::uint32_t ifindex) {
    TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
    TALLY_ASSIGN_OR_RETURN(auto link, socket.find(ifindex));
    TALLY_TRY(look_into_dispatcher(link, socket));
    return std::move(link.hook.dispatcher);
}

}  // namespace tally
