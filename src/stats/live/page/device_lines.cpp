// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/device_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/printable.h"

namespace tally::stats {
namespace {

constexpr int kLabel = 9;  // columns

// How much of a text that is longer than the line goes into it: up to a comma, or else a blank, or a slash.
std::size_t fold(std::string_view text, std::size_t room) {
    for (const std::string_view end : {", ", " ", "/"}) {
        const std::size_t at = text.rfind(end, room - 1);
        if (at != std::string_view::npos && at > 0) {
            return at + 1;
        }
    }
    return room;
}

std::vector<DeviceLine> folded(const std::vector<DeviceLine>& lines, int width) {
    const auto room = static_cast<std::size_t>(std::max(width - kLabel, 1));
    std::vector<DeviceLine> result;
    for (const DeviceLine& line : lines) {
        std::string_view left = line.text;
        std::string label = line.label;
        while (left.size() > room) {
            const std::string_view line_text = left.substr(0, fold(left, room));
            result.push_back({std::exchange(label, ""), std::string(line_text)});
            left.remove_prefix(line_text.size());
            left.remove_prefix(left.starts_with(' ') ? 1 : 0);
        }
        result.push_back({label, std::string(left)});
    }
    return result;
}

std::string program_text(const SampleReport& report) {
    if (!report.program) {
        return "not known: the map has no meta";
    }
    const bool over = report.state == AttachState::kDetached || report.state == AttachState::kOrphaned ||
                      report.state == AttachState::kStale;
    return fmt::format("{}{} (id {}), {} mode, by {}, generation {}", over ? "last attached: " : "",
                       printable(report.program->name), report.program->id, report.program->mode,
                       report.program->attach, report.program->generation);
}

std::string chain_text(const ChainProgram& program) {
    std::string text = fmt::format("{} (id {})", printable(program.name), program.id);
    if (program.priority) {
        text += fmt::format(", priority {}", *program.priority);
    }
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

std::vector<DeviceLine> device_lines(const ScreenSource& source, const DeviceFacts& facts, int width) {
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
        lines.push_back({"cost", printable(cost_text(*report.cost))});
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
