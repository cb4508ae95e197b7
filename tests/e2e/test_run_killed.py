# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --run is killed: the kernel detaches the program.

The pins of its maps stay, with the counts; the next load, --unload or --clean puts that right.
"""

import fcntl
import os
import shlex
import signal

import pytest

from support.devices import attached
from support.namespaces import Namespace
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.process_table import lives
from support.processes import run, wait_until
from support.programs import CONFLICT, LOADER
from support.run_command import GOES_ON, NEXT, NOTING, RUNNING, clean, come_next, kill, running
from support.samples import counts_of
from support.traffic import SIZE, send


# ---- while the command runs


@pytest.mark.parametrize("verb", NEXT)
def test_pins_of_the_maps_stay(lab, veth0, verb):
    """Detached and with their counts, until the next command; the run's own command gets SIGTERM."""
    process = running(lab, "--dev", "veth0", "--action", "drop", command=NOTING)
    send(veth0, 6, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (6, 600)})
    kill(process)
    assert process.lines["out"][1:] == [f"got {signal.SIGTERM.value}"]
    wait_until(lambda: not lives(process.command_pid), "the command is ended")
    assert attached("veth0") is None
    assert pins_of("veth0") == RUNNING
    assert lab.status("veth0")["state"] == "detached"
    record = lab.once("veth0")
    assert record["state"] == "detached" and counts_of(record) == {"XDP_DROP": (6, 600)}
    come_next(lab, verb)


def test_counts_go_on(lab, veth0):
    """--reuse-maps takes them up, as after any other load that is detached."""
    process = running(lab, "--dev", "veth0")
    send(veth0, 6, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (6, 600)})
    kill(process)
    assert lab.load("veth0", "--reuse-maps")["generation"] == 2
    assert counts_of(lab.once("veth0")) == {"XDP_PASS": (6, 600)}


def test_all_its_devices(lab, veth0):
    lab.veth("veth1")
    kill(running(lab, "--dev", "veth0", "--dev", "veth1"))
    for dev in ("veth0", "veth1"):
        assert attached(dev) is None and pins_of(dev) == RUNNING
    lab.loader("--clean")
    assert clean("veth0") and clean("veth1")


def test_killed_process_group(lab, veth0):
    """As when a CI job is cancelled: nobody survives who could do anything."""
    process = running(lab, "--dev", "veth0", prefix=["setsid"])
    os.killpg(process.popen.pid, signal.SIGKILL)
    process.wait(-signal.SIGKILL)
    assert attached("veth0") is None
    come_next(lab, "clean")


@pytest.mark.parametrize("verb", ["load", "unload", "clean"])
def test_renamed_device(lab, veth0, verb):
    """The pins have the name of the load, by which --unload and --clean find them."""
    process = running(lab, "--dev", "veth0")
    run(["ip", "link", "set", "dev", "veth0", "down"])
    run(["ip", "link", "set", "dev", "veth0", "name", "veth9"])
    kill(process)
    assert attached("veth9") is None
    if verb == "load":
        lab.load("veth9")
        lab.loader("--dev", "veth9", "--unload")
        verb = "unload"
    lab.loader("--dev", "veth0", *NEXT[verb])
    assert not pin_dir("veth0").exists() and not pin_dir("veth9").exists()


@pytest.mark.parametrize("inside", [False, True])
def test_in_a_namespace(lab, inside):
    """Wherever it ran, the device is free."""
    red = Namespace(lab, "red")
    red.veth()
    kill(running(lab, "--dev", "veth0", *([] if inside else red.option), prefix=red.inside if inside else ()))
    assert red.attached() is None
    assert sorted(path.name for path in (red.pins / "veth0").iterdir()) == RUNNING
    lab.loader(*red.option, "--dev", "veth0", "--unload")
    assert not red.pins.exists()


def test_killed_job_inside_a_namespace(lab):
    """Those whose file system the pins were found through are killed, too."""
    red = Namespace(lab, "red")
    red.veth()
    inner = shlex.join([LOADER, "--dev", "veth0", "--run", "--", *GOES_ON])
    job = lab.process("setsid", "sh", "-c", f"{shlex.join(red.inside)} {inner}; :")
    job.wait_for_line("^ready")
    os.killpg(job.popen.pid, signal.SIGKILL)
    job.wait(-signal.SIGKILL)
    wait_until(lambda: red.attached() is None, "detached")
    lab.loader("--clean")
    assert not red.pins.exists()


def test_bpffs_of_ones_own(lab, veth0, tmp_path):
    root = tmp_path / "bpf"
    root.mkdir()
    run(["mount", "-t", "bpf", "bpf", root])
    lab.cleanups.append(lambda: run(["umount", root]))
    kill(running(lab, "--dev", "veth0", "--bpffs", root.name, prefix=["env", "-C", tmp_path]))
    assert attached("veth0") is None
    assert (root / "veth0" / "xdp_stats_map").exists() and not (BPFFS / "veth0").exists()
    lab.loader("--bpffs", root, "--dev", "veth0", "--unload")
    assert not (root / "veth0").exists()


# ---- what an older version has left


@pytest.mark.parametrize("verb", [["--unload"], ["--clean"], ["--action", "drop"]])
def test_lock_without_a_holder(lab, veth0, verb):
    """Beside a load that is not a run's it means nothing, and goes with the next command."""
    lab.load("veth0")
    (pin_dir("veth0") / "+run").mkdir(0o700)
    assert not lab.status("veth0")["notes"]
    lab.loader("--dev", "veth0", *verb)
    if verb == ["--unload"]:
        assert clean()
    else:
        assert lab.status("veth0")["state"] == "attached" and pins_of("veth0") == PINS


def test_lock_with_a_holder(lab, veth0):
    """The older version's run goes on, and keeps others away."""
    lab.load("veth0")
    lock = pin_dir("veth0") / "+run"
    lock.mkdir(0o700)
    holder = os.open(lock, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        world = lab.world()
        for verb in ([], ["--unload"]):
            assert "`xdp_loader --run`" in lab.loader("--dev", "veth0", *verb, status=CONFLICT).err
        lab.loader("--dev", "veth0", "--clean")
        assert lab.world() == world
    finally:
        os.close(holder)
