// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/reader.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/clock.h"
#include "common/base/printable.h"
#include "common/base/shown_paths.h"
#include "common/network/link_socket.h"
#include "common/pins/meta.h"
#include "common/pins/process_lock.h"
#include "common/start/descriptor_limit.h"
#include "stats/source/pin_error.h"

namespace tally::stats {
namespace {

// Where changes cause events, the pin is not looked at within this time, and then asked for events that
// nobody has taken yet.
constexpr std::int64_t kPinFresh = 100'000'000;  // nanoseconds
// Without any, it is looked at this often all the same: renaming a directory further up causes none.
constexpr std::int64_t kPinAge = 10'000'000'000;

// Nothing is pinned at the path. A map id that does not exist is another error.
bool is_missing(const Error& error) {
    return error.code == ENOENT;
}

std::optional<std::string> device_of(const Source& source) {
    return source.kind == Source::Kind::kDevice ? std::optional(source.name) : std::nullopt;
}

std::string title_of(const Source& source, const NetnsContext& context) {
    if (source.kind == Source::Kind::kMapId) {
        return fmt::format("map {}", source.map_id);
    }
    const bool elsewhere = source.kind == Source::Kind::kDevice && !context.netns.empty();
    return printable(elsewhere ? context.netns + '/' + source.name : as_shown(source.name));
}

bool can_ask(const NetnsContext& context) {
    return context.visibility == NetnsContext::Visibility::kHere ||
           context.visibility == NetnsContext::Visibility::kRemote;
}

// By its name, unless this process cannot see its namespace: here another device may have the name.
std::optional<std::string> device_to_monitor(const Source& source, const NetnsContext& context) {
    return can_ask(context) || !source.directory.empty() ? device_of(source) : std::nullopt;
}

}  // namespace

Reader::Reader(const Source& source, const ReadRequest& request, NetnsContext& context,
               DepartureLog& departures, PinWatcher& watcher)
    : request_(&request),
      context_(&context),
      finds_device_(device_of(source) && source.directory.empty() && can_ask(context)),
      pinned_map_(source, context, watcher),
      state_monitor_(device_to_monitor(source, context), pinned_map_.directory(), context, departures,
                     request.notices),
      sampler_(request, context, report_) {
    report_.device = device_of(source);
    if (report_.device && !context_->netns.empty()) {
        report_.netns = context_->netns;
    }
    report_.title = title_of(source, *context_);
}

Result<void> Reader::start() {
    if (finds_device_) {
        TALLY_TRY(find_device());
    }
    TALLY_TRY(check_room());
    auto opened = pinned_map_.open();
    if (!opened && !is_missing(opened.error())) {
        return std::move(opened).error();
    }
    // The session begins with the map that is pinned when the change has ended.
    if (opened && must_wait(*opened, nanoseconds_of(CLOCK_MONOTONIC))) {
        return {};
    }
    if (opened) {
        TALLY_TRY(replace_map(std::move(*opened)));
    }
    started_ = true;
    return {};
}

// What it has left behind can be read: a device that has pins need not exist.
Result<void> Reader::find_device() {
    auto interface = context_->resolve(*report_.device);
    const bool missing = !interface && interface.error().kind == ErrorKind::kNotFound;
    TALLY_ASSIGN_OR_RETURN(const bool has_pin, missing ? pinned_map_.exists() : Result<bool>(false));
    if (interface || has_pin) {
        return {};
    }
    if (!missing || !request_->wait) {
        return missing ? context_->explain_missing(*report_.device) : std::move(interface).error();
    }
    device_awaited_ = true;
    return {};
}

Result<void> Reader::join() {
    started_ = true;
    pinned_map_.watch();
    TALLY_TRY(start());
    watch_device();
    return {};
}

bool Reader::must_poll() const {
    return device_awaited_ || in_transition() || (!ready() && !pinned_map_.watching());
}

Result<void> Reader::follow() {
    if (device_awaited_) {
        const auto interface = context_->resolve(*report_.device);
        if (!interface) {
            note_pin_missing("there is no such device yet");
            return {};
        }
        set_device(interface->name);  // the user may have given an alternative or a former name
        device_awaited_ = false;
        obstacle_.clear();
    }
    pinned_map_.watch();
    TALLY_TRY(look_at_pin());
    if (ready()) {
        // One that could not be read is read when the state is looked at.
        if (const auto meta = pinned_map_.meta(); meta && *meta) {
            sampler_.take_meta(**meta, pinned_map_.directory());
        }
    }
    watch_device();
    state_monitor_.expire();
    return {};
}

void Reader::watch_device() {
    if (sampler_.meta()) {
        state_monitor_.watch_device(*sampler_.meta());
    }
}

bool Reader::knows_pin() {
    if (!ready() || !pinned_map_.watching()) {
        return false;
    }
    const std::int64_t age = nanoseconds_of(CLOCK_MONOTONIC) - pin_time_;
    return age < kPinFresh || (age < kPinAge && pinned_map_.changes() == pin_changes_);
}

Result<void> Reader::look_at_pin() {
    pin_time_ = nanoseconds_of(CLOCK_MONOTONIC);
    pin_changes_ = pinned_map_.watching() ? pinned_map_.changes() : 0;
    const MapInfo* const map = sampler_.map();
    if (map == nullptr) {
        return open_pin();
    }
    auto look = pinned_map_.look(*map);
    if (!look && lacks_descriptors(look.error())) {
        return std::move(look).error();
    }
    if (!look) {
        note_obstacle(std::move(look).error());
        return {};
    }
    switch (*look) {
        case PinnedMap::Look::kSame:
            transition_.end();
            if (!obstacle_.empty()) {
                obstacle_.clear();
                request_->notices.say(report_.title, fmt::format("map {} is pinned again", map->id));
            }
            return {};
        case PinnedMap::Look::kMissing:
            return look_for_moved_pin();
        case PinnedMap::Look::kOther:
            break;
    }
    return open_pin();
}

// One descriptor is kept for the map. Those that every look takes must always be there: a pin that cannot be
// opened for lack of them would be said to be missing.
Result<void> Reader::check_room() const {
    return sampler_.map() != nullptr
               ? Result<void>()
               : check_free_descriptors(request_->spare_descriptors,
                                        fmt::format("reading the counters of '{}'", report_.title));
}

Result<void> Reader::open_pin() {
    TALLY_TRY(check_room());
    auto opened = pinned_map_.open();
    if (!opened && lacks_descriptors(opened.error())) {
        return std::move(opened).error();
    }
    if (!opened && sampler_.map() == nullptr && is_missing(opened.error())) {
        note_pin_missing(fmt::format("nothing is pinned at {} yet", pinned_map_.pin()), true);
        return {};
    }
    if (!opened) {
        note_obstacle(std::move(opened).error());
        return {};
    }
    if (must_wait(*opened, pin_time_)) {
        return {};
    }
    if (const MapInfo* const map = sampler_.map(); map != nullptr && opened->map.info().id == map->id) {
        return {};  // a load that failed has put it back
    }
    return replace_map(std::move(*opened));
}

bool Reader::must_wait(const OpenedMap& opened, std::int64_t now) {
    const bool passes = sampler_.map() == nullptr && state_may_pass(opened, now);
    if ((opened.changing || passes) && transition_.wait(now)) {
        return true;
    }
    transition_.end();
    return false;
}

// Of the first map no state is known that could be kept: it is looked at before the map is taken. Whether
// what was seen is that of the moment, as a loader is at work, or was.
bool Reader::state_may_pass(const OpenedMap& opened, std::int64_t now) {
    const Meta* const meta = opened.meta ? &*opened.meta : nullptr;
    if (state_monitor_.look(meta, opened.map.info().id, now) == AttachState::kAttached) {
        return false;
    }
    if (change_is_under_way(directory())) {
        return true;
    }
    const auto published = pinned_map_.meta();
    return published && *published && (meta == nullptr || !same_generation(**published, *meta));
}

Result<void> Reader::look_for_moved_pin() {
    const auto followed = follow_renamed_device();
    if (followed && *followed) {
        return look_at_pin();
    }
    if (!followed && lacks_descriptors(followed.error())) {
        return followed.error();
    }
    if (!followed) {
        note_obstacle(followed.error());
        return {};
    }
    note_pin_missing(fmt::format("map {} is no longer pinned", sampler_.map()->id));
    report_.unpinned = true;
    return {};
}

// A load renames the directory of a renamed device: the meta there is of the same lineage.
Result<bool> Reader::follow_renamed_device() {
    const auto& held = sampler_.meta();
    if (!held || !finds_device_) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(const auto link, answer_of(context_->links->find(held->ifindex)));
    const auto name = link ? link->interface.name : *report_.device;
    if (name == *report_.device) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(const auto meta, find_meta(context_->directory(name)));
    if (!meta || meta->lineage != held->lineage) {
        return false;
    }
    request_->notices.say(report_.title, fmt::format("the device and its pins were renamed to {}", name));
    set_device(name);
    return true;
}

void Reader::set_device(const std::string& name) {
    report_.device = name;
    report_.title = title_of({Source::Kind::kDevice, name, 0, {}}, *context_);
    pinned_map_.rename(name, *context_);
    state_monitor_.rename(name, pinned_map_.directory());
}

// The advice is the hint that a single reading has.
void Reader::note_pin_missing(const std::string& why, bool advise, std::optional<Error> error) {
    transition_.end();
    started_ = true;
    report_.unpinned = false;
    error_ = std::move(error);
    if (why != obstacle_) {
        const std::string hint = advise ? explain_missing().hint : "";
        request_->notices.say(report_.title, why + "; waiting" + (hint.empty() ? "" : "; ") + hint);
        obstacle_ = why;
    }
}

void Reader::note_obstacle(Error error) {
    const std::string why = error.message();
    note_pin_missing(why, true, std::move(error));
}

Error Reader::explain_missing() const {
    if (device_awaited_) {
        return context_->explain_missing(*report_.device);
    }
    return error_ ? *error_ : explain_missing_pin(report_.device, *context_, pinned_map_.pin());
}

Result<void> Reader::replace_map(OpenedMap opened) {
    const bool first = sampler_.map() == nullptr;
    TALLY_TRY(sampler_.replace_map(std::move(opened), pinned_map_.directory(), started_));
    started_ = true;
    obstacle_.clear();
    if (!first) {
        state_monitor_.expire();
        return {};
    }
    TALLY_TRY(sampler_.check_components());
    tell_state(false);  // as must_wait has found it, before another change begins
    return {};
}

Result<void> Reader::sample() {
    report_.readable = false;
    if (device_awaited_) {
        return {};
    }
    if (!knows_pin()) {
        TALLY_TRY(look_at_pin());
    }
    if (!ready()) {
        return {};
    }
    TALLY_TRY(sampler_.read());
    fill_report();
    return {};
}

void Reader::fill_report() {
    sampler_.fill_counts();
    if (state_monitor_.must_look(sampler_.time())) {
        refresh_state();
    }
    sampler_.fill_details();
}

void Reader::refresh_state() {
    bool changing = false;
    if (look_at_state() != AttachState::kAttached) {
        // The program may have been replaced without an event: then there is another meta.
        const auto meta = find_published_meta();
        if (meta && sampler_.take_meta(*meta, pinned_map_.directory())) {
            look_at_state();
        } else if (state_monitor_.is_news()) {
            const bool published = meta && !sampler_.has_generation(*meta);
            changing = published || change_is_under_way(directory());
        }
    }
    tell_state(changing);
}

void Reader::tell_state(bool changing) {
    report_.state = state_monitor_.report(report_.title, sampler_.map()->id, changing);
    report_.runs_on = state_monitor_.runs_on();
    report_.left_netns = state_monitor_.left_netns();
    report_.link = state_monitor_.link();
    report_.is_over = state_monitor_.device_gone() && !request_->wait;
}

// Follows the pins where a load of a renamed device has taken them along since they were looked at.
std::optional<Meta> Reader::find_published_meta() {
    auto meta = pinned_map_.meta();
    if (meta && !*meta && state_monitor_.is_news()) {
        if (const auto followed = follow_renamed_device(); followed && *followed) {
            meta = pinned_map_.meta();
        }
    }
    return meta ? *meta : std::nullopt;
}

AttachState Reader::look_at_state() {
    const auto& meta = sampler_.meta();
    return state_monitor_.look(meta ? &*meta : nullptr, sampler_.map()->id, sampler_.time());
}

}  // namespace tally::stats
