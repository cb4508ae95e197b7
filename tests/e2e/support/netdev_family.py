# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The kernel's netdev family, asked by the tests themselves (Documentation/netlink/specs/netdev.yaml)."""

import socket
import struct

NETLINK_GENERIC, GENL_ID_CTRL = 16, 16
CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 3, 1, 2
NLM_F_REQUEST, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE = 1, 0x300, 2, 3
NETDEV_CMD_DEV_GET = 1
IFINDEX, XDP_FEATURES, RX_METADATA = 1, 3, 5

XDP_ACT = ["basic", "redirect", "ndo-xmit", "xsk-zerocopy", "hw-offload", "rx-sg", "ndo-xmit-sg"]
XDP_RX_METADATA = ["timestamp", "hash", "vlan-tag"]


def attributes(data):
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind & 0x3fff] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def ask(sock, family, command, attribute=b"", flags=0):
    """The attributes of each message of the answer."""
    body = struct.pack("=BBH", command, 1, 0) + attribute
    sock.send(struct.pack("=IHHII", 16 + len(body), family, NLM_F_REQUEST | flags, 1, 0) + body)
    while True:
        data = sock.recv(1 << 16)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind == NLMSG_ERROR:
                code = -struct.unpack_from("=i", data, 16)[0]
                raise OSError(code, "netlink")
            if kind == NLMSG_DONE:
                return
            yield attributes(data[20:length])
            data = data[(length + 3) & ~3:]
        if not flags & NLM_F_DUMP:
            return


def named(bits, names):
    return {name for number, name in enumerate(names) if bits >> number & 1}


def dump():
    """{ifindex: (what its driver has of XDP_ACT, of XDP_RX_METADATA)} of all interfaces of this namespace."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as sock:
        name = b"netdev\0\0"
        question = struct.pack("=HH", 4 + 7, CTRL_ATTR_FAMILY_NAME) + name
        (family,) = ask(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, question)
        number = int.from_bytes(family[CTRL_ATTR_FAMILY_ID], "little")
        found = {}
        for each in ask(sock, number, NETDEV_CMD_DEV_GET, flags=NLM_F_DUMP):
            bits = [int.from_bytes(each.get(kind, b""), "little") for kind in (XDP_FEATURES, RX_METADATA)]
            ifindex = int.from_bytes(each[IFINDEX], "little")
            found[ifindex] = named(bits[0], XDP_ACT), named(bits[1], XDP_RX_METADATA)
        return found
