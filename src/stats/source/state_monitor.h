// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whether the program that counts into a map is attached: looked at again and again, and told when it has
// changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/bpf/bpf_info.h"
#include "common/network/link_socket.h"
#include "common/pins/attach_state.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "stats/cli/notices.h"
#include "stats/source/departure_log.h"
#include "stats/source/moved_device.h"
#include "stats/source/transition.h"

namespace tally::stats {

class StateMonitor {
  public:
    // Without a device: the one that the meta names, where it is in this network namespace. `directory` has
    // the pins. `context`, and `departures` from its namespace, must outlive the monitor.
    StateMonitor(std::optional<std::string> device, std::string directory, NetnsContext& context,
                 DepartureLog& departures, Notices notices)
        : device_(std::move(device)),
          directory_(std::move(directory)),
          context_(&context),
          departures_(&departures),
          notices_(notices) {}
    StateMonitor(const StateMonitor&) = delete;  // it is who watches the device
    StateMonitor& operator=(const StateMonitor&) = delete;
    ~StateMonitor() { departures_->forget(this); }

    // The latest look is too old at `now` (CLOCK_MONOTONIC, nanoseconds).
    bool must_look(std::int64_t now) const;
    // It is, whenever it was.
    void expire() { looked_at_ = 0; }

    // From now on it is noticed when the device leaves, though nobody may look for long.
    void watch_device(const Meta& meta);

    // One question over rtnetlink, none without a meta; for a component, its dispatcher is read as well
    // whenever it has changed, which takes CAP_SYS_ADMIN. Only where the program is not on its device, it is
    // searched for elsewhere. Never kNone, and kDetached for kOrphaned.
    AttachState look(const Meta* meta, std::uint32_t map_id, std::int64_t now);
    // The latest look found another state than is told.
    bool is_news() const { return told_ && told_->state != latest_.state; }
    // Tells of a map what the latest look found. `changing`: a loader is replacing the map or its program, so
    // that its program may run beside the old map; then the state stays what it was, as long as a transition
    // may last.
    AttachState report(const std::string& title, std::uint32_t map_id, bool changing);
    // The device that the program runs on, as it was told, where that is another one than the pins say.
    std::optional<std::string> runs_on() const { return told_ ? told_->runs_on : std::nullopt; }

    // The same of its network namespace: it is another one than at the load.
    bool left_netns() const { return told_ && told_->left_netns; }

    // As SampleReport::link, at the same look.
    std::string_view link() const { return told_ ? told_->link : std::string_view(); }
    // What is told is `detached` because the device does not exist any more.
    bool device_gone() const { return told_ && told_->device_gone; }

    // The device and its pins have this name from now on.
    void rename(const std::string& device, const std::string& directory) {
        device_ = device;
        directory_ = directory;
        if (told_) {
            told_->runs_on.reset();
        }
    }

  private:
    struct Finding {
        AttachState state = AttachState::kUnknown;
        bool device_gone = false;
        bool other_counts = false;        // somebody else's program, into our map
        bool left_by_killed_run = false;  // as DeviceState::left_by_killed_run
        std::optional<std::string> runs_on;
        bool left_netns = false;
        std::string_view link;
        std::string obstacle;  // why more cannot be told of a device that is not where it was
    };

    AttachFacts gather_facts(const Meta& meta, std::uint32_t map_id, std::int64_t now);
    void look_at_device(const Meta& meta, AttachFacts& facts);
    Result<Link> find_device(const Meta& meta, bool is_here);
    std::optional<LinkInfo> look_at_link(AttachFacts& facts) const;
    void look_elsewhere(const Meta& meta, const std::optional<LinkInfo>& link, AttachFacts& facts,
                        std::int64_t now);
    void ask_for_departure(AttachFacts& facts);
    bool is_where_pins_say(const Meta& meta, std::uint64_t netns_inode, const std::string& name) const;
    void say_what_changed(const std::string& title, std::uint32_t map_id) const;

    std::optional<std::string> device_;
    std::string directory_;
    NetnsContext* context_;
    DepartureLog* departures_;
    Notices notices_;
    std::int64_t looked_at_ = 0;
    Finding latest_;
    std::optional<Finding> told_;
    Transition transition_;
    DispatcherCache dispatchers_;
    MovedDevice moved_;
    std::uint32_t seen_ifindex_ = 0;  // of the device, when it was here; 0: it has not been
};

}  // namespace tally::stats
