# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The components of a libxdp dispatcher, ours and others'."""

from support.bpftool import binary, bpftool
from support.pins import BPFFS
from support.processes import run
from support.programs import object_file


def components(lab, dev):
    """By name; the built-in programs have two, and which it is depends on the kernel."""
    return [component["name"].removesuffix("_frags") for component in lab.status(dev)["hook"]["components"]]


def remove_leftovers_of_libxdp(dev):
    """Its own pins, where it was killed in the middle."""
    if (BPFFS / "xdp").exists():
        run(["xdp-loader", "clean", dev])
        for path in (BPFFS / "xdp").glob("prog-test-link-*"):
            path.unlink()  # it tries with it whether links can be pinned


class ForeignComponent:
    """A component that xdp-loader of xdp-tools has added, and what it has seen."""

    def __init__(self, lab, veth, name, mode="native"):
        self.dev = veth.name
        run(["xdp-loader", "load", "--mode", {"native": "native", "generic": "skb"}[mode], "--prog-name", name,
             veth.name, object_file("foreign_component")])
        (entry,) = [entry for entry in lab.status(veth.name)["hook"]["components"] if entry["name"] == name[:15]]
        self.id = entry["id"]
        (self.map_id,) = bpftool("prog", "show", "id", self.id)["map_ids"]
        lab.cleanups.append(self.unload)

    def unload(self):
        run(["xdp-loader", "unload", "--id", self.id, self.dev])

    def seen(self):
        (entry,) = bpftool("map", "dump", "id", self.map_id)
        values = [binary(value["value"]) for value in entry["values"]]
        return sum(int.from_bytes(value, "little") for value in values)
