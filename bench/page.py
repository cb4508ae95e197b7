# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Tables in Markdown, and their places in docs/performance.md."""

import re
from dataclasses import dataclass

from measuring import median, quartiles


@dataclass
class Goal:
    """One that was set, and what came of it."""
    text: str
    measured: str
    met: bool


def table(header, rows, left=1):
    """The first `left` columns are text."""
    rule = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in [header, rule, *rows])


def spread(values, digits=1):
    """Median and quartiles."""
    lower, upper = quartiles(values)
    return f"{median(values):.{digits}f} ({lower:.{digits}f}-{upper:.{digits}f})"


def ratio(value, base):
    return f"{value / base:.2f}" if base > 0 else "-"


def goal_row(goal):
    return [goal.text, goal.measured, "met" if goal.met else "**missed**"]


def goals_table(goals):
    return table(["goal", "measured", ""], map(goal_row, goals), left=3)


def put_goals(page, goals):
    """The page with the rows of these goals as they came out, the others as they stand."""
    for goal in goals:
        row = f"| {' | '.join(goal_row(goal))} |"
        page, found = re.subn(rf"^\| {re.escape(goal.text)} \| .*\|$", lambda _: row, page, flags=re.MULTILINE)
        if found != 1:
            raise KeyError(f"docs/performance.md has no row for: {goal.text}")
    return page


def put(page, name, text):
    """The page with `text` between the marks of that name."""
    pattern = re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(page):
        raise KeyError(f"docs/performance.md has no place for {name}")
    return pattern.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)
