// Any command line is either understood or refused in words.
#include <algorithm>

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
    REQUIRE(!options.devices.empty() || options.verb == Verb::kStatus || options.verb == Verb::kClean);
    REQUIRE((options.action == "redirect") == !options.redirect_to.empty());
    constexpr const char* kActions[] = {"pass", "drop", "aborted", "tx", "redirect"};
    REQUIRE(std::find(std::begin(kActions), std::end(kActions), options.action) != std::end(kActions));
    REQUIRE(!options.unload_id || (*options.unload_id > 0 && options.verb == Verb::kUnload));
    REQUIRE(!options.keep_maps || options.verb == Verb::kUnload);
    REQUIRE(options.progname.empty() || !options.filename.empty());
    REQUIRE(options.verb == Verb::kLoad ||
            (!options.force && !options.reuse_maps && options.filename.empty()));
    REQUIRE(!(options.quiet && options.verbose));
    return 0;
}
