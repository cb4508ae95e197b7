# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""An ordinary user reads, and loads nothing."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from support import kernel, raw_bpf
from support.devices import attached
from support.pins import BPFFS, pin_dir
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import PERMISSION, STATS, copy_for_everyone
from support.samples import counts_of
from support.traffic import send


@pytest.fixture(name="programs")
def everyones_programs():
    return dict(zip(("loader", "stats"), copy_for_everyone()))


def test_reads_once(lab, veth0, programs):
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    send(veth0, 12, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (12, 1200)})
    result = run([*as_user(NOBODY), programs["stats"], "--dev", "veth0", "--once", "--json"])
    sample = json.loads(result.out)
    assert counts_of(sample) == {"XDP_PASS": (12, 1200)}
    assert sample["state"] == "attached"
    assert sample["generation"] == 1
    assert result.err == ""


def test_follows_a_replacement(lab, veth0, programs):
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0", prefix=as_user(NOBODY), program=programs["stats"])
    send(veth0, 12, 100)
    reader.wait_for_session(12)
    lab.load("veth0", "--action", "drop")
    send(veth0, 3, 100)
    sample = reader.wait_for_session(15)
    assert sample["generation"] == 2 and sample["state"] == "attached"


ZEROES = ("key", "0", "0", "0", "0", "value", *["0"] * 16)


def test_cannot_write_the_counters(lab, veth0):
    lab.load("veth0")
    path = pin_dir("veth0") / "xdp_stats_map"
    run([*as_user(NOBODY), "bpftool", "map", "update", "pinned", path, *ZEROES], status=255)


@pytest.mark.parametrize("again", [[], ["--reuse-maps"], ["--action", "drop"]])
def test_nobody_writes_the_counters(lab, veth0, again):
    """Not even root: counts come from packets alone."""
    lab.load("veth0")
    lab.load("veth0", *again)
    run(["bpftool", "map", "update", "pinned", pin_dir("veth0") / "xdp_stats_map", *ZEROES], status=255)
    send(veth0, 4, 100)
    lab.wait_for_counts("veth0", {"XDP_DROP" if "drop" in again else "XDP_PASS": (4, 400)})


def test_a_pin_made_anew_is_no_way_to_the_counters(lab, veth0):
    """A reader's own pin of the map is a file of his, which he may open for writing."""
    kernel.need(kernel.unprivileged_reading)
    root = Path(tempfile.mkdtemp(dir="/run"))
    lab.cleanups.append(root.rmdir)
    run(["mount", "-t", "bpf", "-o", "mode=1777", "bpf", root])
    lab.cleanups.append(lambda: run(["umount", root]))
    lab.load("veth0", "--bpffs", root)
    send(veth0, 3, 100)
    pid = os.fork()
    if pid == 0:
        refused = False
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            raw_bpf.pin(raw_bpf.open_pin(root / "veth0" / "xdp_stats_map", read_only=True), root / "mine")
            raw_bpf.update_element(raw_bpf.open_pin(root / "mine"), bytes(4), bytes(16 * kernel.possible_cpus()))
        except PermissionError:
            refused = (root / "mine").exists()
        finally:
            os._exit(0 if refused else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    (root / "mine").unlink()
    sample = json.loads(run([STATS, "--bpffs", root, "--dev", "veth0", "--once", "--json"]).out)
    assert counts_of(sample) == {"XDP_PASS": (3, 300)}
    lab.loader("--bpffs", root, "--dev", "veth0", "--unload")


@pytest.mark.parametrize("verb", [[], ["--action", "drop"], ["--reuse-maps"], ["--unload"]])
def test_changes_nothing(lab, veth0, programs, verb):
    lab.load("veth0")
    world = lab.world()
    result = run([*as_user(NOBODY), programs["loader"], "--dev", "veth0", *verb], status=3)
    assert result.err.startswith("xdp_loader: ")
    assert "CAP_BPF" in result.err and "CAP_NET_ADMIN" in result.err
    assert result.out == ""
    assert lab.world() == world


def test_first_load_is_refused(lab, veth0, programs):
    world = lab.world()
    result = run([*as_user(NOBODY), programs["loader"], "--dev", "veth0"], status=3)
    assert "CAP_BPF" in result.err and "CAP_NET_ADMIN" in result.err
    assert lab.world() == world


def test_status_needs_no_capability(lab, veth0, programs):
    kernel.need(kernel.unprivileged_reading)
    program = lab.load("veth0")["program"]["id"]
    result = run([*as_user(NOBODY), programs["loader"], "--dev", "veth0", "--status", "--json"])
    (outcome,) = json.loads(result.out)["devices"]
    assert outcome["hook"]["program"]["id"] == program
    assert outcome["generation"] == 1


def test_what_an_ordinary_user_may_not_look_at_is_said(lab, veth0, programs):
    """A map that is its owner's, left out of what is told; the link, which tells nothing more, is no such thing."""
    kernel.need(kernel.unprivileged_reading)
    lab.veth("out0")

    def outcome():
        result = run([*as_user(NOBODY), programs["loader"], "--dev", "veth0", "--status", "--json"])
        return json.loads(result.out)["devices"][0]

    lab.load("veth0", "--attach", "link")
    assert not any("could be read" in note for note in outcome()["notes"])
    lab.load("veth0", "--attach", "link", "--action", "redirect", "--redirect-to", "out0")
    told = outcome()
    assert told["redirect"] is None and [item["name"] for item in told["maps"]] == ["xdp_stats_map"]
    (note,) = [note for note in told["notes"] if note.startswith("not everything could be read")]
    assert str(pin_dir("veth0") / "redirect_to") in note


def test_whose_program_it_is_takes_the_meta(lab, veth0, programs):
    """Without it nobody knows that it is somebody else's; with what is in the way, it is said."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    directory = pin_dir("veth0")
    for path, mode in ((directory / "xdp_stats_meta", 0o400), (directory, 0o750)):
        path.chmod(mode)
        result = run([*as_user(NOBODY), programs["loader"], "--dev", "veth0", "--status", "--json"])
        (outcome,) = json.loads(result.out)["devices"]
        assert outcome["state"] == "unknown" and outcome["hook"]["program"]["id"] == attached("veth0")[1]
        (note,) = outcome["notes"]
        assert note.startswith("not everything could be read") and str(path) in note
        if path != directory:  # else the map cannot be read either
            result = run([*as_user(NOBODY), programs["stats"], "--dev", "veth0", "--once", "--json"])
            sample = json.loads(result.out)
            assert (sample["state"], sample["generation"]) == ("unknown", None)


def test_a_directory_that_may_be_entered_and_not_listed(lab, veth0, programs):
    """Both programs find the counters and their meta, whose names they know."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    pin_dir("veth0").chmod(0o711)
    result = run([*as_user(NOBODY), programs["loader"], "--dev", "veth0", "--status", "--json"])
    (outcome,) = json.loads(result.out)["devices"]
    assert outcome["state"] == "attached"
    (note,) = outcome["notes"]
    assert f"this user may not look into {pin_dir('veth0')} (mode 0711)" in note
    result = run([*as_user(NOBODY), programs["stats"], "--dev", "veth0", "--once", "--json"])
    assert json.loads(result.out)["state"] == "attached"


def test_closed_bpffs_is_said(lab, veth0, programs):
    lab.load("veth0")
    BPFFS.chmod(0o700)
    try:
        result = run([*as_user(NOBODY), programs["stats"], "--dev", "veth0", "--once"], status=3)
    finally:
        BPFFS.chmod(0o755)
    assert result.err.startswith("xdp_stats: ") and "/sys/fs/bpf" in result.err


def test_map_by_id_takes_a_capability(lab, veth0, programs):
    maps = lab.load("veth0")["maps"]
    number = next(item["id"] for item in maps if item["name"] == "xdp_stats_map")
    result = run([*as_user(NOBODY), programs["stats"], "--map-id", number, "--once"], status=3)
    assert "CAP_SYS_ADMIN" in result.err


@pytest.fixture(name="own")
def directory_of_the_user(lab):
    path = BPFFS / "mine"
    path.mkdir()
    os.chown(path, NOBODY, NOBODY)
    lab.cleanups.append(path.rmdir)
    return path


def test_three_capabilities_are_enough_to_load(lab, veth0, programs, own):
    """CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, and a bpffs directory that is theirs: root is not needed."""
    user = as_user(NOBODY, "bpf", "net_admin", "perfmon")
    run([*user, programs["loader"], "--bpffs", own, "--dev", "veth0"])
    send(veth0, 4, 100)

    def read():
        out = run([STATS, "--bpffs", own, "--dev", "veth0", "--once", "--json"]).out
        return counts_of(json.loads(out))

    wait_until(read, "packets counted")
    assert read() == {"XDP_PASS": (4, 400)}
    run([*user, programs["loader"], "--bpffs", own, "--dev", "veth0", "--unload"])
    assert attached("veth0") is None


def test_what_keeps_an_ordinary_user_out_is_said(lab, veth0, programs):
    lab.load("veth0")
    BPFFS.chmod(0o700)
    try:
        everywhere = run([*as_user(NOBODY), programs["loader"], "--status"], status=3)
        one = run([*as_user(NOBODY), programs["loader"], "--dev", "veth0", "--status"])
    finally:
        BPFFS.chmod(0o755)
    barrier, way = f"this user may not look into {BPFFS} (mode 0700)", f"as root, `chmod a+rx {BPFFS}`"
    assert barrier in everywhere.err and f"hint: {way}" in everywhere.err
    assert barrier in one.out and way in one.out


def test_a_dispatcher_takes_a_capability(lab, veth0, programs, own):
    """Which is missing, and not the kernel that refuses."""
    # The other tests of this file want none.
    command = ["env", "--unset=LIBXDP_SKIP_DISPATCHER", programs["loader"], "--bpffs", own, "--dev", "veth0",
               "--attach", "dispatcher", "--dry-run"]
    refused = run([*as_user(NOBODY, "bpf", "net_admin", "perfmon"), *command], PERMISSION)
    assert "libxdp needs CAP_SYS_ADMIN" in refused.err
