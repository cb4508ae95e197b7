"""A loader stopped between two of its steps, and loads that fail: what readers show meanwhile, and afterwards."""

import json
import os
import signal

import pytest
from support.exporter import Exporter
from support.maps import read_meta
from support.pins import PINS, pin_dir, pins_of
from support.process_table import processes
from support.processes import Process, run, wait_until
from support.programs import LOADER
from support.strace import FAULT_STEP, count_calls, strace
from support.traffic import send

SIZE = 100
STEPS = ("bpf", "/^rename", "/^unlink", "/^mkdir", "/^send")
# Of the samples of another device, taken every 0.1 s. A reader that waited for the loader would make it 2 s.
LONGEST_PERIOD = 1.5


class StoppedLoader:
    """A loader that stops after the k-th of these system calls, until continue_it()."""

    def __init__(self, lab, log, syscall, k, arguments, inject=()):
        log.unlink(missing_ok=True)
        self.log = log
        stop = ("-e", f"inject={syscall}:signal=SIGSTOP:when={k}")
        self.strace = lab.started(Process(strace("-e", f"trace={syscall},fchmodat", *inject, *stop,
                                                 command=[LOADER, *arguments], log=log)))
        wait_until(self.is_stopped, lambda: f"{syscall} {k}: not stopped: {self.strace.describe()}")

    def is_stopped(self):
        return self.log.exists() and "stopped by SIGSTOP" in self.log.read_text()

    def continue_it(self, status=0):
        (loader,) = [process.pid for process in processes() if process.parent == self.strace.popen.pid]
        os.kill(loader, signal.SIGCONT)
        return self.strace.wait(status)


def calls_of_a_load(lab, log, dev, syscall):
    lab.load(dev)
    run(strace("-e", f"trace={syscall}", command=[LOADER, "--dev", dev], log=log))
    lab.loader("--dev", dev, "--unload")
    return count_calls(log)


@pytest.mark.parametrize("syscall", STEPS)
def test_stopped_loader_does_not_hold_up_other_devices(lab, syscall, tmp_path):
    log = tmp_path / "strace"
    for dev in ("veth0", "veth1"):
        lab.veth(dev)
    calls = calls_of_a_load(lab, log, "veth0", syscall)
    for dev in ("veth0", "veth1"):
        lab.load(dev)
    reader = lab.reading("--dev", "veth0", "--dev", "veth1")
    for k in range(1, calls + 1, FAULT_STEP):
        loader = StoppedLoader(lab, log, syscall, k, ["--dev", "veth0"])
        for _ in range(3):
            sample = reader.wait_for(lambda sample: sample["dev"] == "veth1")
            assert sample["period"] < LONGEST_PERIOD, f"{syscall} {k}: {reader.describe()}"
        loader.continue_it()
        generation = read_meta("veth0").generation
        reader.wait_for(lambda sample: (sample["dev"], sample["generation"], sample["state"]) ==
                        ("veth0", generation, "attached"))


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
    run(strace("-e", "trace=renameat,fchmodat", *fail, command=[LOADER, "--dev", dev], log=log), status=1)
    renames = sum(line.startswith("renameat(") for line in log.read_text().splitlines())
    assert renames >= 3, log.read_text()
    lab.loader("--dev", dev, "--unload")

    lab.load(dev)
    reader = lab.reading("--dev", dev)
    by_cpu = lab.reading("--dev", dev, "--per-cpu", "--since-start")
    exporter = Exporter(lab, "--dev", dev)
    old = pinned_map_id(dev)
    sent = 0
    for k in range(1, renames + 1):
        loader = StoppedLoader(lab, log, "renameat", k, ["--dev", dev], fail)
        send(veth0, 5, SIZE)
        sent += 5
        if shown:
            now = pinned_map_id(dev)
            for process in (reader, by_cpu):
                process.wait_for(lambda sample, now=now: sample["map_id"] == now)
        loader.continue_it(status=1)
        assert pins_of(dev) == PINS
        for process in (reader, by_cpu):
            sample = process.wait_for_session(sent)
            assert (sample["map_id"], sample["generation"]) == (old, 1)
        assert sum(cpu["actions"]["XDP_PASS"]["packets"] for cpu in sample["cpus"]) <= sent
        wait_until(lambda: exporter.packets() == sent, lambda: f"{sent} sent, {exporter.packets()} counted")
