# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What a row of the table is, and what it takes to try one.

`typed` is the usual one: situations, in each of which the programs print the hint, and the ways that it names. Every
way is tried in a situation of its own, and has to solve it.
"""

import os
import re
import subprocess
from collections import namedtuple
from dataclasses import dataclass, field

from hints.neighbours import Neighbours
from support.processes import DEADLINE, SANITIZER, Process
from support.programs import copy_for_everyone

Row = namedtuple("Row", "hint situations ways at")  # `at`: "here", or "vm" where it takes a dispatcher
Elsewhere = namedtuple("Elsewhere", "hint test")
Untyped = namedtuple("Untyped", "hint why")

FIELD = re.compile(r"\{[^{}]*\}")
COMMAND = re.compile(r"`([^`]*)`")
OPTION = re.compile(r"--[a-z][a-z-]+")


def typed(hint, situations, *ways, at="here"):
    if not isinstance(situations, tuple):
        situations = (situations,)
    return Row(hint, situations, ways or tuple(Command(number) for number in range(len(COMMAND.findall(hint)))), at)


def elsewhere(hint, test):
    """Advice, on a source or on a place to run in, that this test follows: FILE::TEST."""
    return Elsewhere(hint, test)


def untyped(hint, why):
    """Nothing that a test could do: it takes a person's decision, other hardware or a race."""
    return Untyped(hint, why)


def pattern_of(hint):
    parts = [re.escape(part) for part in FIELD.split(hint)]
    return re.compile("[^\n]*?".join(parts))


def shell(text, inside=(), status=0):
    """Typed by a user who has the programs in PATH; all that it wrote."""
    path = f"{os.path.dirname(copy_for_everyone()[0])}:{os.environ['PATH']}"
    done = subprocess.run([*map(str, inside), "sh", "-c", text], capture_output=True, text=True, timeout=DEADLINE,
                          errors="surrogateescape", stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, "PATH": path})
    shown = f"{text}\nstdout: {done.stdout}\nstderr: {done.stderr}"
    assert not SANITIZER.search(done.stderr), shown
    assert status is None or done.returncode == status, f"status {done.returncode} instead of {status}: {shown}"
    return done.stdout + done.stderr


@dataclass
class Scene:
    """What a user typed, where, and what has to hold afterwards."""

    lab: object
    command: str
    status: int = 5  # of the command
    inside: tuple = ()  # in front of it: the user, and where he is
    helper: tuple = None  # in front of what the hint says, where that is for somebody else
    after: list = field(default_factory=list)  # called when the hint has been followed
    names: dict = field(default_factory=dict)  # what the user puts for DIR, NAME, ...
    finish: str = ""  # a command that takes away what the hint brought about
    alone: bool = False  # nobody else has pins there, or can have

    def __post_init__(self):
        # Only what was there before may not change: the situation itself is the user's own.
        self.neighbours = None if self.alone else Neighbours(self.lab)

    def say(self, row):
        """The text of the row, as it is printed."""
        output = shell(self.command, self.inside, self.status)
        found = pattern_of(row.hint).search(output)
        assert found, f"{self.command} does not print {row.hint!r}: {output}"
        self.output = output
        return found.group(0)

    def whole_hint(self, said):
        """The line that it is on: a list at its end has no end otherwise."""
        (line,) = [line for line in self.output.splitlines() if said in line]
        return line[line.index(said):]

    def type(self, text, status=0):
        return shell(self.filled(text), self.inside if self.helper is None else self.helper, status)

    def interrupt(self, text, line):
        """A command that goes on, once it has printed such a line."""
        path = f"{os.path.dirname(copy_for_everyone()[0])}:{os.environ['PATH']}"
        process = self.lab.started(Process(["env", f"PATH={path}", "sh", "-c", f"exec {text}"]))
        process.wait_for_line(line)
        process.stop()

    def filled(self, text):
        """With what the user puts for DIR, NAME, ..."""
        for name, value in self.names.items():
            text = re.sub(rf"\b{name}\b", str(value), text)
        return text

    def again(self, command=None):
        return shell(command or self.command, self.inside)

    def close(self):
        """For what the lab does not know."""
        if self.finish:
            shell(self.finish)

    def check(self):
        for each in self.after:
            each()
        if self.neighbours:
            self.neighbours.check()


# ---- ways: what a hint names, and how one takes it


class Way:
    def take(self, scene, said):
        raise NotImplementedError

    def named(self):
        """The options that it covers."""
        return set()


@dataclass
class Command(Way):
    """A command in backquotes, typed as it stands; then the user's own again, unless that is not what it is for."""

    number: int = 0
    again: bool = True
    status: int = 0

    def __str__(self):
        return f"command {self.number + 1}"

    def take(self, scene, said):
        scene.type(COMMAND.findall(said)[self.number], self.status)
        if self.again:
            scene.again()


@dataclass
class Shows(Way):
    """A command that only tells something, in which this is; where it `goes_on`, until it is interrupted."""

    number: int = 0
    what: str = "."
    goes_on: bool = False
    status: int = 0

    def __str__(self):
        return f"command {self.number + 1} shows"

    def take(self, scene, said):
        text = COMMAND.findall(said)[self.number]
        if not self.goes_on:
            assert re.search(self.what, scene.type(text, self.status)), text
            return
        scene.interrupt(text, self.what)


@dataclass
class Options(Way):
    """Options that the user's command gets, or loses, or both."""

    more: str = ""
    less: str = ""
    status: int = 0

    def __str__(self):
        return " ".join(filter(None, [self.more, self.less and f"without {self.less}"]))

    def named(self):
        return set(OPTION.findall(f"{self.more} {self.less}"))

    def take(self, scene, said):
        command = scene.command
        if self.less:
            command, changed = re.subn(rf" ({self.less.strip()})(?= |$)", "", command)
            assert changed, scene.command
        before, separator, behind = command.partition(" --run ")
        shell(f"{before} {scene.filled(self.more)}{separator}{behind}", scene.inside, self.status)


@dataclass
class Instead(Way):
    """What the user types in place of his own command; `until` this line, where it goes on."""

    command: str
    about: str = ""  # an option that the hint names, and this has no use for
    until: str = ""

    def __str__(self):
        return self.command

    def named(self):
        return set(OPTION.findall(f"{self.command} {self.about}"))

    def take(self, scene, said):
        if self.until:
            scene.interrupt(self.command, self.until)
        else:
            scene.type(self.command)


@dataclass
class Quoted(Way):
    """Options in backquotes, behind the user's command."""

    number: int = 0

    def __str__(self):
        return f"options {self.number + 1}"

    def take(self, scene, said):
        more = COMMAND.findall(said)[self.number]
        scene.again(f"{scene.command} {more}")


@dataclass
class OneOf(Way):
    """Every value that the hint lists, matched by this pattern, works for this option of the user's command."""

    option: str
    value: str = r"(\w+)(?: \(\S+\))?(?:, |$)"

    def __str__(self):
        return f"{self.option} one of"

    def named(self):
        return {self.option}

    def take(self, scene, said):
        listed = re.findall(self.value, scene.whole_hint(said).partition(": ")[2])
        assert listed, said
        for value in listed:
            command, changed = re.subn(rf"{self.option} \S+", f"{self.option} {value}", scene.command)
            scene.again(command if changed else f"{scene.command} {self.option} {value}")


@dataclass
class Does(Way):
    """What a hint says in words, done by a function of the scene."""

    what: object
    options: str = ""

    def __str__(self):
        return self.what.__name__.replace("_", " ")

    def named(self):
        return set(OPTION.findall(self.options))

    def take(self, scene, said):
        self.what(scene, said)
