# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What a sample costs: in system calls, CPU time, with more devices and more CPUs."""

import json
import re
import signal
import subprocess
import time
import urllib.request

from measuring import TOP, Failed, cpu_milliseconds, create_veth, median, named, peak_memory, remove_veth, run
from page import Goal, ratio, spread, table

MAP = "/sys/fs/bpf/bench0/xdp_stats_map"


class Increment:
    """Costs of one more sample: a long run less a short one, over the samples between them."""

    def __init__(self, bench, command_of, short, long):
        self.bench, self.command_of, self.short, self.long = bench, command_of, short, long

    def cpu_microseconds(self):
        costs = [self.bench.measure(self.command_of(samples)).cpu for samples in (self.short, self.long)]
        return (costs[1] - costs[0]) * 1e3 / (self.long - self.short)

    def calls(self, short=20, long=120):
        counts = [self.bench.count_calls(self.command_of(samples)) for samples in (short, long)]
        return [(many - few) / (long - short) for few, many in zip(*counts)]


def sampling(bench):
    (device,) = create_veth()
    run(bench.loader, "--dev", device, "-N", "--quiet")
    stats = [bench.stats, "--dev", device, "--interval", "1ms", "--quiet"]
    ways = {
        "`xdp_stats` (table)": lambda samples: [*stats, "-n", samples],
        "`xdp_stats --format csv`": lambda samples: [*stats, "--format", "csv", "-n", samples],
        "`xdp_stats --json`": lambda samples: [*stats, "--json", "-n", samples],
        "the tutorial's reader (`bench/tutorial_reader.c`)":
            lambda samples: [bench.tool("tutorial-reader"), MAP, samples, 1000],
        "nothing: a process that wakes up (`bench/wake.c`)": lambda samples: [bench.tool("wake"), samples, 1000],
    }
    rows = []
    try:
        runs = (20, 120) if bench.quick else (100, 600)
        increments = {name: Increment(bench, way, *runs) for name, way in ways.items()}
        times = {name: [] for name in ways}
        dump = []
        for _ in range(bench.rounds(21)):
            for name, increment in increments.items():
                times[name].append(increment.cpu_microseconds())
            dump += [bench.measure(["bpftool", "map", "dump", "pinned", MAP]).cpu * 1e3 for _ in range(4)]
        calls = {name: increment.calls() for name, increment in increments.items()}
        for name in ways:
            rows.append([name, *(f"{count:.1f}" for count in calls[name]), spread(times[name]),
                         f"{median(times[name]) / 10:.1f} %"])
        bpf, every = bench.count_calls(["bpftool", "map", "dump", "pinned", MAP])
        rows.append(["`bpftool map dump`, a process each", bpf, every, spread(dump), f"{median(dump) / 10:.0f} %"])
    finally:
        run(bench.loader, "--dev", device, "--unload", "--quiet")
        remove_veth([device])
    ours, tutorial, nap = (median(times[name]) for name in (list(ways)[0], *list(ways)[3:]))
    bpf, every = calls[list(ways)[0]]
    return {"sampling": table(["a sample", "`bpf()` calls", "calls in all", "CPU, µs",
                               "of a CPU at 1,000 samples/s"], rows)}, [
        Goal("at most 3 `bpf()` calls and 7 in all for a sample", f"{bpf:.1f} and {every:.1f}",
             bpf <= 3 and every <= 7),
        Goal("a sample, over waking up: at most what the tutorial's reader takes",
             f"{ours - nap:.1f} against {tutorial - nap:.1f} µs", ours <= tutorial)]


def devices(bench):
    """From one device to a thousand: a sample, and a scrape."""
    sizes = [1, 10] if bench.quick else [1, 10, 100, 1000]
    rows, scrapes, each = [], {}, {}
    names = []
    try:
        for size in sizes:
            more = create_veth(size, first=len(names))
            names += more
            run(bench.loader, "-S", "--quiet", *named(more))
            command = lambda samples: [bench.stats, "--all", "--interval", "100ms", "--quiet", "--format", "csv",
                                       "-n", samples]
            increment = Increment(bench, command, *((2, 4) if bench.quick else (3, 23)))
            sample = [increment.cpu_microseconds() for _ in range(bench.rounds(3))]
            times, cpu, text, memory = scrape(bench, 3 if bench.quick else 31)
            each[size] = median(sample) / size
            scrapes[size] = median(times)
            rows.append([f"{size:,}", f"{median(sample) / 1e3:.2f}", f"{each[size]:.1f}", spread(times, 2),
                         f"{cpu:.2f}", f"{text / 1024:,.0f}", f"{memory:.1f}"])
    finally:
        remove_veth(names)
        run(bench.loader, "--clean", "--quiet")
    most, least = sizes[-1], sizes[-2]
    heads = ["devices", "a sample of all: CPU, ms", "a device, µs", "a scrape: wall, ms", "its CPU, ms",
             "its text, KiB", "memory, MiB"]
    return {"devices": table(heads, rows)}, [
        Goal(f"a scrape of {most:,} devices below 50 ms", f"{scrapes[most]:.1f} ms", scrapes[most] < 50),
        Goal("cost linear in devices",
             f"{each[least]:.1f} µs for each of {least:,}, {each[most]:.1f} for each of {most:,}",
             each[most] <= 1.25 * each[least])]


def scrape(bench, count):
    """Milliseconds of each scrape, CPU milliseconds and bytes of one, the server's memory in MiB."""
    server = subprocess.Popen([bench.stats, "--all", "--listen", "0"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://\S+/metrics", server.stdout.readline())
        if not found:
            raise Failed("xdp_stats --listen does not say where it serves")
        url = found[0]
        body = urllib.request.urlopen(url).read()
        times, before = [], cpu_milliseconds(server.pid)
        for _ in range(count):
            start = time.perf_counter()
            body = urllib.request.urlopen(url).read()
            times.append((time.perf_counter() - start) * 1e3)
        cpu = (cpu_milliseconds(server.pid) - before) / count
        return times, cpu, len(body), peak_memory(server.pid)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
        server.stdout.close()


def in_process(bench):
    """The parts of a sample, by Google Benchmark."""
    document = json.loads(run(bench.tool("reader-benchmark"), "--benchmark_format=json",
                              f"--benchmark_min_time={0.01 if bench.quick else 0.3}", "--benchmark_repetitions=5",
                              "--benchmark_enable_random_interleaving=true",
                              "--benchmark_display_aggregates_only=true"))
    rows = [[f"`{item['run_name']}`", f"{item['cpu_time'] / 1e3:.2f}"] for item in document["benchmarks"]
            if item.get("aggregate_name") == "median"]
    return {"in-process": table(["", "CPU, µs"], sorted(rows))}, []


def cpus(bench):
    """Reading one map with more possible CPUs, in a virtual machine: emulated, so that only ratios mean anything."""
    counts = [2, 8, 64, 512]
    share = bench.build / "bench/share"
    share.mkdir(exist_ok=True)
    times = {}
    for count in counts:
        run(TOP / "scripts/vm-run", "--share", share, "--possible-cpus", count, "6.1", bench.tool("reader-benchmark"),
            "--benchmark_filter=^(read_map|look_up_each_action)$", "--benchmark_min_time=0.5",
            f"--benchmark_out={share / 'result'}", "--benchmark_out_format=json")
        document = json.loads((share / "result").read_text(encoding="ascii"))
        times[count] = {item["name"]: item["cpu_time"] / 1e3 for item in document["benchmarks"]}
    first = times[counts[0]]
    rows = [[count, f"{times[count]['read_map']:.1f}", ratio(times[count]["read_map"], first["read_map"]),
             f"{times[count]['look_up_each_action']:.1f}",
             ratio(times[count]["look_up_each_action"], first["look_up_each_action"])] for count in counts]
    most, before = counts[-1], counts[-2]
    growth, kernels = (times[most][name] / times[before][name] for name in ("read_map", "look_up_each_action"))
    return {"cpus": table(["possible CPUs", "ours, µs", "ratio", "a lookup for each action, µs", "ratio"], rows)}, [
        Goal("cost grows with the CPUs no more than a plain lookup's",
             f"{most // before} times the CPUs take {growth:.1f} times as long; plain lookups {kernels:.1f}",
             growth <= 1.25 * kernels)]
