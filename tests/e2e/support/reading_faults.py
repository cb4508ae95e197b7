# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Which questions a program asks the kernel, and what happens around the one that the kernel does not answer."""

import json

from support import delivery
from support.bpftool import bpftool
from support.devices import attached, rename
from support.maps import lineage_counts, read_meta
from support.pins import PINS, pin_dir, pins_of
from support.processes import run
from support.programs import LOADER, STATS
from support.redirects import redirect_to_cpu
from support.strace import FAULT_STEP, calls_of_main
from support.traffic import SIZE, send

# What each call can answer instead: no memory, no descriptor, a signal, a device that cannot be read.
OPENS = ("EIO", "ENOMEM", "EINTR", "EMFILE")
LOOKS = ("EIO", "ENOMEM")
TALKS = ("ENOMEM", "ENOBUFS", "EINTR", "EAGAIN")
ERRORS = {
    "openat": OPENS, "getdents64": LOOKS, "readlink": LOOKS, "readlinkat": LOOKS, "statfs": (*LOOKS, "EINTR"),
    "fstatfs": (*LOOKS, "EINTR"), "newfstatat": LOOKS, "fstat": LOOKS, "statx": LOOKS, "access": LOOKS,
    "faccessat": LOOKS, "faccessat2": LOOKS, "read": ("EIO", "EINTR"), "ioctl": LOOKS,
    "socket": ("ENOMEM", "EMFILE"), "sendto": TALKS, "recvfrom": TALKS, "recvmsg": TALKS,
    "getsockopt": ("ENOMEM",), "getsockname": ("ENOBUFS",), "bpf": ("ENOMEM", "EINTR", "EAGAIN", "EMFILE"),
    "flock": ("EINTR", "ENOMEM"), "fcntl": ("EMFILE", "EAGAIN"), "capget": ("ENOMEM",),
}
PACKETS = 7


def faults_of(log):
    """(call, which one, after the fork, error): every error of every question, or a part of them from all over."""
    asked = [call for call in calls_of_main(log) if call[0] in ERRORS]
    most = max(map(len, ERRORS.values()))
    every = [(*call, ERRORS[call[0]][turn]) for turn in range(most) for call in asked if turn < len(ERRORS[call[0]])]
    return every[::FAULT_STEP]


def left_in(directory):
    """What is there but empty directories."""
    return sorted(path.name for path in directory.rglob("*") if not path.is_dir())


class Situation:
    """A command, what must be there before it, and what holds after a fault: `problems` says what does not."""

    program, arguments = LOADER, ()
    device_option = True

    def __init__(self, lab, veth, netns):
        self.lab, self.veth, self.netns = lab, veth, netns
        self.begin()

    @property
    def dev(self):
        return self.veth.name

    @property
    def command(self):
        return [self.program, *(("--dev", self.dev) if self.device_option else ()), *self.arguments]

    def begin(self):
        """Once."""

    def prepare(self):
        """Before each fault."""

    def problems(self, done, after_fork):
        raise NotImplementedError

    def end(self):
        """Once, for whoever looks at what is left."""
        if attached(self.dev) or pin_dir(self.dev).exists():
            self.lab.loader("--dev", self.dev, "--unload")

    def count_some(self):
        self.lab.load(self.dev)
        send(self.veth, PACKETS, SIZE)
        self.lab.wait_for_counts(self.dev, {"XDP_PASS": (PACKETS, PACKETS * SIZE)})


class FirstLoad(Situation):
    arguments = ("--action", "drop")

    def problems(self, done, after_fork):
        if done.status == 0:
            yield from not_loaded(self.lab, self.dev)
        elif attached(self.dev) or pin_dir(self.dev).exists():
            yield f"failed, and left {attached(self.dev)}, {sorted(pin_dir(self.dev).rglob('*'))}"
        self.lab.load(self.dev)
        yield from not_loaded(self.lab, self.dev)
        self.lab.loader("--dev", self.dev, "--unload")


class FirstLoadTracked(FirstLoad):
    """Where deliveries begin is known of every generation that was loaded while they were tracked."""

    def begin(self):
        delivery.track(self.lab)

    def problems(self, done, after_fork):
        if done.status == 0 and self.lab.once(self.dev)["actions"]["XDP_REDIRECT"]["lifetime_delivered"] != 0:
            yield "status 0, and its deliveries are not known"
        yield from super().problems(done, after_fork)

    def end(self):
        self.lab.loader("--untrack-delivery")


class Replacement(Situation):
    """The lineage's counts are those of before, and those that the old map still holds, whatever happens."""

    arguments = ("--action", "drop")

    def begin(self):
        self.count_some()
        self.sent = PACKETS

    def seen(self):
        sample = self.lab.once(self.dev)
        return attached(self.dev), pins_of(self.dev), sample["generation"], sample["map_id"]

    def prepare(self):
        send(self.veth, PACKETS, SIZE)
        self.sent += PACKETS
        self.old = self.seen()

    def problems(self, done, after_fork):
        if done.status == 0:
            yield from not_loaded(self.lab, self.dev)
        elif self.seen() != self.old:
            yield f"failed, and {self.old} became {self.seen()}"
        self.lab.load(self.dev, *self.arguments)
        yield from not_loaded(self.lab, self.dev)
        yield from lost(self.dev, self.sent)


class Reuse(Replacement):
    arguments = ("--action", "drop", "--reuse-maps")

    def problems(self, done, after_fork):
        if (map_id := self.seen()[-1]) != self.old[-1]:
            yield f"map {map_id} instead of {self.old[-1]}"
        yield from super().problems(done, after_fork)


class RenamedDevice(Replacement):
    """A load moves the pins to the device's new name."""

    arguments = ("--reuse-maps",)
    name = "veth0"

    def seen(self):
        return attached(self.dev)

    def prepare(self):
        self.name = self.dev
        self.veth = rename(self.veth, "veth9" if self.dev == "veth0" else "veth0")
        super().prepare()

    def problems(self, done, after_fork):
        yield from super().problems(done, after_fork)
        if pin_dir(self.name).exists():
            yield "pins of the old name are left"


class Unload(Situation):
    arguments = ("--unload",)

    def prepare(self):
        self.lab.load(self.dev)

    def problems(self, done, after_fork):
        """The same command again ends what the first could not."""
        if done.status == 0:
            yield from not_removed(self.dev)
        if attached(self.dev) or left_in(pin_dir(self.dev)):
            self.lab.loader(*self.command[1:])
        elif pin_dir(self.dev).exists():
            self.lab.loader("--dev", self.dev, "--clean")
        yield from not_removed(self.dev)


class UnloadRenamed(Unload):
    old = None

    def prepare(self):
        super().prepare()
        self.old = pin_dir(self.dev)
        self.veth = rename(self.veth, "veth9" if self.dev == "veth0" else "veth0")

    def problems(self, done, after_fork):
        if done.status == 0 and self.old.exists():
            yield "status 0, and the pins are left"
        if attached(self.dev):
            self.lab.loader(*self.command[1:])
        elif self.old.exists():
            self.lab.loader("--dev", self.old.name, "--unload")
        yield from not_removed(self.dev)
        if self.old.exists():
            yield "the pins are left"


class UnloadMoved(Unload):
    """Of a device that is in another network namespace since: its link is ended from here."""

    def begin(self):
        self.red = self.netns("red")

    def prepare(self):
        super().prepare()
        run(["ip", "link", "set", "dev", self.dev, "netns", "red"])

    def problems(self, done, after_fork):
        run(["ip", "-netns", "red", "link", "set", "dev", self.dev, "netns", "1"])
        run(["ip", "link", "set", "dev", self.dev, "up"])
        yield from super().problems(done, after_fork)


class Clean(Unload):
    arguments = ("--clean",)

    def prepare(self):
        super().prepare()
        self.lab.loader("--dev", self.dev, "--unload", "--keep-maps")


class CleanAll(Clean):
    device_option = False


class MetaMadeAnew(Situation):
    """The pinned counters are those of the load, and no operator's that it has adopted."""

    arguments = ("--clean",)

    def prepare(self):
        self.lab.load(self.dev, "--attach", "link")
        (pin_dir(self.dev) / "xdp_stats_meta").unlink()

    def problems(self, done, after_fork):
        self.lab.loader(*self.command[1:])
        if wrong := list(not_loaded(self.lab, self.dev)):
            yield from wrong
            return
        meta = read_meta(self.dev)
        if meta.counter_map_id not in meta.map_ids[:meta.map_count]:
            yield f"the counters are not the meta's own: {list(meta.map_ids)}, of which {meta.map_count}"
        self.lab.loader("--dev", self.dev, "--unload")
        yield from not_removed(self.dev)


class RunCommand(Situation):
    """One fault in the final unload is made up for; one before it leaves no program, and no pin."""

    arguments = ("--run", "--", "true")

    def problems(self, done, after_fork):
        if attached(self.dev):
            yield "the program is left"
        if left := left_in(pin_dir(self.dev)):
            yield f"left {left}"
        if after_fork and done.status:
            yield "the final unload failed"
        if pin_dir(self.dev).exists():
            self.lab.loader("--dev", self.dev, "--clean")
        yield from not_removed(self.dev)


class RunAndKeep(Situation):
    """Counts of before, and pins that were there, stay."""

    arguments = ("--reuse-maps", "--keep-maps", "--run", "--", "true")

    def begin(self):
        self.count_some()
        self.lab.loader("--dev", self.dev, "--unload", "--keep-maps")

    def problems(self, done, after_fork):
        if attached(self.dev):
            yield "the program is left"
        if (left := left_in(pin_dir(self.dev))) != ["xdp_stats_map", "xdp_stats_meta"]:
            yield f"left {left}"
        if after_fork and done.status:
            yield "the final unload failed"
        self.lab.loader(*self.command[1:])
        yield from lost(self.dev, PACKETS)


class Status(Situation):
    """All, or an error."""

    arguments = ("--status", "--json")

    def begin(self):
        self.count_some()
        self.whole = self.shown(run(self.command).out)

    def shown(self, text):
        return json.loads(text)["devices"]

    def problems(self, done, after_fork):
        if done.status == 0 and (shown := self.shown(done.out)) != self.whole:
            yield f"status 0, and not {self.whole}, but {shown}"


class StatusOfAll(Status):
    device_option = False


class StatusTracked(StatusOfAll):
    """What is tracked is part of all."""

    def begin(self):
        delivery.track(self.lab)
        super().begin()

    def shown(self, text):
        return json.loads(text)

    def end(self):
        self.lab.loader("--untrack-delivery")
        super().end()


class StatusWithNamespaces(StatusOfAll):
    """One device of another namespace, and one that has gone there with its program."""

    def begin(self):
        self.red = self.netns("red")
        self.inside = self.red.veth("veth5")
        self.lab.load("veth5", *self.red.option)
        self.moved = self.lab.veth("veth6")
        self.lab.load("veth6")
        run(["ip", "link", "set", "dev", "veth6", "netns", "red"])
        super().begin()

    def end(self):
        self.lab.loader("--dev", "veth6", "--unload")
        super().end()


class StatusDetached(Status):
    def begin(self):
        self.lab.load(self.dev)
        self.lab.loader("--dev", self.dev, "--unload", "--keep-maps")
        self.whole = self.shown(run(self.command).out)


class StatusRenamed(Status):
    """Its pins are below its old name: whose they are is asked of every directory there."""

    def begin(self):
        self.lab.load(self.dev)
        self.veth = rename(self.veth, "veth9")
        self.whole = self.shown(run(self.command).out)


class StatusForeign(Status):
    def begin(self):
        self.lab.foreign_link(self.dev)
        self.whole = self.shown(run(self.command).out)

    def end(self):
        """The lab ends it."""


class ReadOnce(Status):
    program, arguments = STATS, ("--once", "--json")

    def shown(self, text):
        samples = [json.loads(line) for line in text.splitlines()]
        return [{key: value for key, value in sample.items() if key not in ("time", "period")} for sample in samples]


class ReadRenamed(ReadOnce):
    """Its pins are below its old name."""

    def begin(self):
        self.count_some()
        self.veth = rename(self.veth, "veth9")
        self.whole = self.shown(run(self.command).out)


class ReadDelivery(ReadOnce):
    """What became of packets, of a device and of a cpumap."""

    def begin(self):
        delivery.track(self.lab)
        redirect_to_cpu(self.lab)
        send(self.veth, PACKETS, SIZE)
        run([STATS, "--dev", self.dev, "--expect", f"redirect.delivered == {PACKETS}"])
        self.whole = self.shown(run(self.command).out)
        assert self.whole[0]["delivery"]["unknown"] == {}

    def end(self):
        self.lab.loader("--untrack-delivery")
        super().end()


class ReadAll(ReadOnce):
    arguments = (*ReadOnce.arguments, "--all")
    device_option = False


SITUATIONS = {kind.__name__: kind for kind in (
    FirstLoad, FirstLoadTracked, Replacement, Reuse, RenamedDevice, Unload, UnloadRenamed, UnloadMoved, Clean, CleanAll,
    MetaMadeAnew, RunCommand, RunAndKeep, Status, StatusOfAll, StatusTracked, StatusWithNamespaces, StatusDetached,
    StatusRenamed, StatusForeign, ReadOnce, ReadRenamed, ReadDelivery, ReadAll)}


def not_loaded(lab, dev):
    if (pins := [pin for pin in pins_of(dev) if pin != "+staging"]) != PINS or left_in(pin_dir(dev) / "+staging"):
        yield f"pinned are {pins}, staged {left_in(pin_dir(dev) / '+staging')}"
    elif not bpftool("map", "show", "pinned", pin_dir(dev) / "xdp_stats_meta")["frozen"]:
        yield "the meta is not frozen"
    elif (state := lab.once(dev)["state"]) != "attached":
        yield f"the state is {state}"


def not_removed(dev):
    if attached(dev) or left_in(pin_dir(dev)):
        yield f"{attached(dev)} and {left_in(pin_dir(dev))} are left"


def lost(dev, packets):
    if (counted := sum(count for count, _ in lineage_counts(dev).values())) != packets:
        yield f"{counted} packets in all, not {packets}"
