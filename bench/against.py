# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The programs as they are beside those of an earlier commit, in turn: what got slower by more than the noise."""

import ctypes
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from comparison import Row, compared, conclusion
from measuring import (TOP, Failed, cost_of, cpu_milliseconds, create_veth, last_line, median, named, peak_memory,
                       pin_to_last_cpu, run)

USAGE = 2  # the exit status of both programs for a command line that they do not understand
PROGRAMS = ("src/loader/xdp_loader", "src/stats/xdp_stats")  # in a build directory
SCRAPES = 3  # of a server
PAIRS = 41
QUICK_PAIRS = 14
# What the build that is measured was configured with, and the earlier one is then as well.
CONFIGURED = re.compile(r"^(CMAKE_(?:BUILD_TYPE|UNITY_BUILD\w*|GENERATOR|EXE_LINKER_FLAGS\w*)|"
                        r"CMAKE_C(?:XX)?_(?:COMPILER(?:_LAUNCHER)?|FLAGS\w*)|TALLY_\w+):\w+=(.*)$", re.MULTILINE)


class Unknown(Exception):
    """This build does not understand the command."""


# ---- the earlier build -------------------------------------------------------------------------------------


def git(*words):
    # Under sudo the repository belongs to somebody else.
    return ["git", "-c", f"safe.directory={TOP}", "-C", TOP, *words]


def described(commit):
    """"1a2b3c4 (Its first line)"."""
    return run(*git("log", "-1", "--format=%h (%s)", commit)).strip()


def build_earlier(bench, commit):
    """Its sources and its build lie in the scratch directory, and go with it. Returns the build directory."""
    source = bench.scratch / "source"
    build = source / "build"
    source.mkdir()
    archive, log = bench.scratch / "archive.tar", bench.scratch / "build.log"
    run(*git("archive", "--format=tar", f"--output={archive}", commit))
    run("tar", "-xf", archive, "-C", source)
    archive.unlink()
    cache = dict(CONFIGURED.findall((bench.build / "CMakeCache.txt").read_text(encoding="utf-8")))
    generator = cache.pop("CMAKE_GENERATOR")
    configure = ["cmake", "-S", source, "-B", build, "-G", generator, "-DBUILD_TESTING=OFF",
                 *(f"-D{name}={value}" for name, value in cache.items())]
    make = ["cmake", "--build", build, "--target", "xdp_loader", "xdp_stats",
            "--parallel", os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL") or str(os.cpu_count())]
    with log.open("wb") as output:
        for command in (configure, make):
            if subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                              check=False).returncode != 0:
                print(log.read_text(errors="replace")[-4000:], file=sys.stderr)
                raise Failed(f"the earlier commit cannot be built: {' '.join(map(str, command[:2]))} failed")
    return build


def copy_programs(build, to):
    """What is measured of a build, in memory that is taken anew: where a program lies tells in its CPU time, and so
    does the file system."""
    shutil.rmtree(to, ignore_errors=True)
    for program in PROGRAMS:
        (to / program).parent.mkdir(parents=True)
        shutil.copy(build / program, to / program)


# ---- one of both -------------------------------------------------------------------------------------------


@dataclass
class Side:
    """A build, with network namespace, bpffs and devices of its own: neither reads the other's pins."""
    bench: object
    build: Path
    copy: Path  # of its programs
    world: int  # the process that holds its namespaces
    unknown: dict = field(default_factory=dict)  # by row, what the build says of its command line

    def __post_init__(self):
        self.loader, self.stats = (self.copy / program for program in PROGRAMS)
        self.renew()
        self.enter = ["nsenter", f"--target={self.world}", "--net", "--mount", "--"]

    def renew(self):
        copy_programs(self.build, self.copy)

    def run(self, *command):
        """Preparation: what cannot be prepared is not measured."""
        done = subprocess.run([*self.enter, *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False)
        check(command, done)

    def if_known(self, row, measured):
        """What `measured` returns, nothing for what the build does not know."""
        if row in self.unknown:
            return {}
        try:
            return measured()
        except Unknown as reason:
            self.unknown[row] = str(reason)
            return {}

    def measure(self, row, *command):
        """{"ROW: wall, ms": ..., "ROW: CPU, ms": ...}"""
        def measured():
            cost, done = cost_of(self.bench, command, self.enter)
            check(command, done)
            return {f"{row}: wall, ms": cost.wall, f"{row}: CPU, ms": cost.cpu}
        return self.if_known(row, measured)


def check(command, done):
    if done.returncode == USAGE:
        raise Unknown(last_line(done.stderr))
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {last_line(done.stderr)}")


@contextmanager
def world(devices):
    """Namespaces with so many pairs of devices; yields the process that holds them."""
    prepare = ("mount -t sysfs sysfs /sys && mount -t bpf -o mode=0755 bpf /sys/fs/bpf && ip link set lo up && "
               "for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do "
               "[ ! -e $file ] || echo 1 >$file; done && echo ready && exec sleep infinity")
    with subprocess.Popen(["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", prepare],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout.readline() != b"ready\n":
                raise Failed("there are no namespaces to measure in")
            with network_of(process.pid):
                create_veth(devices)
            yield process.pid
        finally:
            process.kill()


@contextmanager
def network_of(process):
    """This thread is in the network namespace of the process; a socket stays where it was made."""
    def enter(path):
        with open(path, "rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0) != 0:
                raise Failed(f"{path}: {os.strerror(ctypes.get_errno())}")
    with open("/proc/self/ns/net", "rb") as own:
        enter(f"/proc/{process}/ns/net")
        try:
            yield
        finally:
            enter(f"/proc/self/fd/{own.fileno()}")


# ---- what is measured --------------------------------------------------------------------------------------
# Each part prepares a side, and yields what measures it once: a function that returns values by row.


@contextmanager
def starts(side, _count):
    yield lambda: {**side.measure("`xdp_loader --version`", side.loader, "--version"),
                   **side.measure("`xdp_stats --version`", side.stats, "--version")}


@contextmanager
def loads(side, _count):
    loader = [side.loader, "--dev", "bench0", "-q"]
    file = side.bench.object("counting")
    commands = {
        "load": ["-N"],
        "reload": ["-N"],
        "reload that reuses the maps": ["-N", "-M"],
        "load of a file over it": ["-N", "--filename", file],
        "unload": ["-U"],
    }

    def once():
        values = {}
        for row, words in commands.items():
            values.update(side.measure(row, *loader, *words))
        return values
    yield once


@contextmanager
def readings(side, _count):
    side.run(side.loader, "--dev", "bench0", "-N", "-q")
    yield lambda: {**side.measure("status", side.loader, "--dev", "bench0", "--status"),
                   **side.measure("one reading", side.stats, "--dev", "bench0", "--once")}
    side.run(side.loader, "--dev", "bench0", "-U", "-q")


@contextmanager
def many(side, count):
    devices = named(f"bench{number}" for number in range(count))
    side.run(side.loader, *devices, "-N", "-q")
    yield lambda: {**side.measure(f"status of {count} devices", side.loader, "--status"),
                   **side.measure(f"a reading of {count} devices", side.stats, "--all", "--once"),
                   **side.measure(f"reload of {count} devices", side.loader, *devices, "-N", "-q"),
                   **side.measure(f"unload of {count} devices", side.loader, *devices, "-U", "-q"),
                   **side.measure(f"load of {count} devices", side.loader, *devices, "-N", "-q")}
    side.run(side.loader, *devices, "-U", "-q")


@contextmanager
def scrapes(side, count):
    devices = named(f"bench{number}" for number in range(count))
    side.run(side.loader, *devices, "-N", "-q")
    row = f"a scrape of {count} devices"
    yield lambda: side.if_known(row, lambda: scrape(side, row))
    side.run(side.loader, *devices, "-U", "-q")


def scrape(side, row):
    """By a server of its own, as with a program's start: where its memory lies is another matter of chance."""
    with subprocess.Popen([*side.enter, side.stats, "--all", "--listen", "0"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        try:
            found = re.search(rb"http://([^/]+):(\d+)/metrics", server.stdout.readline())
            if not found:
                output = server.stderr.read()
                check([side.stats, "--listen"], subprocess.CompletedProcess([], server.wait(), b"", output))
                raise Failed("xdp_stats --listen does not say where it serves")
            address, port = found[1].decode().strip("[]"), int(found[2])
            get(side, address, port)  # the first one of all is another thing
            before, start = cpu_milliseconds(server.pid), time.perf_counter()
            for _ in range(SCRAPES):
                get(side, address, port)
            wall, cpu = (time.perf_counter() - start) * 1e3, cpu_milliseconds(server.pid) - before
            return {f"{row}: wall, ms": wall / SCRAPES, f"{row}: CPU, ms": cpu / SCRAPES,
                    f"{row}: memory of the server, MiB": peak_memory(server.pid)}
        finally:
            server.send_signal(signal.SIGINT)


def get(side, address, port):
    client = http.client.HTTPConnection(address, port)
    with network_of(side.world):
        client.sock = socket.create_connection((address, port))
    client.request("GET", "/metrics")
    answer = client.getresponse()
    answer.read()
    client.close()
    if answer.status != http.HTTPStatus.OK:
        raise Failed(f"a scrape is answered with {answer.status}")


PARTS = {"start": starts, "load": loads, "reading": readings, "many": many, "scrape": scrapes}
PACKETS = {"a packet, `xdp`, ns": "linear_alone.bpf.o:xdp_drop",
           "a packet, `xdp.frags`, ns": "frags_alone.bpf.o:xdp_drop_frags"}


def in_turn(sides, pairs, part, count):
    """Series by row, one for each side; who comes first changes from pair to pair."""
    series = defaultdict(lambda: [[], []])
    with ExitStack() as stack:
        measured = []
        for number, side in enumerate(sides):
            try:
                measured.append((number, stack.enter_context(part(side, count))))
            except Unknown as reason:
                print(f"\nbench: one build only: {reason}", file=sys.stderr)
        for number, once in measured:
            once()  # files and caches are warm
        for pair in range(pairs):
            for number, _ in measured:
                sides[number].renew()
            for number, once in measured if pair % 2 == 0 else reversed(measured):
                for row, value in once().items():
                    series[row][number].append(value)
    return [Row(name, *both) for name, both in series.items()]


def packets(bench, sides, pairs):
    """Loaded anew for each pair: where the kernel puts a program's code makes a difference of a nanosecond or two."""
    rows = []
    for name, program in PACKETS.items():
        file = program.split(":", maxsplit=1)[0]
        there = [number for number, side in enumerate(sides) if (side.build / "bpf" / file).exists()]
        both = [[], []]
        for pair in range(pairs):
            order = there if pair % 2 == 0 else there[::-1]
            if not order:
                continue
            lines = run(bench.tool("test-run"), 5, 10_000 if bench.quick else 400_000, 64,
                        *(sides[number].build / "bpf" / program for number in order)).splitlines()
            for place, number in enumerate(order):
                both[number].append(median([float(line.split()[1]) for line in lines[place::len(order)]]))
        if there:
            rows.append(Row(name, *both))
    return rows


def against(bench, commit, devices):
    """The exit status: 1 if something is slower. `devices`: how many are many."""
    revision = described(commit)
    print(f"bench: building {revision}", file=sys.stderr, flush=True)
    earlier = build_earlier(bench, commit)
    pin_to_last_cpu()
    pairs, count = QUICK_PAIRS if bench.quick else PAIRS, devices or (5 if bench.quick else 100)
    rows = []
    with world(count) as one, world(count) as other:
        sides = [Side(bench, earlier, bench.scratch / "before", one),
                 Side(bench, bench.build, bench.scratch / "now", other)]
        for name, part in PARTS.items():
            start = time.monotonic()
            print(f"bench: {name} ", end="", file=sys.stderr, flush=True)
            rows += in_turn(sides, pairs, part, count)
            print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
        print("bench: packet", file=sys.stderr)
        rows += packets(bench, sides, pairs)
    for when, side in zip(("before", "now"), sides):
        for row, reason in side.unknown.items():
            print(f"bench: {row}: not {when}: {reason}", file=sys.stderr)
    print(f"{compared(rows)}\n\n{conclusion(rows, revision)}")
    return 1 if any(row.verdict == "slower" for row in rows) else 0
