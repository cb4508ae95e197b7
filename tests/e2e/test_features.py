# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --features: what drivers can do, as the kernel tells; and what is said of that where they refuse."""

import json
import re

import pytest

from support import kernel
from support.devices import link_info
from support.namespaces import Namespace
from support.netdev_family import dump
from support.processes import NOBODY, as_user, run
from support.programs import FAILED, LOADER, NOT_FOUND, PERMISSION, copy_for_everyone, object_file
from support.schemas import DOCUMENT, checked, errors_of
from support.strace import strace

# Our names of the kernel's.
KEYS = {"native": "basic", "redirect": "redirect", "receives_redirects": "ndo-xmit", "frags": "rx-sg",
        "receives_frags": "ndo-xmit-sg", "zero_copy": "xsk-zerocopy", "offload": "hw-offload"}
METADATA = {"timestamp": "timestamp", "hash": "hash", "vlan_tag": "vlan-tag"}
FAMILY = "".join(f"\\x{byte:02x}" for byte in b"netdev")  # as strace shows it
NOT_TOLD = "note: the kernel does not tell what drivers can do: Linux 6.3 and newer do"


def features(*args, status=0, prefix=(), loader=LOADER):
    """{NETNS/IFACE or IFACE: its entry}, in the order of the document."""
    result = run([*prefix, loader, "--features", "--json", *args], status)
    devices = checked(DOCUMENT, result.out)["devices"]
    assert [each["error"] for each in devices if "error" in each] == errors_of("xdp_loader", result)
    return {"/".join(filter(None, [each["netns"], each["dev"]])): each for each in devices}


def table(text):
    """The cells of each line. They begin where their titles do; the numbers of the last column end where it does."""
    header, *rows = text.splitlines()
    titles = {match[0]: match.start() for match in re.finditer(r"\S+", header)}
    for row in rows:
        cells = [match.start() for match in re.finditer(r"\S+", row)]
        assert cells[:-1] == list(titles.values())[:-1] and len(row) == len(header), text
    return [dict(zip(titles, row.split())) for row in rows]


def without_family(tmp_path, *args):
    """As a kernel before 6.3 answers: there is no family `netdev`, which is asked for before each interface."""
    command, log = [LOADER, "--features", *args], tmp_path / "log"
    if not kernel.driver_features():
        return run(command)
    run(strace("-e", "trace=sendto", command=command, log=log))
    asked = [number for number, line in enumerate(log.read_text().splitlines(), 1) if FAMILY in line]
    # The question about the interface itself is not asked then.
    step = asked[1] - asked[0] - 1 if len(asked) > 1 else 1000
    return run(strace("-e", f"inject=sendto:error=ENOENT:when={asked[0]}+{step}", command=command, log=log))


@pytest.fixture(name="told")
def needed_features(lab):  # pylint: disable=unused-argument
    kernel.need(kernel.driver_features)


@pytest.mark.parametrize("option, foreign", [("--native-mode", ()), ("--native-mode", ("--force",)),
                                             ("--offload-mode", ())])
def test_a_hook_is_not_to_be_cleared_for_a_mode_that_the_driver_lacks(lab, told, option, foreign):
    """What runs there would be gone, and nothing in its place."""
    if foreign:
        lab.foreign_attach("lo", "generic")
    else:
        lab.load("lo")
    world = lab.world()
    refused = lab.loader("--dev", "lo", option, *foreign, status=5)
    assert "hint: without a mode option" in refused.err and "--unload" not in refused.err
    assert lab.world() == world
    lab.load("lo", *foreign)
    lab.loader("--dev", "lo", "--unload")


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("gro", ["on", "off"])
def test_as_the_kernel_tells(lab, veth0, gro):
    """Of every interface, as the tests' own dump has it. veth sends redirected frames while its other end has GRO."""
    run(["ethtool", "--offload", veth0.peer, "gro", gro])
    run(["ip", "link", "add", "link", veth0.peer, "name", "upper0", "type", "macvlan"])
    lab.cleanups.append(lambda: run(["ip", "link", "delete", "dev", "upper0"]))
    told, ours = dump(), features()
    indexes = {link["ifname"]: link["ifindex"] for link in json.loads(run(["ip", "-json", "link", "show"]).out)}
    assert set(ours) == set(indexes) and set(told) == set(indexes.values())
    for dev, entry in ours.items():
        drivers, metadata = told[indexes[dev]]
        assert {key for key in KEYS if entry["features"][key]} == {key for key in KEYS if KEYS[key] in drivers}, dev
        if entry["features"]["rx_metadata"] is not None:
            assert {key for key, has in entry["features"]["rx_metadata"].items() if has} == \
                {key for key in METADATA if METADATA[key] in metadata}
    veth = ours["veth0"]["features"]
    assert veth["native"] and veth["redirect"] and veth["frags"] and not veth["offload"]
    assert veth["receives_redirects"] == (gro == "on")
    assert not any(ours["upper0"]["features"][key] for key in KEYS)
    assert {dev: ours[dev]["driver"] for dev in ("veth0", "upper0", "lo")} == \
        {"veth0": "veth", "upper0": "macvlan", "lo": None}


def test_limits(lab):
    """The MTU now, and the largest one that the driver takes now: while a program without frags runs, less."""
    veth = lab.veth("veth0", mtu=1400)

    def limits(dev):
        entry = features("--dev", dev)[dev]
        info = link_info(dev)
        assert entry["max_mtu"] == (info["max_mtu"] or None)
        return entry["mtu"], entry["max_mtu"]

    mtu, before = limits(veth.peer)
    assert mtu == 1400
    lab.load("veth0", "--native-mode")
    assert limits(veth.peer)[1] < before
    assert limits("lo")[1] is None
    assert "  MTU                 1400, at most " in lab.loader("--features", "--dev", "veth0").out


def test_one_interface(lab, veth0):
    """A list of all that is known."""
    text = lab.loader("--features", "--dev", veth0.name).out
    entry = features("--dev", veth0.name)["veth0"]
    assert text.startswith("veth0: driver veth\n")
    labels = {"native": "native mode", "redirect": "redirects", "receives_redirects": "receives redirects",
              "frags": "frags", "receives_frags": "receives frags", "zero_copy": "zero-copy", "offload": "offload"}
    for key, label in labels.items():
        answer = "unknown" if entry["features"] is None else "yes" if entry["features"][key] else "no"
        assert re.search(rf"^  {label} +{answer} +\(\S.*\)$", text, re.MULTILINE), (key, text)
    assert (NOT_TOLD in text) == (entry["features"] is None)
    assert "no driver with a name" in lab.loader("--features", "--dev", "lo").out


def test_table_of_all(lab):
    """A line each, in natural order; JSON too. An interface needs no program for that."""
    for name in ("veth10", "veth2"):
        lab.veth(name)
    entries = features()
    assert list(entries) == ["lo", "p-veth2", "p-veth10", "veth2", "veth10"]
    text = lab.loader("--features").out
    rows = table(text.replace(NOT_TOLD + "\n", ""))
    assert [row["device"] for row in rows] == list(entries)
    for row, entry in zip(rows, entries.values()):
        assert (row["driver"], row["MTU"]) == (entry["driver"] or "-", str(entry["mtu"]))
        for title, key in (("native", "native"), ("redirects", "redirect"), ("receives", "receives_redirects"),
                           ("frags", "frags"), ("zero-copy", "zero_copy"), ("offload", "offload")):
            known = entry["features"]
            assert row[title] == ("unknown" if known is None else "yes" if known[key] else "no")


def test_several_interfaces(lab):
    """The table in natural order, JSON in that of the command line; one that is named twice, once."""
    for name in ("veth10", "veth2"):
        lab.veth(name)
    named = ("--dev", "veth10", "--dev", "lo", "--dev", "veth2", "--dev", "veth10")
    assert list(features(*named)) == ["veth10", "lo", "veth2"]
    rows = lab.loader("--features", *named).out.splitlines()[1:4]
    assert [row.split()[0] for row in rows] == ["lo", "veth2", "veth10"]


def test_namespaces(lab, veth0):
    """The interfaces of one, or NETNS/IFACE beside those here: the initial namespace is first."""
    red = Namespace(lab, "red")
    red.veth("veth0")
    assert list(features("--netns", "red")) == ["red/lo", "red/veth0"]
    assert features("--netns", "red", "--dev", "veth0")["red/veth0"]["driver"] == "veth"
    assert list(features("--dev", "red/veth0", "--dev", veth0.name)) == ["red/veth0", "veth0"]
    rows = lab.loader("--features", "--dev", "red/veth0", "--dev", veth0.name).out.splitlines()[1:3]
    assert [row.split()[0] for row in rows] == ["veth0", "red/veth0"]
    inside = run([*red.inside, LOADER, "--features", "--json"]).out
    assert [each["dev"] for each in checked(DOCUMENT, inside)["devices"]] == ["lo", "veth0"]


def test_for_an_ordinary_user(lab, veth0):
    """In the caller's own namespace it needs nothing; to go into another takes CAP_SYS_ADMIN."""
    Namespace(lab, "red").veth("veth0")
    loader, _ = copy_for_everyone()
    nobody = {"prefix": as_user(NOBODY), "loader": loader}
    assert features(**nobody) == features()
    for named in (("--netns", "red"), ("--dev", "red/veth0")):
        result = run([*as_user(NOBODY), loader, "--features", *named], PERMISSION)
        assert "CAP_SYS_ADMIN" in result.err and result.out == ""
    refused = features("--dev", "red/veth0", "--dev", veth0.name, status=PERMISSION, **nobody)
    assert refused["red/veth0"]["error"]["kind"] == "permission" and refused["veth0"]["driver"] == "veth"


def test_missing_interfaces(lab, veth0):
    """Each succeeds or fails on its own."""
    entries = features("--dev", "nope", "--dev", veth0.name, "--dev", "red/veth0", status=NOT_FOUND)
    assert [entries[name]["outcome"] for name in ("nope", "veth0", "red/veth0")] == ["failed", "features", "failed"]
    result = lab.loader("--features", "--dev", "nope", "--dev", veth0.name, status=NOT_FOUND)
    assert [row.split()[0] for row in result.out.splitlines()[:2]] == ["device", "veth0"]
    assert "'nope'" in result.err
    assert lab.loader("--features", "--netns", "red", status=NOT_FOUND).out == ""


def test_kernel_that_does_not_tell(lab, veth0, tmp_path):
    """What is not known is never "no"; the rest is told, and a note says why."""
    (entry,) = checked(DOCUMENT, without_family(tmp_path, "--json", "--dev", "veth0").out)["devices"]
    assert entry["features"] is None and (entry["driver"], entry["mtu"]) == ("veth", 1500)
    text = without_family(tmp_path, "--dev", "veth0").out
    assert text.count("unknown") == 8 and text.endswith(f"  MTU                 1500, at most 65535\n{NOT_TOLD}\n")
    assert not re.search(r" (yes|no) ", text)
    several = without_family(tmp_path, "--dev", "veth0", "--dev", "lo")
    lines = several.out.splitlines()
    assert lines[-1] == NOT_TOLD and [line.count("unknown") for line in lines] == [0, 7, 7, 0]
    assert NOT_TOLD not in without_family(tmp_path, "--quiet", "--dev", "veth0").out


@pytest.mark.usefixtures("told")
def test_refused_native_mode(lab):
    """The message, or the note, says what the driver has."""
    lacks = "the driver lacks native mode, and has no XDP features"
    assert lacks in lab.loader("--dev", "lo", "--native-mode", status=FAILED).err
    (note,) = [note for note in lab.load("lo")["notes"] if note.startswith("not in native mode: ")]
    assert lacks in note
    lab.loader("--dev", "lo", "--unload")


@pytest.mark.usefixtures("told")
def test_refused_mtu(lab):
    """The driver could do it: what is missing is the program's."""
    lab.veth("veth0", mtu=9000)
    result = lab.loader("--dev", "veth0", "--native-mode", "--filename", object_file("linear"), status=FAILED)
    assert "the driver (veth) has native mode, redirects, " in result.err and "lacks" not in result.err
