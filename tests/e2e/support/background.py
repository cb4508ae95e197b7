# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What a thread does over and over while the test does something else."""

import os
import threading

from support.raw_bpf import open_pin


class Repeated:
    """Calls a function until the `with` block ends."""

    def __init__(self, call):
        self.call = call
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)

    def loop(self):
        while not self.ended.is_set():
            self.call()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.ended.set()
        self.thread.join()


class PinReader(Repeated):
    """Opens a pin over and over; `failures` has what went wrong meanwhile."""

    def __init__(self, path):
        super().__init__(self.look)
        self.path = path
        self.failures = []
        self.opened = 0

    def look(self):
        try:
            os.close(open_pin(self.path))
            self.opened += 1
        except OSError as error:
            self.failures.append(str(error))
