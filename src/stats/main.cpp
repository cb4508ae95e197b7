// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// xdp_stats: shows the counters that xdp_loader, or another program with the same layout, has pinned.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/error_report.h"
#include "common/bpf/library_log.h"
#include "common/pins/bpffs_mount.h"
#include "common/start/memory_reserve.h"
#include "common/start/program_start.h"
#include "stats/cli/notices.h"
#include "stats/cli/stop_signal.h"
#include "stats/contexts.h"
#include "stats/expect/expectation_check.h"
#include "stats/exporter/exporter.h"
#include "stats/live/terminal/screen.h"
#include "stats/live/view.h"
#include "stats/loop.h"
#include "stats/options.h"
#include "stats/output/format.h"
#include "stats/output/output_file.h"
#include "stats/output/printer.h"
#include "stats/source/reader_set.h"
#include "stats/source/run_statistics.h"
#include "stats/source/stray_packets.h"

namespace tally::stats {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// The first sample comes after at most this time.
constexpr nanoseconds kFirstSample = std::chrono::milliseconds(250);

// All are told. The status is that of the first; 0 where there is none.
int fail(const std::vector<Error>& errors, const Options& options) {
    for (const Error& error : errors) {
        if (wait_until_writable(STDERR_FILENO)) {
            print_error(kProgramName, error, options.format == Format::kJson);
        }
    }
    return errors.empty() ? 0 : exit_status(errors.front().kind);
}

// A single reading waits for a loader that is replacing a map, at most for Transition::kLongest.
Result<void> wait_for_transitions(ReaderSet& readers) {
    constexpr std::chrono::milliseconds kPause(5);
    while (readers.any_in_transition() && !wait_for_stop(kPause)) {
        TALLY_TRY(readers.follow_polled());
    }
    return {};
}

// All sources are started before anything is printed.
Result<int> start_sources(ReaderSet& readers, const Options& options) {
    readers.add_sources(options.sources);
    std::vector<Result<void>> started;
    for (const ReaderSet::Member& member : readers.members()) {
        started.push_back(member.reader->start());
    }
    if (options.once) {
        TALLY_TRY(wait_for_transitions(readers));
    }
    std::vector<Error> errors;
    for (std::size_t i = 0; i < started.size(); ++i) {
        const Reader& reader = *readers.members()[i].reader;
        if (!started[i]) {
            errors.push_back(std::move(started[i]).error());
        } else if (options.once && !reader.ready()) {
            errors.push_back(reader.explain_missing());
        }
    }
    return fail(errors, options);
}

Result<int> start_all(ReaderSet& readers, const Options& options) {
    TALLY_TRY(readers.discover());
    if (options.once) {
        TALLY_TRY(wait_for_transitions(readers));
    }
    if (readers.members().empty() && readers.check_all_were_read()) {
        Notices(options.quiet, options.verbose)
            .say(readers.context().bpffs.path,
                 fmt::format("no counter map is pinned below it{}{}",
                             readers.may_be_more() ? " where this user may look" : "",
                             options.once ? "" : " yet; waiting"));
    }
    return 0;
}

Detail detail_of(const Options& options) {
    if (options.per_program) {
        return Detail::kPerProgram;
    }
    return options.per_cpu ? Detail::kPerCpu : Detail::kNone;
}

// For samples, which are taken until something else ends that.
Pace pace_of(const Options& options, steady_clock::time_point begin) {
    Pace pace;
    pace.first = std::min(options.interval, kFirstSample);
    pace.interval = options.interval;
    pace.rounds = options.count;
    pace.rounds_from_first_shown = options.wait;
    if (options.within) {
        pace.all_found_by = begin + *options.within;
    }
    return pace;
}

// What shows samples returns whether there was anything to read, as run_loop does.
Result<bool> print(ReaderSet& readers, const Options& options, const Pace& pace) {
    std::optional<OutputFile> file;
    if (options.output) {
        TALLY_ASSIGN_OR_RETURN(file, OutputFile::at(*options.output));
    }
    const bool terminal = !file && ::isatty(STDOUT_FILENO) == 1;
    const auto output = make_format(options.format, detail_of(options), terminal);
    Printer printer(*output, file ? &*file : nullptr);
    if (options.once) {
        TALLY_TRY(run_once(readers, printer));
        TALLY_TRY(readers.check_all_were_read());
        return true;
    }
    return run_loop(readers, printer, pace);
}

Result<bool> show_live(ReaderSet& readers, const Options& options, Pace pace) {
    stop_on_terminal_signals();
    TALLY_ASSIGN_OR_RETURN(auto screen, Screen::open());
    // Its destructor restores the terminal, before an error is printed.
    View view(std::move(screen), pace, options.totals, readers);
    return run_loop(readers, view, pace);
}

Result<bool> show(ReaderSet& readers, const Options& options, const Pace& pace) {
    if (options.live) {
        return show_live(readers, options, pace);
    }
    if (options.listen) {
        TALLY_TRY(serve(readers, *options.listen, options.user, options.cost,
                        Notices(options.quiet, options.verbose)));
        return true;
    }
    return print(readers, options, pace);
}

// Why there was nothing to read: an error for each source that is missing. The status of the run.
int explain_nothing(const ReaderSet& readers, const Options& options) {
    std::vector<Error> errors;
    for (const ReaderSet::Member& member : readers.members()) {
        if (!member.reader->ready()) {
            errors.push_back(member.reader->explain_missing());
        }
    }
    if (errors.empty()) {
        errors.push_back(
            make_error(ErrorKind::kNotFound, "taking samples", "the pins were missing in every round"));
    }
    return fail(errors, options);
}

Result<void> report_expectations(const ExpectationCheck& check, const Options& options,
                                 steady_clock::time_point begin) {
    if (!options.quiet) {
        TALLY_TRY(write_to_stdout(options.format == Format::kJson
                                      ? check.describe_as_json(steady_clock::now() - begin)
                                      : check.describe()));
    }
    if (check.met()) {
        return {};
    }
    return check.unmet(stop_requested() ? std::nullopt : std::optional(options.within_text),
                       options.settle_text);
}

Result<void> expect(ReaderSet& readers, const Options& options, steady_clock::time_point begin) {
    std::vector<std::string> titles;
    titles.reserve(readers.members().size());
    for (const ReaderSet::Member& member : readers.members()) {
        titles.push_back(member.reader->title());
    }
    Pace pace;
    pace.interval = options.interval;
    pace.limit = begin + *options.within;
    ExpectationCheck check(options.expectations, titles, options.settle, pace);
    TALLY_TRY(run_loop(readers, check, pace));
    auto reported = report_expectations(check, options, begin);
    if (reported || reported.error().kind != ErrorKind::kUnmet) {
        return reported;
    }
    if (check.lacks_tracking()) {
        return std::move(reported).error().with_hint(readers.tracking_hint());
    }
    if (const auto excess = check.exceeded()) {
        const Reader& reader = *readers.members()[*excess].reader;
        if (const auto& device = reader.report().device) {
            return std::move(reported).error().with_hint(hint_at_stray_packets(*device, reader.context()));
        }
    }
    return reported;
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
    Pace pace;
    return report_expectations(ExpectationCheck(options.expectations, titles, options.settle, pace), options,
                               begin);
}

Result<RunStatistics> switch_on_statistics(const Options& options) {
    auto statistics = RunStatistics::enable();
    if (statistics) {
        Notices(options.quiet, options.verbose)
            .say("--cost",
                 fmt::format("while this runs, each run of any BPF program takes about {:.1f} ns longer; an "
                             "empty one is reported as {:.1f} ns, which is taken off",
                             statistics->overhead(), statistics->empty()));
    }
    return statistics;
}

// The exit status, where no error ends the run.
Result<int> run(Options options) {
    if (options.live) {
        options.per_cpu = true;
        TALLY_TRY(Screen::check());
    }
    route_library_log(options.verbose);
    TALLY_TRY(install_stop_signals());
    report_closed_pipes();
    const auto begin = steady_clock::now();
    TALLY_ASSIGN_OR_RETURN(
        auto contexts,
        find_contexts(options, options.within ? begin + *options.within : steady_clock::time_point::max()));
    if (!contexts) {
        TALLY_TRY(give_up(options, begin));
        return 0;
    }
    TALLY_TRY(options.all ? check_bpffs(contexts->own.bpffs) : check_devices(options.sources, *contexts));
    std::optional<RunStatistics> statistics;
    if (options.cost) {
        TALLY_ASSIGN_OR_RETURN(statistics, switch_on_statistics(options));
    }
    ReadRequest request;
    request.run_statistics = statistics ? &*statistics : nullptr;
    request.wait = options.wait;
    request.per_cpu = options.per_cpu;
    request.per_program = options.per_program;
    request.totals = options.live ? Totals::kMap : options.totals;  // the view has all of them
    request.keep_going = (options.all && !options.once) || options.listen;
    request.spare_descriptors += options.listen ? exporter_descriptors() : 0;
    request.notices = Notices(options.quiet, options.verbose);
    ReaderSet readers(std::move(contexts->own), request);
    for (auto& [netns, context] : contexts->named) {
        TALLY_TRY(readers.add_context(netns, std::move(context)));
    }
    TALLY_TRY(readers.read_delivery());
    TALLY_ASSIGN_OR_RETURN(const int status,
                           options.all ? start_all(readers, options) : start_sources(readers, options));
    if (status != 0) {
        return status;
    }
    if (!options.expectations.empty()) {
        TALLY_TRY(expect(readers, options, begin));
        return 0;
    }
    TALLY_ASSIGN_OR_RETURN(const bool anything, show(readers, options, pace_of(options, begin)));
    return anything || options.all ? 0 : explain_nothing(readers, options);
}

int run_and_tell(const Options& options) {
    auto status = run(options);
    return status ? *status : fail({std::move(status).error()}, options);
}

}  // namespace
}  // namespace tally::stats

int main(int argc, char** argv) {
    return tally::run_program([argc, argv](bool& json) {
        const auto parsed = tally::stats::parse_options(argc, argv);
        if (const auto* exit = std::get_if<tally::EarlyExit>(&parsed)) {
            return tally::exit_early(tally::stats::kProgramName, *exit);
        }
        const auto& options = std::get<tally::stats::Options>(parsed);
        json = options.format == tally::stats::Format::kJson;
        tally::throw_when_out_of_memory();
        return tally::stats::run_and_tell(options);
    });
}
