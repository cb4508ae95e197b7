# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Programs under strace, which counts their system calls, and has one fail or be the last."""

import os
import re

FAULT_STEP = int(os.environ.get("XDP_TALLY_FAULT_STEP", "1"))  # of that many calls, one


def strace(*options, command, log):
    environment = ["env", "ASAN_OPTIONS=detect_leaks=0"]  # LeakSanitizer cannot work under ptrace
    return [*environment, "strace", "-o", log, *options, *command]


def count_calls(log):
    return sum(1 for line in log.read_text().splitlines() if re.match(r"\w+\(", line))
