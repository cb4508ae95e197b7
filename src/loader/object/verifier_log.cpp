// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/verifier_log.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cctype>
#include <climits>
#include <cstdint>
#include <vector>

#include "loader/object/map_memory.h"

namespace tally::loader {
namespace {

std::string_view without_end(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) {
        text.remove_suffix(1);
    }
    return text;
}

// Takes the last line off the text.
std::string_view pop_line(std::string_view& text) {
    text = without_end(text);
    const auto start = text.rfind('\n');
    const auto line = start == std::string_view::npos ? text : text.substr(start + 1);
    text.remove_suffix(line.size());
    return line;
}

bool starts_with_any(std::string_view line, std::initializer_list<std::string_view> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [line](std::string_view prefix) { return line.starts_with(prefix); });
}

std::size_t digits_at(std::string_view line, std::size_t start) {
    std::size_t end = start;
    while (end < line.size() && std::isdigit(static_cast<unsigned char>(line[end])) != 0) {
        ++end;
    }
    return end - start;
}

// "12: (71) r1 = *(u8 *)(r2 +0)"
bool is_instruction(std::string_view line) {
    const auto digits = digits_at(line, 0);
    return digits > 0 && line.substr(digits).starts_with(": ");
}

// " R1=ctx(id=0,off=0,imm=0) R10=fp0", "R1_w=inv2"
bool is_state(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const auto digits = line.starts_with('R') ? digits_at(line, 1) : 0;
    const auto rest = line.substr(std::min(line.size(), 1 + digits));
    return digits > 0 && (rest.starts_with('=') || rest.starts_with('_'));
}

bool is_statistics(std::string_view line) {
    return starts_with_any(line, {"processed ", "verification time ", "stack depth "});
}

// What the verifier says of its way rather than of the program.
bool is_step(std::string_view line) {
    return is_instruction(line) || is_state(line) ||
           starts_with_any(
               line, {"; ", "from ", "last_idx ", "regs=", "mark_precise:", "parent ", "caller", "callee",
                      "Func#", "func#", "frame", "Validating ", "cur state:", "old state:", "returning "});
}

}  // namespace

VerifierLog::VerifierLog() {
    constexpr std::size_t kLargest = UINT_MAX >> 2U;  // of the kernel
    constexpr std::size_t kSmallest = std::size_t{1} << 20U;
    const std::uint64_t half = available_memory().value_or(std::uint64_t{2} * kLargest) / 2;
    std::size_t size = std::clamp<std::uint64_t>(half, kSmallest, kLargest);
    for (; size >= kSmallest; size /= 2) {
        void* const room =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (room != MAP_FAILED) {
            data_ = static_cast<char*>(room);
            size_ = size;
            return;
        }
    }
}

VerifierLog::~VerifierLog() {
    if (data_ != nullptr) {
        ::munmap(data_, size_);
    }
}

std::string last_lines(std::string_view text, std::size_t count) {
    text = without_end(text);
    std::size_t start = text.size();
    for (std::size_t line = 0; line < count; ++line) {
        start = start == 0 ? std::string_view::npos : text.rfind('\n', start - 1);
        if (start == std::string_view::npos) {
            return std::string(text);
        }
    }
    return std::string(text.substr(start + 1));
}

std::string last_warning(std::string_view warnings) {
    constexpr std::string_view kPrefix = "libbpf: ";
    while (!without_end(warnings).empty()) {
        const auto line = pop_line(warnings);
        if (line.starts_with(kPrefix)) {
            return std::string(line.substr(kPrefix.size()));
        }
    }
    return {};
}

std::string verifier_reason(std::string_view log) {
    constexpr std::size_t kMostLines = 2;
    std::vector<std::string_view> said;
    while (!without_end(log).empty() && said.size() < kMostLines) {
        const auto line = pop_line(log);
        if (is_statistics(line) || (said.empty() && is_step(line) && !is_instruction(line))) {
            continue;
        }
        if (is_step(line)) {
            break;
        }
        said.push_back(line);
    }
    std::string reason;
    for (auto line = said.rbegin(); line != said.rend(); ++line) {
        reason += (reason.empty() ? "" : "; ") + std::string(*line);
    }
    return reason;
}

std::string shorten_log(std::string_view log) {
    constexpr std::size_t kLines = 12;
    constexpr std::size_t kLongest = 300;  // a state can be kilobytes
    const std::string_view whole = without_end(log);
    std::string_view rest = whole;
    std::vector<std::string> shown;
    bool source = false;
    while (!without_end(rest).empty() && shown.size() < kLines) {
        const auto line = pop_line(rest);
        source = source || line.starts_with("; ");
        shown.push_back(line.size() > kLongest ? fmt::format("{}...", line.substr(0, kLongest))
                                               : std::string(line));
    }
    rest = without_end(rest);
    auto left_out = rest.empty() ? 0 : std::count(rest.begin(), rest.end(), '\n') + 1;
    if (left_out > 0) {
        const auto at = rest.rfind("\n; ");
        if (!source && at != std::string_view::npos) {
            const auto line = rest.substr(at + 1, rest.find('\n', at + 1) - at - 1);
            shown.emplace_back(line.substr(0, kLongest));
            --left_out;
        }
        shown.push_back(fmt::format("... ({} lines left out; -v shows all)", left_out));
    }
    std::string text;
    for (auto line = shown.rbegin(); line != shown.rend(); ++line) {
        text += (text.empty() ? "" : "\n") + *line;
    }
    return text;
}

bool is_complete(std::string_view log) {
    return pop_line(log).starts_with("processed ");
}

}  // namespace tally::loader
