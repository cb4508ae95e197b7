# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Interfaces of several names, and interfaces whose name or namespace changes while a program is on them."""

import fcntl
import json
import os
import signal

import pytest

from support import kernel
from support.devices import attached, named, rename, wait_for_carrier
from support.maps import read_meta
from support.namespaces import move
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.process_table import is_waiting_for_a_lock
from support.processes import run, wait_until
from support.programs import CONFLICT, LOADER, NOT_FOUND, STATS
from support.samples import counts_of, dropped, passed, session_of, wait_for_counts
from support.strace import strace
from support.traffic import SIZE, send


# ---- alternative names


ALTERNATIVE = ["uplink0", "an-alternative-name-of-more-than-fifteen-bytes", "with:colon", ".."]


@pytest.mark.parametrize("name", ALTERNATIVE)
def test_alternative_name(lab, veth0, name):
    """Does as well as the interface's own, which is the one that is shown and pinned."""
    run(["ip", "link", "property", "add", "dev", "veth0", "altname", name])
    outcome = lab.load(name)
    assert (outcome["dev"], outcome["pin_dir"]) == ("veth0", f"{BPFFS}/veth0")
    assert pins_of("veth0") == PINS and read_meta("veth0").interface == "veth0"
    assert "veth0: attached" in lab.loader("--dev", name, "--status").out
    send(veth0, 5, SIZE)
    assert wait_for_counts(passed(5), "--dev", name)["dev"] == "veth0"
    reader = lab.reading("--dev", name)
    outcome = lab.load(name, "--action", "drop")
    assert (outcome["dev"], outcome["generation"]) == ("veth0", 2)
    send(veth0, 4, SIZE)
    sample = reader.wait_for_session(4)
    assert (sample["dev"], sample["state"]) == ("veth0", "attached")
    (outcome,) = lab.loader_json("--dev", name, "--unload")
    assert (outcome["dev"], outcome["outcome"]) == ("veth0", "unloaded")
    assert not pin_dir("veth0").exists() and attached("veth0") is None


@pytest.mark.parametrize("name", ALTERNATIVE)
def test_alternative_name_in_a_namespace(lab, red, name):
    veth = red.veth()
    run(["ip", "-netns", "red", "link", "property", "add", "dev", "veth0", "altname", name])
    assert lab.load(name, *red.option)["dev"] == "veth0"
    send(veth, 5, SIZE)
    assert wait_for_counts(passed(5), "--dev", name, prefix=red.inside)["dev"] == "veth0"


def test_an_interface_under_several_names_is_read_once(lab, veth0, red):
    """Whether the interface has them or its namespace."""
    red.veth()
    run(["ip", "link", "property", "add", "dev", "veth0", "altname", "uplink0"])
    run(["ip", "-netns", "red", "link", "property", "add", "dev", "veth0", "altname", "uplink0"])
    lab.load("veth0")
    lab.load("veth0", *red.option)
    names = ["veth0", "uplink0", "/proc/self/ns/net/veth0", "red/veth0", "/run/netns/red/uplink0", "red/uplink0"]
    samples = [json.loads(line) for line in run([STATS, *named(names), "--once", "--json"]).out.splitlines()]
    assert [(sample["netns"], sample["dev"]) for sample in samples] == [(None, "veth0"), ("red", "veth0")]


@pytest.mark.parametrize("name", ALTERNATIVE)
def test_alternative_name_beside_another_namespace(lab, red, name):
    """The reader is in neither of the two then."""
    lab.load(lab.veth("veth1").name)
    veth = red.veth()
    run(["ip", "-netns", "red", "link", "property", "add", "dev", "veth0", "altname", name])
    lab.load("veth0", *red.option)
    send(veth, 5, SIZE)
    wait_for_counts(passed(5), *red.option, "--dev", "veth0")
    out = run([STATS, "--once", "--json", "--dev", "veth1", "--dev", f"red/{name}"]).out
    samples = [json.loads(line) for line in out.splitlines()]
    assert [(sample["netns"], sample["dev"], counts_of(sample)) for sample in samples] == [
        (None, "veth1", {}), ("red", "veth0", passed(5))]


def test_redirect_to_an_alternative_name(lab, veth0):
    lab.veth("veth1")
    run(["ip", "link", "property", "add", "dev", "veth1", "altname", "uplink1"])
    lab.load("veth0", "--action", "redirect", "--redirect-to", "uplink1")
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_REDIRECT": (3, 3 * SIZE)})


def test_reader_waits_for_a_device_by_its_alternative_name(lab):
    reader = lab.stats("--dev", "uplink0", "--wait")
    reader.wait_for_message("uplink0")
    veth = lab.veth("veth0")
    run(["ip", "link", "property", "add", "dev", "veth0", "altname", "uplink0"])
    lab.load("veth0")
    reader.wait_for(lambda sample: sample["state"] == "attached")
    send(veth, 3, SIZE)
    reader.wait_for_session(3)


# ---- renames


def stop_once_it_has_read(lab, reader, log):
    """In a round it asks whether deliveries are tracked, if it asks that, before it reads the map."""
    while not log.exists() or "BPF_MAP_LOOKUP" not in log.read_text():
        log.unlink(missing_ok=True)
        reader.popen.send_signal(signal.SIGCONT)
        stopper = lab.process(*strace("-e", "trace=bpf", "-e", "inject=bpf:signal=SIGSTOP:when=2", "-p",
                                      reader.popen.pid, log=log))
        wait_until(lambda: log.exists() and "stopped by SIGSTOP" in log.read_text(), stopper.describe)
        stopper.stop(status=-signal.SIGINT)


def test_rename_and_load_between_a_reading_and_the_look_at_the_device(lab, veth0, tmp_path):
    """The program that runs is the one of the pins, which are elsewhere by then: the reader has not lost it."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0", interval="1s")  # it looks at the device each time
    stop_once_it_has_read(lab, reader, tmp_path / "strace")
    rename(veth0, "eth9")
    assert lab.load("eth9", "--action", "drop")["generation"] == 2
    reader.popen.send_signal(signal.SIGCONT)
    reader.wait_for(lambda sample: sample["generation"] == 2)
    reader.stop()
    assert {sample["state"] for sample in reader.samples()} == {"attached"}
    assert reader.samples()[-1]["runs_on"] is None


def test_reader_goes_on_over_a_rename_and_the_load_after_it(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 10, SIZE)
    reader.wait_for_session(10)
    renamed = rename(veth0, "eth9.1")
    reader.wait_for_message(r"eth9\.1")
    send(renamed, 5, SIZE)
    assert counts_of(reader.wait_for_session(15)) == passed(15)

    outcome = lab.load("eth9.1", "--action", "drop")
    assert (outcome["outcome"], outcome["generation"]) == ("replaced", 2)
    assert outcome["pin_dir"] == f"{BPFFS}/eth9%2E1"
    assert not pin_dir("veth0").exists() and pins_of("eth9.1") == PINS
    assert read_meta("eth9.1").interface == "eth9.1" and read_meta("eth9.1").carried == passed(15)
    send(renamed, 3, SIZE)
    sample = reader.wait_for_session(18)
    assert session_of(sample) == passed(15) | dropped(3)
    assert (sample["dev"], sample["generation"]) == ("eth9.1", 2)
    reader.stop()
    assert {sample["state"] for sample in reader.samples()} == {"attached"}


def test_rename_under_traffic_loses_nothing(lab, veth0):
    """The device stays up, as kernels from 6.2 allow."""
    kernel.need(kernel.live_rename)
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda sample: sample["total"]["packets"] > 0)
    run(["ip", "link", "set", "dev", "veth0", "name", "veth9"])
    reader.wait_for_message("veth9")
    lab.load("veth9", "--action", "drop")
    reader.wait_for(lambda sample: sample["generation"] == 2)
    sample = reader.wait_for_session(traffic.finish())
    assert set(session_of(sample)) == {"XDP_PASS", "XDP_DROP"}


def test_rename_and_load_that_the_reader_did_not_see(lab, veth0):
    """It finds another name, another program, and another directory at once."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 10, SIZE)
    reader.wait_for_session(10)
    reader.popen.send_signal(signal.SIGSTOP)
    renamed = rename(veth0, "veth9")
    lab.load("veth9", "--action", "drop")
    send(renamed, 3, SIZE)
    reader.popen.send_signal(signal.SIGCONT)
    assert session_of(reader.wait_for_session(13)) == passed(10) | dropped(3)


def test_reader_waits_for_a_name_that_an_interface_gets(lab, veth0):
    lab.load("veth0")
    reader = lab.stats("--dev", "veth9", "--wait")
    reader.wait_for_message("veth9")
    renamed = rename(veth0, "veth9")
    reader.wait_for(lambda sample: sample["state"] == "attached")
    send(renamed, 3, SIZE)
    reader.wait_for_session(3)


def test_status_and_counts_after_a_rename(lab, veth0):
    program = lab.load("veth0")["program"]["id"]
    renamed = rename(veth0, "veth9")
    before = lab.world()
    status = lab.status("veth9")
    assert (status["dev"], status["state"], status["generation"]) == ("veth9", "attached", 1)
    assert status["pin_dir"] == f"{BPFFS}/veth0"
    status = lab.status("veth0")
    assert (status["state"], status["generation"], status["runs_on"]) == ("attached", 1, "veth9")
    assert any("veth9" in note for note in status["notes"]), status
    send(renamed, 6, SIZE)
    sample = wait_for_counts(passed(6), "--dev", "veth9")
    assert (sample["dev"], sample["state"], sample["runs_on"]) == ("veth9", "attached", None)
    sample = lab.once("veth0")
    assert (sample["dev"], sample["state"], sample["runs_on"]) == ("veth0", "attached", "veth9")
    (outcome,) = lab.loader_json("--dev", "veth9", "--action", "drop", "--dry-run")
    assert (outcome["outcome"], outcome["generation"]) == ("replaced", 2)
    for verb in ("--unload", "--clean"):
        lab.loader("--dev", "veth9", verb, "--dry-run")
    lab.loader("--clean")
    assert lab.world() == before
    assert attached("veth9") == ("native", program)


def test_load_that_fails_after_a_rename_changes_nothing(lab, veth0):
    lab.load("veth0")
    rename(veth0, "veth9")
    before = lab.world()
    lab.loader("--dev", "veth9", "--filename", "/nope.bpf.o", status=NOT_FOUND)
    lab.loader("--dev", "veth9", "--skb-mode", status=CONFLICT)
    assert lab.world() == before


def renamed_and_locked(lab, veth0, *verbs):
    """veth0 is called uplink now, and these commands about it wait for the pins' lock, one after the other."""
    lab.load("veth0")
    veth = rename(veth0, "uplink")
    staging = pin_dir("veth0") / "+staging"
    staging.mkdir(mode=0o700)
    lock = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    commands = []
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for verb in verbs:
            commands.append(lab.process(LOADER, "--dev", "uplink", *verb))
            wait_until(lambda: is_waiting_for_a_lock(commands[-1].popen.pid), "it does not wait")
    finally:
        os.close(lock)
    return veth, commands


def test_loads_that_wait_for_each_other_after_a_rename(lab, veth0):
    """The first moves the pins, under the hands of the second."""
    veth, loads = renamed_and_locked(lab, veth0, [], [])
    for one in loads:
        one.wait()
    assert not pin_dir("veth0").exists()
    assert pins_of("uplink") == PINS
    assert read_meta("uplink").generation == 3
    send(veth, 5, SIZE)
    lab.wait_for_counts("uplink", passed(5))


def test_unload_that_waits_for_a_load_after_a_rename(lab, veth0):
    """Whichever has the lock first, there is something to unload: the load moves the pins, or there is none yet."""
    _, (load, unload) = renamed_and_locked(lab, veth0, [], ["--unload"])
    load.wait()
    unload.wait()
    if attached("uplink") is None:  # the load was first
        assert not pin_dir("veth0").exists() and not pin_dir("uplink").exists()
    else:
        assert not pin_dir("veth0").exists() and pins_of("uplink") == PINS


@pytest.mark.parametrize("name", ["veth0", "veth9"])
def test_unload_after_a_rename(lab, veth0, name):
    """By either name."""
    before = sorted(BPFFS.iterdir())
    lab.load("veth0")
    rename(veth0, "veth9")
    lab.loader("--dev", name, "--unload")
    assert attached("veth9") is None
    assert sorted(BPFFS.iterdir()) == before


def test_reused_maps_go_on_after_a_rename(lab, veth0):
    lab.load("veth0")
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", passed(5))
    renamed = rename(veth0, "veth9")
    outcome = lab.load("veth9", "--action", "drop", "--reuse-maps")
    assert outcome["generation"] == 2
    send(renamed, 2, SIZE)
    lab.wait_for_counts("veth9", passed(5) | dropped(2))


def test_another_interface_with_the_old_name(lab, veth0):
    """Cannot take what is still in use under it; after the renamed one's next load it can be loaded."""
    lab.load("veth0")
    renamed = rename(veth0, "veth9")
    other = lab.veth("veth0", peer="p-other")
    before = lab.world()
    assert lab.status("veth9")["state"] == "attached"
    assert lab.status("veth0")["state"] == "none"  # the program of the pins runs on another device
    sample = lab.once("veth0")
    assert (sample["state"], sample["runs_on"]) == ("attached", "veth9")
    lab.loader("--dev", "veth0", status=CONFLICT)
    assert lab.world() == before
    assert lab.load("veth9")["generation"] == 2
    assert lab.load("veth0")["generation"] == 1
    send(renamed, 3, SIZE)
    send(other, 4, SIZE)
    lab.wait_for_counts("veth9", passed(3))
    lab.wait_for_counts("veth0", passed(4))


def test_rename_in_a_namespace(lab, red):
    veth = red.veth()
    lab.load("veth0", *red.option)
    reader = lab.reading("--dev", "veth0", prefix=red.inside)
    for change in (["down"], ["name", "veth9"]):
        run(["ip", "-netns", "red", "link", "set", "dev", "veth0", *change])
    red.wait_for_carrier("veth9")
    wait_for_carrier(veth.peer)
    reader.wait_for_message("veth9")
    send(veth, 5, SIZE)
    reader.wait_for_session(5)
    assert lab.load("veth9", *red.option, "--action", "drop")["generation"] == 2
    send(veth, 3, SIZE)
    assert session_of(reader.wait_for_session(8)) == passed(5) | dropped(3)
    assert [path.name for path in red.pins.iterdir()] == ["veth9"]


# ---- an interface that moves to another namespace


def test_interface_that_moves_keeps_counting_until_it_is_unloaded(lab, veth0, red):
    program = lab.load("veth0")["program"]["id"]
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", passed(5))
    path = pin_dir("veth0") / "xdp_stats_map"
    move(veth0, red)
    assert red.attached() == program
    send(veth0, 6, SIZE)
    wait_for_counts(passed(11), "--map", path)
    assert lab.states() == {(None, "veth0"): "attached"}
    before = lab.world()
    lab.loader("--clean")
    lab.loader("--dev", "veth0", "--clean")
    assert lab.world() == before and red.attached() == program
    sample = lab.once("veth0")
    assert (sample["state"], sample["runs_on"], counts_of(sample)) == ("attached", "red/veth0", passed(11))

    status = lab.status("veth0", *red.option)
    assert (status["state"], status["hook"]["program"]["id"]) == ("attached", program)
    lab.loader("--dev", "veth0", "--unload")
    assert red.attached() is None and not pin_dir("veth0").exists()


def test_interface_that_moved_there_and_back(lab, veth0, red):
    """Its index may be another one."""
    lab.load("veth0")
    move(veth0, red)
    run(["ip", "-netns", "red", "link", "set", "dev", "veth0", "netns", str(os.getpid())])
    run(["ip", "link", "set", "dev", "veth0", "arp", "off", "multicast", "off", "up"])
    wait_for_carrier("veth0", veth0.peer)
    assert lab.status("veth0")["state"] == "attached"
    assert lab.load("veth0")["generation"] == 2
    send(veth0, 4, SIZE)
    lab.wait_for_counts("veth0", passed(4))
