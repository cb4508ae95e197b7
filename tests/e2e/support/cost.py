# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The kernel's run-time statistics of programs, and what xdp_stats --cost says of itself."""

import re

from support.bpftool import bpftool

NOTICE = re.compile(r"xdp_stats: --cost: while this runs, each run of any BPF program takes about (\d+\.\d) ns longer; "
                    r"an empty one is reported as (\d+\.\d) ns, which is taken off")


def runs_of(program_id):
    """(runs, nanoseconds) as bpftool has them, which leaves out zeros."""
    shown = bpftool("prog", "show", "id", program_id)
    return shown.get("run_cnt", 0), shown.get("run_time_ns", 0)


def empty_run(process):
    """What is taken off, as the notice says."""
    return float(NOTICE.fullmatch(process.wait_for_line(NOTICE.pattern, stream="err"))[2])
