# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Readers of a device whose program is in libxdp's dispatcher, when it is moved, renamed or deleted."""

import pytest

from support import kernel
from support.moves import ALL, AWAY, remove_what_is_left
from support.processes import NOBODY, as_user
from support.programs import copy_for_everyone
from support.samples import read
from support.traffic import SIZE, send


@pytest.mark.parametrize("change", ALL)
def test_with_privileges(lab, netns, veth0, change):
    assert lab.load("veth0")["attach"] == "dispatcher"
    running = lab.reading("--dev", "veth0")
    with change(lab, netns, veth0) as (place, _):
        expected = ("attached" if place else "detached", place)
        sample = running.wait_for(lambda sample: (sample["state"], sample["runs_on"]) != ("attached", None))
        assert (sample["state"], sample["runs_on"]) == expected
        if place:
            send(veth0, 7, SIZE)
            running.wait_for_session(7)
        running.stop()
        fresh = lab.once("veth0")
        assert (fresh["state"], fresh["runs_on"]) == expected
    remove_what_is_left(lab, veth0)


@pytest.mark.parametrize("change", ALL)
def test_as_an_ordinary_user(lab, netns, veth0, change):
    """Who may not read the dispatcher knows nothing but that the device is gone."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    nobody = {"prefix": as_user(NOBODY), "program": copy_for_everyone()[1]}
    running = lab.reading("--dev", "veth0", **nobody)
    with change(lab, netns, veth0) as (place, destination):
        if place is None:
            running.wait_for(lambda sample: sample["state"] == "detached")
        if change in AWAY:
            running.wait_for_message(f"the device was moved to {destination}; ")
        running.stop()
        states = {sample["state"] for sample in running.samples()}
        assert states == ({"unknown", "detached"} if place is None else {"unknown"})
        assert read("--dev", "veth0", **nobody)["state"] == "unknown"
    remove_what_is_left(lab, veth0)
