// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device_verbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/natural_order.h"
#include "common/base/printable.h"
#include "common/network/netns.h"
#include "common/pins/bpffs.h"
#include "common/pins/bpffs_mount.h"
#include "common/pins/netns_context.h"
#include "loader/apply_verb.h"
#include "loader/delivery/tracking.h"
#include "loader/outcome.h"
#include "loader/report.h"
#include "loader/status_list.h"
#include "loader/verbs/load.h"
#include "loader/verbs/status.h"

namespace tally::loader {
namespace {

class DeviceVerbs {
  public:
    explicit DeviceVerbs(const Options& options) : options_(options) {}

    Result<void> work() {
        const auto groups = group_by_netns(options_.devices);
        if (groups.size() > 1) {
            return work_on_groups(groups);
        }
        const auto& netns = groups.empty() ? options_.netns : groups.front().netns;
        TALLY_ASSIGN_OR_RETURN(auto context, enter_netns_context(netns, options_.bpffs));
        first_ = context;
        if (!groups.empty()) {
            work_on(context, without_repetitions(groups.front(), context).names);
            return {};
        }
        TALLY_TRY(work_on_all(context));
        if (outcomes_.empty() && context.visibility == NetnsContext::Visibility::kGone) {
            return *context.obstacle;
        }
        // From the initial namespace one sees the others, too.
        return context.netns.empty() ? work_elsewhere(context) : Result<void>();
    }

    // The exit status.
    int finish() const {
        const auto found = find_delivery();
        if (!found) {
            return finish(found.error());
        }
        const auto& delivery = *found;
        std::string rest;
        if (options_.json) {
            rest = asks_about_delivery() ? format_json(outcomes_, delivery) : format_json(outcomes_);
        } else {
            rest = summary(delivery.has_value());
            if (delivery && (!options_.quiet || options_.verb == Verb::kStatus)) {
                rest += format_delivery(options_.quiet ? without_notes(*delivery) : *delivery);
            }
        }
        const int status = write_outcome(options_, rest);
        return status != 0 ? status : exit_status_of(outcomes_);
    }

    // What was found before an error ended the work.
    int finish(const Error& error) const {
        if (options_.json && !outcomes_.empty()) {
            write_to_stdout(format_json(outcomes_));
        } else if (is_list(options_)) {
            write_to_stdout(list());
        }
        return fail(options_, error);
    }

  private:
    // What there is to say of all devices together.
    std::string summary(bool tracked) const {
        if (options_.verb == Verb::kClean) {
            const bool silent = options_.devices.empty() && !options_.quiet &&
                                std::all_of(outcomes_.begin(), outcomes_.end(), is_clean);
            return silent ? fmt::format("nothing to clean up in {}{}\n", options_.bpffs, of_namespace())
                          : std::string();
        }
        if (outcomes_.empty()) {
            return fmt::format("no XDP program is attached, and {} pinned in {}{}\n",
                               tracked ? "no interface has anything" : "nothing is", options_.bpffs,
                               of_namespace());
        }
        return is_list(options_) ? list() : std::string();
    }

    // Nothing for the initial one, from which the others are looked at, too.
    std::string of_namespace() const {
        return first_ && !first_->netns.empty()
                   ? fmt::format(" for network namespace '{}'", printable(first_->netns))
                   : std::string();
    }

    std::string list() const {
        return format_status_list(outcomes_, !options_.quiet, first_ ? first_->root_option() : "");
    }

    bool asks_about_delivery() const {
        return options_.verb == Verb::kStatus || options_.verb == Verb::kClean;
    }

    Result<std::optional<DeliveryOutcome>> find_delivery() const {
        if (!first_ || !asks_about_delivery()) {
            return std::optional<DeliveryOutcome>();
        }
        return options_.verb == Verb::kStatus ? delivery_status(*first_) : forgotten_delivery(*first_);
    }

    void keep(Outcome outcome) {
        outcomes_.push_back(std::move(outcome));
        report(options_, outcomes_.back());
    }

    void work_on(NetnsContext& context, const std::vector<std::string>& devices) {
        if (options_.verb == Verb::kLoad || options_.verb == Verb::kUnload) {
            if (options_.verb == Verb::kLoad && !options_.dry_run) {
                mount_for_loads(devices, context);
            }
            std::string mounted = std::exchange(context.bpffs.mounted, {});
            std::size_t left = devices.size();
            // The first that is loaded tells it; where none is, the last.
            const auto keep_first = [&](Outcome outcome) {
                --left;
                if (!outcome.error || left == 0) {
                    tell_mounted(outcome, std::exchange(mounted, {}));
                }
                keep(std::move(outcome));
            };
            // Where that has failed, a load tries again, which would change the place: each has its own.
            const auto work = [&](const std::string& device) {
                NetnsContext own = context;
                return apply_verb(options_, own, device);
            };
            work_on_each(devices, work, keep_first);
            return;
        }
        for (const auto& device : devices) {
            keep(apply_verb(options_, context, device));
        }
    }

    // Each namespace succeeds or fails on its own, as devices do.
    Result<void> work_on_groups(const std::vector<DeviceGroup>& groups) {
        TALLY_ASSIGN_OR_RETURN(auto own, open_netns(kOwnNetns));
        std::vector<std::size_t> places;
        for (const auto& group : groups) {
            auto context = enter_netns_context(group.netns, options_.bpffs);
            const auto devices = context ? without_repetitions(group, *context) : group;
            places.insert(places.end(), devices.places.begin(), devices.places.end());
            if (context) {
                first_ = first_ ? first_ : *context;
                work_on(*context, devices.names);
            } else {
                fail_all(devices, context.error());
            }
            TALLY_TRY(enter_netns(own, kOwnNetns));
        }
        restore_order(places);
        return {};
    }

    void fail_all(const DeviceGroup& group, const Error& why) {
        for (const auto& name : group.names) {
            outcomes_.push_back(failed_outcome(name, why));
            outcomes_.back().netns = group.netns.value_or("");
            report(options_, outcomes_.back());
        }
    }

    // Of the command line; `places` says which device there each outcome is of.
    void restore_order(const std::vector<std::size_t>& places) {
        std::map<std::size_t, Outcome> in_order;
        for (std::size_t i = 0; i < places.size(); ++i) {
            in_order.emplace(places[i], std::move(outcomes_[i]));
        }
        outcomes_.clear();
        for (auto& [place, outcome] : in_order) {
            outcomes_.push_back(std::move(outcome));
        }
    }

    Result<void> work_on_all(NetnsContext& context) {
        TALLY_TRY(check_named_bpffs(context.bpffs));
        TALLY_ASSIGN_OR_RETURN(const auto known, look_for_devices(context));
        const Listed listed = options_.verb == Verb::kStatus ? Listed::kAttachedOrPinned : Listed::kPinned;
        TALLY_ASSIGN_OR_RETURN(auto devices, names_of(context, known, listed));
        std::sort(devices.begin(), devices.end(), natural_less);
        if (options_.verb != Verb::kStatus) {
            work_on(context, devices);
            return {};
        }
        TALLY_ASSIGN_OR_RETURN(auto outcomes, status_of_taken_names(context, known));
        for (const auto& device : devices) {
            outcomes.push_back(apply_verb(options_, context, device));
        }
        // By the names, which are not always those that were looked for.
        std::stable_sort(outcomes.begin(), outcomes.end(), [](const Outcome& left, const Outcome& right) {
            return natural_less(left.dev, right.dev);
        });
        for (auto& outcome : outcomes) {
            if (!is_listed(outcome.pin_dir)) {
                keep(std::move(outcome));
            }
        }
        return {};
    }

    // A device that came from another namespace is told of with its pins, which are found there, too.
    bool is_listed(const std::string& pin_dir) const {
        return !pin_dir.empty() &&
               std::any_of(outcomes_.begin(), outcomes_.end(),
                           [&](const Outcome& outcome) { return outcome.pin_dir == pin_dir; });
    }

    Result<void> work_elsewhere(const NetnsContext& home) {
        TALLY_ASSIGN_OR_RETURN(auto namespaces, known_namespaces(home));
        if (namespaces.empty()) {
            return {};
        }
        std::sort(namespaces.begin(), namespaces.end(), natural_less);
        TALLY_ASSIGN_OR_RETURN(auto own, open_netns(kOwnNetns));
        for (const auto& netns : namespaces) {
            TALLY_ASSIGN_OR_RETURN(auto context, enter_netns_context(netns, home.bpffs.path));
            const auto worked = work_on_all(context);
            TALLY_TRY(enter_netns(own, kOwnNetns));
            TALLY_TRY(worked);
        }
        return {};
    }

    const Options& options_;
    std::vector<Outcome> outcomes_;
    std::optional<NetnsContext> first_;  // for what is not of one namespace
};

}  // namespace

int apply_to_devices(const Options& options) {
    DeviceVerbs verbs(options);
    const auto worked = verbs.work();
    return worked ? verbs.finish() : verbs.finish(worked.error());
}

}  // namespace tally::loader
