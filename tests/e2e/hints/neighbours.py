# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What is none of the user's business, and is the same after he has followed a hint."""

from support.devices import attached
from support.namespaces import Namespace
from support.pins import BPFFS
from support.processes import run
from support.programs import object_file
from support.samples import counts_of, dropped, read, wait_for_counts
from support.traffic import SIZE, send

FRAMES = 3


class Neighbours:
    """A namespace that shares the BPF file system, with a device of the usual name and a load on it that has counted;
    and a device here with somebody else's program, which is pinned."""

    def __init__(self, lab):
        self.blue = Namespace(lab, "blue")
        veth = self.blue.veth("veth0")
        lab.loader("--netns", "blue", "--dev", "veth0", "--action", "drop")
        send(veth, FRAMES, SIZE)
        wait_for_counts(dropped(FRAMES), "--netns", "blue", "--dev", "veth0")
        self.other = lab.veth("other0")
        self.pin = BPFFS / "neighbour"
        run(["bpftool", "prog", "load", object_file("no_counter"), self.pin, "type", "xdp"])
        lab.cleanups.append(lambda: self.pin.unlink(missing_ok=True))
        run(["bpftool", "net", "attach", "xdpdrv", "pinned", self.pin, "dev", self.other.name])
        self.before = self.look()

    def look(self):
        pins = [path for path in BPFFS.rglob("*") if path == self.pin or self.blue.pins in path.parents]
        return {
            "attached in blue": self.blue.attached("veth0"),
            "counted in blue": counts_of(read("--netns", "blue", "--dev", "veth0")),
            "attached here": attached(self.other.name),
            "pins": {str(path): (path.lstat().st_ino, path.lstat().st_mode) for path in pins},
        }

    def check(self):
        assert self.look() == self.before
