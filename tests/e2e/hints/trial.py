# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""One way of one row, in one of its situations."""

import re
from dataclasses import dataclass
from functools import partial

from hints.rows import Row, Way
from hints.table import ROWS


@dataclass
class Trial:
    row: Row
    situation: object
    way: Way

    def __str__(self):
        function = self.situation.func if isinstance(self.situation, partial) else self.situation
        words = re.sub(r"\W+", "-", self.row.hint)[:40].strip("-")
        return f"{words}: {function.__name__}: {self.way}"


def trials(at):
    return [Trial(row, situation, way) for row in ROWS if isinstance(row, Row) and row.at == at
            for situation in row.situations for way in row.ways]


def try_hint(lab, trial):
    scene = trial.situation(lab)
    said = scene.say(trial.row)
    trial.way.take(scene, said)
    scene.check()
    scene.close()
