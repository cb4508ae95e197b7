# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Capture files, as --test-run reads them."""

import struct

ETHERNET, RAW_IP = 1, 101  # link types


def frame(size):
    """Ethernet addresses and a type, then numbers."""
    return (bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xB5]) + bytes(range(256)) * (size // 256 + 1))[:size]


def pcap(sizes, link_type=ETHERNET, order="=", snaplen=262144):
    """libpcap's format with microseconds. Of longer packets only `snaplen` bytes are there."""
    octets = struct.pack(f"{order}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, link_type)
    for number, size in enumerate(sizes):
        octets += struct.pack(f"{order}IIII", 1700000000 + number, 0, min(size, snaplen), size)
        octets += frame(min(size, snaplen))
    return octets


def block(kind, body):
    body += bytes(-len(body) % 4)
    size = 12 + len(body)
    return struct.pack("=II", kind, size) + body + struct.pack("=I", size)


def pcapng(sizes, link_type=ETHERNET, snaplen=262144):
    """Section header, interface, enhanced packets."""
    octets = block(0x0A0D0D0A, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1))
    octets += block(1, struct.pack("=HHI", link_type, 0, snaplen))
    for size in sizes:
        octets += block(6, struct.pack("=IIIII", 0, 0, 0, min(size, snaplen), size) + frame(min(size, snaplen)))
    return octets
