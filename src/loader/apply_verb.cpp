// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/apply_verb.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <thread>
#include <utility>

#include "common/base/exceptions.h"
#include "common/pins/bpffs_mount.h"
#include "loader/hook/surroundings.h"
#include "loader/verbs/clean.h"
#include "loader/verbs/load.h"
#include "loader/verbs/observe.h"
#include "loader/verbs/status.h"
#include "loader/verbs/unload.h"

namespace tally::loader {
namespace {

constexpr std::size_t kAtOnce = 16;

Result<Outcome> dispatch_verb(const Options& options, NetnsContext& context, const std::string& device) {
    TALLY_TRY(check_named_bpffs(context.bpffs));
    switch (options.verb) {
        case Verb::kUnload:
            return unload({options.unload_id, options.keep_maps, options.dry_run}, context, device);
        case Verb::kStatus:
            return status(context, device);
        case Verb::kClean:
            return clean(context, device, options.dry_run);
        case Verb::kObserve:
            return observe({options.follow, options.dry_run}, context, device);
        default:
            return load(options.load, context, device);
    }
}

}  // namespace

DeviceGroup without_repetitions(const DeviceGroup& group, const NetnsContext& context) {
    DeviceGroup once{group.netns, {}, {}};
    for (std::size_t i = 0; i < group.names.size(); ++i) {
        const auto interface = context.find(group.names[i]);
        const std::string name = interface && *interface ? (*interface)->name : group.names[i];
        if (std::find(once.names.begin(), once.names.end(), name) == once.names.end()) {
            once.names.push_back(name);
            once.places.push_back(group.places[i]);
        }
    }
    return once;
}

Outcome apply_verb(const Options& options, NetnsContext& context, const std::string& device) {
    auto result = without_exceptions([&] { return dispatch_verb(options, context, device); });
    Outcome outcome =
        result ? std::move(*result) : failed_outcome(device, explain_surroundings(std::move(result).error()));
    tell_mounted(outcome, std::exchange(context.bpffs.mounted, {}));
    outcome.netns = context.netns;
    outcome.dry_run = options.dry_run;
    return outcome;
}

void work_on_each(const std::vector<std::string>& devices, const DeviceWork& work,
                  const std::function<void(Outcome)>& done) {
    if (devices.empty()) {
        return;
    }
    done(work(devices.front()));

    std::vector<std::promise<Outcome>> outcomes(devices.size());
    std::atomic<std::size_t> next = 1;
    const auto take_turns = [&] {
        for (std::size_t i = next++; i < devices.size(); i = next++) {
            try {
                outcomes[i].set_value(work(devices[i]));
            } catch (...) {
                outcomes[i].set_exception(std::current_exception());
            }
        }
    };
    std::vector<std::jthread> threads;
    try {
        while (threads.size() < std::min(kAtOnce, devices.size() - 1)) {
            threads.emplace_back(take_turns);
        }
    } catch (const std::exception&) {
        // No more threads are to be had: those there are do it all.
        if (threads.empty()) {
            take_turns();
        }
    }
    for (std::size_t i = 1; i < devices.size(); ++i) {
        done(outcomes[i].get_future().get());
    }
}

}  // namespace tally::loader
