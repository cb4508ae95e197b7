// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/delivery/tracking.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/directory.h"
#include "common/base/exceptions.h"
#include "common/base/shell_word.h"
#include "common/bpf/bpf_info.h"
#include "common/pins/delivery.h"
#include "common/pins/pin_names.h"
#include "loader/delivery/delivery_programs.h"
#include "loader/delivery/gone_devices.h"
#include "loader/delivery/tracepoints.h"
#include "loader/device/pin_directory.h"
#include "loader/hook/capabilities.h"

namespace tally::loader {
namespace {

constexpr const char* kProgramsName = "programs";
constexpr mode_t kReadableForAll = 0444;

bool is_link_pin(const std::string& pin) {
    return std::any_of(kTracepoints.begin(), kTracepoints.end(),
                       [&](const Tracepoint& tracepoint) { return pin == tracepoint.link_pin(); });
}

// In the order in which they are removed: what tells of the others first, then what counts, then the counts.
std::vector<std::string> our_pins(std::vector<std::string> pins) {
    constexpr int kNotOurs = 4;
    const auto rank = [](const std::string& pin) {
        if (pin == XDP_TALLY_DELIVERY_META_NAME) {
            return 0;
        }
        if (is_link_pin(pin)) {
            return 1;
        }
        if (pin == kProgramsName) {
            return 2;
        }
        return pin == XDP_TALLY_DELIVERY_DEVICES_NAME || pin == XDP_TALLY_DELIVERY_CPUMAPS_NAME ||
                       pin == XDP_TALLY_DELIVERY_OVERFLOW_NAME
                   ? 3
                   : kNotOurs;
    };
    std::erase_if(pins, [&](const std::string& pin) { return rank(pin) == kNotOurs; });
    std::stable_sort(pins.begin(), pins.end(),
                     [&](const std::string& a, const std::string& b) { return rank(a) < rank(b); });
    return pins;
}

// What a command that was killed had not published.
Result<void> discard_staged(PinDirectory& directory, std::vector<std::string>& removed) {
    TALLY_ASSIGN_OR_RETURN(const auto staged, directory.staged());
    for (const auto& pin : staged) {
        TALLY_TRY(directory.remove_staged(pin));
        removed.push_back(directory.path() + '/' + kStagingName + '/' + pin);
    }
    return {};
}

Result<void> remove_all(PinDirectory& directory, std::vector<std::string>& removed) {
    TALLY_ASSIGN_OR_RETURN(auto pins, directory.pins());
    for (const auto& pin : our_pins(std::move(pins))) {
        TALLY_TRY(directory.remove(pin));
        removed.push_back(directory.path() + '/' + pin);
    }
    return {};
}

DeliveryOutcome describe(DeliveryOutcomeKind kind, const std::string& directory, const DeliveryMeta& meta) {
    DeliveryOutcome outcome;
    outcome.kind = kind;
    outcome.pin_dir = directory;
    outcome.since = meta.start_time;
    outcome.program_version = meta.program_version;
    outcome.tracepoints = tracepoint_names(meta.tracepoints);
    outcome.missing = tracepoint_names(meta.missing);
    for (const auto& tracepoint : kTracepoints) {
        if ((meta.missing & tracepoint.bit) != 0) {
            outcome.notes.push_back(
                fmt::format("this kernel has no tracepoint {} that could be used: {} not counted",
                            tracepoint.name, tracepoint.tells));
        }
    }
    return outcome;
}

// ---- a new tracking, or new programs for the one there is

Result<UniqueFd> make_meta_map(const DeliveryMeta& meta) {
    constexpr const char* kWhat = "writing the meta of the counts of deliveries";
    UniqueFd fd(
        bpf_map_create(BPF_MAP_TYPE_ARRAY, "delivery_meta", sizeof(std::uint32_t), sizeof(meta), 1, nullptr));
    const std::uint32_t key = 0;
    if (!fd || bpf_map_update_elem(fd.get(), &key, &meta, BPF_ANY) != 0) {
        return last_error(kWhat);
    }
    TALLY_TRY(freeze_map(fd.get()));
    return fd;
}

// What tells of the others last.
Result<void> publish_staged(PinDirectory& directory) {
    TALLY_ASSIGN_OR_RETURN(auto staged, directory.staged());
    staged = our_pins(std::move(staged));
    std::reverse(staged.begin(), staged.end());
    for (const auto& pin : staged) {
        const bool counts = is_link_pin(pin) || pin == kProgramsName;
        TALLY_TRY(directory.publish(pin, pin, counts ? kOwnerOnly : kReadableForAll));
    }
    return {};
}

// Attaches to what is there and not yet in `attached`, which are bits of tracepoints.
Result<void> attach_all(const DeliveryPrograms& programs, std::uint32_t& attached, PinDirectory& directory) {
    for (const auto& tracepoint : kTracepoints) {
        if ((programs.available() & tracepoint.bit & ~attached) == 0) {
            continue;
        }
        TALLY_ASSIGN_OR_RETURN(const auto link, programs.attach(tracepoint));
        TALLY_TRY(directory.stage(link.get(), tracepoint.link_pin()));
        attached |= tracepoint.bit;
    }
    return {};
}

Result<void> renew_all(const DeliveryPrograms& programs) {
    for (const auto& tracepoint : kTracepoints) {
        if ((programs.available() & tracepoint.bit) != 0) {
            TALLY_TRY(programs.renew(tracepoint));
        }
    }
    return {};
}

std::uint32_t bits_not_in(std::uint32_t attached) {
    std::uint32_t bits = 0;
    for (const auto& tracepoint : kTracepoints) {
        bits |= tracepoint.bit & ~attached;
    }
    return bits;
}

Result<DeliveryMeta> make_meta(const DeliveryPrograms& programs) {
    DeliveryMeta meta = {};
    meta.magic = XDP_TALLY_DELIVERY_MAGIC;
    meta.abi_version = XDP_TALLY_DELIVERY_ABI_VERSION;
    if (::getrandom(&meta.instance, sizeof(meta.instance), 0) != sizeof(meta.instance)) {
        return last_error("getting a random number");
    }
    meta.instance |= 1U;  // 0 stands for none
    meta.start_time = static_cast<std::uint64_t>(nanoseconds_of(CLOCK_REALTIME));
    meta.program_version = DeliveryPrograms::kVersion;
    for (const auto& [id, fd] : {std::pair(&meta.devices_map_id, programs.devices_fd()),
                                 std::pair(&meta.cpumaps_map_id, programs.cpumaps_fd()),
                                 std::pair(&meta.overflow_map_id, programs.overflow_fd())}) {
        TALLY_ASSIGN_OR_RETURN(const auto info, map_info(fd));
        *id = info.id;
    }
    return meta;
}

Result<DeliveryOutcome> start(PinDirectory& directory) {
    TALLY_ASSIGN_OR_RETURN(const auto programs, DeliveryPrograms::load(nullptr));
    TALLY_ASSIGN_OR_RETURN(auto meta, make_meta(programs));
    TALLY_TRY(directory.stage(programs.devices_fd(), XDP_TALLY_DELIVERY_DEVICES_NAME));
    TALLY_TRY(directory.stage(programs.cpumaps_fd(), XDP_TALLY_DELIVERY_CPUMAPS_NAME));
    TALLY_TRY(directory.stage(programs.overflow_fd(), XDP_TALLY_DELIVERY_OVERFLOW_NAME));
    TALLY_TRY(directory.stage(programs.programs_fd(), kProgramsName));
    TALLY_TRY(renew_all(programs));
    TALLY_TRY(attach_all(programs, meta.tracepoints, directory));
    meta.missing = bits_not_in(meta.tracepoints);
    TALLY_ASSIGN_OR_RETURN(const auto meta_map, make_meta_map(meta));
    TALLY_TRY(directory.stage(meta_map.get(), XDP_TALLY_DELIVERY_META_NAME));
    TALLY_TRY(publish_staged(directory));
    return describe(DeliveryOutcomeKind::kStarted, directory.path(), meta);
}

Result<DeliveryMapFds> open_maps(const PinDirectory& directory) {
    DeliveryMapFds maps;
    for (const auto& [name, fd] : {std::pair(XDP_TALLY_DELIVERY_DEVICES_NAME, &maps.devices),
                                   std::pair(XDP_TALLY_DELIVERY_CPUMAPS_NAME, &maps.cpumaps),
                                   std::pair(XDP_TALLY_DELIVERY_OVERFLOW_NAME, &maps.overflow)}) {
        TALLY_ASSIGN_OR_RETURN(*fd, directory.open(name, true));
    }
    TALLY_ASSIGN_OR_RETURN(maps.programs, directory.open(kProgramsName, false));
    return maps;
}

// Each program is renewed by itself, and counts as the one before it did: should this be interrupted, some
// are old and some new until the next command.
Result<DeliveryOutcome> renew(PinDirectory& directory, DeliveryMeta meta, std::uint32_t attached) {
    TALLY_ASSIGN_OR_RETURN(const auto maps, open_maps(directory));
    TALLY_ASSIGN_OR_RETURN(const auto programs, DeliveryPrograms::load(&maps));
    TALLY_TRY(attach_all(programs, attached, directory));
    meta.program_version = DeliveryPrograms::kVersion;
    meta.tracepoints = attached;
    meta.missing = bits_not_in(attached);
    TALLY_ASSIGN_OR_RETURN(const auto meta_map, make_meta_map(meta));
    TALLY_TRY(directory.stage(meta_map.get(), XDP_TALLY_DELIVERY_META_NAME));
    TALLY_TRY(renew_all(programs));
    // What was renewed and published stays so: the next command has less to do.
    TALLY_TRY(publish_staged(directory));
    return describe(DeliveryOutcomeKind::kRenewed, directory.path(), meta);
}

// ---- the one there is

Result<std::uint32_t> attached_tracepoints(const std::string& directory) {
    TALLY_ASSIGN_OR_RETURN(const auto pins, list_directory_if_any(directory));
    std::uint32_t bits = 0;
    for (const auto& tracepoint : kTracepoints) {
        const bool pinned = std::find(pins.begin(), pins.end(), tracepoint.link_pin()) != pins.end();
        bits |= pinned ? tracepoint.bit : 0;
    }
    return bits;
}

bool is_up_to_date(const DeliveryMeta& meta, std::uint32_t attached) {
    return meta.program_version > DeliveryPrograms::kVersion ||
           (meta.program_version == DeliveryPrograms::kVersion && meta.tracepoints == attached);
}

Result<GoneCounts> find_gone_now(const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto maps, DeliveryMaps::open(bpffs));
    if (!maps) {
        return GoneCounts();
    }
    TALLY_ASSIGN_OR_RETURN(const auto counts, maps->read());
    return find_gone(counts, bpffs);
}

// What was done in words; empty where there was nothing to do.
Result<std::string> make_room(const PinDirectory& directory, const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto gone, find_gone_now(bpffs));
    if (gone.size() == 0) {
        return std::string();
    }
    TALLY_ASSIGN_OR_RETURN(const auto maps, open_maps(directory));
    TALLY_ASSIGN_OR_RETURN(const auto programs, DeliveryPrograms::load(&maps));
    TALLY_TRY(forget(gone, programs));
    return fmt::format("forgot {} counts of devices and maps that are gone", gone.size());
}

Result<DeliveryOutcome> go_on(PinDirectory& directory, const DeliveryMeta& meta, const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto attached, attached_tracepoints(directory.path()));
    DeliveryOutcome outcome;
    if (is_up_to_date(meta, attached)) {
        outcome = describe(DeliveryOutcomeKind::kUnchanged, directory.path(), meta);
        if (meta.program_version > DeliveryPrograms::kVersion) {
            outcome.notes.emplace_back("by a newer version of xdp_loader than this one");
        }
    } else {
        TALLY_ASSIGN_OR_RETURN(outcome, renew(directory, meta, attached));
    }
    TALLY_ASSIGN_OR_RETURN(auto room, make_room(directory, bpffs));
    if (!room.empty()) {
        outcome.notes.push_back(std::move(room));
    }
    return outcome;
}

Result<DeliveryOutcome> foretell(const BpffsRoot& bpffs, const std::string& directory) {
    TALLY_TRY(check_named_bpffs(bpffs));
    TALLY_TRY(PinDirectory::check(directory));
    TALLY_ASSIGN_OR_RETURN(const auto programs, DeliveryPrograms::load(nullptr));
    TALLY_ASSIGN_OR_RETURN(const auto meta, read_delivery_meta(bpffs.path));
    TALLY_ASSIGN_OR_RETURN(const auto attached, attached_tracepoints(directory));
    if (meta && is_up_to_date(*meta, attached)) {
        return describe(DeliveryOutcomeKind::kUnchanged, directory, *meta);
    }
    DeliveryMeta wanted = meta.value_or(DeliveryMeta{});
    wanted.program_version = DeliveryPrograms::kVersion;
    wanted.tracepoints = programs.available() | (meta ? attached : 0);
    wanted.missing = bits_not_in(wanted.tracepoints);
    return describe(meta ? DeliveryOutcomeKind::kRenewed : DeliveryOutcomeKind::kStarted, directory, wanted);
}

}  // namespace

Result<DeliveryOutcome> track_delivery(NetnsContext& context, bool dry_run) {
    TALLY_TRY(check_tracking_capabilities());
    BpffsRoot& bpffs = context.bpffs;
    if (dry_run) {
        auto outcome = foretell(bpffs, delivery_directory(bpffs.path));
        if (outcome) {
            outcome->dry_run = true;
        }
        return outcome;
    }
    TALLY_TRY(ensure_bpffs(bpffs));
    TALLY_ASSIGN_OR_RETURN(auto directory, PinDirectory::lock(delivery_directory(bpffs.path)));
    auto meta = read_delivery_meta(bpffs.path);
    if (!meta) {
        return std::move(meta).error().with_hint(
            fmt::format("`xdp_loader {}--untrack-delivery` removes what is there", context.root_option()));
    }
    std::vector<std::string> leftovers;
    TALLY_TRY(discard_staged(directory, leftovers));
    if (!*meta) {
        TALLY_TRY(remove_all(directory, leftovers));
    }
    auto outcome =
        without_exceptions([&] { return *meta ? go_on(directory, **meta, bpffs.path) : start(directory); });
    if (!outcome && !*meta) {
        (void)remove_all(directory, leftovers);  // without a meta nothing counts
    }
    if (outcome && !leftovers.empty()) {
        outcome->notes.emplace_back("removed what an interrupted change had left");
    }
    if (!outcome && outcome.error().kind == ErrorKind::kConflict && outcome.error().hint.empty()) {
        outcome.error().hint =
            fmt::format("`xdp_loader {}--untrack-delivery` removes the pins, and the counts with them",
                        context.root_option());
    }
    return outcome;
}

std::string make_room_if_needed(const NetnsContext& context, const DeliveryCounts& counts) {
    if (counts.devices.size() <= XDP_TALLY_DELIVERY_DEVICES_MAX / 2 &&
        counts.cpumaps.size() <= XDP_TALLY_DELIVERY_CPUMAPS_MAX / 2) {
        return {};
    }
    // Whoever has the lock is at it already.
    const auto directory = PinDirectory::lock_if_free(delivery_directory(context.bpffs.path));
    if (!directory || !*directory) {
        return {};
    }
    auto done = make_room(**directory, context.bpffs.path);
    return done ? std::move(*done) : std::string();
}

Result<DeliveryOutcome> untrack_delivery(const NetnsContext& context, bool dry_run) {
    TALLY_TRY(check_named_bpffs(context.bpffs));
    const std::string path = delivery_directory(context.bpffs.path);
    DeliveryOutcome outcome;
    outcome.kind = DeliveryOutcomeKind::kStopped;
    outcome.dry_run = dry_run;
    outcome.pin_dir = path;
    if (dry_run) {
        const auto pins = list_directory(path);
        if (!pins && pins.error().code != ENOENT) {
            return pins.error();
        }
        for (const auto& pin : our_pins(pins ? *pins : std::vector<std::string>())) {
            outcome.removed.push_back(fmt::format("{}/{}", path, pin));
        }
    } else {
        TALLY_ASSIGN_OR_RETURN(auto directory, PinDirectory::lock_existing(path));
        if (directory) {
            TALLY_TRY(remove_all(*directory, outcome.removed));
            TALLY_TRY(discard_staged(*directory, outcome.removed));
        }
    }
    return outcome.removed.empty() ? DeliveryOutcome() : outcome;
}

Result<std::optional<DeliveryOutcome>> delivery_status(const NetnsContext& context) {
    const std::string path = delivery_directory(context.bpffs.path);
    auto meta = read_delivery_meta(context.bpffs.path);
    if (meta && *meta) {
        TALLY_ASSIGN_OR_RETURN(const auto attached, attached_tracepoints(path));
        // One of a newer version is not this one's to put right.
        const std::string way =
            is_up_to_date(**meta, attached)
                ? std::string()
                : fmt::format("; `xdp_loader {}--track-delivery` attaches it again", context.root_option());
        const std::uint32_t removed = (*meta)->tracepoints & ~attached;
        (*meta)->tracepoints = attached;
        DeliveryOutcome outcome = describe(DeliveryOutcomeKind::kStatus, path, **meta);
        for (const auto& tracepoint : kTracepoints) {
            if ((removed & tracepoint.bit) != 0) {
                outcome.notes.push_back(fmt::format("the link to tracepoint {} was removed: {} not counted{}",
                                                    tracepoint.name, tracepoint.tells, way));
            }
        }
        return std::optional(std::move(outcome));
    }
    if (!meta && is_failed_question(meta.error())) {
        return meta.error();
    }
    TALLY_ASSIGN_OR_RETURN(const auto pins, answer_of(list_directory(path)));
    if (meta && !pins) {
        return std::optional<DeliveryOutcome>();
    }
    DeliveryOutcome outcome;
    outcome.kind = meta ? DeliveryOutcomeKind::kNotTracked : DeliveryOutcomeKind::kUnknown;
    outcome.pin_dir = path;
    outcome.notes.push_back(
        meta ? "a change was interrupted, or is going on; the next --track-delivery or --untrack-delivery "
               "puts that right"
             : explain_barrier(meta.error(), path + '/').message_and_hint());
    return std::optional(std::move(outcome));
}

Result<std::optional<DeliveryOutcome>> forgotten_delivery(const NetnsContext& context) {
    TALLY_ASSIGN_OR_RETURN(auto outcome, delivery_status(context));
    TALLY_ASSIGN_OR_RETURN(const auto pinned, answer_of(has_pinned_devices(context.bpffs.path)));
    if (!outcome || !pinned || *pinned) {
        return std::optional<DeliveryOutcome>();
    }
    outcome->notes.push_back(
        fmt::format("nothing else of xdp_loader is left here: `xdp_loader {}--untrack-delivery` ends it",
                    context.root_option()));
    return outcome;
}

}  // namespace tally::loader
