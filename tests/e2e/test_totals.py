# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Three totals, the same in every output: of the map, since the first load, since the reader's start.

What they have to be follows from the frames that were sent and the loads between them.
"""

import csv
import io
import json
import re

import pytest

from support.exporter import Exporter, once
from support.maps import ACTIONS
from support.pins import BPFFS, pin_dir
from support.processes import run
from support.programs import LOADER, STATS
from support.samples import counts_of, read, session_of
from support.strace import FAULT_STEP
from support.stopping import Stopping, calls_of_a_load
from support.tmux import has, row, shows
from support.traffic import SIZE, send

TOTALS = ("map", "lifetime", "session")


class Ledger:
    """What was sent to a device, and what the three totals have to be then."""

    def __init__(self, lab, veth):
        self.lab = lab
        self.veth = veth
        self.action = None
        self.totals = {name: {} for name in TOTALS}

    def load(self, action, *options):
        self.lab.load(self.veth.name, "--action", action, *options)
        self.action = f"XDP_{action.upper()}"
        if "--reuse-maps" not in options:
            self.totals["map"] = {}

    def send(self, count, size=SIZE):
        send(self.veth, count, size)
        for counts in self.totals.values():
            packets, octets = counts.get(self.action, (0, 0))
            counts[self.action] = (packets + count, octets + count * size)
        self.lab.wait_for_counts(self.veth.name, self.totals["map"])

    def start_session(self):
        self.totals["session"] = {}

    def total(self, name):
        return tuple(map(sum, zip((0, 0), *self.totals[name].values())))

    def of(self, name):
        """{verdict or "total": (packets, bytes)}, zeros included."""
        counts = {action: self.totals[name].get(action, (0, 0)) for action in ACTIONS}
        return {**counts, "total": self.total(name)}


def lifetime_of(sample):
    return counts_of(sample, "lifetime_")


def never_goes_back(samples):
    """The lifetime total, wherever it is known."""
    known = [sample["total"]["lifetime_packets"] for sample in samples]
    known = [number for number in known if number is not None]
    assert known == sorted(known), known
    return known


def table_of(text):
    """{first word of a row: (packets, bytes)} of the last table, "-" where there is no number, and its first line."""
    head, _, *rows = text.strip().split("\n\n")[-1].splitlines()
    words = [line.split() for line in rows]
    assert all(len(each) == 5 for each in words), text
    return head, {each[0]: tuple(int(each[column]) if each[column].isdigit() else each[column] for column in (1, 3))
                  for each in words}


def csv_of(lines):
    """The rows of the last sample, by their action."""
    rows = list(csv.DictReader(io.StringIO("\n".join(lines)), strict=True))
    return {row["action"]: row for row in rows[-6:]}


def pair_of(fields, prefix=""):
    return int(fields[f"{prefix}packets"]), int(fields[f"{prefix}bytes"])


@pytest.fixture(name="ledger")
def three_maps(lab, veth0):
    """Before a session begins: two programs with maps of their own, the second map reused once."""
    ledger = Ledger(lab, veth0)
    ledger.load("pass")
    ledger.send(1000)
    ledger.load("drop")
    ledger.send(300, 60)
    ledger.load("pass", "--reuse-maps")
    ledger.send(200)
    ledger.start_session()
    return ledger


def replace_during_the_session(ledger):
    """Verdicts, sizes and maps mixed: at the end, all three totals differ from one another."""
    ledger.send(11)
    ledger.load("drop")
    ledger.send(500, 60)
    ledger.load("aborted")
    ledger.send(7)
    ledger.load("drop", "--reuse-maps")
    ledger.send(40)
    totals = {ledger.total(name) for name in TOTALS}
    assert totals == {(2058, 1000 * 100 + 300 * 60 + 200 * 100 + 11 * 100 + 500 * 60 + 7 * 100 + 40 * 100),
                      (47, 4700), (558, 11 * 100 + 500 * 60 + 7 * 100 + 40 * 100)}


# ---- every output


def test_json(lab, veth0, ledger):
    reader = lab.reading("--dev", "veth0")
    since_start = lab.reading("--dev", "veth0", "--since-start")
    replace_during_the_session(ledger)
    packets, _ = ledger.total("session")
    sample = reader.wait_for_session(packets)
    assert counts_of(sample) == ledger.totals["map"]
    assert lifetime_of(sample) == ledger.totals["lifetime"]
    assert session_of(sample) == ledger.totals["session"]
    for name, prefix in (("map", ""), ("lifetime", "lifetime_"), ("session", "session_")):
        assert pair_of(sample["total"], prefix) == ledger.total(name)
    sample = since_start.wait_for_session(packets)
    assert counts_of(sample) == session_of(sample) == ledger.totals["session"]
    assert lifetime_of(sample) == ledger.totals["lifetime"]
    sample = read("--dev", "veth0")
    assert (counts_of(sample), lifetime_of(sample)) == (ledger.totals["map"], ledger.totals["lifetime"])
    for process in (reader, since_start):
        process.stop()
        never_goes_back(process.samples())


@pytest.mark.parametrize("totals", TOTALS)
def test_table_and_csv(lab, veth0, ledger, totals):
    """Both name the totals that they show."""
    processes = {name: lab.process(STATS, "--dev", "veth0", "--interval", "50ms", "--totals", totals, "--format", name)
                 for name in ("table", "csv")}
    for process in processes.values():
        process.wait_for_line("total")
    replace_during_the_session(ledger)
    packets, octets = ledger.total(totals)
    processes["table"].wait_for_line(rf"^total +{packets} +\S+ +{octets} ")
    processes["csv"].wait_for_line(rf",total,{packets},{octets},.*,{totals},,,$")
    for process in processes.values():
        process.stop()
    head, table = table_of("\n".join(processes["table"].lines["out"]))
    assert f", generation 6, {totals} totals, period " in head
    assert {name: pair for name, pair in table.items() if name != "lifetime"} == ledger.of(totals)
    assert ("lifetime" in table) == (totals == "map")
    rows = csv_of(processes["csv"].lines["out"])
    for action, fields in rows.items():
        assert fields["totals"] == totals
        assert pair_of(fields) == ledger.of(totals)[action]
        assert pair_of(fields, "lifetime_") == ledger.of("lifetime")[action]
        assert pair_of(fields, "session_") == ledger.of("session")[action]


def test_a_later_table_shows_the_lifetime_total_as_well(lab, veth0):
    ledger = Ledger(lab, veth0)
    ledger.load("pass")
    ledger.send(1000)
    head, table = table_of(run([STATS, "--dev", "veth0", "--once"]).out)
    assert "map totals" in head and table == ledger.of("map")
    ledger.load("drop")
    ledger.send(500)
    head, table = table_of(run([STATS, "--dev", "veth0", "--once"]).out)
    assert "map totals" in head
    assert table == {**ledger.of("map"), "lifetime": (1500, 1500 * SIZE)}
    head, table = table_of(run([STATS, "--dev", "veth0", "--once", "--totals", "lifetime"]).out)
    assert "lifetime totals" in head and table == ledger.of("lifetime")


def test_expect(lab, veth0, ledger):
    """The same condition about each of the totals; the answer names those that are not the map's."""
    waiting = {}
    for totals in ("lifetime", "session"):
        packets = 2058 if totals == "lifetime" else 558
        waiting[totals] = lab.process(STATS, "--dev", "veth0", "--verbose", "--within", "50", "--totals", totals,
                                      "--expect", f"total.packets == {packets}")
        waiting[totals].wait_for_line("read by", stream="err")
    replace_during_the_session(ledger)
    for totals, process in waiting.items():
        process.wait()
        packets, _ = ledger.total(totals)
        assert process.lines["out"] == [f"veth0: total.packets == {packets}: yes, {packets} ({totals})"]
    for options, totals in (([], "map"), (["--totals", "map"], "map"), (["--totals", "lifetime"], "lifetime")):
        conditions = [word for action, pair in ledger.of(totals).items()
                      for field, number in zip(("packets", "bytes"), pair)
                      for word in ("--expect", f"{action}.{field} == {number}")]
        run([STATS, "--dev", "veth0", *options, *conditions, "--within", "0"])
        answer = json.loads(run([STATS, "--dev", "veth0", "--json", *options, *conditions, "--within", "0"]).out)
        assert {item["totals"] for item in answer["expectations"]} == {totals}


def test_prometheus(lab, veth0, ledger):
    """The lifetime total, from whenever the exporter is started."""
    def counters(scrape):
        short = {action[4:].lower(): action for action in ACTIONS}
        return {action: tuple(int(scrape[f"xdp_action_{unit}_total", ("veth0", "", name)]) for unit in
                              ("packets", "bytes")) for name, action in short.items()}

    def lifetime():
        return {name: pair for name, pair in ledger.of("lifetime").items() if name != "total"}

    exporter = Exporter(lab, "--dev", "veth0")
    assert counters(exporter.scrape()) == lifetime()
    replace_during_the_session(ledger)
    assert counters(exporter.scrape()) == lifetime()
    assert counters(Exporter(lab, "--dev", "veth0").scrape()) == lifetime()
    text = once("--dev", "veth0")
    assert f'action="drop"}} {ledger.totals["lifetime"]["XDP_DROP"][0]}\n' in text
    assert "since the first load" in text


def test_live(lab, veth0, ledger, terminal):
    """The first line names them; a key shows the next ones."""
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(lambda text: "map totals" in text and row(text, "veth0"))
    screen.keys("o")
    replace_during_the_session(ledger)
    for totals in TOTALS:
        text = screen.wait_for(lambda text, totals=totals: f"{totals} totals" in text and
                               has("veth0", ledger.total(totals)[0])(text))
        for action, pair in ledger.totals[totals].items():
            assert shows(action[4:].lower(), *pair)(text), text
        screen.keys("t")
    screen.wait_for("map totals")
    screen.keys("r")
    screen.wait_for(lambda text: "since reset" in text and has("veth0", 0)(text))
    screen.keys("t")
    screen.wait_for("map totals")
    screen.keys("t", "Enter")
    packets, size = ledger.total("lifetime")
    screen.wait_for(lambda text: "lifetime totals" in text and {f"{packets:,}", f"{size:,}"} <= set(row(text, "total")))
    screen.quit()
    screen.start("--dev", "veth0", "--totals", "lifetime")
    screen.wait_for(lambda text: "lifetime totals" in text and has("veth0", packets)(text))
    screen.keys("y")
    screen.wait_for("xdp_stats --dev veth0 --totals lifetime --count 1")
    screen.keys("Escape")
    screen.quit()


# ---- while maps are replaced


@pytest.mark.parametrize("options", [[], ["--skb-mode"]], ids=["native", "generic"])
def test_under_traffic(lab, veth0, options):
    """Readers of every moment see the lifetime total grow, and in the end every frame in it."""
    lab.load("veth0", *options)
    reader = lab.reading("--dev", "veth0", interval="5ms")
    traffic = lab.traffic(veth0, SIZE)
    known = []
    for number in range(12):
        reuse = ["--reuse-maps"] if number % 4 == 3 else []
        lab.load("veth0", "--action", ("drop", "pass")[number % 2], *options, *reuse)
        known.append(read("--dev", "veth0"))
    sent = traffic.finish()
    sample = reader.wait_for_session(sent)
    assert sample["total"]["lifetime_packets"] == sent and sample["total"]["lifetime_bytes"] == sent * SIZE
    never_goes_back(known)
    reader.stop()
    assert max(never_goes_back(reader.samples())) == sent
    for totals in ("lifetime", "map"):
        expected = sent if totals == "lifetime" else sample["total"]["packets"]
        run([STATS, "--dev", "veth0", "--totals", totals, "--expect", f"total.packets == {expected}", "--within", "0"])


def test_nothing_is_counted_twice_or_forgotten_for_a_moment(lab, veth0):
    """No frames come, so the lifetime total is the same in each reading, whatever the loader is doing."""
    lab.load("veth0")
    send(veth0, 100, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (100, 100 * SIZE)})
    reader = lab.reading("--dev", "veth0", interval="1ms")
    for number in range(15):
        loader = lab.process(LOADER, "--dev", "veth0", "--action", ("drop", "pass")[number % 2])
        while loader.popen.poll() is None:
            assert read("--dev", "veth0")["total"]["lifetime_packets"] == 100
        loader.wait()
    reader.wait_for(lambda sample: sample["generation"] == 16)
    reader.stop()
    assert set(never_goes_back(reader.samples())) == {100}


@pytest.mark.parametrize("syscall", ["/^rename", "bpf"])
def test_a_loader_that_stops(lab, veth0, syscall, tmp_path):
    """Between any two of its steps the lifetime total is right, or not known."""
    log = tmp_path / "strace"
    calls = calls_of_a_load(lab, log, "veth0", syscall)
    lab.load("veth0")
    sent = 0
    reader = lab.reading("--dev", "veth0")
    for k in range(1, calls + 1, FAULT_STEP if syscall != "bpf" else max(FAULT_STEP, 8)):
        send(veth0, 7, SIZE)  # which the old map has
        with Stopping(log, syscall, k, [LOADER, "--dev", "veth0"]) as loader:
            assert loader.stopped()
            send(veth0, 5, SIZE)
            sent += 7 + 5
            assert read("--dev", "veth0")["total"]["lifetime_packets"] in (None, sent - 5, sent)
        loader.process.wait()
        sample = reader.wait_for_session(sent)
        sample = sample if sample["total"]["lifetime_packets"] is not None else reader.wait_for(
            lambda sample: sample["total"]["lifetime_packets"] is not None)
        assert sample["total"]["lifetime_packets"] == sent
    reader.stop()
    never_goes_back(reader.samples())


# ---- where it begins, and where it is not known


def test_a_load_after_an_unload_is_a_first_one(lab, veth0):
    ledger = Ledger(lab, veth0)
    ledger.load("pass")
    ledger.send(50)
    ledger.load("drop")
    ledger.send(20)
    reader = lab.reading("--dev", "veth0")
    lab.loader("--dev", "veth0", "--unload")
    reader.wait_for_message("no longer pinned")
    lab.load("veth0")
    send(veth0, 3, SIZE)
    sample = reader.wait_for_session(3)
    assert lifetime_of(sample) == lifetime_of(read("--dev", "veth0")) == {"XDP_PASS": (3, 3 * SIZE)}


def test_kept_maps_go_on(lab, veth0):
    """After --unload --keep-maps the maps are still those of the first load."""
    ledger = Ledger(lab, veth0)
    ledger.load("pass")
    ledger.send(50)
    ledger.load("drop")
    ledger.send(20)
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    sample = read("--dev", "veth0")
    assert sample["state"] == "detached" and lifetime_of(sample) == ledger.totals["lifetime"]
    ledger.load("pass", "--reuse-maps")
    ledger.send(5)
    assert lifetime_of(read("--dev", "veth0")) == ledger.totals["lifetime"]


def test_an_adopted_map_counts_from_the_adoption(lab, veth0):
    path = BPFFS / "operators"
    lab.foreign_map(path, kind="percpu_array", key=4, value=16, entries=5)
    there = pin_dir("veth0") / "xdp_stats_map"
    there.parent.mkdir()
    run(["bpftool", "map", "pin", "pinned", path, there])
    lab.cleanups.append(lambda: lab.remove_pin(there))
    run(["bpftool", "map", "update", "pinned", there, "key", *"\2\0\0\0".encode(), "value", *bytes([9] + 15 * [0])])
    before = read("--dev", "veth0")["total"]["packets"]
    assert before >= 9
    lab.load("veth0", "--reuse-maps")
    send(veth0, 4, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (before + 4, 4 * SIZE)})
    assert lifetime_of(read("--dev", "veth0")) == {"XDP_PASS": (4, 4 * SIZE)}
    _, table = table_of(run([STATS, "--dev", "veth0", "--once"]).out)
    assert (table["total"], table["lifetime"]) == ((before + 4, 4 * SIZE), (4, 4 * SIZE))
    lab.loader("--dev", "veth0", "--unload")


def test_a_map_without_a_meta(lab):
    """Null, empty, a dash, and a notice that says why; a condition about it does not hold."""
    path = lab.foreign_map(BPFFS / "foreign_counters", kind="percpu_array", key=4, value=16, entries=5)
    total = read("--map", path)["total"]
    assert (total["packets"], total["lifetime_packets"], total["lifetime_bytes"]) == (0, None, None)
    result = run([STATS, "--map", path, "--once", "--totals", "lifetime"])
    head, table = table_of(result.out)
    assert "lifetime totals" in head and set(table.values()) == {("-", "-")}
    assert re.search(r"map \d+ has no meta that tells its lifetime total", result.err)
    rows = csv_of(run([STATS, "--map", path, "--once", "--totals", "lifetime", "--format", "csv"]).out.splitlines())
    assert {(row["packets"], row["lifetime_bytes"], row["session_packets"]) for row in rows.values()} == {("", "", "0")}
    run([STATS, "--map", path, "--totals", "lifetime", "--expect", "total.packets >= 0", "--within", "0"], 6)
    run([STATS, "--map", path, "--expect", "total.packets >= 0", "--within", "0"])
