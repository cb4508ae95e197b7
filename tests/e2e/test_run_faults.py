# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --run at every moment: its link is its own and never pinned, and a kill at any system call leaves nothing
attached.
"""

import os
import re
import signal
import subprocess

import pytest

from support.devices import attached
from support.maps import read_meta
from support.pins import pin_dir
from support.processes import run, wait_until
from support.programs import LOADER
from support.run_command import MAPS, NEXT, RUNNING, clean, come_next
from support.strace import FAULT_STEP, note_fault, strace
from support.traffic import SIZE, send

ASKS_NETLINK = re.compile(r"nlmsg_type=(?:0x12\b|RTM_GETLINK)")
# With the descriptor -1 (IFLA_XDP_FD) nothing is attached: what the kernel says of an upper device is asked so.
NO_DESCRIPTOR = r"IFLA_XDP_FD\}, -1|\\x08\\x00\\x01\\x00\\xff\\xff\\xff\\xff"  # as strace has it, decoded or not
ATTACHES_BY_NETLINK = re.compile(rf"nlmsg_type=(?:0x13\b|RTM_SETLINK)(?!.*(?:{NO_DESCRIPTOR}))")
PINNED = re.compile(r'BPF_OBJ_PIN, {pathname="[^"]*/([^/"]+)"')


def test_link_is_pinned_nowhere_and_netlink_attaches_nothing(lab, veth0, tmp_path):
    """Not for a moment: what it asks the kernel for, from its beginning to its end, and those of a load beside it."""
    log = tmp_path / "strace"

    def asked(dev, *options):
        run(strace("-f", "-e", "trace=bpf,/^send,/^link,/^rename", command=[LOADER, "--dev", dev, *options], log=log))
        return log.read_text()

    for dev in ("veth0", "lo"):  # lo has no native mode: what the kernel says of that, a load asks netlink for
        text = asked(dev, "--run", "--", "true")
        links = re.findall(r"BPF_LINK_CREATE, .* = (\d+)$", text, re.MULTILINE)
        assert len(links) == 1
        assert set(PINNED.findall(text)) == set(re.findall(r'rename.*, "([^"]+)"', text)) == set(MAPS)
        assert ASKS_NETLINK.search(text) and not ATTACHES_BY_NETLINK.search(text)

        text = asked(dev)
        assert "xdp_link" in PINNED.findall(text)
        assert bool(ATTACHES_BY_NETLINK.search(text)) == (dev == "lo")
        lab.loader("--dev", dev, "--unload")


def lifetime(lab, dev):
    """Packets since generation 1: those of the pinned map and those carried from earlier ones."""
    return sum(packets for packets, _ in read_meta(dev).carried.values()) + lab.once(dev)["total"]["packets"]


def calls_in(log):
    """Every system call of a log in its order: (name, how often it was called by then)."""
    times = {}
    for name in re.findall(r"(?m)^(\w+)\(", log.read_text()):
        times[name] = times.get(name, 0) + 1
        yield name, times[name]


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
def test_killed_at_every_call(lab, veth0, kept, tmp_path):
    """From the first to the last: nothing is attached, no link is pinned, no count is lost, the next command works."""
    log = tmp_path / "strace"
    command = [LOADER, "--dev", "veth0", "--run", "--", "true"]

    def prepare():
        if kept:
            lab.load("veth0", "--action", "drop")
            send(veth0, 5, SIZE)
            lab.wait_for_counts("veth0", {"XDP_DROP": (5, 500)})
            lab.loader("--dev", "veth0", "--unload", "--keep-maps")

    prepare()
    run(strace(command=command, log=log))
    calls = list(calls_in(log))
    assert ("clone", 1) in calls or ("clone3", 1) in calls
    for number, (name, when) in enumerate(calls[::FAULT_STEP]):
        prepare()
        injected = strace("-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={when}", command=command,
                          log=log)
        status = subprocess.run([str(part) for part in injected], capture_output=True, check=False).returncode
        note_fault(log)
        context = f"{name} {when}: status {status}"
        assert status in (0, -signal.SIGKILL), context
        # The command may have the link for a moment longer, until its exec.
        wait_until(lambda: attached("veth0") is None, context)
        left = {path.name for path in pin_dir("veth0").rglob("*")}
        assert left <= {"+staging", *RUNNING}, (context, left)
        check_state(lab, left, context)
        verb = list(NEXT)[number % len(NEXT)]
        if kept and "xdp_stats_map" in left:
            lab.load("veth0", "--reuse-maps")
            assert lifetime(lab, "veth0") == 5, context
            lab.loader("--dev", "veth0", "--unload")
        elif left & set(MAPS):
            come_next(lab, verb)
        elif pin_dir("veth0").exists():
            come_next(lab, "clean")  # directories with nothing in them
        assert clean(), context


def check_state(lab, left, context):
    """Both programs say that it is detached; the reader cannot, before there is a meta beside the counters."""
    state = lab.status("veth0")["state"]
    published = set(os.listdir(pin_dir("veth0"))) & set(MAPS) if left else set()
    assert state == ("detached" if published else "none"), context
    if published == set(MAPS):
        assert lab.once("veth0")["state"] in ("detached", "stale"), context
