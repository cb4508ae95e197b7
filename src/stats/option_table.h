// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The options of xdp_stats. A new one is a row here and a line in options.cpp.
#pragma once

#include "common/options/option_table.h"

namespace tally::stats {

inline constexpr OptionRow kOptionRows[] = {
    {.short_name = "-h", .name = "--help", .help = "List the options and exit"},
    {.short_name = "-V", .name = "--version", .help = "Print the version and exit"},

    {
        .group = "What to read",
        .short_name = "-d",
        .name = "--dev",
        .argument = "[NETNS/]IFACE",
        .repeatable = true,
        .completion = Completion::kPinnedInterface,
        .excludes = {{"--all", "it reads every map there is"}},
        .help = "Interface; may be repeated",
        .manual =
            R"(
The counters pinned for this interface, by its name or an alternative name; _NETNS/IFACE_ is the one in that network
namespace, as with *--netns* _NETNS_. May be repeated.)",
    },
    {
        .group = "What to read",
        .short_name = "-a",
        .name = "--all",
        .help = "Every counter map below the root of bpffs, as they come and go",
        .manual = R"(
Every counter map that is pinned below the root of the BPF file system: those of this network namespace, those of other
ones (*netns:*_NAME_ directories), and those that belong to no interface, by their path. Maps that appear are read from
then on, and the session totals have all that they hold; maps that disappear are waited for, and forgotten after a
minute. They are listed in natural order, *eth2* before *eth10*, those of the initial network namespace first. A map that cannot be read is named on standard error and left out. Without CAP_SYS_ADMIN the state of
interfaces in other network namespaces is *unknown*.)",
    },
    {
        .group = "What to read",
        .name = "--netns",
        .argument = "NAME|PATH",
        .completion = Completion::kNetns,
        .excludes = {{"--all", "it reads the maps of every network namespace"}},
        .help = "The interfaces are in this network namespace",
        .manual = R"(
The interfaces are in this network namespace: a _NAME_ below /run/netns, as *ip-netns*(8) makes it, or the _PATH_ of a
namespace file, such as /proc/_PID_/ns/net. Without it, they are in the namespace of this process. Without
CAP_SYS_ADMIN the counters are read all the same, and their state is *unknown*. *xdp_loader*(8) says more under
*NETWORK NAMESPACES*.)",
    },
    {
        .group = "What to read",
        .name = "--map",
        .argument = "PATH",
        .repeatable = true,
        .completion = Completion::kFile,
        .excludes = {{"--all", "it reads every map there is"}},
        .help = "Any pinned map of this kind; may be repeated",
        .manual = R"(
The map pinned at _PATH_: a per-CPU array, or an array, with 4-byte keys and 5 or 6 entries of two 64-bit numbers,
packets and bytes. That is the map of the xdp-project tutorial and of libxdp's <xdp/xdp_stats_kern.h>, as
*xdp-filter*(8) has it. A sixth entry is added to XDP_ABORTED. May be repeated.)",
    },
    {
        .group = "What to read",
        .name = "--map-id",
        .argument = "N",
        .repeatable = true,
        .excludes = {{"--all", "it reads every map there is"}},
        .help = "A map by its id (needs CAP_SYS_ADMIN); may be repeated",
        .manual = "The map with this id; takes CAP_SYS_ADMIN. It is never replaced. May be repeated.",
    },
    {
        .group = "What to read",
        .name = "--wait",
        .excludes = {{"--all", "it takes maps as they come"}, {"--once", "one reading never waits"}},
        .help = "Wait for a device or namespace that does not exist yet, at most --within TIME",
        .manual = R"(
Wait for an interface, or a network namespace, that does not exist yet; without it that is an error. With *--within*
the wait, also that for a pin, has an end: the status is 4 if anything is still missing then, that of *--once* if a pin
cannot be read (with *--expect* 6). An
interface that is gone and has pins is not waited for: its last counts are shown.)",
    },
    {
        .group = "What to read",
        .name = "--bpffs",
        .argument = "DIR",
        .value = "/sys/fs/bpf",
        .completion = Completion::kDirectory,
        .help = "Root of the BPF file system",
        .manual = "The root of the BPF file system; the default is /sys/fs/bpf.",
    },

    {
        .group = "When",
        .short_name = "-i",
        .name = "--interval",
        .argument = "TIME",
        .help = "Time between samples, like 0.5, 500ms, 1m (default: 2, with --live 1, with --expect 20ms)",
        .manual = R"(
Time between samples: a decimal number and a unit (*ns*, *us*, *ms*, *s*, *m*, *h*), seconds without one. The default
is 2 seconds (with *--live* 1 second, with *--expect* 20 ms), the smallest is 1 ms.)",
    },
    {
        .group = "When",
        .short_name = "-n",
        .name = "--count",
        .argument = "N",
        .help = "Stop after N rounds of samples, also where pins are missing in some",
        .manual = R"(
Stop after _N_ rounds of samples, also where pins are missing in some of them. If there was nothing to read in any, the
status is that of *--once*, 4 where nothing is pinned (but not with *--all*). With *--wait*, rounds count from the first in which there was something.)",
    },
    {
        .group = "When",
        .short_name = "-1",
        .name = "--once",
        .excludes = {{"--count --interval", "there is one reading"},
                     {"--since-start", "one reading has nothing to count from"}},
        .help = "One reading of the totals, at once",
        .manual = R"(
One reading of the totals, at once, without rates. Never waits: an interface, a network namespace or a pin that is
missing is an error.)",
    },

    {
        .group = "Assertions",
        .name = "--expect",
        .argument = "EXPR",
        .repeatable = true,
        .completion = Completion::kExpression,
        .excludes = {{"--all", "a condition is about maps that are known by name"},
                     {"--count --once", "it reads until the condition holds"},
                     {"--per-cpu", "a condition is about all CPUs together"}},
        .help = "Wait until this holds, like 'drop.packets == 100'; may be repeated",
        .manual = R"(
Wait until _EXPR_ holds, then exit with status 0; with status 6 if it does not in time. May be repeated: every
expression has to hold for every source, all of them at the same time. See *EXPECTATIONS*.)",
    },
    {
        .group = "Assertions",
        .name = "--within",
        .argument = "TIME",
        .value = "5",
        .needs = "--expect --wait",
        .excludes = {{"--listen", "metrics are served until interrupted"}},
        .help = "Give up after this time (without --expect: if what --wait waits for is missing)",
        .manual = R"(
Give up after this time. With *--expect* the default is 5 seconds; with *--wait* alone, it is how long devices,
network namespaces and pins are waited for, and there is no limit by default.)",
    },
    {
        .group = "Assertions",
        .name = "--settle",
        .argument = "TIME",
        .value = "0",
        .needs = "--expect",
        .help = "With --expect: what is expected has to hold for this long, so that nothing more comes",
        .manual = R"(
With *--expect*: all expressions have to hold for this long, in every reading. So that "and nothing more comes" is
part of the test. It cannot be longer than *--within*, which is the time for all.)",
    },

    {
        .group = "Output",
        .name = "--format",
        .argument = "table|json|csv|prometheus",
        .value = "table",
        .completion = Completion::kWords,
        .help = "How to write samples",
        .manual = R"(
How to write samples; the default is *table*. On a terminal the table groups digits and scales rates; elsewhere it is
plain numbers in columns.)",
    },
    {
        .group = "Output",
        .name = "--json",
        .excludes = {{"--format", "both say how to write samples"}},
        .help = "The same as --format json: one object per line",
        .manual = "The same as *--format json*: one object per line; see *JSON*.",
    },
    {
        .group = "Output",
        .short_name = "-b",
        .name = "--brief",
        .excludes = {{"--format --json", "both say how to write samples"},
                     {"--per-cpu --per-program", "each source has one line"},
                     {"--live --listen", "each is a way to show of its own"},
                     {"--expect", "no samples are written"}},
        .help = "One line per device: packets of each verdict, packets/s, bits/s, state",
        .manual = R"(
One line for each interface or map: the packets of each verdict (totals, as in the table), those that were lost after it (see *DELIVERY*), packets/s and bits/s of all
verdicts together, and the *STATE*. Each round of samples begins with the titles of the columns. "-" is a number that is
not known: a rate before the second reading, or anything of a map that is not pinned, whose state is then *waiting*. The
lines are in the order of the command line; with *--all*, eth2 comes before eth10, and the initial network namespace
first. What *--all* on many interfaces wants.)",
    },
    {
        .group = "Output",
        .name = "--output",
        .argument = "FILE",
        .completion = Completion::kFile,
        .excludes = {{"--expect --live --listen", "no samples are written"}},
        .help = "Write each round of samples there, replacing the file by rename",
        .manual = R"(
Write each round of samples to _FILE_ instead of standard output, replacing it by *rename*(2): whoever opens it finds
one whole round, an empty file where there was nothing to read. The new file has the mode of the old one and, as far as
this user may give it away, the owner. A symbolic link stays, and its target is replaced; what is neither a file nor a
link to one is refused. *-* is standard output.)",
    },
    {
        .group = "Output",
        .name = "--per-cpu",
        .help = "Also a row per possible CPU that counted anything",
    },
    {
        .group = "Output",
        .name = "--per-program",
        .excludes = {{"--per-cpu", "the counts of a program are not shown by CPU"},
                     {"--map --map-id --all", "a map alone does not tell the programs of an interface"},
                     {"--expect", "a condition is about the final verdict"}},
        .help = "Also what each program of an observed dispatcher did",
        .manual = R"(
Also what each program of an observed dispatcher did (*xdp_loader --observe*), in the order they run, before the final
verdict. Without a dispatcher, the one program there is.)",
    },
    {
        .group = "Output",
        .name = "--totals",
        .argument = "map|lifetime|session",
        .value = "map",
        .completion = Completion::kWords,
        .excludes = {{"--since-start", "both say what totals count from"},
                     {"--listen", "its counters go on from the first load"}},
        .help = "What totals count from: the map, the first load, this command's start",
        .manual = R"(
What the totals of tables, CSV, *--expect* and *--live* count from: the creation of the *map* that is pinned now, which is
the default; the first load, whatever maps have taken their turn since (*lifetime*); or the start of this command
(*session*). JSON has all three. See *TOTALS*.)",
    },
    {
        .group = "Output",
        .name = "--cost",
        .excludes = {{"--once", "a cost takes two readings"},
                     {"--brief", "a line has no room for it"},
                     {"--expect", "a condition is about packets and bytes"}},
        .help = "Also what a run of the program takes, and its share of a CPU",
        .manual = R"(
Also how many nanoseconds a run of the interface's program takes, and which share of one CPU, by the kernel's run-time
statistics, which are on while *xdp_stats* runs. Takes CAP_SYS_ADMIN. See *COST*.)",
    },
    {
        .group = "Output",
        .name = "--since-start",
        .help = "The same as --totals session; in JSON, `packets` and `bytes` as well",
        .manual = R"(
The same as *--totals session*. It goes with JSON, too, where *packets* and *bytes* are then the same as
*session_packets* and *session_bytes*.)",
    },
    {
        .group = "Output",
        .short_name = "-q",
        .name = "--quiet",
        .help = "No notices on stderr, only errors",
        .manual = "No notices on standard error, only errors.",
    },
    {
        .group = "Output",
        .short_name = "-v",
        .name = "--verbose",
        .excludes = {{"--quiet", "one asks for more, the other for less"}},
        .help = "Also how maps are read, and libbpf's messages",
    },

    {
        .group = "Other ways to show",
        .name = "--live",
        .excludes = {{"--once --count", "a screen is shown until it is left"},
                     {"--format --json --per-cpu --per-program",
                      "the screen has its own form, with keys for details"},
                     {"--expect --listen", "each is a way to show of its own"},
                     {"--verbose", "messages would spoil the screen"}},
        .help = "Full-screen view of the terminal; ? there lists the keys",
        .manual = R"(
A full-screen view of the terminal, once a second unless *--interval* says otherwise; see *LIVE*. Takes *--dev*,
*--map*, *--map-id* or *--all*, and *--totals*.)",
    },
    {
        .group = "Other ways to show",
        .name = "--listen",
        .argument = "ADDR:PORT",
        .excludes = {{"--once --count --interval", "maps are read whenever somebody asks"},
                     {"--format --json --per-cpu --per-program", "metrics have a form of their own"},
                     {"--expect", "each is a way to show of its own"},
                     {"--since-start", "its counters go on where earlier ones stopped"}},
        .help = "Serve Prometheus metrics there (ADDR defaults to 127.0.0.1; * means all)",
        .manual = R"(
Serve the metrics of *PROMETHEUS* at http://_ADDR:PORT_/metrics until interrupted; the address is printed once it is
open. The port alone means 127.0.0.1, as *localhost* does; *\** means all addresses of the machine, and whoever reaches
them can read the counters, without authentication. Port 0 is any that is free. Maps are read when somebody asks, and
followed in between. Once everything is open, all capabilities are dropped (but for CAP_BPF on kernels before 5.19,
without which nobody reads a map there, and CAP_SYS_ADMIN with *--cost*). Without them the state of interfaces in network namespaces that appear later,
and of components of a dispatcher, is *unknown*.)",
    },
    {
        .group = "Other ways to show",
        .name = "--user",
        .argument = "NAME",
        .completion = Completion::kUser,
        .needs = "--listen",
        .help = "With --listen: continue as this user once everything is open",
        .manual = R"(
With *--listen*: continue as this user once everything is open, without supplementary groups. The pins have to be
within its reach: see *NOTES*.)",
    },
};

static_assert(names_are_known(kOptionRows));

}  // namespace tally::stats
