// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/device_lines.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/printable.h"
#include "stats/live/model/trouble.h"
#include "stats/live/page/shown_rates.h"
#include "stats/live/paint/folded_text.h"

namespace tally::stats {
namespace {

constexpr int kLabel = 9;  // columns

std::vector<DeviceLine> folded(const std::vector<DeviceLine>& lines, int width) {
    std::vector<DeviceLine> result;
    for (const DeviceLine& line : lines) {
        std::string label = line.label;
        for (std::string& text : fold_text(line.text, width - kLabel)) {
            result.push_back({std::exchange(label, ""), std::move(text)});
        }
    }
    return result;
}

std::string program_text(const SampleReport& report) {
    if (!report.program) {
        return "not known: the map has no meta";
    }
    return fmt::format("{}{} (id {}), {} mode, by {}, generation {}",
                       is_past_program(report) ? "last attached: " : "", printable(report.program->name),
                       report.program->id, report.program->mode, report.program->attach,
                       report.program->generation);
}

std::string chain_text(const ChainProgram& program) {
    auto text = fmt::format("{} (id {}), priority {}", printable(program.name), program.id, program.priority);
    if (!program.chain_actions.empty()) {
        text += ", the next one after " + program.chain_actions;
    }
    return text;
}

std::string device_text(const DeviceFacts& facts) {
    std::string text = facts.mtu ? fmt::format("MTU {}", *facts.mtu) : "";
    const auto add = [&](const std::string& part) {
        if (!part.empty()) {
            text += (text.empty() ? "" : ", ") + part;
        }
    };
    add(facts.link);
    add(facts.driver.empty() ? "" : "driver: " + facts.driver);
    return text;
}

}  // namespace

std::vector<DeviceLine> device_lines(const ScreenSource& source, const LiveChoice& choice,
                                     const DeviceFacts& facts, int width) {
    const SampleReport& report = source.report;
    std::vector<DeviceLine> lines = {{"program", program_text(report)}};
    lines.push_back({"map", report.map_id == 0 ? "none yet"
                                               : fmt::format("{}{}{}", report.map_id,
                                                             facts.pin.empty() ? "" : ", pinned at ",
                                                             printable(facts.pin))});
    if (auto device = device_text(facts); !device.empty()) {
        lines.push_back({"device", std::move(device)});
    }
    for (std::size_t at = 0; at < facts.chain.size() && facts.chain.size() > 1; ++at) {
        lines.push_back({fmt::format("chain {}", at + 1), chain_text(facts.chain[at])});
    }
    if (!facts.chain_note.empty()) {
        lines.push_back({"chain", facts.chain_note});
    }
    if (report.cost) {
        lines.push_back(
            {"cost", shows_latest(source, choice) ? printable(cost_text(*report.cost)) : "not known"});
    }
    if (!facts.pins.empty()) {
        std::string names;
        for (const std::string& pin : facts.pins) {
            names += (names.empty() ? "" : ", ") + printable(pin);
        }
        lines.push_back({"pins", std::move(names)});
    }
    return folded(lines, width);
}

void write_device_lines(Canvas& canvas, const Rect& rect, const std::vector<DeviceLine>& lines) {
    int y = rect.y;
    for (const DeviceLine& line : lines) {
        if (y >= rect.bottom()) {
            return;
        }
        canvas.write(rect.x, y, line.label, kFaint);
        canvas.write_cut(rect.x + kLabel, y++, line.text, {}, rect.right());
    }
}

}  // namespace tally::stats
