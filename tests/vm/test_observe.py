"""xdp_loader --observe: what somebody else's program does, counted from outside. Runs where fexit programs load."""

import csv
import fcntl
import io
import json
import os
import re
import signal
import struct
from pathlib import Path

import pytest

from support import kernel
from support.bpftool import bpftool
from support.devices import attached, link_info, rename, wait_for_carrier
from support.maps import ACTIONS, dump_counts, read_meta
from support.namespaces import UNNAMED_PEER, Namespace, nsenter, pair_into, process_in
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.processes import NOBODY, Process, as_user, run, wait_until
from support.programs import CONFLICT, LOADER, NOT_FOUND, SENDER, STATS, copy_for_everyone, object_file
from support.raw_bpf import bpf, open_pin
from support.samples import counts_of, session_of
from support.strace import FAULT_STEP, count_calls, strace
from support.traffic import SIZE, Traffic, send

BPF_LINK_UPDATE = 29
LOCK = "+follower"
OUT_OF_RANGE = 7
VERDICTS = {number: name for number, name in enumerate(ACTIONS)}


def observe(lab, dev="veth0"):
    (outcome,) = lab.loader_json("--dev", dev, "--observe")
    assert (outcome["outcome"], outcome["attach"]) == ("observing", "observe"), outcome
    return outcome


class Follower(Process):
    """`xdp_loader --observe --follow`, whose outcomes are waited for."""

    def __init__(self, *options, prefix=()):
        super().__init__([*prefix, LOADER, *options, "--observe", "--follow", "--json"])
        self.outcome = self.wait_for("observing")

    def wait_for(self, what, **fields):
        """The next outcome of this kind, with these fields."""
        def meets(line):
            (outcome,) = json.loads(line)["devices"]
            return outcome["outcome"] == what and all(outcome[name] == value for name, value in fields.items())

        return json.loads(self.wait_for_line(meets))["devices"][0]

    def fail(self, lab, status):
        """Waits for that end: what it said."""
        lab.processes.remove(self)
        return self.wait(status)


def follow(lab, *options, prefix=()):
    follower = lab.started(Follower(*(options or ("--dev", "veth0")), prefix=prefix))
    assert follower.outcome["attach"] == "observe", follower.outcome
    return follower


def send_for(veth, verdict, count, size=SIZE):
    """Frames for which the programs of verdicts.bpf.h return this verdict."""
    send(veth._replace(mac=f"02:00:00:00:00:{verdict:02x}"), count, size)


def send_each(veth, counts, size=SIZE):
    for verdict, count in counts.items():
        send_for(veth, verdict, count, size)
    expected = {}
    for verdict, count in counts.items():
        name = VERDICTS.get(verdict, "XDP_ABORTED")
        packets, octets = expected.get(name, (0, 0))
        expected[name] = (packets + count, octets + count * size)
    return expected


def attach(path, dev, how="xdpdrv"):
    run(["bpftool", "net", "attach", how, "pinned", path, "dev", dev, "overwrite"])


def detach(dev, how="xdpdrv"):
    run(["ip", "link", "set", "dev", dev, how, "off"])


def update_link(link, program):
    link_fd, program_fd = open_pin(link), open_pin(program)
    bpf(BPF_LINK_UPDATE, struct.pack("=IIII", link_fd, program_fd, 0, 0))
    os.close(link_fd)
    os.close(program_fd)


def tracing_links():
    """Of fexit programs; components of a dispatcher have such links, too."""
    return [link for link in bpftool("link", "list") if link.get("prog_type") == "tracing"]


@pytest.fixture
def plain(lab, veth0):
    """veth0 with a program that somebody else attached: what is known of it."""
    path = lab.foreign_program("verdicts")
    attach(path, "veth0")
    return lab.program_at(path)


# ---- a plain program


@pytest.mark.parametrize("size", [14 + 46, 100, 1514])
def test_every_verdict(lab, veth0, plain, size):
    """Every packet and byte, by verdict; a number that is no verdict counts as ABORTED, as the kernel takes it."""
    outcome = observe(lab)
    assert outcome["program"]["id"] == plain["id"]
    assert outcome["program"]["name"] == "verdict_by_destination"
    expected = send_each(veth0, {0: 11, 1: 1200, 2: 1300, 3: 140, 4: 15, OUT_OF_RANGE: 6}, size)
    lab.wait_for_counts("veth0", expected)


def test_in_generic_mode(lab, veth0):
    attach(lab.foreign_program("verdicts"), "veth0", "xdpgeneric")
    assert observe(lab)["mode"] == "generic"
    lab.wait_for_counts("veth0", send_each(veth0, {1: 120, 2: 130, 3: 14, 0: 3}))


def test_attached_by_a_link(lab, veth0):
    """That its owner holds: nothing of it is touched."""
    program, link = lab.foreign_link("veth0")
    observe(lab)
    send(veth0, 50, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (50, 50 * SIZE)})
    assert attached("veth0") == ("native", program["id"])
    assert link.exists()


def test_jumbo_frames(lab):
    """Whole frames, fragments included."""
    kernel.need(kernel.frags)
    veth = lab.veth("veth0", mtu=9000)
    attach(lab.foreign_program("verdicts_frags"), "veth0")
    observe(lab)
    expected = send_each(veth, {1: 300, 2: 200}, 8000)
    lab.wait_for_counts("veth0", expected)
    small = send_each(veth, {1: 10}, SIZE)
    packets, octets = (a + b for a, b in zip(expected["XDP_DROP"], small["XDP_DROP"]))
    lab.wait_for_counts("veth0", {**expected, "XDP_DROP": (packets, octets)})


def test_only_this_device(lab, veth0, plain):
    """The same program elsewhere, and its test runs, are not this device's packets."""
    veth1 = lab.veth("veth1")
    attach(BPFFS / "foreign_verdicts", "veth1")
    observe(lab)
    frame = Path("/run/tmp/frame")
    frame.write_bytes(bytes(64))
    run(["bpftool", "prog", "run", "id", plain["id"], "data_in", frame, "repeat", 100])
    send_for(veth1, 1, 70)
    expected = send_each(veth0, {1: 30})
    lab.wait_for_counts("veth0", expected)


def test_bond(lab, veth0):
    """Its program runs in the drivers of its slaves, and theirs are the packets."""
    kernel.need(kernel.bonds)
    lab.veth("veth1")
    run(["ip", "link", "add", "name", "bonded", "type", "bond", "mode", "active-backup"])
    for dev in ("veth0", "veth1"):
        run(["ip", "link", "set", "dev", dev, "down"])
        run(["ip", "link", "set", "dev", dev, "master", "bonded"])
    run(["ip", "link", "set", "dev", "bonded", "arp", "off", "multicast", "off", "up"])
    wait_for_carrier("bonded", "veth0", "veth1")
    attach(lab.foreign_program("verdicts"), "bonded")
    observe(lab, "bonded")
    lab.wait_for_counts("bonded", send_each(veth0, {1: 70, 2: 30}))


def test_renamed(lab, veth0, plain):
    """It is observed and followed under its new name, also by another --observe, and that is where it ends."""
    follower = follow(lab)
    expected = send_each(veth0, {1: 10})
    renamed = rename(veth0, "veth9")
    expected["XDP_DROP"] = tuple(a + b for a, b in zip(expected["XDP_DROP"], send_each(renamed, {1: 20})["XDP_DROP"]))
    assert observe(lab, "veth9")["pin_dir"] == str(pin_dir("veth0"))
    shown = lab.status("veth9")
    assert (shown["state"], shown["program"]["id"]) == ("attached", plain["id"])
    assert shown["notes"] == ["the interface was renamed: its pins stay where they are until --unload"]
    wait_until(lambda: counts_of(lab.once("veth9")) == expected, lambda: f"{expected} expected: {lab.once('veth9')}")
    attach(lab.foreign_program("no_counter"), "veth9")
    assert follower.wait_for("observing", dev="veth9")["pin_dir"] == str(pin_dir("veth0"))
    lab.loader("--dev", "veth9", "--unload")
    follower.wait_for("unloaded")
    assert not pin_dir("veth0").exists() and not pin_dir("veth9").exists()


def test_only_this_namespace(lab, veth0, plain):
    """Where another namespace has a device of the same index with the same program."""
    red = Namespace(lab, "red")
    inside = ["nsenter", f"--net={red.path}"]  # which leaves the pins where they are
    index = link_info("veth0")["ifindex"]
    run([*inside, "ip", "link", "add", "name", "twin", "index", index, "type", "veth", "peer", "name", "p-twin"])
    lab.cleanups.append(lambda: run([*inside, "ip", "link", "delete", "dev", "twin"]))
    red.silence()
    run([*inside, "ip", "link", "set", "dev", "p-twin", "up"])
    red.wait_for_carrier("twin")
    red.wait_for_carrier("p-twin")
    run([*inside, "bpftool", "net", "attach", "xdpdrv", "pinned", BPFFS / "foreign_verdicts", "dev", "twin"])
    assert red.attached("twin") == plain["id"]
    observe(lab)
    sent = run([*inside, SENDER, "p-twin", 40, SIZE, "--dst", "02:00:00:00:00:01"]).out
    assert int(sent) == 40
    lab.wait_for_counts("veth0", send_each(veth0, {1: 30}))


def test_pins_and_meta(lab, veth0, plain):
    outcome = observe(lab)
    assert pins_of("veth0") == PINS
    modes = {name: oct((pin_dir("veth0") / name).stat().st_mode & 0o777) for name in PINS}
    assert modes == {"xdp_link": "0o600", "xdp_stats_map": "0o444", "xdp_stats_meta": "0o444"}
    meta = read_meta("veth0")
    assert (meta.generation, meta.attach_kind, meta.program_id) == (1, 4, plain["id"])
    assert (meta.ifindex, meta.interface) == (link_info("veth0")["ifindex"], "veth0")
    assert meta.program == "verdict_by_destination"
    assert outcome["maps"][0]["id"] == meta.counter_map_id == meta.map_ids[0]


def test_reader_needs_no_privilege(lab, veth0, plain):
    kernel.need(kernel.unprivileged_reading)
    observe(lab)
    send_each(veth0, {1: 20})
    _, stats = copy_for_everyone()
    wait_until(lambda: lab.once("veth0")["total"]["packets"] == 20, "20 packets")
    sample = json.loads(run([*as_user(NOBODY), stats, "--dev", "veth0", "--once", "--json"]).out)
    assert sample["state"] == "attached"
    assert counts_of(sample) == {"XDP_DROP": (20, 20 * SIZE)}


# ---- its end


def test_unload_leaves_nothing(lab, veth0, plain):
    before = lab.world()
    follower = follow(lab)
    (outcome,) = lab.loader_json("--dev", "veth0", "--unload")
    assert outcome["outcome"] == "unloaded"
    assert lab.world() == before
    assert attached("veth0") == ("native", plain["id"])
    follower.wait_for("unloaded")
    follower.wait()
    wait_until(lambda: not tracing_links(), lambda: f"still there: {tracing_links()}")


def test_unload_and_keep_maps(lab, veth0, plain):
    observe(lab)
    expected = send_each(veth0, {1: 20, 2: 10})
    lab.wait_for_counts("veth0", expected)
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    assert pins_of("veth0") == ["xdp_stats_map", "xdp_stats_meta"]
    assert lab.status("veth0")["state"] == "detached"
    assert counts_of(lab.once("veth0")) == expected
    assert observe(lab)["generation"] == 2
    send_each(veth0, {1: 5})
    lab.wait_for_counts("veth0", {**expected, "XDP_DROP": (25, 25 * SIZE)})


def test_device_is_deleted(lab, veth0, plain):
    follower = follow(lab)
    lab.delete(veth0)
    message = json.loads(follower.fail(lab, NOT_FOUND))["error"]
    assert message["message"] == "following 'veth0': the interface is gone"
    assert message["hint"].startswith("`xdp_loader --dev veth0 --clean`")
    assert pins_of("veth0") == PINS
    assert lab.status("veth0")["state"] == "orphaned"
    (outcome,) = lab.loader_json("--dev", "veth0", "--clean")
    assert str(pin_dir("veth0") / "xdp_stats_map") in outcome["removed"]
    assert not pin_dir("veth0").exists()


@pytest.mark.parametrize("replaced", [False, True])
def test_clean_removes_what_observes_nothing(lab, veth0, plain, replaced):
    observe(lab)
    world = lab.world()
    lab.loader("--dev", "veth0", "--clean")
    assert lab.world() == world
    detach("veth0")
    if replaced:
        attach(lab.foreign_program("no_counter"), "veth0")
    lab.loader("--dev", "veth0", "--clean")
    assert not pin_dir("veth0").exists()
    wait_until(lambda: not tracing_links(), lambda: f"still there: {tracing_links()}")


# ---- what comes in its place


@pytest.mark.parametrize("reader_runs", [False, True])
def test_replaced(lab, veth0, plain, reader_runs):
    """The next program is observed, in the same map: nothing that was counted is lost."""
    follower = follow(lab)
    reader = lab.reading("--dev", "veth0") if reader_runs else None
    lab.wait_for_counts("veth0", send_each(veth0, {1: 100}))
    other = lab.foreign_program("no_counter")
    attach(other, "veth0")
    renewed = follower.wait_for("observing")
    assert (renewed["dev"], renewed["generation"], renewed["maps"][0]["reused"]) == ("veth0", 2, True)
    assert renewed["program"]["id"] == read_meta("veth0").program_id == lab.program_at(other)["id"]
    assert (read_meta("veth0").generation, read_meta("veth0").program) == (2, "no_counter")
    send_for(veth0, 1, 50)
    lab.wait_for_counts("veth0", {"XDP_DROP": (100, 100 * SIZE), "XDP_PASS": (50, 50 * SIZE)})
    assert lab.once("veth0")["state"] == lab.status("veth0")["state"] == "attached"
    if reader:
        sample = reader.wait_for_session(150)
        assert (sample["generation"], sample["state"]) == (2, "attached")


def test_stale_until_observed_again(lab, veth0, plain):
    """Nobody follows: that is told, and mended by the command that is told."""
    assert "`xdp_loader --dev veth0 --observe`" in " ".join(observe(lab)["notes"])
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    attach(lab.foreign_program("no_counter"), "veth0")
    assert lab.once("veth0")["state"] == "stale"
    shown = lab.status("veth0")
    assert shown["state"] == "stale" and "`xdp_loader --dev veth0 --observe`" in " ".join(shown["notes"])
    assert observe(lab)["generation"] == 2
    assert lab.once("veth0")["state"] == lab.status("veth0")["state"] == "attached"
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (10, 10 * SIZE), "XDP_PASS": (5, 5 * SIZE)})


def test_updated_link(lab, veth0):
    """That announces itself to nobody."""
    _, link = lab.foreign_link("veth0")
    follower = follow(lab)
    other = lab.foreign_program("verdicts")
    update_link(link, other)
    assert follower.wait_for("observing")["program"]["id"] == lab.program_at(other)["id"]
    lab.wait_for_counts("veth0", send_each(veth0, {1: 40, 3: 10}))


def test_detached_and_attached_again(lab, veth0, plain):
    follower = follow(lab)
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    detach("veth0")
    assert lab.once("veth0")["state"] == "detached"
    shown = lab.status("veth0")
    assert shown["state"] == "detached" and "`xdp_loader --dev veth0 --observe`" in " ".join(shown["notes"])
    attach(lab.foreign_program("no_counter"), "veth0")
    follower.wait_for("observing")
    assert lab.once("veth0")["state"] == "attached"
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (10, 10 * SIZE), "XDP_PASS": (5, 5 * SIZE)})


def test_replaced_under_traffic(lab, veth0, plain):
    """Never more than was sent; what is missing passed between a replacement and the next observer."""
    follower = follow(lab)
    traffic = lab.started(Traffic(veth0._replace(mac="02:00:00:00:00:02"), SIZE, pause_us=200))
    paths = [BPFFS / "foreign_verdicts", lab.foreign_program("no_counter")]
    for round_number in range(6):
        wanted = paths[(round_number + 1) % 2]
        attach(wanted, "veth0")
        assert follower.wait_for("observing")["program"]["id"] == lab.program_at(wanted)["id"]
    counted = lab.once("veth0")["total"]["packets"]
    wait_until(lambda: lab.once("veth0")["total"]["packets"] > counted, "packets flow")
    sent = traffic.finish()
    assert 0 < sum(pair[0] for pair in dump_counts(pin_dir("veth0") / "xdp_stats_map").values()) <= sent
    before = lab.once("veth0")["total"]["packets"]
    send_for(veth0, 2, 1000)
    wait_until(lambda: lab.once("veth0")["total"]["packets"] >= before + 1000, "1000 more")
    assert lab.once("veth0")["total"]["packets"] == before + 1000


def test_program_that_cannot_be_observed_comes(lab, veth0, plain):
    """It is said, once, and the follower goes on looking for one that can."""
    follower = follow(lab)
    attach(lab.foreign_program("void_context"), "veth0")
    assert "struct xdp_md *" in follower.wait_for("failed")["error"]["message"]
    assert lab.once("veth0")["state"] == lab.status("veth0")["state"] == "stale"
    result = lab.loader("--dev", "veth0", "--observe", status=1)
    assert "struct xdp_md *" in result.err
    attach(lab.foreign_program("no_counter"), "veth0")
    follower.wait_for("observing")
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 10 * SIZE)})
    follower.stop()
    assert len(follower.lines["err"]) == 1, follower.describe()


# ---- the follower


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(lab, veth0, plain, with_signal):
    """What is attached stays, and so do the pins; its lock goes."""
    follower = follow(lab)
    assert pins_of("veth0") == [LOCK, *PINS]
    assert oct((pin_dir("veth0") / LOCK).stat().st_mode & 0o777) == "0o700"
    follower.stop(with_signal)
    assert follower.lines["err"] == []
    assert pins_of("veth0") == PINS
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    assert lab.status("veth0")["state"] == "attached"


def test_its_output(lab, veth0, plain):
    """A block of lines for each program."""
    follower = lab.process(LOADER, "--dev", "veth0", "--observe", "--follow")
    follower.wait_for_line("^veth0: observing verdict_by_destination ")
    attach(lab.foreign_program("no_counter"), "veth0")
    follower.wait_for_line("^veth0: observing no_counter ")
    lab.loader("--dev", "veth0", "--unload")
    follower.wait_for_line("^veth0: unloaded$")


def test_second_follower(lab, veth0, plain):
    first = follow(lab)
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", "--follow", status=CONFLICT)
    assert result.err == "xdp_loader: following 'veth0': another process follows it already\n"
    assert result.out == ""
    assert lab.world() == world
    attach(lab.foreign_program("no_counter"), "veth0")
    first.wait_for("observing")


def test_killed_follower(lab, veth0, plain):
    """Counting goes on; the lock that is left is in nobody's way, and goes with the pins."""
    killed = follow(lab)
    killed.popen.kill()
    killed.fail(lab, -signal.SIGKILL)
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    assert pins_of("veth0") == [LOCK, *PINS]
    follow(lab).stop()
    assert pins_of("veth0") == PINS
    killed = follow(lab)
    killed.popen.kill()
    killed.fail(lab, -signal.SIGKILL)
    lab.loader("--dev", "veth0", "--unload")
    assert not pin_dir("veth0").exists()


def test_observed_again(lab, veth0, plain):
    """Is the same observation."""
    follower = follow(lab)
    world = lab.world()
    assert observe(lab)["generation"] == 1
    assert lab.world() == world
    follower.stop()
    assert observe(lab)["generation"] == 1
    assert follow(lab).outcome["generation"] == 1


def rounds(pid):
    """How often it has slept: grows as long as it is not stuck."""
    (count,) = re.findall(r"^voluntary_ctxt_switches:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(count)


@pytest.mark.parametrize("end", ["signal", "unpinned"])
def test_waits_for_no_lock(lab, veth0, plain, end):
    """Of a loader that is stuck: a signal ends it all the same, and so does the end of the observation."""
    follower = follow(lab)
    staging = pin_dir("veth0") / "+staging"
    staging.mkdir(mode=0o700)
    held = os.open(staging, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    attach(lab.foreign_program("no_counter"), "veth0")
    before = rounds(follower.popen.pid)
    wait_until(lambda: rounds(follower.popen.pid) >= before + 3, "the follower goes round")
    assert read_meta("veth0").program_id == plain["id"]
    if end == "signal":
        follower.stop()
    else:
        (pin_dir("veth0") / "xdp_link").unlink()
        follower.wait_for("unloaded")
    os.close(held)
    lab.loader("--dev", "veth0", "--unload")
    assert not pin_dir("veth0").exists()


# What an older version has left: the lock of a process that stayed behind, which ended when the pins went.


@pytest.mark.parametrize("runs", [False, True])
def test_unload_after_an_older_version(lab, veth0, plain, runs):
    before = lab.world()
    observe(lab)
    lock = hold_lock(runs)
    if runs:
        lab.loader("--dev", "veth0", "--observe", "--follow", status=CONFLICT)
    lab.loader("--dev", "veth0", "--unload")
    assert lab.world() == before
    os.close(lock)


def test_clean_after_an_older_version(lab, veth0, plain):
    observe(lab)
    lock = hold_lock(True)
    detach("veth0")
    lab.loader("--dev", "veth0", "--clean")
    assert not pin_dir("veth0").exists()
    os.close(lock)


def test_load_after_an_older_version(lab, veth0):
    """Whose pins somebody has removed by hand."""
    pin_dir("veth0").mkdir(mode=0o755)
    os.close(hold_lock(False))
    lab.load("veth0", "--attach", "link")
    assert pins_of("veth0") == PINS


def hold_lock(locked):
    path = pin_dir("veth0") / LOCK
    path.mkdir(mode=0o700)
    lock = os.open(path, os.O_RDONLY)
    if locked:
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def test_several_devices(lab, veth0, plain):
    veth1 = lab.veth("veth1")
    attach(lab.foreign_program("no_counter"), "veth1")
    lab.loader("--dev", "veth0", "--dev", "veth1", "--observe")
    expected = send_each(veth0, {1: 10})
    send(veth1, 7, SIZE)
    lab.wait_for_counts("veth0", expected)
    lab.wait_for_counts("veth1", {"XDP_PASS": (7, 7 * SIZE)})
    lab.loader("--dev", "veth1", "--unload")
    assert pins_of("veth0") == PINS


# ---- refusals


def test_loads_are_refused_meanwhile(lab, veth0, plain):
    observe(lab)
    world = lab.world()
    for options in ([], ["--force"], ["--reuse-maps"], ["--dry-run"], ["--run", "--", "true"]):
        result = lab.loader("--dev", "veth0", *options, status=CONFLICT)
        assert "--unload" in result.err and "--observe" in result.err
        assert lab.world() == world
    lab.loader("--dev", "veth0", "--unload")


def test_dry_run(lab, veth0, plain):
    world = lab.world()
    (outcome,) = lab.loader_json("--dev", "veth0", "--observe", "--dry-run")
    assert outcome["outcome"] == "observing" and outcome["dry_run"]
    assert lab.world() == world


def test_argument_of_no_type(lab, veth0):
    attach(lab.foreign_program("void_context"), "veth0")
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", status=1)
    assert "struct xdp_md *" in result.err and "\nhint: " in result.err
    assert lab.world() == world


def test_program_without_types(lab, veth0):
    attach(lab.foreign_program("shape_no_btf"), "veth0")
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", status=1)
    assert "BTF" in result.err and "\nhint: " in result.err
    assert lab.world() == world


def test_pins_of_others_are_in_the_way(lab, veth0, plain):
    foreign = lab.foreign_map(pin_dir("veth0") / "xdp_stats_map")
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", status=CONFLICT)
    assert str(foreign) in result.err
    assert lab.world() == world


# ---- behind a dispatcher


class Chain:
    """xdp-loader's dispatcher on veth0 with components of verdicts_chain.bpf.c: `first_drops`, `then_chooses`."""

    def __init__(self, lab, veth):
        self.lab = lab
        self.veth = veth
        self.ids = {}
        lab.cleanups.append(self.unload)

    def add(self, name):
        run(["xdp-loader", "load", "--prog-name", name, self.veth.name, object_file("verdicts_chain")])
        (entry,) = [entry for entry in self.components() if entry["name"] == name[:15]]
        self.ids[name] = entry["id"]
        self.lab.program_ids.add(entry["id"])

    def remove(self, name):
        run(["xdp-loader", "unload", "--id", self.ids.pop(name), self.veth.name])

    def components(self):
        return self.lab.status(self.veth.name)["hook"]["components"]

    def unload(self):
        if self.ids:
            run(["xdp-loader", "unload", "--all", self.veth.name])

    def map_pin(self, name):
        return pin_dir(self.veth.name) / f"component:{self.ids[name]}:{name[:15]}"

    def wait_for_counts(self, name, expected):
        wait_until(lambda: dump_counts(self.map_pin(name)) == expected,
                   lambda: f"{name}: {dump_counts(self.map_pin(name))} instead of {expected}")

    def wait_until_observed(self):
        wait_until(lambda: read_meta(self.veth.name).program_id == attached(self.veth.name)[1], "observed anew")


@pytest.fixture
def chain(lab, veth0):
    return Chain(lab, veth0)


def frames(size=SIZE, **counts):
    """{XDP_PASS: (3, 300)} of PASS=3."""
    return {f"XDP_{name}": (count, count * size) for name, count in counts.items() if count}


@pytest.mark.parametrize("name", ["first_drops", "then_chooses"])
def test_single_component(lab, veth0, chain, name):
    """Whose verdict is the hook's."""
    chain.add(name)
    observe(lab)
    send_each(veth0, {1: 120, 2: 130, 3: 14})
    expected = frames(DROP=120, PASS=144) if name == "first_drops" else frames(DROP=120, PASS=130, TX=14)
    lab.wait_for_counts("veth0", expected)
    chain.wait_for_counts(name, expected)
    assert read_meta("veth0").program == "xdp_dispatcher"


def test_two_components(lab, veth0, chain):
    """Which program dropped what, and what became of the packets in the end."""
    chain.add("first_drops")
    chain.add("then_chooses")
    outcome = observe(lab)
    assert [entry["name"] for entry in outcome["maps"]] == ["xdp_stats_map", *(
        f"component:{chain.ids[name]}:{name[:15]}" for name in ("first_drops", "then_chooses"))]
    send_each(veth0, {0: 9, 1: 120, 2: 130, 3: 14, OUT_OF_RANGE: 5})
    lab.wait_for_counts("veth0", frames(ABORTED=14, DROP=120, PASS=130, TX=14))
    chain.wait_for_counts("first_drops", frames(DROP=120, PASS=158))
    chain.wait_for_counts("then_chooses", frames(ABORTED=14, PASS=130, TX=14))
    meta = read_meta("veth0")
    assert (meta.program_id, meta.map_count) == (attached("veth0")[1], 3)


def test_rebuilt(lab, veth0, chain):
    """A component goes on being counted, without a gap, while others come and go; the final verdict follows."""
    chain.add("first_drops")
    follow(lab)
    send_each(veth0, {1: 10, 2: 20})
    chain.wait_for_counts("first_drops", frames(DROP=10, PASS=20))
    kept = chain.map_pin("first_drops").stat().st_ino

    chain.add("then_chooses")
    chain.wait_until_observed()
    send_each(veth0, {1: 5, 2: 6, 3: 7})
    chain.wait_for_counts("first_drops", frames(DROP=15, PASS=33))
    chain.wait_for_counts("then_chooses", frames(PASS=6, TX=7))
    lab.wait_for_counts("veth0", frames(DROP=15, PASS=26, TX=7))
    assert chain.map_pin("first_drops").stat().st_ino == kept

    gone = [path.name for path in pin_dir("veth0").iterdir() if str(chain.ids["then_chooses"]) in path.name]
    assert len(gone) == 2
    chain.remove("then_chooses")
    chain.wait_until_observed()
    assert not set(gone) & set(pins_of("veth0"))
    send_each(veth0, {1: 1, 3: 1})
    chain.wait_for_counts("first_drops", frames(DROP=16, PASS=34))
    lab.wait_for_counts("veth0", frames(DROP=16, PASS=27, TX=7))
    assert (read_meta("veth0").generation, read_meta("veth0").map_count) == (3, 2)


def test_component_is_exact_across_rebuilds_under_traffic(lab, veth0, chain):
    chain.add("first_drops")
    follow(lab)
    traffic = lab.started(Traffic(veth0._replace(mac="02:00:00:00:00:02"), SIZE, pause_us=1000))
    for _ in range(3):
        chain.add("then_chooses")
        chain.remove("then_chooses")
    sent = traffic.finish()
    chain.wait_for_counts("first_drops", frames(PASS=sent))
    chain.wait_until_observed()
    assert lab.once("veth0")["total"]["packets"] <= sent + 64


def test_dispatcher_after_a_plain_program(lab, veth0, plain, chain):
    """From one kind of hook to the other and back."""
    follow(lab)
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    detach("veth0")
    chain.add("first_drops")
    chain.add("then_chooses")
    chain.wait_until_observed()
    send_each(veth0, {1: 5, 3: 4})
    lab.wait_for_counts("veth0", frames(DROP=15, TX=4))
    chain.remove("then_chooses")
    chain.remove("first_drops")
    attach(BPFFS / "foreign_verdicts", "veth0")
    chain.wait_until_observed()
    assert pins_of("veth0") == [LOCK, *PINS]
    send_each(veth0, {1: 5})
    lab.wait_for_counts("veth0", frames(DROP=20, TX=4))


def programs_of(sample):
    return [(program["id"], program["name"], counts_of(program)) for program in sample["programs"]]


def test_per_program(lab, veth0, chain):
    """Which program dropped my packets? For everybody who may read."""
    chain.add("then_chooses")  # runs last, whatever came first
    chain.add("first_drops")
    observe(lab)
    send_each(veth0, {1: 120, 2: 130, 3: 14})
    lab.wait_for_counts("veth0", frames(DROP=120, PASS=130, TX=14))
    _, stats = copy_for_everyone()
    reader = as_user(NOBODY) if kernel.unprivileged_reading() else []
    sample = json.loads(run([*reader, stats, "--dev", "veth0", "--once", "--json", "--per-program"]).out)
    assert programs_of(sample) == [
        (chain.ids["first_drops"], "first_drops", frames(DROP=120, PASS=144)),
        (chain.ids["then_chooses"], "then_chooses", frames(PASS=130, TX=14)),
    ]
    assert counts_of(sample) == frames(DROP=120, PASS=130, TX=14)

    table = run([STATS, "--dev", "veth0", "--once", "--per-program"]).out
    heads = [line for line in table.splitlines() if line.endswith(":")]
    assert heads == [f"program first_drops (id {chain.ids['first_drops']}):",
                     f"program then_chooses (id {chain.ids['then_chooses']}):", "final verdict:"]
    rows = list(csv.DictReader(io.StringIO(
        run([STATS, "--dev", "veth0", "--once", "--per-program", "--format", "csv"]).out)))
    dropped = {row["program"]: int(row["packets"]) for row in rows if row["action"] == "XDP_DROP"}
    assert dropped == {f"{chain.ids['first_drops']}:first_drops": 120,
                       f"{chain.ids['then_chooses']}:then_chooses": 0, "all": 120}


def test_per_program_follows_rebuilds(lab, veth0, chain):
    """A reader that runs sees programs come and go."""
    chain.add("first_drops")
    follow(lab)
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    reader = lab.reading("--dev", "veth0", "--per-program")
    chain.add("then_chooses")
    chain.wait_until_observed()
    send_each(veth0, {1: 5, 2: 6, 3: 7})
    sample = reader.wait_for(lambda sample: sample["total"]["session_packets"] >= 18
                             and len(sample["programs"]) == 2)
    first, second = sample["programs"]
    assert (counts_of(first), session_of(first)) == (frames(DROP=15, PASS=13), frames(DROP=5, PASS=13))
    assert counts_of(second) == session_of(second) == frames(PASS=6, TX=7)
    chain.remove("first_drops")
    reader.wait_for(lambda sample: [program["name"] for program in sample["programs"]] == ["then_chooses"])


def test_per_program_of_one(lab, veth0, plain):
    """Without a dispatcher all is one program's doing."""
    observe(lab)
    expected = send_each(veth0, {1: 10, 2: 5})
    lab.wait_for_counts("veth0", expected)
    sample = lab.once("veth0", "--per-program")
    assert programs_of(sample) == [(plain["id"], "verdict_by_destination", expected)]


def test_per_program_beside_a_component_of_ours(lab, veth0):
    """It counts nobody but itself: told, and what to do."""
    lab.load("veth0")
    result = run([STATS, "--dev", "veth0", "--once", "--per-program"], status=4)
    assert "`xdp_loader --dev veth0 --unload`, then `xdp_loader --dev veth0 --observe`" in result.err


@pytest.mark.parametrize("syscall", ["bpf", "/^(rename|unlink|mkdir)"])
def test_killed_at_every_step(lab, veth0, chain, syscall, tmp_path):
    """A loader that mends an observation is killed; the next one finishes or discards what it left."""
    def make_stale():
        if pin_dir("veth0").exists():
            lab.loader("--dev", "veth0", "--unload")
        observe(lab)
        chain.remove("then_chooses") if "then_chooses" in chain.ids else chain.add("then_chooses")
        assert lab.once("veth0")["state"] == "stale"

    chain.add("first_drops")
    log = tmp_path / "strace"
    command = [LOADER, "--dev", "veth0", "--observe"]
    make_stale()
    run(strace("-e", f"trace={syscall}", command=command, log=log))
    for step in range(1, count_calls(log) + 1, FAULT_STEP):
        make_stale()
        # How many calls there are depends on whether a component has come or gone.
        run(["sh", "-c", '"$@"; case $? in 0 | 137) ;; *) exit 1 ;; esac', "sh",
             *strace("-e", f"inject={syscall}:signal=SIGKILL:when={step}", command=command, log=log)])
        before = lab.once("veth0")["total"]["packets"]
        assert observe(lab)["program"]["id"] == attached("veth0")[1], step
        send_for(veth0, 1, 7)
        wait_until(lambda before=before: lab.once("veth0")["total"]["packets"] >= before + 7, f"7 packets, {step}")
        chain.wait_for_counts("first_drops", frames(DROP=7))
        assert lab.once("veth0")["total"]["packets"] == before + 7, step
        names = {name for name in pins_of("veth0") if name.startswith("component")}
        assert len(names) == 2 * len(chain.ids), (step, names)
        lab.loader("--dev", "veth0", "--unload")
        assert not pin_dir("veth0").exists(), step
        wait_until(lambda: not tracing_links(), lambda: f"still there: {tracing_links()}")


def test_unload_beside_a_dispatcher(lab, veth0, chain):
    chain.add("first_drops")
    chain.add("then_chooses")
    before = lab.world()
    observe(lab)
    lab.loader("--dev", "veth0", "--unload")
    assert lab.world() == before
    assert len(chain.components()) == 2


def test_component_of_ours(lab, veth0):
    """It counts by itself."""
    lab.load("veth0")
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", status=CONFLICT)
    assert "`xdp_stats --dev veth0`" in result.err
    assert lab.world() == world


@pytest.mark.parametrize("policy", ["allow", "deny"])
def test_xdp_filter(lab, veth0, policy):
    """Somebody else's filter, loaded by its own tool: exactly what it let pass and dropped."""
    run(["xdp-filter", "load", "--policy", policy, "--features", "ethernet", "veth0"])
    lab.cleanups.append(lambda: run(["xdp-filter", "unload", "--all"]))
    listed = veth0._replace(mac="02:00:00:00:00:aa")
    run(["xdp-filter", "ether", "--mode", "dst", listed.mac])
    observe(lab)
    send(listed, 300, SIZE)
    send(veth0, 200, 1000)
    verdicts = ("XDP_DROP", "XDP_PASS") if policy == "allow" else ("XDP_PASS", "XDP_DROP")
    expected = dict(zip(verdicts, [(300, 300 * SIZE), (200, 200 * 1000)]))
    lab.wait_for_counts("veth0", expected)
    (component,) = [name for name in pins_of("veth0") if name.startswith("component:")]
    assert "xdpfilt" in component
    assert dump_counts(pin_dir("veth0") / component) == expected
    lab.loader("--dev", "veth0", "--unload")


def test_observed_namespace(lab):
    """Observed and followed from outside."""
    red = Namespace(lab, "red")
    veth = red.veth()

    def attach_inside(name):
        run(["nsenter", f"--net={red.path}", "bpftool", "net", "attach", "xdpdrv", "pinned", lab.foreign_program(name),
             "dev", "veth0", "overwrite"])

    attach_inside("verdicts")
    follower = follow(lab, *red.option, "--dev", "veth0")
    assert follower.outcome["netns"] == "red"
    send_for(veth, 1, 30)
    sample = lambda: json.loads(run([STATS, *red.option, "--dev", "veth0", "--once", "--json"]).out)
    wait_until(lambda: sample()["total"]["packets"] >= 30, "30 packets")
    assert counts_of(sample()) == frames(DROP=30) and sample()["state"] == "attached"
    attach_inside("no_counter")
    assert follower.wait_for("observing", netns="red")["generation"] == 2
    follower.stop()
    run(["ip", "netns", "delete", "red"])
    wait_until(lambda: veth.peer not in lab.world()["links"], "the namespace has gone")
    lab.loader(*red.option, "--dev", "veth0", "--clean")
    assert not red.pins.exists()


def test_namespace_without_a_name(lab):
    """An observation is not what keeps it in existence."""
    with process_in("unshare", "--net") as pid:
        inside = nsenter(pid, "net")
        directory = f"netns:{os.stat(f'/proc/{pid}/ns/net').st_ino}/veth0"
        pair_into(pid)
        program = lab.foreign_program("verdicts")
        run([*inside, "bpftool", "net", "attach", "xdpdrv", "pinned", program, "dev", "veth0"])
        lab.loader("--dev", "veth0", "--observe", prefix=inside)
        assert read_meta(directory).program_id == lab.program_at(program)["id"]
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: UNNAMED_PEER not in lab.world()["links"], "the namespace has gone")
    lab.loader("--clean")
    assert not (BPFFS / directory).exists()


def test_dispatcher_where_a_bpffs_had_to_be_mounted(lab, no_bpffs):
    """A follower looks for libxdp's pins in what was mounted, which is hidden where it runs."""
    red = Namespace(lab, "red")
    red.veth()
    inside = ["nsenter", f"--net={red.path}"]  # the caller's /sys/fs/bpf
    elsewhere = Path("/run/elsewhere")
    elsewhere.mkdir()
    run(["mount", "-t", "bpf", "bpf", elsewhere])
    run(["bpftool", "prog", "load", object_file("verdicts"), elsewhere / "verdicts", "type", "xdp"])
    run([*inside, "bpftool", "net", "attach", "xdpdrv", "pinned", elsewhere / "verdicts", "dev", "veth0"])
    follower = follow(lab, "--dev", "veth0", prefix=red.inside)
    assert "mounted a BPF file system" in " ".join(follower.outcome["notes"])
    run([*inside, "ip", "link", "set", "dev", "veth0", "xdpdrv", "off"])
    run([*inside, "xdp-loader", "load", "--prog-name", "first_drops", "veth0", object_file("verdicts_chain")])
    assert follower.wait_for("observing")["program"]["id"] == red.attached()
    lab.loader(*red.option, "--dev", "veth0", "--unload")
    run([*inside, "xdp-loader", "unload", "--all", "veth0"])
    run(["umount", elsewhere])
    elsewhere.rmdir()
