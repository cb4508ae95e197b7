"""The recipes of README.md, run in their order as they stand, in one shell."""

from blocks import blocks
from lab import BPFFS, SENDER, TOP, copy_for_everyone, run

README = (TOP / "README.md").read_text()
BUILT = "$top/build/release/src/loader:$top/build/release/src/stats"


def recipes():
    return "\n".join(block.text for block in blocks(README, "sh"))


def test_recipes(lab, monkeypatch):
    """Recipe 10 wants the programs where an ordinary user can reach them."""
    copy_for_everyone()
    script = recipes()
    assert BUILT in script
    monkeypatch.chdir(TOP)
    monkeypatch.setenv("XDP_TALLY_BUILD", SENDER.rsplit("/tests/tools/", 1)[0])
    shell = run(["bash", "-euxo", "pipefail", "-c", script.replace(BUILT, "/run/bin")])
    assert '{"now":500,"session":1500}' in shell.out  # which recipe 3 promises
    assert "the filter counts as it should" in shell.out
    if (BPFFS / "xdp").exists():
        (BPFFS / "xdp").rmdir()  # libxdp's
