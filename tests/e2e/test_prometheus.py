# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Debian's Prometheus scrapes the exporter, and its own HTTP API tells what it saw."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.exporter import Exporter, once
from support.processes import run, wait_until
from support.prometheus import Prometheus, check_metrics
from support.traffic import send


@pytest.fixture(name="watched")
def exporter_and_prometheus(lab, veth0, tmp_path):
    run(["ip", "link", "set", "dev", "lo", "up"])
    lab.load("veth0", "--action", "drop")
    exporter = Exporter(lab, "--dev", "veth0", "--user", "nobody")
    prometheus = Prometheus(lab, tmp_path, exporter.port)
    return exporter, prometheus


DROPPED = 'xdp_action_packets_total{device="veth0",action="drop"}'


def test_replacements_under_traffic_are_counted_exactly(lab, veth0, watched):
    _, prometheus = watched
    wait_until(lambda: prometheus.number(DROPPED) == 0, "the first sample never came")
    traffic = lab.traffic(veth0, 100)
    for _ in range(20):
        before = prometheus.scrapes()
        lab.load("veth0", "--action", "drop")
        wait_until(lambda: prometheus.scrapes() > before, "no scrape between two replacements")
    sent = traffic.finish()
    assert sent > 20
    wait_until(lambda: prometheus.number(DROPPED) >= sent, lambda: f"{sent} expected: {prometheus.query(DROPPED)}")

    for expression, expected in ((DROPPED, sent), (DROPPED.replace("packets", "bytes"), sent * 100)):
        ((_, samples),) = prometheus.query(f"{expression}[1h]")
        assert float(samples[-1][1]) - float(samples[0][1]) == expected
        assert prometheus.number(f"resets({expression}[1h])") == 0
    assert prometheus.number("max_over_time(xdp_map_generation[1h])") == 21
    assert prometheus.number("min_over_time(xdp_up[1h])") == 1
    # Prometheus extrapolates what it calls an increase, but not beyond the window.
    assert prometheus.number(f"increase({DROPPED}[1h])") >= sent


def test_what_an_operator_asks(lab, veth0, watched):
    """Which program is attached, and whether any counts."""
    _, prometheus = watched
    program = 'xdp_program_info{device="veth0",program="xdp_drop",mode="native",attach="link"}'
    wait_until(lambda: prometheus.number(program) == 1, lambda: prometheus.query("xdp_program_info"))
    lab.loader("--dev", "veth0", "--unload")
    wait_until(lambda: prometheus.number("xdp_up") == 0, "still up")
    assert prometheus.number(DROPPED) == 0


def test_promtool_on_a_scrape(lab, veth0, watched):
    exporter, _ = watched
    check_metrics(exporter.text())


@pytest.mark.parametrize("name", ["veth0", 'q"\\0', "\u00e9th0", "veth\udcff0"])
def test_the_python_client_reads_the_same(lab, name):
    """And knows the types; whatever is in a name."""
    veth = lab.veth(name, peer="p-named")
    lab.loader_json("--dev", name, "--action", "drop")
    send(veth, 30, 100)
    wait_until(lambda: 'action="drop"} 30\n' in once("--all"), "counts never came")
    families = list(text_string_to_metric_families(once("--all")))
    assert {family.name: family.type for family in families} == {
        "xdp_action_packets": "counter", "xdp_action_bytes": "counter", "xdp_map_generation": "gauge",
        "xdp_program_info": "gauge", "xdp_up": "gauge", "xdp_feed_state": "gauge", "xdp_tally_build_info": "gauge"}
    assert all(family.documentation.endswith(".") for family in families)
    samples = {(sample.name, tuple(sample.labels.values())): sample.value
               for family in families for sample in family.samples}
    device = name.replace("\udcff", "%FF")
    for action in ("aborted", "drop", "pass", "tx", "redirect"):
        packets = 30 if action == "drop" else 0
        assert samples["xdp_action_packets_total", (device, "", action)] == packets
        assert samples["xdp_action_bytes_total", (device, "", action)] == packets * 100
    assert samples["xdp_up", (device, "")] == 1
