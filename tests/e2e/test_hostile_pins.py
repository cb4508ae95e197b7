# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""A pin directory that somebody prepared: nothing that is somebody else's is removed or overwritten by any run.

A run that fails ends with a status from the table and says why in its first line; nothing is attached or pinned by it.
"""

import json
import os
import re
import tempfile
from pathlib import Path

import pytest

from support import delivery
from support.background import Repeated
from support.bpftool import bpftool
from support.devices import attached, rename
from support.maps import dump_map
from support.pins import BPFFS, pin_dir, pins_of
from support.processes import NOBODY, run
from support.programs import CONFLICT, LOADER, STATS, TOP, object_file
from support.raw_bpf import open_pin, pin
from support.refusals import run_any
from support.samples import counts_of
from support.traffic import send

LOADS = ((), ("--reuse-maps",), ("--force",), ("--reuse-maps", "--new-map", "xdp_stats_map"), ("--dry-run",),
         ("--action", "drop", "--force"))
REMOVALS = (("--unload",), ("--unload", "--keep-maps"), ("--clean",), ("--unload", "--dry-run"))
VIEWS = (("--status",), ("--status", "--json"))


class RawMeta:
    """The meta's octets, laid out as the public header says."""

    SIZES = {"__u32": 4, "__u64": 8, "char": 1, "struct xdp_tally_counter": 16,
             "struct xdp_tally_delivery_base": delivery.BASE_SIZE}

    def __init__(self, value):
        header = (TOP / "include/xdp_tally/abi.h").read_text()
        constants = {name: int(number.rstrip("U"), 0)
                     for name, number in re.findall(r"#define (XDP_TALLY_\w+) (\w+)", header)
                     if re.fullmatch(r"\d+U?|0x[0-9a-f]+U?", number)}
        body = re.search(r"struct xdp_tally_meta \{(.*?)\n\};", header, re.DOTALL).group(1)
        body = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
        self.fields, at = {}, 0
        kinds = "|".join(self.SIZES)
        for kind, name, length in re.findall(rf"^\s*({kinds})\s+(\w+)(?:\[(\w+)\])?;", body, re.MULTILINE):
            size = self.SIZES[kind] * (constants.get(length) or int(length) if length else 1)
            self.fields[name] = (at, size)
            at += size
        self.value = bytearray(value)
        assert at == len(self.value)

    def set(self, name, content):
        at, size = self.fields[name]
        if isinstance(content, int):
            content = content.to_bytes(size, "little")
        assert len(content) <= size
        self.value[at:at + len(content)] = content
        return self

    def get(self, name):
        at, size = self.fields[name]
        return int.from_bytes(self.value[at:at + size], "little")


def raw_meta(dev):
    return RawMeta(*dump_map(pin_dir(dev) / "xdp_stats_meta")[0])


def make_map(path, kind="hash", key=4, value=4, entries=1, content=None):
    """Pins somebody's map: its id."""
    run(["bpftool", "map", "create", path, "type", kind, "key", key, "value", value, "entries", entries,
         "name", "theirs"])
    if content is not None:
        run(["bpftool", "map", "update", "pinned", path, "key", "0", "0", "0", "0", "value",
             *(str(octet) for octet in content)])
    return bpftool("map", "show", "pinned", path)["id"]


def make_meta(path, meta):
    return make_map(path, "array", value=len(meta.value), content=meta.value)


def theirs(below=BPFFS):
    """Everything that is there, without following links: it has to stay."""
    found = {}
    for directory, directories, files in os.walk(below):
        for name in directories + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            found[path] = (status.st_mode, status.st_uid, status.st_ino,
                           os.readlink(path) if os.path.islink(path) else None)
    return found


class Siege:
    """Runs commands against a prepared directory and checks after each that nothing of it was touched."""

    def __init__(self, dev="veth0"):
        self.dev = dev
        self.before = theirs()
        self.program = attached(dev)

    def run(self, arguments, statuses):
        status, done = run_any(LOADER, "--dev", self.dev, *arguments)
        shown = f"{arguments}: status {status}\n{done.stdout}{done.stderr}"
        assert status in statuses, shown
        after = theirs()
        assert {path: after.get(path) for path in self.before} == self.before, shown
        if status:
            assert after == self.before and attached(self.dev) == self.program, shown
        return done

    def look(self):
        """Looking always works, and changes nothing."""
        for arguments in VIEWS:
            self.run(arguments, (0,))
        status, done = run_any(LOADER, "--status")
        assert status == 0, done
        assert theirs() == self.before

    def read(self, statuses):
        outs = []
        for source in (["--dev", self.dev], ["--map", pin_dir(self.dev) / "xdp_stats_map"]):
            status, done = run_any(STATS, *source, "--once", "--json", program="xdp_stats")
            assert status in statuses, done
            outs.append(done.stdout)
        assert theirs() == self.before
        return outs

    def refuses(self, status=5, removals=(5,)):
        for arguments in LOADS:
            self.run(arguments, (status,))
        for arguments in REMOVALS:
            self.run(arguments, removals)


@pytest.fixture
def clear(lab):
    """Takes down what the tests prepare below the root, whatever it is."""
    yield
    for directory, directories, files in os.walk(BPFFS, topdown=False):
        for name in files:
            if not name.endswith(".debug"):
                os.unlink(os.path.join(directory, name))
        for name in directories:
            path = os.path.join(directory, name)
            os.unlink(path) if os.path.islink(path) else os.rmdir(path)


@pytest.fixture
def elsewhere(clear):
    """Somebody's own directory with a map that counts as ours do."""
    directory = BPFFS / "elsewhere"
    directory.mkdir()
    make_map(directory / "xdp_stats_map", "percpu_array", value=16, entries=5)
    make_map(directory / "own")
    return directory


@pytest.mark.parametrize("target", ["elsewhere", "/etc", "nowhere", "veth0", "/"])
def test_the_directory_is_a_symbolic_link(veth0, elsewhere, target):
    pin_dir("veth0").symlink_to(target)
    siege = Siege()
    siege.refuses()
    siege.look()
    siege.read((0,) if target == "elsewhere" else (1, 4))


def test_the_directory_is_a_map(veth0, clear):
    make_map(pin_dir("veth0"))
    siege = Siege()
    siege.refuses()
    siege.look()
    siege.read((1, 4))


@pytest.mark.parametrize("uid, mode", [(NOBODY, 0o755), (0, 0o775), (0, 0o757), (0, 0o1777), (NOBODY, 0o777)])
def test_others_may_write_to_the_directory(veth0, elsewhere, uid, mode):
    """They could have put anything there, and could change it under our hands."""
    directory = pin_dir("veth0")
    directory.mkdir()
    make_map(directory / "xdp_stats_map", "percpu_array", value=16, entries=5)
    directory.chmod(mode)
    os.chown(directory, uid, uid)
    siege = Siege()
    siege.refuses()
    siege.look()
    siege.read((0,) if uid == 0 else (0, CONFLICT))  # by --map, and not by --dev


@pytest.mark.parametrize("target", ["elsewhere", "/etc", "nowhere"])
def test_the_staging_area_is_a_symbolic_link(veth0, elsewhere, target):
    pin_dir("veth0").mkdir()
    (pin_dir("veth0") / "+staging").symlink_to(f"../{target}" if target != "/etc" else target)
    siege = Siege()
    siege.refuses()
    siege.look()
    siege.read((4,))


def test_the_staging_area_is_a_map(veth0, clear):
    pin_dir("veth0").mkdir()
    make_map(pin_dir("veth0") / "+staging")
    siege = Siege()
    siege.refuses()
    siege.look()


@pytest.mark.parametrize("uid, mode", [(NOBODY, 0o700), (0, 0o777), (0, 0o1770)])
def test_others_may_write_to_the_staging_area(lab, veth0, clear, uid, mode):
    """What waits there would be published as ours."""
    lab.load("veth0")
    staging = pin_dir("veth0") / "+staging"
    staging.mkdir()
    make_map(staging / "xdp_stats_map", "percpu_array", value=16, entries=5)
    make_meta(staging / "xdp_stats_meta", raw_meta("veth0"))
    staging.chmod(mode)
    os.chown(staging, uid, uid)
    siege = Siege()
    siege.refuses()
    siege.look()
    siege.read((0,))


def test_somebody_holds_the_staging_area(lab, veth0, clear):
    """With a lock on it, too, that is no reason to wait for ever."""
    staging = pin_dir("veth0") / "+staging"
    staging.mkdir(parents=True)
    os.chown(staging, NOBODY, NOBODY)
    # Not a shell with a child: which of the two ends the other differs from shell to shell.
    hold = ("import signal; ends = {signal.SIGINT, signal.SIGTERM}; signal.pthread_sigmask(signal.SIG_BLOCK, ends); "
            "print('locked', flush=True); signal.sigwait(ends)")
    holder = lab.process("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "flock", "--no-fork",
                         staging, "/usr/bin/python3", "-c", hold)
    holder.wait_for_line("locked")
    siege = Siege()
    siege.refuses()
    siege.look()


def test_maps_left_in_the_staging_area(lab, veth0, clear):
    """The name is reserved, so what is there is an interrupted run's: it is discarded, and what is published stays."""
    lab.load("veth0")
    send(veth0, 5, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    published = {name: (pin_dir("veth0") / name).stat().st_ino for name in pins_of("veth0")}
    staging = pin_dir("veth0") / "+staging"
    staging.mkdir(mode=0o700)
    make_map(staging / "xdp_stats_map", "percpu_array", value=16, entries=5)
    make_map(staging / "anything")
    (staging / "dangling").symlink_to("/nowhere")
    outcome = lab.load("veth0", "--reuse-maps", "--action", "drop")
    assert any("discarded" in note for note in outcome["notes"])
    after = {name: (pin_dir("veth0") / name).stat().st_ino for name in pins_of("veth0")}
    assert after["xdp_stats_map"] == published["xdp_stats_map"]
    send(veth0, 2, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500), "XDP_DROP": (2, 200)})
    assert attached("veth0") == ("native", outcome["program"]["id"])


def test_a_directory_in_the_staging_area(lab, veth0, clear):
    """It cannot be discarded: said, and nothing is changed."""
    lab.load("veth0")
    staging = pin_dir("veth0") / "+staging"
    staging.mkdir(mode=0o700)
    (staging / "deeper").mkdir()
    siege = Siege()
    siege.refuses(1, (1,))
    siege.look()
    siege.read((0,))


def test_other_maps_under_all_our_names(veth0, clear):
    pin_dir("veth0").mkdir()
    for name in ("xdp_stats_map", "xdp_stats_meta", "xdp_link"):
        make_map(pin_dir("veth0") / name)
    siege = Siege()
    siege.refuses(5, (0, 4))
    siege.look()
    siege.read((5,))


@pytest.mark.parametrize("name", ["xdp_stats_map", "xdp_stats_meta", "xdp_link"])
def test_a_program_under_one_of_our_names(lab, veth0, clear, name):
    pin_dir("veth0").mkdir()
    run(["bpftool", "prog", "load", object_file("no_counter"), pin_dir("veth0") / name, "type", "xdp"])
    siege = Siege()
    siege.refuses(5, (0, 4))
    siege.look()
    siege.read((5,) if name == "xdp_stats_map" else (4,))


@pytest.mark.parametrize("where", ["veth0", "veth1"])
def test_the_link_is_somebody_elses(lab, veth0, clear, where):
    """No meta says that it is ours: it is neither used nor ended, whatever it is attached to."""
    lab.veth("veth1")
    program, path = lab.foreign_link(where)
    pin_dir("veth0").mkdir()
    link = open_pin(path)
    pin(link, pin_dir("veth0") / "xdp_link")
    os.close(link)
    siege = Siege()
    siege.refuses(5, (0, 4, 5))
    siege.look()
    siege.read((4,))
    assert attached(where) == ("native", program["id"])


def foreign_link_pin(lab, path):
    lab.veth("veth1")
    link = open_pin(lab.foreign_link("veth1")[1])
    pin(link, path)
    os.close(link)


def filled_directory(_, path):
    """As of `bpftool prog loadall`, or the globals of tc beside an interface of that name."""
    path.mkdir()
    make_map(path / "own")


BESIDE = {
    "directory": lambda _, path: path.mkdir(),
    "filled_directory": filled_directory,
    "link_to_a_directory": lambda _, path: path.symlink_to("/etc"),
    "link_to_a_file": lambda _, path: path.symlink_to("/etc/passwd"),
    "link_to_nothing": lambda _, path: path.symlink_to("nowhere"),
    "link_to_our_map": lambda _, path: path.symlink_to("xdp_stats_map"),
    "map": lambda _, path: make_map(path),
    "program": lambda _, path: run(["bpftool", "prog", "load", object_file("no_counter"), path, "type", "xdp"]),
    "link_pin": foreign_link_pin,
}


@pytest.mark.parametrize("kind, name", [*((kind, "other") for kind in BESIDE),
                                        ("directory", "component_link:7:x"), ("link_to_our_map", "component_link:7:x")])
def test_something_else_beside_our_pins(lab, veth0, clear, kind, name):
    """It stays, keeps no command from its work, and is told of, whatever it is and is called."""
    lab.load("veth0")
    path = pin_dir("veth0") / name
    BESIDE[kind](lab, path)

    def below():
        return {each: status for each, status in theirs().items() if each.startswith(str(path))}

    before = below()
    left = f"not pinned by xdp_loader, left in {pin_dir('veth0')}: {name}"
    replace = ("--filename", object_file("own"))
    for arguments in (replace, (), (*replace, "--reuse-maps"), ("--action", "drop", "--reuse-maps")):
        lab.load("veth0", *arguments)
        assert below() == before, arguments
    assert any(left in note for note in lab.status("veth0")["notes"])
    for arguments in (("--unload",), ("--clean",)):
        lab.load("veth0")
        if arguments == ("--clean",):
            lab.loader("--dev", "veth0", "--unload", "--keep-maps")
        (outcome,) = lab.loader_json("--dev", "veth0", *arguments)
        assert any(left in note for note in outcome["notes"]), outcome
        assert attached("veth0") is None and pins_of("veth0") == [name] and below() == before, arguments


def test_thousands_of_pins(lab, veth0, clear):
    """They are looked at, and left alone; so are as many directories beside ours."""
    directory = pin_dir("veth0")
    directory.mkdir()
    make_map(directory / "theirs0")
    fd = open_pin(directory / "theirs0")
    for i in range(1, 5000):
        pin(fd, directory / f"theirs{i}")
    for i in range(5000):
        (BPFFS / f"dir{i}").mkdir()
    os.close(fd)
    siege = Siege()
    siege.look()
    siege.run((), (0,))
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})
    siege.run(("--action", "drop"), (0,))
    siege.run(("--unload",), (0,))
    assert theirs() == siege.before
    siege.run(("--clean",), (0,))


GARBAGE = {
    "zeros": lambda meta: bytes(len(meta.value)),
    "ones": lambda meta: b"\xff" * len(meta.value),
    "map_count": lambda meta: meta.set("map_count", 0xffffffff).value,
    "map_count_by_one": lambda meta: meta.set("map_count", 257).value,
    "version": lambda meta: meta.set("abi_version", 0).value,
    "shorter": lambda meta: meta.value[:-4],
    "huge": lambda meta: bytes(meta.value) + bytes(1 << 20),
}


@pytest.mark.parametrize("damage", GARBAGE)
def test_a_meta_that_is_none(lab, veth0, clear, damage):
    """Our link and our maps are there, but nothing says so any more: left alone, and read as a foreign map's."""
    lab.load("veth0")
    send(veth0, 5, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    path = pin_dir("veth0") / "xdp_stats_meta"
    content = GARBAGE[damage](raw_meta("veth0"))
    path.unlink()
    if len(content) < 1 << 16:
        make_map(path, "array", value=len(content), content=content)
    else:
        make_map(path, "array", value=len(content))
    siege = Siege()
    for arguments in LOADS:
        siege.run(arguments, (5,))
    siege.look()
    for out in siege.read((0,)):
        sample = json.loads(out)
        assert sample["state"] == "foreign" and counts_of(sample) == {"XDP_PASS": (5, 500)}


def test_a_meta_with_endless_names(lab, veth0, clear):
    """Every byte of both names is used, and none of them is a letter."""
    lab.load("veth0")
    path = pin_dir("veth0") / "xdp_stats_meta"
    meta = raw_meta("veth0").set("interface", b"\x1b[2J" * 4).set("program", b"\x1b[2J" * 16)
    path.unlink()
    make_meta(path, meta)
    siege = Siege()
    siege.look()
    siege.read((0,))
    run_any(STATS, "--dev", "veth0", "--once", program="xdp_stats")
    siege.program = None
    status, _ = run_any(LOADER, "--dev", "veth0", "--unload")
    assert status == 0 and attached("veth0") is None


def test_pins_change_under_our_hands(lab, veth0, clear):
    """Somebody renames, removes and makes pins all the time: loads and reads still end as they should."""
    directory = pin_dir("veth0")
    lab.load("veth0")
    make_map(BPFFS / "theirs")
    fd = open_pin(BPFFS / "theirs")

    def meddle():
        for action in (lambda: pin(fd, directory / "other"),
                       lambda: os.rename(directory / "other", directory / "moved"),
                       lambda: os.unlink(directory / "moved")):
            try:
                action()
            except OSError:
                pass

    with Repeated(meddle):
        for i in range(20):
            status, done = run_any(LOADER, "--dev", "veth0", *LOADS[i % 2])
            assert status in (0, 1, 4, 5), done
            status, done = run_any(LOADER, "--dev", "veth0", "--status")
            assert status == 0, done
            status, done = run_any(STATS, "--dev", "veth0", "--once", program="xdp_stats")
            assert status == 0, done
    os.close(fd)
    lab.load("veth0")
    send(veth0, 5, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})


# ---- a bpffs that everybody may write to


@pytest.fixture(name="open_bpffs")
def writable_for_all(lab):
    """A plain `mount -t bpf`: mode 1777."""
    root = Path(tempfile.mkdtemp(dir="/run"))
    lab.cleanups.append(root.rmdir)
    run(["mount", "-t", "bpf", "-o", "mode=1777", "bpf", root])
    lab.cleanups.append(lambda: run(["umount", root]))
    return root


def plant(lab, directory):
    """What an ordinary user can do there: a directory of his own with pins of maps that he may read."""
    directory.mkdir()
    lab.foreign_map(directory / "xdp_stats_map", "percpu_array", 4, 16, 5)
    for path in (directory / "xdp_stats_map", directory):
        os.chown(path, NOBODY, NOBODY)


def test_false_counters_of_a_device_without_pins(lab, veth0, open_bpffs):
    plant(lab, open_bpffs / "veth0")
    refused = run([STATS, "--bpffs", open_bpffs, "--dev", "veth0", "--once"], CONFLICT)
    assert f"{open_bpffs}/veth0 belongs to user {NOBODY}" in refused.err
    # What the hint says: whoever names the pin gets it.
    assert json.loads(run([STATS, "--map", open_bpffs / "veth0/xdp_stats_map", "--once", "--json"]).out)


def test_false_directories_among_ours(lab, veth0, open_bpffs):
    """Thousands of them: one notice, and our own maps are read."""
    lab.load("veth0", "--bpffs", open_bpffs)
    send(veth0, 3, 100)
    plant(lab, open_bpffs / "eth7")
    (open_bpffs / "netns:blue").mkdir()
    plant(lab, open_bpffs / "netns:blue" / "eth7")
    for number in range(1100):
        directory = open_bpffs / f"eth{number + 100}"
        directory.mkdir()
        os.chown(directory, NOBODY, NOBODY)
    result = run([STATS, "--bpffs", open_bpffs, "--all", "--once", "--json"])
    (sample,) = [json.loads(line) for line in result.out.splitlines()]
    assert sample["dev"] == "veth0" and counts_of(sample) == {"XDP_PASS": (3, 300)}
    (notice,) = result.err.splitlines()
    assert "belongs to another user" in notice
    lab.loader("--bpffs", open_bpffs, "--dev", "veth0", "--unload")


def test_a_copied_meta_is_no_place_of_a_renamed_device(lab, veth0, open_bpffs):
    """Its pins are looked for by what they say: those of another user, who may copy it, are not asked."""
    lab.load("veth0", "--bpffs", open_bpffs)
    send(veth0, 3, 100)
    # Named so that it is looked at before and after ours.
    for name in ("aaa0", "zzz0"):
        plant(lab, open_bpffs / name)
        make_meta(open_bpffs / name / "xdp_stats_meta",
                  RawMeta(*dump_map(open_bpffs / "veth0/xdp_stats_meta")[0]))
        os.chown(open_bpffs / name / "xdp_stats_meta", NOBODY, NOBODY)
    renamed = rename(veth0, "moved0")
    sample = json.loads(run([STATS, "--bpffs", open_bpffs, "--dev", "moved0", "--once", "--json"]).out)
    assert counts_of(sample) == {"XDP_PASS": (3, 300)}
    (status,) = json.loads(lab.loader("--bpffs", open_bpffs, "--dev", "moved0", "--status", "--json").out)["devices"]
    assert status["pin_dir"] == str(open_bpffs / "veth0"), status
    lab.loader("--bpffs", open_bpffs, "--dev", renamed.name, "--unload")
    assert not (open_bpffs / "veth0").exists() and (open_bpffs / "aaa0").exists()
