# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""--unload, --status and --clean: what goes, what stays, and what is said about it."""

import os

import pytest

from support.devices import attached, link_info, wait_for_carrier
from support.pins import BPFFS, PINS, pin_dir, pinned_link, pins_of
from support.processes import run, wait_until
from support.programs import object_file
from support.traffic import send


# ---- unload


@pytest.mark.parametrize("option", ["-U", "--unload"])
def test_unload_removes_everything(lab, veth0, option):
    before = lab.world()
    lab.load("veth0")
    (outcome,) = lab.loader_json("--dev", "veth0", option)
    assert outcome["outcome"] == "unloaded"
    assert attached("veth0") is None
    assert lab.world() == before


def test_unload_of_own_object_removes_all_its_maps(lab, veth0):
    lab.load("veth0", "--filename", object_file("tail_call"))
    lab.loader("--dev", "veth0", "--unload")
    assert not pin_dir("veth0").exists()


def test_nothing_to_unload(lab, veth0):
    result = lab.loader("--dev", "veth0", "--unload", status=4)
    assert result.err.startswith("xdp_loader: ") and "veth0" in result.err


def test_unload_by_id(lab, veth0):
    program = lab.load("veth0")["program"]["id"]
    lab.loader("--dev", "veth0", "--unload", program)
    assert attached("veth0") is None
    assert not pin_dir("veth0").exists()


@pytest.mark.parametrize("spelling", ["--unload={}", "-U{}"])
def test_unload_by_id_in_one_word(lab, veth0, spelling):
    program = lab.load("veth0")["program"]["id"]
    lab.loader("--dev", "veth0", spelling.format(program))
    assert attached("veth0") is None


def test_unload_of_an_id_that_is_not_there(lab, veth0):
    program = lab.load("veth0")["program"]["id"]
    world = lab.world()
    lab.loader("--dev", "veth0", "--unload", program + 100000, status=4)
    assert lab.world() == world


def test_unload_keeps_maps(lab, veth0):
    lab.load("veth0", "--filename", object_file("generation_a"))
    send(veth0, 5, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    assert attached("veth0") is None
    assert pins_of("veth0") == ["only_a", "shared", "xdp_stats_map", "xdp_stats_meta"]
    sample = lab.once("veth0")
    assert sample["state"] == "detached"
    assert sample["total"]["packets"] == 5
    assert lab.status("veth0")["state"] == "detached"
    lab.loader("--dev", "veth0", "--clean")
    assert not pin_dir("veth0").exists()


def test_unload_leaves_foreign_pins(lab, veth0):
    foreign = lab.foreign_map(pin_dir("veth0") / "not_ours")
    lab.load("veth0")
    lab.loader("--dev", "veth0", "--unload")
    assert pins_of("veth0") == ["not_ours"]
    assert foreign.exists()


def test_unload_leaves_a_foreign_program(lab, veth0):
    foreign = lab.foreign_attach("veth0")
    lab.loader("--dev", "veth0", "--unload", status=4)
    assert attached("veth0") == ("native", foreign["id"])


def test_unload_of_a_foreign_program_by_its_id(lab, veth0):
    foreign = lab.foreign_attach("veth0")
    lab.loader("--dev", "veth0", "--unload", foreign["id"])
    assert attached("veth0") is None


def test_unload_of_a_foreign_link(lab, veth0):
    """Its owner alone can end it: what the hints say is what works."""
    program, link = lab.foreign_link("veth0")
    way = f"`bpftool link detach id {pinned_link(link)['id']}`"
    for verb, status in (["--unload"], 4), (["--unload", program["id"]], 5):
        hint = lab.loader("--dev", "veth0", *verb, status=status).err.splitlines()[-1]
        assert way in hint and "--unload" not in hint, hint
    run(way.strip("`").split())
    assert attached("veth0") is None


def test_unload_after_somebody_else_took_the_hook(lab, veth0):
    """Our link was severed behind our back: the pins go, the other program stays."""
    lab.load("veth0")
    run(["bpftool", "link", "detach", "pinned", pin_dir("veth0") / "xdp_link"])
    foreign = lab.foreign_attach("veth0")
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") == ("native", foreign["id"])
    assert not pin_dir("veth0").exists()


def test_unload_of_several_devices(lab):
    for name in ("veth0", "veth1"):
        lab.veth(name)
        lab.load(name)
    outcomes = lab.loader_json("--dev", "veth0", "--dev", "veth1", "--unload")
    assert [item["outcome"] for item in outcomes] == ["unloaded"] * 2


# ---- status


def test_status_of_a_device_without_anything(lab, veth0):
    outcome = lab.status("veth0")
    assert outcome["state"] == "none"
    assert outcome["hook"] is None


def test_status_of_an_attached_program(lab, veth0):
    loaded = lab.load("veth0")
    outcome = lab.status("veth0")
    assert outcome["state"] == "attached"
    for field in ("mode", "attach", "generation", "pin_dir", "program"):
        assert outcome[field] == loaded[field], field
    assert outcome["hook"]["mode"] == loaded["mode"]
    assert outcome["hook"]["program"]["id"] == loaded["program"]["id"]
    pins = {item["name"]: (item["id"], item["pin"]) for item in outcome["maps"]}
    for item in loaded["maps"]:
        assert pins[item["name"]] == (item["id"], item["pin"])


def test_status_in_words(lab, veth0):
    program = lab.load("veth0")["program"]
    out = lab.loader("--dev", "veth0", "--status").out
    for word in ("veth0", "attached", "native", str(program["id"]), "xdp_pass", program["tag"], "xdp_stats_map"):
        assert word in out, (word, out)


def test_status_of_a_foreign_program(lab, veth0):
    foreign = lab.foreign_attach("veth0")
    outcome = lab.status("veth0")
    assert outcome["state"] == "foreign"
    assert outcome["hook"]["program"]["id"] == foreign["id"]
    assert outcome["hook"]["program"]["name"] == "no_counter"
    assert outcome["hook"]["mode"] == "native"


def test_status_of_all_devices(lab):
    for name in ("veth0", "veth1", "gone0"):
        lab.veth(name)
    lab.load("veth0")
    gone = lab.veth("eth0.7")
    lab.load("eth0.7")
    lab.delete(gone)
    states = {item["dev"]: item["state"] for item in lab.loader_json("--status")}
    assert states["veth0"] == "attached"
    assert states["eth0.7"] == "orphaned"
    assert states.get("veth1", "none") == "none"
    lab.loader("--clean")
    assert not pin_dir("eth0.7").exists()


def test_status_after_the_link_was_severed(lab, veth0):
    lab.load("veth0")
    run(["bpftool", "link", "detach", "pinned", pin_dir("veth0") / "xdp_link"])
    assert lab.status("veth0")["state"] == "detached"
    assert lab.once("veth0")["state"] == "detached"
    lab.foreign_attach("veth0")
    assert lab.status("veth0")["state"] == "stale"
    assert lab.once("veth0")["state"] == "stale"


def test_status_of_an_unknown_device(lab):
    lab.loader("--dev", "nope", "--status", status=4)


# ---- clean


@pytest.mark.parametrize("device", [["--dev", "veth0"], []])
def test_clean_after_the_device_is_gone(lab, veth0, device):
    lab.load("veth0", "--filename", object_file("generation_a"))
    lab.delete(veth0)
    assert lab.status("veth0")["state"] == "orphaned"
    outcomes = lab.loader_json(*device, "--clean")
    assert ("veth0", "cleaned") in [(item["dev"], item["outcome"]) for item in outcomes]
    assert not pin_dir("veth0").exists()


@pytest.mark.parametrize("device", [["--dev", "veth0"], []])
def test_clean_spares_what_is_fed(lab, veth0, device):
    lab.load("veth0")
    world = lab.world()
    lab.loader(*device, "--clean")
    assert lab.world() == world


def test_clean_after_the_program_is_gone(lab, veth0):
    lab.load("veth0")
    run(["bpftool", "link", "detach", "pinned", pin_dir("veth0") / "xdp_link"])
    lab.loader("--clean")
    assert not pin_dir("veth0").exists()


def test_clean_spares_foreign_pins(lab, veth0):
    beside = lab.foreign_map(pin_dir("veth0") / "not_ours")
    elsewhere = lab.foreign_map(BPFFS / "elsewhere" / "xdp_stats_map", kind="percpu_array", value=16, entries=5)
    lab.load("veth0")
    lab.delete(veth0)
    lab.loader("--clean")
    assert pins_of("veth0") == ["not_ours"]
    assert beside.exists() and elsewhere.exists()


def test_clean_dry_run_changes_nothing(lab, veth0):
    lab.load("veth0")
    lab.delete(veth0)
    world = lab.world()
    (outcome,) = [item for item in lab.loader_json("--clean", "--dry-run") if item["dev"] == "veth0"]
    assert outcome["dry_run"] is True
    assert lab.world() == world
    lab.loader("--clean")


def test_clean_with_nothing_to_do(lab, veth0):
    lab.loader("--clean")


def test_load_over_orphaned_pins(lab, veth0):
    """The device went away and came back under the same name."""
    first = lab.load("veth0")
    lab.delete(veth0)
    again = lab.veth("veth0")
    outcome = lab.load("veth0")
    assert outcome["program"]["id"] != first["program"]["id"]
    assert pins_of("veth0") == PINS
    send(again, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})


def test_renamed_device_keeps_counting(lab, veth0):
    lab.load("veth0")
    run(["ip", "link", "set", "dev", "veth0", "down"])
    run(["ip", "link", "set", "dev", "veth0", "name", "renamed0"])
    run(["ip", "link", "set", "dev", "renamed0", "up"])
    wait_for_carrier("renamed0", veth0.peer)
    send(veth0._replace(name="renamed0"), 3, 100)
    wait_until(lambda: attached("renamed0"), "program attached")
    run(["ip", "link", "set", "dev", "renamed0", "down"])
    run(["ip", "link", "set", "dev", "renamed0", "name", "veth0"])
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})


def test_device_moved_away_does_not_feed_its_namesake(lab, veth0):
    """Another device of the same name is not the one whose counters are pinned."""
    lab.load("veth0")
    run(["ip", "link", "set", "dev", "veth0", "down"])
    run(["ip", "link", "set", "dev", "veth0", "name", "other0"])
    namesake = lab.veth("veth0", peer="p-namesake")
    assert link_info("veth0")["ifindex"] != link_info("other0")["ifindex"]
    assert lab.status("veth0")["state"] != "attached"
    sample = lab.once("veth0")
    assert (sample["state"], sample["runs_on"]) == ("attached", "other0")
    lab.delete(namesake)
    run(["ip", "link", "set", "dev", "other0", "name", "veth0"])
    assert lab.status("veth0")["state"] == "attached"
    assert os.path.exists(pin_dir("veth0"))
