# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Maps that an operator has pinned in an interface's directory."""

import struct

from support.bpftool import bpftool
from support.maps import dump_counts, dump_map, read_meta
from support.pins import BPFFS, pin_dir
from support.processes import run
from support.programs import object_file

COUNTERS = "xdp_stats_map"
PER_CPU = {"kind": "percpu_array", "key": 4, "value": 16, "entries": 5}
# generation_a of tests/e2e/bpf has the maps `shared` and `only_a` besides the counters.
LOAD_A = ("--filename", object_file("generation_a"))


def id_at(path):
    return bpftool("map", "show", "pinned", path)["id"]


def pin_operators(lab, name, dev="veth0", **layout):
    """`bpftool map pin` of a map that has a pin elsewhere as well: (path, id)."""
    elsewhere = lab.foreign_map(BPFFS / f"operators_{name}", **layout)
    path = pin_dir(dev) / name
    path.parent.mkdir(exist_ok=True)
    run(["bpftool", "map", "pin", "pinned", elsewhere, path])
    lab.cleanups.append(lambda: lab.remove_pin(path))
    return path, id_at(path)


def write_counts(path, packets, key=2):
    """What somebody else's program had counted, as much on each CPU: (packets, bytes). Key 2 is XDP_PASS."""
    value = struct.pack("=QQ", packets, 60 * packets)
    run(["bpftool", "map", "update", "pinned", path, "key", *struct.pack("=I", key), "value", *value])
    cpus = len(dump_map(path)[key])
    return cpus * packets, cpus * 60 * packets


def lifetime(dev):
    """carried plus the map, as a reader adds them up."""
    meta = read_meta(dev)
    counts = dump_counts(pin_dir(dev) / COUNTERS)
    names = set(meta.carried) | set(counts)
    sums = {name: tuple((a + b) % 2**64 for a, b in zip(meta.carried.get(name, (0, 0)), counts.get(name, (0, 0))))
            for name in names}
    return {name: pair for name, pair in sums.items() if pair != (0, 0)}
