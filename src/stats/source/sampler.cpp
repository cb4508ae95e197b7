// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/sampler.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/base/printable.h"
#include "common/bpf/bpf_info.h"
#include "common/pins/abi_names.h"
#include "stats/model/rates.h"
#include "stats/source/delivery_reader.h"
#include "stats/source/run_statistics.h"

namespace tally::stats {
namespace {

// From readings closer than this, as right after a replacement, no rate is computed. Far below the smallest
// interval, as a late sample shortens the next period.
constexpr double kShortestPeriod = 0.0001;  // seconds

constexpr const char* kWholeDispatcher =
    "of the dispatcher with all its programs, which have no run-time statistics of their own";

bool same_carried(const Meta& a, const Meta& b) {
    return std::equal(std::begin(a.carried), std::end(a.carried), std::begin(b.carried),
                      [](const Counter& x, const Counter& y) {
                          return x.rx_packets == y.rx_packets && x.rx_bytes == y.rx_bytes;
                      });
}

}  // namespace

Sampler::Sampler(const ReadRequest& request, const NetnsContext& context, SampleReport& report)
    : request_(&request), context_(&context), report_(&report) {
    report_->totals = request.totals;
    if (request.run_statistics != nullptr) {
        cost_meter_ = CostMeter(request.run_statistics->empty());
    }
}

bool Sampler::has_generation(const Meta& meta) const {
    return meta_ && same_generation(*meta_, meta);
}

// Into the older of the two buffers: one that fails spoils nothing.
Result<void> Sampler::read_map() {
    TALLY_TRY(map_->read(before_));
    std::swap(before_, latest_);
    session_.add(latest_.total);
    if (request_->per_cpu) {
        cpu_session_.add(before_.per_cpu, latest_.per_cpu);
    }
    return {};
}

Result<void> Sampler::replace_map(OpenedMap opened, const std::string& directory, bool under_way) {
    const std::uint32_t id = opened.map.info().id;
    const std::uint32_t old_id = map_ ? map_->info().id : 0;
    if (map_) {
        TALLY_TRY(read_map());  // its last counts, before the descriptor is closed
    }
    TALLY_TRY(opened.map.read(before_));
    map_ = std::move(opened.map);
    meta_ = opened.meta;
    if (under_way) {
        session_.replace_map(before_.total, origin());
        if (request_->per_cpu) {
            cpu_session_.replace_map(old_id, latest_.per_cpu, id, before_.per_cpu);
        }
        const std::string notice = old_id == 0 ? fmt::format("map {} is pinned", id)
                                               : fmt::format("map {} was replaced by map {}", old_id, id);
        request_->notices.say(report_->title,
                              own_meta() == nullptr
                                  ? notice
                                  : fmt::format("{} (generation {})", notice, own_meta()->generation));
    } else {
        session_.start_with(before_.total, origin());
        cpu_session_.add(before_.per_cpu, before_.per_cpu);
    }
    latest_ = before_;
    report_->cpus.reserve(latest_.per_cpu.size());
    if (request_->totals == Totals::kLifetime && own_meta() == nullptr) {
        request_->notices.say(report_->title,
                              fmt::format("map {} has no meta that tells its lifetime total", id));
    }
    describe_map();
    describe_program();
    take_components(directory, under_way);
    take_delivery(under_way);
    if (!under_way) {
        fill_cost();  // so that the first sample has one
    }
    return {};
}

bool Sampler::take_meta(const Meta& meta, const std::string& directory) {
    // The meta of another map belongs to a change whose map has yet to be seen.
    const Meta* const own = own_meta();
    if (meta.counter_map_id != map_->info().id ||
        (own != nullptr && same_generation(*own, meta) && same_carried(*own, meta))) {
        return false;
    }
    // In the same generation, a load has failed, and what its map counted is carried now.
    if (own != nullptr && !same_generation(*own, meta)) {
        request_->notices.say(
            report_->title,
            fmt::format("the program was replaced by {} (id {}), map {} is kept (generation {})",
                        printable(meta.program), meta.program_id, meta.counter_map_id, meta.generation));
    }
    meta_ = meta;
    session_.set_origin(*origin());
    describe_program();
    take_components(directory, true);
    return true;
}

// A program with its own counters says nothing about the other programs of the dispatcher.
Result<void> Sampler::check_components() const {
    const Meta* const meta = own_meta();
    if (!request_->per_program || (meta != nullptr && meta->attach_kind != XDP_TALLY_ATTACH_DISPATCHER)) {
        return {};
    }
    // To observe each, whatever is pinned or attached here would have to go, which nobody asked for.
    return make_error(ErrorKind::kNotFound, fmt::format("looking for the programs of '{}'", report_->title),
                      meta == nullptr ? "the pinned map has no meta that names a program"
                                      : "only one program of the dispatcher has counters")
        .with_hint(
            fmt::format("`xdp_stats {}` shows what the map holds", context_->option(*report_->device)));
}

Result<void> Sampler::read() {
    TALLY_TRY(read_map());
    if (went_backwards(before_.total, latest_.total)) {
        request_->notices.say(
            report_->title, fmt::format("map {} was reset: it counts from smaller numbers", map_->info().id));
    }
    return components_.read();
}

void Sampler::fill_counts() {
    report_->readable = true;
    report_->unpinned = false;
    report_->time = nanoseconds_of(CLOCK_REALTIME);
    report_->before_start = session_.before_start();
    const double seconds = static_cast<double>(latest_.time - before_.time) / 1e9;
    fill_values(*report_, before_.total, latest_.total, seconds >= kShortestPeriod ? seconds : 0,
                session_.counted(), session_.lifetime());
    if (request_->per_cpu && map_->info().type == BPF_MAP_TYPE_PERCPU_ARRAY) {
        fill_cpu_values(*report_, before_.per_cpu, latest_.per_cpu, report_->period, cpu_session_.counted());
    } else {
        report_->cpus.clear();
    }
}

void Sampler::fill_details() {
    fill_components();
    fill_cost();
    fill_delivery();
}

void Sampler::describe_map() {
    const MapInfo& info = map_->info();
    report_->map_id = info.id;
    if (request_->notices.verbose()) {
        request_->notices.say(
            report_->title,
            fmt::format("map {} '{}' has {} entries{}, read {}", info.id, printable(info.name),
                        info.max_entries,
                        info.type == BPF_MAP_TYPE_PERCPU_ARRAY
                            ? fmt::format(" for each of {} possible CPUs", latest_.per_cpu.size())
                            : ", shared by all CPUs",
                        map_->reads_in_one_call() ? "by one batch lookup per sample"
                                                  : "by one lookup per entry: this kernel has no batch "
                                                    "lookup for its type"));
    }
}

void Sampler::describe_program() {
    report_->program.reset();
    if (const Meta* meta = own_meta()) {
        report_->program = AttachedProgram{meta->generation, meta->program_id, printable(meta->program),
                                           std::string(mode_name(meta->attach_mode)),
                                           std::string(attach_name(meta->attach_kind))};
    }
}

// A program that is alone on the hook has all the counts.
void Sampler::take_components(const std::string& directory, bool under_way) {
    if (!request_->per_program) {
        return;
    }
    const Meta* const meta = own_meta();
    if (meta == nullptr || meta->attach_kind != XDP_TALLY_ATTACH_OBSERVE) {
        components_.clear();
    } else if (const auto taken = components_.take(*meta, directory, under_way); !taken) {
        request_->notices.say(report_->title, taken.error().message());
    }
    components_.list_in(*report_);
    if (meta != nullptr && meta->attach_kind != XDP_TALLY_ATTACH_DISPATCHER && components_.empty()) {
        report_->programs.push_back(identify(meta->program_id, meta->program));
    }
}

void Sampler::fill_components() {
    if (components_.empty() && !report_->programs.empty()) {
        ProgramValues& only = report_->programs.front();
        only.actions = report_->actions;
        only.total = report_->total;
        // Programs before it have a part in these.
        only.total.lifetime.reset();
        for (CounterValues& values : only.actions) {
            values.lifetime.reset();
        }
    } else {
        components_.fill(*report_);
    }
}

void Sampler::fill_cost() {
    if (request_->run_statistics == nullptr) {
        return;
    }
    const auto program = find_measured_program(*context_, own_meta(), report_->device);
    const auto reading = program ? request_->run_statistics->read(program->id) : program.error();
    if (reading) {
        cost_meter_.take(*reading, program->is_dispatcher ? kWholeDispatcher : "");
    } else {
        cost_meter_.miss(program && reading.error().kind == ErrorKind::kNotFound ? "the program is gone"
                                                                                 : reading.error().message());
    }
    report_->cost = cost_meter_.cost();
}

void Sampler::take_delivery(bool joined) {
    if (const Meta* const meta = own_meta()) {
        delivery_meta_ = *meta;
    }
    const auto& reading = request_->delivery->reading();
    if (reading && delivery_meta_) {
        delivery_.take(*reading, *delivery_meta_, joined);
    } else if (!joined || request_->delivery->obstacle().empty()) {
        delivery_.miss();  // after a reading that failed, the next one goes on
    }
}

void Sampler::fill_delivery() {
    take_delivery(true);
    const auto& reading = request_->delivery->reading();
    if (reading && delivery_meta_) {
        tally::stats::fill_delivery(*report_, *reading, *delivery_meta_, delivery_, latest_.time);
        return;
    }
    report_->delivery = {};
    report_->delivery.obstacle = request_->delivery->obstacle();
    say_how_to_track();
}

// Once, of redirects in native mode, which can be seen to arrive.
void Sampler::say_how_to_track() {
    const auto redirects = report_->actions[static_cast<std::size_t>(Action::kRedirect)].count.rx_packets;
    if (redirects == 0 || !report_->delivery.obstacle.empty() || !report_->program ||
        report_->program->mode != "native" || std::exchange(told_to_track_, true)) {
        return;
    }
    const std::string notice =
        "whether redirected packets arrive is not known: " + request_->delivery->hint();
    request_->notices.say(report_->title, notice);
}

const Meta* Sampler::own_meta() const {
    return meta_ && meta_->counter_map_id == map_->info().id ? &*meta_ : nullptr;
}

std::optional<Origin> Sampler::origin() const {
    const Meta* meta = own_meta();
    if (meta == nullptr) {
        return std::nullopt;
    }
    Origin origin{meta->lineage, {}};
    std::copy_n(meta->carried, kActions, origin.carried.begin());
    return origin;
}

}  // namespace tally::stats
