// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What went wrong, for whom it matters: the operation with its object, the reason, and what to try next.
#pragma once

#include <fmt/core.h>

#include <cerrno>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace tally {

// The numbers are the programs' exit statuses.
enum class ErrorKind {
    kSystem = 1,      // the system refused
    kUsage = 2,       // the command line makes no sense
    kPermission = 3,  // a capability or permission is missing
    kNotFound = 4,    // device, namespace, program, map or pin
    kConflict = 5,    // somebody else holds the hook, or a pinned map has another layout
    kUnmet = 6,       // --expect was not met in time
};

// Filled in by the innermost caller that knows the operation and its object; printed by main alone.
struct Error {
    ErrorKind kind = ErrorKind::kSystem;
    int code = 0;         // errno (positive), 0 where there is none
    std::string what;     // what was being done, with its object
    std::string reason;   // why it failed
    std::string hint;     // the next command to try, or a line for each; may be empty
    std::string details;  // lines for the curious: differing fields, the verifier's last words; may be empty

    std::string message() const { return reason.empty() ? what : what + ": " + reason; }
    // For where it is told within a line.
    std::string message_and_hint() const { return hint.empty() ? message() : message() + "; " + hint; }

    Error&& with_hint(std::string text) && {
        hint = std::move(text);
        return std::move(*this);
    }
    Error&& with_details(std::string text) && {
        details = std::move(text);
        return std::move(*this);
    }
};

// Lines behind the details that there are. Nothing for an empty text.
void add_details(Error& error, const std::string& lines);

// The kernel has not answered: it had no memory or no descriptors, was interrupted, could not read. Who takes
// that for a "no" loses what is there. All else is an answer: there is nothing of this name, it is something
// else, this process may not look, this kernel does not know what was asked for.
bool is_failed_question(const Error& error);

// The exit status that stands for this error.
constexpr int exit_status(ErrorKind kind) {
    return static_cast<int>(kind);
}
// A stable name for machines: "system", "usage", ...
std::string_view kind_name(ErrorKind kind);

// The one place that absorbs the C conventions: pass errno as it is, or a library's negative errno.
// EPERM and EACCES become kPermission, ENOENT/ENODEV/ENXIO kNotFound, EEXIST/EBUSY kConflict.
Error system_error(int code, std::string what);
// errno is read before the text is made: that takes memory, and where memory is short, it changes errno.
inline Error last_error(std::string_view what) {
    const int code = errno;
    return system_error(code, std::string(what));
}
// Making a text may change errno, so one that is made here is made of its parts, below.
template <std::same_as<std::string> Text>
Error last_error(Text&& made_meanwhile) = delete;
template <typename First, typename... Others>
Error last_error(fmt::format_string<First, Others...> what, First&& first, Others&&... others) {
    const int code = errno;
    return system_error(code, fmt::format(what, std::forward<First>(first), std::forward<Others>(others)...));
}
Error make_error(ErrorKind kind, std::string what, std::string reason = {});

// The reason in words, also for the kernel's ENOTSUPP (524), which the C library does not know.
std::string describe_errno(int code);

}  // namespace tally
