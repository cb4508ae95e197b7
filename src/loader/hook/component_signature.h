// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A component of a dispatcher replaces one of its functions, and the kernel compares what both say of
// themselves.
#pragma once

#include <bpf/btf.h>

#include <string>

namespace tally::loader {

// Why the kernel would not have this function in the place of the dispatcher's `int prog(struct xdp_md *)`,
// as btf_check_func_type_match() of the kernel (5.10 to 7.x) compares them; empty: it would. Pure.
std::string signature_obstacle(const btf* types, const std::string& function);

}  // namespace tally::loader
