// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/generation.h"

#include <sys/random.h>

#include <algorithm>
#include <vector>

#include "common/base/clock.h"
#include "common/bpf/bpf_info.h"
#include "common/network/netns.h"
#include "common/pins/counter_map.h"
#include "loader/change/meta_map.h"

namespace tally::loader {
namespace {

std::uint32_t kind_of(AttachMethod method) {
    switch (method) {
        case AttachMethod::kReplaceByNetlink:
            return XDP_TALLY_ATTACH_NETLINK;
        case AttachMethod::kComponent:
            return XDP_TALLY_ATTACH_DISPATCHER;
        default:
            return XDP_TALLY_ATTACH_LINK;
    }
}

// What an adopted counter map holds was counted before this lineage: totals are those since the adoption.
Result<void> leave_out_counts(Meta& meta, int counter_map_fd) {
    const auto sample = read_counters(counter_map_fd);
    if (!sample) {
        return sample.error().kind == ErrorKind::kConflict ? Result<void>() : sample.error();
    }
    for (std::size_t action = 0; action < sample->total.size(); ++action) {
        meta.carried[action].rx_packets -= sample->total[action].rx_packets;
        meta.carried[action].rx_bytes -= sample->total[action].rx_bytes;
    }
    return {};
}

}  // namespace

Result<Meta> begin_generation(const Interface& interface, const std::optional<Meta>& before) {
    Meta meta = {};
    meta.magic = XDP_TALLY_MAGIC;
    meta.abi_version = XDP_TALLY_ABI_VERSION;
    meta.generation = 1;
    if (before) {
        meta.generation = before->generation + 1;
        meta.lineage = before->lineage;
        std::copy(std::begin(before->carried), std::end(before->carried), meta.carried);
    } else if (::getrandom(&meta.lineage, sizeof(meta.lineage), 0) != sizeof(meta.lineage)) {
        return last_error("getting a random number");
    }
    meta.load_time = static_cast<std::uint64_t>(nanoseconds_of(CLOCK_REALTIME));
    TALLY_ASSIGN_OR_RETURN(meta.netns_inode, current_netns_inode());
    meta.ifindex = interface.ifindex;
    interface.name.copy(meta.interface, sizeof(meta.interface) - 1);
    return meta;
}

Result<Meta> make_meta(const Interface& interface, const ProgramObject& object,
                       const std::optional<Meta>& before, const Attempt& attempt) {
    TALLY_ASSIGN_OR_RETURN(auto meta, begin_generation(interface, before));
    meta.attach_mode = attempt.mode;
    meta.attach_kind = kind_of(attempt.method);
    meta.flags = object.has_frags() ? XDP_TALLY_META_FRAGS : 0U;
    meta.flags |= object.is_built_in() ? XDP_TALLY_META_BUILT_IN : 0U;
    object.program_name().copy(meta.program, sizeof(meta.program) - 1);
    if (attempt.method == AttachMethod::kComponent) {
        meta.flags |= object.uses_generation_marks() ? XDP_TALLY_META_MARKS : 0U;
        if (object.own_map_fd() >= 0) {
            TALLY_ASSIGN_OR_RETURN(auto own, map_info(object.own_map_fd()));
            meta.own_map_id = own.id;
        }
    } else {
        TALLY_ASSIGN_OR_RETURN(auto program, program_info(object.program_fd()));
        meta.program_id = program.id;
    }
    std::vector<std::uint32_t> adopted;
    for (const auto& map : object.maps()) {
        TALLY_ASSIGN_OR_RETURN(auto info, map_info(ProgramObject::map_fd(map)));
        if (map.adopted) {
            adopted.push_back(info.id);
        } else {
            meta.map_ids[meta.map_count++] = info.id;
        }
        if (map.name == XDP_TALLY_MAP_NAME) {
            meta.counter_map_id = info.id;
            if (map.adopted && !(before && before->counter_map_id == info.id)) {
                set_carried(meta, lineage_total(meta));  // the old map has lost its pin to this one
                TALLY_TRY(leave_out_counts(meta, ProgramObject::map_fd(map)));
            }
        }
    }
    std::copy(adopted.begin(), adopted.end(), meta.map_ids + meta.map_count);
    return meta;
}

Result<Meta> make_meta_anew(const Interface& interface, const Meta& known, int counter_map_fd) {
    TALLY_ASSIGN_OR_RETURN(auto meta, begin_generation(interface, std::nullopt));
    std::copy(std::begin(known.program), std::end(known.program), meta.program);
    meta.program_id = known.program_id;
    meta.attach_mode = known.attach_mode;
    meta.attach_kind = known.attach_kind;
    meta.counter_map_id = known.counter_map_id;
    meta.map_count = known.map_count;
    std::copy(std::begin(known.map_ids), std::end(known.map_ids), meta.map_ids);
    TALLY_TRY(leave_out_counts(meta, counter_map_fd));
    return meta;
}

Result<void> stage_generation(PinDirectory& pins, const ProgramObject& object, const Meta& meta) {
    for (const auto& map : object.maps()) {
        if (map.name == XDP_TALLY_MAP_NAME && !map.adopted) {
            const auto frozen = freeze_counters(ProgramObject::map_fd(map));
            // Who may only read a pin of an earlier load, which is 0444, cannot freeze what is behind it.
            if (!frozen && !map.reused) {
                return frozen.error();
            }
        }
        if (!map.reused) {
            TALLY_TRY(pins.stage(ProgramObject::map_fd(map), map.pin_name));
        }
    }
    return stage_meta(pins, meta);
}

Result<void> stage_meta(PinDirectory& pins, const Meta& meta) {
    TALLY_ASSIGN_OR_RETURN(auto fd, create_meta_map());
    TALLY_TRY(write_meta(fd.get(), meta));
    return pins.stage(fd.get(), XDP_TALLY_META_NAME);
}

Counters lineage_total(const Meta& meta, const Counters& in_map) {
    Counters carried;
    std::copy(std::begin(meta.carried), std::end(meta.carried), carried.begin());
    return since_first_load(carried, in_map);
}

void set_carried(Meta& meta, const Counters& counts) {
    std::copy(counts.begin(), counts.end(), meta.carried);
}

Result<Counters> counts_of(const PinDirectory& directory, std::uint32_t map_id) {
    for (const bool staged : {true, false}) {
        auto fd = staged ? directory.open_staged(XDP_TALLY_MAP_NAME, true)
                         : directory.open(XDP_TALLY_MAP_NAME, true);
        if (!fd) {
            if (fd.error().code == ENOENT) {
                continue;
            }
            return fd.error();
        }
        TALLY_ASSIGN_OR_RETURN(const auto info, map_info(fd->get()));
        if (info.id != map_id) {
            continue;
        }
        const auto sample = read_counters(fd->get());
        if (!sample && sample.error().kind != ErrorKind::kConflict) {
            return sample.error();
        }
        return sample ? sample->total : Counters{};
    }
    return Counters{};
}

bool is_zero(const Counters& counts) {
    return std::all_of(counts.begin(), counts.end(),
                       [](const Counter& counter) { return counter.rx_packets == 0; });
}

}  // namespace tally::loader
