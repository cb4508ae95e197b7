# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Pins of a load that somebody has removed: the meta, or the counters. What is left is still ours, and goes on."""

import json
import signal
import subprocess

import pytest

from support.adopted import COUNTERS, LOAD_A, PER_CPU, id_at, lifetime, pin_operators, write_counts
from support.devices import attached, rename
from support.exporter import Exporter
from support.maps import dump_counts, read_meta
from support.pins import BPFFS, PINS, pin_dir, pinned_link, pins_of
from support.processes import WITHOUT_SYS_ADMIN, run, wait_until
from support.programs import CONFLICT, FAILED, LOADER, PERMISSION, STATS, object_file
from support.strace import strace
from support.traffic import SIZE, send

META = "xdp_stats_meta"
FILTER = ("--action", "drop", "--attach", "link")


@pytest.fixture(name="without_meta")
def filter_without_meta(lab, veth0):
    """It drops, and has dropped; then its meta was removed."""
    program = lab.load("veth0", *FILTER)["program"]["id"]
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (5, 5 * SIZE)})
    (pin_dir("veth0") / META).unlink()
    return program


def link():
    return pinned_link(pin_dir("veth0") / "xdp_link")["id"]


def test_status_says_what_is_missing(lab, without_meta):
    status = lab.status("veth0")
    assert (status["state"], status["attach"], status["generation"]) == ("attached", "link", None)
    assert status["program"]["id"] == without_meta and status["program"]["name"] == "xdp_drop"
    (note,) = status["notes"]
    assert META in note and "`xdp_loader --dev veth0 --clean`" in note
    assert note in lab.loader("--status").out
    lab.loader("--dev", "veth0", "--unload")


def test_load_replaces_it_through_its_link(lab, veth0, without_meta):
    """Without a moment in which packets pass: the link stays."""
    world, before = lab.world(), link()
    for more in ([], ["--reuse-maps"], ["--force"]):
        lab.loader("--dev", "veth0", *more, "--dry-run")
        assert lab.world() == world
    outcome = lab.load("veth0", "--action", "drop")
    assert link() == before == outcome["link_id"] and attached("veth0") != ("native", without_meta)
    assert outcome["outcome"] == "replaced" and pins_of("veth0") == PINS
    meta = read_meta("veth0")
    assert meta.program_id == outcome["program"]["id"] and meta.counter_map_id == id_at(pin_dir("veth0") / COUNTERS)
    send(veth0, 2, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (2, 2 * SIZE)})
    assert lab.once("veth0")["state"] == "attached"
    lab.loader("--dev", "veth0", "--unload")
    assert not pin_dir("veth0").exists() and attached("veth0") is None


def test_counts_go_on_with_reuse_maps(lab, veth0, without_meta):
    """Nobody knows what the lineage had counted: the lifetime begins with the new meta."""
    before = link()
    counters = id_at(pin_dir("veth0") / COUNTERS)
    assert lab.load("veth0", "--reuse-maps", "--action", "drop")["program"]["id"] != without_meta
    send(veth0, 2, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (7, 7 * SIZE)})
    assert link() == before and id_at(pin_dir("veth0") / COUNTERS) == counters
    assert lifetime("veth0") == {"XDP_DROP": (2, 2 * SIZE)}
    lab.loader("--dev", "veth0", "--unload")
    assert not pin_dir("veth0").exists()


def test_unload(lab, without_meta):
    assert attached("veth0") == ("native", without_meta)
    world = lab.world()
    (outcome,) = lab.loader_json("--dev", "veth0", "--unload", "--dry-run")
    assert outcome["removed"] == [str(pin_dir("veth0") / name) for name in ("xdp_link", COUNTERS)]
    assert lab.world() == world
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None and not pin_dir("veth0").exists()


@pytest.mark.parametrize("device", [["--dev", "veth0"], []])
def test_clean_makes_it_anew(lab, veth0, without_meta, device):
    before = link()
    (outcome,) = lab.loader_json("--dev", "veth0", "--clean")
    assert outcome["removed"] == [] and META in " ".join(outcome["notes"])
    assert attached("veth0") == ("native", without_meta) and link() == before and pins_of("veth0") == PINS
    assert dump_counts(pin_dir("veth0") / COUNTERS) == {"XDP_DROP": (5, 5 * SIZE)} and lifetime("veth0") == {}
    status = lab.status("veth0")
    assert (status["state"], status["generation"], status["notes"]) == ("attached", 1, [])
    send(veth0, 1, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (6, 6 * SIZE)})
    assert lab.once("veth0")["state"] == "attached"
    # Nothing is to be done any more.
    world = lab.world()
    assert lab.loader_json(*device, "--clean")[0]["notes"] == []
    assert lab.world() == world
    assert lab.load("veth0", "--action", "drop")["generation"] == 2


def test_a_load_that_fails_leaves_the_filter(lab, without_meta):
    before = link()
    lab.loader("--dev", "veth0", "--filename", "/dev/null", status=FAILED)
    assert attached("veth0") == ("native", without_meta) and link() == before
    lab.loader("--dev", "veth0", "--unload")


@pytest.mark.parametrize("syscall", ["rename", "unlink", "mkdir"])
@pytest.mark.parametrize("more", [[], ["--reuse-maps"]], ids=["new_maps", "same_maps"])
def test_killed_anywhere(lab, veth0, more, syscall, tmp_path):
    """The filter stays attached by its link, and the next command goes on."""
    killed, which = True, 0
    while killed:
        which += 1
        lab.load("veth0", *FILTER)
        (pin_dir("veth0") / META).unlink()
        before = link()
        command = strace("-e", f"trace=/^{syscall}", "-e", f"inject=/^{syscall}:signal=SIGKILL:when={which}",
                         command=[LOADER, "--dev", "veth0", "--action", "drop", *more], log=tmp_path / "log")
        killed = subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
        assert attached("veth0") is not None and link() == before
        lab.load("veth0", "--action", "drop", "--reuse-maps")
        assert link() == before and pins_of("veth0") == PINS and lab.status("veth0")["notes"] == []
        lab.loader("--dev", "veth0", "--unload")
        assert not pin_dir("veth0").exists()
    assert which > 1


def killed_first_load(which, log):
    """Killed at one of the renames that publish its pins; false where there are fewer."""
    command = strace("-e", "trace=/^rename", "-e", f"inject=/^rename:signal=SIGKILL:when={which}",
                     command=[LOADER, "--dev", "veth0", "--attach", "link"], log=log)
    return subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize("look, status", [("--status", 0), ("--observe --dry-run", CONFLICT)])
def test_looking_at_a_first_load_that_was_killed(lab, veth0, look, status, tmp_path):
    """Its program may run, and its meta is not published yet."""
    which = 1
    while killed_first_load(which, tmp_path / "log"):
        which += 1
        assert attached("veth0")
        world = lab.world()
        done = lab.loader("--dev", "veth0", *look.split(), status=status)
        assert "was interrupted" in done.out + done.err, (which, done)
        assert lab.world() == world
        lab.loader("--dev", "veth0", "--unload")
    assert which > 1


def test_status_of_the_name_that_a_first_load_was_killed_on(lab, veth0, red, tmp_path):
    """The interface has gone with its program, and another one has its name."""
    which = 1
    while killed_first_load(which, tmp_path / "log"):
        which += 1
        program = attached("veth0")[1]
        run(["ip", "link", "set", "dev", "veth0", "netns", "red"])
        other = lab.veth("veth0", peer="p-other0")
        told = lab.loader("--dev", "veth0", "--status")
        assert (pin_dir("veth0") / "xdp_link").exists() == (f"program {program} " in told.out), told
        lab.delete(other)
        run(["ip", "-netns", "red", "link", "set", "dev", "veth0", "netns", "1"])
        lab.loader("--dev", "veth0", "--unload")
    assert which > 1


def test_a_link_that_is_pinned_elsewhere_alone(lab, veth0):
    """Whoever has pinned it there ends it, and no run does."""
    program = lab.load("veth0", *FILTER)["program"]["id"]
    kept, number = BPFFS / "keep", link()
    run(["bpftool", "link", "pin", "id", number, kept])
    (pin_dir("veth0") / "xdp_link").unlink()
    world = lab.world()
    for verb in ([], ["--force"], ["--reuse-maps"], ["--dry-run"], ["--unload"], ["--unload", "--keep-maps"],
                 ["--unload", "--dry-run"], ["--unload", program]):
        result = lab.loader("--dev", "veth0", *verb, status=CONFLICT)
        assert "--run" not in result.err and str(kept) in result.err, (verb, result.err)
        assert f"`bpftool link detach id {number}`" in result.err, (verb, result.err)
        assert lab.world() == world, verb
    assert "counts already" in lab.loader("--dev", "veth0", "--observe", status=CONFLICT).err
    lab.loader("--dev", "veth0", "--clean")
    assert lab.world() == world and lab.status("veth0")["state"] == "attached"
    for verb in ([], ["--force"], ["--force", "--dry-run"], ["--unload"], ["--unload", "--dry-run"]):
        result = run([*WITHOUT_SYS_ADMIN, LOADER, "--dev", "veth0", *verb], status=PERMISSION)
        assert "CAP_SYS_ADMIN" in result.err and lab.world() == world, (verb, result.err)
    (pin_dir("veth0") / COUNTERS).unlink()
    notes = " ".join(lab.status("veth0")["notes"])
    assert f"{COUNTERS} is missing" in notes and f"`bpftool link detach id {number}`" in notes, notes
    run([*WITHOUT_SYS_ADMIN, LOADER, "--dev", "veth0", "--status"])
    run(["bpftool", "link", "detach", "id", number])
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None and not pin_dir("veth0").exists()
    kept.unlink()


def test_what_is_told_of_a_link_that_is_pinned_elsewhere(lab, veth0):
    """As much as of one that is pinned here."""
    target = lab.veth("out0")
    lab.load("veth0", "--attach", "link", "--action", "redirect", "--redirect-to", target.name)
    run(["bpftool", "link", "pin", "id", link(), BPFFS / "keep"])
    renamed = rename(veth0, "new0")
    told = lab.status("new0")
    assert (told["redirect"]["dev"], told["runs_on"]) == ("out0", "new0")
    (pin_dir("veth0") / "xdp_link").unlink()
    without = lab.status("new0")
    assert [without[key] for key in ("redirect", "runs_on", "state")] == \
        [told[key] for key in ("redirect", "runs_on", "state")]
    (BPFFS / "keep").unlink()
    wait_until(lambda: attached("new0") is None, "the kernel to detach it")
    rename(renamed, "veth0")
    lab.loader("--dev", "veth0", "--unload")


# ---- what an operator has pinned there stays his


def test_adopted_counters_stay(lab, veth0):
    path, operators = pin_operators(lab, COUNTERS, **PER_CPU)
    write_counts(path, 1000)
    program = lab.load("veth0", "--reuse-maps", *FILTER)["program"]["id"]
    before = link()
    (pin_dir("veth0") / META).unlink()
    result = lab.loader("--dev", "veth0", status=CONFLICT)
    assert "--reuse-maps uses it" in result.err
    assert attached("veth0") == ("native", program) and id_at(path) == operators
    lab.load("veth0", "--reuse-maps")
    assert link() == before and id_at(path) == operators and lifetime("veth0") == {}
    (pin_dir("veth0") / META).unlink()
    lab.loader("--dev", "veth0", "--unload")
    assert pins_of("veth0") == [COUNTERS] and id_at(path) == operators and attached("veth0") is None


def test_other_maps_stay(lab, veth0):
    """Nothing tells whether they were adopted."""
    lab.load("veth0", *LOAD_A, "--attach", "link")
    shared, before = id_at(pin_dir("veth0") / "shared"), link()
    (pin_dir("veth0") / META).unlink()
    result = lab.loader("--dev", "veth0", *LOAD_A, status=CONFLICT)
    assert "--reuse-maps uses it" in result.err
    lab.load("veth0", *LOAD_A, "--reuse-maps")
    assert link() == before and id_at(pin_dir("veth0") / "shared") == shared
    lab.loader("--dev", "veth0", "--unload")
    assert pins_of("veth0") == ["only_a", "shared"]
    for name in ("only_a", "shared"):
        lab.remove_pin(pin_dir("veth0") / name)


# ---- the counters


def test_device_whose_counters_are_gone_is_not_left_out(lab, veth0):
    lab.veth("veth1")
    for name in ("veth0", "veth1"):
        lab.load(name, "--attach", "link")
    pin = pin_dir("veth0") / COUNTERS
    pin.unlink()
    done = run([STATS, "--all", "--once", "--json"], 1)
    assert [json.loads(line)["dev"] for line in done.out.splitlines()] == ["veth1"]
    assert f"veth0: opening the pin {pin}: " in done.err
    assert "those in 1 of the directories there cannot be read" in done.err
    assert f"veth0: opening the pin {pin}: " in run([STATS, "--all", "--count", "1", "--json"]).err
    lab.load("veth0")
    done = run([STATS, "--all", "--once", "--json"])
    assert len(done.out.splitlines()) == 2 and done.err == ""


def test_exporter_tells_of_it(lab, veth0):
    lab.load("veth0", "--attach", "link")
    (pin_dir("veth0") / COUNTERS).unlink()
    exporter = Exporter(lab, "--all")
    exporter.process.wait_for_line(f"veth0: opening the pin {pin_dir('veth0') / COUNTERS}: ", "err")
    lab.load("veth0")
    wait_until(lambda: ("xdp_action_packets_total", ("veth0", "", "pass")) in exporter.scrape(), "its counters")
    exporter.process.stop()


def test_program_without_counters_is_no_such_device(lab, veth0):
    lab.load("veth0", "--filename", object_file("no_counter"))
    done = run([STATS, "--all", "--once"])
    assert "veth0" not in done.err
