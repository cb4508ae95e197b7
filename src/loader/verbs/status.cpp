// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/status.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "common/base/device_name.h"
#include "common/base/directory.h"
#include "common/base/shell_word.h"
#include "common/network/link_socket.h"
#include "common/network/netns.h"
#include "common/pins/abi_names.h"
#include "common/pins/bpffs.h"
#include "common/pins/counter_map.h"
#include "common/pins/pin_names.h"
#include "loader/change/dispatcher_leftover.h"
#include "loader/change/killed_run.h"
#include "loader/device/device_inspection.h"
#include "loader/device/device_state.h"
#include "loader/device/hook_description.h"
#include "loader/device/pin_removal.h"
#include "loader/device/redirect_target.h"
#include "loader/hook/surroundings.h"

namespace tally::loader {
namespace {

// Of a meta that this process may not read, what could not be read is told.
std::string explain_unseen(const DeviceState& state, const NetnsContext& context) {
    if (!state.meta) {
        return {};
    }
    const auto& obstacle = state.ours == Ours::kUnreadable ? state.dispatcher_trouble : context.obstacle;
    if (obstacle && (state.ours == Ours::kUnreadable || obstacle->kind == ErrorKind::kPermission)) {
        return "cannot tell whether our program runs there: " + obstacle->message();
    }
    return "the device is not where the pins say, and was not found in the network namespaces that this "
           "process may look into: it was moved, or deleted";
}

// Of a device that has the name of another one's pins: what is said of it is its own.
void explain_taken_name(DeviceState& state, const NetnsContext& context, const std::string& directory,
                        Outcome& outcome) {
    const std::string where =
        state.place ? fmt::format("of '{}', where their program {} runs: `xdp_loader {} --status` shows them",
                                  state.place->name(), state.meta->program_id, state.place->option(context))
                    : fmt::format("of an interface that had this name, and whose program {} may still run",
                                  state.link_info ? state.link_info->program_id : state.meta->program_id);
    add_warning(outcome, fmt::format("the pins in {} are {}", directory, where));
    DeviceState own;
    own.interface = std::move(state.interface);
    own.hook = std::move(state.hook);
    own.dispatcher_trouble = std::move(state.dispatcher_trouble);
    own.attach_state = own.hook.empty() ? AttachState::kNone : AttachState::kForeign;
    state = std::move(own);
}

// What counts runs on, and its counters are not what is pinned. `anew`: the command that counts anew.
std::string explain_lost_counters(const DeviceState& state, const std::string& directory,
                                  const std::string& anew) {
    const std::string pin = directory + '/' + XDP_TALLY_MAP_NAME;
    return state.find_map(XDP_TALLY_MAP_NAME) == nullptr
               ? fmt::format("the pin {} is missing, so nobody can read what is counted; {}", pin, anew)
               : fmt::format("the map pinned as {} is not the one that is counted into; `rm {}`, then {}",
                             pin, shell_word(pin), anew);
}

std::string explain_observation(const DeviceState& state, const std::string& option,
                                const std::string& directory) {
    const bool runs = state.hook.find(state.meta->program_id).has_value();
    switch (state.attach_state) {
        case AttachState::kDetached:
            return runs ? fmt::format(
                              "the observed program runs, and is not counted any more; `xdp_loader {} "
                              "--observe` goes on with the pinned maps",
                              option)
                        : fmt::format(
                              "the observed program is gone; once another one is attached, "
                              "`xdp_loader {0} --observe` continues with the pinned maps; `xdp_loader "
                              "{0} --clean` removes them",
                              option);
        case AttachState::kStale:
            return runs ? explain_lost_counters(
                              state, directory,
                              fmt::format("`xdp_loader {} --observe` observes it anew, with new counters",
                                          option))
                        : fmt::format(
                              "another program has replaced the observed one; `xdp_loader {} "
                              "--observe` observes it",
                              option);
        default:
            return {};
    }
}

std::string explain_our_lost_counters(const DeviceState& state, const NetnsContext& context,
                                      const std::string& option, const std::string& directory) {
    std::string way =
        fmt::format("`xdp_loader {}{}` loads it anew, with new counters", option, load_options(*state.meta));
    if (state.ours == Ours::kUnpinned) {
        const auto holder = identify_holder(context, state, *state.our_program);
        way = holder ? holder->next_command : "whoever has its link can end it";
    }
    return explain_lost_counters(state, directory, way);
}

// Somebody else's program has taken the place of ours.
Result<std::string> explain_successor(const DeviceState& state, const NetnsContext& context,
                                      const std::string& option) {
    const auto& program = state.hook.attached();
    TALLY_ASSIGN_OR_RETURN(const auto holder, program ? identify_holder(context, state, *program)
                                                      : Result<HookHolder>(HookHolder{}));
    std::string way = holder.next_command;
    if (!holder.has_link) {
        way = fmt::format("`xdp_loader {}{}{}` {}, with --reuse-maps the counts go on", option,
                          load_options(*state.meta), state.hook.dispatcher ? "" : " --force",
                          state.hook.dispatcher ? "joins it" : "replaces it");
    }
    return fmt::format(
        "the program that runs here does not count into the pinned maps; {}; `xdp_loader {} "
        "--clean` removes them, and leaves it alone",
        way, option);
}

Result<void> explain_state(const DeviceState& state, const NetnsContext& context, const std::string& option,
                           const std::string& directory, Outcome& outcome) {
    switch (state.attach_state) {
        case AttachState::kForeign:
            if (const auto& program = state.hook.attached()) {
                TALLY_ASSIGN_OR_RETURN(auto holder, identify_holder(context, state, *program));
                outcome.notes.push_back(std::move(holder.description));
            }
            if (state.other_program_counts) {
                outcome.notes.emplace_back(
                    "it was not attached by xdp_loader, and counts into the pinned map");
            }
            break;
        case AttachState::kDetached:
            outcome.notes.push_back(fmt::format(
                "no program counts into the pinned maps; `xdp_loader {0}{1} --reuse-maps` continues "
                "with them, `xdp_loader {0} --clean` removes them",
                option, state.meta ? load_options(*state.meta) : ""));
            break;
        case AttachState::kStale: {
            TALLY_ASSIGN_OR_RETURN(
                auto note,
                state.our_program&& state.our_hook().find(state.meta->program_id)
                    ? Result<std::string>(explain_our_lost_counters(state, context, option, directory))
                    : explain_successor(state, context, option));
            outcome.notes.push_back(std::move(note));
            break;
        }
        case AttachState::kUnknown:
            add_note(outcome, explain_unseen(state, context));
            break;
        case AttachState::kOrphaned:
            outcome.notes.push_back(
                fmt::format("the pins' device is gone; `xdp_loader {} --clean` removes them", option));
            break;
        default:
            break;
    }
    return {};
}

Result<void> explain_leftover(const DeviceState& state, Outcome& outcome) {
    TALLY_ASSIGN_OR_RETURN(const auto leftover, find_leftover(state));
    if (leftover && leftover->removable) {
        add_warning(outcome, fmt::format("libxdp still has our program pinned in {}, though its dispatcher "
                                         "is attached nowhere; the next "
                                         "load, --unload or --clean removes that",
                                         leftover->pins.directory.path));
    } else if (leftover) {
        (void)remove_leftover(leftover, true, outcome);
    }
    return {};
}

Result<void> explain(const DeviceState& state, const NetnsContext& context, const std::string& directory,
                     Outcome& outcome) {
    if (state.changing) {
        add_warning(outcome, state.trouble->reason);
        return {};
    }
    const std::string option = context.option(outcome.dev);
    if (state.ours == Ours::kObservation && state.attach_state != AttachState::kOrphaned) {
        add_note(outcome, explain_observation(state, option, directory));
    } else if (state.meta || !state.staged_meta) {  // else a first load was cut off, which is told below
        TALLY_TRY(explain_state(state, context, option, directory, outcome));
    }
    if (state.meta_is_missing) {
        add_warning(
            outcome,
            fmt::format("the pin {}/{} is missing; `xdp_loader {} --clean` makes it anew, and leaves the "
                        "program alone",
                        directory, XDP_TALLY_META_NAME, option));
    }
    if (state.interrupted) {
        add_warning(outcome, "a change was interrupted; the next load, --unload or --clean repairs that");
    }
    if (!outcome.runs_on.empty() && state.place) {
        outcome.notes.push_back(
            fmt::format("the interface is '{}' now, and keeps the program; `xdp_loader {} --unload` ends it",
                        outcome.runs_on, option));
    }
    TALLY_TRY(explain_leftover(state, outcome));
    if (const auto left = describe_killed_run(state); !left.empty()) {
        add_warning(outcome, left + ": the next load, --unload or --clean detaches it");
    }
    if (state.trouble && !state.only_link_hidden) {
        const Error trouble = explain_barrier(explain_surroundings(*state.trouble), directory + '/');
        add_warning(outcome, "not everything could be read: " + trouble.message_and_hint());
    }
    if (const auto note = describe_foreign_pins(state, directory); !note.empty() && !state.interrupted) {
        outcome.notes.push_back(note);
    }
    return {};
}

std::string explain_other_directory(const DeviceState& state, const NetnsContext& context,
                                    const std::string& directory) {
    if (state.observes()) {
        return "the interface was renamed: its pins stay where they are until --unload";
    }
    return context.has_directory(directory)
               ? "the interface was renamed; the next load moves its pins"
               : "the interface came from another network namespace: its pins stay where they are until "
                 "--unload";
}

// The pins of a renamed interface are told of under its new name.
Result<bool> is_listed_by_new_name(const NetnsContext& context, const Interface& now,
                                   const std::string& device) {
    if (now.name == device) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(const auto pins, context.pins_of(now));
    return pins == context.directory(device);
}

// None where nothing is there; kPermission where one may not look.
Result<std::vector<std::string>> names_below(const std::string& directory) {
    auto names = answer_if_permitted(list_directory(directory));
    if (!names) {
        return explain_barrier(std::move(names).error(), directory + '/');
    }
    return std::move(*names).value_or(std::vector<std::string>());
}

// What this process may not read is told in a note; what the kernel could not answer is an error, and no
// outcome with something missing.
Result<Outcome> describe(const NetnsContext& context, const std::string& name, const std::string& directory,
                         DeviceState state) {
    if (state.trouble && is_failed_question(*state.trouble)) {
        return *state.trouble;
    }
    Outcome outcome;
    outcome.dev = name;
    outcome.kind = OutcomeKind::kStatus;
    const bool taken = !state.changing && state.name_is_taken() && (state.place || !state.link_hidden);
    if (taken) {
        explain_taken_name(state, context, directory, outcome);
    }
    outcome.state = state_name(state.attach_state);
    if (!taken) {
        outcome.runs_on = describe_place(context, state, name, directory);
    }
    if (const auto& attached = state.hook.attached()) {
        TALLY_ASSIGN_OR_RETURN(outcome.hook, describe_hook(*attached, state));
    }
    if (state.meta) {
        outcome.mode = mode_name(state.meta->attach_mode);
        outcome.attach = attach_name(state.meta->attach_kind);
        const bool on_hook = outcome.hook && outcome.hook->program.id == state.meta->program_id;
        TALLY_ASSIGN_OR_RETURN(outcome.program, on_hook ? Result<ProgramOutcome>(outcome.hook->program)
                                                        : describe_program(state.meta->program_id, state));
        outcome.generation = state.meta->generation;
    }
    if (const Component* ours = state.our_component()) {
        outcome.position = describe_position(*ours);
    }
    TALLY_ASSIGN_OR_RETURN(outcome.redirect, find_redirect(context, directory, state));
    if (state.link_info) {
        outcome.link_id = state.link_info->id;
    }
    if (state.has_pins()) {
        outcome.pin_dir = directory;
    }
    for (const auto& map : state.maps) {
        if (map.pin_name == XDP_TALLY_MAP_NAME) {
            if (auto trouble = describe_unreadable_counters(map.info); !trouble.empty()) {
                add_warning(outcome, std::move(trouble));
            }
        }
        outcome.maps.push_back(MapOutcome{decode_pin_name(map.pin_name), map.info.id,
                                          directory + '/' + map.pin_name, false, state.adopted(map)});
    }
    TALLY_TRY(explain(state, context, directory, outcome));
    if (directory != context.directory(name)) {
        outcome.pinned_as =
            with_netns(netns_of_directory_name(name_of(namespace_directory_of(directory))).value_or(""),
                       decode_pin_name(name_of(directory)));
        outcome.notes.push_back(explain_other_directory(state, context, directory));
    }
    return outcome;
}

}  // namespace

Result<Outcome> status(const NetnsContext& context, const std::string& device) {
    TALLY_ASSIGN_OR_RETURN(auto located, context.locate(device));
    auto& [interface, name, directory] = located;
    auto state = inspect_unlocked(context, directory, interface);
    if (!interface && (!state.has_directory || state.has_only_pins_of_others())) {
        return context.explain_missing(device);
    }
    return describe(context, name, directory, std::move(state));
}

Result<KnownDevices> look_for_devices(const NetnsContext& context) {
    KnownDevices known;
    if (context.visibility == NetnsContext::Visibility::kHere) {
        TALLY_ASSIGN_OR_RETURN(known.links, context.links->list());
    }
    TALLY_ASSIGN_OR_RETURN(const auto names, names_below(context.directory()));
    for (const auto& name : names) {
        const std::string device = decode_pin_name(name);
        if (!check_interface_name(device)) {
            continue;
        }
        // Only directories with our meta, or with a change that was cut off before there was one.
        const auto state = inspect_meta(context.directory(device));
        if (state.trouble && is_failed_question(*state.trouble)) {
            return *state.trouble;
        }
        if (state.meta || state.interrupted) {
            known.pinned.emplace(device, state.meta);
        }
    }
    return known;
}

Result<std::vector<Outcome>> status_of_taken_names(const NetnsContext& context, const KnownDevices& known) {
    std::vector<Outcome> outcomes;
    for (const auto& link : known.links) {
        const std::string& device = link.interface.name;
        const auto found = known.pinned.find(device);
        const auto* meta = found == known.pinned.end() || !found->second ? nullptr : &*found->second;
        if (meta == nullptr ||
            (meta->ifindex == link.interface.ifindex && meta->netns_inode == context.inode)) {
            continue;
        }
        std::string directory = context.directory(device);
        auto state = inspect_unlocked(context, directory, link.interface);
        if (state.trouble && is_failed_question(*state.trouble)) {
            return *state.trouble;
        }
        // One that was renamed alone is listed by its new name.
        if (!state.changing && state.name_is_taken() && state.place &&
            state.place->netns_inode != context.inode) {
            TALLY_ASSIGN_OR_RETURN(auto outcome, describe(context, device, directory,
                                                          without_interface(std::move(state), context)));
            outcomes.push_back(std::move(outcome));
            outcomes.back().netns = context.netns;
        }
    }
    return outcomes;
}

Result<std::vector<std::string>> names_of(const NetnsContext& context, const KnownDevices& known,
                                          Listed listed) {
    std::set<std::string> devices;
    std::map<std::uint32_t, const Interface*> by_index;
    for (const auto& link : known.links) {
        by_index.emplace(link.interface.ifindex, &link.interface);
        if (listed == Listed::kAttachedOrPinned && !link.hook.empty()) {
            devices.insert(link.interface.name);
        }
    }
    for (const auto& [device, meta] : known.pinned) {
        const auto now = meta ? by_index.find(meta->ifindex) : by_index.end();
        TALLY_ASSIGN_OR_RETURN(const bool renamed,
                               now == by_index.end() ? Result<bool>(false)
                                                     : is_listed_by_new_name(context, *now->second, device));
        if (!renamed) {
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
