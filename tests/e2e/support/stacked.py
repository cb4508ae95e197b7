# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Devices on top of another one."""

from support.processes import run


def stack(kind, lower, upper="upper0", *options):
    """Puts a macvlan, VLAN, bridge or bond above the devices; it goes with the test's other devices."""
    lowers = [lower] if isinstance(lower, str) else list(lower)
    if kind in ("macvlan", "vlan"):
        run(["ip", "link", "add", "link", lowers[0], "name", upper, "type", kind, *options])
    else:
        run(["ip", "link", "add", "name", upper, "type", kind, *options])
        for dev in lowers:
            run(["ip", "link", "set", "dev", dev, "down"])
            run(["ip", "link", "set", "dev", dev, "master", upper])
            run(["ip", "link", "set", "dev", dev, "up"])
    run(["ip", "link", "set", "dev", upper, "arp", "off", "multicast", "off", "up"])
    return upper
