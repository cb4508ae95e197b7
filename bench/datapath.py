# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What counting costs for a packet, and how many packets a second are left of it."""

import json
import re
import signal
import subprocess
import time
from collections import defaultdict

from measuring import TOP, Failed, create_veth, ethtool_sum, last_line, median, remove_veth, run
from page import Goal, ratio, spread, table

PROGRAMS = {
    "empty": "empty program",
    "xdp_drop": "ours, `xdp`",
    "libxdp_header": "libxdp's `xdp_stats_kern.h`, `xdp`",
    "empty_frags": "empty program, `xdp.frags`",
    "xdp_drop_frags": "ours, `xdp.frags`",
    "helper": "`bpf_xdp_get_buff_len()` for each packet, `xdp.frags`",
}


def datapath(bench):
    builtin = bench.build / "bpf"
    files = {
        "empty": bench.object("empty"), "xdp_drop": builtin / "linear_alone.bpf.o",
        "libxdp_header": bench.object("libxdp"), "empty_frags": bench.object("empty"),
        "xdp_drop_frags": builtin / "frags_alone.bpf.o", "helper": bench.object("helper"),
    }
    samples = defaultdict(list)
    # Where the kernel puts a program's code makes a difference of a nanosecond or two: each is loaded many times.
    for _ in range(bench.rounds(31)):
        for line in run(bench.tool("test-run"), 5, 10_000 if bench.quick else 400_000, 64,
                        *(f"{file}:{name}" for name, file in files.items())).splitlines():
            name, nanoseconds = line.split()
            samples[name].append(float(nanoseconds))

    # Pairs of one round, so that what is common to both drops out.
    def cost(name):
        base = samples["empty_frags" if name in ("xdp_drop_frags", "helper") else "empty"]
        return [value - floor for value, floor in zip(samples[name], base)]

    costs = {name: cost(name) for name in PROGRAMS}
    ours = median(costs["xdp_drop"])
    rows = [[label, spread(samples[name], 2), "" if "empty" in name else spread(costs[name], 2),
             "" if "empty" in name else ratio(median(costs[name]), ours)] for name, label in PROGRAMS.items()]
    frags, libxdp, helper = (median(costs[name]) for name in ("xdp_drop_frags", "libxdp_header", "helper"))
    goals = [
        Goal("`xdp` no dearer than libxdp's header", f"{ours:.2f} against {libxdp:.2f} ns", ours <= libxdp * 1.02),
        Goal("exact with fragments for at most 2.5 ns more than `xdp`",
             f"{frags:.2f} against {ours:.2f} ns; the helper's way {helper:.2f}", frags <= ours + 2.5),
    ]
    return {"datapath": table(["program", "ns", "over an empty one, ns", "ratio"], rows)}, goals


def instructions(bench):
    """The kernel's translation of the built-in programs, and that no call is left on the way of a packet."""
    (device,) = create_veth()
    texts, calls = [], {}
    try:
        for variant, mtu in (("xdp", 1500), ("xdp.frags", 9000)):
            run("ip", "link", "set", "dev", "peer0", "mtu", mtu)
            run("ip", "link", "set", "dev", device, "mtu", mtu)
            run(bench.loader, "--dev", device, "-N", "--action", "drop", "--quiet")
            code = dump_attached(device)
            run(bench.loader, "--dev", device, "--unload", "--quiet")
            calls[variant] = [line for line in code if re.search(r"\bcall\b", line)]
            texts.append(f"`{variant}`:\n\n```\n" + "\n".join(code) + "\n```")
    finally:
        remove_veth([device])
    linear, frags = calls.values()
    return {"instructions": "\n\n".join(texts)}, [
        Goal("no helper call on the way of a packet",
             f"`xdp`: {len(linear)} calls; `xdp.frags`: {len(frags)}, for frames that have fragments",
             not linear and all("xdp_get_buff_len" in call for call in frags))]


def dump_attached(device):
    """The instructions, a line each."""
    (link,) = json.loads(run("ip", "-json", "link", "show", "dev", device))
    code = run("bpftool", "prog", "dump", "xlated", "id", link["xdp"]["prog"]["id"])
    # What is another number every time says nothing.
    code = re.sub(r"(map\[id:|bpf_\w+#)\d+|(0x)f{8}[0-9a-f]{8}", lambda found: f"{found[1] or found[2]}...", code)
    return [line for line in code.splitlines() if re.match(r"\s*\d+:", line)]


# ---- end to end --------------------------------------------------------------------------------------------


class XdpBench:
    """`xdp-bench drop` of xdp-tools, while it drops."""

    def __init__(self, device):
        self.process = subprocess.Popen(["xdp-bench", "drop", "-m", "native", "-i", "3600", device],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while not run("ip", "-json", "link", "show", "dev", device).count('"prog"'):
            if self.process.poll() is not None:
                raise Failed(f"xdp-bench drop: {last_line(self.process.stderr.read())}")
            time.sleep(0.01)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


def send_and_drop(bench, device, count):
    """Million packets a second: the kernel's frames leave one end of a veth pair and are dropped at the other."""
    before = ethtool_sum(device, "xdp_drops")
    nanoseconds = int(run(bench.tool("live-frames"), bench.object("generator"), "peer0", count, 64))
    dropped = ethtool_sum(device, "xdp_drops") - before
    if dropped != count:
        raise Failed(f"{dropped} of {count} frames were dropped")
    return count / nanoseconds * 1e3


def forwarding(bench):
    """Of every program, in turn."""
    count = 20_000 if bench.quick else bench.frames
    (device,) = create_veth()

    def with_ip():
        run("ip", "link", "set", "dev", device, "xdpdrv", "obj", bench.object("empty"), "sec", "xdp")
        return lambda: run("ip", "link", "set", "dev", device, "xdpdrv", "off")

    def with_loader(*options):
        run(bench.loader, "--dev", device, "-N", "--quiet", *options)
        return lambda: run(bench.loader, "--dev", device, "--unload", "--quiet")

    ways = {
        "a bare drop program": with_ip,
        "ours": lambda: with_loader("--action", "drop"),
        "`xdp-bench drop`": lambda: XdpBench(device).stop,
    }
    rates, refused = defaultdict(list), {}
    try:
        for _ in range(bench.rounds(31 if count > 1_000_000 else 15)):
            for name, attach in ways.items():
                if name in refused:
                    continue
                try:
                    detach = attach()
                except Failed as reason:
                    if name.startswith("`xdp-bench"):
                        refused[name] = str(reason)
                        continue
                    raise
                send_and_drop(bench, device, count)
                rates[name].append(send_and_drop(bench, device, count))
                detach()
    finally:
        remove_veth([device])
    bare = median(rates["a bare drop program"])
    rows = [[name, spread(values, 3), ratio(median(values), bare)] for name, values in rates.items()]
    rows += [[name, f"not here ({reason})", ""] for name, reason in refused.items()]
    ours = median(rates["ours"])
    return {"forwarding": table(["program", "million packets/s", "ratio"], rows)}, [
        Goal("packets dropped within 2 % of a bare drop program",
             f"{ours:.3f} against {bare:.3f} million/s: {(ours / bare - 1) * 100:+.1f} %", ours >= bare * 0.98)]


def emulated(bench):
    """The same where every peer runs: xdp-bench needs programs of type tracing, which not every kernel takes."""
    printed = run(TOP / "scripts/vm-run", "6.12", "env", f"XDP_TALLY_BUILD={bench.build}", TOP / "scripts/bench",
                  "--print", "--frames", 200_000, "forwarding")
    found = re.search(r"^forwarding:\n((?:\|.*\n)+)", printed.replace("\r", ""), re.MULTILINE)
    if not found:
        raise Failed("the virtual machine printed no table")
    return {"emulated": found[1].rstrip()}, []
