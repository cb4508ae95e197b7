// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/detach_ours.h"

#include <fmt/format.h>

#include "common/network/netns.h"
#include "loader/device/hook_description.h"
#include "loader/device/upper_devices.h"
#include "loader/hook/dispatcher_attach.h"
#include "loader/hook/link_attach.h"

namespace tally::loader {
namespace {

// Where our program is attached: there, for a moment.
template <typename Work>
Result<void> at_its_place(const DeviceState& state, Work work) {
    if (!state.place) {
        return work(state.interface->ifindex);
    }
    const auto inside = [&] { return work(state.place->link.interface.ifindex); };
    return state.place->netns_fd ? inside_netns(state.place->netns_fd, state.place->name(), inside)
                                 : inside();
}

Result<void> detach_attached(const NetnsContext& context, const DeviceState& state) {
    switch (state.ours) {
        case Ours::kLink:
        case Ours::kElsewhere:
            return detach_link(state.link.get());
        case Ours::kComponent:
            return detach_our_component(context, state);
        case Ours::kNetlink:
            return at_its_place(
                state, [&](std::uint32_t ifindex) { return detach_by_netlink(ifindex, *state.our_program); });
        default:
            return {};
    }
}

// What ends the program of the pins, which is not on the device that has their name now.
std::string advise_on_unload(const NetnsContext& context, const DeviceState& state,
                             const std::string& device) {
    if (state.place) {
        return fmt::format("`xdp_loader {} --unload` unloads it there", state.place->option(context));
    }
    // A link can be ended wherever it is.
    return state.link
               ? fmt::format("`xdp_loader {} --unload` unloads it wherever it is", context.option(device))
               : fmt::format(
                     "`xdp_loader {} --unload` as root, outside of containers and units: it looks "
                     "into the namespaces of all processes",
                     context.option(device));
}

// What makes room for a load under the name. That program may have to go on.
std::string advise_on_load(const NetnsContext& context, const DeviceState& state, const std::string& device) {
    // No command for that load: it would have to name the program that is to run there.
    const std::string load =
        state.place && state.place->netns_inode == context.inode
            ? fmt::format("a load on '{}' moves its pins to that name; ", state.place->link.interface.name)
            : std::string();
    return fmt::format("{}--bpffs DIR pins elsewhere; only if that program may end: {}", load,
                       advise_on_unload(context, state, device));
}

}  // namespace

std::string advise_on_stuck_dispatcher(const NetnsContext& context, const DeviceState& state) {
    const std::string option =
        state.place ? state.place->option(context) : context.option(state.interface->name);
    const XdpHook& hook = state.our_hook();
    return hook.dispatcher && hook.dispatcher->components.size() == 1
               ? keep_counts_and_detach(option)
               : advise_to_end_dispatcher(option, hook.program->id);
}

Result<void> detach_our_component(const NetnsContext& context, const DeviceState& state) {
    const Component* const ours = state.our_component();
    if (ours == nullptr) {
        return {};
    }
    auto detached = at_its_place(
        state, [&](std::uint32_t ifindex) { return detach_component(ifindex, ours->program_id); });
    if (!detached && detached.error().kind == ErrorKind::kConflict && detached.error().hint.empty()) {
        detached.error().hint = advise_on_stuck_dispatcher(context, state);
    }
    return detached;
}

Result<void> detach_ours(const NetnsContext& context, const DeviceState& state) {
    auto detached = detach_attached(context, state);
    if (!detached && state.interface && !state.place) {
        explain_stacked_devices(context, *state.interface, detached.error());
    }
    return detached;
}

Error explain_elsewhere(const std::string& what, const NetnsContext& context, const DeviceState& state,
                        const std::string& device, Wish wish) {
    const std::uint32_t program = state.link_info ? state.link_info->program_id : state.meta->program_id;
    auto reason =
        state.place
            ? fmt::format(
                  "the pins of this name are those of '{}': program {} of an earlier load runs there, "
                  "on the interface that had this name",
                  state.place->name(), program)
            : fmt::format(
                  "program {} of an earlier load lives, on an interface that was renamed or moved and "
                  "is in no network namespace that this process can look into",
                  program);
    return make_error(ErrorKind::kConflict, what, std::move(reason))
        .with_hint(wish == Wish::kUnload ? advise_on_unload(context, state, device)
                                         : advise_on_load(context, state, device));
}

}  // namespace tally::loader
