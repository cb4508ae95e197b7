// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/trouble.h"

#include <array>

namespace tally::stats {

Trouble trouble_of(const ScreenSource& source, double now) {
    if (source.report.readable) {
        switch (source.report.state) {
            case AttachState::kDetached:
            case AttachState::kOrphaned:
                return Trouble::kDetached;
            case AttachState::kStale:
                return Trouble::kStale;
            default:
                break;
        }
    }
    if (source.events.last_aborted && now - *source.events.last_aborted < kAbortedLasts) {
        return Trouble::kAborted;
    }
    return lost_pps(source.report.delivery) > 0 ? Trouble::kLost : Trouble::kNone;
}

std::string_view trouble_name(Trouble trouble) {
    static constexpr std::array<std::string_view, kTroubles> kNames = {"", "LOST", "ABORTED", "STALE",
                                                                       "DETACHED"};
    return kNames.at(static_cast<std::size_t>(trouble));
}

std::string state_text(const ScreenSource& source, Trouble trouble) {
    const SampleReport& report = source.report;
    std::string text(trouble_name(trouble));
    if (trouble == Trouble::kNone) {
        text = report.readable ? state_name(report.state) : "waiting";
    }
    if (report.readable && report.program) {
        text += " g";
        text += std::to_string(report.program->generation);
    }
    return text;
}

}  // namespace tally::stats
