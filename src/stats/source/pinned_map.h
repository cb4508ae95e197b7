// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which map a source is now: its pin and the metadata record beside it, or a map id.
#pragma once

#include <optional>
#include <string>

#include "common/kernel/bpf_info.h"
#include "common/pins/counter_map.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "stats/options.h"
#include "stats/source/pin_watcher.h"

namespace tally::stats {

// A counter map and what its metadata record says. The record may speak of another map: then it is not of
// this generation.
struct OpenedMap {
    CounterMap map;
    std::optional<Meta> meta;
};

class PinnedMap {
  public:
    // Tells without side effects where the source's map is to be found; nothing is opened yet.
    PinnedMap(const Source& source, const NetnsContext& context, PinWatcher& watcher);

    // Empty for a map by its id, which is never replaced.
    const std::string& pin() const { return pin_; }
    // That the pin is in.
    const std::string& directory() const { return directory_; }

    // kNotFound where nothing is pinned; kPermission, naming what keeps one out; kConflict for another
    // layout. A loader publishes a new map microseconds before its record: waits up to 50 ms for the two to
    // agree.
    Result<OpenedMap> open() const;

    enum class Look { kSame, kOther, kMissing };
    // Whether the pin still holds this map. Three system calls, no allocation.
    Result<Look> look(const MapInfo& held) const;

    // The record beside the map; none where there is none that this program understands.
    std::optional<Meta> meta() const;

    // A loader is at work in the pin's directory: what is missing or does not match may be on its way.
    bool change_is_under_way() const;
    // It holds the lock of the staging area, which who may not open that cannot tell.
    bool loader_is_at_work() const;

    // Has the watcher look at the pin's directory; needed again whenever the directory may be a new one.
    void watch();
    // Changes of the pin cause events; without them it has to be looked at from time to time.
    bool watching() const { return pin_.empty() || watch_ >= 0; }
    bool woken_by(const PinWatcher::Events& events) const;

  private:
    Result<CounterMap> open_map() const;

    std::uint32_t map_id_;
    std::string pin_;
    std::string directory_;
    PinWatcher* watcher_;
    int watch_ = -1;
};

}  // namespace tally::stats
