// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What is known of a source beside its samples: asked for when it is shown. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tally::stats {

// One of the programs of a dispatcher.
struct ChainProgram {
    std::uint32_t id = 0;
    std::string name;
    std::uint32_t priority = 0;
    std::string chain_actions;  // after which the next one runs: "pass, redirect"
};

struct DeviceFacts {
    std::string options;               // that choose the source: "--dev veth0"
    std::string pin;                   // of the counter map; empty: not pinned
    std::vector<std::string> pins;     // the names of what is pinned beside it
    std::optional<std::uint32_t> mtu;  // bytes
    std::string link;                  // "up", "down", "no carrier"
    std::string driver;                // what its driver can do: "native mode, redirects, frags"
    std::vector<ChainProgram> chain;   // in the order they run
    std::string chain_note;            // why the chain is not known
};

}  // namespace tally::stats
