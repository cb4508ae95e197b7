# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Programs that are started in an odd environment, and whether it was they who ended then.

strace tells: the first thing that main() does is to look whether stdin is open. A process that ends before has met the
kernel's exec, ld.so or our objects that are made ahead of main().
"""

import re
import subprocess

from support.processes import SANITIZER
from support.strace import strace

MAIN_BEGINS = "fcntl(0, F_GETFD)"
STATUSES = range(7)
SIGABRT, SIGKILL, SIGSEGV = 6, 9, 11


class Start:
    """One run to its end."""

    def __init__(self, command, log, prefix=(), trace="execve,fcntl", closed=()):
        closing = " ".join(f"{stream}>&-" for stream in closed)
        words = strace("-qq", "-e", f"trace={trace}", "-e", "signal=none", log=log,
                       command=["sh", "-c", f'exec "$@" {closing}', "sh", *prefix, *command])
        self.command = " ".join(map(str, [*prefix, *command]))
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL)
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        calls = log.read_text()
        start = max(match.start() for match in re.finditer(r"^execve\(.* = ", calls, re.M))
        self.calls = calls[start:].splitlines()[1:]
        self.began = any(call.startswith(MAIN_BEGINS) for call in self.calls)

    def __str__(self):
        return f"status {self.status}, main {'began' if self.began else 'did not begin'}: {self.command}\n{self.err}"

    def check(self, statuses=STATUSES):
        """A documented end, or one that is not ours."""
        assert not SANITIZER.search(self.err) and "terminate called" not in self.err, self
        if self.began:
            assert self.status in statuses, self
        else:
            # 127: ld.so, or prlimit and setpriv, whose exec the kernel refused.
            killed_by_exec = self.status in (-SIGKILL, -SIGSEGV) and not self.err
            of_others = self.status in (126, 127) and not re.match("xdp_", self.err)
            out_of_memory = self.status == 1 and re.fullmatch(r"xdp_(loader|stats): out of memory\n", self.err)
            assert killed_by_exec or of_others or out_of_memory, self
        return self

    def descriptors_taken(self):
        """(number, call) of each descriptor below 3 that a call of the program made."""
        begin = next(i for i, call in enumerate(self.calls) if call.startswith(MAIN_BEGINS))
        for call in self.calls[begin:]:
            name, result = call.split("(")[0], re.search(r"= ([012])(?: \(flags .*)?$", call)
            if result and (name not in ("bpf", "fcntl") or MAKES_DESCRIPTOR.search(call)):
                yield int(result[1]), call


# To be traced for descriptors_taken().
OPENING = ("execve,fcntl,open,openat,openat2,socket,accept4,bpf,dup,eventfd2,epoll_create1,inotify_init1,memfd_create,"
           "signalfd4,timerfd_create,perf_event_open,pidfd_open")
# Of calls that do many things, those that return a descriptor.
MAKES_DESCRIPTOR = re.compile(r"F_DUPFD|BPF_(MAP_CREATE|PROG_LOAD|OBJ_GET[^_]|\w+_GET_FD_BY_ID|LINK_CREATE|BTF_LOAD|"
                              r"ITER_CREATE|RAW_TRACEPOINT_OPEN|ENABLE_STATS|TOKEN_CREATE)")
