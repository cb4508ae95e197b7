# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats --brief: a line each, in an order that people expect."""

from pathlib import Path

import pytest

from support.devices import named
from support.pins import pin_dir
from support.processes import run
from support.programs import STATS, USAGE
from support.traffic import SIZE, send

TITLES = ["device", "aborted", "drop", "pass", "tx", "redirect", "lost", "packets/s", "bits/s", "state"]
UNKNOWN = "-"


def rounds_of(text):
    """Of each round its rows by their titles; every column ends or begins at one place in all lines of a round."""
    found = []
    for part in text.rstrip("\n").split("\n\n"):
        lines = part.splitlines()
        rows = [line.split(maxsplit=len(TITLES) - 1) for line in lines]
        assert rows[0] == TITLES, part
        for number, title in enumerate(TITLES[1:-1], 1):
            end = lines[0].index(f" {title} ") + 1 + len(title)
            assert all(line[:end].endswith(" " + row[number]) and line[end] == " "
                       for line, row in zip(lines, rows)), (title, part)
        start = lines[0].index(TITLES[-1])
        assert all(line[start - 1] == " " and line[start:] == row[-1] for line, row in zip(lines, rows)), part
        found.append([dict(zip(TITLES, row)) for row in rows[1:]])
    return found


def brief(*args):
    return rounds_of(run([STATS, "--brief", *args]).out)


def names(rows):
    return [row["device"] for row in rows]


@pytest.fixture(name="many")
def devices_in_several_namespaces(lab, netns):
    """{name: (options of its load, packets)}, in natural order; made in another one."""
    devices = {"eth0.7": ("pass", 7), "eth2": ("drop", 12345), "eth10": ("pass", 0), "ns2/v9": ("drop", 3),
               "ns2/v10": ("pass", 1), "ns10/v9": ("aborted", 20)}
    spaces = {name: netns(name) for name in ("ns10", "ns2")}
    for name in sorted(devices):
        action, packets = devices[name]
        space, _, dev = name.rpartition("/")
        veth = spaces[space].veth(dev) if space else lab.veth(dev)
        lab.loader("--dev", name, "--action", action)
        send(veth, packets, SIZE)
        run([STATS, "--dev", name, "--expect", f"{action}.packets == {packets}"])
    return devices


def check_counts(rows, devices):
    for row in rows:
        action, packets = devices[row["device"]]
        expected = {**dict.fromkeys(TITLES[1:6], "0"), action: str(packets), "state": "attached"}
        assert {title: row[title] for title in expected} == expected, row


def test_every_device_in_natural_order(many):
    (once,) = brief("--all", "--once")
    assert names(once) == list(many)
    check_counts(once, many)
    assert {(row["packets/s"], row["bits/s"]) for row in once} == {(UNKNOWN, UNKNOWN)}
    rounds = brief("--all", "--count", "3", "--interval", "20ms")
    assert len(rounds) == 3
    for rows in rounds:
        assert names(rows) == list(many)
        check_counts(rows, many)
        assert {(row["packets/s"], row["bits/s"]) for row in rows} == {("0.0", "0.0")}


def test_the_order_that_the_user_gave(many):
    order = ["ns10/v9", "eth10", "ns2/v10", "eth2", "ns2/v9"]
    (rows,) = brief("--once", *named(order))
    assert names(rows) == order
    check_counts(rows, many)


def test_states(lab):
    for name in ("veth0", "gone0", "kept0"):
        lab.veth(name)
        lab.load(name, "--attach", "link")
    run(["ip", "link", "delete", "dev", "gone0"])
    lab.loader("--dev", "kept0", "--unload", "--keep-maps")
    (rows,) = brief("--all", "--once")
    assert {row["device"]: row["state"] for row in rows} == {
        "gone0": "detached", "kept0": "detached", "veth0": "attached"}
    lab.loader("--clean")


def test_who_has_no_pins_has_a_line(lab):
    """Without one, it would not be missed among many."""
    for name in ("veth0", "veth1"):
        lab.veth(name)
    lab.load("veth0")
    (rows,) = brief("--dev", "veth0", "--dev", "veth1", "--count", "1", "--interval", "20ms")
    assert list(rows[1].values()) == ["veth1", *[UNKNOWN] * (len(TITLES) - 2), "waiting"]
    assert rows[0]["state"] == "attached"


def test_where_the_program_runs_now(lab, veth0, red):
    lab.load("veth0")
    run(["ip", "link", "set", "dev", "veth0", "netns", red.name])
    (rows,) = brief("--all", "--once")
    assert [row["state"] for row in rows] == ["attached, runs on red/veth0"]
    lab.loader("--dev", "veth0", "--unload")


def test_totals_since_the_start(lab, veth0):
    """Those that the table would have."""
    lab.load("veth0")
    send(veth0, 5, SIZE)
    run([STATS, "--dev", "veth0", "--expect", "pass.packets == 5"])
    (rows,) = brief("--dev", "veth0", "--since-start", "--count", "1", "--interval", "20ms")
    assert rows[0]["pass"] == "0"
    assert brief("--dev", "veth0", "--once")[0][0]["pass"] == "5"


def test_a_map_that_is_no_devices(lab, veth0):
    lab.load("veth0")
    pin = pin_dir("veth0") / "xdp_stats_map"
    (rows,) = brief("--map", pin, "--dev", "veth0", "--once")
    assert names(rows) == ["veth0", str(pin)]
    assert [row["state"] for row in rows] == ["attached", "attached"]


def test_a_file_has_one_round(lab, many):
    path = Path("/run/tmp/brief")
    path.parent.mkdir(exist_ok=True)
    lab.cleanups.append(lambda: path.unlink(missing_ok=True))
    assert run([STATS, "--all", "--brief", "--count", "3", "--interval", "20ms", "--output", path]).out == ""
    (rows,) = rounds_of(path.read_text(encoding="utf-8"))
    assert names(rows) == list(many)
    check_counts(rows, many)


@pytest.mark.parametrize("other", [
    ["--per-cpu"], ["--per-program"], ["--json"], ["--format", "csv"], ["--format", "json"],
    ["--format", "prometheus"], ["--live"], ["--listen", "127.0.0.1:0"], ["--expect", "drop.packets == 0"], ["--cost"]])
def test_what_has_no_lines_is_refused(other):
    err = run([STATS, "--dev", "veth0", "-b", *other], USAGE).err
    assert "--brief" in err and f"{other[0]}" in err and "cannot be combined with" in err
