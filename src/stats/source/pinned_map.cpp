// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/pinned_map.h"

#include <algorithm>

#include "common/base/directory.h"
#include "common/pins/bpffs.h"
#include "common/pins/process_lock.h"
#include "stats/source/pin_error.h"

namespace tally::stats {
namespace {

// A device that was renamed since its last load has its pins below the old name.
std::string directory_of_device(const std::string& device, const NetnsContext& context,
                                std::optional<Error>& trouble) {
    const auto located = context.locate(device);
    if (!located && is_failed_question(located.error())) {
        trouble = located.error();
    }
    return located ? located->directory : context.directory(device);
}

std::string pin_of(const Source& source, const NetnsContext& context, std::optional<Error>& trouble) {
    switch (source.kind) {
        case Source::Kind::kDevice: {
            const auto& known = source.directory;
            return (known.empty() ? directory_of_device(source.name, context, trouble) : known) + '/' +
                   XDP_TALLY_MAP_NAME;
        }
        case Source::Kind::kPin:
            return source.name;
        case Source::Kind::kMapId:
            break;
    }
    return {};
}

bool same_map(const MapInfo& a, const MapInfo& b) {
    // Not the id alone: a pinned program may have the same one.
    return a.id == b.id && a.type == b.type && a.key_size == b.key_size && a.value_size == b.value_size &&
           a.max_entries == b.max_entries;
}

}  // namespace

PinnedMap::PinnedMap(const Source& source, const NetnsContext& context, PinWatcher& watcher)
    : map_id_(source.map_id),
      pin_(pin_of(source, context, trouble_)),
      directory_(pin_.empty() ? std::string() : directory_of(pin_)),
      trusted_root_(source.kind == Source::Kind::kDevice ? context.bpffs.path : std::string()),
      watcher_(&watcher) {}

Result<bool> PinnedMap::exists() const {
    TALLY_ASSIGN_OR_RETURN(const auto there,
                           answer_of(pin_.empty() ? Result<bool>(false) : path_exists(pin_)));
    return there.value_or(false);
}

Result<CounterMap> PinnedMap::open_map() const {
    auto fd = pin_.empty() ? open_map_by_id(map_id_, true) : open_map_pin(pin_, true);
    if (!fd) {
        return pin_.empty() ? explain_map_id_error(std::move(fd).error())
                            : explain_pin_error(std::move(fd).error(), pin_);
    }
    return CounterMap::from_fd(std::move(fd).value());
}

Result<OpenedMap> PinnedMap::open() const {
    if (trouble_) {
        return *trouble_;
    }
    if (!trusted_root_.empty()) {
        TALLY_TRY(check_trusted(directory_, trusted_root_));
    }
    for (bool again = false;; again = true) {
        TALLY_ASSIGN_OR_RETURN(auto map, open_map());
        TALLY_ASSIGN_OR_RETURN(const auto beside, meta());
        OpenedMap opened{std::move(map), beside, false};
        const bool agree = opened.meta && opened.meta->counter_map_id == opened.map.info().id;
        opened.changing = !agree && change_is_under_way(directory_);
        // Where no loader is at work, one may have finished between the two reads: then they are repeated.
        if (agree || opened.changing || again || pin_.empty()) {
            return opened;
        }
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

Result<std::optional<Meta>> PinnedMap::meta() const {
    return pin_.empty() ? std::optional<Meta>() : find_meta(directory_);
}

void PinnedMap::rename(const std::string& device, const NetnsContext& context) {
    *this = PinnedMap({Source::Kind::kDevice, device, 0, {}}, context, *watcher_);
    trouble_.reset();  // the next look finds out; a source goes on
    watch();
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
