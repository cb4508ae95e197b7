// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The network namespaces of a run: its own, and those of the devices that the user named.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "stats/options.h"

namespace tally::stats {

// Where the run is, and where else there are devices that the user named.
struct Contexts {
    NetnsContext own;
    std::map<std::string, NetnsContext> named;

    const NetnsContext& of(const Source& source) const {
        return source.netns ? named.at(*source.netns) : own;
    }
};

// With --wait, a namespace that does not exist is waited for, until the time limit. None where a signal ended
// that, or where what was expected did not come.
Result<std::optional<Contexts>> find_contexts(const Options& options,
                                              std::chrono::steady_clock::time_point limit);

// Devices need names that can be part of a path, and a BPF file system for their pins. One that was named by
// an alternative name gets its own, and is read once if both were given, or several names of its namespace.
Result<void> check_devices(std::vector<Source>& sources, const Contexts& contexts);

}  // namespace tally::stats
