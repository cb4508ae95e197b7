# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Running what is to be measured. Times are in milliseconds, memory in MiB, unless a name says otherwise."""

import os
import re
import statistics
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]


class Failed(Exception):
    """Something cannot be measured here; the text says why."""


@dataclass
class Cost:
    """What a command took, or several one after the other."""
    wall: float = 0
    cpu: float = 0
    memory: float = 0

    def __add__(self, other):
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.memory, other.memory))


@dataclass
class Bench:
    """Where things are, and how thorough to be."""
    build: Path
    quick: bool
    frames: int = 2_000_000  # that are sent at a time
    scratch: Path = field(default_factory=lambda: Path(tempfile.mkdtemp()))

    def __post_init__(self):
        self.loader = self.build / "src/loader/xdp_loader"
        self.stats = self.build / "src/stats/xdp_stats"

    def tool(self, name):
        return self.build / "bench" / name

    def object(self, name):
        return self.build / "bench" / f"bench_{name}.bpf.o"

    def rounds(self, count):
        return 2 if self.quick else count

    def measure(self, *commands, may_fail=False):
        """The cost of commands that run one after the other, each of which has to succeed unless it `may_fail`."""
        cost = Cost()
        for command in commands:
            each, done = cost_of(self, command)
            if done.returncode != 0 and not may_fail:
                raise Failed(f"{' '.join(map(str, command))}: {last_line(done.stderr)}")
            cost += each
        return cost

    def count_calls(self, *commands):
        """System calls of commands and their children: (bpf(), all)."""
        file = self.scratch / "calls"
        bpf = every = 0
        for command in commands:
            run("strace", "--follow-forks", "--summary-only", "--output", file, *command)
            for line in file.read_text(encoding="ascii").splitlines():
                if found := re.fullmatch(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)", line):
                    count, name = int(found[1]), found[2]
                    bpf += count if name == "bpf" else 0
                    every += count if name != "total" else 0
        return bpf, every


def cost_of(bench, command, enter=()):
    """(Its cost, how it ended). What `enter` takes, a command that executes another, is not part of it."""
    file = bench.scratch / "cost"
    done = subprocess.run([*enter, bench.tool("measure"), file, *map(str, command)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    wall, user, system, memory = map(int, file.read_text(encoding="ascii").split())
    return Cost(wall / 1e6, (user + system) / 1e3, memory / 1024), done


def last_line(text):
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "failed without a word"


def run(*command, **options):
    """Standard output of a command that has to succeed."""
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {last_line(done.stderr)}")
    return done.stdout.decode()


def cpu_milliseconds(pid):
    """Of all threads; the scheduler's nanoseconds."""
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e6
               for task in Path(f"/proc/{pid}/task").iterdir())


def peak_memory(pid):
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def create_veth(end=1, first=0):
    """Pairs bench0 and peer0, bench1 and peer1, ... up; the names of those to load on."""
    names = [f"bench{number}" for number in range(first, end)]
    lines = []
    for number, name in enumerate(names, first):
        lines += [f"link add {name} type veth peer name peer{number}", f"link set {name} up",
                  f"link set peer{number} up"]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines).encode(), check=True)
    return names


def named(devices):
    """The options of both programs that name them."""
    return [word for name in devices for word in ("--dev", name)]


def remove_veth(devices):
    subprocess.run(["ip", "-batch", "-"], input="\n".join(f"link del {name}" for name in devices).encode(), check=True)


def ethtool_sum(device, pattern):
    numbers = re.findall(rf"^\s*\w*{pattern}\w*:\s*(\d+)$", run("ethtool", "-S", device), re.MULTILINE)
    return sum(map(int, numbers))


def median(values):
    return statistics.median(values)


def quartiles(values):
    """(lower, upper); both the value itself where there is but one."""
    if len(values) < 2:
        return values[0], values[0]
    lower, _, upper = statistics.quantiles(values, n=4)
    return max(lower, min(values)), min(upper, max(values))


def pin_to_last_cpu():
    """Itself and what it starts: what is compared runs on the same CPU."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
