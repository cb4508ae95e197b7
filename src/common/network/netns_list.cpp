// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/netns_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "common/base/directory.h"
#include "common/network/netns.h"

namespace tally {
namespace {

class Collector {
  public:
    // Whether there is one. A process that has ended is no gap; one that may not be asked is.
    bool add(const std::string& name, const std::string& path) {
        const auto inode = netns_inode_at(path);
        if (!inode) {
            note_gap(inode.error());
        } else if (*inode && seen_.insert(**inode).second) {
            known_.list.push_back({**inode, name});
        }
        return inode && *inode;
    }
    void note_gap(const Error& why) {
        known_.complete = false;
        if (!known_.trouble && is_failed_question(why)) {
            known_.trouble = why;
        }
    }
    KnownNamespaces take() { return std::move(known_); }

  private:
    KnownNamespaces known_;
    std::set<std::uint64_t> seen_;
};

}  // namespace

KnownNamespaces list_namespaces() {
    Collector collector;
    // Without it the processes of others are hidden (hidepid).
    if (!collector.add(kInitialNetns, kInitialNetns)) {
        collector.note_gap(system_error(ENOENT, kInitialNetns));
    }
    const auto names = list_directory(kNamedNamespaces);
    if (!names && names.error().code != ENOENT) {
        collector.note_gap(names.error());
    }
    for (const auto& name : names ? *names : std::vector<std::string>()) {
        const auto fd = open_netns(name);
        if (fd) {
            collector.add(name, fmt::format("/proc/self/fd/{}", fd->get()));
        } else if (fd.error().kind != ErrorKind::kNotFound && fd.error().kind != ErrorKind::kUsage) {
            collector.note_gap(fd.error());  // not a file like any other, on which nothing is mounted
        }
    }
    const auto processes = list_processes();
    if (!processes) {
        collector.note_gap(processes.error());
    }
    for (const pid_t process : processes ? *processes : std::vector<pid_t>()) {
        const std::string path = fmt::format("/proc/{}/ns/net", process);
        collector.add(path, path);
    }
    return collector.take();
}

}  // namespace tally
