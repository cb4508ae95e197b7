# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats --cost: what a run of the program takes, beside what bpftool reads of the same statistics."""

import os
import struct
import time
from contextlib import contextmanager

import pytest

from support import kernel
from support.cost import NOTICE, cost_of, empty_run, runs_of, wait_for_packets
from support.exporter import Exporter
from support.namespaces import Namespace
from support.processes import CAP_BPF, CAP_SYS_ADMIN, NOBODY, as_user, run, wait_until
from support.programs import PERMISSION, STATS, USAGE, copy_for_everyone
from support.prometheus import check_metrics
from support.raw_bpf import bpf, existing_ids
from support.traffic import SIZE, send

BPF_ENABLE_STATS, BPF_STATS_RUN_TIME = 32, 0
FRAMES = 1000


@contextmanager
def statistics_on():
    """As another tool has them on."""
    fd, _ = bpf(BPF_ENABLE_STATS, struct.pack("=I", BPF_STATS_RUN_TIME))
    try:
        yield
    finally:
        os.close(fd)


def test_sample_agrees_with_bpftool(lab, veth0):
    """All frames arrive between two samples: while the reader is stopped."""
    program = lab.load("veth0")["program"]["id"]
    reader = lab.stats("--dev", "veth0", "--cost", interval="20ms")
    empty = empty_run(reader)
    first = reader.wait_for(lambda sample: True)
    assert first["cost"] == {"ns_per_run": None, "cpu": 0.0, "program": program, "note": None}
    cost = cost_of(reader, veth0, program, FRAMES, empty)
    assert cost["program"] == program and 0 <= cost["cpu"] < 1
    # Nothing runs any more.
    quiet = reader.wait_for(lambda sample: sample["cost"]["ns_per_run"] is None)
    assert quiet["cost"]["cpu"] == 0


def cost_is_a_number(text):
    """The number ends where the title does."""
    lines = text.splitlines()
    titles = next((line for line in lines if "NS/PKT" in line), None)
    device = next((line for line in lines if line.startswith("│▸ veth0 ")), None)
    if titles is None or device is None:
        return False
    end = titles.index("NS/PKT") + len("NS/PKT")
    return device[:end].split()[-1].isdigit()


def test_live(lab, veth0, terminal):
    """A column in the list, once there were runs, and a line of the device's page."""
    lab.load("veth0")
    screen = terminal(160, 30)
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for("veth0 +attached")
    assert "NS/PKT" not in screen.text()
    screen.quit()
    screen.start("--dev", "veth0", "--interval", "100ms", "--cost")
    screen.wait_for("NS/PKT(.|\n)*veth0 +attached")
    traffic = lab.traffic(veth0, 100)
    screen.wait_for(cost_is_a_number)
    screen.keys("Enter")
    screen.wait_for(r"cost +\d+\.\d ns a run, \d+\.\d{3} % of a CPU(.|\n)*Esc back")
    traffic.finish()
    screen.keys("y")
    screen.wait_for("xdp_stats --dev veth0 --cost --count 1")
    screen.keys("Escape")
    screen.quit()


def test_without_it_there_is_none(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    assert reader.samples()[0]["cost"] is None and reader.lines["err"] == []


def test_table_and_csv(lab, veth0):
    lab.load("veth0")
    arguments = [STATS, "--dev", "veth0", "--cost", "--count", "1", "--interval", "20ms"]
    result = run(arguments)
    assert result.out.splitlines()[-1] == "cost: no runs, 0.000 % of a CPU"
    assert NOTICE.fullmatch(result.err.strip())
    header, *rows = run([*arguments, "--format", "csv", "--quiet"]).out.splitlines()
    assert header.endswith(",ns_per_run,cpu_share")
    assert [row.split(",")[-2:] for row in rows] == [["", ""]] * 5 + [["", "0.0"]]
    assert run([*arguments, "--quiet"]).err == ""


def test_metrics_agree_with_bpftool(lab, veth0):
    program = lab.load("veth0")["program"]["id"]
    exporter = Exporter(lab, "--dev", "veth0", "--cost")
    empty = empty_run(exporter.process)
    runs, nanoseconds = runs_of(program)
    send(veth0, FRAMES, SIZE)
    wait_for_packets("veth0", FRAMES)
    more_runs, more_nanoseconds = runs_of(program)
    samples = exporter.scrape()
    assert samples["xdp_program_runs_total", ("veth0", "")] == more_runs - runs == FRAMES
    own = max(0, more_nanoseconds - nanoseconds - FRAMES * empty)
    assert samples["xdp_program_run_seconds_total", ("veth0", "")] == pytest.approx(own / 1e9, abs=FRAMES * 0.06e-9)
    assert exporter.scrape()["xdp_program_runs_total", ("veth0", "")] == FRAMES
    assert not any("_run" in name and name.startswith("xdp_program") for name, _ in
                   Exporter(lab, "--dev", "veth0").scrape())


def test_promtool_has_nothing_to_say(lab, veth0):
    lab.load("veth0")
    send(veth0, 3, SIZE)
    text = run([STATS, "--dev", "veth0", "--cost", "--format", "prometheus", "--count", "1", "--interval", "1ms"]).out
    assert "xdp_program_runs_total{" in text
    check_metrics(text)


def test_metrics_go_on_with_a_new_program(lab, veth0):
    """A program that was loaded meanwhile counts from its first run, and what an earlier one has counted stays."""
    lab.load("veth0")
    exporter = Exporter(lab, "--dev", "veth0", "--cost")

    def runs():
        return exporter.scrape()["xdp_program_runs_total", ("veth0", "")]

    send(veth0, 10, SIZE)
    wait_for_packets("veth0", 10)
    assert runs() == 10
    lab.load("veth0", "--reuse-maps")
    send(veth0, 5, SIZE)
    wait_for_packets("veth0", 15)
    assert runs() == 15


def test_replacements_are_never_mixed(lab, veth0):
    """Nothing negative, and no cost between the readings of two programs."""
    began = time.monotonic()
    programs = [lab.load("veth0")["program"]["id"]]
    reader = lab.reading("--dev", "veth0", "--cost", interval="10ms")
    traffic = lab.traffic(veth0, SIZE, pause_us=100)
    for options in ([], ["--reuse-maps"], ["--action", "drop"], ["--reuse-maps"]):
        program = lab.load("veth0", *options)["program"]["id"]
        programs.append(program)
        reader.wait_for(lambda sample, program=program: sample["cost"]["program"] == program and
                        sample["cost"]["ns_per_run"] is not None)
    traffic.finish()
    costs = [sample["cost"] for sample in reader.samples()]
    test_took = (time.monotonic() - began) * 1e9  # ns: longer than any run, and far less than what wrapped
    for before, cost in zip(costs, costs[1:]):
        assert cost["program"] in [*programs, None]
        if cost["program"] != before["program"]:
            assert cost["ns_per_run"] is None and cost["cpu"] is None
        assert cost["ns_per_run"] is None or 0 <= cost["ns_per_run"] < test_took
        assert cost["cpu"] is None or 0 <= cost["cpu"]


def test_another_holder_is_not_disturbed(lab, veth0):
    """Nor is the reader, when the other one ends."""
    program = lab.load("veth0")["program"]["id"]
    with statistics_on():
        run([STATS, "--dev", "veth0", "--cost", "--count", "1", "--interval", "1ms"])
        send(veth0, 7, SIZE)
        wait_for_packets("veth0", 7)
        assert runs_of(program)[0] == 7
        exporter = Exporter(lab, "--dev", "veth0", "--cost")
    send(veth0, 5, SIZE)
    wait_for_packets("veth0", 12)
    assert runs_of(program)[0] == 12
    assert exporter.scrape()["xdp_program_runs_total", ("veth0", "")] == 5


def test_nothing_is_kept(lab, veth0):
    """The program of an ended attachment is gone, while the reader goes on; it says why there is no cost."""
    program = lab.load("veth0")["program"]["id"]
    reader = lab.reading("--dev", "veth0", "--cost", interval="10ms")
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    sample = reader.wait_for(lambda sample: sample["cost"]["program"] is None)
    assert sample["cost"] == {"ns_per_run": None, "cpu": None, "program": None, "note": "the program is gone"}
    wait_until(lambda: program not in existing_ids("prog"), "the program is still there")
    lab.loader("--dev", "veth0", "--clean")


def test_maps_whose_program_is_not_known(lab, veth0):
    """A map alone; a foreign program that counts is found on the interface."""
    outcome = lab.load("veth0")
    (counters,) = [each["id"] for each in outcome["maps"] if each["name"] == "xdp_stats_map"]
    result = run([STATS, "--map-id", counters, "--cost", "--count", "1", "--interval", "1ms", "--quiet"])
    assert result.out.splitlines()[-1] == "cost: a map without a meta does not tell its program"


def test_in_a_namespace(lab):
    red = Namespace(lab, "red")
    red.veth("veth0")
    (outcome,) = lab.loader_json("--dev", "red/veth0")
    reader = lab.stats("--dev", "red/veth0", "--cost")
    assert reader.wait_for(lambda sample: True)["cost"]["program"] == outcome["program"]["id"]
    reader.stop()


@pytest.mark.parametrize("capabilities", [(), ("bpf", "net_admin", "perfmon")], ids=["none", "those of a load"])
@pytest.mark.parametrize("way", [("--count", "1"), ("--listen", "0")], ids=" ".join)
def test_without_the_capability(lab, veth0, capabilities, way):
    lab.load("veth0")
    _, stats = copy_for_everyone()
    prefix = as_user(NOBODY, *capabilities)
    result = run([*prefix, stats, "--dev", "veth0", "--cost", *way], PERMISSION)
    assert "CAP_SYS_ADMIN" in result.err and result.out == ""


def test_exactly_the_capability(lab, veth0):
    lab.load("veth0")
    _, stats = copy_for_everyone()
    command = [stats, "--dev", "veth0", "--cost", "--count", "1", "--interval", "1ms"]
    result = run([*as_user(NOBODY, "sys_admin"), *command])
    assert "cost: no runs" in result.out


def test_exporter_keeps_the_capability_and_says_so(lab, veth0):
    """That one and what reading maps takes, also as another user; a scrape still has the cost."""
    lab.load("veth0")
    exporter = Exporter(lab, "--dev", "veth0", "--cost", "--user", "nobody")
    exporter.process.wait_for_line("CAP_SYS_ADMIN is kept", stream="err")
    status = exporter.status()
    assert status["Uid"].split() == [str(NOBODY)] * 4
    kept = CAP_SYS_ADMIN | (0 if kernel.unprivileged_reading() else CAP_BPF)
    assert {name: int(status[name], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == \
        {"CapPrm": kept, "CapEff": kept, "CapInh": 0, "CapAmb": 0}
    send(veth0, 9, SIZE)
    wait_for_packets("veth0", 9)
    assert exporter.scrape()["xdp_program_runs_total", ("veth0", "")] == 9


@pytest.mark.parametrize("other", [("--once",), ("--brief",), ("--expect", "total.packets == 0")], ids=" ".join)
def test_what_it_does_not_go_with(lab, veth0, other):
    result = lab.process(STATS, "--dev", veth0.name, "--cost", *other)
    assert "--cost" in result.wait(USAGE)
