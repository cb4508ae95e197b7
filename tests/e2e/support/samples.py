# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What xdp_stats prints as JSON."""

import json
import re

from support.maps import ACTIONS
from support.processes import Process, run, wait_until
from support.programs import STATS
from support.traffic import SIZE


# Of a verdict or of all: what nobody tracks is not known.
UNTRACKED = {f"{since}{fate}": None for since in ("", "session_", "lifetime_") for fate in ("delivered", "lost")}


class Stats(Process):
    """`xdp_stats --json`, whose samples are waited for and whose promises are checked on every sample."""

    def __init__(self, *args, interval="100ms", prefix=(), program=STATS):
        super().__init__([*prefix, program, "--json", "--interval", interval, *args])

    def samples(self):
        return [json.loads(line) for line in list(self.lines["out"])]

    def wait_for(self, condition):
        """The first sample since the last one returned that meets the condition."""
        return json.loads(self.wait_for_line(lambda line: condition(json.loads(line))))

    def wait_for_session(self, packets):
        """The sample in which this many packets were counted since the reader started: never more."""
        sample = self.wait_for(lambda sample: sample["total"]["session_packets"] >= packets)
        assert sample["total"]["session_packets"] == packets, self.describe()
        return sample

    def wait_for_message(self, pattern):
        return self.wait_for_line(pattern, stream="err")

    def wait(self, status=0):
        messages = super().wait(status)
        check_samples(self.samples())
        return messages


def check_samples(samples):
    """What holds for every sequence of samples that one xdp_stats prints, whatever happens meanwhile."""
    last = {}
    for sample in samples:
        assert sample["schema"] == 1
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", sample["time"]), sample
        assert set(sample["actions"]) == set(ACTIONS), sample
        assert sample["state"] in ("attached", "detached", "stale", "foreign", "unknown"), sample
        assert sample["period"] >= 0
        for field in ("packets", "bytes", "session_packets", "session_bytes"):
            total = sum(action[field] for action in sample["actions"].values())
            assert sample["total"][field] == total, sample
        for field in ("lifetime_packets", "lifetime_bytes"):
            parts = [action[field] for action in sample["actions"].values()]
            assert sample["total"][field] == (None if None in parts else sum(parts)), sample
            assert (sample["generation"] is None) == (sample["total"][field] is None), sample
        before = last.get(sample["dev"])
        for name, counts in [*sample["actions"].items(), ("total", sample["total"])]:
            assert counts["pps"] is None or counts["pps"] >= 0, sample
            assert counts["bps"] is None or counts["bps"] >= 0, sample
            if before:
                old = before["total"] if name == "total" else before["actions"][name]
                assert counts["session_packets"] >= old["session_packets"], (before, sample)
                assert counts["session_bytes"] >= old["session_bytes"], (before, sample)
        last[sample["dev"]] = sample


def counts_of(sample, prefix=""):
    """{action: (packets, bytes)} of the actions that counted anything."""
    pairs = {name: (action[f"{prefix}packets"], action[f"{prefix}bytes"])
             for name, action in sample["actions"].items()}
    return {name: pair for name, pair in pairs.items() if pair != (0, 0)}


def passed(count, size=SIZE):
    return {"XDP_PASS": (count, count * size)}


def dropped(count, size=SIZE):
    return {"XDP_DROP": (count, count * size)}


def session_of(sample):
    return counts_of(sample, "session_")


def read(*args, prefix=(), program=None):
    """One sample of one device."""
    return json.loads(run([*prefix, program or STATS, "--once", "--json", *args]).out)


def wait_for_counts(expected, *args, prefix=()):
    """Exactly these, once the kernel is through with what was sent: the sample that has them."""
    packets = sum(pair[0] for pair in expected.values())
    wait_until(lambda: read(*args, prefix=prefix)["total"]["packets"] >= packets,
               lambda: f"{packets} packets expected: {read(*args, prefix=prefix)}")
    sample = read(*args, prefix=prefix)
    assert counts_of(sample) == expected
    return sample
