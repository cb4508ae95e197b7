# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats --expect, --within and --settle: waits until the counts are as expected, and says what it saw."""

import json
import re
import signal
from pathlib import Path

import pytest

from support import kernel
from support.pins import pin_dir
from support.process_table import is_between_rounds
from support.processes import Process, run, wait_until
from support.programs import STATS
from support.strace import strace
from support.traffic import SIZE, send


def expect(*args, status=0, dev="veth0"):
    return run([STATS, *(["--dev", dev] if dev else []), *args], status)


def waiting(lab, *args, dev="veth0"):
    """An xdp_stats that waits for something for a long time."""
    return lab.started(Process([STATS, *(["--dev", dev] if dev else []), "--verbose", "--within", "50", *args]))


def begun(lab, *args):
    """The same after its first reading, from which --since-start counts."""
    process = waiting(lab, *args)
    process.wait_for_line("read by", stream="err")  # how the map is read, which -v says when it has been
    return process


def sleeps_of(process):
    status = Path(f"/proc/{process.popen.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)$", status, re.MULTILINE)[1])


def wait_for_round(process):
    """Until it has slept several times: there is a round between any two of them."""
    before = sleeps_of(process)
    wait_until(lambda: sleeps_of(process) >= before + 5, "there is no round")


def interrupt(process, with_signal=signal.SIGINT):
    """Ends a wait, which is status 6: what it waited for did not come."""
    process.stop(with_signal, status=6)


def wait_for_failure(process):
    """It gives up by itself."""
    process.wait(6)


def counted(lab, veth, passed):
    """A program that passes, with that many frames counted."""
    lab.load(veth.name)
    send(veth, passed, SIZE)
    lab.wait_for_counts(veth.name, {"XDP_PASS": (passed, passed * SIZE)})


# ---- what holds


def test_holds_at_once(lab, veth0):
    """Status 0 and one line on stdout; nothing on stderr."""
    counted(lab, veth0, 7)
    result = expect("--expect", "pass.packets == 7")
    assert (result.out, result.err) == ("veth0: pass.packets == 7: yes, 7\n", "")


@pytest.mark.parametrize("expression", [
    "pass.packets == 7", "XDP_PASS.packets==7", "Pass.packets  ==  7", "total.packets >= 7", "total.packets <= 7",
    "drop.packets != 1", "drop.packets < 1", "pass.packets > 6", "pass.bytes == 700", "pass.bytes == 0.7k",
    "total.bytes < 1M", "total.packets < 18446744073709551615", " pass.packets == 7 ", "total.pps >= 0"])
def test_spellings_that_hold(lab, veth0, expression):
    counted(lab, veth0, 7)
    assert expect("--expect", expression).out.startswith(f"veth0: {expression}: yes, ")


@pytest.mark.parametrize("expression", [
    "pass.packets != 7", "pass.packets > 7", "pass.packets < 7", "drop.packets >= 1", "total.packets <= 6",
    "pass.bytes == 701", "total.pps < 0"])
def test_what_does_not_hold(lab, veth0, expression):
    counted(lab, veth0, 7)
    assert expect("--expect", expression, "--within", "40ms", status=6).out.startswith(f"veth0: {expression}: no, ")


def test_becomes_true_while_waiting(lab, veth0):
    """Frames that are sent during the wait end it; the exact number is what it says."""
    lab.load("veth0", "--action", "drop")
    process = begun(lab, "--expect", "drop.packets == 60", "--expect", "total.bytes == 6k")
    for _ in range(3):
        assert process.popen.poll() is None
        send(veth0, 20, SIZE)
    process.wait(0)
    assert process.lines["out"] == ["veth0: drop.packets == 60: yes, 60", "veth0: total.bytes == 6k: yes, 6000"]


def test_all_have_to_hold_at_the_same_time(lab, veth0):
    """One that held once, and no longer does when the other begins to, does not count."""
    counted(lab, veth0, 5)
    process = begun(lab, "--expect", "pass.packets != 6", "--expect", "pass.packets >= 6")
    send(veth0, 1, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (6, 600)})
    wait_for_round(process)
    interrupt(process)
    assert "veth0: pass.packets != 6: no, 6" in process.lines["out"]


def test_several_devices(lab):
    """Every expression is asked of every device, in their order."""
    devices = {name: lab.veth(name) for name in ("veth0", "eth0.100")}
    for name in devices:
        lab.load(name, "--action", "drop")
    process = waiting(lab, "--dev", "eth0.100", "--expect", "drop.packets == 4", "--expect", "pass.packets == 0")
    send(devices["veth0"], 4, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (4, 400)})
    assert process.popen.poll() is None
    send(devices["eth0.100"], 4, SIZE)
    process.wait(0)
    assert process.lines["out"] == [
        "veth0: drop.packets == 4: yes, 4", "veth0: pass.packets == 0: yes, 0",
        "eth0.100: drop.packets == 4: yes, 4", "eth0.100: pass.packets == 0: yes, 0"]


def test_a_map_by_its_path_and_by_its_id(lab, veth0):
    number = lab.load("veth0")["maps"][0]["id"]
    path = pin_dir("veth0") / "xdp_stats_map"
    assert expect("--map", path, "--expect", "total.packets == 0", dev=None).out.startswith(f"{path}: ")
    expect("--map-id", number, "--expect", "total.packets == 0", dev=None)


def test_a_rate(lab, veth0):
    """A rate holds while frames flow; it is never known at the first look."""
    lab.load("veth0")
    assert expect("--expect", "total.pps >= 0", "--within", "0", status=6).out.startswith("veth0: total.pps >= 0: no, ")
    traffic = lab.traffic(veth0, SIZE)
    result = expect("--expect", "pass.pps > 0", "--expect", "total.bps > 0.1k", "--within", "50")
    traffic.finish()
    assert [re.sub(r"\d+\.\d$", "N", line) for line in result.out.splitlines()] == [
        "veth0: pass.pps > 0: yes, N", "veth0: total.bps > 0.1k: yes, N"]
    expect("--expect", "total.pps == 0")


# ---- what does not


def test_not_met(lab, veth0):
    """Status 6: a line for each, with the value seen, and one error that says how many."""
    counted(lab, veth0, 7)
    result = expect("--expect", "pass.packets == 8", "--expect", "drop.packets == 0", "--within", "60ms", status=6)
    assert result.out.splitlines() == ["veth0: pass.packets == 8: no, 7", "veth0: drop.packets == 0: yes, 0",
                                       "veth0: counted: XDP_PASS 7 packets, 700 bytes"]
    assert len(result.err.splitlines()) == 1 and "1 of 2" in result.err and "60ms" in result.err


@pytest.mark.parametrize("expression, bound", [
    ("pass.packets == 6", "6"), ("total.packets <= 6", "at most 6"), ("pass.packets < 7", "less than 7")])
def test_too_many(lab, veth0, expression, bound):
    """What only grows will not be fewer: it ends at once, however long it was to wait."""
    counted(lab, veth0, 7)
    result = expect("--expect", "drop.packets >= 1", "--expect", expression, "--within", "1h", status=6)
    assert result.out.splitlines() == ["veth0: drop.packets >= 1: no, 0",
                                       f"veth0: {expression}: no, too many: 7, expected {bound}",
                                       "veth0: counted: XDP_PASS 7 packets, 700 bytes"]
    assert result.err == f"xdp_stats: waiting for '{expression}' of 'veth0': too many: 7, expected {bound}\n"


def test_too_many_while_waiting(lab, veth0):
    """One packet more than expected ends it; what the others were is shown."""
    counted(lab, veth0, 7)
    process = begun(lab, "--expect", "pass.packets == 7", "--expect", "drop.packets == 1")
    wait_for_round(process)
    send(veth0, 1, SIZE)
    wait_for_failure(process)
    assert process.lines["out"] == ["veth0: pass.packets == 7: no, too many: 8, expected 7",
                                    "veth0: drop.packets == 1: no, 0",
                                    "veth0: counted: XDP_PASS 8 packets, 800 bytes"]


def test_what_has_been_counted_under_other_verdicts(lab, veth0):
    """It is told where something else was expected, with the packet that should not have been there."""
    counted(lab, veth0, 3)
    lab.load("veth0", "--action", "drop", "--reuse-maps")
    send(veth0, 1, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300), "XDP_DROP": (1, 100)})
    result = expect("--expect", "total.packets == 3", status=6)
    assert result.out.splitlines()[-1] == "veth0: counted: XDP_DROP 1 packet, 100 bytes; XDP_PASS 3 packets, 300 bytes"
    result = expect("--since-start", "--expect", "total.packets == 1", "--within", "0", status=6)
    assert result.out.splitlines()[-1] == "veth0: counted: nothing"


def lookups(tmp_path, *args, status=0):
    """How often the map was read."""
    trace = tmp_path / "trace"
    run(strace("-f", "-e", "trace=bpf", command=[STATS, "--dev", "veth0", *args], log=trace), status)
    return trace.read_text().count("BPF_MAP_LOOKUP_BATCH")


def test_within_nothing_looks_exactly_once(lab, veth0, tmp_path):
    """`--within 0` reads the map when it starts and once more, whether the expectation holds or not."""
    kernel.need(kernel.batch)
    lab.load("veth0")
    once = lookups(tmp_path, "--once")
    assert once >= 1
    for wanted, status in ((0, 0), (1, 6)):
        assert lookups(tmp_path, "--expect", f"total.packets == {wanted}", "--within", "0", status=status) == 2 * once


def test_the_last_look_is_at_the_end(lab, veth0):
    """However long the interval: what came in time counts."""
    lab.load("veth0")
    process = lab.process(STATS, "--dev", "veth0", "--json", "--expect", "total.packets == 3", "--interval", "1h",
                          "--within", "5")
    wait_until(lambda: is_between_rounds(process.popen.pid), "it has not looked yet")
    send(veth0, 3, SIZE)
    process.wait(0)
    judgement = json.loads(process.lines["out"][0])
    assert judgement["met"] and judgement["waited"] >= 5, "the frames were there before it looked"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(lab, veth0, end):
    """Status 6, and the values seen are told all the same."""
    lab.load("veth0")
    process = begun(lab, "--expect", "total.packets == 1")
    wait_for_round(process)
    interrupt(process, end)
    assert process.lines["out"] == ["veth0: total.packets == 1: no, 0", "veth0: counted: nothing"]


# ---- --since-start


def test_since_start(lab, veth0):
    """Only frames since the start count, however many the map holds."""
    counted(lab, veth0, 100)
    assert expect("--expect", "total.packets == 100", "--within", "0")
    assert "no, 0" in expect("--since-start", "--expect", "total.packets == 100", "--within", "0", status=6).out
    process = begun(lab, "--since-start", "--expect", "total.packets == 8", "--expect", "total.bytes == 800")
    send(veth0, 8, SIZE)
    process.wait(0)
    assert process.lines["out"] == ["veth0: total.packets == 8: yes, 8 (session)",
                                    "veth0: total.bytes == 800: yes, 800 (session)"]
    assert expect("--expect", "total.packets == 108", "--within", "0")


def test_since_start_across_replacements(lab, veth0):
    """The sum over all maps that took their turn while it waited."""
    counted(lab, veth0, 50)
    process = begun(lab, "--since-start", "--expect", "pass.packets == 6", "--expect", "drop.packets == 4",
                    "--expect", "total.bytes == 1000")
    for action, count in (("drop", 3), ("pass", 6), ("drop", 1)):
        generation = lab.load("veth0", "--action", action)["generation"]
        process.wait_for_line(rf"generation {generation}\)", stream="err")
        send(veth0, count, SIZE)
        lab.wait_for_counts("veth0", {f"XDP_{action.upper()}": (count, count * SIZE)})
    process.wait(0)
    assert process.lines["out"] == ["veth0: pass.packets == 6: yes, 6 (session)",
                                    "veth0: drop.packets == 4: yes, 4 (session)",
                                    "veth0: total.bytes == 1000: yes, 1000 (session)"]


def test_follows_a_replacement(lab, veth0):
    """Without --since-start it is the new map that has to hold."""
    counted(lab, veth0, 50)
    process = begun(lab, "--expect", "drop.packets == 3", "--expect", "total.packets != 53")
    lab.load("veth0", "--action", "drop")
    send(veth0, 3, SIZE)
    process.wait(0)
    assert process.lines["out"] == ["veth0: drop.packets == 3: yes, 3", "veth0: total.packets != 53: yes, 3"]


# ---- what is not there yet


def test_a_pin_that_appears(lab, veth0):
    """It waits for the first load; what was never seen does not hold, not even `== 0`."""
    result = expect("--expect", "total.packets == 0", "--within", "50ms", status=6)
    assert result.out == "veth0: total.packets == 0: no, no counters\n"
    process = waiting(lab, "--since-start", "--expect", "drop.packets == 5")
    process.wait_for_line("waiting", stream="err")
    lab.load("veth0", "--action", "drop")
    send(veth0, 5, SIZE)
    process.wait(0)
    assert process.lines["out"] == ["veth0: drop.packets == 5: yes, 5 (session)"]


def test_a_device_that_does_not_exist(lab):
    """Status 4 at once, and no judgement; with --wait it waits as long as --within says."""
    result = expect("--expect", "total.packets == 0", dev="nope", status=4)
    assert result.out == "" and "nope" in result.err
    result = expect("--wait", "--expect", "total.packets == 0", "--within", "50ms", dev="nope", status=6)
    assert result.out == "nope: total.packets == 0: no, no counters\n"


def test_a_device_that_appears(lab):
    process = waiting(lab, "--wait", "--expect", "total.packets == 5")
    process.wait_for_line("waiting", stream="err")
    veth = lab.veth("veth0")
    lab.load("veth0")
    send(veth, 5, SIZE)
    process.wait(0)
    assert process.lines["out"] == ["veth0: total.packets == 5: yes, 5"]


def test_a_namespace_that_does_not_exist(lab):
    """Status 4 at once."""
    result = expect("--netns", "nope", "--expect", "total.packets == 0", status=4)
    assert result.out == ""


@pytest.mark.parametrize("netns", ["nope", "/run/netns/nope"])
def test_within_also_limits_the_wait_for_a_namespace(lab, netns):
    """--wait waits for the namespace, but no longer than --within says."""
    result = run([STATS, "--netns", netns, "--dev", "veth0", "--wait", "--expect", "total.packets == 0", "--within",
                  "50ms"], status=6, timeout=20)
    assert result.out in ("", f"{netns}/veth0: total.packets == 0: no, no counters\n")


def test_interrupted_while_waiting_for_a_namespace(lab):
    """What was not met is not met: status 6."""
    process = waiting(lab, "--netns", "nope", "--wait", "--expect", "total.packets == 0")
    process.wait_for_line("waiting", stream="err")
    interrupt(process)


# ---- what is not there any more


def test_a_device_that_is_gone(lab, veth0):
    """Its map counts no more, so there is nothing to wait for; with --wait it may come again."""
    counted(lab, veth0, 7)
    process = begun(lab, "--expect", "pass.packets == 8", "--expect", "total.bytes == 700")
    wait_for_round(process)
    lab.delete(veth0)
    wait_for_failure(process)
    lines = ["veth0: pass.packets == 8: no, 7, and the device is gone", "veth0: total.bytes == 700: yes, 700",
             "veth0: counted: XDP_PASS 7 packets, 700 bytes"]
    assert process.lines["out"] == lines
    result = expect("--expect", "pass.packets == 8", "--expect", "total.bytes == 700", "--within", "1h", status=6)
    assert result.out.splitlines() == lines
    assert result.err.splitlines()[-1] == ("xdp_stats: waiting for 'pass.packets == 8' of 'veth0': 7, and the device "
                                           "is gone")
    expect("--expect", "pass.packets == 7", "--settle", "100ms")
    process = waiting(lab, "--wait", "--expect", "pass.packets == 8")
    wait_for_round(process)
    veth = lab.veth("veth0")
    lab.load("veth0", "--reuse-maps")
    send(veth, 1, SIZE)
    process.wait(0)


# ---- --settle


def test_settle(lab, veth0):
    """What holds has to hold for that long; as long as --within is possible."""
    counted(lab, veth0, 7)
    for within in ("5", "200ms"):
        result = expect("--expect", "pass.packets == 7", "--settle", "200ms", "--within", within, "--json")
        assert json.loads(result.out)["waited"] >= 0.2


def test_a_packet_while_it_settles(lab, veth0):
    """And nothing more comes: here it does."""
    counted(lab, veth0, 7)
    process = begun(lab, "--expect", "pass.packets == 7", "--settle", "50")
    wait_for_round(process)
    send(veth0, 1, SIZE)
    wait_for_failure(process)
    assert process.lines["out"][0] == "veth0: pass.packets == 7: no, too many: 8, expected 7"


def test_interrupted_while_it_settles(lab, veth0):
    """Every condition held, and yet it is not met; JSON tells the two apart."""
    counted(lab, veth0, 7)
    process = begun(lab, "--json", "--expect", "pass.packets == 7", "--settle", "50")
    wait_for_round(process)
    interrupt(process)
    judgement = json.loads(process.lines["out"][0])
    assert (judgement["met"], judgement["expectations"][0]["held"]) == (False, True)
    assert "did not hold for 50s without a break" in process.lines["err"][-1]


def test_what_does_not_hold_in_time_does_not_settle(lab, veth0):
    counted(lab, veth0, 7)
    assert "1 of 1 did not hold within 40ms" in expect("--expect", "pass.packets == 8", "--settle", "40ms", "--within",
                                                       "40ms", status=6).err


@pytest.mark.parametrize("times", [["6"], ["2s", "--within", "1s"], ["1.001", "--within", "1000ms"]])
def test_settle_longer_than_within(lab, veth0, times):
    """Status 2: it could never be met."""
    lab.load("veth0")
    result = expect("--expect", "total.packets == 0", "--settle", *times, status=2)
    assert "--settle" in result.err and "--within" in result.err


# ---- output


def test_quiet(lab, veth0):
    """-q prints nothing: the status tells. Not met is an error, and errors stay."""
    counted(lab, veth0, 7)
    result = expect("--expect", "pass.packets == 7", "--quiet")
    assert (result.out, result.err) == ("", "")
    result = expect("--expect", "pass.packets == 8", "-q", "--within", "40ms", status=6)
    assert result.out == "" and len(result.err.splitlines()) == 1


@pytest.mark.parametrize("options", [[], ["--verbose"], ["--json"]])
def test_nothing_but_the_judgement(lab, veth0, options):
    """Samples are not printed, however many are taken and whatever the format."""
    counted(lab, veth0, 7)
    result = expect("--expect", "pass.packets == 8", "--within", "300ms", *options, status=6)
    line, *others = result.out.splitlines()
    if "--json" in options:
        assert json.loads(line)["met"] is False and not others
    else:
        assert [line, *others] == ["veth0: pass.packets == 8: no, 7", "veth0: counted: XDP_PASS 7 packets, 700 bytes"]


# ---- usage


@pytest.mark.parametrize("expression, at", [
    (" ", 1), ("nothing.packets == 1", 0), ("drop", 4), ("drop packets == 1", 4), ("drop.frames == 1", 5),
    ("drop.packets", 12), ("drop.packets = 1", 13), ("drop.packets === 1", 15), ("drop.packets == x", 16),
    ("drop.packets == 1x", 17), ("drop.packets == 1.5", 16), ("drop.packets == -1", 16),
    ("drop.packets == 18446744073709551616", 16), ("drop.packets == 1 drop.packets == 2", 18),
    ("  drop.packets == 1K", 19), ("drop.packets\t= 1", 16)])
def test_malformed(lab, veth0, expression, at):
    """Status 2, with a caret below the first character that is wrong."""
    lab.load("veth0")
    result = expect("--expect", expression, status=2)
    assert result.out == ""
    _, shown, caret, hint = result.err.splitlines()
    assert shown == "  " + expression.replace("\t", "\\x09")
    assert caret == "  " + " " * at + "^"
    assert hint.startswith("hint: ")


@pytest.mark.parametrize("options", [["--once"], ["-1"], ["--count", "2"], ["-n", "1"], ["--within", "-1"],
                                     ["--format", "csv"], ["--format", "prometheus"],
                                     ["--within", "soon"], ["--within", ""], ["--settle", "soon"],
                                     ["--settle", "-1"]])
def test_what_does_not_go_with_it(lab, veth0, options):
    lab.load("veth0")
    result = expect("--expect", "drop.packets == 0", *options, status=2)
    assert result.out == "" and result.err.startswith("xdp_stats: ")


@pytest.mark.parametrize("option", ["--within", "--settle"])
def test_what_needs_it(lab, veth0, option):
    lab.load("veth0")
    assert f"{option} needs --expect" in expect(option, "1", status=2).err
