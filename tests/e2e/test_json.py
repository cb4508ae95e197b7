# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What both programs print for machines, held against docs/schema and docs/json.md."""

import csv
import io
import json
import re
import signal
import struct

import jsonschema
import pytest

from support import kernel
from support.bpftool import binary, bpftool
from support.maps import ACTIONS
from support.pins import BPFFS, pin_dir
from support.processes import NOBODY, as_user, run
from support.programs import LOADER, STATS, TOP, copy_for_everyone, object_file
from support.samples import counts_of
from support.schemas import (DOCUMENT, ERRORS, JUDGEMENT, PROGRAM_LIST, SAMPLE, TEST_RUN, checked, errors_of,
                             samples_of, validator)
from support.traffic import send

COLUMNS = ("time,dev,netns,map_id,generation,state,period,action,packets,bytes,pps,bps,"
           "session_packets,session_bytes,runs_on,lifetime_packets,lifetime_bytes,totals,"
           "delivered,lost,lost_reasons").split(",")
LARGEST = 2**64 - 1
PAGE = (TOP / "docs/json.md").read_text()


def load(lab, *args, status=0, prefix=(), loader=LOADER):
    """The document of a run, and the errors it wrote: the same that are in the document."""
    result = run([*prefix, loader, "--json", *args], status)
    document = checked(DOCUMENT, result.out)
    for outcome in document["devices"]:
        lab.remember(outcome)
    errors = errors_of("xdp_loader", result)
    assert errors == [item["error"] for item in document["devices"] if "error" in item]
    assert status == (errors[0]["status"] if errors else 0)
    return document["devices"]


def read(*args, status=0):
    return samples_of(run([STATS, "--json", *args], status))


# ---- xdp_loader


def test_load_and_replace(lab, veth0):
    """A first load is "loaded", every load after it "replaced"; reused maps say so."""
    (first,) = load(lab, "--dev", "veth0")
    assert (first["outcome"], first["generation"], first["dry_run"]) == ("loaded", 1, False)
    (second,) = load(lab, "--dev", "veth0", "--action", "drop", "--reuse-maps")
    assert (second["outcome"], second["generation"]) == ("replaced", 2)
    assert [item["reused"] for item in second["maps"]] == [True]
    (third,) = load(lab, "--dev", "veth0", "--filename", object_file("generation_a"))
    assert {item["name"] for item in third["maps"]} == {"xdp_stats_map", "shared", "only_a"}


def test_generic_mode(lab, veth0):
    (outcome,) = load(lab, "--dev", "veth0", "--skb-mode")
    assert outcome["mode"] == "generic"


def test_dry_runs(lab, veth0):
    """What a dry run says has no ids of things that do not exist."""
    (outcome,) = load(lab, "--dev", "veth0", "--dry-run")
    assert (outcome["outcome"], outcome["dry_run"]) == ("loaded", True)
    assert outcome["program"]["id"] is None and outcome["maps"][0]["id"] is None
    assert load(lab, "--dev", "veth0", "--skb-mode", "--dry-run")[0]["mode"] == "generic"
    lab.load("veth0")
    (outcome,) = load(lab, "--dev", "veth0", "--dry-run")
    assert outcome["outcome"] == "replaced"
    (outcome,) = load(lab, "--dev", "veth0", "--unload", "--dry-run")
    assert outcome["outcome"] == "unloaded" and len(outcome["removed"]) == 3


def test_unload_and_clean(lab, veth0):
    lab.load("veth0")
    (outcome,) = load(lab, "--dev", "veth0", "--unload")
    assert outcome["outcome"] == "unloaded" and len(outcome["removed"]) == 3
    (outcome,) = load(lab, "--dev", "veth0", "--clean")
    assert outcome["outcome"] == "cleaned" and outcome["removed"] == []
    assert load(lab, "--clean") == []


def test_status_attached_and_none(lab, veth0):
    (outcome,) = load(lab, "--dev", "veth0", "--status")
    assert outcome["state"] == "none" and outcome["hook"] is None and outcome["program"] is None
    lab.load("veth0")
    (outcome,) = load(lab, "--dev", "veth0", "--status")
    assert outcome["state"] == "attached" and outcome["hook"]["program"] == outcome["program"]


def test_status_foreign(lab, veth0):
    foreign = lab.foreign_attach("veth0")
    (outcome,) = load(lab, "--dev", "veth0", "--status")
    assert outcome["state"] == "foreign" and outcome["hook"]["program"]["id"] == foreign["id"]
    assert outcome["generation"] is None and outcome["pin_dir"] is None


def test_status_detached_and_stale(lab, veth0):
    """Of maps that were kept, alone and then beside somebody else's program; both programs agree."""
    lab.load("veth0")
    load(lab, "--dev", "veth0", "--unload", "--keep-maps")
    (outcome,) = load(lab, "--dev", "veth0", "--status")
    assert outcome["state"] == "detached" and outcome["hook"] is None
    assert read("--dev", "veth0", "--once")[0]["state"] == "detached"
    foreign = lab.foreign_attach("veth0")
    (outcome,) = load(lab, "--dev", "veth0", "--status")
    assert outcome["state"] == "stale" and outcome["hook"]["program"]["id"] == foreign["id"]
    assert read("--dev", "veth0", "--once")[0]["state"] == "stale"


def test_status_orphaned(lab, veth0):
    lab.load("veth0")
    lab.delete(veth0)
    (outcome,) = load(lab, "--status")
    assert outcome["state"] == "orphaned" and outcome["hook"] is None
    (outcome,) = load(lab, "--clean")
    assert outcome["outcome"] == "cleaned" and len(outcome["removed"]) == 3


def test_status_for_an_ordinary_user(lab, veth0):
    """Names and tags may be hidden from a user; the document is complete all the same."""
    kernel.need(kernel.unprivileged_reading)
    program = lab.load("veth0")["program"]["id"]
    loader, _ = copy_for_everyone()
    (outcome,) = load(lab, "--dev", "veth0", "--status", prefix=as_user(NOBODY), loader=loader)
    assert outcome["program"]["id"] == program


def test_status_while_a_command_runs(lab, veth0):
    """--run leaves stdout to its command, here a --status of the interface, whose program then goes."""
    result = run([LOADER, "--dev", "veth0", "--quiet", "--run", "--", LOADER, "--dev", "veth0", "--status", "--json"])
    (outcome,) = checked(DOCUMENT, result.out)["devices"]
    assert (outcome["state"], outcome["attach"]) == ("attached", "link")
    assert load(lab, "--dev", "veth0", "--status")[0]["state"] == "none"


def test_several_devices_of_which_some_fail(lab):
    """Each has its entry, in the order of the command line; stderr has a line for each that failed."""
    lab.veth("veth0")
    lab.veth("veth1")
    lab.foreign_link("veth1")
    outcomes = load(lab, *"--dev veth0 --dev nope --dev veth1".split(), status=4)
    assert [item["outcome"] for item in outcomes] == ["loaded", "failed", "failed"]
    assert [item["error"]["kind"] for item in outcomes[1:]] == ["not_found", "conflict"]


@pytest.mark.parametrize("args", [["--dev", "veth0", "--nonsense"], [], ["--dev", "veth0", "--action", "nothing"],
                                  ["--dev", "veth0", "--unload", "0"], ["--dev="]])
def test_loader_usage(lab, args):
    """Status 2: there is no document, as there is nothing to do; the error is JSON."""
    result = run([LOADER, "--json", *args], status=2)
    assert result.out == ""
    (error,) = errors_of("xdp_loader", result)
    assert (error["status"], error["kind"]) == (2, "usage")


def test_loader_without_permission(lab, veth0):
    loader, _ = copy_for_everyone()
    (outcome,) = load(lab, "--dev", "veth0", status=3, prefix=as_user(NOBODY), loader=loader)
    assert outcome["error"]["kind"] == "permission"


@pytest.mark.parametrize("args", [["--dev", "nope"], ["--dev", "veth0", "--unload"],
                                  ["--dev", "veth0", "--filename", "/nope.bpf.o"],
                                  ["--netns", "nope", "--dev", "veth0"]])
def test_loader_not_found(lab, veth0, args):
    (outcome,) = load(lab, *args, status=4)
    assert outcome["error"]["kind"] == "not_found"


def test_loader_conflict(lab, veth0):
    """The fields that differ are in the details."""
    lab.load("veth0")
    (outcome,) = load(lab, "--dev", "veth0", "--filename", object_file("six_entries"), "--reuse-maps", status=5)
    assert outcome["error"]["kind"] == "conflict"
    assert "entries" in outcome["error"]["details"]


def test_rejected_by_the_verifier(lab, veth0):
    """Many lines of the verifier are one string in one line."""
    (outcome,) = load(lab, "--dev", "veth0", "--filename", object_file("rejected"), status=1)
    assert outcome["error"]["kind"] == "system"


def test_netns(lab, veth0):
    """An interface of a named namespace has its name in every document."""
    run(["ip", "netns", "add", "red"])
    lab.cleanups.append(lambda: run(["ip", "netns", "delete", "red"]))
    run(["ip", "link", "set", "dev", veth0.peer, "netns", "red"])
    (outcome,) = load(lab, "--netns", "red", "--dev", veth0.peer)
    assert (outcome["dev"], outcome["netns"]) == (veth0.peer, "red")
    (sample,) = read("--netns", "red", "--dev", veth0.peer, "--once")
    assert (sample["dev"], sample["netns"]) == (veth0.peer, "red")
    rows = csv_rows("--netns", "red", "--dev", veth0.peer, "--once")
    assert {row["netns"] for row in rows} == {"red"}
    result = run([STATS, "--json", "--netns", "red", "--dev", veth0.peer, "--expect", "total.packets == 0"])
    assert checked(JUDGEMENT, result.out)["expectations"][0]["source"] == f"red/{veth0.peer}"
    assert load(lab, "--status")[0]["netns"] == "red"
    load(lab, "--netns", "red", "--dev", veth0.peer, "--unload")


def test_test_run_and_list_of_programs(lab):
    """Neither has devices; what fails is an error on stderr, and nothing on stdout."""
    value = checked(TEST_RUN, run([LOADER, "--test-run", "100", "--action", "drop", "--json"]).out)
    assert counts_of(value) == {"XDP_DROP": (100, 6400)} and value["total"] == {"packets": 100, "bytes": 6400}
    result = run([LOADER, "--list-programs", "--filename", object_file("tail_call"), "--json"])
    assert checked(PROGRAM_LIST, result.out)["programs"] == ["jump_target", "jump_entry"]
    for args in (["--test-run", "/nope.pcap"], ["--list-programs", "--filename", "/nope.bpf.o"]):
        result = run([LOADER, "--json", *args], status=4)
        assert result.out == ""
        assert [error["kind"] for error in errors_of("xdp_loader", result)] == ["not_found"]


# ---- samples of xdp_stats


def test_samples(lab, veth0):
    """The first reading has no rates; those that come after a period have."""
    lab.load("veth0")
    (once,) = read("--dev", "veth0", "--once")
    assert once["period"] == 0 and once["state"] == "attached"
    samples = read("--dev", "veth0", "--count", "3", "--interval", "50ms")
    assert all(sample["period"] > 0 and sample["total"]["pps"] == 0 for sample in samples)


def test_sample_right_after_a_replacement(lab, veth0):
    """Every sample of a run during which the map is replaced is valid."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0")
    lab.load("veth0", "--action", "drop")
    reader.wait_for(lambda sample: sample["generation"] == 2)
    reader.stop()
    for sample in reader.samples():
        SAMPLE.validate(sample)


def test_states_of_maps(lab, veth0):
    """A pin knows its meta; an id, and a map of others, are `foreign` and have no generation."""
    number = lab.load("veth0")["maps"][0]["id"]
    (by_path,) = read("--map", pin_dir("veth0") / "xdp_stats_map", "--once")
    assert (by_path["dev"], by_path["state"], by_path["generation"]) == (None, "attached", 1)
    (by_id,) = read("--map-id", number, "--once")
    assert (by_id["dev"], by_id["state"], by_id["generation"]) == (None, "foreign", None)


def test_per_cpu(lab, veth0):
    lab.load("veth0")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    (sample,) = read("--dev", "veth0", "--once", "--per-cpu")
    assert sum(row["actions"]["XDP_PASS"]["packets"] for row in sample["cpus"]) == 10
    samples = read("--dev", "veth0", "--count", "2", "--interval", "20ms", "--per-cpu")
    assert all(row["actions"]["XDP_PASS"]["pps"] == 0 for sample in samples for row in sample["cpus"])


def test_several_sources(lab):
    for name in ("veth0", "veth1"):
        lab.veth(name)
        lab.load(name)
    samples = read("--dev", "veth0", "--dev", "veth1", "--once")
    assert [sample["dev"] for sample in samples] == ["veth0", "veth1"]


# ---- --expect


@pytest.mark.parametrize("wanted, status, met", [(3, 0, True), (4, 6, False)])
def test_judgement(lab, veth0, wanted, status, met):
    """One object, with what was seen; not met is an error on stderr as well."""
    lab.load("veth0")
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})
    result = run([STATS, "--dev", "veth0", "--json", "--within", "100ms", "--expect", f"pass.packets == {wanted}",
                  "--expect", "total.bps >= 0"], status)
    judgement = checked(JUDGEMENT, result.out)
    assert judgement["met"] is met
    packets, rate = judgement["expectations"]
    assert packets == {"source": "veth0", "expression": f"pass.packets == {wanted}", "action": "XDP_PASS",
                       "field": "packets", "totals": "map", "operator": "==", "wanted": wanted, "seen": 3,
                       "held": met, "too_many": False, "cannot_hold": None}
    (counted,) = judgement["counted"]
    assert counted["source"] == "veth0" and counts_of(counted) == {"XDP_PASS": (3, 300)}
    assert counted["total"] == {"packets": 3, "bytes": 300, "delivered": None, "lost": None}
    assert (rate["action"], rate["field"], rate["wanted"]) == ("total", "bps", 0)
    assert [error["kind"] for error in errors_of("xdp_stats", result)] == ([] if met else ["unmet"])


def test_judgement_of_too_many(lab, veth0):
    lab.load("veth0")
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})
    result = run([STATS, "--dev", "veth0", "--json", "--within", "1h", "--expect", "pass.packets == 2"], 6)
    (expectation,) = checked(JUDGEMENT, result.out)["expectations"]
    assert (expectation["seen"], expectation["held"], expectation["too_many"]) == (3, False, True)
    assert expectation["cannot_hold"] == "too many: 3, expected 2"


def test_judgement_without_counters(lab, veth0):
    """What was never seen is null."""
    result = run([STATS, "--dev", "veth0", "--json", "--within", "0", "--expect", "drop.packets == 0"], 6)
    judgement = checked(JUDGEMENT, result.out)
    assert [(item["seen"], item["held"], item["too_many"]) for item in judgement["expectations"]] == [
        (None, False, False)]
    assert judgement["counted"] == [{"source": "veth0", "actions": None, "total": None}]
    quiet = run([STATS, "--dev", "veth0", "--json", "-q", "--within", "0", "--expect", "drop.packets == 0"], 6)
    assert quiet.out == "" and [error["status"] for error in errors_of("xdp_stats", quiet)] == [6]


# ---- errors of xdp_stats


@pytest.mark.parametrize("args", [["--dev", "veth0", "--nonsense"], [], ["--dev", "veth0", "--interval", "never"],
                                  ["--dev", "veth0", "--expect", "drop.packets = 1"]])
def test_reader_usage(lab, veth0, args):
    result = run([STATS, "--json", *args], status=2)
    (error,) = errors_of("xdp_stats", result)
    assert error["kind"] == "usage" and result.out == ""


def test_reader_without_permission(lab, veth0):
    lab.load("veth0")
    _, stats = copy_for_everyone()
    lab.close_bpffs()
    result = run([*as_user(NOBODY), stats, "--json", "--dev", "veth0", "--once"], status=3)
    assert [error["kind"] for error in errors_of("xdp_stats", result)] == ["permission"]


def test_reader_not_found(lab, veth0):
    """Every source that is missing has a line of its own."""
    result = run([STATS, "--json", "--once", "--dev", "veth0", "--dev", "nope", "--map", "/sys/fs/bpf/nope"], status=4)
    assert [error["kind"] for error in errors_of("xdp_stats", result)] == ["not_found"] * 3
    assert result.out == ""


def test_reader_conflict(lab):
    """A map of another layout."""
    path = lab.foreign_map(BPFFS / "elsewhere" / "map", kind="array", value=4, entries=5)
    result = run([STATS, "--json", "--map", path, "--once"], status=5)
    assert [error["kind"] for error in errors_of("xdp_stats", result)] == ["conflict"]


def test_remarks_are_no_json(lab, veth0):
    """Beside errors, stderr has notices, which are text and begin with the program's name; -q turns them off."""
    reader = lab.stats("--dev", "veth0", "--expect", "drop.packets == 1")
    reader.wait_for_message("^xdp_stats: veth0: ")
    reader.popen.send_signal(signal.SIGINT)
    lines = super(type(reader), reader).wait(6).splitlines()
    assert [line for line in lines if line.startswith("{")] == lines[-1:]
    checked(ERRORS["xdp_stats"], lines[-1] + "\n")
    lab.processes.remove(reader)


# ---- numbers


@pytest.fixture
def large(lab):
    """A per-CPU map of others, with counts that no double can tell from their neighbours, and what they add up to."""
    path = lab.foreign_map(BPFFS / "large" / "map", kind="percpu_array", value=16, entries=5)

    def put(key, packets, octets):
        # bpftool gives every CPU the same value: what is expected is what they add up to, as the kernel's counters do.
        values = struct.pack("=QQ", packets, octets)
        run(["bpftool", "map", "update", "pinned", path, "key", key, 0, 0, 0, "value", *values])
        shown = bpftool("map", "lookup", "pinned", path, "key", key, 0, 0, 0)
        raw = [binary(value["value"]) for value in shown["values"]]
        pairs = [struct.unpack("=QQ", value) for value in raw]
        return tuple(sum(column) % 2**64 for column in zip(*pairs))

    return path, {"XDP_DROP": put(1, LARGEST, 2**53 + 1), "XDP_TX": put(3, 2**63 + 1, LARGEST - 1)}


def csv_rows(*args):
    out = run([STATS, "--format", "csv", *args]).out
    reader = csv.DictReader(io.StringIO(out), strict=True)
    rows = list(reader)
    assert all(None not in row and None not in row.values() for row in rows), out
    columns = [column for column in reader.fieldnames if column != "cpu"]
    assert columns == COLUMNS and ("cpu" in reader.fieldnames) == ("--per-cpu" in args)
    return rows


def test_large_numbers_are_exact(lab, large):
    """Counters up to 2^64-1 are written digit by digit, in JSON and in CSV."""
    path, expected = large
    (sample,) = read("--map", path, "--once")
    assert counts_of(sample) == expected
    rows = {row["action"]: row for row in csv_rows("--map", path, "--once")}
    for action, (packets, octets) in expected.items():
        assert max(packets, octets) > 2**53
        assert (rows[action]["packets"], rows[action]["bytes"]) == (str(packets), str(octets))
    (sample,) = read("--map", path, "--once", "--per-cpu")
    for cpu in sample["cpus"]:
        assert cpu["actions"]["XDP_DROP"]["packets"] == LARGEST
    result = run([STATS, "--map", path, "--json", "--expect", f"drop.packets == {expected['XDP_DROP'][0]}"])
    assert checked(JUDGEMENT, result.out)["expectations"][0]["seen"] == expected["XDP_DROP"][0]


def test_the_largest_number_is_exact(lab):
    """2^64-1 in a single slot."""
    path = lab.foreign_map(BPFFS / "large" / "map", kind="array", value=16, entries=5)
    run(["bpftool", "map", "update", "pinned", path, "key", 1, 0, 0, 0, "value", *struct.pack("=QQ", LARGEST, LARGEST)])
    (sample,) = read("--map", path, "--once")
    assert counts_of(sample) == {"XDP_DROP": (LARGEST, LARGEST)}
    assert sample["total"]["packets"] == LARGEST
    total = csv_rows("--map", path, "--once")[-1]
    assert (total["action"], total["packets"], total["bytes"]) == ("total", str(LARGEST), str(LARGEST))


# ---- CSV


def test_csv(lab, veth0):
    """A row per action and one for their total; fields that are not known are empty."""
    lab.load("veth0")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    rows = csv_rows("--dev", "veth0", "--once")
    assert [row["action"] for row in rows] == [*ACTIONS, "total"]
    assert {(row["dev"], row["netns"], row["generation"], row["state"]) for row in rows} == {
        ("veth0", "", "1", "attached")}
    assert {(row["pps"], row["bps"]) for row in rows} == {("", "")}
    (row,) = [row for row in rows if row["action"] == "XDP_PASS"]
    assert (row["packets"], row["bytes"], row["session_packets"], row["session_bytes"]) == ("10", "1000", "0", "0")
    assert (row["lifetime_packets"], row["lifetime_bytes"], row["totals"]) == ("10", "1000", "map")
    rows = csv_rows("--dev", "veth0", "--count", "2", "--interval", "20ms")
    assert len(rows) == 2 * 6 and {row["pps"] for row in rows} == {"0.0"}


def test_csv_per_cpu(lab, veth0):
    """`cpu` is `all` or a number; rows of one CPU add up to that of all and have no session."""
    lab.load("veth0")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    rows = csv_rows("--dev", "veth0", "--once", "--per-cpu")
    assert [row["action"] for row in rows if row["cpu"] == "all"] == [*ACTIONS, "total"]
    single = [row for row in rows if row["cpu"] != "all"]
    assert sum(int(row["packets"]) for row in single) == 10
    assert {row["session_packets"] for row in single} == {row["lifetime_packets"] for row in single} == {""}


# ---- the page


def examples(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_examples_of_the_page():
    """Every example of docs/json.md is valid, and there is one of each kind."""
    kinds = {"sample": SAMPLE, "judgement": JUDGEMENT, "document": DOCUMENT, "test run": TEST_RUN, "list": PROGRAM_LIST,
             "error": ERRORS["xdp_stats"]}
    found = set()
    for value in map(json.loads, examples("json")):
        (kind,) = [kind for kind, schema in kinds.items() if schema.is_valid(value)]
        found |= {kind, *(device["outcome"] for device in value.get("devices", []))}
    assert found >= {*kinds, "loaded", "failed", "status"}


def test_csv_of_the_page():
    """The example and the list of columns are those of the program."""
    (text,) = examples("csv")
    assert text.splitlines()[0].split(",") == COLUMNS
    assert len(list(csv.DictReader(io.StringIO(text), strict=True))) == 6
    described = re.findall(r"^\| `(\w+)` \|", PAGE[PAGE.index("## CSV"):], flags=re.MULTILINE)
    assert [column for column in described if column not in ("cpu", "program")] == COLUMNS


def test_every_field_is_described():
    """docs/json.md names every field of the schemas."""
    def fields(value):
        if isinstance(value, dict):
            yield from value.get("properties", {}) if isinstance(value.get("properties"), dict) else ()
            for inner in value.values():
                yield from fields(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from fields(inner)

    for program in ("xdp_stats", "xdp_loader"):
        schema = json.loads((TOP / f"docs/schema/{program}.schema.json").read_text())
        missing = {field for field in fields(schema) if f"`{field}`" not in PAGE}
        assert not missing, (program, missing)


@pytest.mark.parametrize("program, definition, broken", [
    ("xdp_stats", "count", 1.0), ("xdp_stats", "count", 2**64), ("xdp_stats", "count", "1"),
    ("xdp_stats", "error", {"status": 4, "kind": "usage", "message": "x", "details": None, "hint": None}),
    ("xdp_loader", "document", {"schema": 1}), ("xdp_loader", "id", 0)])
def test_the_schemas_refuse(program, definition, broken):
    """The schemas are strict enough to find something."""
    with pytest.raises(jsonschema.ValidationError):
        validator(program, definition).validate(broken)
