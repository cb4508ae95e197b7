// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// xdp_loader --features: what the drivers of interfaces can do with XDP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/result.h"
#include "common/network/device_features.h"
#include "common/pins/device_option.h"

namespace tally::loader {

struct DriverReport {
    std::string dev;
    std::string netns;           // as bpffs calls it; empty: the initial one
    std::optional<Error> error;  // then nothing below is known
    std::string driver;          // empty: the kernel names none
    std::uint32_t mtu = 0;
    std::uint32_t max_mtu = 0;               // 0: not told
    std::optional<DeviceFeatures> features;  // none: the kernel does not tell
};

// Of these interfaces, each of which succeeds or fails on its own, in their order; or, where none is named,
// of all of one network namespace, in natural order: `netns`, or the caller's own. An error where that cannot
// be entered. `bpffs` as for enter_netns_context, which knows the names of namespaces by it. Needs no
// capability in the caller's own namespace.
Result<std::vector<DriverReport>> report_drivers(const std::vector<NamedDevice>& devices,
                                                 const std::optional<std::string>& netns,
                                                 const std::string& bpffs);

// A list of all that is known of one interface, or a table with a line for each of several, in natural order.
// Errors are left out: they go to stderr. A note says why something is unknown. Pure.
std::string format_drivers(std::vector<DriverReport> reports, bool with_note);
// One document, as format_json has it, in the order that is given. Pure.
std::string format_drivers_json(const std::vector<DriverReport>& reports);

}  // namespace tally::loader
