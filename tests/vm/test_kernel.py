"""What this kernel can do is what docs/kernels.md says of its version."""

import os
import re
import subprocess

import pytest

import kernel
from lab import BPFFS, link_info, object_file, run, send

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


# Since when a kernel has it.
FEATURES = {
    dispatcher: (5, 10),
    tracing: (5, 10),
    kernel.batch: (5, 13),
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
