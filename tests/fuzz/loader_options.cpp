// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Any command line is either understood or refused in words.
#include "loader/options.h"

#include "command_line.h"

using namespace tally;
using namespace tally::loader;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const CommandLine line("xdp_loader", data, size);
    const auto parsed = parse_options(line.count(), line.arguments());
    if (const auto* exit = std::get_if<EarlyExit>(&parsed)) {
        check_early_exit(*exit, "xdp_loader");
        return 0;
    }
    const auto& options = std::get<Options>(parsed);
    const bool attaches = options.verb == Verb::kLoad || options.verb == Verb::kRun;
    const bool runs_test = options.verb == Verb::kTryRun;
    REQUIRE(!options.devices.empty() || !(attaches || options.verb == Verb::kUnload));
    REQUIRE(options.devices.empty() || !(runs_test || options.verb == Verb::kListPrograms));
    REQUIRE((options.verb == Verb::kRun) == !options.command.empty());
    REQUIRE(runs_test == options.try_run.has_value());
    REQUIRE((options.load.program.action == Action::kRedirect) == !options.load.program.redirect_to.empty());
    REQUIRE(options.load.new_maps.empty() || options.load.reuse_maps);
    REQUIRE(!options.follow || (options.verb == Verb::kObserve && !options.dry_run));
    REQUIRE(!options.unload_id || (*options.unload_id > 0 && options.verb == Verb::kUnload));
    REQUIRE(!options.keep_maps || options.verb == Verb::kUnload || options.verb == Verb::kRun);
    REQUIRE(options.load.program.progname.empty() || !options.load.program.filename.empty());
    REQUIRE(attaches || (!options.load.force && !options.load.reuse_maps));
    REQUIRE(attaches || runs_test || options.verb == Verb::kListPrograms ||
            options.load.program.filename.empty());
    REQUIRE(!(options.quiet && options.verbose));
    return 0;
}
