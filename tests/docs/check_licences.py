#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Every source file names its licence in its first lines; the BPF programs have theirs."""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
FOLDERS = ("bench", "bpf", "cmake", "contrib", "docs", "include", "packaging", "scripts", "src", "tests")
SUFFIXES = {".bash", ".bats", ".c", ".cmake", ".cpp", ".h", ".in", ".py", ".service", ".sh", ".yml"}
PROGRAMS = "LGPL-2.1-only OR BSD-2-Clause"
BPF = "GPL-2.0-only OR BSD-2-Clause"


def is_source(path):
    with path.open("rb") as file:
        script = file.read(2) == b"#!"
    return path.suffix in SUFFIXES and ".scd" not in path.name or path.name == "CMakeLists.txt" or script


def main():
    wrong = []
    checked = 0
    for path in sorted(path for folder in FOLDERS for path in (TOP / folder).rglob("*")):
        if not path.is_file() or "corpus" in path.parts or "__pycache__" in path.parts or not is_source(path):
            continue
        name = path.relative_to(TOP)
        head = path.read_text(errors="replace")[:400]
        found = re.search(r"SPDX-License-Identifier: ([^*\n]*[^*\s])", head)
        is_bpf = ".bpf." in path.name and not str(name).startswith("include/")
        checked += 1
        if not found or found[1] != (BPF if is_bpf else PROGRAMS):
            wrong.append(f"{name}: {found[1] if found else 'no SPDX-License-Identifier'}")
    print("\n".join(wrong) or f"{checked} files name their licence")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
