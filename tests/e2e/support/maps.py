# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Pinned maps and what they hold, by bpftool."""

import struct
from collections import namedtuple

from support.bpftool import binary, bpftool
from support.pins import pin_dir

ACTIONS = ("XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT")


def dump_map(path):
    """The map as bpftool sees it: {key: [value of every CPU]} with integer keys, or {key: [value]}."""
    entries = bpftool("map", "dump", "pinned", path)
    dump = {}

    for entry in entries:
        key = int.from_bytes(binary(entry["key"]), "little")
        values = [value["value"] for value in entry["values"]] if "values" in entry else [entry["value"]]
        dump[key] = [binary(value) for value in values]
    return dump


def dump_counts(path):
    """{action: (packets, bytes)} of a pinned counter map, read by bpftool."""
    totals = {}
    for key, values in dump_map(path).items():
        pairs = [struct.unpack("=QQ", value) for value in values]
        totals[key] = tuple(map(sum, zip(*pairs)))
    return {ACTIONS[key]: pair for key, pair in totals.items() if pair != (0, 0)}


# struct xdp_tally_meta of include/xdp_tally/abi.h, without map_ids
META_FORMAT = "=IIQQQQ8I16s64s10Q"
Meta = namedtuple("Meta", "magic abi_version lineage generation load_time netns_inode counter_map_id program_id "
                          "ifindex attach_mode attach_kind map_count flags interface program carried map_ids")


def read_meta(dev):
    (value,) = dump_map(pin_dir(dev) / "xdp_stats_meta")[0]
    *numbers, _, interface, program = struct.unpack_from(META_FORMAT, value)[:16]
    carried = struct.unpack_from(META_FORMAT, value)[16:]
    map_ids = struct.unpack_from(f"={numbers[11]}I", value, struct.calcsize(META_FORMAT))
    names = (text.rstrip(b"\0").decode() for text in (interface, program))
    pairs = [tuple(carried[2 * action:2 * action + 2]) for action in range(len(ACTIONS))]
    return Meta(*numbers, *names, {name: pair for name, pair in zip(ACTIONS, pairs) if pair != (0, 0)}, map_ids)


def sum_of(*counts):
    """{action: (packets, bytes)} added up."""
    pairs = {name: [count[name] for count in counts if name in count] for name in ACTIONS}
    return {name: tuple(map(sum, zip(*found))) for name, found in pairs.items() if found}


def lineage_counts(dev):
    """Everything since generation 1: what earlier maps held and what the pinned one holds."""
    return sum_of(read_meta(dev).carried, dump_counts(pin_dir(dev) / "xdp_stats_map"))
