// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/kernel/netns_id.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>
#include <vector>

#include "common/base/directory.h"
#include "common/kernel/netns.h"

namespace tally {
namespace {

// 0 for what is no process.
pid_t process_of(const std::string& name) {
    pid_t process = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), process);
    return error == std::errc() && end == name.data() + name.size() ? process : 0;
}

std::vector<std::string> names_in(const std::string& directory) {
    auto names = list_directory(directory);
    return names ? std::move(*names) : std::vector<std::string>();
}

std::string path_of(pid_t process) {
    return fmt::format("/proc/{}/ns/net", process);
}

// The other way round; 0 for a name.
pid_t process_at(const std::string& netns) {
    constexpr std::string_view kProc = "/proc/";
    return netns.starts_with(kProc)
               ? process_of(netns.substr(kProc.size(), netns.find('/', kProc.size()) - kProc.size()))
               : 0;
}

}  // namespace

std::string find_netns_by_id(LinkSocket& socket, std::int32_t id) {
    if (id < 0) {
        return {};
    }
    const auto is_of_process = [&](pid_t process) {
        const auto found = socket.netns_id_of_process(process);
        return found && *found == id;
    };
    if (is_of_process(1)) {
        return path_of(1);
    }
    for (const auto& name : names_in(kNamedNamespaces)) {
        const auto netns = open_netns(name);
        const auto found = netns ? socket.netns_id_of(*netns) : Result<std::int32_t>(-1);
        if (found && *found == id) {
            return name;
        }
    }
    for (const auto& name : names_in("/proc")) {
        if (const pid_t process = process_of(name); process > 0 && is_of_process(process)) {
            return path_of(process);
        }
    }
    return {};
}

std::string describe_netns_id(LinkSocket& socket, std::int32_t id) {
    const std::string netns = find_netns_by_id(socket, id);
    if (netns.empty()) {
        return {};
    }
    const pid_t process = process_at(netns);
    if (process == 1) {
        return "the initial network namespace";
    }
    return process != 0 ? fmt::format("the network namespace of process {}", process)
                        : "network namespace " + netns;
}

}  // namespace tally
