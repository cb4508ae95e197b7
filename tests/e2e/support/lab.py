# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A place to build devices and start programs in, which fails the test that leaves anything behind."""

import contextlib
import json
import os
import re
import signal
import subprocess

from support.bpftool import bpftool
from support.devices import Veth, change_links, link_info, links, wait_for_carrier
from support.maps import dump_counts
from support.pins import BPFFS, pin_dir
from support.process_table import processes
from support.processes import Process, run, wait_until
from support.programs import LOADER, object_file
from support.raw_bpf import create_link, existing_ids, open_pin, pin
from support.samples import Stats, read, wait_for_counts
from support.traffic import Traffic


class Lab:
    def __init__(self):
        self.processes = []
        self.cleanups = []
        self.program_ids = set()
        self.map_ids = set()

    def __enter__(self):
        self.before = self.world()
        return self

    def __exit__(self, kind, exception, trace):
        problems = []
        try:
            self.close()
            self.wait_for_nothing_left()
        except Exception as problem:  # pylint: disable=broad-except
            problems.append(problem)
        if problems:
            self.demolish()
        if problems and exception is None:
            raise problems[0]

    # -- the programs under test

    def loader(self, *args, status=0, prefix=()):
        return run([*prefix, LOADER, *args], status)

    def loader_json(self, *args, **options):
        """The outcomes that `xdp_loader --json` reports, one a device."""
        document = json.loads(self.loader("--json", *args, **options).out)
        assert document["schema"] == 1
        for outcome in document["devices"]:
            self.remember(outcome)
        return document["devices"]

    def load(self, dev, *args, **options):
        """Loads, and returns the outcome of the one device."""
        (outcome,) = self.loader_json("--dev", dev, *args, **options)
        assert outcome["outcome"] in ("loaded", "replaced"), outcome
        return outcome

    def status(self, dev, *args, **options):
        (outcome,) = self.loader_json("--dev", dev, "--status", *args, **options)
        assert outcome["outcome"] == "status", outcome
        return outcome

    def states(self, **options):
        """{(netns, dev): state} of every device that has pins."""
        return {(item["netns"], item["dev"]): item["state"] for item in self.loader_json("--status", **options)}

    def remember(self, outcome):
        if (program := outcome.get("program")) and not outcome.get("dry_run"):
            self.program_ids.add(program["id"])
            self.map_ids.update(item["id"] for item in outcome["maps"])

    @staticmethod
    def once(dev, *args):
        return read("--dev", dev, *args)

    @staticmethod
    def wait_for_counts(dev, expected):
        """Exactly these counts on the device, by xdp_stats and by bpftool."""
        wait_for_counts(expected, "--dev", dev)
        assert dump_counts(pin_dir(dev) / "xdp_stats_map") == expected

    # -- things that go on while the test works

    def started(self, process):
        self.processes.append(process)
        return process

    def stats(self, *args, **options):
        """A reader that has nothing to read yet."""
        return self.started(Stats(*args, **options))

    def reading(self, *args, **options):
        """A reader that has taken its first sample: what is sent from now on counts as its session."""
        reader = self.stats(*args, **options)
        reader.wait_for(lambda sample: True)
        return reader

    def traffic(self, veth, size, **options):
        return self.started(Traffic(veth, size, **options))

    def process(self, *command):
        return self.started(Process(command))

    # -- devices

    def veth(self, name, mtu=1500, peer=None):
        peer = peer or f"p-{name}"[:15]
        change_links(f"add name {name} mtu {mtu} type veth peer name {peer} mtu {mtu}",
                     *(f"set dev {dev} arp off multicast off up" for dev in (name, peer)))
        for dev in (name, peer):
            # GRO switches NAPI on, without which veth takes nothing from a native redirect.
            run(["ethtool", "--offload", dev, "gro", "on", "tso", "off", "gso", "off"])
        there = wait_for_carrier(name, peer)
        return Veth(name, peer, there[name]["address"], there[peer]["address"])

    def let_redirects_arrive(self, *veths):
        """Before 5.13, veth takes what is redirected to a pair only where its other end has a program, too."""
        for veth in veths:
            self.load(veth.peer)

    @staticmethod
    def delete(veth):
        run(["ip", "link", "delete", "dev", veth.name])

    # -- other people's programs and pins

    def foreign_program(self, name="no_counter"):
        """A program that xdp-tally did not load, pinned outside its directories: the pin's path."""
        path = self.foreign_pin(name)
        run(["bpftool", "prog", "load", object_file(name), path, "type", "xdp"])
        self.cleanups.append(lambda: path.unlink(missing_ok=True))
        self.program_ids.add(self.program_at(path)["id"])
        return path

    @staticmethod
    def program_at(path):
        return bpftool("prog", "show", "pinned", path)

    @staticmethod
    def foreign_pin(name="no_counter"):
        """Of a foreign_program() that is there already."""
        return BPFFS / f"foreign_{name}"

    def foreign_attach(self, dev, mode="native"):
        """Attaches a foreign program by netlink: what bpftool tells of it."""
        path = self.foreign_program()
        run(["bpftool", "net", "attach", {"native": "xdpdrv", "generic": "xdpgeneric"}[mode], "pinned", path,
             "dev", dev])
        return self.program_at(path)

    def foreign_link(self, dev):
        """Attaches a foreign program by a link, pinned outside our directories: (program, link pin)."""
        program = self.foreign_program()
        path = BPFFS / "foreign_link"
        program_fd = open_pin(program)
        link_fd = create_link(program_fd, link_info(dev)["ifindex"])
        pin(link_fd, path)
        self.cleanups.append(lambda: path.unlink(missing_ok=True))
        os.close(link_fd)
        os.close(program_fd)
        return self.program_at(program), path

    def foreign_map(self, path, kind="hash", key=4, value=4, entries=1):
        """Pins a map that xdp-tally did not make."""
        path.parent.mkdir(exist_ok=True)
        run(["bpftool", "map", "create", path, "type", kind, "key", key, "value", value, "entries", entries,
             "name", "foreign"])
        self.cleanups.append(lambda: self.remove_pin(path))
        return path

    def close_bpffs(self):
        """To all but its owner, until the test is over."""
        mode = BPFFS.stat().st_mode & 0o777
        self.cleanups.append(lambda: BPFFS.chmod(mode))
        BPFFS.chmod(0o700)

    @staticmethod
    def remove_pin(path):
        path.unlink(missing_ok=True)
        if path.parent != BPFFS and path.parent.exists() and not any(path.parent.iterdir()):
            path.parent.rmdir()

    # -- what must be the same after a test, or after a refused command

    @staticmethod
    def world():
        """Every place where something could be left: device, namespace, pin, and who is attached."""
        pins = {str(path): (path.lstat().st_mode, path.lstat().st_ino) for path in sorted(BPFFS.rglob("*"))}
        return {
            "links": {name: link.get("xdp", {}).get("prog", {}).get("id") for name, link in links().items()},
            "namespaces": sorted(os.listdir("/run/netns")),
            "pins": pins,
        }

    @staticmethod
    def other_processes():
        return [" ".join(process.words) for process in processes()
                if process.pid != os.getpid() and process.state != "Z"]

    def close(self):
        """Takes down what the test built, the last first, by the programs' own means.

        What fails keeps nothing else from being taken down; the first failure is raised in the end.
        """
        problems = []

        def attempt(step, *args):
            try:
                step(*args)
            except Exception as problem:  # pylint: disable=broad-except
                problems.append(problem)

        for process in self.processes:
            attempt(process.stop)
        attempt(self.unload_links)
        for cleanup in reversed(self.cleanups):
            attempt(cleanup)
        attempt(self.delete_links)
        attempt(self.remove_lock_directory)
        if problems:
            raise problems[0]

    def unload_links(self):
        # The newest first: what is on top of another device keeps a dispatcher below from being changed.
        for link, program in reversed(self.world()["links"].items()):
            may_be_ours = link not in self.before["links"] and (program or pin_dir(link).exists())
            if may_be_ours and self.loader_json("--dev", link, "--status")[0]["generation"]:
                self.loader("--dev", link, "--unload")

    @staticmethod
    def remove_lock_directory():
        """libxdp makes it for its lock, and leaves it."""
        if (BPFFS / "xdp").exists() and not any((BPFFS / "xdp").iterdir()):
            (BPFFS / "xdp").rmdir()

    def delete_links(self):
        new = [link for link in links() if link not in self.before["links"]]
        plain = [link for link in new if re.fullmatch(r"[\w.-]+", link)]  # others would be quotes or comments of -batch

        def ip(*words, lines=()):
            subprocess.run(["ip", *words], input="".join(lines), text=True, stderr=subprocess.DEVNULL, check=False)

        # -force: the other end of a pair is gone already.
        ip("-force", "-batch", "-", lines=[f"link delete dev {link}\n" for link in plain])
        for link in set(new) - set(plain):
            ip("link", "delete", "dev", link)

    def wait_for_nothing_left(self):
        now = self.world()
        assert now == self.before, {part: set(now[part]) ^ set(self.before[part]) for part in now}

        def left():
            return {
                "processes": self.other_processes(),
                "programs": sorted(self.program_ids & existing_ids("prog")),
                "maps": sorted(self.map_ids & existing_ids("map")),
            }

        # The kernel frees programs and maps some time after their last user is gone.
        wait_until(lambda: not any(left().values()), lambda: f"left behind: {left()}")

    def demolish(self):
        """After a failure the next test gets a clean place all the same."""
        # Whoever it was that the test started, and whether or not it told us. pytest is the first process of the
        # sandbox, so that nobody else is hit.
        assert os.getpid() == 1, "this is not the sandbox"
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        for process in self.processes:
            process.popen.wait()
        self.delete_links()
        subprocess.run(["ip", "-all", "netns", "delete"], check=False)
        subprocess.run(["umount", str(BPFFS)], check=False)
        subprocess.run(["mount", "-t", "bpf", "-o", "mode=0755", "bpf", str(BPFFS)], check=False)
        wait_until(lambda: not self.other_processes(), lambda: f"not to be killed: {self.other_processes()}")
