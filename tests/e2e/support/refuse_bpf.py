# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Runs a command with bpf(2) refused by a seccomp filter, as the profiles of container runtimes do it.

python3 refuse_bpf.py ERRNO[/BPF_COMMAND] PROGRAM...    all of it, or one of its commands
"""

import ctypes
import os
import struct
import sys

REFUSE_BPF = ("python3", __file__)  # prefix of commands, before the error
SYS_BPF = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine, 280)
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS; BPF_JMP | BPF_JEQ | BPF_K; BPF_RET
RET_ERRNO, RET_ALLOW = 0x50000, 0x7FFF0000


def refuse_bpf(error, command=None):
    of_command = () if command is None else ((LOAD_WORD, 0, 0, 16),  # the low half of seccomp_data.args[0]
                                             (JUMP_IF_EQUAL, 0, 1, command))
    steps = ((LOAD_WORD, 0, 0, 0),  # seccomp_data.nr
             (JUMP_IF_EQUAL, 0, 1 + len(of_command), SYS_BPF),
             *of_command,
             (RETURN, 0, 0, RET_ERRNO | error),
             (RETURN, 0, 0, RET_ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for option in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                   (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_void_p(ctypes.addressof(program)), 0, 0)):
        if libc.prctl(*option) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    refuse_bpf(*map(int, sys.argv[1].split("/")))
    os.execvp(sys.argv[2], sys.argv[2:])
