// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Result<T>: a value or an Error, with the few members of C++23's std::expected that are needed here.
// GCC 12, Debian 12's compiler, has no std::expected in C++20.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "common/base/error.h"

namespace tally {

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(*-explicit-*)
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(*-explicit-*)

    bool has_value() const { return state_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    T& value() & { return *std::get_if<0>(&state_); }
    const T& value() const& { return *std::get_if<0>(&state_); }
    T&& value() && { return std::move(*std::get_if<0>(&state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    Error& error() & { return *std::get_if<1>(&state_); }
    const Error& error() const& { return *std::get_if<1>(&state_); }
    Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}  // NOLINT(*-explicit-*)

    bool has_value() const { return !error_; }
    explicit operator bool() const { return has_value(); }

    Error& error() & { return *error_; }
    const Error& error() const& { return *error_; }
    Error&& error() && { return std::move(*error_); }

  private:
    std::optional<Error> error_;
};

// What a question was answered: a value, or none where the answer is "no". An error only where there is no
// answer (is_failed_question).
template <typename T>
Result<std::optional<T>> answer_of(Result<T> asked) {
    if (asked) {
        return std::optional<T>(std::move(asked).value());
    }
    if (is_failed_question(asked.error())) {
        return std::move(asked).error();
    }
    return std::optional<T>();
}

// The same where a refusal is no "no": an error also of kind kPermission.
template <typename T>
Result<std::optional<T>> answer_if_permitted(Result<T> asked) {
    if (!asked && asked.error().kind == ErrorKind::kPermission) {
        return std::move(asked).error();
    }
    return answer_of(std::move(asked));
}

}  // namespace tally

// Hands an error up; otherwise goes on. For a Result whose value is not needed.
#define TALLY_TRY(expression)                                          \
    do {                                                               \
        if (auto tally_try_result = (expression); !tally_try_result) { \
            return std::move(tally_try_result).error();                \
        }                                                              \
    } while (false)

// Hands an error up; otherwise assigns the value to `target`, which may be a declaration:
//     TALLY_ASSIGN_OR_RETURN(auto fd, open_pin(path, true));
#define TALLY_ASSIGN_OR_RETURN(target, ...) \
    TALLY_ASSIGN_OR_RETURN_AS(TALLY_NAME(tally_result_, __COUNTER__), target, __VA_ARGS__)

#define TALLY_ASSIGN_OR_RETURN_AS(result, target, ...) \
    auto result = (__VA_ARGS__);                       \
    if (!result) {                                     \
        return std::move(result).error();              \
    }                                                  \
    target = std::move(result).value()
#define TALLY_NAME(prefix, number) TALLY_JOIN(prefix, number)
#define TALLY_JOIN(prefix, number) prefix##number
