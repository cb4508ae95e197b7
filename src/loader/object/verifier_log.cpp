// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/verifier_log.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <array>

namespace tally::loader {

std::string last_lines(std::string_view text, std::size_t count) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) {
        text.remove_suffix(1);
    }
    std::size_t start = text.size();
    for (std::size_t line = 0; line < count; ++line) {
        start = start == 0 ? std::string_view::npos : text.rfind('\n', start - 1);
        if (start == std::string_view::npos) {
            return std::string(text);
        }
    }
    return std::string(text.substr(start + 1));
}

Error explain_failed_load(Error error, std::string_view verifier_log, std::string_view warnings) {
    constexpr std::size_t kVerifierLines = 15;
    constexpr std::size_t kWarningLines = 3;
    if (!verifier_log.empty()) {
        error.kind = ErrorKind::kSystem;
        error.reason = "the verifier refuses it: " + error.reason;
        error.details = last_lines(verifier_log, kVerifierLines);
        if (verifier_log.find("pointer -= pointer") != std::string_view::npos) {
            error.kind = ErrorKind::kPermission;
            error.hint = "subtracting packet pointers needs CAP_PERFMON in addition to CAP_BPF";
        }
        return error;
    }
    error.details = last_lines(warnings, kWarningLines);
    if (error.code >= LIBBPF_ERRNO__LIBELF) {
        std::array<char, 128> text = {};
        libbpf_strerror(error.code, text.data(), text.size());
        error.reason = fmt::format("it is damaged, or libbpf cannot handle it: {}", text.data());
    }
    return error;
}

}  // namespace tally::loader
