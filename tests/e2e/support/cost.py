# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The kernel's run-time statistics of programs, and what xdp_stats --cost says of itself."""

import re
import signal

import pytest
from support.bpftool import bpftool
from support.processes import wait_until
from support.samples import read
from support.traffic import SIZE, send

NOTICE = re.compile(r"xdp_stats: --cost: while this runs, each run of any BPF program takes about (\d+\.\d) ns longer; "
                    r"an empty one is reported as (\d+\.\d) ns, which is taken off")


def runs_of(program_id):
    """(runs, nanoseconds) as bpftool has them, which leaves out zeros."""
    shown = bpftool("prog", "show", "id", program_id)
    return shown.get("run_cnt", 0), shown.get("run_time_ns", 0)


def empty_run(process):
    """What is taken off, as the notice says."""
    return float(NOTICE.fullmatch(process.wait_for_line(NOTICE.pattern, stream="err"))[2])


def wait_for_packets(dev, count):
    wait_until(lambda: read("--dev", dev)["total"]["packets"] == count, f"{count} packets expected")


def cost_of(reader, veth, program, frames, empty):
    """What the sample says that has all these frames, sent while the reader is stopped; it agrees with bpftool."""
    reader.popen.send_signal(signal.SIGSTOP)
    runs, nanoseconds = runs_of(program)
    send(veth, frames, SIZE)
    wait_for_packets(veth.name, frames)
    more_runs, more_nanoseconds = runs_of(program)
    assert more_runs - runs == frames
    reader.popen.send_signal(signal.SIGCONT)
    cost = reader.wait_for(lambda sample: sample["total"]["session_packets"] == frames)["cost"]
    own = max(0, (more_nanoseconds - nanoseconds) / frames - empty)
    assert cost["ns_per_run"] == pytest.approx(own, abs=0.06)  # both are rounded
    return cost
