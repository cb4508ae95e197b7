# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The rows of e2e/hints/table.py whose situations take a dispatcher, or a program that traces another."""

import pytest

from hints.trial import trials, try_hint


@pytest.mark.parametrize("trial", trials("vm"), ids=str)
def test_hint(lab, trial):
    try_hint(lab, trial)
