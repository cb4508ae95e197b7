// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/exceptions.h"

#include <new>

namespace tally {
namespace {

// Short enough to be kept in the string itself.
constexpr const char* kOutOfMemory = "out of memory";

}  // namespace

Error error_of(const std::exception& exception) noexcept {
    if (dynamic_cast<const std::bad_alloc*>(&exception) == nullptr) {
        try {
            return make_error(ErrorKind::kSystem, "unexpected failure", exception.what());
        } catch (const std::bad_alloc&) {
            // Then that is the reason by now.
        }
    }
    return Error{ErrorKind::kSystem, ENOMEM, kOutOfMemory, {}, {}, {}};
}

}  // namespace tally
