# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --run, to its end or in the background."""

import signal
import sys

from support.devices import attached
from support.pins import PINS, pin_dir, pins_of
from support.processes import Process
from support.programs import LOADER

MAPS = ["xdp_stats_map", "xdp_stats_meta"]
RUNNING = ["+run", *MAPS]  # what is pinned meanwhile, and the lock beside it
GOES_ON = ("sh", "-c", "echo ready $$; exec tail -f /dev/null")
NOTES_SIGNALS = """
import os, signal, sys
def note(number, frame):
    os.write(1, b"got %d\\n" % number)
    if number == signal.SIGTERM:
        os._exit(9)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, note)
os.write(1, b"ready %d\\n" % os.getpid())
while True:
    signal.pause()
"""
# Says "got N" for every signal, and ends with 9 at SIGTERM.
NOTING = (sys.executable, "-c", NOTES_SIGNALS)


class Run(Process):
    """Around a command that says "ready PID" and goes on."""

    def __init__(self, *options, command=GOES_ON, prefix=(), ready=True):
        super().__init__([*prefix, LOADER, *options, "--run", "--", *command])
        if ready:
            self.command_pid = int(self.wait_for_line("^ready").split()[1])

    def stop(self, with_signal=signal.SIGTERM, status=None):
        """Without a status: for the lab, which takes down whatever is left."""
        if self.popen.poll() is None:
            self.popen.send_signal(with_signal)
        return self.wait(self.popen.wait(60) if status is None else status)


def running(lab, *options, **more):
    return lab.started(Run(*options, **more))


def run_loaded(lab, *options, command, status=0, prefix=()):
    return lab.loader(*options, "--run", "--", *command, status=status, prefix=prefix)


def shell(text):
    return ("sh", "-euc", text)


def clean(dev="veth0"):
    return attached(dev) is None and not pin_dir(dev).exists()


# What may come next, each of which leaves nothing of the run.
NEXT = {"load": (), "unload": ("--unload",), "clean": ("--clean",), "clean all": ("--clean",),
        "run": ("--run", "--", "true")}


def come_next(lab, verb, dev="veth0"):
    """The next command, and what has to be there after it."""
    lab.loader(*([] if verb == "clean all" else ["--dev", dev]), *NEXT[verb])
    if verb == "load":
        assert lab.status(dev)["state"] == lab.once(dev)["state"] == "attached"
        assert pins_of(dev) == PINS
        lab.loader("--dev", dev, "--unload")
    assert clean(dev)


def kill(process):
    process.popen.kill()
    process.wait(-signal.SIGKILL)  # which also waits until nobody has its output open
