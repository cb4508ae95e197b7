// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <optional>
#include <string>
#include <variant>

#include "common/bpf/library_log.h"
#include "common/network/netns.h"
#include "common/pins/netns_context.h"
#include "common/start/memory_reserve.h"
#include "common/start/program_start.h"
#include "loader/apply_verb.h"
#include "loader/delivery/tracking.h"
#include "loader/device_verbs.h"
#include "loader/hook/surroundings.h"
#include "loader/options.h"
#include "loader/outcome.h"
#include "loader/report.h"
#include "loader/verbs/features.h"
#include "loader/verbs/list_programs.h"
#include "loader/verbs/observe.h"
#include "loader/verbs/run_command.h"
#include "loader/verbs/try_run.h"

namespace {

using namespace tally;
using namespace tally::loader;

// On or off, for the whole machine.
int change_tracking(const Options& options) {
    auto context = enter_netns_context(std::nullopt, options.bpffs);
    if (!context) {
        return fail(options, context.error());
    }
    auto outcome = options.verb == Verb::kTrackDelivery ? track_delivery(*context, options.dry_run)
                                                        : untrack_delivery(*context, options.dry_run);
    const std::string& mounted = context->bpffs.mounted;
    if (!outcome) {
        Error error = explain_surroundings(std::move(outcome).error());
        add_details(error, mounted);
        return fail(options, error);
    }
    if (!mounted.empty()) {
        outcome->notes.push_back(mounted);
    }
    if (options.json) {
        return write_outcome(options, format_json({}, *outcome));
    }
    return write_outcome(options, options.quiet ? std::string() : format_delivery(*outcome));
}

int try_program(const Options& options) {
    auto outcome = try_run(options.load.program, *options.try_run);
    if (!outcome) {
        return fail(options, explain_surroundings(outcome.error()));
    }
    if (options.quiet) {
        outcome->notes.clear();
    }
    return write_outcome(options, options.json ? format_try_run_json(*outcome) : format_try_run(*outcome));
}

int show_programs(const Options& options) {
    const auto list = list_programs(options.load.program.filename);
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
    const auto home = open_netns(kOwnNetns);
    if (!home) {
        return fail(options, home.error());
    }
    const auto groups = group_by_netns(options.devices);
    if (groups.size() > 1) {
        return fail(options,
                    make_error(ErrorKind::kUsage, "--run takes interfaces of one network namespace"));
    }
    const auto& group = groups.front();
    auto context = enter_netns_context(group.netns, options.bpffs);
    if (!context) {
        return fail(options, context.error());
    }
    const RunRequest request = {options.load, without_repetitions(group, *context).names, options.command,
                                options.keep_maps};
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
    return apply_to_devices(options);
}

// Whose output nobody reads any more, as behind `| head`, need not go on.
bool only_looks(Verb verb) {
    return verb == Verb::kStatus || verb == Verb::kFeatures || verb == Verb::kListPrograms ||
           verb == Verb::kTryRun;
}

}  // namespace

int main(int argc, char** argv) {
    return run_program([argc, argv](bool& json) {
        auto parsed = parse_options(argc, argv);
        if (const auto* exit = std::get_if<EarlyExit>(&parsed)) {
            return exit_early(kProgram, *exit);
        }
        auto& options = std::get<Options>(parsed);
        if (options.devices.size() > 1) {
            name_alike(options.devices);
        }
        json = options.json;
        throw_when_out_of_memory();
        if (!only_looks(options.verb)) {
            report_closed_pipes();
        }
        return run(options);
    });
}
