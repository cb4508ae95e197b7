// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/delivery_totals.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace tally::stats {
namespace {

bool same_place(const Meta& one, const Meta& other) {
    return one.netns_inode == other.netns_inode && one.ifindex == other.ifindex;
}

bool same_source(const Meta& one, const Meta& other) {
    return same_place(one, other) && std::ranges::equal(delivery_maps_of(one), delivery_maps_of(other)) &&
           one.lineage == other.lineage && one.delivery_first.instance == other.delivery_first.instance;
}

Fate fate_of(const DeliverySums& sums, std::uint32_t action) {
    Fate fate;
    for (auto sum = sums.lower_bound({action, 0}); sum != sums.end() && sum->first.first == action; ++sum) {
        if (sum->first.second == XDP_TALLY_DELIVERED) {
            fate.delivered = sum->second;
        } else {
            fate.lost += sum->second;
            fate.losses.push_back({sum->first.second, sum->second});
        }
    }
    sort_losses(fate.losses);
    return fate;
}

// At the moment of a replacement, or of the start of this command, some packets may be on the other side
// here than in the counters.
void cut(Fate& fate, std::uint64_t excess) {
    const std::uint64_t of_delivered = std::min(excess, fate.delivered);
    fate.delivered -= of_delivered;
    excess -= of_delivered;
    for (Loss& loss : fate.losses) {
        const std::uint64_t of_loss = std::min(excess, loss.packets);
        loss.packets -= of_loss;
        fate.lost -= of_loss;
        excess -= of_loss;
    }
    std::erase_if(fate.losses, [](const Loss& loss) { return loss.packets == 0; });
}

std::uint32_t tracepoints_of(Action action) {
    switch (action) {
        case Action::kRedirect:
            return XDP_TALLY_ON_REDIRECT_ERR | XDP_TALLY_ON_DEVMAP_XMIT | XDP_TALLY_ON_CPUMAP_ENQUEUE |
                   XDP_TALLY_ON_CPUMAP_KTHREAD;
        case Action::kTx:
            return XDP_TALLY_ON_BULK_TX | XDP_TALLY_ON_EXCEPTION;
        case Action::kAborted:
            return XDP_TALLY_ON_EXCEPTION;
        case Action::kDrop:
        case Action::kPass:
            break;
    }
    return 0;
}

// Judges one verdict of one device.
class Judge {
  public:
    Judge(const DeliveryReading& reading, Action action, std::string obstacle)
        : reading_(reading), action_(static_cast<std::uint32_t>(action)), obstacle_(std::move(obstacle)) {}

    // `counted` packets, of which there are these sums. `why`, unless null, gets the reason of not knowing.
    std::optional<Fate> fate(const DeliveryTotals::Total& total, std::uint64_t counted,
                             std::string* why) const {
        std::string reason = obstacle_;
        Fate fate = fate_of(total.sums, action_);
        const std::uint64_t seen = fate.delivered + fate.lost;
        if (reason.empty() && reading_.overflowed() && seen < counted) {
            reason = "there was no room for all counts";
        }
        if (reason.empty() && counted > 0 && seen == 0) {
            reason = total.complete
                         ? "none of them was seen, as with AF_XDP sockets, or drivers that do not tell"
                         : "none was seen since the tracking began";
        }
        if (why != nullptr) {
            *why = reason;
        }
        if (!reason.empty()) {
            return std::nullopt;
        }
        if (seen > counted) {
            cut(fate, seen - counted);
        }
        return fate;
    }

    std::uint64_t seen(const DeliverySums& sums) const {
        const Fate fate = fate_of(sums, action_);
        return fate.delivered + fate.lost;
    }

    void refuse(std::string obstacle) { obstacle_ = std::move(obstacle); }
    bool refused() const { return !obstacle_.empty(); }

  private:
    const DeliveryReading& reading_;
    std::uint32_t action_;
    std::string obstacle_;
};

// Why nothing can be known of a verdict, whatever was counted.
std::string obstacle_of(Action action, const DeliveryReading& reading, const Meta& meta,
                        const SampleReport& report) {
    const std::string mode = report.program ? report.program->mode : "native";
    if (mode == "offloaded" || (mode != "native" && action != Action::kAborted)) {
        return fmt::format("in {} mode the kernel does not tell", mode);
    }
    if (report.left_netns) {
        return "the device is in another network namespace than at the load";
    }
    if ((reading.meta.missing & tracepoints_of(action)) != 0) {
        return "this kernel lacks a tracepoint for it";
    }
    if (action == Action::kRedirect) {
        const auto map_ids = delivery_maps_of(meta);
        const auto shared = std::find_if(map_ids.begin(), map_ids.end(), [&](std::uint32_t map_id) {
            return reading.shared.contains(map_id) && !delivery_of_cpumap(reading.counts, map_id).empty();
        });
        if (shared != map_ids.end()) {
            return fmt::format("cpumap {} is shared with another device", *shared);
        }
    }
    return {};
}

std::uint64_t packets_of(const CounterValues& values, Totals totals) {
    return choose(totals, values.count, values.lifetime.value_or(Counter()), values.session).rx_packets;
}

}  // namespace

void DeliveryTotals::take(const DeliveryReading& reading, const Meta& meta, bool joined) {
    DeliverySums now = delivery_of(reading.counts, meta);
    const std::uint64_t instance = reading.meta.instance;
    if (instance_ != instance) {
        const bool first_look = !looked_;
        instance_ = instance;
        earlier_.clear();
        before_start_.clear();
        start_.clear();
        session_complete_ = first_look && (!joined || knows(meta.delivery_first));
        if (first_look && !joined) {
            start_ = now;
            before_start_ = knows(meta.delivery_first) ? delivery_since(meta.delivery_first, now) : now;
        } else if (first_look && knows(meta.delivery_first)) {
            start_ = sums_of(meta.delivery_first);
        }
    } else if (!same_source(meta_, meta)) {
        add(earlier_, delivery_since(start_, delivery_of(reading.counts, meta_)));
        start_ = start_after_change(reading, meta);
    }
    looked_ = true;
    meta_ = meta;
    now_ = std::move(now);
}

// What the metas before this one have counted is in `earlier_` by now.
DeliverySums DeliveryTotals::start_after_change(const DeliveryReading& reading, const Meta& meta) const {
    if (meta.lineage == meta_.lineage && knows(meta.delivery_first) && knows(meta_.delivery_first)) {
        DeliverySums start = sums_of(meta.delivery_first);
        add(start, delivery_since(meta_.delivery_first, delivery_of(reading.counts, meta_)));
        return start;
    }
    if (!same_place(meta, meta_)) {
        return knows(meta.delivery_first) ? sums_of(meta.delivery_first) : delivery_of(reading.counts, meta);
    }
    // Maps that are new have counted nothing before.
    const auto before = delivery_maps_of(meta_);
    std::vector<std::uint32_t> common;
    std::ranges::copy_if(delivery_maps_of(meta), std::back_inserter(common), [&](std::uint32_t map_id) {
        return std::ranges::find(before, map_id) != before.end();
    });
    return delivery_of(reading.counts, meta.netns_inode, meta.ifindex, common);
}

void DeliveryTotals::miss() {
    looked_ = true;
    instance_ = 0;
}

DeliveryTotals::Total DeliveryTotals::since(const DeliveryBase& base) const {
    return knows(base) ? Total{delivery_since(base, now_), true} : Total{now_, false};
}

DeliveryTotals::Total DeliveryTotals::map() const {
    return since(meta_.delivery_map);
}

DeliveryTotals::Total DeliveryTotals::lifetime() const {
    return since(meta_.delivery_first);
}

DeliveryTotals::Total DeliveryTotals::session() const {
    Total total{delivery_since(start_, now_), session_complete_};
    add(total.sums, earlier_);
    return total;
}

DeliverySums DeliveryTotals::metrics() const {
    DeliverySums sums = session().sums;
    add(sums, before_start_);
    return sums;
}

void sort_losses(std::vector<Loss>& losses) {
    std::stable_sort(losses.begin(), losses.end(),
                     [](const Loss& one, const Loss& other) { return one.packets > other.packets; });
}

std::optional<Fate> sum_of_fates(const Fates& fates) {
    Fate sum;
    std::map<std::uint32_t, std::uint64_t> losses;
    for (const Action action : kSentOn) {
        const auto& fate = fates[static_cast<std::size_t>(action)];
        if (!fate) {
            return std::nullopt;
        }
        sum.delivered += fate->delivered;
        sum.lost += fate->lost;
        for (const Loss& loss : fate->losses) {
            losses[loss.reason] += loss.packets;
        }
    }
    for (const auto& [reason, packets] : losses) {
        sum.losses.push_back({reason, packets});
    }
    sort_losses(sum.losses);
    return sum;
}

void fill_delivery(SampleReport& report, const DeliveryReading& reading, const Meta& meta,
                   const DeliveryTotals& totals, std::int64_t time) {
    const DeliveryReport before = std::exchange(report.delivery, DeliveryReport());
    // Not the period of the report, which right after a replacement is that of the new map alone.
    const double seconds = static_cast<double>(time - before.time) / 1e9;
    DeliveryReport& delivery = report.delivery;
    delivery.tracked = true;
    delivery.time = time;
    delivery.since = static_cast<std::int64_t>(reading.meta.start_time);
    const auto map = totals.map();
    const auto lifetime = totals.lifetime();
    const auto session = totals.session();
    const auto metrics = totals.metrics();
    const auto& chosen = choose(report.totals, map, lifetime, session);
    delivery.complete = chosen.complete;
    delivery.session_complete = session.complete;
    std::uint64_t lost = 0;
    bool all_known = true;
    for (const Action action : kSentOn) {
        const auto number = static_cast<std::size_t>(action);
        const CounterValues& values = report.actions[number];
        Judge judge(reading, action, obstacle_of(action, reading, meta, report));
        // A packet with several targets is seen for each of them.
        const std::uint64_t counted = values.lifetime ? values.lifetime->rx_packets : values.count.rx_packets;
        if (!judge.refused() && judge.seen(lifetime.sums) > counted) {
            judge.refuse(
                "more was seen than counted: packets with several targets, or those of other programs");
        }
        const std::uint64_t shown = packets_of(values, report.totals);
        delivery.count[number] = judge.fate(chosen, shown, &delivery.unknown[number]);
        delivery.session[number] = judge.fate(session, values.session.rx_packets, nullptr);
        if (values.lifetime && lifetime.complete) {
            delivery.lifetime[number] = judge.fate(lifetime, values.lifetime->rx_packets, nullptr);
        }
        if (!judge.refused() && (counted == 0 || judge.seen(metrics) > 0)) {
            delivery.metrics[number] = fate_of(metrics, static_cast<std::uint32_t>(action));
        }
        const auto& earlier = before.metrics[number];
        const auto& later = delivery.metrics[number];
        const bool known = earlier && later && later->lost >= earlier->lost;
        lost += known ? later->lost - earlier->lost : 0;
        all_known = all_known && known;
    }
    if (seconds > 0 && (all_known || lost > 0)) {
        delivery.lost_pps = static_cast<double>(lost) / seconds;
    }
}

}  // namespace tally::stats
