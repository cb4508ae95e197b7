# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Runs the parts and puts their tables into docs/performance.md. Started by scripts/bench, in its sandbox."""

import argparse
import os
import platform
import re
import shutil
import sys
import time
from pathlib import Path

import against
import datapath
import delivery
import fleet
import live
import loader
import page
import reader
import run_statistics
import startup
from measuring import TOP, Bench, Failed, pin_to_last_cpu, run

PARTS = {
    "datapath": datapath.datapath,
    "instructions": datapath.instructions,
    "forwarding": datapath.forwarding,
    "emulated": datapath.emulated,
    "cost": run_statistics.run_statistics,
    "delivery": delivery.delivery,
    "loading": loader.loading,
    "files": loader.files,
    "hundred": loader.hundred,
    "fleet": fleet.fleet,
    "startup": startup.startup,
    "sampling": reader.sampling,
    "devices": reader.devices,
    "live": live.live,
    "in-process": reader.in_process,
    "cpus": reader.cpus,
}


def machine():
    """What the numbers were measured on."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*:\s*(.*)", cpuinfo)
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"))[1]) / 2**20
    release = re.search(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text(encoding="utf-8"))
    versions = run("dpkg-query", "--show", "--showformat", "${Package} ${Version}, ", "xdp-tools", "iproute2",
                   "bpftool", "libbpf1", "libxdp1")
    return (f"{time.strftime('%Y-%m-%d', time.gmtime())}: "
            f"{os.cpu_count()} CPUs of type {model[1] if model else platform.machine()}, {memory:.0f} GiB; "
            f"Linux {platform.release()}, {release[1] if release else 'unknown'}; {versions.rstrip(', ')}.")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", allow_abbrev=False)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--against", metavar="COMMIT")
    parser.add_argument("--devices", type=int)
    parser.add_argument("--print", action="store_true")
    parser.add_argument("--frames", type=int, default=Bench.frames)
    options = parser.parse_args()

    bench = Bench(options.build.resolve(), options.quick, options.frames)
    if options.against:
        try:
            return against.against(bench, options.against, options.devices)
        except Failed as reason:
            print(f"\nbench: {reason}", file=sys.stderr)
            return 1
        finally:
            shutil.rmtree(bench.scratch)
    pin_to_last_cpu()
    tables, goals = {"machine": machine()}, []
    try:
        for name in options.parts or PARTS:
            start = time.monotonic()
            print(f"bench: {name} ", end="", file=sys.stderr, flush=True)
            result, reached = PARTS[name](bench)
            print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
            tables.update(result)
            goals += reached
    except Failed as reason:
        print(f"\nbench: {reason}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(bench.scratch)

    for name, text in tables.items():
        print(f"\n{name}:\n{text}")
    print(f"\ngoals:\n{page.goals_table(goals)}")
    if not options.print and not options.quick:
        path = TOP / "docs/performance.md"
        text = path.read_text(encoding="utf-8")
        for name, content in tables.items():
            text = page.put(text, name, content)
        path.write_text(page.put_goals(text, goals), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
