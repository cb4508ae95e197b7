// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/trouble.h"

#include <array>

namespace tally::stats {
namespace {

bool is_recent(const std::optional<double>& time, double now) {
    return time && now - *time < kTroubleLasts;
}

}  // namespace

Trouble trouble_of(const ScreenSource& source, double now) {
    const SampleReport& report = source.report;
    if (report.readable && report.state == AttachState::kDetached) {
        return Trouble::kDetached;
    }
    if (report.readable && report.state == AttachState::kStale) {
        return Trouble::kStale;
    }
    if (is_recent(source.events.last_aborted, now)) {
        return Trouble::kAborted;
    }
    if (is_recent(source.events.last_lost, now)) {
        return Trouble::kLost;
    }
    return lost_of(source).value_or(0) > 0 ? Trouble::kLostBefore : Trouble::kNone;
}

bool is_past_program(const SampleReport& report) {
    return !report.readable || report.state == AttachState::kDetached || report.state == AttachState::kStale;
}

std::string_view trouble_name(Trouble trouble) {
    static constexpr std::array<std::string_view, kTroubles> kNames = {"",        "",      "LOST",
                                                                       "ABORTED", "STALE", "DETACHED"};
    return kNames.at(static_cast<std::size_t>(trouble));
}

std::string state_text(const ScreenSource& source, Trouble trouble) {
    const SampleReport& report = source.report;
    std::string text(trouble_name(trouble));
    if (trouble < Trouble::kLost) {
        text = report.readable ? state_name(report.state) : report.unpinned ? "pins gone" : "waiting";
    }
    if (report.readable && report.program) {
        text += " g";
        text += std::to_string(report.program->generation);
    }
    if (report.readable && !report.link.empty() && report.link != "up") {
        text += ", ";
        text += report.link;
    }
    return text;
}

}  // namespace tally::stats
