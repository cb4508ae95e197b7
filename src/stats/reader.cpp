#include "stats/reader.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <utility>

#include "common/clock.h"
#include "common/interface.h"
#include "common/names.h"
#include "common/printable.h"

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

std::string title_of(const Source& source, const Place& place) {
    if (source.kind == Source::Kind::kMapId) {
        return fmt::format("map {}", source.map_id);
    }
    const bool elsewhere = source.kind == Source::Kind::kDevice && !place.netns.empty();
    return printable(elsewhere ? place.netns + '/' + source.name : source.name);
}

// By its name, unless that may be another device's: that of one the process cannot go to.
std::optional<std::string> device_to_ask_for(const Source& source, const Place& place) {
    const bool seen = place.sight == Place::Sight::kHere || !source.directory.empty();
    return seen ? device_of(source) : std::nullopt;
}

}  // namespace

Reader::Reader(const Source& source, const Options& options, Vantage& vantage, PinWatcher& watcher)
    : place_(&vantage.place),
      watcher_(&watcher),
      remarks_(options.quiet, options.verbose),
      wait_(options.wait),
      per_cpu_(options.per_cpu),
      per_program_(options.per_program),
      looks_for_device_(source.directory.empty() && vantage.place.sight == Place::Sight::kHere),
      follower_(source, vantage.place, watcher),
      feed_(device_to_ask_for(source, vantage.place), vantage) {
    block_.device = device_of(source);
    if (block_.device && !place_->netns.empty()) {
        block_.netns = place_->netns;
    }
    block_.title = title_of(source, *place_);
    block_.since_start = options.since_start;
}

Result<void> Reader::start() {
    if (block_.device && looks_for_device_) {
        auto interface = resolve_interface(*block_.device);
        if (!interface && !(wait_ && interface.error().kind == ErrorKind::kNotFound)) {
            return std::move(interface).error();
        }
        device_awaited_ = !interface;
    }
    auto pinned = follower_.open();
    if (pinned) {
        TALLY_TRY(take_up(std::move(pinned).value()));
        TALLY_TRY(check_programs());
    } else if (!is_missing(pinned.error())) {
        return std::move(pinned).error();
    }
    started_ = true;
    return {};
}

Result<void> Reader::join() {
    started_ = true;
    follower_.watch();
    return start();
}

Result<void> Reader::follow() {
    if (device_awaited_) {
        const auto interface = resolve_interface(*block_.device);
        if (!interface) {
            lose_pin("there is no such device yet");
            return {};
        }
        call_device(interface->name);  // it may have been named by an alternative name, or have had another
        device_awaited_ = false;
    }
    follower_.watch();
    TALLY_TRY(look_at_pin());
    if (ready()) {
        if (const auto record = follower_.record()) {
            take_record(*record);
        }
    }
    state_time_ = 0;
    return {};
}

bool Reader::knows_pin() const {
    return ready() && follower_.watching() && nanoseconds_of(CLOCK_MONOTONIC) - pin_time_ < kPinAge;
}

Result<void> Reader::look_at_pin() {
    pin_time_ = nanoseconds_of(CLOCK_MONOTONIC);
    if (!map_) {
        return look_for_first_map();
    }
    const auto look = follower_.look(map_->info());
    if (!look) {
        lose_pin(look.error().message());
        return {};
    }
    switch (*look) {
        case Follower::Look::kSame:
            if (std::exchange(unpinned_, false)) {
                last_remark_.clear();
                remarks_.say(block_.title, fmt::format("map {} is pinned again", map_->info().id));
            }
            return {};
        case Follower::Look::kMissing:
            if (go_after_renamed_device()) {
                return look_at_pin();
            }
            lose_pin(fmt::format("map {} is no longer pinned", map_->info().id));
            return {};
        case Follower::Look::kOther:
            break;
    }
    auto pinned = follower_.open();
    if (!pinned) {
        lose_pin(pinned.error().message());
        return {};
    }
    if (pinned->map.info().id == map_->info().id) {
        return {};  // a load that failed has put it back
    }
    return take_up(std::move(pinned).value());
}

Result<void> Reader::look_for_first_map() {
    auto pinned = follower_.open();
    if (pinned) {
        return take_up(std::move(pinned).value());
    }
    lose_pin(is_missing(pinned.error()) ? fmt::format("nothing is pinned at {} yet", follower_.pin())
                                        : pinned.error().message());
    return {};
}

// A loader takes the pins of a renamed device along to its new name: the record there is of the same lineage.
bool Reader::go_after_renamed_device() {
    if (!block_.device || !last_record_ || !looks_for_device_) {
        return false;
    }
    const auto name = interface_name(last_record_->ifindex);
    if (!name || *name == *block_.device) {
        return false;
    }
    const auto record = read_meta(place_->directory(*name) + '/' + XDP_TALLY_META_NAME);
    if (!record || record->lineage != last_record_->lineage) {
        return false;
    }
    remarks_.say(block_.title, fmt::format("goes on as {}: the device was renamed", *name));
    call_device(*name);
    return true;
}

void Reader::call_device(const std::string& name) {
    const Source source = {Source::Kind::kDevice, name, 0, {}};
    block_.device = name;
    block_.title = title_of(source, *place_);
    follower_ = Follower(source, *place_, *watcher_);
    follower_.watch();
    feed_.rename(name);
}

void Reader::lose_pin(const std::string& why) {
    unpinned_ = true;
    if (why != last_remark_) {
        remarks_.say(block_.title, why + "; waiting");
        last_remark_ = why;
    }
}

Result<void> Reader::take_up(Pinned pinned) {
    const std::uint32_t id = pinned.map.info().id;
    std::string remark = fmt::format("map {} is pinned", id);
    if (map_) {
        // The last packets it counted, before the descriptor is closed.
        TALLY_TRY(map_->read(now_));
        session_.add(now_.total);
        count_cpus(before_.per_cpu, now_.per_cpu);
        remark = fmt::format("map {} was replaced by map {}", map_->info().id, id);
    }
    map_ = std::move(pinned.map);
    record_ = pinned.record;
    last_record_ = record_ ? record_ : last_record_;
    TALLY_TRY(map_->read(before_));
    if (started_) {
        const bool early = own_record() == nullptr && follower_.change_is_under_way();
        if (early) {
            session_.take_up_early(before_.total);
        } else {
            session_.take_up(before_.total, origin());
        }
        take_up_cpus(early);
        remarks_.say(block_.title, own_record() == nullptr
                                       ? remark
                                       : fmt::format("{} (generation {})", remark, own_record()->generation));
    } else {
        session_.start_with(before_.total, origin());
        cpu_session_.resize(before_.per_cpu.size());
    }
    block_.cpus.reserve(before_.per_cpu.size());
    unpinned_ = false;
    last_remark_.clear();
    state_time_ = 0;
    describe_map();
    describe_feeder();
    take_up_programs();
    return {};
}

// One program of a dispatcher that counts itself says nothing about the others.
Result<void> Reader::check_programs() const {
    const Meta* const record = own_record();
    if (!per_program_ || (record != nullptr && record->attach_kind != XDP_TALLY_ATTACH_DISPATCHER)) {
        return {};
    }
    const std::string option = place_->option(*block_.device);
    return make_error(ErrorKind::kNotFound, fmt::format("looking for the programs of '{}'", block_.title),
                      record == nullptr ? "nothing tells which program counts into the pinned map"
                                        : "only one program of the dispatcher is counted, by itself")
        .with_hint(fmt::format("{}`xdp_loader {} --observe` counts each of them",
                               record == nullptr ? "" : "`xdp_loader " + option + " --unload`, then ",
                               option));
}

// Where a program is alone on the hook, all counts are its own.
void Reader::take_up_programs() {
    const Meta* const record = own_record();
    block_.programs.clear();
    if (!per_program_ || record == nullptr || record->attach_kind == XDP_TALLY_ATTACH_DISPATCHER) {
        programs_.clear();
        return;
    }
    if (record->attach_kind == XDP_TALLY_ATTACH_OBSERVE) {
        const auto taken = programs_.take_up(*record, follower_.directory(), started_);
        if (!taken) {
            remarks_.say(block_.title, taken.error().message());
        }
        programs_.list_in(block_);
    }
    if (programs_.empty()) {
        block_.programs.push_back(identify(record->program_id, record->program));
    }
}

void Reader::fill_programs() {
    if (programs_.empty() && !block_.programs.empty()) {
        block_.programs.front().actions = block_.actions;
        block_.programs.front().total = block_.total;
    } else {
        programs_.fill(block_);
    }
}

bool Reader::take_record(const Meta& record) {
    // A record of another map belongs to a change that look_at_pin has yet to see.
    const Meta* own = own_record();
    if (record.counter_map_id != map_->info().id ||
        (own != nullptr && own->lineage == record.lineage && own->generation == record.generation)) {
        return false;
    }
    if (own != nullptr) {
        remarks_.say(block_.title, fmt::format("program {} (id {}) took over, map {} goes on (generation {})",
                                               printable(record.program), record.program_id,
                                               record.counter_map_id, record.generation));
    }
    record_ = record;
    last_record_ = record;
    session_.set_origin(*origin());
    const auto early_cpus = std::exchange(early_cpus_, {});
    if ((record.flags & XDP_TALLY_META_MIGRATED) == 0) {
        count_cpus({}, early_cpus);
    }
    describe_feeder();
    take_up_programs();
    return true;
}

void Reader::describe_map() {
    const MapInfo& info = map_->info();
    block_.map_id = info.id;
    if (remarks_.verbose()) {
        remarks_.say(
            block_.title,
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
    block_.feeder.reset();
    if (const Meta* record = own_record()) {
        block_.feeder = Feeder{record->generation, record->program_id, printable(record->program),
                               std::string(mode_name(record->attach_mode)),
                               std::string(attach_name(record->attach_kind))};
    }
}

Result<void> Reader::sample() {
    block_.readable = false;
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
        remarks_.say(block_.title,
                     fmt::format("map {} was reset: it counts from smaller numbers again", map_->info().id));
    }
    session_.add(now_.total);
    count_cpus(before_.per_cpu, now_.per_cpu);
    TALLY_TRY(programs_.read());
    const double seconds = static_cast<double>(now_.time - before_.time) / 1e9;
    fill_block(before_, now_, seconds >= kShortestPeriod ? seconds : 0);
    std::swap(before_, now_);
    return {};
}

void Reader::show_first_reading() {
    fill_block(before_, before_, 0);
}

void Reader::fill_block(const Sample& before, const Sample& now, double seconds) {
    block_.readable = true;
    block_.time = nanoseconds_of(CLOCK_REALTIME);
    block_.before_start = session_.before_start();
    fill_figures(block_, before.total, now.total, seconds, session_.counted());
    if (per_cpu_ && map_->info().type == BPF_MAP_TYPE_PERCPU_ARRAY) {
        fill_cpu_figures(block_, before.per_cpu, now.per_cpu, seconds, cpu_session_);
    } else {
        block_.cpus.clear();
    }
    if (state_time_ == 0 || now.time - state_time_ >= kStateAge) {
        state_time_ = now.time;
        refresh_state();
    }
    fill_programs();  // which may be others since
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
    } else if (own_record() == nullptr || (own_record()->flags & XDP_TALLY_META_MIGRATED) == 0) {
        count_cpus({}, before_.per_cpu);
    }
}

void Reader::refresh_state() {
    FeedState state = look_at_feed();
    if (state != FeedState::kAttached) {
        // Perhaps the program was replaced and nobody told: then there is another record.
        const auto record = follower_.record();
        if (record && take_record(*record)) {
            state = look_at_feed();
        } else if (state_ && state != *state_ && in_transition(record)) {
            state_time_ = 0;
            return;
        }
    }
    transition_began_ = 0;
    if (state_ != state || (state == FeedState::kDetached && feed_.device_gone() != device_gone_)) {
        remark_on(state);
    }
    device_gone_ = feed_.device_gone();
    if (renamed_to_ != feed_.renamed_to()) {
        renamed_to_ = feed_.renamed_to();
        if (!renamed_to_.empty()) {
            remarks_.say(block_.title, fmt::format("the device is called {} now", renamed_to_));
        }
    }
    state_ = state;
    block_.state = state;
}

bool Reader::in_transition(const std::optional<Meta>& record) {
    const bool published = record && !(record_ && record_->lineage == record->lineage &&
                                       record_->generation == record->generation);
    if (!published && !follower_.change_is_under_way()) {
        return false;
    }
    if (transition_began_ == 0) {
        transition_began_ = before_.time;
    }
    return before_.time - transition_began_ < kLongestTransition;
}

FeedState Reader::look_at_feed() {
    return feed_.look(record_ ? &*record_ : nullptr, map_->info().id);
}

void Reader::remark_on(FeedState state) {
    const std::uint32_t id = map_->info().id;
    switch (state) {
        case FeedState::kAttached:
            if (state_) {
                remarks_.say(block_.title, fmt::format("map {} is being fed", id));
            }
            break;
        case FeedState::kDetached:
            remarks_.say(
                block_.title,
                fmt::format("{}: nothing feeds map {}",
                            feed_.device_gone() ? "the device is gone" : "no XDP program is attached", id));
            break;
        case FeedState::kStale:
            remarks_.say(block_.title, fmt::format("the XDP program on the device does not feed map {}", id));
            break;
        case FeedState::kForeign:
        case FeedState::kUnknown:
            break;
    }
}

const Meta* Reader::own_record() const {
    return record_ && record_->counter_map_id == map_->info().id ? &*record_ : nullptr;
}

std::optional<Origin> Reader::origin() const {
    const Meta* record = own_record();
    if (record == nullptr) {
        return std::nullopt;
    }
    Origin origin{record->lineage, {}};
    std::copy_n(record->carried, kActions, origin.carried.begin());
    return origin;
}

}  // namespace tally::stats
