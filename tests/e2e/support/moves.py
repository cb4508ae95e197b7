# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What happens to a device: each change tells the place of its program then, None where it is gone."""

import os
from contextlib import contextmanager
from pathlib import Path

from support.devices import rename, wait_for_carrier
from support.namespaces import nsenter, process_in
from support.processes import run, wait_until


@contextmanager
def moved(lab, netns, veth):
    red = netns("red")
    run(["ip", "link", "set", "dev", veth.name, "netns", "red"])
    red.wait_for_carrier(veth.name)
    wait_for_carrier(veth.peer)
    yield f"red/{veth.name}", "network namespace red"


@contextmanager
def moved_to_a_process(lab, netns, veth):
    with process_in("unshare", "--net") as pid:
        run(["ip", "link", "set", "dev", veth.name, "netns", pid])
        run([*nsenter(pid, "net"), "ip", "link", "set", "dev", veth.name, "arp", "off", "multicast", "off", "up"])
        wait_for_carrier(veth.peer)
        yield f"{os.stat(f'/proc/{pid}/ns/net').st_ino}/{veth.name}", f"the network namespace of process {pid}"
        run(["ip", "link", "delete", "dev", veth.peer])


@contextmanager
def renamed(lab, netns, veth):
    rename(veth, "veth9")
    yield "veth9", None


@contextmanager
def renamed_and_replaced(lab, netns, veth):
    rename(veth, "veth9")
    lab.veth("veth0", peer="p-other")
    yield "veth9", None


@contextmanager
def deleted(lab, netns, veth):
    lab.delete(veth)
    yield None, None


@contextmanager
def deleted_and_made_again(lab, netns, veth):
    lab.delete(veth)
    lab.veth("veth0", peer="p-other")
    yield None, None


ALL = [moved, moved_to_a_process, renamed, renamed_and_replaced, deleted, deleted_and_made_again]
AWAY = (moved, moved_to_a_process)


def remove_what_is_left(lab, veth):
    """The device, wherever it is, then the pins."""
    if Path("/sys/class/net", veth.peer).exists():
        run(["ip", "link", "delete", "dev", veth.peer])
    wait_until(lambda: lab.once("veth0")["state"] == "detached", "not detached")
    lab.loader("--dev", "veth0", "--clean")
