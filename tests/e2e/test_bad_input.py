# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Everything that cannot work: the contract's exit status, one clear line, and nothing changed."""

from pathlib import Path

import pytest

from support.devices import attached
from support.pins import BPFFS, pin_dir
from support.processes import run
from support.programs import CONFLICT, FAILED, LOADER, NOT_FOUND, STATS, USAGE, object_file
from support.traffic import send


def check_message(result, program, words):
    """`program: what: why`, then only details (indented) and a hint."""
    first, *rest = result.err.splitlines()
    assert first.startswith(f"{program}: "), result.err
    assert all(line.startswith(("  ", "hint: ")) for line in rest), result.err
    assert all(word.lower() in result.err.lower() for word in words), (words, result.err)
    assert result.out == ""


def refused(lab, program, arguments, status, words=(), prefix=()):
    world = lab.world()
    result = run([*prefix, program, *arguments], status)
    check_message(result, Path(program).name, words)
    assert lab.world() == world
    return result


BAD_NAMES = [
    ("nope0", NOT_FOUND, ["nope0"]),
    ("sixteen-letters-", USAGE, ["sixteen-letters-", "15"]),
    ("a/b", NOT_FOUND, ["network namespace 'a'"]),
    ("../veth0", USAGE, ["network namespace '..'"]),
    ("/veth0", USAGE, ["network namespace ''"]),
    ("nope0@veth0", NOT_FOUND, ["hint: `ip link` shows more than the name, which is nope0\n"]),
    ("a-name@long-peer", USAGE, ["hint: `ip link` shows more than the name, which is a-name\n"]),
    ("nope0:", USAGE, ["nope0:", "hint: `ip link` shows more than the name, which is nope0\n"]),
    ("VETH0", NOT_FOUND, ["hint: did you mean veth0?\nhint: `ip -brief link` lists"]),
    ("vth0", NOT_FOUND, ["hint: did you mean veth0?\n"]),
    ("veth0,lo", NOT_FOUND, ["hint: repeat --dev for each of several interfaces\n"]),
    ("..", USAGE, [".."]),
    (".", USAGE, []),
    ("", USAGE, []),
    ("veth 0", USAGE, ["veth 0"]),
    ("veth:0", USAGE, ["veth:0"]),
]


@pytest.mark.parametrize("verb", [[], ["--unload"], ["--status"], ["--dry-run"], ["--observe"], ["--features"]])
@pytest.mark.parametrize("name, status, words", BAD_NAMES)
def test_loader_bad_device(lab, veth0, name, status, words, verb):
    refused(lab, LOADER, [f"--dev={name}", *verb], status, words)


@pytest.mark.parametrize("name, status, words", BAD_NAMES)
def test_stats_bad_device(lab, veth0, name, status, words):
    refused(lab, STATS, [f"--dev={name}", "--once"], status, words)
    refused(lab, STATS, [f"--dev={name}"], status, words)


@pytest.mark.parametrize("name, status, words", [case for case in BAD_NAMES if case[1] == USAGE])
def test_stats_does_not_wait_for_a_name_that_no_device_can_have(lab, name, status, words):
    refused(lab, STATS, [f"--dev={name}", "--wait"], status, words)


@pytest.mark.parametrize("arguments, words", [
    ([], ["--dev"]),
    (["--unload"], ["--dev"]),
    (["--dev"], ["--dev"]),
    (["--dev", "veth0", "--no-such-option"], ["--no-such-option"]),
    (["--dev", "veth0", "stray"], ["stray", "hint: `xdp_loader --help` lists the options\n"]),
    (["--dev", "veth0", "lo"], ["`xdp_loader --dev veth0 --dev lo`"]),
    (["--dev", "veth0", "--action", "drop", "pass"], ["hint: --action takes one value\n"]),
    (["--dev", "veth0", "--run", "sleep", "1"], ["did you mean `xdp_loader --dev veth0 --run -- sleep 1`?\n"]),
    (["--attach", "--dev", "veth0"], ["--attach needs a value: auto, dispatcher or link\n"]),
    (["--load", "--dev", "veth0"], ["hint: loading is what `xdp_loader --dev IFACE` does"]),
    (["--dev", "veth0", "--action", "reject"], ["reject"]),
    (["--dev", "veth0", "--action", "redirect"], ["--redirect-to"]),
    (["--dev", "veth0", "--redirect-to", "lo"], ["--redirect-to needs --action"]),
    (["--dev", "veth0", "--progname", "x"], ["--filename"]),
    (["--dev", "veth0", "--native-mode", "--skb-mode"], ["--native-mode", "--skb-mode"]),
    (["--dev", "veth0", "--unload", "abc"], ["abc"]),
    (["--dev", "veth0", "--unload", "-1"], ["-1"]),
    (["--dev", "veth0", "--unload", "0"], ["--unload '0'"]),
    (["--dev", "veth0", "--unload", "--status"], ["--unload", "--status"]),
    (["--dev", "veth0", "--status", "--clean"], ["--status", "--clean"]),
    (["--dev", "veth0", "--keep-maps"], ["--unload"]),
    (["veth0"], ["`xdp_loader --dev veth0`"]),
    (["load", "-m", "skb", "veth0", "prog.o"], ["`xdp_loader -m skb --dev veth0 --filename prog.o`"]),
    (["--status", "veth0@p-veth0"], ["`xdp_loader --status --dev veth0`"]),
    (["-U", "veth0"], ["did you mean `xdp_loader -U --dev veth0`?"]),
    (["veth0", "unload"], ["did you mean `xdp_loader --dev veth0 --unload`?"]),
    (["veth0", "drop"], ["hint: `--action` is the verdict of the built-in program\n"]),
    (["veth0", "unlaod"], ["hint: `xdp_loader --help` lists the options\n"]),
    (["--action", "redirect", "veth0"], ["hint: `xdp_loader --help` lists the options\n"]),
    (["--bpffs", "", "--dev", "veth0"], ["--bpffs has no value", "hint: `xdp_loader --help`"]),
    (["--dev", "", "--dev", "veth0"], ["--dev has no value"]),
    (["--dev", "veth0", "--unlod"], ["did you mean --unload?"]),
    (["--dev", "veth0", "--reset"], ["a load without --reuse-maps starts new maps"]),
    (["--dev", "veth0", "--filename", "x", "--action", "drop"], ["it is the verdict of the built-in program"]),
    (["--dev", "red/veth0", "--netns", "blue"], ["red/veth0", "blue", "different"]),
    (["--dev", "veth0", "--quiet", "--verbose"], ["one asks for more, the other for less"]),
])
def test_loader_usage(lab, veth0, arguments, words):
    refused(lab, LOADER, arguments, USAGE, words)


@pytest.mark.parametrize("arguments, words", [
    ([], ["--dev"]),
    (["--no-such-option"], ["--no-such-option"]),
    (["--dev", "veth0", "--interval", "0"], ["--interval '0'"]),
    (["--dev", "veth0", "--interval", "1us"], ["1us"]),
    (["--dev", "veth0", "--interval", "-1"], ["-1"]),
    (["--dev", "veth0", "--interval", "soon"], ["soon"]),
    (["--dev", "veth0", "--interval", "nan"], ["nan"]),
    (["--dev", "veth0", "--interval", ""], ["--interval has no value"]),
    (["--dev", "veth0", "--interval", "1e99"], ["--interval '1e99'"]),
    (["--dev", "veth0", "--count", "-1"], ["-1"]),
    (["--dev", "veth0", "--count", "0"], ["--count '0'"]),
    (["--dev", "veth0", "--count", "many"], ["many"]),
    (["--dev", "veth0", "--count", "99999999999999999999999"], ["99999999999999999999999"]),
    (["--dev", "veth0", "--format", "xml"], ["xml"]),
    (["veth0"], ["`xdp_stats --dev veth0`"]),
    (["/sys/fs/bpf/veth0/xdp_stats_map"], ["`xdp_stats --map /sys/fs/bpf/veth0/xdp_stats_map`"]),
    (["--all", "veth0"], ["hint: `xdp_stats --help` lists the options\n"]),
    (["--dev", "veth0", "--once", "--output", ""], ["--output has no value", "hint: `xdp_stats --help`"]),
    (["--dev", "veth0", "--once", "--since-start"], ["one reading has nothing to count from"]),
    (["--dev", "veth0", "--action", "drop"], ["hint: that is an option of xdp_loader: `xdp_loader --dev IFACE` loads"]),
    (["--watch"], ["`--live` is the full-screen view"]),
    (["--map-id", "x"], ["--map-id 'x'"]),
    (["--map-id", "0"], ["--map-id '0'"]),
    (["--dev", "veth0", "--once", "--count", "2"], ["--once", "--count"]),
])
def test_stats_usage(lab, veth0, arguments, words):
    lab.load("veth0")
    refused(lab, STATS, arguments, USAGE, words)


def test_stats_says_the_smallest_interval(lab, veth0):
    result = refused(lab, STATS, ["--dev", "veth0", "--interval", "1us"], USAGE)
    assert "ms" in result.err


# ---- objects


def truncated(name, keep):
    octets = Path(object_file(name)).read_bytes()
    return octets[:int(len(octets) * keep)]


BAD_FILES = {
    "text": (b"this is no BPF object\n", FAILED, ["ELF"]),
    "empty": (b"", FAILED, ["ELF"]),
    "elf-of-this-machine": (None, FAILED, []),
    "only-the-magic": (b"\x7fELF", FAILED, []),
    "a-tenth": (0.1, FAILED, []),
    "half": (0.5, FAILED, []),
    "nearly-all": (0.97, FAILED, []),
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("loaded_before", [False, True])
def test_bad_object_file(lab, veth0, kind, loaded_before):
    content, status, words = BAD_FILES[kind]
    path = Path("/run/tmp/bad.o")
    if content is None:
        path.write_bytes(Path("/bin/true").read_bytes())
    else:
        path.write_bytes(truncated("own", content) if isinstance(content, float) else content)
    if loaded_before:
        lab.load("veth0")
    refused(lab, LOADER, ["--dev", "veth0", "--filename", path], status, [str(path), *words])
    path.unlink()


@pytest.mark.parametrize("file, status, words", [
    ("/run/tmp/no-such-file.o", NOT_FOUND, ["no-such-file.o"]),
    ("/run/tmp", FAILED, ["/run/tmp"]),
    ("/dev/zero", FAILED, ["/dev/zero"]),
    ("", USAGE, []),
])
def test_not_a_file(lab, veth0, file, status, words):
    refused(lab, LOADER, ["--dev", "veth0", f"--filename={file}"], status, words)


def test_object_without_xdp_program(lab, veth0):
    refused(lab, LOADER, ["--dev", "veth0", "--filename", object_file("not_xdp")], NOT_FOUND, ["XDP"])


def test_wrong_program_name_lists_the_right_ones(lab, veth0):
    arguments = ["--dev", "veth0", "--filename", object_file("own"), "--progname", "nope"]
    refused(lab, LOADER, arguments, NOT_FOUND, ["nope", "own_pass", "own_drop", "own_invalid"])


@pytest.mark.parametrize("loaded_before", [False, True])
def test_verifier_rejection_shows_the_last_lines_of_its_log(lab, veth0, loaded_before):
    if loaded_before:
        lab.load("veth0")
        send(veth0, 5, 100)
        lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    refused(lab, LOADER, ["--dev", "veth0", "--filename", object_file("rejected")], FAILED,
            ["verifier", "invalid access to packet"])
    if loaded_before:
        lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})


def test_redirect_to_an_unknown_device(lab, veth0):
    refused(lab, LOADER, ["--dev", "veth0", "--action", "redirect", "--redirect-to", "nope0"], NOT_FOUND,
            ["nope0", "hint: `ip -brief link` lists the interfaces"])


# ---- devices and modes


def test_mtu_too_large_for_a_linear_program(lab):
    lab.veth("veth0", mtu=9000)
    refused(lab, LOADER, ["--dev", "veth0", "--native-mode", "--filename", object_file("linear")], FAILED,
            ["MTU", "3506", "--skb-mode"])


def test_mtu_too_large_means_generic_mode_in_auto_mode(lab):
    lab.veth("veth0", mtu=9000)
    outcome = lab.load("veth0", "--filename", object_file("linear"))
    assert outcome["mode"] == "generic"
    assert any("MTU" in note for note in outcome["notes"]), outcome["notes"]


def test_replacement_by_a_linear_program_leaves_the_old_one_running(lab):
    veth = lab.veth("veth0", mtu=9000)
    lab.load("veth0", "--native-mode")
    send(veth, 5, 8000)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 40000)})
    refused(lab, LOADER, ["--dev", "veth0", "--native-mode", "--filename", object_file("linear")], FAILED, ["MTU"])
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 40000)})


def test_native_mode_where_the_driver_has_none(lab):
    refused(lab, LOADER, ["--dev", "lo", "--native-mode"], FAILED, ["native", "--skb-mode"])


def test_offload_without_a_card_for_it(lab, veth0):
    refused(lab, LOADER, ["--dev", "veth0", "--offload-mode"], FAILED, ["offload"])


# ---- bpffs


@pytest.mark.parametrize("directory", ["/run/tmp", "/run/no-such-directory", "/sys/fs/bpf/none"])
def test_loader_bpffs_elsewhere(lab, veth0, directory):
    refused(lab, LOADER, ["--bpffs", directory, "--dev", "veth0"], NOT_FOUND, [directory])


@pytest.mark.parametrize("directory", ["/run/tmp", "/run/no-such-directory", "/sys/fs/bpf/none"])
def test_stats_bpffs_elsewhere(lab, veth0, directory):
    refused(lab, STATS, ["--bpffs", directory, "--dev", "veth0", "--once"], NOT_FOUND, [directory])


def in_own_mounts(script):
    """Command prefix: the rest of the command runs after this script, in mounts that vanish with it."""
    return ["unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh"]


@pytest.mark.parametrize("loaded_before", [False, True])
def test_loader_read_only_bpffs(lab, veth0, loaded_before):
    if loaded_before:
        lab.load("veth0")
    prefix = in_own_mounts("mount --options remount,bind,ro /sys/fs/bpf")
    refused(lab, LOADER, ["--dev", "veth0"], FAILED,
            ["read-only", "hint: `mount -o remount,rw /sys/fs/bpf` lets it be written to"], prefix)


def test_read_only_bpffs_can_be_read(lab, veth0):
    lab.load("veth0")
    prefix = in_own_mounts("mount --options remount,bind,ro /sys/fs/bpf")
    run([*prefix, STATS, "--dev", "veth0", "--once"])
    run([*prefix, LOADER, "--dev", "veth0", "--status"])


def test_stats_without_bpffs(lab, veth0):
    refused(lab, STATS, ["--dev", "veth0", "--once"], NOT_FOUND, ["/sys/fs/bpf"],
            in_own_mounts("umount /sys/fs/bpf"))


def test_loader_mounts_bpffs_where_it_is_missing(lab, veth0):
    """And says so; the mount, its pins and with them the program vanish with the namespace here."""
    script = f"""
        umount /sys/fs/bpf && {LOADER} --dev veth0 && {STATS} --dev veth0 --once &&
        {LOADER} --dev veth0 --status && {LOADER} --dev veth0 --unload
    """
    result = run(["unshare", "--mount", "sh", "-c", script])
    assert "mounted" in result.out + result.err
    assert "attached" in result.out


# ---- pins and maps


def test_stats_without_a_pin(lab, veth0):
    refused(lab, STATS, ["--dev", "veth0", "--once"], NOT_FOUND, ["veth0", "xdp_loader"])


@pytest.mark.parametrize("arguments, status", [
    (["--map", "/sys/fs/bpf/none"], NOT_FOUND),
    (["--map", "/sys/fs/bpf"], NOT_FOUND),
    (["--map", "/etc/passwd"], NOT_FOUND),
    (["--map-id", "4000000000"], NOT_FOUND),
])
def test_stats_map_that_is_none(lab, arguments, status):
    refused(lab, STATS, [*arguments, "--once"], status, [arguments[1]])


@pytest.mark.parametrize("layout, words", [
    ({"kind": "hash", "value": 16, "entries": 5}, ["type"]),
    ({"kind": "percpu_array", "value": 8, "entries": 5}, ["value", "8", "16"]),
    ({"kind": "percpu_array", "value": 24, "entries": 5}, ["value", "24", "16"]),
    ({"kind": "percpu_array", "value": 16, "entries": 4}, ["entries", "4"]),
    ({"kind": "percpu_array", "value": 16, "entries": 256}, ["entries", "256"]),
])
def test_stats_map_of_another_layout(lab, layout, words):
    path = lab.foreign_map(BPFFS / "other_layout", **layout)
    refused(lab, STATS, ["--map", path, "--once"], CONFLICT, words)


def test_stats_pin_of_another_layout(lab, veth0):
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", kind="array", value=4)
    refused(lab, STATS, ["--dev", "veth0", "--once"], CONFLICT, ["value"])


def test_plain_array_is_compatible(lab):
    path = lab.foreign_map(BPFFS / "plain", kind="array", value=16, entries=5)
    run([STATS, "--map", path, "--once"])


def test_hostile_pin_directory_is_not_trusted(lab, veth0):
    """Somebody else could swap the pins under us."""
    pin_dir("veth0").mkdir()
    pin_dir("veth0").chmod(0o777)
    try:
        refused(lab, LOADER, ["--dev", "veth0"], CONFLICT, ["/sys/fs/bpf/veth0"])
    finally:
        pin_dir("veth0").rmdir()
    assert attached("veth0") is None
