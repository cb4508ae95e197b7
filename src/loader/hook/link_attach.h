// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Putting a program on the XDP hook: by a new link, by updating our link, or by netlink in another's place.
#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/network/interface.h"
#include "common/network/xdp_hook.h"
#include "loader/hook/rollback.h"

namespace tally::loader {

// Creates a link in this mode (enum xdp_tally_mode); kernel 5.9. Nothing stays attached once the descriptor
// is closed, unless the link has been pinned.
Result<UniqueFd> create_xdp_link(const Interface& interface, int program_fd, std::uint32_t mode);
// Puts the words of the kernel or its driver, if it gave any, into the error of create_xdp_link. They come
// with netlink alone, which is asked to attach the program, never in another's place; should that
// unexpectedly succeed, it is detached again.
void add_kernel_words(Error& error, const Interface& interface, int program_fd, std::uint32_t mode);

// The kernel's words where it lets nothing be attached to the interface, nor replaced or detached over
// netlink, because a device above it has a program: a macvlan, VLAN, bridge or bond, in any network namespace
// (net/core/dev.c, dev_xdp_attach, Linux 5.15). Empty where that is not so. Asks for a replacement of
// `program_fd`, which is attached nowhere, so that whatever the answer is, nothing is changed. CAP_NET_ADMIN.
std::string upper_device_refusal(std::uint32_t ifindex, int program_fd);
// Those words among the libraries' warnings, after an attempt that failed. Pure.
std::string find_upper_device_refusal(const std::string& warnings);

// Swaps the program of a link in place. The swap is refused (EPERM) where the link no longer runs
// `old_program_id`; knowing the old program takes CAP_SYS_ADMIN, without it the lock of the pin directory
// alone keeps other loaders out, and the rollback is empty.
Result<Rollback> update_xdp_link(int link_fd, int program_fd, std::uint32_t old_program_id);

// Replaces a program that was attached by netlink, by compare-and-swap (XDP_FLAGS_REPLACE, kernel 5.7).
// CAP_SYS_ADMIN, to name the old program. The attachment outlives the process.
Result<Rollback> replace_by_netlink(const Interface& interface, int program_fd,
                                    const HookProgram& old_program);

// Attaches by netlink where nothing is attached: for the rollback of detach_by_netlink.
Result<void> attach_by_netlink(std::uint32_t ifindex, int program_fd, std::uint32_t mode);

// Ends a link's attachment, whoever else holds the link (BPF_LINK_DETACH, kernel 5.9).
Result<void> detach_link(int link_fd);
// Detaches what netlink attached, if it is still this program.
Result<void> detach_by_netlink(std::uint32_t ifindex, const HookProgram& program);

// What to do where the MTU is too large for a program without frags support; more can follow it.
std::string explain_linear_mtu();

}  // namespace tally::loader
