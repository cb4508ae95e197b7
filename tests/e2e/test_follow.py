# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats while maps, programs and devices come and go under it: nothing is lost, nothing counted twice."""

import json
import os
import struct

import pytest

from support.adopted import id_at
from support.maps import META_FORMAT
from support.pins import pin_dir
from support.process_table import descriptors_of
from support.processes import run
from support.programs import MODES, STATS, object_file
from support.samples import counts_of, session_of
from support.traffic import SIZE, send


def packets(sample):
    return sample["total"]["packets"]


def test_reload_with_new_maps(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 100, SIZE)
    first = reader.wait_for_session(100)
    lab.load("veth0", "--action", "drop")
    reader.wait_for_message("generation|replaced|map")
    reader.wait_for(lambda sample: sample["generation"] == 2)
    send(veth0, 40, SIZE)
    second = reader.wait_for_session(140)
    assert first["map_id"] != second["map_id"]
    assert counts_of(second) == {"XDP_DROP": (40, 40 * SIZE)}
    assert session_of(second) == {"XDP_PASS": (100, 100 * SIZE), "XDP_DROP": (40, 40 * SIZE)}
    assert second["state"] == "attached"


def test_last_packets_of_the_old_map_are_not_lost(lab, veth0):
    """The replacement comes before the next sample could have seen them."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0", interval="2s")
    send(veth0, 100, SIZE)
    lab.load("veth0", "--action", "drop")
    sample = reader.wait_for(lambda sample: sample["generation"] == 2)
    assert session_of(sample) == {"XDP_PASS": (100, 100 * SIZE)}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("replacements, reuse", [(10, []), (10, ["--reuse-maps"])])
def test_replacements_under_traffic_lose_nothing(lab, veth0, mode, replacements, reuse):
    lab.load("veth0", MODES[mode])
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda sample: packets(sample) > 0)
    for number in range(replacements):
        action = ("drop", "pass")[number % 2]
        generation = lab.load("veth0", MODES[mode], "--action", action, *reuse)["generation"]
        assert generation == number + 2
        reader.wait_for(lambda sample: sample["generation"] == generation)
    sent = traffic.finish()
    sample = reader.wait_for_session(sent)
    session = session_of(sample)
    assert set(session) == {"XDP_PASS", "XDP_DROP"}
    assert sample["total"]["session_bytes"] == sent * SIZE
    if reuse:
        assert counts_of(sample) == session


def test_replacements_leave_no_descriptor_behind(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")

    def reload():
        generation = lab.load("veth0")["generation"]
        for _ in range(2):
            reader.wait_for(lambda sample: sample["generation"] == generation)
        return descriptors_of(reader.popen.pid)

    before = reload()
    for _ in range(5):
        after = reload()
    assert after == before


def test_replacements_between_two_looks_lose_nothing(lab, veth0):
    """Generations that came and went unseen are known from the meta."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    for action in ("drop", "pass") * 5:
        lab.load("veth0", "--action", action)
    sent = traffic.finish()
    reader.wait_for_session(sent)


def test_reload_with_reused_maps(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 100, SIZE)
    first = reader.wait_for_session(100)
    lab.load("veth0", "--action", "drop", "--reuse-maps")
    reader.wait_for(lambda sample: sample["generation"] == 2)
    send(veth0, 40, SIZE)
    second = reader.wait_for_session(140)
    assert first["map_id"] == second["map_id"]
    both = {"XDP_PASS": (100, 100 * SIZE), "XDP_DROP": (40, 40 * SIZE)}
    assert counts_of(second) == both == session_of(second)


def test_reader_before_loader(lab, veth0):
    reader = lab.stats("--dev", "veth0")
    reader.wait_for_message("veth0")
    lab.load("veth0")
    reader.wait_for(lambda sample: sample["state"] == "attached")
    send(veth0, 30, SIZE)
    assert session_of(reader.wait_for_session(30)) == {"XDP_PASS": (30, 30 * SIZE)}


def test_reader_waiting_for_the_pin_says_so_once(lab, veth0):
    reader = lab.stats("--dev", "veth0")
    reader.wait_for_message("veth0")
    lab.load("veth0")
    reader.wait_for(lambda sample: True)
    messages = reader.stop()
    assert len([line for line in messages.splitlines() if "wait" in line]) == 1, messages


def test_reader_waits_for_the_device(lab):
    reader = lab.stats("--dev", "veth0", "--wait")
    reader.wait_for_message("veth0")
    veth = lab.veth("veth0")
    lab.load("veth0")
    reader.wait_for(lambda sample: sample["state"] == "attached")
    send(veth, 30, SIZE)
    reader.wait_for_session(30)


def test_reader_waits_for_a_map_path(lab, veth0):
    path = pin_dir("veth0") / "xdp_stats_map"
    reader = lab.stats("--map", path, "--wait")
    reader.wait_for_message("xdp_stats_map")
    lab.load("veth0")
    reader.wait_for(lambda sample: True)
    send(veth0, 30, SIZE)
    reader.wait_for_session(30)


def test_interrupted_while_waiting(lab, veth0):
    for arguments in (["--dev", "veth0"], ["--dev", "nope", "--wait"]):
        reader = lab.stats(*arguments)
        reader.wait_for_message(arguments[1])
        reader.stop()


def test_unload_while_reading(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 50, SIZE)
    reader.wait_for_session(50)
    lab.loader("--dev", "veth0", "--unload")
    reader.wait_for_message("veth0")
    lab.load("veth0", "--action", "drop")
    send(veth0, 20, SIZE)
    sample = reader.wait_for_session(70)
    assert sample["generation"] == 1
    assert session_of(sample) == {"XDP_PASS": (50, 50 * SIZE), "XDP_DROP": (20, 20 * SIZE)}


def test_unload_keeping_maps_while_reading(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 50, SIZE)
    reader.wait_for_session(50)
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    sample = reader.wait_for(lambda sample: sample["state"] == "detached")
    assert counts_of(sample) == {"XDP_PASS": (50, 50 * SIZE)}
    lab.load("veth0", "--reuse-maps")
    reader.wait_for(lambda sample: sample["state"] == "attached")
    send(veth0, 5, SIZE)
    reader.wait_for_session(55)


def test_a_mount_over_the_pins_is_noticed(lab, veth0):
    """It causes no event of their directory, which is looked at when something happens."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 100, SIZE)
    reader.wait_for_session(100)
    run(["mount", "-t", "tmpfs", "tmpfs", pin_dir("veth0")])
    rounds = len(reader.samples())
    try:
        reader.wait_for_message("veth0: ")
    finally:
        run(["umount", pin_dir("veth0")])
    # There is none while nothing is pinned.
    assert len(reader.samples()) - rounds < 10, "only as it is looked at every 10 seconds anyway, a hundred rounds"
    send(veth0, 50, SIZE)
    reader.wait_for_session(150)


def test_device_deleted_while_reading(lab, veth0):
    """Its counters stay pinned and readable; what had been counted is still told."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 50, SIZE)
    reader.wait_for_session(50)
    lab.delete(veth0)
    sample = reader.wait_for(lambda sample: sample["state"] != "attached")
    assert sample["state"] == "detached"
    assert session_of(sample) == {"XDP_PASS": (50, 50 * SIZE)}
    reader.stop()
    lab.loader("--dev", "veth0", "--clean")


def test_device_deleted_and_made_again_while_reading(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 50, SIZE)
    reader.wait_for_session(50)
    lab.delete(veth0)
    reader.wait_for(lambda sample: sample["state"] != "attached")
    again = lab.veth("veth0")
    lab.load("veth0")
    reader.wait_for(lambda sample: sample["state"] == "attached")
    send(again, 7, SIZE)
    reader.wait_for_session(57)


def test_program_of_somebody_else_makes_it_stale(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    reader.wait_for(lambda sample: sample["state"] == "attached")
    run(["bpftool", "link", "detach", "pinned", pin_dir("veth0") / "xdp_link"])
    reader.wait_for(lambda sample: sample["state"] == "detached")
    lab.foreign_attach("veth0")
    reader.wait_for(lambda sample: sample["state"] == "stale")


def test_several_devices(lab):
    devices = {name: lab.veth(name) for name in ("veth0", "veth1", "eth0.100")}
    for name in devices:
        lab.load(name)
    reader = lab.reading(*[part for name in devices for part in ("--dev", name)])
    for number, veth in enumerate(devices.values(), 1):
        send(veth, 10 * number, SIZE)
    waiting = {name: 10 * number for number, name in enumerate(devices, 1)}

    def all_there(sample):
        assert packets(sample) <= waiting.get(sample["dev"], packets(sample))
        if waiting.get(sample["dev"]) == packets(sample):
            del waiting[sample["dev"]]
        return not waiting

    reader.wait_for(all_there)


def test_another_devices_replacement_does_not_matter(lab):
    devices = {name: lab.veth(name) for name in ("veth0", "veth1")}
    for name in devices:
        lab.load(name)
    reader = lab.reading("--dev", "veth0", "--dev", "veth1")
    send(devices["veth0"], 10, SIZE)
    reader.wait_for(lambda sample: sample["dev"] == "veth0" and packets(sample) == 10)
    lab.load("veth1")
    reader.wait_for(lambda sample: sample["dev"] == "veth1" and sample["generation"] == 2)
    sample = reader.wait_for(lambda sample: sample["dev"] == "veth0")
    assert sample["generation"] == 1 and packets(sample) == 10


def test_since_start(lab, veth0):
    lab.load("veth0")
    send(veth0, 100, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (100, 100 * SIZE)})
    reader = lab.reading("--dev", "veth0", "--since-start")
    assert packets(reader.samples()[0]) == 0
    send(veth0, 8, SIZE)
    sample = reader.wait_for_session(8)
    assert counts_of(sample) == {"XDP_PASS": (8, 8 * SIZE)}
    lab.load("veth0", "--action", "drop")
    send(veth0, 2, SIZE)
    sample = reader.wait_for_session(10)
    assert counts_of(sample) == {"XDP_PASS": (8, 8 * SIZE), "XDP_DROP": (2, 2 * SIZE)}


def test_session_starts_with_the_reader(lab, veth0):
    lab.load("veth0")
    send(veth0, 100, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (100, 100 * SIZE)})
    reader = lab.reading("--dev", "veth0")
    first = reader.samples()[0]
    assert packets(first) == 100 and first["total"]["session_packets"] == 0
    send(veth0, 1, SIZE)
    assert packets(reader.wait_for_session(1)) == 101


def test_rates_are_the_difference_by_the_measured_time(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    for action in ("pass", "drop", "pass"):
        generation = lab.load("veth0", "--action", action)["generation"]
        for _ in range(3):
            reader.wait_for(lambda sample: sample["generation"] == generation and packets(sample) > 0)
    traffic.finish()
    reader.stop()
    compared = 0
    for before, after in zip(reader.samples(), reader.samples()[1:]):
        if before["map_id"] == after["map_id"] and after["total"]["pps"] is not None:
            for old, new in [(before["total"], after["total"]),
                             *((before["actions"][name], after["actions"][name]) for name in after["actions"])]:
                assert new["pps"] == pytest.approx((new["packets"] - old["packets"]) / after["period"], rel=1e-3)
                assert new["bps"] == pytest.approx(8 * (new["bytes"] - old["bytes"]) / after["period"], rel=1e-3)
                compared += 1
    assert compared > 0


def test_own_objects_with_other_maps_under_the_reader(lab, veth0):
    lab.load("veth0", "--filename", object_file("generation_a"))
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    for name in ("generation_b", "generation_a", "own"):
        lab.load("veth0", "--filename", object_file(name))
    reader.wait_for_session(traffic.finish())


def test_map_path_is_followed(lab, veth0):
    lab.load("veth0")
    reader = lab.reading("--map", pin_dir("veth0") / "xdp_stats_map")
    send(veth0, 10, SIZE)
    reader.wait_for_session(10)
    lab.load("veth0", "--action", "drop")
    reader.wait_for(lambda sample: packets(sample) == 0)
    send(veth0, 5, SIZE)
    assert session_of(reader.wait_for_session(15)) == {"XDP_PASS": (10, 10 * SIZE), "XDP_DROP": (5, 5 * SIZE)}


def test_map_id_is_held_on_to(lab, veth0):
    """An id names one map for ever: it is not followed, and stays readable after its pin is gone."""
    maps = lab.load("veth0")["maps"]
    number = next(item["id"] for item in maps if item["name"] == "xdp_stats_map")
    reader = lab.reading("--map-id", number)
    send(veth0, 10, SIZE)
    reader.wait_for_session(10)
    lab.load("veth0", "--action", "drop")
    sample = reader.wait_for(lambda sample: True)
    assert sample["map_id"] == number and packets(sample) == 10


def test_once_never_waits(lab, veth0):
    result = run([STATS, "--dev", "veth0", "--once"], status=4)
    assert "xdp_loader" in result.err  # what to do about it
    run([STATS, "--dev", "nope", "--once"], status=4)
    lab.load("veth0")
    sample = json.loads(run([STATS, "--dev", "veth0", "--once", "--json"]).out)
    assert sample["period"] == 0.0
    assert all(action["pps"] is None and action["bps"] is None for action in sample["actions"].values())


def test_per_program_of_a_map_that_comes_later(lab, veth0):
    """Without programs to tell apart, it is the error that it is at once."""
    reader = lab.process(STATS, "--dev", "veth0", "--per-program", "--interval", "1h")
    reader.wait_for_line("nothing is pinned at .* yet; waiting", stream="err")
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", "percpu_array", 4, 16, 5)
    error = reader.wait(status=4).splitlines()[2:]  # behind two notices
    assert error == run([STATS, "--dev", "veth0", "--per-program", "--once"], status=4).err.splitlines()


ATTACH_OBSERVE = 4  # of enum xdp_tally_attach


def pin_observation(lab, dev, program):
    """The pins of an observed dispatcher with one program, made by hand, as not every kernel takes observers."""
    counters = lab.foreign_map(pin_dir(dev) / "xdp_stats_map", "percpu_array", 4, 16, 5)
    component = lab.foreign_map(pin_dir(dev) / f"component:7:{program}", "percpu_array", 4, 16, 5)
    ids = [id_at(path) for path in (counters, component)]
    value = struct.pack(META_FORMAT, 0x796C6154, 1, 3, 1, 0, os.stat("/proc/self/ns/net").st_ino, ids[0], 0, 0, 1,
                        ATTACH_OBSERVE, len(ids), 0, 0, dev.encode(), program.encode(), *[0] * 10)
    value += struct.pack("=256I", *ids, *[0] * 254)
    meta = lab.foreign_map(pin_dir(dev) / "xdp_stats_meta", "array", 4, len(value), 1)
    run(["bpftool", "map", "update", "pinned", meta, "key", *[0] * 4, "value", *value])
    return counters, component, meta


def test_per_program_when_an_observation_has_ended(lab, veth0):
    """The programs of the dispatcher are none of the load that comes after it."""
    def names(sample):
        return [program["name"] for program in sample["programs"]]

    pins = pin_observation(lab, "veth0", "theirs")
    reader = lab.reading("--dev", "veth0", "--per-program")
    reader.wait_for(lambda sample: names(sample) == ["theirs"])
    for path in pins:
        lab.remove_pin(path)
    lab.load("veth0", "--attach", "link")
    send(veth0, 10, SIZE)
    sample = reader.wait_for(lambda sample: sample["generation"] == 1 and sample["total"]["session_packets"] == 10)
    assert names(sample) == ["xdp_pass"] and counts_of(sample["programs"][0]) == {"XDP_PASS": (10, 10 * SIZE)}
