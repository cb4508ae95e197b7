// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Damaged BPF objects: whether libbpf survives this one.
//
// libbpf takes object files for the work of a compiler. On a damaged one it may follow a wrong pointer or a
// circle of types, so a child process goes the whole way first, and only what it survives is done here.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"

namespace tally::loader {

// Runs `rehearsal` in a child process, which says nothing and changes nothing here. kSystem, about `what`,
// where it does not come to a regular end, and where it computes for longer than any sound object takes.
Result<void> check_object(const std::string& what, const std::function<void()>& rehearsal);

}  // namespace tally::loader
