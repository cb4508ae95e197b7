# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Programs that redirect every frame of veth0, to targets that work or do not."""

import os
import shutil
import struct

from support.devices import link_info
from support.pins import BPFFS, pin_dir
from support.processes import run
from support.programs import object_file
from support.raw_bpf import open_pin, update_element

MAP_PROGRAMS = BPFFS / "map_programs"
WAYS = ["to_devmap", "to_devmap_hash", "to_ifindex"]


def index_of(dev):
    return link_info(dev)["ifindex"]


def update(dev, name, key, value):
    fd = open_pin(pin_dir(dev) / name)
    update_element(fd, struct.pack("=I", key), value)
    os.close(fd)


def map_program(lab, name):
    """A descriptor of a program that a map runs; open until the test is over."""
    if not MAP_PROGRAMS.exists():
        MAP_PROGRAMS.mkdir()
        run(["bpftool", "prog", "loadall", object_file("delivery_map_programs"), MAP_PROGRAMS / "programs", "pinmaps",
             MAP_PROGRAMS / "maps"])
        lab.cleanups.append(lambda: shutil.rmtree(MAP_PROGRAMS))
    fd = open_pin(MAP_PROGRAMS / "programs" / name)
    lab.cleanups.append(lambda: os.close(fd))
    return fd


def redirect(lab, way, target, program_fd=0, options=()):
    """Has veth0 redirect to this ifindex."""
    outcome = lab.load("veth0", "--filename", object_file("delivery"), "--progname", way, "--attach", "link", *options)
    aim(way, target, program_fd)
    return outcome


def aim(way, target, program_fd=0):
    if way == "to_ifindex":
        update("veth0", "direct", 0, struct.pack("=I", target))
    else:
        update("veth0", {"to_devmap": "targets", "to_devmap_hash": "hashed"}[way], 0,
               struct.pack("=II", target, program_fd))


def redirect_to_cpu(lab, program_fd=0, queue=2048):
    """The id of the cpumap, whose one entry is the first CPU."""
    outcome = lab.load("veth0", "--filename", object_file("delivery"), "--progname", "to_cpumap", "--attach", "link")
    update("veth0", "cpus", 0, struct.pack("=II", queue, program_fd))
    return next(item["id"] for item in outcome["maps"] if item["name"] == "cpus")
