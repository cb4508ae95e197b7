# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Each pair of options acts, or is refused with the reason: none of the two is ignored without a word.

What an option does is what differs with it and without it: the output, the exit status, a file. An option acts in a
pair if it makes a difference to the other alone. A note that says that it has no effect is such a difference, too.
"""

import itertools
import re
import signal
import subprocess
from pathlib import Path

import pytest

from support.pins import pin_dir
from support.processes import DEADLINE, Process, run, wait_until
from support.programs import LOADER, STATS, USAGE, object_file
from support.traffic import SIZE, send

OTHER_ROOT = Path("/run/other-bpffs")
FILE = Path("/run/tmp/option-pairs")
OWN = object_file("own")
GET = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"

# How each option is given, with what it needs beside it. A new option needs a line here, and, where it makes no
# difference to others, one in SILENT.
LOADER_OPTIONS = {
    "--dev": {"--dev": "second0"},
    "--netns": {"--netns": "red"},
    "--bpffs": {"--bpffs": OTHER_ROOT},
    "--action": {"--action": "drop"},
    "--redirect-to": {"--action": "redirect", "--redirect-to": "lo"},
    "--filename": {"--filename": OWN},
    "--progname": {"--filename": OWN, "--progname": "own_drop"},
    "--section": {"--filename": OWN, "--section": "xdp.frags"},
    "--native-mode": {"--native-mode": None},
    "--skb-mode": {"--skb-mode": None},
    "--offload-mode": {"--offload-mode": None},
    "--auto-mode": {"--auto-mode": None},
    "--mode": {"--mode": "skb"},
    "--attach": {"--attach": "link"},
    "--prio": {"--prio": "5"},
    "--chain-actions": {"--chain-actions": "none"},
    "--force": {"--force": None},
    "--reuse-maps": {"--reuse-maps": None},
    "--new-map": {"--reuse-maps": None, "--new-map": "xdp_stats_map"},
    "--observe": {"--observe": None},
    "--follow": {"--observe": None, "--follow": None},
    "--unload": {"--unload": None},
    "--status": {"--status": None},
    "--clean": {"--clean": None},
    "--keep-maps": {"--unload": None, "--keep-maps": None},
    "--run": {"--run": None},
    "--test-run": {"--test-run": "10"},
    "--list-programs": {"--list-programs": None, "--filename": OWN},
    "--features": {"--features": None},
    "--track-delivery": {"--track-delivery": None},
    "--untrack-delivery": {"--untrack-delivery": None},
    "--dry-run": {"--dry-run": None},
    "--json": {"--json": None},
    "--quiet": {"--quiet": None},
    "--verbose": {"--verbose": None},
}
# Without --expect, it is for what --wait waits for.
WITHIN_OF_WAIT = "--within (--wait)"
STATS_OPTIONS = {
    "--dev": {"--dev": "second0"},
    "--all": {"--all": None},
    "--netns": {"--netns": "red"},
    "--map": {"--map": pin_dir("second0") / "xdp_stats_map"},
    "--map-id": {"--map-id": None},  # filled in
    "--wait": {"--wait": None},
    "--bpffs": {"--bpffs": OTHER_ROOT},
    "--interval": {"--interval": "20ms"},
    "--count": {"--count": "2"},
    "--once": {"--once": None},
    "--expect": {"--expect": "total.packets >= 0"},
    "--within": {"--expect": "total.packets > 1M", "--within": "30ms"},
    WITHIN_OF_WAIT: {"--wait": None, "--within": "10ms"},
    "--settle": {"--expect": "total.packets >= 0", "--settle": "1ms"},
    "--format": {"--format": "csv"},
    "--json": {"--json": None},
    "--brief": {"--brief": None},
    "--output": {"--output": FILE},
    "--per-cpu": {"--per-cpu": None},
    "--per-program": {"--per-program": None},
    "--totals": {"--totals": "session"},
    "--cost": {"--cost": None},
    "--since-start": {"--since-start": None},
    "--quiet": {"--quiet": None},
    "--verbose": {"--verbose": None},
    "--live": {"--live": None},
    "--listen": {"--listen": "127.0.0.1:0"},
    "--user": {"--listen": "127.0.0.1:0", "--user": "nobody"},
}

# What makes no difference to others here, and why that is right.
SILENT = {
    LOADER: {
        "--auto-mode": "it is the default, and may be said",
        "--dry-run": "all of this test is one; what it leaves undone is tested elsewhere",
        "--verbose": "libraries have something to say, or nothing",
    },
    STATS: {
        "--interval": "only when samples are taken differs; the measured period is tested elsewhere",
        "--settle": "nothing more is counted here, so it only takes longer",
    },
}
# Under these the other option makes no difference that can be seen here, and why.
HIDING = {
    LOADER: {
        "--quiet": "nothing is printed that would tell",
        "--offload-mode": "no network card here takes programs, which is all that is said",
        "--observe": "the kernel may not allow it, which is all that is said",
    },
    STATS: {
        WITHIN_OF_WAIT: "the run ends before there is anything to show",
    },
}
# Only what is refused with them is tried here; what they do is tested elsewhere.
ENDLESS = {LOADER: "--follow", STATS: "--live"}
# Pairs of which one makes no difference to the other, and why.
ACCEPTED = {
    LOADER: {
        **{(mode, "--unload"): "the tutorial's scripts unload with the mode that they loaded with"
           for mode in ("--native-mode", "--skb-mode")},
        **{(mode, "--keep-maps"): "the same" for mode in ("--native-mode", "--skb-mode")},
        ("--native-mode", "--force"): "the program that is replaced has the mode that was asked for",
        ("--native-mode", "--run"): "the mode that is taken anyway may be asked for",
        ("--attach", "--run"): "the link that is taken anyway may be asked for",
        ("--keep-maps", "--bpffs"): "below the other root are no pins of the program that is attached",
        ("--quiet", "--test-run"): "this run has no notes to leave out",
        ("--quiet", "--features"): "the kernel tells, and there is no note that would say why not",
    },
    STATS: {
        ("--bpffs", "--totals"): "nothing is counted meanwhile, whatever is read",
        ("--bpffs", "--since-start"): "nothing is counted meanwhile, whatever is read",
        ("--count", "--output"): "the file has one round, the last",
    },
}
DEPENDS_ON_KERNEL = {"--observe", "--offload-mode"}


def name_of(option):
    """Without what tells its several lines apart."""
    return option.partition(" ")[0]


def listed_options(program):
    """All that --help lists, but for what ends at once."""
    found = re.findall(r"^ +(?:-\w,)?(--[a-z][a-z-]*)", run([program, "--help"]).out, re.MULTILINE)
    return set(found) - {"--help", "--version"}


def words_of(*given):
    """The options of some samples; of one that is in several, the last has its value."""
    merged = {}
    for sample in given:
        merged.update(sample)
    return [str(word) for option, value in merged.items() for word in ([option] if value is None else [option, value])]


def normal(text):
    """Without what differs from run to run: ids, times, ports."""
    text = re.sub(r"\bid \d+|\blink \d+|\"(?:id|map_id|link_id)\":\d+|\bmap \d+", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "PORT", text)
    return re.sub(r"\d+\.\d+(?:e[+-]\d+)?|(?<=[,:])\d+(?=,\d*\.?\d*,,)", "NUMBER", text)


def observed(status, out, err):
    contents = normal(FILE.read_text()) if FILE.exists() else None
    FILE.unlink(missing_ok=True)
    # What it costs to measure is no effect.
    err = re.sub(r"^xdp_stats: --cost: while .*\n?", "", err, flags=re.MULTILINE)
    return status, normal(out), normal(err), contents


def finish(command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    return observed(done.returncode, done.stdout, done.stderr)


class Pairs:
    """The pairs of one program's options."""

    def __init__(self, program, samples):
        self.program = program
        self.samples = samples
        self.seen = {}
        self.needed = set()

    def observe(self, *words):
        """What the program does with them; run once for each line."""
        if words not in self.seen:
            self.seen[words] = self.run(list(words))
        return self.seen[words]

    def acts(self, option, pair, base):
        """A difference to the same line without the option, but with what it needs beside itself."""
        (other,) = set(pair) - {option}
        needed = {name: value for name, value in self.samples[option].items() if name != name_of(option)}
        if name_of(option) in self.samples[other]:
            return True  # the other is nothing without it
        return self.observe(*base, *self.words(pair)) != self.observe(*base, *words_of(needed, self.samples[other]))

    def words(self, pair):
        """The one that needs the other has the last word."""
        return words_of(*(self.samples[option] for option in sorted(pair, key=lambda each: len(self.samples[each]))))

    def refused(self, pair, result):
        """Whether it is; the message names both, or what they need, and says why."""
        status, out, err, _ = result
        if status != USAGE or "stdout is not a terminal" in err:
            return False
        message = json_message(err) or err.splitlines()[0].split(": ", 1)[1]
        named = [set(self.samples[option]) | {option} for option in pair]
        told = re.match(r"(--[a-z-]+).* cannot be combined with (--[a-z-]+).*?: \S", message)
        needs = re.match(r"(--[a-z-]+) (?:needs|takes one) (--[a-z-]+)", message)
        assert told or needs, f"{pair}: {message}"
        if told:
            first, second = told.groups()
            assert (first in named[0] and second in named[1]) or (first in named[1] and second in named[0]), \
                f"{pair}: {message}"
        assert out == ""
        return True

    def silent_for_a_reason(self, option, pair):
        (other,) = set(pair) - {option}
        for table, key in ((SILENT, option), (HIDING, other), (ACCEPTED, pair), (ACCEPTED, tuple(reversed(pair)))):
            if key in table[self.program]:
                self.needed.add((id(table), key))
                return True
        return False

    def check(self, pair, base):
        result = self.observe(*base, *self.words(pair))
        if self.refused(pair, result) or ENDLESS[self.program] in pair:
            return []
        return [f"{option} makes no difference to {' '.join(words_of(self.samples[other]))}: {result}"
                for option, other in (pair, tuple(reversed(pair)))
                if not self.acts(option, pair, base) and not self.silent_for_a_reason(option, pair)]

    def unneeded(self):
        """Exceptions of which there is no instance any more."""
        return [key for table in (SILENT, HIDING, ACCEPTED) for key in table[self.program]
                if (id(table), key) not in self.needed and key not in DEPENDS_ON_KERNEL]


def json_message(err):
    found = re.search(r'"message":"(.*?)","details"', err)
    return found.group(1) if found else None


# ---- xdp_loader


def leave_maps(lab, dev, *options):
    """Pins of maps into which nothing counts any more."""
    lab.loader(*options, "--dev", dev)
    lab.loader(*options, "--dev", dev, "--unload", "--keep-maps")


class LoaderPairs(Pairs):
    # They change nothing, or have no dry run.
    WITHOUT_DRY_RUN = {"--status", "--test-run", "--list-programs", "--run", "--follow", "--dry-run", "--features"}

    def __init__(self, lab):
        super().__init__(LOADER, LOADER_OPTIONS)
        self.lab = lab

    def base(self, pair):
        """A device on which both can do something."""
        given = set().union(*(self.samples[option] for option in pair))
        if given & {"--test-run", "--list-programs", "--track-delivery", "--untrack-delivery"}:
            return ()
        for options, device in (({"--follow"}, "none0"), ({"--force", "--observe"}, "foreign0"),
                                ({"--unload"}, "loaded0"), ({"--run"}, "run0")):
            if given & options:
                return "--dev", device
        return "--dev", "maps0"

    def run(self, words):
        if "--run" in words:
            leave_maps(self.lab, "run0")
            words = [*words, "--", "true"]
        elif not self.WITHOUT_DRY_RUN & set(words):
            words = [*words, "--dry-run"]
        return finish([LOADER, *words])


def build_loader_world(lab, red):
    for dev in ("maps0", "second0", "foreign0", "loaded0", "run0"):
        lab.veth(dev)
    for dev in ("maps0", "foreign0", "loaded0", "run0"):
        red.veth(dev)
    for roots in ((), ("--bpffs", OTHER_ROOT)):
        for dev in ("maps0", "foreign0", "run0"):
            leave_maps(lab, dev, *roots)
            leave_maps(lab, dev, *roots, *red.option)
    lab.loader("--dev", "loaded0")
    lab.loader("--dev", "loaded0", *red.option)
    lab.foreign_attach("foreign0")
    lab.loader("--track-delivery")
    lab.cleanups.append(lambda: lab.loader("--untrack-delivery"))
    run(["nsenter", f"--net={red.path}", "bpftool", "net", "attach", "xdpdrv", "pinned", lab.foreign_pin(), "dev",
         "foreign0"])


# ---- xdp_stats


class StatsPairs(Pairs):
    def __init__(self, map_id):
        samples = {**STATS_OPTIONS, "--map-id": {"--map-id": map_id}}
        super().__init__(STATS, samples)

    def base(self, pair):
        given = set().union(*(self.samples[option] for option in pair))
        devices = ("--dev", "maps0", *(("--dev", "late0") if "--wait" in given else ()))
        return () if "--all" in given else devices

    def run(self, words):
        if not {"--count", "--once", "--expect", "--listen", "--live"} & set(words):
            words = [*words, "--count", "1"]
        return (self.scrape if "--listen" in words else finish)([STATS, *words])

    @staticmethod
    def scrape(command):
        process = Process(command)
        wait_until(lambda: process.popen.poll() is not None or
                   any("http://" in line for line in process.lines["out"] + process.lines["err"]), process.describe)
        text = ""
        if process.popen.poll() is None:
            lines = "\n".join(process.lines["out"] + process.lines["err"])
            uid = re.search(r"\nUid:\s+(\d+)", Path(f"/proc/{process.popen.pid}/status").read_text())[1]
            there = ["nsenter", "--net=/run/netns/red"] if "--netns" in command else []
            answer = run([*there, "python3", "-c", GET, re.search(r"http://\S+", lines)[0]]).out
            text = "\n".join([f"uid {uid}", *(line for line in answer.splitlines() if line.startswith("xdp_action"))])
            process.popen.send_signal(signal.SIGINT)
        process.popen.wait(DEADLINE)
        process.wait(process.popen.returncode)
        return observed(process.popen.returncode, text, "\n".join(process.lines["err"]))


def build_stats_world(lab, red):
    veths = {dev: lab.veth(dev) for dev in ("maps0", "second0")}
    there = red.veth("maps0")
    run(["ip", "-netns", red.name, "link", "set", "dev", "lo", "up"])
    lab.load("second0")
    for count, veth, options in ((10, veths["maps0"], ()), (3, there, red.option),
                                 (5, veths["maps0"], ("--bpffs", OTHER_ROOT)),
                                 (6, there, (*red.option, "--bpffs", OTHER_ROOT))):
        lab.loader("--dev", "maps0", *options)
        send(veth, count, SIZE)
        run([STATS, "--dev", "maps0", *options, "--expect", f"total.packets == {count}"])
        lab.loader("--dev", "maps0", *options, "--unload", "--keep-maps")


# ---- both


@pytest.fixture(name="other_root")
def other_bpffs(lab, red):
    OTHER_ROOT.mkdir()
    run(["mount", "-t", "bpf", "-o", "mode=0755", "bpf", OTHER_ROOT])
    yield red
    for options in ((), red.option):
        lab.loader(*options, "--bpffs", OTHER_ROOT, "--clean")
        lab.loader(*options, "--clean")
    run(["umount", OTHER_ROOT])
    OTHER_ROOT.rmdir()


def check_all(pairs):
    options = sorted(pairs.samples)
    assert {name_of(option) for option in options} == listed_options(pairs.program), \
        "an option without a line in this test, or a line without one"
    failures = []
    for pair in itertools.combinations(options, 2):
        try:
            failures += pairs.check(pair, pairs.base(pair))
        except AssertionError as error:
            failures.append(f"refused otherwise: {error}")
    assert not failures, f"{len(failures)} pairs:\n" + "\n".join(failures)
    assert not pairs.unneeded()


def test_pairs_of_xdp_loader(lab, other_root):
    build_loader_world(lab, other_root)
    check_all(LoaderPairs(lab))


def test_pairs_of_xdp_stats(lab, other_root):
    build_stats_world(lab, other_root)
    (second,) = [item for item in lab.status("second0")["maps"] if item["name"] == "xdp_stats_map"]
    check_all(StatsPairs(second["id"]))
