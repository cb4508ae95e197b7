// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/publication.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/unique_fd.h"
#include "common/kernel/bpf_info.h"
#include "common/kernel/dispatcher.h"
#include "common/kernel/link_socket.h"
#include "common/pins/counter_map.h"
#include "common/pins/pin_names.h"
#include "loader/change/migration.h"
#include "loader/hook/dispatcher_attach.h"
#include "loader/hook/generation_marks.h"
#include "loader/hook/rcu_grace_period.h"

namespace tally::loader {
namespace {

constexpr mode_t kReadable = 0444;

// In the staging area: the pinned record, while its component has not been taken out of the dispatcher.
constexpr const char* kOldRecord = "+replaced";

mode_t mode_of(const std::string& pin) {
    const bool readable =
        pin == XDP_TALLY_MAP_NAME || pin == XDP_TALLY_META_NAME || parse_component_map_pin(pin);
    return readable ? kReadable : kOwnerOnly;
}

// Changes pins, and can put them back as they were.
class PinChanges {
  public:
    explicit PinChanges(PinDirectory& directory) : directory_(directory) {}

    Result<void> publish(const std::string& pin) {
        Change change{pin, open_old(pin)};
        TALLY_TRY(directory_.publish(pin, mode_of(pin)));
        done_.push_back(std::move(change));
        return {};
    }

    Result<void> remove(const std::string& pin) {
        Change change{pin, open_old(pin)};
        TALLY_TRY(directory_.remove(pin));
        done_.push_back(std::move(change));
        return {};
    }

    // The last first, up to the first that cannot be put back: what is left then is a change that was cut
    // off, which a repair can finish.
    Result<void> roll_back() {
        for (; !done_.empty(); done_.pop_back()) {
            TALLY_TRY(restore(done_.back()));
        }
        return {};
    }

  private:
    struct Change {
        std::string pin;
        UniqueFd old;  // none: there was no pin of this name
    };

    UniqueFd open_old(const std::string& pin) const {
        for (const bool read_only : {false, true}) {
            if (auto fd = directory_.open(pin, read_only)) {
                return std::move(*fd);
            }
        }
        return {};
    }

    Result<void> restore(const Change& change) {
        if (!change.old) {
            return directory_.remove(change.pin);
        }
        TALLY_TRY(directory_.stage(change.old.get(), change.pin));
        auto published = directory_.publish(change.pin, mode_of(change.pin));
        if (!published) {
            (void)directory_.remove_staged(change.pin);  // the staging area is for the new generation
        }
        return published;
    }

    PinDirectory& directory_;
    std::vector<Change> done_;
};

// The counts of the old record's map, which must be the one still pinned here; nothing where there is none.
Result<Counters> final_counts(const PinDirectory& directory, const Meta& old_meta) {
    auto fd = directory.open(XDP_TALLY_MAP_NAME, true);
    if (!fd) {
        if (fd.error().code == ENOENT) {
            return Counters{};
        }
        return fd.error();
    }
    TALLY_ASSIGN_OR_RETURN(auto info, map_info(fd->get()));
    if (info.id != old_meta.counter_map_id) {
        return Counters{};
    }
    auto map = CounterMap::from_fd(std::move(*fd));
    if (!map) {
        // Somebody's own xdp_stats_map counts something else.
        return map.error().kind == ErrorKind::kConflict ? Counters{} : Result<Counters>(map.error());
    }
    Sample sample;
    TALLY_TRY(map->read(sample));
    return sample.total;
}

Result<void> complete_meta(const PinDirectory& directory, Meta meta, const std::optional<Meta>& old_meta,
                           CountMover* mover, Counters& moved) {
    TALLY_ASSIGN_OR_RETURN(auto fd, directory.open_staged(XDP_TALLY_META_NAME, false));
    if (old_meta && old_meta->lineage == meta.lineage && old_meta->counter_map_id != meta.counter_map_id) {
        TALLY_ASSIGN_OR_RETURN(auto counts, final_counts(directory, *old_meta));
        if (mover != nullptr) {  // the old counts become the new map's own
            TALLY_TRY(mover->add(counts));
            moved = counts;
            meta.flags |= XDP_TALLY_META_MIGRATED;
            counts = {};
        }
        for (std::size_t action = 0; action < counts.size(); ++action) {
            meta.carried[action].rx_packets =
                old_meta->carried[action].rx_packets + counts[action].rx_packets;
            meta.carried[action].rx_bytes = old_meta->carried[action].rx_bytes + counts[action].rx_bytes;
        }
    }
    TALLY_TRY(write_meta(fd.get(), meta));
    return freeze_meta(fd.get());
}

// The record was completed by the run that was interrupted, and what it says is final: it is frozen, or has
// the mode already that it gets after that.
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
bool counts_component(const PinDirectory& directory, const Meta& meta, const ComponentPin& component) {
    const auto fd = directory.open(component_map_pin(component.program_id, component.name), true);
    const auto info = fd ? map_info(fd->get()) : fd.error();
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
            if (!counts_component(directory, meta, *component)) {
                TALLY_TRY(changes.remove(pin));
                removed.push_back(directory.path() + '/' + pin);
            }
            continue;
        }
        const auto fd = directory.open(pin, true);
        if (!fd || object_type(fd->get()) != ObjectType::kMap) {
            continue;
        }
        TALLY_ASSIGN_OR_RETURN(auto info, map_info(fd->get()));
        if (owns_map(old_meta, info.id) && !owns_map(meta, info.id)) {
            TALLY_TRY(changes.remove(pin));
            removed.push_back(directory.path() + '/' + pin);
        }
    }
    return {};
}

bool link_runs(const Result<UniqueFd>& link, std::uint32_t program_id) {
    if (!link || object_type(link->get()) != ObjectType::kLink) {
        return false;
    }
    const auto info = link_info(link->get());
    return info && info->ifindex != 0 && info->program_id == program_id;
}

bool by_link(const Meta& meta) {
    return meta.attach_kind == XDP_TALLY_ATTACH_LINK || meta.attach_kind == XDP_TALLY_ATTACH_OBSERVE;
}

// What has taken over needs no link; the old one is severed, or observed what is gone.
Result<void> remove_old_link(const PinDirectory& directory, PinChanges& changes, const Meta& meta,
                             const Meta& old_meta, std::vector<std::string>& removed) {
    if (by_link(old_meta) && !by_link(meta) && directory.open(XDP_TALLY_LINK_NAME, false)) {
        TALLY_TRY(changes.remove(XDP_TALLY_LINK_NAME));
        removed.push_back(directory.path() + '/' + XDP_TALLY_LINK_NAME);
    }
    return {};
}

// Takes the component out that the staged old record names, if there is one; `meta` is published.
Result<void> take_out_old_component(PinDirectory& directory, const Meta& meta) {
    const auto fd = directory.open_staged(kOldRecord, true);
    if (!fd) {
        return fd.error().code == ENOENT ? Result<void>() : fd.error();
    }
    TALLY_ASSIGN_OR_RETURN(auto old_meta, read_meta(fd->get()));
    if (old_meta.program_id != meta.program_id) {
        TALLY_TRY(detach_component(meta.ifindex, old_meta.program_id));
    }
    return directory.remove_staged(kOldRecord);
}

// The steps of publish_generation.
Result<void> publish_pins(PinDirectory& directory, PinChanges& changes, const Meta& meta,
                          const std::optional<Meta>& old_meta, CountMover* mover, PublicationReport& report) {
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
    take(kOldRecord);
    const bool new_counters = take(XDP_TALLY_MAP_NAME);

    // Also for other maps: a PROG_ARRAY is emptied when its last pin goes, and nobody may be about to jump
    // then.
    if (old_meta && (new_counters || !staged.empty())) {
        wait_for_running_programs();
    }
    TALLY_ASSIGN_OR_RETURN(auto complete, is_complete(directory));
    if (!complete) {
        TALLY_TRY(complete_meta(directory, meta, old_meta, mover, report.moved));
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

// Of a component the interrupted run may not have known the id yet.
std::uint32_t find_component(const XdpHook& hook, const Meta& meta) {
    if (!hook.dispatcher || meta.program_id != 0 || meta.own_map_id == 0) {
        return meta.program_id;
    }
    for (const auto& component : hook.dispatcher->components) {
        const auto fd = open_program_by_id(component.program_id);
        const auto maps = fd ? program_maps(fd->get()) : fd.error();
        if (maps && std::find(maps->begin(), maps->end(), meta.own_map_id) != maps->end()) {
            return component.program_id;
        }
    }
    return 0;
}

// What an interrupted run left is the new generation, and its program runs.
Result<bool> is_attached(const PinDirectory& directory, Meta& meta, std::uint32_t ifindex) {
    if (meta.attach_kind == XDP_TALLY_ATTACH_OBSERVE) {
        return true;  // its record is staged when all else is, and nothing on the hook had to be changed
    }
    auto hook = query_xdp_hook(ifindex);
    if (hook && meta.attach_kind == XDP_TALLY_ATTACH_DISPATCHER) {
        // Without a look into it nobody knows, and what may be running is not discarded.
        TALLY_TRY(look_into_dispatcher(*hook, ifindex));
        meta.program_id = find_component(*hook, meta);
    }
    const auto program = hook ? hook->find(meta.program_id) : std::nullopt;
    if (program) {
        meta.attach_mode = program->mode;
    }
    if (meta.attach_kind != XDP_TALLY_ATTACH_LINK) {
        return program.has_value();
    }
    return link_runs(directory.open_staged(XDP_TALLY_LINK_NAME, false), meta.program_id) ||
           link_runs(directory.open(XDP_TALLY_LINK_NAME, false), meta.program_id);
}

// The run may have been about to take the generation back.
Result<void> clear_revocation(const PinDirectory& directory, const Meta& meta) {
    if ((meta.flags & XDP_TALLY_META_MARKS) == 0) {
        return {};
    }
    auto marks = directory.open_staged(XDP_TALLY_MARK_NAME, false);
    if (!marks) {
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

Result<std::string> finish_or_discard(PinDirectory& directory, const std::vector<std::string>& staged,
                                      std::uint32_t ifindex) {
    TALLY_ASSIGN_OR_RETURN(auto meta, meta_if_any(directory.open_staged(XDP_TALLY_META_NAME, true)));
    TALLY_ASSIGN_OR_RETURN(auto old_meta, meta_if_any(directory.open(XDP_TALLY_META_NAME, true)));
    if (!meta && old_meta && staged == std::vector<std::string>{kOldRecord}) {
        TALLY_TRY(take_out_old_component(directory, *old_meta));
        return std::string("took out of the dispatcher what an interrupted run had replaced");
    }
    bool attached = false;
    if (meta) {
        TALLY_ASSIGN_OR_RETURN(auto found, is_attached(directory, *meta, ifindex));
        attached = found;
    }
    if (!attached) {
        for (const auto& pin : staged) {
            TALLY_TRY(directory.remove_staged(pin));
        }
        return std::string("discarded what an interrupted run had prepared");
    }
    TALLY_TRY(clear_revocation(directory, *meta));
    std::optional<CountMover> mover;
    if ((meta->flags & XDP_TALLY_META_MIGRATES) != 0) {
        TALLY_ASSIGN_OR_RETURN(auto prepared, prepare_migration(directory));
        mover = std::move(prepared);
    }
    PublicationReport report;
    TALLY_TRY(publish_generation(directory, *meta, old_meta, mover ? &*mover : nullptr, report));
    return fmt::format("finished generation {}, which an interrupted run had attached but not published",
                       meta->generation);
}

}  // namespace

Result<std::optional<CountMover>> prepare_migration(const PinDirectory& directory) {
    const auto counters = directory.open_staged(XDP_TALLY_MAP_NAME, false);
    if (!counters) {
        if (counters.error().code == ENOENT) {
            return std::optional<CountMover>();  // published already, which comes after the counts were moved
        }
        return counters.error();
    }
    TALLY_ASSIGN_OR_RETURN(auto meta, directory.open_staged(XDP_TALLY_META_NAME, false));
    TALLY_ASSIGN_OR_RETURN(auto mover, CountMover::prepare(counters->get(), meta.get()));
    return std::optional(std::move(mover));
}

Result<void> give_counts_back(const PinDirectory& directory, int new_counter_fd, const Counters& moved) {
    wait_for_running_programs();
    TALLY_ASSIGN_OR_RETURN(auto new_counters, read_counters(new_counter_fd));
    Counters counted = new_counters.total;
    for (std::size_t action = 0; action < counted.size(); ++action) {
        counted[action].rx_packets -= moved[action].rx_packets;
        counted[action].rx_bytes -= moved[action].rx_bytes;
    }
    TALLY_ASSIGN_OR_RETURN(auto old_counters, directory.open(XDP_TALLY_MAP_NAME, false));
    TALLY_ASSIGN_OR_RETURN(auto done, create_meta_map());
    TALLY_ASSIGN_OR_RETURN(auto mover, CountMover::prepare(old_counters.get(), done.get()));
    return mover.add(counted);
}

Result<void> publish_generation(PinDirectory& directory, const Meta& meta,
                                const std::optional<Meta>& old_meta, CountMover* mover,
                                PublicationReport& report) {
    PinChanges changes(directory);
    auto published = publish_pins(directory, changes, meta, old_meta, mover, report);
    if (!published) {
        if (!changes.roll_back()) {
            directory.leave_staged();
        }
        return published;
    }
    if (const auto taken_out = take_out_old_component(directory, meta); !taken_out) {
        directory.leave_staged();
        report.notes.push_back(taken_out.error().message() +
                               "; the next load, --unload or --clean does that");
    }
    return {};
}

Result<void> stage_old_meta(PinDirectory& directory) {
    TALLY_ASSIGN_OR_RETURN(auto meta, directory.open(XDP_TALLY_META_NAME, true));
    return directory.stage(meta.get(), kOldRecord);
}

Result<std::string> repair(PinDirectory& directory, std::uint32_t ifindex) {
    TALLY_ASSIGN_OR_RETURN(auto staged, directory.staged());
    if (staged.empty()) {
        return std::string();
    }
    auto repaired = finish_or_discard(directory, staged, ifindex);
    if (!repaired) {
        directory.leave_staged();  // for the next attempt
    }
    return repaired;
}

}  // namespace tally::loader
