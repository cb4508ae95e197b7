// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/status_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "common/base/printable.h"
#include "common/base/shown_paths.h"

namespace tally::loader {
namespace {

enum Column : std::size_t {
    kDevice,
    kState,
    kMode,
    kAttach,
    kProgram,
    kProgramId,
    kGeneration,
    kRedirect,
    kRunsOn,
    kColumns,
};

using Row = std::array<std::string, kColumns>;
using Widths = std::array<std::size_t, kColumns>;

constexpr std::array<std::string_view, kColumns> kTitles = {
    "device", "state", "mode", "attach", "program", "id", "generation", "redirect", "runs on"};
constexpr std::string_view kGap = "  ";

bool is_number(std::size_t column) {
    return column == kProgramId || column == kGeneration;
}

// What the row tells of the program is of ours: it runs, or may.
bool tells_of_ours(const Outcome& outcome) {
    return outcome.program && (outcome.state == "attached" || outcome.state == "unknown");
}

void fill_program(Row& row, const ProgramOutcome& program) {
    row[kProgram] = printable(program.name);
    row[kProgramId] = program.id == 0 ? std::string() : std::to_string(program.id);
}

Row make_row(const Outcome& outcome) {
    Row row;
    row[kDevice] = display_name(outcome);
    row[kState] = outcome.state;
    if (tells_of_ours(outcome)) {
        row[kMode] = outcome.mode;
        row[kAttach] = outcome.attach;
        fill_program(row, *outcome.program);
    } else if (outcome.hook) {
        row[kMode] = outcome.hook->mode;
        fill_program(row, outcome.hook->program);
    }
    if (outcome.generation != 0) {
        row[kGeneration] = std::to_string(outcome.generation);
    }
    if (outcome.redirect) {
        const auto& dev = outcome.redirect->dev;
        row[kRedirect] = dev.empty() ? "(gone)" : printable(with_netns(outcome.netns, dev));
    }
    // A device that was renamed is listed by its new name.
    if (const auto place = printable(outcome.runs_on); place != row[kDevice]) {
        row[kRunsOn] = place;
    }
    std::for_each(row.begin(), row.end(), [](std::string& cell) { cell = cell.empty() ? "-" : cell; });
    return row;
}

// Without blanks at its end.
template <typename Cells>
void append_line(std::string& text, const Cells& cells, const Widths& widths, std::size_t columns) {
    for (std::size_t column = 0; column < columns; ++column) {
        const std::string_view cell = cells[column];
        const std::string blanks(widths[column] - display_width(cell), ' ');
        text += column == 0 ? "" : kGap;
        text += is_number(column) ? blanks : "";
        text += cell;
        text += is_number(column) || column + 1 == columns ? "" : blanks;
    }
    text += '\n';
}

std::string format_all_warnings(const std::vector<Outcome>& outcomes) {
    std::string text;
    const auto line = [&text](const Outcome& outcome, const std::string& warning) {
        text += fmt::format("{}: {}\n", display_name(outcome), printable(warning));
    };
    for (const auto& outcome : outcomes) {
        if (outcome.redirect && !outcome.redirect->note.empty()) {
            line(outcome, outcome.redirect->note);
        }
        for (const auto& warning : outcome.warnings) {
            line(outcome, warning);
        }
    }
    return text.empty() ? text : '\n' + text;
}

}  // namespace

std::string format_status_list(const std::vector<Outcome>& outcomes, bool warnings) {
    std::vector<Row> rows;
    for (const auto& outcome : outcomes) {
        if (!outcome.error) {
            rows.push_back(make_row(outcome));
        }
    }
    if (rows.empty()) {
        return {};
    }
    // The last column is there only where it has something to tell.
    const bool moved =
        std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row[kRunsOn] != "-"; });
    const std::size_t columns = moved ? kColumns : kRunsOn;
    Widths widths = {};
    for (std::size_t column = 0; column < columns; ++column) {
        widths[column] = display_width(kTitles[column]);
        for (const Row& row : rows) {
            widths[column] = std::max(widths[column], display_width(row[column]));
        }
    }
    std::string text;
    append_line(text, kTitles, widths, columns);
    for (const Row& row : rows) {
        append_line(text, row, widths, columns);
    }
    return as_shown(warnings ? text + format_all_warnings(outcomes) : text);
}

}  // namespace tally::loader
