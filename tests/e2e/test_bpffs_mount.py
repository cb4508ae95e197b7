# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Where no BPF file system is mounted: who mounts one, and who does not."""

import errno
from pathlib import Path

import pytest

from support.devices import named
from support.namespaces import MOUNTS, hide_bpffs, mounts
from support.pins import BPFFS, PINS
from support.process_table import is_waiting_for_a_lock
from support.processes import DEADLINE, run, wait_until
from support.programs import FAILED, LOADER, NOT_FOUND, PERMISSION, STATS, object_file
from support.refuse_bpf import REFUSE_BPF
from support.run_command import Run
from support.samples import passed, wait_for_counts
from support.stopping import Stopping
from support.strace import count_calls, strace
from support.traffic import SIZE, send

BPF_PROG_LOAD = 5


def test_bpffs_is_mounted_for_the_caller_of_ip_netns_exec(lab, no_bpffs, red):
    veth = red.veth()
    outcome = lab.load("veth0", prefix=red.inside)
    assert any("mounted" in note for note in outcome["notes"]), outcome
    assert BPFFS.is_mount()
    assert BPFFS.stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in (red.pins / "veth0").iterdir()) == PINS
    assert red.attached() == outcome["program"]["id"]
    send(veth, 6, SIZE)
    for option, prefix in ((red.option, ()), ((), red.inside)):
        assert wait_for_counts(passed(6), *option, "--dev", "veth0", prefix=prefix)["state"] == "attached"
    again = lab.load("veth0", prefix=red.inside)
    assert again["generation"] == 2 and not any("mounted" in note for note in again["notes"])
    assert mounts() == 1


def test_bpffs_is_mounted_once_for_several_devices(lab, no_bpffs, red):
    """They are loaded in threads, and each would find none; a second mount would hide the pins in the first."""
    devs = [red.veth(f"veth{number}").name for number in range(4)]
    options = named(["nosuch0", *devs])
    missing, *loaded = lab.loader_json(*options, prefix=red.inside, status=NOT_FOUND)
    assert missing["outcome"] == "failed"
    assert [outcome["outcome"] for outcome in loaded] == ["loaded"] * len(devs)
    assert sum("mounted" in note for outcome in loaded for note in outcome["notes"]) == 1
    assert mounts() == 1
    assert sorted(path.name for path in red.pins.iterdir()) == devs
    assert all(red.attached(dev) for dev in devs)


def test_nothing_is_mounted_for_loads_that_are_refused(lab, no_bpffs, red):
    for args in (["--dev", "nosuch0"], ["--dev", "nosuch0", "--run", "--", "true"]):
        lab.loader(*args, prefix=red.inside, status=NOT_FOUND)
    assert mounts() == 0


@pytest.mark.parametrize("options", [[], ["--run", "--", "true"], ["--quiet"]])
def test_what_a_refused_load_mounted_is_said(lab, no_bpffs, red, options):
    """It stays mounted, whatever becomes of the program."""
    red.veth()
    load = ("--dev", "veth0", "--filename", object_file("rejected"))
    refused = lab.loader(*load, *options, prefix=red.inside, status=FAILED)
    assert mounts() == 1
    assert f"mounted a BPF file system on {BPFFS}" in refused.err
    again = lab.loader(*load, *options, prefix=red.inside, status=FAILED)
    assert mounts() == 1 and "mounted" not in again.err


def test_what_a_refused_observation_mounted_is_said(lab, no_bpffs, red):
    red.veth()
    refused = lab.loader("--dev", "veth0", "--observe", prefix=red.inside, status=NOT_FOUND)
    assert mounts() == 1
    assert f"mounted a BPF file system on {BPFFS}" in refused.err


@pytest.mark.parametrize("command", ["--dev veth0", "--dev veth0 --run -- true", "--track-delivery"])
@pytest.mark.parametrize("refused", [errno.EPERM, f"{errno.EPERM}/{BPF_PROG_LOAD}"], ids=["every call", "loads"])
def test_what_was_mounted_where_the_kernel_refuses_bpf_is_said(lab, veth0, refused, command):
    """And why it refuses it."""
    is_told_and_why(lab, command.split(), refused)


def test_what_a_refused_observation_mounted_is_said_where_the_kernel_refuses_bpf(lab, veth0):
    lab.foreign_attach("veth0")
    is_told_and_why(lab, ["--dev", "veth0", "--observe"], errno.EPERM)


def is_told_and_why(lab, command, refused):
    hide_bpffs(lab)
    failed = lab.loader(*command, prefix=[*REFUSE_BPF, refused], status=PERMISSION)
    assert mounts() == 1
    assert failed.err.count(f"mounted a BPF file system on {BPFFS}") == 1, failed.err
    assert "refuses bpf(2) to this process" in failed.err


def test_killed_run_for_which_a_bpffs_was_mounted(lab, no_bpffs, red):
    """The next command finds the pins where they are."""
    red.veth()
    process = lab.started(Run("--dev", "veth0", prefix=red.inside))
    assert red.attached() and red.pins.exists() and mounts() == 1
    process.popen.kill()
    wait_until(lambda: red.attached() is None, "detached")
    lab.loader(*red.option, "--dev", "veth0", "--unload")
    assert not red.pins.exists()


def test_dry_run_without_a_bpffs(lab, no_bpffs):
    """A load would mount it, so that it is not what keeps the program out of a dispatcher."""
    veth = lab.veth("veth0")
    (outcome,) = lab.loader_json("--dev", veth.name, "--dry-run")
    assert not any("BPF file system" in note for note in outcome["notes"]), outcome
    assert mounts() == 0


def test_reader_mounts_nothing_and_says_what_to_do(lab, no_bpffs, red):
    red.veth()
    result = run([*red.inside, STATS, "--dev", "veth0", "--once"], status=NOT_FOUND)
    assert "mount -t bpf -o mode=0755 bpf /sys/fs/bpf" in result.err
    for args in (["--dev", "veth0", "--status"], ["--status"], ["--dev", "veth0", "--dry-run"]):
        lab.loader(*args, prefix=red.inside)
    lab.loader("--dev", "veth0", "--unload", prefix=red.inside, status=NOT_FOUND)
    assert mounts() == 0
    # In one `ip netns exec`, which would keep what is mounted inside while it runs.
    script = f"{STATS} --dev veth0 --once 2>/dev/null; {MOUNTS}"
    assert run([*red.inside, "sh", "-c", script]).out == "0\n"


def test_nothing_is_mounted_inside(lab, no_bpffs, red):
    """Where it would be gone with the command, and in the way of the caller's."""
    red.veth()
    script = f"{LOADER} --dev veth0 --quiet && {MOUNTS}"
    assert run([*red.inside, "sh", "-c", script]).out == "0\n"
    assert lab.status("veth0", *red.option)["state"] == "attached"


def test_a_bpffs_that_ends_with_the_command_is_said(lab, red):
    """As the testenv of the xdp-project tutorial mounts it: loaded, and gone a moment later."""
    red.veth()
    script = f"mount -t bpf bpf {BPFFS} && exec {LOADER} --dev veth0 "
    said = run([*red.inside, "sh", "-c", script]).out
    assert "go when the last process" in said and "--netns" in said
    wait_until(lambda: red.attached() is None, "gone with its pins")
    assert "go when the last process" in run([*red.inside, "sh", "-c", script + "--quiet"]).err
    wait_until(lambda: red.attached() is None, "gone with its pins")
    outcome = lab.load("veth0", prefix=red.inside)
    assert not any("last process" in note for note in outcome["notes"])
    assert red.attached() == outcome["program"]["id"]


def test_two_first_loads_mount_one(lab, no_bpffs, tmp_path):
    """One is held up between its look and its mount, the other meanwhile; a second mount would hide the first one's
    pins."""
    devs = ["veth0", "veth1"]
    for dev in devs:
        lab.veth(dev)
    with Stopping(tmp_path / "strace", "flock", 1, [LOADER, "--dev", "veth0"]) as first:
        assert first.stopped() and mounts() == 0
        second = lab.process(LOADER, "--dev", "veth1")
        wait_until(lambda: is_waiting_for_a_lock(second.popen.pid), "it does not wait for the first")
    for loader in (first.process, second):
        loader.wait()
    assert mounts() == 1
    assert [sorted(path.name for path in (BPFFS / dev).iterdir()) for dev in devs] == [PINS, PINS]
    assert not list(Path("/run").glob("xdp_loader*")), "the lock of mounting stays"


def test_a_failed_look_is_no_reason_to_mount(lab, tmp_path):
    """Whichever look fails: one BPF file system stays one, and the load is whole or was not made."""
    lab.veth("veth0")
    log = tmp_path / "log"
    run(strace("-e", "trace=statfs,fstatfs", command=[LOADER, "--dev", "veth0"], log=log))
    calls = count_calls(log)
    assert calls > 0
    for call in range(1, calls + 1):
        for error in ("EIO", "ENOMEM", "EACCES"):
            lab.loader("--dev", "veth0", "--unload")
            fault = f"inject=statfs,fstatfs:error={error}:when={call}"
            loader = lab.process(*strace("-e", fault, command=[LOADER, "--dev", "veth0"], log=log))
            status = loader.popen.wait(DEADLINE)
            loader.wait(status)
            assert mounts() == 1, fault
            assert status == 0 or not (BPFFS / "veth0").exists(), f"{fault}: {loader.describe()}"
            lab.load("veth0")
            assert sorted(path.name for path in (BPFFS / "veth0").iterdir()) == PINS
