# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What the full-screen view costs: CPU and memory with a thousand devices, bytes on the terminal's line."""

import fcntl
import os
import pty
import random
import select
import signal
import socket
import struct
import subprocess
import termios
import time

from measuring import Failed, cpu_milliseconds, create_veth, named, peak_memory, remove_veth, run
from page import Goal, table

SIZE = (120, 36)
BUSY = 40  # devices that receive packets all the time


class LiveView:
    """xdp_stats on a terminal that nobody looks at."""

    def __init__(self, bench, size):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen([bench.stats, "--all", "--live", "--interval", "1"], stdin=slave, stdout=slave,
                                        env=environment, start_new_session=True)
        os.close(slave)

    def read_for(self, seconds, meanwhile):
        """How many bytes came."""
        count, end = 0, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.master], [], [], min(left, 0.05))[0]:
                try:
                    count += len(os.read(self.master, 1 << 16))
                except OSError:  # nobody has the other end any more
                    break
            meanwhile()
        return count

    def memory(self):
        return peak_memory(self.process.pid)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.read_for(0.5, lambda: None)
        self.process.wait()
        os.close(self.master)


class Traffic:
    """Frames for the first devices, at rates that change."""

    def __init__(self, count):
        self.sockets = []
        for number in range(count):
            one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            one.bind((f"peer{number}", 0))
            self.sockets.append(one)
        self.frame = bytes.fromhex("ffffffffffff020000000001 88b5") + bytes(86)

    def send(self):
        for one in self.sockets:
            for _ in range(random.randrange(6)):
                one.send(self.frame)

    def close(self):
        for one in self.sockets:
            one.close()


def printing(bench, seconds):
    """The same samples as text for nobody, in percent of a CPU."""
    process = subprocess.Popen([bench.stats, "--all", "--interval", "1", "--quiet", "--per-cpu", "--format", "csv"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        time.sleep(5)
        before = cpu_milliseconds(process.pid)
        time.sleep(seconds)
        return (cpu_milliseconds(process.pid) - before) / seconds / 10
    finally:
        process.terminate()
        process.wait()


def live(bench):
    seconds = 5 if bench.quick else 20
    rows, costs, printed = [], {}, {}
    names = []
    try:
        for size in [BUSY] if bench.quick else [BUSY, 1000]:
            more = create_veth(size, first=len(names))
            names += more
            run(bench.loader, "-S", "--quiet", *named(more))
            traffic, view = Traffic(BUSY), LiveView(bench, SIZE)
            try:
                view.read_for(5, traffic.send)  # until every device has a history
                if view.process.poll() is not None:
                    raise Failed("xdp_stats --live has ended")
                before = cpu_milliseconds(view.process.pid)
                count = view.read_for(seconds, traffic.send)
                cpu = (cpu_milliseconds(view.process.pid) - before) / seconds
                costs[size] = (cpu / 10, view.memory(), count / seconds / 1024)
            finally:
                view.close()
                traffic.close()
            share, memory, line = costs[size]
            printed[size] = printing(bench, seconds)
            rows.append([f"{size:,}", f"{share:.2f} %", f"{printed[size]:.2f} %", f"{memory:.1f}", f"{line:.1f}"])
    finally:
        remove_veth(names)
        run(bench.loader, "--clean", "--quiet")
    goals = [Goal(f"full screen, {BUSY} busy devices: below 10 KB/s on the line", f"{costs[BUSY][2]:.1f} KB/s",
                  costs[BUSY][2] < 10)]
    if 1000 in costs:
        goals.append(Goal("full screen, 1,000 devices: at most a quarter more CPU time than as CSV, and 60 MB",
                          f"{costs[1000][0]:.2f} against {printed[1000]:.2f} % of a CPU, {costs[1000][1]:.1f} MB",
                          costs[1000][0] <= 1.25 * printed[1000] and costs[1000][1] < 60))
    return {"live": table(["devices", "of a CPU", "as CSV, of a CPU", "memory, MiB", "on the line, KiB/s"],
                          rows)}, goals
