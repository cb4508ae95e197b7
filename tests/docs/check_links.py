#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The pages (*.md): relative links lead to files and sections that exist; a long page has a table of contents."""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SCREEN = 60  # lines


def text_of(page):
    """The page without blocks of code, and without the marks of code in a line."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL).replace("`", "")


def anchors(page, level="#+"):
    """What GitHub calls the sections."""
    titles = re.findall(rf"^{level} (.*)$", text_of(page), flags=re.MULTILINE)
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


def problems(page):
    links = re.findall(r"\]\(([^)\s]+)\)", text_of(page))
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and anchor not in anchors(target):
            yield f"{link}: there is no such section"
    if len(page.read_text().splitlines()) > SCREEN:
        contents = text_of(page).partition("\n## ")[0]
        for anchor in anchors(page, "##"):
            if f"(#{anchor})" not in contents:
                yield f"the table of contents lacks #{anchor}"


def main():
    pages = [page for page in TOP.rglob("*.md") if page.relative_to(TOP).parts[0] != "build"]
    found = [f"{page.relative_to(TOP)}: {problem}" for page in pages for problem in problems(page)]
    print("\n".join(found) or f"{len(pages)} pages")
    return 1 if found or len(pages) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
