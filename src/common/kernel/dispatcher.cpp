// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/kernel/dispatcher.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <xdp/libxdp.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/base/unique_handle.h"
#include "common/kernel/bpf_info.h"
#include "common/kernel/link_socket.h"

namespace tally {
namespace {

bool g_changed_environment = false;

constexpr std::string_view kDispatcherName = "xdp_dispatcher";
// Where libxdp looks by itself.
constexpr const char* kLibxdpBpffs = "/sys/fs/bpf";

using UniqueMultiprog = UniqueHandle<xdp_multiprog, xdp_multiprog__close>;

std::uint32_t mode_of(xdp_attach_mode mode) {
    return mode == XDP_MODE_SKB ? XDP_TALLY_MODE_GENERIC : XDP_TALLY_MODE_NATIVE;
}

// The name alone says nothing: a dispatcher's one map is its configuration, read-only data of one entry. None
// where that cannot be read.
std::optional<bool> is_dispatcher(std::uint32_t program_id) {
    const auto program = open_program_by_id(program_id);
    const auto info = program ? program_info(program->get()) : program.error();
    if (!info || info->name != kDispatcherName) {
        return info ? std::optional(false) : std::nullopt;
    }
    const auto maps = program_maps(program->get());
    if (!maps || maps->size() != 1) {
        return maps ? std::optional(false) : std::nullopt;
    }
    const auto map = open_map_by_id(maps->front(), true);
    const auto found = map ? map_info(map->get()) : map.error();
    return found ? std::optional(found->type == BPF_MAP_TYPE_ARRAY && found->max_entries == 1 &&
                                 (found->flags & BPF_F_RDONLY_PROG) != 0)
                 : std::nullopt;
}

Component describe(const xdp_program* program) {
    Component component;
    component.program_id = xdp_program__id(program);
    component.name = xdp_program__name(program);
    component.priority = xdp_program__run_prio(program);
    component.frags = xdp_program__xdp_frags_support(program);
    for (std::uint32_t action = XDP_ABORTED; action <= XDP_REDIRECT; ++action) {
        if (xdp_program__chain_call_enabled(program, static_cast<xdp_action>(action))) {
            component.chain_actions |= 1U << action;
        }
    }
    return component;
}

}  // namespace

void use_bpffs_for_dispatchers(const std::string& root) {
    restore_environment();
    if (root != kLibxdpBpffs && ::getenv(XDP_BPFFS_ENVVAR) == nullptr) {
        ::setenv(XDP_BPFFS_ENVVAR, root.c_str(), 1);
        g_changed_environment = true;
    }
}

std::string dispatcher_directory(std::uint32_t ifindex, std::uint32_t program_id) {
    const char* const root = ::getenv(XDP_BPFFS_ENVVAR);
    return fmt::format("{}/xdp/dispatch-{}-{}", root != nullptr ? root : kLibxdpBpffs, ifindex, program_id);
}

void restore_environment() {
    if (std::exchange(g_changed_environment, false)) {
        ::unsetenv(XDP_BPFFS_ENVVAR);
    }
}

Result<std::optional<Dispatcher>> read_dispatcher(std::uint32_t ifindex, std::uint32_t program_id) {
    // libxdp makes its directory, and keeps descriptors, for whatever it is asked about.
    if (!is_dispatcher(program_id).value_or(true)) {
        return std::optional<Dispatcher>();
    }
    const auto what = [ifindex] { return fmt::format("reading the dispatcher of interface {}", ifindex); };
    xdp_multiprog* const found = xdp_multiprog__get_from_ifindex(static_cast<int>(ifindex));
    if (const long code = libxdp_get_error(found); code != 0) {
        if (code == -ENOENT) {
            return std::optional<Dispatcher>();
        }
        auto error = system_error(static_cast<int>(code), what());
        if (error.code == EOPNOTSUPP) {
            error.kind = ErrorKind::kConflict;
            error.reason = "it belongs to a newer libxdp than this program's, which cannot read it";
            error.hint = "`xdp-loader` of that libxdp shows and unloads its programs";
        } else if (error.kind == ErrorKind::kPermission) {
            error.reason += " (it requires CAP_SYS_ADMIN)";
        }
        return error;
    }
    const UniqueMultiprog multiprog(found);
    const xdp_program* const main = xdp_multiprog__main_prog(multiprog.get());
    if (xdp_multiprog__is_legacy(multiprog.get())) {
        if (main == nullptr || xdp_program__name(main) != kDispatcherName) {
            return std::optional<Dispatcher>();
        }
        return make_error(
                   ErrorKind::kSystem, what(),
                   "the pins of its programs are missing, or in another BPF file system (LIBXDP_BPFFS)")
            .with_hint(
                fmt::format("libxdp looks for them below {}, or /sys/fs/bpf: set it as it was when they "
                            "were loaded",
                            XDP_BPFFS_ENVVAR));
    }
    Dispatcher dispatcher;
    dispatcher.program_id = xdp_program__id(main);
    dispatcher.mode = mode_of(xdp_multiprog__attach_mode(multiprog.get()));
    dispatcher.frags = xdp_multiprog__xdp_frags_support(multiprog.get());
    for (const xdp_program* program = nullptr;
         (program = xdp_multiprog__next_prog(program, multiprog.get())) != nullptr;) {
        dispatcher.components.push_back(describe(program));
    }
    return std::optional(std::move(dispatcher));
}

Result<std::optional<Dispatcher>> read_dispatcher(std::uint32_t ifindex) {
    TALLY_ASSIGN_OR_RETURN(const auto hook, query_xdp_hook(ifindex));
    return hook.program ? read_dispatcher(ifindex, hook.program->id)
                        : Result<std::optional<Dispatcher>>(std::optional<Dispatcher>());
}

Result<void> look_into_dispatcher(XdpHook& hook, std::uint32_t ifindex) {
    if (hook.program) {
        TALLY_ASSIGN_OR_RETURN(hook.dispatcher, read_dispatcher(ifindex, hook.program->id));
    }
    return {};
}

}  // namespace tally
