# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Other people's programs, pins and maps: never overwritten, and read where they count as we do."""

import json

import pytest

from support.bpftool import bpftool
from support.devices import attached, rename
from support.maps import dump_counts
from support.pins import BPFFS, pin_dir, pinned_link
from support.processes import run, wait_until
from support.programs import NOT_FOUND, STATS, object_file
from support.samples import counts_of
from support.traffic import send

# ---- somebody else holds the hook


@pytest.mark.parametrize("mode", ["native", "generic"])
def test_foreign_program_is_refused_then_forced(lab, veth0, mode):
    foreign = lab.foreign_attach("veth0", mode)
    world = lab.world()
    result = lab.loader("--dev", "veth0", status=5)
    assert result.err.startswith("xdp_loader: ")
    for word in (str(foreign["id"]), "no_counter", mode, "--force"):
        assert word in result.err, (word, result.err)
    assert lab.world() == world

    outcome = lab.load("veth0", "--force", {"native": "-N", "generic": "-S"}[mode])
    assert outcome["attach"] == "netlink"
    assert attached("veth0") == (mode, outcome["program"]["id"])
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    assert lab.once("veth0")["state"] == "attached"


@pytest.mark.parametrize("reuse", [[], ["--reuse-maps"]])
def test_what_was_attached_by_force_is_replaced_and_unloaded(lab, veth0, reuse):
    lab.foreign_attach("veth0")
    lab.load("veth0", "--force")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    outcome = lab.load("veth0", "--action", "drop", *reuse)
    assert outcome["generation"] == 2
    assert attached("veth0") == ("native", outcome["program"]["id"])
    send(veth0, 3, 100)
    before = {"XDP_PASS": (10, 1000)} if reuse else {}
    lab.wait_for_counts("veth0", {**before, "XDP_DROP": (3, 300)})
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None
    assert not pin_dir("veth0").exists()


def test_what_was_attached_by_force_is_found_by_its_old_name(lab, veth0):
    """No link tells where it runs."""
    lab.foreign_attach("veth0")
    program = lab.load("veth0", "--force")["program"]["id"]
    rename(veth0, "veth9")
    (status,) = lab.loader_json("--dev", "veth0", "--status")
    assert (status["state"], status["runs_on"]) == ("attached", "veth9")
    assert lab.loader("--dev", "veth0", "--clean").out == \
        "veth0: nothing to clean up: the pins are in use, by a program on 'veth9'\n"
    lab.loader("--clean")
    assert pin_dir("veth0").exists() and attached("veth9") == ("native", program)
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth9") is None and not pin_dir("veth0").exists()


def test_program_attached_by_iproute2(lab, veth0):
    run(["ip", "link", "set", "dev", "veth0", "xdp", "object", object_file("no_counter"), "section", "xdp"])
    program = attached("veth0")
    result = lab.loader("--dev", "veth0", status=5)
    assert str(program[1]) in result.err
    assert attached("veth0") == program
    outcome = lab.load("veth0", "--force")
    assert attached("veth0") == ("native", outcome["program"]["id"])
    sweep_iproute2()


def sweep_iproute2():
    """Directories and symbolic links that iproute2 makes and leaves."""
    for name in ("ip", "tc", "xdp"):
        for path in sorted([BPFFS / name, *(BPFFS / name).rglob("*")], reverse=True):
            path.unlink() if path.is_symlink() else path.rmdir()


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_foreign_link_is_never_replaced(lab, veth0, force):
    program, link = lab.foreign_link("veth0")
    link_id = pinned_link(link)["id"]
    world = lab.world()
    result = lab.loader("--dev", "veth0", *force, status=5)
    assert str(program["id"]) in result.err
    assert f"bpftool link detach id {link_id}" in result.err
    assert lab.world() == world
    run(["bpftool", "link", "detach", "id", link_id])
    lab.load("veth0")


def test_generic_beside_native_is_refused(lab, veth0):
    foreign = lab.foreign_attach("veth0", "native")
    lab.loader("--dev", "veth0", "--skb-mode", status=5)
    assert attached("veth0") == ("native", foreign["id"])


def test_ip_link_cannot_take_our_program_away(lab, veth0):
    program = lab.load("veth0")["program"]["id"]
    run(["ip", "link", "set", "dev", "veth0", "xdp", "off"], status=2)
    assert attached("veth0") == ("native", program)


def test_xdp_loader_of_xdp_tools_is_kept_out(lab, veth0):
    program = lab.load("veth0")["program"]["id"]
    run(["xdp-loader", "load", "veth0", object_file("no_counter")], status=240)
    assert attached("veth0") == ("native", program)
    remove_libxdp_directory()


def remove_libxdp_directory():
    """libxdp makes its directory for a lock and leaves it."""
    if (BPFFS / "xdp").exists():
        (BPFFS / "xdp").rmdir()


# ---- pins that xdp-tally did not create


@pytest.mark.parametrize("name", ["xdp_stats_map", "xdp_stats_meta", "xdp_link"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_occupied_pin_path_is_refused(lab, veth0, name, force):
    lab.foreign_map(pin_dir("veth0") / name)
    world = lab.world()
    result = lab.loader("--dev", "veth0", *force, status=5)
    assert result.err.startswith("xdp_loader: ") and f"/sys/fs/bpf/veth0/{name}" in result.err
    assert lab.world() == world


def test_pin_that_is_not_a_map_is_refused(lab, veth0):
    program = lab.foreign_program()
    pin_dir("veth0").mkdir()
    path = pin_dir("veth0") / "xdp_stats_map"
    program.rename(path)
    lab.cleanups.append(lambda: (path.unlink(), pin_dir("veth0").rmdir()))
    world = lab.world()
    for options in ([], ["--reuse-maps"]):
        lab.loader("--dev", "veth0", *options, status=5)
    assert lab.world() == world
    result = run([STATS, "--dev", "veth0", "--once"], status=5)
    assert result.err.startswith("xdp_stats: ")


def test_occupied_path_of_another_map_is_refused_and_rolled_back(lab, veth0):
    lab.load("veth0")
    lab.foreign_map(pin_dir("veth0") / "shared")
    send(veth0, 2, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (2, 200)})
    world = lab.world()
    lab.loader("--dev", "veth0", "--filename", object_file("generation_a"), status=5)
    assert lab.world() == world
    lab.wait_for_counts("veth0", {"XDP_PASS": (2, 200)})


def test_counter_map_of_another_layout_is_not_reused(lab, veth0):
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", kind="percpu_array", value=8, entries=5)
    world = lab.world()
    lab.loader("--dev", "veth0", "--reuse-maps", status=5)
    assert lab.world() == world


# ---- their maps, our reader; our map, their reader


def test_map_made_through_libxdps_header(lab, veth0):
    lab.load("veth0", "--filename", object_file("libxdp_stats"))
    send(veth0, 21, 100)
    lab.wait_for_counts("veth0", {"XDP_DROP": (21, 2100)})


def test_map_pinned_by_the_tutorials_loader(lab, veth0):
    """As xdp-tutorial does it: netlink attachment, map pinned in the device's directory, no metadata."""
    maps, program = pin_dir("veth0"), BPFFS / "theirs"
    lab.cleanups += [program.unlink, maps.rmdir, lambda: [path.unlink() for path in maps.iterdir()]]
    run(["bpftool", "prog", "load", object_file("own"), program, "type", "xdp", "pinmaps", maps])
    run(["bpftool", "net", "attach", "xdp", "pinned", program, "dev", "veth0"])
    send(veth0, 14, 100)
    wait_until(lambda: lab.once("veth0")["total"]["packets"] >= 14, "14 packets")
    sample = lab.once("veth0")
    assert counts_of(sample) == {"XDP_PASS": (14, 1400)}
    assert sample["state"] == "foreign"
    assert sample["generation"] is None


def xdp_filter_map(lab, veth):
    run(["xdp-filter", "load", "--mode", "native", veth.name])

    def unload():
        run(["xdp-filter", "unload", veth.name])
        remove_libxdp_directory()

    lab.cleanups.append(unload)
    return BPFFS / "xdp-filter" / "xdp_stats_map"


def test_xdp_filters_map(lab, veth0):
    path = xdp_filter_map(lab, veth0)
    send(veth0, 33, 100)

    def read():
        return json.loads(run([STATS, "--map", path, "--once", "--json"]).out)

    wait_until(lambda: read()["total"]["packets"] >= 33, "33 packets")
    sample = read()
    assert counts_of(sample) == {"XDP_PASS": (33, 3300)}
    assert sample["state"] == "foreign"


def test_xdp_filters_program_is_refused(lab, veth0):
    xdp_filter_map(lab, veth0)
    program = attached("veth0")
    lab.loader("--dev", "veth0", status=5)
    assert attached("veth0") == program
    assert not pin_dir("veth0").exists()


def test_six_entries_are_read(lab, veth0):
    lab.load("veth0", "--filename", object_file("six_entries"))
    send(veth0, 5, 100)
    wait_until(lambda: lab.once("veth0")["total"]["packets"] >= 5, "5 packets")
    assert counts_of(lab.once("veth0")) == {"XDP_PASS": (5, 500)}


def test_bpftool_dumps_our_map_with_field_names(lab, veth0):
    lab.load("veth0")
    send(veth0, 7, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (7, 700)})
    path = pin_dir("veth0") / "xdp_stats_map"
    entries = bpftool("map", "dump", "pinned", path)
    values = [value["value"] for value in entries[2]["formatted"]["values"]]
    assert sum(value["rx_packets"] for value in values) == 7
    assert sum(value["rx_bytes"] for value in values) == 700
    assert dump_counts(path) == {"XDP_PASS": (7, 700)}


def test_linear_program_counts_whole_jumbo_frames_in_generic_mode(lab):
    """The kernel hands it linear frames there."""
    veth = lab.veth("veth0", mtu=9000)
    lab.load("veth0", "--filename", object_file("libxdp_stats"), "--skb-mode")
    send(veth, 4, 8000)
    lab.wait_for_counts("veth0", {"XDP_DROP": (4, 32000)})


@pytest.mark.parametrize("verb", ["--status", "--clean", "--unload"])
def test_directory_of_others_is_no_device(lab, verb):
    """Nor what xdp_loader has to do with: there is no interface of that name."""
    path = lab.foreign_map(BPFFS / "other" / "cache")
    assert "no interface" in lab.loader("--dev", "other", verb, status=NOT_FOUND).err
    run([STATS, "--dev", "other", "--once"], NOT_FOUND)
    assert path.exists()


def test_counters_of_others_are_told_of_without_the_device(lab):
    lab.foreign_map(BPFFS / "other" / "xdp_stats_map", "percpu_array", 4, 16, 5)
    assert lab.status("other")["state"] == "foreign"
