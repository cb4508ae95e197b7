// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error_report.h"
#include "common/base/natural_order.h"
#include "common/kernel/library_log.h"
#include "common/kernel/netns.h"
#include "common/pins/bpffs.h"
#include "common/pins/bpffs_mount.h"
#include "common/pins/netns_context.h"
#include "common/start/memory_reserve.h"
#include "common/start/program_start.h"
#include "loader/apply_verb.h"
#include "loader/delivery/tracking.h"
#include "loader/hook/surroundings.h"
#include "loader/options.h"
#include "loader/outcome.h"
#include "loader/status_list.h"
#include "loader/verbs/features.h"
#include "loader/verbs/list_programs.h"
#include "loader/verbs/load.h"
#include "loader/verbs/observe.h"
#include "loader/verbs/run_command.h"
#include "loader/verbs/status.h"
#include "loader/verbs/try_run.h"

namespace {

using namespace tally;
using namespace tally::loader;

constexpr const char* kProgram = "xdp_loader";

// The errno of the first write that failed on stdout, which loses what it was given; 0 as long as none has.
int g_lost_output = 0;

void write_to_stdout(const std::string& text) {
    errno = 0;
    const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    if (!written && g_lost_output == 0) {
        g_lost_output = errno != 0 ? errno : EIO;
    }
}

// --quiet does not withhold what was asked for.
template <typename Any>
Any without_notes(Any outcome) {
    outcome.notes.clear();
    return outcome;
}

// The status of several devices is told at the end, in lines that belong together.
bool is_list(const Options& options) {
    return options.verb == Verb::kStatus && options.devices.size() != 1 && !options.json && !options.verbose;
}

// Of devices that the user did not name, what is fine is nothing to speak of.
bool is_told(const Options& options, const Outcome& outcome) {
    return !is_list(options) && !(options.devices.empty() && is_clean(outcome));
}

// With --run stdout is the command's.
void report(const Options& options, const Outcome& outcome) {
    if (outcome.error) {
        print_error(kProgram, *outcome.error, options.json);
    } else if (!is_told(options, outcome)) {
        return;
    } else if (options.verb == Verb::kRun && !options.quiet) {
        std::fputs(format_outcome(outcome).c_str(), stderr);
    } else if (!options.json && !options.quiet) {
        write_to_stdout(format_outcome(outcome));
    } else if (options.verb == Verb::kStatus && !options.json) {
        write_to_stdout(format_outcome(without_notes(outcome)));
    } else if (options.quiet && !options.json) {
        std::fputs(format_warnings(outcome).c_str(), stderr);
    }
}

int fail(const Options& options, const Error& error) {
    print_error(kProgram, error, options.json);
    return exit_status(error.kind);
}

// 1 where stdout did not take all of it, with what was written before.
int write_outcome(const Options& options, const std::string& text) {
    write_to_stdout(text);
    if (g_lost_output == 0) {
        return 0;
    }
    print_error(kProgram, system_error(g_lost_output, "writing the outcome"), options.json);
    return exit_status(ErrorKind::kSystem);
}

class VerbRunner {
  public:
    explicit VerbRunner(const Options& options) : options_(options) {}

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
        // From the initial namespace one sees the others, too.
        return context.netns.empty() ? work_elsewhere(context) : Result<void>();
    }

    // The exit status.
    int finish() const {
        const auto delivery = find_delivery();
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
        if (is_list(options_)) {
            write_to_stdout(format_status_list(outcomes_, !options_.quiet));
        }
        return fail(options_, error);
    }

  private:
    // What there is to say of all devices together.
    std::string summary(bool tracked) const {
        if (options_.verb == Verb::kClean) {
            const bool silent = options_.devices.empty() && !options_.quiet &&
                                std::all_of(outcomes_.begin(), outcomes_.end(), is_clean);
            return silent ? fmt::format("nothing to clean up in {}\n", options_.bpffs) : std::string();
        }
        if (outcomes_.empty()) {
            return fmt::format("no XDP program is attached, and {} pinned in {}\n",
                               tracked ? "no interface has anything" : "nothing is", options_.bpffs);
        }
        return is_list(options_) ? format_status_list(outcomes_, !options_.quiet) : std::string();
    }

    bool asks_about_delivery() const {
        return options_.verb == Verb::kStatus || options_.verb == Verb::kClean;
    }

    std::optional<DeliveryOutcome> find_delivery() const {
        if (!first_ || !asks_about_delivery()) {
            return std::nullopt;
        }
        return options_.verb == Verb::kStatus ? delivery_status(*first_) : forgotten_delivery(*first_);
    }

    void keep(Outcome outcome) {
        outcomes_.push_back(std::move(outcome));
        report(options_, outcomes_.back());
    }

    void work_on(NetnsContext& context, const std::vector<std::string>& devices) {
        if (options_.verb == Verb::kLoad || options_.verb == Verb::kUnload) {
            std::string mounted;
            const auto keep_first = [&](Outcome outcome) {
                if (!outcome.error && !mounted.empty()) {
                    outcome.notes.push_back(std::exchange(mounted, {}));
                }
                keep(std::move(outcome));
            };
            if (options_.verb == Verb::kLoad && !options_.dry_run) {
                mounted = mount_for_loads(devices, context);
            }
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
        const std::string here = "/proc/thread-self/ns/net";
        TALLY_ASSIGN_OR_RETURN(auto own, open_netns(here));
        std::vector<std::size_t> places;
        for (const auto& group : groups) {
            auto context = enter_netns_context(group.netns, options_.bpffs);
            if (context) {
                first_ = first_ ? first_ : *context;
                const auto devices = without_repetitions(group, *context);
                places.insert(places.end(), devices.places.begin(), devices.places.end());
                work_on(*context, devices.names);
                TALLY_TRY(enter_netns(own, here));
                continue;
            }
            places.insert(places.end(), group.places.begin(), group.places.end());
            for (const auto& name : group.names) {
                outcomes_.push_back(failed_outcome(name, context.error()));
                outcomes_.back().netns = group.netns.value_or("");
                report(options_, outcomes_.back());
            }
        }
        restore_order(places);
        return {};
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
        TALLY_ASSIGN_OR_RETURN(
            auto devices, known_devices(context, options_.verb == Verb::kStatus ? Listed::kAttachedOrPinned
                                                                                : Listed::kPinned));
        std::sort(devices.begin(), devices.end(), natural_less);
        if (options_.verb != Verb::kStatus) {
            work_on(context, devices);
            return {};
        }
        TALLY_ASSIGN_OR_RETURN(auto outcomes, status_of_taken_names(context));
        for (const auto& device : devices) {
            outcomes.push_back(apply_verb(options_, context, device));
        }
        // By the names, which are not always those that were looked for.
        std::stable_sort(outcomes.begin(), outcomes.end(), [](const Outcome& left, const Outcome& right) {
            return natural_less(left.dev, right.dev);
        });
        std::for_each(outcomes.begin(), outcomes.end(),
                      [this](Outcome& outcome) { keep(std::move(outcome)); });
        return {};
    }

    Result<void> work_elsewhere(const NetnsContext& home) {
        TALLY_ASSIGN_OR_RETURN(auto namespaces, known_namespaces(home));
        if (namespaces.empty()) {
            return {};
        }
        std::sort(namespaces.begin(), namespaces.end(), natural_less);
        const std::string here = "/proc/thread-self/ns/net";
        TALLY_ASSIGN_OR_RETURN(auto own, open_netns(here));
        for (const auto& netns : namespaces) {
            TALLY_ASSIGN_OR_RETURN(auto context, enter_netns_context(netns, home.bpffs.path));
            auto worked = work_on_all(context);
            if (context.visibility == NetnsContext::Visibility::kHere) {
                TALLY_TRY(enter_netns(own, here));
            }
            TALLY_TRY(worked);
        }
        return {};
    }

    const Options& options_;
    std::vector<Outcome> outcomes_;
    std::optional<NetnsContext> first_;  // for what is not of one namespace
};

// On or off, for the whole machine.
int change_tracking(const Options& options) {
    auto context = enter_netns_context(std::nullopt, options.bpffs);
    if (!context) {
        return fail(options, context.error());
    }
    const auto outcome = options.verb == Verb::kTrackDelivery ? track_delivery(*context, options.dry_run)
                                                              : untrack_delivery(*context, options.dry_run);
    if (!outcome) {
        return fail(options, explain_surroundings(outcome.error()));
    }
    if (options.json) {
        return write_outcome(options, format_json({}, *outcome));
    }
    return write_outcome(options, options.quiet ? std::string() : format_delivery(*outcome));
}

int try_program(const Options& options) {
    auto outcome = try_run(program_choice(options), *options.try_run);
    if (!outcome) {
        return fail(options, explain_surroundings(outcome.error()));
    }
    if (options.quiet) {
        outcome->notes.clear();
    }
    return write_outcome(options, options.json ? format_try_run_json(*outcome) : format_try_run(*outcome));
}

int show_programs(const Options& options) {
    const auto list = list_programs(options.filename);
    if (!list) {
        return fail(options, list.error());
    }
    return write_outcome(options, options.json ? format_programs_json(*list) : format_programs(*list));
}

int show_features(const Options& options) {
    const auto reports = report_drivers(options.devices, options.netns, options.bpffs);
    if (!reports) {
        return fail(options, reports.error());
    }
    int failure = 0;
    for (const auto& report : *reports) {
        if (report.error) {
            const int status = fail(options, *report.error);
            failure = failure == 0 ? status : failure;
        }
    }
    const int lost = write_outcome(
        options, options.json ? format_drivers_json(*reports) : format_drivers(*reports, !options.quiet));
    return lost != 0 ? lost : failure;
}

int run_around_command(const Options& options) {
    const auto home = open_netns("/proc/thread-self/ns/net");
    if (!home) {
        return fail(options, home.error());
    }
    const auto group = group_by_netns(options.devices).front();
    auto context = enter_netns_context(group.netns, options.bpffs);
    if (!context) {
        return fail(options, context.error());
    }
    const RunRequest request = {make_load_request(options), without_repetitions(group, *context).names,
                                options.command, options.keep_maps};
    return run_command_loaded(request, *context, *home,
                              [&](const Outcome& outcome) { report(options, outcome); });
}

// With --json a document for each outcome.
int observe_in_foreground(const Options& options) {
    const auto& device = options.devices.front();
    auto context = enter_netns_context(device.netns, options.bpffs);
    if (!context) {
        return fail(options, context.error());
    }
    const auto report_now = [&](const Outcome& outcome) {
        report(options, outcome);
        if (options.json) {
            write_to_stdout(format_json({outcome}));
        }
    };
    const Outcome outcome = apply_verb(options, *context, device.name);
    if (outcome.error) {
        report_now(outcome);
        return exit_status(outcome.error->kind);
    }
    const int status = follow_observation(*context, outcome, report_now);
    const int lost_output = write_outcome(options, {});
    return status != 0 ? status : lost_output;
}

int run(const Options& options) {
    route_library_log(options.verbose);
    switch (options.verb) {
        case Verb::kTryRun:
            return try_program(options);
        case Verb::kListPrograms:
            return show_programs(options);
        case Verb::kFeatures:
            return show_features(options);
        case Verb::kTrackDelivery:
        case Verb::kUntrackDelivery:
            return change_tracking(options);
        case Verb::kRun:
            return run_around_command(options);
        case Verb::kObserve:
            if (options.follow) {
                return observe_in_foreground(options);
            }
            break;
        default:
            break;
    }
    VerbRunner runner(options);
    const auto worked = runner.work();
    return worked ? runner.finish() : runner.finish(worked.error());
}

}  // namespace

int main(int argc, char** argv) {
    return run_program([argc, argv](bool& json) {
        const auto parsed = parse_options(argc, argv);
        if (const auto* exit = std::get_if<EarlyExit>(&parsed)) {
            return exit_early(kProgram, *exit);
        }
        const auto& options = std::get<Options>(parsed);
        json = options.json;
        throw_when_out_of_memory();
        return run(options);
    });
}
