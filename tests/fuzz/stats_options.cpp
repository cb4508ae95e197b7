// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Any command line is either understood or refused in words.
#include "stats/cli/duration.h"
#include "stats/options.h"

#include "command_line.h"

using namespace tally;
using namespace tally::stats;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const CommandLine line("xdp_stats", data, size);
    const auto parsed = parse_options(line.count(), line.arguments());
    if (const auto* exit = std::get_if<EarlyExit>(&parsed)) {
        check_early_exit(*exit, "xdp_stats");
        return 0;
    }
    const auto& options = std::get<Options>(parsed);
    REQUIRE(options.sources.empty() == options.all);
    for (const auto& source : options.sources) {
        REQUIRE((source.kind == Source::Kind::kMapId) == (source.map_id > 0));
    }
    REQUIRE(options.interval >= kSmallestInterval);
    REQUIRE(!options.count || *options.count > 0);
    REQUIRE(!(options.once && (options.count || options.totals == Totals::kSession || options.wait)));
    REQUIRE(options.expectations.empty() || !(options.once || options.count));
    REQUIRE(options.totals != Totals::kLifetime || !(options.per_cpu || options.per_program));
    REQUIRE(!(options.quiet && options.verbose));
    REQUIRE(!options.listen || !options.listen->host.empty());
    REQUIRE(options.listen || !options.user);
    REQUIRE(!(options.live && (options.listen || options.output || options.once)));
    return 0;
}
