// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What one sample of one map shows; the output formats turn it into text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/pins/abi_names.h"
#include "common/pins/attach_state.h"
#include "stats/model/delivery_report.h"
#include "stats/model/program_cost.h"
#include "stats/model/rates.h"
#include "stats/model/totals.h"

namespace tally::stats {

struct CounterValues {
    Counter count = {};    // the total that SampleReport::totals names
    Counter session = {};  // what was counted since the start, across every map
    Rate rate = {};
    // What was counted since the first load; none where that is not known.
    std::optional<Counter> lifetime = {};
};

using ActionValues = std::array<CounterValues, kActions>;

struct CpuValues {
    unsigned cpu = 0;
    ActionValues actions = {};  // `session` is without the maps that came and went unseen; no `lifetime`
};

// One of the programs behind an observed dispatcher, or the only one there is.
struct ProgramValues {
    std::uint32_t id = 0;
    std::string name;
    std::string label;          // "12:first_drops": names need not be unique
    ActionValues actions = {};  // without `lifetime`: earlier maps counted for all programs together
    CounterValues total = {};
};

// The program that counts into the map, or was the last to, as the meta names it.
struct AttachedProgram {
    std::uint64_t generation = 0;
    std::uint32_t id = 0;
    std::string name;
    std::string mode;    // "native", "generic", "offloaded"
    std::string attach;  // "link", "dispatcher", "netlink", "observe"
};

struct SampleReport {
    std::string title;                  // "veth0", a path, "map 32"
    std::optional<std::string> device;  // none for --map and --map-id
    std::optional<std::string> netns;   // the device's network namespace; none: the initial one
    std::uint32_t map_id = 0;
    std::optional<AttachedProgram> program;
    AttachState state = AttachState::kForeign;
    // The device that the program runs on now ("red/eth0"), where that is not `device` in `netns`.
    std::optional<std::string> runs_on;
    bool left_netns = false;  // the program runs in another network namespace than at the load
    // Of the device, where its program runs on it: "up", "down", "no carrier". Empty: not known.
    std::string_view link;
    bool unpinned = false;  // it is not readable, as the map that was read is pinned no more
    // The device of the program is gone, and a new one is not waited for: this map counts no more.
    bool is_over = false;
    Totals totals = Totals::kMap;  // what `count` is
    // Else `count` is 0: lifetime totals are asked for, and no meta of this map tells them.
    bool count_known = true;

    std::int64_t time = 0;  // of the reading: nanoseconds since 1970 UTC
    double period = 0;      // measured seconds behind the rates; 0: there are no rates yet
    bool readable = false;  // else the numbers are those of the latest reading, if there has been any
    ActionValues actions = {};
    CounterValues total = {};
    std::optional<ProgramCost> cost;  // none without --cost
    DeliveryReport delivery;
    Counters before_start = {};           // counted before this command started, as far as it is known
    std::vector<CpuValues> cpus;          // those that counted anything, in order; empty without --per-cpu
    std::vector<ProgramValues> programs;  // in the order they run; empty without --per-program
};

// Whether a reader of `count` has to be told of the lifetime total as well: the map is not the first, or
// something else is in the one and not in the other.
bool differs_from_lifetime(const SampleReport& report);

// Why it is not known what became of the packets of this verdict; empty where it is, or there are none.
const std::string& why_unknown(const SampleReport& report, std::size_t action);

// For people: "veth0", or "veth0, runs on red/eth0".
std::string title_with_place(const SampleReport& report);

// The order of sources where the user gave none: the devices of the initial network namespace, those of
// others, then maps of no device; eth2 before eth10.
bool is_listed_before(const SampleReport& one, const SampleReport& other);

// Fill in the numbers of a reading. `seconds` is the time since the reading `before`; 0: no rates. `session`
// is what was counted since the start, the latter per possible CPU; `lifetime` since the first load, where
// that is known. A report that is filled again allocates nothing.
void fill_values(SampleReport& report, const Counters& before, const Counters& now, double seconds,
                 const Counters& session, const std::optional<Counters>& lifetime);
void fill_cpu_values(SampleReport& report, const std::vector<Counters>& before,
                     const std::vector<Counters>& now, double seconds, const std::vector<Counters>& session);
// A program of SampleReport::programs, without numbers yet.
ProgramValues identify(std::uint32_t id, std::string_view name);
// The numbers of one of SampleReport::programs, whose map is read at moments of its own.
void fill_program_values(const SampleReport& report, ProgramValues& program, const Counters& before,
                         const Counters& now, double seconds, const Counters& session);

}  // namespace tally::stats
