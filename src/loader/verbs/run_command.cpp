// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/run_command.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <xdp_tally/abi.h>

#include "common/base/unique_fd.h"
#include "common/pins/meta.h"
#include "common/pins/pin_names.h"
#include "loader/apply_verb.h"
#include "loader/device/pin_directory.h"
#include "loader/device/process_lock.h"
#include "loader/verbs/child_command.h"
#include "loader/verbs/guardian.h"
#include "loader/verbs/load.h"
#include "loader/verbs/unload.h"

namespace tally::loader {
namespace {

using std::chrono::steady_clock;

// What keeps others away from a device, and the program attached to it.
struct Hold {
    UniqueFd presence;
    UniqueFd link;  // none where netlink attached it, or in a dispatcher
};

// Takes the link's pin away; the descriptor keeps the program attached.
Result<UniqueFd> take_over_link(PinDirectory& pins) {
    auto link = pins.open(XDP_TALLY_LINK_NAME, false);
    if (!link) {
        return link.error().code == ENOENT ? Result<UniqueFd>(UniqueFd()) : link.error();
    }
    TALLY_TRY(pins.remove(XDP_TALLY_LINK_NAME));
    return link;
}

// kConflict where another loader came in between: then what runs there is not ours to unload.
Result<Hold> take_hold(const Outcome& loaded) {
    const std::string& directory = loaded.pin_dir;
    const auto lost =
        make_error(ErrorKind::kConflict, fmt::format("running a command under '{}'", loaded.dev),
                   "another loader has replaced or unloaded the program already")
            .with_hint("try again, once the other one is through");
    TALLY_ASSIGN_OR_RETURN(auto pins, PinDirectory::lock_existing(directory));
    const auto meta = read_meta(directory + '/' + XDP_TALLY_META_NAME);
    if (!pins || !meta || meta->program_id != loaded.program->id) {
        return lost;
    }
    TALLY_ASSIGN_OR_RETURN(auto presence, take_process_lock(directory + '/' + kRunName));
    if (!presence) {
        return lost;
    }
    TALLY_ASSIGN_OR_RETURN(auto link, take_over_link(*pins));
    return Hold{std::move(*presence), std::move(link)};
}

Options unload_options(const Options& options) {
    Options unload = options;
    unload.verb = Verb::kUnload;
    unload.force = false;
    return unload;
}

// The kernel detaches a program with the last descriptor of its link, perhaps a moment later.
Outcome unload_once_free(const std::function<Outcome()>& unload) {
    constexpr auto kPatience = std::chrono::seconds(10);
    constexpr auto kPause = std::chrono::milliseconds(5);
    const auto give_up = steady_clock::now() + kPatience;
    for (;;) {
        Outcome outcome = unload();
        const bool held = outcome.error && outcome.error->kind == ErrorKind::kConflict;
        if (!held || steady_clock::now() > give_up) {
            return outcome;
        }
        std::this_thread::sleep_for(kPause);
    }
}

// What a load would refuse: then there is nothing yet that would have to be taken back.
std::optional<Outcome> find_refusal(const Options& options, NetnsContext& context) {
    Options rehearsal = options;
    rehearsal.dry_run = true;
    for (const auto& device : options.devices) {
        if (Outcome outcome = apply_verb(rehearsal, context, device); outcome.error) {
            return outcome;
        }
    }
    return std::nullopt;
}

}  // namespace

int run_command_loaded(const Options& given, NetnsContext& context, const UniqueFd& home,
                       const std::function<void(const Outcome&)>& report) {
    Options options = given;
    options.devices = without_repetitions(given.devices, context);
    if (const auto refusal = find_refusal(options, context)) {
        report(*refusal);
        return exit_status(refusal->error->kind);
    }
    // Before the guardian's copy of the place is made.
    std::string mounted = mount_for_loads(options.devices, context);
    const Options unload = unload_options(options);
    const auto end_by_id = [&](const std::string& device, std::uint32_t program) {
        return unload_once_free([&] { return end_run(unload, context, device, program); });
    };
    const auto guardian = Guardian::start([&](const std::vector<std::uint32_t>& programs) {
        for (std::size_t i = 0; i < programs.size(); ++i) {
            end_by_id(options.devices[i], programs[i]);
        }
        if (programs.size() < options.devices.size()) {
            // This one may have been loaded just now; those after it were not begun.
            const std::string& device = options.devices[programs.size()];
            unload_once_free([&] { return apply_verb(unload, context, device); });
        }
    });
    if (!guardian) {
        report(failed_outcome({}, guardian.error()));
        return exit_status(guardian.error().kind);
    }
    std::vector<std::pair<std::string, std::uint32_t>> loaded;  // with the programs' ids
    std::vector<Hold> holds;
    int status = 0;
    for (const auto& device : options.devices) {
        Outcome outcome = apply_verb(options, context, device);
        if (!outcome.error) {
            guardian->tell(outcome.program->id);
            auto hold = take_hold(outcome);
            if (hold || hold.error().kind != ErrorKind::kConflict) {
                loaded.emplace_back(device, outcome.program->id);
            }
            if (hold) {
                holds.push_back(std::move(*hold));
            } else {
                outcome.error = std::move(hold).error();
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
    for (auto& hold : holds) {
        hold.link.reset();
    }
    for (const auto& [device, program] : loaded) {
        const Outcome outcome = end_by_id(device, program);
        if (outcome.error) {
            report(outcome);
            status = status == 0 ? exit_status(outcome.error->kind) : status;
        }
    }
    return status;
}

}  // namespace tally::loader
