# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Exactly which privileges it takes, and what nobody gets: modes of pins whatever the umask, paths below the root.

What an ordinary user can and cannot do beside that is in test_permissions.py.
"""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from support import kernel, raw_bpf
from support.background import Repeated
from support.devices import attached
from support.maps import dump_counts
from support.pins import BPFFS, pin_dir
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import (CONFLICT, FAILED, LOADER, NOT_FOUND, PERMISSION, STATS, USAGE, copy_for_everyone,
                              object_file)
from support.samples import counts_of
from support.traffic import SIZE, send

SOMEBODY = NOBODY - 1  # a user without anything
# CAP_PERFMON only where the verifier asks for it: a program that subtracts packet pointers to count bytes, as the
# built-in ones do. (Seen on kernel 6.18; since 5.8, where CAP_BPF and CAP_PERFMON came.)
ALL = ("bpf", "net_admin", "perfmon")
NEW_COUNTERS = ["--reuse-maps", "--new-map", "xdp_stats_map"]
LOADS = ([], ["--reuse-maps"], NEW_COUNTERS, ["--action", "drop"])


def without(missing):
    return as_user(NOBODY, *(name for name in ALL if name != missing))


@pytest.fixture(name="root", params=["own-directory", "own-bpffs", "bpffs-for-all"])
def users_root(request, tmp_path):
    """Where the user may pin: a directory that root gave away, a bpffs mounted for the user, and a plain one (1777)."""
    if request.param == "own-directory":
        root = BPFFS / "mine"
        root.mkdir()
        os.chown(root, NOBODY, NOBODY)
        yield root
        root.rmdir()
        return
    options = f"uid={NOBODY},gid={NOBODY},mode=0755" if request.param == "own-bpffs" else "mode=1777"
    root = Path("/run/users-bpf")
    root.mkdir()
    run(["mount", "-t", "bpf", "-o", options, "bpf", root])
    try:
        if request.param == "own-bpffs" and root.stat().st_uid != NOBODY:
            os.chown(root, NOBODY, NOBODY)  # kernels before 6.7 take no uid=
        yield root
        assert [path.name for path in root.iterdir() if not path.name.endswith(".debug")] == []
    finally:
        run(["umount", root])
        root.rmdir()


class User:
    """Runs the two programs as a user, below a root of its own."""

    def __init__(self, root, prefix=None):
        self.root = root
        self.prefix = prefix or as_user(NOBODY, *ALL)
        self.loader_program, self.stats_program = copy_for_everyone()
        self.map = root / "veth0" / "xdp_stats_map"

    def loader(self, *args, status=0, prefix=None):
        return run([*(prefix or self.prefix), self.loader_program, "--bpffs", self.root, "--dev", "veth0", *args],
                   status)

    def load(self, *args):
        (outcome,) = json.loads(self.loader("--json", *args).out)["devices"]
        return outcome

    def read(self):
        """As that user: in a bpffs of mode 1777 others do not believe his directories."""
        out = run([*self.prefix, self.stats_program, "--bpffs", self.root, "--dev", "veth0", "--once", "--json"]).out
        return json.loads(out)

    def wait_for_counts(self, expected):
        wait_until(lambda: counts_of(self.read()) == expected, lambda: f"{self.read()} instead of {expected}")
        assert dump_counts(self.map) == expected


def for_everyone(file):
    """A copy that every user can read, wherever the source tree is."""
    copy = Path(copy_for_everyone()[0]).parent / Path(file).name
    copy.write_bytes(Path(file).read_bytes())
    copy.chmod(0o644)
    return copy


def state_of(root):
    """What must be the same after a refusal: who runs, and every pin with its mode and owner."""
    return attached("veth0"), {path: (path.lstat().st_ino, path.lstat().st_mode, path.lstat().st_uid)
                               for path in root.rglob("*")}


# ---- capabilities ------------------------------------------------------------------------------------------


def test_three_capabilities_do_everything(lab, veth0, root):
    """Load, replace, reuse, another layout there and back, and unload; root's powers are for none of it."""
    user = User(root)
    six = for_everyone(object_file("six_entries"))
    assert user.load()["outcome"] == "loaded"
    send(veth0, 4, SIZE)
    user.wait_for_counts({"XDP_PASS": (4, 4 * SIZE)})
    assert user.load("--action", "drop")["generation"] == 2
    send(veth0, 3, SIZE)
    user.wait_for_counts({"XDP_DROP": (3, 3 * SIZE)})
    assert user.load("--reuse-maps")["maps"][0]["reused"] is True
    send(veth0, 2, SIZE)
    user.wait_for_counts({"XDP_PASS": (2, 2 * SIZE), "XDP_DROP": (3, 3 * SIZE)})
    for arguments in (["--filename", six, *NEW_COUNTERS], NEW_COUNTERS):
        assert user.load(*arguments)["maps"][0]["reused"] is False
        user.wait_for_counts({})
    send(veth0, 6, SIZE)
    user.wait_for_counts({"XDP_PASS": (6, 6 * SIZE)})
    (status,) = json.loads(user.loader("--status", "--json").out)["devices"]
    assert status["state"] == "attached" and status["generation"] == 5
    user.loader("--unload", "--keep-maps")
    assert attached("veth0") is None
    assert user.load("--reuse-maps")["maps"][0]["reused"] is True
    user.wait_for_counts({"XDP_PASS": (6, 6 * SIZE)})
    user.loader("--unload")
    assert attached("veth0") is None and not (root / "veth0").exists()


def test_a_reader_without_privileges_follows_what_such_a_user_loads(lab, veth0, root):
    kernel.need(kernel.unprivileged_reading)
    user = User(root)
    user.load()
    somebody = {"prefix": as_user(SOMEBODY), "program": user.stats_program}
    readers = [lab.reading("--map", user.map, **somebody)]
    if root.stat().st_uid == NOBODY:
        readers.append(lab.reading("--bpffs", root, "--dev", "veth0", **somebody))
    else:  # a bpffs for all, where any user could have made that directory
        run([*as_user(SOMEBODY), user.stats_program, "--bpffs", root, "--dev", "veth0", "--once"], CONFLICT)
    send(veth0, 5, SIZE)
    for reader in readers:
        reader.wait_for_session(5)
    user.load("--action", "drop")
    send(veth0, 2, SIZE)
    for reader in readers:
        sample = reader.wait_for_session(7)
        assert sample["generation"] == 2 and sample["state"] == "attached"
        reader.stop()
    user.loader("--unload")


@pytest.mark.parametrize("missing", ALL)
@pytest.mark.parametrize("loaded_before", [False, True])
def test_a_missing_capability_is_named_and_nothing_changes(lab, veth0, root, missing, loaded_before):
    user = User(root)
    if loaded_before:
        user.load()
        send(veth0, 4, SIZE)
        user.wait_for_counts({"XDP_PASS": (4, 4 * SIZE)})
    before = state_of(root)
    # Only a load has the verifier look at a program.
    removals = [] if missing == "perfmon" else [["--unload"], ["--unload", "--keep-maps"], ["--clean"]]
    for arguments in [*LOADS, ["--dry-run"], *removals]:
        refused = user.loader(*arguments, status=PERMISSION, prefix=without(missing))
        assert refused.out == ""
        assert refused.err.startswith("xdp_loader: ")
        assert f"CAP_{missing.upper()}" in refused.err
        # Those that are there are in nothing but a hint.
        assert not any(f"CAP_{name.upper()}" in refused.err.partition("\nhint: ")[0] for name in ALL if name != missing)
        assert state_of(root) == before, arguments
    if loaded_before:
        send(veth0, 3, SIZE)
        user.wait_for_counts({"XDP_PASS": (7, 7 * SIZE)})
        user.loader("--unload")


def test_two_are_enough_where_no_packet_pointers_are_subtracted(lab, veth0, root):
    """CAP_BPF and CAP_NET_ADMIN: for a program that does not count bytes, and for every unload and clean."""
    user = User(root)
    two = as_user(NOBODY, "bpf", "net_admin")
    user.loader("--filename", for_everyone(object_file("no_counter")), prefix=two)
    assert attached("veth0") is not None
    user.loader("--unload", prefix=two)
    user.load()
    user.loader("--unload", "--keep-maps", prefix=two)
    assert attached("veth0") is None
    user.loader("--clean", prefix=two)
    assert not (root / "veth0").exists()


@pytest.mark.parametrize("name", ["own", "linear"])
def test_who_lacks_perfmon_for_a_program_of_his_own_is_told(lab, veth0, root, name):
    """In whichever words the verifier refuses it: for the context that is cast to the kernel's, or for pointers."""
    user = User(root)
    program = for_everyone(object_file(name))
    refused = user.loader("--filename", program, prefix=as_user(NOBODY, "bpf", "net_admin"), status=PERMISSION)
    assert "needs CAP_PERFMON in addition to CAP_BPF" in refused.err
    user.loader("--filename", program)
    user.loader("--unload")


def test_capabilities_do_not_reach_into_roots_directory(lab, veth0):
    """They are for attaching; the pins of root are guarded by their modes."""
    lab.load("veth0")
    world = lab.world()
    loader, _ = copy_for_everyone()
    for arguments in (*LOADS, ["--unload"], ["--clean"]):
        refused = run([*as_user(NOBODY, *ALL), loader, "--dev", "veth0", *arguments], status=PERMISSION)
        assert str(pin_dir("veth0")) in refused.err
        assert lab.world() == world


# ---- modes -------------------------------------------------------------------------------------------------

UMASKS = ("000", "022", "077", "777")
READABLE = {"xdp_stats_map", "xdp_stats_meta"}


def under_umask(umask, prefix=()):
    return [*prefix, "sh", "-c", f'umask {umask} && exec "$@"', "sh"]


def modes_below(directory):
    return {path.name: stat.S_IMODE(path.lstat().st_mode) for path in directory.iterdir()}


def check_modes(dev="veth0"):
    assert stat.S_IMODE(pin_dir(dev).stat().st_mode) == 0o755
    modes = modes_below(pin_dir(dev))
    assert modes == {name: 0o444 if name in READABLE else 0o600 for name in modes}
    assert READABLE <= set(modes) and "xdp_link" in modes


@pytest.mark.parametrize("umask", UMASKS)
def test_modes_whatever_the_umask(lab, veth0, umask):
    """After a load, a replacement, a reuse, a new counter map, and with other maps beside: always the same."""
    prefix = under_umask(umask)
    for arguments in ([], ["--action", "drop"], ["--reuse-maps"],
                      ["--filename", object_file("six_entries"), *NEW_COUNTERS], NEW_COUNTERS,
                      ["--filename", object_file("generation_a")],
                      ["--filename", object_file("generation_b"), "--reuse-maps"]):
        lab.loader("--dev", "veth0", *arguments, prefix=prefix)
        check_modes()
    assert {"shared", "only_b"} <= set(modes_below(pin_dir("veth0")))
    lab.loader("--dev", "veth0", "--unload", "--keep-maps", prefix=prefix)
    assert "xdp_link" not in modes_below(pin_dir("veth0"))
    lab.loader("--dev", "veth0", "--reuse-maps", prefix=prefix)
    check_modes()


@pytest.mark.parametrize("umask", UMASKS)
def test_everybody_reads_whatever_the_umask(lab, veth0, umask):
    kernel.need(kernel.unprivileged_reading)
    _, stats = copy_for_everyone()
    lab.loader("--dev", "veth0", prefix=under_umask(umask))
    send(veth0, 6, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (6, 6 * SIZE)})
    for source in (["--dev", "veth0"], ["--map", pin_dir("veth0") / "xdp_stats_map"]):
        sample = json.loads(run([*as_user(NOBODY), stats, *source, "--once", "--json"]).out)
        assert counts_of(sample) == {"XDP_PASS": (6, 6 * SIZE)}


@pytest.mark.parametrize("umask", UMASKS)
def test_a_user_with_capabilities_needs_no_umask_either(lab, veth0, umask):
    root = BPFFS / "mine"
    root.mkdir()
    os.chown(root, NOBODY, NOBODY)
    try:
        user = User(root)
        for arguments in LOADS:
            user.loader(*arguments, prefix=under_umask(umask, user.prefix))
            modes = modes_below(root / "veth0")
            assert modes == {"xdp_link": 0o600, "xdp_stats_map": 0o444, "xdp_stats_meta": 0o444}
        user.loader("--unload", prefix=under_umask(umask, user.prefix))
    finally:
        root.rmdir()


def test_an_ordinary_user_opens_nothing_for_writing(lab, veth0):
    """Neither the counters nor the meta, nor the link or another map in any way."""
    lab.load("veth0", "--filename", object_file("generation_a"))
    directory = pin_dir("veth0")
    script = "import sys; sys.path.insert(0, sys.argv[1]); import raw_bpf; raw_bpf.open_pin(sys.argv[2])"
    opens = ["/usr/bin/python3", "-c", script, for_everyone(raw_bpf.__file__).parent]
    for name in (*READABLE, "xdp_link", "shared", "only_a"):
        run([*opens, directory / name])  # root may
        refused = run([*as_user(NOBODY), *opens, directory / name], status=1)
        assert "PermissionError" in refused.err
    _, stats = copy_for_everyone()
    for name in ("xdp_link", "shared", "only_a"):
        refused = run([*as_user(NOBODY), stats, "--map", directory / name, "--once"], status=PERMISSION)
        assert str(directory / name) in refused.err


class ModeWatcher(Repeated):
    """Looks at every pin, published and staged, over and over; `wrong` has those that were too open."""

    def __init__(self, directory):
        super().__init__(self.look)
        self.directory = directory
        self.wrong, self.looks, self.staged, self.seen = [], 0, 0, set()

    def look(self):
        for directory in (self.directory, self.directory / "+staging"):
            try:
                names = os.listdir(directory)
            except FileNotFoundError:
                continue
            self.looks += 1
            for name in names:
                try:
                    status = os.lstat(directory / name)
                except FileNotFoundError:
                    continue
                self.judge(directory, name, status)

    def judge(self, directory, name, status):
        mode = stat.S_IMODE(status.st_mode)
        self.seen.add(name)
        self.staged += directory != self.directory
        if name == "+staging":
            allowed = 0o700
        else:
            # Staged, it gets the mode it will have just before it is renamed.
            allowed = 0o644 if name in READABLE else 0o600
        if mode & ~allowed or (mode & 0o222 and name in READABLE and directory == self.directory):
            self.wrong.append((str(directory / name), oct(mode)))


@pytest.mark.parametrize("umask", ["000", "077"])
def test_no_pin_is_too_open_at_any_instant(lab, veth0, umask):
    """Neither published nor staged, during first loads and replacements of every kind."""
    kinds = ([], ["--reuse-maps"], ["--filename", object_file("six_entries"), *NEW_COUNTERS], NEW_COUNTERS,
             ["--filename", object_file("generation_a")])
    with ModeWatcher(pin_dir("veth0")) as watcher:
        for number in range(4):
            for arguments in kinds:
                lab.loader("--dev", "veth0", *arguments, prefix=under_umask(umask))
            if number % 2:
                lab.loader("--dev", "veth0", "--unload", prefix=under_umask(umask))
    assert watcher.wrong == []
    assert watcher.staged > 0 and {"+staging", "xdp_link", "xdp_stats_map", "xdp_stats_meta", "shared"} <= watcher.seen


# ---- paths -------------------------------------------------------------------------------------------------


def everything_below(*tops):
    return {str(path): path.lstat().st_ino for top in tops for path in Path(top).rglob("*")}


@pytest.fixture(name="outside")
def somewhere_else():
    """A directory beside the bpffs root, and a bpffs of somebody else: neither is written to."""
    plain, other = Path("/run/outside"), Path("/run/other-bpf")
    for directory in (plain, other):
        directory.mkdir()
    run(["mount", "-t", "bpf", "-o", "mode=0755", "bpf", other])
    yield plain, other
    run(["umount", other])
    for directory in (plain, other):
        directory.rmdir()


@pytest.mark.parametrize("name, status", [
    ("..", USAGE), ("../outside", USAGE), ("../../run/outside", NOT_FOUND), ("/run/outside", USAGE), ("/", USAGE),
    (".", USAGE), ("./veth0", USAGE), ("lo/..", NOT_FOUND), ("veth0/", USAGE), ("veth0\n", USAGE), ("veth0:1", USAGE),
    ("...", NOT_FOUND), ("%2E%2E", NOT_FOUND), ("..%2Foutside", NOT_FOUND), ("*", NOT_FOUND),
])
def test_a_name_is_no_path(lab, veth0, outside, name, status, tmp_path, monkeypatch):
    """Usage, no such network namespace, or no such device; nothing is written, neither below the root nor outside."""
    monkeypatch.chdir(tmp_path)  # from where ../../run leads nowhere
    before = lab.world(), everything_below(*outside, "/run/tmp")
    for verb in (*LOADS, ["--unload"], ["--clean"], ["--status"]):
        # Pins of a namespace that is gone are looked for, and no path is made of such a name.
        of_pins = name == "lo/.." and verb[:1] and verb[0] in ("--unload", "--clean", "--status")
        done = lab.loader(f"--dev={name}", *verb, status=USAGE if of_pins else status)
        assert done.out == "" and done.err.startswith("xdp_loader: ")
        assert (lab.world(), everything_below(*outside, "/run/tmp")) == before


@pytest.mark.parametrize("name", ["...", "..a", "a..", "-", "+staging", "xdp_stats_map"])
def test_odd_names_of_real_devices_stay_below_the_root(lab, name):
    """The kernel takes them; their pins are one directory below the root, and all of them."""
    veth = lab.veth(name, peer="peer0")
    before = set(BPFFS.rglob("*"))
    lab.load(name) if name != "-" else lab.loader("--dev=-")
    directory = pin_dir(name)
    assert directory.parent == BPFFS and "." not in directory.name
    assert set(BPFFS.rglob("*")) - before == {directory, *(directory / pin for pin in (*READABLE, "xdp_link"))}
    send(veth, 3, SIZE)
    wait_until(lambda: json.loads(run([STATS, f"--dev={name}", "--once", "--json"]).out)["total"]["packets"] == 3,
               "3 packets")
    lab.loader(f"--dev={name}", "--unload")
    assert set(BPFFS.rglob("*")) == before


@pytest.mark.parametrize("root", ["/run/outside", "/", ".", "/proc/self/cwd", "/run/outside/../outside", "/dev/null",
                                  "/sys/fs/bpf/../../../run/outside", "/sys/fs/bpf/progs.debug"])
def test_a_root_that_is_no_bpffs(lab, veth0, outside, root):
    """Loads fail, and there is nothing to unload, whatever has the device's name there."""
    theirs = outside[0] / "veth0"
    theirs.mkdir()
    for name in (*READABLE, "xdp_link"):
        (theirs / name).write_text("somebody's")
    try:
        before = lab.world(), everything_below(*outside, "/run/tmp")
        for verb in (*LOADS, ["--unload"], ["--clean"]):
            done = subprocess.run([LOADER, f"--bpffs={root}", "--dev=veth0", *verb], capture_output=True, text=True,
                                  check=False)
            nothing_to_clean = verb == ["--clean"] and "nothing to remove" in done.stdout
            assert done.returncode in (FAILED, NOT_FOUND, CONFLICT) or nothing_to_clean, done
            assert done.stderr.startswith("xdp_loader: ") or nothing_to_clean
            assert (lab.world(), everything_below(*outside, "/run/tmp")) == before
    finally:
        for name in (*READABLE, "xdp_link"):
            (theirs / name).unlink()
        theirs.rmdir()


def test_a_symbolic_link_to_a_root(lab, veth0, outside):
    """It may lead to a bpffs: then everything is there, and nothing anywhere else."""
    plain, other = outside
    link = plain / "link"
    link.symlink_to(other)
    world, before = lab.world(), everything_below(plain, "/run/tmp")
    try:
        run([LOADER, "--bpffs", link, "--dev", "veth0"])
        assert {path.name for path in (other / "veth0").iterdir()} == {*READABLE, "xdp_link"}
        assert lab.world()["pins"] == world["pins"] and everything_below(plain, "/run/tmp") == before
        send(veth0, 3, SIZE)
        wait_until(lambda: json.loads(run([STATS, "--bpffs", link, "--dev", "veth0", "--once", "--json"]).out)
                   ["total"]["packets"] == 3, "3 packets")
        run([LOADER, "--bpffs", link, "--dev", "veth0", "--action", "drop"])
        run([LOADER, "--bpffs", link, "--dev", "veth0", "--unload"])
        assert not (other / "veth0").exists()
        assert lab.world() == world and everything_below(plain, "/run/tmp") == before
    finally:
        link.unlink()


def test_a_symbolic_link_to_no_root(lab, veth0, outside):
    plain, _ = outside
    link = Path("/run/tmp/link")
    link.symlink_to(plain)
    world = lab.world()
    try:
        done = run([LOADER, "--bpffs", link, "--dev", "veth0"], status=4)
        assert str(link) in done.err
        assert lab.world() == world and list(plain.iterdir()) == []
    finally:
        link.unlink()


def test_a_program_of_another_root_is_left_alone(lab, veth0, outside):
    """The same device in two roots: a run knows only what is in its own."""
    _, other = outside
    lab.load("veth0")
    world = lab.world()
    for verb, status in ((["--unload"], NOT_FOUND), (["--clean"], 0), ([], CONFLICT), (["--reuse-maps"], CONFLICT)):
        run([LOADER, "--bpffs", other, "--dev", "veth0", *verb], status)
        assert lab.world() == world and not (other / "veth0").exists()
