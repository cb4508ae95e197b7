# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Programs under strace, which counts their system calls, and has one fail or be the last."""

import os
import re
import subprocess

from support.processes import DEADLINE, SANITIZER, WITHOUT_LEAK_CHECK, Result

FAULT_STEP = int(os.environ.get("XDP_TALLY_FAULT_STEP", "1"))  # of that many calls, one
# One call fails, or that and all after it, or the program is killed there.
FAULTS = {"error": "error=ENOMEM", "errors": "error=ENOMEM", "kill": "signal=SIGKILL"}
INJECTED = re.compile(r"\(INJECTED\)|killed by SIGKILL")


class Faults:
    """How many were injected; the last lines of a run of the tests say it."""

    injected = 0


def strace(*options, command=(), log="/dev/null"):
    """The command under strace; without one, a prefix of commands."""
    return [*WITHOUT_LEAK_CHECK, "strace", "-o", log, *options, *command]


def count_calls(log):
    return sum(1 for line in log.read_text().splitlines() if re.match(r"\w+\(", line))


def inject(command, log, call, fault, when):
    """Runs the command with this fault at its call number `when`."""
    traced = strace("-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={when}", command=command, log=log)
    done = subprocess.run([str(part) for part in traced], capture_output=True, text=True, timeout=DEADLINE,
                          check=False)
    assert not SANITIZER.search(done.stderr), done.stderr
    note_fault(log)
    return Result(done.returncode, done.stdout, done.stderr)


def faulty(command, log, call, fault, number):
    """The loader's command, with one of FAULTS at its call of that number."""
    when = f"{number}+" if fault == "errors" else number
    return strace("-e", f"trace={call}", "-e", f"inject={call}:{FAULTS[fault]}:when={when}", command=command, log=log)


def run_faulty(command):
    """The loader's exit status; 137 if it was killed. Whatever else it is, an error message says why."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=DEADLINE,
                          check=False)
    assert not SANITIZER.search(done.stderr), done.stderr
    status = 128 - done.returncode if done.returncode < 0 else done.returncode
    assert status in (0, 1, 3, 4, 5, 137), done.stderr
    if status not in (0, 137):
        assert done.stderr.startswith("xdp_loader: "), done.stderr
    return status


def note_fault(log):
    """Whether the command has met it: how many calls there are may differ a little from one time to the next."""
    met = INJECTED.search(log.read_text()) is not None
    Faults.injected += met
    return met


def calls_of_main(log):
    """The calls since main has begun, without those of the dynamic loader: (name, how often it was called by then,
    whether a child process was made before)."""
    times = {}
    begun = forked = False
    for line in log.read_text().splitlines():
        if not (call := re.match(r"(\w+)\(", line)):
            continue
        name = call[1]
        times[name] = times.get(name, 0) + 1
        begun = begun or "RLIMIT_NOFILE" in line  # the first thing that both programs ask for
        forked = forked or name in ("clone", "clone3", "vfork")
        if begun:
            yield name, times[name], forked
