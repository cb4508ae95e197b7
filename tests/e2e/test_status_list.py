# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""--status of several devices: a line each, in an order that people expect; --clean speaks of what it does."""

import json

import pytest

from support.devices import named
from support.pins import BPFFS, PINS, pin_dir
from support.processes import run
from support.programs import LOADER
from support.strace import calls_of_main, inject, strace

TITLES = ["device", "state", "mode", "attach", "program", "id", "generation", "redirect"]
NOTHING = "-"


def listed(lab, *args, **options):
    """The rows by their titles, and the text below them; each column begins or ends at one place in all lines."""
    lines, _, below = lab.loader("--status", *args, **options).out.partition("\n\n")
    lines = lines.splitlines()
    rows = [line.split() for line in lines]
    assert rows[0] == TITLES
    assert all(len(row) == len(TITLES) for row in rows), lines
    for title in ("state", "mode", "attach", "program", "redirect"):
        column = TITLES.index(title)
        start = lines[0].index(title)
        assert all(line[start - 1] == " " and line[start:].startswith(row[column])
                   for line, row in zip(lines, rows)), (title, lines)
    for title in ("id", "generation"):
        end = lines[0].index(f" {title} ") + len(title) + 1
        assert all(line[end] == " " and line[:end].endswith(row[TITLES.index(title)])
                   for line, row in zip(lines, rows)), (title, lines)
    return [dict(zip(TITLES, row)) for row in rows[1:]], below


def names(rows):
    return [row["device"] for row in rows]


@pytest.fixture(name="many")
def devices_in_several_namespaces(lab, netns):
    """Made in an order that is neither the natural one nor that of their bytes."""
    for name in ("eth10", "eth2", "eth0.7"):
        lab.veth(name)
        lab.load(name, "--attach", "link")
    for space in ("ns10", "ns2"):
        there = netns(space)
        for name in ("v10", "v9"):
            there.veth(name)
            lab.loader(*there.option, "--dev", name, "--attach", "link")
    return ["eth0.7", "eth2", "eth10", "ns2/v9", "ns2/v10", "ns10/v9", "ns10/v10"]


def test_a_line_each_in_natural_order(lab, many):
    rows, below = listed(lab)
    assert names(rows) == many and below == ""
    for row in rows:
        assert (row["state"], row["mode"], row["attach"], row["program"], row["generation"], row["redirect"]) == \
            ("attached", "native", "link", "xdp_pass", "1", NOTHING)
    outcomes = lab.loader_json("--status")
    assert ["/".join(filter(None, (item["netns"], item["dev"]))) for item in outcomes] == many
    assert [row["id"] for row in rows] == [str(item["program"]["id"]) for item in outcomes]
    words = [line.split(":")[0] for line in lab.loader("--status", "--verbose").out.splitlines() if line[0] != " "]
    assert words == many
    assert [item["dev"] for item in lab.loader_json("--clean")] == [name.split("/")[-1] for name in many]


def test_the_order_that_the_user_gave(lab, many):
    assert names(listed(lab)[0]) == many
    order = ["ns10/v10", "eth10", "ns2/v9", "eth2", "ns10/v9"]
    options = named([*order, "eth10", "ns10/v10"])
    assert names(listed(lab, *options)[0]) == order
    outcomes = lab.loader_json("--status", *options)
    assert [(item["netns"], item["dev"]) for item in outcomes] == [
        ("ns10", "v10"), (None, "eth10"), ("ns2", "v9"), (None, "eth2"), ("ns10", "v9")]


def test_what_runs_whoever_attached_it(lab):
    for name in ("veth0", "foreign0", "free0", "gone0", "taken0"):
        lab.veth(name)
    for name in ("veth0", "gone0", "taken0"):
        lab.load(name, "--attach", "link", "--skb-mode")
    lab.load("veth0", "--action", "drop")
    foreign = lab.foreign_attach("foreign0")
    run(["bpftool", "link", "detach", "pinned", pin_dir("taken0") / "xdp_link"])
    run(["bpftool", "net", "attach", "xdpgeneric", "pinned", lab.foreign_pin(), "dev", "taken0"])
    run(["ip", "link", "delete", "dev", "gone0"])
    rows = {row["device"]: [row[title] for title in TITLES[1:]] for row in listed(lab)[0]}
    program = str(lab.status("veth0")["program"]["id"])
    assert rows == {
        "veth0": ["attached", "generic", "link", "xdp_drop", program, "2", NOTHING],
        "foreign0": ["foreign", "native", NOTHING, "no_counter", str(foreign["id"]), NOTHING, NOTHING],
        "gone0": ["orphaned", NOTHING, NOTHING, NOTHING, NOTHING, "1", NOTHING],
        "taken0": ["stale", "generic", NOTHING, "no_counter", str(foreign["id"]), "1", NOTHING],
    }
    rows, _ = listed(lab, "--dev", "free0", "--dev", "veth0")
    assert list(rows[0].values()) == ["free0", "none"] + [NOTHING] * 6
    run(["ip", "link", "set", "dev", "taken0", "xdpgeneric", "off"])
    lab.loader("--clean")


def test_what_is_wrong_is_below(lab):
    for name in ("veth0", "veth1"):
        lab.veth(name)
    lab.let_redirects_arrive(lab.veth("out0"))
    lab.load("veth0", "--action", "redirect", "--redirect-to", "out0")
    lab.load("veth1")
    rows, below = listed(lab)
    assert [row["redirect"] for row in rows] == [NOTHING, "out0", NOTHING] and below == ""
    run(["ip", "link", "set", "dev", "out0", "down"])
    rows, below = listed(lab)
    assert [row["redirect"] for row in rows] == [NOTHING, "out0", NOTHING]
    note = lab.status("veth0")["redirect"]["note"]
    assert below == f"veth0: {note}\n" and "`ip link set dev out0 up`" in note
    assert listed(lab, "--quiet")[1] == ""
    lab.loader("--dev", "veth0", "--unload")


def test_one_device_is_told_whole(lab, veth0):
    lab.load("veth0")
    whole = lab.loader("--status", "--dev", "veth0").out
    assert whole.startswith("veth0: attached\n") and "  pins " in whole
    assert lab.loader("--status", "--verbose").out == whole
    assert names(listed(lab)[0]) == ["veth0"]


def test_a_device_that_fails_beside_others(lab, veth0):
    lab.load("veth0")
    result = lab.loader("--status", "--dev", "nope", "--dev", "veth0", "--dev", "gone/veth0", status=4)
    assert [line.split()[0] for line in result.out.splitlines()] == ["device", "veth0"]
    assert "'nope'" in result.err and "gone" in result.err


@pytest.mark.parametrize("verb", ["--status", "--clean"])
def test_what_was_found_before_an_error_is_in_the_document(lab, verb, tmp_path):
    """The last question is about deliveries, which are of no device."""
    for name in ("veth0", "veth1"):
        lab.veth(name)
        lab.load(name)
    command, log = [LOADER, verb, "--json"], tmp_path / "strace"
    whole = json.loads(run(strace(command=command, log=log)).out)
    assert len(whole.pop("devices")) == 2 and whole == {"schema": 1, "delivery": None}
    last = max(when for call, when, _ in calls_of_main(log) if call == "bpf")
    done = inject(command, log, "bpf", "error=ENOMEM", last)
    error = json.loads(done.err)["error"]
    assert done.status == error["status"] == 1
    document = json.loads(done.out)
    assert [device["dev"] for device in document.pop("devices")] == ["veth0", "veth1"] and document == {"schema": 1}


def test_where_the_program_runs_now(lab, red):
    for name in ("veth0", "veth1"):
        lab.veth(name)
        lab.load(name)
    run(["ip", "link", "set", "dev", "veth0", "netns", red.name])
    lines = [line.split() for line in lab.loader("--status").out.splitlines()]
    assert lines[0][-2:] == ["runs", "on"]
    assert {line[0]: (line[1], line[-1]) for line in lines[1:]} == {
        "veth0": ("attached", "red/veth0"), "veth1": ("attached", NOTHING)}
    lab.loader("--dev", "veth0", "--unload")


# ---- clean


NOTHING_TO_DO = f"nothing to clean up in {BPFFS}\n"


def removal(verb, what):
    return "".join(f"  {verb:<11} {pin_dir('gone0') / pin}\n" for pin in what)


def test_clean_speaks_of_what_it_removes(lab):
    for name in ("veth0", "veth1", "gone0"):
        lab.veth(name)
        lab.load(name, "--attach", "link")
    assert lab.loader("--clean").out == NOTHING_TO_DO
    assert lab.loader("--clean", "--dry-run").out == NOTHING_TO_DO
    run(["ip", "link", "delete", "dev", "gone0"])
    assert lab.loader("--clean", "--dry-run").out == \
        "gone0: would clean up: the interface is gone\n" + removal("would remove", PINS)
    assert lab.loader("--clean").out == "gone0: cleaned up: the interface is gone\n" + removal("removed", PINS)
    assert lab.loader("--clean").out == NOTHING_TO_DO
    assert lab.loader("--clean", "--quiet").out == ""


def test_clean_of_named_devices_says_why_not(lab, veth0):
    lab.veth("veth1")
    lab.load("veth0")
    for option in ([], ["--dry-run"]):
        assert lab.loader("--clean", "--dev", "veth0", "--dev", "veth1", *option).out == (
            "veth0: nothing to clean up: the pins are in use\n"
            "veth1: nothing to clean up: xdp_loader pinned nothing there\n")


@pytest.mark.parametrize("foreign, why", [
    (False, "no program counts into the pinned maps"),
    (True, "the program that runs here does not count into the pinned maps"),
])
def test_clean_says_why(lab, veth0, foreign, why):
    lab.load("veth0")
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    if foreign:
        lab.foreign_attach("veth0")
    assert lab.loader_json("--clean", "--dry-run")[0]["reason"] == why
    assert lab.loader("--clean").out.splitlines()[0] == f"veth0: cleaned up: {why}"


def test_nothing_is_pinned_anywhere(lab):
    assert lab.loader("--clean").out == NOTHING_TO_DO
    assert lab.loader("--status").out == f"no XDP program is attached, and nothing is pinned in {BPFFS}\n"
