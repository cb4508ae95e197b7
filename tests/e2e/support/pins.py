# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What is pinned, and where."""

import json
import subprocess
from pathlib import Path

BPFFS = Path("/sys/fs/bpf")
PINS = ["xdp_link", "xdp_stats_map", "xdp_stats_meta"]  # of a program with no other maps


def pin_dir(dev):
    return BPFFS / dev.replace(".", "%2E")


def pins_of(dev):
    return sorted(path.name for path in pin_dir(dev).iterdir())


def pinned_link(path):
    """What bpftool says of it. Version 7.5 says it, and ends with status 255 all the same."""
    done = subprocess.run(["bpftool", "--json", "link", "show", "pinned", path], capture_output=True, check=False)
    assert done.returncode in (0, 255), done
    return json.loads(done.stdout)
