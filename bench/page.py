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


def goals_table(goals):
    return table(["goal", "measured", ""], [[goal.text, goal.measured, "met" if goal.met else "**missed**"] for goal in goals],
                 left=3)


def put(page, name, text):
    """The page with `text` between the marks of that name."""
    pattern = re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(page):
        raise KeyError(f"docs/performance.md has no place for {name}")
    return pattern.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page)
