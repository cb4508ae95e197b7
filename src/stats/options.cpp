// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/options.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/command_line.h"
#include "common/base/error.h"
#include "common/base/result.h"
#include "common/pins/device_option.h"
#include "stats/cli/duration.h"
#include "stats/option_table.h"

namespace tally::stats {
namespace {

using Given = ParsedOptions<kOptionRows>;

constexpr const char* kDescription =
    "Shows packets and bytes per XDP verdict, and their rates, from the counters pinned in bpffs.\n"
    "Needs no privilege, only permission to reach the pin.";

constexpr const char* kFooter = R"(Examples:
  xdp_stats --dev veth0                        a table every two seconds, until Ctrl-C
  xdp_stats --dev veth0 --dev eth0.100 -i 500ms
  xdp_stats --dev veth0 --once --json          one reading of the totals, at once
  xdp_stats --dev veth0 --wait --since-start   start it first, then load and send
  xdp_stats --dev veth0 --format csv -n 60 -i 1 > minute.csv
  xdp_stats --map /sys/fs/bpf/xdp-filter/xdp_stats_map --per-cpu
  xdp_stats --dev veth0 --per-program          after `xdp_loader --dev veth0 --observe`
  xdp_stats --all --listen 127.0.0.1:9417      metrics of every device for Prometheus
  xdp_stats --all --once --format prometheus --output /var/lib/prometheus/node-exporter/xdp.prom
  xdp_stats --dev veth0 --expect 'drop.packets == 100' --expect 'pass.packets == 0' --within 2s

When the loader replaces the map or the program, the session totals go on, and packets that the old map counted
are not lost. `packets` and `bytes` are what the map holds now, `session_packets` and `session_bytes` what was
counted since this command started, in all maps.

State: attached   the program on the device counts into this map
       detached   no program counts into this map any more
       stale      the program on the device counts into another map
       foreign    the map has no metadata beside it that says whose it is
       unknown    it has metadata, but the device, or what its dispatcher runs, cannot be seen from here

CSV columns, after one header line; a line per action and one with action `total`:
  time,dev,netns,map_id,generation,state,period,action,packets,bytes,pps,bps,session_packets,session_bytes
  --per-cpu adds the column `cpu` after `action`: `all`, or a CPU that counted anything (without session
  columns). --per-program adds the column `program` there: `all`, or ID:NAME of one program. Rates are empty
  with --once and right after a replacement.

EXPR: ACTION.FIELD OP NUMBER. ACTION is aborted, drop, pass, tx, redirect (also XDP_DROP and so on) or total;
FIELD packets, bytes, pps or bps; OP one of == != >= <= > <; NUMBER may end in k, M or G. Every expression has to
hold for every source, all at the same time. With --since-start, packets and bytes count from this command's start.

Exit status: 0 done or interrupted, 1 the system refused, 2 usage, 3 permission or capability missing,
4 not found (device, namespace, map, pin), 5 the map has another layout, 6 --expect was not met in time, or
interrupted.
)";

// Of ip, ethtool, vmstat, top and other readers of counters.
constexpr OptionPointer kHabits[] = {
    {"--interface --iface --ifname --device", "`--dev IFACE` names the interface"},
    {"--watch --follow --loop", "samples go on until interrupted; `--live` is the full-screen view"},
    {"--period --delay --seconds --sleep -s", "`--interval TIME` is the time between samples"},
    {"--iterations --samples --rounds --num -c", "`--count N` stops after N samples"},
    {"--reset --zero --clear",
     "`--since-start` counts from this command's start; the counters stay as they are"},
    {"--pin-path --pin-dir --path",
     "`--map PATH` reads a pin; `--bpffs DIR` is the root of those of interfaces"},
    {"--pin --filename --file -f", "`--map PATH` reads a pin"},
    {"--id --mapid", "`--map-id N` reads a map by its id"},
    {"--prometheus --metrics --port --serve -p", "`--listen ADDR:PORT` serves metrics for Prometheus"},
    {"--csv", "`--format csv` prints comma-separated values"},
    {"--assert --check --until", "`--expect EXPR` waits until a condition holds"},
    {"--timeout -t", "`--within TIME` limits how long --expect waits"},
    {"--top --tui --full-screen", "`--live` is the full-screen view"},
    {"--cpu --cpus --percpu", "`--per-cpu` adds a row for each CPU"},
    {"--list --status --show", "`xdp_loader --status` shows what is attached and pinned"},
    {"--unload --detach --remove", "`xdp_loader --dev IFACE --unload` detaches the program"},
};

constexpr CommandWord kCommands[] = {{"show list watch monitor stats", ""}, {"help", "--help"}};

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
        return refuse_combination("--since-start", with, "its counters have no start");
    }
    if (given.has("--per-cpu") || given.has("--per-program")) {
        return refuse_combination(given.has("--per-cpu") ? "--per-cpu" : "--per-program", with,
                                  "metrics have no such labels");
    }
    return Format::kPrometheus;
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
    options.within_text = given.value_or_default("--within");
    TALLY_ASSIGN_OR_RETURN(options.within, read_time("--within", parse_duration(options.within_text)));
    TALLY_ASSIGN_OR_RETURN(options.format, read_format(given));
    options.all = given.has("--all");
    options.once = given.has("--once");
    options.live = given.has("--live");
    options.user = given.value("--user");
    options.output = given.value("--output");
    options.per_cpu = given.has("--per-cpu");
    options.per_program = given.has("--per-program");
    options.cost = given.has("--cost");
    options.since_start = given.has("--since-start");
    options.wait = given.has("--wait");
    options.quiet = given.has("--quiet");
    options.verbose = given.has("--verbose");
    options.bpffs = given.value_or_default("--bpffs");
    return options;
}

}  // namespace

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv) {
    auto words = parse_words(kProgram, argc, argv);
    if (auto* exit = std::get_if<EarlyExit>(&words)) {
        return std::move(*exit);
    }
    auto options = read_options(Given(std::get<ParsedWords>(std::move(words))));
    if (!options) {
        return usage_exit(kProgram.name, std::move(options).error(), wants_json(argc, argv));
    }
    return std::move(*options);
}

}  // namespace tally::stats
