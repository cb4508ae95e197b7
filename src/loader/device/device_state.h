// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What an interface's hook runs and what its pin directory holds, put together: the ground every verb decides
// on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/bpf/bpf_info.h"
#include "common/network/interface.h"
#include "common/network/xdp_hook.h"
#include "common/pins/attach_state.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "common/pins/program_search.h"
#include "loader/device/pin_directory.h"

namespace tally::loader {

// What on a device is ours.
enum class Ours {
    kNothing,
    kLink,         // our program runs by the pinned link, or by one that this process may not open
    kComponent,    // our program runs in libxdp's dispatcher
    kNetlink,      // our program was attached by netlink
    kUnpinned,     // our program runs by a link that is not pinned here: it is of whoever has it
    kObservation,  // the pins are of an --observe: the program is somebody else's
    kReserved,     // an `xdp_loader --run` has the device for itself
    kElsewhere,    // our program lives: on another device than the one of this name, or where nobody knows
    kUnreadable,   // our program may run in the dispatcher, which cannot be looked into
};

struct MapPin {
    std::string pin_name;
    MapInfo info;
};

struct DeviceState {
    std::optional<Interface> interface;  // none: there is no such device here
    XdpHook hook;
    // Where our program runs, if that is not on `interface`: on a device that was renamed or moved.
    std::optional<ProgramPlace> place;
    // Our program runs on no hook that there is (ProgramSearch::complete).
    bool searched_everywhere = false;
    ProgramLife life = ProgramLife::kNotKnown;
    // A program that is not ours is on the hook, and counts into the pinned map.
    bool other_program_counts = false;
    // Why it is not known whether that is a dispatcher, or what it calls.
    std::optional<Error> dispatcher_trouble;

    // From the pin directory.
    bool has_directory = false;
    std::optional<Meta> meta;
    // Somebody has removed its pin: `meta` says what is known without it (recognise_our_link).
    bool meta_is_missing = false;
    bool meta_is_hidden = false;  // there may be one, which this process may not read
    UniqueFd link;                // the pinned link, where there is one, also when it is severed
    std::optional<LinkInfo> link_info;
    std::vector<std::string> component_links;  // pins of what observes a dispatcher's components
    std::vector<MapPin> maps;                  // every map pinned there, ours or not, without the meta
    std::vector<std::string> other_pins;       // neither map nor meta nor our link
    // Of a first load that was cut off after some of its pins were published: whose these are.
    std::optional<Meta> staged_meta;
    bool changing = false;          // somebody holds the lock, or this process may not see whether
    bool interrupted = false;       // a change was cut off: the staging area is not empty
    bool link_hidden = false;       // there is a link that this process may not open
    bool reserved_by_run = false;   // the pins are of an `xdp_loader --run` that has not ended
    bool run_has_ended = false;     // or of one that has
    std::optional<Error> trouble;   // the first thing that could not be looked at, if any
    bool only_link_hidden = false;  // that is this link, and nothing else: it would tell little more

    // What `decide` makes of all of the above.
    Ours ours = Ours::kNothing;
    std::optional<HookProgram> our_program;  // that we attached, and that still runs: here, or at `place`
    AttachState attach_state = AttachState::kNone;

    bool has_pins() const { return meta || link || !maps.empty() || !other_pins.empty(); }
    // Others have pinned something there, and nothing of it can be ours, or is a counter map.
    bool has_only_pins_of_others() const;
    bool observes() const { return meta && meta->attach_kind == XDP_TALLY_ATTACH_OBSERVE; }
    // That our program is on, wherever that is.
    const XdpHook& our_hook() const { return place ? place->link.hook : hook; }
    // The pins are of a device that another one has taken the name of.
    bool name_is_taken() const { return interface && ours == Ours::kElsewhere; }
    // Where our program runs in a dispatcher.
    const Component* our_component() const;
    // The same, of an `xdp_loader --run` that was killed: the kernel ends links with their process, not this.
    const Component* left_by_killed_run() const;
    const MapPin* find_map(const std::string& pin_name) const;
    // The pinned link is attached to something, if only elsewhere: it was not severed with its device.
    bool link_is_alive() const;
    // Asks for a meta or a live link, one of them at least: whether its program is on the hook of
    // `interface`. A link tells its device: the same program may run elsewhere, too.
    bool runs_here() const;
    bool owns(const MapPin& map) const { return meta && owns_pin(*meta, map.pin_name, map.info); }
    bool adopted(const MapPin& map) const { return meta && adopted_map(*meta, map.info.id); }

    // Asks nothing of the kernel. `netns_inode`: of the namespace that `interface` and the pins are of.
    void decide(std::uint64_t netns_inode);
};

}  // namespace tally::loader
