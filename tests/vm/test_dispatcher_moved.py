# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""libxdp's dispatcher on a device that moved, or taken off behind our back; libxdp keeps its pins by the ifindex."""

import os
import re
import signal

import pytest

from support.components import ForeignComponent, components
from support.devices import attached, link_info
from support.namespaces import move
from support.pins import BPFFS, pin_dir
from support.processes import run
from support.programs import CONFLICT
from support.run_command import running
from support.traffic import SIZE, send


def move_with_another_index(veth, namespace):
    """Its own is taken there."""
    namespace.lab.cleanups.append(
        lambda: run(["ip", "-netns", namespace.name, "link", "delete", "dev", "taken"]))
    index = link_info(veth.name)["ifindex"]
    run(["ip", "-netns", namespace.name, "link", "add", "name", "taken", "index", str(index), "type", "veth", "peer",
         "name", "p-taken"])
    move(veth, namespace)
    assert namespace.link_info(veth.name)["ifindex"] != index


def libxdp_pins():
    root = BPFFS / "xdp"
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


@pytest.mark.parametrize("mover", [move, move_with_another_index])
def test_ours_alone_is_found_and_ended(lab, veth0, red, mover):
    assert lab.load("veth0", "--action", "drop")["attach"] == "dispatcher"
    mover(veth0, red)
    status = lab.status("veth0")
    assert (status["state"], status["runs_on"]) == ("attached", "red/veth0")
    assert lab.status("veth0", *red.option)["state"] == "attached"
    send(veth0, 4, SIZE)
    before = lab.world()
    assert "in use" in lab.loader("--dev", "veth0", "--clean").out
    assert lab.world() == before
    lab.loader("--dev", "veth0", "--unload")
    assert red.attached() is None and not pin_dir("veth0").exists() and libxdp_pins() == []


def test_others_go_on(lab, veth0, red):
    foreign = ForeignComponent(lab, veth0, "foreign_early")
    lab.cleanups.remove(foreign.unload)
    lab.load("veth0")
    move(veth0, red)
    lab.loader("--dev", "veth0", "--unload")
    assert not pin_dir("veth0").exists()
    (component,) = lab.status("veth0", *red.option)["hook"]["components"]
    assert component["id"] == foreign.id
    send(veth0, 5, SIZE)
    run(["nsenter", "--net=/run/netns/red", "xdp-loader", "unload", "veth0", "--all"])


def test_what_libxdp_cannot_change_is_refused(lab, veth0, red):
    """Others share it, and the interface has another index: nothing is removed, and the hint's command ends it."""
    foreign = ForeignComponent(lab, veth0, "foreign_early")
    lab.cleanups.remove(foreign.unload)
    lab.load("veth0")
    move_with_another_index(veth0, red)
    before = lab.world()
    for option in (["--dev", "veth0"], [*red.option, "--dev", "veth0"]):
        result = lab.loader(*option, "--unload", status=CONFLICT)
        assert "libxdp cannot change it" in result.err
    result = lab.loader(*red.option, "--dev", "veth0", status=CONFLICT)
    assert lab.world() == before
    hint = lab.loader("--dev", "veth0", "--unload", status=CONFLICT).err
    (words,) = re.findall("`xdp_loader (--netns red --dev veth0 --unload [0-9]+)`", hint)
    lab.loader(*words.split())
    assert red.attached() is None
    outcome = lab.loader("--dev", "veth0", "--unload").out
    (command,) = re.findall("`(rm -r [^`]+)`", outcome)
    run(command.split())
    assert libxdp_pins() == [] and not pin_dir("veth0").exists()


def test_the_end_of_a_run(lab, veth0, red):
    foreign = ForeignComponent(lab, veth0, "foreign_early")
    lab.cleanups.remove(foreign.unload)
    command = running(lab, "--dev", "veth0", "--action", "drop")
    move(veth0, red)
    os.kill(command.command_pid, signal.SIGTERM)
    command.wait(128 + signal.SIGTERM)
    assert not pin_dir("veth0").exists()
    (component,) = lab.status("veth0", *red.option)["hook"]["components"]
    assert component["id"] == foreign.id
    run(["nsenter", "--net=/run/netns/red", "xdp-loader", "unload", "veth0", "--all"])


def test_what_a_killed_run_left(lab, veth0, red):
    foreign = ForeignComponent(lab, veth0, "foreign_early")
    lab.cleanups.remove(foreign.unload)
    command = running(lab, "--dev", "veth0", "--action", "drop")
    command.popen.kill()
    command.wait(-signal.SIGKILL)
    move(veth0, red)
    assert "killed" in lab.loader("--dev", "veth0", "--status").out
    lab.loader("--dev", "veth0", "--clean")
    assert not pin_dir("veth0").exists()
    (component,) = lab.status("veth0", *red.option)["hook"]["components"]
    assert component["id"] == foreign.id
    run(["nsenter", "--net=/run/netns/red", "xdp-loader", "unload", "veth0", "--all"])


@pytest.mark.parametrize("verb", [["--unload"], ["--clean"], []])
def test_taken_off_behind_our_back(lab, veth0, verb):
    """libxdp's pins of it, which nobody else removes, go with the next command."""
    lab.load("veth0")
    (left,) = libxdp_pins()
    run(["ip", "link", "set", "dev", "veth0", "xdp", "off"])
    status = lab.status("veth0")
    assert status["state"] == "detached"
    assert any(left in note for note in status["notes"]), status
    assert libxdp_pins() == [left]
    lab.loader("--dev", "veth0", *verb)
    assert left not in libxdp_pins()
    assert (attached("veth0") is None) == bool(verb)


def test_taken_off_with_the_program_of_somebody_else(lab, veth0):
    """Its owner may want it: it is named, with the command that removes it."""
    foreign = ForeignComponent(lab, veth0, "foreign_early")
    lab.cleanups.remove(foreign.unload)
    lab.load("veth0")
    run(["ip", "link", "set", "dev", "veth0", "xdp", "off"])
    (left,) = libxdp_pins()
    text = lab.loader("--dev", "veth0", "--unload").out
    assert libxdp_pins() == [left]
    run(re.findall("`(rm -r [^`]+)`", text)[0].split())
    assert libxdp_pins() == []


def test_device_is_deleted(lab, veth0):
    lab.load("veth0")
    run(["ip", "link", "delete", "dev", "veth0"])
    assert lab.status("veth0")["state"] == "orphaned"
    lab.loader("--clean")
    assert libxdp_pins() == [] and not pin_dir("veth0").exists()


def test_looks_leave_no_descriptor(lab, veth0):
    """The reader looks again at every dispatcher that takes the place of one."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    reader.wait_for(lambda sample: sample["state"] == "attached" and sample["generation"] == 1)

    def descriptors():
        return len(os.listdir(f"/proc/{reader.popen.pid}/fd"))

    counts = []
    for generation in range(2, 12):
        lab.load("veth0")
        reader.wait_for(lambda sample, now=generation: sample["state"] == "attached" and sample["generation"] == now)
        counts.append(descriptors())
    assert counts[-1] == counts[0], counts
    assert components(lab, "veth0") == ["xdp_pass"]
