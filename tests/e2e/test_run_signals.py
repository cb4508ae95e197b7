# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --run and signals: from outside, from a terminal, before the command and while it runs."""

import os
import pty
import re
import signal
import subprocess

import pytest

from support.devices import attached
from support.processes import read_in_time, run
from support.programs import LOADER
from support.run_command import GOES_ON, NOTING, clean, run_loaded, running, shell
from support.strace import strace


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_signals_are_handed_on(lab, veth0, number):
    """The command decides what becomes of it; here it dies of it, and xdp_loader unloads and says so."""
    process = running(lab, "--dev", "veth0", command=shell("ulimit -c 0; echo ready $$; exec tail -f /dev/null"))
    process.stop(number, status=128 + number)
    assert clean()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_command_that_handles_a_signal_goes_on_loaded(lab, veth0, number):
    """xdp_loader outlives the signals that the command outlives, and hands each on once."""
    process = running(lab, "--dev", "veth0", command=NOTING)
    process.popen.send_signal(number)
    process.wait_for_line(f"^got {number.value}$")
    assert attached("veth0") and process.popen.poll() is None
    process.stop(signal.SIGTERM, status=9)
    assert process.lines["out"][1:] == [f"got {number.value}", f"got {signal.SIGTERM.value}"]
    assert clean()


def test_ignored_sigchld_does_not_hang_it(lab, veth0):
    """Some parents leave SIGCHLD ignored, and then the kernel reports no child's end."""
    run(["timeout", "-k", "1", "20", "env", "--ignore-signal=CHLD", LOADER, "--dev", "veth0", "--run", "--", "sh", "-c",
         "exit 7"], status=7)
    assert clean()


@pytest.mark.parametrize("dispositions", [["--ignore-signal=HUP"], ["--block-signal=TERM"], ["--ignore-signal=PIPE"]])
def test_inherited_dispositions_of_signals_are_the_commands_too(lab, veth0, dispositions):
    """As under nohup: what was ignored or blocked before is so in the command, and --run works all the same."""
    read = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]
    prefix = ["env", *dispositions]
    inside = run_loaded(lab, "--dev", "veth0", "-q", command=read, prefix=prefix)
    assert inside.out == run([*prefix, *read]).out
    assert clean()


def while_loading(number, tmp_path, prefix=()):
    """Around xdp_loader, which gets the signal once its program is attached, and before there is a command."""
    return [*prefix, *strace("-e", "trace=/^rename", "-e", f"inject=/^rename:signal={number}:when=1", command=[],
                             log=tmp_path / "strace")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_signal_while_it_loads(lab, veth0, number, tmp_path):
    """There is nothing to hand it on to: the command is not run, and what was loaded is unloaded."""
    result = run_loaded(lab, "--dev", "veth0", "-q", command=["echo", "run"], status=128 + number,
                        prefix=while_loading(number, tmp_path))
    assert result.out == ""
    assert clean()


def test_ignored_signal_while_it_loads(lab, veth0, tmp_path):
    """As under nohup: it ends nothing, the command runs."""
    result = run_loaded(lab, "--dev", "veth0", "-q", command=["echo", "run"],
                        prefix=while_loading(signal.SIGHUP, tmp_path, ["env", "--ignore-signal=HUP"]))
    assert result.out == "run\n"
    assert clean()


# ---- a terminal


class Terminal:
    """xdp_loader as the foreground job of a terminal of its own."""

    def __init__(self, *options, command):
        self.master, slave = pty.openpty()
        self.popen = subprocess.Popen(["setsid", "--ctty", LOADER, *options, "--run", "--", *command], stdin=slave,
                                      stdout=slave, stderr=slave)
        os.close(slave)
        self.text = ""

    def press(self, key):
        os.write(self.master, key)

    def read_until(self, pattern):
        while not re.search(pattern, self.text):
            octets = read_in_time(self.master)
            assert octets, self.text
            self.text += octets.decode()

    def hang_up(self):
        if self.master is not None:
            os.close(self.master)
            self.master = None

    def stop(self):
        """For the lab, whatever the test came to."""
        self.kill()
        self.hang_up()

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


@pytest.mark.parametrize("key, number", [(b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)])
def test_key_reaches_the_command_once(lab, veth0, key, number):
    """The terminal tells both; xdp_loader hands on only what the command has not got yet."""
    terminal = lab.started(Terminal("--dev", "veth0", "-q", command=NOTING))
    terminal.read_until("ready")
    terminal.press(key)
    terminal.read_until(f"got {number.value}\r")
    assert attached("veth0")
    terminal.popen.send_signal(signal.SIGTERM)  # handed on after whatever came before it
    terminal.read_until("got 15\r")
    assert terminal.popen.wait(60) == 9
    assert re.findall(r"got \d+", terminal.text) == [f"got {number.value}", "got 15"]
    assert clean()


def test_ctrl_c_ends_command_and_program(lab, veth0):
    """As without xdp_loader around it: status 130, and nothing is left at the prompt."""
    terminal = lab.started(Terminal("--dev", "veth0", "-q", command=GOES_ON))
    terminal.read_until("ready")
    terminal.press(b"\x03")
    assert terminal.popen.wait(60) == 128 + signal.SIGINT
    assert clean()


def test_closed_terminal_ends_command_and_program(lab, veth0):
    """The window is closed: SIGHUP for both."""
    terminal = lab.started(Terminal("--dev", "veth0", "-q", command=GOES_ON))
    terminal.read_until("ready")
    terminal.hang_up()
    assert terminal.popen.wait(60) == 128 + signal.SIGHUP
    assert clean()
