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

// Nobody should wait long for the first numbers.
constexpr std::chrono::nanoseconds kFirstBlock = std::chrono::milliseconds(250);

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
// signal ended that.
Result<std::optional<Place>> find_place(const Options& options) {
    constexpr int kPollMilliseconds = 50;
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
                .say(options.netns, "there is no such network namespace yet; waiting");
        }
        pollfd stop = {stop_descriptor(), POLLIN, 0};
        if (::poll(&stop, 1, kPollMilliseconds) > 0) {
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

Result<void> show(std::vector<Reader>& readers, PinWatcher& watcher, const Options& options) {
    const auto output = make_output(options.format, options.per_cpu, ::isatty(STDOUT_FILENO) == 1);
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

Result<void> expect(std::vector<Reader>& readers, PinWatcher& watcher, const Options& options) {
    std::vector<std::string> titles;
    titles.reserve(readers.size());
    for (const Reader& reader : readers) {
        titles.push_back(reader.title());
    }
    Expecter expecter(options.expectations, titles);
    Pace pace;
    pace.interval = options.interval;
    pace.limit = options.within;
    const auto begin = std::chrono::steady_clock::now();
    TALLY_TRY(run_loop(readers, watcher, expecter, pace));
    if (!options.quiet) {
        TALLY_TRY(write_record(options.format == Format::kJson
                                   ? expecter.describe_as_json(std::chrono::steady_clock::now() - begin)
                                   : expecter.describe()));
    }
    return expecter.all_held() ? Result<void>() : expecter.unmet(options.within_text);
}

int run(Options options) {
    route_library_log(options.verbose);
    if (const auto ready = install_stop_signals(); !ready) {
        return fail(ready.error(), options);
    }
    const auto place = find_place(options);
    if (!place) {
        return fail(place.error(), options);
    }
    if (!*place) {
        return 0;
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
    const auto done =
        options.expectations.empty() ? show(readers, watcher, options) : expect(readers, watcher, options);
    return done ? 0 : fail(done.error(), options);
}

}  // namespace
}  // namespace tally::stats

int main(int argc, char** argv) {
    const auto parsed = tally::stats::parse_options(argc, argv);
    if (const auto* exit = std::get_if<tally::stats::EarlyExit>(&parsed)) {
        return tally::stats::leave(*exit);
    }
    return tally::stats::run(std::get<tally::stats::Options>(parsed));
}
