# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""
A device with our program goes somewhere else, or gets another name, or is gone: every verb and every reader tells
where the program runs, and ends it there or not at all.
"""

import itertools
import json
import os
import re
import shlex
import subprocess
from collections import namedtuple

import pytest

from support import kernel, places
from support.exporter import Exporter
from support.maps import dump_counts, read_meta
from support.pins import BPFFS, pin_dir
from support.places import ALTERNATIVE, NEW, OLD, WAYS, device_with_our_program
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import CONFLICT, NOT_FOUND, STATS, copy_for_everyone
from support.raw_bpf import existing_ids
from support.samples import counts_of, dropped, read
from support.traffic import SIZE, send

IN_DISPATCHERS_TOO = True
SHIFTS = itertools.count()
SHORT = os.environ.get("XDP_TALLY_PLACES") == "short"

# What has to be said and done after this has happened to the device:
#   state      by a privileged command, or a privileged reader, whenever it was started
#   saw, late  by an ordinary user's reader that was running meanwhile; that is started afterwards
#   load       what a load by the old name is
#   clean      what --clean does with the pins
Row = namedtuple("Row", "state saw late load clean")
TABLE = {
    # happened                               state       saw         late        load       clean
    places.nothing:                        Row("attached", "attached", "attached", "replaced", "in use"),
    places.bridge_slave:                   Row("attached", "attached", "attached", "replaced", "in use"),
    places.bond_slave:                     Row("attached", "attached", "attached", "replaced", "in use"),
    places.alternative_name:               Row("attached", "attached", "attached", "replaced", "in use"),
    places.renamed:                        Row("attached", "attached", "attached", NOT_FOUND, "in use"),
    places.renamed_and_its_name_was_taken: Row("attached", "attached", "attached", CONFLICT, "in use"),
    places.moved:                          Row("attached", "unknown", "unknown", NOT_FOUND, "in use"),
    places.moved_to_a_process:             Row("attached", "unknown", "unknown", NOT_FOUND, "in use"),
    places.moved_and_renamed:              Row("attached", "unknown", "unknown", NOT_FOUND, "in use"),
    places.moved_and_its_index_was_taken:  Row("attached", "unknown", "unknown", NOT_FOUND, "in use"),
    places.moved_and_its_name_was_taken:   Row("attached", "unknown", "unknown", CONFLICT, "in use"),
    places.deleted:                        Row("detached", "detached", "unknown", NOT_FOUND, "removed"),
    places.deleted_and_made_again:         Row("detached", "detached", "unknown", "loaded", "removed"),
}
MOVED = [event for event in TABLE if event.__name__.startswith("moved")]
RENAMED = [event for event in TABLE if event.__name__.startswith("renamed")]
TAKEN = [event for event in TABLE if event.__name__.endswith("its_name_was_taken")]
ALIVE = [event for event, row in TABLE.items() if row.state == "attached"]


def cases(events, ways=WAYS):
    """Each of these in each way. The short form has each event once, in another way from test to test."""
    pairs = [(event, way) for event in events for way in ways]
    if SHORT:
        shift = next(SHIFTS)
        pairs = [(event, ways[(shift + number) % len(ways)]) for number, event in enumerate(events)]
    return pytest.mark.parametrize("happened, way", pairs, ids=lambda item: getattr(item, "__name__", item))


@pytest.fixture(name="device")
def device_fixture(lab, way):
    with device_with_our_program(lab, way) as device:
        yield device


def ordinary(device, state):
    """What an ordinary user is told of a dispatcher, whose components he cannot read."""
    return "unknown" if state == "attached" and device.way in ("dispatcher", "shared") else state


def nobody_reads():
    kernel.need(kernel.unprivileged_reading)
    return {"prefix": as_user(NOBODY), "program": copy_for_everyone()[1]}


def cannot_be_ended(device, happened):
    """libxdp finds the directory of a dispatcher by the index of the device, and that is another one now."""
    return device.way == "shared" and happened is places.moved_and_its_index_was_taken


def refused(device, status, *args, says=None):
    """By this status, with a message that says this, or names the place of the program; nothing is changed."""
    before = device.world()
    result = device.lab.loader(*args, status=status)
    assert says in result.err if says else names_the_place(device, result.err), result.err
    assert device.world() == before
    return result


def names_the_place(device, words):
    """Whether these words name it, or have the options that lead there."""
    return place_name(device) in words or " ".join(device.address) in words


def place_name(device):
    """What a message has to name: the number or path of a namespace that only a process knows is not repeated here."""
    place = device.place
    return f"{place.netns}/{place.name}" if place.netns and "/" not in place.netns else place.name


# ---- whoever looks afterwards


@cases(TABLE)
def test_seen_afterwards(lab, device, happened):
    device.load()
    program = device.program
    happened(device)
    row = TABLE[happened]
    if device.place:
        device.send(6)

    for address in addresses(device, happened):
        if happened in TAKEN and address == device.old_address:
            continue  # see below
        status = lab.status(address[-1], *address[:-2])
        sample = read(*address)
        assert (sample["state"], counts_of(sample)) == (row.state, device.counts)
        assert (sample["generation"], status["generation"]) == (1, 1)
        assert status["pin_dir"] == str(pin_dir(OLD))
        if device.place:
            assert status["state"] == "attached", status
            assert status["program"]["id"] == program
            assert device.is_said_to_be_here(status), status
            assert device.is_said_to_be_here(sample), sample
        else:
            assert status["state"] in ("orphaned", "detached"), status
            assert status["runs_on"] is None and sample["runs_on"] is None
    if happened not in MOVED + RENAMED:
        assert (status["runs_on"], sample["runs_on"]) == (None, None)


@cases(TABLE)
def test_seen_afterwards_by_an_ordinary_user(device, happened):
    device.load()
    happened(device)
    if device.place:
        device.send(6)
    late = read("--dev", OLD, **nobody_reads())
    assert (late["state"], counts_of(late)) == (ordinary(device, TABLE[happened].late), device.counts)
    assert (late["dev"], late["netns"], late["generation"]) == (OLD, None, 1)


@cases(MOVED + RENAMED)
def test_place_is_an_address(lab, device, happened):
    """What a sample and a status say of the place is what --netns and --dev take."""
    device.load()
    happened(device)
    netns, _, name = read("--dev", OLD)["runs_on"].rpartition("/")
    option = ("--netns", netns) if netns else ()
    assert lab.status(name, *option)["program"]["id"] == device.program
    assert counts_of(read(*option, "--dev", name)) == device.counts
    unload(lab, device, happened, (*option, "--dev", name))


def addresses(device, happened):
    """Every way to name what runs or is pinned."""
    return [device.old_address, *([device.address] if device.place else []),
            *([("--dev", ALTERNATIVE)] if happened is places.alternative_name else [])]


@cases(MOVED + RENAMED)
def test_listed_with_the_place(lab, device, happened):
    """In the status of all devices, and by a reader of all maps; each once."""
    device.load()
    happened(device)
    ours = [item for item in lab.loader_json("--status") if item["generation"]]
    assert [item["state"] for item in ours] == ["attached"]
    assert device.is_said_to_be_here(ours[0]), ours
    sample = read("--all")
    assert sample["state"] == "attached" and device.is_said_to_be_here(sample), sample
    for words in (lab.loader("--status").out, run([STATS, "--all", "--once"]).out,
                  lab.loader("--dev", OLD, "--status").out, run([STATS, "--dev", OLD, "--once"]).out):
        assert place_name(device) in words, words


@cases(TAKEN)
def test_new_device_with_the_old_name_is_not_ours(lab, device, happened):
    """Nothing is said to be attached to it, and it gets a program only after the other has gone."""
    device.load()
    happened(device)
    send(device.new, 4, SIZE)
    done = subprocess.run([STATS, "--dev", OLD, "--once", "--json"], capture_output=True, text=True, check=False)
    if done.returncode == 0:  # the counts are those of the other device, which the reader says
        sample = json.loads(done.stdout)
        assert counts_of(sample) == device.counts and device.is_said_to_be_here(sample) and sample["runs_on"]
    else:
        assert done.returncode == NOT_FOUND and place_name(device) in done.stderr, done
    status = lab.status(OLD)
    assert status["hook"] is None
    assert status["state"] == "none" or status["runs_on"], status
    assert any(place_name(device) in words for words in [status["runs_on"] or "", *status["notes"]]), status
    for verb in ([], ["--force"], ["--dry-run"], ["--reuse-maps"], ["--run", "--", "true"]):
        refused(device, CONFLICT, "--dev", OLD, *verb)
    device.lab.loader(*device.address, "--unload")
    device.is_free()
    assert lab.load(OLD, *device.attach)["generation"] == 1
    lab.loader("--dev", OLD, "--unload")


# ---- whoever was looking meanwhile


@pytest.mark.parametrize("user", ["root", "nobody"])
@cases(TABLE)
def test_seen_meanwhile(lab, device, happened, user):
    device.load()
    reader = lab.reading("--dev", OLD, **(nobody_reads() if user == "nobody" else {}))
    device.send(5)
    reader.wait_for_session(5)
    happened(device)
    row = TABLE[happened]
    state = row.state if user == "root" else ordinary(device, row.saw)
    reader.wait_for(lambda sample: sample["state"] == state)
    if happened in MOVED:  # a notice names the place, as far as this user may know
        reader.wait_for_message(device.place.netns if "/" not in device.place.netns else "namespace|now")
    if device.place:
        device.send(6)
        reader.wait_for_session(11)
    if state == "attached":
        reader.wait_for(device.is_said_to_be_here)
    reader.stop()
    states = {sample["state"] for sample in reader.samples()}
    assert states <= {ordinary(device, "attached") if user == "nobody" else "attached", "unknown", state}, states


@cases(TABLE)
def test_exporter(lab, device, happened):
    """It gives up its privileges before it serves. Its counters go on under the same labels; it is up while they do."""
    device.load()
    early = Exporter(lab, "--dev", OLD)
    assert early.packets() == device.sent
    happened(device)
    late = Exporter(lab, "--all")
    if device.place:
        device.send(6)
    row = TABLE[happened]
    for exporter, allowed in ((early, {row.state, row.saw}), (late, {row.state, row.late})):
        allowed = {*allowed, *map(lambda state: ordinary(device, state), allowed)}

        def settled(exporter=exporter, allowed=allowed):
            metrics = exporter.scrape()
            states = {name[1][2] for name, value in metrics.items() if name[0] == "xdp_feed_state" and value == 1}
            up = metrics["xdp_up", (OLD, "")]
            return len(states) == 1 and states <= allowed and up == (states != {"detached"})

        wait_until(settled, exporter.text)
        metrics = exporter.scrape()
        assert {name[1][:2] for name in metrics if name[0] == "xdp_up"} == {(OLD, "")}
        assert metrics["xdp_action_packets_total", (OLD, "", "pass")] == device.sent
        assert metrics["xdp_action_bytes_total", (OLD, "", "pass")] == device.sent * SIZE


# ---- whoever changes something


@cases(TABLE)
def test_load_by_the_old_name(lab, device, happened):
    device.load()
    happened(device)
    row = TABLE[happened]
    if isinstance(row.load, int):
        refused(device, row.load, "--dev", OLD, *device.attach, says=None if row.load == CONFLICT else OLD)
        return
    before = device.program
    outcome = lab.load(OLD, *device.attach, "--action", "drop")
    assert (outcome["outcome"], outcome["generation"]) == (row.load, 2)
    if device.way == "shared" and happened is places.deleted_and_made_again:
        # What the dispatcher of the deleted device had of others is theirs to remove.
        (command,) = re.findall("`(rm -r [^`]+)`", "\n".join(outcome["notes"]))
        run(shlex.split(command))
    wait_until(lambda: before not in existing_ids("prog"), "the program before is still there")
    send(device.new or device.veth, 3, SIZE)
    lab.wait_for_counts(OLD, dropped(3))
    assert lab.status(OLD)["state"] == lab.once(OLD)["state"] == "attached"
    lab.loader("--dev", OLD, "--unload")


@cases(RENAMED)
def test_load_after_a_rename_takes_the_pins_along(lab, device, happened):
    device.load()
    happened(device)
    outcome = lab.load(NEW, *device.attach, "--action", "drop")
    assert (outcome["outcome"], outcome["generation"], outcome["pin_dir"]) == ("replaced", 2, f"{BPFFS}/{NEW}")
    assert not pin_dir(OLD).exists()
    send(device.veth, 3, SIZE)
    lab.wait_for_counts(NEW, dropped(3))
    assert read_meta(NEW).carried == device.counts
    status = lab.status(NEW)
    assert (status["state"], status["runs_on"]) == ("attached", None)
    lab.loader("--dev", NEW, "--unload")
    assert device.hook() is None or device.foreign


@cases(MOVED)
def test_load_where_it_is_now(lab, device, happened):
    """It is the next generation of the same lineage, whichever address it is loaded by; there is one set of pins."""
    device.load()
    happened(device)
    if happened is places.moved_and_its_index_was_taken and device.way in ("dispatcher", "shared"):
        refused(device, CONFLICT, *device.address, *device.attach, says="hint: ")  # libxdp cannot change it any more
        return
    before = device.program
    outcome = lab.load(device.place.name, "--netns", device.place.netns, *device.attach, "--action", "drop")
    assert (outcome["outcome"], outcome["generation"]) == ("replaced", 2)
    wait_until(lambda: before not in existing_ids("prog"), "the program before is still there")
    device.is_ours(outcome["program"]["id"])
    sample = device.count_anew(3)
    assert (sample["generation"], sample["state"]) == (2, "attached")
    assert device.is_said_to_be_here(sample)
    assert len([item for item in lab.loader_json("--status") if item["generation"]]) == 1
    lab.loader(*device.address, "--unload")
    device.is_free()


@cases(TABLE)
def test_unload_by_the_name_of_its_pins(lab, device, happened):
    device.load()
    happened(device)
    if TABLE[happened].load == CONFLICT:  # another device has that name
        refused(device, CONFLICT, *device.old_address, "--unload")
    else:
        unload(lab, device, happened, device.old_address)


@cases(MOVED + RENAMED)
def test_unload_where_it_is(lab, device, happened):
    device.load()
    happened(device)
    unload(lab, device, happened, device.address)


def unload(lab, device, happened, address):
    if cannot_be_ended(device, happened):
        refused(device, CONFLICT, *address, "--unload")
        device.send(3)
        return
    before = device.world()
    (outcome,) = lab.loader_json(*address, "--unload", "--dry-run")
    assert outcome["outcome"] == "unloaded" and device.world() == before
    (outcome,) = lab.loader_json(*address, "--unload")
    assert outcome["outcome"] == "unloaded"
    device.is_free()


@cases(TABLE)
def test_clean(lab, device, happened):
    device.load()
    happened(device)
    before = device.world()
    commands = [["--dev", OLD, "--clean"], ["--clean"]]
    if TABLE[happened].clean == "in use":
        for command in commands:
            assert not any(item["removed"] for item in lab.loader_json(*command))
            assert device.world() == before
        assert "in use" in lab.loader(*commands[0]).out
        device.send(3)
    else:
        (outcome,) = [item for item in lab.loader_json(*commands[1]) if item["dev"] == OLD]
        assert outcome["outcome"] == "cleaned" and f"{pin_dir(OLD)}/xdp_stats_map" in outcome["removed"]
        device.is_free()


# ---- --run


@cases(TABLE, [way for way in WAYS if way in ("link", "shared")])
def test_end_of_a_run(device, happened):
    """Its program ends with it, wherever the device has gone; a new device of the same name is not touched."""
    process = device.run()
    happened(device)
    if device.place:
        device.send(6)
    counts = dump_counts(pin_dir(OLD) / "xdp_stats_map")
    assert counts == device.counts
    if cannot_be_ended(device, happened):
        process.stop(status=CONFLICT)
        assert names_the_place(device, "\n".join(process.lines["err"]))
        assert device.lives() and pin_dir(OLD).exists()
        return
    process.stop(status=0)
    device.is_free()


@cases(ALIVE)
def test_run_of_a_command_is_refused_while_our_program_is_attached(device, happened):
    device.load()
    happened(device)
    refused(device, CONFLICT, *device.address, "--run", "--", "true", says="attached")
    if device.place.name != OLD or device.place.netns:
        refused(device, TABLE[happened].load, "--dev", OLD, "--run", "--", "true", says=OLD)
