#include <fmt/format.h>

#include <cstdio>

#include "common/bpffs.h"
#include "common/library_log.h"
#include "common/report.h"
#include "loader/options.h"
#include "loader/outcome.h"
#include "loader/verbs.h"

namespace {

using namespace tally;
using namespace tally::loader;

constexpr const char* kProgram = "xdp_loader";

Result<Outcome> run_verb(const Options& options, const std::string& device) {
    switch (options.verb) {
        case Verb::kUnload:
            return unload(options, device);
        case Verb::kStatus:
            return status(options, device);
        case Verb::kClean:
            return clean(options, device);
        case Verb::kLoad:
            break;
    }
    return load(options, device);
}

// Each device succeeds or fails on its own.
Outcome run_device(const Options& options, const std::string& device) {
    auto result = run_verb(options, device);
    if (result) {
        result->dry_run = options.dry_run;
        return std::move(*result);
    }
    Outcome outcome;
    outcome.dev = device;
    outcome.verb = "failed";
    outcome.dry_run = options.dry_run;
    outcome.error = std::move(result).error();
    return outcome;
}

void report(const Options& options, const Outcome& outcome) {
    if (outcome.error) {
        print_error(kProgram, *outcome.error);
    } else if (!options.json && !options.quiet) {
        fmt::print("{}", format_outcome(outcome));
        std::fflush(stdout);
    }
}

int run(const Options& options) {
    route_library_log(options.verbose);
    std::vector<std::string> devices = options.devices;
    if (devices.empty()) {
        auto known = known_devices(options);
        if (!known) {
            print_error(kProgram, known.error());
            return exit_status(known.error().kind);
        }
        devices = std::move(*known);
    }
    std::vector<Outcome> outcomes;
    for (const auto& device : devices) {
        outcomes.push_back(run_device(options, device));
        report(options, outcomes.back());
    }
    if (options.json) {
        fmt::print("{}", format_json(outcomes));
    } else if (devices.empty() && !options.quiet) {
        fmt::print("nothing: no XDP program is attached, nothing is pinned in {}\n", options.bpffs);
    }
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        print_error(kProgram, last_error("writing the outcome"));
        return exit_status(ErrorKind::kSystem);
    }
    return exit_status_of(outcomes);
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
