# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""libxdp's dispatcher shared with others: their components, plain programs, and dispatchers of other versions."""

import json
import os
import re

import pytest

from support import kernel
from support.components import ForeignComponent, components
from support.devices import attached, link_info
from support.maps import read_meta
from support.pins import BPFFS, pin_dir
from support.processes import NOBODY, run, wait_until
from support.programs import object_file
from support.samples import session_of
from support.traffic import SIZE, send

LAST = 1_000_000


def test_replacements_beside_a_foreign_program_count_every_packet_once(lab, veth0, capsys):
    """With new maps and with reused ones, in turn."""
    early = ForeignComponent(lab, veth0, "foreign_early")
    late = ForeignComponent(lab, veth0, "foreign_late")
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda sample: sample["total"]["packets"] > 0)
    replacements = int(os.environ.get("XDP_TALLY_DISPATCHER_REPLACEMENTS", "10"))
    for number in range(replacements):
        reuse = ["--reuse-maps"] if number % 2 else []
        outcome = lab.load("veth0", *reuse)
        assert outcome["notes"] == [], outcome
        assert outcome["prio"] == LAST - 1 - number
    sent = traffic.finish()
    with capsys.disabled():
        print(f"\n    {sent} frames, {replacements} replacements in a dispatcher: ", end="", flush=True)
    sample = reader.wait_for_session(sent)
    assert session_of(sample) == {"XDP_PASS": (sent, sent * SIZE)}
    wait_until(lambda: late.seen() >= sent, "the last frames at the last program")
    assert (early.seen(), late.seen()) == (sent, sent)
    names = components(lab, "veth0")
    assert (names[0], names[-1], len(names)) == ("foreign_early", "foreign_late", 3)


def test_verdicts_that_end_the_chain_are_counted_once(lab, veth0):
    lab.load("veth0", "--action", "drop")
    reader = lab.reading("--dev", "veth0")
    traffic = lab.traffic(veth0, SIZE)
    reader.wait_for(lambda sample: sample["total"]["packets"] > 0)
    for number in range(10):
        lab.load("veth0", "--action", ("pass", "drop")[number % 2])
    sent = traffic.finish()
    sample = reader.wait_for_session(sent)
    assert set(session_of(sample)) == {"XDP_PASS", "XDP_DROP"}


def test_unload_leaves_the_others(lab, veth0):
    early = ForeignComponent(lab, veth0, "foreign_early")
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
    foreign = ForeignComponent(lab, veth0, "foreign_late")
    lab.load("veth0")
    (outcome,) = lab.loader_json("--dev", "veth0", "--unload", str(foreign.id))
    lab.cleanups.remove(foreign.unload)
    (note,) = outcome["notes"]
    assert "in libxdp's dispatcher" in note and "netlink" not in note
    assert components(lab, "veth0") == ["xdp_pass"]


def test_pins_of_a_dispatcher_that_was_detached_by_its_id_are_told(lab, veth0):
    foreign = ForeignComponent(lab, veth0, "foreign_late")
    dispatcher = str(lab.status("veth0")["hook"]["program"]["id"])
    (outcome,) = lab.loader_json("--dev", "veth0", "--unload", dispatcher)
    lab.cleanups.remove(foreign.unload)
    (command,) = re.findall("`(rm -r [^`]+)`", " ".join(outcome["notes"]))
    assert list((BPFFS / "xdp").iterdir())
    run(command.split())
    assert not list((BPFFS / "xdp").iterdir())


def test_place_and_chain_actions(lab, veth0):
    foreign = ForeignComponent(lab, veth0, "foreign_early")
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


def test_who_takes_frames_of_several_buffers(lab, veth0):
    """The dispatcher, where all its programs do."""
    kernel.need(kernel.frags)

    def told():
        hook = lab.status("veth0")["hook"]
        return hook["program"]["frags"], {item["name"]: item["frags"] for item in hook["components"]}

    ours = lab.load("veth0", "--filename", object_file("verdicts_frags"))["program"]
    assert ours["frags"]
    assert told() == (True, {ours["name"]: True})
    ForeignComponent(lab, veth0, "foreign_late")
    assert told() == (False, {ours["name"]: True, "foreign_late": False})


def test_replacement_never_passes_a_neighbour(lab, veth0):
    """There is no room between 21 and the 20 of the one before: the new one goes as far back as it may."""
    ForeignComponent(lab, veth0, "foreign_early")
    ForeignComponent(lab, veth0, "foreign_late")
    lab.load("veth0", "--prio", "21")
    send(veth0, 4, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (4, 4 * SIZE)})
    outcome = lab.load("veth0")
    assert outcome["prio"] == 2_000_000 - 1
    assert any("at most one packet per CPU" in note for note in outcome["notes"])
    assert components(lab, "veth0")[::2] == ["foreign_early", "foreign_late"]
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 3 * SIZE)})
    assert lab.load("veth0")["prio"] == 2_000_000 - 2


def test_program_without_the_header_is_said_to_be_inexact(lab, veth0):
    lab.load("veth0", "--filename", object_file("libxdp_stats"))
    outcome = lab.load("veth0", "--filename", object_file("libxdp_stats"))
    assert any("are counted twice" in note for note in outcome["notes"])
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


@pytest.mark.parametrize("why", ["pinned elsewhere", "without CAP_SYS_ADMIN", "not his directory"])
def test_dispatcher_that_cannot_be_looked_into(lab, veth0, why, tmp_path):
    """Our program may be in it: nothing is taken away that may be in use, and it is said what to do."""
    seeing, blind, refusal = [], ["setpriv", "--inh-caps=-sys_admin", "--bounding-set=-sys_admin"], (3, "CAP_SYS_ADMIN")
    if why == "pinned elsewhere":
        run(["mount", "-t", "bpf", "bpf", tmp_path])
        seeing, blind, refusal = ["env", f"LIBXDP_BPFFS={tmp_path}"], [], (1, "LIBXDP_BPFFS")
    lab.loader("--dev", "veth0", prefix=seeing)
    program = read_meta("veth0").program_id
    (BPFFS / "xdp").mkdir(exist_ok=True)  # libxdp makes it when it looks for dispatchers
    if why == "not his directory":
        less = "-dac_override,-dac_read_search"
        blind = ["setpriv", f"--inh-caps={less}", f"--bounding-set={less}"]
        refusal = (3, f"listing {BPFFS}/xdp")
        os.chown(BPFFS / "xdp", NOBODY, NOBODY)
    world = lab.world()
    for verb in (["--unload"], ["--unload", "--dry-run"], ["--unload", program], ["--unload", "--keep-maps"], []):
        result = lab.loader("--dev", "veth0", *verb, prefix=blind, status=refusal[0])
        assert refusal[1] in result.err, (verb, result.err)
    assert refusal[1] in lab.loader("--dev", "veth0", "--clean", prefix=blind).out
    (outcome,) = json.loads(lab.loader("--json", "--dev", "veth0", "--status", prefix=blind).out)["devices"]
    assert outcome["state"] == "unknown" and refusal[1] in " ".join(outcome["notes"])
    assert lab.world() == world
    hint = lab.loader("--dev", "veth0", "--unload", prefix=blind, status=refusal[0]).err.splitlines()[-1]
    if why == "pinned elsewhere":
        (words,) = re.findall("`xdp_loader (--dev veth0 --unload [0-9]+)`", hint)
        lab.loader(*words.split(), prefix=blind)
        lab.loader("--dev", "veth0", "--unload", prefix=blind)
        run(["umount", tmp_path])
    else:
        assert "run it as root" in hint, "what he cannot see is not his to end"
        lab.loader("--dev", "veth0", "--unload", prefix=seeing)
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
    assert "older libxdp" in result.err and "the tool that loaded its programs" in result.err
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
                 "\nhint: `xdp_loader --dev veth0 --observe` counts it as it is; --force replaces it for good"):
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
    ForeignComponent(lab, veth0, "foreign_early")
    result = lab.loader("--dev", "veth0", "--attach", "link", status=5)
    for part in ("foreign_early", "without --attach link it joins", "--force ends the dispatcher"):
        assert part in result.err, (part, result.err)
    lab.load("veth0")
    lab.loader("--dev", "veth0", "--attach", "link", status=5)
    lab.loader("--dev", "veth0", "--unload")


def test_force_ends_a_dispatcher(lab, veth0):
    foreign = ForeignComponent(lab, veth0, "foreign_early")
    outcome = lab.load("veth0", "--attach", "link", "--force")
    assert outcome["attach"] == "netlink"
    (command,) = re.findall("`(rm -r [^`]+)`", " ".join(outcome["notes"]))
    lab.cleanups.remove(foreign.unload)
    run(command.split())
    assert not list((BPFFS / "xdp").iterdir())
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 3 * SIZE)})


def test_other_mode_is_refused(lab, veth0):
    ForeignComponent(lab, veth0, "foreign_early", mode="generic")
    result = lab.loader("--dev", "veth0", "--native-mode", status=5)
    assert "generic" in result.err
    assert lab.load("veth0")["mode"] == "generic"
