# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --observe, and programs of somebody else that return what they are asked to."""

import json
import os
import struct

from support.bpftool import bpftool
from support.maps import ACTIONS
from support.processes import Process, run
from support.programs import LOADER
from support.raw_bpf import bpf, open_pin
from support.traffic import SIZE, send

BPF_LINK_UPDATE = 29
VERDICTS = {number: name for number, name in enumerate(ACTIONS)}
OUT_OF_RANGE = 7  # a verdict that there is not
LOCK = "+follower"  # a directory below the pins, which a follower holds


def observe(lab, dev="veth0"):
    (outcome,) = lab.loader_json("--dev", dev, "--observe")
    assert (outcome["outcome"], outcome["attach"]) == ("observing", "observe"), outcome
    return outcome


class Follower(Process):
    """`xdp_loader --observe --follow`, whose outcomes are waited for."""

    def __init__(self, *options, prefix=()):
        super().__init__([*prefix, LOADER, *options, "--observe", "--follow", "--json"])
        self.outcome = self.wait_for("observing")

    def wait_for(self, what, **fields):
        """The next outcome of this kind, with these fields."""
        def meets(line):
            (outcome,) = json.loads(line)["devices"]
            return outcome["outcome"] == what and all(outcome[name] == value for name, value in fields.items())

        return json.loads(self.wait_for_line(meets))["devices"][0]

    def fail(self, status):
        """Waits for that end: what it said."""
        return self.wait(status)


def follow(lab, *options, prefix=()):
    follower = lab.started(Follower(*(options or ("--dev", "veth0")), prefix=prefix))
    assert follower.outcome["attach"] == "observe", follower.outcome
    return follower


def send_for(veth, verdict, count, size=SIZE):
    """Frames for which the programs of verdicts.bpf.h return this verdict."""
    send(veth._replace(mac=f"02:00:00:00:00:{verdict:02x}"), count, size)


def send_each(veth, counts, size=SIZE):
    for verdict, count in counts.items():
        send_for(veth, verdict, count, size)
    expected = {}
    for verdict, count in counts.items():
        name = VERDICTS.get(verdict, "XDP_ABORTED")
        packets, octets = expected.get(name, (0, 0))
        expected[name] = (packets + count, octets + count * size)
    return expected


def attach(path, dev, how="xdpdrv"):
    run(["bpftool", "net", "attach", how, "pinned", path, "dev", dev, "overwrite"])


def detach(dev, how="xdpdrv"):
    run(["ip", "link", "set", "dev", dev, how, "off"])


def update_link(link, program):
    link_fd, program_fd = open_pin(link), open_pin(program)
    bpf(BPF_LINK_UPDATE, struct.pack("=IIII", link_fd, program_fd, 0, 0))
    os.close(link_fd)
    os.close(program_fd)


def tracing_links():
    """Of fexit programs; components of a dispatcher have such links, too."""
    return [link for link in bpftool("link", "list") if link.get("prog_type") == "tracing"]
