// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// xdp_stats: shows the counters that xdp_loader, or another program with the same layout, has pinned.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/descriptor_limit.h"
#include "common/base/error_report.h"
#include "common/base/shown_paths.h"
#include "common/kernel/library_log.h"
#include "common/pins/bpffs.h"
#include "common/pins/bpffs_mount.h"
#include "common/pins/netns_context.h"
#include "stats/cli/notices.h"
#include "stats/cli/stop_signal.h"
#include "stats/expect/expectation_check.h"
#include "stats/exporter/exporter.h"
#include "stats/live/device_inquiry.h"
#include "stats/live/screen.h"
#include "stats/live/view.h"
#include "stats/loop.h"
#include "stats/options.h"
#include "stats/output/format.h"
#include "stats/output/output_file.h"
#include "stats/output/printer.h"
#include "stats/source/pin_error.h"
#include "stats/source/reader_set.h"

namespace tally::stats {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// The first sample comes after at most this time.
constexpr nanoseconds kFirstBlock = std::chrono::milliseconds(250);

int fail(const Error& error, const Options& options) {
    print_error(kProgramName, error, options.format == Format::kJson);
    return exit_status(error.kind);
}

// A single reading waits for a loader that is replacing a map, at most for Transition::kLongest.
Result<void> wait_for_transitions(ReaderSet& readers) {
    constexpr std::chrono::milliseconds kPause(5);
    while (readers.any_in_transition() && !wait_for_stop(kPause)) {
        TALLY_TRY(readers.follow_polled());
    }
    return {};
}

// All sources are started before anything is printed, and all errors are told. The status is that of the
// first.
int start_sources(ReaderSet& readers, const Options& options) {
    readers.add_sources(options.sources);
    std::vector<Result<void>> started;
    for (const ReaderSet::Member& member : readers.members()) {
        started.push_back(member.reader->start());
    }
    if (options.once) {
        if (const auto waited = wait_for_transitions(readers); !waited) {
            return fail(waited.error(), options);
        }
    }
    int status = 0;
    for (std::size_t i = 0; i < options.sources.size(); ++i) {
        const Reader& reader = *readers.members()[i].reader;
        if (started[i] && options.once && !reader.ready()) {
            started[i] =
                explain_missing_pin(options.sources[i], readers.context_of(options.sources[i]), reader.pin());
        }
        if (!started[i]) {
            const int failure = fail(started[i].error(), options);
            status = status == 0 ? failure : status;
        }
    }
    return status;
}

int start_all(ReaderSet& readers, const Options& options) {
    auto discovered = readers.discover();
    if (discovered && options.once) {
        discovered = wait_for_transitions(readers);
    }
    if (!discovered) {
        return fail(discovered.error(), options);
    }
    if (readers.members().empty()) {
        Notices(options.quiet, options.verbose)
            .say(readers.context().bpffs.path, options.once
                                                   ? "no counter map is pinned below it"
                                                   : "no counter map is pinned below it yet; waiting");
    }
    return 0;
}

// A network namespace; with --wait, one that does not exist is waited for. None where a signal or the time
// limit of
// --expect ended that.
template <typename Enter>
Result<std::optional<NetnsContext>> find_netns(const Options& options, steady_clock::time_point limit,
                                               const std::string& name, const Enter& enter) {
    constexpr std::chrono::milliseconds kPause(20);
    for (bool said = false;; said = true) {
        Result<NetnsContext> context = enter();
        if (context && context->visibility != NetnsContext::Visibility::kGone) {
            return std::optional(std::move(*context));
        }
        // No namespace has the name, or there is no such path.
        auto obstacle = context ? *context->obstacle : std::move(context).error();
        if (!options.wait || obstacle.kind != ErrorKind::kNotFound) {
            return obstacle;
        }
        if (!said) {
            Notices(options.quiet, options.verbose)
                .say(name, "there is no such network namespace yet; waiting");
        }
        if (wait_for_stop(kPause) || steady_clock::now() >= limit) {
            return std::optional<NetnsContext>();
        }
    }
}

// Where the run is, and where else there are devices that the user named.
struct Contexts {
    NetnsContext own;
    std::map<std::string, NetnsContext> named;

    const NetnsContext& of(const Source& source) const {
        return source.netns ? named.at(*source.netns) : own;
    }
};

Result<std::optional<Contexts>> find_contexts(const Options& options, steady_clock::time_point limit) {
    TALLY_ASSIGN_OR_RETURN(auto own, find_netns(options, limit, options.netns.value_or(""), [&] {
                               return enter_netns_context(options.netns, options.bpffs);
                           }));
    if (!own) {
        return std::optional<Contexts>();
    }
    Contexts contexts{std::move(*own), {}};
    for (const Source& source : options.sources) {
        if (!source.netns || contexts.named.contains(*source.netns)) {
            continue;
        }
        TALLY_ASSIGN_OR_RETURN(auto context, find_netns(options, limit, *source.netns, [&] {
                                   return visit_netns_context(*source.netns, options.bpffs);
                               }));
        if (!context) {
            return std::optional<Contexts>();
        }
        contexts.named.emplace(*source.netns, std::move(*context));
    }
    return std::optional(std::move(contexts));
}

// Devices need names that can be part of a path, and a BPF file system for their pins. One that was named by
// an alternative name gets its own, and is read once if both were given.
Result<void> check_devices(std::vector<Source>& sources, const Contexts& contexts) {
    bool any = false;
    for (Source& source : std::exchange(sources, {})) {
        if (source.kind == Source::Kind::kDevice) {
            TALLY_ASSIGN_OR_RETURN(auto interface, contexts.of(source).find(source.name));
            if (interface) {
                source.name = interface->name;
            }
            any = true;
        }
        add_source(sources, std::move(source));
    }
    return any ? check_bpffs(contexts.own.bpffs) : Result<void>();
}

Detail detail_of(const Options& options) {
    if (options.per_program) {
        return Detail::kPerProgram;
    }
    return options.per_cpu ? Detail::kPerCpu : Detail::kNone;
}

Result<void> print(ReaderSet& readers, Destination& destination, const Options& options) {
    const auto output = make_format(options.format, detail_of(options), ::isatty(STDOUT_FILENO) == 1);
    Printer printer(*output, destination);
    if (options.once) {
        return run_once(readers, printer);
    }
    Pace pace;
    pace.first = std::min(options.interval, kFirstBlock);
    pace.interval = options.interval;
    pace.rounds = options.count;
    return run_loop(readers, printer, pace);
}

Result<void> show_live(ReaderSet& readers, const Options& options) {
    TALLY_ASSIGN_OR_RETURN(auto screen, Screen::open());
    stop_on_terminal_signals();
    Pace pace;
    pace.first = std::min(options.interval, kFirstBlock);
    pace.interval = options.interval;
    const auto inquiry = [&readers](std::size_t source) {
        const auto& members = readers.members();
        const auto member = std::find_if(members.begin(), members.end(),
                                         [&](const auto& one) { return one.number == source; });
        return member == members.end() ? DeviceFacts() : inquire(*member->reader);
    };
    // Its destructor restores the terminal, before an error is printed.
    View view(std::move(screen), pace, options.since_start, inquiry);
    return run_loop(readers, view, pace);
}

Result<void> show(ReaderSet& readers, const Options& options) {
    if (options.live) {
        return show_live(readers, options);
    }
    if (options.listen) {
        return serve(readers, *options.listen, options.user, Notices(options.quiet, options.verbose));
    }
    if (options.output) {
        TALLY_ASSIGN_OR_RETURN(auto file, OutputFile::at(*options.output));
        return print(readers, file, options);
    }
    Stdout destination;
    return print(readers, destination, options);
}

Result<void> report_expectations(const ExpectationCheck& expecter, const Options& options,
                                 steady_clock::time_point begin) {
    if (!options.quiet) {
        TALLY_TRY(write_to_stdout(options.format == Format::kJson
                                      ? expecter.describe_as_json(steady_clock::now() - begin)
                                      : expecter.describe()));
    }
    if (expecter.all_held()) {
        return {};
    }
    return expecter.unmet(stop_requested() ? std::nullopt : std::optional(options.within_text));
}

Result<void> expect(ReaderSet& readers, const Options& options, steady_clock::time_point begin) {
    std::vector<std::string> titles;
    titles.reserve(readers.members().size());
    for (const ReaderSet::Member& member : readers.members()) {
        titles.push_back(member.reader->title());
    }
    ExpectationCheck expecter(options.expectations, titles);
    Pace pace;
    pace.interval = options.interval;
    pace.limit = std::max(begin + options.within - steady_clock::now(), nanoseconds(0));
    TALLY_TRY(run_loop(readers, expecter, pace));
    return report_expectations(expecter, options, begin);
}

// The namespace of the devices did not appear.
Result<void> give_up(const Options& options, steady_clock::time_point begin) {
    if (options.expectations.empty()) {
        return {};
    }
    std::vector<std::string> titles;
    titles.reserve(options.sources.size());
    for (const Source& source : options.sources) {
        const auto& netns = source.netns ? source.netns : options.netns;
        titles.push_back(netns ? *netns + '/' + source.name : source.name);
    }
    return report_expectations(ExpectationCheck(options.expectations, titles), options, begin);
}

int run(Options options) {
    if (options.live) {
        options.per_cpu = true;
        if (const auto fit = Screen::check(); !fit) {
            return fail(fit.error(), options);
        }
    }
    route_library_log(options.verbose);
    if (const auto ready = install_stop_signals(); !ready) {
        return fail(ready.error(), options);
    }
    const auto begin = steady_clock::now();
    auto contexts = find_contexts(
        options, options.expectations.empty() ? steady_clock::time_point::max() : begin + options.within);
    if (!contexts) {
        return fail(contexts.error(), options);
    }
    if (!*contexts) {
        const auto given_up = give_up(options, begin);
        return given_up ? 0 : fail(given_up.error(), options);
    }
    const auto devices =
        options.all ? check_bpffs((*contexts)->own.bpffs) : check_devices(options.sources, **contexts);
    if (!devices) {
        return fail(devices.error(), options);
    }
    ReadRequest request;
    request.wait = options.wait;
    request.per_cpu = options.per_cpu;
    request.per_program = options.per_program;
    request.since_start = options.since_start;
    request.keep_going = options.all || options.listen;
    request.spare_descriptors += options.listen ? exporter_descriptors() : 0;
    request.notices = Notices(options.quiet, options.verbose);
    ReaderSet readers(std::move((*contexts)->own), request);
    for (auto& [netns, context] : (*contexts)->named) {
        if (const auto added = readers.add_context(netns, std::move(context)); !added) {
            return fail(added.error(), options);
        }
    }
    const int status = options.all ? start_all(readers, options) : start_sources(readers, options);
    if (status != 0) {
        return status;
    }
    const auto done = options.expectations.empty() ? show(readers, options) : expect(readers, options, begin);
    return done ? 0 : fail(done.error(), options);
}

}  // namespace
}  // namespace tally::stats

int main(int argc, char** argv) {
    tally::raise_descriptor_limit();
    const auto parsed = tally::stats::parse_options(argc, argv);
    if (const auto* exit = std::get_if<tally::EarlyExit>(&parsed)) {
        return tally::exit_early(tally::stats::kProgramName, *exit);
    }
    return tally::stats::run(std::get<tally::stats::Options>(parsed));
}
