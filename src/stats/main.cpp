// xdp_stats: shows what the counters pinned by xdp_loader, or by others of the same layout, hold.
#include <unistd.h>

#include <cstdio>
#include <variant>
#include <vector>

#include "common/bpffs.h"
#include "common/interface.h"
#include "common/library_log.h"
#include "common/report.h"
#include "stats/hook_socket.h"
#include "stats/loop.h"
#include "stats/options.h"
#include "stats/output.h"
#include "stats/reader.h"
#include "stats/stop_signal.h"

namespace tally::stats {
namespace {

int fail(const Error& error) {
    print_error(kProgramName, error);
    return exit_status(error.kind);
}

Error nothing_pinned(const Source& source, const std::string& pin) {
    auto error = make_error(ErrorKind::kNotFound, "opening the pin " + pin, "nothing is pinned there");
    if (source.kind == Source::Kind::kDevice) {
        error.hint = "`xdp_loader --dev " + source.name + "` loads a counting program";
    }
    return error;
}

// Every source is looked at before anything is printed. The status is that of the first that is not as it
// should be; all of them are named.
int start(std::vector<Reader>& readers, const Options& options) {
    int status = 0;
    for (std::size_t i = 0; i < readers.size(); ++i) {
        auto started = readers[i].start();
        if (started && options.once && !readers[i].ready()) {
            started = nothing_pinned(options.sources[i], readers[i].pin());
        }
        if (!started) {
            const int failure = fail(started.error());
            status = status == 0 ? failure : status;
        }
    }
    return status;
}

// What devices need: names that can be part of a path, and a BPF file system for their pins.
Result<void> check_devices(const Options& options) {
    bool any = false;
    for (const Source& source : options.sources) {
        if (source.kind == Source::Kind::kDevice) {
            TALLY_TRY(check_interface_name(source.name));
            any = true;
        }
    }
    return any ? check_bpffs(options.bpffs) : Result<void>();
}

int leave(const EarlyExit& exit) {
    std::FILE* const stream = exit.status == 0 ? stdout : stderr;
    if (std::fputs(exit.message.c_str(), stream) < 0 || std::fflush(stream) != 0) {
        return fail(last_error("writing to stdout"));
    }
    return exit.status;
}

int run(const Options& options) {
    route_library_log(options.verbose);
    if (const auto ready = install_stop_signals(); !ready) {
        return fail(ready.error());
    }
    if (const auto devices = check_devices(options); !devices) {
        return fail(devices.error());
    }
    const auto netns = current_netns_inode();
    if (!netns) {
        return fail(netns.error());
    }
    auto hooks = HookSocket::open();
    if (!hooks) {
        return fail(hooks.error());
    }
    PinWatcher watcher;
    std::vector<Reader> readers;
    readers.reserve(options.sources.size());
    for (const Source& source : options.sources) {
        readers.emplace_back(source, options, *netns, *hooks, watcher);
    }
    if (const int status = start(readers, options); status != 0) {
        return status;
    }
    const auto output = make_output(options.format, options.per_cpu, ::isatty(STDOUT_FILENO) == 1);
    const auto done =
        options.once ? run_once(readers, *output) : run_until_done(readers, watcher, *output, options);
    return done ? 0 : fail(done.error());
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
