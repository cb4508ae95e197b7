# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Damaged objects, and objects that ask for too much.

Whatever it is, a run ends with a status from the table and says why in its first line; nothing is attached or
pinned by a run that failed.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import mutants
from support.devices import attached
from support.pins import pin_dir, pins_of
from support.processes import run
from support.programs import LOADER, object_file
from support.refusals import STATUSES, run_any

FIRST_SEED = int(os.environ.get("XDP_TALLY_FIRST_SEED", "1"))
MUTANTS = int(os.environ.get("XDP_TALLY_MUTANTS", "2100"))
ONE_IN = 10  # of them is loaded for good; the others are loaded and dropped
OBJECTS = ("own", "linear", "libxdp_stats", "generation_a", "generation_b", "shared_fields", "tail_call", "no_counter",
           "six_entries")


@pytest.fixture
def little_memory(tmp_path):
    """A machine with 64 MiB to spare: a damaged object that asks for gigabytes must not get them."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 1048576 kB\nMemAvailable: 65536 kB\n")
    run(["mount", "--bind", meminfo, "/proc/meminfo"])
    yield
    run(["umount", "/proc/meminfo"])


def originals():
    return {name: Path(object_file(name)).read_bytes() for name in OBJECTS}


def try_mutant(images, number, file, dev):
    """Loads it for good or for show; nothing is left of it in either case."""
    what, image = mutants.mutant(images, FIRST_SEED + number)
    file.write_bytes(image)
    for_good = number % ONE_IN == 0
    try:
        status, done = run_any(LOADER, "--dev", dev, "--filename", file, *([] if for_good else ["--dry-run"]))
        if for_good:
            if status == 0:
                assert attached(dev) is not None and pins_of(dev)
                run([LOADER, "--dev", dev, "--unload"])
            assert attached(dev) is None
        assert not pin_dir(dev).exists()
    except (AssertionError, subprocess.SubprocessError) as error:
        raise AssertionError(what) from error
    return status, "of its BTF" in done.stderr.partition("\n")[0]


def test_damaged_objects(lab, little_memory, tmp_path):
    """Thousands of them, each with one kind of damage; XDP_TALLY_MUTANTS and XDP_TALLY_FIRST_SEED ask for others."""
    images = originals()
    workers = os.cpu_count()
    devices = [lab.veth(f"veth{i}").name for i in range(workers)]
    before = lab.world()

    def work(worker):
        file = tmp_path / f"damaged{worker}.o"
        return [try_mutant(images, number, file, devices[worker]) for number in range(worker, MUTANTS, workers)]

    with ThreadPoolExecutor(workers) as pool:
        outcomes = [outcome for results in pool.map(work, range(workers)) for outcome in results]
    assert lab.world() == before
    statuses = [status for status, _ in outcomes]
    print({status: statuses.count(status) for status in STATUSES}, "broken BTF:", sum(broken for _, broken in outcomes))
    # The damages are of all sizes: some objects are still loaded, most are refused.
    assert len(outcomes) == MUTANTS
    assert statuses.count(0) > MUTANTS / 10 and statuses.count(1) > MUTANTS / 10 and statuses.count(4) > 0


def damaged(tmp_path, damage, *args, base="own"):
    image = bytearray(Path(object_file(base)).read_bytes())
    damage(image, *args)
    path = tmp_path / "damaged.bpf.o"
    path.write_bytes(image)
    return path


@pytest.mark.parametrize("damage", [mutants.nameless_extern, mutants.circle_of_types])
def test_what_libbpf_does_not_survive(lab, veth0, tmp_path, damage):
    """A wrong pointer and an endless loop of libbpf before 1.3: it is not asked to follow such types."""
    path = damaged(tmp_path, damage)
    world = lab.world()
    status, done = run_any(LOADER, "--dev", "veth0", "--native-mode", "--filename", path)
    assert status == 1 and re.search("it is damaged: type [0-9]+ of its BTF", done.stderr)
    assert lab.world() == world


def test_a_map_too_large_for_the_machine(lab, veth0, tmp_path, little_memory):
    """The kernel would take every page there is for it, and end other processes to get more."""
    path = damaged(tmp_path, mutants.set_entries, "xdp_stats_map", 20_000_000)
    world = lab.world()
    status, done = run_any(LOADER, "--dev", "veth0", "--filename", path)
    assert status == 1
    assert "20000000 entries" in done.stderr and "64 MiB of memory are available" in done.stderr
    assert lab.world() == world


@pytest.mark.parametrize("name", ["xdp_link", "xdp_stats_meta", "+staging", "a/b", "../b", "/"])
def test_a_map_named_like_no_pin(lab, veth0, tmp_path, name):
    """Its pin would take the place of the link's, or stand elsewhere: a running program must not suffer."""
    path = damaged(tmp_path, mutants.rename_map, "spare_map_for_names", name, base="odd_name")
    program = lab.load("veth0")["program"]["id"]
    world = lab.world()
    for more in ([], ["--reuse-maps"], ["--dry-run"]):
        status, done = run_any(LOADER, "--dev", "veth0", "--filename", path, *more)
        assert status == 5 and f"'{name}'" in done.stderr
        assert lab.world() == world
    assert attached("veth0") == ("native", program)


def test_names_cannot_steer_the_terminal(lab, veth0, tmp_path):
    """A program whose name clears the screen is refused by the kernel; the loader has to tell which it was."""
    path = damaged(tmp_path, mutants.rename_map, "odd_name_pass", "\x1b[2J\x1b]0;x\x07", base="odd_name")
    status, done = run_any(LOADER, "--dev", "veth0", "--filename", path)
    assert status == 1 and "[2J" in done.stderr
    run_any(LOADER, "--dev", "veth0", "--filename", path, "--progname", "x\x1b[2J")
