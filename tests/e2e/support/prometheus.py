# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Debian's Prometheus and its promtool."""

import functools
import json
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from support.processes import DEADLINE, wait_until
from support.programs import TOP

CONFIGURATION = """
global:
  scrape_interval: 100ms
scrape_configs:
  - job_name: xdp
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""


@functools.cache
def tools():
    """The directory with Debian's prometheus and promtool. The sandbox has no network: they were fetched before."""
    done = subprocess.run([TOP / "scripts/fetch-prometheus", "--kept"], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def check_metrics(text):
    """promtool's opinion on names, help texts and format."""
    done = subprocess.run([tools() / "promtool", "check", "metrics"], input=text, capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


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
