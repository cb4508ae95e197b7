# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Programs that run to their end, and programs that go on while the test does other things.

Nothing sleeps to let something happen: `wait_until` and the `wait_for` methods look until it did, and fail when a
generous deadline has passed.
"""

import json
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections import namedtuple

NOBODY = 65534
CAP_SYS_ADMIN, CAP_BPF = 1 << 21, 1 << 39  # as the capability sets in /proc/PID/status have them
DEADLINE = float(os.environ.get("XDP_TALLY_DEADLINE", "60"))  # seconds; an emulated machine takes its time
Result = namedtuple("Result", "status out err")
# What the sanitizers write when they find something.
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")
# LeakSanitizer starts a thread that traces the others: not under strace, nor where there may be no thread.
WITHOUT_LEAK_CHECK = ["env", "ASAN_OPTIONS=detect_leaks=0"]


def wait_until(condition, what):
    """Returns condition()'s first true result."""
    end = time.monotonic() + DEADLINE
    while not (result := condition()):
        assert time.monotonic() < end, f"timed out: {what() if callable(what) else what}"
        time.sleep(0.005)
    return result


def as_user(uid, *capabilities):
    """Command prefix: that user, no groups, exactly these capabilities."""
    kept = "".join(f",+{name}" for name in capabilities)
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", f"--inh-caps=-all{kept}",
            f"--ambient-caps=-all{kept}", f"--bounding-set=-all{kept}"]


# Command prefix: root without CAP_SYS_ADMIN.
WITHOUT_SYS_ADMIN = ["setpriv", "--inh-caps=-sys_admin", "--bounding-set=-sys_admin"]


def run(command, status=0, timeout=DEADLINE, lines=()):
    """Runs a command to its end, which has to come with this exit status. These lines are its standard input.

    The kernel takes Latin-1 letters in a program's name, and `ip` prints them as they are: no valid UTF-8.
    """
    feed = {"input": "".join(f"{line}\n" for line in lines)} if lines else {"stdin": subprocess.DEVNULL}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout,
                          errors="surrogateescape", check=False, **feed)
    shown = f"{' '.join(map(str, command))}\nstdout: {done.stdout}\nstderr: {done.stderr}"
    assert not SANITIZER.search(done.stderr), shown
    assert done.returncode == status, f"status {done.returncode} instead of {status}: {shown}"
    return Result(done.returncode, done.stdout, done.stderr)


def read_in_time(descriptor):
    """What a pipe, a socket or a terminal has next; empty at its end."""
    assert select.select([descriptor], [], [], DEADLINE)[0], "nothing comes"
    return os.read(descriptor, 65536)


class Process:
    """A program that goes on while the test does other things; its output is collected line by line."""

    def __init__(self, command):
        self.command = [str(part) for part in command]
        self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
        self.lines = {"out": [], "err": []}
        self.status = 0  # that its end has to come with; or did, once it was waited for
        self._seen = {"out": 0, "err": 0}
        self._threads = [threading.Thread(target=self._collect, args=item, daemon=True)
                         for item in (("out", self.popen.stdout), ("err", self.popen.stderr))]
        for thread in self._threads:
            thread.start()

    def _collect(self, name, stream):
        with stream:
            for line in stream:
                self.lines[name].append(line.rstrip("\n"))

    def describe(self):
        tail = {name: lines[-12:] for name, lines in self.lines.items()}
        return f"{' '.join(self.command)}: {json.dumps(tail, indent=1)}"

    def wait_for_line(self, condition, stream="out"):
        """The first line since the last call that meets the condition, which may be a pattern."""
        test = re.compile(condition).search if isinstance(condition, str) else condition

        def look():
            ended = self.popen.poll() is not None
            if ended:
                for thread in self._threads:
                    thread.join(DEADLINE)
            while self._seen[stream] < len(self.lines[stream]):
                line = self.lines[stream][self._seen[stream]]
                self._seen[stream] += 1
                if test(line):
                    return line
            assert not ended, f"ended with {self.popen.returncode} too early: {self.describe()}"
            return None

        return wait_until(look, lambda: f"no such line ({condition}): {self.describe()}")

    def wait(self, status=0):
        """Waits for the end; everything the program wrote is in `lines` then."""
        self.popen.wait(DEADLINE)
        for thread in self._threads:
            thread.join(DEADLINE)
        assert not SANITIZER.search("\n".join(self.lines["err"])), self.describe()
        assert self.popen.returncode == status, f"status {self.popen.returncode}: {self.describe()}"
        self.status = status
        return "\n".join(self.lines["err"])

    def stop(self, with_signal=signal.SIGINT, status=None):
        if self.popen.poll() is None:
            self.popen.send_signal(with_signal)
        return self.wait(self.status if status is None else status)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
