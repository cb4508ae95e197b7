# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""libxdp's dispatcher: our programs beside others on one hook. Runs where the kernel takes programs of type ext."""

import json
import os
import subprocess

import pytest

from support import kernel
from support.components import ForeignComponent, components, remove_leftovers_of_libxdp
from support.cost import cost_of, empty_run
from support.devices import attached, named
from support.maps import dump_counts, read_meta
from support.namespaces import Namespace
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import LOADER, MODES, compile_object, copy_for_everyone, object_file
from support.samples import session_of, wait_for_counts
from support.strace import strace
from support.traffic import SIZE, send

LAST = 1_000_000
PASS = ["XDP_PASS"]


# ---- alone


def test_load_count_status_unload(lab, veth0):
    outcome = lab.load("veth0")
    assert (outcome["attach"], outcome["prio"], outcome["chain_actions"]) == ("dispatcher", LAST, PASS)
    send(veth0, 100, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (100, 100 * SIZE)})
    assert pins_of("veth0") == ["xdp_stats_map", "xdp_stats_meta", "xdp_tally_mark"]

    seen = lab.status("veth0")
    assert (seen["state"], seen["attach"], seen["prio"]) == ("attached", "dispatcher", LAST)
    assert seen["hook"]["program"]["name"] == "xdp_dispatcher"
    (component,) = seen["hook"]["components"]
    assert component["id"] == outcome["program"]["id"] == read_meta("veth0").program_id

    removed = lab.loader_json("--dev", "veth0", "--unload")[0]
    assert removed["outcome"] == "unloaded"
    assert attached("veth0") is None
    assert not pin_dir("veth0").exists()


@pytest.mark.parametrize("mode", MODES)
def test_replace(lab, veth0, mode):
    lab.load("veth0", MODES[mode])
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 10 * SIZE)})
    outcome = lab.load("veth0", "--action", "drop")
    assert (outcome["generation"], outcome["prio"], outcome["mode"]) == (2, LAST - 1, mode)
    assert components(lab, "veth0") == ["xdp_drop"]
    send(veth0, 7, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (7, 7 * SIZE)})
    assert read_meta("veth0").carried == {"XDP_PASS": (10, 10 * SIZE)}
    outcome = lab.load("veth0", "--reuse-maps")
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (7, 7 * SIZE), "XDP_PASS": (5, 5 * SIZE)})


def test_dry_run_changes_nothing(lab, veth0):
    world = lab.world()
    (outcome,) = lab.loader_json("--dev", "veth0", "--dry-run")
    assert (outcome["outcome"], outcome["dry_run"], outcome["attach"]) == ("loaded", True, "dispatcher")
    assert lab.world() == world


def test_jumbo_frames(lab):
    kernel.need(kernel.frags)
    veth = lab.veth("veth0", mtu=9000)
    lab.load("veth0", "--native-mode")
    send(veth, 10, 8000)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 80000)})
    lab.load("veth0", "--filename", object_file("own"))
    send(veth, 3, 8000)
    wait_until(lambda: lab.once("veth0")["total"]["packets"] >= 3, "3 packets")
    assert lab.once("veth0")["total"]["bytes"] == 3 * 8000


def test_device_deleted(lab, veth0):
    lab.load("veth0")
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 10 * SIZE)})
    lab.delete(veth0)
    assert lab.status("veth0")["state"] == "orphaned"
    assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == {"XDP_PASS": (10, 10 * SIZE)}
    (outcome,) = lab.loader_json("--dev", "veth0", "--clean")
    assert str(BPFFS / "xdp" / "dispatch-") in " ".join(outcome["removed"])
    assert not pin_dir("veth0").exists() and not list((BPFFS / "xdp").iterdir())


def test_device_in_another_namespace(lab):
    """Loaded from outside, replaced and unloaded from inside `ip netns exec`."""
    red = Namespace(lab, "red")
    veth = red.veth()
    (outcome,) = lab.loader_json(*red.option, "--dev", "veth0")
    assert (outcome["attach"], outcome["netns"]) == ("dispatcher", "red")
    send(veth, 10, SIZE)
    sample = wait_for_counts({"XDP_PASS": (10, 10 * SIZE)}, *red.option, "--dev", "veth0")
    assert sample["state"] == "attached"
    lab.loader("--dev", "veth0", "--action", "drop", prefix=red.inside)
    send(veth, 5, SIZE)
    sample = wait_for_counts({"XDP_DROP": (5, 5 * SIZE)}, "--dev", "veth0", prefix=red.inside)
    assert (sample["generation"], sample["state"]) == (2, "attached")
    lab.loader("--dev", "veth0", "--unload", prefix=red.inside)
    assert red.attached() is None


def test_several_devices_at_once(lab):
    """libxdp is entered by several threads."""
    names = [lab.veth(f"v{number}").name for number in range(6)]
    words = named(names)
    for expected in ("loaded", "replaced"):
        outcomes = lab.loader_json(*words)
        assert [(item["dev"], item["outcome"], item["attach"]) for item in outcomes] == [
            (name, expected, "dispatcher") for name in names]
    lab.loader(*words, "--unload")
    assert not any(attached(name) for name in names)


# ---- between link and dispatcher


def test_move_to_a_dispatcher_and_back(lab, veth0):
    lab.load("veth0", "--attach", "link")
    reader = lab.reading("--dev", "veth0")
    send(veth0, 10, SIZE)
    reader.wait_for_session(10)
    assert lab.load("veth0")["attach"] == "link"
    outcome = lab.load("veth0", "--attach", "dispatcher", "--reuse-maps")
    assert outcome["attach"] == "dispatcher"
    assert any("no program was attached" in note for note in outcome["notes"])
    assert "xdp_link" not in pins_of("veth0")
    send(veth0, 10, SIZE)
    reader.wait_for_session(20)
    outcome = lab.load("veth0", "--attach", "link", "--reuse-maps")
    assert outcome["attach"] == "link"
    assert pins_of("veth0") == PINS
    send(veth0, 10, SIZE)
    sample = reader.wait_for_session(30)
    assert sample["total"]["packets"] == 20  # of the third and the fourth generation: the second made a new map
    assert (sample["generation"], sample["state"]) == (4, "attached")


def test_move_that_fails_leaves_everything(lab, veth0):
    lab.load("veth0", "--attach", "link")
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 10 * SIZE)})
    lab.loader("--dev", "veth0", "--attach", "dispatcher", "--filename", object_file("tail_call"), status=1)
    seen = lab.status("veth0")
    assert (seen["state"], seen["attach"]) == ("attached", "link")
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (20, 20 * SIZE)})


def test_move_that_libxdp_refuses_says_why(lab, veth0):
    """After the first variant the old program is attached again, by a new link, which is not in the second's way."""
    lab.load("veth0", "--attach", "link")
    lab.foreign_map(BPFFS / "xdp")  # where libxdp wants a directory
    result = lab.loader("--dev", "veth0", "--attach", "dispatcher", status=1)
    assert "libxdp attached the program without a dispatcher" in result.err
    seen = lab.status("veth0")
    assert (seen["state"], seen["attach"], seen["generation"]) == ("attached", "link", 1)
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 10 * SIZE)})


def test_move_whose_way_back_fails_says_that_nothing_runs(lab, veth0):
    """The link's pin cannot be renamed, and libxdp cannot make a directory again for what was in its dispatcher."""
    own = ["--filename", object_file("own")]  # of a file there is one variant to try
    lab.load("veth0", "--attach", "dispatcher", *own)
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 10 * SIZE)})
    trace = strace("-e", "inject=renameat,renameat2,rename:error=ENOSPC:when=1",
                   "-e", "inject=mkdir:error=ENOSPC:when=2+")  # the first is for the directory of them all
    result = lab.loader("--dev", "veth0", "--attach", "link", *own, status=1, prefix=trace)
    assert "no program is attached any more" in result.err and "the new program runs" not in result.err
    assert attached("veth0") is None
    assert lab.status("veth0")["state"] == "detached"
    assert "+staging" not in pins_of("veth0")
    lab.load("veth0", "--attach", "link", "--reuse-maps", *own)
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (20, 20 * SIZE)})


def test_dry_run_where_the_load_would_mount(lab, no_bpffs):
    lab.veth("veth0")
    lab.loader("--dev", "veth0", "--attach", "dispatcher", "--dry-run")
    (outcome,) = lab.loader_json("--dev", "veth0", "--dry-run")
    assert outcome["attach"] == "dispatcher"


# ---- what does not fit a dispatcher


@pytest.mark.parametrize("result, parameter, obstacle", [
    ("unsigned long", "const struct xdp_md *", None),
    ("enum xdp_action", "struct xdp_md *", "its return type is enum xdp_action"),
    ("int", "void *", "its parameter is void *"),
])
def test_signature(lab, veth0, tmp_path, result, parameter, obstacle):
    """The kernel compares a component's types with the dispatcher's."""
    file = compile_object(f"""
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        #include <xdp_tally/tally.bpf.h>
        SEC("xdp") {result} entry({parameter} ctx) {{ return xdp_tally((struct xdp_md *)ctx, XDP_PASS); }}
        char _license[] SEC("license") = "GPL";
    """, tmp_path / "prog.bpf.o")
    outcome = lab.load("veth0", "--filename", file)
    assert outcome["attach"] == ("link" if obstacle else "dispatcher")
    assert not obstacle or any(obstacle in note for note in outcome["notes"])
    send(veth0, 2, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (2, 2 * SIZE)})


def test_tail_calls_take_a_link(lab, veth0):
    outcome = lab.load("veth0", "--filename", object_file("tail_call"))
    assert outcome["attach"] == "link"
    assert any("tail calls" in note for note in outcome["notes"])


def test_program_that_changes_packets(lab, veth0):
    """Kernels differ; where it is refused in a dispatcher, that is said, and a link serves."""
    outcome = lab.load("veth0", "--filename", object_file("trims_tail"))
    assert outcome["attach"] == "link" or not outcome["notes"]
    if outcome["attach"] == "link":
        assert any("changes packets" in note for note in outcome["notes"])
        lab.loader("--dev", "veth0", "--unload")
        result = lab.loader("--dev", "veth0", "--attach", "dispatcher", "--filename", object_file("trims_tail"),
                            status=1)
        assert "changes packets" in result.err and "--attach link" in result.err
        lab.load("veth0", "--filename", object_file("trims_tail"))
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 3 * (SIZE - 4))})


# ---- when something goes wrong


def test_failed_publication_loses_no_count(lab, veth0):
    """The new program is in the dispatcher, and counting, when a pin cannot be renamed."""
    early = ForeignComponent(lab, veth0, "foreign_early")
    own = ["--filename", object_file("own")]  # of a file there is one variant to try
    lab.load("veth0", *own)
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda sample: sample["total"]["packets"] > 0)
    world = lab.world()
    for number in (1, 2):
        result = lab.loader("--dev", "veth0", *own, status=1, prefix=strace(
            "-e", f"inject=renameat,renameat2,rename:error=ENOSPC:when={number}"))
        assert "No space left" in result.err
        now = lab.world()
        assert ({pin for pin in now["pins"] if "/xdp/" not in pin}
                == {pin for pin in world["pins"] if "/xdp/" not in pin})
    assert read_meta("veth0").generation == 1
    outcome = lab.load("veth0", *own)
    assert outcome["generation"] == 2
    sent = traffic.finish()
    assert session_of(reader.wait_for_session(sent)) == {"XDP_PASS": (sent, sent * SIZE)}
    wait_until(lambda: early.seen() >= sent, "the last frames")
    assert early.seen() == sent


@pytest.mark.parametrize("call", ["bpf", "renameat,renameat2,rename", "sendto", "unlink"])
def test_killed_at_any_moment(lab, veth0, call):
    """The next load finishes or discards; nobody else's component is touched."""
    ForeignComponent(lab, veth0, "foreign_early")
    lab.load("veth0")
    # Of the hundreds of bpf() calls of a load every 17th; fewer of all calls where time is short.
    when, step = 1, {"bpf": 17}.get(call, 1) * max(1, int(os.environ.get("XDP_TALLY_FAULT_STEP", "1")) // 3)
    while True:
        generation = read_meta("veth0").generation
        trace = strace("-e", f"inject={call}:signal=KILL:when={when}")
        done = subprocess.run([*trace, LOADER, "--dev", "veth0"], stdout=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            break
        outcome = lab.load("veth0")
        assert outcome["generation"] in (generation + 1, generation + 2)
        names = components(lab, "veth0")
        assert len(names) == 2 and names[0] == "foreign_early", (call, when, names)
        when += step
    assert when > step, f"{call} is never called"
    seen = lab.status("veth0")
    assert seen["state"] == "attached"
    before = lab.once("veth0")["total"]["packets"]
    send(veth0, 5, SIZE)
    wait_until(lambda: lab.once("veth0")["total"]["packets"] >= before + 5, "5 packets")
    assert lab.once("veth0")["total"]["packets"] == before + 5
    remove_leftovers_of_libxdp("veth0")


# ---- the reader


def test_reader_without_capabilities_cannot_tell_the_state(lab, veth0):
    kernel.need(kernel.unprivileged_reading)
    ForeignComponent(lab, veth0, "foreign_early")
    lab.load("veth0")
    _, reader = copy_for_everyone()
    sample = json.loads(run([*as_user(NOBODY), reader, "--dev", "veth0", "--once", "--json"]).out)
    assert sample["state"] == "unknown"
    loader, _ = copy_for_everyone()
    result = run([*as_user(NOBODY), loader, "--dev", "veth0", "--status", "--json"])
    (outcome,) = json.loads(result.out)["devices"]
    assert outcome["state"] == "unknown"
    assert "CAP_SYS_ADMIN" in " ".join(outcome["notes"])


def test_reader_tells_the_state(lab, veth0):
    early = ForeignComponent(lab, veth0, "foreign_early")
    outcome = lab.load("veth0")
    assert lab.once("veth0")["state"] == "attached"
    run(["xdp-loader", "unload", "--id", outcome["program"]["id"], "veth0"])
    assert lab.once("veth0")["state"] == "stale"
    assert lab.status("veth0")["state"] == "stale"
    early.unload()
    lab.cleanups.remove(early.unload)
    assert lab.once("veth0")["state"] == "detached"
    lab.loader("--dev", "veth0", "--clean")
    assert not pin_dir("veth0").exists()


@pytest.mark.parametrize("others", [[], ["foreign_early"]], ids=["alone", "beside another"])
def test_cost_is_of_the_whole_dispatcher(lab, veth0, others):
    """Also alone in it, where libxdp puts our program in the place of the dispatcher's main function."""
    for name in others:
        ForeignComponent(lab, veth0, name)
    lab.load("veth0")
    dispatcher = lab.status("veth0")["hook"]["program"]["id"]
    reader = lab.stats("--dev", "veth0", "--cost", interval="100ms")
    empty = empty_run(reader)
    first = reader.wait_for(lambda sample: True)["cost"]
    assert (first["program"], first["ns_per_run"]) == (dispatcher, None)
    assert first["note"].startswith("of the dispatcher with all its programs")
    assert cost_of(reader, veth0, dispatcher, 500, empty)["program"] == dispatcher
    lab.wait_for_counts("veth0", {"XDP_PASS": (500, 500 * SIZE)})
    # Each change in it makes another dispatcher.
    lab.load("veth0", "--reuse-maps")
    renewed = lab.status("veth0")["hook"]["program"]["id"]
    assert renewed != dispatcher
    reader.wait_for(lambda sample: sample["cost"]["program"] == renewed)
    reader.stop()
