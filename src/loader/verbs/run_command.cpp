// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/run_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/directory.h"
#include "common/base/exceptions.h"
#include "common/pins/bpffs_mount.h"
#include "common/pins/pin_names.h"
#include "loader/change/detach_ours.h"
#include "loader/device/device_inspection.h"
#include "loader/device/pin_directory.h"
#include "loader/device/pin_removal.h"
#include "loader/hook/link_attach.h"
#include "loader/hook/surroundings.h"
#include "loader/verbs/child_command.h"
#include "loader/verbs/load.h"

namespace tally::loader {
namespace {

struct LoadedDevice {
    std::string name;
    std::string directory;  // of its pins
    std::uint32_t program_id = 0;
    RunHold hold;
};

// What a load on a later device would refuse: then nothing has to be unloaded from those before it.
Result<void> check_later_devices(const RunRequest& request, NetnsContext& context) {
    LoadRequest dry_run = request.load;
    dry_run.dry_run = true;
    for (std::size_t i = 1; i < request.devices.size(); ++i) {
        TALLY_TRY(load(dry_run, context, request.devices[i]));
    }
    return {};
}

Result<void> end_run(const NetnsContext& context, const LoadedDevice& device, bool keep_maps) {
    if (device.hold.link) {
        const auto detached = detach_link(device.hold.link.get());
        if (!detached && detached.error().kind != ErrorKind::kNotFound) {  // the device is gone
            return detached.error();
        }
    }
    TALLY_ASSIGN_OR_RETURN(auto pins, PinDirectory::lock_existing(device.directory));
    const auto state = inspect_device(context, device.directory, std::nullopt);
    if (state.trouble) {
        return *state.trouble;
    }
    if (!pins || !state.meta || state.meta->program_id != device.program_id) {
        return make_error(
            ErrorKind::kNotFound, fmt::format("unloading from '{}'", device.name),
            fmt::format("the pins of program {} are no longer in {}", device.program_id, device.directory));
    }
    if (!device.hold.link && !state.our_component() && state.attach_state == AttachState::kUnknown) {
        return explain_elsewhere(fmt::format("unloading from '{}'", device.name), context, state, device.name,
                                 Wish::kUnload);
    }
    TALLY_TRY(detach_our_component(context, state));
    for (const auto& pin : our_pins(state, keep_maps)) {
        TALLY_TRY(pins->remove(pin));
    }
    ::rmdir((device.directory + '/' + kRunName).c_str());
    return {};
}

// What is pinned there still.
Result<std::vector<std::string>> find_left_pins(const std::string& directory) {
    TALLY_ASSIGN_OR_RETURN(auto left, list_directory_if_any(directory));
    std::erase_if(left, is_reserved_directory);
    for (auto& name : left) {
        name = fmt::format("{}/{}", directory, name);
    }
    return left;
}

// What failed once may have met a moment without memory. When this process ends, the kernel ends its link,
// and what is left are pins; and a component, which an unload takes out of the dispatcher.
Result<void> end_run_surely(const NetnsContext& context, const LoadedDevice& device, bool keep_maps) {
    if (end_run(context, device, keep_maps)) {
        return {};
    }
    auto ended = end_run(context, device, keep_maps);
    if (ended || ended.error().kind == ErrorKind::kNotFound || !ended.error().hint.empty()) {
        return ended;
    }
    const auto left = find_left_pins(device.directory);
    if (left && left->empty()) {
        return ended;
    }
    if (left && !keep_maps) {
        ended.error().details = fmt::format("left: {}\n", fmt::join(*left, "\nleft: "));
    }
    const std::string option = context.option(device.name);
    ended.error().hint =
        keep_maps ? fmt::format("`xdp_loader {} --unload --keep-maps` removes what the run has left", option)
                  : fmt::format("`xdp_loader {} --unload` removes what the run has left", option);
    return ended;
}

}  // namespace

int run_command_loaded(const RunRequest& request, NetnsContext& context, const UniqueFd& home,
                       const std::function<void(const Outcome&)>& report) {
    const auto fail = [&](Error failure) {
        Outcome outcome = failed_outcome({}, explain_surroundings(std::move(failure)));
        tell_mounted(outcome, std::exchange(context.bpffs.mounted, {}));
        report(outcome);
        return exit_status(outcome.error->kind);
    };
    const auto inherited = hold_signals();
    auto checked = check_named_bpffs(context.bpffs);
    if (checked) {
        checked = check_later_devices(request, context);
    }
    if (!checked) {
        return fail(std::move(checked).error());
    }
    mount_for_loads(request.devices, context);
    std::vector<LoadedDevice> loaded;
    int status = 0;
    for (const auto& device : request.devices) {
        RunHold hold;
        auto outcome = without_exceptions([&] { return load(request.load, context, device, &hold); });
        if (!outcome) {
            status = fail(std::move(outcome).error());
            break;
        }
        tell_mounted(*outcome, std::exchange(context.bpffs.mounted, {}));
        outcome->netns = context.netns;
        report(*outcome);
        loaded.push_back({device, outcome->pin_dir, outcome->program->id, std::move(hold)});
    }
    if (status == 0) {
        status = run_child_command(request.command, home, inherited);
    }
    for (const auto& device : loaded) {
        auto ended = without_exceptions([&] { return end_run_surely(context, device, request.keep_maps); });
        if (!ended) {
            const int failure = fail(std::move(ended).error());
            status = status == 0 ? failure : status;
        }
    }
    return status;
}

}  // namespace tally::loader
