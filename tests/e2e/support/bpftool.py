# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""bpftool's answers."""

import json

from support.processes import run


def bpftool(*words):
    return json.loads(run(["bpftool", "--json", *words]).out or "[]")


def binary(octets):
    """Of the hexadecimal numbers that it writes."""
    return bytes(int(octet, 16) for octet in octets)
