// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/reader.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/base/printable.h"
#include "common/base/shown_paths.h"
#include "common/kernel/bpf_info.h"
#include "common/kernel/link_socket.h"
#include "common/pins/abi_names.h"
#include "common/start/descriptor_limit.h"
#include "stats/source/delivery_reader.h"
#include "stats/source/pin_error.h"
#include "stats/source/run_statistics.h"

namespace tally::stats {
namespace {

// Where changes cause events, the pin is not looked at within this time, and then asked for events that
// nobody has taken yet.
constexpr std::int64_t kPinFresh = 100'000'000;  // nanoseconds
// Without any, it is looked at this often all the same: renaming a directory further up causes none.
constexpr std::int64_t kPinAge = 10'000'000'000;

// From readings closer than this, as right after a replacement, no rate is computed. Far below the smallest
// interval, as a late sample shortens the next period.
constexpr double kShortestPeriod = 0.0001;  // seconds

constexpr const char* kWholeDispatcher =
    "of the dispatcher with all its programs, which have no run-time statistics of their own";

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

// Where what became of its packets is counted.
DeliverySource delivery_source_of(const Meta& meta) {
    DeliverySource source;
    source.netns_inode = meta.netns_inode;
    source.ifindex = meta.ifindex;
    source.lineage = meta.lineage;
    source.first = meta.delivery_first;
    source.map = meta.delivery_map;
    const auto map_ids = delivery_maps_of(meta);
    source.map_ids.assign(map_ids.begin(), map_ids.end());
    return source;
}

// The device is in another network namespace than its pins say.
bool has_left(const std::optional<std::string>& runs_on, const std::optional<std::string>& netns) {
    if (!runs_on) {
        return false;
    }
    const auto slash = runs_on->find_last_of('/');
    return (slash == std::string::npos ? std::string() : runs_on->substr(0, slash)) != netns.value_or("");
}

bool same_generation(const Meta& a, const Meta& b) {
    return a.lineage == b.lineage && a.generation == b.generation;
}

bool same_carried(const Meta& a, const Meta& b) {
    return std::equal(std::begin(a.carried), std::end(a.carried), std::begin(b.carried),
                      [](const Counter& x, const Counter& y) {
                          return x.rx_packets == y.rx_packets && x.rx_bytes == y.rx_bytes;
                      });
}

}  // namespace

Reader::Reader(const Source& source, const ReadRequest& request, NetnsContext& context,
               DepartureLog& departures, PinWatcher& watcher)
    : request_(&request),
      context_(&context),
      finds_device_(source.directory.empty() && can_ask(context)),
      pinned_map_(source, context, watcher),
      state_monitor_(device_to_monitor(source, context), pinned_map_.directory(), context, departures,
                     request.notices) {
    report_.device = device_of(source);
    if (report_.device && !context_->netns.empty()) {
        report_.netns = context_->netns;
    }
    report_.title = title_of(source, *context_);
    report_.totals = request.totals;
    if (request.run_statistics != nullptr) {
        cost_meter_ = CostMeter(request.run_statistics->empty());
    }
}

Result<void> Reader::start() {
    if (report_.device && finds_device_) {
        TALLY_TRY(find_device());
    }
    TALLY_TRY(check_room());
    auto opened = pinned_map_.open();
    if (!opened && !is_missing(opened.error())) {
        return std::move(opened).error();
    }
    // The session begins with the map that is pinned when the change has ended.
    if (opened && opened->changing && transition_.wait(nanoseconds_of(CLOCK_MONOTONIC))) {
        return {};
    }
    if (opened) {
        TALLY_TRY(replace_map(std::move(*opened)));
        TALLY_TRY(check_components());
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
        return missing && !context_->obstacle ? context_->explain_missing(*report_.device)
                                              : std::move(interface).error();
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
            take_meta(**meta);
        }
    }
    watch_device();
    state_monitor_.expire();
    return {};
}

void Reader::watch_device() {
    if (meta_) {
        state_monitor_.watch_device(*meta_);
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
    if (!map_) {
        return open_pin();
    }
    auto look = pinned_map_.look(map_->info());
    if (!look && lacks_descriptors(look.error())) {
        return std::move(look).error();
    }
    if (!look) {
        note_pin_missing(look.error().message());
        return {};
    }
    switch (*look) {
        case PinnedMap::Look::kSame:
            transition_.end();
            if (!obstacle_.empty()) {
                obstacle_.clear();
                request_->notices.say(report_.title, fmt::format("map {} is pinned again", map_->info().id));
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
    return map_ ? Result<void>()
                : check_free_descriptors(request_->spare_descriptors,
                                         fmt::format("reading the counters of '{}'", report_.title));
}

Result<void> Reader::open_pin() {
    TALLY_TRY(check_room());
    auto opened = pinned_map_.open();
    if (!opened && lacks_descriptors(opened.error())) {
        return std::move(opened).error();
    }
    if (!opened) {
        const bool nothing_yet = !map_ && is_missing(opened.error());
        note_pin_missing(nothing_yet ? fmt::format("nothing is pinned at {} yet", pinned_map_.pin())
                                     : opened.error().message(),
                         nothing_yet);
        return {};
    }
    if (opened->changing && transition_.wait(pin_time_)) {
        return {};
    }
    transition_.end();
    if (map_ && opened->map.info().id == map_->info().id) {
        return {};  // a load that failed has put it back
    }
    return replace_map(std::move(*opened));
}

Result<void> Reader::look_for_moved_pin() {
    const auto followed = follow_renamed_device();
    if (followed && *followed) {
        return look_at_pin();
    }
    if (!followed && lacks_descriptors(followed.error())) {
        return followed.error();
    }
    note_pin_missing(followed ? fmt::format("map {} is no longer pinned", map_->info().id)
                              : followed.error().message());
    report_.unpinned = followed.has_value();
    return {};
}

// A load renames the directory of a renamed device: the meta there is of the same lineage.
Result<bool> Reader::follow_renamed_device() {
    if (!report_.device || !meta_ || !finds_device_) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(const auto link, answer_of(context_->links->find(meta_->ifindex)));
    const auto name = link ? link->interface.name : *report_.device;
    if (name == *report_.device) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(const auto meta, find_meta(context_->directory(name)));
    if (!meta || meta->lineage != meta_->lineage) {
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

// The hint that a single reading has, behind the notice.
std::string Reader::advice_while_waiting() const {
    if (!report_.device) {
        return {};
    }
    const Source source = {Source::Kind::kDevice, *report_.device, 0, {}};
    const auto hint = explain_missing_pin(source, *context_, pinned_map_.pin()).hint;
    return hint.empty() ? hint : "; " + hint;
}

void Reader::note_pin_missing(const std::string& why, bool advise) {
    transition_.end();
    started_ = true;
    report_.unpinned = false;
    if (why != obstacle_) {
        request_->notices.say(report_.title, why + "; waiting" + (advise ? advice_while_waiting() : ""));
        obstacle_ = why;
    }
}

Result<void> Reader::replace_map(OpenedMap opened) {
    const std::uint32_t id = opened.map.info().id;
    const std::uint32_t old_id = map_ ? map_->info().id : 0;
    if (map_) {
        // Its last counts, before the descriptor is closed.
        TALLY_TRY(map_->read(now_));
        session_.add(now_.total);
        if (request_->per_cpu) {
            cpu_session_.add(before_.per_cpu, now_.per_cpu);
        }
    }
    map_ = std::move(opened.map);
    meta_ = opened.meta;
    TALLY_TRY(map_->read(before_));
    const bool under_way = std::exchange(started_, true);
    if (under_way) {
        session_.replace_map(before_.total, origin());
        if (request_->per_cpu) {
            cpu_session_.replace_map(old_id, now_.per_cpu, id, before_.per_cpu);
        }
        const std::string notice = old_id == 0 ? fmt::format("map {} is pinned", id)
                                               : fmt::format("map {} was replaced by map {}", old_id, id);
        request_->notices.say(report_.title, own_meta() == nullptr ? notice
                                                                   : fmt::format("{} (generation {})", notice,
                                                                                 own_meta()->generation));
    } else {
        session_.start_with(before_.total, origin());
        cpu_session_.start_with(before_.per_cpu);
    }
    report_.cpus.reserve(before_.per_cpu.size());
    obstacle_.clear();
    if (request_->totals == Totals::kLifetime && own_meta() == nullptr) {
        request_->notices.say(report_.title,
                              fmt::format("map {} has no meta that tells its lifetime total", id));
    }
    state_monitor_.expire();
    describe_map();
    describe_program();
    take_components(under_way);
    take_delivery(under_way);
    if (!under_way) {
        fill_cost();  // so that the first sample has one
    }
    return {};
}

// A program with its own counters says nothing about the other programs of the dispatcher.
Result<void> Reader::check_components() const {
    const Meta* const meta = own_meta();
    if (!request_->per_program || (meta != nullptr && meta->attach_kind != XDP_TALLY_ATTACH_DISPATCHER)) {
        return {};
    }
    // To observe each, whatever is pinned or attached here would have to go, which nobody asked for.
    return make_error(ErrorKind::kNotFound, fmt::format("looking for the programs of '{}'", report_.title),
                      meta == nullptr ? "the pinned map has no meta that names a program"
                                      : "only one program of the dispatcher has counters")
        .with_hint(fmt::format("`xdp_stats {}` shows what the map holds", context_->option(*report_.device)));
}

// A program that is alone on the hook has all the counts.
void Reader::take_components(bool under_way) {
    if (!request_->per_program) {
        return;
    }
    const Meta* const meta = own_meta();
    if (meta == nullptr || meta->attach_kind != XDP_TALLY_ATTACH_OBSERVE) {
        components_.clear();
    } else if (const auto taken = components_.take(*meta, pinned_map_.directory(), under_way); !taken) {
        request_->notices.say(report_.title, taken.error().message());
    }
    components_.list_in(report_);
    if (meta != nullptr && meta->attach_kind != XDP_TALLY_ATTACH_DISPATCHER && components_.empty()) {
        report_.programs.push_back(identify(meta->program_id, meta->program));
    }
}

void Reader::fill_components() {
    if (components_.empty() && !report_.programs.empty()) {
        ProgramValues& only = report_.programs.front();
        only.actions = report_.actions;
        only.total = report_.total;
        // Programs before it have a part in these.
        only.total.lifetime.reset();
        for (CounterValues& values : only.actions) {
            values.lifetime.reset();
        }
    } else {
        components_.fill(report_);
    }
}

void Reader::fill_cost() {
    if (request_->run_statistics == nullptr) {
        return;
    }
    const auto program = find_measured_program(*context_, own_meta(), report_.device);
    const auto reading = program ? request_->run_statistics->read(program->id) : program.error();
    if (reading) {
        cost_meter_.take(*reading);
        cost_meter_.set_note(program->is_dispatcher ? kWholeDispatcher : "");
    } else {
        cost_meter_.miss(program && reading.error().kind == ErrorKind::kNotFound ? "the program is gone"
                                                                                 : reading.error().message());
    }
    report_.cost = cost_meter_.cost();
}

void Reader::take_delivery(bool joined) {
    if (const Meta* const meta = own_meta()) {
        delivery_source_ = delivery_source_of(*meta);
    }
    const auto& reading = request_->delivery->reading();
    if (reading && delivery_source_) {
        delivery_.take(*reading, *delivery_source_, joined);
    } else {
        delivery_.miss();
    }
}

void Reader::fill_delivery(double seconds) {
    take_delivery(true);
    const auto& reading = request_->delivery->reading();
    if (reading && delivery_source_) {
        const DeliveryObstacles obstacles{report_.program && report_.program->mode != "native",
                                          has_left(report_.runs_on, report_.netns)};
        tally::stats::fill_delivery(report_, *reading, *delivery_source_, delivery_, obstacles, seconds);
        return;
    }
    report_.delivery = {};
    report_.delivery.obstacle = request_->delivery->obstacle();
    say_how_to_track();
}

// Once, of redirects in native mode, which can be seen to arrive.
void Reader::say_how_to_track() {
    const auto redirects = report_.actions[static_cast<std::size_t>(Action::kRedirect)].count.rx_packets;
    if (redirects == 0 || !report_.program || report_.program->mode != "native" ||
        std::exchange(told_to_track_, true)) {
        return;
    }
    const std::string& obstacle = report_.delivery.obstacle;
    request_->notices.say(report_.title, "whether redirected packets arrive is not known: " +
                                             (obstacle.empty() ? request_->delivery->hint() : obstacle));
}

bool Reader::take_meta(const Meta& meta) {
    // The meta of another map belongs to a change that look_at_pin has yet to see.
    const Meta* const own = own_meta();
    if (meta.counter_map_id != map_->info().id ||
        (own != nullptr && same_generation(*own, meta) && same_carried(*own, meta))) {
        return false;
    }
    // In the same generation, a load has failed, and what its map counted is carried now.
    if (own != nullptr && !same_generation(*own, meta)) {
        request_->notices.say(
            report_.title,
            fmt::format("the program was replaced by {} (id {}), map {} is kept (generation {})",
                        printable(meta.program), meta.program_id, meta.counter_map_id, meta.generation));
    }
    meta_ = meta;
    session_.set_origin(*origin());
    describe_program();
    take_components(true);
    return true;
}

void Reader::describe_map() {
    const MapInfo& info = map_->info();
    report_.map_id = info.id;
    if (request_->notices.verbose()) {
        request_->notices.say(
            report_.title,
            fmt::format("map {} '{}' has {} entries{}, read {}", info.id, printable(info.name),
                        info.max_entries,
                        info.type == BPF_MAP_TYPE_PERCPU_ARRAY
                            ? fmt::format(" for each of {} possible CPUs", before_.per_cpu.size())
                            : ", shared by all CPUs",
                        map_->reads_in_one_call() ? "by one batch lookup per sample"
                                                  : "by one lookup per entry: this kernel has no batch "
                                                    "lookup for its type"));
    }
}

void Reader::describe_program() {
    report_.program.reset();
    if (const Meta* meta = own_meta()) {
        report_.program = AttachedProgram{meta->generation, meta->program_id, printable(meta->program),
                                          std::string(mode_name(meta->attach_mode)),
                                          std::string(attach_name(meta->attach_kind))};
    }
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
    TALLY_TRY(map_->read(now_));
    if (went_backwards(before_.total, now_.total)) {
        request_->notices.say(
            report_.title, fmt::format("map {} was reset: it counts from smaller numbers", map_->info().id));
    }
    session_.add(now_.total);
    if (request_->per_cpu) {
        cpu_session_.add(before_.per_cpu, now_.per_cpu);
    }
    TALLY_TRY(components_.read());
    const double seconds = static_cast<double>(now_.time - before_.time) / 1e9;
    fill_report(before_, now_, seconds >= kShortestPeriod ? seconds : 0);
    std::swap(before_, now_);
    return {};
}

void Reader::show_first_reading() {
    fill_report(before_, before_, 0);
}

void Reader::fill_report(const Sample& before, const Sample& now, double seconds) {
    report_.readable = true;
    report_.unpinned = false;
    report_.time = nanoseconds_of(CLOCK_REALTIME);
    report_.before_start = session_.before_start();
    fill_values(report_, before.total, now.total, seconds, session_.counted(), session_.lifetime());
    if (request_->per_cpu && map_->info().type == BPF_MAP_TYPE_PERCPU_ARRAY) {
        fill_cpu_values(report_, before.per_cpu, now.per_cpu, seconds, cpu_session_.counted());
    } else {
        report_.cpus.clear();
    }
    if (state_monitor_.must_look(now.time)) {
        refresh_state(now.time);
    }
    fill_components();  // after refresh_state, which may change them
    fill_cost();
    fill_delivery(seconds);
}

void Reader::refresh_state(std::int64_t now) {
    bool changing = false;
    if (look_at_state(now) != AttachState::kAttached) {
        // The program may have been replaced without an event: then there is another meta.
        const auto read = pinned_map_.meta();
        const auto meta = read ? *read : std::nullopt;
        if (meta && take_meta(*meta)) {
            look_at_state(now);
        } else if (state_monitor_.is_news()) {
            const bool published = meta && !(meta_ && same_generation(*meta_, *meta));
            changing = published || pinned_map_.change_is_under_way();
        }
    }
    report_.state = state_monitor_.report(report_.title, map_->info().id, changing);
    report_.runs_on = state_monitor_.runs_on();
    report_.link = state_monitor_.link();
    report_.is_over = state_monitor_.device_gone() && !request_->wait;
}

AttachState Reader::look_at_state(std::int64_t now) {
    return state_monitor_.look(meta_ ? &*meta_ : nullptr, map_->info().id, now);
}

const Meta* Reader::own_meta() const {
    return meta_ && meta_->counter_map_id == map_->info().id ? &*meta_ : nullptr;
}

std::optional<Origin> Reader::origin() const {
    const Meta* meta = own_meta();
    if (meta == nullptr) {
        return std::nullopt;
    }
    Origin origin{meta->lineage, {}};
    std::copy_n(meta->carried, kActions, origin.carried.begin());
    return origin;
}

}  // namespace tally::stats
