#include "common/report.h"

#include <fmt/format.h>

#include <cstdio>

#include "common/printable.h"

namespace tally {

void print_error(std::string_view program, const Error& error) {
    std::string text = fmt::format("{}: {}\n", program, printable(error.message()));
    std::string_view rest = error.details;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        text += fmt::format("  {}\n", printable(rest.substr(0, end)));
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    if (!error.hint.empty()) {
        text += fmt::format("hint: {}\n", printable(error.hint));
    }
    std::fputs(text.c_str(), stderr);
}

}  // namespace tally
