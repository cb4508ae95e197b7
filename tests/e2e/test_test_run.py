# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --test-run: a program's verdicts on given packets, without attaching it; and --list-programs."""

import json
import os
import struct
from pathlib import Path

import pytest

from support import kernel
from support.captures import RAW_IP, pcap, pcapng
from support.maps import ACTIONS, dump_counts
from support.pins import pin_dir
from support.processes import NOBODY, as_user, run
from support.programs import LOADER, compile_object, copy_for_everyone, object_file
from support.traffic import send

MADE_UP = 64


@pytest.fixture(name="capture")
def capture_writer(tmp_path):
    def write(octets, name="packets.pcap"):
        path = tmp_path / name
        path.write_bytes(octets)
        return path

    return write


def try_on(lab, what, *options, status=0):
    """Whatever comes of it: nothing is attached, pinned or left."""
    world = lab.world()
    result = lab.loader("--test-run", what, *options, status=status)
    assert lab.world() == world
    return result


def verdicts(lab, what, *options):
    """({verdict: (packets, bytes)}, the whole document)."""
    document = json.loads(try_on(lab, what, "--json", *options).out)
    assert document["schema"] == 1
    assert tuple(document["actions"]) == ACTIONS
    pairs = {name: (counts["packets"], counts["bytes"]) for name, counts in document["actions"].items()}
    assert tuple(map(sum, zip(*pairs.values()))) == (document["total"]["packets"], document["total"]["bytes"])
    return {name: pair for name, pair in pairs.items() if pair != (0, 0)}, document


# ---- made-up packets


@pytest.mark.parametrize("action", ["pass", "drop", "aborted", "tx"])
@pytest.mark.parametrize("count", [1, 1000])
def test_every_verdict_of_the_built_in_program(lab, action, count):
    """Exactly so many packets of 64 bytes, all under one verdict, and the program's own map agrees."""
    counts, document = verdicts(lab, count, "--action", action)
    assert counts == {f"XDP_{action.upper()}": (count, count * MADE_UP)}
    assert document["program"] == f"xdp_{action}"
    assert document["notes"] == []


def test_redirect(lab, veth0):
    """Nothing is really sent: the target sees no packet."""
    statistics = Path("/sys/class/net/veth0/statistics/tx_packets")
    before = statistics.read_text()
    counts, _ = verdicts(lab, 5, "--action", "redirect", "--redirect-to", veth0.name)
    assert counts == {"XDP_REDIRECT": (5, 5 * MADE_UP)}
    assert statistics.read_text() == before


def test_no_packets(lab):
    assert verdicts(lab, 0)[0] == {}


def test_words(lab):
    """A line for every verdict and one for the total."""
    lines = try_on(lab, 12, "--action", "drop").out.splitlines()
    assert lines[0] == "xdp_drop: run on 12 packets, not attached"
    assert lines[1].split() == ["action", "packets", "bytes"]
    rows = {words[0]: tuple(map(int, words[1:])) for words in map(str.split, lines[2:])}
    expected = {name: (0, 0) for name in ACTIONS} | {"XDP_DROP": (12, 12 * MADE_UP), "total": (12, 12 * MADE_UP)}
    assert rows == expected
    assert len({len(line) for line in lines[1:]}) == 1, "columns are aligned"


@pytest.mark.parametrize("count", ["18446744073709551616", "99999999999999999999999"])
def test_more_than_anybody_can_count(lab, count):
    """Is not cut down to what fits."""
    assert "2^64 - 1" in try_on(lab, count, status=2).err


@pytest.mark.parametrize("count", ["-1", "+1", "0x10", "1e3", "1 "])
def test_what_is_no_count_is_not_taken_for_one(lab, count):
    """It is a file that is not there."""
    assert "reading packets from" in try_on(lab, count, status=4).err


# ---- captures


@pytest.mark.parametrize("sizes", [[14], [60], [1514], [14, 60, 60, 1000, 1514], [3500]])
@pytest.mark.parametrize("write", [pcap, pcapng])
def test_captures(lab, capture, write, sizes):
    """Packets and bytes of the file, none more or less."""
    counts, document = verdicts(lab, capture(write(sizes)), "--action", "drop")
    assert counts == {"XDP_DROP": (len(sizes), sum(sizes))}
    assert document["notes"] == []


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_large_frames(lab, capture, write):
    """More than a page holds: in fragments, and bytes are those of the whole frame."""
    kernel.need(kernel.frags)
    sizes = [60, 3600, 9000, 60000]
    path = capture(write(sizes))
    assert verdicts(lab, path)[0] == {"XDP_PASS": (4, sum(sizes))}
    assert verdicts(lab, path, "--filename", object_file("own"))[0] == {"XDP_PASS": (4, sum(sizes))}


def test_large_frame_for_a_program_without_fragments(lab, capture):
    """It gets to see the first piece alone, and counts no more: the total is that of the file, a note tells."""
    kernel.need(kernel.frags)
    counts, document = verdicts(lab, capture(pcap([60, 4200])), "--filename", object_file("linear"))
    assert counts == {"XDP_PASS": (2, 4260)}
    cut, own = document["notes"]
    assert cut.startswith("packets longer than a page: 1;") and "4260" in own


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_capture_of_parts(lab, capture, write):
    """What was not captured cannot be run on, and a note tells."""
    counts, document = verdicts(lab, capture(write([60, 64, 65, 1500], snaplen=64)), "--action", "drop")
    assert counts == {"XDP_DROP": (4, 60 + 3 * 64)}
    [note] = document["notes"]
    assert note.startswith("packets that the capture has in part: 2;")


@pytest.mark.parametrize("size", [0, 1, 13])
def test_frame_that_is_too_short(lab, capture, size):
    """Not an Ethernet frame: the packet is named."""
    kernel.need(kernel.short_frames_refused)
    result = try_on(lab, capture(pcap([60, 60, size])), status=1)
    assert f"packet 3 ({size} bytes)" in result.err
    assert "14 bytes" in result.err


def test_capture_without_packets(lab, capture):
    assert verdicts(lab, capture(pcap([])))[0] == {}


def test_capture_of_the_other_byte_order(lab, capture):
    other = ">" if struct.pack("=H", 1) == struct.pack("<H", 1) else "<"
    assert verdicts(lab, capture(pcap([60, 100], order=other)))[0] == {"XDP_PASS": (2, 160)}


def test_verdict_depends_on_the_packet(lab, capture, tmp_path):
    """What it is for: a filter's decisions, packet by packet."""
    compiled = compile_object("""
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <xdp_tally/tally.bpf.h>
SEC("xdp") int by_size(struct xdp_md *ctx)
{
    return xdp_tally(ctx, ctx->data_end - ctx->data > 100 ? XDP_DROP : XDP_TX);
}
char _license[] SEC("license") = "GPL";
""", tmp_path / "filter.bpf.o")
    counts, document = verdicts(lab, capture(pcapng([60, 200, 60, 1500, 100])), "--filename", compiled)
    assert counts == {"XDP_TX": (3, 220), "XDP_DROP": (2, 1700)}
    assert document["program"] == "by_size"


# ---- programs of one's own


@pytest.mark.parametrize("program, verdict", [
    ("own_pass", "XDP_PASS"),
    ("own_drop", "XDP_DROP"),
])
def test_own_program(lab, program, verdict):
    counts, document = verdicts(lab, 7, "--filename", object_file("own"), "--progname", program)
    assert counts == {verdict: (7, 7 * MADE_UP)}
    assert (document["program"], document["notes"]) == (program, [])


def test_number_that_is_no_verdict(lab):
    """Counts as XDP_ABORTED, as the kernel treats it, and is mentioned."""
    counts, document = verdicts(lab, 7, "--filename", object_file("own"), "--progname", "own_invalid")
    assert counts == {"XDP_ABORTED": (7, 7 * MADE_UP)}
    (note,) = document["notes"]
    assert "not an XDP action: 7;" in note
    assert f"note: {note}\n" in try_on(lab, 7, "--filename", object_file("own"), "--progname", "own_invalid").out


def test_program_that_counts_nothing(lab):
    """The verdicts are what it returned: no counter map is needed."""
    counts, document = verdicts(lab, 3, "--filename", object_file("no_counter"))
    assert counts == {"XDP_PASS": (3, 3 * MADE_UP)}
    assert document["notes"] == []


@pytest.mark.parametrize("name", ["six_entries", "generation_a", "odd_name"])
def test_other_counter_maps_that_agree(lab, name):
    assert verdicts(lab, 3, "--filename", object_file(name))[1]["notes"] == []


def test_program_whose_own_map_does_not_agree(lab):
    """It swaps packets and bytes: the note says what the map holds."""
    counts, document = verdicts(lab, 3, "--filename", object_file("swapped_fields"))
    assert counts == {"XDP_PASS": (3, 3 * MADE_UP)}
    (note,) = document["notes"]
    assert "xdp_stats_map" in note and "XDP_PASS" in note


def test_rejected_program(lab):
    """The verifier's words, as for a load."""
    result = try_on(lab, 1, "--filename", object_file("rejected"), status=1)
    assert "the verifier refuses it" in result.err


# ---- what it leaves alone


def test_loaded_device_counts_on_undisturbed(lab, veth0):
    """The maps of a test run are its own: pinned counters do not move."""
    lab.load("veth0")
    send(veth0, 5, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    world = lab.world()
    assert verdicts(lab, 50)[0] == {"XDP_PASS": (50, 50 * MADE_UP)}
    assert lab.world() == world
    assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == {"XDP_PASS": (5, 500)}


def test_needs_no_bpffs_and_no_network(lab):
    """In a namespace without an interface, where no BPF file system is mounted."""
    out = run(["unshare", "--net", "--mount", "sh", "-c", 'umount /sys/fs/bpf && exec "$@"', "sh",
               LOADER, "--test-run", "3", "--json"]).out
    assert json.loads(out)["total"] == {"packets": 3, "bytes": 3 * MADE_UP}


# ---- what it refuses


@pytest.mark.parametrize("octets", [b"", b"\xd4", b"no capture\n" * 10, bytes(100)])
def test_not_a_capture(lab, capture, octets):
    """Named, with a hint what would be one."""
    path = capture(octets)
    result = try_on(lab, path, status=1)
    assert str(path) in result.err and "hint: --test-run takes a capture file" in result.err


@pytest.mark.parametrize("write", [pcap, pcapng])
@pytest.mark.parametrize("missing", [1, 30, 70])
def test_truncated_capture(lab, capture, write, missing):
    """No result rather than one of the packets before the end."""
    path = capture(write([60, 60, 60])[:-missing])
    result = try_on(lab, path, status=1)
    assert str(path) in result.err and result.out == ""


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_capture_of_another_link(lab, capture, write):
    """IP without Ethernet is nothing that an XDP program sees."""
    assert "Ethernet" in try_on(lab, capture(write([60], RAW_IP)), status=1).err


def test_missing_capture(lab, tmp_path):
    assert "No such file" in try_on(lab, tmp_path / "nowhere.pcap", status=4).err


def test_directory(lab, tmp_path):
    assert "directory" in try_on(lab, tmp_path, status=1).err


def test_errors_as_json(lab, tmp_path):
    """One object on stderr, and nothing on stdout."""
    result = try_on(lab, tmp_path / "nowhere.pcap", "--json", status=4)
    document = json.loads(result.err)
    assert (document["program"], document["error"]["kind"]) == ("xdp_loader", "not_found")
    assert result.out == ""


def test_without_capabilities(lab):
    """Status 3, and the capabilities are named."""
    loader, _ = copy_for_everyone()
    result = run([*as_user(NOBODY), loader, "--test-run", "1"], status=3)
    assert "CAP_BPF" in result.err


@pytest.mark.parametrize("arguments", [
    ["--test-run"],
    ["--test-run="],
    ["--test-run", "1", "--dev", "veth0"],
    ["--test-run", "1", "--netns", "red"],
    ["--test-run", "1", "--unload"],
    ["--test-run", "1", "--status"],
    ["--test-run", "1", "--clean"],
    ["--test-run", "1", "--reuse-maps"],
    ["--test-run", "1", "--new-map", "xdp_stats_map"],
    ["--test-run", "1", "--force"],
    ["--test-run", "1", "--dry-run"],
    ["--test-run", "1", "--keep-maps"],
    ["--test-run", "1", "-N"],
    ["--test-run", "1", "-S"],
    ["--test-run", "1", "-A"],
    ["--test-run", "1", "--offload-mode"],
    ["--test-run", "1", "--list-programs", "--filename", "x.o"],
    ["--test-run", "1", "--progname", "x"],
    ["--test-run", "1", "--action", "redirect"],
    ["--test-run", "1", "--redirect-to", "lo"],
    ["--test-run", "1", "--", "true"],
    ["--list-programs"],
    ["--list-programs", "--filename", "x.o", "--dev", "veth0"],
    ["--list-programs", "--filename", "x.o", "--unload"],
    ["--list-programs", "--filename", "x.o", "--dry-run"],
    ["--list-programs", "--filename", "x.o", "--action", "pass"],
])
def test_usage(lab, arguments):
    """Status 2 and a hint, before anything is looked at."""
    result = lab.loader(*arguments, status=2)
    assert result.err.startswith("xdp_loader: ") and "\nhint: " in result.err
    assert result.out == ""


# ---- --list-programs


def names_in(text):
    """Of the text's table."""
    return [line.split()[0] for line in text.splitlines()[1:]]


@pytest.mark.parametrize("name, programs, default", [
    ("own", ["own_pass", "own_drop", "own_invalid"], "own_pass"),
    ("linear", ["linear_pass"], "linear_pass"),
    ("tail_call", ["jump_target", "jump_entry"], "jump_entry"),
    ("rejected", ["rejected"], "rejected"),
])
def test_list_programs(lab, name, programs, default):
    """A line each, in the order of the file; the verifier is not asked."""
    result = lab.loader("--list-programs", "--filename", object_file(name))
    assert names_in(result.out) == programs
    assert [line.split()[0] for line in result.out.splitlines() if " default: " in line] == [default]
    document = json.loads(lab.loader("--list-programs", "--filename", object_file(name), "--json").out)
    assert document["programs"] == programs
    assert [each["name"] for each in document["functions"]] == programs


def test_listed_programs_can_be_run(lab):
    """Each name is one that --progname takes."""
    for name in names_in(lab.loader("--list-programs", "--filename", object_file("own")).out):
        assert verdicts(lab, 1, "--filename", object_file("own"), "--progname", name)[1]["program"] == name


def test_list_programs_as_nobody(lab, tmp_path):
    """Reading a file takes no privilege."""
    loader, _ = copy_for_everyone()
    copy = "/run/bin/own.bpf.o"
    with open(object_file("own"), "rb") as source, open(copy, "wb") as target:
        target.write(source.read())
    os.chmod(copy, 0o644)
    lab.cleanups.append(lambda: os.unlink(copy))
    result = run([*as_user(NOBODY), loader, "--list-programs", "--filename", copy])
    assert names_in(result.out) == ["own_pass", "own_drop", "own_invalid"] and result.err == ""


def test_list_programs_errors(lab, tmp_path):
    """No file: 4; no object: 1."""
    not_elf = tmp_path / "text.o"
    not_elf.write_text("text\n" * 20)
    for path, status in ((tmp_path / "nowhere.o", 4), (not_elf, 1)):
        result = lab.loader("--list-programs", "--filename", path, status=status)
        assert str(path) in result.err and result.out == ""
        document = json.loads(lab.loader("--list-programs", "--filename", path, "--json", status=status).err)
        assert document["error"]["status"] == status
