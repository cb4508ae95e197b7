# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Devices, what is attached to them, and the way to a peer."""

import json
from collections import namedtuple

from support.processes import run, wait_until

Veth = namedtuple("Veth", "name peer mac peer_mac")


def named(devs):
    """The options of both programs that name them."""
    return [word for dev in devs for word in ("--dev", dev)]


def link_info(dev):
    return json.loads(run(["ip", "-json", "-details", "link", "show", "dev", dev]).out)[0]


def links():
    """What `ip` tells of every device, by name."""
    return {link["ifname"]: link for link in json.loads(run(["ip", "-json", "-details", "link", "show"]).out)}


def change_links(*commands):
    """"set dev veth0 up": one process for all of them, as in an emulated machine a start is what takes the time."""
    run(["ip", "-batch", "-"], lines=[f"link {command}" for command in commands])


def wait_for_carrier(*devs):
    """Until the kernel has noticed the carrier, what is sent is dropped without an error. Returns links()."""
    def look():
        now = links()
        return all(now.get(dev, {}).get("operstate") == "UP" for dev in devs) and now
    return wait_until(look, f"{' and '.join(devs)} do not come up")


def rename(veth, name):
    """Down in between, which kernels before 6.2 insist on."""
    change_links(f"set dev {veth.name} down", f"set dev {veth.name} name {name}", f"set dev {name} up")
    wait_for_carrier(name, veth.peer)
    return veth._replace(name=name)


def attached(dev):
    """(mode, program id) as the kernel tells it, or None."""
    xdp = link_info(dev).get("xdp")
    if not xdp:
        return None
    modes = {1: "native", 2: "generic", 3: "offloaded"}
    return modes[xdp["mode"]], xdp["prog"]["id"]


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))
