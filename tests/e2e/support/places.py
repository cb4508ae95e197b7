# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A device with our program, what may happen to it, and where it is afterwards."""

import contextlib
import json
import os
import subprocess
from collections import namedtuple
from pathlib import Path

from support import kernel
from support.components import ForeignComponent
from support.devices import attached, rename, wait_for_carrier
from support.maps import read_meta
from support.namespaces import Namespace, process_in
from support.pins import pin_dir
from support.processes import run, wait_until
from support.programs import ways_to_attach
from support.raw_bpf import existing_ids
from support.run_command import running
from support.samples import dropped, passed, wait_for_counts
from support.traffic import SIZE, send

# How our program is attached. `shared` is a dispatcher with somebody else's program in it.
WAYS = ["link", "netlink", *(["dispatcher", "shared"] if "dispatcher" in ways_to_attach() else [])]
OLD = "veth0"  # what the device is called when it is loaded; the name of its pins
NEW = "lan0"
ALTERNATIVE = "uplink-of-the-rack-in-room-7"

# `netns` is what --netns takes, None for this namespace; `inside` is the prefix of a command that runs there.
Place = namedtuple("Place", "netns inside name")

# A command of --run that ends with 0 when it is told to.
ENDS_WELL = ("/usr/bin/python3", "-c", """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", os.getpid(), flush=True)
signal.sigwait([signal.SIGTERM])
""")


class Device:
    def __init__(self, lab, way, stack):
        self.lab, self.way, self.stack = lab, way, stack
        self.veth = lab.veth(OLD)
        self.place = Place(None, (), OLD)
        self.sent = 0
        self.built = []  # other devices
        self.foreign = None
        self.program = self.new = None

    # -- our program

    @property
    def attach(self):
        """The option that attaches it in the same way again."""
        return ("--attach", "link" if self.way in ("link", "netlink") else "dispatcher")

    def load(self):
        """Our program counts, and has counted something."""
        if self.way == "netlink":
            self.lab.foreign_attach(OLD)
            outcome = self.lab.load(OLD, "--force", *self.attach)
        else:
            self.share()
            outcome = self.lab.load(OLD, *self.attach)
        assert outcome["attach"] == ("dispatcher" if self.way == "shared" else self.way)
        self.is_ours(outcome["program"]["id"])
        self.send(5)

    def run(self):
        """The same by --run."""
        self.share()
        process = running(self.lab, "--dev", OLD, command=ENDS_WELL)
        self.is_ours(read_meta(OLD).program_id)
        self.send(5)
        return process

    def share(self):
        if self.way == "shared":
            self.foreign = ForeignComponent(self.lab, self.veth, "foreign_early")
            self.lab.cleanups.remove(self.foreign.unload)  # it goes with the device, wherever that is
            self.lab.program_ids.add(self.foreign.id)

    def is_ours(self, program):
        self.program = program
        self.lab.program_ids.update((program, self.hook()))

    def lives(self):
        return self.program in existing_ids("prog")

    def hook(self):
        """The id of the program that is attached to the device, wherever it is."""
        if self.place is None:
            return None
        link = json.loads(run([*self.place.inside, "ip", "-json", "-details", "link", "show", "dev",
                               self.place.name]).out)[0]
        return link.get("xdp", {}).get("prog", {}).get("id")

    def world(self):
        return self.lab.world(), self.hook(), self.lives()

    def is_free(self):
        """Nothing of ours is left on the device or in the kernel; somebody else's component goes on."""
        if self.foreign and not self.place:
            run(["xdp-loader", "clean"])  # libxdp's pins of the dispatcher are others', too
        wait_until(lambda: not self.lives(), "our program is still there")
        if self.foreign and self.place:
            self.send(3, counted=False)
            assert self.foreign.seen() == self.sent
        else:
            assert self.hook() is None
        assert self.new is None or attached(self.new.name) is None
        assert not pin_dir(OLD).exists() and not pin_dir(NEW).exists()

    # -- its frames

    def send(self, count, counted=True):
        """Through the other end, wherever this one is."""
        send(self.veth, count, SIZE)
        self.sent += count
        if counted:
            wait_for_counts(self.counts, "--map", pin_dir(OLD) / "xdp_stats_map")
        elif self.foreign:
            wait_until(lambda: self.foreign.seen() >= self.sent, "the frames do not arrive")

    def count_anew(self, count):
        """After a load that drops, into a map that is new: the sample that has them all."""
        send(self.veth, count, SIZE)
        self.sent += count
        return wait_for_counts(dropped(count), *self.address)

    @property
    def counts(self):
        return passed(self.sent)

    # -- how it is called and said

    @property
    def old_address(self):
        return ("--dev", OLD)

    @property
    def address(self):
        return (*(("--netns", self.place.netns) if self.place.netns else ()), "--dev", self.place.name)

    def is_said_to_be_here(self, said):
        """Whether a sample or a status tells where the device is now: as `runs_on`, or because it is about there."""
        there = said["runs_on"] or "/".join(filter(None, (said["netns"], said["dev"])))
        netns, _, name = there.rpartition("/")
        return name == self.place.name and is_namespace(netns, self.place)

    # -- what may happen to it

    def up(self):
        """After a move or a rename, which leave it down."""
        self.ip("link", "set", "dev", self.place.name, "arp", "off", "multicast", "off", "up")

        def state():
            return json.loads(self.ip("-json", "link", "show", "dev", self.place.name).out)[0]["operstate"]

        wait_until(lambda: state() == "UP", f"{self.place} does not come up")
        wait_for_carrier(self.veth.peer)

    def ip(self, *words):
        return run([*self.place.inside, "ip", *words])

    def move(self, netns, path):
        self.ip("link", "set", "dev", OLD, "netns", path)
        self.place = Place(netns, ("nsenter", f"--net={path}"), OLD)

    def build(self, name, *words):
        run(["ip", "link", "add", "name", name, *words])
        self.built.append(name)
        return name

    def enslave(self, master):
        for change in (["down"], ["master", master]):
            run(["ip", "link", "set", "dev", OLD, *change])
        run(["ip", "link", "set", "dev", master, "arp", "off", "multicast", "off", "up"])
        self.up()

    def take_its_name(self):
        self.new = self.lab.veth(OLD, peer="p-new")
        self.built.append("p-new")

    def end(self):
        """Takes the device down, and what is left of it then."""
        for process in self.lab.processes:
            process.stop()
        for name in (self.veth.peer, *self.built):
            subprocess.run(["ip", "link", "delete", "dev", name], stderr=subprocess.DEVNULL, check=False)
        self.stack.close()
        wait_until(lambda: self.lab.loader("--clean") and not pin_dir(OLD).exists() and not pin_dir(NEW).exists(),
                   "its pins stay")
        if self.way in ("dispatcher", "shared"):
            run(["xdp-loader", "clean"])


def is_namespace(said, place):
    """Whether what the programs call a namespace is that of the place: a name, a path, or a number."""
    if not said or not place.netns:
        return not said and not place.netns
    if "/" not in place.netns:
        return said == place.netns
    inode = os.stat(place.netns).st_ino
    return said == str(inode) or ("/" in said and os.stat(said).st_ino == inode)


@contextlib.contextmanager
def device_with_our_program(lab, way):
    with contextlib.ExitStack() as stack:
        device = Device(lab, way, stack)
        yield device
        device.end()


def place_of(device):
    """As readers call it: a namespace that no name leads to is a number."""
    if device.place is None:
        return None
    netns, _, name = device.place
    if netns and "/" in netns:
        netns = os.stat(netns).st_ino
    return f"{netns}/{name}" if netns else name


def destination(device):
    """What an ordinary user's reader can learn of the namespace that it was moved to."""
    netns = device.place.netns
    return f"the network namespace of process {netns.split('/')[2]}" if "/" in netns else f"network namespace {netns}"


# ---- what may happen


def nothing(_device):
    pass


def moved(device):
    red = Namespace(device.lab, "red")
    device.move("red", red.path)
    device.up()


def moved_to_a_process(device):
    path = f"/proc/{device.stack.enter_context(process_in('unshare', '--net'))}/ns/net"
    device.move(path, path)
    device.up()


def moved_and_renamed(device):
    red = Namespace(device.lab, "red")
    device.move("red", red.path)
    device.ip("link", "set", "dev", OLD, "name", NEW)
    device.place = device.place._replace(name=NEW)
    device.up()


def moved_and_its_index_was_taken(device):
    red = Namespace(device.lab, "red")
    index = Path(f"/sys/class/net/{OLD}/ifindex").read_text().strip()
    run([*red.inside, "ip", "link", "add", "name", "first0", "index", index, "type", "veth", "peer", "name", "p-first"])
    run([*red.inside, "ip", "link", "set", "dev", "p-first", "netns", os.getpid()])
    device.built.append("p-first")
    device.move("red", red.path)
    device.up()


def moved_and_its_name_was_taken(device):
    moved(device)
    device.take_its_name()


def renamed(device):
    rename(device.veth, NEW)
    device.place = device.place._replace(name=NEW)


def renamed_and_its_name_was_taken(device):
    renamed(device)
    device.take_its_name()


def deleted(device):
    device.lab.delete(device.veth)
    device.place = None


def deleted_and_made_again(device):
    deleted(device)
    device.take_its_name()


def bridge_slave(device):
    kernel.need(kernel.bridge_devices)
    device.enslave(device.build("bridge0", "type", "bridge"))


def bond_slave(device):
    kernel.need(kernel.bond_devices)
    device.enslave(device.build("bonded0", "type", "bond", "mode", "active-backup"))


def alternative_name(device):
    run(["ip", "link", "property", "add", "dev", OLD, "altname", ALTERNATIVE])


# Of these, what a reader sees while it runs.
AWAY = (moved, moved_to_a_process)
MOVES = [*AWAY, renamed, renamed_and_its_name_was_taken, deleted, deleted_and_made_again]
