# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --observe: what somebody else's program does, counted from outside. Runs where fexit programs load."""

import json
import re
from pathlib import Path

import pytest

from support import kernel
from support.devices import attached, link_info, rename, wait_for_carrier
from support.maps import dump_counts, read_meta
from support.namespaces import Namespace
from support.observing import (OUT_OF_RANGE, attach, detach, follow, observe, send_each, send_for, tracing_links,
                               update_link)
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import CONFLICT, NOT_FOUND, SENDER, compile_object, copy_for_everyone
from support.samples import counts_of
from support.traffic import SIZE, Traffic, send


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
    message = json.loads(follower.fail(NOT_FOUND))["error"]
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


def test_link_that_was_removed(lab, veth0, plain):
    """The program goes on without being counted: that is said, and no pin is in use."""
    observe(lab)
    expected = send_each(veth0, {1: 20, 2: 10})
    lab.wait_for_counts("veth0", expected)
    (pin_dir("veth0") / "xdp_link").unlink()
    wait_until(lambda: not tracing_links(), lambda: f"still there: {tracing_links()}")
    told = lab.status("veth0")
    assert told["state"] == "detached" and not any("is gone" in note for note in told["notes"])
    (command,) = [word for note in told["notes"] for word in re.findall("`xdp_loader ([^`]*)`", note)]
    lab.loader(*command.split())
    send_each(veth0, {1: 5})
    lab.wait_for_counts("veth0", {**expected, "XDP_DROP": (25, 25 * SIZE)})
    (pin_dir("veth0") / "xdp_link").unlink()
    (outcome,) = lab.loader_json("--dev", "veth0", "--clean")
    assert outcome["reason"] == "the observed program is not counted any more"
    assert not pin_dir("veth0").exists()


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


@pytest.mark.parametrize("parameter", ["const struct xdp_md *", "packet", "struct xdp_md *const"])
def test_argument_with_qualifiers_and_other_names(lab, veth0, tmp_path, parameter):
    path = lab.foreign_pin("qualified")
    file = compile_object(f"""
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        typedef const struct xdp_md *packet;
        SEC("xdp") int entry({parameter} ctx) {{ return ctx->data_end > ctx->data ? XDP_DROP : XDP_ABORTED; }}
        char _license[] SEC("license") = "GPL";
    """, tmp_path / "prog.bpf.o")
    run(["bpftool", "prog", "load", file, path, "type", "xdp"])
    lab.cleanups.append(path.unlink)
    attach(path, "veth0")
    observe(lab)
    send(veth0, 7, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (7, 7 * SIZE)})


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
