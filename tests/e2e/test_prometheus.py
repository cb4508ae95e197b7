"""Debian's Prometheus scrapes the exporter, and its own HTTP API tells what it saw."""

import json
import urllib.parse
import urllib.request

import pytest

from support.lab import DEADLINE, run, wait_until
from support.prometheus import Exporter, check_metrics, tools

CONFIGURATION = """
global:
  scrape_interval: 100ms
scrape_configs:
  - job_name: xdp
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


class Prometheus:
    def __init__(self, lab, directory, port):
        configuration = directory / "prometheus.yml"
        configuration.write_text(CONFIGURATION.format(port=port), encoding="utf-8")
        program = tools() / "prometheus"
        self.process = lab.process(program, f"--config.file={configuration}", f"--storage.tsdb.path={directory}/data",
                                   "--web.listen-address=127.0.0.1:9090", "--log.level=warn")
        wait_until(self.ready, self.process.describe)

    def ready(self):
        assert self.process.popen.poll() is None, self.process.describe()
        try:
            with urllib.request.urlopen("http://127.0.0.1:9090/-/ready", timeout=DEADLINE) as answer:
                return answer.status == 200
        except OSError:
            return False

    def query(self, expression):
        """The result's (labels, value) pairs; for a range, the value is a list of (time, text) pairs."""
        url = "http://127.0.0.1:9090/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            document = json.loads(answer.read())
        assert document["status"] == "success", document
        return [(item["metric"], item.get("values") or item["value"]) for item in document["data"]["result"]]

    def number(self, expression):
        """The only result's value, or None."""
        results = self.query(expression)
        assert len(results) < 2, results
        return float(results[0][1][1]) if results else None

    def scrapes(self):
        return len((self.query('xdp_up[1h]') or [(None, [])])[0][1])


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
    """Who runs, and whether anything feeds the counters."""
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
