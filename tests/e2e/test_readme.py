"""The recipes of README.md, run in their order as they stand, in one shell."""

import re

from support.code_blocks import blocks
from support.pins import BPFFS
from support.processes import run
from support.programs import SENDER, TOP, copy_for_everyone

README = (TOP / "README.md").read_text()
BUILT = "$top/build/release/src/loader:$top/build/release/src/stats"


def recipes():
    return "\n".join(block.text for block in blocks(README, "sh"))


def promises():
    """What the recipes print, in pieces of one line or more that follow each other."""
    section = README.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    shown = [block.text for block in blocks(section, "text") if not block.text.startswith("# ")]
    return [piece for text in shown for piece in re.split(r"^\.\.\.\n", text, flags=re.MULTILINE)]


def without_ids(text):
    text = re.sub(r"\b(id|map|link) \d+", r"\1 N", text)
    return re.sub(" +", " ", re.sub(r"\btag [0-9a-f]{16}", "tag N", text))


def test_recipes(lab, monkeypatch):
    """Recipe 10 wants the programs where an ordinary user can reach them."""
    copy_for_everyone()
    script = recipes()
    assert BUILT in script
    monkeypatch.chdir(TOP)
    monkeypatch.setenv("XDP_TALLY_BUILD", SENDER.rsplit("/tests/tools/", 1)[0])
    shell = run(["bash", "-euxo", "pipefail", "-c", script.replace(BUILT, "/run/bin")])
    printed = without_ids(shell.out)
    promised = promises()
    assert len(promised) >= 6
    for piece in promised:
        assert without_ids(piece) in printed
    if (BPFFS / "xdp").exists():
        (BPFFS / "xdp").rmdir()  # libxdp's
