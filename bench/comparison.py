# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What two builds took, in pairs, and whether that is a difference or the noise of the machine."""

import math
from dataclasses import dataclass

from measuring import median
from page import table

CHANCE = 0.001  # that a row of two equal builds is said to be slower by more than the noise
LEAST = 0.01  # of what it took before: less is no difference, as where the linker puts code costs as much


@dataclass
class Row:
    """A series of each build; the values at one place are a pair, which was measured one right after the other."""
    name: str
    before: list
    now: list

    @property
    def difference(self):
        """The median of what the present build took more in each pair, so that what slows both drops out."""
        return median(self.differences())

    def differences(self):
        return sorted(now - before for before, now in zip(self.before, self.now))

    @property
    def noise(self):
        """What the difference has to exceed: its distance to the value beyond which almost all pairs lie (the sign
        test's bound), and at least LEAST."""
        sorted_differences = self.differences()
        allowed = allowed_exceptions(len(sorted_differences))
        if allowed is None:
            return math.inf
        bound = sorted_differences[allowed if self.difference >= 0 else -1 - allowed]
        return max(abs(self.difference - bound), LEAST * median(self.before))

    @property
    def verdict(self):
        if not self.before or not self.now:
            return "new" if self.now else "gone"
        if abs(self.difference) <= self.noise:
            return ""
        return "slower" if self.difference > 0 else "faster"

    @property
    def cells(self):
        if self.verdict in ("new", "gone"):
            each = [f"{median(values):.3f}" if values else "-" for values in (self.before, self.now)]
            return [self.name, *each, "-", "-", self.verdict]
        return [self.name, f"{median(self.before):.3f}", f"{median(self.now):.3f}", f"{self.difference:+.3f}",
                f"{self.noise:.3f}", self.verdict]


def allowed_exceptions(pairs):
    """How many pairs may contradict the others: of equal builds no more do with CHANCE at most. None: not even none."""
    exceptions, likely = None, 0
    for contradicting in range(pairs):
        likely += math.comb(pairs, contradicting) / 2**pairs
        if likely > CHANCE:
            break
        exceptions = contradicting
    return exceptions


def compared(rows):
    return table(["", "before", "now", "difference", "noise", ""], [row.cells for row in rows])


def conclusion(rows, revision):
    slower = [row for row in rows if row.verdict == "slower"]
    if not slower:
        return f"Nothing is slower than {revision} by more than the noise."
    return "\n".join([f"Slower than {revision} by more than the noise:", *(
        f"  {row.name}: {median(row.before):.3f} before, {median(row.now):.3f} now, "
        f"difference {row.difference:+.3f}, noise {row.noise:.3f}" for row in slower)])
