// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/dispatcher_attach.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <xdp/libxdp.h>

#include <algorithm>
#include <cstdlib>

#include <xdp_tally/abi.h>

#include "common/base/unique_handle.h"
#include "common/bpf/dispatcher.h"
#include "common/bpf/libbpf_options.h"
#include "common/bpf/library_log.h"
#include "common/pins/bpffs.h"
#include "loader/hook/capabilities.h"
#include "loader/hook/component_signature.h"
#include "loader/hook/dispatcher_pins.h"
#include "loader/hook/link_attach.h"

namespace tally::loader {
namespace {

// What xdp_program__run_prio says of a program without a wish (XDP_DEFAULT_RUN_PRIO of libxdp).
constexpr std::uint32_t kNoWish = 50;

using UniqueProgram = UniqueHandle<xdp_program, xdp_program__close>;

xdp_attach_mode libxdp_mode(std::uint32_t mode) {
    return mode == XDP_TALLY_MODE_GENERIC ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

Result<UniqueProgram> take_program(xdp_program* program, const std::string& what) {
    if (const long code = libxdp_get_error(program); code != 0) {
        return system_error(static_cast<int>(code), what);
    }
    return UniqueProgram(program);
}

Result<UniqueProgram> open_program(const ProgramObject& object) {
    xdp_program_opts options;
    init_options(options);
    options.obj = object.handle();
    options.prog_name = object.program_name().c_str();
    return take_program(xdp_program__create(&options),
                        fmt::format("passing '{}' to libxdp", object.program_name()));
}

Result<void> set_position(xdp_program* program, const Position& position) {
    int code = xdp_program__set_run_prio(program, position.priority);
    if (position.chain_actions) {
        for (std::uint32_t action = XDP_ABORTED; action <= XDP_REDIRECT && code == 0; ++action) {
            const bool enabled = (*position.chain_actions & (1U << action)) != 0;
            code = xdp_program__set_chain_call_enabled(program, action, enabled);
        }
    }
    if (code != 0) {
        return system_error(code, "setting the position in the dispatcher");
    }
    return {};
}

// libxdp falls back to attaching a program alone where it thinks that there can be no dispatcher, and calls
// that success; and it may call a failure what the kernel has done all the same.
Result<Component> find_attached(const Interface& interface, std::uint32_t program_id) {
    TALLY_ASSIGN_OR_RETURN(auto dispatcher, read_dispatcher(interface.ifindex));
    if (const Component* component = dispatcher ? dispatcher->find(program_id) : nullptr) {
        return *component;
    }
    return make_error(ErrorKind::kSystem, fmt::format("joining the dispatcher of '{}'", interface.name),
                      "libxdp attached the program without a dispatcher; it was detached again")
        .with_hint("-v shows libxdp's messages; --attach link attaches without libxdp");
}

// Before libxdp takes a dispatcher that it does not find for somebody else's single program.
Result<void> check_dispatcher_can_change(const Interface& interface) {
    TALLY_ASSIGN_OR_RETURN(const auto dispatcher, read_dispatcher(interface.ifindex));
    if (!dispatcher) {
        return {};
    }
    TALLY_ASSIGN_OR_RETURN(const auto directory, find_dispatcher_directory(dispatcher->program_id));
    if (!directory || directory->ifindex == interface.ifindex) {
        return {};
    }
    return make_error(ErrorKind::kConflict, fmt::format("changing the dispatcher of '{}'", interface.name),
                      fmt::format("the interface had index {} when libxdp made it, and has {} now: libxdp "
                                  "cannot change it any more",
                                  directory->ifindex, interface.ifindex));
}

Error explain_attach_error(int code, const Interface& interface, const std::string& program) {
    auto error =
        system_error(code, fmt::format("adding '{}' to the dispatcher of '{}'", program, interface.name));
    const std::string words = take_library_warnings();
    if (words.find("older than our version") != std::string::npos) {
        error.kind = ErrorKind::kConflict;
        error.reason = "the dispatcher belongs to an older libxdp, and no program can be added to it";
        error.hint =
            "the tool that loaded its programs has to unload them, and load them again with this libxdp";
    } else if (words.find("changes packet data") != std::string::npos) {
        error.kind = ErrorKind::kSystem;
        error.reason =
            "it changes packets (bpf_xdp_adjust_..., a tail call), which this kernel does not allow in this "
            "libxdp's dispatcher";
        error.hint = kAttachLinkInstead;
    } else if (error.code == E2BIG) {
        error.kind = ErrorKind::kConflict;
        error.reason = "the dispatcher is full";
    } else if (error.code == ERANGE) {
        error.hint =
            "this MTU needs programs with frags support: build it as SEC(\"xdp.frags\"), or lower the MTU";
    } else if (error.code != EBUSY && error.code != EEXIST && error.kind != ErrorKind::kPermission) {
        error.kind = ErrorKind::kSystem;
    }
    if (const auto message = find_kernel_message(words); !message.empty()) {
        error.reason = message + " (" + error.reason + ")";
    }
    return error;
}

Error no_dispatcher(ErrorKind kind, std::string reason) {
    return make_error(kind, "attaching through a dispatcher", std::move(reason))
        .with_hint(
            "--attach link needs no dispatcher; without --attach, a link is used where there can be no "
            "dispatcher");
}

// What neither this process nor another changes while it runs.
std::optional<Error> find_lasting_obstacle() {
    const char* const skip = ::getenv("LIBXDP_SKIP_DISPATCHER");
    if (skip != nullptr && std::string_view(skip) == "1") {
        return no_dispatcher(ErrorKind::kSystem, "LIBXDP_SKIP_DISPATCHER=1 is set");
    }
    // Reading a dispatcher's programs by their ids.
    if (const auto program = open_program_by_id(UINT32_MAX); !program && program.error().code == EPERM) {
        return no_dispatcher(ErrorKind::kPermission, "libxdp needs CAP_SYS_ADMIN");
    }
    if (!kernel_takes(BPF_PROG_TYPE_EXT)) {
        return no_dispatcher(ErrorKind::kSystem,
                             "this kernel does not support programs that replace others (BPF_PROG_TYPE_EXT)");
    }
    return std::nullopt;
}

// libxdp looks for its pins by the ifindex, which is another one than when they were made.
Result<void> end_moved_dispatcher(std::uint32_t ifindex, const Dispatcher& dispatcher,
                                  const DispatcherDirectory& directory, const std::string& what) {
    if (dispatcher.components.size() > 1) {
        return make_error(
            ErrorKind::kConflict, what,
            fmt::format("others share dispatcher {}, and the interface had index {} when libxdp "
                        "made it, and has {} now: libxdp cannot change it any more",
                        dispatcher.program_id, directory.ifindex, ifindex));
    }
    TALLY_TRY(detach_by_netlink(ifindex, {dispatcher.program_id, dispatcher.mode}));
    return remove_dispatcher_directory(directory.path);
}

}  // namespace

Position choose_position(const PositionWish& wish, std::optional<std::uint32_t> own_priority) {
    return {wish.priority.value_or(own_priority.value_or(kLastPriority)), wish.chain_actions};
}

Position choose_next_position(const PositionWish& wish, const Component& old, const Dispatcher& dispatcher) {
    std::uint32_t least = 0;                 // just after the component before it
    std::uint32_t greatest = kLastPriority;  // just before the component after it
    bool passed = false;
    for (const auto& component : dispatcher.components) {
        if (component.program_id == old.program_id) {
            passed = true;
        } else if (!passed) {
            least = component.priority + 1;
        } else {
            greatest = std::max(component.priority, 1U) - 1;
            break;
        }
    }
    // Where there is no room before it, as late as its neighbours allow: the next ones have room again.
    const std::uint32_t next = old.priority > least ? old.priority - 1 : std::max(greatest, old.priority);
    return {wish.priority.value_or(next), wish.chain_actions.value_or(old.chain_actions)};
}

Result<std::optional<Error>> dispatcher_obstacle(bool mounts_root) {
    static const std::optional<Error> lasting = find_lasting_obstacle();
    if (lasting) {
        return lasting;
    }
    const char* const root = ::getenv(XDP_BPFFS_ENVVAR);
    const std::string path = root != nullptr ? root : kDefaultBpffs;
    if (mounts_root && path == kDefaultBpffs) {
        return std::optional<Error>();
    }
    TALLY_ASSIGN_OR_RETURN(const auto there, answer_of(is_bpffs(path)));
    if (there.value_or(false)) {
        return std::optional<Error>();
    }
    return std::optional(
        no_dispatcher(ErrorKind::kSystem, fmt::format("libxdp needs a BPF file system on {}", path)));
}

std::string component_obstacle(const ProgramObject& object) {
    if (!object.has_btf()) {
        return "its object has no BTF (compile it with -g)";
    }
    if (object.has_tail_calls()) {
        return "tail calls do not work from within a dispatcher";
    }
    return signature_obstacle(bpf_object__btf(object.handle()), object.program_name());
}

std::optional<std::uint32_t> own_priority(const ProgramObject& object) {
    const auto program = open_program(object);
    const std::uint32_t priority = program ? xdp_program__run_prio(program->get()) : kNoWish;
    return priority == kNoWish ? std::nullopt : std::optional(priority);
}

Result<Component> attach_component(const ProgramObject& component, const Interface& interface,
                                   std::uint32_t mode, const Position& position) {
    TALLY_TRY(check_dispatcher_can_change(interface));
    TALLY_ASSIGN_OR_RETURN(auto program, open_program(component));
    TALLY_TRY(set_position(program.get(), position));
    take_library_warnings();
    const int ifindex = static_cast<int>(interface.ifindex);
    const int code = xdp_program__attach(program.get(), ifindex, libxdp_mode(mode), 0);
    const std::uint32_t id = xdp_program__id(program.get());
    if (code != 0) {
        auto error = explain_attach_error(code, interface, component.program_name());
        if (id != 0) {
            (void)detach_component(interface.ifindex, id);
        }
        return error;
    }
    auto attached = find_attached(interface, id);
    if (!attached) {
        xdp_program__detach(program.get(), ifindex, libxdp_mode(mode), 0);
    }
    return attached;
}

Result<void> reattach_component(int program_fd, std::uint32_t ifindex, std::uint32_t mode) {
    const std::string what = "attaching the old program to the dispatcher again";
    TALLY_ASSIGN_OR_RETURN(auto program, take_program(xdp_program__from_fd(program_fd), what));
    const int code = xdp_program__attach(program.get(), static_cast<int>(ifindex), libxdp_mode(mode), 0);
    if (code != 0) {
        return system_error(code, what);
    }
    return {};
}

Result<void> detach_component(std::uint32_t ifindex, std::uint32_t program_id) {
    const std::string what = fmt::format("removing program {} from the dispatcher", program_id);
    TALLY_ASSIGN_OR_RETURN(auto dispatcher, read_dispatcher(ifindex));
    if (!dispatcher || dispatcher->find(program_id) == nullptr) {
        return {};
    }
    TALLY_ASSIGN_OR_RETURN(const auto directory, find_dispatcher_directory(dispatcher->program_id));
    if (directory && directory->ifindex != ifindex) {
        return end_moved_dispatcher(ifindex, *dispatcher, *directory, what);
    }
    TALLY_ASSIGN_OR_RETURN(auto program, take_program(xdp_program__from_id(program_id), what));
    take_library_warnings();
    const int code =
        xdp_program__detach(program.get(), static_cast<int>(ifindex), libxdp_mode(dispatcher->mode), 0);
    if (code == 0) {
        return {};
    }
    const auto message = find_kernel_message(take_library_warnings());
    TALLY_ASSIGN_OR_RETURN(auto left, read_dispatcher(ifindex));
    if (left && left->find(program_id) != nullptr) {
        auto error = system_error(code, what);
        error.reason = message.empty() ? error.reason : message + " (" + error.reason + ")";
        return error;
    }
    return {};
}

}  // namespace tally::loader
