# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What --track-delivery costs packets that arrive, and packets that are lost."""

from collections import defaultdict

from measuring import Failed, create_veth, ethtool_sum, median, remove_veth, run
from page import ratio, spread, table


def delivery(bench):
    """Packets a second that a program redirects, sends back or aborts, with tracking off and on in turn."""
    count = 20_000 if bench.quick else bench.frames
    devices = create_veth(2)

    def load(*options):
        run(bench.loader, "--dev", "bench0", "-N", "--quiet", *options)

    def send(statistic):
        before = ethtool_sum("bench0", statistic)
        nanoseconds = int(run(bench.tool("live-frames"), bench.object("generator"), "peer0", count, 64))
        seen = ethtool_sum("bench0", statistic) - before
        if statistic and seen != count:
            raise Failed(f"{statistic}: {seen} of {count} frames")
        return count / nanoseconds * 1e3

    redirect = ("--action", "redirect", "--redirect-to", "bench1")
    cases = {
        "redirected, and arrive": (redirect, "xdp_redirect", "up"),
        "sent back (`XDP_TX`)": (("--action", "tx"), "", "up"),
        "redirected to a target that is down": (redirect, "", "down"),
        "aborted": (("--action", "aborted"), "xdp_drops", "up"),
        "dropped: nothing is counted": (("--action", "drop"), "xdp_drops", "up"),
    }
    rates = {name: defaultdict(list) for name in cases}
    try:
        # So that both ends take what is redirected or sent to them.
        for peer in ("peer0", "peer1"):
            run(bench.loader, "--dev", peer, "-N", "--action", "drop", "--quiet")
        for _ in range(bench.rounds(15)):
            for name, (options, statistic, state) in cases.items():
                run("ip", "link", "set", "dev", "bench1", state)
                load(*options)
                for tracking in ("off", "on"):
                    run(bench.loader, "--track-delivery" if tracking == "on" else "--untrack-delivery", "--quiet")
                    send(statistic)
                    rates[name][tracking].append(send(statistic))
    finally:
        run(bench.loader, "--untrack-delivery", "--quiet")
        for dev in ("bench0", "peer0", "peer1"):
            run(bench.loader, "--dev", dev, "--unload", "--quiet")
        remove_veth(devices)
    rows = []
    for name, values in rates.items():
        # Pairs of one round, so that what is common to both drops out.
        costs = [1e3 / on - 1e3 / off for off, on in zip(values["off"], values["on"])]
        rows.append([name, spread(values["off"], 3), spread(values["on"], 3), spread(costs),
                     ratio(median(values["on"]), median(values["off"]))])
    header = ["packets are", "off, million/s", "on, million/s", "more for a packet, ns", "ratio"]
    return {"delivery": table(header, rows)}, []
