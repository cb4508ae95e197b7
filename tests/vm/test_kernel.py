# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What this kernel can do is what docs/kernels.md says of its version."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support import kernel, mutants
from support.devices import attached, link_info
from support.pins import BPFFS
from support.processes import run
from support.programs import FAILED, PERMISSION, object_file
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
    kernel.upper_rule: (5, 15),
    kernel.frags: (5, 18),
    kernel.unprivileged_reading: (5, 19),
    kernel_cast: (6, 2),
    kernel.frags_redirect: (6, 3),
    kernel.driver_features: (6, 3),
}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.__name__)
def test_feature(lab, feature, record_property):
    has = feature(lab) if feature.__module__ == __name__ else feature()
    record_property("feature", feature.__doc__)
    record_property("kernel", "{}.{}".format(*VERSION))
    record_property("has", "yes" if has else "no")
    assert has == (VERSION >= FEATURES[feature]), f"docs/kernels.md says otherwise of {os.uname().release}"


# ---- refusals ----------------------------------------------------------------------------------------------


def refusal_of(lab, *args, status=FAILED, prefix=()):
    """The first line, and everything behind it."""
    world = lab.world()
    refused = lab.loader("--dev", "veth0", *args, status=status, prefix=prefix)
    assert lab.world() == world
    first, _, rest = refused.err.partition("\n")
    return first, rest


def test_the_reason_at_the_end_of_a_very_long_log(lab, veth0):
    """Kernels before 6.4 keep the head of a log that does not fit, and say ENOSPC."""
    first, rest = refusal_of(lab, "--filename", object_file("reason_long_log"))
    assert "the verifier refuses it: invalid access to packet" in first
    assert re.match(r"  \.\.\. \([0-9]+ lines left out; -v shows all\)\n", rest)
    assert "\n  ; return data[STEPS + 100]" in rest


COUNTS_LOCKED_MEMORY = VERSION < (5, 11)


def under_limit(limit):
    """Command prefix: root, who may lock so much memory (soft and hard limit), and may not raise the hard limit."""
    return ["prlimit", f"--memlock={limit}", "setpriv", "--bounding-set=-sys_resource"]


def test_a_soft_limit_of_locked_memory_is_raised(lab, veth0):
    lab.load("veth0", prefix=under_limit("0:8388608"))
    lab.loader("--dev", "veth0", "--unload")
    lab.loader("--track-delivery", prefix=under_limit("0:268435456"))
    lab.loader("--untrack-delivery")
    lab.foreign_attach("veth0")
    lab.loader("--dev", "veth0", "--observe", prefix=under_limit("0:8388608"))
    lab.loader("--dev", "veth0", "--unload")
    run(["ip", "link", "set", "dev", "veth0", "xdpdrv", "off"])


@pytest.mark.parametrize("limit", ["0:0", "262144:262144"])
def test_the_limit_of_locked_memory(lab, veth0, tmp_path, limit):
    """Too little for anything, and for one map of many entries."""
    image = bytearray(Path(object_file("own")).read_bytes())
    mutants.set_entries(image, "xdp_stats_map", 100_000)
    file = tmp_path / "large.o"
    file.write_bytes(image)
    arguments = ("--filename", file)
    if not COUNTS_LOCKED_MEMORY:
        lab.loader("--dev", "veth0", *arguments, prefix=under_limit(limit))
        lab.loader("--dev", "veth0", "--unload")
        return
    first, rest = refusal_of(lab, *arguments, status=PERMISSION, prefix=under_limit(limit))
    assert "the limit of locked memory is too low" in first
    assert "ulimit -l unlimited" in rest
