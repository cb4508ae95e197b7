"""--migrate: a counter map of another layout starts from the old one's counts, and loses none of them."""

import pytest

from support.processes import run, wait_until
from support.programs import LOADER, object_file
from support.samples import counts_of, session_of
from support.strace import count_calls, strace
from support.traffic import send

SIZE = 64


def test_counts_go_on_in_a_map_of_another_layout(lab, veth0):
    lab.load(veth0.name)
    send(veth0, 30, SIZE)
    lab.wait_for_counts(veth0.name, {"XDP_PASS": (30, 30 * SIZE)})

    refused = lab.loader("--dev", veth0.name, "--filename", object_file("six_entries"), "--reuse-maps", status=5)
    assert "entries: pinned 5, wanted 6" in refused.err and "--migrate" in refused.err

    outcome = lab.load(veth0.name, "--filename", object_file("six_entries"), "--migrate")
    assert outcome["maps"][0]["reused"] is False
    assert any("starts from the counts" in note for note in outcome["notes"])
    send(veth0, 12, SIZE)
    wait_until(lambda: lab.once(veth0.name)["total"]["packets"] >= 42, "the new map does not count")
    assert counts_of(lab.once(veth0.name)) == {"XDP_PASS": (42, 42 * SIZE)}


def test_equal_layouts_are_reused(lab, veth0):
    first = lab.load(veth0.name)
    second = lab.load(veth0.name, "--migrate")
    assert second["maps"] == [{**first["maps"][0], "reused": True}]


def test_counters_that_mean_something_else_are_refused(lab, veth0):
    lab.load(veth0.name)
    before = lab.world()
    refused = lab.loader("--dev", veth0.name, "--filename", object_file("swapped_fields"), "--migrate", status=5)
    assert "pinned rx_packets (64 bits), wanted rx_bytes (64 bits)" in refused.err
    assert lab.world() == before


@pytest.mark.parametrize("rename", [1, 2])
def test_migration_that_fails_is_taken_back_with_its_counts(lab, veth0, rename):
    """A pin cannot be renamed, and the old counts are in the new map already: they are not added twice."""
    lab.load(veth0.name)
    stats = lab.reading("--dev", veth0.name)
    traffic = lab.traffic(veth0, SIZE, pause_us=100)
    stats.wait_for(lambda record: record["total"]["packets"] > 100)
    trace = ("strace", "-qq", "-o", "/dev/null", "-e", f"inject=/^rename:error=ENOMEM:when={rename}")
    migration = ("--filename", object_file("six_entries"), "--migrate")
    refused = lab.loader("--dev", veth0.name, *migration, status=1, prefix=trace)
    assert "Cannot allocate memory" in refused.err
    assert lab.once(veth0.name)["generation"] == 1
    sent = traffic.finish()
    assert session_of(stats.wait_for_session(sent)) == {"XDP_PASS": (sent, sent * SIZE)}
    lab.wait_for_counts(veth0.name, {"XDP_PASS": (sent, sent * SIZE)})
    lab.load(veth0.name, *migration)
    assert counts_of(lab.once(veth0.name)) == {"XDP_PASS": (sent, sent * SIZE)}


def test_nothing_is_lost_or_doubled_under_traffic(lab, veth0):
    """Old map to new and back, again and again: the pinned map and a running reader both have every packet."""
    lab.load(veth0.name)
    stats = lab.stats("--dev", veth0.name)
    stats.wait_for(lambda record: record["state"] == "attached")
    traffic = lab.traffic(veth0, SIZE, pause_us=100)
    for _ in range(10):
        lab.load(veth0.name, "--filename", object_file("six_entries"), "--migrate")
        lab.load(veth0.name, "--migrate")
    sent = traffic.finish()
    lab.wait_for_counts(veth0.name, {"XDP_PASS": (sent, sent * SIZE)})
    record = stats.wait_for_session(sent)
    assert session_of(record) == {"XDP_PASS": (sent, sent * SIZE)}


def test_record_that_comes_late(lab, veth0, tmp_path):
    """A reader sees the new map long before its record, as the loader was killed in between: what was moved there is
    not counted again, on no CPU either."""
    log = tmp_path / "strace"
    migration = ["--filename", object_file("six_entries"), "--migrate"]
    lab.veth("veth1")
    lab.load("veth1")
    run(strace("-e", "trace=/^rename", command=[LOADER, "--dev", "veth1", *migration], log=log))
    renames = count_calls(log)
    lab.load("veth0")
    send(veth0, 30, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (30, 30 * SIZE)})
    reader = lab.reading("--dev", "veth0")
    by_cpu = lab.reading("--dev", "veth0", "--per-cpu", "--since-start")
    before = lab.once("veth0")["map_id"]
    run(strace("-e", "trace=/^rename", "-e", f"inject=/^rename:signal=SIGKILL:when={renames}",
               command=[LOADER, "--dev", "veth0", *migration], log=log), status=-9)
    for process in (reader, by_cpu):
        process.wait_for(lambda record: record["map_id"] != before and record["generation"] is None)
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")  # finishes what was cut off first
    for process in (reader, by_cpu):
        record = process.wait_for(lambda record: record["generation"] == 2)
        assert session_of(record) == {}
    assert all(counter["packets"] == 0 for cpu in record["cpus"] for counter in cpu["actions"].values())
