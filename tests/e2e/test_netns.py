# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Interfaces in network namespaces: whose pins are where, seen from wherever."""

import csv
import json
import os
from pathlib import Path

import pytest

from support import kernel
from support.devices import attached, named
from support.maps import dump_counts, read_meta
from support.namespaces import nsenter, pair_into, process_in
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.processes import NOBODY, WITHOUT_SYS_ADMIN, as_user, run, wait_until
from support.programs import CONFLICT, LOADER, NOT_FOUND, PERMISSION, STATS, USAGE, copy_for_everyone
from support.samples import counts_of, dropped, passed, read, session_of, wait_for_counts
from support.strace import inject
from support.traffic import SIZE, send


# ---- the same interface by all its names


@pytest.mark.parametrize("name", ["red", "red.1"])
def test_every_way_to_a_namespace_leads_to_the_same_pins(lab, netns, name):
    """Loaded by one, read by the next, replaced by the third, unloaded by the fourth; each in every role."""
    namespace = netns(name)
    veth = namespace.veth()
    with process_in(*namespace.inside) as pid:
        ways = [(namespace.option, ()), (("--netns", namespace.path), ()), (("--netns", f"/proc/{pid}/ns/net"), ()),
                ((), namespace.inside)]
        for turn in range(len(ways)):
            (loads, loader), (reads, reader), (replaces, replacer), (unloads, unloader) = ways[turn:] + ways[:turn]
            outcome = lab.load("veth0", *loads, prefix=loader)
            assert (outcome["outcome"], outcome["generation"], outcome["netns"]) == ("loaded", 1, name)
            directory = namespace.pins / "veth0"
            assert sorted(path.name for path in directory.iterdir()) == PINS
            assert directory.samefile(outcome["pin_dir"])
            assert namespace.attached() == outcome["program"]["id"]
            send(veth, 10, SIZE)
            sample = wait_for_counts(passed(10), *reads, "--dev", "veth0", prefix=reader)
            assert (sample["netns"], sample["dev"], sample["state"]) == (name, "veth0", "attached")
            assert dump_counts(directory / "xdp_stats_map") == passed(10)

            outcome = lab.load("veth0", *replaces, "--action", "drop", prefix=replacer)
            assert (outcome["outcome"], outcome["generation"], outcome["netns"]) == ("replaced", 2, name)
            send(veth, 7, SIZE)
            sample = wait_for_counts(dropped(7), *reads, "--dev", "veth0", prefix=reader)
            assert (sample["generation"], sample["netns"], sample["state"]) == (2, name, "attached")

            (outcome,) = lab.loader_json(*unloads, "--dev", "veth0", "--unload", prefix=unloader)
            assert (outcome["outcome"], outcome["netns"]) == ("unloaded", name)
            assert namespace.attached() is None
            assert not namespace.pins.exists()


def test_two_words_for_one_namespace_do_not_differ(lab, red):
    """--netns, and what stands in front of the interface's name."""
    veth = red.veth()
    with process_in(*red.inside) as pid:
        words = ("red", str(red.path), f"/var{red.path}", f"/proc/{pid}/ns/net", str(os.stat(red.path).st_ino))
        for netns, device in ((one, f"{other}/veth0") for one in words for other in words):
            lab.loader("--netns", netns, "--dev", device)
            send(veth, 1, SIZE)
            wait_for_counts(passed(1), "--netns", netns, "--dev", device)
    lab.loader("--netns", "red", "--dev", "/proc/self/ns/net/veth0", status=USAGE)
    run([STATS, "--netns", "red", "--dev", "/proc/self/ns/net/veth0", "--once"], USAGE)


def test_csv_and_metadata_name_the_namespace(lab, red):
    red.veth()
    lab.load("veth0", *red.option)
    lines = run([STATS, *red.option, "--dev", "veth0", "--once", "--format", "csv"]).out.splitlines()
    rows = list(csv.DictReader(lines))
    assert {(row["netns"], row["dev"]) for row in rows} == {("red", "veth0")}
    assert read_meta("netns:red/veth0").netns_inode == red.path.stat().st_ino


def test_a_namespace_of_two_names_has_pins_by_one(lab, red):
    """The first in order."""
    veth = red.veth()
    Path("/run/netns/blue").touch()
    run(["mount", "--bind", red.path, "/run/netns/blue"])
    try:
        assert lab.load("veth0", *red.option)["netns"] == "blue"
        send(veth, 4, SIZE)
        for option, prefix in (("--netns", "blue"), ()), (red.option, ()), ((), red.inside):
            assert wait_for_counts(passed(4), *option, "--dev", "veth0", prefix=prefix)["netns"] == "blue"
        lab.loader(*red.option, "--dev", "veth0", "--unload")
    finally:
        run(["ip", "netns", "delete", "blue"])


def test_interface_named_by_two_ways_to_its_namespace_is_handled_once(lab, red):
    red.veth()
    here = lab.veth("here0")
    with process_in(*red.inside) as pid:
        by_path, by_process = f"{red.path}/veth0", f"/proc/{pid}/ns/net/veth0"
        inside = [((), ("red/veth0", by_path, by_process)), (red.inside, ("veth0", by_path, "red/veth0"))]
        for generation, (prefix, names) in enumerate(inside, 1):
            (outcome,) = lab.loader_json(*named(names), prefix=prefix)
            assert (outcome["dev"], outcome["netns"], outcome["generation"]) == ("veth0", "red", generation)
            run([*prefix, LOADER, *named(names), "--run", "--", "true"], status=CONFLICT)
            assert len(lab.loader_json(*named(names), "--status", prefix=prefix)) == 1
        mixed = ("red/veth0", here.name, by_path)
        assert [outcome["dev"] for outcome in lab.loader_json(*named(mixed), "--unload", status=NOT_FOUND)] == \
            ["veth0", "here0"]
        run([LOADER, *named(inside[0][1]), "--run", "--", "true"])
        several = lab.loader(*named(mixed), "--run", "--", "true", status=USAGE)
        assert "--run takes interfaces of one network namespace" in several.err


def test_own_namespace_by_its_name_takes_no_privilege(lab, red):
    """Beside an interface of it that is named without."""
    red.veth()
    for names in (["red/veth0", "eth1"], ["eth1", "red/veth0"]):
        result = run([*red.inside, *WITHOUT_SYS_ADMIN, LOADER, *named(names), "--attach", "link"], status=NOT_FOUND)
        assert "eth1" in result.err and "veth0: " in result.out, (names, result)


# ---- equal names in several namespaces


def test_equal_names_never_collide(lab, netns):
    """Loaded at once, from outside and inside; each counts its own frames and no others."""
    red, blue = netns("red"), netns("blue")
    here = lab.veth("veth0")
    devices = {None: ((), here), "red": (red.option, red.veth()), "blue": (blue.option, blue.veth())}
    loaders = [lab.process(*command) for command in (
        [LOADER, "--dev", "veth0"],
        [LOADER, *red.option, "--dev", "veth0"],
        [*blue.inside, LOADER, "--dev", "veth0"])]
    for loader in loaders:
        loader.wait()
    for number, (option, veth) in enumerate(devices.values(), 1):
        send(veth, 10 * number, SIZE)
    for number, (name, (option, veth)) in enumerate(devices.items(), 1):
        sample = wait_for_counts(passed(10 * number), *option, "--dev", "veth0")
        assert (sample["netns"], sample["state"], sample["generation"]) == (name, "attached", 1)
    assert pins_of("veth0") == PINS

    assert lab.states() == {(name, "veth0"): "attached" for name in devices}
    assert lab.states(prefix=red.inside) == {("red", "veth0"): "attached"}
    words = lab.loader("--status").out
    assert "red/veth0" in words and "blue/veth0" in words

    lab.loader("--dev", "veth0", "--unload")
    lab.loader("--dev", "veth0", "--unload", prefix=red.inside)
    assert lab.states() == {("blue", "veth0"): "attached"}
    wait_for_counts(passed(30), *blue.option, "--dev", "veth0")


def test_first_loaders_in_a_namespace_make_its_directory_together(lab, red):
    """And the last unloads take it away, whoever is the last."""
    names = ["veth0", "veth1", "veth2", "veth3"]
    for name in names:
        red.veth(name)
    for verb in ([], ["--unload"]) * 3:
        ways = [(red.option, ()), ((), red.inside)] * 2
        for loader in [lab.process(*prefix, LOADER, *option, "--dev", name, *verb)
                       for name, (option, prefix) in zip(names, ways)]:
            loader.wait()
        assert red.pins.exists() == (not verb)
        expected = {("red", name): "attached" for name in names} if not verb else {}
        assert lab.states() == expected


def test_loaders_inside_and_outside_take_turns(lab, red):
    veth = red.veth()
    for loader in [lab.process(*prefix, LOADER, *option, "--dev", "veth0")
                   for option, prefix in [(red.option, ()), ((), red.inside)] * 4]:
        loader.wait()
    status = lab.status("veth0", *red.option)
    assert (status["state"], status["generation"]) == ("attached", 8)
    send(veth, 5, SIZE)
    wait_for_counts(passed(5), *red.option, "--dev", "veth0")


# ---- a reader on one side, a loader on the other


@pytest.mark.parametrize("reads", ["inside", "outside"])
def test_replacements_from_the_other_side_are_followed(lab, red, reads):
    veth = red.veth()
    outside, inside = (red.option, ()), ((), red.inside)
    (loads, loader), (option, prefix) = (outside, inside) if reads == "inside" else (inside, outside)
    lab.load("veth0", *loads, prefix=loader)
    reader = lab.reading(*option, "--dev", "veth0", prefix=prefix)
    traffic = lab.traffic(veth, SIZE)
    reader.wait_for(lambda sample: sample["total"]["packets"] > 0)
    for number in range(2, 8):
        outcome = lab.load("veth0", *loads, "--action", ("pass", "drop")[number % 2], prefix=loader)
        assert outcome["generation"] == number
        reader.wait_for(lambda sample: sample["generation"] == number)
    sent = traffic.finish()
    sample = reader.wait_for_session(sent)
    assert sample["total"]["session_bytes"] == sent * SIZE
    assert set(session_of(sample)) == {"XDP_PASS", "XDP_DROP"}
    reader.stop()
    assert {(item["netns"], item["state"]) for item in reader.samples()} == {("red", "attached")}


def test_reader_waits_for_namespace_device_and_program(lab, netns):
    reader = lab.stats("--netns", "red", "--dev", "veth0", "--wait")
    reader.wait_for_message("red")
    red = netns("red")
    reader.wait_for_message("veth0")
    veth = red.veth()
    lab.load("veth0", *red.option)
    sample = reader.wait_for(lambda sample: sample["state"] == "attached")
    assert sample["netns"] == "red"
    send(veth, 30, SIZE)
    assert session_of(reader.wait_for_session(30)) == passed(30)


def test_reader_waiting_for_a_namespace_can_be_interrupted(lab):
    reader = lab.stats("--netns", "red", "--dev", "veth0", "--wait")
    reader.wait_for_message("red")
    assert reader.stop().count("wait") == 1


def test_reader_waits_for_a_namespace_named_by_a_number(lab, netns):
    reader = lab.stats("--netns", "5", "--dev", "veth0", "--wait")
    reader.wait_for_message("5")
    five = netns("5")
    veth = five.veth()
    lab.load("veth0", *five.option)
    reader.wait_for(lambda sample: sample["state"] == "attached")
    send(veth, 3, SIZE)
    reader.wait_for_session(3)


# ---- a namespace that is gone


@pytest.fixture(name="vanished")
def vanished_red(lab, red):
    """Its veth0 has counted 9 packets, and their counters are pinned still."""
    veth = red.veth()
    lab.load("veth0", *red.option)
    send(veth, 9, SIZE)
    wait_for_counts(passed(9), *red.option, "--dev", "veth0")
    red.vanish()
    return red


@pytest.mark.parametrize("clean", ["by-name", "all"])
def test_pins_of_a_vanished_namespace_are_orphaned_and_cleaned(lab, red, clean):
    red.veth()
    lab.load("veth0", *red.option)
    red.vanish()
    assert lab.states() == {("red", "veth0"): "orphaned"}
    option = red.option if clean == "by-name" else ()
    world = lab.world()
    (outcome,) = lab.loader_json(*option, "--clean", "--dry-run")
    assert len(outcome["removed"]) == len(PINS) and lab.world() == world
    (outcome,) = lab.loader_json(*option, "--clean")
    assert (outcome["outcome"], outcome["netns"], len(outcome["removed"])) == ("cleaned", "red", len(PINS))
    assert not red.pins.exists()


def test_counts_of_a_vanished_namespace_can_still_be_read(lab, vanished):
    assert counts_of(read("--map", vanished.pins / "veth0" / "xdp_stats_map")) == passed(9)
    lab.loader("--clean")


def test_reader_of_a_vanished_namespace_says_where_the_counts_are(lab, vanished):
    refused = run([STATS, *vanished.option, "--dev", "veth0", "--once"], NOT_FOUND)
    assert "hint: `xdp_stats --all --once` shows the counters that are still pinned\n" in refused.err
    assert counts_of(read("--all")) == passed(9)
    lab.loader("--clean")
    refused = run([STATS, *vanished.option, "--dev", "veth0", "--once"], NOT_FOUND)
    assert "--all" not in refused.err


@pytest.mark.parametrize("verb", ["--status", "--clean"])
def test_a_namespace_that_there_never_was(lab, verb):
    for netns in ("nope", "/run/netns/nope"):
        assert "nope" in lab.loader("--netns", netns, verb, status=NOT_FOUND).err


def test_nothing_in_a_namespace_is_not_nothing_at_all(lab, veth0, red):
    lab.load("veth0")
    assert lab.loader("--status", *red.option).out == (
        "no XDP program is attached, and nothing is pinned in /sys/fs/bpf for network namespace 'red'\n")
    assert lab.loader("--clean", *red.option).out == (
        "nothing to clean up in /sys/fs/bpf for network namespace 'red'\n")


# ---- from one namespace into the next


def test_user_looks_at_devices_of_two_namespaces(lab, veth0, red):
    """He cannot go to the other, and so has not to come back."""
    kernel.need(kernel.unprivileged_reading)
    red.veth()
    lab.load("veth0")
    lab.load("veth0", *red.option)
    (loader, _), user = copy_for_everyone(), as_user(NOBODY)
    for devices in (("veth0", "red/veth0"), ("red/veth0", "veth0")):
        words = [word for device in devices for word in ("--dev", device)]
        for verb, status in (("--status", 0), ("--features", PERMISSION)):
            document = json.loads(run([*user, loader, *words, verb, "--json"], status).out)
            told = {item["netns"]: item["outcome"] for item in document["devices"]}
            assert told == {None: verb[2:], "red": "failed" if status else verb[2:]}


@pytest.mark.parametrize("fault", ["ENOBUFS", "EMFILE"])
def test_nothing_is_loaded_in_the_wrong_namespace(lab, veth0, red, tmp_path, fault):
    """The namespace can be entered, and then its interfaces cannot be asked about: the next device is at home."""
    red.veth()
    for number in (1, 2, 3):
        inject([LOADER, "--dev", "red/veth0", "--dev", "veth0"], tmp_path / "log", "socket", f"error={fault}", number)
        assert (red.attached() is None) == (not red.pins.exists())
        assert (attached("veth0") is None) == (not pin_dir("veth0").exists())
        if number == 1:
            assert red.attached() is None and attached("veth0") is not None
        lab.loader("--dev", "red/veth0", "--unload", status=0 if red.pins.exists() else NOT_FOUND)
        lab.loader("--dev", "veth0", "--unload", status=0 if pin_dir("veth0").exists() else NOT_FOUND)


def test_clean_leaves_what_is_in_use(lab, netns):
    red, blue = netns("red"), netns("blue")
    for namespace in (red, blue):
        namespace.veth()
        lab.load("veth0", *namespace.option)
    red.vanish()
    lab.loader("--clean")
    assert not red.pins.exists()
    assert lab.states() == {("blue", "veth0"): "attached"}


@pytest.mark.usefixtures("vanished")
def test_namespace_made_anew_counts_from_zero(lab, netns):
    again = netns("red")
    veth = again.veth()
    outcome = lab.load("veth0", *again.option)
    assert outcome["outcome"] == "loaded" and again.attached() == outcome["program"]["id"]
    send(veth, 4, SIZE)
    assert wait_for_counts(passed(4), *again.option, "--dev", "veth0")["state"] == "attached"
    assert read_meta("netns:red/veth0").netns_inode == again.path.stat().st_ino


# ---- namespaces without a name


def test_unnamed_namespace_has_pins_by_its_inode(lab, veth0):
    """The initial namespace's interface of the same name is not disturbed."""
    lab.load("veth0")
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", passed(5))
    before = lab.world()
    with process_in("unshare", "--net") as pid:
        inside = nsenter(pid, "net")
        inode = str(os.stat(f"/proc/{pid}/ns/net").st_ino)
        veth = pair_into(pid)
        outcome = lab.load("veth0", "--action", "drop", prefix=inside)
        assert (outcome["outcome"], outcome["netns"], outcome["generation"]) == ("loaded", inode, 1)
        assert outcome["pin_dir"] == f"{BPFFS}/netns:{inode}/veth0"
        send(veth, 8, SIZE)
        for option, prefix in (((), inside), (("--netns", f"/proc/{pid}/ns/net"), ())):
            sample = wait_for_counts(dropped(8), *option, "--dev", "veth0", prefix=prefix)
            assert (sample["netns"], sample["state"]) == (inode, "attached")
        lab.wait_for_counts("veth0", passed(5))
        assert lab.states() == {(None, "veth0"): "attached", (inode, "veth0"): "attached"}
        (status,) = lab.loader_json("--netns", inode, "--dev", "veth0", "--status")
        assert status["runs_on"] is None  # it is where the pins say
        lab.loader("--dev", "veth0", "--unload", prefix=inside)
    assert lab.world() == before


def test_unnamed_namespace_that_vanished_is_cleaned(lab):
    with process_in("unshare", "--net") as pid:
        inode = str(os.stat(f"/proc/{pid}/ns/net").st_ino)
        pair_into(pid)
        lab.load("veth0", prefix=nsenter(pid, "net"))
    wait_until(lambda: lab.states() == {(inode, "veth0"): "orphaned"}, lambda: f"not orphaned: {lab.states()}")
    lab.loader("--clean")
    assert not (BPFFS / f"netns:{inode}").exists()


def test_an_unnamed_namespace_is_addressed_by_its_inode(lab):
    """As its pins and messages name it, while a process is in it."""
    with process_in("unshare", "--net") as pid:
        inode = str(os.stat(f"/proc/{pid}/ns/net").st_ino)
        pair_into(pid)
        lab.load("veth0", prefix=nsenter(pid, "net"))
        sample = read("--netns", inode, "--dev", "veth0")
        assert (sample["state"], sample["runs_on"]) == ("attached", None)
        (outcome,) = lab.loader_json("--netns", inode, "--dev", "veth0")
        assert (outcome["outcome"], outcome["generation"]) == ("replaced", 2)
        lab.loader("--netns", inode, "--dev", "veth0", "--unload")
        assert not (BPFFS / f"netns:{inode}").exists()
        assert lab.status("veth0", prefix=nsenter(pid, "net"))["state"] == "none"


def test_bpffs_of_its_own_makes_a_namespace_its_own(lab, veth0):
    """As in a container: directories have the interfaces' names there, and nothing is pinned here."""
    lab.load("veth0")
    before = lab.world()
    with process_in("unshare", "--net", "--mount") as pid:
        inside = nsenter(pid, "net", "mount", "root", "wd")
        run([*inside, "mount", "-t", "sysfs", "sysfs", "/sys"])
        run([*inside, "mount", "-t", "bpf", "-o", "mode=0755", "bpf", BPFFS])
        veth = pair_into(pid)
        outcome = lab.load("veth0", "--action", "drop", prefix=inside)
        assert (outcome["outcome"], outcome["netns"]) == ("loaded", None)
        assert outcome["pin_dir"] == f"{BPFFS}/veth0"
        send(veth, 8, SIZE)
        sample = wait_for_counts(dropped(8), "--dev", "veth0", prefix=inside)
        assert (sample["netns"], sample["state"]) == (None, "attached")
        assert lab.states(prefix=inside) == {(None, "veth0"): "attached"}
        lab.wait_for_counts("veth0", {})
    assert lab.world() == before


# ---- errors


def both_refuse(lab, status, *args):
    """The messages of both programs, which end with this status and change nothing."""
    before = lab.world()
    messages = [lab.loader(*args, status=status).err, run([STATS, *args, "--once"], status=status).err]
    for message in messages:
        assert len([line for line in message.splitlines() if not line.startswith(("hint:", " "))]) == 1, message
    assert lab.world() == before
    return messages


@pytest.mark.parametrize("name", ["nope", "/run/netns/nope", "4026539999", "123"])
def test_unknown_namespace(lab, name):
    for message in both_refuse(lab, NOT_FOUND, "--netns", name, "--dev", "veth0"):
        assert name in message
    for verb in ("--unload", "--status", "--clean"):
        lab.loader("--netns", name, "--dev", "veth0", verb, status=NOT_FOUND)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_name_that_no_namespace_can_have(lab, name):
    both_refuse(lab, USAGE, "--netns", name, "--dev", "veth0")
    for verb in ("--unload", "--status", "--clean"):
        lab.loader("--netns", name, "--dev", "veth0", verb, status=USAGE)


@pytest.mark.parametrize("path", ["/proc/self/status", "/run/netns", "/proc/self/ns/mnt", "/proc/self/ns/user"])
def test_file_that_is_no_network_namespace(lab, path):
    for message in both_refuse(lab, USAGE, "--netns", path, "--dev", "veth0"):
        assert path in message and "namespace" in message


def test_namespace_file_below_run_netns_that_is_none(lab):
    """What an interrupted `ip netns add` leaves: a namespace that is not there. A reader that waits goes on waiting."""
    Path("/run/netns/broken").touch()
    try:
        both_refuse(lab, NOT_FOUND, "--netns", "broken", "--dev", "veth0")
        reader = lab.stats("--netns", "broken", "--dev", "veth0", "--wait")
        reader.wait_for_message("broken: there is no such network namespace yet")
        reader.stop()
    finally:
        Path("/run/netns/broken").unlink()


def test_interface_that_is_elsewhere(lab, red, veth0):
    red.veth("inner0")
    both_refuse(lab, NOT_FOUND, *red.option, "--dev", "veth0")
    both_refuse(lab, NOT_FOUND, "--dev", "inner0")


def test_nobody_cannot_load_but_reads(lab, red):
    kernel.need(kernel.unprivileged_reading)
    veth = red.veth()
    loader, stats = copy_for_everyone()
    nobody = as_user(NOBODY)
    result = run([*nobody, loader, *red.option, "--dev", "veth0"], status=PERMISSION)
    assert "CAP_SYS_ADMIN" in result.err
    lab.load("veth0", *red.option)
    send(veth, 5, SIZE)
    wait_for_counts(passed(5), *red.option, "--dev", "veth0")
    before = lab.world()
    for verb in ([], ["--unload"], ["--clean"]):
        assert "CAP_" in run([*nobody, loader, *red.option, "--dev", "veth0", *verb], status=PERMISSION).err
    assert lab.world() == before
    sample = read(*red.option, "--dev", "veth0", prefix=nobody, program=stats)
    assert counts_of(sample) == passed(5)
    assert (sample["netns"], sample["generation"], sample["state"]) == ("red", 1, "unknown")
    (outcome,) = json.loads(run([*nobody, loader, *red.option, "--dev", "veth0", "--status", "--json"]).out)["devices"]
    assert (outcome["netns"], outcome["generation"], outcome["state"]) == ("red", 1, "unknown")
    (note,) = outcome["notes"]
    assert "CAP_SYS_ADMIN" in note and "moved" not in note


def test_nobody_follows_a_replacement_in_a_namespace(lab, red):
    kernel.need(kernel.unprivileged_reading)
    veth = red.veth()
    lab.load("veth0", *red.option)
    reader = lab.reading(*red.option, "--dev", "veth0", prefix=as_user(NOBODY), program=copy_for_everyone()[1])
    send(veth, 12, SIZE)
    reader.wait_for_session(12)
    lab.load("veth0", *red.option, "--action", "drop")
    send(veth, 3, SIZE)
    assert session_of(reader.wait_for_session(15)) == passed(12) | dropped(3)


def test_nobody_reads_in_an_initial_namespace_that_has_a_name(lab, veth0):
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    stats = copy_for_everyone()[1]
    Path("/run/netns/initial").touch()
    run(["mount", "--bind", "/proc/1/ns/net", "/run/netns/initial"])
    try:
        for option in ((), ("--netns", "initial")):
            assert read(*option, "--dev", "veth0")["state"] == "attached"
            assert read(*option, "--dev", "veth0", prefix=as_user(NOBODY), program=stats)["map_id"]
    finally:
        run(["ip", "netns", "delete", "initial"])


def test_nobody_in_an_unnamed_namespace_gets_no_others_counters(lab, veth0):
    """Least of all those of the initial namespace's interface of the same name."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", passed(5))
    stats = copy_for_everyone()[1]
    with process_in("unshare", "--net") as pid:
        pair_into(pid)
        command = [*nsenter(pid, "net"), *as_user(NOBODY), stats, "--dev", "veth0", "--once", "--json"]
        run(command, status=NOT_FOUND)


# ---- the namespace before the interface


def test_a_device_can_name_its_namespace(lab, red):
    veth = red.veth()
    (outcome,) = lab.loader_json("--dev", "red/veth0")
    assert (outcome["outcome"], outcome["netns"], outcome["dev"]) == ("loaded", "red", "veth0")
    send(veth, 4, SIZE)
    sample = wait_for_counts(passed(4), "--dev", "red/veth0")
    assert (sample["netns"], sample["dev"], sample["state"]) == ("red", "veth0", "attached")
    assert run([LOADER, "--dev", "red/veth0", "--status"]).out.startswith("red/veth0: attached\n")
    lab.load("veth0", "--netns", "red", "--action", "drop")
    (outcome,) = lab.loader_json("--netns", "red", "--dev", "red/veth0", "--unload")
    assert outcome["outcome"] == "unloaded" and red.attached() is None


def test_devices_of_several_namespaces_in_one_command(lab, netns, veth0):
    """Each in its own; the command that follows is where it was."""
    red, blue = netns("red"), netns("blue")
    there = {"red": red.veth(), "blue": blue.veth()}
    names = named(["red/veth0", "veth0", "blue/veth0"])
    outcomes = lab.loader_json(*names)
    assert [(item["netns"], item["dev"], item["outcome"]) for item in outcomes] == [
        ("red", "veth0", "loaded"), (None, "veth0", "loaded"), ("blue", "veth0", "loaded")]
    for name, veth, count in (("red/veth0", there["red"], 3), ("veth0", veth0, 5), ("blue/veth0", there["blue"], 7)):
        send(veth, count, SIZE)
        run([STATS, "--dev", name, "--expect", f"total.packets == {count}"])
    lines = run([STATS, *names, "--once", "--json"]).out.splitlines()
    samples = [json.loads(line) for line in lines]
    assert [(item["netns"], item["dev"], item["state"], item["total"]["packets"]) for item in samples] == [
        ("red", "veth0", "attached", 3), (None, "veth0", "attached", 5), ("blue", "veth0", "attached", 7)]
    outcomes = lab.loader_json(*names, "--unload")
    assert [item["outcome"] for item in outcomes] == ["unloaded"] * 3
    assert red.attached() is None and blue.attached() is None


def test_a_namespace_that_is_missing_fails_its_devices_alone(lab, veth0, red):
    outcomes = lab.loader_json("--dev", "nope/veth0", "--dev", "veth0", status=NOT_FOUND)
    assert [(item["netns"], item["dev"], item["outcome"]) for item in outcomes] == [
        ("nope", "veth0", "failed"), (None, "veth0", "loaded")]
    assert "'nope'" in outcomes[0]["error"]["message"]
    result = run([STATS, "--dev", "red/none0", "--dev", "veth0", "--once"], NOT_FOUND)
    assert "no interface in network namespace 'red' has that name" in result.err


# ---- paths


def test_paths_are_those_of_the_caller(lab, red):
    """Inside, the file system is reached through another process; who called has it at its usual place."""
    red.veth()
    pins = f"{BPFFS}/netns:red/veth0"
    outcome = lab.load("veth0", prefix=red.inside)
    assert outcome["pin_dir"] == pins
    assert {item["pin"] for item in outcome["maps"]} == {f"{pins}/xdp_stats_map"}
    assert f"pins        {pins}\n" in run([*red.inside, LOADER, "--dev", "veth0", "--status"]).out
    lab.loader("--dev", "veth0", "--unload", prefix=red.inside)
    result = run([*red.inside, STATS, "--dev", "veth0", "--once"], NOT_FOUND)
    assert f"opening the pin {pins}/xdp_stats_map" in result.err


def test_a_caller_that_is_inside_gets_a_path_that_works_there(lab, red):
    red.veth()
    script = f'test -d "$({LOADER} --dev veth0 --json | jq --raw-output .devices[0].pin_dir)/"'
    run([*red.inside, "sh", "-c", script + "; exit $?"])
    lab.loader("--dev", "red/veth0", "--unload")
