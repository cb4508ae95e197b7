// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What is attached to a device and pinned for it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/network/link_socket.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "loader/outcome.h"

namespace tally::loader {

// Needs no privilege for what the pins' modes let everybody read.
Result<Outcome> status(const NetnsContext& context, const std::string& device);

// What there is in a namespace, asked once for all devices.
struct KnownDevices {
    std::vector<Link> links;  // none where this process is not in the namespace
    // By the names of pin directories; without a meta where a change was cut off before there was one.
    std::map<std::string, std::optional<Meta>> pinned;
};
Result<KnownDevices> look_for_devices(const NetnsContext& context);

// Of pins whose device was renamed or moved, while another device has taken its name: where their program is
// attached now. `status` of that name speaks of the other device.
Result<std::vector<Outcome>> status_of_taken_names(const NetnsContext& context, const KnownDevices& known);

enum class Listed { kPinned, kAttachedOrPinned };

// The devices of one place that --status and --clean mean without --dev: interfaces with a program, and pin
// directories.
Result<std::vector<std::string>> names_of(const NetnsContext& context, const KnownDevices& known,
                                          Listed listed);
// The other network namespaces that have, or had, pins below the root.
Result<std::vector<std::string>> known_namespaces(const NetnsContext& context);

}  // namespace tally::loader
