// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What one sample shows of what became of packets after their verdict. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/pins/abi_names.h"

namespace tally::stats {

struct Loss {
    std::uint32_t reason = 0;  // loss_reasons.h has names and words
    std::uint64_t packets = 0;
};

// Of the packets of one verdict, or of several together.
struct Fate {
    std::uint64_t delivered = 0;
    std::uint64_t lost = 0;
    std::vector<Loss> losses;  // all of `lost`, the most first
};

// None: not known; always none of XDP_DROP and XDP_PASS, whose packets are not sent on.
using Fates = std::array<std::optional<Fate>, kActions>;

// Those that are sent on, or cannot be.
inline constexpr std::array kSentOn = {Action::kAborted, Action::kTx, Action::kRedirect};

struct DeliveryReport {
    bool tracked = false;
    std::string obstacle;    // of what is tracked: why it cannot be read
    std::int64_t since = 0;  // when the tracking began: nanoseconds since 1970 UTC

    Fates count;                                // of the packets in SampleReport's `count`
    bool complete = true;                       // else `count` is only what was tracked since `since`
    std::array<std::string, kActions> unknown;  // why `count` does not tell
    Fates session;                              // while this command ran, and tracking was on
    bool session_complete = true;               // as `complete`, of `session`
    Fates lifetime;                             // since the first load
    Fates metrics;  // since the first load or the start of the tracking: it never goes back
    // Packets lost a second since the sample before, of the verdicts of which that is known; none where it is
    // not of all, and those have lost nothing.
    std::optional<double> lost_pps;
    std::int64_t time = 0;  // of this sample: nanoseconds, CLOCK_MONOTONIC
};

// The most first.
void sort_losses(std::vector<Loss>& losses);

// Of all verdicts together; none where one is not known.
std::optional<Fate> sum_of_fates(const Fates& fates);

}  // namespace tally::stats
