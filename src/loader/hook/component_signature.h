// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a program's types say of its function: a component of a dispatcher replaces one of its functions, and
// the kernel compares the two.
#pragma once

#include <bpf/btf.h>

#include <cstdint>
#include <string>

namespace tally::loader {

// Why the kernel would not have this function in the place of the dispatcher's `int prog(struct xdp_md *)`,
// as btf_check_func_type_match() of the kernel (5.10 to 7.x) compares them; empty: it would. Pure.
std::string signature_obstacle(const btf* types, const std::string& function);

// Whether the type is `struct xdp_md *`. Pure.
bool is_packet_context(const btf* types, std::uint32_t id);

}  // namespace tally::loader
