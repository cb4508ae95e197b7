# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""When scripts/bench --against calls something slower, on series that are made up."""

import math
import random

import pytest

from comparison import CHANCE, Row, allowed_exceptions, compared, conclusion


def noisy(count, seed, spread=1.0, more=0.0):
    source = random.Random(seed)
    return [10 + more + source.uniform(-spread, spread) for _ in range(count)]


def test_equal():
    row = Row("a", [3.0] * 10, [3.0] * 10)
    assert (row.difference, row.verdict) == (0, "")


@pytest.mark.parametrize("more, verdict", [(0.5, "slower"), (-0.5, "faster"), (0.05, ""), (-0.05, "")])
def test_without_noise_less_than_a_hundredth_is_nothing(more, verdict):
    row = Row("a", [10.0] * 10, [10.0 + more] * 10)
    assert row.difference == pytest.approx(more)
    assert row.noise == pytest.approx(0.1)
    assert row.verdict == verdict


def test_what_slows_both_drops_out():
    """A machine that becomes ten times as slow meanwhile: the pairs still tell a difference of a tenth."""
    before = [float(10 * (1 + number)) for number in range(20)]
    assert Row("a", before, [value + 5 for value in before]).verdict == "slower"
    assert Row("a", before, before).verdict == ""


def test_a_difference_within_the_noise():
    assert Row("a", noisy(41, 1), noisy(41, 2, more=0.05)).verdict == ""


def test_a_difference_beyond_the_noise():
    assert Row("a", noisy(41, 1), noisy(41, 2, more=0.8)).verdict == "slower"
    assert Row("a", noisy(41, 1, more=0.8), noisy(41, 2)).verdict == "faster"


def test_one_wild_value_is_no_difference_and_hides_none():
    values = [10.0] * 20
    assert Row("a", values, [*values[:-1], 1000.0]).verdict == ""
    assert Row("a", [*values[:-1], 1000.0], [value + 1 for value in values]).verdict == "slower"


def test_two_values_that_alternate_are_noise():
    """As with the kernel's grace periods, which end with its timer ticks."""
    source = random.Random(3)
    series = [[source.choice((4.0, 8.0)) for _ in range(41)] for _ in range(2)]
    assert Row("a", *series).verdict == ""


def test_equal_builds_are_hardly_ever_told_apart():
    told = sum(Row("a", noisy(41, 2 * seed), noisy(41, 2 * seed + 1)).verdict != "" for seed in range(500))
    assert told <= 5  # in the mean 1: 500 times CHANCE, for slower and for faster


def test_too_few_pairs_tell_nothing():
    row = Row("a", [1.0] * 9, [2.0] * 9)
    assert (row.noise, row.verdict) == (math.inf, "")


@pytest.mark.parametrize("pairs, exceptions", [
    (9, None),  # 1 of 512 is more than 1 of 1,000
    (10, 0),  # 1 of 1,024
    (13, 0),  # 14 of 8,192 would be 1.7 of 1,000
    (14, 1),  # 15 of 16,384
])
def test_allowed_exceptions(pairs, exceptions):
    assert CHANCE == 0.001
    assert allowed_exceptions(pairs) == exceptions


def test_rows_of_one_build_only():
    rows = [Row("a", [], [2.0]), Row("b", [2.0], [])]
    assert [row.verdict for row in rows] == ["new", "gone"]
    assert compared(rows).splitlines()[2:] == ["| a | - | 2.000 | - | - | new |", "| b | 2.000 | - | - | - | gone |"]
    assert conclusion(rows, "abc") == "Nothing is slower than abc by more than the noise."


def test_conclusion():
    rows = [Row("a", [1.0] * 10, [1.0] * 10), Row("b", [1.0] * 10, [2.0] * 10)]
    assert compared(rows).splitlines() == [
        "|  | before | now | difference | noise |  |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| a | 1.000 | 1.000 | +0.000 | 0.010 |  |",
        "| b | 1.000 | 2.000 | +1.000 | 0.010 | slower |"]
    assert conclusion(rows, "abc").splitlines() == [
        "Slower than abc by more than the noise:", "  b: 1.000 before, 2.000 now, difference +1.000, noise 0.010"]
