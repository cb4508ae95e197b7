# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A loader that stops between two of its steps, and loads that fail: what readers show meanwhile, and afterwards."""

import json
import re
import signal

import pytest
from support.devices import rename
from support.exporter import Exporter
from support.maps import read_meta
from support.pins import PINS, pin_dir, pins_of
from support.processes import NOBODY, Process, as_user, run, wait_until
from support.programs import CONFLICT, LOADER, STATS, copy_for_everyone
from support.stopping import Stopping, calls_of_a_load
from support.strace import FAULT_STEP, count_calls, strace
from support.traffic import send

SIZE = 100
HIDDEN = "a change is under way, or was interrupted: root may see which"
STEPS = ("bpf", "/^rename", "/^unlink", "/^mkdir", "/^send")
# A reader that waited for the loader would do it for 2 s, in which another one has 20 rounds.
ROUNDS_HELD_UP = 15


def next_samples(reader, dev, count):
    """The samples that are printed from now on."""
    begin = len(reader.lines["out"])

    def look():
        samples = [json.loads(line) for line in reader.lines["out"][begin:]]
        return [sample for sample in samples if sample["dev"] == dev]

    return wait_until(lambda: look() if len(look()) >= count else None, reader.describe)


@pytest.mark.parametrize("syscall", STEPS)
def test_stopped_loader_does_not_hold_up_other_devices(lab, syscall, tmp_path):
    log = tmp_path / "strace"
    for dev in ("veth0", "veth1"):
        lab.veth(dev)
    calls = calls_of_a_load(lab, log, "veth0", syscall)
    for dev in ("veth0", "veth1"):
        lab.load(dev)
    reader = lab.reading("--dev", "veth0", "--dev", "veth1")
    other = lab.reading("--dev", "veth1")
    for k in range(1, calls + 1, FAULT_STEP):
        with Stopping(log, syscall, k, [LOADER, "--dev", "veth0"]) as loader:
            assert loader.stopped(), f"{syscall} {k}"
            before = len(other.samples())
            samples = next_samples(reader, "veth1", 3)
            assert len(other.samples()) - before < ROUNDS_HELD_UP, f"{syscall} {k}: {samples}"
        loader.process.wait()
        generation = read_meta("veth0").generation
        reader.wait_for(lambda sample, generation=generation: (
            sample["dev"], sample["generation"], sample["state"]) == ("veth0", generation, "attached"))


def pinned_map_id(dev):
    """Read without xdp_stats, which waits for the loader."""
    return json.loads(run(["bpftool", "--json", "map", "show", "pinned", pin_dir(dev) / "xdp_stats_map"]).out)["id"]


@pytest.mark.parametrize("shown", [False, True], ids=["unseen", "seen"])
def test_load_that_fails_loses_no_count(lab, veth0, shown, tmp_path):
    """The new map is pinned, then a meta that carries what it counted, then the old map: readers have every packet
    once, whether they have read the new map or not."""
    log = tmp_path / "strace"
    dev = veth0.name
    modes = calls_of_a_load(lab, log, dev, "fchmodat")
    fail = ("-e", f"inject=fchmodat:error=ENOMEM:when={modes}")  # that of the new meta
    lab.load(dev)
    reader = lab.reading("--dev", dev)
    by_cpu = lab.reading("--dev", dev, "--per-cpu", "--since-start")
    exporter = Exporter(lab, "--dev", dev)
    old = pinned_map_id(dev)
    sent = 0
    for _ in range(2):
        seen = []
        with Stopping(log, "renameat", "1+", [LOADER, "--dev", dev], fail) as loader:
            while loader.stopped():
                send(veth0, 5, SIZE)
                sent += 5
                seen.append(pinned_map_id(dev))
                if shown:
                    for process in (reader, by_cpu):
                        process.wait_for(lambda sample: sample["map_id"] == seen[-1])
                loader.send_signal(signal.SIGCONT)
        assert "Cannot allocate memory" in loader.process.wait(1)
        assert seen[0] == seen[1] != seen[2] == old, seen
        assert re.search('INJECTED.*\n(.*\n)*.*renameat.*"xdp_stats_meta"(.*\n)*.*renameat.*"xdp_stats_map"',
                         log.read_text()), log.read_text()
        assert pins_of(dev) == PINS
        for process in (reader, by_cpu):
            sample = process.wait_for_session(sent)
            assert (sample["map_id"], sample["generation"]) == (old, 1)
            assert sample["total"]["lifetime_packets"] == sent
        assert sum(cpu["actions"]["XDP_PASS"]["packets"] for cpu in sample["cpus"]) <= sent
        wait_until(lambda: exporter.packets() == sent, lambda: f"{sent} sent, {exporter.packets()} counted")


# ---- looks: none of them tells half of a change


CHANGES = {
    "first load": ([], [], "/^rename", ("attached", 1)),
    "replacement": (["load"], [], "/^rename", ("attached", 2)),
    "unload": (["load"], ["--unload"], "/^unlink", ("none", None)),
}


def looking(lab, log, *command):
    """It has found twice that a loader is at work, or has ended."""
    look = lab.process(*strace("-e", "trace=flock", command=command, log=log))
    wait_until(lambda: look.popen.poll() is not None or log.exists() and log.read_text().count("EAGAIN") >= 2,
               look.describe)
    return look


@pytest.mark.parametrize("change", CHANGES)
def test_status_waits_for_the_end_of_a_change(lab, veth0, change, tmp_path):
    loads, verb, step, expected = CHANGES[change]
    for _ in loads:
        lab.load(veth0.name)
    with Stopping(tmp_path / "loader", step, 1, [LOADER, "--dev", "veth0", *verb]) as loader:
        assert loader.stopped()
        log = tmp_path / "status"
        look = looking(lab, log, LOADER, "--json", "--dev", "veth0", "--status")
    loader.process.wait()
    look.wait()
    (outcome,) = json.loads("".join(look.lines["out"]))["devices"]
    assert (outcome["state"], outcome["generation"]) == expected
    assert outcome["notes"] == []
    assert "EAGAIN" in log.read_text()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_does_not_end_is_all_that_is_told(lab, veth0, change, tmp_path):
    """Nobody knows what it makes of the program, so nothing that would end it is advised."""
    loads, verb, step, _ = CHANGES[change]
    for _ in loads:
        lab.load(veth0.name)
    everyones, _ = copy_for_everyone()
    with Stopping(tmp_path / "loader", step, 1, [LOADER, "--dev", "veth0", *verb]) as loader:
        assert loader.stopped()
        looks = [lab.process(*command, "--json", *which, "--status")
                 for command in ([LOADER], [*as_user(NOBODY), everyones]) for which in ([], ["--dev", "veth0"])]
        dry_runs = [Process([LOADER, "--json", "--dev", "veth0", *words, "--dry-run"])
                    for words in ([], ["--unload"], ["--clean"], ["--observe"])]
        for look, note in zip(looks, ["a change is under way"] * 2 + [HIDDEN] * 2):
            look.wait()
            for outcome in json.loads("".join(look.lines["out"]))["devices"]:
                assert outcome["notes"] == [note] and outcome["state"] != "foreign"
        for dry_run in dry_runs:
            assert "a change is under way" in dry_run.wait(CONFLICT)
            assert json.loads("".join(dry_run.lines["out"]))["devices"][0]["error"]["hint"] is None


@pytest.mark.parametrize("call", ["/^send", "bpf"])
def test_status_is_of_one_moment(lab, veth0, call, tmp_path):
    """A whole load between two of its questions: those before it are asked again."""
    log = tmp_path / "strace"
    arguments = ["--json", "--dev", "veth0", "--status"]
    lab.load("veth0")
    run(strace("-e", f"trace={call}", command=[LOADER, *arguments], log=log))
    for k in range(1, count_calls(log) + 1, FAULT_STEP):
        with Stopping(log, call, k, [LOADER, *arguments]) as status:
            assert status.stopped(), f"{call} {k}"
            generation = lab.load("veth0")["generation"]
        status.process.wait()
        (outcome,) = json.loads("".join(status.process.lines["out"]))["devices"]
        assert (outcome["state"], outcome["notes"]) == ("attached", []), f"{call} {k}"
        assert generation - outcome["generation"] in (0, 1)


def test_the_first_sample_waits_for_the_end_of_a_change(lab, veth0, tmp_path):
    """The program is replaced, the map not yet: no state is told that nothing but this moment has."""
    modes = calls_of_a_load(lab, tmp_path / "calls", "veth0", "fchmodat")
    lab.load("veth0")
    log = tmp_path / "stats"
    with Stopping(tmp_path / "loader", "fchmodat", modes - 1, [LOADER, "--dev", "veth0"]) as loader:
        assert loader.stopped()
        reader = lab.stats("--dev", "veth0")
        once = looking(lab, log, STATS, "--json", "--dev", "veth0", "--once")
    loader.process.wait()
    assert once.wait() == ""
    first = reader.wait_for(lambda _: True)
    for sample in (json.loads(once.lines["out"][0]), first):
        assert (sample["state"], sample["generation"]) == ("attached", 2)
    assert reader.stop() == ""
    assert "EAGAIN" in log.read_text()


def test_status_follows_pins_that_a_load_renames(lab, veth0, tmp_path):
    lab.load(veth0.name)
    rename(veth0, "veth9")
    with Stopping(tmp_path / "loader", "renameat", 1, [LOADER, "--dev", "veth9"]) as loader:
        assert loader.stopped()
        look = looking(lab, tmp_path / "status", LOADER, "--json", "--dev", "veth9", "--status")
    loader.process.wait()
    look.wait()
    (outcome,) = json.loads("".join(look.lines["out"]))["devices"]
    assert (outcome["state"], outcome["generation"], outcome["notes"]) == ("attached", 2, [])
    assert outcome["pin_dir"] == str(pin_dir("veth9"))
