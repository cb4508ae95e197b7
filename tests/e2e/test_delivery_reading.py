# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats says what became of packets: delivered and lost are what was counted."""

import csv
import io
import os
import struct

import pytest

from support import delivery, kernel
from support.delivery import BREAKAGES, DIRECTORY, LONG, redirect_to_target, set_down
from support.namespaces import Namespace
from support.pins import pin_dir
from support.processes import NOBODY, as_user, run
from support.programs import STATS, USAGE, object_file
from support.redirects import WAYS, index_of, map_program, redirect, redirect_to_cpu, update
from support.schemas import SAMPLE, checked
from support.traffic import SIZE, Capture, send

IN_DISPATCHERS_TOO = True
FRAMES = 300
UNMET = 6
TRACK = "xdp_loader --track-delivery"


@pytest.fixture(name="tracked")
def fixture_tracked(lab):
    with delivery.tracking(lab):
        yield


def expect(*expressions, dev="veth0", totals="map", status=0, settle="50ms"):
    return run([STATS, "--dev", dev, "--totals", totals, "--settle", settle,
                *(word for expression in expressions for word in ("--expect", expression))], status)


def fates(dev="veth0", action="XDP_REDIRECT", *options, prefix=()):
    """(delivered, {reason: lost}) in JSON; None where it is not known."""
    record = checked(SAMPLE, run([*prefix, STATS, "--dev", dev, "--once", "--json", *options]).out)
    return fate_of(record["actions"][action])


def fate_of(values, prefix=""):
    lost = values[f"{prefix}lost"]
    if lost is None:
        assert values[f"{prefix}delivered"] is None
        return None
    assert lost["packets"] == sum(lost["reasons"].values())
    return values[f"{prefix}delivered"], lost["reasons"]


def csv_rows(dev="veth0", *options):
    text = run([STATS, "--dev", dev, "--once", "--format", "csv", *options]).out
    return {row["action"]: row for row in csv.DictReader(io.StringIO(text))}


def metrics(dev="veth0"):
    """{name without labels of the device: {(action, reason): value}} of the two that tell of deliveries."""
    found = {}
    for line in run([STATS, "--dev", dev, "--once", "--format", "prometheus"]).out.splitlines():
        name, _, rest = line.partition("{")
        if name in ("xdp_action_delivered_packets_total", "xdp_action_lost_packets_total"):
            labels, _, value = rest.rpartition("} ")
            labels = dict(pair.split("=") for pair in labels.replace('"', "").split(","))
            assert labels["device"] == dev
            found.setdefault(name, {})[labels["action"], labels.get("reason")] = int(value)
    return found


def check_everywhere(action, delivered, reasons, words=()):
    """Every format says the same, and that it is all that was counted."""
    name, lost = f"XDP_{action.upper()}", sum(reasons.values())
    counted = delivered + lost
    expect(f"{action}.packets == {counted}", f"{action}.delivered == {delivered}", f"{action}.lost == {lost}",
           f"total.lost == {lost}")
    assert fates(action=name) == (delivered, reasons)
    if kernel.unprivileged_reading():
        assert fates("veth0", name, prefix=as_user(NOBODY)) == (delivered, reasons)
    row = csv_rows()[name]
    assert (row["packets"], row["delivered"], row["lost"]) == (str(counted), str(delivered), str(lost))
    assert row["lost_reasons"] == ";".join(f"{reason}={packets}" for reason, packets in reasons.items())
    told = metrics()
    if action != "aborted":
        assert told["xdp_action_delivered_packets_total"][action, None] == delivered
    nonzero = {reason: value for (verdict, reason), value in told["xdp_action_lost_packets_total"].items()
               if verdict == action and value}
    assert nonzero == reasons
    table = run([STATS, "--dev", "veth0", "--once"]).out
    for reason, packets in reasons.items():
        (line,) = [line.strip() for line in table.splitlines() if f"({reason})" in line]
        assert line.startswith(f"lost {packets}: ")
    for each in words:
        assert each in table
    assert (f"delivered {delivered}\n" in table) == (action != "aborted")
    (brief,) = run([STATS, "--dev", "veth0", "--once", "--brief"]).out.splitlines()[1:]
    assert brief.split()[6] == str(lost)


# ---- redirects --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_target_that_works(lab, veth0, tracked, way):
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    redirect(lab, way, index_of("out0"))
    with Capture(target.peer) as capture:
        send(veth0, FRAMES, SIZE)
        capture.frames(FRAMES)
        check_everywhere("redirect", FRAMES, {})
        assert capture.nothing_more()


# By the names that xdp_stats has for the reasons.
WORDS = {
    "ENETDOWN": "target is down",
    "ENXIO": "target's other end is down, or takes no frames",
    "EOPNOTSUPP": "target takes no redirected frames",
    "EMSGSIZE": "frame is longer than the target's MTU",
    "no_reason": "target's driver dropped it",
}


@pytest.mark.parametrize("broken", BREAKAGES)
@pytest.mark.parametrize("way", WAYS)
def test_target_that_does_not(lab, veth0, tracked, way, broken):
    breakage = BREAKAGES[broken]
    redirect_to_target(lab, way, breakage)
    arrived = 7 if breakage.arrive_before else 0
    if arrived:
        send(veth0, arrived, SIZE)
    breakage.change(breakage.end)
    send(veth0, FRAMES, LONG)
    expect(f"redirect.lost == {FRAMES}")
    _, reasons = fates()
    (reason,) = reasons
    assert reasons == {reason: FRAMES} and reason.replace("no_reason", "no reason") in breakage.reasons
    check_everywhere("redirect", arrived, {reason: FRAMES}, [f"lost {FRAMES}: {WORDS[reason]} ({reason})\n"])


def test_target_that_was_deleted(lab, veth0, tracked):
    """The helper returns the verdict of its flags, ABORTED here."""
    target = lab.veth("out0")
    redirect(lab, "to_devmap", index_of("out0"))
    lab.delete(target)
    send(veth0, FRAMES, SIZE)
    check_everywhere("aborted", 0, {"xdp_exception": FRAMES}, [f"lost {FRAMES}: program aborted (xdp_exception)\n"])


def test_ifindex_that_is_none(lab, veth0, tracked):
    redirect(lab, "to_ifindex", 12345)
    send(veth0, FRAMES, SIZE)
    check_everywhere("redirect", 0, {"EINVAL": FRAMES}, ["there is no such target (EINVAL)"])


@pytest.mark.parametrize("name", [None, "cpumap_pass"])
def test_cpumap(lab, veth0, tracked, name):
    """Somebody takes the frames: 5.10 tells of those that the stack drops as of those for which there is no memory."""
    redirect_to_cpu(lab, map_program(lab, name) if name else 0)
    with Capture("veth0") as capture:
        send(veth0, FRAMES, SIZE)
        capture.frames(FRAMES)
    check_everywhere("redirect", FRAMES, {})


def test_cpumap_whose_program_drops(lab, veth0, tracked):
    redirect_to_cpu(lab, map_program(lab, "cpumap_drop"))
    send(veth0, FRAMES, SIZE)
    check_everywhere("redirect", 0, {"map_program": FRAMES}, ["program of the cpumap dropped it"])


def test_device_in_another_namespace(lab, tracked):
    red = Namespace(lab, "red")
    inner = red.veth()
    red.veth("out0")
    lab.load("p-red-out0")
    lab.loader("--dev", "red/veth0", "--action", "redirect", "--redirect-to", "out0")
    send(inner, FRAMES, SIZE)
    expect(f"redirect.delivered == {FRAMES}", "redirect.lost == 0", dev="red/veth0")
    run(["ip", "-netns", "red", "link", "set", "dev", "out0", "down"])
    send(inner, 5, SIZE)
    expect(f"redirect.delivered == {FRAMES}", "redirect.lost == 5", dev="red/veth0")
    assert fates("red/veth0") == (FRAMES, {"ENETDOWN": 5})


def test_place_of_a_map_that_is_read_by_its_pin(lab, tracked):
    """A device that was only renamed is where it was at the load; one that left its namespace is not."""
    red = Namespace(lab, "red")
    inner = red.veth()
    lab.loader("--dev", "red/veth0", "--action", "redirect", "--redirect-to", "lo")
    send(inner, FRAMES, SIZE)
    expect(f"redirect.packets == {FRAMES}", dev="red/veth0")

    def read():
        record = checked(SAMPLE, run([STATS, "--map", red.pins / "veth0" / "xdp_stats_map", "--once", "--json"]).out)
        return record["runs_on"], record["delivery"]["unknown"].get("XDP_REDIRECT"), record

    for words in (("down",), ("name", "new0")):
        run(["ip", "-netns", "red", "link", "set", "dev", "veth0", *words])
    here, unknown, record = read()
    assert here == "red/new0" and unknown is None and fate_of(record["actions"]["XDP_REDIRECT"])
    run(["ip", "-netns", "red", "link", "set", "dev", "new0", "netns", os.getpid()])
    try:
        here, unknown, _ = read()
        assert here == "new0" and unknown == "the device is in another network namespace than at the load"
    finally:
        run(["ip", "link", "set", "dev", "new0", "netns", "red"])
        run(["ip", "-netns", "red", "link", "set", "dev", "new0", "name", "veth0"])


# ---- other verdicts ---------------------------------------------------------------------------------------------


def test_tx(lab, veth0, tracked):
    lab.load("veth0", "--action", "tx")
    lab.load(veth0.peer)
    send(veth0, FRAMES, SIZE)
    check_everywhere("tx", FRAMES, {})


def test_aborted(lab, veth0, tracked):
    lab.load("veth0", "--action", "aborted")
    send(veth0, FRAMES, SIZE)
    check_everywhere("aborted", 0, {"xdp_exception": FRAMES})


def test_verdicts_that_end_here(lab, veth0, tracked):
    lab.load("veth0", "--action", "drop")
    send(veth0, FRAMES, SIZE)
    expect(f"drop.packets == {FRAMES}", "total.lost == 0")
    for action in ("XDP_DROP", "XDP_PASS"):
        assert fates(action=action) is None
    assert "packets are not sent on after XDP_DROP" in expect("drop.lost == 0", status=USAGE).err


# ---- what totals count from -------------------------------------------------------------------------------------


def test_totals_across_replacements(lab, veth0, tracked):
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    redirect(lab, "to_devmap", index_of("out0"))
    send(veth0, 10, SIZE)
    expect("redirect.delivered == 10")
    reader = lab.reading("--dev", "veth0")
    set_down("out0")
    send(veth0, 3, SIZE)
    expect("redirect.lost == 3")
    redirect(lab, "to_devmap", index_of("out0"))
    send(veth0, 4, SIZE)
    expect("redirect.packets == 4", "redirect.delivered == 0", "redirect.lost == 4")
    expect("redirect.packets == 17", "redirect.delivered == 10", "redirect.lost == 7", totals="lifetime")
    record = reader.wait_for(lambda sample: sample["actions"]["XDP_REDIRECT"]["session_packets"] == 7
                             and sample["actions"]["XDP_REDIRECT"]["session_lost"]["packets"] == 7)
    values = record["actions"]["XDP_REDIRECT"]
    assert fate_of(values) == (0, {"ENETDOWN": 4})
    assert fate_of(values, "session_") == (0, {"ENETDOWN": 7})
    assert fate_of(values, "lifetime_") == (10, {"ENETDOWN": 7})
    # With --reuse-maps the map goes on, and so do what it counted.
    redirect(lab, "to_devmap", index_of("out0"), options=["--reuse-maps"])
    send(veth0, 2, SIZE)
    expect("redirect.packets == 6", "redirect.lost == 6")
    expect("redirect.packets == 19", "redirect.delivered == 10", "redirect.lost == 9", totals="lifetime")


def test_new_device_of_an_old_ifindex_begins_anew(lab, veth0, tracked):
    """What the lineage before has lost is not lost by the next."""
    redirect(lab, "to_ifindex", 12345)
    send(veth0, FRAMES, SIZE)
    expect(f"redirect.lost == {FRAMES}")
    lab.loader("--dev", "veth0", "--unload")
    redirect(lab, "to_ifindex", 12345)
    send(veth0, 5, SIZE)
    for totals in ("map", "lifetime"):
        expect("redirect.lost == 5", totals=totals)


def test_tracking_that_began_later(lab, veth0):
    """What it has seen is shown with since when, and is no answer to what the map counted."""
    redirect(lab, "to_ifindex", 12345)
    send(veth0, FRAMES, SIZE)
    expect(f"redirect.packets == {FRAMES}")
    delivery.track(lab)
    lab.cleanups.append(lambda: lab.loader("--untrack-delivery"))
    send(veth0, 5, SIZE)
    expect(f"redirect.packets == {FRAMES + 5}")
    record = lab.once("veth0")
    assert not record["delivery"]["complete"]
    since = record["delivery"]["since"]
    assert fate_of(record["actions"]["XDP_REDIRECT"]) == (0, {"EINVAL": 5})
    assert f"lost 5 since {since}: there is no such target (EINVAL)\n" in run([STATS, "--dev", "veth0", "--once"]).out
    brief = run([STATS, "--dev", "veth0", "--once", "--brief"]).out.splitlines()[1]
    assert brief.endswith(f"  attached, lost since {since}")
    # What it will not know in this run, it does not wait for.
    for expression, said in (("redirect.lost == 5", "what becomes of packets was not tracked yet when the map totals "
                              "began; --totals session counts from now on"),
                             ("redirect.lost <= 4", "too many: at least 5, expected at most 4")):
        unmet = run([STATS, "--dev", "veth0", "--within", "1h", "--expect", expression], UNMET)
        assert said in unmet.out and said in unmet.err
        assert "lost at least 5: there is no such target (EINVAL)\n" in unmet.out
    reader = lab.reading("--dev", "veth0")
    send(veth0, 4, SIZE)
    record = reader.wait_for(lambda sample: sample["actions"]["XDP_REDIRECT"]["session_packets"] == 4)
    assert fate_of(record["actions"]["XDP_REDIRECT"], "session_") == (0, {"EINVAL": 4})


# ---- what cannot be known ---------------------------------------------------------------------------------------


def test_without_tracking(lab, veth0):
    """It says so once, with the command that tracks."""
    redirect(lab, "to_ifindex", 12345)
    quiet = run([STATS, "--dev", "veth0", "--count", "3", "--interval", "10ms"])
    assert "arrive" not in quiet.err
    send(veth0, FRAMES, SIZE)
    expect(f"redirect.packets == {FRAMES}")
    told = run([STATS, "--dev", "veth0", "--count", "3", "--interval", "10ms"]).err.splitlines()
    assert [line for line in told if TRACK in line] == [
        f"xdp_stats: veth0: whether redirected packets arrive is not known: `{TRACK}` counts it from then on"]
    assert run([STATS, "--dev", "veth0", "--once", "--quiet"]).err == ""
    record = lab.once("veth0")
    assert record["delivery"] is None and fate_of(record["actions"]["XDP_REDIRECT"]) is None
    row = csv_rows()["XDP_REDIRECT"]
    assert (row["delivered"], row["lost"], row["lost_reasons"]) == ("", "", "")
    assert metrics() == {}
    unmet = run([STATS, "--dev", "veth0", "--within", "1h", "--expect", "redirect.lost == 0"], UNMET)
    assert "redirect.lost == 0: no, not known: what becomes of packets is not tracked" in unmet.out
    assert f"hint: `{TRACK}` counts it from then on" in unmet.err


def test_tracking_that_this_user_may_not_read(lab, veth0, tracked):
    """That is an answer: the counters are shown, and why the rest is not known is said."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    (DIRECTORY / "meta").chmod(0o600)
    done = run([*as_user(NOBODY), STATS, "--dev", "veth0", "--once", "--json"])
    (DIRECTORY / "meta").chmod(0o444)
    assert checked(SAMPLE, done.out)["delivery"] is None
    assert done.err == (f"xdp_stats: delivered and lost packets: not known: opening the pin {DIRECTORY}/meta: "
                        "Permission denied\n")


def test_verdict_that_cannot_be_written_has_no_hint(lab, veth0):
    redirect(lab, "to_ifindex", 12345)
    command = f"{STATS} --dev veth0 --within 1h --expect 'redirect.lost == 0' >/dev/full"
    assert run(["sh", "-c", command], status=1).err == "xdp_stats: writing to stdout: No space left on device\n"


def test_too_many(lab, veth0, tracked):
    redirect(lab, "to_ifindex", 12345)
    send(veth0, 5, SIZE)
    unmet = run([STATS, "--dev", "veth0", "--within", "1m", "--expect", "redirect.lost == 0", "--expect",
                 "redirect.packets == 6"], UNMET)
    assert "too many: 5, expected 0" in unmet.err
    assert "counted: XDP_REDIRECT 5 packets, 500 bytes, lost 5: there is no such target (EINVAL)\n" in unmet.out


def test_generic_mode_where_nothing_was_sent_on(lab, veth0, tracked):
    """Nobody knows it, and who expects something of it is told why; in a sample it is no news."""
    lab.load("veth0", "--skb-mode")
    expected = ("total.lost == 0", "redirect.lost == 0", "tx.delivered == 0")
    unmet = run([STATS, "--dev", "veth0", "--within", "0",
                 *(word for expression in expected for word in ("--expect", expression))], UNMET)
    told = "no, not known: in generic mode the kernel does not tell"
    assert unmet.out.splitlines()[:3] == [f"veth0: {expression}: {told}" for expression in expected]
    assert lab.once("veth0")["delivery"]["unknown"] == {}
    assert "not known" not in run([STATS, "--dev", "veth0", "--once"]).out


def test_generic_mode(lab, veth0, tracked):
    target = lab.veth("out0")
    lab.load("veth0", "--skb-mode", "--action", "redirect", "--redirect-to", "out0")
    set_down("out0")
    send(veth0, FRAMES, SIZE)
    expect(f"redirect.packets == {FRAMES}")
    record = lab.once("veth0")
    assert fate_of(record["actions"]["XDP_REDIRECT"]) is None and record["total"]["lost"] is None
    assert record["delivery"]["unknown"] == {"XDP_REDIRECT": "in generic mode the kernel does not tell"}
    table = run([STATS, "--dev", "veth0", "--once"]).out
    assert "delivered: not known: in generic mode the kernel does not tell\n" in table
    assert target.name == "out0"


def test_several_targets(lab, veth0, tracked):
    """Each copy of a packet is seen: they are more than packets."""
    kernel.need(kernel.broadcast)
    target = lab.veth("out0")
    lab.let_redirects_arrive(target)
    lab.load("veth0", "--filename", object_file("delivery"), "--progname", "to_all", "--attach", "link")
    for slot in range(2):
        update("veth0", "copies", slot, struct.pack("=II", index_of("out0"), 0))
    send(veth0, FRAMES, SIZE)
    expect(f"redirect.packets == {FRAMES}")
    record = lab.once("veth0")
    assert fate_of(record["actions"]["XDP_REDIRECT"]) is None
    assert "several targets" in record["delivery"]["unknown"]["XDP_REDIRECT"]


def test_shared_cpumap(lab, veth0, tracked):
    """The kernel tells the map, not the device."""
    other = lab.veth("other0")
    map_id = redirect_to_cpu(lab)
    (pin_dir("other0")).mkdir()
    run(["bpftool", "map", "pin", "pinned", pin_dir("veth0") / "cpus", pin_dir("other0") / "cpus"])
    lab.load("other0", "--filename", object_file("delivery"), "--progname", "to_cpumap", "--attach", "link",
             "--reuse-maps")
    send(veth0, 3, SIZE)
    send(other, 4, SIZE)
    for dev, packets in (("veth0", 3), ("other0", 4)):
        expect(f"redirect.packets == {packets}", dev=dev)
        record = lab.once(dev)
        assert fate_of(record["actions"]["XDP_REDIRECT"]) is None
        assert record["delivery"]["unknown"] == {"XDP_REDIRECT": f"cpumap {map_id} is shared with another device"}
    lab.loader("--dev", "other0", "--unload")
    (pin_dir("other0") / "cpus").unlink()
    pin_dir("other0").rmdir()


# ---- a chain ----------------------------------------------------------------------------------------------------


def test_chain_of_redirects_through_three_namespaces(lab, tracked):
    """in0 of a -> out0 of a = in0 of b -> out0 of b = in0 of c -> out0 of c: one command shows which link is broken."""
    spaces = [Namespace(lab, name) for name in ("a", "b", "c")]
    first = spaces[0].veth("in0")
    for left, right in zip(spaces, spaces[1:]):
        run(["ip", "-netns", left.name, "link", "add", "name", "out0", "type", "veth", "peer", "name", "in0", "netns",
             right.name])
        for space, dev in ((left, "out0"), (right, "in0")):
            run(["ip", "-netns", space.name, "link", "set", "dev", dev, "arp", "off", "multicast", "off", "up"])
        left.wait_for_carrier("out0")
    spaces[2].veth("out0")
    lab.load("p-c-out0", "--action", "drop")
    for space in spaces:
        lab.loader("--dev", f"{space.name}/in0", "--action", "redirect", "--redirect-to", "out0")
    send(first, FRAMES, SIZE)
    for space in spaces:
        expect(f"redirect.delivered == {FRAMES}", "redirect.lost == 0", dev=f"{space.name}/in0")
    run(["ip", "-netns", "b", "link", "set", "dev", "out0", "down"])
    send(first, 5, SIZE)
    expect("redirect.lost == 5", dev="b/in0")
    lines = [line.split() for line in run([STATS, "--all", "--once", "--brief"]).out.splitlines()]
    lost = lines[0].index("lost")
    assert {line[0]: line[lost] for line in lines[1:] if "in0" in line[0]} == {"a/in0": "0", "b/in0": "5", "c/in0": "0"}
    table = run([STATS, "--all", "--once"]).out
    assert table.count("lost 5: target is down (ENETDOWN)\n") == 1
