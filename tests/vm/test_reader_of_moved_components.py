# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Readers of a device whose program is in libxdp's dispatcher, when it is moved, renamed or deleted."""

import pytest

from support import kernel
from support.places import AWAY, MOVES, destination, device_with_our_program, place_of
from support.processes import NOBODY, as_user
from support.programs import copy_for_everyone
from support.samples import read


@pytest.fixture(name="device")
def loaded_device(lab):
    with device_with_our_program(lab, "dispatcher") as device:
        device.load()
        yield device


@pytest.mark.parametrize("change", MOVES)
def test_with_privileges(lab, device, change):
    running = lab.reading("--dev", "veth0")
    change(device)
    place = place_of(device)
    expected = ("attached" if place else "detached", place)
    sample = running.wait_for(lambda sample: (sample["state"], sample["runs_on"]) != ("attached", None))
    assert (sample["state"], sample["runs_on"]) == expected
    if place:
        device.send(7)
        running.wait_for_session(7)
    running.stop()
    fresh = lab.once("veth0")
    assert (fresh["state"], fresh["runs_on"]) == expected


@pytest.mark.parametrize("change", MOVES)
def test_as_an_ordinary_user(lab, device, change):
    """Who may not read the dispatcher knows nothing but that the device is gone."""
    kernel.need(kernel.unprivileged_reading)
    nobody = {"prefix": as_user(NOBODY), "program": copy_for_everyone()[1]}
    running = lab.reading("--dev", "veth0", **nobody)
    change(device)
    place = place_of(device)
    if place is None:
        running.wait_for(lambda sample: sample["state"] == "detached")
    if change in AWAY:
        running.wait_for_message(f"the device was moved to {destination(device)}; ")
    running.stop()
    states = {sample["state"] for sample in running.samples()}
    assert states == ({"unknown", "detached"} if place is None else {"unknown"})
    assert read("--dev", "veth0", **nobody)["state"] == "unknown"
