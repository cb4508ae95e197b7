# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""How much work the programs do, in what no machine's speed changes: instructions, allocations, system and bpf() calls.

What was counted before is in work.json, for each Debian release, whose compiler and libraries are part of it.
More than a twentieth above that is a failure. A change that is worth it, or one that saves something, has the
numbers written anew:

    XDP_TALLY_WORK=write tests/e2e/run tests/e2e/test_work.py
"""

import json
import os
import re
from pathlib import Path

import pytest

from support.devices import named
from support.processes import run
from support.programs import LOADER, STATS
from support.strace import count_calls

FILE = Path(__file__).with_name("work.json")
MARGIN = 0.05
WRITING = os.environ.get("XDP_TALLY_WORK") == "write"


def release():
    """"debian 12 x86_64": what the numbers depend on."""
    described = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.MULTILINE))
    return f"{described.get('ID')} {described.get('VERSION_ID')} {os.uname().machine}"


def instructions(command, scratch):
    """In user space."""
    done = run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={scratch / 'callgrind'}", *command])
    return int(re.search(r"Collected : (\d+)", done.err)[1])


def allocations(command, _scratch):
    done = run(["valgrind", *command])
    return int(re.search(r"total heap usage: ([\d,]+) allocs", done.err)[1].replace(",", ""))


def system_calls(command, scratch, *only):
    log = scratch / "strace"
    run(["strace", "-f", "-qq", *only, "-o", log, *command])
    log.write_text(re.sub(r"^\d+ +", "", log.read_text(), flags=re.MULTILINE))
    return count_calls(log)


def bpf_calls(command, scratch):
    return system_calls(command, scratch, "-e", "trace=bpf")


COUNTED = {"instructions": instructions, "allocations": allocations, "system calls": system_calls,
           "bpf() calls": bpf_calls}

MANY = named(f"many{number}" for number in range(10))
ONE = ["--dev", "veth0"]
# On which interfaces a program runs before, and the command.
WORK = {
    "loader: version": ((), [LOADER, "--version"]),
    "loader: first load": ((), [LOADER, *ONE, "--attach", "link"]),
    "loader: replacement": (ONE, [LOADER, *ONE, "--attach", "link"]),
    "loader: reuse": (ONE, [LOADER, *ONE, "--attach", "link", "--reuse-maps"]),
    "loader: unload": (ONE, [LOADER, *ONE, "--unload"]),
    "loader: status": (ONE, [LOADER, *ONE, "--status"]),
    "loader: status of ten": (MANY, [LOADER, "--status"]),
    "stats: version": ((), [STATS, "--version"]),
    "stats: one reading": (ONE, [STATS, *ONE, "--once"]),
    "stats: ten, JSON": (MANY, [STATS, "--all", "--once", "--json"]),
}


@pytest.fixture(name="counted_before")
def numbers():
    known = json.loads(FILE.read_text())
    if not WRITING and release() not in known:
        pytest.skip(f"nobody has counted on {release()}")
    yield known.setdefault(release(), {})
    if WRITING:
        FILE.write_text(json.dumps(known, indent=1) + "\n")


@pytest.mark.parametrize("work", WORK)
def test_work(lab, counted_before, work, tmp_path):
    attached, command = WORK[work]
    for dev in {"veth0", *attached[1::2]}:
        lab.veth(dev)
    now = {}
    for kind, count in COUNTED.items():
        if attached:
            lab.loader(*attached, "--attach", "link")
        now[kind] = count(command, tmp_path)
        if "--unload" not in command and (attached or "--attach" in command):
            lab.loader(*(attached or ONE), "--unload")
    if WRITING:
        counted_before[work] = now
    before = counted_before[work]
    more = {kind: f"{count} instead of {before[kind]}" for kind, count in now.items()
            if count > before[kind] * (1 + MARGIN)}
    assert not more, f"{work}: {more}"
