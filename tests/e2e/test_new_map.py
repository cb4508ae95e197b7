# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""--new-map: a map of another layout starts empty, all others are kept, and the totals are carried across."""

import re

import pytest

from support.maps import lineage_counts, read_meta
from support.pins import pin_dir, pins_of
from support.processes import run, wait_until
from support.programs import LOADER, object_file
from support.samples import session_of
from support.strace import count_calls, strace
from support.traffic import send

SIZE = 64
NEW_COUNTERS = ("--reuse-maps", "--new-map", "xdp_stats_map")
SIX_ENTRIES = ("--filename", object_file("six_entries"), *NEW_COUNTERS)


def total(dev):
    """(packets, bytes) of all verdicts."""
    return tuple(map(sum, zip((0, 0), *lineage_counts(dev).values())))


def test_counts_are_carried_to_a_map_of_another_layout(lab, veth0):
    lab.load(veth0.name)
    send(veth0, 30, SIZE)
    lab.wait_for_counts(veth0.name, {"XDP_PASS": (30, 30 * SIZE)})

    refused = lab.loader("--dev", veth0.name, "--filename", object_file("six_entries"), "--reuse-maps", status=5)
    assert "entries: pinned 5, wanted 6" in refused.err
    assert "hint: `--reuse-maps --new-map xdp_stats_map` starts what it names empty" in refused.err

    outcome = lab.load(veth0.name, *SIX_ENTRIES)
    assert outcome["maps"][0]["reused"] is False
    send(veth0, 12, SIZE)
    lab.wait_for_counts(veth0.name, {"XDP_PASS": (12, 12 * SIZE)})
    assert read_meta(veth0.name).carried == {"XDP_PASS": (30, 30 * SIZE)}


def test_other_maps_are_kept(lab, veth0):
    lab.load(veth0.name, "--filename", object_file("generation_a"))
    kept = lab.world()["pins"][str(pin_dir(veth0.name) / "shared")]
    outcome = lab.load(veth0.name, "--filename", object_file("generation_b"), *NEW_COUNTERS)
    assert {item["name"]: item["reused"] for item in outcome["maps"]} == {
        "xdp_stats_map": False, "shared": True, "only_b": False}
    assert lab.world()["pins"][str(pin_dir(veth0.name) / "shared")] == kept


def test_map_of_another_layout_that_is_not_the_counters(lab, veth0):
    lab.load(veth0.name, "--filename", object_file("generation_a"))
    other = ("--filename", object_file("shared_larger"), "--reuse-maps")
    refused = lab.loader("--dev", veth0.name, *other, status=5)
    assert "hint: `--reuse-maps --new-map shared` starts what it names empty" in refused.err
    outcome = lab.load(veth0.name, *other, "--new-map", "shared")
    assert {item["name"]: item["reused"] for item in outcome["maps"]} == {"xdp_stats_map": True, "shared": False}


def test_what_was_given_already_is_in_the_hint(lab, veth0):
    """Else two maps that differ would take turns in it."""
    lab.load(veth0.name, "--filename", object_file("generation_a"))
    refused = lab.loader("--dev", veth0.name, "--filename", object_file("shared_larger"), *NEW_COUNTERS, status=5)
    options = re.search("hint: `(.*?)`", refused.err)[1].split()
    assert options == ["--reuse-maps", "--new-map", "xdp_stats_map", "--new-map", "shared"]
    outcome = lab.load(veth0.name, "--filename", object_file("shared_larger"), *options)
    assert not any(item["reused"] for item in outcome["maps"])


def test_map_that_the_object_does_not_have(lab, veth0):
    lab.load(veth0.name)
    before = lab.world()
    refused = lab.loader("--dev", veth0.name, "--reuse-maps", "--new-map", "no_such", status=4)
    assert "starting map 'no_such' empty: the object has no map of that name" in refused.err
    assert "hint: --new-map takes one of: xdp_stats_map" in refused.err
    assert lab.world() == before


@pytest.mark.parametrize("arguments", [("--action", "drop"), SIX_ENTRIES], ids=["replace", "new_map"])
@pytest.mark.parametrize("rename", [1, 2])
def test_load_that_fails_under_traffic_loses_no_count(lab, veth0, arguments, rename):
    """A pin cannot be renamed while the new program counts already: what it counted is carried."""
    lab.load(veth0.name)
    stats = lab.reading("--dev", veth0.name)
    traffic = lab.traffic(veth0, SIZE, pause_us=100)
    stats.wait_for(lambda record: record["total"]["packets"] > 100)
    trace = strace("-e", f"inject=/^rename:error=ENOMEM:when={rename}")
    for _ in range(5):
        refused = lab.loader("--dev", veth0.name, *arguments, status=1, prefix=trace)
        assert "Cannot allocate memory" in refused.err and "hint" not in refused.err
        assert lab.once(veth0.name)["generation"] == 1
        assert pins_of(veth0.name) == ["xdp_link", "xdp_stats_map", "xdp_stats_meta"]
    sent = traffic.finish()
    wait_until(lambda: total(veth0.name)[0] >= sent, "packets are missing")
    assert total(veth0.name) == (sent, sent * SIZE)
    record = stats.wait_for_session(sent)
    assert sum(octets for _, octets in session_of(record).values()) == sent * SIZE
    lab.load(veth0.name, *arguments)
    assert total(veth0.name) == (sent, sent * SIZE)


def test_nothing_is_lost_or_doubled_under_traffic(lab, veth0):
    """Old map to new and back, again and again: lifetime and a running reader's session have every packet."""
    lab.load(veth0.name)
    stats = lab.stats("--dev", veth0.name)
    stats.wait_for(lambda record: record["state"] == "attached")
    traffic = lab.traffic(veth0, SIZE, pause_us=100)
    for _ in range(10):
        lab.load(veth0.name, *SIX_ENTRIES)
        lab.load(veth0.name, *NEW_COUNTERS)
    sent = traffic.finish()
    wait_until(lambda: lineage_counts(veth0.name) == {"XDP_PASS": (sent, sent * SIZE)},
               lambda: f"{sent} sent, {lineage_counts(veth0.name)} counted")
    assert session_of(stats.wait_for_session(sent)) == {"XDP_PASS": (sent, sent * SIZE)}


def test_loader_killed_while_it_takes_a_load_back(lab, veth0, tmp_path):
    """The new meta cannot be published, so the load is taken back; at every call of that the loader may be killed. What
    both programs counted is there, once, when the next run has put things right."""
    log = tmp_path / "strace"
    dev = veth0.name
    command = [LOADER, "--dev", dev, "--action", "drop"]
    swept = ("bpf", "renameat", "renameat2", "unlinkat")
    trace = ("-e", f"trace=fchmodat,{','.join(swept)}")

    def prepare():
        if pin_dir(dev).exists():
            lab.loader("--dev", dev, "--unload")
        lab.load(dev)

    prepare()
    run(strace("-e", "trace=fchmodat", command=command, log=log))
    fail = ("-e", f"inject=fchmodat:error=ENOMEM:when={count_calls(log)}")
    prepare()
    run(strace(*trace, *fail, command=command, log=log), status=1)
    calls = [line.split("(")[0] for line in log.read_text().splitlines()]
    failed = next(i for i, line in enumerate(log.read_text().splitlines()) if "(INJECTED)" in line)
    assert {"bpf", "unlinkat"} < set(calls[failed:])
    for name in swept:
        for k in range(calls[:failed].count(name) + 1, calls.count(name) + 1):
            prepare()
            traffic = lab.traffic(veth0, SIZE, pause_us=100)
            kill = ("-e", f"inject={name}:signal=SIGKILL:when={k}")
            run(strace(*trace, *fail, *kill, command=command, log=log), status=-9)
            sent = traffic.finish()
            lab.load(dev, "--reuse-maps")
            wait_until(lambda: total(dev)[0] >= sent, lambda: f"{name} {k}: {sent} sent, {total(dev)} counted")
            assert total(dev) == (sent, sent * SIZE), f"{name} {k}"


def test_meta_that_comes_late(lab, veth0, tmp_path):
    """A reader sees the new map long before its meta, as the loader was killed in between: no count is doubled."""
    log = tmp_path / "strace"
    lab.veth("veth1")
    lab.load("veth1")
    run(strace("-e", "trace=/^rename", command=[LOADER, "--dev", "veth1", *SIX_ENTRIES], log=log))
    renames = count_calls(log)
    lab.load("veth0")
    send(veth0, 30, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (30, 30 * SIZE)})
    reader = lab.reading("--dev", "veth0")
    by_cpu = lab.reading("--dev", "veth0", "--per-cpu", "--since-start")
    before = lab.once("veth0")["map_id"]
    run(strace("-e", "trace=/^rename", "-e", f"inject=/^rename:signal=SIGKILL:when={renames}",
               command=[LOADER, "--dev", "veth0", *SIX_ENTRIES], log=log), status=-9)
    for process in (reader, by_cpu):
        process.wait_for(lambda record: record["map_id"] != before and record["generation"] is None)
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")  # finishes what was cut off first
    for process in (reader, by_cpu):
        record = process.wait_for(lambda record: record["generation"] == 2)
        assert session_of(record) == {}
    assert all(counter["packets"] == 0 for cpu in record["cpus"] for counter in cpu["actions"].values())
