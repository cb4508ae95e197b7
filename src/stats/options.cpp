// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/options.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "common/base/command_line.h"
#include "common/base/error.h"
#include "stats/cli/duration.h"

namespace tally::stats {
namespace {

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

When the loader replaces the map or the program, the totals of the run go on; packets that the old map
counted are not lost. `packets` and `bytes` are what the map holds now, `session_packets` and `session_bytes`
what was counted since this command started, whatever maps took their turn.

State: attached   the program on the device counts into this map
       detached   nothing does any more
       stale      the program on the device counts into another map
       foreign    the map has no metadata record beside it to tell
       unknown    it has one, but the device it names, or what its dispatcher runs, cannot be seen from here

CSV columns, after one header line; a line per action and one with action `total`:
  time,dev,netns,map_id,generation,state,period,action,packets,bytes,pps,bps,session_packets,session_bytes
  --per-cpu adds the column `cpu` after `action`: `all`, or a CPU that counted anything (without session
  columns). --per-program adds the column `program` there: `all`, or ID:NAME of one program. Rates are empty where there is nothing to compare with yet: --once, or right after a replacement.

EXPR: ACTION.FIELD OP NUMBER. ACTION is aborted, drop, pass, tx, redirect (also XDP_DROP and so on) or total;
FIELD packets, bytes, pps or bps; OP one of == != >= <= > <; NUMBER may end in k, M or G. Every expression has to
hold for every source, all at the same time. With --since-start they are about what was counted since then.

Exit status: 0 done or interrupted, 1 the system refused, 2 usage, 3 permission or capability missing,
4 not found (device, namespace, map, pin), 5 the map has another layout, 6 --expect was not met in time, or
interrupted.
)";

// What the command line says before it is made sense of.
struct RawOptions {
    std::vector<std::string> devices, pins;
    std::vector<std::string> map_ids;
    std::vector<std::string> expectations;
    std::optional<std::string> within;
    std::optional<std::string> interval;
    std::optional<std::string> listen;
    std::optional<std::string> count;
    std::string format = "table";
    bool json = false;
};

void exclude(CLI::App& app, const std::string& name, std::initializer_list<const char*> others) {
    for (const char* other : others) {
        app.get_option(name)->excludes(app.get_option(other));
    }
}

void add_options(CLI::App& app, Options& options, RawOptions& raw) {
    const auto repeatable = [](CLI::Option* option) { option->take_all()->allow_extra_args(false); };
    repeatable(app.add_option("-d,--dev", raw.devices, "Interface; may be repeated")
                   ->type_name("IFACE")
                   ->group("What to read"));
    app.add_flag("-a,--all", options.all, "Every counter map below the root of bpffs, as they come and go")
        ->group("What to read");
    app.add_option("--netns", options.netns, "The interfaces are in this network namespace")
        ->type_name("NAME|PATH")
        ->group("What to read");
    repeatable(app.add_option("--map", raw.pins, "Any pinned map of this kind; may be repeated")
                   ->type_name("PATH")
                   ->group("What to read"));
    repeatable(app.add_option("--map-id", raw.map_ids, "A map by its id (needs CAP_SYS_ADMIN)")
                   ->type_name("N")
                   ->group("What to read"));
    app.add_flag("--wait", options.wait, "Wait for a device or namespace that does not exist yet")
        ->group("What to read");
    app.add_option("--bpffs", options.bpffs, "Root of the BPF file system")
        ->type_name("DIR")
        ->capture_default_str()
        ->group("What to read");

    app.add_option(
           "-i,--interval", raw.interval,
           "Time between samples, like 0.5, 500ms, 1m (default: 2, with --live 1, with --expect 20ms)")
        ->type_name("TIME")
        ->group("When");
    auto* count =
        app.add_option("-n,--count", raw.count, "Stop after N samples")->type_name("N")->group("When");
    auto* once = app.add_flag("-1,--once", options.once, "One reading of the totals, at once")->group("When");

    repeatable(app.add_option("--expect", raw.expectations,
                              "Wait until this holds, like 'drop.packets == 100'; may be repeated")
                   ->type_name("EXPR")
                   ->excludes(count)
                   ->excludes(once)
                   ->group("Assertions"));
    app.add_option("--within", raw.within, "For --expect: give up after this time (default: 5)")
        ->type_name("TIME")
        ->needs(app.get_option("--expect"))
        ->group("Assertions");

    auto* format = app.add_option("--format", raw.format, "How to write samples")
                       ->check(CLI::IsMember({"table", "json", "csv", "prometheus"}).description(""))
                       ->type_name("table|json|csv|prometheus")
                       ->capture_default_str()
                       ->group("Output");
    app.add_flag("--json", raw.json, "The same as --format json: one object per line")
        ->excludes(format)
        ->group("Output");
    app.add_flag("--per-cpu", options.per_cpu, "Also a row per possible CPU that counted anything")
        ->group("Output");
    app.add_flag("--per-program", options.per_program, "Also what each program of an observed dispatcher did")
        ->group("Output");
    app.add_flag("--since-start", options.since_start, "Totals count from this command's start")
        ->group("Output");
    auto* quiet =
        app.add_flag("-q,--quiet", options.quiet, "No remarks on stderr, only errors")->group("Output");
    app.add_flag("-v,--verbose", options.verbose, "Also how maps are read, and libbpf's words")
        ->excludes(quiet)
        ->group("Output");
    app.add_option("--output", options.output,
                   "Write each round of samples there, replacing the file by rename")
        ->type_name("FILE")
        ->group("Output");

    app.add_flag("--live", options.live, "Full-screen view of the terminal; ? there lists the keys")
        ->group("Other ways to show");
    app.add_option("--listen", raw.listen, "Serve Prometheus metrics there (ADDR defaults to 127.0.0.1)")
        ->type_name("ADDR:PORT")
        ->group("Other ways to show");
    app.add_option("--user", options.user, "With --listen: go on as this user once everything is open")
        ->type_name("NAME")
        ->needs(app.get_option("--listen"))
        ->group("Other ways to show");
    exclude(app, "--once", {"--count", "--since-start", "--wait"});
    exclude(app, "--per-program", {"--per-cpu", "--map", "--map-id", "--expect"});
    exclude(app, "--all", {"--dev", "--map", "--map-id", "--netns", "--wait", "--per-program", "--expect"});
    exclude(app, "--output", {"--expect", "--live", "--listen"});
    exclude(app, "--live",
            {"--once", "--count", "--format", "--json", "--per-cpu", "--per-program", "--expect", "--listen",
             "--verbose"});
    exclude(app, "--listen",
            {"--once", "--count", "--interval", "--format", "--json", "--per-cpu", "--per-program",
             "--expect", "--since-start"});
}

template <typename Number>
std::optional<Number> positive_number(std::string_view text) {
    Number number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc() || end != text.data() + text.size() || number == 0) {
        return std::nullopt;
    }
    return number;
}

const char* default_interval(const Options& options, const RawOptions& raw) {
    if (options.live) {
        return "1";
    }
    return raw.expectations.empty() ? "2" : "20ms";
}

// What CLI11's own checks cannot say; empty where all is well.
std::string validate(const RawOptions& raw, Options& options) {
    for (const auto& device : raw.devices) {
        add_source(options.sources, {Source::Kind::kDevice, device, 0, {}});
    }
    for (const auto& pin : raw.pins) {
        add_source(options.sources, {Source::Kind::kPin, pin, 0, {}});
    }
    for (const auto& text : raw.map_ids) {
        const auto id = positive_number<std::uint32_t>(text);
        if (!id) {
            return fmt::format("--map-id '{}': a map's id is a positive number", text);
        }
        add_source(options.sources, {Source::Kind::kMapId, {}, *id, {}});
    }
    if (options.sources.empty() && !options.all) {
        return "whose counters? --dev IFACE names a device, --map PATH a pinned map, --all means every one";
    }
    if (raw.count) {
        options.count = positive_number<std::uint64_t>(*raw.count);
        if (!options.count) {
            return fmt::format("--count '{}': how often is a positive number", *raw.count);
        }
    }
    const auto interval = parse_interval(raw.interval.value_or(default_interval(options, raw)));
    if (!interval) {
        return "--interval " + interval.error().message();
    }
    options.interval = *interval;
    options.within_text = raw.within.value_or("5");
    const auto within = parse_duration(options.within_text);
    if (!within) {
        return "--within " + within.error().message();
    }
    options.within = *within;
    const bool detailed = options.since_start || options.per_cpu || options.per_program;
    if (raw.format == "prometheus" && detailed) {
        return "--format prometheus: its counters have no start, no CPUs and no programs: without "
               "--since-start, --per-cpu and --per-program";
    }
    if ((raw.format == "csv" || raw.format == "prometheus") && !raw.expectations.empty()) {
        return "--expect: what it found is told in lines or, with --json, as JSON";
    }
    if (raw.json || raw.format == "json") {
        options.format = Format::kJson;
    } else if (raw.format == "csv") {
        options.format = Format::kCsv;
    } else if (raw.format == "prometheus") {
        options.format = Format::kPrometheus;
    }
    return {};
}

}  // namespace

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv) {
    const bool json = wants_json(argc, argv);
    const auto usage = [json](const std::string& text, const std::string& hint = {}) {
        return usage_exit("xdp_stats", make_error(ErrorKind::kUsage, text).with_hint(hint), json);
    };
    if (const auto problem = find_empty_value(argc, argv); !problem.empty()) {
        return usage(problem);
    }
    Options options;
    options.bpffs = "/sys/fs/bpf";
    RawOptions raw;
    CLI::App app(kDescription, "xdp_stats");
    app.footer(kFooter);
    app.set_version_flag("--version", "xdp_stats " TALLY_VERSION);
    app.formatter(std::make_shared<HelpFormatter>());
    add_options(app, options, raw);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        std::ostringstream text;
        app.exit(success, text, text);
        return EarlyExit{0, text.str()};
    } catch (const CLI::ParseError& error) {
        return usage(error.what(), hint_of_extras(app));
    }
    for (const auto& text : raw.expectations) {
        auto expectation = parse_expectation(text);
        if (!expectation) {
            return usage_exit("xdp_stats", std::move(expectation).error(), json);
        }
        options.expectations.push_back(std::move(*expectation));
    }
    if (raw.listen) {
        auto address = parse_listen_address(*raw.listen);
        if (!address) {
            return usage("--listen " + address.error().message(), address.error().hint);
        }
        options.listen = std::move(*address);
    }
    if (const auto problem = validate(raw, options); !problem.empty()) {
        return usage(problem);
    }
    return options;
}

}  // namespace tally::stats
