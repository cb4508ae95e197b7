# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Descriptors: the soft limit keeps nobody from reading many maps; what does not fit is an error, never a part."""

import contextlib
import json
import os
import re
import struct
import urllib.error
from pathlib import Path

import pytest

from support.devices import named
from support.exporter import Exporter
from support.pins import BPFFS, pin_dir
from support.process_table import descriptors_of
from support.processes import run, wait_until
from support.programs import LOADER, STATS
from support.raw_bpf import bpf, pin

MAPS = int(os.environ.get("XDP_TALLY_MAPS", "1200"))
REPLACEMENTS = int(os.environ.get("XDP_TALLY_REPLACEMENTS", "500"))
BPF_MAP_CREATE, PERCPU_ARRAY = 0, 6


def waits_for_ever(pid):
    """Its system call is epoll_wait(2) without a timeout."""
    words = Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()
    return len(words) > 4 and int(words[4], 16) & 0xffffffff == 0xffffffff


def pin_maps(lab, numbers):
    """A counter map in a directory of its own for each; no device has their names."""
    for number in numbers:
        path = BPFFS / f"d{number}" / "xdp_stats_map"
        path.parent.mkdir()
        lab.cleanups.append(lambda path=path: lab.remove_pin(path))
        fd, _ = bpf(BPF_MAP_CREATE, struct.pack("=IIII", PERCPU_ARRAY, 4, 16, 5))
        pin(fd, path)
        os.close(fd)


def limited(soft, hard):
    return ["prlimit", f"--nofile={soft}:{hard}"]


def not_enough(source, limit):
    return (f"xdp_stats: reading the counters of '{source}': the {limit} descriptors that this process may have open "
            f"are not enough: hint: `ulimit -n {limit * 4}` in root's shell, before the command, or "
            f"LimitNOFILE={limit * 4} in its systemd unit allows more")


def one_line(err):
    """Of whichever map was the first that did not fit."""
    return re.sub(r"/sys/fs/bpf/d\d+/xdp_stats_map", "MAP", err.strip().replace("\n", ": "))


def up(samples):
    return {labels[0] for (name, labels), value in samples.items() if name == "xdp_up" and value == 1}


def test_more_maps_than_the_soft_limit(lab):
    pin_maps(lab, range(MAPS))
    done = run([*limited(MAPS // 2, MAPS * 4), STATS, "--all", "--once", "--json"])
    assert done.err == ""
    assert len({json.loads(line)["map_id"] for line in done.out.splitlines()}) == MAPS
    exporter = Exporter(lab, "--all", prefix=limited(MAPS // 2, MAPS * 4))
    assert len(up(exporter.scrape())) == MAPS


@pytest.mark.parametrize("how", [["--once", "--format", "csv"], ["--once"], ["--count", "1"], ["--listen", "0"],
                                 ["--once", "--format", "prometheus"]])
def test_more_maps_than_fit(lab, how):
    """No map is shown where one cannot be; and the limit that the hint names is enough."""
    pin_maps(lab, range(MAPS))
    limit = MAPS + 10
    done = run([*limited(limit, limit), STATS, "--all", *how], 1)
    assert done.out == ""
    assert one_line(done.err) == not_enough("MAP", limit)
    if "--listen" not in how:
        assert run([*limited(limit * 4, limit * 4), STATS, "--all", *how]).out


def test_one_device_under_a_small_limit(lab, veth0):
    lab.load("veth0")
    assert len(run([*limited(64, 64), STATS, "--dev", "veth0", "--once", "--json"]).out.splitlines()) == 1
    done = run([*limited(16, 16), STATS, "--dev", "veth0", "--once", "--json"], 1)
    assert done.out == "" and "the 16 descriptors" in done.err


def test_scrape_that_does_not_fit(lab):
    """It fails, says so once, and works as soon as there are enough."""
    pin_maps(lab, range(10))
    exporter = Exporter(lab, "--all", prefix=limited(64, 1024))
    limit_of_exporter = ["prlimit", f"--pid={exporter.process.popen.pid}"]
    assert len(up(exporter.scrape())) == 10
    run([*limit_of_exporter, "--nofile=128:1024"])
    pin_maps(lab, range(10, 110))

    def failure():
        with pytest.raises(urllib.error.HTTPError) as raised:
            exporter.text()
        return raised.value.code, raised.value.read().decode()

    for _ in range(3):
        code, text = failure()
        assert code == 500
        assert "the 128 descriptors that this process may have open are not enough" in text
    exporter.process.wait_for_line("^xdp_stats: reading the counters of .* descriptors ", stream="err")
    wait_until(lambda: waits_for_ever(exporter.process.popen.pid), "it looks again without a scrape")
    run([*limit_of_exporter, "--nofile=1024:1024"])
    assert len(up(exporter.scrape())) == 110
    exporter.process.stop()
    assert sum("descriptors" in line for line in exporter.process.lines["err"]) == 1


def test_many_clients_leave_enough_for_the_maps(lab):
    """They wait for each other, and a scrape takes its turn."""
    pin_maps(lab, range(40))
    exporter = Exporter(lab, "--all", prefix=limited(128, 128))
    with contextlib.ExitStack() as clients:
        for _ in range(100):
            client = clients.enter_context(exporter.connect())
            client.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert len(up(exporter.scrape())) == 40


def test_no_look_leaves_one_behind(lab, veth0):
    """Through replacements with a new map, with the same, unloads, and scrapes."""
    lab.load("veth0")
    exporter = Exporter(lab, "--dev", "veth0")
    pid = exporter.process.popen.pid
    exporter.scrape()
    before = len(descriptors_of(pid))
    for number in range(REPLACEMENTS):
        lab.load("veth0", *(["--reuse-maps"] if number % 2 else []))
        exporter.scrape()
    lab.loader("--dev", "veth0", "--unload")
    exporter.scrape()
    lab.load("veth0")
    assert exporter.scrape()["xdp_up", ("veth0", "")] == 1
    wait_until(lambda: len(descriptors_of(pid)) <= before, lambda: f"{before}, now {len(descriptors_of(pid))}")


def test_command_of_run_gets_the_limit_of_the_loader(lab, veth0):
    done = run([*limited(100, 200), LOADER, "--dev", "veth0", "--run", "--", "sh", "-c", "ulimit -Sn; ulimit -Hn"])
    assert done.out == "100\n200\n"
    assert not pin_dir("veth0").exists()


def test_loader_is_not_kept_by_the_soft_limit(lab):
    names = [f"v{number}" for number in range(24)]
    for name in names:
        lab.veth(name)
    devices = named(names)
    run([*limited(24, 4096), LOADER, *devices, "--quiet"])
    states = json.loads(run([*limited(24, 4096), LOADER, "--status", "--json", *devices]).out)["devices"]
    assert [state["state"] for state in states] == ["attached"] * len(names)
