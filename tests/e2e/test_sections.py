# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Sections of any name: what libbpf does not know as another kind is loaded as XDP, and only what was chosen."""

import json

import pytest

from support.processes import run
from support.programs import LOADER, NOT_FOUND, USAGE, compile_object, ways_to_attach
from support.traffic import SIZE, send

IN_DISPATCHERS_TOO = True

# Names that people give them, and some that only look like names of other kinds.
SECTIONS = [
    "xdp", "xdp_prog", "xdp_pass", "xdp_drop", "xdp_sock", "xdp_filter", "xdp_router", "xdp_stats1", "xdp_0",
    "xdp-root", "xdp-prog1", "xdp.pass", "xdp.drop", "xdp/pass", "xdp/prog/1", "xdp_devmap", "xdp_cpumap",
    "xdp/devmap2", "xdpfrags", "xdp.frags_not", "prog", "program", "filter", "ingress", "rx", "main", "fw/in",
    "my prog", "2/1", "lb.entry",
]
# Of other kinds for libbpf: beside XDP they disturb nobody, and none of them is XDP.
OTHERS = {"tc": "sched_cls", "fentry/no_such_function_anywhere": "tracing", "kprobe/no_such_function": "kprobe",
          "xdp/devmap": "devmap", "xdp/cpumap": "cpumap", "socket": "socket_filter"}
HEADER = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n#include <xdp_tally/tally.bpf.h>\n"
LICENSE = 'char _license[] SEC("license") = "GPL";\n'


def function(section, name, verdict="XDP_PASS"):
    return f'SEC("{section}") int {name}(struct xdp_md *ctx) {{ return xdp_tally(ctx, {verdict}); }}\n'


def other(section, name):
    return f'SEC("{section}") int {name}(void *ctx) {{ return 0; }}\n'


def refused(section, name):
    """The verifier refuses it, wherever it is loaded."""
    return f'SEC("{section}") int {name}(struct xdp_md *ctx) {{ return *(int *)(long)ctx->data; }}\n'


@pytest.fixture(name="build")
def fixture_build(tmp_path):
    def build(*functions, name="prog"):
        return compile_object(HEADER + "".join(functions) + LICENSE, tmp_path / f"{name}.bpf.o")
    return build


def listed(file):
    return json.loads(run([LOADER, "--list-programs", "--filename", file, "--json"]).out)


def default_of(file):
    return [each["name"] for each in listed(file)["functions"] if each["default"]]


def mixed(build):
    """All of them in one object, between others and two that no verifier takes."""
    functions = [other(section, f"other_{number}") for number, section in enumerate(OTHERS)]
    functions += [function(section, f"f{number}") for number, section in enumerate(SECTIONS)]
    return build(*functions, refused("xdp", "refused_1"), refused("xdp_other", "refused_2"), name="mixed")


# ---- by name


@pytest.mark.parametrize("way", ways_to_attach())
def test_each_of_many_loads_by_name(lab, build, way):
    veth = lab.veth("veth0")
    file = mixed(build)
    for number in range(len(SECTIONS)):
        outcome = lab.load("veth0", "--filename", file, "--progname", f"f{number}", "--attach", way, "--reuse-maps")
        assert (outcome["program"]["name"], outcome["attach"]) == (f"f{number}", way)
        send(veth, 1, SIZE)
        lab.wait_for_counts("veth0", {"XDP_PASS": (number + 1, (number + 1) * SIZE)})


@pytest.mark.parametrize("way", ways_to_attach())
def test_each_alone_is_the_default(lab, build, way):
    lab.veth("veth0")
    for number, section in enumerate(SECTIONS):
        file = build(function(section, f"f{number}"))
        for choice in ([], ["--section", section], ["--progsec", section], ["--progname", f"f{number}"]):
            outcome = lab.loader_json("--dev", "veth0", "--filename", file, "--attach", way, "--dry-run", *choice)[0]
            assert outcome["program"]["name"] == f"f{number}"
        run([LOADER, "--test-run", "1", "--filename", file])
        run([LOADER, "--dev", "veth0", "--filename", file, "-q", "--run", "--", "true"])


# ---- the default


@pytest.mark.parametrize("functions, default", [
    ([("prog", "a"), ("xdp_b", "b"), ("xdp.frags", "c"), ("xdp", "d")], "c"),  # xdp and xdp.frags before all others
    ([("prog", "a"), ("xdp_b", "b"), ("xdp/c", "c")], "b"),  # then what begins with xdp
    ([("prog", "a")], "a"),  # then the only one
    ([("prog", "a"), ("other", "b")], None),
    ([("xdp/devmap", "a"), ("xdp/cpumap", "b"), ("xdp.frags/devmap", "c"), ("xdp.frags", "entry")], "entry"),
    ([("xdp/devmap", "a"), ("xdp_prog", "b")], "b"),
])
def test_default(lab, build, functions, default):
    file = build(*(function(*each) for each in functions))
    assert default_of(file) == ([] if default is None else [default])
    if default is None:
        result = lab.loader("--test-run", "1", "--filename", file, status=NOT_FOUND)
        assert "2 functions" in result.err and "a (prog), b (other)" in result.err
    else:
        assert json.loads(lab.loader("--test-run", "1", "--filename", file, "--json").out)["program"] == default


def test_first_of_several_is_said(lab, build):
    lab.veth("veth0")
    file = build(function("xdp-prog1", "p1"), function("xdp-prog2", "p2", "XDP_DROP"))

    def notes(*choice):
        return "\n".join(lab.load("veth0", "--filename", file, *choice)["notes"])

    assert "'p1' is the first of 2" in notes() and "--progname" in notes()
    for choice in (["--section", "xdp-prog2"], ["--progname", "p2"]):
        assert "first of" not in notes(*choice)
        assert lab.status("veth0")["hook"]["program"]["name"] == "p2"


def test_default_that_is_refused_names_the_others(lab, build):
    file = build(refused("xdp", "bad"), function("xdp", "good"))
    result = lab.loader("--test-run", "1", "--filename", file, status=1)
    assert "\nhint: 'bad' is the first of 2" in result.err and "--progname" in result.err
    lab.loader("--test-run", "1", "--filename", file, "--progname", "good")


# ---- what is refused


def test_other_kinds_are_refused_with_their_reason(lab, build):
    file = mixed(build)
    for number, (section, kind) in enumerate(OTHERS.items()):
        result = lab.loader("--test-run", "1", "--filename", file, "--progname", f"other_{number}", status=NOT_FOUND)
        assert section in result.err.splitlines()[0] and kind in result.err.splitlines()[0]
        result = lab.loader("--test-run", "1", "--filename", file, "--section", section, status=NOT_FOUND)
        assert kind in result.err.splitlines()[0]
    for choice in (["--progname", "nothing"], ["--section", "nothing"]):
        result = lab.loader("--test-run", "1", "--filename", file, *choice, status=NOT_FOUND)
        assert "f20 (prog)" in result.err and "other_0" not in result.err


def test_nothing_but_other_kinds(lab, build):
    file = build(other("tc", "cls"))
    result = lab.loader("--test-run", "1", "--filename", file, status=NOT_FOUND)
    assert "there is none" in result.err and "cls (tc)" in result.err
    assert listed(file) == {"schema": 1, "programs": [], "functions": [
        {"name": "cls", "section": "tc", "kind": "sched_cls", "default": False}]}


@pytest.mark.parametrize("options", [
    ["--dev", "lo", "--section", "xdp"],
    ["--dev", "lo", "--filename", "x.o", "--section", "xdp", "--progname", "a"],
    ["--dev", "lo", "--filename", "x.o", "--section", ""],
    ["--filename", "x.o", "--section", "xdp", "--list-programs"],
])
def test_misuse(lab, options):
    result = lab.loader(*options, status=USAGE)
    assert "--section" in result.err


# ---- what is listed


def test_list(lab, build):
    file = mixed(build)
    kinds = {f"f{number}": (section, "unknown") for number, section in enumerate(SECTIONS)} | {"f0": ("xdp", "xdp")}
    kinds |= {"refused_1": ("xdp", "xdp"), "refused_2": ("xdp_other", "unknown")}
    others = {f"other_{number}": each for number, each in enumerate(OTHERS.items())}
    document = listed(file)
    assert {each["name"]: (each["section"], each["kind"]) for each in document["functions"]} == kinds | others
    assert document["programs"] == [each["name"] for each in document["functions"] if each["name"] in kinds]
    assert default_of(file) == ["f0"]

    header, *rows = lab.loader("--list-programs", "--filename", file).out.splitlines()
    start = [header.index(word) for word in ("NAME", "SECTION", "KIND")]
    assert len(rows) == len(document["functions"])
    for row, each in zip(rows, document["functions"]):
        assert row[start[0]:].split()[0] == each["name"]
        assert row[start[1]:start[2]].rstrip() == each["section"]
        assert row[start[2]:].split()[0] == each["kind"]
        assert row.endswith("cannot be attached to an interface") == (each["name"] in others)
        assert ("default: the first of 2 in a section 'xdp'" in row) == each["default"]
