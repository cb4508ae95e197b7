# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The examples of the man pages, each typed as it stands there."""

import os
import re
from pathlib import Path

import pytest

from support.captures import pcap
from support.namespaces import Namespace
from support.pins import BPFFS
from support.processes import Process, run
from support.programs import LOADER, STATS, TOP
from support.tmux import Terminal
from support.traffic import send

PAGES = {path.name.partition(".")[0]: path.read_text() for path in (TOP / "docs/man").glob("*.scd*")}
EXAMPLES = re.compile(r"^# (?:MORE )?EXAMPLES\n(.*?)(?=^# )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FLOWS = """struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(key_size, 4); __uint(value_size, 4);
                   __uint(max_entries, %d); } flows SEC(".maps");"""
LOAD_MINE = "xdp_loader --dev eth0 --filename my_filter.bpf.o"


def examples(page):
    """Those of a page, as lists of commands."""
    found = [block for section in EXAMPLES.findall(PAGES[page]) for block in BLOCK.findall(section)]
    return [block.replace("\\\\\n", "").splitlines() for block in found if not block.startswith("#include")]


PROGRAM = BLOCK.search(PAGES["xdp-tally-header"], PAGES["xdp-tally-header"].index("# EXAMPLES"))[1]
COMPILE = examples("xdp-tally-header")[0]
# fleet.rules checks the configuration for Prometheus, and observing takes another kernel: vm/test_observe.py.
ELSEWHERE = re.compile("^prometheus|--observe")
TYPED = {"; ".join(commands): commands for page in PAGES for commands in examples(page)
         if not ELSEWHERE.search(commands[0])}


@pytest.fixture(name="place")
def directory(tmp_path, monkeypatch, lab):
    """With the files that the pages speak of, and the programs on PATH."""
    (tmp_path / "bin").mkdir()
    for program in (LOADER, STATS):
        (tmp_path / "bin" / Path(program).name).symlink_to(program)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("C_INCLUDE_PATH", str(TOP / "include"))  # the header is not installed
    monkeypatch.chdir(tmp_path)
    compile_mine()
    (tmp_path / "test.sh").write_text("#!/bin/sh\nexec ip link show dev eth0 | grep -q xdp\n")
    (tmp_path / "test.sh").chmod(0o755)
    (tmp_path / "trace.pcap").write_bytes(pcap([60, 1000]))
    yield lab.veth("eth0")
    if (BPFFS / "xdp").exists():
        (BPFFS / "xdp").rmdir()  # libxdp's


def compile_mine(more=""):
    Path("my_filter.bpf.c").write_text(PROGRAM + more)
    for command in COMPILE:
        run(["sh", "-c", command])


def load_mine(lab, _eth0):
    run(["sh", "-c", LOAD_MINE])


def load_with_flows(lab, eth0):
    compile_mine(FLOWS % 10)
    load_mine(lab, eth0)
    compile_mine(FLOWS % 20)


def count(lab, _eth0):
    lab.load("eth0")


def leave_pins(lab, eth0):
    lab.load("eth0", "--attach", "link")
    lab.delete(eth0)


def filter_ports(lab, eth0):
    run(["xdp-filter", "load", eth0.name])
    lab.cleanups.append(lambda: run(["xdp-filter", "unload", eth0.name]))


def drop_hundred(lab, eth0):
    lab.load("eth0", "--action", "drop")
    send(eth0, 100, 60)


def count_on_two(lab, _eth0):
    for dev in ("eth0", lab.veth("eth0.100").name):
        lab.load(dev)


UNLOAD_ALL = ("xdp_loader --status --json | jq -r '.devices[] | select(.program) | [.netns, .dev] | map(values) | "
              "join(\"/\")' | xargs -I DEV xdp_loader --dev DEV --unload")
# What has to be there before; what is not here begins with nothing, or reads the counters of eth0.
BEFORE = {
    f"{LOAD_MINE} --reuse-maps": load_mine,
    f"{LOAD_MINE} --reuse-maps --new-map flows": load_with_flows,
    "xdp_loader --status": count,
    UNLOAD_ALL: count_on_two,
    "xdp_loader --status; xdp_loader --clean": leave_pins,
    "xdp_loader --dev red/eth0; ip netns exec red xdp_stats --dev eth0 --once":
        lambda lab, _eth0: Namespace(lab, "red").veth("eth0"),
    "xdp_stats --dev eth0 --dev eth0.100 --interval 500ms": count_on_two,
    "xdp_stats --dev veth0 --wait --totals session": lambda lab, _eth0: lab.veth("veth0"),
    "xdp_stats --map /sys/fs/bpf/xdp-filter/xdp_stats_map": filter_ports,
    "xdp_stats --dev eth0 --expect 'drop.packets == 100' --expect 'pass.packets == 0' --settle 1s": drop_hundred,
}


def type_at_terminal(command):
    terminal = Terminal(PATH=os.environ["PATH"])
    try:
        terminal.type(f"{command}; echo status $?")
        terminal.wait_for("q quit")
        terminal.keys("q")
        terminal.wait_for("^status 0")
    finally:
        terminal.close()


def type_until_it_prints(lab, command):
    """It would go on until somebody presses Ctrl-C."""
    reader = lab.started(Process(["sh", "-c", f"exec {command}"]))
    if "--wait" in command:
        reader.wait_for_line("waiting", "err")
        lab.load("veth0")
    reader.wait_for_line("attached|foreign|^serving ")
    reader.stop()


def ends(command):
    return not command.startswith("xdp_stats ") or re.search("--once|--expect", command)


@pytest.mark.parametrize("example", TYPED)
def test_example(lab, place, example):
    prepare = BEFORE.get(example, count if example.startswith("xdp_stats ") else None)
    if prepare:
        prepare(lab, place)
    for command in TYPED[example]:
        if "--live" in command:
            type_at_terminal(command)
        elif ends(command):
            run(["sh", "-c", command])
        else:
            type_until_it_prints(lab, command)


def test_every_preparation_is_for_an_example():
    assert not set(BEFORE) - set(TYPED)


@pytest.mark.parametrize("page", PAGES)
def test_examples_are_at_the_top(page):
    headings = re.findall("^# (.*)$", PAGES[page], re.MULTILINE)
    assert headings[:3] == ["NAME", "SYNOPSIS", "EXAMPLES"]
    assert len(BLOCK.findall(EXAMPLES.search(PAGES[page])[1])) >= 5
