# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Runs that may fail, but not anyhow."""

import json
import re
import subprocess

from support.processes import SANITIZER

STATUSES = (0, 1, 2, 3, 4, 5)
PATIENCE = 60  # seconds: nothing here takes long, whatever the machine does besides


def judge(done, program="xdp_loader"):
    """The status of a run that may have failed, but not anyhow."""
    shown = f"{' '.join(map(str, done.args))}: status {done.returncode}\nstdout: {done.stdout}\nstderr: {done.stderr}"
    assert done.returncode in STATUSES, shown
    assert not SANITIZER.search(done.stderr), shown
    if done.returncode and "--json" in done.args:
        for line in done.stderr.splitlines():
            error = json.loads(line)["error"]
            assert error["status"] == done.returncode and error["message"], shown
    elif done.returncode:
        first, _, rest = done.stderr.partition("\n")
        assert re.fullmatch(rf"{program}: .+: .+", first), shown
        assert all(line.startswith(("  ", "hint: ", f"{program}: ")) for line in rest.splitlines()), shown
        assert len(done.stderr) < 8192, shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", done.stdout + done.stderr), f"steers the terminal: {shown!r}"
    return done.returncode


def run_any(*command, program="xdp_loader"):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=PATIENCE,
                          check=False, errors="backslashreplace", stdin=subprocess.DEVNULL)
    return judge(done, program), done
