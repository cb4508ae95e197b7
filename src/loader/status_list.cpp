// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/status_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "common/base/columns.h"
#include "common/base/device_name.h"
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
    kPinnedAs,
    kRunsOn,
    kColumns,
};

using Row = std::vector<std::string>;

constexpr std::array<std::string_view, kColumns> kTitles = {
    "device", "state", "mode", "attach", "program", "id", "generation", "redirect", "pinned as", "runs on"};

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
        const auto& [dev, ifindex, note] = *outcome.redirect;
        row[kRedirect] = !dev.empty()   ? printable(with_netns(outcome.netns, dev))
                         : ifindex == 0 ? "(gone)"
                                        : fmt::format("ifindex {}", ifindex);
    }
    row[kPinnedAs] = printable(outcome.pinned_as);
    // A device that was renamed is listed by its new name.
    if (const auto place = printable(outcome.runs_on); place != row[kDevice]) {
        row[kRunsOn] = place;
    }
    std::for_each(row.begin(), row.end(), [](std::string& cell) { cell = cell.empty() ? "-" : cell; });
    return row;
}

// --status of the interface itself tells. Somebody else's program is as it should be.
bool needs_something(const Outcome& outcome) {
    return !outcome.error && outcome.state != "attached" && outcome.state != "none" &&
           outcome.state != "foreign";
}

std::string format_all_warnings(const std::vector<Outcome>& outcomes, const std::string& root_option) {
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
    if (std::any_of(outcomes.begin(), outcomes.end(), needs_something)) {
        text += fmt::format("what to do: `xdp_loader {}--status --dev NAME` says", root_option) + '\n';
    }
    return text.empty() ? text : '\n' + text;
}

}  // namespace

std::string format_status_list(const std::vector<Outcome>& outcomes, bool warnings,
                               const std::string& root_option) {
    std::vector<Row> rows = {Row(kTitles.begin(), kTitles.end())};
    for (const auto& outcome : outcomes) {
        if (!outcome.error) {
            rows.push_back(make_row(outcome));
        }
    }
    if (rows.size() == 1) {
        return {};
    }
    // The last columns are there only where they have something to tell.
    for (const std::size_t column : {kRunsOn, kPinnedAs}) {
        const bool tells =
            std::any_of(rows.begin() + 1, rows.end(), [&](const Row& row) { return row[column] != "-"; });
        if (!tells) {
            std::for_each(rows.begin(), rows.end(), [&](Row& row) {
                row.erase(row.begin() + static_cast<Row::difference_type>(column));
            });
        }
    }
    std::string text = align_columns(rows, {kProgramId, kGeneration});
    if (warnings) {
        text += format_all_warnings(outcomes, root_option);
    }
    return as_shown(std::move(text));
}

}  // namespace tally::loader
