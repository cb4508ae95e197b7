# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Where frames are redirected to, and whether they can arrive: told at the load and by --status."""

import contextlib
import re

import pytest

from support import kernel
from support.devices import link_info, wait_for_carrier
from support.namespaces import Namespace, process_in
from support.pins import pin_dir
from support.processes import run
from support.programs import LOADER
from support.traffic import SIZE, Capture, send

REDIRECT = ("--action", "redirect", "--redirect-to")
IN_DISPATCHERS_TOO = True


def gro(dev, setting):
    run(["ethtool", "--offload", dev, "gro", setting])


def type_in(note, commands=1):
    """What it says, in its order. Returns the options that name the devices on which that has loaded a program."""
    found = [command.split() for command in re.findall(r"`([^`]*)`", note)]
    assert len(found) == commands, note
    for words in found:
        run([LOADER if words[0] == "xdp_loader" else words[0], *words[1:]])
    return [words[1:-1] for words in found if words[0] == "xdp_loader"]


def target_of(outcome):
    """Of the outcome's redirect: (device, note), the rest of it checked."""
    redirect = outcome["redirect"]
    assert redirect["netns"] == (outcome["netns"] if redirect["dev"] else None)
    assert redirect["note"] != ""
    return redirect["dev"], redirect["note"]


def arrives(veth, target):
    with Capture(target.peer) as capture:
        send(veth, 3, SIZE)
        return len(capture.frames(3)) == 3 and capture.nothing_more()


def test_target_that_takes_frames(lab, veth0):
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    outcome = lab.load("veth0", *REDIRECT, "out0")
    expected = {"dev": "out0", "netns": None, "ifindex": link_info("out0")["ifindex"], "note": None}
    assert outcome["redirect"] == expected == lab.status("veth0")["redirect"]
    assert f"  redirect    to out0 (ifindex {expected['ifindex']})\n" in lab.loader("--dev", "veth0", "--status").out
    assert arrives(veth0, target)


@pytest.mark.parametrize("option", ["--dry-run", None])
def test_no_redirect(lab, veth0, option):
    arguments = [option] if option else []
    assert lab.load("veth0", "--action", "drop", *arguments)["redirect"] is None
    assert lab.status("veth0")["redirect"] is None


def test_another_target(lab, veth0):
    """The map is new, or kept: the target of the load is what is told."""
    for name in ("out0", "out1"):
        lab.let_redirects_arrive(lab.veth(name))
    for name, options in (("out0", []), ("out1", []), ("out0", ["--reuse-maps"]), ("out1", ["--reuse-maps"])):
        assert target_of(lab.load("veth0", *REDIRECT, name, *options)) == (name, None)
        assert target_of(lab.status("veth0")) == (name, None)
    assert target_of(lab.loader_json("--dev", "veth0", *REDIRECT, "out0", "--dry-run")[0]) == ("out0", None)
    assert target_of(lab.status("veth0")) == ("out1", None)
    lab.load("veth0")
    assert lab.status("veth0")["redirect"] is None


def test_renamed_target(lab, veth0):
    lab.let_redirects_arrive(lab.veth("out0"))
    lab.load("veth0", *REDIRECT, "out0")
    run(["ip", "link", "set", "dev", "out0", "down"])
    run(["ip", "link", "set", "dev", "out0", "name", "away0"])
    run(["ip", "link", "set", "dev", "away0", "up"])
    wait_for_carrier("away0")
    assert target_of(lab.status("veth0")) == ("away0", None)


@pytest.mark.parametrize("end", ["out0", "p-out0"])
@pytest.mark.parametrize("mode", ["--native-mode", "--skb-mode"])
def test_target_that_is_down(lab, veth0, end, mode):
    """Or its other end is. What the note says, typed as it stands, mends it."""
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    run(["ip", "link", "set", "dev", end, "down"])
    dev, note = target_of(lab.load("veth0", mode, *REDIRECT, "out0"))
    assert dev == "out0" and f"'{end}' is down" in note
    assert target_of(lab.status("veth0")) == (dev, note)
    assert f"  note        {note}\n" in lab.loader("--dev", "veth0", "--status").out
    type_in(note)
    wait_for_carrier("out0", "p-out0")
    assert target_of(lab.status("veth0")) == ("out0", None)
    assert arrives(veth0, target)


def test_veth_whose_other_end_takes_no_frames(lab, veth0):
    target = lab.veth("out0")
    gro(target.peer, "off")
    dev, note = target_of(lab.load("veth0", *REDIRECT, "out0"))
    assert dev == "out0" and f"'{target.peer}'" in note and "native mode" in note
    assert target_of(lab.status("veth0")) == (dev, note)
    with Capture(target.peer) as capture:
        send(veth0, 5, SIZE)
        lab.wait_for_counts("veth0", {"XDP_REDIRECT": (5, 5 * SIZE)})
        assert capture.nothing_more()  # as the note says
    type_in(note)
    assert target_of(lab.status("veth0")) == ("out0", None)
    assert arrives(veth0, target)


@pytest.mark.parametrize("end", ["out0", "p-out0"])
def test_all_that_is_in_the_way(lab, veth0, end):
    """Who mends the one is not to find the other afterwards."""
    target = lab.veth("out0")
    gro(target.peer, "off")
    run(["ip", "link", "set", "dev", end, "down"])
    dev, note = target_of(lab.load("veth0", *REDIRECT, "out0"))
    assert dev == "out0" and f"'{end}' is down" in note and "'out0' takes no frames" in note
    assert target_of(lab.status("veth0")) == (dev, note)
    type_in(note, commands=2)
    wait_for_carrier("out0", "p-out0")
    assert target_of(lab.status("veth0")) == ("out0", None)
    assert arrives(veth0, target)


@pytest.mark.parametrize("broken", ["down", "takes no frames"])
@pytest.mark.parametrize("there", ["a name", "a process"])
def test_other_end_in_another_namespace(lab, veth0, red, broken, there):
    """The command is for there."""
    with contextlib.ExitStack() as stack:
        if there == "a name":
            netns, pid = "red", red.name
        else:
            pid = stack.enter_context(process_in("unshare", "--net"))
            netns = f"/proc/{pid}/ns/net"
        inside = ["nsenter", f"--net={netns if '/' in netns else red.path}"]
        lab.veth("out0")
        run(["ip", "link", "set", "dev", "p-out0", "netns", pid])
        run([*inside, "ip", "link", "set", "dev", "p-out0", "up"])
        run([*inside, "ethtool", "--offload", "p-out0", "gro", "on" if broken == "down" else "off"])
        if broken == "down":
            run([*inside, "ip", "link", "set", "dev", "p-out0", "down"])
        else:
            wait_for_carrier("out0")
        _, note = target_of(lab.load("veth0", *REDIRECT, "out0"))
        assert broken in note
        # Before 5.13 a program is what it takes, whether GRO is on or not.
        both = broken == "down" and "takes no frames" in note
        assert not (both and "GRO" in note)
        loaded = type_in(note, commands=2 if both else 1)
        wait_for_carrier("out0")
        assert target_of(lab.status("veth0")) == ("out0", None)
        for device in loaded:
            lab.loader(*device, "--unload")
        lab.delete(veth0._replace(name="out0"))


def test_device_below_that_is_down(lab, veth0):
    """A macvlan has no carrier then; so it is where the other end of the one below is down."""
    run(["ip", "link", "add", "link", lab.veth("out0").name, "name", "upper0", "type", "macvlan"])
    run(["ip", "link", "set", "dev", "upper0", "arp", "off", "multicast", "off", "up"])
    for down in ("out0", "p-out0"):
        run(["ip", "link", "set", "dev", down, "down"])
        _, note = target_of(lab.load("veth0", "--skb-mode", *REDIRECT, "upper0"))
        assert f"'upper0' has no carrier: '{down}' is down" in note
        type_in(note)
        wait_for_carrier("upper0")
        assert target_of(lab.status("veth0")) == ("upper0", None)


def test_a_program_at_the_other_end(lab, veth0):
    """In native mode it lets veth take frames; in generic mode it does not."""
    target = lab.veth("out0")
    gro(target.peer, "off")
    lab.load("veth0", *REDIRECT, "out0")
    lab.load(target.peer, "--skb-mode")
    assert "takes no frames" in target_of(lab.status("veth0"))[1]
    lab.loader("--dev", target.peer, "--unload")
    lab.load(target.peer)
    assert target_of(lab.status("veth0")) == ("out0", None)
    assert arrives(veth0, target)


def test_generic_mode_needs_nothing_of_the_target(lab, veth0):
    target = lab.veth("out0")
    gro(target.peer, "off")
    assert target_of(lab.load("veth0", "--skb-mode", *REDIRECT, "out0")) == ("out0", None)
    assert target_of(lab.status("veth0")) == ("out0", None)
    assert arrives(veth0, target)


@pytest.mark.parametrize("gone", ["deleted", "moved"])
def test_target_that_is_gone(lab, veth0, gone):
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    lab.load("veth0", *REDIRECT, "out0")
    lab.loader("--dev", target.peer, "--unload")
    if gone == "moved":
        red = Namespace(lab, "red")
        run(["ip", "link", "set", "dev", "out0", "netns", "red"])
        lab.cleanups.append(lambda: run(["ip", "-netns", red.name, "link", "delete", "dev", "out0"]))
    else:
        lab.delete(target)
    dev, note = target_of(lab.status("veth0"))
    assert dev is None and "XDP_ABORTED" in note
    send(veth0, 4, SIZE)
    lab.wait_for_counts("veth0", {"XDP_ABORTED": (4, 4 * SIZE)})


@pytest.mark.parametrize("stranger", [True, False])
@pytest.mark.parametrize("gone", [False, True])
def test_interface_that_was_moved(lab, veth0, red, gone, stranger):
    """It redirects to where it did: no device of its new namespace is meant, whatever that has of this index."""
    target = lab.veth("out0")
    index = link_info("out0")["ifindex"]
    lab.load("veth0", *REDIRECT, "out0")
    run(["ip", "link", "set", "dev", "veth0", "netns", "red"])
    if stranger:
        run(["ip", "-netns", "red", "link", "add", "name", "strange0", "index", index, "type", "veth"])
        lab.cleanups.append(lambda: run(["ip", "-netns", "red", "link", "delete", "dev", "strange0"]))
    if gone:
        lab.delete(target)
    (moved,) = lab.loader_json("--dev", "red/veth0", "--status")
    assert moved["redirect"]["dev"] is None and moved["redirect"]["ifindex"] == (None if gone else index)
    assert ("XDP_ABORTED" in moved["redirect"]["note"]) == gone
    words = lab.loader("--dev", "red/veth0", "--status").out
    assert "strange0" not in words and "out0" not in words
    assert (f"  redirect    to ifindex {index}\n" in words) == (not gone)
    # By the name of its pins, the namespace is the one of the load.
    assert lab.status("veth0")["redirect"]["dev"] == (None if gone else "out0")
    lab.loader("--dev", "red/veth0", "--unload")


def test_quiet_load_says_it_all_the_same(lab, veth0):
    target = lab.veth("out0")
    run(["ip", "link", "set", "dev", "out0", "down"])
    quiet = ("--dev", "veth0", *REDIRECT, "out0", "--quiet")
    assert "veth0: 'out0' is down" in lab.loader(*quiet).err
    run(["ip", "link", "set", "dev", "out0", "up"])
    wait_for_carrier("out0")
    lab.let_redirects_arrive(target)
    assert lab.loader(*quiet).err == ""


def test_in_a_namespace(lab):
    """The target is there, and so is what the note tells to type."""
    red = Namespace(lab, "red")
    red.veth()
    red.veth("out0")
    run(["ip", "-netns", "red", "link", "set", "dev", "out0", "down"])
    load = ("--netns", "red", "--dev", "veth0")
    (outcome,) = lab.loader_json(*load, *REDIRECT, "out0")
    dev, note = target_of(outcome)
    assert dev == "out0" and outcome["redirect"]["netns"] == "red"
    # Its other end is here.
    assert "`ip -n red link set dev out0 up`" in note and "its other end in another network namespace" in note
    assert "  redirect    to red/out0 (ifindex " in lab.loader(*load, "--status").out
    loaded = type_in(note, commands=2)
    red.wait_for_carrier("out0")
    assert target_of(lab.loader_json(*load, "--status")[0]) == ("out0", None)
    for device in loaded:
        lab.loader(*device, "--unload")
    gro("p-red-out0", "off")
    assert "takes no frames" in target_of(lab.loader_json(*load, "--status")[0])[1]
    lab.load("p-red-out0")
    assert target_of(lab.loader_json(*load, "--status")[0]) == ("out0", None)
    # The same by all devices at once.
    assert {outcome["dev"]: outcome["redirect"] and outcome["redirect"]["dev"]
            for outcome in lab.loader_json("--status")} == {"veth0": "out0", "p-red-out0": None}
    lab.loader(*load, "--unload")


def test_target_whose_driver_takes_no_frames(lab, veth0):
    """A macvlan: its driver has no way to transmit what a program hands over. Before 6.3 no kernel says so."""
    kernel.need(kernel.driver_features)
    run(["ip", "link", "add", "link", veth0.peer, "name", "upper0", "type", "macvlan"])
    run(["ip", "link", "set", "dev", "upper0", "arp", "off", "multicast", "off", "up"])
    _, note = target_of(lab.load("veth0", *REDIRECT, "upper0"))
    assert "'upper0' takes no frames" in note and "NDO_XMIT" in note
    lab.loader("--dev", "veth0", "--unload")
    assert target_of(lab.load("veth0", "--skb-mode", *REDIRECT, "upper0")) == ("upper0", None)


def test_run_tells_the_target(lab, veth0):
    lab.veth("out0")
    run(["ip", "link", "set", "dev", "out0", "down"])
    result = lab.loader("--dev", "veth0", *REDIRECT, "out0", "--run", "--", "true")
    assert "'out0' is down" in result.err
    assert not pin_dir("veth0").exists()
