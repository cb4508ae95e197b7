"""Interfaces in network namespaces, and interfaces of several names: whose pins are where, seen from wherever."""

import csv
import fcntl
import json
import os
import signal
from pathlib import Path

import pytest

from support import kernel
from support.devices import attached, rename, wait_for_carrier
from support.maps import dump_counts, read_meta
from support.namespaces import MOUNTS, mounts, nsenter, pair_into, process_in
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.process_table import is_waiting_for_a_lock
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import CONFLICT, LOADER, NOT_FOUND, PERMISSION, STATS, USAGE, copy_for_everyone
from support.run_command import Run
from support.samples import counts_of, read, session_of, wait_for_counts
from support.traffic import send

SIZE = 100


def passed(count):
    return {"XDP_PASS": (count, count * SIZE)}


def dropped(count):
    return {"XDP_DROP": (count, count * SIZE)}


# ---- the programs, called from somewhere


def everything(lab, prefix=()):
    """{(netns, dev): state} of `--status` without --dev."""
    return {(item["netns"], item["dev"]): item["state"] for item in lab.loader_json("--status", prefix=prefix)}


# ---- namespaces


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
            record = wait_for_counts(passed(10), *reads, "--dev", "veth0", prefix=reader)
            assert (record["netns"], record["dev"], record["state"]) == (name, "veth0", "attached")
            assert dump_counts(directory / "xdp_stats_map") == passed(10)

            outcome = lab.load("veth0", *replaces, "--action", "drop", prefix=replacer)
            assert (outcome["outcome"], outcome["generation"], outcome["netns"]) == ("replaced", 2, name)
            send(veth, 7, SIZE)
            record = wait_for_counts(dropped(7), *reads, "--dev", "veth0", prefix=reader)
            assert (record["generation"], record["netns"], record["state"]) == (2, name, "attached")

            (outcome,) = lab.loader_json(*unloads, "--dev", "veth0", "--unload", prefix=unloader)
            assert (outcome["outcome"], outcome["netns"]) == ("unloaded", name)
            assert namespace.attached() is None
            assert not namespace.pins.exists()


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
        record = wait_for_counts(passed(10 * number), *option, "--dev", "veth0")
        assert (record["netns"], record["state"], record["generation"]) == (name, "attached", 1)
    assert pins_of("veth0") == PINS

    assert everything(lab) == {(name, "veth0"): "attached" for name in devices}
    assert everything(lab, prefix=red.inside) == {("red", "veth0"): "attached"}
    words = lab.loader("--status").out
    assert "red/veth0" in words and "blue/veth0" in words

    lab.loader("--dev", "veth0", "--unload")
    lab.loader("--dev", "veth0", "--unload", prefix=red.inside)
    assert everything(lab) == {("blue", "veth0"): "attached"}
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
        assert everything(lab) == expected


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
    reader.wait_for(lambda record: record["total"]["packets"] > 0)
    for number in range(2, 8):
        outcome = lab.load("veth0", *loads, "--action", ("pass", "drop")[number % 2], prefix=loader)
        assert outcome["generation"] == number
        reader.wait_for(lambda record: record["generation"] == number)
    sent = traffic.finish()
    record = reader.wait_for_session(sent)
    assert record["total"]["session_bytes"] == sent * SIZE
    assert set(session_of(record)) == {"XDP_PASS", "XDP_DROP"}
    reader.stop()
    assert {(item["netns"], item["state"]) for item in reader.records()} == {("red", "attached")}


def test_reader_waits_for_namespace_device_and_program(lab, netns):
    reader = lab.stats("--netns", "red", "--dev", "veth0", "--wait")
    reader.wait_for_message("red")
    red = netns("red")
    reader.wait_for_message("veth0")
    veth = red.veth()
    lab.load("veth0", *red.option)
    record = reader.wait_for(lambda record: record["state"] == "attached")
    assert record["netns"] == "red"
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
    reader.wait_for(lambda record: record["state"] == "attached")
    send(veth, 3, SIZE)
    reader.wait_for_session(3)


# ---- a namespace that is gone


def vanish(lab, namespace):
    """With its devices, and with everything that was attached to them."""
    run(["ip", "netns", "delete", namespace.name])
    wait_until(lambda: lab.status("veth0", *namespace.option)["state"] == "orphaned",
               lambda: f"not orphaned: {lab.status('veth0', *namespace.option)}")


@pytest.mark.parametrize("clean", ["by-name", "all"])
def test_pins_of_a_vanished_namespace_are_orphaned_and_cleaned(lab, red, clean):
    red.veth()
    lab.load("veth0", *red.option)
    vanish(lab, red)
    assert everything(lab) == {("red", "veth0"): "orphaned"}
    option = red.option if clean == "by-name" else ()
    world = lab.world()
    (outcome,) = lab.loader_json(*option, "--clean", "--dry-run")
    assert len(outcome["removed"]) == len(PINS) and lab.world() == world
    (outcome,) = lab.loader_json(*option, "--clean")
    assert (outcome["outcome"], outcome["netns"], len(outcome["removed"])) == ("cleaned", "red", len(PINS))
    assert not red.pins.exists()


def test_counts_of_a_vanished_namespace_can_still_be_read(lab, red):
    veth = red.veth()
    lab.load("veth0", *red.option)
    send(veth, 9, SIZE)
    wait_for_counts(passed(9), *red.option, "--dev", "veth0")
    vanish(lab, red)
    assert counts_of(read("--map", red.pins / "veth0" / "xdp_stats_map")) == passed(9)
    lab.loader("--clean")


def test_clean_leaves_what_is_in_use(lab, netns):
    red, blue = netns("red"), netns("blue")
    for namespace in (red, blue):
        namespace.veth()
        lab.load("veth0", *namespace.option)
    vanish(lab, red)
    lab.loader("--clean")
    assert not red.pins.exists()
    assert everything(lab) == {("blue", "veth0"): "attached"}


def test_namespace_made_anew_counts_from_zero(lab, netns):
    red = netns("red")
    veth = red.veth()
    lab.load("veth0", *red.option)
    send(veth, 9, SIZE)
    wait_for_counts(passed(9), *red.option, "--dev", "veth0")
    vanish(lab, red)
    again = netns("red")
    veth = again.veth()
    outcome = lab.load("veth0", *again.option)
    assert outcome["outcome"] == "loaded" and again.attached() == outcome["program"]["id"]
    send(veth, 4, SIZE)
    assert wait_for_counts(passed(4), *again.option, "--dev", "veth0")["state"] == "attached"
    assert read_meta("netns:red/veth0").netns_inode == again.path.stat().st_ino


# ---- no BPF file system anywhere


def test_bpffs_is_mounted_for_the_caller_of_ip_netns_exec(lab, no_bpffs, red):
    veth = red.veth()
    outcome = lab.load("veth0", prefix=red.inside)
    assert any("mounted" in note for note in outcome["notes"]), outcome
    assert BPFFS.is_mount()
    assert BPFFS.stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in (red.pins / "veth0").iterdir()) == PINS
    assert red.attached() == outcome["program"]["id"]
    send(veth, 6, SIZE)
    for option, prefix in ((red.option, ()), ((), red.inside)):
        assert wait_for_counts(passed(6), *option, "--dev", "veth0", prefix=prefix)["state"] == "attached"
    again = lab.load("veth0", prefix=red.inside)
    assert again["generation"] == 2 and not any("mounted" in note for note in again["notes"])
    assert mounts() == 1


def test_bpffs_is_mounted_once_for_several_devices(lab, no_bpffs, red):
    """They are loaded in threads, and each would find none; a second mount would hide the pins in the first."""
    devs = [red.veth(f"veth{number}").name for number in range(4)]
    options = [word for dev in ["nosuch0", *devs] for word in ("--dev", dev)]
    missing, *loaded = lab.loader_json(*options, prefix=red.inside, status=NOT_FOUND)
    assert missing["outcome"] == "failed"
    assert [outcome["outcome"] for outcome in loaded] == ["loaded"] * len(devs)
    assert sum("mounted" in note for outcome in loaded for note in outcome["notes"]) == 1
    assert mounts() == 1
    assert sorted(path.name for path in red.pins.iterdir()) == devs
    assert all(red.attached(dev) for dev in devs)


def test_nothing_is_mounted_for_loads_that_are_refused(lab, no_bpffs, red):
    for args in (["--dev", "nosuch0"], ["--dev", "nosuch0", "--run", "--", "true"]):
        lab.loader(*args, prefix=red.inside, status=NOT_FOUND)
    assert mounts() == 0


def test_killed_run_for_which_a_bpffs_was_mounted(lab, no_bpffs, red):
    """Who removes the pins then knows where they are."""
    red.veth()
    process = lab.started(Run("--dev", "veth0", prefix=red.inside))
    assert red.attached() and red.pins.exists() and mounts() == 1
    process.popen.kill()
    wait_until(lambda: red.attached() is None and not red.pins.exists(), "detached, and the pins removed")


def test_dry_run_without_a_bpffs(lab, no_bpffs):
    """A load would mount it, so that it is not what keeps the program out of a dispatcher."""
    veth = lab.veth("veth0")
    (outcome,) = lab.loader_json("--dev", veth.name, "--dry-run")
    assert not any("BPF file system" in note for note in outcome["notes"]), outcome
    assert mounts() == 0


def test_reader_mounts_nothing_and_says_what_to_do(lab, no_bpffs, red):
    red.veth()
    result = run([*red.inside, STATS, "--dev", "veth0", "--once"], status=NOT_FOUND)
    assert "mount -t bpf bpf /sys/fs/bpf" in result.err
    for args in (["--dev", "veth0", "--status"], ["--status"], ["--dev", "veth0", "--dry-run"]):
        lab.loader(*args, prefix=red.inside)
    lab.loader("--dev", "veth0", "--unload", prefix=red.inside, status=NOT_FOUND)
    assert mounts() == 0
    # In one `ip netns exec`, which would keep what is mounted inside while it runs.
    script = f"{STATS} --dev veth0 --once 2>/dev/null; {MOUNTS}"
    assert run([*red.inside, "sh", "-c", script]).out == "0\n"


def test_nothing_is_mounted_inside(lab, no_bpffs, red):
    """Where it would be gone with the command, and in the way of the caller's."""
    red.veth()
    script = f"{LOADER} --dev veth0 --quiet && {MOUNTS}"
    assert run([*red.inside, "sh", "-c", script]).out == "0\n"
    assert lab.status("veth0", *red.option)["state"] == "attached"


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
            record = wait_for_counts(dropped(8), *option, "--dev", "veth0", prefix=prefix)
            assert (record["netns"], record["state"]) == (inode, "attached")
        lab.wait_for_counts("veth0", passed(5))
        # From outside its interfaces cannot be seen by this name, but its pins can.
        assert everything(lab) == {(None, "veth0"): "attached", (inode, "veth0"): "unknown"}
        lab.loader("--dev", "veth0", "--unload", prefix=inside)
    assert lab.world() == before


def test_unnamed_namespace_that_vanished_is_cleaned(lab):
    with process_in("unshare", "--net") as pid:
        inode = str(os.stat(f"/proc/{pid}/ns/net").st_ino)
        pair_into(pid)
        lab.load("veth0", prefix=nsenter(pid, "net"))
    wait_until(lambda: everything(lab) == {(inode, "veth0"): "orphaned"}, lambda: f"not orphaned: {everything(lab)}")
    lab.loader("--clean")
    assert not (BPFFS / f"netns:{inode}").exists()


def test_pins_of_an_unnamed_namespace_are_unloaded_by_its_inode(lab):
    with process_in("unshare", "--net") as pid:
        inode = str(os.stat(f"/proc/{pid}/ns/net").st_ino)
        pair_into(pid)
        lab.load("veth0", prefix=nsenter(pid, "net"))
        assert read("--netns", inode, "--dev", "veth0")["state"] == "unknown"
        lab.loader("--netns", inode, "--dev", "veth0", status=NOT_FOUND)
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
        record = wait_for_counts(dropped(8), "--dev", "veth0", prefix=inside)
        assert (record["netns"], record["state"]) == (None, "attached")
        assert everything(lab, prefix=inside) == {(None, "veth0"): "attached"}
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
    record = read(*red.option, "--dev", "veth0", prefix=nobody, program=stats)
    assert counts_of(record) == passed(5)
    assert (record["netns"], record["generation"], record["state"]) == ("red", 1, "unknown")
    (outcome,) = json.loads(run([*nobody, loader, *red.option, "--dev", "veth0", "--status", "--json"]).out)["devices"]
    assert (outcome["netns"], outcome["generation"], outcome["state"]) == ("red", 1, "unknown")


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


# ---- alternative names


ALTERNATIVE = ["uplink0", "an-alternative-name-of-more-than-fifteen-bytes"]


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
    record = reader.wait_for_session(4)
    assert (record["dev"], record["state"]) == ("veth0", "attached")
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
    reader.wait_for(lambda record: record["state"] == "attached")
    send(veth, 3, SIZE)
    reader.wait_for_session(3)


# ---- renames


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
    record = reader.wait_for_session(18)
    assert session_of(record) == passed(15) | dropped(3)
    assert (record["dev"], record["generation"]) == ("eth9.1", 2)
    reader.stop()
    assert {record["state"] for record in reader.records()} == {"attached"}


def test_rename_under_traffic_loses_nothing(lab, veth0):
    """The device stays up, as kernels from 6.2 allow."""
    kernel.need(kernel.live_rename)
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda record: record["total"]["packets"] > 0)
    run(["ip", "link", "set", "dev", "veth0", "name", "veth9"])
    reader.wait_for_message("veth9")
    lab.load("veth9", "--action", "drop")
    reader.wait_for(lambda record: record["generation"] == 2)
    record = reader.wait_for_session(traffic.finish())
    assert set(session_of(record)) == {"XDP_PASS", "XDP_DROP"}


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
    reader.wait_for(lambda record: record["state"] == "attached")
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
    assert (status["state"], status["generation"]) == ("unknown", 1)
    assert any("veth9" in note for note in status["notes"]), status
    send(renamed, 6, SIZE)
    record = wait_for_counts(passed(6), "--dev", "veth9")
    assert (record["dev"], record["state"]) == ("veth9", "attached")
    run([STATS, "--dev", "veth0", "--once"], status=NOT_FOUND)
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
    assert lab.status("veth0")["state"] == "stale"
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


def move(veth, namespace):
    run(["ip", "link", "set", "dev", veth.name, "netns", namespace.name])
    namespace.wait_for_carrier(veth.name)
    wait_for_carrier(veth.peer)


def test_interface_that_moves_keeps_counting_until_it_is_unloaded(lab, veth0, red):
    program = lab.load("veth0")["program"]["id"]
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", passed(5))
    path = pin_dir("veth0") / "xdp_stats_map"
    move(veth0, red)
    assert red.attached() == program
    send(veth0, 6, SIZE)
    wait_for_counts(passed(11), "--map", path)
    assert everything(lab) == {(None, "veth0"): "unknown"}
    before = lab.world()
    lab.loader("--clean")
    lab.loader("--dev", "veth0", "--clean")
    assert lab.world() == before and red.attached() == program
    run([STATS, "--dev", "veth0", "--once"], status=NOT_FOUND)

    status = lab.status("veth0", *red.option)
    assert (status["state"], status["hook"]["program"]["id"]) == ("foreign", program)
    lab.loader("--dev", "veth0", "--unload")
    assert red.attached() is None and not pin_dir("veth0").exists()


def test_load_where_an_interface_moved_to_names_who_holds_the_hook(lab, veth0, red):
    outcome = lab.load("veth0")
    move(veth0, red)
    before = lab.world()
    for args in ([], ["--force"], ["--dry-run"]):
        result = lab.loader(*red.option, "--dev", "veth0", *args, status=CONFLICT)
        assert "xdp_pass" in result.err and f"link {outcome['link_id']}" in result.err, result.err
    assert lab.world() == before and red.attached() == outcome["program"]["id"]
    lab.loader("--dev", "veth0", "--unload")
    assert lab.load("veth0", *red.option)["generation"] == 1


def test_reader_of_an_interface_that_moves(lab, veth0, red):
    """It cannot see who feeds the map any more, but the counts go on."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 5, SIZE)
    reader.wait_for_session(5)
    move(veth0, red)
    reader.wait_for(lambda record: record["state"] != "attached")
    send(veth0, 6, SIZE)
    reader.wait_for_session(11)
    lab.loader("--dev", "veth0", "--unload")


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
