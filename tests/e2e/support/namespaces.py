# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Network namespaces with devices in them."""

import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from support.devices import Veth, change_links, link_info, wait_for_carrier
from support.pins import BPFFS
from support.processes import run, wait_until


class Namespace:
    """One that `ip netns add` made; deleted with all that is in it when the test is over."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.path = Path("/run/netns") / name
        self.option = ("--netns", name)
        self.inside = ("ip", "netns", "exec", name)
        self.pins = BPFFS / f"netns:{name.replace('.', '%2E')}"
        run(["ip", "netns", "add", name])
        self.silence()
        lab.cleanups.append(self.delete)

    def silence(self):
        run([*self.inside, "sh", "-c",
             'for setting in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 >"$setting"; done'])

    def link_info(self, dev):
        return json.loads(run(["ip", "-netns", self.name, "-json", "-details", "link", "show", "dev", dev]).out)[0]

    def wait_for_carrier(self, dev):
        run(["ip", "-netns", self.name, "link", "set", "dev", dev, "arp", "off", "multicast", "off", "up"])
        wait_until(lambda: self.link_info(dev)["operstate"] == "UP", f"{dev} does not come up in {self.name}")

    def veth(self, dev="veth0"):
        """A device in there; what is sent to its peer, which is here, arrives at it."""
        peer = f"p-{self.name}-{dev}"[:15]
        change_links(f"add name {peer} type veth peer name {dev} netns {self.name}",
                     f"set dev {peer} arp off multicast off up")
        self.wait_for_carrier(dev)
        there = wait_for_carrier(peer)
        return Veth(dev, peer, self.link_info(dev)["address"], there[peer]["address"])

    def attached(self, dev="veth0"):
        return self.link_info(dev).get("xdp", {}).get("prog", {}).get("id")

    def vanish(self, dev="veth0"):
        """With its devices and everything that was attached to them; the pins of this one stay."""
        run(["ip", "netns", "delete", self.name])
        wait_until(lambda: self.lab.status(dev, *self.option)["state"] == "orphaned",
                   lambda: f"not orphaned: {self.lab.status(dev, *self.option)}")

    def delete(self):
        if self.path.exists():
            for outcome in self.lab.loader_json(*self.option, "--status"):
                if outcome["generation"]:
                    self.lab.loader(*self.option, "--dev", outcome["dev"], "--unload")
            for link in json.loads(run(["ip", "-netns", self.name, "-json", "link", "show", "type", "veth"]).out):
                run(["ip", "-netns", self.name, "link", "delete", "dev", link["ifname"]])
            run(["ip", "netns", "delete", self.name])
        assert not self.pins.exists()


def move(veth, namespace):
    """The interface, into one that has a name; frames still come from the peer, which stays."""
    run(["ip", "link", "set", "dev", veth.name, "netns", namespace.name])
    namespace.wait_for_carrier(veth.name)
    wait_for_carrier(veth.peer)


# ---- those without a name


UNNAMED_PEER = "p-unnamed"


@contextmanager
def process_in(*command):
    """A process that does nothing, started by this command; its id, once it has another network namespace."""
    ours = os.stat("/proc/self/ns/net").st_ino
    with subprocess.Popen([*command, "cat"], stdin=subprocess.PIPE) as process:
        try:
            wait_until(lambda: os.stat(f"/proc/{process.pid}/ns/net").st_ino != ours, "no other namespace")
            yield process.pid
        finally:
            # The pair goes at once with either end; with the namespace when the kernel gets round to it.
            subprocess.run(["ip", "link", "delete", "dev", UNNAMED_PEER], stderr=subprocess.DEVNULL, check=False)
            process.stdin.close()


def nsenter(pid, *kinds):
    return ("nsenter", f"--target={pid}", *(f"--{kind}" for kind in kinds))


def pair_into(pid, dev="veth0", peer=UNNAMED_PEER):
    """Like Namespace.veth, for the namespace of a process; gone with process_in."""
    inside = nsenter(pid, "net")
    run(["ip", "link", "add", "name", peer, "type", "veth", "peer", "name", dev, "netns", pid])
    for prefix, name in (((), peer), (inside, dev)):
        run([*prefix, "ip", "link", "set", "dev", name, "arp", "off", "multicast", "off", "up"])

    def info():
        return json.loads(run([*inside, "ip", "-json", "link", "show", "dev", dev]).out)[0]

    wait_until(lambda: info()["operstate"] == "UP", f"{dev} does not come up")
    wait_for_carrier(peer)
    return Veth(dev, peer, info()["address"], link_info(peer)["address"])


# ---- no BPF file system anywhere


MOUNTS = "grep -c ' /sys/fs/bpf ' /proc/self/mountinfo || :"


def mounts():
    return int(run(["sh", "-c", MOUNTS]).out)


def hide_bpffs(lab):
    """The sandbox's is out of the way until the namespaces are gone again."""
    away = Path(tempfile.mkdtemp(dir="/run"))

    def put_back():
        if mounts():
            run(["umount", BPFFS])
        run(["mount", "--move", away, BPFFS])
        away.rmdir()

    run(["mount", "--move", BPFFS, away])
    lab.cleanups.append(put_back)
    assert mounts() == 0
