# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The meta as bpftool shows it to people: fields with their names."""

import errno
import re

import pytest

from support.bpftool import bpftool
from support.maps import ACTIONS, read_meta
from support.pins import pin_dir
from support.programs import TOP
from support.refuse_bpf import REFUSE_BPF
from support.traffic import SIZE, send

BTF_LOAD = 18  # of enum bpf_cmd


def path_of(dev):
    return pin_dir(dev) / "xdp_stats_meta"


def shown(dev):
    (entry,) = bpftool("map", "dump", "pinned", path_of(dev))
    assert entry["formatted"]["key"] == 0
    return entry["formatted"]["value"]


def fields_of_the_header():
    """Their names, in their order."""
    header = (TOP / "include/xdp_tally/abi.h").read_text()
    struct = re.search(r"^struct xdp_tally_meta \{\n(.*?)^\};", header, re.MULTILINE | re.DOTALL)[1]
    return re.findall(r"^\t(?:struct )?\w+ (\w+)(?:\[\w+\])?;", struct, re.MULTILINE)


def test_fields_are_shown(lab, veth0):
    """All of the header's, with what a reader takes from the bytes."""
    outcome = lab.load("veth0")
    send(veth0, 30, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (30, 30 * SIZE)})
    lab.load("veth0", "--action", "drop")
    fields = shown("veth0")
    assert list(fields) == fields_of_the_header() and len(fields) > 15
    assert (fields["generation"], fields["program"], fields["interface"]) == (2, "xdp_drop", "veth0")
    carried = {"XDP_PASS": (30, 30 * SIZE)}
    assert [(each["rx_packets"], each["rx_bytes"]) for each in fields["carried"]] == [
        carried.get(action, (0, 0)) for action in ACTIONS]
    assert fields["counter_map_id"] == fields["map_ids"][0] != outcome["maps"][0]["id"]
    meta = read_meta("veth0")
    for name in ("magic", "abi_version", "lineage", "generation", "load_time", "netns_inode", "counter_map_id",
                 "program_id", "ifindex", "attach_mode", "attach_kind", "map_count", "flags", "interface", "program"):
        assert fields[name] == getattr(meta, name), name


@pytest.mark.parametrize("error", [errno.EINVAL, errno.EPERM])
def test_a_kernel_that_takes_no_types(lab, veth0, error):
    """The meta is as good without them."""
    lab.loader("--dev", "veth0", prefix=[*REFUSE_BPF, f"{error}/{BTF_LOAD}"])
    (entry,) = bpftool("map", "dump", "pinned", path_of("veth0"))
    assert "formatted" not in entry
    assert read_meta("veth0").generation == 1
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 3 * SIZE)})
    lab.load("veth0", "--reuse-maps")
    assert shown("veth0")["generation"] == 2
