# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The code blocks of a Markdown page, which tests run as they stand."""

import re
import textwrap
from collections import namedtuple

# `name`: of the file, where the line before the block says one, such as "`drop-test.sh`:".
Block = namedtuple("Block", "name language text")

BLOCK = re.compile(r"(?:^`(?P<name>[^`\n]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^ +run: (?:\|\n(?P<lines>(?:^ {10}.*\n|\n)+)|(?P<line>[^|\n]+)$)", re.MULTILINE)


def blocks(page, language=None):
    found = [Block(**match.groupdict()) for match in BLOCK.finditer(page)]
    return [block for block in found if language in (None, block.language)]


def steps(job):
    """The scripts of the steps of a GitHub Actions job."""
    return [textwrap.dedent(match["lines"] or match["line"]) for match in STEP.finditer(job)]
