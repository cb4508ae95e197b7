# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What this kernel can do is what docs/kernels.md says of its version."""

import os
import re
import subprocess

import pytest

from support import kernel
from support.devices import attached, link_info
from support.pins import BPFFS
from support.processes import run
from support.programs import object_file
from support.traffic import send

VERSION = tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))


def works(command):
    """Whether a command of others succeeds, by which the kernel is asked."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def kernel_cast(lab):
    """`bpf_cast_to_kern_ctx`: the length of an unfragmented frame without a helper call"""
    path = BPFFS / "kernel_cast"
    lab.cleanups.append(lambda: path.unlink(missing_ok=True))
    return works(["bpftool", "prog", "load", object_file("kernel_cast"), path, "type", "xdp"])


def dispatcher(lab):
    """several programs on one interface, through libxdp's dispatcher (program type ext)"""
    veth = lab.veth("veth0")
    lab.cleanups.append(lambda: run(["xdp-loader", "unload", veth.name, "--all"]))
    names = ("generation_a", "generation_b")
    loaded = [works(["xdp-loader", "load", veth.name, object_file(name)]) for name in names]
    assert link_info(veth.name)["xdp"]["prog"]["id"]
    return all(loaded)


def tracing(lab):
    """watching a program that runs, from outside (program type tracing, `fexit`)"""
    veth = lab.veth("veth0")
    lab.load(veth.name, "--attach", "link")
    dump = lab.process("stdbuf", "--output=L", "xdpdump", "--interface", veth.name, "--rx-capture", "exit")
    dump.wait_for_line("listening on", stream="err")
    send(veth, 1, 100)
    return bool(dump.wait_for_line(r"@exit.* packet size 100 bytes"))


def loaded_or_refusal(lab, dev, has):
    """What a load in native mode alone ends with: nothing, or the error's words."""
    done = lab.loader("--dev", dev, "--native-mode", "--attach", "link", status=0 if has else 1)
    assert attached(dev) is None or has
    return None if has else done.err


def test_native_mode_on_a_bond(lab):
    """The kernel's refusal, not that of the variant for fragments, which kernels without bonds lack as well."""
    run(["ip", "link", "add", "name", "bonded", "type", "bond"])
    refusal = loaded_or_refusal(lab, "bonded", kernel.bonds())
    assert refusal is None or "does not support XDP in native mode" in refusal and "--skb-mode" in refusal


def test_native_mode_with_large_frames(lab):
    """What the user can do: the built-in program cannot be built otherwise."""
    lab.veth("veth0", mtu=9000)
    refusal = loaded_or_refusal(lab, "veth0", kernel.frags())
    assert refusal is None or "lower the MTU" in refusal and "5.18" in refusal and "SEC(" not in refusal


# Since when a kernel has it.
FEATURES = {
    dispatcher: (5, 10),
    tracing: (5, 10),
    kernel.batch: (5, 13),
    kernel.bonds: (5, 15),
    kernel.frags: (5, 18),
    kernel.unprivileged_reading: (5, 19),
    kernel_cast: (6, 2),
    kernel.frags_redirect: (6, 3),
}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.__name__)
def test_feature(lab, feature, record_property):
    has = feature(lab) if feature.__module__ == __name__ else feature()
    record_property("feature", feature.__doc__)
    record_property("kernel", "{}.{}".format(*VERSION))
    record_property("has", "yes" if has else "no")
    assert has == (VERSION >= FEATURES[feature]), f"docs/kernels.md says otherwise of {os.uname().release}"
