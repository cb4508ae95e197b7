# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The processes there are, as /proc tells it."""

import contextlib
import os
import sys
from pathlib import Path

SYS_FLOCK = {"x86_64": "73", "aarch64": "32"}.get(os.uname().machine, "32")
SYS_WRITE = {"x86_64": "1", "aarch64": "64"}.get(os.uname().machine, "64")
SYS_POLL = {"x86_64": "7"}.get(os.uname().machine)  # the newer architectures have only the other
SYS_PPOLL = {"x86_64": "271", "aarch64": "73"}.get(os.uname().machine, "73")


def waits_in(pid):
    """The number of the system call that it sleeps in, and its arguments; "running" where it does not sleep."""
    return Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()


def is_waiting_for_a_lock(pid):
    """/proc/locks of 5.10 does not list who waits behind another that waits."""
    return waits_in(pid)[0] == SYS_FLOCK


def is_between_rounds(pid):
    """Where an xdp_stats sleeps until it is time, or something happens."""
    return waits_in(pid)[0] == SYS_PPOLL


def waits_for_its_stderr(pid):
    """Which nobody reads: it writes there, or waits until it can."""
    number, *arguments = waits_in(pid)
    if number == SYS_WRITE:
        return int(arguments[0], 16) == 2
    if number not in (SYS_POLL, SYS_PPOLL):
        return False
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(int(arguments[0], 16))
        return int.from_bytes(memory.read(4), sys.byteorder, signed=True) == 2


class Entry:
    """A line of `ps`."""

    def __init__(self, path):
        self.pid = int(path.name)
        name, _, rest = path.joinpath("stat").read_text().partition("(")[2].rpartition(")")
        self.name = name
        self.state, parent, _, session = rest.split()[:4]
        self.parent, self.session = int(parent), int(session)
        self.words = path.joinpath("cmdline").read_text().rstrip("\0").split("\0")


def processes():
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                found.append(Entry(path))
            except OSError:
                pass  # it ended while we looked
    return found


def loaders():
    """Every xdp_loader there is, zombies included."""
    return {process.pid for process in processes() if process.name == "xdp_loader"}


def lives(pid):
    return any(process.pid == pid and process.state != "Z" for process in processes())


def status_in(directory):
    """What the kernel says of a process or a thread: {"Uid": ..., "CapEff": ..., "RssAnon": ...}."""
    lines = Path(directory, "status").read_text(encoding="utf-8").splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def memory_of(pid):
    """KiB that only this process has."""
    return int(status_in(f"/proc/{pid}")["RssAnon"].split()[0])


def descriptors_of(pid):
    """What a process has open."""
    found = []
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            found.append(os.readlink(entry.path))
    return sorted(found)
