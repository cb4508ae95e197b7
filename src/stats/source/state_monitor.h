// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whether a map is being fed: what its metadata record says, held against what runs on the device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/kernel/xdp_hook.h"
#include "common/pins/meta.h"
#include "stats/model/sample_report.h"
#include "stats/source/vantage.h"

namespace tally::stats {

// What can be seen of a device's XDP hook.
struct HookView {
    enum class Visibility { kHidden, kGone, kSeen };

    Visibility visibility = Visibility::kHidden;
    bool meta_is_elsewhere = false;  // the record speaks of a device in another network namespace
    XdpHook hook;                    // with kSeen
    // The program on the hook is known for what it is: a dispatcher, then with its components, or none.
    bool hook_is_known = false;
};

// Pure. Without a record: foreign.
AttachState judge_attach_state(const Meta* meta, std::uint32_t map_id, const HookView& view);

// Looks at one device again and again, also after it was deleted and created anew.
class StateMonitor {
  public:
    // Without a device: at the one the record names, where it is in this network namespace.
    // `vantage` must outlive the probe.
    StateMonitor(std::optional<std::string> device, Vantage& vantage)
        : device_(std::move(device)), vantage_(&vantage) {}

    // One question over rtnetlink, none without a record; for a component, libxdp is asked as well whenever
    // the dispatcher has changed, which takes CAP_SYS_ADMIN.
    AttachState look(const Meta* meta, std::uint32_t map_id);
    // The device is called so from now on.
    void rename(const std::string& device) { device_ = device; }

    // Whether the last look found no such device.
    bool device_gone() const { return gone_; }
    // What the device is called now, where the last look found it under another name; else empty.
    const std::string& renamed_to() const { return renamed_to_; }

  private:
    HookView view(const Meta& meta);
    Link look_inside(Link link, const Meta& meta);

    std::optional<std::string> device_;
    Vantage* vantage_;
    bool gone_ = false;
    std::string renamed_to_;
    std::uint32_t known_program_ = 0;  // what the hook ran when libxdp was last asked, with success
    std::optional<Dispatcher> dispatcher_;
};

}  // namespace tally::stats
