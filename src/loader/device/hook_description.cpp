// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/hook_description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/base/shell_word.h"
#include "common/network/netns.h"
#include "common/pins/abi_names.h"
#include "loader/device/pin_search.h"

namespace tally::loader {
namespace {

std::string name_pins(const std::vector<std::string>& pins, std::string_view what) {
    return pins.empty() ? std::string() : fmt::format(", {} pinned as {}", what, fmt::join(pins, " and "));
}

// None where it is gone, or this process may not look.
Result<std::optional<ProgramInfo>> look_up_program(std::uint32_t id) {
    const auto fd = open_program_by_id(id);
    return answer_of(fd ? program_info(fd->get()) : fd.error());
}

// A load takes the name of our link's pin as well, if that is what this one has.
std::string advise_to_end_link(std::uint32_t id, const std::string& pin_in_the_way) {
    return pin_in_the_way.empty()
               ? fmt::format("only the link's owner can replace it; `bpftool link detach id {}` ends it", id)
               : fmt::format(
                     "no {} says that the link is xdp_loader's; `bpftool link detach id {} && rm {}` "
                     "ends it, and packets pass until the next load",
                     XDP_TALLY_META_NAME, id, shell_word(pin_in_the_way));
}

}  // namespace

std::string ip_command(const std::string& netns) {
    const bool is_name = !netns.empty() && netns.find('/') == std::string::npos;
    return is_name ? "ip -n " + shell_word(netns) : netns_prefix(netns) + "ip";
}

Result<ProgramOutcome> describe_program(std::uint32_t id, const DeviceState& state) {
    ProgramOutcome outcome;
    outcome.id = id;
    TALLY_ASSIGN_OR_RETURN(const auto info, look_up_program(id));
    if (info) {
        outcome.name = info->name;
        outcome.tag = info->tag;
    }
    if (state.meta && state.meta->program_id == id) {
        outcome.name = state.meta->program;
        if (!state.observes() &&
            !state.meta_is_missing) {  // of other people's programs the kernel does not tell
            outcome.frags = (state.meta->flags & XDP_TALLY_META_FRAGS) != 0;
        }
    }
    return outcome;
}

PositionOutcome describe_position(const Component& component) {
    PositionOutcome position = {component.priority, {}};
    for (std::size_t action = 0; action < kActionNames.size(); ++action) {
        if ((component.chain_actions & (1U << action)) != 0) {
            position.chain_actions.emplace_back(kActionNames[action]);
        }
    }
    return position;
}

Result<HookOutcome> describe_hook(const HookProgram& attached, const DeviceState& state) {
    TALLY_ASSIGN_OR_RETURN(auto described, describe_program(attached.id, state));
    HookOutcome hook = {std::string(mode_name(attached.mode)), std::move(described), {}};
    if (state.hook.dispatcher && state.hook.dispatcher->program_id == attached.id) {
        hook.program.frags = state.hook.dispatcher->frags;
        for (const auto& component : state.hook.dispatcher->components) {
            TALLY_ASSIGN_OR_RETURN(auto program, describe_program(component.program_id, state));
            program.frags = component.frags;
            hook.components.push_back({std::move(program), describe_position(component)});
        }
    }
    return hook;
}

std::string keep_counts_and_detach(const std::string& option) {
    return fmt::format("`xdp_loader {} --unload --keep-maps` detaches it and keeps its counts", option);
}

std::string advise_to_end_dispatcher(const std::string& option, std::uint32_t program_id) {
    return fmt::format(
        "only if all its programs may end, `xdp_loader {} --unload {}` detaches the dispatcher", option,
        program_id);
}

Result<HookHolder> identify_holder(const NetnsContext& context, const DeviceState& state,
                                   const HookProgram& program) {
    HookHolder holder;
    std::string& text = holder.description;
    text = fmt::format("program {}", program.id);
    TALLY_ASSIGN_OR_RETURN(const auto info, look_up_program(program.id));
    if (info) {
        text += fmt::format(" '{}'", info->name);
    }
    text += fmt::format(" in {} mode", mode_name(program.mode));
    // Who takes a failed question for no link detaches by netlink what has one.
    TALLY_ASSIGN_OR_RETURN(const auto found, answer_of(find_xdp_link(state.interface->ifindex, program.id)));
    if (!found && state.ours == Ours::kUnpinned) {
        // It has one, and who may not know which can do nothing about it.
        return make_error(ErrorKind::kPermission,
                          fmt::format("looking for the link of program {}", program.id),
                          "it takes CAP_SYS_ADMIN");
    }
    const auto link = found ? *found : std::nullopt;
    holder.has_link = link.has_value();
    if (link) {
        text += fmt::format(", attached by link {}", link->id);
        TALLY_ASSIGN_OR_RETURN(const auto pins, find_pins(context.bpffs.path, ObjectType::kLink, link->id));
        text += name_pins(pins, "that link is");
        const std::string ours = context.directory(state.interface->name) + '/' + XDP_TALLY_LINK_NAME;
        const bool has_our_name = std::find(pins.begin(), pins.end(), ours) != pins.end();
        holder.next_command = advise_to_end_link(link->id, has_our_name ? ours : "");
    } else if (state.hook.dispatcher && state.hook.dispatcher->find(program.id) != nullptr) {
        text += ", in libxdp's dispatcher";
    } else if (found) {
        text += ", attached by netlink";
    }
    TALLY_ASSIGN_OR_RETURN(const auto pins, find_pins(context.bpffs.path, ObjectType::kProgram, program.id));
    text += name_pins(pins, "the program is");
    const bool on_hook = state.hook.program && state.hook.program->id == program.id;
    const bool dispatcher = on_hook && state.hook.dispatcher;
    if (dispatcher) {
        std::vector<std::string> components;
        for (const auto& component : state.hook.dispatcher->components) {
            components.push_back(fmt::format("{} '{}'", component.program_id, component.name));
        }
        text +=
            fmt::format(", libxdp's dispatcher of {}",
                        components.empty() ? "no program" : fmt::format("{}", fmt::join(components, ", ")));
    } else if (on_hook && state.dispatcher_trouble &&
               state.dispatcher_trouble->kind != ErrorKind::kPermission) {
        text += ", libxdp's dispatcher: " + state.dispatcher_trouble->reason;
    }
    if (!link) {
        const std::string option = context.option(state.interface->name);
        holder.next_command =
            dispatcher ? advise_to_end_dispatcher(option, program.id)
                       : fmt::format("`xdp_loader {} --unload {}` detaches it", option, program.id);
    }
    return holder;
}

std::string describe_place(const NetnsContext& context, const DeviceState& state, const std::string& name,
                           const std::string& directory) {
    const std::string here = context.netns.empty() ? name : context.netns + '/' + name;
    if (state.place) {
        return state.place->name() == here ? std::string() : state.place->name();
    }
    return state.our_program && directory != context.directory(name) ? here : std::string();
}

Error explain_reserved(const std::string& what, const DeviceState& state) {
    return make_error(ErrorKind::kConflict, what,
                      fmt::format("a running `xdp_loader --run` has attached program {} there",
                                  state.meta->program_id))
        .with_hint("the program is unloaded when the command of --run ends");
}

}  // namespace tally::loader
