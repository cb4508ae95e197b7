# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Hints work: each is produced, typed as it stands, solves the situation, and takes away nothing else.

hints/table.py has the rows. A text of the sources that is in none, and a row for a text that is nowhere, fail here.
"""

import re

import pytest

from hints import sources
from hints.rows import COMMAND, OPTION, Command, Elsewhere, Quoted, Row, Shows
from hints.table import ROWS
from hints.trial import trials, try_hint
from support.programs import TOP


@pytest.fixture(name="texts", scope="module")
def texts_of_the_sources():
    return sources.texts()


def key(text):
    return text.strip("; ")


def test_every_hint_of_the_sources_is_in_the_table(texts):
    known = {key(row.hint) for row in ROWS}
    missing = {text: where for text, where in texts.items() if text not in known}
    assert not missing, "no row in hints/table.py for:\n" + "\n".join(f"{missing[text]}: {text}" for text in missing)


def test_every_row_is_of_a_hint_of_the_sources(texts):
    assert [row.hint for row in ROWS if key(row.hint) not in texts] == []


def test_every_alternative_of_a_hint_is_tried():
    """Its commands in backquotes, and its options elsewhere."""
    of_hint = {}
    for row in ROWS:
        if isinstance(row, Row):
            of_hint.setdefault(row.hint, []).extend(row.ways)
    for hint, ways in of_hint.items():
        if not all(isinstance(way, (Command, Shows, Quoted)) or way.named() for way in ways):
            continue  # a function of the scene that takes the commands
        commands = {way.number for way in ways if isinstance(way, (Command, Shows, Quoted))}
        named = set().union(*(way.named() for way in ways))
        in_words = set(OPTION.findall(COMMAND.sub("", hint)))
        assert in_words <= named, (hint, in_words - named)
        if not named:
            assert commands == set(range(len(COMMAND.findall(hint)))), hint


def test_the_tests_that_follow_advice_are_there():
    for row in [row for row in ROWS if isinstance(row, Elsewhere)]:
        file, _, name = row.test.partition("::")
        (path,) = [path for folder in ("e2e", "vm", "unit") for path in (TOP / "tests" / folder).rglob(file)]
        wanted = name if path.suffix == ".cpp" else f"def {name}("
        assert re.search(re.escape(wanted), path.read_text()), row


@pytest.mark.parametrize("trial", trials("here"), ids=str)
def test_hint(lab, trial):
    try_hint(lab, trial)
