#include "loader/run.h"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <xdp_tally/abi.h>

#include "loader/child_command.h"
#include "loader/guardian.h"
#include "loader/pin_directory.h"
#include "loader/run_device.h"
#include "loader/verbs.h"

namespace tally::loader {
namespace {

using std::chrono::steady_clock;

// Takes the link's pin away; the descriptor keeps the program attached. None where netlink attached it.
Result<UniqueFd> take_over_link(const std::string& directory) {
    TALLY_TRY_ASSIGN(pins, PinDirectory::lock_existing(directory));
    if (!pins) {
        return UniqueFd();
    }
    auto link = pins->open(XDP_TALLY_LINK_NAME, false);
    if (!link) {
        return link.error().code == ENOENT ? Result<UniqueFd>(UniqueFd()) : link.error();
    }
    TALLY_TRY(pins->remove(XDP_TALLY_LINK_NAME));
    return link;
}

Options unload_options(const Options& options) {
    Options unload = options;
    unload.verb = Verb::kUnload;
    unload.force = false;
    return unload;
}

// The kernel detaches a program with the last descriptor of its link, perhaps a moment later.
Outcome unload_once_free(const Options& unload, Place& place, const std::string& device) {
    constexpr auto kPatience = std::chrono::seconds(10);
    constexpr auto kPause = std::chrono::milliseconds(5);
    const auto give_up = steady_clock::now() + kPatience;
    for (;;) {
        Outcome outcome = run_device(unload, place, device);
        const bool held = outcome.error && outcome.error->kind == ErrorKind::kConflict;
        if (!held || steady_clock::now() > give_up) {
            return outcome;
        }
        std::this_thread::sleep_for(kPause);
    }
}

// What a load would refuse: then there is nothing yet that would have to be taken back.
std::optional<Outcome> find_refusal(const Options& options, Place& place) {
    Options rehearsal = options;
    rehearsal.dry_run = true;
    for (const auto& device : options.devices) {
        if (Outcome outcome = run_device(rehearsal, place, device); outcome.error) {
            return outcome;
        }
    }
    return std::nullopt;
}

}  // namespace

int run_command_loaded(const Options& given, Place& place, const UniqueFd& home,
                       const std::function<void(const Outcome&)>& report) {
    Options options = given;
    options.devices = without_repetitions(given.devices, place);
    if (const auto refusal = find_refusal(options, place)) {
        report(*refusal);
        return exit_status(refusal->error->kind);
    }
    // Before the guardian's copy of the place is made.
    std::string mounted = mount_for_loads(options, place);
    const Options unload = unload_options(options);
    const auto guardian = Guardian::start([&] {
        for (const auto& device : options.devices) {
            unload_once_free(unload, place, device);
        }
    });
    if (!guardian) {
        report(failed_outcome({}, guardian.error()));
        return exit_status(guardian.error().kind);
    }
    std::vector<std::string> loaded;
    std::vector<UniqueFd> links;
    int status = 0;
    for (const auto& device : options.devices) {
        Outcome outcome = run_device(options, place, device);
        if (!outcome.error) {
            loaded.push_back(device);
            auto link = take_over_link(outcome.pin_dir);
            if (link) {
                links.push_back(std::move(*link));
            } else {
                outcome.error = std::move(link).error();
            }
            if (!outcome.error && !mounted.empty()) {
                outcome.notes.push_back(std::exchange(mounted, {}));
            }
        }
        report(outcome);
        if (outcome.error) {
            status = exit_status(outcome.error->kind);
            break;
        }
    }
    if (status == 0) {
        status = run_child_command(options.command, home);
    }
    links.clear();
    for (const auto& device : loaded) {
        const Outcome outcome = unload_once_free(unload, place, device);
        if (outcome.error) {
            report(outcome);
            status = status == 0 ? exit_status(outcome.error->kind) : status;
        }
    }
    return status;
}

}  // namespace tally::loader
