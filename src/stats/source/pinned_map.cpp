// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/pinned_map.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/base/unique_fd.h"
#include "common/pins/bpffs.h"
#include "common/pins/pin_names.h"
#include "stats/source/pin_error.h"

namespace tally::stats {
namespace {

using std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::milliseconds(50);
// With a loader that is seen to be at work: taking back a load that failed can take it that long.
constexpr auto kPatienceWithLoader = std::chrono::seconds(2);

// That of its old name, where it was renamed and its pins have not been taken along.
std::string directory_of_device(const std::string& device, const NetnsContext& context) {
    const auto located = context.locate(device);
    return located ? located->directory : context.directory(device);
}

std::string pin_of(const Source& source, const NetnsContext& context) {
    switch (source.kind) {
        case Source::Kind::kDevice: {
            const auto& known = source.directory;
            return (known.empty() ? directory_of_device(source.name, context) : known) + '/' +
                   XDP_TALLY_MAP_NAME;
        }
        case Source::Kind::kPin:
            return source.name;
        case Source::Kind::kMapId:
            break;
    }
    return {};
}

std::string directory_of(const std::string& path) {
    const auto slash = path.find_last_of('/');
    if (slash == std::string::npos) {
        return ".";
    }
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool same_map(const MapInfo& a, const MapInfo& b) {
    // Not the id alone: a program's may be equal.
    return a.id == b.id && a.type == b.type && a.key_size == b.key_size && a.value_size == b.value_size &&
           a.max_entries == b.max_entries;
}

}  // namespace

PinnedMap::PinnedMap(const Source& source, const NetnsContext& context, PinWatcher& watcher)
    : map_id_(source.map_id),
      pin_(pin_of(source, context)),
      directory_(directory_of(pin_)),
      watcher_(&watcher) {}

Result<CounterMap> PinnedMap::open_map() const {
    auto fd = pin_.empty() ? open_map_by_id(map_id_, true) : open_map_pin(pin_, true);
    if (!fd) {
        return pin_.empty() ? explain_map_id_error(std::move(fd).error())
                            : explain_pin_error(std::move(fd).error(), pin_);
    }
    return CounterMap::from_fd(std::move(fd).value());
}

Result<OpenedMap> PinnedMap::open() const {
    const auto start = steady_clock::now();
    for (auto pause = std::chrono::microseconds(50);;
         pause = std::min(pause * 2, {std::chrono::milliseconds(5)})) {
        TALLY_ASSIGN_OR_RETURN(auto map, open_map());
        OpenedMap pinned{std::move(map), meta()};
        const bool agreed =
            pinned.meta ? pinned.meta->counter_map_id == pinned.map.info().id : !change_is_under_way();
        const auto waited = steady_clock::now() - start;
        const bool lasts = waited >= kPatience && !loader_is_at_work();
        if (agreed || lasts || waited >= kPatienceWithLoader) {
            return pinned;
        }
        std::this_thread::sleep_for(pause);
    }
}

Result<PinnedMap::Look> PinnedMap::look(const MapInfo& held) const {
    if (pin_.empty()) {
        return Look::kSame;
    }
    auto fd = open_pin(pin_, true);
    if (!fd) {
        if (fd.error().kind == ErrorKind::kNotFound) {
            return Look::kMissing;
        }
        return explain_pin_error(std::move(fd).error(), pin_);
    }
    TALLY_ASSIGN_OR_RETURN(auto info, map_info(fd->get()));
    return same_map(info, held) ? Look::kSame : Look::kOther;
}

std::optional<Meta> PinnedMap::meta() const {
    if (pin_.empty()) {
        return std::nullopt;
    }
    auto meta = read_meta(directory_ + '/' + XDP_TALLY_META_NAME);
    return meta ? std::optional(*meta) : std::nullopt;
}

bool PinnedMap::change_is_under_way() const {
    struct stat status = {};
    return !pin_.empty() && ::stat((directory_ + '/' + kStagingName).c_str(), &status) == 0;
}

bool PinnedMap::loader_is_at_work() const {
    const UniqueFd fd(::open((directory_ + '/' + kStagingName).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

void PinnedMap::watch() {
    if (!pin_.empty()) {
        watch_ = watcher_->watch(directory_);
    }
}

bool PinnedMap::woken_by(const PinWatcher::Events& events) const {
    return events.everything || (watch_ >= 0 && std::find(events.watches.begin(), events.watches.end(),
                                                          watch_) != events.watches.end());
}

}  // namespace tally::stats
