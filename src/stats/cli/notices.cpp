// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/cli/notices.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "common/base/shown_paths.h"
#include "stats/cli/stop_signal.h"

namespace tally::stats {
namespace {

NoticeSink& sink() {
    static NoticeSink sink;
    return sink;
}

}  // namespace

void Notices::say(const std::string& title, const std::string& text) const {
    if (quiet_) {
        return;
    }
    if (sink()) {
        sink()(as_shown(title + ": " + text));
    } else if (wait_until_writable(STDERR_FILENO)) {
        // Not fmt::print, which throws when stderr is closed.
        std::fputs(as_shown(fmt::format("{}: {}: {}\n", kProgramName, title, text)).c_str(), stderr);
    }
}

void redirect_notices(NoticeSink sink_to_use) {
    sink() = std::move(sink_to_use);
}

}  // namespace tally::stats
