# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Both programs under every small limit, without /proc, /sys, TERM or standard streams, and where memory runs out.

They end with a documented status, by no signal and no exception; what they lose is an error; nothing that is not theirs
is written to; and the next plain load puts right whatever an interrupted one left.
"""

import itertools
import json
import os
import pty
import re
import signal
import subprocess

import pytest

from support.devices import attached, named
from support.maps import lineage_counts
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.processes import DEADLINE, Process, as_user, run, wait_until
from support.programs import LOADER, SENDER, STATS, USAGE, copy_for_everyone, object_file
from support.starts import OPENING, STATUSES, Start
from support.traffic import SIZE, send

SHORT = os.environ.get("XDP_TALLY_ENVIRONMENTS") == "short"
PAGE, KIB, MIB = 4096, 1024, 1024 * 1024
FAIL_NEW = f"{os.path.dirname(SENDER)}/fail-new.so"
DEVICES = ("veth0", "veth1", "veth2")

ALL_DEVICES = named(DEVICES)
# What prints something to stdout when it succeeds.
PRINTING = {
    "load": [LOADER, "--dev", "veth0"],
    "load_three": [LOADER, *ALL_DEVICES],
    "load_json": [LOADER, "--dev", "veth0", "--json"],
    "reuse": [LOADER, "--dev", "veth0", "--reuse-maps"],
    "file": [LOADER, "--dev", "veth0", "--filename", object_file("own")],
    "dry_run": [LOADER, "--dev", "veth0", "--dry-run"],
    "status": [LOADER, "--status"],
    "unload": [LOADER, "--dev", "veth0", "--unload"],
    "test_run": [LOADER, "--test-run", "10"],
    "programs": [LOADER, "--list-programs", "--filename", object_file("own")],
    "loader_help": [LOADER, "--help"],
    "once": [STATS, "--dev", "veth0", "--once"],
    "all_json": [STATS, "--all", "--once", "--json"],
    "count": [STATS, "--dev", "veth0", "--count", "1"],
    "expect": [STATS, "--dev", "veth0", "--expect", "total.packets >= 0", "--within", "1"],
    "stats_help": [STATS, "--help"],
}
SILENT = {
    "quiet_load": [LOADER, "--dev", "veth0", "--quiet"],
    "run": [LOADER, "--dev", "veth1", "--run", "--", "true"],
    "output": [STATS, "--all", "--once", "--output", "/run/tmp/sample"],
}
REFUSED = {
    "no_device": ([LOADER, "--dev", "nope0"], 4),
    "loader_usage": ([LOADER, "--no-such-option"], USAGE),
    "stats_usage": ([STATS, "--no-such-option"], USAGE),
    "live": ([STATS, "--dev", "veth0", "--live"], USAGE),
}
COMMANDS = {**PRINTING, **SILENT, **{name: command for name, (command, _) in REFUSED.items()}}
# --run ends with the command's status, or with these where it could not be started.
STATUSES_OF = {"run": (*STATUSES, 126, 127)}


def short(whole, chosen):
    return chosen if SHORT else whole


@pytest.fixture(name="devices")
def three_devices(lab):
    return [lab.veth(name) for name in DEVICES]


def prepare(lab):
    """Whatever the last start left: the next plain load is all it takes."""
    for dev in filter(lambda dev: pin_dir(dev).exists(), DEVICES[1:]):
        lab.loader("--dev", dev, "--unload")
    outcome = lab.load("veth0")
    assert attached("veth0") == ("native", outcome["program"]["id"])
    assert pins_of("veth0") == PINS


def start(lab, name, log, **how):
    prepare(lab)
    started = Start(COMMANDS[name], log, **how).check(STATUSES_OF.get(name, STATUSES))
    if name == "run":
        assert attached("veth1") is None, started
    return started


# ---- limits


def limit(kind, size):
    return ("prlimit", f"--{kind}={size}")


def first_to_begin(kind, program, log):
    """The smallest limit, by pages, under which main() begins."""
    below, enough = 0, 64 * MIB
    while enough - below > PAGE:
        middle = (below + enough) // 2 // PAGE * PAGE
        if Start([program, "--version"], log, limit(kind, middle)).check().began:
            enough = middle
        else:
            below = middle
    return enough


@pytest.mark.parametrize("kind", ["as", "data"])
@pytest.mark.parametrize("name", short(COMMANDS, ["load_three", "run", "once"]))
def test_little_memory(lab, devices, name, kind, tmp_path):
    """From where main() begins, page by page, until it is enough."""
    log = tmp_path / "strace"
    first = first_to_begin(kind, COMMANDS[name][0], log)
    ended = [start(lab, name, log, prefix=limit(kind, first + pages * PAGE))
             for pages in range(-2, 72, short(3, 18))]
    # Room for the stacks of threads, or for some of them, or for none.
    ended += [start(lab, name, log, prefix=limit(kind, size * MIB))
              for size in short((9, 12, 16, 17, 24, 32, 64, 128, 256), (16, 128))]
    assert ended[-1].status == REFUSED.get(name, (None, 0))[1], ended[-1]


def test_little_stack(lab, devices, tmp_path):
    sizes = short((0, 4, 8, 12, 16, 20, 24, 32, 40, 48, 56, 64, 80, 96, 128, 192, 256, 384, 511, 512, 1024),
                  (0, 16, 80, 511, 512))
    for name, size in itertools.product(short(COMMANDS, ["load_three", "run", "once"]), sizes):
        ended = start(lab, name, tmp_path / "strace", prefix=limit("stack", size * KIB))
        enough = size >= 512
        assert not ended.began or ended.status == (REFUSED.get(name, (None, 0))[1] if enough else 1), ended
        assert ended.began or not enough, ended


def test_soft_limit_of_the_stack(lab, devices, tmp_path):
    """It is raised, for threads as well, and what --run starts has its own again."""
    soft = ("prlimit", f"--stack={64 * KIB}:{8 * MIB}")
    assert start(lab, "load_three", tmp_path / "strace", prefix=soft).status == 0
    lab.loader(*ALL_DEVICES, "--unload")
    done = run([*soft, LOADER, "--dev", "veth0", "--run", "--", "sh", "-c", "ulimit -Ss; ulimit -Hs"])
    assert done.out == f"64\n{8 * KIB}\n"


@pytest.mark.parametrize("closed", short([(), (0, 1, 2)], [()]), ids=str)
def test_few_descriptors(lab, devices, closed, tmp_path):
    for name, count in itertools.product(short(COMMANDS, ["load_three", "run", "all_json"]),
                                         short(range(3, 41), (3, 5, 8, 10, 13))):
        start(lab, name, tmp_path / "strace", prefix=limit("nofile", count), closed=closed)


def test_fewer_descriptors_than_streams(lab, devices, tmp_path):
    """What has the number of a stream is never anything else, also where the stream could not be taken."""
    for count, closed in itertools.product(range(4), short(all_streams(), [(1,), (0, 1, 2)])):
        started = start(lab, "status", tmp_path / "strace", prefix=limit("nofile", count), closed=closed, trace=OPENING)
        if started.began:
            assert_only_streams(started, closed)


@pytest.fixture(name="user_root")
def root_of_a_user(lab):
    """Limits of processes are for users: this one has the capabilities and a directory of his own."""
    root, user = BPFFS / "mine", 61000 + os.getpid() % 1000
    root.mkdir()
    os.chown(root, user, user)
    yield root, user
    root.rmdir()


@pytest.mark.parametrize("most", short([0, 1, 2, 3, 10, 100], [1, 2]))
def test_few_processes(lab, devices, user_root, most, tmp_path):
    """Threads that are refused: the others do their work."""
    root, user = user_root
    loader, stats = copy_for_everyone()
    prefix = ("prlimit", f"--nproc={most}", *as_user(user, "bpf", "net_admin", "perfmon"))
    own = ["--bpffs", root]
    log = tmp_path / "strace"
    loaded = Start([loader, *own, *ALL_DEVICES], log, prefix).check()
    assert not loaded.began or loaded.status == 0, loaded
    if loaded.began:
        read = Start([stats, *own, "--all", "--once", "--json"], log, prefix).check()
        assert read.status == 0 and len(read.out.splitlines()) == len(DEVICES), read
        removed = Start([loader, *own, *ALL_DEVICES, "--unload"], log, prefix).check()
        assert removed.status == 0, removed
    ran = Start([loader, *own, "--dev", "veth0", "--run", "--", "true"], log, prefix).check(STATUSES_OF["run"])
    assert ran.status in (0, 126, 127), ran  # 126 where it takes CAP_SYS_ADMIN to go back to its namespace
    assert attached("veth0") is None and list(root.iterdir()) == []


# ---- what is not there


def without(directory):
    """In a mount namespace of its own, where nothing is in it."""
    return ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs -o ro none {directory} && exec "$@"', "sh")


@pytest.mark.parametrize("directory", ["/proc", "/sys", "/dev"])
def test_without_a_file_system(lab, devices, directory, tmp_path):
    """Where that is an error, nothing has changed."""
    for name in short(COMMANDS, ["load_three", "reuse", "unload", "run", "once", "all_json", "live"]):
        if name == "count":
            continue  # it waits for pins
        prepare(lab)
        world = lab.world()
        started = Start(COMMANDS[name], tmp_path / "strace", without(directory))
        started.check(STATUSES_OF.get(name, STATUSES))
        assert started.began
        if started.status != 0:
            assert re.match(r'xdp_(loader|stats): |\{"schema":1,', started.err), started
            assert lab.world() == world, started
        if name == "run":
            assert attached("veth1") is None, started


@pytest.mark.parametrize("term", short([None, "", "no-such-terminal", "dumb"], [None, "dumb"]))
def test_live_without_a_terminal_that_can_be_drawn_on(lab, devices, term):
    lab.load("veth0")
    environment = {name: value for name, value in os.environ.items() if name != "TERM"}
    if term is not None:
        environment["TERM"] = term
    master, slave = pty.openpty()
    try:
        done = subprocess.run([STATS, "--dev", "veth0", "--live"], stdin=slave, stdout=slave, stderr=subprocess.PIPE,
                              text=True, env=environment, timeout=60, check=False)
    finally:
        os.close(slave)
        os.close(master)
    assert done.returncode == 1, done
    assert done.stderr.startswith("xdp_stats: "), done


# ---- standard streams


def all_streams():
    return [streams for count in range(4) for streams in itertools.combinations(range(3), count)]


def assert_only_streams(started, closed):
    """Each closed one's number is taken by what can be neither read nor written, and then by nothing else."""
    taken = list(started.descriptors_taken())
    for number, call in taken:
        assert 'open' in call and '"/", O_RDONLY|O_CLOEXEC|O_PATH' in call, (number, call, str(started))
    assert [number for number, _ in taken] == [stream for stream in closed if stream in dict(taken)]
    return [number for number, _ in taken]


@pytest.mark.parametrize("closed", all_streams(), ids=str)
def test_closed_streams(lab, devices, closed, tmp_path):
    """What is lost is an error, and no file, socket, map or program gets the number of a stream."""
    for name in short(COMMANDS, ["load_three", "file", "run", "all_json", "output", "loader_usage"]):
        started = start(lab, name, tmp_path / "strace", closed=closed, trace=OPENING)
        if name in REFUSED:
            expected = REFUSED[name][1]
        else:
            expected = 1 if name in PRINTING and 1 in closed else 0
        assert started.status == expected, started
        assert assert_only_streams(started, closed) == list(closed), started
        if name in PRINTING and expected == 1 and 2 not in closed:
            assert "Bad file descriptor" in started.err, started


@pytest.mark.parametrize("closed", short(all_streams(), [(), (1,), (0, 1, 2)]), ids=str)
def test_command_of_run_has_the_streams_of_the_loader(lab, devices, closed, tmp_path):
    seen = tmp_path / "seen"
    command = ("/usr/bin/python3", "-c", f"""
import os
def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
seen = [number for number in range(3) if is_open(number)]
open({str(seen)!r}, "w").write(repr(seen))
""")
    started = Start([LOADER, "--dev", "veth1", "--run", "--", *command], tmp_path / "strace", closed=closed).check()
    assert started.status == 0, started
    assert seen.read_text() == repr([number for number in range(3) if number not in closed])


@pytest.mark.parametrize("closed", short([(0,), (2,), (0, 2)], [(0, 2)]), ids=str)
def test_reader_that_goes_on_with_closed_streams(lab, devices, closed):
    lab.load("veth0")
    closing = " ".join(f"{stream}>&-" for stream in closed)
    reader = lab.started(Process(["sh", "-c", f'exec "$@" {closing}', "sh", STATS, "--dev", "veth0", "--json",
                                  "--interval", "0.1"]))
    for generation in (1, 2):
        reader.wait_for_line(lambda line, wanted=generation: json.loads(line)["generation"] == wanted)
        lab.load("veth0")
    links = {number: os.readlink(f"/proc/{reader.popen.pid}/fd/{number}") for number in closed}
    assert links == {number: "/" for number in closed}


# ---- memory runs out


PACKETS = 7
LOAD = [LOADER, "--dev", "veth0"]
SCENARIOS = {
    "first_load": LOAD,
    "replace": [*LOAD, "--action", "drop"],
    "reuse": [*LOAD, "--reuse-maps", "--filename", object_file("own")],
    "unload": [*LOAD, "--unload"],
    "clean": [*LOAD, "--clean"],
    "run": [*LOAD, "--run", "--", "true"],
    "three": [LOADER, *ALL_DEVICES],
}


def fail_new(call):
    return ("env", f"LD_PRELOAD={FAIL_NEW}", f"XDP_TALLY_FAIL_NEW={call}")


def allocations(command, tmp_path):
    """Calls of operator new in a run that succeeds."""
    counted = tmp_path / "count"
    run(["env", f"LD_PRELOAD={FAIL_NEW}", f"XDP_TALLY_COUNT_NEW={counted}", *command])
    return int(counted.read_text())


def state(lab, dev):
    """What a load that failed has to leave as it was."""
    outcome = lab.status(dev)
    return {field: outcome[field] for field in ("state", "mode", "program", "link_id", "generation", "maps")}


@pytest.mark.parametrize("then", ["", "+"], ids=["once", "for-good"])
@pytest.mark.parametrize("scenario", short(SCENARIOS, ["replace", "unload", "run", "three"]))
def test_memory_runs_out(lab, devices, scenario, then, tmp_path):
    """At every call of operator new: a load is done or has changed nothing, and no count is lost."""
    command = SCENARIOS[scenario]
    log = tmp_path / "strace"
    dev = "veth0"

    def begin():
        for pinned in filter(lambda dev: pin_dir(dev).exists(), DEVICES):
            lab.loader("--dev", pinned, "--unload")
        if scenario not in ("first_load", "run", "three"):
            lab.load(dev)
            send(devices[0], PACKETS, SIZE)
            lab.wait_for_counts(dev, {"XDP_PASS": (PACKETS, PACKETS * SIZE)})
        if scenario == "clean":
            lab.loader("--dev", dev, "--unload", "--keep-maps")

    begin()
    last = allocations(command, tmp_path)
    options = allocations([LOADER, "--version"], tmp_path)  # by then: before there is anything to undo
    for call in range(1, last + 1):
        if call % short(5 if call > options else 50, 97 if call > options else 499):
            continue
        begin()
        before = state(lab, dev)
        started = Start(command, log, fail_new(f"{call}{then}")).check(STATUSES_OF.get(scenario, STATUSES))
        said = f"call {call}{then} of {last}: {started}"
        if scenario in ("unload", "clean"):
            if pin_dir(dev).exists():
                run(command)
            assert attached(dev) is None and not pin_dir(dev).exists(), said
            continue
        if scenario == "run":
            assert attached(dev) is None, said
        elif started.status and not then:
            after = state(lab, dev)
            is_done = after["state"] == "attached" and after["generation"] == (before["generation"] or 0) + 1
            assert after == before or is_done, said
            assert not pin_dir(dev).exists() or pins_of(dev) == PINS, said
        lab.load(dev, "--reuse-maps")
        if scenario == "three":
            lab.loader(*ALL_DEVICES[2:], "--reuse-maps")
        assert lab.status(dev)["state"] == "attached" and pins_of(dev) == PINS, said
        counted = {} if scenario in ("first_load", "run", "three") else {"XDP_PASS": (PACKETS, PACKETS * SIZE)}
        assert lineage_counts(dev) == counted, said


@pytest.mark.parametrize("then", ["", "+"], ids=["once", "for-good"])
@pytest.mark.parametrize("name", short(["once", "all_json", "count", "expect", "output"], ["all_json"]))
def test_memory_of_a_reader_runs_out(lab, devices, name, then, tmp_path):
    lab.load("veth0")
    command = COMMANDS[name]
    last = allocations(command, tmp_path)
    for call in range(1, last + 1, short(3, 149)):
        started = Start(command, tmp_path / "strace", fail_new(f"{call}{then}")).check()
        assert started.status in (0, 1), f"call {call}{then} of {last}: {started}"


def test_memory_of_an_exporter_runs_out(lab, devices, tmp_path):
    """While it starts; afterwards a scrape answers 500, which its own tests show."""
    lab.load("veth0")
    for call in range(1, 1200, short(7, 173)):
        process = lab.process(*fail_new(call), STATS, "--all", "--listen", "0")
        wait_until(lambda: process.lines["out"] or process.popen.poll() is not None, process.describe)
        process.popen.send_signal(signal.SIGINT)
        err = process.wait(process.popen.wait(DEADLINE))
        assert process.status in ((0, 1) if process.lines["out"] else (1,)), (call, process.lines)
        assert "terminate called" not in err, (call, err)


def test_what_fails_before_main_is_told_apart(lab, tmp_path):
    """ld.so, exec, and a program of ours that would abort: the last is what these tests are for."""
    log = tmp_path / "strace"
    assert not Start([STATS, "--version"], log, limit("as", 3 * MIB)).check().began
    assert not Start([STATS, "--version"], log, limit("stack", 0)).check().began
    assert Start([STATS, "--version"], log).check().began
    aborted = Start(["sh", "-c", "kill -ABRT $$"], log)
    with pytest.raises(AssertionError):
        aborted.check()
