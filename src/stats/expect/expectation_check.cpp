// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/expect/expectation_check.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

#include "common/base/error_report.h"

namespace tally::stats {
namespace {

using Json = nlohmann::ordered_json;

std::string seen_text(const Expectation& expectation, const Seen& seen) {
    if (!seen.known) {
        return is_rate(expectation.field) ? "no rate yet" : "no counters";
    }
    if (is_rate(expectation.field)) {
        return fmt::format("{:.1f}", seen.rate);
    }
    return expectation.totals == Totals::kMap
               ? std::to_string(seen.number)
               : fmt::format("{} ({})", seen.number, totals_name(expectation.totals));
}

Json seen_json(const Expectation& expectation, const Seen& seen) {
    if (!seen.known) {
        return nullptr;
    }
    return is_rate(expectation.field) ? Json(seen.rate) : Json(seen.number);
}

}  // namespace

ExpectationCheck::ExpectationCheck(std::vector<Expectation> expectations, std::vector<std::string> titles)
    : expectations_(std::move(expectations)), titles_(std::move(titles)), seen_before_(titles_.size()) {
    for (std::size_t source = 0; source < titles_.size(); ++source) {
        for (std::size_t i = 0; i < expectations_.size(); ++i) {
            judgements_.push_back({source, i, {}, false});
        }
    }
}

Result<bool> ExpectationCheck::take(std::size_t source, const SampleReport& report) {
    for (Judgement& judgement : judgements_) {
        if (judgement.source == source) {
            const Expectation& expectation = expectations_[judgement.expectation];
            judgement.seen = report.readable ? look(expectation, report) : Seen{};
            judgement.seen.known &= seen_before_[source] || !is_rate(expectation.field);
            judgement.held = holds(expectation, judgement.seen);
        }
    }
    seen_before_[source] = seen_before_[source] || report.readable;
    return true;
}

bool ExpectationCheck::all_held() const {
    return std::all_of(judgements_.begin(), judgements_.end(),
                       [](const Judgement& judgement) { return judgement.held; });
}

std::string ExpectationCheck::describe() const {
    std::string text;
    for (const Judgement& judgement : judgements_) {
        const Expectation& expectation = expectations_[judgement.expectation];
        text += fmt::format("{}: {}: {}, {}\n", titles_[judgement.source], expectation.text,
                            judgement.held ? "yes" : "no", seen_text(expectation, judgement.seen));
    }
    return text;
}

std::string ExpectationCheck::describe_as_json(std::chrono::nanoseconds waited) const {
    Json document = {{"schema", 1},
                     {"met", all_held()},
                     {"waited", std::chrono::duration<double>(waited).count()},
                     {"expectations", Json::array()}};
    for (const Judgement& judgement : judgements_) {
        const Expectation& expectation = expectations_[judgement.expectation];
        document["expectations"].push_back(
            {{"source", titles_[judgement.source]},
             {"expression", expectation.text},
             {"action", action_name(expectation)},
             {"field", field_name(expectation.field)},
             {"totals", totals_name(expectation.totals)},
             {"operator", comparison_name(expectation.comparison)},
             {"wanted", is_rate(expectation.field) ? Json(expectation.rate) : Json(expectation.number)},
             {"seen", seen_json(expectation, judgement.seen)},
             {"held", judgement.held}});
    }
    return json_line(document);
}

Error ExpectationCheck::unmet(const std::optional<std::string>& within) const {
    const auto held = std::count_if(judgements_.begin(), judgements_.end(),
                                    [](const Judgement& judgement) { return judgement.held; });
    const auto open = judgements_.size() - static_cast<std::size_t>(held);
    const bool seconds = within && std::isdigit(static_cast<unsigned char>(within->back())) != 0;
    return make_error(
        ErrorKind::kUnmet, "waiting for the expectations",
        within ? fmt::format("{} of {} did not hold within {}{}", open, judgements_.size(), *within,
                             seconds ? "s" : "")
               : fmt::format("{} of {} did not hold before it was interrupted", open, judgements_.size()));
}

}  // namespace tally::stats
