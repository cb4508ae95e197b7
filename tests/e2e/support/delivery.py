# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What became of verdicts, as the maps of --track-delivery have it."""

import errno
import os
import struct
from collections import namedtuple
from contextlib import contextmanager

from support.bpftool import binary, bpftool
from support.maps import ACTIONS
from support.pins import BPFFS
from support.processes import run
from support.raw_bpf import bpf, pin, update_element
from support.redirects import index_of, redirect

DIRECTORY = BPFFS / "xdp:delivery"
TRACEPOINTS = ["xdp_redirect_err", "xdp_devmap_xmit", "xdp_cpumap_enqueue", "xdp_cpumap_kthread", "xdp_bulk_tx",
               "xdp_exception"]
READABLE = ["cpumaps", "devices", "meta", "overflow"]
LINKS = [f"link_{name}" for name in TRACEPOINTS]
PINS = sorted([*READABLE, *LINKS, "programs"])

BPF_MAP_CREATE, BPF_MAP_TYPE_ARRAY = 0, 2

# enum xdp_tally_delivery_reason of include/xdp_tally/delivery.h
DELIVERED = "delivered"
REASONS = {0: DELIVERED, 0x10000: "no reason", 0x10001: "exception", 0x10002: "queue full", 0x10003: "program"}

# struct xdp_tally_delivery_meta
META_FORMAT = "=IIQQ6I"
Meta = namedtuple("Meta", "magic abi_version instance start_time program_version tracepoints missing devices_map_id "
                          "cpumaps_map_id overflow_map_id")


def name_of(reason):
    # Python knows this number by its other name.
    return REASONS.get(reason) or ("EOPNOTSUPP" if reason == errno.EOPNOTSUPP else errno.errorcode[reason])


def entries(name):
    """[(key, packets of all CPUs)]"""
    return [(binary(entry["key"]), sum(int.from_bytes(binary(value["value"]), "little") for value in entry["values"]))
            for entry in bpftool("map", "dump", "pinned", DIRECTORY / name)]


def netns_inode(netns=None):
    return os.stat(f"/run/netns/{netns}" if netns else "/proc/self/ns/net").st_ino


def counts(ifindex, netns=None):
    """{verdict: {what became of its packets: how many}} of one device."""
    found = {}
    for key, packets in entries("devices"):
        inode, index, action, reason = struct.unpack("=4I", key)
        if (inode, index) == (netns_inode(netns), ifindex):
            found.setdefault(ACTIONS[action], {})[name_of(reason)] = packets
    return found


def cpumap_counts(map_id):
    """{what became of packets: how many} of one cpumap."""
    keys = [(struct.unpack("=2I", key), packets) for key, packets in entries("cpumaps")]
    return {name_of(reason): packets for (number, reason), packets in keys if number == map_id}


def overflow():
    """{which kind: packets that had no room}"""
    return {("delivered", "lost", "cpumap")[int.from_bytes(key, "little")]: packets
            for key, packets in entries("overflow") if packets}


def read_meta():
    (entry,) = bpftool("map", "dump", "pinned", DIRECTORY / "meta")
    return Meta(*struct.unpack(META_FORMAT, binary(entry["value"])))


def remember(lab):
    """What is tracked with must be gone when the test is over."""
    meta = read_meta()
    lab.map_ids.update((meta.devices_map_id, meta.cpumaps_map_id, meta.overflow_map_id))
    for entry in bpftool("map", "dump", "pinned", DIRECTORY / "programs"):
        lab.program_ids.add(int.from_bytes(binary(entry["value"]), "little"))


def track(lab):
    lab.loader("--track-delivery")
    remember(lab)


@contextmanager
def tracking(lab):
    track(lab)
    yield
    lab.loader("--untrack-delivery")
    assert not DIRECTORY.exists()


def total(by_reason):
    return sum(by_reason.values())


def pretend_version(step):
    """Has the meta say that the programs are of another version than they are: as many steps newer, or older."""
    meta = read_meta()
    value = struct.pack(META_FORMAT, *meta._replace(program_version=meta.program_version + step))
    fd, _ = bpf(BPF_MAP_CREATE, struct.pack("=IIIII", BPF_MAP_TYPE_ARRAY, 4, len(value), 1, 0))
    update_element(fd, struct.pack("=I", 0), value)
    (DIRECTORY / "meta").unlink()
    pin(fd, DIRECTORY / "meta")
    os.close(fd)


# ---- targets that are broken

LONG = 1000  # bytes of a frame that is longer than SHORT_MTU
SHORT_MTU = 500


def set_down(dev):
    run(["ip", "link", "set", "dev", dev, "down"])


def set_mtu(dev):
    run(["ip", "link", "set", "dev", dev, "mtu", SHORT_MTU])


def take_no_frames(dev):
    run(["ethtool", "--offload", dev, "gro", "off"])


# What is done to which end, whether frames arrive before that, and the reasons that kernels give.
Breakage = namedtuple("Breakage", "change end arrive_before reasons")
BREAKAGES = {
    "target_down": Breakage(set_down, "out0", True, {"ENETDOWN"}),
    "peer_down": Breakage(set_down, "p-out0", True, {"ENXIO"}),
    "peer_takes_none": Breakage(take_no_frames, "p-out0", False, {"ENXIO", "EOPNOTSUPP"}),
    "target_mtu": Breakage(set_mtu, "out0", True, {"EMSGSIZE"}),
    "peer_mtu": Breakage(set_mtu, "p-out0", True, {"no reason"}),
}


def redirect_to_target(lab, way, breakage):
    """Has veth0 redirect to out0, which is still to be broken."""
    target = lab.veth("out0")
    if breakage.arrive_before:
        lab.let_redirects_arrive(target)
    redirect(lab, way, index_of("out0"))
    return target


# ---- what a generation's meta tells

# struct xdp_tally_delivery_base of include/xdp_tally/abi.h
BASE_HEAD, BASE_COUNT, BASE_MAX = "=QII", "=IIQ", 32
BASE_SIZE = struct.calcsize(BASE_HEAD) + BASE_MAX * struct.calcsize(BASE_COUNT)


def bases(directory):
    """Of the meta in this directory, its last two fields: what was there when the lineage began, and the map."""
    (entry,) = bpftool("map", "dump", "pinned", directory / "xdp_stats_meta")
    value = binary(entry["value"])
    found = []
    for start in (len(value) - 2 * BASE_SIZE, len(value) - BASE_SIZE):
        instance, count, _ = struct.unpack_from(BASE_HEAD, value, start)
        rows = struct.iter_unpack(BASE_COUNT, value[start + struct.calcsize(BASE_HEAD):start + BASE_SIZE])
        found.append((instance, {(action, reason): packets for action, reason, packets in list(rows)[:count]}))
    return found


def since(base, ifindex, netns=None):
    """{verdict: {what became of its packets: how many}} since then; None where nothing is known of that moment."""
    instance, before = base
    if instance != read_meta().instance:
        return None
    now = {}
    for key, packets in entries("devices"):
        inode, index, action, reason = struct.unpack("=4I", key)
        if (inode, index) == (netns_inode(netns), ifindex):
            now[action, reason] = packets
    found = {}
    for action, reason in now.keys() | before.keys():
        packets = (now.get((action, reason), 0) - before.get((action, reason), 0)) % 2 ** 64
        if packets:
            found.setdefault(ACTIONS[action], {})[name_of(reason)] = packets
    return found
