// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What an interface's hook runs and what its pin directory holds, put together: the ground every verb decides
// on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/kernel/bpf_info.h"
#include "common/kernel/interface.h"
#include "common/kernel/xdp_hook.h"
#include "common/pins/meta.h"
#include "loader/device/pin_directory.h"

namespace tally::loader {

// Who feeds the pinned counters, in the words of --status.
enum class AttachState {
    kNone,      // nothing on the hook, no pins
    kForeign,   // a program that xdp-tally did not attach, no pins
    kAttached,  // our program is on the hook and counts into the pinned map
    kDetached,  // pins, but nothing on the hook
    kStale,     // pins, but the program on the hook feeds other maps
    kOrphaned,  // pins, but their device is gone
    kUnknown,  // pins whose device cannot be seen from here (another network namespace, or renamed), or whose
               // dispatcher
};
std::string_view state_name(AttachState attach_state);

struct MapPin {
    std::string pin_name;
    MapInfo info;
};

struct DeviceState {
    std::optional<Interface> interface;  // none: there is no such device here
    // Then, of a program without a link: what the device that it runs on is called now.
    std::optional<Interface> renamed;
    XdpHook hook;
    // Why it is not known whether that is a dispatcher, or what it calls.
    std::optional<Error> dispatcher_trouble;

    // From the pin directory.
    bool has_directory = false;
    std::optional<Meta> meta;
    UniqueFd link;  // the pinned link, where there is one, also when it is severed
    std::optional<LinkInfo> link_info;
    std::vector<std::string> component_links;  // pins of what observes a dispatcher's components
    std::vector<MapPin> maps;                  // every map pinned there, ours or not, without the metadata
    std::vector<std::string> other_pins;       // neither map nor metadata nor our link
    bool interrupted = false;                  // a change was cut off: the staging area is not empty
    bool link_hidden = false;                  // there is a link that this process may not open
    bool reserved_by_run = false;              // the pins are of an `xdp_loader --run` that has not ended
    bool run_has_ended = false;                // or of one that has
    std::optional<Error> trouble;              // the first thing that could not be looked at, if any

    bool has_pins() const { return meta || link || !maps.empty() || !other_pins.empty(); }
    // The pinned link still runs its program on some interface.
    bool link_alive() const { return link_info && link_info->ifindex != 0; }
    // The program that we attached and that still runs: by its link, else by the metadata of another
    // attachment.
    std::optional<HookProgram> our_program() const;
    // The same, where it runs in a dispatcher.
    const Component* our_component() const;
    // The same, of an `xdp_loader --run` that was killed: the kernel ends links with their process, not this.
    const Component* left_by_killed_run() const;
    // It may run in a dispatcher that could not be looked into: neither attached nor detached can be said of
    // it.
    bool component_is_hidden() const;
    // The pins are of an --observe: no program of ours is on the hook.
    bool observes() const { return meta && meta->attach_kind == XDP_TALLY_ATTACH_OBSERVE; }
    // Our program runs by a link that is pinned nowhere: it goes with the `xdp_loader --run` that holds it,
    // though perhaps a moment later.
    bool link_is_unpinned() const;
    // A --run has the device for itself.
    bool reserved() const { return meta && (reserved_by_run || link_is_unpinned()); }
    const MapPin* find_map(const std::string& pin_name) const;
    bool owns(const MapPin& map) const { return meta && owns_map(*meta, map.info.id); }
    AttachState attach_state() const;

  private:
    AttachState observed_state() const;
};

// Reads the directory as it is; a change under way shows as `interrupted`. What could not be read is
// told in `trouble`: who is about to change something must not go on then.
DeviceState inspect_device(const std::string& directory, const std::optional<Interface>& interface);

}  // namespace tally::loader
