// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/killed_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include "common/pins/pin_names.h"
#include "loader/change/detach_ours.h"
#include "loader/device/device_inspection.h"

namespace tally::loader {
namespace {

void leave_out(XdpHook& hook, std::uint32_t program_id) {
    auto& components = hook.dispatcher->components;
    std::erase_if(components, [&](const Component& component) { return component.program_id == program_id; });
    if (components.empty()) {
        hook.dispatcher.reset();
        hook.program.reset();
    }
}

}  // namespace

std::string describe_killed_run(const DeviceState& state) {
    const Component* const left = state.left_by_killed_run();
    return left == nullptr ? std::string()
                           : fmt::format("a killed `xdp_loader --run` left program {} '{}' in the dispatcher",
                                         left->program_id, state.meta->program);
}

Result<std::string> end_killed_run(DeviceState& state, const NetnsContext& context,
                                   const std::string& directory, bool dry_run) {
    std::string words = describe_killed_run(state);
    if (const Component* const left = state.left_by_killed_run(); left != nullptr && dry_run) {
        leave_out(state.place ? state.place->link.hook : state.hook, left->program_id);
        state.place.reset();
        state.ours = Ours::kNothing;
        state.our_program.reset();
        words += ": it would be detached first";
    } else if (left != nullptr) {
        TALLY_TRY(detach_our_component(context, state));
        const auto interface = state.interface;
        state = inspect_device(context, directory, interface);
        if (state.trouble) {
            return *state.trouble;
        }
        words += ": it was detached first";
    }
    if (!dry_run && !state.reserved_by_run) {
        ::rmdir((directory + '/' + kRunName).c_str());
    }
    return words;
}

}  // namespace tally::loader
