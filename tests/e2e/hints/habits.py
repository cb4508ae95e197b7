# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What other tools call an option, and names that come close: the command that the hint makes of it works."""

from functools import partial

from hints import scenes
from hints.rows import Command, Instead, Shows, elsewhere, typed, untyped
from support.pins import BPFFS
from support.programs import object_file

LOAD, READ = "xdp_loader --dev veth0", "xdp_stats --dev veth0"
OWN = object_file("own")
MAP = BPFFS / "veth0/xdp_stats_map"
MAP_ID = f"$(bpftool -j map show pinned {MAP} | sed 's/.*\"id\":\\([0-9]*\\).*/\\1/')"


def bare(hint, wrong, *right, at="here"):
    """Nothing is attached to the device before."""
    return typed(hint, partial(scenes.bare, command=wrong, status=2), *map(Instead, right), at=at)


def counted(hint, wrong, *right, about=""):
    """A load of the user's has counted. `about`: an option that the hint speaks of, and does not advise."""
    return typed(hint, partial(scenes.loaded, command=wrong, status=2), *(Instead(each, about) for each in right))


OF_LOADER = [
    bare("loading is what `xdp_loader --dev IFACE` does without a verb", f"{LOAD} --load", LOAD),
    counted("`--unload` detaches the program and removes its pins", f"{LOAD} --detach", f"{LOAD} --unload"),
    counted("`--status` shows what is attached and pinned", f"{LOAD} --list", f"{LOAD} --status"),
    counted("a load without --reuse-maps starts new maps; `xdp_stats --totals session` counts from its own start",
            f"{LOAD} --reset", LOAD, f"{READ} --totals session --count 1", about="--reuse-maps"),
    counted("`--status` without --dev has a line for each interface", f"{LOAD} --status --brief",
            "xdp_loader --status", about="--dev"),
    counted("`--reuse-maps` keeps the maps of the previous load", f"{LOAD} --reuse", f"{LOAD} --reuse-maps"),
    bare("`--progname NAME` chooses the program in a file", f"{LOAD} --filename {OWN} --prog-name own_drop",
         f"{LOAD} --filename {OWN} --progname own_drop"),
    bare("`--section NAME` chooses the first program of a section", f"{LOAD} --filename {OWN} --sec xdp.frags",
         f"{LOAD} --filename {OWN} --section xdp.frags"),
    bare("`--filename FILE` loads a BPF object of your own", f"{LOAD} --object {OWN}", f"{LOAD} --filename {OWN}"),
    bare("`--bpffs DIR` is the root: pins are made below it, in IFACE/", f"{LOAD} --pin-path {BPFFS}",
         f"{LOAD} --bpffs {BPFFS}"),
    bare("`--prio N` is the position in the dispatcher", f"{LOAD} --priority 7", f"{LOAD} --prio 7", at="vm"),
    bare("`--chain-actions LIST` has the verdicts after which the next program runs", f"{LOAD} --actions pass",
         f"{LOAD} --chain-actions pass", at="vm"),
    bare("`--skb-mode` attaches in the network stack (generic mode)", f"{LOAD} --generic", f"{LOAD} --skb-mode"),
    bare("`--native-mode` attaches in the driver", f"{LOAD} --xdpdrv", f"{LOAD} --native-mode"),
    untyped("`--offload-mode` attaches in the network card", "it takes a network card that runs BPF"),
    bare("`--auto-mode` is the default", f"{LOAD} --auto", f"{LOAD} --auto-mode"),
    counted("a load replaces the program of an earlier one; `--force` that of somebody else, too", f"{LOAD} --replace",
            LOAD, f"{LOAD} --force"),
    bare("`--action` is the verdict of the built-in program", f"{LOAD} --verdict drop", f"{LOAD} --action drop"),
    counted("the counters are shown by `xdp_stats --dev IFACE`", f"{LOAD} --watch", f"{READ} --once"),
    counted("that is an option of xdp_stats: `xdp_stats --dev IFACE` shows the counters", f"{LOAD} --per-cpu --once",
            f"{READ} --per-cpu --once"),
    counted("`--status` and `--clean` mean every interface where no --dev is given", "xdp_loader --all",
            "xdp_loader --status", "xdp_loader --clean", about="--dev"),
]

OF_STATS = [
    counted("that is an option of xdp_loader: `xdp_loader --dev IFACE` loads with it, then `xdp_stats --dev IFACE` "
            "shows the counts", f"{READ} --reuse-maps", f"{LOAD} --reuse-maps", f"{READ} --once"),
    typed("that is an option of xdp_loader: `xdp_loader --help` says what it does",
          partial(scenes.loaded, command=f"{READ} --features", status=2), Shows(what="--features"),
          Instead(f"{LOAD} --features")),
    bare("`xdp_loader --dev IFACE --action drop` drops, and counts what", f"{READ} --drop", f"{LOAD} --action drop"),
    *(elsewhere(hint, "test_bad_input.py::test_stats_usage") for hint in (
        "samples go on until interrupted; `--live` is the full-screen view", "`--live` is the full-screen view")),
    counted("`--interval TIME` is the time between samples", f"{READ} --period 9ms",
            f"{READ} --interval 9ms --count 2"),
    counted("`--count N` stops after N rounds of samples", f"{READ} --samples 1", f"{READ} --count 1"),
    counted("`--totals session` counts from this command's start; the counters stay as they are", f"{READ} --reset",
            f"{READ} --totals session --count 1"),
    counted("`--totals lifetime` counts from the first load", f"{READ} --lifetime --once",
            f"{READ} --totals lifetime --once"),
    counted("`--map PATH` reads a pin; `--bpffs DIR` is the root of those of interfaces", f"xdp_stats --path {MAP}",
            f"xdp_stats --map {MAP} --once", f"{READ} --bpffs {BPFFS} --once"),
    counted("`--map PATH` reads a pin", f"xdp_stats --pin {MAP}", f"xdp_stats --map {MAP} --once"),
    counted("`--map-id N` reads a map by its id", f"xdp_stats --id {MAP_ID}", f"xdp_stats --map-id {MAP_ID} --once"),
    typed("`--listen ADDR:PORT` serves metrics for Prometheus",
          partial(scenes.loaded, command=f"{READ} --prometheus", status=2),
          Instead(f"{READ} --listen 127.0.0.1:0", until="^serving ")),
    counted("`--brief` has a line for each device", "xdp_stats --all --summary", "xdp_stats --all --brief --once"),
    counted("`--format csv` prints comma-separated values", f"{READ} --csv", f"{READ} --once --format csv"),
    counted("`--expect EXPR` waits until a condition holds", f"{READ} --until 'pass.packets == 7'",
            f"{READ} --expect 'pass.packets == 7'"),
    counted("`--within TIME` limits how long --expect and --wait wait",
            f"{READ} --expect 'pass.packets == 7' --timeout 9", f"{READ} --expect 'pass.packets == 7' --within 9",
            f"{READ} --wait --within 9 --count 1"),
    counted("`--settle TIME` is how long the conditions of --expect have to hold",
            f"{READ} --expect 'pass.packets == 7' --stable 9ms", f"{READ} --expect 'pass.packets == 7' --settle 9ms"),
    counted("`--per-cpu` adds a row for each CPU", f"{READ} --cpus", f"{READ} --per-cpu --once"),
    counted("`xdp_loader --status` shows what is attached and pinned", f"{READ} --status", "xdp_loader --status"),
    counted("`xdp_loader --dev IFACE --unload` detaches the program", f"{READ} --unload", f"{LOAD} --unload"),
]

OF_BOTH = [
    counted("`--dev IFACE` names the interface", "xdp_loader --interface veth0", LOAD),
    counted("`--dev IFACE` names the interface", "xdp_stats --iface veth0", f"{READ} --once"),
    counted("did you mean {}?", f"{LOAD} --statsu", f"{LOAD} --status"),
    typed("did you mean `{}`?",
          (partial(scenes.bare, command="xdp_loader veth0", status=2),
           partial(scenes.bare, command="xdp_loader load -m skb veth0", status=2),
           partial(scenes.bare, command="xdp_loader —dev veth0", status=2),
           partial(scenes.bare, command="xdp_loader veth0:", status=2),
           partial(scenes.bare, command="xdp_loader --dev veth0 --run true", status=2),
           partial(scenes.bare, command="xdp_loader run veth0 -- true", status=2),
           partial(scenes.loaded, command="xdp_loader veth0 status", status=2, after=[scenes.not_replaced]),
           partial(scenes.loaded, command="xdp_loader features veth0", status=2, after=[scenes.not_replaced]),
           partial(scenes.loaded, command="xdp_loader veth0 unload", status=2, after=[scenes.empty]),
           partial(scenes.loaded, command="xdp_loader --unload veth0", status=2, after=[scenes.empty]),
           partial(scenes.loaded, command=f"{READ} --expect pass.packets == 7", status=2, after=[scenes.not_replaced]),
           partial(scenes.odd_device, command="xdp_loader {dev}", status=2)), Command(again=False)),
    typed("{} takes one value", partial(scenes.bare, command=f"{LOAD} --action drop pass", status=2), Instead(LOAD)),
    typed("`xdp_loader --status` shows what is attached to which interface; `xdp_loader --help` lists the options",
          partial(scenes.loaded, command="xdp_loader", status=2), Shows(what="veth0"), Shows(1, what="--dev")),
    typed("repeat --dev for each of several interfaces",
          partial(scenes.bare, command="xdp_loader --dev veth0,lo", status=4), Instead(LOAD)),
    typed("`ip link` shows more than the name, which is {}",
          (partial(scenes.bare, command="xdp_loader --dev veth0@p-veth0", status=4),
           partial(scenes.bare, command="xdp_loader --dev veth0:", status=2)), Instead(LOAD)),
]

HABITS = [*OF_LOADER, *OF_STATS, *OF_BOTH]
