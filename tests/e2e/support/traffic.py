# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Frames that are sent, and frames that arrive."""

import signal
import socket

from support.processes import DEADLINE, Process, run
from support.programs import SENDER

SIZE = 100  # of a frame, where it does not matter
FULL_FRAME = 1514
ETHERTYPE = 0x88B5  # what send-frames puts on the wire


def send(veth, count, size):
    """Exactly this many frames from the peer to veth.name."""
    sent = run([SENDER, veth.peer, count, size, "--dst", veth.mac]).out
    assert int(sent) == count


class Traffic(Process):
    """Frames flowing from the peer to veth.name until stop(), which says how many there were."""

    def __init__(self, veth, size, pause_us=1000):
        super().__init__([SENDER, veth.peer, 0, size, "--dst", veth.mac, "--until-signal", "--pause-us", pause_us])

    def finish(self):
        self.stop(signal.SIGTERM)
        return int(self.lines["out"][-1])


class Capture:
    """Receives the test frames that arrive on a device."""

    SO_RCVBUFFORCE = 33

    def __init__(self, dev):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
        self.socket.setsockopt(socket.SOL_SOCKET, self.SO_RCVBUFFORCE, 64 << 20)
        self.socket.bind((dev, ETHERTYPE))
        self.socket.settimeout(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def frames(self, count):
        return [self.socket.recv(65536) for _ in range(count)]

    def nothing_more(self):
        self.socket.setblocking(False)
        try:
            return self.socket.recv(65536) is None
        except BlockingIOError:
            return True
