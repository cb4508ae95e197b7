# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Objects that expect something else than a counting program does: another counter map, the driver's metadata, a
user program that fills their maps, maps that were there before."""

import json
import struct

import pytest

from support import kernel
from support.bpftool import bpftool
from support.devices import attached, link_info
from support.maps import dump_map
from support.pins import BPFFS, pin_dir, pins_of
from support.processes import run
from support.programs import CONFLICT, FAILED, LOADER, MODES, STATS, compile_object
from support.traffic import SIZE, send

HEADER = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
TALLY = HEADER + "#include <xdp_tally/tally.bpf.h>\n"
LICENSE = 'char _license[] SEC("license") = "GPL";\n'
COUNTING = 'SEC("xdp") int entry(struct xdp_md *ctx) { return xdp_tally(ctx, XDP_PASS); }\n'


@pytest.fixture(name="build")
def fixture_build(tmp_path):
    return lambda source: compile_object(source + LICENSE, tmp_path / "prog.bpf.o")


def map_of(name, kind, key="__u32", value="__u32", entries=8, more=""):
    return (f"struct {{ __uint(type, BPF_MAP_TYPE_{kind}); __uint(max_entries, {entries}); __type(key, {key}); "
            f'__type(value, {value}); {more} }} {name} SEC(".maps");\n')


def using(*maps):
    """A program that passes what is not in one of these maps."""
    lookups = "".join(f"if (bpf_map_lookup_elem(&{name}, &key)) return XDP_DROP; " for name in maps)
    return f'SEC("xdp") int entry(struct xdp_md *ctx) {{ __u32 key = 1; {lookups} return XDP_PASS; }}\n'


def notes_of(outcome):
    return "\n".join(outcome["notes"])


# ---- a counter map of another layout


@pytest.mark.parametrize("kind, value, entries, differences", [
    ("PERCPU_HASH", "struct two", 256, ["type: percpu_hash, expected percpu_array or array",
                                        "entries: 256, expected 5 or 6"]),
    ("ARRAY", "__u64", 5, ["value: 8 bytes, expected 16"]),
    ("PERCPU_ARRAY", "struct two", 4, ["entries: 4, expected 5 or 6"]),
])
def test_other_layout_of_the_counters(lab, build, kind, value, entries, differences):
    """The load, --status and the reader say the same, field by field."""
    lab.veth("veth0")
    file = build(HEADER + "struct two { __u64 a, b; };\n" + map_of("xdp_stats_map", kind, "__u32", value, entries)
                 + using("xdp_stats_map"))
    outcome = lab.load("veth0", "--filename", file)
    status = lab.status("veth0")
    reader = run([STATS, "--dev", "veth0", "--once"], status=CONFLICT)
    for text in (notes_of(outcome), notes_of(status), reader.err):
        assert "xdp_stats_map" in text and all(difference in text for difference in differences)
    assert status["state"] == "attached"
    assert lab.load("veth0", "--filename", file, "--reuse-maps")["maps"][0]["reused"]


def test_usual_layouts_are_not_remarked_upon(lab, build):
    lab.veth("veth0")
    for entries in (5, 6):
        file = build(HEADER + "struct two { __u64 a, b; };\n"
                     + map_of("xdp_stats_map", "ARRAY", "__u32", "struct two", entries) + using("xdp_stats_map"))
        assert "cannot read" not in notes_of(lab.load("veth0", "--filename", file))


# ---- maps that its own user program fills


def test_empty_targets_are_named(lab, build):
    lab.veth("veth0")
    file = build(TALLY + map_of("ports", "DEVMAP") + map_of("others", "DEVMAP_HASH")
                 + map_of("cpus", "CPUMAP", entries=1) + map_of("sockets", "XSKMAP") + map_of("list", "HASH")
                 + 'SEC("xdp") int entry(struct xdp_md *ctx) { bpf_redirect_map(&ports, 1, 0); '
                   "bpf_redirect_map(&others, 1, 0); bpf_redirect_map(&cpus, 1, 0); bpf_redirect_map(&sockets, 1, 0); "
                   "__u32 key = 1; bpf_map_lookup_elem(&list, &key); return xdp_tally(ctx, XDP_PASS); }\n")

    def empty(*options):
        (note,) = [each for each in lab.load("veth0", "--filename", file, *options)["notes"] if "empty" in each] or [""]
        return {word.split(" ")[0] for word in note.partition(": ")[2].split(", ") if word}

    assert empty() == {"ports", "others", "cpus", "sockets"}
    target = struct.pack("=I", link_info("veth0")["ifindex"])
    for name, key in (("ports", 7), ("others", 1)):
        run(["bpftool", "map", "update", "pinned", pin_dir("veth0") / name, "key", *struct.pack("=I", key),
             "value", *target])
    assert empty("--reuse-maps") == {"cpus"}  # of sockets nobody can tell


def test_tail_calls_that_lead_nowhere_are_named(lab, build):
    lab.veth("veth0")
    file = build(TALLY + map_of("jumps", "PROG_ARRAY")
                 + 'SEC("xdp") int entry(struct xdp_md *ctx) { bpf_tail_call(ctx, &jumps, 0); '
                   "return xdp_tally(ctx, XDP_PASS); }\n")
    assert "jumps (prog_array)" in notes_of(lab.load("veth0", "--filename", file))


# ---- what is not XDP's


STRUCT_OPS = """
struct sock;
struct tcp_congestion_ops {
    __u32 (*ssthresh)(struct sock *sk);
    __u32 (*undo_cwnd)(struct sock *sk);
    void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
    char name[16];
};
SEC("struct_ops") __u32 slow(unsigned long long *ctx) { return 2; }
SEC("struct_ops") __u32 undo(unsigned long long *ctx) { return 2; }
SEC("struct_ops") void avoid(unsigned long long *ctx) { }
SEC(".struct_ops") struct tcp_congestion_ops control = {
    .ssthresh = (void *)slow, .undo_cwnd = (void *)undo, .cong_avoid = (void *)avoid, .name = "control",
};
"""


def test_struct_ops_are_left_out(lab, build):
    lab.veth("veth0")
    file = build(TALLY + STRUCT_OPS + COUNTING)
    for options in ([], ["--reuse-maps"], ["--reuse-maps"]):
        outcome = lab.load("veth0", "--filename", file, *options)
        assert [item["name"] for item in outcome["maps"] if item["name"] != "xdp_tally_mark"] == ["xdp_stats_map"]
        assert "'control' is left out" in notes_of(outcome)


@pytest.mark.parametrize("entries", [1, 8])
def test_a_program_that_is_called_like_a_dispatcher(lab, build, entries):
    """It is the plain program that it is: foreign, replaced only by force, and loaded like any other."""
    lab.veth("veth0")
    file = build(TALLY + map_of("seen", "ARRAY", entries=entries) + 'SEC("xdp") int xdp_dispatcher(struct xdp_md *ctx) '
                 "{ __u32 key = 0, *value = bpf_map_lookup_elem(&seen, &key); if (value) *value += 1; "
                 "return XDP_PASS; }\n")
    path = BPFFS / "like_a_dispatcher"
    run(["bpftool", "prog", "load", file, path, "type", "xdp"])
    lab.cleanups.append(lambda: path.unlink(missing_ok=True))
    lab.program_ids.add(lab.program_at(path)["id"])
    run(["bpftool", "net", "attach", "xdpdrv", "pinned", path, "dev", "veth0"])
    status = lab.status("veth0")
    assert status["state"] == "foreign" and status["hook"]["program"]["name"] == "xdp_dispatcher"
    result = lab.loader("--dev", "veth0", status=CONFLICT)
    for text in (notes_of(status), result.err):
        assert "xdp_dispatcher" in text and "libxdp" not in text
    assert not (BPFFS / "xdp").exists()  # libxdp has not been asked
    assert lab.load("veth0", "--force")["attach"] == "netlink"
    lab.loader("--dev", "veth0", "--unload")
    assert lab.load("veth0", "--attach", "link", "--filename", file)["program"]["name"] == "xdp_dispatcher"
    assert lab.load("veth0", "--attach", "link")["generation"] == 2


# ---- receive metadata


METADATA = (TALLY + "extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;\n"
            'SEC("xdp") int entry(struct xdp_md *ctx) { __u64 time = 0; bpf_xdp_metadata_rx_timestamp(ctx, &time); '
            "return xdp_tally(ctx, XDP_PASS); }\n")


def test_metadata_kfuncs_are_bound_to_the_device(lab, build):
    kernel.need(kernel.receive_metadata)
    veth = lab.veth("veth0")
    file = build(METADATA)
    outcome = lab.load("veth0", "--filename", file, "--native-mode")
    assert outcome["attach"] == "link" and "bound to this interface" in notes_of(outcome)
    send(veth, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 5 * SIZE)})
    outcome = lab.load("veth0", "--filename", file, "--reuse-maps")
    send(veth, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (8, 8 * SIZE)})
    assert attached("veth0") == ("native", outcome["program"]["id"])
    lab.load("veth0", "--reuse-maps")  # an unbound one in its place


def test_metadata_kfuncs_are_refused_elsewhere(lab, build):
    lab.veth("veth0")
    file = build(METADATA)
    world = lab.world()
    reason = "receive-metadata kfuncs" if kernel.receive_metadata() else "bpf_xdp_metadata_rx_timestamp"
    for options in (["--dev", "veth0", MODES["generic"]], ["--dev", "lo"], ["--test-run", "1"]):
        result = lab.loader(*options, "--filename", file, status=FAILED)
        assert reason in result.err.splitlines()[0]
    assert lab.world() == world


# ---- fragments


def test_a_program_with_frags(lab, build):
    """It loads, or the kernel is said to be too old for it."""
    lab.veth("veth0")
    file = build(TALLY + COUNTING.replace('SEC("xdp")', 'SEC("xdp.frags")'))
    if kernel.frags():
        assert lab.load("veth0", "--filename", file)["program"]["frags"]
    else:
        assert "Linux 5.18" in lab.loader("--dev", "veth0", "--filename", file, status=FAILED).err


# ---- the way it got


def test_generic_mode_is_told_with_its_remedy(lab, build):
    """Also under --quiet, where nobody asked for it."""
    lab.veth("veth0", mtu=9000)
    file = build(TALLY + COUNTING)
    result = lab.loader("--dev", "veth0", "--filename", file, "--quiet")
    assert result.out == "" and "not in native mode" in result.err
    assert "xdp.frags" in result.err and "MTU of at most 3506" in result.err
    lab.loader("--dev", "veth0", "--unload", "--quiet")
    assert lab.loader("--dev", "veth0", "--filename", file, "--quiet", MODES["generic"]).err == ""


# ---- maps that somebody else had pinned


def test_an_operators_map_is_adopted(lab, build):
    """Its pin stays through every later load and --unload; what would have to take its place is refused."""
    lab.veth("veth0")
    path = lab.foreign_map(pin_dir("veth0") / "blocklist", "hash", 4, 8, 16)
    operators = bpftool("map", "show", "pinned", path)["id"]
    file = build(TALLY + map_of("blocklist", "HASH", "__u32", "__u64", 16, "__uint(pinning, LIBBPF_PIN_BY_NAME);")
                 + map_of("own", "HASH") + using("blocklist", "own") + COUNTING.replace("entry", "counting"))
    world = lab.world()
    refused = lab.loader("--dev", "veth0", "--filename", file, status=CONFLICT)
    assert "blocklist" in refused.err and "--reuse-maps" in refused.err
    assert lab.world() == world

    def adopted(outcome):
        return {item["name"]: item["id"] for item in outcome["maps"] if item["adopted"]}

    load = ["--filename", file, "--progname", "entry"]
    for _ in range(2):
        assert adopted(lab.load("veth0", *load, "--reuse-maps")) == {"blocklist": operators}
        assert adopted(lab.status("veth0")) == {"blocklist": operators}
        assert "adopted" in lab.loader("--dev", "veth0", "--status").out
    for options in ([], ["--reuse-maps", "--new-map", "blocklist"]):
        world = lab.world()
        lab.loader("--dev", "veth0", *load, *options, status=CONFLICT)
        assert lab.world() == world
    lab.load("veth0")  # needs no map of that name
    assert "blocklist" in pins_of("veth0") and "own" not in pins_of("veth0")
    lab.load("veth0", *load, "--reuse-maps")
    removed = lab.loader_json("--dev", "veth0", "--unload")[0]
    assert str(path) not in removed["removed"] and "blocklist" in notes_of(removed)
    assert pins_of("veth0") == ["blocklist"]
    assert bpftool("map", "show", "pinned", path)["id"] == operators


def test_an_adopted_counter_map_goes_on(lab):
    """Counts of others stay in it, and its pin stays when the program goes."""
    veth = lab.veth("veth0")
    path = lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", "percpu_array", 4, 16, 5)
    lab.load("veth0", "--reuse-maps")
    send(veth, 4, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (4, 4 * SIZE)})
    lab.loader("--dev", "veth0", status=CONFLICT)
    lab.load("veth0", "--reuse-maps", "--action", "drop")
    send(veth, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (4, 4 * SIZE), "XDP_DROP": (3, 3 * SIZE)})
    sample = json.loads(run([STATS, "--json", "--once", "--dev", "veth0"]).out)
    assert sample["total"]["session_packets"] == 0 and sample["total"]["packets"] == 7
    run([LOADER, "--dev", "veth0", "--unload"])
    assert pins_of("veth0") == ["xdp_stats_map"]
    assert len(dump_map(path)) == 5
