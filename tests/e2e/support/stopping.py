# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A program that stops between two of its steps."""

import os
import signal

from support.process_table import processes
from support.processes import DEADLINE, Process, run, wait_until
from support.programs import LOADER
from support.strace import count_calls, strace


class Stopping:
    """A command that stops after system calls of a kind: those that strace's `when` says."""

    def __init__(self, log, syscall, when, command, inject=()):
        log.unlink(missing_ok=True)
        self.log = log
        self.stops = 0
        self.goes_on_stopping = str(when).endswith("+")
        stop = ("-e", f"inject={syscall}:signal=SIGSTOP:when={when}")
        self.process = Process(strace("-e", f"trace={syscall},fchmodat", *inject, *stop,
                                      command=command, log=log))

    def __enter__(self):
        return self

    def __exit__(self, kind, *exception):
        self.send_signal(signal.SIGKILL if kind else signal.SIGCONT)
        if not kind and not self.goes_on_stopping:
            self.process.popen.wait(DEADLINE)  # what it still does is not left to the next test

    def stopped(self):
        """Waits for the next stop; false when it has ended instead."""
        self.stops += 1
        wait_until(lambda: self.has_stopped() or self.has_ended(), self.process.describe)
        return not self.has_ended()

    def has_stopped(self):
        return self.log.exists() and self.log.read_text().count("stopped by SIGSTOP") >= self.stops

    def has_ended(self):
        return self.process.popen.poll() is not None

    def send_signal(self, number):
        for process in processes():
            if process.parent == self.process.popen.pid:
                os.kill(process.pid, number)


def calls_of_a_load(lab, log, dev, syscall):
    lab.load(dev)
    run(strace("-e", f"trace={syscall}", command=[LOADER, "--dev", dev], log=log))
    lab.loader("--dev", dev, "--unload")
    calls = count_calls(log)
    assert calls, f"a load calls no {syscall}"
    return calls
