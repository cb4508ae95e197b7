# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Objects as people write them: what they keep, where it is pinned, and what a replacement makes of it.

Every shape goes through the same life: a load, exact traffic, a replacement that goes on with the maps, one that
does not, and the end. What is particular to one shape has a test of its own.
"""

import json
import socket
import struct
from collections import Counter
from pathlib import Path

import pytest

from support.bpftool import bpftool
from support.devices import attached, link_info, mac_bytes
from support.maps import dump_map
from support.pins import BPFFS, pin_dir, pins_of
from support.processes import run, wait_until
from support.programs import STATS, object_file, ways_to_attach
from support.samples import session_of
from support.traffic import ETHERTYPE, Capture

IN_DISPATCHERS_TOO = True  # where the kernel has them
SIZE = 64
VLAN, IPV4 = 0x8100, 0x0800
META = "xdp_stats_meta"
MARK = "xdp_tally_mark"  # in a dispatcher: by which the header tells generations of the program apart


def frame(veth, command, size=SIZE, header=struct.pack("!H", ETHERTYPE)):
    """A frame to veth.name; the byte behind its header tells the shapes' programs what to do."""
    start = mac_bytes(veth.mac) + mac_bytes(veth.peer_mac) + header + bytes([command])
    return start.ljust(size, b"\0")


def transmit(veth, frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((veth.peer, 0))
        for octets in frames:
            assert wire.send(octets) == len(octets)


def update_map(path, key, *value):
    """Key and value as lists of bytes; the value may be `pinned PATH`."""
    run(["bpftool", "map", "update", "pinned", path, "key", *key, "value", *value])


def u32(number):
    return list(struct.pack("=I", number))


def numbers(path, form="=Q"):
    """{key: number} of a map with one number a key, summed over the CPUs."""
    return {key: sum(struct.unpack(form, value)[0] for value in values) for key, values in dump_map(path).items()}


def variables(dev, section):
    """Global variables by name, as the map's own type information tells them."""
    path = pin_dir(dev) / section.replace(".", "%2E")
    (entry,) = bpftool("map", "dump", "pinned", path)
    ((_, items),) = entry["formatted"]["value"].items()
    return {name: value for item in items for name, value in item.items()}


# ---- the shapes


class Shape:
    """An object of tests/e2e/bpf, and what is to be expected of it."""

    file = ""
    program = None
    kept = frozenset()  # maps of its own that a replacement goes on with
    new = frozenset()  # maps of its own that belong to one load
    fits_dispatcher = True
    commands = [(0, "XDP_PASS")]  # a round of frames: what is in it, and the verdict

    def __init__(self, lab, veth, way):
        self.lab, self.veth, self.dev, self.way = lab, veth, veth.name, way
        self.options = ["--attach", way]

    def load(self, *options):
        """Loads; the outcome's maps by name."""
        chosen = ["--progname", self.program] if self.program else []
        outcome = self.lab.load(self.dev, "--filename", object_file(self.file), *chosen, *self.options, *options)
        assert outcome["program"]["name"] == (self.program or "entry")
        assert outcome["attach"] == self.way
        maps = {item["name"]: item for item in outcome["maps"] if item["name"] != MARK}
        assert maps.keys() == self.kept | self.new | {"xdp_stats_map"}
        assert {name.replace(".", "%2E") for name in maps} | {META} <= set(pins_of(self.dev))
        self.loaded()
        return maps

    def loaded(self):
        """What is to be remembered of a load, so that its end is noticed."""

    def pin(self, name):
        return pin_dir(self.dev) / name

    def fill(self):
        """What somebody else does to the maps of a fresh load."""

    def frames(self):
        return [(frame(self.veth, command), verdict, SIZE) for command, verdict in self.commands]

    def round(self):
        """Sends every frame once."""
        transmit(self.veth, [octets for octets, _, _ in self.frames()])

    def check(self, rounds):
        """What the maps must hold after so many rounds."""

    def expect(self, rounds):
        packets, octets = Counter(), Counter()
        for _, verdict, counted in self.frames():
            packets[verdict] += rounds
            octets[verdict] += rounds * counted
        self.lab.wait_for_counts(self.dev, {verdict: (packets[verdict], octets[verdict]) for verdict in packets})
        self.check(rounds)


class TailStatic(Shape):
    file = "shape_tail_static"
    new = {"jumps"}
    fits_dispatcher = False  # the kernel lets no program that extends another one do tail calls
    commands = [(0, "XDP_PASS"), (1, "XDP_ABORTED"), (2, "XDP_DROP"), (2, "XDP_DROP")]

    def loaded(self):
        self.lab.program_ids.update(numbers(self.pin("jumps"), "=I").values())

    def check(self, rounds):
        assert numbers(self.pin("jumps"), "=I").keys() == {0, 2}


class TailRuntime(Shape):
    file = "shape_tail_runtime"
    kept = {"jumps"}
    fits_dispatcher = False
    commands = [(0, "XDP_PASS"), (3, "XDP_DROP"), (3, "XDP_DROP")]

    def fill(self):
        target = BPFFS / "foreign_target"
        run(["bpftool", "prog", "load", object_file("shape_tail_target"), target, "type", "xdp", "map", "name",
             "xdp_stats_map", "pinned", self.pin("xdp_stats_map")])
        try:
            update_map(self.pin("jumps"), u32(3), "pinned", target)
            self.target = self.lab.program_at(target)["id"]
        finally:
            target.unlink()
        self.lab.program_ids.add(self.target)

    def check(self, rounds):
        assert numbers(self.pin("jumps"), "=I") == {3: self.target}


class Globals(Shape):
    file = "shape_globals"
    kept = {"by_command", ".data", ".bss"}
    new = {".rodata"}
    commands = [(command, "XDP_DROP" if command > 1 else "XDP_PASS") for command in range(4)]

    def fill(self):
        assert variables(self.dev, ".data") == {"limit": 2}
        update_map(self.pin("%2Edata"), u32(0), *u32(1))

    def check(self, rounds):
        assert variables(self.dev, ".data") == {"limit": 1}
        assert variables(self.dev, ".bss") == {"seen": 4 * rounds, "over": 2 * rounds}
        assert numbers(self.pin("by_command")) == dict.fromkeys(range(4), rounds)


class Adjusted(Shape):
    """A frame that leaves the program changed is counted as it leaves."""

    file = "shape_adjust"
    # libxdp's dispatcher is a program that does not change frames, and newer kernels let no program that does
    # take the place of one of its functions.
    fits_dispatcher = False

    def changed(self):
        """The frames as the stack gets them."""
        raise NotImplementedError

    def round(self):
        with Capture(self.dev) as capture:
            super().round()
            wanted = self.changed()
            assert capture.frames(len(wanted)) == wanted
            assert capture.nothing_more()


class PopVlan(Adjusted):
    program = "pop_vlan"
    tag = struct.pack("!HHH", VLAN, 42, ETHERTYPE)

    def frames(self):
        tagged = [(frame(self.veth, command, 68, self.tag), "XDP_PASS", 64) for command in (1, 2)]
        return [*tagged, (frame(self.veth, 3, 70), "XDP_PASS", 70)]

    def changed(self):
        return [frame(self.veth, 1, 64), frame(self.veth, 2, 64), frame(self.veth, 3, 70)]


class Trim(Adjusted):
    program = "trim"

    def frames(self):
        # The kernel leaves no frame shorter than an Ethernet header.
        return [(frame(self.veth, 1, 80), "XDP_PASS", 64), (frame(self.veth, 2, 29), "XDP_ABORTED", 29)]

    def changed(self):
        return [frame(self.veth, 1, 64)]


class Meta(Adjusted):
    """Metadata stands in front of the frame and does not count as part of it."""

    file = "shape_meta"
    program = None
    new = {"next"}
    commands = [(0, "XDP_PASS"), (1, "XDP_DROP"), (2, "XDP_DROP"), (0, "XDP_PASS")]

    def loaded(self):
        self.lab.program_ids.update(numbers(self.pin("next"), "=I").values())

    def changed(self):
        return [frame(self.veth, 0), frame(self.veth, 0)]


class Redirected(Shape):
    """The frames for which the map has an entry arrive somewhere else."""

    def arrives_at(self):
        raise NotImplementedError

    def round(self):
        with Capture(self.arrives_at()) as capture:
            super().round()
            wanted = [octets for octets, verdict, _ in self.frames() if verdict == "XDP_REDIRECT"]
            assert capture.frames(len(wanted)) == wanted
            assert capture.nothing_more()


class DevMap(Redirected):
    file = "shape_devmap"
    kept = {"targets"}
    commands = [(0, "XDP_PASS"), (1, "XDP_REDIRECT"), (1, "XDP_REDIRECT")]

    def __init__(self, *args):
        super().__init__(*args)
        self.other = self.lab.veth("veth1")
        self.lab.let_redirects_arrive(self.other)

    def fill(self):
        update_map(self.pin("targets"), u32(1), *u32(link_info(self.other.name)["ifindex"]))

    def arrives_at(self):
        return self.other.peer


class CpuMap(Redirected):
    file = "shape_cpumap"
    kept = {"cpus"}
    commands = [(0, "XDP_REDIRECT"), (3, "XDP_DROP"), (0, "XDP_REDIRECT")]

    def fill(self):
        update_map(self.pin("cpus"), u32(0), *u32(64), *u32(0))

    def arrives_at(self):
        return self.dev


class Pinned(Shape):
    file = "shape_pinned"
    kept = {"sessions"}
    commands = [(5, "XDP_PASS"), (6, "XDP_PASS"), (6, "XDP_PASS")]

    def check(self, rounds):
        assert numbers(self.pin("sessions")) == {5: rounds, 6: 2 * rounds}
        assert not (BPFFS / "sessions").exists()


class Containers(Shape):
    file = "shape_containers"
    kept = {"events", "recent", "per_cpu", "inner_even", "inner_odd", ".bss"}
    new = {"outer"}
    commands = [(2, "XDP_PASS"), (5, "XDP_PASS"), (5, "XDP_PASS")]

    def check(self, rounds):
        counts = {2: rounds, 5: 2 * rounds}
        assert numbers(self.pin("recent")) == counts
        assert numbers(self.pin("per_cpu")) == counts
        assert numbers(self.pin("inner_even")) == {0: rounds}
        assert numbers(self.pin("inner_odd")) == {0: 2 * rounds}
        record = 16  # a header of 8 bytes, and 4 bytes rounded up to 8
        assert variables(self.dev, ".bss") == {"unread": 3 * rounds * record}


class Blocklist(Shape):
    """10.0.0.0 and on, every other network of 256 addresses; one address in each of the first 100 may pass."""

    file = "shape_blocklist"
    kept = {"blocklist"}
    ENTRIES = 10_000
    EXCEPTIONS = 100
    NETWORKS = ENTRIES - EXCEPTIONS
    FIRST = 10 << 24
    DROP, PASS = 1, 2

    def entries(self):
        """{(length, address): verdict}"""
        networks = {(24, self.FIRST + (number << 9)): self.DROP for number in range(self.NETWORKS)}
        exceptions = {(32, self.FIRST + (number << 9) + 7): self.PASS for number in range(self.EXCEPTIONS)}
        return {**networks, **exceptions}

    def fill(self):
        def line(length, address, verdict):
            key = struct.pack("=I", length) + struct.pack("!I", address)
            return " ".join(map(str, ["map update pinned", self.pin("blocklist"), "key", *key, "value",
                                      *u32(verdict)]))

        batch = Path("/run/blocklist")
        batch.write_text("\n".join(line(*key, verdict) for key, verdict in self.entries().items()) + "\n")
        run(["bpftool", "batch", "file", batch])
        batch.unlink()

    def frames(self):
        last = self.FIRST + (self.NETWORKS - 1 << 9)
        sources = [
            (self.FIRST, "XDP_DROP"),
            (self.FIRST + 255, "XDP_DROP"),
            (self.FIRST + 7, "XDP_PASS"),  # the exception
            (self.FIRST + 256, "XDP_PASS"),  # between two networks
            (last + 9, "XDP_DROP"),
            (last + 512, "XDP_PASS"),  # behind the last one
        ]
        return [(self.packet(source), verdict, SIZE) for source, verdict in sources]

    def packet(self, source):
        header = struct.pack("!BBHHHBBHII", 0x45, 0, SIZE - 14, 0, 0, 64, 17, 0, source, self.FIRST)
        return frame(self.veth, 0, 14, struct.pack("!H", IPV4))[:14] + header.ljust(SIZE - 14, b"\0")

    def check(self, rounds):
        if rounds < 2:
            return  # the verdicts tell enough of what has just been filled in
        held = {}
        for key, (value,) in dump_map(self.pin("blocklist")).items():
            length, address = struct.unpack("=I4s", key.to_bytes(8, "little"))
            held[length, int.from_bytes(address, "big")] = struct.unpack("=I", value)[0]
        assert held == self.entries()


SHAPES = [TailStatic, TailRuntime, Globals, PopVlan, Trim, Meta, DevMap, CpuMap, Pinned, Containers,
          Blocklist]


def lives(*shapes):
    """A test's shapes, each attached in every way that it fits."""
    return pytest.mark.parametrize("shape", [
        pytest.param((shape, way), id=f"{shape.__name__}-{way}")
        for shape in shapes for way in ways_to_attach() if way != "dispatcher" or shape.fits_dispatcher
    ], indirect=True)


@pytest.fixture
def shape(request, lab, veth0):
    kind, way = request.param
    return kind(lab, veth0, way)


@lives(*SHAPES)
def test_life_of(lab, shape):
    maps = shape.load()
    assert not any(item["reused"] for item in maps.values())
    shape.fill()
    shape.round()
    shape.expect(rounds=1)

    (status,) = lab.loader_json("--dev", shape.dev, "--status")
    assert status["state"] == "attached"
    assert {item["name"]: item["id"] for item in status["maps"] if item["name"] not in (META, MARK)} == {
        name: item["id"] for name, item in maps.items()}

    replaced = shape.load("--reuse-maps")
    assert {name for name, item in replaced.items() if item["reused"]} == shape.kept | {"xdp_stats_map"}
    assert {name for name in maps if replaced[name]["id"] == maps[name]["id"]} == shape.kept | {"xdp_stats_map"}
    shape.round()
    shape.expect(rounds=2)

    fresh = shape.load()
    assert not {item["id"] for item in fresh.values()} & {item["id"] for item in replaced.values()}
    shape.fill()
    shape.round()
    shape.expect(rounds=1)

    lab.loader("--dev", shape.dev, "--unload")
    assert attached(shape.dev) is None and not pin_dir(shape.dev).exists()


# ---- program arrays


@lives(TailStatic)
def test_trying_another_version_leaves_the_running_one_its_targets(lab, shape):
    shape.load()
    lab.loader("--dev", shape.dev, "--filename", object_file("shape_tail_changed"), *shape.options, "--reuse-maps",
               "--dry-run")
    shape.round()
    shape.expect(rounds=1)


@lives(TailStatic)
def test_another_version_brings_its_own_targets(lab, shape):
    shape.load()
    shape.file = "shape_tail_changed"
    shape.load("--reuse-maps")
    shape.commands = [(0, "XDP_TX"), (1, "XDP_ABORTED"), (2, "XDP_DROP")]
    shape.round()
    shape.expect(rounds=1)


@lives(TailStatic)
def test_no_frame_misses_its_target_while_programs_are_replaced(lab, shape):
    shape.load()
    reader = lab.reading("--dev", shape.dev)
    traffic = lab.traffic(shape.veth, SIZE, pause_us=100)  # zeros behind the header: the first target
    for options in (["--reuse-maps"], [], ["--reuse-maps"], []):
        shape.load(*options)
    sent = traffic.finish()
    assert session_of(reader.wait_for_session(sent)) == {"XDP_PASS": (sent, sent * SIZE)}


# ---- global data


@lives(Globals)
def test_constants_are_the_programs_and_variables_go_on(lab, shape):
    shape.load()
    shape.fill()
    shape.round()
    shape.expect(rounds=1)
    shape.file = "shape_globals_changed"
    shape.load("--reuse-maps")
    shape.round()
    lab.wait_for_counts(shape.dev, {"XDP_PASS": (4, 4 * SIZE), "XDP_DROP": (2, 2 * SIZE), "XDP_TX": (2, 2 * SIZE)})
    shape.check(rounds=2)


@lives(Globals)
def test_variables_of_other_names_are_not_gone_on_with(lab, shape):
    shape.load()
    shape.fill()
    world = lab.world()
    result = lab.loader("--dev", shape.dev, "--filename", object_file("shape_globals_renamed"), *shape.options,
                        "--reuse-maps", status=5)
    for name in (".bss", "seen", "over", "frames", "dropped"):
        assert name in result.err, result.err
    assert lab.world() == world
    shape.round()
    shape.expect(rounds=1)


# ---- several programs in one object


class Many(Shape):
    file = "shape_many"


@lives(Many)
def test_one_program_of_several(lab, shape):
    """The others are not even loaded: one of them the kernel would refuse."""
    document = json.loads(lab.loader("--list-programs", "--filename", object_file("shape_many"), "--json").out)
    assert sorted(document["programs"]) == ["drop_all", "out_of_bounds", "pass_all"]
    shape.program = "pass_all"
    shape.load()
    shape.round()
    shape.program = "drop_all"
    shape.load("--reuse-maps")
    shape.round()
    lab.wait_for_counts(shape.dev, {"XDP_PASS": (1, SIZE), "XDP_DROP": (1, SIZE)})
    world = lab.world()
    result = lab.loader("--dev", shape.dev, "--filename", object_file("shape_many"), "--progname", "out_of_bounds",
                        *shape.options, "--reuse-maps", status=1)
    assert "out_of_bounds" in result.err and "verifier" in result.err
    assert lab.world() == world
    shape.round()
    lab.wait_for_counts(shape.dev, {"XDP_PASS": (1, SIZE), "XDP_DROP": (2, 2 * SIZE)})


# ---- without type information


def seen(dev):
    """The one variable in .bss."""
    ((value,),) = dump_map(pin_dir(dev) / "%2Ebss").values()
    return int.from_bytes(value, "little")


def test_without_btf_an_object_runs_and_keeps_its_variables(lab, veth0):
    """But it counts nothing, which every program says."""
    load = ("--filename", object_file("shape_no_btf"))
    outcome = lab.load("veth0", *load)
    assert any("xdp_stats_map" in note for note in outcome["notes"])
    for rounds, options in ((1, ["--reuse-maps"]), (2, ["--reuse-maps"]), (3, [])):
        transmit(veth0, [frame(veth0, 0)])
        wait_until(lambda: seen("veth0") == rounds, lambda: f"{seen('veth0')} instead of {rounds}")
        outcome = lab.load("veth0", *load, *options)
        assert {item["name"]: item["reused"] for item in outcome["maps"]} == {
            ".bss": bool(options), ".rodata": False}
    assert seen("veth0") == 0
    (status,) = lab.loader_json("--dev", "veth0", "--status")
    assert status["state"] == "attached"
    assert sorted(item["name"] for item in status["maps"]) == [".bss", ".rodata"]
    assert "xdp_stats_map" in run([STATS, "--dev", "veth0", "--once"], status=4).err


@pytest.mark.parametrize("name, hint", [("shape_no_btf_maps", "-g"), ("shape_legacy_maps", ".maps")])
def test_maps_that_libbpf_does_not_take(lab, veth0, name, hint):
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--filename", object_file(name), status=1)
    assert "damaged" not in result.err
    assert hint in result.err.partition("hint: ")[2]
    assert lab.world() == world
