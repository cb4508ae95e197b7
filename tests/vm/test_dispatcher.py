"""libxdp's dispatcher: our programs beside others on one hook. Runs where the kernel takes programs of type ext."""

import json
import os
import re
import signal
import subprocess

import pytest

from support import kernel
from support.bpftool import binary, bpftool
from support.devices import attached, link_info
from support.maps import dump_counts, read_meta
from support.namespaces import Namespace
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import LOADER, MODES, copy_for_everyone, object_file
from support.samples import session_of, wait_for_counts
from support.traffic import SIZE, send

LAST = 1_000_000
PASS = ["XDP_PASS"]


def components(lab, dev):
    """By name; the built-in programs have two, and which it is depends on the kernel."""
    return [component["name"].removesuffix("_frags") for component in lab.status(dev)["hook"]["components"]]


class Foreign:
    """A component that xdp-loader of xdp-tools has added, and what it has seen."""

    def __init__(self, lab, veth, name, mode="native"):
        self.dev = veth.name
        run(["xdp-loader", "load", "--mode", {"native": "native", "generic": "skb"}[mode], "--prog-name", name,
             veth.name, object_file("foreign_component")])
        (entry,) = [entry for entry in lab.status(veth.name)["hook"]["components"] if entry["name"] == name[:15]]
        self.id = entry["id"]
        (self.map_id,) = bpftool("prog", "show", "id", self.id)["map_ids"]
        lab.cleanups.append(self.unload)

    def unload(self):
        run(["xdp-loader", "unload", "--id", self.id, self.dev])

    def seen(self):
        (entry,) = bpftool("map", "dump", "id", self.map_id)
        values = [binary(value["value"]) for value in entry["values"]]
        return sum(int.from_bytes(value, "little") for value in values)


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


def test_run(lab, veth0):
    lab.loader("--dev", "veth0", "--attach", "dispatcher", "--run", "--", "test", "-e", pin_dir("veth0"))
    assert attached("veth0") is None


def test_run_has_the_device_for_itself(lab, veth0):
    """Load and unload are refused while the command runs, as they are where a link holds the program."""
    Foreign(lab, veth0, "foreign_early")
    process = lab.process(LOADER, "--dev", "veth0", "--run", "--", "sh", "-c", "echo ready; exec tail -f /dev/null")
    process.wait_for_line("^ready")
    for verb in ([], ["--force"], ["--action", "drop"], ["--unload"], ["--attach", "link"]):
        assert "`xdp_loader --run`" in lab.loader("--dev", "veth0", *verb, status=5).err, verb
    lab.loader("--dev", "veth0", "--clean")
    assert (lab.status("veth0")["state"], read_meta("veth0").generation) == ("attached", 1)
    process.stop(signal.SIGTERM, status=128 + signal.SIGTERM)
    lab.processes.remove(process)
    assert components(lab, "veth0") == ["foreign_early"]
    assert not pin_dir("veth0").exists()


def test_device_deleted(lab, veth0):
    lab.load("veth0")
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 10 * SIZE)})
    lab.delete(veth0)
    assert lab.status("veth0")["state"] == "orphaned"
    assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == {"XDP_PASS": (10, 10 * SIZE)}
    (outcome,) = lab.loader_json("--dev", "veth0", "--clean")
    assert any("xdp-loader clean" in note for note in outcome["notes"])
    assert not pin_dir("veth0").exists()
    run(["xdp-loader", "clean"])


def test_device_in_another_namespace(lab):
    """Loaded from outside, replaced and unloaded from inside `ip netns exec`."""
    red = Namespace(lab, "red")
    veth = red.veth()
    (outcome,) = lab.loader_json(*red.option, "--dev", "veth0")
    assert (outcome["attach"], outcome["netns"]) == ("dispatcher", "red")
    send(veth, 10, SIZE)
    record = wait_for_counts({"XDP_PASS": (10, 10 * SIZE)}, *red.option, "--dev", "veth0")
    assert record["state"] == "attached"
    lab.loader("--dev", "veth0", "--action", "drop", prefix=red.inside)
    send(veth, 5, SIZE)
    record = wait_for_counts({"XDP_DROP": (5, 5 * SIZE)}, "--dev", "veth0", prefix=red.inside)
    assert (record["generation"], record["state"]) == (2, "attached")
    lab.loader("--dev", "veth0", "--unload", prefix=red.inside)
    assert red.attached() is None


def test_several_devices_at_once(lab):
    """libxdp is entered by several threads."""
    names = [lab.veth(f"v{number}").name for number in range(6)]
    words = [word for name in names for word in ("--dev", name)]
    for expected in ("loaded", "replaced"):
        outcomes = lab.loader_json(*words)
        assert [(item["dev"], item["outcome"], item["attach"]) for item in outcomes] == [
            (name, expected, "dispatcher") for name in names]
    lab.loader(*words, "--unload")
    assert not any(attached(name) for name in names)


# ---- beside others


def test_replacements_beside_a_foreign_program_count_every_packet_once(lab, veth0, capsys):
    """With new maps and with reused ones, in turn."""
    early = Foreign(lab, veth0, "foreign_early")
    late = Foreign(lab, veth0, "foreign_late")
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda record: record["total"]["packets"] > 0)
    replacements = int(os.environ.get("XDP_TALLY_DISPATCHER_REPLACEMENTS", "10"))
    for number in range(replacements):
        reuse = ["--reuse-maps"] if number % 2 else []
        outcome = lab.load("veth0", *reuse)
        assert outcome["notes"] == [], outcome
        assert outcome["prio"] == LAST - 1 - number
    sent = traffic.finish()
    with capsys.disabled():
        print(f"\n    {sent} frames, {replacements} replacements in a dispatcher: ", end="", flush=True)
    record = reader.wait_for_session(sent)
    assert session_of(record) == {"XDP_PASS": (sent, sent * SIZE)}
    wait_until(lambda: late.seen() >= sent, "the last frames at the last program")
    assert (early.seen(), late.seen()) == (sent, sent)
    names = components(lab, "veth0")
    assert (names[0], names[-1], len(names)) == ("foreign_early", "foreign_late", 3)


def test_verdicts_that_end_the_chain_are_counted_once(lab, veth0):
    lab.load("veth0", "--action", "drop")
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda record: record["total"]["packets"] > 0)
    for number in range(10):
        lab.load("veth0", "--action", ("pass", "drop")[number % 2])
    sent = traffic.finish()
    record = reader.wait_for_session(sent)
    assert set(session_of(record)) == {"XDP_PASS", "XDP_DROP"}


def test_unload_leaves_the_others(lab, veth0):
    early = Foreign(lab, veth0, "foreign_early")
    lab.load("veth0")
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 10 * SIZE)})
    lab.loader("--dev", "veth0", "--unload")
    assert components(lab, "veth0") == ["foreign_early"]
    assert not pin_dir("veth0").exists()
    send(veth0, 5, SIZE)
    wait_until(lambda: early.seen() >= 15, "15 packets")
    assert early.seen() == 15


def test_foreign_component_is_taken_out_by_its_id(lab, veth0):
    foreign = Foreign(lab, veth0, "foreign_late")
    lab.load("veth0")
    lab.loader("--dev", "veth0", "--unload", str(foreign.id))
    lab.cleanups.remove(foreign.unload)
    assert components(lab, "veth0") == ["xdp_pass"]


def test_place_and_chain_actions(lab, veth0):
    foreign = Foreign(lab, veth0, "foreign_early")
    outcome = lab.load("veth0", "--action", "drop", "--prio", "10", "--chain-actions", "drop,XDP_PASS")
    assert (outcome["prio"], outcome["chain_actions"]) == (10, ["XDP_DROP", "XDP_PASS"])
    assert components(lab, "veth0") == ["xdp_drop", "foreign_early"]
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (10, 10 * SIZE)})
    wait_until(lambda: foreign.seen() >= 10, "the dropped packets in the chain")
    outcome = lab.load("veth0", "--action", "pass")
    assert (outcome["prio"], outcome["chain_actions"]) == (9, ["XDP_DROP", "XDP_PASS"])
    outcome = lab.load("veth0", "--chain-actions", "none")
    assert (outcome["prio"], outcome["chain_actions"]) == (8, [])
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 5 * SIZE)})
    assert foreign.seen() == 10


def test_replacement_never_passes_a_neighbour(lab, veth0):
    """There is no room between 21 and the 20 of the one before: the new one goes as far back as it may."""
    Foreign(lab, veth0, "foreign_early")
    Foreign(lab, veth0, "foreign_late")
    lab.load("veth0", "--prio", "21")
    send(veth0, 4, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (4, 4 * SIZE)})
    outcome = lab.load("veth0")
    assert outcome["prio"] == 2_000_000 - 1
    assert any("at most one packet for each CPU" in note for note in outcome["notes"])
    assert components(lab, "veth0")[::2] == ["foreign_early", "foreign_late"]
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 3 * SIZE)})
    assert lab.load("veth0")["prio"] == 2_000_000 - 2


def test_program_without_the_header_is_said_to_be_inexact(lab, veth0):
    lab.load("veth0", "--filename", object_file("libxdp_stats"))
    outcome = lab.load("veth0", "--filename", object_file("libxdp_stats"))
    assert any("counted by both" in note for note in outcome["notes"])
    assert components(lab, "veth0") == [outcome["program"]["name"][:15]]
    send(veth0, 6, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (6, 6 * SIZE)})


def test_xdp_filter_beside_us(lab, veth0):
    lab.load("veth0")
    run(["xdp-filter", "load", "--mode", "native", "veth0"])
    lab.cleanups.append(lambda: run(["xdp-filter", "unload", "veth0"]))
    run(["xdp-filter", "ether", "-m", "src", "02:00:00:00:00:99"])
    send(veth0, 10, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 10 * SIZE)})
    names = components(lab, "veth0")
    assert len(names) == 2 and names[1] == "xdp_pass"
    lab.load("veth0", "--action", "drop")
    lab.loader("--dev", "veth0", "--unload")
    assert components(lab, "veth0") == names[:1]


def test_full_dispatcher(lab, veth0):
    for _ in range(10):
        run(["xdp-loader", "load", "veth0", object_file("no_counter")])
    lab.cleanups.append(lambda: run(["xdp-loader", "unload", "veth0", "--all"]))
    world = lab.world()
    result = lab.loader("--dev", "veth0", status=5)
    assert "full" in result.err
    assert lab.world() == world


def test_dispatcher_of_a_newer_libxdp(lab, veth0):
    path = lab.foreign_program("newer_dispatcher")
    run(["bpftool", "net", "attach", "xdpdrv", "pinned", path, "dev", "veth0"])
    before = attached("veth0")
    result = lab.loader("--dev", "veth0", status=5)
    assert "newer libxdp" in result.err
    assert attached("veth0") == before
    assert lab.status("veth0")["state"] == "foreign"


@pytest.mark.parametrize("why", ["pinned elsewhere", "without CAP_SYS_ADMIN"])
def test_dispatcher_that_cannot_be_looked_into(lab, veth0, why, tmp_path):
    """Our program may be in it: nothing is taken away that may be in use, and it is said what to do."""
    seeing, blind, refusal = [], ["setpriv", "--inh-caps=-sys_admin", "--bounding-set=-sys_admin"], (3, "CAP_SYS_ADMIN")
    if why == "pinned elsewhere":
        run(["mount", "-t", "bpf", "bpf", tmp_path])
        seeing, blind, refusal = ["env", f"LIBXDP_BPFFS={tmp_path}"], [], (1, "LIBXDP_BPFFS")
    lab.loader("--dev", "veth0", prefix=seeing)
    program = read_meta("veth0").program_id
    (BPFFS / "xdp").mkdir(exist_ok=True)  # libxdp makes it when it looks for dispatchers
    world = lab.world()
    for verb in (["--unload"], ["--unload", "--dry-run"], ["--unload", program], ["--unload", "--keep-maps"], []):
        result = lab.loader("--dev", "veth0", *verb, prefix=blind, status=refusal[0])
        assert refusal[1] in result.err, (verb, result.err)
    assert refusal[1] in lab.loader("--dev", "veth0", "--clean", prefix=blind).out
    (outcome,) = json.loads(lab.loader("--json", "--dev", "veth0", "--status", prefix=blind).out)["devices"]
    assert outcome["state"] == "unknown" and refusal[1] in " ".join(outcome["notes"])
    assert lab.world() == world
    if why == "pinned elsewhere":
        lab.loader("--dev", "veth0", "--unload", prefix=seeing)
        run(["umount", tmp_path])
    else:
        hint = lab.loader("--dev", "veth0", "--unload", prefix=blind, status=refusal[0]).err.splitlines()[-1]
        (words,) = re.findall("`xdp_loader (--dev veth0 --unload [0-9]+)`", hint)
        lab.loader(*words.split(), prefix=blind)
        lab.loader("--dev", "veth0", "--unload", prefix=blind)
        run(["xdp-loader", "clean"])
    assert attached("veth0") is None and not pin_dir("veth0").exists()


def test_dispatcher_of_an_older_libxdp(lab, veth0):
    path = lab.foreign_program("older_dispatcher")
    run(["bpftool", "net", "attach", "xdpdrv", "pinned", path, "dev", "veth0"])
    # Where libxdp would have the programs that it calls.
    programs = BPFFS / "xdp" / f"dispatch-{link_info('veth0')['ifindex']}-{lab.program_at(path)['id']}"
    programs.mkdir(parents=True)
    lab.cleanups.append(programs.rmdir)
    before = attached("veth0")
    result = lab.loader("--dev", "veth0", status=5)
    assert "older libxdp" in result.err and "xdp-loader unload veth0 --all" in result.err
    assert attached("veth0") == before
    assert not pin_dir("veth0").exists()


def test_xdpdump_beside_us(lab, veth0):
    """It traces our program with fentry and fexit: counts are exact, and replacing and unloading go on."""
    lab.load("veth0")
    dump = lab.process("xdpdump", "--interface", "veth0", "--rx-capture", "exit", "--hex")
    dump.wait_for_line("listening", stream="err")
    send(veth0, 20, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (20, 20 * SIZE)})
    dump.wait_for_line("exit")
    lab.load("veth0", "--action", "drop")
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (5, 5 * SIZE)})
    lab.loader("--dev", "veth0", "--unload")
    assert attached("veth0") is None
    dump.stop()


@pytest.mark.parametrize("attach", ["auto", "dispatcher"])
def test_foreign_plain_program(lab, veth0, attach):
    foreign = lab.foreign_attach("veth0")
    result = lab.loader("--dev", "veth0", "--attach", attach, status=5)
    for part in (f"program {foreign['id']} 'no_counter'", "native mode", "by netlink", "/sys/fs/bpf/foreign_no_counter",
                 "--force", "ip link set dev veth0 xdpdrv off"):
        assert part in result.err, (part, result.err)
    assert attached("veth0") == ("native", foreign["id"])
    outcome = lab.load("veth0", "--attach", attach, "--force")
    assert outcome["attach"] == {"auto": "netlink", "dispatcher": "dispatcher"}[attach]
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 3 * SIZE)})


def test_foreign_link(lab, veth0):
    program, pin = lab.foreign_link("veth0")
    for attach in ("auto", "dispatcher", "link"):
        result = lab.loader("--dev", "veth0", "--attach", attach, "--force", status=5)
        for part in (f"program {program['id']}", str(pin), "bpftool link detach id"):
            assert part in result.err, (part, result.err)


def test_link_is_refused_beside_components(lab, veth0):
    Foreign(lab, veth0, "foreign_early")
    result = lab.loader("--dev", "veth0", "--attach", "link", status=5)
    for part in ("foreign_early", "without --attach link it joins", "xdp-loader unload veth0 --all"):
        assert part in result.err, (part, result.err)
    lab.load("veth0")
    lab.loader("--dev", "veth0", "--attach", "link", status=5)
    lab.loader("--dev", "veth0", "--unload")


def test_force_ends_a_dispatcher(lab, veth0):
    foreign = Foreign(lab, veth0, "foreign_early")
    outcome = lab.load("veth0", "--attach", "link", "--force")
    assert outcome["attach"] == "netlink"
    assert any("xdp-loader clean veth0" in note for note in outcome["notes"])
    lab.cleanups.remove(foreign.unload)
    run(["xdp-loader", "clean", "veth0"])
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 3 * SIZE)})


def test_other_mode_is_refused(lab, veth0):
    Foreign(lab, veth0, "foreign_early", mode="generic")
    result = lab.loader("--dev", "veth0", "--native-mode", status=5)
    assert "generic" in result.err
    assert lab.load("veth0")["mode"] == "generic"


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
    record = reader.wait_for_session(30)
    assert record["total"]["packets"] == 20  # of the third and the fourth generation: the second made a new map
    assert (record["generation"], record["state"]) == (4, "attached")


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
    assert "libxdp attached the program alone, without a dispatcher" in result.err
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
    trace = ["strace", "-qq", "-o", "/dev/null", "-e", "inject=renameat,renameat2,rename:error=ENOSPC:when=1", "-e",
             "inject=mkdir:error=ENOSPC:when=2+"]  # the first is for the directory of them all
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
    for verb in (["--dry-run"], ["--run", "--", "true"]):
        lab.loader("--dev", "veth0", "--attach", "dispatcher", *verb)
    (outcome,) = lab.loader_json("--dev", "veth0", "--dry-run")
    assert outcome["attach"] == "dispatcher"


# ---- what does not fit a dispatcher


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
    early = Foreign(lab, veth0, "foreign_early")
    own = ["--filename", object_file("own")]  # of a file there is one variant to try
    lab.load("veth0", *own)
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda record: record["total"]["packets"] > 0)
    world = lab.world()
    for number in (1, 2):
        result = lab.loader("--dev", "veth0", *own, status=1, prefix=[
            "strace", "-qq", "-o", "/dev/null", "-e", f"inject=renameat,renameat2,rename:error=ENOSPC:when={number}"])
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
    Foreign(lab, veth0, "foreign_early")
    lab.load("veth0")
    # Of the hundreds of bpf() calls of a load every 17th; fewer of all calls where time is short.
    when, step = 1, {"bpf": 17}.get(call, 1) * max(1, int(os.environ.get("XDP_TALLY_FAULT_STEP", "1")) // 3)
    while True:
        generation = read_meta("veth0").generation
        trace = ["strace", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={when}"]
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
    run(["xdp-loader", "clean", "veth0"])
    for path in (BPFFS / "xdp").glob("prog-test-link-*"):
        path.unlink()  # libxdp tries with it whether links can be pinned


# ---- the reader


def test_reader_without_capabilities_cannot_tell_the_state(lab, veth0):
    kernel.need(kernel.unprivileged_reading)
    Foreign(lab, veth0, "foreign_early")
    lab.load("veth0")
    _, reader = copy_for_everyone()
    record = json.loads(run([*as_user(NOBODY), reader, "--dev", "veth0", "--once", "--json"]).out)
    assert record["state"] == "unknown"
    loader, _ = copy_for_everyone()
    result = run([*as_user(NOBODY), loader, "--dev", "veth0", "--status", "--json"])
    (outcome,) = json.loads(result.out)["devices"]
    assert outcome["state"] == "unknown"
    assert "CAP_SYS_ADMIN" in " ".join(outcome["notes"])


def test_reader_tells_the_state(lab, veth0):
    early = Foreign(lab, veth0, "foreign_early")
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
