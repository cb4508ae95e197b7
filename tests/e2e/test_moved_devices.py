# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What readers say of a device that is moved, renamed or deleted: by a program's own means, and as an ordinary user."""

import csv
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from support import kernel, places
from support.devices import rename
from support.exporter import Exporter
from support.maps import read_meta
from support.namespaces import nsenter, process_in
from support.pins import pin_dir
from support.places import AWAY, MOVES, destination, device_with_our_program, place_of
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import NOT_FOUND, STATS, copy_for_everyone
from support.samples import counts_of, passed, read
from support.traffic import SIZE, send


@pytest.fixture(name="device")
def loaded_device(lab, way):
    with device_with_our_program(lab, way) as device:
        device.load()
        yield device


@pytest.mark.parametrize("way", ["link", "netlink"])
@pytest.mark.parametrize("change", MOVES)
def test_with_privileges(lab, device, change):
    running = lab.reading("--dev", "veth0")
    everything = lab.reading("--all")
    exporter = Exporter(lab, "--dev", "veth0")
    change(device)
    place = place_of(device)
    expected = ("attached" if place else "detached", place)
    for reader in (running, everything):
        sample = reader.wait_for(lambda sample: (sample["state"], sample["runs_on"]) != ("attached", None))
        assert (sample["state"], sample["runs_on"]) == expected
        assert (sample["dev"], sample["netns"]) == ("veth0", None)
    fresh = lab.once("veth0")
    assert (fresh["dev"], fresh["state"], fresh["runs_on"]) == ("veth0", *expected)
    if place:
        device.send(7)
        running.wait_for_session(7)
        everything.wait_for_session(7)
    running.stop()
    everything.stop()
    # It has no capabilities any more, but was there when the device went.
    metrics = exporter.scrape()
    state = "attached" if place and change not in AWAY else "unknown" if place else "detached"
    assert metrics["xdp_feed_state", ("veth0", "", state)] == 1
    assert metrics["xdp_up", ("veth0", "")] == (1 if place else 0)
    assert [key[1][2] for key in metrics if key[0] == "xdp_runs_on_info"] == ([place] if state == "attached" else [])
    exporter.process.stop()


@pytest.mark.parametrize("way", ["link"])
@pytest.mark.parametrize("user", [[], ["--user", "nobody"]], ids=["root", "nobody"])
@pytest.mark.parametrize("change", [places.moved, places.moved_to_a_process, places.renamed])
@pytest.mark.parametrize("loaded_again", [False, True], ids=["", "loaded again"])
def test_exporter_that_keeps_a_capability(lab, device, change, user, loaded_again):
    """With --cost it may look into other namespaces, but not at process 1: it says the place right, or not at all.

    Loaded again, the pins of the initial namespace name the other one."""
    options = ("--dev", "veth0", "--cost", *user)
    exporters = [Exporter(lab, *options)]
    change(device)
    if loaded_again and change in AWAY:
        netns = ("--netns", device.place.netns) if device.place.netns else ()
        lab.loader(*netns, "--dev", device.place.name, "--reuse-maps")
    exporters.append(Exporter(lab, *options))
    place = place_of(device)
    for exporter in exporters:
        metrics = exporter.scrape()
        (state,) = [key[1][2] for key, value in metrics.items() if key[0] == "xdp_feed_state" and value == 1]
        told = [key[1][2] for key in metrics if key[0] == "xdp_runs_on_info"]
        assert (state, told) in ([("attached", [place])] if change != places.moved_to_a_process else
                                 [("attached", [place]), ("unknown", [])])
        assert not any("with CAP_SYS_ADMIN" in line for line in exporter.process.lines["err"])
        if state == "unknown":
            exporter.process.wait_for_line("with CAP_SYS_PTRACE, which this process does not have", stream="err")
        exporter.process.stop()


@pytest.mark.parametrize("way", ["link", "netlink"])
@pytest.mark.parametrize("change", MOVES)
def test_as_an_ordinary_user(lab, device, change):
    """Who was there knows whether it was moved or deleted; who comes later does not, and claims neither."""
    kernel.need(kernel.unprivileged_reading)
    nobody = {"prefix": as_user(NOBODY), "program": copy_for_everyone()[1]}
    running = lab.reading("--dev", "veth0", **nobody)
    change(device)
    place = place_of(device)
    here = place if change not in AWAY else None
    state = "attached" if here else "unknown" if place else "detached"
    sample = running.wait_for(lambda sample: (sample["state"], sample["runs_on"]) != ("attached", None))
    assert (sample["state"], sample["runs_on"]) == (state, here)
    if change in AWAY:
        running.wait_for_message(f"the device was moved to {destination(device)}; .*CAP_SYS_ADMIN")
    if place:
        device.send(7)
        running.wait_for_session(7)
    running.stop()
    fresh = read("--dev", "veth0", **nobody)
    assert (fresh["state"], fresh["runs_on"]) == ("attached" if here else "unknown", here)
    assert counts_of(fresh) == device.counts


def test_of_a_namespaces_processes_the_first_is_named(lab, veth0):
    """Whoever lists them as text meets 1000 before 999; the later one may be a command that ends at once."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0", prefix=as_user(NOBODY), program=copy_for_everyone()[1])
    with ExitStack() as stack:
        Path("/proc/sys/kernel/ns_last_pid").write_text("998", encoding="ascii")
        first = stack.enter_context(process_in("unshare", "--net"))
        second = stack.enter_context(process_in(*nsenter(first, "net")))
        assert (first, second) == (999, 1000)
        run(["ip", "link", "set", "dev", "veth0", "netns", first])
        reader.wait_for_message(f"the device was moved to the network namespace of process {first};")
    # The kernel deletes the namespace, with the device, some time after the processes.
    wait_until(lambda: not Path("/sys/class/net", veth0.peer).exists(), "the device is still there")
    lab.loader("--dev", "veth0", "--clean")


def test_reader_follows_from_place_to_place(lab, netns, veth0):
    """Also where the pins are of a namespace that the device comes back to, under another index and name."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    red, blue = netns("red"), netns("blue")
    for namespace, source in ((red, []), (blue, ["-netns", "red"])):
        run(["ip", *source, "link", "set", "dev", "veth0", "netns", namespace.name])
        reader.wait_for(lambda sample, place=f"{namespace.name}/veth0": sample["runs_on"] == place)
    run(["ip", "-netns", "blue", "link", "set", "dev", "veth0", "name", "veth7"])
    reader.wait_for(lambda sample: sample["runs_on"] == "blue/veth7")
    run(["ip", "-netns", "blue", "link", "set", "dev", "veth7", "name", "veth0"])
    run(["ip", "-netns", "blue", "link", "set", "dev", "veth0", "netns", os.getpid()])
    reader.wait_for(lambda sample: sample["runs_on"] is None)
    reader.stop()
    assert {sample["state"] for sample in reader.samples()} == {"attached"}
    lab.loader("--dev", "veth0", "--unload")


def test_reader_keeps_no_other_namespace_in_existence(lab, netns, veth0):
    """The device goes with the namespace that it was moved to, and the reader says so."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    with process_in("unshare", "--net") as pid:
        run(["ip", "link", "set", "dev", "veth0", "netns", pid])
        reader.wait_for(lambda sample: sample["runs_on"] is not None)
    reader.wait_for(lambda sample: sample["state"] == "detached")
    lab.loader("--dev", "veth0", "--clean")


def test_device_of_another_namespace(lab, netns):
    """Seen from the initial one, from its own, and from where it is now."""
    red, blue = netns("red"), netns("blue")
    veth = red.veth()
    lab.load("veth0", *red.option)
    readers = [lab.reading("--all"), lab.reading(*red.option, "--dev", "veth0")]
    run(["ip", "-netns", "red", "link", "set", "dev", "veth0", "netns", "blue"])
    for reader in readers:
        sample = reader.wait_for(lambda sample: sample["runs_on"] is not None)
        assert (sample["dev"], sample["netns"], sample["state"], sample["runs_on"]) == (
            "veth0", "red", "attached", "blue/veth0")
    sample = read(*blue.option, "--dev", "veth0")
    assert (sample["dev"], sample["netns"], sample["state"], sample["runs_on"]) == ("veth0", "blue", "attached", None)
    assert sample["map_id"] == readers[0].samples()[-1]["map_id"]
    run(["ip", "link", "delete", "dev", veth.peer])
    for reader in readers:
        reader.wait_for(lambda sample: sample["state"] == "detached")
        reader.stop()
    lab.loader(*red.option, "--dev", "veth0", "--clean")


def test_exporter_knows_what_was_deleted_elsewhere(lab, red):
    """It has no privileges any more, but it listens there."""
    veth = red.veth()
    lab.load("veth0", *red.option)
    exporter = Exporter(lab, "--all", "--user", "nobody")
    run(["ip", "link", "delete", "dev", veth.peer])
    assert exporter.scrape()["xdp_feed_state", ("veth0", "red", "detached")] == 1
    exporter.process.stop()
    lab.loader(*red.option, "--dev", "veth0", "--clean")


def test_port_that_leaves_a_bridge_has_not_gone(lab, veth0):
    """The kernel announces that like a deletion."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    run(["ip", "link", "add", "name", "bridge0", "type", "bridge"])
    run(["ip", "link", "set", "dev", "veth0", "master", "bridge0"])
    reader = lab.reading("--dev", "veth0", prefix=as_user(NOBODY), program=copy_for_everyone()[1])
    run(["ip", "link", "set", "dev", "veth0", "nomaster"])
    send(veth0, 5, SIZE)
    reader.wait_for_session(5)
    reader.stop()
    assert {sample["state"] for sample in reader.samples()} == {"attached"}
    run(["ip", "link", "delete", "dev", "bridge0"])


def test_every_format_names_the_place(lab, veth0):
    lab.load("veth0")
    veth9 = rename(veth0, "veth9")
    assert run([STATS, "--dev", "veth0", "--once"]).out.startswith("veth0: attached, map ")
    assert ", runs on veth9, " in run([STATS, "--dev", "veth0", "--once"]).out
    rows = list(csv.DictReader(run([STATS, "--dev", "veth0", "--once", "--format", "csv"]).out.splitlines()))
    assert {row["runs_on"] for row in rows} == {"veth9"}
    metrics = run([STATS, "--dev", "veth0", "--once", "--format", "prometheus"]).out
    assert 'xdp_runs_on_info{device="veth0",netns="",runs_on="veth9"} 1' in metrics
    # Under its name now it is itself.
    assert lab.once("veth9")["runs_on"] is None
    lab.loader("--dev", veth9.name, "--unload")


# ---- a device that is gone


def test_last_counts_of_a_device_that_is_gone(lab, veth0):
    lab.load("veth0")
    send(veth0, 9, SIZE)
    lab.wait_for_counts("veth0", passed(9))
    lab.delete(veth0)
    sample = lab.once("veth0")
    assert (sample["state"], counts_of(sample)) == ("detached", passed(9))
    reader = lab.reading("--dev", "veth0", "--wait")
    reader.wait_for_message("the device is gone; no XDP program counts into map")
    run([STATS, "--dev", "veth0", "--expect", "pass.packets == 9"])
    again = lab.veth("veth0")
    lab.load("veth0")
    reader.wait_for(lambda sample: sample["state"] == "attached")
    send(again, 4, SIZE)
    assert counts_of(reader.wait_for_session(4)) == passed(4)
    reader.stop()
    lab.loader("--dev", "veth0", "--unload")
    lab.delete(again)
    assert "veth0" in run([STATS, "--dev", "veth0", "--once"], status=NOT_FOUND).err


def test_pins_of_a_moved_device_are_not_moved_by_loads(lab, red, veth0):
    """--status says so before and after a load where the device is now; the list has the pins' name."""
    lab.load("veth0")
    run(["ip", "link", "set", "dev", "veth0", "netns", red.name])
    run(["ip", "-netns", red.name, "link", "set", "dev", "veth0", "name", "lan0"])
    there = ("--dev", f"{red.name}/lan0")
    for _ in range(2):
        (status,) = lab.loader_json(*there, "--status")
        assert (status["state"], status["pin_dir"]) == ("attached", str(pin_dir("veth0")))
        assert status["notes"][-1] == ("the interface came from another network namespace: its pins stay where they "
                                       "are until --unload")
        lab.loader(*there)
    assert read_meta("veth0").generation == 3
    titles, row = (line.split() for line in lab.loader("--status", *there, "--dev", veth0.peer).out.splitlines()[:2])
    assert (titles[-3:], row[0], row[-1]) == (["redirect", "pinned", "as"], f"{red.name}/lan0", "veth0")
    lab.loader(*there, "--unload")
    assert not pin_dir("veth0").exists()
