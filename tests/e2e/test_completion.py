# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Shell completion: bash with and without its package, and zsh."""

import os
import pty
import re
import select
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from support.namespaces import Namespace
from support.pins import BPFFS
from support.processes import DEADLINE, run
from support.programs import LOADER, STATS, object_file

PROGRAMS = {"xdp_loader": LOADER, "xdp_stats": STATS}
COMPLETION = Path(LOADER).parent.parent.parent / "contrib/completion"  # of the build: their options are filled in there
VALUES = {"--action": ["pass", "drop", "aborted", "tx", "redirect"], "--format": ["table", "json", "csv", "prometheus"]}


def long_options(program):
    """Every one that --help lists."""
    listed = re.findall(r"^ +(?:-\w,)?(--[a-z][a-z-]*)", run([PROGRAMS[program], "--help"]).out, re.MULTILINE)
    assert len(listed) > 15
    return set(listed)


# ---- bash


def complete(*words, cwd="/"):
    """What bash offers for the last word. Words are split at "=", as bash does."""
    program = words[0]
    path = os.path.dirname(PROGRAMS[program])
    split = [part for word in words for part in re.split("(=)", word) if part or not word]
    script = f"""
        set -u
        source {shlex.quote(str(COMPLETION))}/xdp-tally.bash
        complete -p {program} >/dev/null
        COMP_WORDS=({shlex.join(split)}) COMP_CWORD={len(split) - 1}
        COMP_LINE="${{COMP_WORDS[*]}}" COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9 COMP_KEY=9
        _{program} {program} "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    shell = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=DEADLINE,
                           cwd=cwd, env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}, check=True)
    assert shell.stderr == ""
    return sorted(line for line in shell.stdout.splitlines() if line)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_long_option_is_completed(lab, program):
    """None is forgotten, and none offered that there is not."""
    assert set(complete(program, "-")) == long_options(program)


@pytest.mark.parametrize("program, begin, offered", [
    ("xdp_loader", "--re", ["--redirect-to", "--reuse-maps"]),
    ("xdp_loader", "--test", ["--test-run"]),
    ("xdp_stats", "--in", ["--interval"]),
    ("xdp_stats", "--nothing", []),
])
def test_beginning_of_an_option(lab, program, begin, offered):
    assert complete(program, begin) == offered


@pytest.mark.parametrize("program, option", [("xdp_loader", "--action"), ("xdp_stats", "--format")])
def test_fixed_values(lab, program, option):
    """After a blank and after an equals sign."""
    assert complete(program, option, "") == sorted(VALUES[option])
    assert complete(program, f"{option}=") == sorted(VALUES[option])
    assert complete(program, f"{option}={VALUES[option][0][:2]}") == [VALUES[option][0]]
    for value in VALUES[option]:
        assert value in run([PROGRAMS[program], "--help"]).out


@pytest.mark.parametrize("program, option", [
    ("xdp_loader", "--dev"), ("xdp_loader", "-d"), ("xdp_loader", "--redirect-to"), ("xdp_stats", "--dev"),
    ("xdp_stats", "-d"),
])
def test_devices(lab, program, option):
    """Those that are there."""
    lab.veth("eth0.100")
    assert complete(program, option, "") == ["eth0.100", "lo", "p-eth0.100"]
    assert complete(program, option, "eth") == ["eth0.100"]
    if option.startswith("--"):
        assert complete(program, f"{option}=e") == ["eth0.100"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_hostile_names_of_devices_are_not_expanded(lab, program, tmp_path):
    """A name may hold what a shell would run or expand: it is offered quoted, and nothing happens."""
    names = ["$(id>x)", "`id>x`", "a;b", "*", "$HOME"]
    for number, name in enumerate(names):
        run(["ip", "link", "add", "name", name, "type", "veth", "peer", "name", f"peer{number}"])
    offered = complete(program, "--dev", "", cwd=tmp_path)
    assert sorted(shlex.split(" ".join(offered))) == sorted([*names, "lo", *(f"peer{i}" for i in range(len(names)))])
    assert complete(program, "--dev", r"\$H", cwd=tmp_path) == [r"\$HOME"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_network_namespaces_and_their_devices(lab, program):
    """By name, and by path."""
    red = Namespace(lab, "red")
    red.veth("inside0")
    Namespace(lab, "green")
    assert complete(program, "--netns", "") == ["green", "red"]
    assert complete(program, "--netns", "r") == ["red"]
    assert complete(program, "--netns", "/run/netns/g") == ["/run/netns/green"]
    assert complete(program, "--netns", "red", "--dev", "") == ["inside0", "lo"]
    assert complete(program, "--netns=red", "--dev=in") == ["inside0"]
    assert complete(program, "--netns", str(red.path), "--dev", "in") == ["inside0"]
    assert complete(program, "--netns", "nowhere", "--dev", "") == []


def test_pins_of_a_device_that_is_gone(lab):
    """xdp_stats --map wants its pin, and --dev its name."""
    veth = lab.veth("eth0.100")
    lab.load("eth0.100")
    lab.delete(veth)
    assert complete("xdp_stats", "--dev", "") == ["eth0.100", "lo"]
    assert complete("xdp_loader", "--dev", "") == ["lo"]
    pin = BPFFS / "eth0%2E100/xdp_stats_ma"
    assert complete("xdp_stats", "--map", str(pin)) == [f"{pin}p"]
    lab.loader("--clean")


def test_programs_of_the_object(lab, tmp_path):
    """Asked of the program itself, which needs no privilege for it."""
    programs = ["own_drop", "own_invalid", "own_pass"]
    assert complete("xdp_loader", "--filename", object_file("own"), "--progname", "") == programs
    assert complete("xdp_loader", f"--filename={object_file('own')}", "--progname=own_d") == ["own_drop"]
    spaced = tmp_path / "my own.o"
    spaced.symlink_to(object_file("own"))
    assert complete("xdp_loader", "--filename", str(spaced).replace(" ", "\\ "), "--progname", "") == programs
    for nothing in (["--progname", ""], ["--filename", "/nowhere.o", "--progname", ""],
                    ["--filename", "/etc/passwd", "--progname", ""]):
        assert complete("xdp_loader", *nothing) == []


def test_files(lab, tmp_path):
    (tmp_path / "trace 1.pcap").touch()
    (tmp_path / "directory").mkdir()
    for option in ("--filename", "--test-run"):
        assert complete("xdp_loader", option, f"{tmp_path}/tr") == [f"{tmp_path}/trace 1.pcap"]
    for program in PROGRAMS:
        assert complete(program, "--bpffs", f"{tmp_path}/") == [f"{tmp_path}/directory"]


def test_command_after_run(lab, tmp_path):
    """A command, then its files: not our options."""
    assert "unshare" in complete("xdp_loader", "--dev", "lo", "--run", "--", "unsh")
    assert complete("xdp_loader", "--dev", "lo", "--run", "--", "--sta") == []
    (tmp_path / "script.sh").touch()
    assert complete("xdp_loader", "--run", "--", "sh", "scr", cwd=tmp_path) == ["script.sh"]
    assert complete("xdp_loader", "--run", "--", f"{tmp_path}/scr") == [f"{tmp_path}/script.sh"]


def test_conditions(lab):
    """What xdp_stats --expect begins with: each is one it understands."""
    offered = complete("xdp_stats", "--expect", "")
    assert len(offered) == 6 * 4 + 4 * 2  # what is sent on, and all together, may be delivered or lost
    assert complete("xdp_stats", "--expect", "drop.p") == ["drop.packets", "drop.pps"]
    assert complete("xdp_stats", "--expect", "'total.by") == ["total.bytes"]
    lab.veth("veth0")
    lab.loader("--track-delivery")
    lab.cleanups.append(lambda: lab.loader("--untrack-delivery"))
    lab.load("veth0")
    expressions = [part for text in offered for part in ("--expect", f"{text} >= 0")]
    run([STATS, "--dev", "veth0", *expressions])


def test_verdicts_with_commas_between_them(lab):
    assert complete("xdp_loader", "--chain-actions", "") == ["aborted", "drop", "none", "pass", "redirect", "tx"]
    assert complete("xdp_loader", "--chain-actions", "pass,t") == ["pass,tx"]
    assert complete("xdp_loader", "--chain-actions=pass,drop,a") == ["pass,drop,aborted"]


def test_interfaces_of_the_namespace_that_stands_before(lab):
    Namespace(lab, "red").veth("inside0")
    for program in PROGRAMS:
        assert complete(program, "--dev", "red/in") == ["red/inside0"]


@pytest.mark.parametrize("option", ["--interval", "-i", "--count", "-n", "--within", "--map-id"])
def test_numbers_are_not_guessed(lab, option):
    assert complete("xdp_stats", option, "") == []


# ---- interactive shells


class Shell:
    """A shell at a terminal that is wide and high enough to show everything at once."""

    def __init__(self, lab, command, path, start):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir("/")
            os.execvpe(command[0], command, {"PATH": f"{path}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "> ",
                                             "HOME": "/nowhere", "LC_ALL": "C"})
        lab.cleanups.append(self.end)
        self.text = ""
        self.type(f"stty rows 200 columns 400; {start}; echo now re''ady\n")
        self.read_until(lambda: "now ready" in self.text)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def read_until(self, condition):
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, self.text
            if select.select([self.master], [], [], 0.1)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")

    def offered(self, keys, expected):
        """Types tabs, for what all have in common and for the list, until everything expected can be seen."""
        self.text = ""
        self.type(keys + "\t\t\t")
        self.read_until(lambda: all(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", self.text)
                                    for word in expected))
        self.type("\x03")

    def end(self):
        os.close(self.master)
        os.waitpid(self.pid, 0)


def bash(lab, program):
    return Shell(lab, ["bash", "--norc", "--noprofile", "-i"], os.path.dirname(PROGRAMS[program]),
                 f"bind 'set page-completions off'; bind 'set completion-query-items 0'; "
                 f"source {COMPLETION}/xdp-tally.bash")


def zsh(lab, program):
    return Shell(lab, ["zsh", "-f", "-i"], os.path.dirname(PROGRAMS[program]),
                 f"fpath=({COMPLETION} $fpath); LISTMAX=10000; autoload -Uz compinit; compinit -u -D")


@pytest.mark.parametrize("shell", [bash, zsh])
@pytest.mark.parametrize("program", PROGRAMS)
def test_typed_options(lab, shell, program):
    """A person presses tab behind `--`, and sees every option."""
    shell(lab, program).offered(f"{program} --", long_options(program))


@pytest.mark.parametrize("shell", [bash, zsh])
@pytest.mark.parametrize("keys, expected", [
    ("xdp_loader --action ", VALUES["--action"]),
    ("xdp_loader --dev ", ["eth0.100", "p-eth0.100", "lo"]),
    ("xdp_loader --dev=p-", ["p-eth0.100"]),
    ("xdp_stats -d ", ["eth0.100", "p-eth0.100", "lo"]),
    ("xdp_stats --format=", VALUES["--format"]),
    ("xdp_loader --netns ", ["red", "green"]),
    ("xdp_loader --netns red --dev ", ["inside0", "lo"]),
    ("xdp_stats --netns red --dev ", ["inside0", "lo"]),
    ("xdp_loader --filename OWN --progname ", ["own_pass", "own_drop", "own_invalid"]),
    ("xdp_loader --dev lo --run -- unshar", ["unshare"]),
    ("xdp_loader --list-p", ["--list-programs"]),
    ("xdp_stats --expect drop.p", ["drop.packets", "drop.pps"]),
])
def test_typed_values(lab, shell, keys, expected):
    """The same at a terminal, with a real tab key."""
    lab.veth("eth0.100")
    Namespace(lab, "red").veth("inside0")
    Namespace(lab, "green")
    shell(lab, keys.split()[0]).offered(keys.replace("OWN", object_file("own")), expected)


def test_zsh_leaves_out_what_is_excluded(lab):
    """Behind `--status` an option of loads cannot be meant."""
    shell = zsh(lab, "xdp_loader")
    shell.offered("xdp_loader --status --", ["--dev", "--json", "--verbose"])
    assert not re.search(r"^--(force|unload|keep-maps) ", shell.text, re.MULTILINE)


def test_syntax(lab):
    run(["bash", "-n", COMPLETION / "xdp-tally.bash"])
    run(["shellcheck", COMPLETION / "xdp-tally.bash"])
    run(["zsh", "-n", COMPLETION / "_xdp-tally"])
