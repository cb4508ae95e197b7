# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What `xdp_stats --cost` costs: every program runs longer while the kernel measures it."""

import os
import re
import subprocess
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

from datapath import send_and_drop
from measuring import Failed, create_veth, last_line, median, remove_veth, run
from page import spread, table

OFF, ON = "without", "while `xdp_stats --cost` runs"


@contextmanager
def statistics(bench, device):
    """Switched on as a user does it; yields what the notice says an empty program is reported as."""
    process = subprocess.Popen([bench.stats, "--dev", device, "--cost", "--interval", "1h"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        line = process.stderr.readline()
        found = re.search(rb"reported as ([\d.]+) ns", line)
        if not found:
            raise Failed(f"xdp_stats --cost: {last_line(line + process.stderr.read())}")
        yield float(found[1])
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def wait_until_off():
    """Nobody else may have them on: there are no such descriptors."""
    def holders():
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if os.readlink(link) == "anon_inode:bpf-stats":
                    yield link
            except OSError:
                continue
    while any(holders()):
        time.sleep(0.01)


def run_statistics(bench):
    runs = 10_000 if bench.quick else 400_000
    frames = 20_000 if bench.quick else bench.frames
    program = f"{bench.build / 'bpf' / 'linear_alone.bpf.o'}:xdp_drop"
    took, dropped, reported = defaultdict(list), defaultdict(list), []

    def measure(way):
        took[way] += [float(line.split()[1])
                      for line in run(bench.tool("test-run"), 5, runs, 64, program).splitlines()]
        send_and_drop(bench, device, frames)
        dropped[way].append(send_and_drop(bench, device, frames))

    (device,) = create_veth()
    try:
        run(bench.loader, "--dev", device, "-N", "--quiet", "--action", "drop")
        for _ in range(bench.rounds(15)):
            wait_until_off()
            measure(OFF)
            with statistics(bench, device) as empty:
                reported.append(empty)
                measure(ON)
        run(bench.loader, "--dev", device, "--unload", "--quiet")
    finally:
        remove_veth([device])
    rows = [[name, spread(values[OFF], digits), spread(values[ON], digits),
             f"{median(values[ON]) / median(values[OFF]):.2f}"]
            for name, values, digits in (("a run of the built-in drop program, ns", took, 2),
                                         ("frames that it drops, million/s", dropped, 3))]
    rows.append(["an empty program, as the kernel reports it, ns", "", spread(reported, 1), ""])
    return {"cost": table(["", OFF, ON, "ratio"], rows)}, []
