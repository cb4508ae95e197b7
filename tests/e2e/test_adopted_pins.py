# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Maps that an operator has pinned in an interface's directory: used with --reuse-maps, and left where they are."""

import signal
import subprocess

import pytest

from support.adopted import COUNTERS, LOAD_A, PER_CPU, id_at, lifetime, pin_operators, write_counts
from support.components import remove_leftovers_of_libxdp
from support.devices import attached, wait_for_carrier
from support.exporter import Exporter
from support.maps import dump_counts
from support.pins import BPFFS, pin_dir, pins_of
from support.process_table import lives
from support.processes import run, wait_until
from support.programs import CONFLICT, FAILED, LOADER, object_file
from support.run_command import kill, running
from support.strace import FAULT_STEP, inject, strace
from support.traffic import SIZE, send

IN_DISPATCHERS_TOO = True


def adopted(outcome):
    return {item["name"]: item["id"] for item in outcome["maps"] if item["adopted"]}


def operators_shared(lab):
    """A map with the layout of `shared`: taken from a load, of which nothing else is left."""
    lab.load("veth0", *LOAD_A)
    elsewhere = BPFFS / "operators_shared"
    run(["bpftool", "map", "pin", "pinned", pin_dir("veth0") / "shared", elsewhere])
    lab.cleanups.append(elsewhere.unlink)
    lab.loader("--dev", "veth0", "--unload")
    pin_dir("veth0").mkdir()
    path = pin_dir("veth0") / "shared"
    run(["bpftool", "map", "pin", "pinned", elsewhere, path])
    lab.cleanups.append(lambda: lab.remove_pin(path))
    return path, id_at(path)


def test_through_loads_and_unload(lab, veth0):
    path, operators = operators_shared(lab)
    world = lab.world()
    lab.loader("--dev", "veth0", *LOAD_A, status=CONFLICT)
    assert lab.world() == world
    for generation in (1, 2):
        outcome = lab.load("veth0", *LOAD_A, "--reuse-maps")
        assert outcome["generation"] == generation
        assert adopted(outcome) == {"shared": operators} == adopted(lab.status("veth0"))
    for options in ([], ["--reuse-maps", "--new-map", "shared"]):
        world = lab.world()
        for dry_run in ([], ["--dry-run"]):
            lab.loader("--dev", "veth0", *LOAD_A, *options, *dry_run, status=CONFLICT)
        assert lab.world() == world
    send(veth0, 2, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (2, 2 * SIZE)})
    (outcome,) = lab.loader_json("--dev", "veth0", "--unload")
    assert str(path) not in outcome["removed"]
    assert pins_of("veth0") == ["shared"] and id_at(path) == operators


def test_through_a_load_that_needs_it_no_more_and_back(lab, veth0):
    path, operators = operators_shared(lab)
    lab.load("veth0", *LOAD_A, "--reuse-maps")
    assert adopted(lab.load("veth0", "--filename", object_file("no_counter"))) == {}
    assert id_at(path) == operators and "only_a" not in pins_of("veth0")
    assert adopted(lab.load("veth0", *LOAD_A, "--reuse-maps")) == {"shared": operators}
    lab.loader("--dev", "veth0", "--unload")
    assert pins_of("veth0") == ["shared"]


def test_through_unload_that_keeps_maps_and_clean(lab, veth0):
    path, operators = operators_shared(lab)
    lab.load("veth0", *LOAD_A, "--reuse-maps")
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    assert adopted(lab.status("veth0")) == {"shared": operators}
    assert adopted(lab.load("veth0", *LOAD_A, "--reuse-maps")) == {"shared": operators}
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    (outcome,) = lab.loader_json("--dev", "veth0", "--clean")
    assert str(path) not in outcome["removed"] and f"{pin_dir('veth0')}/only_a" in outcome["removed"]
    assert pins_of("veth0") == ["shared"] and id_at(path) == operators


def test_through_a_command(lab, veth0):
    path, operators = operators_shared(lab)
    run([LOADER, "--dev", "veth0", *LOAD_A, "--reuse-maps", "--attach", "link", "--run", "--", "true"])
    assert pins_of("veth0") == ["shared"] and id_at(path) == operators
    assert attached("veth0") is None


@pytest.mark.parametrize("then", [["--unload"], ["--clean"], [*LOAD_A, "--reuse-maps"]],
                         ids=["unload", "clean", "load"])
def test_through_a_command_that_is_killed(lab, veth0, then):
    path, operators = operators_shared(lab)
    process = running(lab, "--dev", "veth0", *LOAD_A, "--reuse-maps")
    kill(process)
    wait_until(lambda: not lives(process.command_pid), "the command goes on")
    lab.loader("--dev", "veth0", *then)
    assert id_at(path) == operators
    lab.loader("--dev", "veth0", "--unload", status=0 if "--reuse-maps" in then else 4)
    assert pins_of("veth0") == ["shared"]


def test_through_a_load_that_fails(lab, veth0):
    """When the driver refuses the program, everything has been staged."""
    path, operators = pin_operators(lab, COUNTERS, **PER_CPU)
    before = write_counts(path, 1000)
    for dev in ("veth0", veth0.peer):
        run(["ip", "link", "set", "dev", dev, "mtu", "9000"])
    wait_for_carrier("veth0", veth0.peer)
    world = lab.world()
    lab.loader("--dev", "veth0", "--filename", object_file("linear"), "--reuse-maps", "--native-mode", "--attach",
               "link", status=FAILED)
    assert lab.world() == world
    assert id_at(path) == operators and dump_counts(path) == {"XDP_PASS": before}


@pytest.mark.parametrize("syscall", ["rename", "unlink", "mkdir"])
def test_killed_anywhere(lab, veth0, syscall, tmp_path):
    """The next command completes or discards what there is, and leaves the pin."""
    path, operators = operators_shared(lab)
    load = ("--dev", "veth0", *LOAD_A, "--reuse-maps")
    killed, which = True, 0
    while killed:
        which += 1
        command = strace("-e", f"trace=/^{syscall}", "-e", f"inject=/^{syscall}:signal=SIGKILL:when={which}",
                         command=[LOADER, *load], log=tmp_path / "log")
        killed = subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
        assert id_at(path) == operators
        lab.load("veth0", *LOAD_A, "--reuse-maps")
        assert adopted(lab.status("veth0")) == {"shared": operators}
        lab.loader("--dev", "veth0", "--unload")
        assert pins_of("veth0") == ["shared"] and id_at(path) == operators
    assert which > 1


def test_another_layout_is_refused_with_what_can_be_done(lab, veth0):
    """--new-map is no way out: it would take the pin's place."""
    path, operators = pin_operators(lab, "shared", kind="array", key=4, value=4, entries=1)
    world = lab.world()
    result = lab.loader("--dev", "veth0", *LOAD_A, "--reuse-maps", status=CONFLICT)
    assert "shared: " in result.err and "--new-map" not in result.err and f"`rm {path}`" in result.err
    assert lab.world() == world
    run(["rm", path])
    lab.load("veth0", *LOAD_A, "--reuse-maps")
    assert id_at(pin_dir("veth0") / "shared") != operators


def test_another_pin_of_our_own_map(lab, veth0):
    """Somebody's backup beside it: not ours to remove, whatever map it leads to."""
    lab.load("veth0", *LOAD_A)
    ids = {}
    for name in ("shared", COUNTERS):
        backup = pin_dir("veth0") / f"backup_{name}"
        run(["bpftool", "map", "pin", "pinned", pin_dir("veth0") / name, backup])
        lab.cleanups.append(lambda backup=backup: lab.remove_pin(backup))
        ids[backup] = id_at(backup)
    lab.load("veth0", *LOAD_A)
    lab.load("veth0", "--filename", object_file("no_counter"))
    assert {path: id_at(path) for path in ids} == ids
    lab.loader("--dev", "veth0", "--unload")
    assert pins_of("veth0") == sorted(path.name for path in ids)
    assert {path: id_at(path) for path in ids} == ids


# ---- the counter map itself


def test_lifetime_begins_with_the_adoption(lab, veth0):
    """What others had counted is theirs; generations go on from there."""
    path, operators = pin_operators(lab, COUNTERS, **PER_CPU)
    packets, size = write_counts(path, 1000)
    assert adopted(lab.load("veth0", "--reuse-maps")) == {COUNTERS: operators}
    assert lifetime("veth0") == {}
    send(veth0, 4, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (packets + 4, size + 4 * SIZE)})
    assert lifetime("veth0") == {"XDP_PASS": (4, 4 * SIZE)}
    assert lab.load("veth0", "--reuse-maps", "--action", "drop")["generation"] == 2
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (packets + 4, size + 4 * SIZE), "XDP_DROP": (3, 3 * SIZE)})
    assert lifetime("veth0") == {"XDP_PASS": (4, 4 * SIZE), "XDP_DROP": (3, 3 * SIZE)}
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    lab.load("veth0", "--reuse-maps")
    assert lifetime("veth0") == {"XDP_PASS": (4, 4 * SIZE), "XDP_DROP": (3, 3 * SIZE)}
    lab.loader("--dev", "veth0", "--unload")
    assert pins_of("veth0") == [COUNTERS] and id_at(path) == operators
    # Adopted anew, it begins anew.
    lab.load("veth0", "--reuse-maps")
    assert lifetime("veth0") == {}


def exchange_pin(path, by):
    path.unlink()
    run(["bpftool", "map", "pin", "pinned", by, path])


def test_lifetime_after_the_adopted_map_is_gone(lab, veth0):
    """What others had counted in it is left out of that map alone, and takes nothing from those that come after it:
    the own ones, or another one that is adopted."""
    path, _ = pin_operators(lab, COUNTERS, **PER_CPU)
    packets, size = write_counts(path, 1000)
    lab.load("veth0", "--reuse-maps")
    send(veth0, 4, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (packets + 4, size + 4 * SIZE)})
    lab.remove_pin(path)
    sent = 0
    for count in (50, 7):
        lab.load("veth0")
        send(veth0, count, SIZE)
        lab.wait_for_counts("veth0", {"XDP_PASS": (count, count * SIZE)})
        sent += count
        assert lifetime("veth0") == {"XDP_PASS": (sent, sent * SIZE)}
    another = lab.foreign_map(BPFFS / "another", **PER_CPU)
    packets, size = write_counts(another, 300)
    # 7 packets of the map that its owner's takes the pin of are not to be read any more.
    sent -= 7
    exchange_pin(path, another)
    lab.load("veth0", "--reuse-maps")
    send(veth0, 9, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (packets + 9, size + 9 * SIZE)})
    assert lifetime("veth0") == {"XDP_PASS": (sent + 9, (sent + 9) * SIZE)}


def test_lifetime_after_one_adopted_map_replaces_another(lab, veth0):
    path, _ = pin_operators(lab, COUNTERS, **PER_CPU)
    write_counts(path, 1000)
    lab.load("veth0", "--reuse-maps")
    another = lab.foreign_map(BPFFS / "another", **PER_CPU)
    packets, size = write_counts(another, 300)
    exchange_pin(path, another)
    lab.load("veth0", "--reuse-maps")
    send(veth0, 9, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (packets + 9, size + 9 * SIZE)})
    assert lifetime("veth0") == {"XDP_PASS": (9, 9 * SIZE)}


@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=ENOMEM"], ids=["killed", "failed"])
@pytest.mark.parametrize("first", ["own", "adopted"])
def test_lifetime_after_a_load_that_was_cut_off(lab, veth0, first, fault, tmp_path):
    """In a lineage whose map has lost its pin to one of the operator's: what others had counted is theirs also when
    the load that takes it ends at any of its calls since the meta is staged."""
    log = tmp_path / "log"
    load = [LOADER, "--dev", "veth0", "--action", "drop", "--reuse-maps"]
    lab.cleanups.append(lambda: remove_leftovers_of_libxdp("veth0"))
    path, _ = pin_operators(lab, COUNTERS, **PER_CPU)
    write_counts(path, 1000)
    another = lab.foreign_map(BPFFS / "another", **PER_CPU)
    write_counts(another, 3000)

    def prepare():
        if first == "own":
            lab.remove_pin(path)
            lab.load("veth0")
        else:
            exchange_pin(path, another)
            lab.load("veth0", "--reuse-maps")
        exchange_pin(path, BPFFS / f"operators_{COUNTERS}")
        return dump_counts(path)

    prepare()
    run(strace("-e", "trace=bpf", command=load, log=log))
    calls = log.read_text().splitlines()
    staged = next(i for i, line in enumerate(calls) if "BPF_OBJ_PIN" in line and "xdp_stats_meta" in line)
    for which in range(staged + 1, len(calls) + 1, FAULT_STEP):
        lab.loader("--dev", "veth0", "--unload")
        before = prepare()
        inject(load, log, "bpf", fault, which)
        send(veth0, 2, SIZE)
        lab.load("veth0", "--reuse-maps")
        since = {name: tuple(now - then for now, then in zip(pair, before.get(name, (0, 0))))
                 for name, pair in dump_counts(path).items()}
        counted = {name: pair for name, pair in since.items() if pair != (0, 0)}
        assert lifetime("veth0") == counted, f"{fault} at call {which}: {log.read_text()[-1500:]}"


def test_a_reader_sees_no_growth_at_the_adoption(lab, veth0):
    path, _ = pin_operators(lab, COUNTERS, **PER_CPU)
    packets, _ = write_counts(path, 1000)
    reader = lab.reading("--dev", "veth0")
    lab.load("veth0", "--reuse-maps")
    send(veth0, 5, SIZE)
    sample = reader.wait_for(lambda sample: sample["actions"]["XDP_PASS"]["packets"] == packets + 5)
    assert sample["actions"]["XDP_PASS"]["session_packets"] == 5
    reader.stop()


def test_exporter_begins_with_the_adoption(lab, veth0):
    path, _ = pin_operators(lab, COUNTERS, **PER_CPU)
    packets, size = write_counts(path, 1000)
    lab.load("veth0", "--reuse-maps")
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (packets + 5, size + 5 * SIZE)})
    exporter = Exporter(lab, "--dev", "veth0")
    assert exporter.packets() == 5
    # Its owner may reset the map: then no more than nothing is known to be left.
    write_counts(path, 0)
    assert Exporter(lab, "--dev", "veth0").packets() == 0
    exporter.process.stop()
