# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""scripts/bench --against: the order of its runs, what one build cannot do, how the earlier one is configured."""

from contextlib import contextmanager

import pytest

from against import CONFIGURED, PAIRS, QUICK_PAIRS, Unknown, in_turn
from comparison import allowed_exceptions
from measuring import Failed


class Side(str):
    """A build's letter."""
    def renew(self):
        pass


SIDES = (Side("A"), Side("B"))


def part_of(values_of, calls=None):
    @contextmanager
    def part(side, _count):
        def once():
            if calls is not None:
                calls.append(side)
            return values_of(side)
        yield once
    return part


def test_who_comes_first_changes():
    calls = []
    in_turn(SIDES, 3, part_of(lambda _: {}, calls), 1)
    assert "".join(calls) == "AB" + "AB" + "BA" + "AB"  # the first two are thrown away


def test_values_of_one_pair_stand_at_one_place():
    taken = iter(range(100))
    (row,) = in_turn(SIDES, 3, part_of(lambda _: {"a": next(taken)}), 1)
    assert (row.before, row.now) == ([2, 5, 6], [3, 4, 7])


@pytest.mark.parametrize("able, verdict", [("A", "gone"), ("B", "new")])
def test_a_row_that_only_one_build_has(able, verdict):
    rows = in_turn(SIDES, 10, part_of(lambda side: {"a": 1, **({"b": 1} if side == able else {})}), 1)
    assert [(row.name, row.verdict) for row in rows] == [("a", ""), ("b", verdict)]


def test_a_part_that_one_build_cannot_prepare(capsys):
    @contextmanager
    def part(side, _count):
        if side == "A":
            raise Unknown("there is no such option")
        yield lambda: {"a": 1}
    assert [row.verdict for row in in_turn(SIDES, 10, part, 1)] == ["new"]
    assert "there is no such option" in capsys.readouterr().err


def test_what_fails_otherwise_is_no_news():
    def fail(side):
        raise Failed("no memory")
    with pytest.raises(Failed):
        in_turn(SIDES, 10, part_of(fail), 1)


def test_as_many_pairs_as_the_help_says():
    assert [(pairs, pairs - allowed_exceptions(pairs)) for pairs in (PAIRS, QUICK_PAIRS)] == [(41, 31), (14, 13)]


def test_the_earlier_build_has_the_options_of_the_present():
    cache = "\n".join([
        "//A comment", "CMAKE_BUILD_TYPE:STRING=Release", "CMAKE_CXX_FLAGS:STRING=-O1 -g=3",
        "CMAKE_CXX_COMPILER_LAUNCHER:STRING=ccache", "CMAKE_GENERATOR:INTERNAL=Ninja", "TALLY_SANITIZE:BOOL=OFF",
        "CMAKE_HOME_DIRECTORY:INTERNAL=/here", "CMAKE_CXX_COMPILER_AR:FILEPATH=/usr/bin/ar", "BUILD_TESTING:BOOL=ON"])
    assert dict(CONFIGURED.findall(cache)) == {
        "CMAKE_BUILD_TYPE": "Release", "CMAKE_CXX_FLAGS": "-O1 -g=3", "CMAKE_CXX_COMPILER_LAUNCHER": "ccache",
        "CMAKE_GENERATOR": "Ninja", "TALLY_SANITIZE": "OFF"}
