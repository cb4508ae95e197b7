# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The hints of both programs, and every command in backquotes that they print: the text as it is in the sources, the
situation, what becomes of it. test_hints.py tries the rows; vm/test_hints_dispatcher.py those that take a dispatcher.

A row for a new hint:
    typed("`xdp_loader {} --unload` ends it", scenes.something)          every command of it, then the user's own again
    typed("--force replaces it", scenes.something, Options("--force"))   what he changes in his own
    elsewhere("give the source one license ...", "test_reasons.py::test_a_license_that_is_not_compatible")
    untyped("it takes a kernel with ...", "another kernel")
"""

from functools import partial

from hints import scenes
from hints.habits import HABITS
from hints.rows import Command, Does, OneOf, Options, Quoted, Shows, elsewhere, typed, untyped
from support.processes import NOBODY, as_user
from support.programs import object_file

GENERIC_OVER_NATIVE = "xdp_loader --dev veth0 --skb-mode"
LOAD, UNLOAD, STATUS = (f"xdp_loader --dev veth0{verb}" for verb in ("", " --unload", " --status"))
REPLACING = (LOAD, f"{LOAD} --force", f"{LOAD} --run -- true")
# As the built-in one is not what he would like to have there.
ANOTHER_PROGRAM = f"xdp_loader --dev veth0 --reuse-maps --filename {object_file('own')}"
NO_COUNTERS = ("--filename", object_file("no_counter"))
NATIVE_OVER_GENERIC = partial(scenes.netlink, command="xdp_loader --dev veth0 --native-mode --force", mode="generic")
TWO_UNNAMED = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("one") int first(struct xdp_md *ctx) { return XDP_PASS; }
SEC("two") int second(struct xdp_md *ctx) { return XDP_PASS; }
char _license[] SEC("license") = "GPL";
"""


def advice(hint, wrong, right, declared="", **more):
    """On a source: a program with the one body is refused with the hint, and one that follows it loads."""
    return typed(hint, partial(scenes.source_of, body=wrong, **{k: v for k, v in more.items() if k == "helpers"}),
                 Does(scenes.compile_again(right or wrong, declared, **more)))


HOOK = [
    typed("--force replaces it for good",
          (scenes.netlink, partial(scenes.netlink, command="xdp_loader --dev veth0 --skb-mode", mode="generic"),
           partial(scenes.netlink_in_red, command="xdp_loader --netns {name} --dev veth0"),
           partial(scenes.netlink_in_red, command="xdp_loader --netns {path} --dev veth0"),
           partial(scenes.odd_device_with_a_program, command="xdp_loader --dev {dev}", status=5)),
          Options("--force")),
    typed("`xdp_loader {} --observe` counts it as it is",
          (scenes.foreign_stays, partial(scenes.foreign_stays, command="xdp_loader --dev veth0 --skb-mode"),
           partial(scenes.foreign_stays, command="xdp_loader --dev veth0 --native-mode", mode="generic")),
          Command(again=False), at="vm"),
    typed("`xdp_loader {} --unload {}` detaches it",
          (NATIVE_OVER_GENERIC, partial(scenes.netlink, command="xdp_loader --dev veth0 --run -- true"),
           partial(scenes.netlink_in_red, command="xdp_loader --netns {path} --dev veth0 --run -- true"),
           partial(scenes.odd_device_with_a_program, command="xdp_loader --dev {dev} --run -- true", status=5),
           partial(scenes.below, upper_is_foreign=True))),
    typed("`xdp_loader {} --unload {}` detaches it",
          partial(scenes.netlink, command="xdp_loader --dev veth0 --unload", status=4, after=[scenes.empty]),
          Command(again=False)),
    typed("{}; without a mode option --force replaces it in {} mode",
          (NATIVE_OVER_GENERIC, partial(scenes.netlink, command="xdp_loader --dev veth0 --skb-mode --force")),
          Options(less=" --native-mode|--skb-mode", more="--force")),
    typed("only the link's owner can replace it; `bpftool link detach id {}` ends it",
          (scenes.pinned_link, scenes.held_link, partial(scenes.pinned_link, command="xdp_loader --dev veth0 "
                                                                                     "--force"))),
    typed("only the link's owner can replace it; `bpftool link detach id {}` ends it",
          partial(scenes.pinned_link, command="xdp_loader --dev veth0 --unload", status=4, after=[scenes.empty]),
          Command(again=False)),
    typed("no {} says that the link is xdp_loader's; `bpftool link detach id {} && rm {}` ends it, and packets pass "
          "until the next load",
          (partial(scenes.without, pin="xdp_stats_meta", options=NO_COUNTERS, command=LOAD, status=5),
           partial(scenes.without, pin="xdp_stats_meta", options=NO_COUNTERS, command=f"{LOAD} --force", status=5))),
    typed("no {} says that the link is xdp_loader's; `bpftool link detach id {} && rm {}` ends it, and packets pass "
          "until the next load",
          partial(scenes.without, pin="xdp_stats_meta", options=NO_COUNTERS, command=UNLOAD, status=4),
          Command(again=False)),
    typed("`xdp_loader {} --unload --keep-maps` detaches it, and keeps its counters; then this command needs "
          "--reuse-maps and --keep-maps, or its end removes them",
          tuple(partial(scenes.loaded, command="xdp_loader --dev veth0 --action drop --run -- true",
                        options=options, after=[scenes.same_map])
                for options in ((), ("--filename", object_file("own")))),
          Does(scenes.command_then("--reuse-maps --keep-maps"), "--reuse-maps --keep-maps")),
    typed("without a mode option it is loaded in that mode; else `xdp_loader {} --unload --keep-maps` first, which "
          "keeps the counters, then this command with --reuse-maps",
          partial(scenes.loaded, command=GENERIC_OVER_NATIVE, after=[scenes.same_map]),
          Does(scenes.command_then("--reuse-maps"), "--reuse-maps")),
    typed("without a mode option it is loaded in that mode; else `xdp_loader {} --unload --keep-maps` first, which "
          "keeps the counters, then this command with --reuse-maps",
          partial(scenes.loaded, command=GENERIC_OVER_NATIVE, after=[scenes.kept]), Options(less=" --skb-mode")),
    typed("without a mode option it is loaded in that mode", (scenes.loaded_on_lo, scenes.loaded_below),
          Options(less=" --native-mode|--skb-mode")),
    typed("without a mode option --force replaces it in {} mode", scenes.netlink_on_lo,
          Options(less=" --native-mode", more="--force")),
    typed("`xdp_loader {} --status` shows what is",
          partial(scenes.netlink, command="xdp_loader --dev veth0 --unload 1", status=4),
          Shows(what="no_counter")),
    typed("`xdp_loader {}` attaches one that counts",
          (partial(scenes.bare, command="xdp_loader --dev veth0 --observe", status=4),
           partial(scenes.in_red, command="xdp_loader --netns {path} --dev veth0 --observe", status=4),
           partial(scenes.odd_device, command="xdp_loader --dev {dev} --observe", status=4)),
          Command(again=False)),
    typed("`xdp_stats {}` shows what it counts",
          partial(scenes.loaded, command="xdp_loader --dev veth0 --observe"), Shows(what="XDP_PASS", goes_on=True)),
    elsewhere("in its source, #include <xdp_tally/tally.bpf.h> and `return xdp_tally(ctx, VERDICT)`; or unload it, and "
              "attach it with another tool: then --observe counts it",
              "test_observe_refusals.py::test_ours_without_a_counter_map"),
    typed("the program is unloaded when the command of --run ends", scenes.run_goes_on,
          Does(scenes.command_of_run_ends, "--run")),
    elsewhere("`xdp_loader {} --unload` removes what the run has left",
              "test_reading_faults.py::test_what_the_final_unload_could_not_remove_is_told"),
    elsewhere("`xdp_loader {} --unload --keep-maps` removes what the run has left",
              "test_reading_faults.py::test_what_the_final_unload_could_not_remove_is_told"),
    untyped("a running `xdp_loader --run` has attached program {} there", "the reason of the row above, not a hint"),
    typed("`xdp_loader {} --unload --keep-maps` detaches it and keeps its counts", scenes.below),
    typed("{}; then this command again, and load there once more, with --reuse-maps where maps were kept: both "
          "programs run if the lower interface's came first", scenes.below, Does(scenes.lower_first, "--reuse-maps")),
    typed("without --attach dispatcher the program is attached by a link",
          partial(scenes.bare, command="xdp_loader --dev veth0 --attach dispatcher --run -- true", status=4),
          Options(less=" --attach dispatcher")),
    typed("--attach link needs no dispatcher; without --attach, a link is used where there can be no dispatcher",
          partial(scenes.bare, command="xdp_loader --dev veth0 --attach dispatcher", status=1),
          Options(less=" --attach dispatcher", more="--attach link"), Options(less=" --attach dispatcher")),
    typed("--skb-mode works with every driver; without a mode option it is used where native mode is refused",
          partial(scenes.without_device, command="xdp_loader --dev lo --native-mode", status=1,
                  finish="xdp_loader --dev lo --unload"),
          Options(less=" --native-mode", more="--skb-mode"), Options(less=" --native-mode")),
    typed("offload mode needs a network card that runs BPF itself; without a mode option the driver runs the program",
          partial(scenes.bare, command="xdp_loader --dev veth0 --offload-mode", status=1),
          Options(less=" --offload-mode")),
    typed(", or use --skb-mode",
          partial(scenes.bare, command=f"xdp_loader --dev veth0 --native-mode --filename {object_file('linear')}",
                  status=1, mtu=9000),
          Options(less=" --native-mode", more="--skb-mode")),
]

STATES = [
    typed("no program counts into the pinned maps; `xdp_loader {0}{1} --reuse-maps` continues with them, `xdp_loader "
          "{0} --clean` removes them",
          (scenes.detached, partial(scenes.detached, file="generation_a")),
          Does(scenes.load_with_these_maps), Command(1, again=False)),
    typed("the program that runs here does not count into the pinned maps; {}; `xdp_loader {} --clean` removes them, "
          "and leaves it alone",
          scenes.stale, Does(scenes.the_last_command)),
    typed("`xdp_loader {}{}{}` {}, with --reuse-maps the counts go on", scenes.stale_for_good,
          Command(), Does(scenes.with_reuse_maps, "--reuse-maps")),
    typed("the pin {}/{} is missing; `xdp_loader {} --clean` makes it anew, and leaves the program alone",
          scenes.without_meta),
    typed("`xdp_loader {}{}` loads it anew, with new counters",
          (scenes.without_counters, partial(scenes.without_counters, options=("--action", "drop")),
           partial(scenes.without_counters, options=("--action", "drop"), mtu=3000),
           partial(scenes.without_counters, options=("--filename", object_file("own"))),
           scenes.without_counters_of_namesake)),
    typed("the map pinned as {} is not the one that is counted into; `rm {}`, then {}",
          scenes.with_other_counters, Does(scenes.one_after_the_other)),
    typed("what to do: `xdp_loader {}--status --dev NAME` says",
          tuple(partial(scenes.listed, scene) for scene in (scenes.detached, scenes.stale, scenes.orphaned_in_red)),
          Shows(what="note +.*--clean")),
    typed("the pins' device is gone; `xdp_loader {} --clean` removes them",
          (scenes.orphaned, scenes.orphaned_in_red), Command(again=False)),
    typed("the BPF file system on {} is mounted in this mount namespace alone (`ip netns exec`, `unshare`): its pins, "
          "and the program with them, go when the last process here ends; --netns NAME from outside keeps them",
          scenes.bpffs_of_this_command_alone, Does(scenes.load_from_outside, "--netns")),
]

PLACES = [
    typed("the interface that had this name is '{}' now, with its program: this command with {} loads there",
          (partial(scenes.renamed, command=ANOTHER_PROGRAM, status=4, after=[scenes.still_counts]),
           partial(scenes.moved, command=ANOTHER_PROGRAM, status=4, after=[scenes.still_counts])),
          Does(scenes.with_the_named_options)),
    typed("the interface is '{}' now, and keeps the program; `xdp_loader {} --unload` ends it",
          (partial(scenes.renamed, command=STATUS, after=[scenes.ended]),
           partial(scenes.moved, command=STATUS, after=[scenes.ended])),
          Command(again=False)),
    typed("of '{}', where their program {} runs: `xdp_loader {} --status` shows them",
          (partial(scenes.renamed, command=STATUS, replaced=True, after=[scenes.goes_on]),
           partial(scenes.moved, command=STATUS, replaced=True, after=[scenes.goes_on])),
          Shows(what="attached")),
    typed("{}--bpffs DIR pins elsewhere; only if that program may end: {}",
          tuple(partial(scenes.renamed, command=command, status=5, replaced=True, after=[scenes.still_counts])
                for command in REPLACING),
          Does(scenes.load_under_the_new_name)),
    typed("{}--bpffs DIR pins elsewhere; only if that program may end: {}",
          (partial(scenes.moved, command=LOAD, status=5, replaced=True, after=[scenes.goes_on]),
           *(partial(scenes.renamed, command=command, status=5, replaced=True, after=[scenes.still_counts])
             for command in REPLACING)),
          Options("--bpffs DIR")),
    typed("{}--bpffs DIR pins elsewhere; only if that program may end: {}",
          (partial(scenes.moved, command=LOAD, status=5, replaced=True, after=[scenes.ended]),
           partial(scenes.renamed, command=LOAD, status=5, replaced=True, after=[scenes.ended])),
          Does(scenes.as_said)),
    typed("`xdp_loader {} --unload` unloads it there",
          (partial(scenes.renamed, command=UNLOAD, status=5, replaced=True, after=[scenes.ended]),
           partial(scenes.moved, command=UNLOAD, status=5, replaced=True, after=[scenes.ended])),
          Command(again=False)),
    typed("`xdp_loader {} --unload` unloads it wherever it is", partial(scenes.unseen, command=LOAD, replaced=True)),
    typed("`xdp_loader {} --unload` as root, outside of containers and units: it looks into the namespaces of all "
          "processes", partial(scenes.moved_out_of_sight, command=UNLOAD), Command(again=False)),
    typed("'{}' is down, and what is redirected is lost: `{} link set dev {} up`",
          (partial(scenes.redirecting, prepare=["ip", "link", "set", "dev", "out0", "down"]),
           partial(scenes.redirecting, prepare=["ip", "link", "set", "dev", "p-out0", "down"]),
           partial(scenes.redirecting, prepare=["ip", "link", "set", "dev", scenes.ODD_NAME, "down"],
                   target=scenes.ODD_NAME),
           scenes.redirecting_in_red)),
    typed(": `{}ethtool --offload {} gro on`",
          (partial(scenes.redirecting, prepare=["ethtool", "--offload", "p-out0", "gro", "off"]),
           partial(scenes.redirecting, prepare=["ethtool", "--offload", scenes.ODD_NAME, "gro", "off"],
                   target="p-odd"))),
    elsewhere(": `xdp_loader {} --native-mode`",
              "test_redirect_target.py::test_veth_whose_other_end_takes_no_frames"),  # before 5.13
]

PINS = [
    typed("`--reuse-maps{}` starts what it names empty and keeps the other maps; totals are carried across maps",
          scenes.changed_layout, Quoted()),
    typed("--new-map takes one of: {}",
          partial(scenes.loaded, command="xdp_loader --dev veth0 --reuse-maps --new-map no_such", status=4,
                  after=[scenes.kept]),
          OneOf("--new-map")),
    typed("--reuse-maps uses it, and leaves its pin alone", scenes.foreign_map, Options("--reuse-maps")),
    typed("without --new-map",
          partial(scenes.foreign_map, command="xdp_loader --dev veth0 --reuse-maps --new-map xdp_stats_map"),
          Options(less=" --new-map xdp_stats_map")),
    typed("--bpffs DIR pins elsewhere; if nobody needs what is there, `rm {}`",
          (scenes.foreign_map, partial(scenes.foreign_map, fits=False),
           partial(scenes.foreign_map, command="xdp_loader --dev veth0 --reuse-maps", fits=False)),
          Options("--bpffs DIR"), Command()),
    typed("`xdp_stats --map {}` reads it all the same", scenes.counters_of_somebody_else,
          Shows(what="/sys/fs/bpf/veth0/xdp_stats_map", goes_on=True)),
    typed("`ls -lA {0}` shows what is in it; if nobody needs that, `rm -r {0}`",
          partial(scenes.directory_of_somebody_else, uid=NOBODY, mode=0o755), Shows(what="total"), Command(1)),
    typed("`ls -lA {0}` shows what is in it; if that is as it should be, `chmod go-w {0}`",
          partial(scenes.directory_of_somebody_else, uid=0, mode=0o777), Shows(what="total"), Command(1)),
    typed("`mount -o remount,rw {}` lets it be written to; --bpffs DIR names another", scenes.read_only,
          Command(), Options("--bpffs DIR")),
    typed("as root, `install -d -o {} {}` makes a directory that this user can pin in",
          scenes.no_directory_of_the_user),
    typed("as root, `mkdir -p {0} && mount -t bpf -o mode=0755 bpf {0}` makes one; --bpffs DIR names another",
          scenes.no_directory_for_bpffs, Command(), Does(scenes.with_another_bpffs, "--bpffs")),
    typed("as root, `mount -t bpf -o mode=0755 bpf {}` mounts one",
          partial(scenes.directory_that_is_no_bpffs, filled=False)),
    typed("`findmnt -t bpf` lists those that are mounted", partial(scenes.directory_that_is_no_bpffs, filled=True),
          Shows(what="/sys/fs/bpf")),
    typed("{}--bpffs DIR names another", partial(scenes.directory_that_is_no_bpffs, filled=True),
          Does(scenes.with_another_bpffs, "--bpffs")),
    untyped("`ip netns exec` hides it, and no calling process has one", "the reason of the row below, not a hint"),
    typed("outside of it: `mount -t bpf -o mode=0755 bpf /sys/fs/bpf`, or use --netns NAME there",
          scenes.nowhere_a_bpffs_inside, Does(scenes.mount_it), Does(scenes.name_the_namespace_there, "--netns")),
    untyped("as root{}: `mount -t bpf -o mode=0755 bpf {}`; --bpffs DIR names another",
            "the kernel refused that mount a moment ago"),
    untyped(", outside `ip netns exec`", "part of the row above"),
]

NAMES = [
    typed("`ip -brief link` lists the interfaces; --netns NAME looks in another namespace",
          partial(scenes.in_red, command="xdp_loader --dev veth0", status=4, names={"NAME": "red"}),
          Shows(what="other0"), Options("--netns NAME")),
    elsewhere("`ip -brief link` lists the interfaces; packets are redirected within the network namespace of '{}' "
              "alone", "test_reasons.py::test_a_redirect_target_in_another_namespace"),
    typed("`{}ip -brief link` lists the interfaces there",
          (partial(scenes.in_red, command="xdp_loader --netns {name} --dev veth1", status=4),
           partial(scenes.in_red, command="xdp_loader --netns {path} --dev veth1 --status", status=4),
           partial(scenes.in_red, command="xdp_loader --netns {name} --dev veth1 --observe", status=4)),
          Shows(what="veth0@")),
    typed("`xdp_stats {}--all --once` shows the counters that are still pinned",
          partial(scenes.vanished_red, command="xdp_stats --netns red --dev veth0 --once", status=4),
          Shows(what="red/veth0")),
    typed("`ip netns list` lists the namespaces",
          (partial(scenes.bare, command="xdp_loader --netns no_such --dev veth0", status=4),
           partial(scenes.bare, command="xdp_loader --netns /run/netns/no_such --dev veth0", status=4)),
          Shows(what="blue")),
    typed("`ip netns list` lists the namespaces; a process has its own in /proc/PID/ns/net",
          partial(scenes.bare, command="xdp_loader --netns /etc/passwd --dev veth0", status=2), Shows(what="blue")),
    untyped("try again", "a race: the device appeared, or the dispatcher changed, within a millisecond"),
    typed("for every interface that has pins of xdp_loader: `xdp_loader {0}{1}--status --json | jq -r '.devices[] | "
          "select(.program) | \"--dev=\" + ([.netns, .dev] | map(values) | join(\"/\"))' | xargs -rd '\\n' xdp_loader "
          "{0}--unload`",
          (partial(scenes.everywhere, command="xdp_loader --unload"),
           partial(scenes.everywhere, command="xdp_loader unload"),
           partial(scenes.everywhere, command="xdp_loader --unload all"),
           partial(scenes.everywhere, command="xdp_loader -q -U")),
          Command(again=False)),
    typed("`{} --help` lists the options", partial(scenes.bare, command="xdp_loader --no-such", status=2),
          Shows(what="--dev")),
    typed("`--reuse-maps --new-map NAME` starts that map empty and keeps the others; totals are carried across maps",
          partial(scenes.loaded, command="xdp_loader --dev veth0 --migrate", status=2, after=[scenes.kept]),
          Does(scenes.new_map_instead)),
]

READER = [
    typed("as root, `chmod a+rx {}` lets every user read the counters below it",
          (partial(scenes.closed_bpffs, command="xdp_stats --dev veth0 --once"),
           partial(scenes.closed_bpffs, command="xdp_stats --all --once"),
           partial(scenes.closed_bpffs, command="xdp_loader --status"))),
    typed("as root, `chmod a+r {}` lets every user read it", scenes.closed_map),
    typed("`ls {}` shows the pins in it",
          partial(scenes.loaded, command="xdp_stats --map /sys/fs/bpf/veth0 --once", status=4),
          Shows(what="xdp_stats_map")),
    untyped("run it as root; from kernel 5.19 on, every user who can reach the pin may read it", "a kernel before "
                                                                                                 "5.19"),
    typed("run it as root, or name the map's pin with --map PATH",
          partial(scenes.user, command="xdp_stats --map-id {id} --once", status=3),
          Does(scenes.as_root), Does(scenes.with_the_maps_pin, "--map")),
    typed("`bpftool map` lists the maps", partial(scenes.loaded, command="xdp_stats --map-id 4294967295 --once",
                                                  status=4),
          Shows(what="xdp_stats_map")),
    typed("`xdp_loader {}` loads a counting program",
          partial(scenes.bare, command="xdp_stats --dev veth0 --once", status=4)),
    typed("as root, `xdp_loader {} --status` shows what is attached there",
          partial(scenes.in_red, command="xdp_stats --netns red --dev veth0 --once", status=4,
                  inside=as_user(NOBODY), helper=()),
          Shows(what="nothing|none")),
    typed("`ss -ltnp 'sport = :{}'` shows the process that listens there", scenes.port_in_use,
          Does(scenes.see_who_listens)),
    elsewhere("start it as root (with --user NAME it continues as that user), or use another port",
              "test_exporter.py::test_port_that_takes_a_capability"),
    elsewhere("only this machine reaches it; `--listen '*:{}'` means all of its addresses",
              "test_exporter.py::test_loopback"),
    typed("`ip -brief address` shows this machine's addresses",
          partial(scenes.loaded, command="xdp_stats --dev veth0 --listen 192.0.2.7:0", status=1),
          Shows(what="lo +UNKNOWN")),
    elsewhere("name a file in a directory where nobody else may write",
              "test_all.py::test_output_under_a_name_that_was_taken_over"),
    typed("`xdp_loader {}--track-delivery` counts it from then on",
          (partial(scenes.untracked, command="xdp_stats --dev veth0 --once", status=0),
           partial(scenes.untracked, status=6, command="xdp_stats --dev veth0 --totals session --within 100ms "
                                                       "--expect 'redirect.lost == 0'"))),
    typed("`xdp_stats {}` shows what the map holds",
          partial(scenes.counters_of_no_program, command="xdp_stats --dev veth0 --per-program --once"),
          Shows(what="veth0", goes_on=True)),
    typed("somebody has removed it; `xdp_loader {}{}` loads the program anew, with new counters",
          (partial(scenes.without_counters, command="xdp_stats --dev veth0 --once", status=4),
           partial(scenes.without_counters, command="xdp_stats --dev veth0 --once", status=4,
                   options=("--action", "drop")),
           partial(scenes.without_counters_of_namesake, command="xdp_stats --dev veth0 --once", status=4))),
    typed("#include <xdp_tally/tally.bpf.h> in the program that is attached there, and it counts",
          partial(scenes.uncounted, command="xdp_stats --dev veth0 --once", status=4),
          Does(scenes.load_one_that_counts)),
    elsewhere("`ulimit -n {}` in root's shell, before the command, or LimitNOFILE={} in its systemd unit allows more",
              "test_descriptors.py::test_more_maps_than_fit"),
    typed("name the file itself: `readlink -m {}` prints its path",
          partial(scenes.in_scratch, command="xdp_stats --dev veth0 --once --output '{scratch}/output'", status=2,
                  prepare=scenes.dangling),
          Does(scenes.write_to_the_shown_path)),
    typed("expected an address and a port, like 127.0.0.1:9417 or [::1]:9417; *:9417 means all addresses of this "
          "machine",
          partial(scenes.bare, command="xdp_stats --all --listen here", status=2), Does(scenes.listen_at_each)),
    typed("without --live samples are printed as a table, or with --format json or csv for programs",
          partial(scenes.loaded, command="xdp_stats --dev veth0 --live", status=2),
          Does(scenes.samples_are_printed, "--live --format")),
    elsewhere("starting: the limit of the stack (RLIMIT_STACK, `ulimit -s`) is too small",
              "test_environments.py::test_little_stack"),
    elsewhere("TERM=xterm or TERM=vt100 may work; the package ncurses-term describes more terminals",
              "test_live.py::test_terminals_that_will_not_do"),
    typed("IPv6 at the other end sends packets by itself; as root, `{}sysctl -w {}` ends that",
          (scenes.stray_from_here, scenes.stray_from_here_into_red, scenes.stray_from_red,
           scenes.stray_from_an_odd_device),
          Command(again=False)),
    elsewhere("ACTION.FIELD OP NUMBER, like 'drop.packets == 100' or 'total.bps > 1.5M'; actions: aborted, drop, pass, "
              "tx, "
              "redirect, total; fields: packets, bytes, pps, bps, delivered, lost; operators: == != >= <= > <",
              "test_expect.py::test_malformed"),
]

USERS = [
    typed("run it as root", partial(scenes.user, command="xdp_loader --dev veth0", status=3), Does(scenes.as_root)),
    typed("CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are enough, with the right to write to the BPF file system",
          partial(scenes.bare_for_user, command="xdp_loader --dev veth0", status=3),
          Does(scenes.with_three_capabilities)),
    elsewhere("root does not have it here: a container gets it with `{}`, a systemd unit with CapabilityBoundingSet=",
              "test_reasons.py::test_root_without_a_capability_is_not_told_to_become_root"),
    untyped("--cap-add BPF --cap-add NET_ADMIN --cap-add PERFMON", "part of the row above: of a container's command"),
    untyped("--cap-add SYS_ADMIN", "the same"),
    elsewhere("CAP_BPF and CAP_PERFMON are enough, with the right to write to the BPF file system",
              "test_delivery.py::test_without_capabilities"),
    untyped("--cap-add BPF --cap-add PERFMON", "part of the row above"),
    elsewhere("run it outside of it: on the host, or in a container without a user namespace of its own (not rootless, "
              "no userns-remap)", "test_reasons.py::test_refused_in_a_user_namespace"),
    elsewhere("have it allow bpf(2): in a container `--security-opt seccomp=PROFILE`, with a profile that allows it, "
              "or `unconfined`; in a systemd unit SystemCallFilter=bpf",
              "test_reasons.py::test_refused_by_a_seccomp_filter"),
    untyped("it takes a kernel with CONFIG_BPF_SYSCALL=y", "another kernel"),
    untyped("/sys/kernel/security/lockdown has the mode; it comes from the kernel's command line (lockdown=) or from "
            "Secure Boot", "a locked-down kernel takes a reboot"),
    untyped("the kernel's log and the audit log (`dmesg`, `ausearch -m avc`) say which{}",
            "a security module that refuses, and its audit daemon"),
    untyped("; there are: {}", "part of the row above"),
    untyped("raise it, which takes CAP_SYS_RESOURCE: `ulimit -l unlimited`, in a systemd unit LimitMEMLOCK=infinity, "
            "in a "
            "container `--ulimit memlock=-1`", "a kernel before 5.11"),
    untyped("if the process has the capabilities, the limit of locked memory is too low, which kernels before 5.11 "
            "apply to "
            "BPF maps: `ulimit -l` shows it, and root can raise it", "a kernel before 5.11"),
]

OBJECTS = [
    typed("--progname takes one of: {}",
          partial(scenes.in_scratch, command="xdp_loader --dev veth0 --filename '{scratch}/prog.o'", status=4,
                  prepare=scenes.compiled(TWO_UNNAMED)), OneOf("--progname")),
    typed("{} is one of: {}",
          partial(scenes.in_scratch, command="xdp_loader --dev veth0 --progname no_such --filename '{scratch}/prog.o'",
                  status=4, prepare=scenes.copy_of("own")), OneOf("--progname")),
    typed("`xdp_loader --list-programs --filename {}` shows what each function is",
          partial(scenes.in_scratch, command="xdp_loader --dev veth0 --progname not_xdp --filename '{scratch}/prog.o'",
                  status=4, prepare=scenes.copy_of("not_xdp")), Shows(what="not_xdp")),
    untyped("the name", "part of a row above"),
    elsewhere("the section (in brackets)", "test_sections.py::test_misuse"),
    elsewhere("its functions are in sections of other kinds: {}", "test_sections.py::test_nothing_but_other_kinds"),
    elsewhere('an XDP program is a function in a section named "xdp" or "xdp.frags"',
              "test_bad_input.py::test_object_without_xdp_program"),
    elsewhere("it has no XDP program at all", "test_bad_input.py::test_object_without_xdp_program"),
    elsewhere("'{}' is {}; --progname chooses another, --list-programs lists them",
              "test_sections.py::test_default_that_is_refused_names_the_others"),
    elsewhere("rename the map; its pin is named after it", "test_privileges.py::test_a_name_is_no_path"),
    elsewhere("the object has no map 'xdp_stats_map', so nothing is counted: #include <xdp_tally/tally.bpf.h> in it, "
              "and `return xdp_tally(ctx, VERDICT)`; as it is, --observe counts it where another tool has attached it",
              "test_load.py::test_object_without_counter_map_is_loaded_with_a_hint"),
    elsewhere("program '{}' does not count into xdp_stats_map, so its counters stay zero: it never calls xdp_tally; "
              "`return xdp_tally(ctx, VERDICT)` counts a packet",
              "test_load.py::test_program_that_never_counts_is_loaded_with_a_hint"),
    elsewhere("an Ethernet frame has at least 14 bytes", "test_test_run.py::test_frame_that_is_too_short"),
    elsewhere('frames longer than a page need a program in a section named "xdp.frags", and Linux 5.18',
              "test_test_run.py::test_large_frame_for_a_program_without_fragments"),
    elsewhere("--test-run takes a capture file (pcap or pcapng), or a number of packets to generate",
              "test_test_run.py::test_not_a_capture"),
    untyped("install libpcap (Debian: apt-get install libpcap0.8); --test-run COUNT needs none", "a machine without "
                                                                                                 "libpcap"),
    elsewhere("a program without frags support takes frames of one page (on veth an MTU of at most {} on both ends): "
              "build "
              'it as SEC("xdp.frags") or lower the MTU', "test_bad_input.py::test_mtu_too_large_for_a_linear_program"),
    elsewhere("the MTU needs a program with frags support (on veth above {})",
              "test_bad_input.py::test_replacement_by_a_linear_program_leaves_the_old_one_running"),
    untyped("lower the MTU, or use --skb-mode: frames of several buffers need kernel 5.18 and a driver that supports "
            "them",
            "a kernel before 5.18"),
    untyped('SEC("xdp.frags") takes Linux 5.18; for older kernels build it as SEC("xdp")', "a kernel before 5.18"),
    elsewhere("by a link in native mode it can be loaded, where the driver has that",
              "test_unusual_objects.py::test_metadata_kfuncs_are_refused_elsewhere"),
    elsewhere("the new program runs, but not all its pins are published: {}",
              "test_faults.py::test_load_that_cannot_be_taken_back_is_finished"),
    elsewhere("the next load, --unload or --clean completes that",
              "test_faults.py::test_load_that_cannot_be_taken_back_is_finished"),
    untyped("{}the old pins are not all restored: {}", "two failures of the kernel in a row"),
    elsewhere("no program is attached any more, because the old one could not be attached again: load again",
              "test_dispatcher.py::test_move_whose_way_back_fails_says_that_nothing_runs"),
    elsewhere(", with --reuse-maps the counters go on",
              "test_dispatcher.py::test_move_whose_way_back_fails_says_that_nothing_runs"),
    # What the source of a program lacks, and how it is compiled.
    elsewhere("compare with data_end before the access: `if (pointer + size > data_end) return XDP_PASS;`",
              "test_reasons.py::test_the_reason_is_the_verifiers"),
    advice("a lookup in a map may find nothing: compare its result with NULL first",
           "return *(__u32 *)bpf_map_lookup_elem(&numbers, &key);",
           "__u32 *found = bpf_map_lookup_elem(&numbers, &key); return found ? *found : XDP_PASS;"),
    advice("it reads before the start of the packet: the offset from ctx->data must not be negative",
           "char *data = (char *)(long)ctx->data; return data + 14 > (char *)(long)ctx->data_end ? XDP_PASS : "
           "data[-1];",
           "char *data = (char *)(long)ctx->data; return data + 14 > (char *)(long)ctx->data_end ? XDP_PASS : "
           "data[0];"),
    advice("give the loop a constant bound, or use bpf_loop() (Linux 5.17)",
           "for (;;) asm volatile(\"\"); return XDP_PASS;", "for (int i = 0; i < 9; ++i) asm volatile(\"\"); return "
                                                            "XDP_PASS;"),
    advice("give its loops smaller bounds, or split it by tail calls",
           "__u32 sum = 0; for (int i = 0; i < 900000; ++i) sum += bpf_get_prandom_u32(); return sum ? XDP_PASS : "
           "XDP_DROP;",
           "__u32 sum = 0; for (int i = 0; i < 900; ++i) sum += bpf_get_prandom_u32(); return sum ? XDP_PASS : "
           "XDP_DROP;"),
    advice("this kernel has no such helper for XDP programs",
           "return bpf_skb_pull_data((void *)ctx, 0) ? XDP_PASS : XDP_DROP;", "return XDP_PASS;"),
    untyped("this kernel takes no loops there: give them a constant bound, or `#pragma unroll`", "a kernel before 5.3"),
    *(elsewhere(hint, "load_failure_test.cpp::AMissingCapabilityIsNamedOnlyWhereItIsMissing") for hint in (
        "subtracting packet pointers needs CAP_PERFMON in addition to CAP_BPF",
        "that needs CAP_PERFMON in addition to CAP_BPF")),
    typed("`bpftool btf dump file /sys/kernel/btf/vmlinux format c` shows this kernel's types; a program asks with "
          "bpf_core_field_exists() or bpf_core_type_exists() first",
          partial(scenes.bare, command=f"xdp_loader --dev veth0 --filename {object_file('reason_field')}", status=1),
          Shows(what="struct net_device")),
    elsewhere('give the source one license that is compatible with the GPL, in the place of any other: char LICENSE[] '
              'SEC("license") = "GPL";', "test_reasons.py::test_a_license_that_is_not_compatible"),
    elsewhere('; where <xdp_tally/tally.bpf.h> alone calls one, #define XDP_TALLY_LINEAR before the include does as '
              'well, in a program of SEC("xdp")', "test_reasons.py::test_a_license_that_is_not_compatible"),
    elsewhere("take a newer kernel, or declare it __weak and ask bpf_ksym_exists() before it is used",
              "load_failure_test.cpp::WhatTheKernelLacksIsNamed"),
    untyped("receive metadata takes Linux 6.3; declare it __weak and ask bpf_ksym_exists() before it is used",
            "a kernel before 6.3"),
    advice("declare it __weak as well: then it is 0 where it is missing",
           "extern int CONFIG_NO_SUCH __kconfig; return CONFIG_NO_SUCH ? XDP_DROP : XDP_PASS;",
           "extern int CONFIG_NO_SUCH __kconfig __weak; return CONFIG_NO_SUCH ? XDP_DROP : XDP_PASS;"),
    untyped("it takes a kernel with CONFIG_DEBUG_INFO_BTF=y", "another kernel"),
    elsewhere("load it with that program, or add __uint(max_entries, N) to the definition of '{}'",
              "test_reasons.py::test_a_map_whose_size_is_left_to_its_own_program"),
    elsewhere("give it fewer max_entries", "load_failure_test.cpp::TheTableOfAHashHasToFit"),
    elsewhere("give it fewer max_entries, or map_flags BPF_F_NO_PREALLOC, so that it grows as it is filled",
              "load_failure_test.cpp::AHashMayGrowInstead"),
    elsewhere("this machine has at most {} CPUs: max_entries need not be more",
              "test_reasons.py::test_a_cpumap_with_more_entries_than_cpus"),
    elsewhere("add __uint(map_flags, BPF_F_NO_PREALLOC) to the definition of '{}'",
              "test_reasons.py::test_a_trie_without_its_flag"),
    *(elsewhere(hint, "load_failure_test.cpp::ARefusedMapIsExplainedByItsLayout") for hint in (
        "give the map in its __array(values, ...) a type, max_entries, a key and a value of its own",
        "make the value smaller, and max_entries larger",
        "give it fewer max_entries; in a container its memory limit counts",
        "take a newer kernel, or another type")),
    advice("#include <bpf/bpf_endian.h> and call bpf_{}(): {}() is of the C library",
           "return htons(ctx->ingress_ifindex) ? XDP_PASS : XDP_DROP;",
           "return bpf_htons(ctx->ingress_ifindex) ? XDP_PASS : XDP_DROP;", "#include <bpf/bpf_endian.h>"),
    advice("#include <bpf/bpf_endian.h>", "return bpf_htons(ctx->ingress_ifindex) ? XDP_PASS : XDP_DROP;", None,
           "#include <bpf/bpf_endian.h>"),
    advice("call __builtin_{}() with a constant size: there is no C library in BPF",
           "char text[64]; memset(text, ctx->ingress_ifindex, ctx->rx_queue_index & 63); return text[3] ? XDP_PASS : "
           "XDP_DROP;",
           "char text[64]; __builtin_memset(text, 1, sizeof(text)); return text[3] ? XDP_PASS : XDP_DROP;"),
    advice("#include <bpf/bpf_helpers.h> and call bpf_printk()", 'printk("seen"); return XDP_PASS;',
           'bpf_printk("seen"); return XDP_PASS;'),
    advice("#include <bpf/bpf_core_read.h>", "return bpf_core_field_exists(ctx->data) ? XDP_PASS : XDP_DROP;", None,
           "#include <bpf/bpf_core_read.h>"),
    advice("#include <bpf/bpf_helpers.h>", "return bpf_ktime_get_ns() ? XDP_PASS : XDP_DROP;", None,
           "#include <bpf/bpf_helpers.h>", helpers=False),
    advice("#include the header that defines '{}', or define it; clang -Wall names what C code uses undeclared",
           "return verdict(); ", None, "static int verdict(void) { return XDP_PASS; }"),
    advice("declare it with __ksym, `extern ... {}(...) __ksym;`, if it is a function of the kernel",
           "return bpf_rdonly_cast(ctx, 0) ? XDP_PASS : XDP_DROP;", None,
           "extern void *bpf_rdonly_cast(const void *obj, __u32 id) __ksym __weak;", loads=False),
    elsewhere("#include <xdp_tally/tally.bpf.h>", "test_reasons.py::test_a_missing_include_of_this_project"),
    elsewhere("link it with the object that defines '{}', and load what comes out: `bpftool gen object linked.bpf.o "
              "FILE OTHER`", "test_reasons.py::test_objects_that_were_never_linked"),
    elsewhere("remove `static` from the definition of '{}'", "test_reasons.py::test_a_static_program"),
    elsewhere("compile it without -emit-llvm and without -flto", "test_reasons.py::test_bitcode"),
    elsewhere("compile it with `clang -target {}`, or with `-target bpf` on a machine like this",
              "test_reasons.py::test_the_other_byte_order"),
    elsewhere("compile it again; `llvm-strip -g` takes nothing but the debug information",
              "test_reasons.py::test_without_symbols"),
    elsewhere("compile it with `clang -target bpf -g -O2 -idirafter /usr/include/$(uname -m)-linux-gnu -c prog.bpf.c "
              "-o prog.bpf.o`", "test_reasons.py::test_an_object_for_this_machine_and_not_for_bpf"),
    elsewhere("compile it again", "test_damaged_objects.py::test_damaged_objects"),
    elsewhere("compile it with `clang -target bpf -g`; BTF stays when `llvm-strip -g` strips it",
              "test_shapes.py::test_maps_that_libbpf_does_not_take"),
    elsewhere("define each as `struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, __u32); "
              '__type(value, __u64); } NAME SEC(".maps");`', "test_reasons.py::test_maps_of_the_old_kind"),
    elsewhere("compile it with `clang -target bpf -g`",
              "test_reasons.py::test_a_kernel_function_without_type_information"),
    typed("`llvm-readelf -S FILE` shows what is in it; -v shows libbpf's own messages", scenes.cut_off,
          Shows(what="There are|rror", status=None), Options("-v", status=1)),
    untyped("-v shows libbpf's other messages", "what libbpf refuses and this program does not know"),
]

DISPATCHERS = [
    elsewhere("what was done is done; `xdp_loader {}--status` shows it",
              "test_load.py::test_a_change_whose_outcome_cannot_be_written"),
    elsewhere("run it as root, or with CAP_SYS_ADMIN",
              "test_dispatcher_neighbours.py::test_dispatcher_that_cannot_be_looked_into"),
    typed("without --attach link it joins them{}",
          (scenes.beside, partial(scenes.beside, command="xdp_loader --dev veth0 --attach link --run -- true")),
          Options(less=" --attach link"), at="vm"),
    typed("; --force ends the dispatcher and takes its place", partial(scenes.beside, ends=True), Options("--force"),
          at="vm"),
    typed("without --attach it stays in the dispatcher", partial(scenes.beside, loaded=True),
          Options(less=" --attach link"), at="vm"),
    typed("without a mode option it joins the others in their mode",
          (partial(scenes.beside, command="xdp_loader --dev veth0 --skb-mode"),
           partial(scenes.beside, command="xdp_loader --dev veth0 --skb-mode", loaded=True)),
          Options(less=" --skb-mode"), at="vm"),
    typed("only if all its programs may end, `xdp_loader {} --unload {}` detaches the dispatcher",
          (partial(scenes.beside, command="xdp_loader --dev veth0 --unload", status=4, ends=True),
           partial(scenes.stuck, command="xdp_loader --netns red --dev veth0", shared=True),
           partial(scenes.stuck, command="xdp_loader --dev veth0 --unload", shared=True)),
          Command(again=False), at="vm"),
    typed("`xdp_loader {} --unload --keep-maps` detaches it and keeps its counts",
          partial(scenes.stuck, command="xdp_loader --netns red --dev veth0"), at="vm"),
    typed("libxdp still has {} of the dispatcher {} pinned, which is not attached where it was; unless it is attached "
          "elsewhere, `rm -r {}` removes them", scenes.taken_off_with_others, Command(again=False), at="vm"),
    typed("--attach link attaches it without a dispatcher",
          partial(scenes.bare, command=f"xdp_loader --dev veth0 --attach dispatcher --filename "
                                       f"{object_file('tail_call')}",
                  status=1),
          Options(less=" --attach dispatcher", more="--attach link"), at="vm"),
    typed("it cannot run beside the programs there; --attach link --force ends them, and takes their place",
          partial(scenes.beside, command=f"xdp_loader --dev veth0 --filename {object_file('tail_call')}", status=1,
                  ends=True),
          Options(more="--attach link --force"), at="vm"),
    typed("libxdp's pins of the dispatcher's programs remain; `rm -r {}` removes them", scenes.taken_off,
          Command(again=False), at="vm"),
    untyped("a killed `xdp_loader --run` left program {} '{}' in the dispatcher", "says what is; the rows below what "
                                                                                  "to do"),
    typed("a killed `xdp_loader --run` left its program in the dispatcher: the next load, --unload or --clean detaches "
          "it",
          partial(scenes.killed_run, command="xdp_stats --dev veth0 --count 1"),
          Does(scenes.end_it_by()), Does(scenes.end_it_by("--unload"), "--unload"), Does(scenes.end_it_by("--clean"),
                                                                                         "--clean --run"),
          at="vm"),
    untyped("the tool that loaded its programs has to unload them, and load them again with this libxdp",
            "whether they may end is a person's decision"),
    untyped("`xdp-loader` of that libxdp shows and unloads its programs", "a newer libxdp"),
    untyped("libxdp looks for them below {}, or /sys/fs/bpf: set it as it was when they were loaded",
            "what the variable was, only the user knows"),
    untyped("-v shows libxdp's messages; --attach link attaches without libxdp", "a fault of libxdp"),
    untyped('this MTU needs programs with frags support: build it as SEC("xdp.frags"), or lower the MTU',
            "its source is the user's"),
    elsewhere("a dispatcher takes `int {}(struct xdp_md *)`, and", "test_dispatcher.py::test_signature"),
]

OBSERVATIONS = [
    typed("`xdp_loader {} --unload` ends the observation, with its counters",
          partial(scenes.observed, command="xdp_loader --dev veth0", status=5), at="vm"),
    untyped("the interface is observed by `xdp_loader --observe`, and its counters are pinned there",
            "the reason of the row above"),
    typed("each of the dispatcher's {} programs is counted, too: `xdp_stats {} --per-program` shows them",
          scenes.two_observed, Shows(what="foreign_late", goes_on=True), at="vm"),
    typed("once the program is replaced, `xdp_loader {} --observe` observes the next one; with --follow it does so by "
          "itself",
          scenes.two_observed, Command(again=False), Does(scenes.follow_it, "--follow"), at="vm"),
    elsewhere("`xdp_loader {} --clean` removes its pins", "test_observe.py::test_device_is_deleted"),
    typed("the observed program runs, and is not counted any more; `xdp_loader {} --observe` goes on with the pinned "
          "maps", scenes.observed_no_more, at="vm"),
    typed("the observed program is gone; once another one is attached, `xdp_loader {0} --observe` continues with the "
          "pinned maps; `xdp_loader {0} --clean` removes them", scenes.observed_is_gone,
          Does(scenes.observed_anew), Command(1, again=False), at="vm"),
    typed("`xdp_loader {} --observe` observes it anew, with new counters",
          scenes.observed_without_counters, at="vm"),
    typed("the map pinned as {} is not the one that is counted into; `rm {}`, then {}",
          scenes.observed_with_other_counters, Does(scenes.one_after_the_other), at="vm"),
    typed("another program has replaced the observed one; `xdp_loader {} --observe` observes it",
          scenes.observed_is_replaced, Command(again=False), at="vm"),
    typed("`xdp_stats {}` shows what the map holds",
          (partial(scenes.beside, command="xdp_stats --dev veth0 --per-program --once", status=4, loaded=True),
           scenes.foreign_map_beside), Shows(what="veth0", goes_on=True), at="vm"),
    typed("`xdp_loader {} --observe` counts the verdicts of the program that is attached there",
          (partial(scenes.beside, command="xdp_stats --dev veth0 --once", status=4),
           partial(scenes.observed_without_counters, command="xdp_stats --dev veth0 --once", status=4)), at="vm"),
    elsewhere("compile its object with -g, and load it with its BTF", "test_observe.py::test_program_without_types"),
    elsewhere("without that declaration the packet cannot be read: change the source of the program",
              "test_observe.py::test_argument_of_no_type"),
    untyped("--observe takes a kernel that allows them: on x86-64 Linux 5.5 does, on arm64 6.0; a program with "
            "<xdp_tally/tally.bpf.h> in its source counts by itself, and takes none", "another kernel or source"),
    untyped("its argument is not declared as `struct xdp_md *`", "the reason of the row above"),
]

DELIVERY = [
    typed("nothing else of xdp_loader is left here: `xdp_loader {}--untrack-delivery` ends it",
          (scenes.tracked_alone, scenes.tracked_alone_below_another_root), Command(again=False)),
    typed("`xdp_loader {}--track-delivery` attaches it again", scenes.tracked_without_a_link),
    typed("`xdp_loader {}--untrack-delivery` removes what is there", scenes.foreign_delivery_meta),
    typed("`xdp_loader {}--untrack-delivery` removes the pins, and the counts with them",
          scenes.other_delivery_layout),
]

ROWS = [*HOOK, *STATES, *PLACES, *PINS, *NAMES, *HABITS, *READER, *USERS, *OBJECTS, *DISPATCHERS, *OBSERVATIONS,
        *DELIVERY]
