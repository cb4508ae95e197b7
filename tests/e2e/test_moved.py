# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Devices that are renamed, moved or replaced: found by the program that runs on them, and ended where they are."""

import json
import os
import signal

import pytest

from support import kernel
from support.devices import attached, rename, wait_for_carrier
from support.namespaces import move, nsenter, process_in
from support.pins import BPFFS, pin_dir
from support.processes import NOBODY, as_user, run
from support.programs import CONFLICT, NOT_FOUND, copy_for_everyone, object_file
from support.run_command import running
from support.samples import counts_of, passed, wait_for_counts
from support.traffic import SIZE, send


def load(lab, way, *options):
    """On veth0, by a link or by netlink."""
    if way == "netlink":
        lab.foreign_attach("veth0")
        options = [*options, "--force"]
    outcome = lab.load("veth0", *options)
    assert outcome["attach"] == way, outcome
    return outcome


@pytest.mark.parametrize("way", ["link", "netlink"])
def test_moved_to_a_named_namespace(lab, veth0, red, way):
    """--status says where it is, --clean leaves it alone, and --unload ends it there."""
    program = load(lab, way, "--action", "drop")["program"]["id"]
    move(veth0, red)
    assert red.attached() == program
    status = lab.status("veth0")
    assert (status["dev"], status["netns"], status["state"], status["runs_on"]) == (
        "veth0", None, "attached", "red/veth0")
    assert "runs on     red/veth0" in lab.loader("--dev", "veth0", "--status").out
    assert lab.states() == {(None, "veth0"): "attached"}
    there = lab.status("veth0", *red.option)
    assert (there["dev"], there["netns"], there["state"], there["pin_dir"]) == (
        "veth0", "red", "attached", str(pin_dir("veth0")))
    before = lab.world()
    result = lab.loader("--dev", "veth0", status=NOT_FOUND)
    assert "this command with --netns red --dev veth0 loads there" in result.err
    assert "in use" in lab.loader("--dev", "veth0", "--clean").out
    lab.loader("--clean")
    lab.loader("--dev", "veth0", "--unload", "--dry-run")
    assert lab.world() == before and red.attached() == program
    send(veth0, 3, SIZE)
    lab.loader("--dev", "veth0", "--unload")
    assert red.attached() is None and not pin_dir("veth0").exists()


def test_moved_to_where_one_is(lab, red):
    """Who is there need not enter a namespace to find it; and among all devices it is one."""
    kernel.need(kernel.unprivileged_reading)
    veth = red.veth()
    program = lab.load("veth0", *red.option)["program"]["id"]
    run(["ip", "-netns", "red", "link", "set", "dev", "veth0", "netns", str(os.getpid())])
    run(["ip", "link", "set", "dev", "veth0", "arp", "off", "multicast", "off", "up"])
    wait_for_carrier("veth0")
    assert attached("veth0")[1] == program
    send(veth, 5, SIZE)
    wait_for_counts(passed(5), "--dev", "veth0")
    (loader, stats), user = copy_for_everyone(), as_user(NOBODY)
    for prefix in ((), user):
        (status,) = json.loads(run([*prefix, loader, "--json", "--dev", "veth0", "--status"]).out)["devices"]
        assert (status["state"], status["pin_dir"]) == ("attached", str(red.pins / "veth0")), status
        sample = json.loads(run([*prefix, stats, "--dev", "veth0", "--once", "--json"]).out)
        assert (sample["state"], counts_of(sample)) == ("attached", passed(5))
        (listed,) = json.loads(run([*prefix, loader, "--json", "--status"]).out)["devices"]
        assert listed["pin_dir"] == status["pin_dir"]
        # The first column is the device, the last whose name its pins have.
        (row,) = [line for line in run([*prefix, loader, "--status"]).out.splitlines() if "veth0" in line]
        assert row.split()[0] == "veth0" and row.split()[-1] == "red/veth0"
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None and not red.pins.exists()
    run(["ip", "link", "delete", "dev", "veth0"])


@pytest.mark.parametrize("way", ["link", "netlink"])
def test_unload_from_where_it_was_moved_to(lab, veth0, red, way):
    load(lab, way)
    move(veth0, red)
    lab.loader(*red.option, "--dev", "veth0", "--unload")
    assert red.attached() is None and not pin_dir("veth0").exists()


@pytest.mark.parametrize("way", ["link", "netlink"])
def test_load_where_it_was_moved_to(lab, veth0, red, way):
    """It is ours there, too: replaced in place, and the pins stay."""
    load(lab, way)
    move(veth0, red)
    outcome = lab.load("veth0", *red.option, "--reuse-maps", "--action", "drop")
    assert (outcome["outcome"], outcome["generation"], outcome["pin_dir"]) == ("replaced", 2, str(pin_dir("veth0")))
    assert outcome["runs_on"] == "red/veth0"
    assert not red.pins.exists()
    assert lab.status("veth0")["runs_on"] == "red/veth0"
    lab.loader("--dev", "veth0", "--unload")
    assert red.attached() is None


@pytest.mark.parametrize("way", ["link", "netlink"])
def test_moved_to_the_namespace_of_a_process(lab, veth0, way):
    program = load(lab, way)["program"]["id"]
    with process_in("unshare", "--net") as pid:
        run(["ip", "link", "set", "dev", "veth0", "netns", str(pid)])
        inode = os.stat(f"/proc/{pid}/ns/net").st_ino
        status = lab.status("veth0")
        assert (status["state"], status["runs_on"]) == ("attached", f"{inode}/veth0")

        def runs():
            return f"prog/xdp id {program}" in run([*nsenter(pid, "net"), "ip", "-details", "link"]).out

        assert runs()
        lab.loader("--dev", "veth0", "--unload")
        assert not runs() and not pin_dir("veth0").exists()
        run(["ip", "link", "delete", "dev", veth0.peer])  # or it goes when the kernel gets round to it


@pytest.mark.parametrize("way", ["link", "netlink"])
def test_moved_and_renamed(lab, veth0, red, way):
    load(lab, way)
    run(["ip", "link", "set", "dev", "veth0", "netns", "red", "name", "veth9"])
    red.wait_for_carrier("veth9")
    assert (lab.status("veth0")["state"], lab.status("veth0")["runs_on"]) == ("attached", "red/veth9")
    assert lab.status("veth9", *red.option)["state"] == "attached"
    lab.loader("--dev", "veth0", "--unload")
    assert red.attached("veth9") is None


@pytest.mark.parametrize("way", ["link", "netlink"])
@pytest.mark.parametrize("where", ["renamed", "moved"])
def test_a_new_device_with_the_old_name_is_not_it(lab, veth0, red, way, where):
    """What is said and done under the name is of the new one; who loads there is told to end the other program only if
    that may end."""
    program = load(lab, way, "--action", "drop")["program"]["id"]
    if where == "renamed":
        rename(veth0, "veth9")
        place, option = "veth9", ("--dev", "veth9")
    else:
        move(veth0, red)
        place, option = "red/veth0", ("--netns", "red", "--dev", "veth0")
    lab.veth("veth0", peer="p-other")
    before = lab.world()
    status = lab.status("veth0")
    assert (status["state"], status["runs_on"], status["hook"], status["maps"]) == ("none", None, None, [])
    assert any(place in note and " ".join(option) in note for note in status["notes"]), status
    unload = f"`xdp_loader {' '.join(option)} --unload` unloads it there"
    room = {"renamed": "a load on 'veth9' moves its pins to that name; ", "moved": ""}[where]
    room += f"--bpffs DIR pins elsewhere; only if that program may end: {unload}"
    for verb, hint in (([], room), (["--force"], room), (["--dry-run"], room), (["--run", "--", "true"], room),
                       (["--unload"], unload), (["--unload", "--keep-maps"], unload)):
        result = lab.loader("--dev", "veth0", *verb, status=CONFLICT)
        assert result.err.splitlines()[-1] == f"hint: {hint}", (verb, result.err)
    assert place in lab.loader("--dev", "veth0", "--clean").out
    lab.loader("--clean")
    assert lab.world() == before
    assert lab.status(option[-1], *option[:-2])["program"]["id"] == program
    lab.loader(*option, "--unload")
    assert not pin_dir("veth0").exists()
    assert lab.load("veth0")["generation"] == 1


def test_deleted_and_recreated(lab, veth0):
    load(lab, "netlink")
    run(["ip", "link", "delete", "dev", "veth0"])
    assert lab.status("veth0")["state"] == "orphaned"
    lab.veth("veth0", peer="p-other")
    assert lab.status("veth0")["state"] == "orphaned"
    assert lab.load("veth0", "--reuse-maps")["generation"] == 2


def test_the_same_program_on_another_device_is_not_ours(lab, veth0):
    """Attached there by somebody: unloading ours leaves that."""
    lab.veth("veth1")
    program = load(lab, "link")["program"]["id"]
    run(["bpftool", "net", "attach", "xdpdrv", "id", str(program), "dev", "veth1"])
    lab.cleanups.append(lambda: run(["ip", "link", "set", "dev", "veth1", "xdpdrv", "off"]))
    assert lab.status("veth1")["state"] == "foreign"
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None and attached("veth1") == ("native", program)


def test_another_program_that_counts_into_the_pinned_map(lab, veth0):
    """It is foreign, not stale: the counts go on."""
    lab.load("veth0", "--attach", "link")
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    path = BPFFS / "other"
    map_pin = pin_dir("veth0") / "xdp_stats_map"
    run(["bpftool", "prog", "load", object_file("own"), path, "type", "xdp", "map", "name", "xdp_stats_map",
         "pinned", map_pin])
    lab.cleanups.append(lambda: path.unlink(missing_ok=True))
    run(["bpftool", "net", "attach", "xdpdrv", "pinned", path, "dev", "veth0"])
    lab.cleanups.append(lambda: run(["ip", "link", "set", "dev", "veth0", "xdpdrv", "off"]))
    status = lab.status("veth0")
    assert status["state"] == "foreign"
    assert any("counts into the pinned map" in note for note in status["notes"]), status
    (outcome,) = lab.loader_json("--clean")
    assert outcome["removed"] == [] and outcome["reason"].startswith("the pins are in use"), outcome
    assert map_pin.exists()


def test_the_end_of_a_run_whose_device_has_moved(lab, veth0, red):
    command = running(lab, "--dev", "veth0", "--action", "drop")
    move(veth0, red)
    assert red.attached() is not None
    os.kill(command.command_pid, signal.SIGTERM)
    command.wait(128 + signal.SIGTERM)
    assert red.attached() is None and not pin_dir("veth0").exists()
