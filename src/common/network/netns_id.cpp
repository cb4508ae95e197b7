// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/netns_id.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "common/base/directory.h"
#include "common/network/netns.h"

namespace tally {
namespace {

// One of the two.
struct KnownAs {
    std::string name;  // below /run/netns
    pid_t process = 0;
};

std::optional<KnownAs> find(LinkSocket& socket, std::int32_t id) {
    if (id < 0) {
        return std::nullopt;
    }
    const auto is_of_process = [&](pid_t process) {
        const auto found = socket.netns_id_of_process(process);
        return found && *found == id;
    };
    if (is_of_process(1)) {
        return KnownAs{{}, 1};
    }
    const auto names = list_directory(kNamedNamespaces);
    for (const auto& name : names ? *names : std::vector<std::string>()) {
        const auto netns = open_netns(name);
        const auto found = netns ? socket.netns_id_of(*netns) : Result<std::int32_t>(-1);
        if (found && *found == id) {
            return KnownAs{name, 0};
        }
    }
    const auto processes = list_processes();
    for (const pid_t process : processes ? *processes : std::vector<pid_t>()) {
        if (is_of_process(process)) {
            return KnownAs{{}, process};
        }
    }
    return std::nullopt;
}

}  // namespace

std::string find_netns_by_id(LinkSocket& socket, std::int32_t id) {
    const auto known = find(socket, id);
    if (!known) {
        return {};
    }
    return known->process == 0 ? known->name : fmt::format("/proc/{}/ns/net", known->process);
}

std::string describe_netns_id(LinkSocket& socket, std::int32_t id) {
    const auto known = find(socket, id);
    if (!known) {
        return {};
    }
    switch (known->process) {
        case 0:
            return "network namespace " + known->name;
        case 1:
            return "the initial network namespace";
        default:
            return fmt::format("the network namespace of process {}", known->process);
    }
}

}  // namespace tally
