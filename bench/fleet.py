# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""One command for up to a thousand devices: wall time, beside what the kernel alone takes."""

from collections import defaultdict

from loader import BPFFS
from measuring import create_veth, median, named, remove_veth
from page import Goal, table

ROWS = {
    "`xdp_loader`: load": "load",
    "`xdp_loader --status`": None,
    "`xdp_stats --all --once`": None,
    "`xdp_loader -U`": "unload",
    "`xdp_loader --clean`, the devices being gone": None,
}


def fleet(bench):
    sizes = [2, 5] if bench.quick else [10, 100, 1000]
    times = defaultdict(list)
    for size in sizes:
        for _ in range(bench.rounds(5)):
            for row, cost in once(bench, size).items():
                times[row, size].append(cost.wall)
    rows, over, growth = [], {}, {}
    most, before = sizes[-1], sizes[-2]
    for row, verb in ROWS.items():
        ours = {size: median(times[row, size]) for size in sizes}
        floor = {size: median(times[verb, size]) for size in sizes if verb}
        rows.append([row, *(cell for size in sizes
                            for cell in (f"{ours[size]:.0f}", f"{floor[size]:.0f}" if verb else ""))])
        over[row] = ours[most] - floor.get(most, 0)
        growth[row] = ours[most] / ours[before]
    longest, steepest = max(over, key=over.get), max(growth, key=growth.get)
    goals = [Goal(f"one command for {most:,} devices: at most 1 s over the kernel's own time",
                  f"{over[longest]:.0f} ms at most: {longest}", over[longest] <= 1000),
             Goal(f"one command for {most:,} devices: linear",
                  f"at most {growth[steepest]:.1f} times as long as for {before:,}: {steepest}",
                  growth[steepest] <= 1.25 * most / before)]
    heads = ["wall, ms", *(head for size in sizes for head in (f"{size:,} devices", "the kernel alone"))]
    return {"fleet": table(heads, rows)}, goals


def once(bench, size):
    """Costs by row, and those of the kernel by verb."""
    devices = create_veth(size)
    load = [bench.loader, "-N", "-q", *named(devices)]
    costs = {}
    try:
        for verb in ("load", "unload"):
            costs[verb] = bench.measure([bench.tool("floor"), verb, BPFFS / "bench-floor", *devices])
        load_row, status, reading, unload, clean = ROWS
        costs[load_row] = bench.measure(load)
        costs[status] = bench.measure([bench.loader, "--status"])
        costs[reading] = bench.measure([bench.stats, "--all", "--once"])
        costs[unload] = bench.measure([bench.loader, "-U", "-q", *named(devices)])
        bench.measure(load)
    finally:
        remove_veth(devices)
    costs[clean] = bench.measure([bench.loader, "--clean"])
    return costs
