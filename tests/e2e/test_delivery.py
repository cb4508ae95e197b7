# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What became of verdicts: delivered and lost are what was counted, and what the other side received."""

import ctypes
import json
import os
import re
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from support import delivery, kernel
from support.bpftool import binary, bpftool
from support.delivery import (BREAKAGES, DELIVERED, DIRECTORY, LINKS, LONG, PINS, READABLE, TRACEPOINTS, counts,
                              cpumap_counts, redirect_to_target, set_down, take_no_frames, total)
from support.devices import Veth, link_info, mac_bytes, wait_for_carrier
from support.maps import dump_counts, lineage_counts
from support.namespaces import Namespace
from support.pins import BPFFS, pin_dir
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import FAILED, LOADER, PERMISSION, USAGE, copy_for_everyone, object_file
from support.raw_bpf import bpf, open_pin, pin, run_live, update_element
from support.redirects import MAP_PROGRAMS, WAYS, index_of, map_program, redirect, redirect_to_cpu, update
from support.samples import passed
from support.schemas import DOCUMENT, checked
from support.traffic import ETHERTYPE, SIZE, Capture, send

IN_DISPATCHERS_TOO = True
FRAMES = 300
BURST = 64  # frames that a device takes before any other gets its turn (NAPI_POLL_WEIGHT)
COPIES = 8  # of each frame, by `to_all`
RING = 256  # frames that one end of a veth pair holds for the other (VETH_RING_SIZE)
BPF_MAP_GET_NEXT_KEY = 4
QUEUE = 8  # of a cpumap; its bulks are of as many


@pytest.fixture(name="tracked", autouse=True)
def fixture_tracked(lab):
    with delivery.tracking(lab):
        yield


def send_burst(lab, veth, count):
    """Frames that arrive at the device in one go, on the first CPU."""
    pins = BPFFS / "burst"
    run(["bpftool", "prog", "loadall", object_file("delivery"), pins, "pinmaps", pins])
    lab.cleanups.append(lambda: shutil.rmtree(pins))
    map_fd, program = open_pin(pins / "direct"), open_pin(pins / "to_ifindex")
    update_element(map_fd, struct.pack("=I", 0), struct.pack("=I", index_of(veth.peer)))
    frame = mac_bytes(veth.mac) + mac_bytes(veth.peer_mac) + struct.pack("!H", ETHERTYPE)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    try:
        run_live(program, frame.ljust(SIZE, b"\0"), count)
    finally:
        os.sched_setaffinity(0, before)
        os.close(map_fd)
        os.close(program)


def of_veth0(verdict="XDP_REDIRECT"):
    return counts(index_of("veth0")).get(verdict, {})


def counted(dev="veth0"):
    return {verdict: packets for verdict, (packets, _) in dump_counts(pin_dir(dev) / "xdp_stats_map").items()}


def becomes(look, expected):
    wait_until(lambda: look() == expected, lambda: f"{look()} instead of {expected}")


# ---- redirects --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_target_that_works(lab, veth0, way):
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    redirect(lab, way, index_of("out0"))
    with Capture(target.peer) as capture:
        send(veth0, FRAMES, SIZE)
        capture.frames(FRAMES)
        becomes(of_veth0, {DELIVERED: FRAMES})
        assert capture.nothing_more()
    assert counted() == {"XDP_REDIRECT": FRAMES}
    assert counts(index_of("veth0")) == {"XDP_REDIRECT": {DELIVERED: FRAMES}}


@pytest.mark.parametrize("broken", BREAKAGES)
@pytest.mark.parametrize("way", WAYS)
def test_target_that_does_not(lab, veth0, way, broken):
    breakage = BREAKAGES[broken]
    target = redirect_to_target(lab, way, breakage)
    breakage.change(breakage.end)
    with Capture(target.peer) as capture:
        send(veth0, FRAMES, LONG)
        wait_until(lambda: total(of_veth0()) == FRAMES, lambda: of_veth0())
        assert set(of_veth0()) <= breakage.reasons, of_veth0()
        if broken != "peer_down":
            assert capture.nothing_more()
    assert counted() == {"XDP_REDIRECT": FRAMES}
    assert counts(index_of("veth0")).keys() == {"XDP_REDIRECT"}


@pytest.mark.parametrize("gone", ["deleted", "moved"])
@pytest.mark.parametrize("way", ["to_devmap", "to_devmap_hash"])
def test_devmap_whose_target_is_gone(lab, veth0, way, gone):
    """The helper returns the verdict of its flags: ABORTED here, which the driver tells of."""
    target = lab.veth("out0")
    redirect(lab, way, index_of("out0"))
    if gone == "deleted":
        lab.delete(target)
    else:
        red = Namespace(lab, "red")
        run(["ip", "link", "set", "dev", "out0", "netns", "red"])
        lab.cleanups.append(lambda: run(["ip", "-netns", red.name, "link", "delete", "dev", "out0"]))
    send(veth0, FRAMES, SIZE)
    becomes(lambda: counts(index_of("veth0")), {"XDP_ABORTED": {"exception": FRAMES}})
    assert counted() == {"XDP_ABORTED": FRAMES}


def test_ifindex_that_is_none(lab, veth0):
    redirect(lab, "to_ifindex", 12345)
    send(veth0, FRAMES, SIZE)
    becomes(lambda: counts(index_of("veth0")), {"XDP_REDIRECT": {"EINVAL": FRAMES}})


def test_built_in_redirect(lab, veth0):
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    lab.load("veth0", "--action", "redirect", "--redirect-to", "out0")
    send(veth0, FRAMES, SIZE)
    becomes(of_veth0, {DELIVERED: FRAMES})
    set_down("out0")
    send(veth0, FRAMES, SIZE)
    becomes(of_veth0, {DELIVERED: FRAMES, "ENETDOWN": FRAMES})


def test_target_that_goes_down_under_traffic(lab, veth0):
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    redirect(lab, "to_devmap", index_of("out0"))
    traffic = lab.traffic(veth0, SIZE, pause_us=100)
    wait_until(lambda: of_veth0().get(DELIVERED), "nothing arrives")
    set_down("out0")
    wait_until(lambda: set(of_veth0()) - {DELIVERED}, "nothing is lost")
    before = of_veth0()[DELIVERED]
    run(["ip", "link", "set", "dev", "out0", "up"])
    wait_until(lambda: of_veth0()[DELIVERED] > before, "nothing arrives any more")
    sent = traffic.finish()
    wait_until(lambda: total(of_veth0()) >= sent, lambda: f"{of_veth0()} of {sent}")
    assert total(of_veth0()) == sent == counted()["XDP_REDIRECT"]


def test_two_devices_and_one_target(lab, veth0):
    """Each loss is that of the device whose program redirected."""
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    other = lab.veth("other0")
    for dev in ("veth0", "other0"):
        lab.load(dev, "--action", "redirect", "--redirect-to", "out0")
    send(veth0, FRAMES, SIZE)
    send(other, 7, SIZE)
    set_down("out0")
    send(other, 5, SIZE)
    becomes(of_veth0, {DELIVERED: FRAMES})
    becomes(lambda: counts(index_of("other0")), {"XDP_REDIRECT": {DELIVERED: 7, "ENETDOWN": 5}})


def test_device_in_another_namespace(lab, red):
    """The same ifindex in two namespaces is two devices."""
    inner = red.veth()
    red.veth("out0")
    lab.load("p-red-out0")  # so that out0 takes frames
    lab.loader(*red.option, "--dev", "veth0", "--action", "redirect", "--redirect-to", "out0")
    index = red.link_info("veth0")["ifindex"]
    send(inner, FRAMES, SIZE)
    becomes(lambda: counts(index, "red"), {"XDP_REDIRECT": {DELIVERED: FRAMES}})
    run(["ip", "-netns", "red", "link", "set", "dev", "out0", "down"])
    send(inner, FRAMES, SIZE)
    becomes(lambda: counts(index, "red"), {"XDP_REDIRECT": {DELIVERED: FRAMES, "ENETDOWN": FRAMES}})
    assert counts(index) == {}


@pytest.mark.parametrize("name,expected", [("devmap_pass", {DELIVERED: FRAMES}), ("devmap_drop", {"no reason": FRAMES}),
                                           ("devmap_abort", {"no reason": FRAMES})])
def test_program_of_a_devmap(lab, veth0, name, expected):
    """What it drops is lost; that it aborts is not counted as a verdict of the device's program."""
    if DELIVERED not in expected:
        kernel.need(kernel.devmap_drops)
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    redirect(lab, "to_devmap", index_of("out0"), map_program(lab, name))
    send(veth0, FRAMES, SIZE)
    becomes(lambda: counts(index_of("veth0")), {"XDP_REDIRECT": expected})
    assert counts(index_of("out0")) == {}


def test_full_ring(lab, veth0):
    """A ring has room for 256 frames, and is not emptied before the burst has ended: 8 copies of each of 64."""
    kernel.need(kernel.live_frames)
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    lab.load("veth0", "--filename", object_file("delivery"), "--progname", "to_all", "--attach", "link")
    for slot in range(COPIES):
        update("veth0", "copies", slot, struct.pack("=II", index_of("out0"), 0))
    with Capture(target.peer) as capture:
        send_burst(lab, veth0, BURST)
        becomes(lambda: total(of_veth0()), COPIES * BURST)
        assert of_veth0() == {DELIVERED: RING, "no reason": COPIES * BURST - RING}
        capture.frames(RING)
        assert capture.nothing_more()
    assert counted() == {"XDP_REDIRECT": BURST}


# ---- cpumaps ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, "cpumap_pass"])
def test_cpumap(lab, veth0, name):
    map_id = redirect_to_cpu(lab, map_program(lab, name) if name else 0)
    with Capture("veth0") as capture:
        send(veth0, FRAMES, SIZE)
        capture.frames(FRAMES)
        becomes(lambda: cpumap_counts(map_id), {DELIVERED: FRAMES})
        assert capture.nothing_more()
    assert counts(index_of("veth0")) == {} and counted() == {"XDP_REDIRECT": FRAMES}


def test_cpumap_whose_program_drops(lab, veth0):
    map_id = redirect_to_cpu(lab, map_program(lab, "cpumap_drop"))
    send(veth0, FRAMES, SIZE)
    becomes(lambda: cpumap_counts(map_id), {"program": FRAMES})
    assert counts(index_of("veth0")) == {}


def test_cpumap_whose_program_redirects(lab, veth0):
    """What it redirects is delivered where it arrives; what it cannot, it has dropped, which is counted once."""
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    map_id = redirect_to_cpu(lab, map_program(lab, "cpumap_redirect"))
    fd = open_pin(MAP_PROGRAMS / "maps" / "onward")
    update_element(fd, struct.pack("=I", 0), struct.pack("=I", index_of("out0")))
    os.close(fd)
    send(veth0, FRAMES, SIZE)
    becomes(lambda: (cpumap_counts(map_id), of_veth0()), ({}, {DELIVERED: FRAMES}))
    set_down("out0")
    send(veth0, FRAMES, SIZE)
    becomes(lambda: (cpumap_counts(map_id), of_veth0()), ({"program": FRAMES}, {DELIVERED: FRAMES}))


def test_full_queue_of_a_cpumap(lab, veth0):
    """Its thread is on the CPU that is busy with the burst."""
    kernel.need(kernel.live_frames)
    map_id = redirect_to_cpu(lab, queue=QUEUE)
    with Capture("veth0") as capture:
        send_burst(lab, veth0, BURST)
        becomes(lambda: cpumap_counts(map_id), {DELIVERED: QUEUE, "queue full": BURST - QUEUE})
        capture.frames(QUEUE)
        assert capture.nothing_more()
    assert counted() == {"XDP_REDIRECT": BURST}


# ---- other verdicts ---------------------------------------------------------------------------------------------


def test_tx(lab, veth0):
    lab.load("veth0", "--action", "tx")
    lab.let_redirects_arrive(veth0._replace(peer=veth0.peer))
    with Capture(veth0.peer) as capture:
        send(veth0, FRAMES, SIZE)
        becomes(lambda: of_veth0("XDP_TX"), {DELIVERED: FRAMES})
        # The peer sees what it sends itself, and what comes back.
        capture.frames(FRAMES)
        assert capture.nothing_more()
    assert counted() == {"XDP_TX": FRAMES}


def test_tx_to_a_peer_that_drops(lab, veth0):
    """The driver took it: that is what delivered means."""
    lab.load(veth0.peer, "--action", "drop")
    lab.load("veth0", "--action", "tx")
    send(veth0, FRAMES, SIZE)
    becomes(lambda: of_veth0("XDP_TX"), {DELIVERED: FRAMES})
    becomes(lambda: counted(veth0.peer), {"XDP_DROP": FRAMES})


def test_tx_to_a_peer_that_takes_none(lab, veth0):
    take_no_frames(veth0.peer)
    lab.load("veth0", "--action", "tx")
    send(veth0, FRAMES, SIZE)
    wait_until(lambda: total(of_veth0("XDP_TX")) == FRAMES, lambda: counts(index_of("veth0")))
    assert DELIVERED not in of_veth0("XDP_TX") and counted() == {"XDP_TX": FRAMES}


@pytest.mark.parametrize("load", [("--action", "aborted"),
                                  ("--filename", object_file("own"), "--progname", "own_invalid")])
def test_aborted(lab, veth0, load):
    lab.load("veth0", *load)
    send(veth0, FRAMES, SIZE)
    becomes(lambda: counts(index_of("veth0")), {"XDP_ABORTED": {"exception": FRAMES}})
    assert counted() == {"XDP_ABORTED": FRAMES}


@pytest.mark.parametrize("action", ["pass", "drop"])
def test_verdicts_that_end_here(lab, veth0, action):
    lab.load("veth0", "--action", action)
    send(veth0, FRAMES, SIZE)
    lab.wait_for_counts("veth0", {f"XDP_{action.upper()}": (FRAMES, FRAMES * SIZE)})
    assert counts(index_of("veth0")) == {}


# ---- on and off -------------------------------------------------------------------------------------------------


def track(*args, prefix=(), **options):
    """The delivery part of what --json says."""
    document = checked(DOCUMENT, run([*prefix, LOADER, "--json", *args], **options).out)
    return document["delivery"]


def pins():
    return sorted(path.name for path in DIRECTORY.iterdir())


def test_what_is_pinned():
    assert pins() == PINS
    modes = {path.name: path.stat().st_mode & 0o777 for path in DIRECTORY.iterdir()}
    assert modes == {name: 0o444 if name in READABLE else 0o600 for name in PINS}
    assert DIRECTORY.stat().st_mode & 0o777 == 0o755
    meta = delivery.read_meta()
    assert meta.instance != 0 and meta.tracepoints == (1 << len(TRACEPOINTS)) - 1 and meta.missing == 0


def test_second_one_changes_nothing():
    before = delivery.read_meta(), {path.name: path.stat().st_ino for path in DIRECTORY.iterdir()}
    again = track("--track-delivery")
    assert again["outcome"] == "unchanged" and again["tracepoints"] == TRACEPOINTS
    assert "already" in run([LOADER, "--track-delivery"]).out
    assert (delivery.read_meta(), {path.name: path.stat().st_ino for path in DIRECTORY.iterdir()}) == before


def test_off_and_on_starts_from_zero(lab, veth0):
    lab.load("veth0", "--action", "aborted")
    send(veth0, 3, SIZE)
    becomes(lambda: of_veth0("XDP_ABORTED"), {"exception": 3})
    instance = delivery.read_meta().instance
    assert track("--untrack-delivery", "--dry-run")["outcome"] == "stopped" and pins() == PINS
    assert track("--untrack-delivery")["outcome"] == "stopped"
    assert not DIRECTORY.exists()
    assert track("--untrack-delivery")["outcome"] == "not_tracked"
    assert track("--track-delivery", "--dry-run")["outcome"] == "started" and not DIRECTORY.exists()
    assert track("--track-delivery")["outcome"] == "started"
    assert counts(index_of("veth0")) == {} and delivery.read_meta().instance != instance


def test_newer_version_renews_the_programs(lab, veth0):
    """In place: nothing is missed or counted twice under traffic, and the counts go on.

    As fast as this, the ring of the target may be full: the kernel says no reason for that.
    """
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    redirect(lab, "to_devmap", index_of("out0"))
    before = delivery.read_meta()
    links = {name: (DIRECTORY / name).stat().st_ino for name in LINKS}
    traffic = lab.traffic(veth0, SIZE, pause_us=0)
    wait_until(lambda: of_veth0().get(DELIVERED), "nothing arrives")
    for _ in range(5):
        delivery.pretend_version(-1)
        assert track("--track-delivery", "--dry-run")["outcome"] == "renewed"
        assert track("--track-delivery")["outcome"] == "renewed"
        assert delivery.read_meta() == before
    sent = traffic.finish()
    wait_until(lambda: total(of_veth0()) >= sent, lambda: f"{of_veth0()} of {sent}")
    became = of_veth0()
    assert total(became) == sent and set(became) <= {DELIVERED, "no reason"}
    becomes(lambda: dump_counts(pin_dir(target.peer) / "xdp_stats_map"), passed(became[DELIVERED]))
    assert {name: (DIRECTORY / name).stat().st_ino for name in LINKS} == links and pins() == PINS


def test_link_that_somebody_removed_is_put_back(lab, veth0):
    (DIRECTORY / "link_xdp_exception").unlink()
    lab.load("veth0", "--action", "aborted")
    status = track("--status")
    assert status["tracepoints"] == [name for name in TRACEPOINTS if name != "xdp_exception"]
    (note,) = status["notes"]
    assert "xdp_exception" in note and "XDP_ABORTED" in note and note in run([LOADER, "--status"]).out
    foretold = track("--track-delivery", "--dry-run")
    assert foretold["outcome"] == "renewed" and not (DIRECTORY / "link_xdp_exception").exists()
    done = track("--track-delivery")
    assert done["outcome"] == "renewed" and done["tracepoints"] == foretold["tracepoints"] == TRACEPOINTS
    assert pins() == PINS
    status = track("--status")
    assert (status["tracepoints"], status["notes"]) == (TRACEPOINTS, [])
    send(veth0, 3, SIZE)
    becomes(lambda: of_veth0("XDP_ABORTED"), {"exception": 3})


def test_link_of_a_newer_version_that_somebody_removed_is_not_put_back(lab):
    """By this version: the note does not say that it would be."""
    delivery.pretend_version(1)
    (DIRECTORY / "link_xdp_bulk_tx").unlink()
    (note,) = track("--status")["notes"]
    assert "xdp_bulk_tx" in note and "XDP_TX" in note and "--track-delivery" not in note
    assert track("--track-delivery")["outcome"] == "unchanged" and not (DIRECTORY / "link_xdp_bulk_tx").exists()


def test_many_at_once():
    run([LOADER, "--untrack-delivery"])
    for option, first, others in (("--track-delivery", "started", "unchanged"),
                                  ("--untrack-delivery", "stopped", "not_tracked")):
        with ThreadPoolExecutor(8) as pool:
            outcomes = sorted(pool.map(lambda _, option=option: track(option)["outcome"], range(8)))
        assert outcomes == sorted([first, *[others] * 7])


@pytest.mark.parametrize("hidden", [BPFFS, DIRECTORY, DIRECTORY / "meta"], ids=["bpffs", "directory", "meta"])
def test_who_may_not_look_is_not_told_no(hidden):
    """Nor yes: a meta that he may read would tell."""
    (loader, _), user = copy_for_everyone(), as_user(NOBODY)
    mode = hidden.stat().st_mode & 0o777
    hidden.chmod(mode & 0o700)
    try:
        status = checked(DOCUMENT, run([*user, loader, "--status", "--dev", "lo", "--json"]).out)["delivery"]
        assert status["outcome"] == "unknown" and str(hidden) in status["notes"][0]
        words = run([*user, loader, "--status", "--dev", "lo"]).out
        assert "delivery: not known whether it is tracked" in words
        assert track("--status")["outcome"] == "tracked"
    finally:
        hidden.chmod(mode)


def test_nobody_can_write():
    """As root neither, but for programs: a reader could pin a map anew as a file of his own, and open that."""
    for name in READABLE:
        fd = open_pin(DIRECTORY / name)
        (entry,) = run(["sh", "-c", f"grep ^frozen /proc/{os.getpid()}/fdinfo/{fd}"]).out.split("\n")[:1]
        os.close(fd)
        assert entry.split() == ["frozen:", "1"], name


def first_key(map_fd):
    key = ctypes.create_string_buffer(16)
    bpf(BPF_MAP_GET_NEXT_KEY, struct.pack("=IIQQ", map_fd, 0, 0, ctypes.addressof(key)))
    return True


def test_users_without_privilege_read_it(lab, veth0):
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0", "--action", "aborted")
    send(veth0, 3, SIZE)
    becomes(lambda: of_veth0("XDP_ABORTED"), {"exception": 3})
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            first_keys = [first_key(open_pin(DIRECTORY / name, read_only=True)) for name in ("devices", "meta")]
            try:
                open_pin(DIRECTORY / "devices")
            except PermissionError:
                status = 0 if all(first_keys) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_without_capabilities():
    result = run([*as_user(NOBODY), LOADER, "--track-delivery"], PERMISSION)
    assert "CAP_BPF and CAP_PERFMON" in result.err
    needed = ["setpriv", "--bounding-set=-all,+bpf,+perfmon,+dac_override", LOADER]
    run([*needed, "--untrack-delivery"])
    assert json.loads(run([*needed, "--track-delivery", "--json"]).out)["delivery"]["outcome"] == "started"
    for missing in ("bpf", "perfmon"):
        result = run(["setpriv", f"--bounding-set=-sys_admin,-{missing}", LOADER, "--track-delivery"], PERMISSION)
        assert f"lacks CAP_{missing.upper()}\n" in result.err


@pytest.fixture(name="without_type_information")
def fixture_without_type_information(lab, tmp_path):
    """A kernel made with CONFIG_DEBUG_INFO_BTF=n has no such directory."""
    run(["mount", "--bind", tmp_path, "/sys/kernel/btf"])
    lab.cleanups.append(lambda: run(["umount", "/sys/kernel/btf"]))
    return tmp_path / "vmlinux"


def test_kernel_without_type_information(lab, without_type_information):
    run([LOADER, "--untrack-delivery"])
    world = lab.world()
    error = run([LOADER, "--track-delivery"], FAILED).err
    assert "/sys/kernel/btf/vmlinux is missing" in error and "CONFIG_DEBUG_INFO_BTF=y" in error
    without_type_information.touch()
    error = run([LOADER, "--track-delivery"], FAILED).err
    assert "/sys/kernel/btf/vmlinux, cannot be read" in error and "hint" not in error
    assert lab.world() == world


def test_of_the_whole_machine():
    for option in ("--track-delivery", "--untrack-delivery"):
        assert "every interface of the machine" in run([LOADER, option, "--dev", "veth0"], USAGE).err


# ---- beside everything else -------------------------------------------------------------------------------------


def test_status_tells(lab, veth0):
    lab.load("veth0")
    since = track("--status")["since"]
    for arguments in (["--status"], ["--dev", "veth0", "--status"]):
        assert f"delivery: tracked since {since}\n" in lab.loader(*arguments).out
        assert track(*arguments)["outcome"] == "tracked"
    lab.loader("--untrack-delivery")
    assert "delivery" not in lab.loader("--status").out and track("--status") is None


def test_is_no_device(lab, veth0):
    lab.load("veth0")
    assert [outcome["dev"] for outcome in lab.loader_json("--status")] == ["veth0"]
    assert [sample["dev"] for sample in read_all()] == ["veth0"]
    assert lab.loader_json("--clean")[0]["removed"] == [] and pins() == PINS
    assert "xdp:delivery" in run([LOADER, "--dev", "xdp:delivery", "--status"], USAGE).err


def read_all():
    result = run([os.environ["XDP_STATS"], "--all", "--once", "--json"])
    return [json.loads(line) for line in result.out.splitlines()]


def test_clean_offers_to_end_it(lab, veth0):
    """Where nothing else of ours is left; the command that it names does it."""
    lab.load("veth0")
    assert "delivery" not in lab.loader("--clean").out and track("--clean") is None
    lab.loader("--dev", "veth0", "--unload")
    offered = lab.loader("--clean").out
    assert "`xdp_loader --untrack-delivery` ends it" in offered
    assert track("--clean")["notes"] == [line.strip()[len("note"):].strip()
                                         for line in offered.splitlines() if " note " in line]
    lab.loader("--untrack-delivery")
    assert track("--clean") is None


# ---- devices that are gone --------------------------------------------------------------------------------------


# As contrib/systemd has it: root with no other capability.
LEAST = ["setpriv", "--inh-caps=-all,+bpf,+perfmon", "--bounding-set=-all,+bpf,+perfmon"]


@pytest.mark.parametrize("prefix", [[], LEAST], ids=["root", "unit"])
def test_devices_that_are_gone_are_forgotten(lab, veth0, prefix):
    """Those with pins are not: what they counted is still read."""
    for name in ("gone0", "pinned0"):
        veth = lab.veth(name)
        lab.load(name, "--action", "aborted")
        send(veth, 5, SIZE)
    lab.load("veth0", "--action", "aborted")
    send(veth0, 5, SIZE)
    indexes = {name: index_of(name) for name in ("gone0", "pinned0", "veth0")}
    lost = {"XDP_ABORTED": {"exception": 5}}
    for index in indexes.values():
        becomes(lambda index=index: counts(index), lost)
    lab.loader("--dev", "gone0", "--unload")
    for name in ("gone0", "pinned0"):
        run(["ip", "link", "delete", "dev", name])
    assert forgotten(track("--track-delivery", prefix=prefix)) >= 1
    assert {name: counts(index) for name, index in indexes.items()} == {"gone0": {}, "pinned0": lost, "veth0": lost}
    lab.loader("--dev", "pinned0", "--clean")
    assert forgotten(track("--track-delivery", prefix=prefix)) >= 1
    assert {name: counts(index) for name, index in indexes.items()} == {"gone0": {}, "pinned0": {}, "veth0": lost}


# Other devices of the machine are counted as well, whatever is going on there.
OTHERS = 8000


def forgotten(outcome):
    """How many counts, as the note says."""
    (number,) = [int(found[1]) for note in outcome["notes"]
                 if (found := re.match(r"forgot (\d+) counts of devices and maps that are gone$", note))]
    return number


def of_no_namespace():
    return sum(struct.unpack_from("=I", key)[0] == 1 for key, _ in delivery.entries("devices"))


def at_least(found, wanted):
    return all(found.get(name, 0) >= packets for name, packets in wanted.items())


@contextmanager
def full_map(tmp_path, parts=32):
    """No room for another device, unless it is but a part; the entries are of a namespace that is none."""
    program = BPFFS / "fill"
    run(["bpftool", "prog", "load", object_file("delivery_fill"), program, "type", "xdp", "map", "name", "devices",
         "pinned", DIRECTORY / "devices"])
    for part in range(parts):
        frame = tmp_path / "frame"
        frame.write_bytes(bytes([part] * 64))
        run(["bpftool", "prog", "run", "pinned", program, "data_in", frame])
    program.unlink()
    yield


def test_load_makes_room(lab, veth0, tmp_path):
    """Devices that come and go do not fill the map for ever."""
    with full_map(tmp_path, parts=17):
        assert of_no_namespace() == 17 * 256
    assert forgotten(lab.load("veth0", "--action", "aborted")) >= 17 * 256
    assert of_no_namespace() == 0
    lose(veth0, 3)


def test_what_does_not_fit_is_counted_as_such(lab, veth0, tmp_path):
    lab.load("veth0", "--action", "aborted")
    send(veth0, 5, SIZE)
    becomes(lambda: of_veth0("XDP_ABORTED"), {"exception": 5})
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    other = lab.veth("other0")
    lab.load("other0", "--action", "redirect", "--redirect-to", "out0")
    with full_map(tmp_path):
        room = len(delivery.entries("devices"))
        send(other, 3, SIZE)
        set_down("out0")
        send(other, 4, SIZE)
        wait_until(lambda: at_least(delivery.overflow(), {"delivered": 3, "lost": 4}), delivery.overflow)
        assert counts(index_of("other0")) == {} and len(delivery.entries("devices")) <= room
        # Devices that have an entry are counted as before.
        send(veth0, 5, SIZE)
        becomes(lambda: of_veth0("XDP_ABORTED"), {"exception": 10})
    assert forgotten(track("--track-delivery")) >= OTHERS
    assert of_no_namespace() == 0
    send(other, 4, SIZE)
    becomes(lambda: counts(index_of("other0")), {"XDP_REDIRECT": {"ENETDOWN": 4}})
    assert at_least(delivery.overflow(), {"delivered": 3, "lost": 4})
    assert of_veth0("XDP_ABORTED") == {"exception": 10}


# ---- what belongs to a generation -------------------------------------------------------------------------------


def of_lineage_and_map(dev="veth0"):
    return tuple(delivery.since(base, index_of(dev)) for base in delivery.bases(pin_dir(dev)))


def lose(veth, frames, before=0):
    """By the verdict ABORTED."""
    send(veth, frames, SIZE)
    becomes(lambda: of_veth0("XDP_ABORTED"), {"exception": before + frames})


def lost(frames):
    return {"XDP_ABORTED": {"exception": frames}} if frames else {}


def test_generation_begins_where_it_was_loaded(lab, veth0):
    """A load that is unloaded leaves its counts, as a device would that had the ifindex before."""
    lab.load("veth0", "--action", "aborted")
    assert of_lineage_and_map() == (lost(0), lost(0))
    lose(veth0, 5)
    assert of_lineage_and_map() == (lost(5), lost(5))
    lab.loader("--dev", "veth0", "--unload")
    lab.load("veth0", "--action", "aborted")
    assert of_lineage_and_map() == (lost(0), lost(0))
    lose(veth0, 3, before=5)
    lab.load("veth0", "--action", "aborted")
    lose(veth0, 2, before=8)
    assert of_lineage_and_map() == (lost(5), lost(2))
    lab.load("veth0", "--action", "aborted", "--reuse-maps")
    lose(veth0, 1, before=10)
    assert of_lineage_and_map() == (lost(6), lost(3))
    assert counted() == {"XDP_ABORTED": 3}


def test_device_with_the_ifindex_of_another(lab):
    """Its generation has none of the other's counts."""
    for frames in (5, 3):
        run(["ip", "link", "add", "name", "veth0", "index", "4321", "type", "veth", "peer", "name", "p-veth0"])
        for dev in ("veth0", "p-veth0"):
            run(["ip", "link", "set", "dev", dev, "arp", "off", "multicast", "off", "up"])
        wait_for_carrier("veth0", "p-veth0")
        veth = Veth("veth0", "p-veth0", link_info("veth0")["address"], link_info("p-veth0")["address"])
        lab.load("veth0", "--action", "aborted")
        lose(veth, frames, before=of_veth0("XDP_ABORTED").get("exception", 0))
        assert of_lineage_and_map() == (lost(frames), lost(frames))
        lab.loader("--dev", "veth0", "--unload")
        lab.delete(veth)


def test_lineage_goes_on_under_traffic(lab, veth0):
    """Exactly, whatever is replaced meanwhile."""
    lab.load("veth0", "--action", "aborted")
    traffic = lab.traffic(veth0, SIZE, pause_us=100)
    for _ in range(5):
        lab.load("veth0", "--action", "aborted")
    sent = traffic.finish()
    becomes(lambda: of_veth0("XDP_ABORTED"), {"exception": sent})
    assert of_lineage_and_map()[0] == lost(sent)


def test_loads_before_the_tracking_know_nothing(lab, veth0):
    lab.loader("--untrack-delivery")
    lab.load("veth0", "--action", "aborted")
    delivery.track(lab)
    assert of_lineage_and_map() == (None, None)
    lab.load("veth0", "--action", "aborted")
    assert of_lineage_and_map() == (None, lost(0))
    lose(veth0, 2)
    assert of_lineage_and_map() == (None, lost(2))


def test_meta_of_the_first_version_is_read(lab, veth0):
    """It ended before what it would tell of deliveries; a load after it goes on with its totals."""
    lab.load("veth0", "--action", "aborted")
    lose(veth0, 4)
    first = entry_of_the_first_version(pin_dir("veth0"))
    assert read_all()[0]["generation"] == first
    outcome = lab.load("veth0", "--action", "aborted")
    assert outcome["generation"] == first + 1
    assert sum(packets for packets, _ in lineage_counts("veth0").values()) == 4
    assert of_lineage_and_map() == (None, lost(0))


def entry_of_the_first_version(directory):
    """Pins the meta as version 1 wrote it; its generation."""
    (entry,) = bpftool("map", "dump", "pinned", directory / "xdp_stats_meta")
    value = bytearray(binary(entry["value"])[:-2 * delivery.BASE_SIZE])
    struct.pack_into("=I", value, 4, 1)
    fd, _ = bpf(delivery.BPF_MAP_CREATE, struct.pack("=IIIII", delivery.BPF_MAP_TYPE_ARRAY, 4, len(value), 1, 0))
    update_element(fd, struct.pack("=I", 0), bytes(value))
    (directory / "xdp_stats_meta").unlink()
    pin(fd, directory / "xdp_stats_meta")
    os.close(fd)
    return struct.unpack_from("=Q", value, 16)[0]
