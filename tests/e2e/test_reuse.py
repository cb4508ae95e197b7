# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""--reuse-maps: counters go on where the layouts are equal, and nothing changes where they are not."""

import re
import struct
from pathlib import Path

import pytest

from support.bpftool import bpftool
from support.devices import attached
from support.maps import dump_map
from support.pins import BPFFS, pin_dir, pins_of
from support.processes import run
from support.programs import compile_object, object_file
from support.raw_bpf import takes_map
from support.traffic import Capture, send

# Key and value size that some type of map takes, and entries, which are a prime number so that no number of CPUs
# divides them.
MAP_SIZES = ((4, 8, 1021), (8, 8, 1021), (4, 4, 1021), (0, 8, 1021), (0, 0, 1 << 16))
MAP_FLAGS = [0, *(1 << bit for bit in range(20)), 1 | 2, 2 | 8, 1 | 16]
OF_MAPS = """
struct {
    __uint(type, %s); __uint(max_entries, 3); __type(key, __u32);
    __array(values, struct {
        __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 7); __type(key, __u32); __type(value, __u64);
    });
} of_%s SEC(".maps");"""
ONE_MAP = """
struct {
    __uint(type, %d); __uint(map_flags, %#x); __uint(key_size, %d); __uint(value_size, %d); __uint(max_entries, %d);
} m%d_%x SEC(".maps");"""
PASSES = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
%s
SEC("xdp") int passes(struct xdp_md *ctx) { return XDP_PASS; }
char _license[] SEC("license") = "GPL";
"""


def every_kind_of_map():
    """Definitions of all types with all flags that this kernel takes, for an object."""
    header = Path("/usr/include/linux/bpf.h").read_text()
    types = re.search(r"enum bpf_map_type \{(.*?)\};", header, re.DOTALL)[1]
    last = len(re.findall(r"^\tBPF_MAP_TYPE_\w+,", types, re.MULTILINE)) - 1
    for kind in range(1, last + 1):
        for flags in MAP_FLAGS:
            for sizes in MAP_SIZES:
                if takes_map(kind, *sizes, flags):
                    yield ONE_MAP % (kind, flags, *sizes, kind, flags)
                    break
    for kind in ("HASH", "ARRAY"):
        yield OF_MAPS % (f"BPF_MAP_TYPE_{kind}_OF_MAPS", kind.lower())


def map_id(dev, name):
    return bpftool("map", "show", "pinned", pin_dir(dev) / name)["id"]


@pytest.mark.parametrize("option", ["-M", "--reuse-maps"])
def test_counters_go_on(lab, veth0, option):
    lab.load("veth0")
    before = map_id("veth0", "xdp_stats_map")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    outcome = lab.load("veth0", "--action", "drop", option)
    assert outcome["generation"] == 2
    assert map_id("veth0", "xdp_stats_map") == before
    (counters,) = [item for item in outcome["maps"] if item["name"] == "xdp_stats_map"]
    assert counters["reused"] is True and counters["id"] == before
    send(veth0, 5, 200)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000), "XDP_DROP": (5, 1000)})


def test_nothing_to_reuse_is_a_first_load(lab, veth0):
    outcome = lab.load("veth0", "--reuse-maps")
    assert outcome["outcome"] == "loaded"
    assert not any(item["reused"] for item in outcome["maps"])


def test_maps_kept_by_unload_are_reused(lab, veth0):
    lab.load("veth0")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    lab.load("veth0", "--reuse-maps")
    send(veth0, 1, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (11, 1100)})


def test_own_maps_are_reused_and_the_rest_is_new(lab, veth0):
    lab.load("veth0", "--filename", object_file("generation_a"))
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})
    shared = map_id("veth0", "shared")
    outcome = lab.load("veth0", "--filename", object_file("generation_b"), "--reuse-maps")
    assert {item["name"]: item["reused"] for item in outcome["maps"] if item["name"] != "xdp_stats_meta"} == {
        "xdp_stats_map": True, "shared": True, "only_b": False}
    assert map_id("veth0", "shared") == shared
    assert "only_a" not in pins_of("veth0")
    send(veth0, 2, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    counted = {name: struct.unpack("=Q", dump_map(pin_dir("veth0") / name)[0][0])[0]
               for name in ("shared", "only_b")}
    assert counted == {"shared": 5, "only_b": 2}


def test_trying_another_target_of_the_redirect_does_not_move_the_frames(lab, veth0):
    """The map in which the target stands is in use until the program is replaced."""
    old, new = lab.veth("old0"), lab.veth("new0")
    lab.let_redirects_arrive(old, new)
    redirect = ("--dev", "veth0", "--action", "redirect", "--reuse-maps", "--redirect-to")
    lab.loader(*redirect, old.name)
    lab.loader(*redirect, new.name, "--dry-run")
    for target in (old, new):
        with Capture(old.peer) as at_old, Capture(new.peer) as at_new:
            arriving, other = (at_old, at_new) if target is old else (at_new, at_old)
            send(veth0, 3, 100)
            arriving.frames(3)
            assert arriving.nothing_more() and other.nothing_more()
        if target is old:
            lab.loader(*redirect, new.name)
    lab.wait_for_counts("veth0", {"XDP_REDIRECT": (6, 600)})


def test_every_kind_of_map_is_taken_back(lab, veth0, tmp_path):
    """Also where the kernel keeps it with other flags, or more entries, than it was defined with."""
    maps = list(every_kind_of_map())
    assert len(maps) > 60
    for part in range(0, len(maps), 40):
        program = compile_object(PASSES % "".join(maps[part:part + 40]), tmp_path / "kinds.o")
        first = lab.load("veth0", "--filename", program)
        again = lab.load("veth0", "--filename", program, "--reuse-maps")
        assert {item["name"]: item["id"] for item in again["maps"]} == {
            item["name"]: item["id"] for item in first["maps"]}
        lab.loader("--dev", "veth0", "--unload")


def test_another_layout_of_the_maps_in_a_map_of_maps_is_refused(lab, veth0, tmp_path):
    """The verifier would refuse the program, whatever fills the map. How many entries they have is theirs to say."""
    def program(value):
        maps = "".join(OF_MAPS % (f"BPF_MAP_TYPE_{kind}_OF_MAPS", kind.lower()) for kind in ("HASH", "ARRAY"))
        return compile_object(PASSES % maps.replace("value, __u64", f"value, {value}"), tmp_path / "of_maps.o")

    lab.load("veth0", "--filename", program("__u64"))
    inner = lab.foreign_map(BPFFS / "inner", value=8, entries=11)
    for kind in ("hash", "array"):
        run(["bpftool", "map", "update", "pinned", pin_dir("veth0") / f"of_{kind}", "key", "2", "0", "0", "0", "value",
             "pinned", inner])
    lab.load("veth0", "--filename", program("__u64"), "--reuse-maps")
    larger = program("struct { __u64 a; __u64 b; }")
    refused = lab.loader("--dev", "veth0", "--filename", larger, "--reuse-maps", status=5)
    for kind in ("hash", "array"):
        assert f"of_{kind}: the maps in it: value size: pinned 8, wanted 16\n" in refused.err


@pytest.mark.parametrize("before, after, fields", [
    # type, key, value and flags of one map at once
    ("generation_a", "shared_larger", ["shared", "type", "key", "value", "entries", "flags"]),
    # the same sizes: the fields inside the value differ
    ("generation_a", "shared_fields", ["shared", "low"]),
    ("six_entries", None, ["xdp_stats_map", "entries", "6", "5"]),
    ("own", "six_entries", ["xdp_stats_map", "entries", "6", "5"]),
])
def test_another_layout_is_refused_field_by_field(lab, veth0, before, after, fields):
    lab.load("veth0", "--filename", object_file(before))
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})
    world = lab.world()
    program = ["--filename", object_file(after)] if after else []

    result = lab.loader("--dev", "veth0", "--reuse-maps", *program, status=5)
    assert result.err.startswith("xdp_loader: ")
    assert all(field in result.err for field in fields), result.err
    (outcome,) = lab.loader_json("--dev", "veth0", "--reuse-maps", *program, status=5)
    assert outcome["error"]["kind"] == "conflict"

    assert lab.world() == world
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})


def test_without_the_option_another_layout_is_no_obstacle(lab, veth0):
    lab.load("veth0", "--filename", object_file("six_entries"))
    outcome = lab.load("veth0")
    assert attached("veth0") == ("native", outcome["program"]["id"])
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})


def test_dry_run_says_which_fields_differ(lab, veth0):
    lab.load("veth0", "--filename", object_file("six_entries"))
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--reuse-maps", "--dry-run", status=5)
    assert "entries" in result.err
    assert lab.world() == world
