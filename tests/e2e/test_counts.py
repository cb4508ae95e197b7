# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""N frames sent are N frames and exactly N x size bytes counted, for every verdict in every mode."""

import pytest

from support import kernel
from support.devices import attached, mac_bytes
from support.maps import ACTIONS
from support.programs import MODES, object_file
from support.traffic import FULL_FRAME, Capture, send

VERDICTS = {
    "aborted": "XDP_ABORTED",
    "drop": "XDP_DROP",
    "pass": "XDP_PASS",
    "tx": "XDP_TX",
    "redirect": "XDP_REDIRECT",
}
every_verdict = pytest.mark.parametrize("verdict", VERDICTS)
every_mode = pytest.mark.parametrize("mode", MODES)


def need_frags(mode, mtu):
    if mode == "native" and mtu > 1500:
        kernel.need(kernel.frags)


def load(lab, verdict, mode, mtu=1500):
    """The device under test and, for `redirect`, the device that the frames go out of."""
    veth = lab.veth("veth0", mtu=mtu)
    target = lab.veth("out0", mtu=mtu) if verdict == "redirect" else None
    options = ["--redirect-to", target.name] if target else []
    outcome = lab.load(veth.name, "--action", verdict, MODES[mode], *options)
    assert outcome["mode"] == mode
    assert attached(veth.name) == (mode, outcome["program"]["id"])
    return veth, target, outcome


@every_mode
@every_verdict
def test_sizes(lab, verdict, mode):
    veth, _, outcome = load(lab, verdict, mode)
    assert outcome["program"]["name"].removesuffix("_frags") == f"xdp_{verdict}"
    sent = {14: 101, 60: 997, 333: 500, FULL_FRAME: 211}
    for size, count in sent.items():
        send(veth, count, size)
    expected = (sum(sent.values()), sum(size * count for size, count in sent.items()))
    lab.wait_for_counts(veth.name, {VERDICTS[verdict]: expected})


@every_mode
@every_verdict
def test_jumbo(lab, verdict, mode):
    need_frags(mode, 9000)
    veth, _, _ = load(lab, verdict, mode, mtu=9000)
    send(veth, 503, 8000)
    send(veth, 7, 9014)
    lab.wait_for_counts(veth.name, {VERDICTS[verdict]: (510, 503 * 8000 + 7 * 9014)})


@every_mode
def test_jumbo_own_program(lab, mode):
    need_frags(mode, 9000)
    veth = lab.veth("veth0", mtu=9000)
    lab.load(veth.name, "--filename", object_file("own"), MODES[mode])
    send(veth, 300, 8000)
    lab.wait_for_counts(veth.name, {"XDP_PASS": (300, 300 * 8000)})


@every_mode
@pytest.mark.parametrize("mtu, size", [(1500, 200), (9000, 8000)])
def test_tx_comes_back_with_swapped_addresses(lab, mode, mtu, size):
    need_frags(mode, mtu)
    veth, _, _ = load(lab, "tx", mode, mtu)
    lab.load(veth.peer)  # veth delivers a native XDP_TX only to an end with a program of its own
    with Capture(veth.peer) as capture:
        send(veth, 50, size)
        frames = capture.frames(50)
    assert {frame[:12] for frame in frames} == {mac_bytes(veth.peer_mac) + mac_bytes(veth.mac)}
    assert {len(frame) for frame in frames} == {size}
    lab.wait_for_counts(veth.name, {"XDP_TX": (50, 50 * size)})
    lab.wait_for_counts(veth.peer, {"XDP_PASS": (50, 50 * size)})


@every_mode
@pytest.mark.parametrize("mtu, size", [(1500, 200), (9000, 8000)])
def test_redirect_arrives(lab, mode, mtu, size):
    if mode == "native" and mtu > 1500:
        kernel.need(kernel.frags_redirect)
    veth, target, _ = load(lab, "redirect", mode, mtu)
    lab.let_redirects_arrive(target)
    with Capture(target.peer) as capture:
        send(veth, 50, size)
        frames = capture.frames(50)
    assert {frame[:12] for frame in frames} == {mac_bytes(veth.mac) + mac_bytes(veth.peer_mac)}
    assert {len(frame) for frame in frames} == {size}
    lab.wait_for_counts(veth.name, {"XDP_REDIRECT": (50, 50 * size)})


@every_mode
@pytest.mark.parametrize("verdict, arrive", [("pass", True), ("drop", False), ("aborted", False)])
def test_only_passed_frames_arrive(lab, verdict, arrive, mode):
    veth, _, _ = load(lab, verdict, mode)
    with Capture(veth.name) as capture:
        send(veth, 50, 200)
        lab.wait_for_counts(veth.name, {VERDICTS[verdict]: (50, 50 * 200)})
        assert len(capture.frames(50 if arrive else 0)) == (50 if arrive else 0)
        assert capture.nothing_more()


def test_redirect_to_a_device_that_went_away_counts_as_aborted(lab):
    veth, target, _ = load(lab, "redirect", "native")
    send(veth, 10, 100)
    lab.wait_for_counts(veth.name, {"XDP_REDIRECT": (10, 1000)})
    lab.delete(target)
    send(veth, 5, 100)
    lab.wait_for_counts(veth.name, {"XDP_REDIRECT": (10, 1000), "XDP_ABORTED": (5, 500)})


def test_verdict_out_of_range_counts_as_aborted(lab, veth0):
    lab.load("veth0", "--filename", object_file("own"), "--progname", "own_invalid")
    send(veth0, 25, 100)
    lab.wait_for_counts("veth0", {"XDP_ABORTED": (25, 2500)})


def test_loopback_is_generic_only(lab):
    outcome = lab.load("lo")
    assert outcome["mode"] == "generic"
    assert any("native" in note for note in outcome["notes"])
    lab.loader("--dev", "lo", "--unload")


def test_all_actions_are_always_shown(lab, veth0):
    lab.load("veth0")
    actions = lab.once("veth0")["actions"]
    assert tuple(actions) == ACTIONS
    assert all(action["packets"] == 0 == action["bytes"] for action in actions.values())
