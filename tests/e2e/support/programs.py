# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The programs under test, what is loaded by them, and their exit statuses."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

from support import kernel

LOADER = os.environ.get("XDP_LOADER", "")
STATS = os.environ.get("XDP_STATS", "")
SENDER = os.environ.get("SEND_FRAMES", "")
OBJECTS = Path(os.environ.get("TEST_OBJECTS", ""))
TOP = Path(__file__).resolve().parents[3]
FAILED, USAGE, PERMISSION, NOT_FOUND, CONFLICT = 1, 2, 3, 4, 5  # exit statuses
MODES = {"native": "--native-mode", "generic": "--skb-mode"}


def object_file(name):
    """A test object; built with `xdp` for `xdp.frags` where the kernel has no such programs."""
    linear = OBJECTS / f"e2e_{name}_linear.bpf.o"
    return str(linear if linear.exists() and not kernel.frags() else OBJECTS / f"e2e_{name}.bpf.o")


def compile_object(source, output, *options):
    """C for clang, as README.md has it for one's own programs; the path of the object."""
    subprocess.run(["clang", "-target", "bpf", "-g", "-O2", f"-I{TOP}/include", "-idirafter",
                    f"/usr/include/{os.uname().machine}-linux-gnu", *options, "-x", "c", "-", "-c", "-o", output],
                   input=source, text=True, check=True)
    return str(output)


def copy_for_everyone(directory=Path("/run/bin")):
    """The programs where an ordinary user can reach them, whoever owns the build directory."""
    directory.mkdir(mode=0o755, exist_ok=True)
    copies = []
    for program in (LOADER, STATS):
        copy = directory / Path(program).name
        if not copy.exists():
            shutil.copy(program, copy)
            copy.chmod(0o755)
        copies.append(str(copy))
    return copies


@functools.cache
def ways_to_attach():
    """For tests that hold for every way. That kernels with dispatchers are known as such is tests/vm's matter."""
    asked = subprocess.run([LOADER, "--dev", "lo", "--skb-mode", "--attach", "dispatcher", "--dry-run"],
                           capture_output=True, check=False)
    return ["link", "dispatcher"] if asked.returncode == 0 else ["link"]
