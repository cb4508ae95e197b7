// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/recovery.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/exceptions.h"
#include "common/base/unique_fd.h"
#include "common/bpf/bpf_info.h"
#include "common/bpf/dispatcher.h"
#include "common/network/link_socket.h"
#include "common/pins/program_search.h"
#include "loader/change/generation.h"
#include "loader/change/meta_map.h"
#include "loader/change/publication.h"
#include "loader/device/device_inspection.h"
#include "loader/hook/generation_marks.h"
#include "loader/hook/rcu_grace_period.h"

namespace tally::loader {
namespace {

// In the staging area: a new meta of the old generation, complete, which carries what a discarded one
// counted. As long as it is there, those counts need not be read again, and so cannot be added twice.
constexpr const char* kCarriedMeta = "+carried";

// None where there is no pin, or none of a link: a failed question is no answer.
Result<std::optional<LinkInfo>> info_of(const Result<UniqueFd>& link) {
    if (!link) {
        return link.error().code == ENOENT ? std::optional<LinkInfo>()
                                           : Result<std::optional<LinkInfo>>(link.error());
    }
    return info_if_link(link->get());
}

Result<bool> link_is_alive(const Result<UniqueFd>& link) {
    TALLY_ASSIGN_OR_RETURN(const auto info, info_of(link));
    return info && info->ifindex != 0;
}

Result<bool> link_runs(const Result<UniqueFd>& link, std::uint32_t program_id) {
    TALLY_ASSIGN_OR_RETURN(const auto info, info_of(link));
    return info && info->ifindex != 0 && info->program_id == program_id;
}

// Of a component the interrupted load may not have known the id yet.
Result<std::uint32_t> find_component(const XdpHook& hook, const Meta& meta) {
    if (!hook.dispatcher || meta.program_id != 0 || meta.own_map_id == 0) {
        return meta.program_id;
    }
    for (const auto& component : hook.dispatcher->components) {
        TALLY_ASSIGN_OR_RETURN(const bool uses, program_uses_map(component.program_id, meta.own_map_id));
        if (uses) {
            return component.program_id;
        }
    }
    return 0;
}

// The hook of the interface that the load was for. Its index is that in the meta, unless it has moved since;
// then the program is searched for.
Result<XdpHook> hook_of(Meta& meta, const NetnsContext& context) {
    TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
    auto link = context.inode == meta.netns_inode ? socket.find(meta.ifindex)
                                                  : Result<Link>(make_error(ErrorKind::kNotFound, ""));
    if (!link && link.error().kind != ErrorKind::kNotFound) {
        return link.error();  // what may be running is not discarded
    }
    if (link && meta.attach_kind == XDP_TALLY_ATTACH_DISPATCHER) {
        // The same where nobody can look into it.
        TALLY_TRY(look_into_dispatcher(*link, socket));
        TALLY_ASSIGN_OR_RETURN(meta.program_id, find_component(link->hook, meta));
    }
    if (meta.program_id != 0 && !(link && link->hook.find(meta.program_id))) {
        TALLY_ASSIGN_OR_RETURN(auto search, find_program(meta, std::nullopt, context));
        if (search.place) {
            return std::move(search.place->link.hook);
        }
    }
    return link ? std::move(link->hook) : XdpHook();
}

// What an interrupted run left is the new generation, and its program runs.
Result<bool> is_attached(const PinDirectory& directory, Meta& meta, const NetnsContext& context) {
    if (meta.attach_kind == XDP_TALLY_ATTACH_OBSERVE) {
        return true;  // its meta is staged when all else is, and nothing on the hook had to be changed
    }
    TALLY_ASSIGN_OR_RETURN(const auto hook, hook_of(meta, context));
    const auto program = hook.find(meta.program_id);
    if (program) {
        meta.attach_mode = program->mode;
    }
    if (meta.attach_kind != XDP_TALLY_ATTACH_LINK) {
        return program.has_value();
    }
    TALLY_ASSIGN_OR_RETURN(const bool staged,
                           link_runs(directory.open_staged(XDP_TALLY_LINK_NAME, false), meta.program_id));
    return staged ? Result<bool>(true)
                  : link_runs(directory.open(XDP_TALLY_LINK_NAME, false), meta.program_id);
}

// The load may have been about to roll the generation back.
Result<void> clear_revocation(const PinDirectory& directory, const Meta& meta) {
    if ((meta.flags & XDP_TALLY_META_MARKS) == 0) {
        return {};
    }
    auto marks = directory.open_staged(XDP_TALLY_MARK_NAME, false);
    if (!marks && marks.error().code == ENOENT) {
        marks = directory.open(XDP_TALLY_MARK_NAME, false);
    }
    return marks ? end_revocation(marks->get()) : marks.error();
}

Result<std::optional<Meta>> meta_if_any(Result<UniqueFd> fd) {
    if (!fd) {
        if (fd.error().code == ENOENT) {
            return std::optional<Meta>();
        }
        return fd.error();
    }
    auto meta = read_meta(fd->get());
    if (!meta && meta.error().kind != ErrorKind::kConflict) {
        return meta.error();
    }
    return meta ? std::optional(*meta) : std::nullopt;
}

bool is_staged(const std::vector<std::string>& staged, const std::string& name) {
    return std::find(staged.begin(), staged.end(), name) != staged.end();
}

// What others had counted in an adopted map is taken off in the meta that was going to name it.
void leave_out_adopted(Counters& counts, const Counters& before, const Meta& meta) {
    for (std::size_t action = 0; action < counts.size(); ++action) {
        counts[action].rx_packets += meta.carried[action].rx_packets - before[action].rx_packets;
        counts[action].rx_bytes += meta.carried[action].rx_bytes - before[action].rx_bytes;
    }
}

// What the discarded generation counted, as a new meta of the old one; none where there is nothing to carry.
Result<std::optional<UniqueFd>> make_carried_meta(const PinDirectory& directory, const Meta& old_meta,
                                                  const Meta& meta) {
    if (old_meta.lineage != meta.lineage || old_meta.counter_map_id == meta.counter_map_id) {
        return std::optional<UniqueFd>();
    }
    wait_for_running_programs();
    TALLY_ASSIGN_OR_RETURN(auto counts, counts_of(directory, meta.counter_map_id));
    // An adopted map that another one could take the place of is at no pin any more.
    const Counters before = lineage_total(old_meta);
    if (adopted_map(meta, meta.counter_map_id)) {
        leave_out_adopted(counts, before, meta);
    }
    if (is_zero(counts)) {
        return std::optional<UniqueFd>();
    }
    Meta carried = old_meta;
    set_carried(carried, sum_of(before, counts));
    TALLY_ASSIGN_OR_RETURN(auto fd, create_meta_map());
    TALLY_TRY(write_meta(fd.get(), carried));
    TALLY_TRY(freeze_map(fd.get()));
    return std::optional(std::move(fd));
}

// The meta first: when the old counter map is back at its pin, what it does not hold is carried already.
Result<void> restore_old_pins(PinDirectory& directory) {
    TALLY_ASSIGN_OR_RETURN(auto staged, directory.staged());
    const auto is_meta = [](const std::string& name) { return restored_pin(name) == XDP_TALLY_META_NAME; };
    std::stable_partition(staged.begin(), staged.end(), is_meta);
    for (const auto& name : staged) {
        const std::string pin(restored_pin(name));
        if (pin.empty()) {
            continue;
        }
        if (pin == XDP_TALLY_LINK_NAME) {
            TALLY_ASSIGN_OR_RETURN(const bool alive, link_is_alive(directory.open_staged(name, false)));
            if (!alive) {
                continue;  // the program was attached again by another link, which is pinned already
            }
        }
        TALLY_TRY(directory.publish(name, pin, mode_of_pin(pin)));
    }
    return {};
}

// Pins of the discarded generation alone, where some were published.
Result<void> remove_new_pins(PinDirectory& directory, const std::optional<Meta>& old_meta, const Meta& meta) {
    TALLY_ASSIGN_OR_RETURN(const auto pins, directory.pins());
    for (const auto& pin : pins) {
        if (pin == XDP_TALLY_META_NAME) {
            continue;
        }
        TALLY_ASSIGN_OR_RETURN(const auto map, directory.find_map(pin));
        if (map && owns_pin(meta, pin, *map) && !(old_meta && owns_map(*old_meta, map->id))) {
            TALLY_TRY(directory.remove(pin));
        }
    }
    const auto link = directory.open(XDP_TALLY_LINK_NAME, false);
    TALLY_ASSIGN_OR_RETURN(const auto info, info_of(link));
    const bool ours = meta.attach_kind == XDP_TALLY_ATTACH_LINK && info;
    return ours && info->ifindex == 0 ? directory.remove(XDP_TALLY_LINK_NAME) : Result<void>();
}

Result<void> remove_staged(PinDirectory& directory) {
    TALLY_ASSIGN_OR_RETURN(const auto staged, directory.staged());
    for (const auto& name : staged) {
        if (name != kCarriedMeta) {
            TALLY_TRY(directory.remove_staged(name));
        }
    }
    return is_staged(staged, kCarriedMeta) ? directory.remove_staged(kCarriedMeta) : Result<void>();
}

// Then the old counter map is gone, and what it counted is in the meta of the new generation alone.
Result<bool> counters_are_published(const PinDirectory& directory, const Meta& meta,
                                    const std::optional<Meta>& old_meta) {
    TALLY_ASSIGN_OR_RETURN(const auto info, directory.find_map(XDP_TALLY_MAP_NAME));
    return info && info->id == meta.counter_map_id && owns_map(meta, info->id) &&
           !(old_meta && owns_map(*old_meta, info->id));
}

// The program of a --run ends with its process, wherever in the publication that was.
Result<bool> must_be_finished(const PinDirectory& directory, const std::vector<std::string>& staged,
                              const Meta& meta, const std::optional<Meta>& old_meta) {
    const bool was_rolled_back = std::any_of(
        staged.begin(), staged.end(), [](const std::string& name) { return !restored_pin(name).empty(); });
    const bool is_run = (meta.flags & XDP_TALLY_META_RUN) != 0;
    return is_run && !was_rolled_back ? counters_are_published(directory, meta, old_meta)
                                      : Result<bool>(false);
}

Result<std::string> finish_or_discard(PinDirectory& directory, const std::vector<std::string>& staged,
                                      const NetnsContext& context) {
    TALLY_ASSIGN_OR_RETURN(auto meta, meta_if_any(directory.open_staged(XDP_TALLY_META_NAME, true)));
    TALLY_ASSIGN_OR_RETURN(const auto old_meta, meta_if_any(directory.open(XDP_TALLY_META_NAME, true)));
    if (!meta && old_meta && staged == std::vector<std::string>{kReplacedMeta}) {
        TALLY_TRY(take_out_replaced_component(directory, *old_meta));
        return std::string("removed from the dispatcher the program that an interrupted load had replaced");
    }
    if (meta) {
        TALLY_ASSIGN_OR_RETURN(const bool attached, is_attached(directory, *meta, context));
        TALLY_ASSIGN_OR_RETURN(const bool unfinished, must_be_finished(directory, staged, *meta, old_meta));
        if (attached || unfinished) {
            TALLY_TRY(clear_revocation(directory, *meta));
            PinChanges changes(directory);
            TALLY_TRY(changes.unstage_old_pins());
            PublicationReport report;
            TALLY_TRY(publish_generation(directory, changes, *meta, old_meta, report));
            return fmt::format(
                "finished generation {}, which an interrupted command had attached but not published",
                meta->generation);
        }
    }
    TALLY_TRY(discard_generation(directory, old_meta, meta));
    return std::string("discarded what an interrupted command had prepared");
}

}  // namespace

Result<void> discard_generation(PinDirectory& directory, const std::optional<Meta>& old_meta,
                                const std::optional<Meta>& meta) {
    TALLY_ASSIGN_OR_RETURN(const auto staged, directory.staged());
    if (old_meta && meta) {
        std::optional<UniqueFd> carried;
        if (is_staged(staged, kCarriedMeta)) {
            TALLY_ASSIGN_OR_RETURN(carried, directory.open_staged(kCarriedMeta, true));
        } else {
            TALLY_ASSIGN_OR_RETURN(carried, make_carried_meta(directory, *old_meta, *meta));
            if (carried) {
                TALLY_TRY(directory.stage(carried->get(), kCarriedMeta));
            }
        }
        const std::string restored = restore_name(XDP_TALLY_META_NAME);
        if (carried && !is_staged(staged, restored)) {
            TALLY_TRY(directory.stage(carried->get(), restored));
        }
    }
    TALLY_TRY(restore_old_pins(directory));
    if (meta) {
        TALLY_TRY(remove_new_pins(directory, old_meta, *meta));
    }
    return remove_staged(directory);
}

Result<std::string> repair(PinDirectory& directory, const NetnsContext& context) {
    TALLY_ASSIGN_OR_RETURN(const auto staged, directory.staged());
    if (staged.empty()) {
        return std::string();
    }
    auto repaired = without_exceptions([&] { return finish_or_discard(directory, staged, context); });
    if (!repaired) {
        directory.leave_staged();  // for the next attempt
    }
    return repaired;
}

Result<std::string> restore_meta(PinDirectory* directory, const NetnsContext& context, DeviceState& state) {
    if (!state.meta_is_missing || state.trouble) {
        return std::string();
    }
    if (directory == nullptr) {
        state.meta->generation = 1;
        return fmt::format("the pin {} is missing; it would be made anew first", XDP_TALLY_META_NAME);
    }
    TALLY_ASSIGN_OR_RETURN(const auto counters, directory->open(XDP_TALLY_MAP_NAME, true));
    TALLY_ASSIGN_OR_RETURN(const auto meta, make_meta_anew(*state.interface, *state.meta, counters.get()));
    TALLY_TRY(stage_meta(*directory, meta));
    TALLY_ASSIGN_OR_RETURN(const auto staged, directory->open_staged(XDP_TALLY_META_NAME, false));
    TALLY_TRY(freeze_map(staged.get()));
    TALLY_TRY(directory->publish(XDP_TALLY_META_NAME, XDP_TALLY_META_NAME, mode_of_pin(XDP_TALLY_META_NAME)));
    const auto interface = state.interface;
    state = inspect_device(context, directory->path(), interface);
    if (state.trouble) {
        return *state.trouble;
    }
    return fmt::format("the pin {} was missing, and was made anew: lifetime totals begin now",
                       XDP_TALLY_META_NAME);
}

}  // namespace tally::loader
