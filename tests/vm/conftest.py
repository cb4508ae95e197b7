# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
import pytest

from support.observing import attach


@pytest.fixture
def plain(lab, veth0):
    """veth0 with a program that somebody else attached: what is known of it."""
    path = lab.foreign_program("verdicts")
    attach(path, "veth0")
    return lab.program_at(path)
