# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Loading: what is attached, pinned, recorded and reported; what replaces what."""

import os
import re
import signal
import stat
import struct
import subprocess
import time

import pytest

from support import kernel
from support.background import PinReader
from support.bpftool import bpftool
from support.devices import attached, link_info, named
from support.maps import dump_map, read_meta
from support.pins import BPFFS, PINS, pin_dir, pinned_link, pins_of
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import FAILED, LOADER, PERMISSION, STATS, compile_object, copy_for_everyone, object_file
from support.samples import counts_of
from support.traffic import send


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def bpftool_map(path):
    return bpftool("map", "show", "pinned", path)


# ---- one load


def test_first_load_reports_what_it_did(lab, veth0):
    outcome = lab.load("veth0")
    assert outcome["outcome"] == "loaded"
    assert outcome["generation"] == 1
    assert outcome["netns"] is None
    assert outcome["dry_run"] is False
    assert outcome["attach"] == "link"
    assert attached("veth0") == (outcome["mode"], outcome["program"]["id"])
    xdp = link_info("veth0")["xdp"]["prog"]
    assert outcome["program"]["tag"] == xdp["tag"]
    assert outcome["pin_dir"] == "/sys/fs/bpf/veth0"
    for item in outcome["maps"]:
        assert bpftool_map(item["pin"])["id"] == item["id"]
        assert item["reused"] is False
    assert "xdp_stats_map" in [item["name"] for item in outcome["maps"]]


def test_words_name_device_mode_program_maps_pins_and_generation(lab, veth0):
    out = lab.loader("--dev", "veth0").out
    status = lab.loader_json("--dev", "veth0", "--status")[0]
    counters = next(item for item in status["maps"] if item["name"] == "xdp_stats_map")
    for word in ("veth0", "native", "xdp_pass", str(status["program"]["id"]), str(counters["id"]),
                 "/sys/fs/bpf/veth0", "generation"):
        assert word in out, (word, out)


def test_device_that_is_named_twice_is_loaded_once(lab, veth0):
    """Also where one of the names is an alternative one."""
    run(["ip", "link", "property", "add", "dev", "veth0", "altname", "another"])
    again = ("--dev", "veth0", "--dev", "another", "--dev", "veth0")
    (outcome,) = lab.loader_json(*again)
    assert (outcome["dev"], outcome["outcome"], outcome["generation"]) == ("veth0", "loaded", 1)
    (outcome,) = lab.loader_json(*again)
    assert (outcome["outcome"], outcome["generation"]) == ("replaced", 2)
    (outcome,) = lab.loader_json(*again, "--unload")
    assert outcome["outcome"] == "unloaded"


@pytest.mark.parametrize("form", [["--json"], []], ids=["json", "text"])
@pytest.mark.parametrize("devices", [1, 60])
def test_output_that_cannot_be_written(lab, veth0, form, devices):
    """Much of it fails at another place than little."""
    options = named(f"veth{number}" for number in range(devices))
    command = [LOADER, "--status", *form, *options]
    done = subprocess.run(["sh", "-c", 'exec "$@" >/dev/full', "sh", *command], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 1, done
    assert "writing the outcome: No space left on device" in done.stderr


@pytest.mark.parametrize("verb, done", [([], 1), (["--dry-run"], 0), (["--unload"], 1), (["--status"], 0)])
def test_a_change_whose_outcome_cannot_be_written(lab, veth0, verb, done):
    """Status 1 says elsewhere that all is as before: here a hint says that it is not."""
    lab.load("veth0", "--action", "drop")
    before = attached("veth0")
    command = ["sh", "-c", 'exec "$@" >/dev/full', "sh", LOADER, "--dev", "veth0", *verb]
    words = run(command, status=1).err
    assert ("hint: what was done is done" in words) == done == (attached("veth0") != before)
    if verb == ["--unload"]:
        assert not pin_dir("veth0").exists()


@pytest.mark.parametrize("command", [f"{LOADER} --status", f"{LOADER} --json", f"{STATS} --once"])
def test_output_beyond_the_limit_of_files(lab, veth0, tmp_path, command):
    """An error like every other, not the end by SIGXFSZ."""
    lab.load("veth0")
    done = run(["sh", "-c", f"ulimit -f 0; exec {command} --dev veth0 >{tmp_path}/file"], 1)
    assert re.search("writing (the outcome|to stdout): File too large", done.err)


def test_a_command_has_the_usual_sigxfsz(lab, veth0, tmp_path):
    lab.loader("-q", "--dev", "veth0", "--run", "--", "sh", "-c", f"ulimit -f 0; echo >{tmp_path}/file",
               status=128 + signal.SIGXFSZ)


def run_to_closed_pipe(command):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as output:
        return subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_output_to_a_closed_pipe(lab, form):
    """All devices are loaded, and nothing is left half done."""
    names = [f"veth{number}" for number in range(8)]
    for name in names:
        lab.veth(name)
    done = run_to_closed_pipe([LOADER, *form, *named(names)])
    assert done.returncode == 1, done
    assert "writing the outcome: Broken pipe" in done.stderr and "what was done is done" in done.stderr
    for name in names:
        status = lab.status(name)
        assert (status["state"], status["generation"], status["notes"]) == ("attached", 1, [])


@pytest.mark.parametrize("verb", [["--status"], ["--features", "--dev", "lo"], ["--test-run", "1"]])
def test_who_only_looks_ends_with_the_pipe(lab, verb):
    """Without a word, as everything does behind `| head`."""
    done = run_to_closed_pipe([LOADER, *verb])
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


@pytest.mark.parametrize("trap, ignored", [("", False), ("trap '' PIPE; ", True)])
def test_a_command_has_the_sigpipe_of_the_caller(lab, veth0, trap, ignored):
    command = f"{LOADER} -q --dev veth0 --run -- grep SigIgn /proc/self/status"
    mask = run(["sh", "-c", f"{trap}exec {command}"]).out.split()[1]
    assert bool(int(mask, 16) >> (signal.SIGPIPE - 1) & 1) == ignored


@pytest.mark.parametrize("program", [LOADER, STATS])
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_that_cannot_be_written(program, option):
    done = subprocess.run(["sh", "-c", f"{program} {option} >/dev/full"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done
    assert "writing to stdout: No space left on device" in done.stderr


def test_pins_and_their_modes(lab, veth0):
    lab.load("veth0")
    directory = pin_dir("veth0")
    assert mode_of(directory) == 0o755
    modes = {name: mode_of(directory / name) for name in pins_of("veth0")}
    assert modes == {"xdp_link": 0o600, "xdp_stats_map": 0o444, "xdp_stats_meta": 0o444}


def test_pins_of_other_maps_are_for_their_owner(lab, veth0):
    lab.load("veth0", "--filename", object_file("generation_a"))
    modes = {name: mode_of(pin_dir("veth0") / name) for name in pins_of("veth0")}
    assert modes == {"xdp_link": 0o600, "xdp_stats_map": 0o444, "xdp_stats_meta": 0o444, "shared": 0o600,
                     "only_a": 0o600}


def test_counter_map_is_the_tutorials(lab, veth0):
    lab.load("veth0")
    counters = bpftool_map(pin_dir("veth0") / "xdp_stats_map")
    expected = {"type": "percpu_array", "name": "xdp_stats_map", "bytes_key": 4, "bytes_value": 16,
                "max_entries": 5}
    assert {key: counters[key] for key in expected} == expected


def test_meta(lab, veth0):
    outcome = lab.load("veth0", "--skb-mode")
    now = time.time_ns()
    meta = read_meta("veth0")
    ids = {item["name"]: item["id"] for item in outcome["maps"]}
    assert (meta.magic, meta.abi_version) == (0x796C6154, 2)
    assert meta.lineage != 0
    assert meta.generation == 1
    assert 0 <= now - meta.load_time < 600 * 10**9
    assert meta.netns_inode == os.stat("/proc/self/ns/net").st_ino
    assert meta.counter_map_id == ids["xdp_stats_map"]
    assert meta.program_id == outcome["program"]["id"]
    assert meta.ifindex == link_info("veth0")["ifindex"]
    assert (meta.attach_mode, meta.attach_kind) == (2, 1)  # generic, link
    assert sorted(meta.map_ids) == sorted(ids.values())
    assert meta.interface == "veth0"
    assert meta.program == outcome["program"]["name"]
    assert meta.carried == {}


def test_metadata_cannot_be_changed(lab, veth0):
    lab.load("veth0")
    path = pin_dir("veth0") / "xdp_stats_meta"
    before = dump_map(path)
    size = len(before[0][0])
    run(["bpftool", "map", "update", "pinned", path, "key", "0", "0", "0", "0", "value", *["1"] * size],
        status=255)
    assert dump_map(path) == before


def test_counts_start_with_the_first_packet(lab, veth0):
    send(veth0, 5, 100)
    lab.load("veth0")
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})


@pytest.mark.parametrize("options, mode", [
    ([], "native"),
    (["-A"], "native"),
    (["--auto-mode"], "native"),
    (["-N"], "native"),
    (["--native-mode"], "native"),
    (["-S"], "generic"),
    (["--skb-mode"], "generic"),
])
def test_mode_options(lab, veth0, options, mode):
    outcome = lab.load("veth0", *options)
    assert outcome["mode"] == mode
    assert attached("veth0")[0] == mode


def test_quiet_says_nothing(lab, veth0):
    for option in ("-q", "--quiet"):
        result = lab.loader("--dev", "veth0", option)
        assert (result.out, result.err) == ("", "")
    result = lab.loader("--dev", "veth0", "--unload", "-q")
    assert (result.out, result.err) == ("", "")


def test_verbose_says_which_variant_was_chosen(lab):
    lab.veth("veth0", mtu=9000)
    words = lab.loader("--dev", "veth0", "--verbose")
    assert "frags" in words.out + words.err


def test_dotted_name(lab):
    veth = lab.veth("eth0.100")
    outcome = lab.load("eth0.100")
    assert outcome["pin_dir"] == "/sys/fs/bpf/eth0%2E100"
    assert pins_of("eth0.100") == PINS
    send(veth, 12, 100)
    lab.wait_for_counts("eth0.100", {"XDP_PASS": (12, 1200)})
    assert lab.loader_json("--status", "--dev", "eth0.100")[0]["state"] == "attached"
    lab.loader("--dev", "eth0.100", "--unload")
    assert not pin_dir("eth0.100").exists()


@pytest.mark.parametrize("name", ["xdp", "ip", "tc"])
def test_device_named_like_other_peoples_directory(lab, name):
    veth = lab.veth(name)
    foreign = lab.foreign_map(BPFFS / name / "globals")
    outcome = lab.load(name)
    assert outcome["pin_dir"] == f"/sys/fs/bpf/{name}"
    send(veth, 4, 100)
    lab.wait_for_counts(name, {"XDP_PASS": (4, 400)})
    lab.loader("--dev", name, "--unload")
    assert pins_of(name) == ["globals"]
    assert foreign.exists()


def test_short_options_of_the_tutorial(lab, veth0):
    lab.loader("-d", "veth0", "-S", "-F", "-q", "--filename", object_file("own"), "--progname", "own_drop")
    send(veth0, 6, 100)
    lab.wait_for_counts("veth0", {"XDP_DROP": (6, 600)})
    lab.loader("-d", "veth0", "-S", "-M", "-q", "--filename", object_file("own"))
    send(veth0, 2, 100)
    lab.wait_for_counts("veth0", {"XDP_DROP": (6, 600), "XDP_PASS": (2, 200)})
    lab.loader("-d", "veth0", "-S", "-U")
    assert attached("veth0") is None


def test_version_and_help(lab):
    for program in (LOADER, STATS):
        name = program.rsplit("/", 1)[-1]
        assert run([program, "--version"]).out.startswith(f"{name} ")
        for option in ("--help", "-h"):
            text = run([program, option]).out
            assert "--dev" in text and "Exit status" in text


# ---- the user's own program


def test_first_program_of_the_file(lab, veth0):
    outcome = lab.load("veth0", "--filename", object_file("own"))
    assert outcome["program"]["name"] == "own_pass"


def test_chosen_program_of_the_file(lab, veth0):
    outcome = lab.load("veth0", "--filename", object_file("own"), "--progname", "own_drop")
    assert outcome["program"]["name"] == "own_drop"
    send(veth0, 9, 100)
    lab.wait_for_counts("veth0", {"XDP_DROP": (9, 900)})


def test_object_without_counter_map_is_loaded_with_a_hint(lab, veth0):
    result = lab.loader("--dev", "veth0", "--filename", object_file("no_counter"))
    assert "xdp_tally/tally.bpf.h" in result.out + result.err
    assert attached("veth0") is not None
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None
    assert not pin_dir("veth0").exists()


NEVER_COUNTS = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>
SEC("xdp") int filter(struct xdp_md *ctx) { return XDP_PASS; }
char _license[] SEC("license") = "GPL";
"""


def test_program_that_never_counts_is_loaded_with_a_hint(lab, veth0, tmp_path):
    """Its object includes the header, and so has the counter map."""
    file = compile_object(NEVER_COUNTS, tmp_path / "filter.o")
    for options in (["--dry-run"], [], ["--reuse-maps"]):
        notes = lab.load("veth0", "--filename", file, *options)["notes"]
        assert [note for note in notes if "program 'filter' does not count into xdp_stats_map" in note], notes
    following = compile_object(NEVER_COUNTS.replace("return XDP_PASS", "return xdp_tally(ctx, XDP_PASS)"), file)
    assert not [note for note in lab.load("veth0", "--filename", following)["notes"] if "xdp_tally" in note]
    assert not [note for note in lab.load("veth0", "--filename", object_file("tail_call"))["notes"]
                if "xdp_tally" in note]


def test_a_reuse_that_finds_nothing_says_so(lab, veth0):
    told = "nothing was pinned that could be reused: all maps are new"
    for options, expected in ((["--dry-run"], True), ([], True), ([], False), (["--new-map", "xdp_stats_map"], False)):
        assert (told in lab.load("veth0", "--reuse-maps", *options)["notes"]) == expected, options


def test_tail_call_works_after_the_loader_has_gone(lab, veth0):
    lab.load("veth0", "--filename", object_file("tail_call"))
    assert "jumps" in pins_of("veth0")
    send(veth0, 40, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (40, 4000)})


def test_tail_call_works_after_a_replacement(lab, veth0):
    lab.load("veth0", "--filename", object_file("tail_call"))
    lab.load("veth0", "--filename", object_file("tail_call"))
    send(veth0, 40, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (40, 4000)})


# ---- replacement


def test_replacement_starts_from_zero_with_the_next_generation(lab, veth0):
    first = lab.load("veth0")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    second = lab.load("veth0", "--action", "drop")
    assert second["outcome"] == "replaced"
    assert second["generation"] == 2
    assert second["program"]["id"] != first["program"]["id"]
    assert attached("veth0") == ("native", second["program"]["id"])
    lab.wait_for_counts("veth0", {})
    send(veth0, 4, 100)
    lab.wait_for_counts("veth0", {"XDP_DROP": (4, 400)})
    assert lab.once("veth0")["generation"] == 2


def link_id(dev):
    return pinned_link(pin_dir(dev) / "xdp_link")["id"]


def test_program_is_replaced_in_place(lab, veth0):
    lab.load("veth0")
    before = link_id("veth0")
    lab.load("veth0", "--action", "drop")
    assert link_id("veth0") == before


def test_metadata_lineage_stays_and_old_counts_are_carried(lab, veth0):
    lab.load("veth0")
    lineage = read_meta("veth0").lineage
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    lab.load("veth0", "--action", "drop")
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_DROP": (3, 300)})
    assert read_meta("veth0").carried == {"XDP_PASS": (10, 1000)}
    lab.load("veth0", "--action", "pass")
    meta = read_meta("veth0")
    assert meta.carried == {"XDP_PASS": (10, 1000), "XDP_DROP": (3, 300)}
    assert (meta.lineage, meta.generation) == (lineage, 3)


def test_mode_is_not_changed_by_a_replacement(lab, veth0):
    """That would mean to detach first. Without a mode option the replacement takes the mode there is."""
    lab.load("veth0", "--skb-mode")
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--native-mode", status=5)
    assert "generic" in result.err and "--unload" in result.err
    assert lab.world() == world
    assert lab.load("veth0")["mode"] == "generic"


def test_maps_of_two_generations(lab, veth0):
    foreign = lab.foreign_map(pin_dir("veth0") / "not_ours")
    lab.load("veth0", "--filename", object_file("generation_a"))
    standard = {"xdp_link", "xdp_stats_map", "xdp_stats_meta", "not_ours"}
    assert set(pins_of("veth0")) == standard | {"shared", "only_a"}
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})

    outcome = lab.load("veth0", "--filename", object_file("generation_b"))
    assert set(pins_of("veth0")) == standard | {"shared", "only_b"}
    assert {item["name"] for item in outcome["maps"]} >= {"shared", "only_b", "xdp_stats_map"}
    send(veth0, 2, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (2, 200)})
    for name in ("shared", "only_b"):
        (value,) = dump_map(pin_dir("veth0") / name)[0]
        assert struct.unpack("=Q", value) == (2,)

    lab.load("veth0")
    assert set(pins_of("veth0")) == standard
    lab.loader("--dev", "veth0", "--unload")
    assert pins_of("veth0") == ["not_ours"]
    assert foreign.exists()


def test_path_of_the_map_never_misses(lab, veth0):
    lab.load("veth0")
    path = pin_dir("veth0") / "xdp_stats_map"
    with PinReader(path) as reader:
        for action in ("drop", "pass") * 5:
            lab.load("veth0", "--action", action)
    assert reader.failures == [] and reader.opened > 0


def test_staging_directory_is_gone_after_success_and_failure(lab, veth0):
    lab.load("veth0")
    assert not (pin_dir("veth0") / "+staging").exists()
    lab.loader("--dev", "veth0", "--filename", object_file("rejected"), status=1)
    assert not (pin_dir("veth0") / "+staging").exists()


def test_loaders_at_the_same_time_take_turns(lab, veth0):
    """Whoever wins, map, program and meta belong together afterwards."""
    loaders = [lab.process(LOADER, "--dev", "veth0", "--action", action) for action in ("pass", "drop") * 4]
    for loader in loaders:
        loader.wait()
    status = lab.loader_json("--dev", "veth0", "--status")[0]
    assert status["state"] == "attached"
    assert status["generation"] == len(loaders)
    assert pins_of("veth0") == PINS
    send(veth0, 5, 100)
    wait_until(lambda: lab.once("veth0")["total"]["packets"] == 5, "5 packets counted")


# ---- several devices, JSON, dry run


def test_each_device_succeeds_or_fails_on_its_own(lab):
    for name in ("veth0", "veth1"):
        lab.veth(name)
    outcomes = lab.loader_json("--dev", "veth0", "--dev", "nope", "--dev", "veth1", status=4)
    assert [(item["dev"], item["outcome"]) for item in outcomes] == [
        ("veth0", "loaded"), ("nope", "failed"), ("veth1", "loaded")]
    error = outcomes[1]["error"]
    assert (error["status"], error["kind"]) == (4, "not_found")
    assert "nope" in error["message"]
    assert attached("veth0") and attached("veth1")


def test_status_is_that_of_the_first_failure(lab, veth0):
    lab.foreign_attach("veth0")
    name = "a-name-too-long-"
    lab.loader("--dev", "veth0", "--dev", "nope", status=5)
    lab.loader("--dev", "nope", "--dev", "veth0", status=4)
    outcomes = lab.loader_json("--dev", "nope", "--dev", name, "--dev", "veth0", status=4)
    assert [item["error"]["status"] for item in outcomes] == [4, 2, 5]


def test_several_devices_in_words(lab, veth0):
    result = lab.loader("--dev", "veth0", "--dev", "nope", status=4)
    assert "veth0" in result.out
    assert result.err.startswith("xdp_loader: ") and "nope" in result.err


def test_many_devices_in_one_command(lab):
    """More than are worked on at a time; outcomes in the order of the command line, each with its own counters."""
    veths = [lab.veth(f"v{number}") for number in range(20)]
    names = [veth.name for veth in veths]
    asked = [*names[:11], "nope", *names[11:]]
    for expected in ("loaded", "replaced"):
        outcomes = lab.loader_json(*named(asked), "--action", "drop", status=4)
        assert [item["dev"] for item in outcomes] == asked
        assert [item["outcome"] for item in outcomes] == [expected] * 11 + ["failed"] + [expected] * 9
        for number, veth in enumerate(veths, 1):
            send(veth, number, 100)
        for number, name in enumerate(names, 1):
            lab.wait_for_counts(name, {"XDP_DROP": (number, number * 100)})
    outcomes = lab.loader_json(*named(asked), "--unload", status=4)
    assert [(item["dev"], item["outcome"]) for item in outcomes if item["dev"] != "nope"] == [
        (name, "unloaded") for name in names]
    assert not any(attached(name) or pin_dir(name).exists() for name in names)


def test_many_devices_mount_one_bpffs(lab, veth0):
    """Where none is mounted yet, and the first device does not need it."""
    veth1, veth2 = lab.veth("veth1"), lab.veth("veth2")
    words = named(["nope", veth0.name, veth1.name, veth2.name])
    run(["unshare", "--mount", "sh", "-ec",
         'umount /sys/fs/bpf; "$@" || [ $? = 4 ]; [ "$(grep -c " /sys/fs/bpf bpf " /proc/mounts)" = 1 ]; '
         'ls -d /sys/fs/bpf/veth[012]; "$0" --dev veth0 --dev veth1 --dev veth2 --unload', LOADER, LOADER, *words])


@pytest.mark.parametrize("loaded_before", [False, True])
def test_dry_run_changes_nothing(lab, veth0, loaded_before):
    if loaded_before:
        lab.load("veth0")
    before = lab.world()
    (outcome,) = lab.loader_json("--dev", "veth0", "--action", "drop", "--dry-run")
    assert outcome["dry_run"] is True
    assert outcome["outcome"] == ("replaced" if loaded_before else "loaded")
    assert "veth0" in lab.loader("--dev", "veth0", "--action", "drop", "--dry-run").out
    assert lab.world() == before


def test_dry_run_says_what_would_be_refused(lab, veth0):
    foreign = lab.foreign_attach("veth0")
    before = lab.world()
    result = lab.loader("--dev", "veth0", "--dry-run", status=5)
    assert str(foreign["id"]) in result.err
    assert lab.world() == before


READ_ONLY = ["unshare", "--mount", "sh", "-c", 'mount --options remount,bind,ro /sys/fs/bpf && exec "$@"', "sh"]


@pytest.mark.parametrize("loaded_before, prefix, status", [
    (False, READ_ONLY, FAILED), (True, READ_ONLY, FAILED),
    (False, as_user(NOBODY, "bpf", "net_admin", "perfmon"), PERMISSION)])
def test_dry_run_says_that_nothing_can_be_pinned(lab, veth0, loaded_before, prefix, status):
    """In the words of the load."""
    if loaded_before:
        lab.load("veth0")
    before = lab.world()
    load, dry_run = (run([*prefix, copy_for_everyone()[0], "--dev", "veth0", *options], status).err.splitlines()
                     for options in ([], ["--dry-run"]))
    assert dry_run == load and "creating /sys/fs/bpf/veth0" in load[0]
    assert lab.world() == before


def test_dry_run_of_unload_changes_nothing(lab, veth0):
    lab.load("veth0")
    before = lab.world()
    (outcome,) = lab.loader_json("--dev", "veth0", "--unload", "--dry-run")
    assert outcome["dry_run"] is True
    assert lab.world() == before


# ---- the header that is installed for other people's programs


def test_readme_of_the_header_compiles(lab):
    """The example in tally.bpf.h's first comment, with decide() filled in."""
    kernel.need(kernel.frags)
    source = """
        #include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        #include <xdp_tally/tally.bpf.h>
        static int decide(struct xdp_md *ctx) { return ctx->rx_queue_index ? XDP_DROP : XDP_PASS; }
        SEC("xdp.frags")
        int my_filter(struct xdp_md *ctx)
        {
            return xdp_tally(ctx, decide(ctx));
        }
        char _license[] SEC("license") = "GPL";
    """
    output = compile_object(source, "/run/tmp/my_filter.o")
    veth = lab.veth("veth0")
    lab.load("veth0", "--filename", output)
    send(veth, 8, 100)
    wait_until(lambda: counts_of(lab.once("veth0")), "packets counted")
    lab.wait_for_counts("veth0", {"XDP_PASS": (8, 800)})
    os.unlink(output)


@pytest.mark.parametrize("options, told", [
    (["--prio", "5"], "--prio has no effect"),
    (["--chain-actions", "none"], "--chain-actions has no effect"),
    (["--prio", "5", "--chain-actions", "none"], "--prio and --chain-actions have no effect"),
])
@pytest.mark.parametrize("loaded_before", [False, True])
def test_a_position_without_a_dispatcher_is_told(lab, veth0, options, told, loaded_before):
    """Also where the device is held by the link of an earlier load."""
    if loaded_before:
        lab.load("veth0", "--attach", "link")
    outcome = lab.load("veth0", *options)
    assert outcome["attach"] == "link"
    (note,) = [note for note in outcome["notes"] if "no effect" in note]
    assert note.startswith(told) and "by a link" in note and "--attach dispatcher" in note


def test_quiet_prints_what_was_asked_for(lab, veth0):
    """And no notes; of a load nothing."""
    assert lab.loader("--dev", "veth0", "--prio", "5", "--quiet").out == ""
    assert lab.loader("--dev", "veth0", "--status", "--quiet").out.startswith("veth0: attached\n")
    lab.loader("--dev", "veth0", "--unload", "--keep-maps", "--quiet")
    loud, quiet = (lab.loader("--dev", "veth0", "--status", *option).out for option in ([], ["--quiet"]))
    assert "  note " in loud and "  note " not in quiet and "  pins " in quiet
    assert "xdp_stats_map" in quiet and lab.loader("--dev", "veth0", "--clean", "--quiet").out == ""
    own = ["--test-run", "3", "--filename", object_file("own"), "--progname", "own_invalid"]
    loud, quiet = (lab.loader(*own, *option).out for option in ([], ["--quiet"]))
    assert quiet in loud and "note: " in loud and "note: " not in quiet and "XDP_ABORTED" in quiet
