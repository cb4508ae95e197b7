// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/status.h"

#include <fmt/format.h>
#include <net/if.h>

#include <memory>
#include <set>

#include "common/base/directory.h"
#include "common/kernel/link_socket.h"
#include "common/kernel/netns.h"
#include "common/pins/abi_names.h"
#include "common/pins/bpffs.h"
#include "common/pins/counter_map.h"
#include "common/pins/pin_names.h"
#include "loader/change/killed_run.h"
#include "loader/device/device_state.h"
#include "loader/device/hook_description.h"
#include "loader/device/pin_removal.h"
#include "loader/hook/surroundings.h"

namespace tally::loader {
namespace {

std::string explain_unseen(const DeviceState& state) {
    if (state.ours == Ours::kUnreadable) {
        return "cannot tell whether our program runs there: " + state.dispatcher_trouble->message();
    }
    if (state.ours == Ours::kElsewhere && state.interface) {
        return "the link pinned here runs its program on another interface: this one was renamed, or moved "
               "to another network namespace";
    }
    const auto netns = current_netns_inode();
    const bool from_here = state.meta && netns && *netns == state.meta->netns_inode;
    if (const auto name = from_here ? interface_name(state.meta->ifindex) : std::nullopt) {
        return fmt::format("the device was renamed to '{}'; the next load there moves the pins", *name);
    }
    return "the pins' device cannot be seen from here: it is in another network namespace";
}

void explain_observation(const DeviceState& state, const std::string& option, Outcome& outcome) {
    switch (state.attach_state) {
        case AttachState::kDetached:
            outcome.notes.push_back(fmt::format(
                "the observed program is gone; once another one is attached, `xdp_loader {0} "
                "--observe` continues with the pinned maps; `xdp_loader {0} --clean` removes them",
                option));
            break;
        case AttachState::kStale:
            outcome.notes.push_back(fmt::format(
                "another program has replaced the observed one; `xdp_loader {} --observe` observes it",
                option));
            break;
        default:
            break;
    }
}

void explain_state(const DeviceState& state, const NetnsContext& context, const std::string& option,
                   Outcome& outcome) {
    switch (state.attach_state) {
        case AttachState::kForeign:
            if (const auto& program = state.hook.program ? state.hook.program : state.hook.offloaded) {
                outcome.notes.push_back(identify_holder(context, state, *program).description);
            }
            break;
        case AttachState::kDetached:
            outcome.notes.push_back(
                fmt::format("no program counts into the pinned maps; a load with --reuse-maps continues with "
                            "them, `xdp_loader {} --clean` removes them",
                            option));
            break;
        case AttachState::kStale:
            outcome.notes.push_back(
                fmt::format("the program that runs here does not count into the pinned maps; `xdp_loader {} "
                            "--clean` removes them, and leaves it alone",
                            option));
            break;
        case AttachState::kUnknown:
            outcome.notes.push_back(explain_unseen(state));
            break;
        case AttachState::kOrphaned:
            outcome.notes.push_back(
                fmt::format("the pins' device is gone; `xdp_loader {} --clean` removes them", option));
            break;
        default:
            break;
    }
}

void explain(const DeviceState& state, const NetnsContext& context, const std::string& directory,
             Outcome& outcome) {
    const std::string option = context.option(outcome.dev);
    if (state.ours == Ours::kObservation && state.attach_state != AttachState::kOrphaned) {
        explain_observation(state, option, outcome);
    } else {
        explain_state(state, context, option, outcome);
    }
    if (state.interrupted) {
        outcome.notes.emplace_back(
            "a change was interrupted; the next load, --unload or --clean repairs that");
    }
    if (const auto left = describe_killed_run(state); !left.empty()) {
        outcome.notes.push_back(left + ": the next load, --unload or --clean detaches it");
    }
    if (state.trouble && !state.link_hidden) {
        const Error trouble = explain_barrier(explain_surroundings(*state.trouble), directory);
        outcome.notes.push_back("not everything could be read: " + trouble.message() +
                                (trouble.hint.empty() ? "" : "; " + trouble.hint));
    }
    if (const auto note = describe_foreign_pins(state, directory); !note.empty() && !state.interrupted) {
        outcome.notes.push_back(note);
    }
}

// The pins of a renamed interface are told of under its new name.
bool is_listed_by_new_name(const NetnsContext& context, const DeviceState& state, const std::string& device) {
    if (!state.meta || context.visibility != NetnsContext::Visibility::kHere) {
        return false;
    }
    const auto name = interface_name(state.meta->ifindex);
    return name && *name != device &&
           context.pins_of({*name, state.meta->ifindex, 0}) == context.directory(device);
}

// None where nothing is there; kPermission where one may not look.
Result<std::vector<std::string>> names_below(const std::string& directory) {
    auto names = list_directory(directory);
    if (names) {
        return names;
    }
    if (names.error().kind != ErrorKind::kPermission) {
        return std::vector<std::string>();
    }
    return explain_barrier(std::move(names).error(), directory + '/');
}

}  // namespace

Result<Outcome> status(const NetnsContext& context, const std::string& device) {
    TALLY_ASSIGN_OR_RETURN(auto located, context.locate(device));
    const auto& [interface, name, directory] = located;
    Outcome outcome;
    outcome.dev = name;
    const auto state = inspect_device(directory, interface);
    if (!interface && !state.has_directory) {
        return context.explain_missing(device);
    }
    outcome.kind = OutcomeKind::kStatus;
    outcome.state = state_name(state.attach_state);
    if (const auto& attached = state.hook.program ? state.hook.program : state.hook.offloaded) {
        outcome.hook = describe_hook(*attached, state);
    }
    if (state.meta) {
        outcome.mode = mode_name(state.meta->attach_mode);
        outcome.attach = attach_name(state.meta->attach_kind);
        outcome.program = describe_program(state.meta->program_id, state);
        outcome.generation = state.meta->generation;
    }
    if (const Component* ours = state.our_component()) {
        outcome.position = describe_position(*ours);
    }
    if (state.link_info) {
        outcome.link_id = state.link_info->id;
    }
    if (state.has_pins()) {
        outcome.pin_dir = directory;
    }
    for (const auto& map : state.maps) {
        if (map.pin_name == XDP_TALLY_MAP_NAME) {
            add_note(outcome, describe_unreadable_counters(map.info));
        }
        outcome.maps.push_back(MapOutcome{decode_pin_name(map.pin_name), map.info.id,
                                          directory + '/' + map.pin_name, false, state.adopted(map)});
    }
    explain(state, context, directory, outcome);
    if (directory != context.directory(name)) {
        outcome.notes.emplace_back(
            state.observes() ? "the interface was renamed: its pins stay where they are until --unload"
                             : "the interface was renamed; the next load moves its pins");
    }
    return outcome;
}

Result<std::vector<std::string>> known_devices(const NetnsContext& context, Listed listed) {
    std::set<std::string> devices;
    if (listed == Listed::kAttachedOrPinned && context.visibility == NetnsContext::Visibility::kHere) {
        TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
        const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> interfaces(
            ::if_nameindex(), &::if_freenameindex);
        for (auto* entry = interfaces.get(); entry != nullptr && entry->if_index != 0; ++entry) {
            const auto link = socket.find(entry->if_index);
            if (link && !link->hook.empty()) {
                devices.insert(link->interface.name);
            }
        }
    }
    TALLY_ASSIGN_OR_RETURN(auto names, names_below(context.directory()));
    for (const auto& name : names) {
        const std::string device = decode_pin_name(name);
        if (!check_interface_name(device)) {
            continue;
        }
        // Only directories with our meta, or with a change that was cut off before there was one.
        const auto state = inspect_device(context.directory(device), std::nullopt);
        if ((state.meta || state.interrupted) && !is_listed_by_new_name(context, state, device)) {
            devices.insert(device);
        }
    }
    return std::vector<std::string>(devices.begin(), devices.end());
}

Result<std::vector<std::string>> known_namespaces(const NetnsContext& context) {
    std::vector<std::string> namespaces;
    TALLY_ASSIGN_OR_RETURN(auto names, names_below(context.bpffs.path));
    for (const auto& name : names) {
        if (auto netns = netns_of_directory_name(name)) {
            namespaces.push_back(std::move(*netns));
        }
    }
    return namespaces;
}

}  // namespace tally::loader
