// xdp_stats: shows what the counters pinned by xdp_loader, or by others of the same layout, hold.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <variant>
#include <vector>

#include "common/bpffs.h"
#include "common/interface.h"
#include "common/library_log.h"
#include "common/link_socket.h"
#include "common/netns.h"
#include "common/place.h"
#include "common/report.h"
#include "stats/expecter.h"
#include "stats/loop.h"
#include "stats/options.h"
#include "stats/output.h"
#include "stats/printer.h"
#include "stats/reader.h"
#include "stats/remarks.h"
#include "stats/stop_signal.h"

namespace tally::stats {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// Nobody should wait long for the first numbers.
constexpr nanoseconds kFirstBlock = std::chrono::milliseconds(250);

int fail(const Error& error, const Options& options) {
    print_error(kProgramName, error, options.format == Format::kJson);
    return exit_status(error.kind);
}

Error nothing_pinned(const Source& source, const Place& place, const std::string& pin) {
    auto error = make_error(ErrorKind::kNotFound, "opening the pin " + pin, "nothing is pinned there");
    if (source.kind == Source::Kind::kDevice) {
        error.hint = "`xdp_loader " + place.option(source.name) + "` loads a counting program";
    }
    return error;
}

// Every source is looked at before anything is printed. The status is that of the first that is not as it
// should be; all of them are named.
int start(std::vector<Reader>& readers, const Place& place, const Options& options) {
    int status = 0;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        auto started = readers[i].start();
        if (started && options.once && !readers[i].ready()) {
            started = nothing_pinned(options.sources[i], place, readers[i].pin());
        }
        if (!started) {
            const int failure = fail(started.error(), options);
            status = status == 0 ? failure : status;
        }
    }
    return status;
}

// Where the devices are. A namespace that does not exist yet is waited for if the run waits; none where a
// signal or the time limit of --expect ended that.
Result<std::optional<Place>> find_place(const Options& options, steady_clock::time_point limit) {
    constexpr int kPollMilliseconds = 20;
    for (bool said = false;; said = true) {
        TALLY_TRY_ASSIGN(place, go_to_place(options.netns, options.bpffs));
        if (place.sight != Place::Sight::kGone) {
            return std::optional(std::move(place));
        }
        if (!options.wait) {
            return *place.obstacle;
        }
        if (!said) {
            Remarks(options.quiet, options.verbose)
                .say(*options.netns, "there is no such network namespace yet; waiting");
        }
        pollfd stop = {stop_descriptor(), POLLIN, 0};
        if (::poll(&stop, 1, kPollMilliseconds) > 0 || steady_clock::now() >= limit) {
            return std::optional<Place>();
        }
    }
}

// What devices need: names that can be part of a path, and a BPF file system for their pins. A device that
// was named by an alternative name gets its own.
Result<void> check_devices(std::vector<Source>& sources, const Place& place) {
    bool any = false;
    for (Source& source : sources) {
        if (source.kind == Source::Kind::kDevice) {
            TALLY_TRY_ASSIGN(interface, place.find(source.name));
            if (interface) {
                source.name = interface->name;
            }
            any = true;
        }
    }
    return any ? check_bpffs(place.bpffs) : Result<void>();
}

int leave(const EarlyExit& exit) {
    std::FILE* const stream = exit.status == 0 ? stdout : stderr;
    if (std::fputs(exit.message.c_str(), stream) < 0 || std::fflush(stream) != 0) {
        return fail(last_error("writing to stdout"), Options());
    }
    return exit.status;
}

Detail detail_of(const Options& options) {
    if (options.per_program) {
        return Detail::kPerProgram;
    }
    return options.per_cpu ? Detail::kPerCpu : Detail::kNone;
}

Result<void> show(std::vector<Reader>& readers, PinWatcher& watcher, const Options& options) {
    const auto output = make_output(options.format, detail_of(options), ::isatty(STDOUT_FILENO) == 1);
    if (options.once) {
        return print_once(readers, *output);
    }
    Printer printer(*output);
    Pace pace;
    pace.first = std::min(options.interval, kFirstBlock);
    pace.interval = options.interval;
    pace.rounds = options.count;
    return run_loop(readers, watcher, printer, pace);
}

Result<void> report_expectations(const Expecter& expecter, const Options& options,
                                 steady_clock::time_point begin) {
    if (!options.quiet) {
        TALLY_TRY(write_record(options.format == Format::kJson
                                   ? expecter.describe_as_json(steady_clock::now() - begin)
                                   : expecter.describe()));
    }
    if (expecter.all_held()) {
        return {};
    }
    return expecter.unmet(stop_requested() ? std::nullopt : std::optional(options.within_text));
}

Result<void> expect(std::vector<Reader>& readers, PinWatcher& watcher, const Options& options,
                    steady_clock::time_point begin) {
    std::vector<std::string> titles;
    titles.reserve(readers.size());
    for (const Reader& reader : readers) {
        titles.push_back(reader.title());
    }
    Expecter expecter(options.expectations, titles);
    Pace pace;
    pace.interval = options.interval;
    pace.limit = std::max(begin + options.within - steady_clock::now(), nanoseconds(0));
    TALLY_TRY(run_loop(readers, watcher, expecter, pace));
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
        titles.push_back(*options.netns + '/' + source.name);
    }
    return report_expectations(Expecter(options.expectations, titles), options, begin);
}

int run(Options options) {
    route_library_log(options.verbose);
    if (const auto ready = install_stop_signals(); !ready) {
        return fail(ready.error(), options);
    }
    const auto begin = steady_clock::now();
    const auto place = find_place(
        options, options.expectations.empty() ? steady_clock::time_point::max() : begin + options.within);
    if (!place) {
        return fail(place.error(), options);
    }
    if (!*place) {
        const auto given_up = give_up(options, begin);
        return given_up ? 0 : fail(given_up.error(), options);
    }
    if (const auto devices = check_devices(options.sources, **place); !devices) {
        return fail(devices.error(), options);
    }
    const auto netns = current_netns_inode();
    if (!netns) {
        return fail(netns.error(), options);
    }
    auto links = LinkSocket::open();
    if (!links) {
        return fail(links.error(), options);
    }
    PinWatcher watcher;
    std::vector<Reader> readers;
    readers.reserve(options.sources.size());
    for (const Source& source : options.sources) {
        readers.emplace_back(source, options, **place, *netns, *links, watcher);
    }
    if (const int status = start(readers, **place, options); status != 0) {
        return status;
    }
    const auto done = options.expectations.empty() ? show(readers, watcher, options)
                                                   : expect(readers, watcher, options, begin);
    return done ? 0 : fail(done.error(), options);
}

}  // namespace
}  // namespace tally::stats

int main(int argc, char** argv) {
    const auto parsed = tally::stats::parse_options(argc, argv);
    if (const auto* exit = std::get_if<tally::EarlyExit>(&parsed)) {
        return tally::stats::leave(*exit);
    }
    return tally::stats::run(std::get<tally::stats::Options>(parsed));
}
