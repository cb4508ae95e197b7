# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The scripts of docs/ci.md, run exactly as they stand there."""

import os
import signal

import pytest

from support.code_blocks import blocks, steps
from support.pins import BPFFS
from support.processes import Process, run, wait_until
from support.programs import LOADER, SENDER, STATS, TOP

BLOCKS = {block.name: block for block in blocks((TOP / "docs/ci.md").read_text()) if block.name}
SCRIPTS = [name for name, block in BLOCKS.items() if block.language == "sh" and name != "compile.sh"]
REPEATS = int(os.environ.get("XDP_TALLY_REPEATS", "10"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A directory with every file of the page, compiled."""
    directory = tmp_path_factory.mktemp("repository")
    for block in BLOCKS.values():
        path = directory / block.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    # The header is not installed here; the runner's sudo is root already.
    environment = {"C_INCLUDE_PATH": str(TOP / "include"), "XDP_TALLY_BUILD": SENDER.rsplit("/tests/tools/", 1)[0]}
    binaries = directory / "bin"
    binaries.mkdir()
    (binaries / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (binaries / "sudo").chmod(0o755)
    for program in (LOADER, STATS, TOP / "scripts/veth-lab"):
        (binaries / os.path.basename(program)).symlink_to(program)
    environment["PATH"] = f"{binaries}:{os.environ['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        for name, value in environment.items():
            patch.setenv(name, value)
        run(["sh", "compile.sh"])
        yield directory


@pytest.fixture(autouse=True)
def nothing_is_left(lab):
    """No interface, namespace, pin or process more than before; lab looks at the processes."""
    yield
    if (BPFFS / "xdp").exists():
        (BPFFS / "xdp").rmdir()  # libxdp's
    assert lab.world() == lab.before


def test_every_script_has_a_name():
    """Nothing on the page escapes these tests but what programs print."""
    page = blocks((TOP / "docs/ci.md").read_text())
    assert {block.language for block in page if not block.name} <= {"text"}
    assert len(SCRIPTS) >= 6 and "compile.sh" in BLOCKS


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(repository, name):
    """It is green."""
    run(["sh", name])


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "verdict-test.sh"])
def test_script_is_red(repository, name, tmp_path):
    """With a packet more than there is, it fails, and cleans up all the same."""
    before, _, last = BLOCKS[name].text.rpartition("xdp_stats ")
    script = tmp_path / name
    script.write_text(f"{before}xdp_stats --within 300ms {last.replace('packets == ', 'packets == 1')}")
    run(["sh", script], status=6)


@pytest.mark.parametrize("name, number", [("drop-test.sh", signal.SIGINT), *(
    (name, signal.SIGTERM) for name in SCRIPTS if name != "verdict-test.sh")])
def test_script_that_is_ended(repository, lab, name, number, tmp_path):
    """By Ctrl-C, or as the part of a job that is cancelled: a shell's EXIT trap alone is not for signals."""
    before, _, last = BLOCKS[name].text.rpartition("xdp_stats ")
    script = tmp_path / name
    script.write_text(f"{before}xdp_stats --within 1h {last.replace('packets == ', 'packets == 1')}")
    shell = Process(["setsid", "sh", script])
    wait_until(lambda: [one for one in lab.other_processes() if one.startswith("xdp_stats --within 1h")],
               shell.describe)
    os.killpg(shell.popen.pid, number)
    shell.wait(143)


def test_the_job(repository):
    """Every step but the one that installs."""
    scripts = steps(BLOCKS[".github/workflows/xdp.yml"].text)
    assert BLOCKS[".github/workflows/xdp.yml"].text.count("run:") == len(scripts)
    wanted = [script for script in scripts if "apt-get" not in script]
    assert len(wanted) == len(scripts) - 1
    for script in wanted:
        run(["bash", "-e", "-c", script])


@pytest.mark.parametrize("left", ["a device", "a tracking"])
def test_the_job_notices_what_is_left(repository, lab, veth0, left):
    *_, last = steps(BLOCKS[".github/workflows/xdp.yml"].text)
    if left == "a device":
        lab.load(veth0.name)
    else:
        lab.loader("--track-delivery")
    run(["bash", "-e", "-c", last], status=1)
    lab.loader(*(("--dev", veth0.name, "--unload") if left == "a device" else ("--untrack-delivery",)))
    run(["bash", "-e", "-c", last])
    lab.delete(veth0)


def test_the_output_of_the_page(repository):
    """What the drop test ends with is what the page shows; then with a frame too many."""
    met, too_many, _ = [block.text for block in blocks((TOP / "docs/ci.md").read_text(), "text")]
    assert run(["sh", "drop-test.sh"]).out.endswith(met)
    script = BLOCKS["drop-test.sh"].text
    assert " 20 60\n" in script
    failed = run(["sh", "-c", script.replace(" 20 60\n", " 21 60\n")], status=6)
    assert (failed.out + failed.err).endswith(too_many)


def test_redirect_test_is_red_while_nothing_arrives(repository):
    """With the target down every packet is counted as redirected, and none arrives."""
    *_, lost = [block.text for block in blocks((TOP / "docs/ci.md").read_text(), "text")]
    script = BLOCKS["redirect-test.sh"].text
    sends = "veth-lab send --name in0"
    assert script.count(sends) == 1
    failed = run(["sh", "-c", script.replace(sends, f"ip link set dev out0 down\n{sends}")], status=6)
    assert (failed.out + failed.err).endswith(lost)
    assert not (BPFFS / "xdp:delivery").exists()


def test_redirect_test_leaves_a_tracking_that_was_there(repository, lab):
    lab.loader("--track-delivery")
    run(["sh", "redirect-test.sh"])
    assert (BPFFS / "xdp:delivery").exists()
    lab.loader("--untrack-delivery")


@pytest.mark.parametrize("name", ["drop-test.sh", "plain-drop-test.sh"])
def test_drop_test_again_and_again(repository, name):
    """It does not hang on timing, has no sleep, and the one with veth-lab has ten lines at most."""
    text = BLOCKS[name].text
    assert "sleep" not in text
    assert name != "drop-test.sh" or len(text.splitlines()) <= 10
    for _ in range(REPEATS):
        run(["sh", name])
