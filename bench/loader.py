# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Attaching, replacing and detaching: ours, the peers, and what the kernel alone takes."""

import shutil
from collections import defaultdict
from pathlib import Path

from comparison import Row
from measuring import create_veth, median, named, remove_veth
from page import Goal, ratio, spread, table

BPFFS = Path("/sys/fs/bpf")
VERBS = ("load", "reload", "unload")


class Ways:
    """The commands for every verb. A list of commands is run one after the other."""

    def __init__(self, bench, device):
        ours, floor, file = bench.loader, bench.tool("floor"), bench.object("counting")
        ip = ["ip", "link", "set", "dev", device]
        xdp_loader = [["xdp-loader", "load", "-m", "native", "-p", BPFFS / "bench-xdp-loader", device, file]]
        self.reloads = 0
        self.commands = {
            "the kernel alone (`bench/floor.c`)": lambda verb: [[floor, verb, BPFFS / "bench-floor", device]],
            "the same, when no CPU is in the old program": lambda verb: [
                [floor, "exact-reload" if verb == "reload" else verb, BPFFS / "bench-floor", device]],
            "`xdp_loader`": lambda verb: [[ours, "--dev", device, "-q", *(["-U"] if verb == "unload" else ["-N"])]],
            "`xdp_loader -M`": lambda verb: [[ours, "--dev", device, "-q",
                                              *(["-U"] if verb == "unload" else ["-N", "-M"])]],
            "`xdp_loader --filename`": lambda verb: [[ours, "--dev", device, "-q",
                                                     *(["-U"] if verb == "unload" else ["-N", "--filename", file])]],
            "`xdp-loader` (xdp-tools)": lambda verb: {
                "load": xdp_loader, "reload": [["xdp-loader", "unload", device, "--all"], *xdp_loader],
                "unload": [["xdp-loader", "unload", device, "--all"]]}[verb],
            "`ip link set xdpdrv`": lambda verb: {
                "load": [[*ip, "xdpdrv", "obj", file, "sec", "xdp"]],
                "reload": [["ip", "-force", *ip[1:], "xdpdrv", "obj", file, "sec", "xdp"]],
                "unload": [[*ip, "xdpdrv", "off"]]}[verb],
            "`bpftool`": lambda verb: self.bpftool(verb, device, file),
        }

    def bpftool(self, verb, device, file):
        """Two generations of pins, taken in turn: bpftool replaces no pin."""
        old, new = (BPFFS / f"bench-bpftool-{(self.reloads + turn) % 2}" for turn in (0, 1))
        load = lambda pins: [["mkdir", pins], ["bpftool", "prog", "load", file, pins / "program", "pinmaps", pins]]
        if verb == "load":
            return [*load(old), ["bpftool", "net", "attach", "xdpdrv", "pinned", old / "program", "dev", device]]
        if verb == "reload":
            self.reloads += 1
            attach = ["bpftool", "net", "attach", "xdpdrv", "pinned", new / "program", "dev", device, "overwrite"]
            return [*load(new), attach, ["rm", "-r", old]]
        return [["bpftool", "net", "detach", "xdpdrv", "dev", device], ["rm", "-r", old]]

    @staticmethod
    def clean():
        shutil.rmtree(BPFFS / "bench-xdp-loader", ignore_errors=True)  # xdp-loader leaves its maps pinned


def loading(bench):
    (device,) = create_veth()
    ways = Ways(bench, device)
    costs, calls = defaultdict(list), {}
    try:
        for _ in range(bench.rounds(41)):
            for name, commands in ways.commands.items():
                for verb in VERBS:
                    costs[verb, name].append(bench.measure(*commands(verb)))
                ways.clean()
        for name, commands in ways.commands.items():
            for verb in VERBS:
                calls[verb, name] = bench.count_calls(*commands(verb))
            ways.clean()
    finally:
        remove_veth([device])

    floor, exact, ours, peer = *list(ways.commands)[:3], "`xdp-loader` (xdp-tools)"
    result, goals = {}, []
    for verb in VERBS:
        of = lambda name, what: [getattr(cost, what) for cost in costs[verb, name]]
        wall = lambda name: median(of(name, "wall"))
        cpu = lambda name: median(of(name, "cpu"))
        result[verb] = table(
            ["", "wall, ms", "over the kernel", "CPU, ms", "over the kernel", "memory, MiB", "`bpf()` calls",
             "calls in all"],
            [[name, spread(of(name, "wall")), ratio(wall(name), wall(floor)), spread(of(name, "cpu"), 2),
              ratio(cpu(name), cpu(floor)), f"{max(of(name, 'memory')):.1f}", *calls[verb, name]]
             for name in ways.commands if verb == "reload" or name != exact])
        if verb == "reload":  # a replaced map is read a last time
            goals.append(Goal("reload: at most 5 ms over the kernel's wall time until no CPU is in the old program",
                              f"{wall(ours):.1f} against {wall(exact):.1f} ms", wall(ours) <= wall(exact) + 5))
        else:
            goals.append(Goal(f"{verb}: at most the kernel's wall time and 5 ms",
                              f"{wall(ours):.1f} against {wall(floor):.1f} ms", wall(ours) <= wall(floor) + 5))
        if verb == "unload":  # which `xdp-loader` does without its pins
            goals.append(Goal("unload: at most 2 ms of CPU time of its own",
                              f"{cpu(ours):.2f}, of which the kernel alone takes {cpu(floor):.2f} ms",
                              cpu(ours) <= cpu(floor) + 2))
        else:
            goals.append(beside_peer(verb, of(peer, "cpu"), of(ours, "cpu")))
    return result, goals


def beside_peer(what, peers, ours):
    """They were measured in turn: what is more than by chance is told by the sign test, as for two builds."""
    pairs = Row(what, peers, ours)
    return Goal(f"{what}: at most `xdp-loader`'s CPU time, but for the noise",
                f"{median(ours):.2f} against {median(peers):.2f} ms; {pairs.difference:+.2f} in a pair, noise "
                f"{pairs.noise:.2f}", pairs.verdict != "slower")


FILES = {"counting": "small, with maps", "core": "small, with CO-RE", "large": "thousands of instructions"}


def files(bench):
    """Loads of objects that take the loader, or the verifier, different times."""
    (device,) = create_veth()
    ours, peer = "`xdp_loader`", "`xdp-loader` (xdp-tools)"
    costs, calls = defaultdict(list), {}

    own, theirs = [bench.loader, "-q", "--dev", device], ["xdp-loader"]

    def load(name, file):
        return [*own, "-N", "--filename", file] if name == ours else [*theirs, "load", "-m", "native", device, file]

    def unload(name):
        return [*own, "-U"] if name == ours else [*theirs, "unload", device, "--all"]

    try:
        for _ in range(bench.rounds(41)):
            for kind in FILES:
                for name in (ours, peer):
                    costs[kind, name].append(bench.measure(load(name, bench.object(kind))))
                    bench.measure(unload(name))
        for kind in FILES:
            for name in (ours, peer):
                calls[kind, name] = bench.count_calls(load(name, bench.object(kind)))
                bench.measure(unload(name))
    finally:
        remove_veth([device])
    of = lambda key, what: [getattr(cost, what) for cost in costs[key]]
    rows, goals = [], []
    for kind, words in FILES.items():
        for name in (ours, peer):
            rows.append([words, name, spread(of((kind, name), "wall")), spread(of((kind, name), "cpu"), 2),
                         *calls[kind, name]])
        goals.append(beside_peer(f"a load of a file, {words}", of((kind, peer), "cpu"), of((kind, ours), "cpu")))
    return {"files": table(["object", "", "wall, ms", "CPU, ms", "`bpf()` calls", "calls in all"], rows, left=2)}, goals


def hundred(bench):
    """Many devices in one command, and in as many commands."""
    count = 5 if bench.quick else 100
    devices = create_veth(count)
    ways = {"one": [named(devices)], "each": [named([name]) for name in devices]}
    rows, goals = [], []
    try:
        for mode, option in (("native", "-N"), ("generic", "-S")):
            costs = defaultdict(list)
            for _ in range(bench.rounds(5)):
                for way, starts in ways.items():
                    for verb in VERBS:
                        command = [bench.loader, "-q", "-U" if verb == "unload" else option]
                        costs[verb, way].append(bench.measure(*([*command, *words] for words in starts)))
            for verb in VERBS:
                one, each = (median([cost.wall for cost in costs[verb, way]]) for way in ways)
                cpu_one, cpu_each = (median([cost.cpu for cost in costs[verb, way]]) for way in ways)
                rows.append([f"{verb}, {mode}", f"{one:.0f}", f"{each:.0f}", ratio(each, one), f"{cpu_one:.0f}",
                             f"{cpu_each:.0f}", ratio(cpu_each, cpu_one)])
                goals.append(Goal(f"{count} devices: {verb} in {mode} mode in half of the CPU time in one command",
                                  f"1/{cpu_each / cpu_one:.1f}; wall time 1/{each / one:.1f}", cpu_each >= 2 * cpu_one))
    finally:
        remove_veth(devices)
    heads = ["", "one command, ms", f"{count} commands, ms", "ratio", "CPU of one, ms", "CPU of all, ms", "ratio"]
    return {"hundred": table(heads, rows)}, goals
