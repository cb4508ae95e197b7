// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/error.h"

#include <cstdlib>
#include <system_error>

namespace tally {
namespace {

// In the kernel's own numbering, never meant for user space, yet some BPF calls return it.
constexpr int kKernelEnotsupp = 524;

ErrorKind classify(int code) {
    switch (code) {
        case EPERM:
        case EACCES:
            return ErrorKind::kPermission;
        case ENOENT:
        case ENODEV:
        case ENXIO:
            return ErrorKind::kNotFound;
        case EEXIST:
        case EBUSY:
            return ErrorKind::kConflict;
        default:
            return ErrorKind::kSystem;
    }
}

}  // namespace

void add_details(Error& error, const std::string& lines) {
    if (lines.empty()) {
        return;
    }
    error.details += (error.details.empty() || error.details.ends_with('\n') ? "" : "\n") + lines;
}

bool is_failed_question(const Error& error) {
    switch (error.code) {
        case 0:  // not the kernel's word
        case EINVAL:
        case EOPNOTSUPP:
        case kKernelEnotsupp:
        case ENOSYS:
        case EROFS:  // what is pinned there cannot be opened for writing
        case ENOTDIR:
        case ELOOP:
        case ENAMETOOLONG:
        case ESRCH:
            return false;
        default:
            return error.kind == ErrorKind::kSystem;
    }
}

std::string_view kind_name(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::kSystem:
            return "system";
        case ErrorKind::kUsage:
            return "usage";
        case ErrorKind::kPermission:
            return "permission";
        case ErrorKind::kNotFound:
            return "not_found";
        case ErrorKind::kConflict:
            return "conflict";
        case ErrorKind::kUnmet:
            return "unmet";
    }
    return "system";
}

std::string describe_errno(int code) {
    const int positive = std::abs(code);
    if (positive == kKernelEnotsupp) {
        return "this kernel does not support it";
    }
    return std::generic_category().message(positive);
}

Error system_error(int code, std::string what) {
    const int positive = std::abs(code);
    return Error{classify(positive), positive, std::move(what), describe_errno(positive), {}, {}};
}

Error make_error(ErrorKind kind, std::string what, std::string reason) {
    return Error{kind, 0, std::move(what), std::move(reason), {}, {}};
}

}  // namespace tally
