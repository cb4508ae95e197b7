# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Devices on top of each other, where bonds, VLANs and dispatchers are."""

import re

import pytest

from support import kernel
from support.components import components
from support.devices import attached, wait_for_carrier
from support.processes import run
from support.programs import CONFLICT, FAILED, LOADER, MODES
from support.stacked import stack
from support.traffic import SIZE, send

WORDS = "Cannot attach when an upper device already has a program"


def type_in_first(result):
    words = re.findall(r"^hint: `([^`]*)`", result.err, re.MULTILINE)[0].split()
    assert words[0] == "xdp_loader"
    run([LOADER, *words[1:]])


def bond(lab):
    slaves = [lab.veth("veth0"), lab.veth("veth1")]
    stack("bond", [slave.name for slave in slaves], "bonded", "mode", "active-backup")
    wait_for_carrier("bonded", *[slave.name for slave in slaves])
    return slaves[0]


@pytest.mark.parametrize("way", ["link", "dispatcher"])
def test_slave_of_a_bond_with_a_program(lab, way):
    kernel.need(kernel.bonds)
    bond(lab)
    program = attached_id(lab.load("bonded", "--native-mode", "--attach", way), "bonded")
    for options in ([], ["--dry-run"], ["--attach", "link"], ["--skb-mode"]):
        world = lab.world()
        result = lab.loader("--dev", "veth0", *options, status=CONFLICT)
        assert WORDS in result.err and f"'bonded' (program {program})" in result.err
        assert lab.world() == world


def attached_id(outcome, dev):
    """Of what is on the hook, which may be the dispatcher."""
    assert outcome["mode"] == attached(dev)[0]
    return attached(dev)[1]


@pytest.mark.parametrize("way", ["link", "dispatcher"])
def test_bond_whose_slave_has_a_program(lab, way):
    """The driver refuses, and does not say which slave it is."""
    kernel.need(kernel.bonds)
    bond(lab)
    program = attached_id(lab.load("veth1"), "veth1")
    result = lab.loader("--dev", "bonded", "--native-mode", "--attach", way, status=FAILED)
    assert "Slave has XDP program loaded" in result.err and f"'veth1' (program {program})" in result.err
    assert attached("bonded") is None
    outcome = lab.load("bonded", "--attach", way)
    assert outcome["mode"] == "generic" and "'veth1'" in " ".join(outcome["notes"])


def test_vlan_above(lab, veth0):
    kernel.need(kernel.upper_rule)
    upper = stack("vlan", veth0.name, "upper0", "id", "5")
    program = attached_id(lab.load(upper, "--attach", "link"), upper)
    result = lab.loader("--dev", "veth0", status=CONFLICT)
    assert WORDS in result.err and f"'{upper}' (program {program})" in result.err
    type_in_first(result)
    lab.load("veth0")
    lab.load(upper, "--reuse-maps", "--attach", "link")


@pytest.mark.parametrize("mode", MODES)
def test_dispatcher_below(lab, veth0, mode):
    """Every change of a dispatcher is a replacement over netlink: refused before anything happens."""
    kernel.need(kernel.upper_rule)
    upper = stack("macvlan", veth0.name)
    lab.load("veth0", MODES[mode], "--attach", "dispatcher")
    lab.load(upper, "--attach", "link")
    world = lab.world()
    for options in (["--action", "drop"], ["--action", "drop", "--dry-run"], ["--unload"], ["--attach", "link"]):
        result = lab.loader("--dev", "veth0", *options, status=CONFLICT)
        assert WORDS in result.err and f"'{upper}'" in result.err, (options, result.err)
        assert lab.world() == world
        assert components(lab, "veth0") == ["xdp_pass"]
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 5 * SIZE)})
    type_in_first(lab.loader("--dev", "veth0", "--unload", status=CONFLICT))
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None
    lab.load(upper, "--attach", "link", "--reuse-maps")


def test_link_below_does_not_move_into_a_dispatcher(lab, veth0):
    """It would have been detached, and neither could be attached then."""
    kernel.need(kernel.upper_rule)
    upper = stack("macvlan", veth0.name)
    program = lab.load("veth0", "--attach", "link")["program"]["id"]
    lab.load(upper, "--attach", "link")
    result = lab.loader("--dev", "veth0", "--attach", "dispatcher", status=CONFLICT)
    assert WORDS in result.err and f"'{upper}'" in result.err
    assert attached("veth0") == ("native", program)
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 5 * SIZE)})
    lab.load("veth0", "--action", "drop")
