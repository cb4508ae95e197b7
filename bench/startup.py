# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What starting a program costs before it does anything: the dynamic linker, the libraries, the command line."""

import re
import subprocess
from collections import defaultdict

from measuring import Failed, last_line, median
from page import spread, table


def instructions_of(bench, command):
    """In user space, counted by callgrind."""
    output = f"--callgrind-out-file={bench.scratch / 'callgrind'}"
    done = subprocess.run(["valgrind", "--tool=callgrind", output, *command],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    found = re.search(rb"Collected : (\d+)", done.stderr)
    if not found:
        raise Failed(f"callgrind: {last_line(done.stderr)}")
    return int(found[1])


def startup(bench):
    commands = {
        "`/bin/true`": ["/bin/true"],
        "`xdp_loader --version`": [bench.loader, "--version"],
        "`xdp_stats --version`": [bench.stats, "--version"],
        "`xdp-loader help` (xdp-tools)": ["xdp-loader", "help"],
        "`ip -V`": ["ip", "-V"],
        "`bpftool version`": ["bpftool", "version"],
    }
    costs = defaultdict(list)
    for _ in range(bench.rounds(101)):
        for name, command in commands.items():
            costs[name].append(bench.measure(command, may_fail=True))  # xdp-loader's help is an error to it
    rows = [[name, spread([cost.wall for cost in costs[name]], 2), spread([cost.cpu for cost in costs[name]], 2),
             f"{instructions_of(bench, commands[name]) / 1e6:.2f}",
             f"{median([cost.memory for cost in costs[name]]):.1f}"]
            for name in commands]
    return {"startup": table(["", "wall, ms", "CPU, ms", "million instructions", "memory, MiB"], rows)}, []
