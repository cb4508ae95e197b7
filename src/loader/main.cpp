// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "common/base/error_report.h"
#include "common/base/memory_reserve.h"
#include "common/base/program_start.h"
#include "common/kernel/library_log.h"
#include "common/kernel/netns.h"
#include "common/pins/bpffs.h"
#include "common/pins/bpffs_mount.h"
#include "common/pins/netns_context.h"
#include "loader/apply_verb.h"
#include "loader/hook/surroundings.h"
#include "loader/options.h"
#include "loader/outcome.h"
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
Outcome without_notes(Outcome outcome) {
    outcome.notes.clear();
    return outcome;
}

// With --run stdout is the command's.
void report(const Options& options, const Outcome& outcome) {
    if (outcome.error) {
        print_error(kProgram, *outcome.error, options.json);
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
        if (!groups.empty()) {
            work_on(context, without_repetitions(groups.front().names, context));
            return {};
        }
        TALLY_TRY(work_on_all(context));
        // From the initial namespace one sees the others, too.
        return context.netns.empty() ? work_elsewhere(context) : Result<void>();
    }

    // The exit status.
    int finish() const {
        std::string rest;
        if (options_.json) {
            rest = format_json(outcomes_);
        } else if (outcomes_.empty() && (!options_.quiet || options_.verb == Verb::kStatus)) {
            rest = fmt::format("no XDP program is attached, and nothing is pinned in {}\n", options_.bpffs);
        }
        const int status = write_outcome(options_, rest);
        return status != 0 ? status : exit_status_of(outcomes_);
    }

  private:
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
        for (const auto& group : groups) {
            auto context = enter_netns_context(group.netns, options_.bpffs);
            if (context) {
                work_on(*context, without_repetitions(group.names, *context));
                TALLY_TRY(enter_netns(own, here));
                continue;
            }
            for (const auto& name : group.names) {
                outcomes_.push_back(failed_outcome(name, context.error()));
                outcomes_.back().netns = group.netns.value_or("");
                report(options_, outcomes_.back());
            }
        }
        return {};
    }

    Result<void> work_on_all(NetnsContext& context) {
        TALLY_TRY(check_named_bpffs(context.bpffs));
        TALLY_ASSIGN_OR_RETURN(
            auto devices, known_devices(context, options_.verb == Verb::kStatus ? Listed::kAttachedOrPinned
                                                                                : Listed::kPinned));
        work_on(context, devices);
        if (options_.verb == Verb::kStatus) {
            TALLY_ASSIGN_OR_RETURN(auto outcomes, status_of_taken_names(context));
            std::for_each(outcomes.begin(), outcomes.end(),
                          [this](Outcome& outcome) { keep(std::move(outcome)); });
        }
        return {};
    }

    Result<void> work_elsewhere(const NetnsContext& home) {
        TALLY_ASSIGN_OR_RETURN(auto namespaces, known_namespaces(home));
        if (namespaces.empty()) {
            return {};
        }
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
};

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
    const RunRequest request = {make_load_request(options), without_repetitions(group.names, *context),
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
    return worked ? runner.finish() : fail(options, worked.error());
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
