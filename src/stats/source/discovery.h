// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which counter maps are pinned below the root of a BPF file system: in the directories of interfaces, and in
// those of named network namespaces one further down.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/pins/bpffs.h"
#include "stats/source/pin_watcher.h"

namespace tally::stats {

struct FoundMap {
    std::string directory;             // the map's
    std::string netns;                 // what bpffs calls the namespace; empty: the initial one
    std::string name;                  // of the directory, decoded: the interface's, if it is one's
    bool is_missing = false;           // a meta names it, and its pin was removed
    std::optional<Error> closed = {};  // there may be maps, but this process may not look
};

class Discovery {
  public:
    // `watcher` must outlive it.
    Discovery(std::string root, PinWatcher& watcher) : root_(std::move(root)), watcher_(&watcher) {}

    // All maps that are pinned now; from then on the directories are watched. Where the kernel could not
    // answer, nobody knows what is in one.
    Result<std::vector<FoundMap>> look();
    // The maps that have appeared, or are missing, where the events happened.
    std::vector<FoundMap> look_again(const PinWatcher::Events& events);

    // Some directory cannot be watched, or was not looked into: look() has to be called from time to time.
    bool must_poll() const { return unwatched_; }
    // The first directory that was left out because it belongs to another user (TrustedOwners); empty where
    // there was none.
    const std::string& ignored() const { return ignored_; }
    // Reports the map of this directory again at its next event.
    void forget(const std::string& directory) { told_.erase(directory); }

  private:
    enum class Kind { kRoot, kNetns, kInterface };
    struct Directory {
        std::string path;
        std::string netns;
        Kind kind = Kind::kRoot;
    };

    void scan(const Directory& directory, std::vector<FoundMap>& found);
    void scan_all(std::vector<FoundMap>& found);
    bool watch(const Directory& directory);
    void look_inside(const Directory& directory, std::vector<FoundMap>& found);
    void forget_directory(const std::string& path);

    bool is_trusted_directory(const Directory& directory, std::vector<FoundMap>& found);
    void note_trouble(const Directory& directory, const Error& error, std::vector<FoundMap>& found);

    std::string root_;
    TrustedOwners owners_;
    std::string ignored_;
    PinWatcher* watcher_;
    std::map<std::string, int> watches_;    // the number of each watched directory
    std::map<int, Directory> directories_;  // and back
    std::set<std::string> told_;
    bool unwatched_ = false;
    std::optional<Error> trouble_;  // a question that failed since the last look
};

}  // namespace tally::stats
