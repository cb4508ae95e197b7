// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/options.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"
#include "common/base/result.h"
#include "common/options/command_line.h"
#include "common/pins/device_option.h"
#include "stats/cli/duration.h"
#include "stats/option_table.h"

namespace tally::stats {
namespace {

using Given = ParsedOptions<kOptionRows>;

constexpr std::string_view kCountersOfMetrics = "its counters go on from the first load";

constexpr const char* kDescription =
    "Shows packets and bytes per XDP verdict, and their rates, from the counters pinned in bpffs.\n"
    "Needs no privilege, only permission to reach the pin.";

constexpr const char* kFooter = R"(Examples:
  xdp_stats --dev veth0                        a table every two seconds, until Ctrl-C
  xdp_stats --dev veth0 --dev eth0.100 -i 500ms
  xdp_stats --all --brief                      a line for each device
  xdp_stats --dev veth0 --once --json          one reading of the totals, at once
  xdp_stats --dev veth0 --wait --totals session    start it first, then load and send
  xdp_stats --dev veth0 --totals lifetime      since the first load, whatever was loaded since
  xdp_stats --dev veth0 --format csv -n 60 -i 1 > minute.csv
  xdp_stats --map /sys/fs/bpf/xdp-filter/xdp_stats_map --per-cpu
  xdp_stats --dev veth0 --per-program          after `xdp_loader --dev veth0 --observe`
  xdp_stats --all --listen 127.0.0.1:9417      metrics of every device for Prometheus
  xdp_stats --all --once --format prometheus --output /var/lib/prometheus/node-exporter/xdp.prom
  xdp_stats --dev veth0 --expect 'drop.packets == 100' --expect 'pass.packets == 0' --within 2s
  xdp_stats --dev veth0 --expect 'total.packets == 100' --settle 1s     and nothing more comes

Totals: map        what the map holds now; a load without --reuse-maps begins a new map
        lifetime   counted since the first load, in all maps (an adopted map: since the adoption); not known
                   for a map without a meta beside it
        session    counted since this command started, in all maps
Tables, CSV, --expect and --live have the totals that --totals names, by default the map's; below those of a
later map, a table has the lifetime total as well. JSON and CSV have all: `packets`, `lifetime_packets`,
`session_packets`, and the same of bytes. Prometheus counters go on from the lifetime total. Packets that an old
map counted last are in the lifetime and session totals.

Delivery: while `xdp_loader --track-delivery` counts, what was delivered and lost, and why, is with the verdicts.

State: attached   the program on the device counts into this map, if it counts at all
       detached   no program counts into this map any more
       stale      the program on the device counts into another map
       foreign    another program counts into this map, or there is no meta beside it
       unknown    there is a meta, but this, the device, or what its dispatcher runs, cannot be seen from here

CSV columns, after one header line; a line per action and one with action `total`:
  time,dev,netns,map_id,generation,state,period,action,packets,bytes,pps,bps,session_packets,session_bytes,
  runs_on,lifetime_packets,lifetime_bytes,totals,delivered,lost,lost_reasons
  --per-cpu adds the column `cpu` after `action`: `all`, or a CPU that counted anything (without session and
  lifetime columns). --per-program adds the column `program` there: `all`, or ID:NAME of one program. Rates are empty
  with --once and right after a replacement.

EXPR: ACTION.FIELD OP NUMBER. ACTION is aborted, drop, pass, tx, redirect (also XDP_DROP and so on) or total;
FIELD packets, bytes, pps or bps, for aborted, tx, redirect and total also delivered or lost; OP one of == != >= <=
> <; NUMBER may end in k, M or G. Every expression has to hold for every source, all at the same time, for --settle
TIME. As counters only grow, more packets or bytes than ==, <= or < allow end the wait at once. packets and bytes
are the totals that --totals names.

Exit status: 0 done or interrupted, 1 the system refused, 2 usage, 3 permission or capability missing,
4 not found (device, namespace, map, pin; with --count: in no round), 5 the map has another layout, 6 --expect was not met in time, or
interrupted.
)";

// Of ip, ethtool, vmstat, top and other readers of counters.
constexpr OptionPointer kHabits[] = {
    {"--interface --iface --ifname --device", "`--dev IFACE` names the interface"},
    {"--watch --follow --loop", "samples go on until interrupted; `--live` is the full-screen view"},
    {"--period --delay --seconds --sleep -s", "`--interval TIME` is the time between samples"},
    {"--iterations --samples --rounds --num -c", "`--count N` stops after N rounds of samples"},
    {"--reset --zero --clear",
     "`--totals session` counts from this command's start; the counters stay as they are"},
    {"--lifetime --since-load --all-time", "`--totals lifetime` counts from the first load"},
    {"--pin-path --pin-dir --path",
     "`--map PATH` reads a pin; `--bpffs DIR` is the root of those of interfaces"},
    {"--pin --file -f", "`--map PATH` reads a pin"},
    {"--id --mapid", "`--map-id N` reads a map by its id"},
    {"--prometheus --metrics --port --serve -p", "`--listen ADDR:PORT` serves metrics for Prometheus"},
    {"--summary --short --compact --oneline", "`--brief` has a line for each device"},
    {"--csv", "`--format csv` prints comma-separated values"},
    {"--assert --check --until", "`--expect EXPR` waits until a condition holds"},
    {"--timeout -t", "`--within TIME` limits how long --expect and --wait wait"},
    {"--stable --quiet-for --hold", "`--settle TIME` is how long the conditions of --expect have to hold"},
    {"--top --tui --full-screen", "`--live` is the full-screen view"},
    {"--cpu --cpus --percpu", "`--per-cpu` adds a row for each CPU"},
    {"--list --status --show status", "`xdp_loader --status` shows what is attached and pinned"},
    {"--action --redirect-to --filename --progname --section --progsec --native-mode --skb-mode "
     "--offload-mode --auto-mode --mode --attach --prio --chain-actions --force --reuse-maps --new-map "
     "-N -S -A -m -F -M",
     "that is an option of xdp_loader: `xdp_loader --dev IFACE` loads with it, then `xdp_stats --dev IFACE` "
     "shows the counts"},
    {"--observe --clean --keep-maps --run --test-run --list-programs --features --track-delivery "
     "--untrack-delivery --dry-run observe clean run features",
     "that is an option of xdp_loader: `xdp_loader --help` says what it does"},
    {"--drop --pass", "`xdp_loader --dev IFACE --action drop` drops, and counts what"},
    {"--unload --detach --remove -U unload detach", "`xdp_loader --dev IFACE --unload` detaches the program"},
};

constexpr CommandWord kCommands[] = {
    {"show list watch monitor stats", ""}, {"all", "--all"}, {"help", "--help"}};

constexpr Program kProgram = {"xdp_stats", TALLY_VERSION, kDescription, kFooter, kOptionRows,
                              {},          kHabits,       kCommands};

Error usage_error(std::string text) {
    return make_error(ErrorKind::kUsage, std::move(text));
}

template <typename Number>
Result<Number> read_positive_number(std::string_view option, const std::string& text) {
    const auto number = parse_number<Number>(text);
    if (number.value_or(0) == 0) {
        return usage_error(fmt::format("{} '{}': expected a positive number", option, text));
    }
    return *number;
}

Result<std::chrono::nanoseconds> read_time(std::string_view option, Result<std::chrono::nanoseconds> time) {
    if (!time) {
        return usage_error(fmt::format("{} {}", option, time.error().message()));
    }
    return time;
}

// Where all are in one namespace, that is the run's.
Result<void> read_named_devices(const Given& given, Options& options) {
    options.netns = given.value("--netns");
    TALLY_ASSIGN_OR_RETURN(auto devices, read_devices(given.values("--dev"), options.netns));
    const bool several = group_by_netns(devices).size() > 1;
    for (auto& device : devices) {
        add_source(
            options.sources,
            {Source::Kind::kDevice, std::move(device.name), 0, {}, several ? device.netns : std::nullopt});
        options.netns = several ? std::nullopt : std::move(device.netns);
    }
    return {};
}

Result<void> read_sources(const Given& given, Options& options) {
    TALLY_TRY(read_named_devices(given, options));
    auto& sources = options.sources;
    for (const auto& pin : given.values("--map")) {
        add_source(sources, {Source::Kind::kPin, pin, 0, {}});
    }
    for (const auto& text : given.values("--map-id")) {
        TALLY_ASSIGN_OR_RETURN(const auto id, read_positive_number<std::uint32_t>("--map-id", text));
        add_source(sources, {Source::Kind::kMapId, {}, id, {}});
    }
    if (given.has("--netns") && !sources.empty() && !given.has("--dev")) {
        return refuse_combination("--netns", given.has("--map") ? "--map alone" : "--map-id alone",
                                  "a map is in no network namespace");
    }
    if (sources.empty() && !given.has("--all")) {
        return usage_error("--dev IFACE, --map PATH, --map-id N or --all is required");
    }
    return {};
}

std::string default_interval(const Given& given) {
    if (given.has("--live")) {
        return "1";
    }
    return given.has("--expect") ? "20ms" : "2";
}

Result<Format> read_format(const Given& given) {
    if (given.has("--brief")) {
        return Format::kBrief;
    }
    const auto name = given.has("--json") ? "json" : given.value_or_default("--format");
    if (name == "json" || name == "table") {
        return name == "json" ? Format::kJson : Format::kTable;
    }
    const std::string with = fmt::format("--format {}", name);
    if (given.has("--expect")) {
        return refuse_combination("--expect", with, "what is judged is written as text or JSON");
    }
    if (name == "csv") {
        return Format::kCsv;
    }
    if (given.has("--since-start")) {
        return refuse_combination("--since-start", with, kCountersOfMetrics);
    }
    if (given.has("--per-cpu") || given.has("--per-program")) {
        return refuse_combination(given.has("--per-cpu") ? "--per-cpu" : "--per-program", with,
                                  "metrics have no such labels");
    }
    return Format::kPrometheus;
}

// What cannot be told is refused, and so is a choice that changes nothing.
Result<Totals> read_totals(const Given& given, Format format) {
    const auto name = given.value("--totals");
    if (!name) {
        return given.has("--since-start") ? Totals::kSession : Totals::kMap;
    }
    if (format == Format::kJson && !given.has("--expect")) {
        return refuse_combination("--totals", given.has("--json") ? "--json" : "--format json",
                                  "all totals are in it");
    }
    if (format == Format::kPrometheus) {
        return refuse_combination("--totals", "--format prometheus", kCountersOfMetrics);
    }
    const std::string totals = "--totals " + *name;
    if (*name == totals_name(Totals::kSession)) {
        return given.has("--once") ? Result<Totals>(refuse_combination(
                                         totals, "--once", "one reading has nothing to count from"))
                                   : Totals::kSession;
    }
    if (*name == totals_name(Totals::kMap)) {
        return Totals::kMap;
    }
    if (given.has("--per-cpu") || given.has("--per-program")) {
        return refuse_combination(totals, given.has("--per-cpu") ? "--per-cpu" : "--per-program",
                                  "of earlier maps only the sums are kept");
    }
    if (given.has("--map-id") && !given.has("--dev") && !given.has("--map")) {
        return refuse_combination(totals, "--map-id alone",
                                  "lifetime totals are in the meta, which an id does not lead to");
    }
    return Totals::kLifetime;
}

// A wait for what does not exist yet has no limit unless one is given.
Result<void> read_limits(const Given& given, Options& options) {
    options.within_text = given.value_or_default("--within");
    options.settle_text = given.value_or_default("--settle");
    TALLY_ASSIGN_OR_RETURN(const auto within, read_time("--within", parse_duration(options.within_text)));
    TALLY_ASSIGN_OR_RETURN(options.settle, read_time("--settle", parse_duration(options.settle_text)));
    if (options.settle > within) {
        return usage_error(fmt::format("--settle '{}' is longer than --within '{}', after which the run ends",
                                       options.settle_text, options.within_text));
    }
    if (given.has("--within") || given.has("--expect")) {
        options.within = within;
    }
    return {};
}

Result<Options> read_options(const Given& given) {
    Options options;
    for (const auto& text : given.values("--expect")) {
        TALLY_ASSIGN_OR_RETURN(auto expectation, parse_expectation(text));
        options.expectations.push_back(std::move(expectation));
    }
    if (const auto text = given.value("--listen")) {
        auto address = parse_listen_address(*text);
        if (!address) {
            return usage_error("--listen " + address.error().message()).with_hint(address.error().hint);
        }
        options.listen = std::move(*address);
    }
    TALLY_TRY(read_sources(given, options));
    if (const auto text = given.value("--count")) {
        TALLY_ASSIGN_OR_RETURN(options.count, read_positive_number<std::uint64_t>("--count", *text));
    }
    TALLY_ASSIGN_OR_RETURN(
        options.interval,
        read_time("--interval", parse_interval(given.value("--interval").value_or(default_interval(given)))));
    TALLY_TRY(read_limits(given, options));
    TALLY_ASSIGN_OR_RETURN(options.format, read_format(given));
    options.all = given.has("--all");
    options.once = given.has("--once");
    options.live = given.has("--live");
    options.user = given.value("--user");
    options.output = given.value("--output") == "-" ? std::nullopt : given.value("--output");
    options.per_cpu = given.has("--per-cpu");
    options.per_program = given.has("--per-program");
    TALLY_ASSIGN_OR_RETURN(options.totals, read_totals(given, options.format));
    for (Expectation& expectation : options.expectations) {
        expectation.totals = options.totals;
    }
    options.cost = given.has("--cost");
    options.wait = given.has("--wait");
    options.quiet = given.has("--quiet");
    options.verbose = given.has("--verbose");
    options.bpffs = given.value_or_default("--bpffs");
    return options;
}

}  // namespace

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv) {
    return read_command_line<Given>(kProgram, argc, argv, read_options);
}

}  // namespace tally::stats
