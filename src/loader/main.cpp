#include <fmt/format.h>

#include <cstdio>

#include "common/bpffs.h"
#include "common/library_log.h"
#include "common/netns.h"
#include "common/place.h"
#include "common/report.h"
#include "loader/options.h"
#include "loader/outcome.h"
#include "loader/verbs.h"

namespace {

using namespace tally;
using namespace tally::loader;

constexpr const char* kProgram = "xdp_loader";

Result<Outcome> run_verb(const Options& options, Place& place, const std::string& device) {
    if (options.bpffs != kDefaultBpffs) {
        TALLY_TRY(check_bpffs(place.bpffs));  // the default one may be missing: a load mounts it
    }
    switch (options.verb) {
        case Verb::kUnload:
            return unload(options, place, device);
        case Verb::kStatus:
            return status(place, device);
        case Verb::kClean:
            return clean(options, place, device);
        case Verb::kLoad:
            break;
    }
    return load(options, place, device);
}

// Each device succeeds or fails on its own.
Outcome run_device(const Options& options, Place& place, const std::string& device) {
    auto result = run_verb(options, place, device);
    if (result) {
        result->netns = place.netns;
        result->dry_run = options.dry_run;
        return std::move(*result);
    }
    Outcome outcome;
    outcome.dev = device;
    outcome.netns = place.netns;
    outcome.verb = "failed";
    outcome.dry_run = options.dry_run;
    outcome.error = std::move(result).error();
    return outcome;
}

void report(const Options& options, const Outcome& outcome) {
    if (outcome.error) {
        print_error(kProgram, *outcome.error, options.json);
    } else if (!options.json && !options.quiet) {
        fmt::print("{}", format_outcome(outcome));
        std::fflush(stdout);
    }
}

class Run {
  public:
    explicit Run(const Options& options) : options_(options) {}

    Result<void> work() {
        TALLY_TRY_ASSIGN(place, go_to_place(options_.netns, options_.bpffs));
        if (!options_.devices.empty()) {
            work_on(place, options_.devices);
            return {};
        }
        TALLY_TRY(work_on_all(place));
        // From the initial namespace one sees the others, too.
        return place.netns.empty() ? work_elsewhere(place) : Result<void>();
    }

    // The exit status.
    int finish() const {
        if (options_.json) {
            fmt::print("{}", format_json(outcomes_));
        } else if (outcomes_.empty() && !options_.quiet) {
            fmt::print("nothing: no XDP program is attached, nothing is pinned in {}\n", options_.bpffs);
        }
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
            print_error(kProgram, last_error("writing the outcome"), options_.json);
            return exit_status(ErrorKind::kSystem);
        }
        return exit_status_of(outcomes_);
    }

  private:
    void work_on(Place& place, const std::vector<std::string>& devices) {
        for (const auto& device : devices) {
            outcomes_.push_back(run_device(options_, place, device));
            report(options_, outcomes_.back());
        }
    }

    Result<void> work_on_all(Place& place) {
        if (options_.bpffs != kDefaultBpffs) {
            TALLY_TRY(check_bpffs(place.bpffs));
        }
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

int run(const Options& options) {
    route_library_log(options.verbose);
    Run run(options);
    if (const auto worked = run.work(); !worked) {
        print_error(kProgram, worked.error(), options.json);
        return exit_status(worked.error().kind);
    }
    return run.finish();
}

}  // namespace

int main(int argc, char** argv) {
    const auto parsed = parse_options(argc, argv);
    if (const auto* exit = std::get_if<EarlyExit>(&parsed)) {
        std::fputs(exit->message.c_str(), exit->status == 0 ? stdout : stderr);
        return exit->status;
    }
    return run(std::get<Options>(parsed));
}
