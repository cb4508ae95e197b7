# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats --listen in the background: a scrape, and what its text says."""

import re
import socket
import urllib.request
from pathlib import Path

from support.process_table import status_in
from support.processes import DEADLINE, run
from support.programs import STATS

LINE = re.compile(r'(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def get(url):
    """The answer, which has to come in time."""
    return urllib.request.urlopen(url, timeout=DEADLINE)


def parse(text):
    """{(name, (label value, ...)): number} of the metrics about XDP."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("xdp_"):
            match = LINE.fullmatch(line)
            assert match, line
            key = match["name"], tuple(value for _, value in LABEL.findall(match["labels"] or ""))
            assert key not in samples, f"twice: {line}"
            samples[key] = float(match["value"])
    return samples


class Exporter:
    """`xdp_stats --listen`, at a port that was free."""

    def __init__(self, lab, *args, prefix=(), program=None):
        self.process = lab.process(*prefix, program or STATS, "--listen", "0", *args)
        line = self.process.wait_for_line("^serving ")
        self.url = re.fullmatch(r"serving (http://127\.0\.0\.1:\d+/metrics)", line)[1]
        self.port = int(self.url.split(":")[2].partition("/")[0])

    def text(self):
        with get(self.url) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain")
            return answer.read().decode()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    def scrape(self):
        return parse(self.text())

    def packets(self, action="pass", dev="veth0", netns=""):
        return self.scrape()["xdp_action_packets_total", (dev, netns, action)]

    def status(self):
        return status_in(f"/proc/{self.process.popen.pid}")

    def threads(self):
        """The same of every thread."""
        return [status_in(task) for task in Path(f"/proc/{self.process.popen.pid}/task").iterdir()]


def once(*args):
    return run([STATS, "--once", "--format", "prometheus", *args]).out
