// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/order.h"

#include <linux/bpf.h>

#include <algorithm>
#include <cstring>

namespace tally::stats {
namespace {

const std::string& program_of(const ScreenSource& source) {
    static const std::string none;
    return source.report.program ? source.report.program->name : none;
}

bool passes(const ScreenSource& source, const std::string& filter) {
    const auto has_it = [&](const std::string& text) {
        return ::strcasestr(text.c_str(), filter.c_str()) != nullptr;
    };
    return has_it(title_with_place(source.report)) || has_it(program_of(source));
}

double rank(const ScreenSource& source, Sort sort) {
    switch (sort) {
        case Sort::kPackets:
            return rate_of(source, kAllActions).pps;
        case Sort::kDrops:
            return rate_of(source, XDP_DROP).pps;
        case Sort::kName:
        case Sort::kProgram:
            break;
    }
    return 0;
}

}  // namespace

std::string_view sort_name(Sort sort) {
    static constexpr std::array<std::string_view, 4> kNames = {"name", "packets/s", "drops/s", "program"};
    return kNames.at(static_cast<std::size_t>(sort));
}

SourceList list_sources(const ScreenState& model, const LiveChoice& choice, double now) {
    SourceList list;
    list.order.reserve(model.sources().size());
    for (const std::size_t number : model.by_name()) {
        const ScreenSource& source = *model.find(number);
        const Trouble trouble = trouble_of(source, now);
        ++list.troubles.at(static_cast<std::size_t>(trouble));
        if (!passes(source, choice.filter)) {
            continue;
        }
        if (choice.hide_idle && trouble == Trouble::kNone &&
            !(source.events.last_packet && now - *source.events.last_packet < kIdleAfter)) {
            ++list.hidden;
            continue;
        }
        list.order.push_back({&source, trouble});
    }
    // Equal ones stay in the order of their names.
    std::stable_sort(list.order.begin(), list.order.end(), [&](const Listed& a, const Listed& b) {
        if (a.trouble != b.trouble) {
            return a.trouble > b.trouble;
        }
        const double first = rank(*a.source, choice.sort);
        const double second = rank(*b.source, choice.sort);
        if (first != second) {
            return first > second;
        }
        return choice.sort == Sort::kProgram && program_of(*a.source) < program_of(*b.source);
    });
    return list;
}

double drop_share(double drops, double all) {
    constexpr double kPercent = 100;
    return all > 0 ? kPercent * drops / all : 0;
}

}  // namespace tally::stats
