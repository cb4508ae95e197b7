// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/publication.h"

#include <algorithm>

#include "common/base/exceptions.h"
#include "common/bpf/bpf_info.h"
#include "common/network/netns.h"
#include "common/pins/pin_names.h"
#include "common/pins/program_search.h"
#include "loader/change/generation.h"
#include "loader/hook/dispatcher_attach.h"
#include "loader/hook/rcu_grace_period.h"

namespace tally::loader {
namespace {

Result<void> complete_meta(const PinDirectory& directory, Meta meta, const std::optional<Meta>& old_meta) {
    TALLY_ASSIGN_OR_RETURN(const auto fd, directory.open_staged(XDP_TALLY_META_NAME, false));
    // Where an adopted map has the pin's name, nobody can read the old counters any more.
    if (old_meta && old_meta->lineage == meta.lineage && old_meta->counter_map_id != meta.counter_map_id &&
        !adopted_map(meta, meta.counter_map_id)) {
        TALLY_ASSIGN_OR_RETURN(const auto counts, counts_of(directory, old_meta->counter_map_id));
        // A command that was cut off may have added them, and not have come to freeze the meta.
        set_carried(meta, lineage_total(*old_meta, counts));
    }
    TALLY_TRY(write_meta(fd.get(), meta));
    return freeze_map(fd.get());
}

// The meta was completed by the command that was interrupted, and what it says is final: it is frozen, or has
// the mode already that it gets after that. (/proc/self/fdinfo would tell, but before 5.14 not to a program
// with file capabilities.)
Result<bool> is_complete(const PinDirectory& directory) {
    auto fd = directory.open_staged(XDP_TALLY_META_NAME, false);
    if (!fd) {
        if (fd.error().code == EACCES) {
            return true;
        }
        return fd.error();
    }
    TALLY_ASSIGN_OR_RETURN(auto meta, read_meta(fd->get()));
    const auto written = write_meta(fd->get(), meta);
    if (!written && written.error().code == EPERM) {
        return true;
    }
    TALLY_TRY(written);
    return false;
}

// A link that observes one component is of use where the new generation has that component's counters.
Result<bool> counts_component(const PinDirectory& directory, const Meta& meta,
                              const ComponentPin& component) {
    TALLY_ASSIGN_OR_RETURN(const auto info,
                           directory.find_map(component_map_pin(component.program_id, component.name)));
    return info && owns_map(meta, info->id);
}

Result<void> remove_unused(const PinDirectory& directory, PinChanges& changes, const Meta& meta,
                           const Meta& old_meta, std::vector<std::string>& removed) {
    TALLY_ASSIGN_OR_RETURN(auto pins, directory.pins());
    for (const auto& pin : pins) {
        if (pin == XDP_TALLY_META_NAME) {
            continue;
        }
        if (const auto component = parse_component_link_pin(pin)) {
            TALLY_ASSIGN_OR_RETURN(const bool counted, counts_component(directory, meta, *component));
            if (!counted) {
                TALLY_TRY(changes.remove(pin));
                removed.push_back(directory.path() + '/' + pin);
            }
            continue;
        }
        TALLY_ASSIGN_OR_RETURN(const auto map, directory.find_map(pin));
        if (map && owns_pin(old_meta, pin, *map) && !owns_map(meta, map->id)) {
            TALLY_TRY(changes.remove(pin));
            removed.push_back(directory.path() + '/' + pin);
        }
    }
    return {};
}

bool pins_link(const Meta& meta) {
    const bool by_link =
        meta.attach_kind == XDP_TALLY_ATTACH_LINK || meta.attach_kind == XDP_TALLY_ATTACH_OBSERVE;
    return by_link && (meta.flags & XDP_TALLY_META_RUN) == 0;
}

// What has taken over pins no link; the old one is severed, or observed what is gone.
Result<void> remove_old_link(const PinDirectory& directory, PinChanges& changes, const Meta& meta,
                             const Meta& old_meta, std::vector<std::string>& removed) {
    if (!pins_link(old_meta) || pins_link(meta)) {
        return {};
    }
    TALLY_ASSIGN_OR_RETURN(const auto link, answer_of(directory.open(XDP_TALLY_LINK_NAME, false)));
    if (!link) {
        return {};
    }
    TALLY_TRY(changes.remove(XDP_TALLY_LINK_NAME));
    removed.push_back(directory.path() + '/' + XDP_TALLY_LINK_NAME);
    return {};
}

// Steps 1 to 6.
Result<void> publish_pins(PinDirectory& directory, PinChanges& changes, const Meta& meta,
                          const std::optional<Meta>& old_meta, PublicationReport& report) {
    TALLY_ASSIGN_OR_RETURN(auto staged, directory.staged());
    const auto take = [&staged](const std::string& pin) {
        const auto found = std::find(staged.begin(), staged.end(), pin);
        const bool there = found != staged.end();
        if (there) {
            staged.erase(found);
        }
        return there;
    };
    if (take(XDP_TALLY_LINK_NAME)) {
        TALLY_TRY(changes.publish(XDP_TALLY_LINK_NAME));
    }
    take(XDP_TALLY_META_NAME);
    take(kReplacedMeta);
    const bool new_counters = take(XDP_TALLY_MAP_NAME);

    // Also for other maps: a PROG_ARRAY is emptied when its last pin goes, and nobody may be about to jump
    // then.
    if (old_meta && (new_counters || !staged.empty())) {
        wait_for_running_programs();
    }
    TALLY_ASSIGN_OR_RETURN(const auto complete, is_complete(directory));
    if (!complete) {
        TALLY_TRY(complete_meta(directory, meta, old_meta));
    }
    for (const auto& pin : staged) {
        TALLY_TRY(changes.publish(pin));
    }
    if (new_counters) {
        TALLY_TRY(changes.publish(XDP_TALLY_MAP_NAME));
    }
    if (old_meta) {
        TALLY_TRY(remove_unused(directory, changes, meta, *old_meta, report.removed));
        TALLY_TRY(remove_old_link(directory, changes, meta, *old_meta, report.removed));
    }
    return changes.publish(XDP_TALLY_META_NAME);
}

// In whatever network namespace its interface is now.
Result<void> detach_component_of(const Meta& meta) {
    NetnsContext here;
    TALLY_ASSIGN_OR_RETURN(here.inode, current_netns_inode());
    TALLY_TRY(here.open_links());
    TALLY_ASSIGN_OR_RETURN(const auto search, find_program(meta, std::nullopt, here));
    if (!search.place) {
        return {};
    }
    return inside_netns(search.place->netns_fd, search.place->name(), [&] {
        return detach_component(search.place->link.interface.ifindex, meta.program_id);
    });
}

}  // namespace

Result<void> publish_generation(PinDirectory& directory, PinChanges& changes, const Meta& meta,
                                const std::optional<Meta>& old_meta, PublicationReport& report) {
    TALLY_TRY(publish_pins(directory, changes, meta, old_meta, report));
    // The generation is published: what fails from here on is no reason to roll it back.
    if (const auto taken_out =
            without_exceptions([&] { return take_out_replaced_component(directory, meta); });
        !taken_out) {
        directory.leave_staged();
        (void)without_exceptions([&]() -> Result<void> {
            report.notes.push_back(taken_out.error().message() +
                                   "; the next load, --unload or --clean does that");
            return {};
        });
    }
    return {};
}

Result<void> stage_replaced_meta(PinDirectory& directory) {
    TALLY_ASSIGN_OR_RETURN(const auto meta, directory.open(XDP_TALLY_META_NAME, true));
    return directory.stage(meta.get(), kReplacedMeta);
}

Result<void> take_out_replaced_component(PinDirectory& directory, const Meta& meta) {
    const auto fd = directory.open_staged(kReplacedMeta, true);
    if (!fd) {
        return fd.error().code == ENOENT ? Result<void>() : fd.error();
    }
    TALLY_ASSIGN_OR_RETURN(auto old_meta, read_meta(fd->get()));
    if (old_meta.program_id != meta.program_id) {
        TALLY_TRY(detach_component_of(old_meta));
    }
    return directory.remove_staged(kReplacedMeta);
}

}  // namespace tally::loader
