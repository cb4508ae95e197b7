// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/status_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "common/base/columns.h"
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

using Row = std::vector<std::string>;

constexpr std::array<std::string_view, kColumns> kTitles = {
    "device", "state", "mode", "attach", "program", "id", "generation", "redirect", "runs on"};

// What the row tells of the program is of ours: it runs, or may.
bool tells_of_ours(const Outcome& outcome) {
    return outcome.program && (outcome.state == "attached" || outcome.state == "unknown");
}

void fill_program(Row& row, const ProgramOutcome& program) {
    row[kProgram] = printable(program.name);
    row[kProgramId] = program.id == 0 ? std::string() : std::to_string(program.id);
}

Row make_row(const Outcome& outcome) {
    Row row(kColumns);
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
    std::vector<Row> rows = {Row(kTitles.begin(), kTitles.end())};
    for (const auto& outcome : outcomes) {
        if (!outcome.error) {
            rows.push_back(make_row(outcome));
        }
    }
    if (rows.size() == 1) {
        return {};
    }
    // The last column is there only where it has something to tell.
    const bool moved =
        std::any_of(rows.begin() + 1, rows.end(), [](const Row& row) { return row[kRunsOn] != "-"; });
    if (!moved) {
        std::for_each(rows.begin(), rows.end(), [](Row& row) { row.pop_back(); });
    }
    std::string text = align_columns(rows, {kProgramId, kGeneration});
    if (warnings) {
        text += format_all_warnings(outcomes);
    }
    return as_shown(std::move(text));
}

}  // namespace tally::loader
