// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/reader.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/base/printable.h"
#include "common/kernel/bpf_info.h"
#include "common/kernel/interface.h"
#include "common/kernel/link_socket.h"
#include "common/pins/abi_names.h"

namespace tally::stats {
namespace {

// What feeds a map is asked at most this often, so that fast sampling stays cheap; below the shortest
// interval (1 s) at which every block has to know.
constexpr std::int64_t kStateAge = 900'000'000;  // nanoseconds

// Where events tell of changes, a pin is looked at this often all the same: a file system that is mounted
// above it, say, causes none.
constexpr std::int64_t kPinAge = 100'000'000;  // nanoseconds

// While a loader is at work, its program may already run beside the old map, and a generation may be
// published after the pin was looked at: that is no news unless it lasts, as it does when the loader was
// killed.
constexpr std::int64_t kLongestTransition = 500'000'000;  // nanoseconds

// Two readings closer than this, as when another map was taken up just now, say nothing about a rate. Well
// below the smallest interval, as a sample that comes late shortens the next period.
constexpr double kShortestPeriod = 0.0001;  // seconds

// Nothing is pinned at the path, as opposed to something that is no map, or a map id that does not exist.
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
    return printable(elsewhere ? context.netns + '/' + source.name : source.name);
}

// By its name, unless that may be another device's: that of one the process cannot go to.
std::optional<std::string> device_to_ask_for(const Source& source, const NetnsContext& context) {
    const bool seen = context.visibility == NetnsContext::Visibility::kHere || !source.directory.empty();
    return seen ? device_of(source) : std::nullopt;
}

}  // namespace

Reader::Reader(const Source& source, const Options& options, NetnsContext& context, PinWatcher& watcher)
    : context_(&context),
      watcher_(&watcher),
      notices_(options.quiet, options.verbose),
      wait_(options.wait),
      per_cpu_(options.per_cpu),
      per_program_(options.per_program),
      looks_for_device_(source.directory.empty() && context.visibility == NetnsContext::Visibility::kHere),
      pinned_map_(source, context, watcher),
      state_monitor_(device_to_ask_for(source, context), pinned_map_.directory(), context) {
    report_.device = device_of(source);
    if (report_.device && !context_->netns.empty()) {
        report_.netns = context_->netns;
    }
    report_.title = title_of(source, *context_);
    report_.since_start = options.since_start;
}

Result<void> Reader::start() {
    if (report_.device && looks_for_device_) {
        auto interface = resolve_interface(*report_.device);
        if (!interface && !(wait_ && interface.error().kind == ErrorKind::kNotFound)) {
            return std::move(interface).error();
        }
        device_awaited_ = !interface;
    }
    auto pinned = pinned_map_.open();
    if (pinned) {
        TALLY_TRY(take_up(std::move(pinned).value()));
        TALLY_TRY(check_components());
    } else if (!is_missing(pinned.error())) {
        return std::move(pinned).error();
    }
    started_ = true;
    return {};
}

Result<void> Reader::join() {
    started_ = true;
    pinned_map_.watch();
    return start();
}

Result<void> Reader::follow() {
    if (device_awaited_) {
        const auto interface = resolve_interface(*report_.device);
        if (!interface) {
            note_pin_missing("there is no such device yet");
            return {};
        }
        set_device(interface->name);  // it may have been named by an alternative name, or have had another
        device_awaited_ = false;
    }
    pinned_map_.watch();
    TALLY_TRY(look_at_pin());
    if (ready()) {
        if (const auto meta = pinned_map_.meta()) {
            take_meta(*meta);
        }
    }
    state_time_ = 0;
    return {};
}

bool Reader::knows_pin() const {
    return ready() && pinned_map_.watching() && nanoseconds_of(CLOCK_MONOTONIC) - pin_time_ < kPinAge;
}

Result<void> Reader::look_at_pin() {
    pin_time_ = nanoseconds_of(CLOCK_MONOTONIC);
    if (!map_) {
        return look_for_first_map();
    }
    const auto look = pinned_map_.look(map_->info());
    if (!look) {
        note_pin_missing(look.error().message());
        return {};
    }
    switch (*look) {
        case PinnedMap::Look::kSame:
            if (std::exchange(unpinned_, false)) {
                last_notice_.clear();
                notices_.say(report_.title, fmt::format("map {} is pinned again", map_->info().id));
            }
            return {};
        case PinnedMap::Look::kMissing:
            if (go_after_renamed_device()) {
                return look_at_pin();
            }
            note_pin_missing(fmt::format("map {} is no longer pinned", map_->info().id));
            return {};
        case PinnedMap::Look::kOther:
            break;
    }
    auto pinned = pinned_map_.open();
    if (!pinned) {
        note_pin_missing(pinned.error().message());
        return {};
    }
    if (pinned->map.info().id == map_->info().id) {
        return {};  // a load that failed has put it back
    }
    return take_up(std::move(pinned).value());
}

Result<void> Reader::look_for_first_map() {
    auto pinned = pinned_map_.open();
    if (pinned) {
        return take_up(std::move(pinned).value());
    }
    note_pin_missing(is_missing(pinned.error())
                         ? fmt::format("nothing is pinned at {} yet", pinned_map_.pin())
                         : pinned.error().message());
    return {};
}

// A loader takes the pins of a renamed device along to its new name: the record there is of the same lineage.
bool Reader::go_after_renamed_device() {
    if (!report_.device || !last_meta_ || !looks_for_device_) {
        return false;
    }
    const auto name = interface_name(last_meta_->ifindex);
    if (!name || *name == *report_.device) {
        return false;
    }
    const auto meta = read_meta(context_->directory(*name) + '/' + XDP_TALLY_META_NAME);
    if (!meta || meta->lineage != last_meta_->lineage) {
        return false;
    }
    notices_.say(report_.title, fmt::format("goes on as {}: the device was renamed", *name));
    set_device(*name);
    return true;
}

void Reader::set_device(const std::string& name) {
    const Source source = {Source::Kind::kDevice, name, 0, {}};
    report_.device = name;
    report_.title = title_of(source, *context_);
    pinned_map_ = PinnedMap(source, *context_, *watcher_);
    pinned_map_.watch();
    state_monitor_.rename(name, pinned_map_.directory());
}

void Reader::note_pin_missing(const std::string& why) {
    unpinned_ = true;
    if (why != last_notice_) {
        notices_.say(report_.title, why + "; waiting");
        last_notice_ = why;
    }
}

Result<void> Reader::take_up(OpenedMap pinned) {
    const std::uint32_t id = pinned.map.info().id;
    std::string notice = fmt::format("map {} is pinned", id);
    if (map_) {
        // The last packets it counted, before the descriptor is closed.
        TALLY_TRY(map_->read(now_));
        session_.add(now_.total);
        count_cpus(before_.per_cpu, now_.per_cpu);
        notice = fmt::format("map {} was replaced by map {}", map_->info().id, id);
    }
    map_ = std::move(pinned.map);
    meta_ = pinned.meta;
    last_meta_ = meta_ ? meta_ : last_meta_;
    TALLY_TRY(map_->read(before_));
    if (started_) {
        const bool early = own_meta() == nullptr && pinned_map_.change_is_under_way();
        if (early) {
            session_.take_up_early(before_.total);
        } else {
            session_.take_up(before_.total, origin());
        }
        take_up_cpus(early);
        notices_.say(report_.title, own_meta() == nullptr
                                        ? notice
                                        : fmt::format("{} (generation {})", notice, own_meta()->generation));
    } else {
        session_.start_with(before_.total, origin());
        cpu_session_.resize(before_.per_cpu.size());
    }
    report_.cpus.reserve(before_.per_cpu.size());
    unpinned_ = false;
    last_notice_.clear();
    state_time_ = 0;
    describe_map();
    describe_feeder();
    take_up_components();
    return {};
}

// One program of a dispatcher that counts itself says nothing about the others.
Result<void> Reader::check_components() const {
    const Meta* const meta = own_meta();
    if (!per_program_ || (meta != nullptr && meta->attach_kind != XDP_TALLY_ATTACH_DISPATCHER)) {
        return {};
    }
    const std::string option = context_->option(*report_.device);
    return make_error(ErrorKind::kNotFound, fmt::format("looking for the programs of '{}'", report_.title),
                      meta == nullptr ? "nothing tells which program counts into the pinned map"
                                      : "only one program of the dispatcher is counted, by itself")
        .with_hint(fmt::format("{}`xdp_loader {} --observe` counts each of them",
                               meta == nullptr ? "" : "`xdp_loader " + option + " --unload`, then ", option));
}

// Where a program is alone on the hook, all counts are its own.
void Reader::take_up_components() {
    const Meta* const meta = own_meta();
    report_.programs.clear();
    if (!per_program_ || meta == nullptr || meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER) {
        components_.clear();
        return;
    }
    if (meta->attach_kind == XDP_TALLY_ATTACH_OBSERVE) {
        const auto taken = components_.take_up(*meta, pinned_map_.directory(), started_);
        if (!taken) {
            notices_.say(report_.title, taken.error().message());
        }
        components_.list_in(report_);
    }
    if (components_.empty()) {
        report_.programs.push_back(identify(meta->program_id, meta->program));
    }
}

void Reader::fill_components() {
    if (components_.empty() && !report_.programs.empty()) {
        report_.programs.front().actions = report_.actions;
        report_.programs.front().total = report_.total;
    } else {
        components_.fill(report_);
    }
}

bool Reader::take_meta(const Meta& meta) {
    // A record of another map belongs to a change that look_at_pin has yet to see.
    const Meta* own = own_meta();
    if (meta.counter_map_id != map_->info().id ||
        (own != nullptr && own->lineage == meta.lineage && own->generation == meta.generation)) {
        return false;
    }
    if (own != nullptr) {
        notices_.say(
            report_.title,
            fmt::format("program {} (id {}) took over, map {} goes on (generation {})",
                        printable(meta.program), meta.program_id, meta.counter_map_id, meta.generation));
    }
    meta_ = meta;
    last_meta_ = meta;
    session_.set_origin(*origin());
    const auto early_cpus = std::exchange(early_cpus_, {});
    if ((meta.flags & XDP_TALLY_META_MIGRATED) == 0) {
        count_cpus({}, early_cpus);
    }
    describe_feeder();
    take_up_components();
    return true;
}

void Reader::describe_map() {
    const MapInfo& info = map_->info();
    report_.map_id = info.id;
    if (notices_.verbose()) {
        notices_.say(
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

void Reader::describe_feeder() {
    report_.program_info.reset();
    if (const Meta* meta = own_meta()) {
        report_.program_info = FeedingProgram{meta->generation, meta->program_id, printable(meta->program),
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
        notices_.say(report_.title,
                     fmt::format("map {} was reset: it counts from smaller numbers again", map_->info().id));
    }
    session_.add(now_.total);
    count_cpus(before_.per_cpu, now_.per_cpu);
    TALLY_TRY(components_.read());
    const double seconds = static_cast<double>(now_.time - before_.time) / 1e9;
    fill_block(before_, now_, seconds >= kShortestPeriod ? seconds : 0);
    std::swap(before_, now_);
    return {};
}

void Reader::show_first_reading() {
    fill_block(before_, before_, 0);
}

void Reader::fill_block(const Sample& before, const Sample& now, double seconds) {
    report_.readable = true;
    report_.time = nanoseconds_of(CLOCK_REALTIME);
    report_.before_start = session_.before_start();
    fill_values(report_, before.total, now.total, seconds, session_.counted());
    if (per_cpu_ && map_->info().type == BPF_MAP_TYPE_PERCPU_ARRAY) {
        fill_cpu_values(report_, before.per_cpu, now.per_cpu, seconds, cpu_session_);
    } else {
        report_.cpus.clear();
    }
    if (state_time_ == 0 || now.time - state_time_ >= kStateAge) {
        state_time_ = now.time;
        refresh_state();
    }
    fill_components();  // which may be others since
}

void Reader::count_cpus(const std::vector<Counters>& before, const std::vector<Counters>& now) {
    if (!per_cpu_) {
        return;
    }
    cpu_session_.resize(std::max(cpu_session_.size(), now.size()));
    for (std::size_t cpu = 0; cpu < now.size(); ++cpu) {
        for (std::size_t action = 0; action < now[cpu].size(); ++action) {
            const Counter earlier = before.empty() ? Counter{} : before[cpu][action];
            add_to(cpu_session_[cpu][action], growth(earlier, now[cpu][action]));
        }
    }
}

// Counts that a loader moved over stand on whatever CPU moved them: they are no CPU's growth.
void Reader::take_up_cpus(bool early) {
    early_cpus_.clear();
    if (early) {
        early_cpus_ = before_.per_cpu;  // until its record tells
    } else if (own_meta() == nullptr || (own_meta()->flags & XDP_TALLY_META_MIGRATED) == 0) {
        count_cpus({}, before_.per_cpu);
    }
}

void Reader::refresh_state() {
    AttachState state = look_at_state();
    if (state != AttachState::kAttached) {
        // Perhaps the program was replaced and nobody told: then there is another record.
        const auto meta = pinned_map_.meta();
        if (meta && take_meta(*meta)) {
            state = look_at_state();
        } else if (state_ && state != *state_ && in_transition(meta)) {
            state_time_ = 0;
            return;
        }
    }
    transition_began_ = 0;
    if (state_ != state ||
        (state == AttachState::kDetached && state_monitor_.device_gone() != device_gone_)) {
        notify_of(state);
    }
    device_gone_ = state_monitor_.device_gone();
    if (renamed_to_ != state_monitor_.renamed_to()) {
        renamed_to_ = state_monitor_.renamed_to();
        if (!renamed_to_.empty()) {
            notices_.say(report_.title, fmt::format("the device is called {} now", renamed_to_));
        }
    }
    state_ = state;
    report_.state = state;
}

bool Reader::in_transition(const std::optional<Meta>& meta) {
    const bool published =
        meta && !(meta_ && meta_->lineage == meta->lineage && meta_->generation == meta->generation);
    if (!published && !pinned_map_.change_is_under_way()) {
        return false;
    }
    if (transition_began_ == 0) {
        transition_began_ = before_.time;
    }
    return before_.time - transition_began_ < kLongestTransition;
}

AttachState Reader::look_at_state() {
    return state_monitor_.look(meta_ ? &*meta_ : nullptr, map_->info().id);
}

void Reader::notify_of(AttachState state) {
    const std::uint32_t id = map_->info().id;
    switch (state) {
        case AttachState::kAttached:
            if (state_) {
                notices_.say(report_.title, fmt::format("map {} is being fed", id));
            }
            break;
        case AttachState::kDetached:
            notices_.say(
                report_.title,
                fmt::format(
                    "{}: nothing feeds map {}",
                    state_monitor_.device_gone() ? "the device is gone" : "no XDP program is attached", id));
            break;
        case AttachState::kStale:
            notices_.say(report_.title,
                         fmt::format("the XDP program on the device does not feed map {}", id));
            break;
        default:
            break;
    }
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
