// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whether the program that counts into a map is attached: looked at again and again, and told when it has
// changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "common/kernel/link_socket.h"
#include "common/pins/attach_state.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "stats/cli/notices.h"
#include "stats/source/transition.h"

namespace tally::stats {

class StateMonitor {
  public:
    // Without a device: the one that the meta names, where it is in this network namespace. `directory` has
    // the pins. `context` must outlive the monitor.
    StateMonitor(std::optional<std::string> device, std::string directory, NetnsContext& context,
                 Notices notices)
        : device_(std::move(device)),
          directory_(std::move(directory)),
          context_(&context),
          notices_(notices) {}

    // The latest look is too old at `now` (CLOCK_MONOTONIC, nanoseconds).
    bool must_look(std::int64_t now) const;
    // It is, whenever it was.
    void expire() { looked_at_ = 0; }

    // One question over rtnetlink, none without a meta; for a component, libxdp is asked as well whenever the
    // dispatcher has changed, which takes CAP_SYS_ADMIN. Never kNone, and kDetached for kOrphaned.
    AttachState look(const Meta* meta, std::uint32_t map_id, std::int64_t now);
    // The latest look found another state than is told.
    bool is_news() const { return told_ && told_->state != latest_.state; }
    // Tells of a map what the latest look found. `changing`: a loader is replacing the map or its program, so
    // that its program may run beside the old map; then the state stays what it was, as long as a transition
    // may last.
    AttachState report(const std::string& title, std::uint32_t map_id, bool changing);

    // The device and its pins have this name from now on.
    void rename(const std::string& device, const std::string& directory) {
        device_ = device;
        directory_ = directory;
    }

  private:
    struct Finding {
        AttachState state = AttachState::kUnknown;
        bool device_gone = false;
        bool left_by_killed_run = false;  // as DeviceState::left_by_killed_run
        std::string renamed_to;           // the device's present name, where it is another
    };

    AttachFacts gather_facts(const Meta& meta);
    Result<Link> find_device(const Meta& meta);
    Result<Link> look_inside(Result<Link> link, const Meta& meta);
    void look_at_link(AttachFacts& facts) const;
    void say_what_changed(const std::string& title, std::uint32_t map_id) const;

    std::optional<std::string> device_;
    std::string directory_;
    NetnsContext* context_;
    Notices notices_;
    std::int64_t looked_at_ = 0;
    Finding latest_;
    std::optional<Finding> told_;
    Transition transition_;
    std::uint32_t known_program_ = 0;  // what the hook ran when libxdp was last asked, with success
    std::optional<Dispatcher> dispatcher_;
};

}  // namespace tally::stats
