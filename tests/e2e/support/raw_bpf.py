# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The bpf() system call, for what no tool does."""

import ctypes
import errno
import os
import struct

BPF_MAP_CREATE, BPF_MAP_UPDATE_ELEM, BPF_OBJ_PIN, BPF_OBJ_GET, BPF_LINK_CREATE = 0, 2, 6, 7, 28
BPF_PROG_TEST_RUN = 10
BPF_F_RDONLY, BPF_F_TEST_XDP_LIVE_FRAMES = 8, 2
BPF_GET_NEXT_ID = {"prog": 11, "map": 12}
BPF_XDP = 37
SYS_BPF = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine, 280)


def bpf(command, attributes):
    """The system call: a descriptor (or 0), and the attributes as the kernel left them."""
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_BPF, command, buffer, 128)
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return fd, buffer


def open_pin(path, read_only=False):
    name = ctypes.create_string_buffer(str(path).encode())
    flags = BPF_F_RDONLY if read_only else 0
    return bpf(BPF_OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, flags))[0]


def takes_map(kind, key, value, entries, flags):
    """Whether the kernel makes such a map; one that is gone again."""
    try:
        os.close(bpf(BPF_MAP_CREATE, struct.pack("=IIIII", kind, key, value, entries, flags))[0])
    except OSError:
        return False
    return True


def update_element(map_fd, key, value):
    keys, values = ctypes.create_string_buffer(key), ctypes.create_string_buffer(value)
    bpf(BPF_MAP_UPDATE_ELEM,
        struct.pack("=IIQQQ", map_fd, 0, ctypes.addressof(keys), ctypes.addressof(values), 0))


def pin(fd, path):
    name = ctypes.create_string_buffer(str(path).encode())
    bpf(BPF_OBJ_PIN, struct.pack("=QII", ctypes.addressof(name), fd, 0))


def create_link(program_fd, ifindex):
    return bpf(BPF_LINK_CREATE, struct.pack("=IIII", program_fd, ifindex, BPF_XDP, 0))[0]


def existing_ids(kind):
    """
    The ids of all programs ("prog") or maps ("map"), none of which is opened, as bpftool's list does it: a PROG_ARRAY
    is cleared from a work queue after its last descriptor is closed, and stays for ever if it is opened and closed once
    more before that (prog_array_map_clear in kernel/bpf/arraymap.c takes a reference each time, while the work that is
    queued once gives one back; seen on 6.18).
    """
    ids = []
    try:
        while True:
            _, attributes = bpf(BPF_GET_NEXT_ID[kind], struct.pack("=I", ids[-1] if ids else 0))
            ids.append(struct.unpack_from("=II", attributes)[1])
    except OSError as error:
        if error.errno != errno.ENOENT:  # there is no next one
            raise
    return set(ids)


def run_live(program_fd, frame, count):
    """Has the kernel send this many frames where the program says, in one go (kernel 5.18)."""
    data = ctypes.create_string_buffer(frame, len(frame))
    sizes = struct.pack("=IIII", program_fd, 0, len(frame), 0)
    bpf(BPF_PROG_TEST_RUN, sizes + struct.pack("=QQIIIIQQIII", ctypes.addressof(data), 0, count, 0, 0, 0, 0, 0,
                                               BPF_F_TEST_XDP_LIVE_FRAMES, 0, count))
