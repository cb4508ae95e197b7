// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/report.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>

#include "common/base/error_report.h"
#include "common/pins/bpffs.h"
#include "loader/status_list.h"

namespace tally::loader {
namespace {

// The errno of the first write that failed on stdout, which loses what it was given; 0 as long as none has.
int g_lost_output = 0;

// Of devices that the user did not name, what is fine is nothing to speak of.
bool is_told(const Options& options, const Outcome& outcome) {
    return !is_list(options) && !(options.devices.empty() && is_clean(outcome));
}

bool changes_something(const Options& options) {
    switch (options.verb) {
        case Verb::kLoad:
        case Verb::kObserve:
        case Verb::kUnload:
        case Verb::kClean:
        case Verb::kTrackDelivery:
        case Verb::kUntrackDelivery:
            return !options.dry_run;
        default:
            return false;
    }
}

}  // namespace

void write_to_stdout(const std::string& text) {
    errno = 0;
    const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    if (!written && g_lost_output == 0) {
        g_lost_output = errno != 0 ? errno : EIO;
    }
}

bool is_list(const Options& options) {
    return options.verb == Verb::kStatus && options.devices.size() != 1 && !options.json && !options.verbose;
}

void report(const Options& options, const Outcome& outcome) {
    if (outcome.error) {
        print_error(kProgram, *outcome.error, options.json);
    } else if (!is_told(options, outcome)) {
        return;
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

int write_outcome(const Options& options, const std::string& text) {
    write_to_stdout(text);
    if (g_lost_output == 0) {
        return 0;
    }
    auto error = system_error(g_lost_output, "writing the outcome");
    if (changes_something(options)) {
        error.hint = fmt::format("what was done is done; `xdp_loader {}--status` shows it",
                                 root_option(options.bpffs));
    }
    print_error(kProgram, error, options.json);
    return exit_status(ErrorKind::kSystem);
}

}  // namespace tally::loader
