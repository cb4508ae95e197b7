// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/observe/observation.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/exceptions.h"
#include "common/base/unique_fd.h"
#include "common/bpf/bpf_info.h"
#include "common/bpf/dispatcher.h"
#include "common/network/netns.h"
#include "common/pins/counter_map.h"
#include "common/pins/pin_names.h"
#include "common/start/memory_reserve.h"
#include "loader/change/delivery_base.h"
#include "loader/change/generation.h"
#include "loader/change/map_reuse.h"
#include "loader/change/recovery.h"
#include "loader/observe/observer.h"

namespace tally::loader {
namespace {

// A program whose verdicts are to be counted, and where.
struct Watched {
    std::uint32_t program_id = 0;
    std::string map_pin;
    std::string link_pin;
    std::optional<UniqueFd> map = {};  // pinned already: its counts go on
    bool attached = false;             // and so is the link of a program that counts into it
    std::optional<Observer> observer = {};

    int map_fd() const { return map ? map->get() : observer->counter_fd(); }
};

// What is pinned observes this very interface: not one of the same name that is gone.
bool is_of(const DeviceState& state, const Interface& interface) {
    const auto netns = current_netns_inode();
    return state.observes() && state.meta->ifindex == interface.ifindex && netns &&
           state.meta->netns_inode == *netns;
}

Result<Watched> look_at_pins(const PinDirectory* pins, const DeviceState& state, bool goes_on,
                             Watched watched) {
    const MapPin* const map = goes_on ? state.find_map(watched.map_pin) : nullptr;
    if (map == nullptr || !state.owns(*map)) {
        return watched;
    }
    if (pins != nullptr) {
        TALLY_ASSIGN_OR_RETURN(auto fd, pins->open(watched.map_pin, false));
        watched.map = std::move(fd);
    }
    watched.attached = std::find(state.component_links.begin(), state.component_links.end(),
                                 watched.link_pin) != state.component_links.end();
    return watched;
}

// The whole hook first, then the components in the order they run.
Result<std::vector<Watched>> list_watched(const PinDirectory* pins, const DeviceState& state,
                                          const Interface& interface, const Target& target) {
    const bool goes_on = is_of(state, interface);
    std::vector<Watched> list;
    TALLY_ASSIGN_OR_RETURN(auto whole,
                           look_at_pins(pins, state, goes_on,
                                        {target.verdict_program, XDP_TALLY_MAP_NAME, XDP_TALLY_LINK_NAME}));
    // Its link was published before the meta that names the program it belongs to.
    const MapPin* const counters = state.find_map(XDP_TALLY_MAP_NAME);
    whole.attached = goes_on && state.link && state.meta->program_id == target.program.id &&
                     counters != nullptr && counters->info.id == state.meta->counter_map_id;
    list.push_back(std::move(whole));
    for (const auto& component : target.components) {
        TALLY_ASSIGN_OR_RETURN(
            auto watched,
            look_at_pins(pins, state, goes_on,
                         {component.program_id, component_map_pin(component.program_id, component.name),
                          component_link_pin(component.program_id, component.name)}));
        list.push_back(std::move(watched));
    }
    return list;
}

// All that is pinned is what is wanted, and nothing else is.
bool is_complete(const DeviceState& state, const std::vector<Watched>& list) {
    const bool all =
        std::all_of(list.begin(), list.end(), [](const Watched& watched) { return watched.attached; });
    return all && state.component_links.size() + 1 == list.size() && state.meta->map_count == list.size();
}

Result<Meta> make_meta(const Interface& interface, const DeviceState& state, const Target& target,
                       const std::vector<Watched>& list) {
    TALLY_ASSIGN_OR_RETURN(auto meta, begin_generation(interface, state.meta));
    meta.attach_kind = XDP_TALLY_ATTACH_OBSERVE;
    meta.attach_mode = target.program.mode;
    meta.program_id = target.program.id;
    // A plain program's whole name is known from its types; the kernel itself keeps 15 characters.
    std::string name;
    if (state.meta && state.meta->program_id == target.program.id) {
        name = state.meta->program;
    } else if (target.components.empty() && list.front().observer) {
        name = list.front().observer->target_function();
    } else {
        TALLY_ASSIGN_OR_RETURN(auto program, open_program_by_id(target.program.id));
        TALLY_ASSIGN_OR_RETURN(auto info, program_info(program.get()));
        name = info.name;
    }
    name.copy(meta.program, sizeof(meta.program) - 1);
    for (const auto& watched : list) {
        TALLY_ASSIGN_OR_RETURN(auto info, map_info(watched.map_fd()));
        meta.map_ids[meta.map_count++] = info.id;
    }
    meta.counter_map_id = meta.map_ids[0];
    return meta;
}

// The meta goes last: where it is staged, everything is, and a change that is cut off can be finished.
Result<void> stage(PinDirectory& pins, const std::vector<Watched>& list, const Meta& meta) {
    for (const auto& watched : list) {
        TALLY_TRY(freeze_counters(watched.map_fd()));
        if (!watched.map) {
            TALLY_TRY(pins.stage(watched.map_fd(), watched.map_pin));
        }
    }
    for (const auto& watched : list) {
        if (!watched.attached) {
            TALLY_ASSIGN_OR_RETURN(auto link, watched.observer->attach());
            TALLY_TRY(pins.stage(link.get(), watched.link_pin));
        }
    }
    return stage_meta(pins, meta);
}

}  // namespace

Result<Target> find_target(const Interface& interface, const XdpHook& hook, const std::string& option) {
    const std::string what = fmt::format("observing '{}'", interface.name);
    if (!hook.program && hook.offloaded) {
        return make_error(ErrorKind::kConflict, what,
                          fmt::format("program {} runs in the network card, where it cannot be observed",
                                      hook.offloaded->id));
    }
    if (!hook.program) {
        return make_error(ErrorKind::kNotFound, what, "no XDP program is attached there")
            .with_hint(fmt::format("`xdp_loader {}` attaches one that counts", option));
    }
    Target target;
    target.program = *hook.program;
    target.verdict_program = hook.program->id;
    auto dispatcher = read_dispatcher(*hook.program);
    if (!dispatcher) {
        const auto now = query_xdp_hook(interface.ifindex);
        if (now && !now->find(hook.program->id)) {
            return make_error(ErrorKind::kSystem, what, "its dispatcher changed while it was being read")
                .with_hint("try again");
        }
        return std::move(dispatcher).error();
    }
    if (*dispatcher) {
        target.components = std::move((*dispatcher)->components);
        if (target.components.size() == 1) {
            target.verdict_program = target.components.front().program_id;
        }
    }
    if (target.components.size() >= XDP_TALLY_MAX_MAPS) {
        return make_error(ErrorKind::kSystem, what, "the dispatcher has too many programs");
    }
    return target;
}

Result<Observation> renew_observation(PinDirectory* pins, const std::string& directory,
                                      const Interface& interface, const DeviceState& state,
                                      const Target& target) {
    TALLY_ASSIGN_OR_RETURN(auto list, list_watched(pins, state, interface, target));
    Observation observation;
    if (is_complete(state, list)) {
        observation.meta = *state.meta;
        return observation;
    }
    // Whatever the kernel may refuse, before anything is changed.
    for (auto& watched : list) {
        if (!watched.attached) {
            const auto map = watched.map ? std::optional(watched.map->get()) : std::nullopt;
            TALLY_ASSIGN_OR_RETURN(watched.observer, Observer::load(watched.program_id, interface, map));
        }
    }
    std::vector<std::string> names = {XDP_TALLY_META_NAME};
    for (const auto& watched : list) {
        names.push_back(watched.map_pin);
        names.push_back(watched.link_pin);
    }
    TALLY_TRY(check_names_are_free(names, state, directory));
    if (pins == nullptr) {
        return observation;
    }
    TALLY_ASSIGN_OR_RETURN(auto meta, make_meta(interface, state, target, list));
    TALLY_ASSIGN_OR_RETURN(const auto delivery, read_delivery(directory));
    begin_delivery(meta, state.meta, true, delivery);
    TALLY_TRY(stage(*pins, list, meta));
    PinChanges changes(*pins);
    const auto published = without_exceptions(
        [&] { return publish_generation(*pins, changes, meta, state.meta, observation.report); });
    if (!published) {
        release_memory_reserve();
        const auto undone = without_exceptions([&]() -> Result<void> {
            TALLY_TRY(changes.stage_old_pins());
            return discard_generation(*pins, state.meta, meta);
        });
        if (!undone) {
            pins->leave_staged();
        }
        return published.error();
    }
    observation.meta = meta;
    return observation;
}

}  // namespace tally::loader
