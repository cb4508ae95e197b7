# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A terminal that tells what is on it: tmux."""

import re
import shlex
import subprocess
import tempfile
from pathlib import Path

from support.processes import wait_until
from support.programs import STATS

PROMPT = "ready>"
SIZE = (120, 36)  # columns and lines
UTF8 = {"LC_ALL": "C.UTF-8"}


class Terminal:
    """A tmux server of its own with one window, which runs a shell."""

    def __init__(self, width=SIZE[0], height=SIZE[1], **environment):
        # Closer than TMPDIR may be: the path of a socket has at most 107 bytes.
        self.directory = tempfile.TemporaryDirectory(prefix="live", dir="/run")
        self.scratch = Path(self.directory.name)
        self.prefix = ["tmux", "-S", str(self.scratch / "socket"), "-f", "/dev/null"]
        settings = {**UTF8, "PS1": PROMPT, "COLORTERM": "", "LANG": "", **environment}
        self.environment = [f"{name}={value}" for name, value in settings.items()]
        self.before_keys = None  # what was on the screen then
        # tmux itself goes by the locale, too: -u.
        self.tmux("-u", "new-session", "-d", "-x", width, "-y", height,
                  shlex.join(["env", *self.environment, "sh", "-i"]))
        self.tmux("set-option", "-g", "escape-time", "0")
        self.wait_for(lambda text: PROMPT in text)

    def tmux(self, *command, check=True):
        done = subprocess.run([*self.prefix, *map(str, command)], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=30)
        assert not check or done.returncode == 0, (command, done.stderr)
        return done.stdout

    def close(self):
        self.tmux("kill-server", check=False)
        self.directory.cleanup()

    # -- what one sees

    def text(self, styles=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if styles else []))

    def lines(self):
        return self.text().splitlines()

    def wait_for(self, condition):
        """The text on the screen, as soon as it meets the condition, which may be a pattern.

        After keys, the condition has to be one that they bring about.
        """
        test = re.compile(condition, re.MULTILINE).search if isinstance(condition, str) else condition
        before, self.before_keys = self.before_keys, None
        assert before is None or not test(before), f"on the screen before the keys ({condition}):\n{before}"

        def look():
            text = self.text()
            return text if test(text) else None

        return wait_until(look, lambda: f"not on the screen ({condition}):\n{self.text()}")

    def full_screen(self):
        """Whether the alternate screen is shown, and the cursor hidden."""
        return self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").strip() == "1 0"

    # -- what one does

    def keys(self, *keys):
        self.before_keys = self.before_keys or self.text()
        self.tmux("send-keys", *keys)

    def type(self, line, end="Enter"):
        self.tmux("send-keys", "-l", line)
        self.keys(end)

    def command(self, line):
        """Has the shell run the line to its end: what is on the screen then."""
        self.type(f"clear; {line}; echo status $?")
        return self.wait_for(r"^status \d+\n")

    def start(self, *options, prefix=()):
        """Starts the view, and notes how the terminal was. What an earlier one has left there is no end of this one."""
        command = shlex.join(map(str, [*prefix, STATS, "--live", *options]))
        self.type(f"clear; stty -a >{self.scratch}/before; {command}; echo status $?; stty -a >{self.scratch}/after")
        return self.wait_for(r"q quit|terminal too small")

    def wait_for_end(self, status=0):
        text = self.wait_for(rf"^status {status}\n(.*\n)*{PROMPT}")
        assert self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").strip() == "0 1"
        before, after = ((self.scratch / name).read_text() for name in ("before", "after"))
        assert before == after
        return text

    def quit(self):
        self.keys("q")
        return self.wait_for_end()

    def resize(self, width, height):
        self.tmux("resize-window", "-x", width, "-y", height)


def row(text, name):
    """What follows the name of a device or, where one is open, of a verdict, split into words."""
    found = re.search(rf"^[│|][ ▸>!]*(?:[ADPTR] )?{name}\b([^│|\n]*)", text, re.MULTILINE)
    return found[1].replace(",  ", " ").split() if found else []


def has(name, packets):
    """A condition: the device has that many packets."""
    return lambda text: f"{packets:,}" in row(text, name)


def shows(name, packets, size):
    """A condition: the open device's verdict has these totals."""
    return lambda text: row(text, name)[:4] == [f"{packets:,}", "packets,", f"{size:,}", "bytes"]
