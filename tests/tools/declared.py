# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The lists of tests/: a line is words, and after a # the reason."""
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def lines(path):
    """The words of every line that has any."""
    found = (line.partition("#")[0].split() for line in Path(path).read_text().splitlines())
    return [words for words in found if words]


def pattern(text):
    """What stands in a list for test names: * is anything, everything else (brackets, too) itself."""
    return re.compile(".*".join(map(re.escape, text.split("*"))))


def kernel_names():
    """The kernels that scripts/vm-test knows."""
    return [name for name, *_ in lines(TESTS / "vm/kernels")]


def vm_skips(kernel):
    return [name for names, name in lines(TESTS / "vm/skips") if kernel in names.split(",")]


def allowed_skips(file="allowed-skips.txt"):
    return [name for name, in lines(TESTS / file)]


def matches(name, declarations):
    return any(pattern(declaration).fullmatch(name) for declaration in declarations)
