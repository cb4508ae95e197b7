# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What --track-delivery costs packets that arrive, and packets that are lost."""

import ctypes
import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path

from measuring import Failed, create_veth, median, remove_veth, run
from page import spread, table

PINS = Path("/sys/fs/bpf/xdp:delivery")
BURST = 20_000  # frames at a time
BPF_ENABLE_STATS = 32
SYS_BPF = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine, 280)


def enable_statistics():
    """The kernel measures every run of every program, until the descriptor is closed."""
    attributes = ctypes.create_string_buffer(128)  # BPF_STATS_RUN_TIME is 0
    fd = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, BPF_ENABLE_STATS, attributes, 128)
    if fd < 0:
        raise Failed(f"run-time statistics: {os.strerror(ctypes.get_errno())}")
    return fd


def attached_programs():
    """Ids of those at the tracepoints. bpftool 7.5 says them, and ends with status 255 all the same."""
    return [json.loads(subprocess.run(["bpftool", "--json", "link", "show", "pinned", link], capture_output=True,
                                      check=False).stdout)["prog_id"] for link in PINS.glob("link_*")]


def statistics_of(programs):
    """(runs, nanoseconds) of all of them; what each goes on to by a tail call is part of its run."""
    shown = [json.loads(run("bpftool", "--json", "prog", "show", "id", program)) for program in programs]
    return sum(each.get("run_cnt", 0) for each in shown), sum(each.get("run_time_ns", 0) for each in shown)


def delivery(bench):
    """What these programs take while packets are redirected, sent back, lost or dropped."""
    devices = create_veth(2)
    redirect = ("--action", "redirect", "--redirect-to", "bench1")
    cases = {
        "redirected, and arrive": (redirect, "up"),
        "sent back (`XDP_TX`)": (("--action", "tx"), "up"),
        "redirected to a target that is down": (redirect, "down"),
        "aborted": (("--action", "aborted"), "up"),
        "dropped": (("--action", "drop"), "up"),
    }
    samples = {name: defaultdict(list) for name in cases}
    statistics = enable_statistics()
    try:
        # So that both ends take what is redirected or sent to them.
        for peer in ("peer0", "peer1"):
            run(bench.loader, "--dev", peer, "-N", "--action", "drop", "--quiet")
        run(bench.loader, "--track-delivery", "--quiet")
        programs = attached_programs()
        for _ in range(bench.rounds(31)):
            for name, (options, state) in cases.items():
                run("ip", "link", "set", "dev", "bench1", state)
                run(bench.loader, "--dev", "bench0", "-N", "--quiet", *options)
                runs, time = statistics_of(programs)
                run(bench.tool("live-frames"), bench.object("generator"), "peer0", BURST, 64)
                runs, time = (after - before for after, before in zip(statistics_of(programs), (runs, time)))
                samples[name]["runs"].append(runs / BURST)
                samples[name]["each"].append(time / runs)
                samples[name]["packet"].append(time / BURST)
    finally:
        os.close(statistics)
        run(bench.loader, "--untrack-delivery", "--quiet")
        for dev in ("bench0", "peer0", "peer1"):
            run(bench.loader, "--dev", dev, "--unload", "--quiet")
        remove_veth(devices)
    rows = [[name, f"{median(values['runs']):.3f}", spread(values["each"]), spread(values["packet"])]
            for name, values in samples.items()]
    return {"delivery": table(["packets are", "runs for a packet", "ns for a run", "ns for a packet"], rows)}, []
