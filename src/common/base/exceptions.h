// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// This code throws nothing, but the C++ library does: memory that is not to be had, a thread that is refused.
#pragma once

#include <exception>

#include "common/base/result.h"

namespace tally {

// What it says, as an error of the system. Takes no memory where there is none.
Error error_of(const std::exception& exception) noexcept;

// The result of `work`; an error where it throws. For what has to be undone then, and for one device of many.
template <typename Work>
auto without_exceptions(const Work& work) -> decltype(work()) {
    try {
        return work();
    } catch (const std::exception& exception) {
        return error_of(exception);
    }
}

}  // namespace tally
