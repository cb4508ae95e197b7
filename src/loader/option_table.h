// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The options of xdp_loader. A new one is a row here and a line in options.cpp.
#pragma once

#include "common/options/option_table.h"

namespace tally::loader {

// The options that say what is to be done, where it is not a load.
inline constexpr std::string_view kVerbOptions =
    "--observe --unload --status --clean --run --test-run --list-programs --features --track-delivery "
    "--untrack-delivery";
// Those that attach no program.
inline constexpr std::string_view kVerbsWithoutAttaching =
    "--observe --unload --status --clean --test-run --list-programs --features --track-delivery "
    "--untrack-delivery";
// The tutorial's scripts unload with the mode that they loaded with.
inline constexpr std::string_view kVerbsWithoutMode =
    "--observe --status --clean --test-run --list-programs --features --track-delivery --untrack-delivery";
inline constexpr std::string_view kModeOptions = "--native-mode --skb-mode --offload-mode --auto-mode --mode";

inline constexpr Exclusion kOneVerb = {kVerbOptions, "each is a command of its own"};
inline constexpr Exclusion kOneMode = {kModeOptions, "a program is attached in one mode"};
inline constexpr Exclusion kNoMode = {kVerbsWithoutMode, "nothing is put on the hook"};
inline constexpr Exclusion kNothingAttached = {kVerbsWithoutAttaching, "nothing is put on the hook"};
inline constexpr Exclusion kNoInterface = {"--test-run --list-programs", "no interface is involved"};
inline constexpr Exclusion kWholeMachine = {"--track-delivery --untrack-delivery",
                                            "that is for every interface of the machine"};
inline constexpr Exclusion kNoProgramLoaded = {
    "--observe --unload --status --clean --features --track-delivery --untrack-delivery",
    "no program is chosen for that"};
inline constexpr Exclusion kNoDispatcherInCard = {"--offload-mode", "a network card has no dispatcher"};

inline constexpr OptionRow kOptionRows[] = {
    {.short_name = "-h", .name = "--help", .help = "List the options and exit"},
    {.short_name = "-V", .name = "--version", .help = "Print the version and exit"},
    {
        .short_name = "-d",
        .name = "--dev",
        .argument = "[NETNS/]IFACE",
        .repeatable = true,
        .completion = Completion::kInterface,
        .excludes = {kNoInterface, kWholeMachine},
        .help = "Interface; may be repeated",
        .manual = R"(
The interface, by its name or an alternative name; _NETNS/IFACE_, as both programs print it, is the one in that
network namespace, as with *--netns* _NETNS_. May be repeated: each interface succeeds or fails on its own, all
are reported, and the exit status is that of the first that failed. An interface that is named twice is handled once.
Required, except for *--status* and *--clean*, which then mean every interface with an XDP program or with pins;
from the network namespace of process 1 also those with pins in other namespaces; and for *--features*, which then means
every interface of the network namespace. *--test-run* and *--list-programs* take no interface.)",
    },
    {
        .name = "--netns",
        .argument = "NAME|PATH",
        .completion = Completion::kNetns,
        .excludes = {kNoInterface, kWholeMachine},
        .help = "The interfaces are in this network namespace",
        .manual = R"(
The interfaces are in this network namespace: a _NAME_ below /run/netns, as *ip-netns*(8) makes it, or the _PATH_ of
a namespace file, such as /proc/_PID_/ns/net. Without it, they are in the namespace of this process. Takes
CAP_SYS_ADMIN, except to look at pins. See *NETWORK NAMESPACES*.)",
    },
    {
        .name = "--bpffs",
        .argument = "DIR",
        .value = "/sys/fs/bpf",
        .completion = Completion::kDirectory,
        .excludes = {{"--test-run --list-programs --features", "nothing is pinned"}},
        .help = "Root of the BPF file system",
        .manual = R"(
The root of the BPF file system; the default is /sys/fs/bpf. If nothing is mounted on /sys/fs/bpf, a load mounts a BPF
file system there and says so; any other _DIR_ must be one already.)",
    },

    {
        .group = "Program",
        .name = "--action",
        .argument = "pass|drop|aborted|tx|redirect",
        .value = "pass",
        .completion = Completion::kVerdict,
        .excludes = {kNoProgramLoaded,
                     {"--filename --list-programs", "it is the verdict of the built-in program"}},
        .help = "Verdict of the built-in program",
        .manual = R"(
The verdict of the built-in program, in any case, and with or without *XDP_*; the default is *pass*. *tx* sends every packet back with its MAC addresses
swapped; *redirect* needs *--redirect-to*.)",
    },
    {
        .group = "Program",
        .name = "--redirect-to",
        .argument = "IFACE",
        .completion = Completion::kInterface,
        .needs = "--action",
        .help = "With `--action redirect`: where packets are sent",
        .manual = R"(
Where *--action redirect* sends packets. When that interface goes away, packets are counted as XDP_ABORTED and
dropped.)",
    },
    {
        .group = "Program",
        .name = "--filename",
        .argument = "FILE",
        .completion = Completion::kFile,
        .excludes = {kNoProgramLoaded},
        .help = "Load this BPF object instead of the built-in one",
        .manual = R"(
Load this BPF object (an ELF file) instead of the built-in program. An object without a map named *xdp_stats_map* is
loaded, too, with a note that nothing is counted.)",
    },
    {
        .group = "Program",
        .name = "--progname",
        .argument = "NAME",
        .completion = Completion::kProgram,
        .needs = "--filename",
        .excludes = {{"--list-programs", "it lists them all"}},
        .help = "The program in FILE (default: its first XDP program)",
        .manual = R"(
The program in _FILE_: the name of its function. Every function in a section that libbpf does not know as that of
another kind (tc, kprobe, xdp/devmap, ...) can be named, and is loaded as XDP; nothing else of the file is loaded, except
the targets of its tail calls. The default is the first function in a section *xdp* or *xdp.frags*, else the first in an
unknown section that begins with *xdp* (xdp_prog, xdp/pass, ...), else the only one in any unknown section. Targets of
tail calls, which are in a map's *.values*, are not meant. *--list-programs* shows the default; a wrong name lists the
right ones.)",
    },
    {
        .group = "Program",
        .name = "--section",
        .alias = "--progsec",
        .argument = "NAME",
        .completion = Completion::kSection,
        .needs = "--filename",
        .excludes = {{"--list-programs", "it lists them all"},
                     {"--progname", "each of them chooses the program"}},
        .help = "Instead of --progname: the first program in this section of FILE",
        .manual = R"(
Instead of *--progname*: the first function in this section of _FILE_, as with *xdp-loader load -s* and
*ip link set ... sec*. Also *--progsec*, its name in older versions of the xdp-project tutorial.)",
    },

    {
        .group = "Attaching",
        .short_name = "-N",
        .name = "--native-mode",
        .excludes = {kNoMode, kOneMode},
        .help = "Attach in the driver, or fail",
        .manual = "Attach in the driver, or fail with its reason.",
    },
    {
        .group = "Attaching",
        .short_name = "-S",
        .name = "--skb-mode",
        .excludes = {kNoMode, kOneMode},
        .help = "Attach in the network stack (generic mode)",
        .manual = R"(
Attach in the network stack (generic mode): works on every interface, is slower, and counts socket buffers; see
*NOTES*.)",
    },
    {
        .group = "Attaching",
        .name = "--offload-mode",
        .excludes = {kNothingAttached, kOneMode},
        .help = "Attach in the network card",
    },
    {
        .group = "Attaching",
        .short_name = "-A",
        .name = "--auto-mode",
        .excludes = {kNoMode, kOneMode},
        .help = "Native mode, else generic mode (default)",
        .manual = "Native mode, else generic mode with a note why not native. The default.",
    },
    {
        .group = "Attaching",
        .short_name = "-m",
        .name = "--mode",
        .argument = "native|skb|hw",
        .completion = Completion::kWords,
        .excludes = {kNothingAttached, kOneMode},
        .help = "The same as -N, -S or --offload-mode, as xdp-loader spells it",
        .manual = R"(
The same as *--native-mode*, *--skb-mode* or *--offload-mode*, as *xdp-loader*(8) spells it.)",
    },
    {
        .group = "Attaching",
        .name = "--attach",
        .argument = "auto|dispatcher|link",
        .value = "auto",
        .completion = Completion::kWords,
        .excludes = {kNothingAttached, {"--offload-mode", "a network card takes a program by a link alone"}},
        .help = "Share the hook in libxdp's dispatcher, or hold it with a link",
        .manual = R"(
How to be on the hook. *dispatcher* shares it with other programs through libxdp (*xdp-loader*(8), *xdp-filter*(8)),
which run before or after this one; needs CAP_SYS_ADMIN. *link* holds it alone with a pinned bpf_link, which nobody
else can take away. *auto*, the default, chooses the dispatcher where the kernel has what it needs and the program
fits in it, else a link, and says why. A replacement stays where its predecessor was, unless *dispatcher* or *link*
asks for the other place: moving takes a moment in which no program is attached and packets pass uncounted; the
outcome says how long. See *SHARING THE HOOK*.)",
    },
    {
        .group = "Attaching",
        .name = "--prio",
        .argument = "N",
        .excludes = {kNothingAttached, kNoDispatcherInCard},
        .help = "Position in the dispatcher: lower runs earlier",
        .manual = R"(
Position in the dispatcher: lower runs earlier. The default is what the object asks for (XDP_RUN_CONFIG of
<xdp/xdp_helpers.h>), else 1000000, which is last.)",
    },
    {
        .group = "Attaching",
        .name = "--chain-actions",
        .argument = "LIST",
        .completion = Completion::kVerdicts,
        .excludes = {kNothingAttached, kNoDispatcherInCard},
        .help = "Verdicts after which the dispatcher runs the next program, or `none`",
        .manual = R"(
The verdicts after which the dispatcher goes on to the next program: *aborted*, *drop*, *pass*, *tx*, *redirect*,
separated by commas, or *none*. The default is what the object asks for, else *pass*.)",
    },
    {
        .group = "Attaching",
        .short_name = "-F",
        .name = "--force",
        .excludes = {kNothingAttached, {"--run", "a run never takes the place of a program"}},
        .help = "Replace a program that somebody else attached",
        .manual = R"(
Replace a program that somebody else attached over netlink (*ip*(8), *bpftool*(8), *xdp-loader*(8)). That program is
gone then: *--unload* does not bring it back. A program on somebody else's bpf_link can be replaced only by the owner
of the link.)",
    },
    {
        .group = "Attaching",
        .short_name = "-M",
        .name = "--reuse-maps",
        .excludes = {{kVerbsWithoutAttaching, "only a load makes maps, or keeps those of a load"}},
        .help = "Keep the pinned maps: counters go on",
        .manual = R"(
Keep the maps pinned by the previous load, so that counters continue. Every map of the new object whose name is pinned
is compared field by field first (type, key, value, entries, flags, names and sizes of the value's fields); a
difference is a conflict that lists the fields, and nothing has changed. Maps that are new are pinned, maps no longer
used lose their pins.

What belongs to one load is new all the same: read-only data, and maps that the object fills with its own programs or
maps (*.values*).)",
    },
    {
        .group = "Attaching",
        .name = "--new-map",
        .argument = "NAME",
        .repeatable = true,
        .needs = "--reuse-maps",
        .help = "With --reuse-maps: this map starts empty, because its layout changed; may be repeated",
        .manual = R"(
With *--reuse-maps*: this map starts empty, because its layout changed; all others are kept. May be repeated. When the
counter map starts empty, the session totals of *xdp_stats*(8) and its Prometheus counters go on all the same.)",
    },

    {
        .group = "Other work",
        .name = "--observe",
        .excludes = {kOneVerb},
        .help = "Count the verdicts of the program that is attached already",
        .manual = R"(
Count the verdicts of the program that somebody else has attached, without changing anything on the hook. Takes
CAP_SYS_ADMIN. See *OBSERVING*.)",
    },
    {
        .group = "Other work",
        .name = "--follow",
        .needs = "--observe",
        .excludes = {{"--dry-run", "what is not observed cannot be followed"}},
        .help = "With --observe: stay in the foreground and observe each replacement of the program",
        .manual = R"(
With *--observe*: stay in the foreground, and when the observed program is replaced, observe the new one at once and
say so. Ends with status 0 on SIGINT and SIGTERM, which leave the observation pinned, and when the interface is
unloaded; with status 4 when the interface is gone. It takes one *--dev*: one process follows one interface, and a
second one for the same interface is refused (status 5). With *--json* each outcome is a document on a line of its own.)",
    },
    {
        .group = "Other work",
        .short_name = "-U",
        .name = "--unload",
        .argument = "[ID]",
        .excludes = {kOneVerb},
        .help = "Detach our program (or the one with this id) and remove our pins",
        .manual = R"(
Detach our program, then remove our pins and the directory. With the _ID_ of a program that somebody else attached
over netlink, detach that one and leave all pins alone. Of an observed program only the observation ends.)",
    },
    {
        .group = "Other work",
        .name = "--status",
        .excludes = {kOneVerb},
        .help = "What is attached and pinned; without --dev on every device",
        .manual = R"(
Show what is attached and pinned; see *STATUS*. Of one interface that is the whole story; of several *--dev*, and
without one, it is a line each, unless *--verbose* is given. Needs no privilege for what the modes of the pins let
everybody read.)",
    },
    {
        .group = "Other work",
        .name = "--clean",
        .excludes = {kOneVerb},
        .help = "Remove pins that no program counts into any more; without --dev all of them",
        .manual = R"(
Remove pins that no program counts into any more, because the interface or its program is gone, and say which and why.
Pins in use stay; they are spoken of only where *--dev* names their interface.)",
    },
    {
        .group = "Other work",
        .name = "--keep-maps",
        .needs = "--unload --run",
        .help = "With --unload and --run: leave the maps pinned",
        .manual = R"(
With *--unload* and *--run*: detach, but leave the maps and the meta pinned. A later load with *--reuse-maps* goes
on with them.)",
    },
    {
        .group = "Other work",
        .name = "--run",
        .argument = "-- COMMAND [ARGUMENT...]",
        .excludes = {kOneVerb},
        .help = "Load, run the command, unload when it ends; exit with its status",
        .manual = R"(
Load on all interfaces, run the command, unload when it ends, and exit with its status. See *RUNNING A COMMAND*.)",
    },
    {
        .group = "Other work",
        .name = "--test-run",
        .argument = "FILE.pcap|N",
        .completion = Completion::kFile,
        .excludes = {kOneVerb},
        .help = "Run the program on N packets, or on those of a capture, without attaching it",
        .manual = R"(
Run the program on packets without attaching it, and show how often it returned which verdict. The packets are those
of a capture _FILE_ (pcap or pcapng, of Ethernet frames), or _N_ times a frame of 64 bytes: UDP over IPv4 from
192.0.2.1 to 192.0.2.2, port 9. See *TRYING A PROGRAM*.)",
    },
    {
        .group = "Other work",
        .name = "--list-programs",
        .needs = "--filename",
        .excludes = {kOneVerb},
        .help = "The functions in FILE: section, kind, and which is the default",
        .manual = R"(
The functions in the _FILE_ of *--filename*, a line each, in the order of the file: name, section, kind, which is the
default and why, and which cannot be attached to an interface. The kind *unknown* is that of a section that libbpf does
not know; such a function is loaded as XDP. Needs no privilege.)",
    },
    {
        .group = "Other work",
        .name = "--features",
        .excludes = {kOneVerb},
        .help = "What the interface's driver can do with XDP; without --dev of every interface",
        .manual = R"(
What the interface's driver can do with XDP, as the kernel tells (Linux 6.3; *unknown* before), and its MTU. Without
*--dev*, of every interface of the network namespace. Needs no privilege. See *FEATURES*.)",
    },
    {
        .group = "Other work",
        .name = "--track-delivery",
        .excludes = {kOneVerb},
        .help = "Count what becomes of redirected and sent packets, for the whole machine",
        .manual = R"(
Count, for every interface of the machine, what becomes of packets behind the verdict: which redirects and *XDP_TX*
arrived at a driver, which were lost, and why. Goes on until *--untrack-delivery*. See *DELIVERY*. Takes CAP_BPF and
CAP_PERFMON. Where it is on already, this changes nothing, but for counts of interfaces that are gone, which are
forgotten, and for programs of an older version, which are renewed; counts go on.)",
    },
    {
        .group = "Other work",
        .name = "--untrack-delivery",
        .excludes = {kOneVerb},
        .help = "End that, and remove its pins",
        .manual = R"(
End what *--track-delivery* has begun, and remove its pins, the counts with them.)",
    },
    {
        .group = "Other work",
        .name = "--dry-run",
        .excludes = {{"--run", "what a command does cannot be told without running it"},
                     {"--status --test-run --list-programs --features", "that changes nothing anyway"}},
        .help = "Say what would happen; change nothing",
        .manual = R"(
Say what would happen, or why it would be refused, and change nothing. The program does go through the verifier;
whether a driver would take it is not asked.)",
    },

    {
        .group = "Output",
        .name = "--json",
        .excludes = {{"--run", "standard output belongs to the command"}},
        .help = "The outcome as one JSON document on stdout",
        .manual = R"(
The outcome of all interfaces as one JSON document on standard output; see *JSON*. Not with *--run*, where standard
output belongs to the command.)",
    },
    {
        .group = "Output",
        .short_name = "-q",
        .name = "--quiet",
        .excludes = {{"--json --list-programs", "what was asked for is all that is printed"}},
        .help = "No output but errors, and what --status, --test-run and --features were asked for",
        .manual = R"(
No output but errors, and of a load the notes that redirected packets are lost, that native mode was refused, that its
pins end with this mount namespace, or that leftovers could not be removed. *--status*, *--test-run* and *--features*
print what they were asked for all the same, without notes.)",
    },
    {
        .group = "Output",
        .short_name = "-v",
        .name = "--verbose",
        .excludes = {{"--quiet", "one asks for more, the other for less"}},
        .help = "Also the messages of libbpf, libxdp and the verifier",
        .manual = R"(
Also which variant of the built-in program was chosen, and the messages of libbpf, libxdp and the verifier.)",
    },
};

static_assert(names_are_known(kOptionRows));

}  // namespace tally::loader
