// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Conditions on a device's counters, as in --expect 'drop.packets == 100'. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "stats/model/sample_report.h"

namespace tally::stats {

enum class Field { kPackets, kBytes, kPps, kBps, kDelivered, kLost };
enum class Comparison { kEqual, kUnequal, kAtLeast, kAtMost, kMore, kLess };

struct Expectation {
    std::string text;                   // as it was typed
    std::optional<std::size_t> action;  // enum xdp_action; none: the total
    Field field = Field::kPackets;
    Comparison comparison = Comparison::kEqual;
    std::uint64_t number = 0;      // packets and bytes are whole numbers, compared exactly
    double rate = 0;               // for pps and bps
    Totals totals = Totals::kMap;  // what packets and bytes count from
};

// ACTION.FIELD OP NUMBER, with optional blanks around OP. ACTION: XDP_DROP or drop, in any case, or total.
// FIELD: packets, bytes, pps, bps, delivered, lost. OP: == != >= <= > <. NUMBER: decimal, optionally followed
// by k, M or G (10^3, 10^6, 10^9). kUsage for anything else: the details point at the first wrong character.
Result<Expectation> parse_expectation(std::string_view text);

// A value that was seen, as exactly as it is known.
struct Seen {
    bool known = false;  // false for a rate before the second sample
    std::uint64_t number = 0;
    double rate = 0;
    std::string obstacle = {};  // why it is not known, where there is more to say
    bool is_lasting = false;    // the obstacle: it will not be known while this program runs
    bool is_least = false;      // not known, but at least `number`
};

bool is_rate(Field field);
// Of what became of packets after their verdict.
bool is_delivery(Field field);
std::string_view field_name(Field field);
std::string_view comparison_name(Comparison comparison);
// "XDP_DROP", "total".
std::string_view action_name(const Expectation& expectation);

Seen look(const Expectation& expectation, const SampleReport& report);
// What is not known does not hold.
bool holds(const Expectation& expectation, const Seen& seen);

// It cannot hold any more: packets or bytes, which only grow, are more than it allows. (Not where another map
// replaces this one, which is not expected.)
bool is_exceeded(const Expectation& expectation, const Seen& seen);
// "too many: 12, expected 10", or "at least 12" of what is not known. Of one that is exceeded.
std::string excess_text(const Expectation& expectation, const Seen& seen);

}  // namespace tally::stats
