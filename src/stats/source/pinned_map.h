// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which map a source is now: its pin and the meta beside it, or a map id.
#pragma once

#include <optional>
#include <string>

#include "common/bpf/bpf_info.h"
#include "common/pins/counter_map.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "stats/source/pin_watcher.h"
#include "stats/source/read_request.h"

namespace tally::stats {

struct OpenedMap {
    CounterMap map;
    std::optional<Meta> meta;  // which may be that of another map
    // A loader is replacing the map: map and meta may be of different generations.
    bool changing = false;
};

class PinnedMap {
  public:
    // Finds out where the source's map is pinned; nothing is opened yet.
    PinnedMap(const Source& source, const NetnsContext& context, PinWatcher& watcher);

    // Empty for a map by its id, which is never replaced.
    const std::string& pin() const { return pin_; }
    // That the pin is in; empty where there is no pin.
    const std::string& directory() const { return directory_; }

    // Something is pinned there. False also where this user may not look.
    Result<bool> exists() const;

    // kNotFound where nothing is pinned; kPermission, naming what denies it; kConflict for another layout.
    Result<OpenedMap> open() const;

    enum class Look { kSame, kOther, kMissing };
    // Whether the pin still holds this map. Three system calls, no allocation.
    Result<Look> look(const MapInfo& held) const;

    // The meta beside the map; none where there is none that this program understands.
    Result<std::optional<Meta>> meta() const;

    // The device has another name from now on.
    void rename(const std::string& device, const NetnsContext& context);

    // Has the watcher watch the pin's directory; needed again whenever the directory may be a new one.
    void watch();
    // Changes of the pin cause events; without them it has to be looked at from time to time.
    bool watching() const { return pin_.empty() || watch_ >= 0; }
    std::uint64_t changes() const { return watcher_->changes(); }
    bool woken_by(const PinWatcher::Events& events) const;

  private:
    Result<CounterMap> open_map() const;

    std::uint32_t map_id_;
    std::optional<Error> trouble_;  // why it is not known where the device's pins are
    std::string pin_;
    std::string directory_;
    std::string trusted_root_;  // of the bpffs that has to be believed; empty for a pin that the user named
    PinWatcher* watcher_;
    int watch_ = -1;
};

}  // namespace tally::stats
