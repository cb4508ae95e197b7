#include "stats/remarks.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

namespace tally::stats {
namespace {

RemarkSink& sink() {
    static RemarkSink sink;
    return sink;
}

}  // namespace

void Remarks::say(const std::string& title, const std::string& text) const {
    if (quiet_) {
        return;
    }
    if (sink()) {
        sink()(title + ": " + text);
    } else {
        // Not fmt::print, which throws where nobody takes it.
        std::fputs(fmt::format("{}: {}: {}\n", kProgramName, title, text).c_str(), stderr);
    }
}

void redirect_remarks(RemarkSink sink_to_use) {
    sink() = std::move(sink_to_use);
}

}  // namespace tally::stats
