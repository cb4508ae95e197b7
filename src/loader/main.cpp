#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "common/bpffs.h"
#include "common/library_log.h"
#include "common/netns.h"
#include "common/place.h"
#include "common/report.h"
#include "loader/each_device.h"
#include "loader/options.h"
#include "loader/outcome.h"
#include "loader/program_object.h"
#include "loader/run.h"
#include "loader/run_device.h"
#include "loader/test_run.h"
#include "loader/verbs.h"

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

// With --run stdout is the command's.
void report(const Options& options, const Outcome& outcome) {
    if (outcome.error) {
        print_error(kProgram, *outcome.error, options.json);
    } else if (options.verb == Verb::kRun && !options.quiet) {
        std::fputs(format_outcome(outcome).c_str(), stderr);
    } else if (!options.json && !options.quiet) {
        write_to_stdout(format_outcome(outcome));
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

class Run {
  public:
    explicit Run(const Options& options) : options_(options) {}

    Result<void> work() {
        TALLY_TRY_ASSIGN(place, go_to_place(options_.netns, options_.bpffs));
        if (!options_.devices.empty()) {
            work_on(place, without_repetitions(options_.devices, place));
            return {};
        }
        TALLY_TRY(work_on_all(place));
        // From the initial namespace one sees the others, too.
        return place.netns.empty() ? work_elsewhere(place) : Result<void>();
    }

    // The exit status.
    int finish() const {
        std::string rest;
        if (options_.json) {
            rest = format_json(outcomes_);
        } else if (outcomes_.empty() && !options_.quiet) {
            rest =
                fmt::format("nothing: no XDP program is attached, nothing is pinned in {}\n", options_.bpffs);
        }
        const int status = write_outcome(options_, rest);
        return status != 0 ? status : exit_status_of(outcomes_);
    }

  private:
    void work_on(Place& place, const std::vector<std::string>& devices) {
        std::string mounted;
        const auto keep = [&](Outcome outcome) {
            if (!outcome.error && !mounted.empty()) {
                outcome.notes.push_back(std::exchange(mounted, {}));
            }
            outcomes_.push_back(std::move(outcome));
            report(options_, outcomes_.back());
        };
        if (options_.verb == Verb::kLoad || options_.verb == Verb::kUnload) {
            if (options_.verb == Verb::kLoad && !options_.dry_run) {
                mounted = mount_for_loads(options_, place);
            }
            // Where that has failed, a load tries again, which would change the place: each has its own.
            const auto work = [&](const std::string& device) {
                Place own = place;
                return run_device(options_, own, device);
            };
            work_on_each(devices, work, keep);
            return;
        }
        for (const auto& device : devices) {
            keep(run_device(options_, place, device));
        }
    }

    Result<void> work_on_all(Place& place) {
        TALLY_TRY(check_named_bpffs(place.bpffs));
        TALLY_TRY_ASSIGN(devices, known_devices(options_, place));
        work_on(place, devices);
        return {};
    }

    Result<void> work_elsewhere(const Place& home) {
        TALLY_TRY_ASSIGN(namespaces, known_namespaces(home));
        if (namespaces.empty()) {
            return {};
        }
        const std::string here = "/proc/thread-self/ns/net";
        TALLY_TRY_ASSIGN(way_back, open_netns(here));
        for (const auto& netns : namespaces) {
            TALLY_TRY_ASSIGN(place, go_to_place(netns, home.bpffs.path));
            auto worked = work_on_all(place);
            if (place.sight == Place::Sight::kHere) {
                TALLY_TRY(enter_netns(way_back, here));
            }
            TALLY_TRY(worked);
        }
        return {};
    }

    const Options& options_;
    std::vector<Outcome> outcomes_;
};

int run_test(const Options& options) {
    const auto outcome = test_run(options);
    if (!outcome) {
        return fail(options, outcome.error());
    }
    return write_outcome(options, options.json ? format_test_run_json(*outcome) : format_test_run(*outcome));
}

int list_programs(const Options& options) {
    const auto names = ProgramObject::list_programs(options.filename);
    if (!names) {
        return fail(options, names.error());
    }
    return write_outcome(
        options, options.json ? format_names_json(*names) : fmt::format("{}\n", fmt::join(*names, "\n")));
}

int run_around_command(const Options& options) {
    const auto home = open_netns("/proc/thread-self/ns/net");
    if (!home) {
        return fail(options, home.error());
    }
    auto place = go_to_place(options.netns, options.bpffs);
    if (!place) {
        return fail(options, place.error());
    }
    return run_command_loaded(options, *place, *home,
                              [&](const Outcome& outcome) { report(options, outcome); });
}

int run(const Options& options) {
    route_library_log(options.verbose);
    switch (options.verb) {
        case Verb::kTestRun:
            return run_test(options);
        case Verb::kListPrograms:
            return list_programs(options);
        case Verb::kRun:
            return run_around_command(options);
        default:
            break;
    }
    Run run(options);
    const auto worked = run.work();
    return worked ? run.finish() : fail(options, worked.error());
}

}  // namespace

int main(int argc, char** argv) {
    const auto parsed = parse_options(argc, argv);
    if (const auto* exit = std::get_if<EarlyExit>(&parsed)) {
        return leave(kProgram, *exit);
    }
    return run(std::get<Options>(parsed));
}
