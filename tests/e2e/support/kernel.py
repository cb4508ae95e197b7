# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What the running kernel can do, by asking it. A test that needs one of these skips itself where it is missing."""

import ctypes
import errno
import functools
import os
import pwd
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from support.raw_bpf import BPF_LINK_CREATE, BPF_OBJ_GET, BPF_PROG_TEST_RUN, BPF_XDP, bpf, run_live

BPF_MAP_CREATE, BPF_PROG_LOAD, BPF_MAP_LOOKUP_BATCH = 0, 5, 24
BPF_PROG_TYPE_XDP, BPF_MAP_TYPE_PERCPU_ARRAY = 6, 6
XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE = 1 << 1, 1 << 2
BPF_F_XDP_HAS_FRAGS = 1 << 5
ENOTSUPP = 524  # the kernel's own; no user space knows it
PASS = struct.pack("=BBhiBBhi", 0xb7, 0, 0, 2, 0x95, 0, 0, 0)  # r0 = 2; exit


def refused(command, attributes, refusal):
    """Whether the kernel answers with this errno; a failure of another kind is no answer."""
    try:
        fd, _ = bpf(command, attributes)
    except OSError as error:
        if error.errno != refusal:
            raise
        return True
    if command in (BPF_PROG_LOAD, BPF_LINK_CREATE):
        os.close(fd)
    return False


def load_attributes(flags):
    """Those of a program that passes everything, and what they point to."""
    program, text = ctypes.create_string_buffer(PASS), ctypes.create_string_buffer(b"GPL")
    return struct.pack("=IIQQIIQII", BPF_PROG_TYPE_XDP, len(PASS) // 8, ctypes.addressof(program),
                       ctypes.addressof(text), 0, 0, 0, 0, flags), (program, text)


@functools.cache
def frags():
    """programs for frames of several buffers (`xdp.frags`)"""
    attributes, _kept = load_attributes(BPF_F_XDP_HAS_FRAGS)
    return not refused(BPF_PROG_LOAD, attributes, errno.EINVAL)


@functools.cache
def short_frames_refused():
    """refusing frames without an Ethernet header in a test run"""
    attributes, _kept = load_attributes(0)
    program, _ = bpf(BPF_PROG_LOAD, attributes)
    frame = ctypes.create_string_buffer(13)
    try:
        return refused(BPF_PROG_TEST_RUN, struct.pack("=IIIIQQII", program, 0, 13, 0, ctypes.addressof(frame), 0, 1, 0),
                       errno.EINVAL)
    finally:
        os.close(program)


def has_name(name):
    """A type, a function or a constant of the kernel is called so."""
    return f"\0{name}\0".encode() in Path("/sys/kernel/btf/vmlinux").read_bytes()


@functools.cache
def frags_redirect():
    """redirecting frames of several buffers"""
    # Before a device could say that it takes them, every such redirect failed.
    return has_name("NETDEV_XDP_ACT_NDO_XMIT_SG")


@functools.cache
def driver_features():
    """telling what an interface's driver can do with XDP"""
    return has_name("NETDEV_XDP_ACT_NDO_XMIT")


@functools.cache
def devmap_drops():
    """telling what a devmap's program drops"""
    # Since its programs run over a whole bulk, whose tracepoint tells the difference.
    return has_name("dev_map_bpf_prog_run")


@functools.cache
def broadcast():
    """redirects to several targets"""
    return has_name("BPF_F_BROADCAST")


@functools.cache
def receive_metadata():
    """kfuncs for receive metadata"""
    return has_name("bpf_xdp_metadata_rx_timestamp")


def possible_cpus():
    return 1 + max(int(number) for number in Path("/sys/devices/system/cpu/possible").read_text().split("-"))


@functools.cache
def batch():
    """batch lookup in per-CPU arrays: one system call per sample"""
    cpus = possible_cpus()
    fd, _ = bpf(BPF_MAP_CREATE, struct.pack("=IIII", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 16, 5))
    try:
        next_key, keys, values = (ctypes.create_string_buffer(size) for size in (4, 5 * 4, 5 * 16 * cpus))
        attributes = struct.pack("=QQQQIIQQ", 0, *map(ctypes.addressof, (next_key, keys, values)), 5, fd, 0, 0)
        return not refused(BPF_MAP_LOOKUP_BATCH, attributes, ENOTSUPP)
    finally:
        os.close(fd)


@functools.cache
def unprivileged_reading():
    """reading pinned maps without capabilities"""
    name = ctypes.create_string_buffer(b"/nonexistent")
    nobody = pwd.getpwnam("nobody")
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(*[nobody.pw_gid] * 3)
            os.setresuid(*[nobody.pw_uid] * 3)
            bpf(BPF_OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0))
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert answer in (errno.ENOENT, errno.EPERM), answer  # the path is looked up, or all of bpf() is refused
    return answer == errno.ENOENT


@functools.cache
def live_rename():
    """renaming an interface that is up"""
    link = ["ip", "link", "set", "dev", "rename0"]
    subprocess.run(["ip", "link", "add", "name", "rename0", "type", "veth", "peer", "name", "rename1"], check=True)
    try:
        subprocess.run([*link, "up"], check=True)
        done = subprocess.run([*link, "name", "rename2"], capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "busy" in done.stderr, done
        return done.returncode == 0
    finally:
        subprocess.run(["ip", "link", "delete", "dev", "rename1"], check=True)


@functools.cache
def live_frames():
    """test runs whose frames go where the program sends them"""
    attributes, _kept = load_attributes(0)
    program, _ = bpf(BPF_PROG_LOAD, attributes)
    try:
        run_live(program, bytes(64), 1)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return False
    finally:
        os.close(program)
    return True


def devices_of(kind):
    """Whether devices of this kind can be made; their modules may be missing."""
    done = subprocess.run(["ip", "link", "add", "name", "probed", "type", kind], capture_output=True, check=False)
    if done.returncode == 0:
        subprocess.run(["ip", "link", "delete", "dev", "probed"], check=True)
    return done.returncode == 0


@functools.cache
def bridge_devices():
    """bridges"""
    return devices_of("bridge")


@functools.cache
def bond_devices():
    """bonds"""
    return devices_of("bond")


@functools.cache
def bonds():
    """programs on a bond, which the drivers of its slaves run"""
    subprocess.run(["ip", "link", "add", "name", "probed", "type", "bond"], check=True)
    attributes, _kept = load_attributes(0)
    program, _ = bpf(BPF_PROG_LOAD, attributes)
    try:
        return not refused(BPF_LINK_CREATE, struct.pack("=IIII", program, socket.if_nametoindex("probed"), BPF_XDP,
                                                        XDP_FLAGS_DRV_MODE), errno.EOPNOTSUPP)
    finally:
        os.close(program)
        subprocess.run(["ip", "link", "delete", "dev", "probed"], check=True)


@functools.cache
def upper_rule():
    """refusing programs below an interface that has one"""
    subprocess.run(["ip", "link", "add", "name", "lower", "type", "veth", "peer", "name", "p-lower"], check=True)
    subprocess.run(["ip", "link", "add", "link", "lower", "name", "upper", "type", "macvlan"], check=True)
    attributes, _kept = load_attributes(0)
    program, _ = bpf(BPF_PROG_LOAD, attributes)
    try:
        upper, _ = bpf(BPF_LINK_CREATE, struct.pack("=IIII", program, socket.if_nametoindex("upper"), BPF_XDP,
                                                    XDP_FLAGS_SKB_MODE))
        lower = struct.pack("=IIII", program, socket.if_nametoindex("lower"), BPF_XDP, XDP_FLAGS_DRV_MODE)
        answer = refused(BPF_LINK_CREATE, lower, errno.EEXIST)
        os.close(upper)
        return answer
    finally:
        os.close(program)
        subprocess.run(["ip", "link", "delete", "dev", "lower"], check=True)


def need(feature):
    """Skips the test where the kernel lacks it; which tests on which kernel those are, tests/vm/skips says."""
    if not feature():
        pytest.skip(f"this kernel lacks {feature.__doc__}")
