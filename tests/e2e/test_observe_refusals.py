# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --observe where there is nothing to observe, or no way to. What it counts: tests/vm/test_observe.py."""

import errno
import struct

import pytest

from support.pins import pin_dir
from support.processes import run
from support.programs import CONFLICT, NOT_FOUND, PERMISSION, STATS, USAGE, compile_object, object_file
from support.raw_bpf import bpf
from support.samples import UNTRACKED
from support.traffic import SIZE, send

BPF_PROG_LOAD, BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT = 5, 26, 25


def takes_tracing_programs():
    """Asked with a program that attaches to nothing: EINVAL where the kernel gets as far as that."""
    attributes = struct.pack("=II8x8x20x", BPF_PROG_TYPE_TRACING, 0).ljust(68, b"\0")
    attributes += struct.pack("=I", BPF_TRACE_FEXIT)
    try:
        bpf(BPF_PROG_LOAD, attributes)
    except OSError as error:
        assert error.errno in (errno.EPERM, errno.EINVAL, errno.E2BIG, errno.EFAULT), error
        return error.errno != errno.EPERM
    raise AssertionError("an empty program was loaded")


@pytest.mark.parametrize("options", [[], ["--follow"]])
def test_nothing_is_attached(lab, veth0, options):
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", *options, status=NOT_FOUND)
    assert result.err.startswith("xdp_loader: observing 'veth0': no XDP program is attached")
    assert "\nhint: `xdp_loader --dev veth0` " in result.err
    assert lab.world() == world


@pytest.mark.parametrize("options, told", [
    (["--dev", "veth0", "--follow"], "--observe"),
    (["--dev", "veth0", "--dev", "veth1", "--observe", "--follow"], "--follow takes one --dev"),
    (["--dev", "veth0", "--observe", "--follow", "--dry-run"], "cannot be combined with"),
])
def test_misused_follow(lab, options, told):
    assert told in lab.loader(*options, status=USAGE).err


def test_no_such_device(lab):
    assert "nosuch0" in lab.loader("--dev", "nosuch0", "--observe", status=NOT_FOUND).err


@pytest.mark.parametrize("options", [[], ["--dry-run"], ["--follow"]])
def test_ours_counts_already(lab, veth0, options):
    lab.load("veth0")
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", *options, status=CONFLICT)
    assert "\nhint: `xdp_stats --dev veth0` " in result.err
    assert lab.world() == world


def test_ours_without_a_counter_map(lab, veth0, tmp_path):
    """It counts nothing, and its pins are in the way: the hint's two ways lead on, each."""
    lab.load("veth0", "--filename", object_file("no_counter"))
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", status=CONFLICT)
    assert "has no map 'xdp_stats_map'" in result.err and "counts already" not in result.err
    assert lab.world() == world
    source = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>
SEC("xdp") int counted(struct xdp_md *ctx) { return xdp_tally(ctx, XDP_PASS); }
char _license[] SEC("license") = "GPL";
"""
    lab.load("veth0", "--filename", compile_object(source, tmp_path / "counted.o"))
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 3 * SIZE)})
    lab.loader("--dev", "veth0", "--unload")
    lab.foreign_attach("veth0")
    if takes_tracing_programs():
        lab.loader("--dev", "veth0", "--observe")
        send(veth0, 3, SIZE)
        lab.wait_for_counts("veth0", {"XDP_PASS": (3, 3 * SIZE)})
    else:
        assert "refuses tracing programs" in lab.loader("--dev", "veth0", "--observe", status=1).err


def test_without_capabilities(lab, veth0):
    lab.foreign_attach("veth0")
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", status=PERMISSION,
                        prefix=["setpriv", "--inh-caps=-all", "--bounding-set=-all"])
    assert "CAP_SYS_ADMIN" in result.err
    assert lab.world() == world
    run(["ip", "link", "set", "dev", "veth0", "xdp", "off"])


@pytest.mark.parametrize("options", [[], ["--follow"]])
def test_kernel_refuses_tracing_programs(lab, veth0, options):
    """A line that says so, a hint, and nothing has changed."""
    if takes_tracing_programs():
        pytest.skip("this kernel takes tracing programs")
    lab.foreign_attach("veth0")
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", *options, status=1)
    line, hint = result.err.splitlines()
    assert "this kernel refuses tracing programs" in line and hint.startswith("hint: ")
    assert "--observe" not in lab.loader("--dev", "veth0", status=5).err
    assert lab.world() == world
    assert not pin_dir("veth0").exists()
    run(["ip", "link", "set", "dev", "veth0", "xdp", "off"])


def test_per_program_of_a_map_without_a_meta(lab, veth0):
    """Nobody knows which program counts into it."""
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", kind="percpu_array", key=4, value=16, entries=5)
    result = run([STATS, "--dev", "veth0", "--once", "--per-program"], status=NOT_FOUND)
    assert "\nhint: `xdp_stats --dev veth0` shows" in result.err


def test_per_program_of_ours(lab, veth0):
    """Which is alone on the hook: all is its own doing."""
    outcome = lab.load("veth0", "--attach", "link")
    sample = lab.once("veth0", "--per-program")
    (program,) = sample["programs"]
    assert (program["id"], program["name"]) == (outcome["program"]["id"], outcome["program"]["name"])
    # Lifetime totals are known of the whole map alone, and what became of packets of the interface.

    def own(values):
        known = {name: value for name, value in values.items() if name not in UNTRACKED}
        return known | {"lifetime_packets": None, "lifetime_bytes": None}
    assert program["actions"] == {action: own(values) for action, values in sample["actions"].items()}
    assert program["total"] == own(sample["total"])
