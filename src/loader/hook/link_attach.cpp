// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/link_attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <unistd.h>

#include "common/bpf/bpf_info.h"
#include "common/bpf/libbpf_options.h"
#include "common/bpf/library_log.h"
#include "common/pins/abi_names.h"

namespace tally::loader {
namespace {

std::uint32_t mode_flag(std::uint32_t mode) {
    switch (mode) {
        case XDP_TALLY_MODE_GENERIC:
            return XDP_FLAGS_SKB_MODE;
        case XDP_TALLY_MODE_OFFLOADED:
            return XDP_FLAGS_HW_MODE;
        default:
            return XDP_FLAGS_DRV_MODE;
    }
}

// Netlink's compare-and-swap, to `new_program_fd`; -1 detaches.
int swap_by_netlink(int ifindex, int old_program_fd, int new_program_fd, std::uint32_t mode) {
    bpf_xdp_attach_opts options;
    init_options(options);
    options.old_prog_fd = old_program_fd;
    return bpf_xdp_attach(ifindex, new_program_fd, mode_flag(mode) | XDP_FLAGS_REPLACE, &options);
}

// Why netlink's compare-and-swap was refused; right after it.
Error explain_swap(int code, const std::string& what) {
    auto error = system_error(code, what);
    if (error.code == EEXIST) {
        const auto words = find_upper_device_refusal(take_library_warnings());
        error.reason = words.empty() ? "another program has replaced it in the meantime" : words;
    }
    return error;
}

// A link's refusal is a bare number; netlink's comes with words, which libbpf prints.
std::string kernel_words(const Interface& interface, int program_fd, std::uint32_t mode) {
    const int ifindex = static_cast<int>(interface.ifindex);
    take_library_warnings();
    if (bpf_xdp_attach(ifindex, program_fd, mode_flag(mode) | XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr) == 0) {
        swap_by_netlink(ifindex, program_fd, -1, mode);
        return {};
    }
    return find_kernel_message(take_library_warnings());
}

// The MTU up to which a program without frags support runs on veth, whose frames must fit one page together
// with headroom and tailroom (drivers/net/veth.c, veth_xdp_set).
std::uint32_t veth_linear_mtu() {
    constexpr std::uint32_t kHeadroom = 256;    // XDP_PACKET_HEADROOM
    constexpr std::uint32_t kSharedInfo = 320;  // struct skb_shared_info, cache-line aligned, 17 fragments
    return static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE)) - kHeadroom - kSharedInfo - ETH_HLEN;
}

}  // namespace

std::string explain_linear_mtu() {
    return fmt::format(
        "a program without frags support takes frames of one page (on veth an MTU of at most {} on both "
        "ends): build it as SEC(\"xdp.frags\") or lower the MTU",
        veth_linear_mtu());
}

Result<UniqueFd> create_xdp_link(const Interface& interface, int program_fd, std::uint32_t mode) {
    bpf_link_create_opts options;
    init_options(options);
    options.flags = mode_flag(mode);
    UniqueFd link(bpf_link_create(program_fd, static_cast<int>(interface.ifindex), BPF_XDP, &options));
    if (link) {
        return link;
    }
    auto error = last_error("attaching to '{}' in {} mode", interface.name, mode_name(mode));
    if (error.code != EBUSY && error.code != EEXIST && error.kind != ErrorKind::kPermission) {
        error.kind = ErrorKind::kSystem;
    }
    if (error.code == EOPNOTSUPP && mode == XDP_TALLY_MODE_NATIVE) {
        error.hint =
            "--skb-mode works with every driver; without a mode option it is used where native mode is "
            "refused";
    }
    if (error.code == ERANGE) {
        error.hint = explain_linear_mtu() + ", or use --skb-mode";
    }
    return error;
}

void add_kernel_words(Error& error, const Interface& interface, int program_fd, std::uint32_t mode) {
    if (const auto words = kernel_words(interface, program_fd, mode); !words.empty()) {
        error.reason = words + " (" + error.reason + ")";
    }
}

std::string upper_device_refusal(std::uint32_t ifindex, int program_fd) {
    const QuietLibraryLog quiet;
    take_library_warnings();
    // The mode makes no difference to that rule, and hardly any card runs programs itself: nothing else, such
    // as a link of the same mode, answers first.
    const int index = static_cast<int>(ifindex);
    const bool refused = swap_by_netlink(index, program_fd, -1, XDP_TALLY_MODE_OFFLOADED) != 0;
    const std::string warnings = take_library_warnings();
    return refused ? find_upper_device_refusal(warnings) : std::string();
}

std::string find_upper_device_refusal(const std::string& warnings) {
    auto words = find_kernel_message(warnings);
    return words.find("upper device") == std::string::npos ? std::string() : words;
}

namespace {

std::string replaced_by_another(std::uint32_t program_id) {
    return fmt::format("it no longer runs program {}: another process replaced that", program_id);
}

}  // namespace

Result<Rollback> update_xdp_link(int link_fd, int program_fd, std::uint32_t old_program_id) {
    auto old_program = open_program_by_id(old_program_id);
    // Who lacks CAP_SYS_ADMIN can replace it, but not name it.
    if (!old_program && old_program.error().kind != ErrorKind::kPermission) {
        auto error = std::move(old_program).error();
        error.what = "replacing the program of the link";
        if (error.kind == ErrorKind::kNotFound) {
            error.kind = ErrorKind::kConflict;
            error.reason = replaced_by_another(old_program_id);
        }
        return error;
    }
    bpf_link_update_opts options;
    init_options(options);
    Rollback rollback;  // made before there is something to undo: that takes memory
    if (old_program) {
        options.flags = BPF_F_REPLACE;
        options.old_prog_fd = static_cast<__u32>(old_program->get());
        rollback = Rollback([link_fd, old = std::move(*old_program)] {
            return bpf_link_update(link_fd, old.get(), nullptr) == 0;
        });
    }
    if (bpf_link_update(link_fd, program_fd, &options) != 0) {
        auto error = last_error("replacing the program of the link");
        if (error.code == EPERM && old_program) {
            error.kind = ErrorKind::kConflict;
            error.reason = replaced_by_another(old_program_id);
        } else if (error.code != EPERM) {
            error.kind = ErrorKind::kSystem;
        }
        if (error.code == ERANGE) {
            error.hint = fmt::format("the MTU needs a program with frags support (on veth above {})",
                                     veth_linear_mtu());
        }
        return error;
    }
    return rollback;
}

Result<Rollback> replace_by_netlink(const Interface& interface, int program_fd,
                                    const HookProgram& old_program) {
    const std::string what = fmt::format("replacing program {} on '{}'", old_program.id, interface.name);
    auto old_fd = open_program_by_id(old_program.id);
    if (!old_fd) {
        auto error = std::move(old_fd).error();
        error.what = what;
        if (error.kind == ErrorKind::kPermission) {
            error.reason = "this requires CAP_SYS_ADMIN";
        }
        return error;
    }
    const int ifindex = static_cast<int>(interface.ifindex);
    const std::uint32_t mode = old_program.mode;
    const int old = old_fd->get();
    Rollback rollback([ifindex, mode, program_fd, kept = std::move(*old_fd)] {
        return swap_by_netlink(ifindex, program_fd, kept.get(), mode) == 0;
    });
    if (const int code = swap_by_netlink(ifindex, old, program_fd, mode); code != 0) {
        return explain_swap(code, what);
    }
    return rollback;
}

Result<void> attach_by_netlink(std::uint32_t ifindex, int program_fd, std::uint32_t mode) {
    const __u32 flags = mode_flag(mode) | XDP_FLAGS_UPDATE_IF_NOEXIST;
    if (const int code = bpf_xdp_attach(static_cast<int>(ifindex), program_fd, flags, nullptr); code != 0) {
        return system_error(code, "attaching by netlink");
    }
    return {};
}

Result<void> detach_link(int link_fd) {
    if (bpf_link_detach(link_fd) != 0) {
        return last_error("detaching the link");
    }
    return {};
}

Result<void> detach_by_netlink(std::uint32_t ifindex, const HookProgram& program) {
    const std::string what = fmt::format("detaching program {}", program.id);
    const auto fd = open_program_by_id(program.id);
    if (!fd && fd.error().kind != ErrorKind::kPermission) {
        auto error = fd.error();
        error.what = what;
        return error;
    }
    const int index = static_cast<int>(ifindex);
    const int code = fd ? swap_by_netlink(index, fd->get(), -1, program.mode)
                        : bpf_xdp_detach(index, mode_flag(program.mode), nullptr);
    if (code != 0) {
        return explain_swap(code, what);
    }
    return {};
}

}  // namespace tally::loader
