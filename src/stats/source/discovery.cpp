// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/discovery.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include <xdp_tally/abi.h>

#include "common/base/directory.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "common/pins/pin_names.h"
#include "common/pins/process_lock.h"

namespace tally::stats {
namespace {

bool has_counters(const std::string& directory) {
    const auto there = path_exists(directory + '/' + XDP_TALLY_MAP_NAME);
    return !there || *there;
}

// A loader takes the counters first when it unloads, and publishes the meta last.
bool has_lost_counters(const std::string& directory) {
    if (change_is_under_way(directory)) {
        return false;
    }
    const auto meta = find_meta(directory);
    return meta && *meta && (*meta)->counter_map_id != 0 && !has_counters(directory);
}

}  // namespace

Result<std::vector<FoundMap>> Discovery::look() {
    if (auto names = list_directory(root_); !names) {
        return explain_barrier(std::move(names).error(), root_ + '/');
    }
    TALLY_ASSIGN_OR_RETURN(owners_, TrustedOwners::of(root_));
    std::vector<FoundMap> found;
    trouble_.reset();
    scan_all(found);
    if (!trouble_) {
        return found;
    }
    for (const auto& map : found) {
        forget(map.directory);
    }
    return *trouble_;
}

void Discovery::note_trouble(const Directory& directory, const Error& error, std::vector<FoundMap>& found) {
    if (is_failed_question(error)) {
        trouble_ = error;
        unwatched_ = true;
    } else if (error.kind == ErrorKind::kPermission) {
        found.push_back({directory.path, directory.netns, decode_pin_name(name_of(directory.path)), false,
                         explain_barrier(error, directory.path + '/')});
    }
}

std::vector<FoundMap> Discovery::look_again(const PinWatcher::Events& events) {
    std::vector<FoundMap> found;
    if (events.everything) {
        scan_all(found);
        return found;
    }
    for (const int watch : events.watches) {
        if (const auto known = directories_.find(watch); known != directories_.end()) {
            const Directory directory = known->second;  // scanning changes the map
            scan(directory, found);
        }
    }
    return found;
}

void Discovery::scan_all(std::vector<FoundMap>& found) {
    watches_.clear();  // so that every directory is looked into
    directories_.clear();
    unwatched_ = false;
    scan({root_, {}, Kind::kRoot}, found);
}

bool Discovery::is_trusted_directory(const Directory& directory, std::vector<FoundMap>& found) {
    const auto status = status_of(directory.path, AT_SYMLINK_NOFOLLOW);
    if (!status) {
        note_trouble(directory, status.error(), found);
        return false;
    }
    if (!S_ISDIR(status->st_mode)) {
        return false;
    }
    const bool trusted = directory.kind == Kind::kRoot || owners_.include(status->st_uid);
    if (!trusted && ignored_.empty()) {
        ignored_ = directory.path;
    }
    return trusted;
}

// Watched before it is looked into: what comes later causes an event.
void Discovery::scan(const Directory& directory, std::vector<FoundMap>& found) {
    if (is_trusted_directory(directory, found) && watch(directory)) {
        look_inside(directory, found);
    } else {
        forget_directory(directory.path);
    }
}

// False where it is gone: then the directory above it is watched instead.
bool Discovery::watch(const Directory& directory) {
    const int number = watcher_->watch(directory.path);
    if (number < 0) {
        // What is in a directory that this user may not enter is not known until its mode changes.
        unwatched_ = unwatched_ || ::access(directory.path.c_str(), X_OK) == 0;
        return true;
    }
    const auto known = directories_.find(number);
    if (known != directories_.end()) {
        return known->second.path == directory.path;
    }
    forget_directory(directory.path);  // an earlier one of this name
    watches_[directory.path] = number;
    directories_[number] = directory;
    return true;
}

void Discovery::look_inside(const Directory& directory, std::vector<FoundMap>& found) {
    if (directory.kind == Kind::kInterface) {
        const auto there = path_exists(directory.path + '/' + XDP_TALLY_MAP_NAME);
        if (!there) {
            note_trouble(directory, there.error(), found);
        } else if (!*there) {
            told_.erase(directory.path);
            if (has_lost_counters(directory.path)) {
                found.push_back(
                    {directory.path, directory.netns, decode_pin_name(name_of(directory.path)), true});
            }
        } else if (told_.insert(directory.path).second) {
            found.push_back(
                {directory.path, directory.netns, decode_pin_name(name_of(directory.path)), false});
        }
        return;
    }
    const auto names = list_directory(directory.path);
    if (!names) {
        note_trouble(directory, names.error(), found);
    }
    for (const auto& name : names ? *names : std::vector<std::string>()) {
        Directory inner{directory.path + '/' + name, directory.netns, Kind::kInterface};
        if (auto netns = netns_of_directory_name(name); netns && directory.kind == Kind::kRoot) {
            inner.kind = Kind::kNetns;
            inner.netns = *netns;
        }
        if (!watches_.contains(inner.path)) {
            scan(inner, found);
        }
    }
}

void Discovery::forget_directory(const std::string& path) {
    told_.erase(path);
    if (const auto watch = watches_.find(path); watch != watches_.end()) {
        directories_.erase(watch->second);
        watches_.erase(watch);
    }
}

}  // namespace tally::stats
