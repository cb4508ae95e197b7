// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/loss_reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <xdp_tally/delivery.h>

#include "common/base/error.h"

namespace tally::stats {
namespace {

struct Words {
    std::uint32_t reason;
    std::string_view words;
};

// Of redirects.
constexpr std::array kRedirectWords = {
    Words{ENETDOWN, "target is down"},
    Words{EOPNOTSUPP, "target takes no redirected frames"},
    Words{EMSGSIZE, "frame is longer than the target's MTU"},
    Words{ENXIO, "target's other end is down, or takes no frames"},
    Words{EINVAL, "there is no such target"},
    Words{ENOSPC, "target has no room"},
    Words{ENOBUFS, "target has no room"},
    Words{ENOMEM, "out of memory, or on Linux 5.10 dropped by the stack"},  // xdp_cpumap_kthread's drops
    Words{XDP_TALLY_LOST_NO_REASON, "target's driver dropped it"},
    Words{XDP_TALLY_LOST_EXCEPTION, "driver could not redirect"},
    Words{XDP_TALLY_LOST_QUEUE_FULL, "queue of the cpumap was full"},
    Words{XDP_TALLY_LOST_PROGRAM, "program of the cpumap dropped it"},
};

// Of XDP_TX, whose target is the device itself.
constexpr std::array kTxWords = {
    Words{ENETDOWN, "device is down"},
    Words{ENXIO, "other end is down, or takes no frames"},
    Words{EMSGSIZE, "frame is longer than the device's MTU"},
    Words{XDP_TALLY_LOST_NO_REASON, "driver dropped it"},
    Words{XDP_TALLY_LOST_EXCEPTION, "driver could not transmit"},
};

template <typename List>
std::string_view find_words(const List& list, std::uint32_t reason) {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](const Words& each) { return each.reason == reason; });
    return found == list.end() ? std::string_view() : found->words;
}

// "target is down".
std::string loss_words(std::size_t action, std::uint32_t reason) {
    if (action == static_cast<std::size_t>(Action::kAborted) && reason == XDP_TALLY_LOST_EXCEPTION) {
        return "program aborted";
    }
    std::string_view words;
    if (action == static_cast<std::size_t>(Action::kTx)) {
        words = find_words(kTxWords, reason);
    }
    if (words.empty()) {
        words = find_words(kRedirectWords, reason);
    }
    if (!words.empty()) {
        return std::string(words);
    }
    return reason < XDP_TALLY_LOST_NO_REASON ? describe_errno(static_cast<int>(reason)) : "unknown reason";
}

}  // namespace

std::string loss_name(std::uint32_t reason) {
    switch (reason) {
        case XDP_TALLY_LOST_NO_REASON:
            return "no_reason";
        case XDP_TALLY_LOST_EXCEPTION:
            return "xdp_exception";
        case XDP_TALLY_LOST_QUEUE_FULL:
            return "queue_full";
        case XDP_TALLY_LOST_PROGRAM:
            return "map_program";
        default:
            break;
    }
    // The C library may know this number by its other name.
    const char* const name =
        reason == EOPNOTSUPP ? "EOPNOTSUPP" : ::strerrorname_np(static_cast<int>(reason));
    return name != nullptr ? std::string(name) : fmt::format("reason_{}", reason);
}

std::string loss_text(std::size_t action, std::uint32_t reason) {
    return fmt::format("{} ({})", loss_words(action, reason), loss_name(reason));
}

const std::vector<std::uint32_t>& usual_losses(std::size_t action) {
    static const std::vector<std::uint32_t> redirect = {ENETDOWN, EOPNOTSUPP, EMSGSIZE,
                                                        ENXIO,    EINVAL,     XDP_TALLY_LOST_NO_REASON};
    static const std::vector<std::uint32_t> tx = {ENXIO, XDP_TALLY_LOST_NO_REASON};
    static const std::vector<std::uint32_t> aborted = {XDP_TALLY_LOST_EXCEPTION};
    static const std::vector<std::uint32_t> none;
    switch (static_cast<Action>(action)) {
        case Action::kRedirect:
            return redirect;
        case Action::kTx:
            return tx;
        case Action::kAborted:
            return aborted;
        case Action::kDrop:
        case Action::kPass:
            break;
    }
    return none;
}

}  // namespace tally::stats
