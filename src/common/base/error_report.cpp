// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/error_report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <utility>

#include "common/base/printable.h"
#include "common/base/shown_paths.h"

namespace tally {

std::string json_line(const nlohmann::ordered_json& document) {
    return as_shown(document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) + "\n";
}

nlohmann::ordered_json text_or_null(const std::string& text) {
    return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

nlohmann::ordered_json error_to_json(const Error& error) {
    return {{"status", exit_status(error.kind)},
            {"kind", kind_name(error.kind)},
            {"message", error.message()},
            {"details", text_or_null(error.details)},
            {"hint", text_or_null(error.hint)}};
}

namespace {

void add_lines(std::string& text, std::string_view mark, std::string_view lines) {
    while (!lines.empty()) {
        const auto end = lines.find('\n');
        text += fmt::format("{}{}\n", mark, printable(lines.substr(0, end)));
        lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 1);
    }
}

}  // namespace

std::string format_error(std::string_view program, const Error& error, bool json) {
    if (json) {
        return json_line({{"schema", 1}, {"program", program}, {"error", error_to_json(error)}});
    }
    std::string text = fmt::format("{}: {}\n", program, printable(error.message()));
    add_lines(text, "  ", error.details);
    add_lines(text, "hint: ", error.hint);
    return as_shown(std::move(text));
}

void print_error(std::string_view program, const Error& error, bool json) {
    std::fputs(format_error(program, error, json).c_str(), stderr);
}

}  // namespace tally
