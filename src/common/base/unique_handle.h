// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Owner of a C library's handle, which the library's own function closes: UniqueHandle<btf, btf__free>.
#pragma once

#include <memory>

namespace tally {

template <auto kClose>
struct HandleCloser {
    template <typename Handle>
    void operator()(Handle* handle) const {
        (void)kClose(handle);
    }
};

template <typename Handle, auto kClose>
using UniqueHandle = std::unique_ptr<Handle, HandleCloser<kClose>>;

}  // namespace tally
