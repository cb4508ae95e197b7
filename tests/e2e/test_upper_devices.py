# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A macvlan, bridge, ... above a device: the kernel takes programs on both, if the lower one's came first."""

import re

import pytest

from support import kernel
from support.devices import attached, link_info
from support.maps import dump_counts
from support.namespaces import Namespace
from support.pins import pin_dir
from support.processes import run
from support.programs import CONFLICT, FAILED, LOADER
from support.stacked import stack
from support.stopping import Stopping
from support.traffic import SIZE, send

WORDS = "Cannot attach when an upper device already has a program"
KINDS = ["macvlan", "bridge"]


def commands_of(result):
    """What its hint tells to type."""
    (hint,) = re.findall(r"^hint: (.*)$", result.err, re.MULTILINE)
    return [command.split() for command in re.findall(r"`([^`]*)`", hint)]


def type_in(command):
    run([LOADER if command[0] == "xdp_loader" else command[0], *command[1:]])


@pytest.fixture(name="upper_rule")
def needed_upper_rule(lab):  # pylint: disable=unused-argument
    kernel.need(kernel.upper_rule)


@pytest.mark.usefixtures("upper_rule")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [[], ["--skb-mode"], ["--attach", "link"], ["--dry-run"],
                                     ["--native-mode", "--dry-run"]], ids=" ".join)
def test_lower_device_is_refused(lab, veth0, kind, options):
    """With the kernel's words, the upper device by name, and nothing changed; a dry run knows it, too."""
    upper = stack(kind, veth0.name)
    program = lab.load(upper)["program"]["id"]
    world = lab.world()
    result = lab.loader("--dev", "veth0", *options, status=CONFLICT)
    assert WORDS in result.err and f"'{upper}' (program {program})" in result.err
    assert lab.world() == world


@pytest.mark.usefixtures("upper_rule")
def test_what_runs_above_is_being_changed(lab, veth0, tmp_path):
    """Nobody knows what the change makes of it: nothing that would end it is advised."""
    upper = stack("macvlan", veth0.name)
    lab.load(upper)
    with Stopping(tmp_path / "loader", "renameat", 1, [LOADER, "--dev", upper]) as loader:
        assert loader.stopped()
        result = lab.loader("--dev", "veth0", status=CONFLICT)
    assert WORDS in result.err and "hint" not in result.err


@pytest.mark.usefixtures("upper_rule")
def test_hint_of_our_own_program_above(lab, veth0):
    """Typed as it stands, it makes room, and what the upper device has counted is kept."""
    upper = stack("macvlan", veth0.name)
    program = lab.load(upper, "--action", "drop")["program"]["id"]
    send(veth0._replace(mac=link_info(upper)["address"]), 4, SIZE)
    lab.wait_for_counts(upper, {"XDP_DROP": (4, 4 * SIZE)})
    result = lab.loader("--dev", "veth0", status=CONFLICT)
    (command,) = commands_of(result)
    assert command == ["xdp_loader", "--dev", upper, "--unload", "--keep-maps"]
    type_in(command)
    assert attached(upper) is None
    lab.load("veth0")
    outcome = lab.load(upper, "--action", "drop", "--reuse-maps")
    assert attached(upper) == ("generic", outcome["program"]["id"]) and outcome["program"]["id"] != program
    assert dump_counts(pin_dir(upper) / "xdp_stats_map") == {"XDP_DROP": (4, 4 * SIZE)}
    assert attached("veth0")[0] == "native"


@pytest.mark.usefixtures("upper_rule")
def test_hint_of_a_foreign_program_above(lab, veth0):
    upper = stack("macvlan", veth0.name)
    foreign = lab.foreign_attach(upper, "generic")
    result = lab.loader("--dev", "veth0", "--dry-run", status=CONFLICT)
    assert f"'{upper}' (program {foreign['id']})" in result.err
    (command,) = commands_of(result)
    type_in(command)
    assert attached(upper) is None
    lab.load("veth0")
    run(["bpftool", "net", "attach", "xdpgeneric", "id", foreign["id"], "dev", upper])
    assert attached(upper) == ("generic", foreign["id"])


@pytest.mark.usefixtures("upper_rule")
def test_hint_names_the_namespace(lab):
    red = Namespace(lab, "red")
    red.veth()
    inside = nsenter_net(red)
    run([*inside, "ip", "link", "add", "link", "veth0", "name", "upper0", "type", "macvlan"])
    lab.loader("--netns", "red", "--dev", "upper0")
    result = lab.loader("--netns", "red", "--dev", "veth0", status=CONFLICT)
    (command,) = commands_of(result)
    assert command == ["xdp_loader", "--netns", "red", "--dev", "upper0", "--unload", "--keep-maps"]
    type_in(command)
    lab.loader("--netns", "red", "--dev", "veth0")
    lab.loader("--netns", "red", "--dev", "upper0", "--reuse-maps")
    for dev in ("upper0", "veth0"):
        lab.loader("--netns", "red", "--dev", dev, "--unload")


def nsenter_net(namespace):
    return ("nsenter", f"--net={namespace.path}")


@pytest.mark.usefixtures("upper_rule")
def test_upper_device_of_another_namespace(lab, veth0):
    """A container's: the kernel's rule does not end at the namespace, and neither does the dry run's answer."""
    red = Namespace(lab, "red")
    run(["ip", "link", "add", "link", veth0.name, "name", "upper0", "netns", "red", "type", "macvlan"])
    lab.loader("--netns", "red", "--dev", "upper0")
    for options in ([], ["--dry-run"]):
        result = lab.loader("--dev", "veth0", *options, status=CONFLICT)
        assert WORDS in result.err and "in another network namespace" in result.err
    lab.loader("--netns", "red", "--dev", "upper0", "--unload")
    lab.load("veth0")
    run([*nsenter_net(red), "ip", "link", "delete", "dev", "upper0"])


@pytest.mark.usefixtures("upper_rule")
def test_the_other_end_of_a_pair_is_no_upper_device(lab, veth0):
    """It names the device as its own link, as a macvlan does."""
    peer = lab.load(veth0.peer)["program"]["id"]
    upper = stack("macvlan", veth0.name)
    lab.load(upper)
    result = lab.loader("--dev", "veth0", status=CONFLICT)
    assert f"'{upper}'" in result.err and f"(program {peer})" not in result.err


@pytest.mark.parametrize("kind", KINDS)
def test_lower_device_first(lab, veth0, kind):
    """Both run. The lower one's link can be replaced and ended, as the kernel lets it."""
    upper = stack(kind, veth0.name)
    lab.load("veth0")
    lab.load(upper)
    assert attached("veth0")[0] == "native" and attached(upper)[0] == "generic"
    outcome = lab.load("veth0", "--action", "drop")
    assert attached("veth0") == ("native", outcome["program"]["id"])
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (5, 5 * SIZE)})
    assert lab.loader_json("--dev", "veth0", "--dry-run")[0]["outcome"] == "replaced"
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None


@pytest.mark.usefixtures("upper_rule")
def test_attached_over_netlink_below(lab, veth0):
    """There the kernel lets nothing be replaced or detached any more: the message says so, not that it was lost."""
    upper = stack("macvlan", veth0.name)
    lab.foreign_attach("veth0")
    program = lab.load("veth0", "--force")["program"]["id"]
    lab.load(upper)
    world = lab.world()
    for options in (["--action", "drop"], ["--action", "drop", "--dry-run"], ["--unload"]):
        result = lab.loader("--dev", "veth0", *options, status=CONFLICT)
        assert WORDS in result.err and f"'{upper}'" in result.err
        assert "replaced it in the meantime" not in result.err
        assert lab.world() == world
    (command,) = commands_of(lab.loader("--dev", "veth0", "--unload", status=CONFLICT))
    type_in(command)
    assert attached("veth0") == ("native", program)
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None
    lab.load(upper, "--reuse-maps")


@pytest.mark.parametrize("options", [["--native-mode"], ["--native-mode", "--attach", "link"]], ids=" ".join)
def test_words_of_a_driver_above(lab, veth0, options):
    """A macvlan runs no programs itself."""
    upper = stack("macvlan", veth0.name)
    lab.load("veth0")
    result = lab.loader("--dev", upper, *options, status=FAILED)
    assert "Underlying driver does not support XDP in native mode" in result.err
    assert attached(upper) is None
    lab.load(upper, "--skb-mode")


@pytest.mark.usefixtures("upper_rule")
def test_words_for_a_taken_hook(lab, veth0):
    """Refused by the kernel and not by the loader's own look: as somebody attached meanwhile."""
    upper = stack("macvlan", veth0.name)
    lab.load(upper)
    result = lab.loader("--dev", "veth0", "--run", "--", "true", status=CONFLICT)
    assert WORDS in result.err and f"'{upper}'" in result.err
    assert attached("veth0") is None


def test_verbose_shows_no_question(lab, veth0):
    """What the loader asks the kernel beforehand is always refused, and is no news."""
    result = lab.loader("--dev", "veth0", "--verbose")
    assert "Active program does not match" not in result.out + result.err
