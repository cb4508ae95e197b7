"""The bpf() system call, for what no tool does."""

import ctypes
import os
import struct

BPF_OBJ_PIN, BPF_OBJ_GET, BPF_LINK_CREATE = 6, 7, 28
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


def open_pin(path):
    name = ctypes.create_string_buffer(str(path).encode())
    return bpf(BPF_OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0))[0]


def pin(fd, path):
    name = ctypes.create_string_buffer(str(path).encode())
    bpf(BPF_OBJ_PIN, struct.pack("=QII", ctypes.addressof(name), fd, 0))


def create_link(program_fd, ifindex):
    return bpf(BPF_LINK_CREATE, struct.pack("=IIII", program_fd, ifindex, BPF_XDP, 0))[0]
