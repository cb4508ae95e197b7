// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/kernel/netns_list.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "common/base/directory.h"
#include "common/kernel/netns.h"

namespace tally {
namespace {

class Collector {
  public:
    void add(std::string name, const std::string& path) {
        struct stat status = {};
        if (::stat(path.c_str(), &status) != 0) {
            // A process that has ended is no gap; one that may not be asked is.
            known_.complete = known_.complete && (errno == ENOENT || errno == ESRCH);
            return;
        }
        const auto inode = static_cast<std::uint64_t>(status.st_ino);
        if (seen_.insert(inode).second) {
            known_.list.push_back({inode, std::move(name)});
        }
    }
    void note_gap() { known_.complete = false; }
    KnownNamespaces take() { return std::move(known_); }

  private:
    KnownNamespaces known_;
    std::set<std::uint64_t> seen_;
};

bool is_number(const std::string& name) {
    return name.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

KnownNamespaces list_namespaces() {
    Collector collector;
    const std::string first = "/proc/1/ns/net";
    // Without it the processes of others are hidden (hidepid).
    if (!netns_inode_at(first)) {
        collector.note_gap();
    }
    collector.add(first, first);
    if (const auto names = list_directory(kNamedNamespaces)) {
        for (const auto& name : *names) {
            // Where nothing is mounted on it, it is a file like any other.
            if (const auto fd = open_netns(name)) {
                collector.add(name, fmt::format("/proc/self/fd/{}", fd->get()));
            }
        }
    }
    const auto processes = list_directory("/proc");
    for (const auto& name : processes ? *processes : std::vector<std::string>()) {
        if (is_number(name)) {
            const std::string path = fmt::format("/proc/{}/ns/net", name);
            collector.add(path, path);
        }
    }
    return collector.take();
}

}  // namespace tally
