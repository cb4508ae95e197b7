#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The pages (*.md): relative links lead to files and sections that exist; a long page has a table of contents.
docs/architecture.md has a line for every directory with files, and for no other, and names only classes of src."""

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


def unlisted_directories():
    """Directories below tests/unit are those of src, and each target of tests/fuzz has one in corpus."""
    listed = set(re.findall(r"^\| `([\w./]+)` \|", (TOP / "docs/architecture.md").read_text(), flags=re.MULTILINE))
    there = {"tests/unit"}
    for path in TOP.rglob("*"):
        folder = str(path.parent.relative_to(TOP))
        made = any(part in ("build", "__pycache__") or part[0] == "." and part != ".ci" for part in folder.split("/"))
        if path.is_file() and path.name not in ("CMakeLists.txt", ".clang-format", "README.md") and not made \
                and not folder.startswith(("tests/unit/", "tests/fuzz/")):
            there.add(folder)
    there -= {"tests"}
    yield from (f"no line for {name}" for name in sorted(there - listed))
    yield from (f"{name} is not there" for name in sorted(listed - there))


def unknown_classes():
    """`Name` and `Name::member` are in src."""
    source = "\n".join(path.read_text() for path in TOP.glob("src/**/*") if path.suffix in (".h", ".cpp"))
    names = re.findall(r"`((?:[A-Z][a-z0-9]+)+)((?:::\w+)?)`", (TOP / "docs/architecture.md").read_text())
    for name, member in sorted(set(names)):
        declared = re.search(rf"\b(?:class|struct) (?:\[\[nodiscard\]\] )?{name}\b", source)
        if not declared or not re.search(rf"\b{name}{member}\b", source):
            yield f"{name}{member} is not in src"
    if not names:
        yield "no class is named"


def main():
    pages = [page for page in TOP.rglob("*.md") if page.relative_to(TOP).parts[0] != "build"]
    found = [f"{page.relative_to(TOP)}: {problem}" for page in pages for problem in problems(page)]
    found += [f"docs/architecture.md: {problem}" for problem in (*unlisted_directories(), *unknown_classes())]
    print("\n".join(found) or f"{len(pages)} pages")
    return 1 if found or len(pages) < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
