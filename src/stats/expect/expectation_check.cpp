// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/expect/expectation_check.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>

#include "common/base/error_report.h"
#include "common/pins/abi_names.h"
#include "stats/model/loss_reasons.h"

namespace tally::stats {
namespace {

using Json = nlohmann::ordered_json;

std::string seen_text(const Expectation& expectation, const Seen& seen) {
    if (!seen.known && !seen.obstacle.empty()) {
        return "not known: " + seen.obstacle;
    }
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

// `delivered` and `lost` as in a sample.
Json count_json(const Counter& count, const std::optional<Fate>& fate) {
    Json json = {
        {"packets", count.rx_packets}, {"bytes", count.rx_bytes}, {"delivered", nullptr}, {"lost", nullptr}};
    if (fate) {
        json["delivered"] = fate->delivered;
        json["lost"] = {{"packets", fate->lost}, {"reasons", Json::object()}};
        for (const Loss& loss : fate->losses) {
            json["lost"]["reasons"][loss_name(loss.reason)] = loss.packets;
        }
    }
    return json;
}

Json counted_json(const ActionValues& actions, const CounterValues& total, const Fates& fates) {
    Json counted = {{"actions", Json::object()}, {"total", count_json(total.count, sum_of_fates(fates))}};
    for (std::size_t action = 0; action < actions.size(); ++action) {
        counted["actions"][std::string(kActionNames[action])] =
            count_json(actions[action].count, fates[action]);
    }
    return counted;
}

// ", lost 200: target is down (ENETDOWN)", as the table has it.
std::string losses_text(std::size_t action, const DeliveryReport& delivery) {
    std::string text;
    if (const auto& fate = delivery.count[action]) {
        for (const Loss& loss : fate->losses) {
            text += fmt::format(", lost {}{}: {}", delivery.complete ? "" : "at least ", loss.packets,
                                loss_text(action, loss.reason));
        }
    }
    return text;
}

// "XDP_DROP 10 packets, 980 bytes; XDP_REDIRECT 1 packet, 86 bytes, lost 1: target is down (ENETDOWN)"
std::string counted_text(const ActionValues& actions, const DeliveryReport& delivery) {
    std::string text;
    for (std::size_t action = 0; action < actions.size(); ++action) {
        if (const Counter& count = actions[action].count; count.rx_packets != 0 || count.rx_bytes != 0) {
            text += fmt::format("{}{} {} packet{}, {} bytes{}", text.empty() ? "" : "; ",
                                kActionNames[action], count.rx_packets, count.rx_packets == 1 ? "" : "s",
                                count.rx_bytes, losses_text(action, delivery));
        }
    }
    return text.empty() ? "nothing" : text;
}

// As the user typed it: "60ms", "5s" for "5".
std::string time_text(const std::string& typed) {
    const bool seconds = std::isdigit(static_cast<unsigned char>(typed.back())) != 0;
    return typed + (seconds ? "s" : "");
}

}  // namespace

ExpectationCheck::ExpectationCheck(std::vector<Expectation> expectations, std::vector<std::string> titles,
                                   std::chrono::nanoseconds settle, Pace& pace)
    : expectations_(std::move(expectations)), settle_(settle), pace_(pace) {
    for (std::string& title : titles) {
        for (std::size_t i = 0; i < expectations_.size(); ++i) {
            judgements_.push_back({sources_.size(), i, {}, false, false, {}});
        }
        sources_.emplace_back().title = std::move(title);
    }
}

Result<bool> ExpectationCheck::take(std::size_t source, const SampleReport& report) {
    Watched& watched = sources_[source];
    for (Judgement& judgement : judgements_) {
        if (judgement.source == source) {
            const Expectation& expectation = expectation_of(judgement);
            judgement.seen = report.readable ? look(expectation, report) : Seen{};
            judgement.seen.known &= watched.seen_before || !is_rate(expectation.field);
            judgement.held = holds(expectation, judgement.seen);
            judgement.exceeded = is_exceeded(expectation, judgement.seen);
            judgement.hindrance = hindrance(judgement, report);
        }
    }
    watched.seen_before = watched.seen_before || report.readable;
    watched.readable = report.readable;
    watched.is_over = report.readable && report.is_over;
    watched.actions = report.actions;
    watched.total = report.total;
    watched.delivery = report.delivery;
    watched.untracked = report.readable && !report.delivery.tracked && report.delivery.obstacle.empty();
    return true;
}

// That the device is gone is learned after the reading of the same round: the next one is the last word.
std::string ExpectationCheck::hindrance(const Judgement& judgement, const SampleReport& report) const {
    const Expectation& expectation = expectation_of(judgement);
    if (judgement.held) {
        return {};
    }
    if (judgement.exceeded) {
        return excess_text(expectation, judgement.seen);
    }
    if (judgement.seen.is_lasting) {
        return seen_text(expectation, judgement.seen);
    }
    const bool is_over = report.readable && report.is_over && sources_[judgement.source].is_over;
    return is_over && !is_rate(expectation.field)
               ? seen_text(expectation, judgement.seen) + ", and the device is gone"
               : std::string();
}

bool ExpectationCheck::judge(std::chrono::steady_clock::time_point now) {
    const bool first_round = !std::exchange(any_round_, true);
    if (!all_held()) {
        held_since_.reset();
    } else if (!held_since_) {
        held_since_ = now;
        if (first_round && pace_.limit) {
            pace_.limit = std::max(*pace_.limit, now + settle_);
        }
    }
    met_ = held_since_ && now - *held_since_ >= settle_;
    return !met_ && first_hindered() == judgements_.end();
}

bool ExpectationCheck::all_held() const {
    return std::all_of(judgements_.begin(), judgements_.end(),
                       [](const Judgement& judgement) { return judgement.held; });
}

std::vector<ExpectationCheck::Judgement>::const_iterator ExpectationCheck::first_hindered() const {
    return std::find_if(judgements_.begin(), judgements_.end(),
                        [](const Judgement& judgement) { return !judgement.hindrance.empty(); });
}

std::optional<std::size_t> ExpectationCheck::exceeded() const {
    const auto found = std::find_if(judgements_.begin(), judgements_.end(),
                                    [](const Judgement& judgement) { return judgement.exceeded; });
    return found == judgements_.end() ? std::nullopt : std::optional(found->source);
}

bool ExpectationCheck::lacks_tracking() const {
    return std::any_of(judgements_.begin(), judgements_.end(), [this](const Judgement& judgement) {
        return is_delivery(expectation_of(judgement).field) && sources_[judgement.source].untracked;
    });
}

std::string ExpectationCheck::describe() const {
    std::string text;
    for (const Judgement& judgement : judgements_) {
        const Expectation& expectation = expectation_of(judgement);
        text += fmt::format(
            "{}: {}: {}, {}\n", sources_[judgement.source].title, expectation.text,
            judgement.held ? "yes" : "no",
            judgement.hindrance.empty() ? seen_text(expectation, judgement.seen) : judgement.hindrance);
    }
    for (const Watched& source : sources_) {
        if (!met_ && source.readable) {
            text +=
                fmt::format("{}: counted: {}\n", source.title, counted_text(source.actions, source.delivery));
        }
    }
    return text;
}

std::string ExpectationCheck::describe_as_json(std::chrono::nanoseconds waited) const {
    Json document = {{"schema", 1},
                     {"met", met_},
                     {"waited", std::chrono::duration<double>(waited).count()},
                     {"expectations", Json::array()},
                     {"counted", Json::array()}};
    for (const Judgement& judgement : judgements_) {
        const Expectation& expectation = expectation_of(judgement);
        document["expectations"].push_back(
            {{"source", sources_[judgement.source].title},
             {"expression", expectation.text},
             {"action", action_name(expectation)},
             {"field", field_name(expectation.field)},
             {"totals", totals_name(expectation.totals)},
             {"operator", comparison_name(expectation.comparison)},
             {"wanted", is_rate(expectation.field) ? Json(expectation.rate) : Json(expectation.number)},
             {"seen", seen_json(expectation, judgement.seen)},
             {"held", judgement.held},
             {"too_many", judgement.exceeded},
             {"cannot_hold", judgement.hindrance.empty() ? Json() : Json(judgement.hindrance)}});
    }
    for (const Watched& source : sources_) {
        Json counted = {{"source", source.title}, {"actions", nullptr}, {"total", nullptr}};
        if (source.readable) {
            counted.update(counted_json(source.actions, source.total, source.delivery.count));
        }
        document["counted"].push_back(std::move(counted));
    }
    return json_line(document);
}

Error ExpectationCheck::unmet(const std::optional<std::string>& within, const std::string& settle) const {
    if (const auto hindered = first_hindered(); hindered != judgements_.end()) {
        return make_error(ErrorKind::kUnmet,
                          fmt::format("waiting for '{}' of '{}'", expectation_of(*hindered).text,
                                      sources_[hindered->source].title),
                          hindered->hindrance);
    }
    const std::string what = "waiting for the expectations";
    const std::string end =
        within ? "within " + time_text(*within) : std::string("before it was interrupted");
    const auto open = std::count_if(judgements_.begin(), judgements_.end(),
                                    [](const Judgement& judgement) { return !judgement.held; });
    if (open == 0) {
        return make_error(
            ErrorKind::kUnmet, what,
            fmt::format("they hold, but did not hold for {} without a break {}", time_text(settle), end));
    }
    return make_error(ErrorKind::kUnmet, what,
                      fmt::format("{} of {} did not hold {}", open, judgements_.size(), end));
}

}  // namespace tally::stats
