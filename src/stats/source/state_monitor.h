// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whether the program that counts into a map is attached.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/kernel/link_socket.h"
#include "common/pins/attach_state.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"

namespace tally::stats {

// Looks at one device again and again, also after it was deleted and created anew.
class StateMonitor {
  public:
    // Without a device: at the one the meta names, where it is in this network namespace. `directory` has the
    // pins. `context` must outlive the monitor.
    StateMonitor(std::optional<std::string> device, std::string directory, NetnsContext& context)
        : device_(std::move(device)), directory_(std::move(directory)), context_(&context) {}

    // One question over rtnetlink, none without a meta; for a component, libxdp is asked as well whenever the
    // dispatcher has changed, which takes CAP_SYS_ADMIN. Never kNone, and kDetached for kOrphaned.
    AttachState look(const Meta* meta, std::uint32_t map_id);
    // The device and its pins have this name from now on.
    void rename(const std::string& device, const std::string& directory) {
        device_ = device;
        directory_ = directory;
    }

    // Whether the last look found no such device.
    bool device_gone() const { return gone_; }
    // What the device is called now, where the last look found it under another name; else empty.
    const std::string& renamed_to() const { return renamed_to_; }

  private:
    AttachFacts look_at_device(const Meta& meta);
    void look_at_link(AttachFacts& facts) const;
    Link look_inside(Link link, const Meta& meta);

    std::optional<std::string> device_;
    std::string directory_;
    NetnsContext* context_;
    bool gone_ = false;
    std::string renamed_to_;
    std::uint32_t known_program_ = 0;  // what the hook ran when libxdp was last asked, with success
    std::optional<Dispatcher> dispatcher_;
};

}  // namespace tally::stats
