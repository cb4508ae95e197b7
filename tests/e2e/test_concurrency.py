# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Many at once and many in a row: packets, loaders, devices and replacements, and nothing lost or left.

The numbers come from the environment, so that scripts/soak runs the same tests for longer:
XDP_TALLY_FRAMES and XDP_TALLY_REPLACEMENTS under traffic, XDP_TALLY_LOADERS at once, XDP_TALLY_SOAK in a row.
"""

import errno
import fcntl
import json
import os
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import pytest

from support import raw_bpf
from support.bpftool import bpftool
from support.devices import attached, link_info, named
from support.maps import dump_counts, lineage_counts, read_meta
from support.observing import attach
from support.pins import PINS, pin_dir, pinned_link, pins_of
from support.process_table import descriptors_of, is_waiting_for_a_lock, memory_of
from support.processes import DEADLINE, SANITIZER, run, wait_until
from support.programs import CONFLICT, LOADER, MODES, NOT_FOUND, STATS, object_file
from support.samples import session_of
from support.stopping import Stopping
from support.strace import count_calls, strace
from support.traffic import SIZE, send

FRAMES = int(os.environ.get("XDP_TALLY_FRAMES", "1000000"))
REPLACEMENTS = int(os.environ.get("XDP_TALLY_REPLACEMENTS", "100"))
LOADERS = int(os.environ.get("XDP_TALLY_LOADERS", "30"))
SOAK = int(os.environ.get("XDP_TALLY_SOAK", "200"))

OK = 0


def last_sample(reader):
    return json.loads(reader.lines["out"][-1])


def report(capsys, text):
    """A line of numbers, whether the test passes or not."""
    with capsys.disabled():
        print(f"\n    {text}", end="", flush=True)


# ---- a million frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reuse", [[], ["--reuse-maps"]], ids=["new-maps", "reuse-maps"])
def test_a_million_frames_during_a_hundred_replacements(lab, veth0, mode, reuse, capsys):
    """As fast as one CPU sends, from before the first replacement until after the last: all are counted, once."""
    lab.load("veth0", MODES[mode])
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE, pause_us=0)
    reader.wait_for(lambda sample: sample["total"]["packets"] > 0)
    began, done = time.monotonic(), 0
    while done < REPLACEMENTS or last_sample(reader)["total"]["session_packets"] < FRAMES:
        done += 1
        outcome = lab.load("veth0", MODES[mode], "--action", ("pass", "drop")[done % 2], *reuse)
        assert outcome["generation"] == done + 1
        assert traffic.popen.poll() is None, "no traffic during this replacement"
    sent = traffic.finish()
    report(capsys, f"{sent} frames, {done} replacements, {time.monotonic() - began:.1f} s: ")
    assert sent >= FRAMES and done >= REPLACEMENTS
    sample = reader.wait_for_session(sent)
    session = session_of(sample)
    assert set(session) == {"XDP_PASS", "XDP_DROP"}
    assert sample["total"]["session_bytes"] == sent * SIZE
    assert lineage_counts("veth0") == session
    if reuse:
        assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == session


# ---- many loaders ------------------------------------------------------------------------------------------

NEW_COUNTERS = ["--reuse-maps", "--new-map", "xdp_stats_map"]
LOADS = ([], ["--reuse-maps"], ["--action", "drop"], ["--action", "drop", "--reuse-maps"], NEW_COUNTERS)
OTHER_LAYOUTS = (["--filename", object_file("six_entries")], ["--filename", object_file("six_entries"), *NEW_COUNTERS],
                 ["--filename", object_file("own"), "--reuse-maps"])
OTHER_VERBS = (["--unload"], ["--unload", "--keep-maps"], ["--status"], ["--clean"])


def run_at_once(lab, commands):
    """Starts all loaders, then waits for all: their arguments and statuses. What failed said why."""

    def one(arguments):
        return subprocess.run([LOADER, "--json", *arguments], capture_output=True, text=True, timeout=2 * DEADLINE,
                              stdin=subprocess.DEVNULL, check=False)

    results = []
    with ThreadPoolExecutor(len(commands)) as pool:
        for arguments, done in zip(commands, pool.map(one, commands)):
            shown = f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
            assert not SANITIZER.search(done.stderr), shown
            (outcome,) = json.loads(done.stdout)["devices"]
            lab.remember(outcome)
            error = outcome.get("error", {"status": 0, "message": "what: why"})
            assert error["status"] == done.returncode and re.search(".: .", error["message"]), shown
            results.append((arguments, done.returncode, shown))
    return results


def check_consistent(lab, veth):
    """Hook, link, meta and counter map belong together, nothing is half done, and the next packets count."""
    dev = veth.name
    (outcome,) = lab.loader_json("--dev", dev, "--status")
    meta = read_meta(dev)
    mode, program = attached(dev)
    assert outcome["state"] == "attached"
    assert meta.program_id == program == outcome["program"]["id"]
    assert outcome["mode"] == mode and outcome["generation"] == meta.generation
    assert pins_of(dev) == PINS  # and no +staging
    assert pinned_id(dev, "map", "xdp_stats_map") == meta.counter_map_id
    assert pinned_link(pin_dir(dev) / "xdp_link")["prog_id"] == program
    before = lab.once(dev)["total"]["packets"]
    send(veth, 7, SIZE)
    wait_until(lambda: lab.once(dev)["total"]["packets"] >= before + 7, "the packets are not counted")
    assert lab.once(dev)["total"]["packets"] == before + 7
    return meta


def pinned_id(dev, kind, name):
    return bpftool(kind, "show", "pinned", pin_dir(dev) / name)["id"]


def commands_for(dev, arguments):
    return [["--dev", dev, *more] for more in islice(cycle(arguments), LOADERS)]


@pytest.mark.parametrize("arguments, statuses", [
    (LOADS, {OK}),
    (LOADS + OTHER_LAYOUTS, {OK, CONFLICT}),
], ids=["one-layout", "layouts"])
def test_many_loaders_at_once(lab, veth0, arguments, statuses):
    """They take turns: one generation for each that succeeded, and readers miss nothing of what flows meanwhile."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    others = [lab.reading("--dev", "veth0", interval="10ms"), lab.reading("--map", pin_dir("veth0") / "xdp_stats_map")]
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda sample: sample["total"]["packets"] > 0)
    results = run_at_once(lab, commands_for("veth0", arguments))
    sent = traffic.finish()
    assert {status for _, status, _ in results} <= statuses, [shown for *_, shown in results if shown]
    for sample in (reader.wait_for_session(sent), others[0].wait_for_session(sent)):
        assert sample["total"]["session_bytes"] == sent * SIZE
    meta = check_consistent(lab, veth0)
    assert meta.generation == 1 + sum(status == OK for _, status, _ in results)
    for reader in (reader, *others):
        reader.stop()


def test_many_first_loads_at_once(lab, veth0):
    """There is nothing yet, neither program nor directory: one of them is the first."""
    results = run_at_once(lab, commands_for("veth0", LOADS))
    assert all(status == OK for _, status, _ in results), [shown for _, status, shown in results if status]
    assert sum('"outcome":"loaded"' in shown for *_, shown in results) == 1
    assert check_consistent(lab, veth0).generation == LOADERS


def test_many_verbs_at_once(lab, veth0):
    """Loads, unloads, cleans and looks: loads succeed, unloads do or find nothing, and what is left is whole."""
    readers = [lab.stats("--dev", "veth0"), lab.stats("--dev", "veth0", "--wait", interval="10ms")]
    for reader in readers:
        reader.wait_for_message("veth0")
    for _ in range(3):
        results = run_at_once(lab, commands_for("veth0", LOADS + OTHER_VERBS))
        for arguments, status, shown in results:
            assert status == OK or (status == NOT_FOUND and "--unload" in arguments), shown
        (outcome,) = lab.loader_json("--dev", "veth0", "--status")
        if outcome["state"] == "attached":
            check_consistent(lab, veth0)
        elif outcome["state"] == "detached":  # --keep-maps came last
            assert attached("veth0") is None and pins_of("veth0") == PINS[1:]
        else:
            assert outcome["state"] == "none" and attached("veth0") is None and not pin_dir("veth0").exists()
    (counters,) = [item["id"] for item in lab.load("veth0")["maps"] if item["name"] == "xdp_stats_map"]
    before = [reader.wait_for(lambda sample: sample["map_id"] == counters) for reader in readers]
    check_consistent(lab, veth0)
    for reader, sample in zip(readers, before):
        reader.wait_for_session(sample["total"]["session_packets"] + 7)
        reader.stop()


@pytest.mark.parametrize("call", ["openat", "newfstatat"])
@pytest.mark.parametrize("verb", [("--unload",), ("--unload", "--keep-maps"), ("--clean",)], ids=" ".join)
def test_a_first_load_in_the_middle_of(lab, veth0, verb, call, tmp_path):
    """There was nothing to lock when it began: what the load has pinned meanwhile goes as a whole, or stays."""
    log, command = tmp_path / "strace", [LOADER, "--dev", "veth0", *verb]
    run(strace("-e", f"trace={call}", command=command, log=log), 0 if verb == ("--clean",) else NOT_FOUND)
    for step in range(1, count_calls(log) + 1):
        with Stopping(log, call, step, command) as other:
            other.stopped()
            load = lab.process(LOADER, "--dev", "veth0")
            wait_until(lambda load=load: load.popen.poll() is not None or is_waiting_for_a_lock(load.popen.pid),
                       load.describe)
        load.wait()
        state = lab.status("veth0")["state"]
        assert (attached("veth0") is not None) == (state == "attached")
        left = pins_of("veth0") if pin_dir("veth0").exists() else []
        assert left == {"attached": PINS, "detached": PINS[1:], "none": []}[state]
        lab.loader("--dev", "veth0", "--unload" if state == "attached" else "--clean")


@pytest.mark.parametrize("step", [1, 2], ids=["the-directory", "the-staging-area"])
def test_another_loader_removes_what_was_just_made(lab, veth0, step, tmp_path):
    """Between mkdir and chmod an unload finds an empty directory, and takes it away: the load makes it again."""
    with Stopping(tmp_path / "strace", "mkdirat", step, [LOADER, "--dev", "veth0"]) as loader:
        assert loader.stopped()
        assert pin_dir("veth0").joinpath("+staging" if step == 2 else "").exists()
        lab.loader("--dev", "veth0", "--unload", status=NOT_FOUND)
        assert not pin_dir("veth0").exists()
    loader.process.wait()
    check_consistent(lab, veth0)


# ---- several devices ---------------------------------------------------------------------------------------


def test_loaders_on_two_devices_at_once(lab):
    """Each has its own generations and its own counts, as if it were alone."""
    veths = [lab.veth("veth0"), lab.veth("veth1")]
    for veth in veths:
        lab.load(veth.name)
    readers = [lab.reading("--dev", veth.name) for veth in veths]
    traffics = [lab.traffic(veth, size) for veth, size in zip(veths, (SIZE, 2 * SIZE))]
    for reader in readers:
        reader.wait_for(lambda sample: sample["total"]["packets"] > 0)
    pairs = zip(commands_for("veth0", LOADS), commands_for("veth1", LOADS[::-1]))
    results = run_at_once(lab, [command for pair in islice(pairs, LOADERS // 2) for command in pair])
    assert all(status == OK for _, status, _ in results), [shown for _, status, shown in results if status]
    for veth, reader, traffic, size in zip(veths, readers, traffics, (SIZE, 2 * SIZE)):
        sent = traffic.finish()
        assert reader.wait_for_session(sent)["total"]["session_bytes"] == sent * size
        assert check_consistent(lab, veth).generation == 1 + LOADERS // 2


def test_many_names_that_are_nobodys(lab, veth0):
    """Each is looked for among all the interfaces, in threads: none takes the answer of another's question."""
    missing = [f"etth{number}" for number in range(16)]
    lab.veth("eth3")
    for _ in range(10):
        result = lab.loader(*named(["veth0", *missing]), "--unload", status=NOT_FOUND)
        assert result.err.count("no interface in this network namespace has that name") == len(missing)
        assert result.err.count("did you mean eth3?") == 1


def test_links_that_are_being_made(lab):
    """The kernel lists a link before it can be opened: that of another device is no reason to refuse anything."""
    lab.veth("veth0")
    lab.veth("veth1")
    program = Path("/sys/fs/bpf/others")
    lab.cleanups.append(program.unlink)
    run(["bpftool", "prog", "load", object_file("own"), program, "type", "xdp"])
    attach(program, "veth0")
    fd, ifindex = raw_bpf.open_pin(program), link_info("veth1")["ifindex"]
    ended = threading.Event()

    def make_links():
        while not ended.is_set():
            try:
                os.close(raw_bpf.create_link(fd, ifindex))
            except OSError as error:
                assert error.errno == errno.EBUSY  # one of the others holds the device

    with ThreadPoolExecutor(4) as pool:
        makers = [pool.submit(make_links) for _ in range(4)]
        try:
            for _ in range(100):
                refused = lab.loader("--dev", "veth0", status=CONFLICT)
                assert "attached by netlink" in refused.err
        finally:
            ended.set()
        for maker in makers:
            maker.result()
    os.close(fd)


def test_a_loader_that_waits_keeps_no_other_device_waiting(lab):
    veth0, veth1 = lab.veth("veth0"), lab.veth("veth1")
    lab.load("veth1")
    staging = pin_dir("veth1") / "+staging"
    staging.mkdir(mode=0o700)
    lock = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = lab.process(LOADER, "--dev", "veth1", "--action", "drop")
        wait_until(lambda: is_waiting_for_a_lock(waiting.popen.pid), "the loader does not wait")
        for arguments in LOADS:
            lab.load("veth0", *arguments)
        lab.loader("--dev", "veth0", "--unload")
        lab.load("veth0")
        assert waiting.popen.poll() is None
        assert read_meta("veth1").generation == 1
    finally:
        os.close(lock)
    waiting.wait()
    assert check_consistent(lab, veth0).generation == 1
    assert check_consistent(lab, veth1).generation == 2


# ---- many in a row -----------------------------------------------------------------------------------------

BATCH = min(50, SOAK // 2)  # there is a second one to compare with
KINDS = ([], ["--reuse-maps"], ["--action", "drop"], ["--filename", object_file("six_entries"), *NEW_COUNTERS],
         NEW_COUNTERS, ["--filename", object_file("generation_a")],
         ["--filename", object_file("generation_b"), "--reuse-maps"])


def held_by(pid):
    """What a process has open, and what it watches."""
    infos = "".join(Path(entry.path).read_text() for entry in os.scandir(f"/proc/{pid}/fdinfo"))
    return descriptors_of(pid), infos.count("inotify wd:")


def listed(kind):
    """bpftool gives up when an object goes while it lists them: then it is asked once more."""

    def look():
        done = subprocess.run(["bpftool", "--json", kind, "list"], capture_output=True, text=True, timeout=DEADLINE,
                              errors="surrogateescape", check=False)
        return (json.loads(done.stdout or "[]"),) if done.returncode == 0 else None

    return wait_until(look, f"bpftool lists no {kind}")[0]


def kernel_objects():
    """Of the types that these loads make: what else the machine runs comes and goes as it likes."""
    types = {"prog": ("xdp", "syscall"), "map": ("array", "percpu_array", "hash"), "link": ("xdp",)}
    return {(kind, item["id"]) for kind, wanted in types.items()
            for item in listed(kind) if item["type"] in wanted}


def objects_in_use(dev):
    """Those of the running generation: all that there may be of ours."""

    def shown(kind, *which):
        return bpftool(kind, "show", *which)

    directory = pin_dir(dev)
    program = shown("prog", "id", attached(dev)[1])
    maps = [shown("map", "pinned", directory / name) for name in ("xdp_stats_map", "xdp_stats_meta")]
    maps += [shown("map", "id", number) for number in program.get("map_ids", [])]
    objects = {("prog", program["id"]), ("link", pinned_link(directory / "xdp_link")["id"])}
    return objects | {("map", item["id"]) for item in maps}


def reader_environment(monkeypatch):
    """Tolerated growth in KiB. What AddressSanitizer holds back from being used again is no leak."""
    if b"__asan_init" not in Path(STATS).read_bytes():
        return 512
    monkeypatch.setenv("ASAN_OPTIONS", f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=1")
    return 16384


def test_replacements_in_a_row_leave_nothing(lab, veth0, monkeypatch, capsys):
    """Of every kind, under traffic: neither the reader nor the kernel holds more after the last than after the first
    batch, and every packet is counted."""
    tolerance = reader_environment(monkeypatch)
    others = kernel_objects()
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    pid = reader.popen.pid
    traffic = lab.traffic(veth0, SIZE)
    kinds, done, began = cycle(KINDS), 0, time.monotonic()
    after_first = None
    while done < SOAK:
        for _ in range(BATCH - 1):
            lab.load("veth0", *next(kinds))
        generation = lab.load("veth0")["generation"]
        done += BATCH
        assert generation == done + 1
        reader.wait_for(lambda sample: sample["generation"] == generation and sample["state"] == "attached")
        now = held_by(pid), pins_of("veth0"), memory_of(pid)
        after_first = after_first or now
        assert now[:2] == after_first[:2], f"after {done} replacements"
        assert now[2] <= after_first[2] + tolerance, f"KiB after {done} replacements"
        born = kernel_objects() - others - objects_in_use("veth0")
        wait_until(lambda: not born & kernel_objects(), lambda: f"left in the kernel: {born & kernel_objects()}")
    report(capsys, f"{done} replacements in {time.monotonic() - began:.0f} s, the reader's memory "
                   f"{after_first[2]} KiB, then {now[2]} KiB, {len(now[0][0])} descriptors: ")
    sent = traffic.finish()
    sample = reader.wait_for_session(sent)
    assert sample["total"]["session_bytes"] == sent * SIZE
    assert lineage_counts("veth0") == session_of(sample)
