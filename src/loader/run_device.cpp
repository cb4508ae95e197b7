#include "loader/run_device.h"

#include <algorithm>

#include "common/bpffs.h"
#include "loader/verbs.h"

namespace tally::loader {
namespace {

Result<Outcome> run_verb(const Options& options, Place& place, const std::string& device) {
    TALLY_TRY(check_named_bpffs(place.bpffs));
    switch (options.verb) {
        case Verb::kUnload:
            return unload(options, place, device);
        case Verb::kStatus:
            return status(place, device);
        case Verb::kClean:
            return clean(options, place, device);
        case Verb::kObserve:
            return observe(options, place, device);
        default:
            return load(options, place, device);
    }
}

Outcome complete(Result<Outcome> result, const Options& options, const Place& place,
                 const std::string& device) {
    Outcome outcome = result ? std::move(*result) : failed_outcome(device, std::move(result).error());
    outcome.netns = place.netns;
    outcome.dry_run = options.dry_run;
    return outcome;
}

}  // namespace

std::vector<std::string> without_repetitions(const std::vector<std::string>& devices, const Place& place) {
    std::vector<std::string> once;
    for (const auto& device : devices) {
        const auto interface = place.find(device);
        const std::string name = interface && *interface ? (*interface)->name : device;
        if (std::find(once.begin(), once.end(), name) == once.end()) {
            once.push_back(name);
        }
    }
    return once;
}

Outcome run_device(const Options& options, Place& place, const std::string& device) {
    auto result = run_verb(options, place, device);
    return complete(std::move(result), options, place, device);
}

Outcome end_run(const Options& options, Place& place, const std::string& device, std::uint32_t program_id) {
    return complete(unload(options, place, device, program_id), options, place, device);
}

}  // namespace tally::loader
