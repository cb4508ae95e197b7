# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --observe --follow: the foreground process that observes what comes in the place of a program."""

import fcntl
import os
import re
import signal
from pathlib import Path

import pytest

from support.maps import read_meta
from support.observing import LOCK, attach, detach, follow, observe, send_each
from support.pins import PINS, pin_dir, pins_of
from support.processes import wait_until
from support.programs import CONFLICT, LOADER
from support.traffic import SIZE, send


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(lab, veth0, plain, with_signal):
    """What is attached stays, and so do the pins; its lock goes."""
    follower = follow(lab)
    assert pins_of("veth0") == [LOCK, *PINS]
    assert oct((pin_dir("veth0") / LOCK).stat().st_mode & 0o777) == "0o700"
    follower.stop(with_signal)
    assert follower.lines["err"] == []
    assert pins_of("veth0") == PINS
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    assert lab.status("veth0")["state"] == "attached"


def test_its_output(lab, veth0, plain):
    """A block of lines for each program."""
    follower = lab.process(LOADER, "--dev", "veth0", "--observe", "--follow")
    follower.wait_for_line("^veth0: observing verdict_by_destination ")
    attach(lab.foreign_program("no_counter"), "veth0")
    follower.wait_for_line("^veth0: observing no_counter ")
    lab.loader("--dev", "veth0", "--unload")
    follower.wait_for_line("^veth0: unloaded$")


def test_second_follower(lab, veth0, plain):
    first = follow(lab)
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", "--follow", status=CONFLICT)
    assert result.err == "xdp_loader: following 'veth0': another process follows it already\n"
    assert result.out == ""
    assert lab.world() == world
    attach(lab.foreign_program("no_counter"), "veth0")
    first.wait_for("observing")


def test_killed_follower(lab, veth0, plain):
    """Counting goes on; the lock that is left is in nobody's way, and goes with the pins."""
    killed = follow(lab)
    killed.popen.kill()
    killed.fail(-signal.SIGKILL)
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    assert pins_of("veth0") == [LOCK, *PINS]
    follow(lab).stop()
    assert pins_of("veth0") == PINS
    killed = follow(lab)
    killed.popen.kill()
    killed.fail(-signal.SIGKILL)
    lab.loader("--dev", "veth0", "--unload")
    assert not pin_dir("veth0").exists()


def test_observed_again(lab, veth0, plain):
    """Is the same observation."""
    follower = follow(lab)
    world = lab.world()
    assert observe(lab)["generation"] == 1
    assert lab.world() == world
    follower.stop()
    assert observe(lab)["generation"] == 1
    assert follow(lab).outcome["generation"] == 1


def rounds(pid):
    """How often it has slept: grows as long as it is not stuck."""
    (count,) = re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(count)


@pytest.mark.parametrize("end", ["signal", "unpinned"])
def test_waits_for_no_lock(lab, veth0, plain, end):
    """Of a loader that is stuck: a signal ends it all the same, and so does the end of the observation."""
    follower = follow(lab)
    staging = pin_dir("veth0") / "+staging"
    staging.mkdir(mode=0o700)
    held = os.open(staging, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    attach(lab.foreign_program("no_counter"), "veth0")
    before = rounds(follower.popen.pid)
    wait_until(lambda: rounds(follower.popen.pid) >= before + 3, "the follower goes round")
    assert read_meta("veth0").program_id == plain["id"]
    if end == "signal":
        follower.stop()
    else:
        (pin_dir("veth0") / "xdp_link").unlink()
        follower.wait_for("unloaded")
    os.close(held)
    lab.loader("--dev", "veth0", "--unload")
    assert not pin_dir("veth0").exists()


# What an older version has left: the lock of a process that stayed behind, which ended when the pins went.


@pytest.mark.parametrize("runs", [False, True])
def test_unload_after_an_older_version(lab, veth0, plain, runs):
    before = lab.world()
    observe(lab)
    lock = hold_lock(runs)
    if runs:
        lab.loader("--dev", "veth0", "--observe", "--follow", status=CONFLICT)
    lab.loader("--dev", "veth0", "--unload")
    assert lab.world() == before
    os.close(lock)


def test_clean_after_an_older_version(lab, veth0, plain):
    observe(lab)
    lock = hold_lock(True)
    detach("veth0")
    lab.loader("--dev", "veth0", "--clean")
    assert not pin_dir("veth0").exists()
    os.close(lock)


def test_load_after_an_older_version(lab, veth0):
    """Whose pins somebody has removed by hand."""
    pin_dir("veth0").mkdir(mode=0o755)
    os.close(hold_lock(False))
    lab.load("veth0", "--attach", "link")
    assert pins_of("veth0") == PINS


def hold_lock(locked):
    path = pin_dir("veth0") / LOCK
    path.mkdir(mode=0o700)
    lock = os.open(path, os.O_RDONLY)
    if locked:
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def test_several_devices(lab, veth0, plain):
    veth1 = lab.veth("veth1")
    attach(lab.foreign_program("no_counter"), "veth1")
    lab.loader("--dev", "veth0", "--dev", "veth1", "--observe")
    expected = send_each(veth0, {1: 10})
    send(veth1, 7, SIZE)
    lab.wait_for_counts("veth0", expected)
    lab.wait_for_counts("veth1", {"XDP_PASS": (7, 7 * SIZE)})
    lab.loader("--dev", "veth1", "--unload")
    assert pins_of("veth0") == PINS
