# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The commands of README.md, docs/recipes.md and docs/tutorial.md, run in their order as they stand."""

import os
import re

from support.code_blocks import blocks
from support.pins import BPFFS
from support.processes import run
from support.programs import LOADER, SENDER, STATS, TOP, copy_for_everyone
from support.traffic import send

README = (TOP / "README.md").read_text()
RECIPES = (TOP / "docs/recipes.md").read_text()
TUTORIAL = (TOP / "docs/tutorial.md").read_text()
BUILT = "$top/build/release/src/loader:$top/build/release/src/stats"


def commands(page):
    return "\n".join(block.text for block in blocks(page, "sh"))


def promises(page):
    """What its commands print, in pieces of one line or more that follow each other."""
    shown = [block.text for block in blocks(page, "text") if not block.text.startswith("# ")]
    return [piece for text in shown for piece in re.split(r"^\.\.\.\n", text, flags=re.MULTILINE)]


def without_ids(text):
    text = re.sub(r'\b(id|map|link)( |":)\d+', r"\1\2N", text)
    text = re.sub(" +", " ", re.sub(r"\btag [0-9a-f]{16}", "tag N", text))
    return re.sub(r"\b((?:native|generic) \S+ \S+) \d+ (\d+|-) ", r"\1 N \2 ", text)  # in a list


def test_first_commands(lab, tmp_path, monkeypatch):
    """On an interface of that name, as root already, and without waiting for the 30 s."""
    for name, text in {"sudo": 'exec "$@"', "sleep": "exit 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    for program in (LOADER, STATS):
        (tmp_path / os.path.basename(program)).symlink_to(program)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    script = commands(README)
    assert script.count("sudo xdp_") == 5
    lab.veth("eth0")
    shell = run(["bash", "-eux", "-c", script])
    assert shell.out.count("eth0: attached, map ") == 3 and "xdp_drop" in shell.err
    assert not (BPFFS / "eth0").exists()


def test_own_program(lab, veth0, tmp_path, monkeypatch):
    """The program as it stands, compiled by the line below it."""
    [program] = (block.text for block in blocks(README, "c"))
    (tmp_path / "my_filter.bpf.c").write_text(program)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CPATH", str(TOP / "include"))  # in place of /usr/local/include
    run(["sh", "-c", re.search("^clang .*", README, re.MULTILINE)[0]])
    lab.load("veth0", "--filename", "my_filter.bpf.o")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})


def run_page(page, monkeypatch):
    """All of its commands in one shell; what it says they print, they print."""
    script = commands(page)
    assert BUILT in script
    monkeypatch.chdir(TOP)
    monkeypatch.setenv("XDP_TALLY_BUILD", SENDER.rsplit("/tests/tools/", 1)[0])
    # A learner sees notices among the rest.
    script = "exec 3>&2 2>&1; BASH_XTRACEFD=3\n" + script.replace(BUILT, "/run/bin")
    shell = run(["bash", "-euxo", "pipefail", "-c", script])
    printed = without_ids(shell.out)
    promised = promises(page)
    assert len(promised) >= 6
    for piece in promised:
        assert without_ids(piece) in printed
    if (BPFFS / "xdp").exists():
        (BPFFS / "xdp").rmdir()  # libxdp's


def test_recipes(lab, monkeypatch):
    """Recipe 10 wants the programs where an ordinary user can reach them."""
    copy_for_everyone()
    run_page(RECIPES, monkeypatch)


def test_a_script_of_the_recipes_that_fails(lab, tmp_path, monkeypatch):
    """Before it has loaded anything: what it had made is gone."""
    [script] = re.findall(r"^cat >\S+\.sh <<'END'\n(.*?)^END\n", RECIPES, re.DOTALL | re.MULTILINE)
    monkeypatch.setenv("PATH", f"{os.path.dirname(copy_for_everyone()[0])}:{TOP}/scripts:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)  # without the filter
    assert "my_filter.bpf.o" in run(["sh", "-c", script], status=4).err
    assert lab.world() == lab.before


def test_tutorial(lab, monkeypatch):
    copy_for_everyone()
    run_page(TUTORIAL, monkeypatch)


def test_places_that_the_tutorial_names():
    """Every function that it names is in the file that it names."""
    places = re.findall(r"`([\w:]+)`(?: and `(\w+)`)?, `([\w/.]+)`", TUTORIAL)
    assert len(places) >= 10
    for first, second, path in places:
        text = (TOP / path).read_text()
        for name in filter(None, (first, second)):
            assert re.search(rf"\b{name}\(|\b{name.rpartition('::')[2]}\(", text), f"{name} is not in {path}"
