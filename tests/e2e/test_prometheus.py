# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Debian's Prometheus scrapes the exporter, and its own HTTP API tells what it saw."""

import pytest

from support.exporter import Exporter
from support.processes import run, wait_until
from support.prometheus import Prometheus, check_metrics


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
    """With what prometheus-cpp adds about itself."""
    exporter, _ = watched
    check_metrics(exporter.text())
