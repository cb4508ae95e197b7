// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// libbpf's extensible option structs.
#pragma once

#include <cstring>

namespace tally {

// libbpf refuses an option struct with anything but zeros in its padding, which `= {}` does not promise.
template <typename Options>
void init_options(Options& options) {
    std::memset(&options, 0, sizeof(options));
    options.sz = sizeof(options);
}

}  // namespace tally
