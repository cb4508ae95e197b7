# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A loader that stops between two of its steps, and loads that fail: what readers show meanwhile, and afterwards."""

import json
import re
import signal

import pytest
from support.exporter import Exporter
from support.maps import read_meta
from support.pins import PINS, pin_dir, pins_of
from support.processes import run, wait_until
from support.programs import LOADER
from support.stopping import Stopping, calls_of_a_load
from support.strace import FAULT_STEP
from support.traffic import send

SIZE = 100
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
