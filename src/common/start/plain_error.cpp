// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/start/plain_error.h"

#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace tally {
namespace {

template <typename... Texts>
void write_at_once(Texts... texts) noexcept {
    const auto part = [](std::string_view text) {
        return iovec{const_cast<char*>(text.data()), text.size()};
    };
    const std::array<iovec, sizeof...(texts)> parts = {part(texts)...};
    [[maybe_unused]] const auto written = ::writev(STDERR_FILENO, parts.data(), parts.size());
}

}  // namespace

void print_plain_error(const char* what, bool json) noexcept {
    const char* const program = program_invocation_short_name;
    if (json) {
        write_at_once(R"({"schema":1,"program":")", program,
                      R"(","error":{"status":1,"kind":"system","message":")", what,
                      R"(","details":null,"hint":null}})", "\n");
    } else {
        write_at_once(program, ": ", what, "\n");
    }
}

}  // namespace tally
