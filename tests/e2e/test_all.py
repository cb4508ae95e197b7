# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats --all: every counter map below the root of bpffs, as they come and go."""

import csv
import io
import json
import os
import re
import shlex
import signal

import pytest

from support import kernel
from support.devices import links, named
from support.exporter import Exporter
from support.pins import BPFFS, pin_dir
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import PERMISSION, STATS, USAGE, copy_for_everyone
from support.samples import counts_of, passed, session_of
from support.stopping import Stopping
from support.strace import strace
from support.traffic import send


def once(*args, prefix=()):
    samples = [json.loads(line) for line in run([*prefix, STATS, "--all", "--once", "--json", *args]).out.splitlines()]
    return {(sample["netns"], sample["dev"]): sample for sample in samples}


def load_in(lab, netns, dev="veth0"):
    (outcome,) = lab.loader_json(*netns.option, "--dev", dev)
    assert outcome["outcome"] == "loaded", outcome


def test_nothing_there(lab):
    done = run([STATS, "--all", "--once"])
    assert done.out == ""
    assert done.err == f"xdp_stats: {BPFFS}: no counter map is pinned below it\n"


def test_every_device(lab):
    veths = [lab.veth(name) for name in ("veth0", "veth1.7", "other")]
    for index, veth in enumerate(veths):
        lab.load(veth.name)
        send(veth, 10 * (index + 1), 100)
        lab.wait_for_counts(veth.name, passed(10 * (index + 1)))
    samples = once()
    assert list(samples) == [(None, "other"), (None, "veth0"), (None, "veth1.7")]
    assert {dev: counts_of(sample) for (_, dev), sample in samples.items()} == {
        "veth0": passed(10), "veth1.7": passed(20), "other": passed(30)}
    assert {sample["state"] for sample in samples.values()} == {"attached"}


def test_namespaces(lab, veth0, red):
    """Their devices are told apart by the namespace, and their programs are seen from here."""
    lab.load("veth0")
    red.veth()
    load_in(lab, red)
    samples = once()
    assert set(samples) == {(None, "veth0"), ("red", "veth0")}
    assert {sample["state"] for sample in samples.values()} == {"attached"}
    # From inside, what is outside is seen as well.
    inside = once(prefix=red.inside)
    assert {key: sample["map_id"] for key, sample in inside.items()} == {
        key: sample["map_id"] for key, sample in samples.items()}
    assert {sample["state"] for sample in inside.values()} == {"attached"}


def test_namespace_of_the_same_name_made_anew(lab, netns):
    red = netns("red")
    red.veth()
    load_in(lab, red)
    reader = lab.stats("--all")
    first = reader.wait_for(lambda sample: sample["netns"] == "red" and sample["state"] == "attached")
    red.delete()
    red = netns("red")
    red.veth()
    load_in(lab, red)
    reader.wait_for(lambda sample: sample["map_id"] != first["map_id"] and sample["state"] == "attached")


def test_namespace_without_a_map_that_is_read_can_go(lab, veth0, netns):
    """No socket in there keeps it, and its devices, in existence."""
    lab.load("veth0")
    red = netns("red")
    red.veth()
    red.pins.mkdir()
    lab.cleanups.append(red.pins.rmdir)
    lab.foreign_map(red.pins / "veth0" / "xdp_stats_map", "hash", 4, 8, 1)
    reader = lab.reading("--all", interval="20ms")
    assert "layout" in "".join(reader.lines["err"])
    run(["ip", "netns", "delete", "red"])
    wait_until(lambda: "p-red-veth0" not in links(), "the namespace's device is still there")
    reader.stop()


def test_exporter_keeps_its_view_of_a_namespace(lab, red):
    """It could not look into it again, having dropped its capabilities; nothing can be read there meanwhile."""
    red.veth()
    load_in(lab, red)
    (red.pins / "veth0" / "xdp_stats_map").unlink()
    exporter = Exporter(lab, "--all")
    exporter.process.wait_for_line("red/veth0: .*nothing is pinned there", stream="err")
    assert not any(name == "xdp_up" for name, labels in exporter.scrape())
    lab.loader(*red.option, "--dev", "veth0")
    assert exporter.scrape()["xdp_feed_state", ("veth0", "red", "attached")] == 1


def test_devices_come_and_go(lab):
    """What a map that appears holds already was counted while the run lasted."""
    reader = lab.stats("--all", interval="20ms")
    reader.wait_for_message("no counter map is pinned below it yet; waiting")
    veth0, veth1 = lab.veth("veth0"), lab.veth("veth1")
    lab.load("veth0")
    reader.wait_for(lambda sample: sample["dev"] == "veth0")
    lab.load("veth1")
    reader.wait_for(lambda sample: sample["dev"] == "veth1")
    send(veth0, 7, 100)
    send(veth1, 5, 100)
    reader.wait_for(lambda sample: sample["dev"] == "veth0" and session_of(sample) == passed(7))
    reader.wait_for(lambda sample: sample["dev"] == "veth1" and session_of(sample) == passed(5))
    lab.loader("--dev", "veth0", "--unload")
    reader.wait_for_message("veth0: map .* is no longer pinned")
    lab.load("veth0")
    send(veth0, 3, 100)
    reader.wait_for(lambda sample: sample["dev"] == "veth0" and session_of(sample) == passed(10))


def test_replacements_lose_nothing(lab, veth0):
    lab.load("veth0")
    reader = lab.stats("--all", interval="20ms")
    reader.wait_for(lambda sample: sample["dev"] == "veth0")
    traffic = lab.traffic(veth0, 100)
    for _ in range(10):
        lab.load("veth0")
    reader.wait_for_session(traffic.finish())


def test_new_one_is_shown_without_waiting_for_the_interval(lab, veth0):
    """Noticed through inotify: the interval is longer than the test may last."""
    reader = lab.stats("--all", interval="1h")
    reader.wait_for_message("waiting")
    lab.load("veth0")
    reader.wait_for(lambda sample: sample["dev"] == "veth0")


def test_pin_that_is_no_devices(lab, veth0):
    """A map without a meta, in a directory that no interface has the name of, goes by its path."""
    lab.load("veth0")
    path = lab.foreign_map(BPFFS / "xdp-filter" / "xdp_stats_map", "percpu_array", 4, 16, 5)
    samples = [json.loads(line) for line in run([STATS, "--all", "--once", "--json"]).out.splitlines()]
    assert [(sample["dev"], sample["state"]) for sample in samples] == [("veth0", "attached"), (None, "foreign")]
    lines = run([STATS, "--all", "--once"]).out.splitlines()
    assert f"{path}: foreign" in "\n".join(lines)


def test_device_without_a_meta(lab, veth0):
    """A map of the tutorial's programs."""
    lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", "percpu_array", 4, 16, 5)
    assert [(key, sample["state"]) for key, sample in once().items()] == [((None, "veth0"), "foreign")]


def test_what_cannot_be_read_is_said_and_left_out(lab, veth0):
    lab.load("veth0")
    lab.foreign_map(BPFFS / "another" / "xdp_stats_map", "hash", 4, 8, 1)
    done = run([STATS, "--all", "--once", "--json"])
    assert [json.loads(line)["dev"] for line in done.out.splitlines()] == ["veth0"]
    assert f"{BPFFS}/another/xdp_stats_map: " in done.err and "layout" in done.err


def test_map_that_may_not_be_read(lab, veth0):
    """The others are shown, and it is an error: what is shown is not all there is. Later rounds only say so."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    closed = lab.foreign_map(BPFFS / "another" / "xdp_stats_map", "percpu_array", 4, 16, 5)
    closed.parent.chmod(0o755)
    closed.chmod(0o400)
    _, stats = copy_for_everyone()
    command = [*as_user(NOBODY), stats, "--all", "--json"]
    for quiet in ([], ["--quiet"]):
        done = run([*command, "--once", *quiet], PERMISSION)
        assert [json.loads(line)["dev"] for line in done.out.splitlines()] == ["veth0"]
        *notices, error = map(json.loads, [line for line in done.err.splitlines() if line.startswith("{")])
        assert not notices and error["error"]["status"] == PERMISSION
        assert error["error"]["message"] == (
            f"reading the counters below {BPFFS}: those in 1 of the directories there cannot be read")
        assert (f"{closed}: " in done.err) == (not quiet)
    done = run([*command, "--count", "1"])
    assert f"{closed}: " in done.err
    closed.chmod(0o444)
    assert len(run([*command, "--once"]).out.splitlines()) == 2


def test_only_map_that_may_not_be_read(lab):
    """It is there: nobody says that there is none."""
    kernel.need(kernel.unprivileged_reading)
    closed = lab.foreign_map(BPFFS / "another" / "xdp_stats_map", "percpu_array", 4, 16, 5)
    closed.parent.chmod(0o755)
    closed.chmod(0o400)
    _, stats = copy_for_everyone()
    for rounds, status in (("--once",), PERMISSION), (("--count", "1"), 0):
        err = run([*as_user(NOBODY), stats, "--all", *rounds], status).err
        assert f"{closed}: " in err and "no counter map is pinned" not in err


def test_map_that_the_system_does_not_open(lab, veth0):
    """No permission is missing: status 1, with what the kernel said."""
    lab.load("veth0")
    done = run([*strace("-e", "inject=bpf:error=ENOMEM"), STATS, "--all", "--once", "--json"], 1)
    assert done.out == "" and "Cannot allocate memory" in done.err


def test_map_that_is_gone_when_it_is_opened(lab, veth0):
    """Found, and unloaded before it was looked at: there is nothing to show of it."""
    lab.load("veth0")
    done = run([*strace("-e", "inject=bpf:error=ENOENT"), STATS, "--all", "--once", "--json", "--per-cpu"])
    assert done.out == ""


def test_other_things_in_bpffs(lab, veth0):
    """Pins and directories of others are no counters, however they are called."""
    lab.load("veth0")
    lab.foreign_program()
    (BPFFS / "netns:").mkdir()
    (BPFFS / "tc" / "globals").mkdir(parents=True)
    lab.cleanups += [(BPFFS / "tc").rmdir, (BPFFS / "tc" / "globals").rmdir, (BPFFS / "netns:").rmdir]
    done = run([STATS, "--all", "--once", "--json"])
    assert [json.loads(line)["dev"] for line in done.out.splitlines()] == ["veth0"]
    assert done.err == ""


def test_ordinary_user(lab, veth0, red):
    """Sees the counters of other namespaces, too, but may not ask about their devices."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    red.veth()
    load_in(lab, red)
    _, stats = copy_for_everyone()
    out = run([*as_user(NOBODY), stats, "--all", "--once", "--json"]).out
    samples = {sample["netns"]: sample["state"] for sample in map(json.loads, out.splitlines())}
    assert samples == {None: "attached", "red": "unknown"}


def test_many(lab):
    """As many devices as the namespace has pairs; each in every round."""
    names = [f"v{index}" for index in range(40)]
    for name in names:
        lab.veth(name)
    outcomes = lab.loader_json(*named(names))
    assert {outcome["outcome"] for outcome in outcomes} == {"loaded"}
    out = run([STATS, "--all", "--json", "--count", "3", "--interval", "10ms"]).out
    samples = [json.loads(line)["dev"] for line in out.splitlines()]
    assert samples == names * 3


IN_ORDER = ["eth2", "eth10", "v0", "red/eth2", "red/eth10"]


def place_of(netns, dev):
    return f"{netns}/{dev}" if netns else dev


def places(out, format_name):
    """The sources of a round, in the order they are printed."""
    if format_name == "json":
        found = [place_of(sample["netns"], sample["dev"]) for sample in map(json.loads, out.splitlines())]
    elif format_name == "csv":
        found = [place_of(row["netns"], row["dev"]) for row in csv.DictReader(io.StringIO(out))]
    elif format_name == "table":
        found = re.findall(r"^(\S+): attached", out, re.MULTILINE)
    else:
        found = [place_of(netns, dev) for dev, netns in re.findall(r'^xdp_up{device="(.*?)",netns="(.*?)"', out,
                                                                   re.MULTILINE)]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("format_name", ["table", "json", "csv", "prometheus"])
def test_natural_order(lab, red, format_name):
    """eth2 before eth10, the initial namespace first."""
    for name in reversed(IN_ORDER[:3]):
        lab.veth(name)
        lab.load(name)
    for name in ("eth10", "eth2"):
        red.veth(name)
        lab.load(name, *red.option)
    assert places(run([STATS, "--all", "--once", "--format", format_name]).out, format_name) == IN_ORDER


def test_natural_order_of_what_appears(lab, tmp_path):
    """It is listed in its place, not last."""
    file = tmp_path / "round"
    for name in ("eth10", "eth2"):
        lab.veth(name)
    lab.load("eth10")
    reader = lab.process(STATS, "--all", "--json", "--interval", "10ms", "--output", file)
    wait_until(lambda: file.exists() and places(file.read_text(), "json") == ["eth10"], "nothing is written")
    lab.load("eth2")
    wait_until(lambda: len(places(file.read_text(), "json")) == 2, "it does not appear")
    assert places(file.read_text(), "json") == ["eth2", "eth10"]
    reader.stop()


@pytest.mark.parametrize("args", [["--dev", "veth0"], ["--map", "x"], ["--map-id", "1"], ["--netns", "red"],
                                  ["--wait"], ["--per-program"], ["--expect", "drop.packets == 1"]])
def test_excludes(args):
    assert "--all" in run([STATS, "--all", *args], USAGE).err


def test_ends_by_a_signal(lab):
    reader = lab.process(STATS, "--all")
    reader.wait_for_line("waiting", stream="err")
    reader.stop(signal.SIGTERM)


def test_what_nobody_may_look_into(lab, veth0):
    """A directory of mode 0700, as other tools make them, is left out until that changes; what cannot be read is said
    once."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    lab.foreign_map(BPFFS / "another" / "xdp_stats_map", "hash", 4, 8, 1)
    (BPFFS / "another").chmod(0o755)
    (BPFFS / "another" / "xdp_stats_map").chmod(0o444)
    lab.foreign_map(BPFFS / "closed" / "xdp_stats_map", "percpu_array", 4, 16, 5)
    (BPFFS / "closed" / "xdp_stats_map").chmod(0o444)
    (BPFFS / "closed").chmod(0o700)
    _, stats = copy_for_everyone()
    reader = lab.stats("--all", interval="10ms", prefix=as_user(NOBODY), program=stats)
    reader.wait_for(lambda sample: sample["dev"] == "veth0")
    (BPFFS / "closed").chmod(0o755)
    reader.wait_for(lambda sample: sample["dev"] is None or sample["dev"] == "closed")
    said = [line for line in reader.lines["err"] if "another" in line]
    assert len(said) == 1, said


@pytest.mark.parametrize("closed, mode, shown", [
    ("veth0", 0o750, {(None, "veth1"), ("red", "veth0")}),
    ("veth0", 0o744, {(None, "veth1"), ("red", "veth0")}),
    ("netns:red", 0o750, {(None, "veth0"), (None, "veth1")}),
    ("netns:red", 0o711, {(None, "veth0"), (None, "veth1")}),
    ("netns:red", 0o744, {(None, "veth0"), (None, "veth1")}),
    ("netns:red/veth0", 0o700, {(None, "veth0"), (None, "veth1")}),
    ("", 0o744, set()),
    ("", 0o711, set()),
    ("", 0o700, set())])
def test_closed_directory_of_counters(lab, veth0, red, closed, mode, shown):
    """The others are shown, and it is status 3: what is named like an interface, or like a namespace, has counters. The
    command of the hint opens it."""
    kernel.need(kernel.unprivileged_reading)
    lab.veth("veth1")
    red.veth()
    for args in (["veth0"], ["veth1"], ["veth0", *red.option]):
        lab.load(*args)
    directory = BPFFS / closed
    lab.cleanups.append(lambda: BPFFS.chmod(0o755))
    directory.chmod(mode)
    _, stats = copy_for_everyone()
    command = [*as_user(NOBODY), stats, "--all", "--json"]
    done = run([*command, "--once"], PERMISSION)
    assert {(sample["netns"], sample["dev"]) for sample in map(json.loads, done.out.splitlines())} == shown
    assert f"this user may not look into {directory} (mode {mode:04o})" in done.err
    assert "no counter map" not in done.err
    if shown:
        assert "Permission denied" in run([*command, "--count", "1"]).err
    (hint,) = set(re.findall("as root, `(chmod [^`]*)`", done.err))
    run(shlex.split(hint))
    assert len(run([*command, "--once"]).out.splitlines()) == 3


def test_closed_directory_of_others(lab, veth0):
    """Nothing says that there are counters in it: no failure, and told only to who asks for more."""
    kernel.need(kernel.unprivileged_reading)
    lab.foreign_map(BPFFS / "mytool" / "xdp_stats_map", "percpu_array", 4, 16, 5)
    (BPFFS / "mytool").chmod(0o700)
    _, stats = copy_for_everyone()
    command = [*as_user(NOBODY), stats, "--all", "--once"]
    assert "no counter map is pinned below it where this user may look" in run(command).err
    lab.load("veth0")
    done = run(command)
    assert done.err == "" and done.out.startswith("veth0: ")
    told = run([*command, "--verbose"]).err
    assert f"this user may not look into {BPFFS}/mytool (mode 0700)\n" in told


def test_directory_of_counters_that_is_opened(lab, veth0):
    """A running reader finds what is in it then."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    pin_dir("veth0").chmod(0o750)
    _, stats = copy_for_everyone()
    reader = lab.stats("--all", interval="10ms", prefix=as_user(NOBODY), program=stats)
    reader.wait_for_line("this user may not look into", stream="err")
    pin_dir("veth0").chmod(0o755)
    reader.wait_for(lambda sample: sample["dev"] == "veth0")


# ---- --output


def test_output_is_replaced_by_whole_rounds(lab, veth0, tmp_path):
    """Whoever opens the file finds a whole round, and nothing else is ever in the directory for long."""
    lab.load("veth0")
    file = tmp_path / "samples.json"
    reader = lab.process(STATS, "--dev", "veth0", "--json", "--interval", "1ms", "--output", file)
    wait_until(file.exists, "no output")
    inodes = set()

    def sample():
        with file.open(encoding="utf-8") as opened:
            inodes.add(os.fstat(opened.fileno()).st_ino)
            (line,) = opened.read().splitlines()
        return json.loads(line)

    send(veth0, 123, 100)
    wait_until(lambda: session_of(sample()) == passed(123), "the last counts never came")
    wait_until(lambda: sample() and len(inodes) > 1, "the file was never replaced")
    reader.stop()
    assert reader.lines["out"] == []
    assert [path.name for path in tmp_path.iterdir()] == ["samples.json"]


@pytest.mark.parametrize("format_name, first", [("table", "veth0: "), ("csv", "time,dev,"), ("prometheus", "# HELP ")])
def test_output_holds_one_document(lab, veth0, tmp_path, format_name, first):
    lab.load("veth0")
    file = tmp_path / "samples"
    run([STATS, "--dev", "veth0", "--format", format_name, "--interval", "10ms", "--count", "3", "--output", file])
    text = file.read_text(encoding="utf-8")
    assert text.startswith(first) and text.count(first) == (7 if format_name == "prometheus" else 1)


@pytest.mark.parametrize("form", [(), ("--brief",)])
def test_output_is_plain_whoever_looks_at_stdout(lab, veth0, tmp_path, form):
    lab.load("veth0")
    send(veth0, 1234, 100)
    lab.wait_for_counts("veth0", passed(1234))
    texts = []
    for name, prefix in (("plain", ["sh", "-c"]), ("terminal", ["script", "-qe", "/dev/null", "-c"])):
        run([*prefix, shlex.join([STATS, "--dev", "veth0", "--once", *form, "--output", str(tmp_path / name)])])
        texts.append((tmp_path / name).read_text(encoding="utf-8"))
    assert texts[0] == texts[1] and "1234" in texts[1].split()


def test_output_keeps_links(lab, veth0, tmp_path):
    lab.load("veth0")
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    run([STATS, "--dev", "veth0", "--once", "--output", link])
    assert link.is_symlink() and "XDP_PASS" in target.read_text(encoding="utf-8")


def test_output_is_made_with_the_umask(lab, veth0, tmp_path):
    lab.load("veth0")
    file = tmp_path / "samples"
    run(["sh", "-c", f"umask 027; exec {STATS} --dev veth0 --once --output {file}"])
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_output_keeps_mode_and_owner(lab, veth0, tmp_path, mode):
    """Whom the file was for, it stays for, whatever the umask."""
    lab.load("veth0")
    file = tmp_path / "samples"
    file.write_text("old", encoding="utf-8")
    file.chmod(mode)
    os.chown(file, NOBODY, 12)
    run(["sh", "-c", f"umask 027; exec {STATS} --dev veth0 --once --output {file}"])
    status = file.stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (mode, NOBODY, 12)
    assert "XDP_PASS" in file.read_text(encoding="utf-8")


def test_output_beyond_the_limit_of_files(lab, veth0, tmp_path):
    """It is told, the old file stays, and nothing else."""
    lab.load("veth0")
    file = tmp_path / "samples"
    file.write_text("old", encoding="utf-8")
    done = run(["sh", "-c", f"ulimit -f 0; exec {STATS} --dev veth0 --once --output {file}"], 1)
    assert done.err == f"xdp_stats: writing {file}: File too large\n"
    assert [path.name for path in tmp_path.iterdir()] == ["samples"] and file.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/run"])
def test_output_replaces_nothing_but_files(lab, veth0, path):
    lab.load("veth0")
    before = os.lstat(path)
    assert "it is not a regular file" in run([STATS, "--dev", "veth0", "--once", "--output", path], USAGE).err
    assert os.lstat(path).st_ino == before.st_ino


def test_output_that_cannot_be_written(lab, veth0, tmp_path):
    lab.load("veth0")
    path = tmp_path / "missing" / "file"
    assert run([STATS, "--dev", "veth0", "--once", "--output", path], 4).err == (
        f"xdp_stats: writing {path}: No such file or directory\n")


def test_output_of_nothing(lab, veth0, tmp_path):
    """What is gone is not in the file any more."""
    lab.load("veth0")
    file = tmp_path / "samples.json"
    reader = lab.process(STATS, "--dev", "veth0", "--json", "--interval", "1ms", "--output", file)
    wait_until(lambda: file.exists() and file.read_text(encoding="utf-8"), "no output")
    lab.loader("--dev", "veth0", "--unload")
    wait_until(lambda: file.read_text(encoding="utf-8") == "", "the last samples stay")
    reader.stop()
    file.write_text("old", encoding="utf-8")
    run([STATS, "--all", "--once", "--output", file])
    assert file.read_text(encoding="utf-8") == ""


def test_output_to_a_link_that_leads_nowhere(lab, veth0, tmp_path):
    lab.load("veth0")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "missing")
    err = run([STATS, "--dev", "veth0", "--once", "--output", link], USAGE).err
    assert "symbolic link" in err and link.is_symlink()


def test_output_opens_nothing_that_somebody_else_made(lab, veth0, tmp_path):
    """A name that can be guessed could be a FIFO, which would be waited for, or another user's file."""
    lab.load("veth0")
    file = tmp_path / "samples"
    guess = f"{tmp_path}/.samples.$$"
    run(["sh", "-c", f"mkfifo {guess} && exec {STATS} --dev veth0 --once --output {file}"])
    assert "XDP_PASS" in file.read_text(encoding="utf-8")


def test_output_under_a_name_that_was_taken_over(lab, veth0, tmp_path):
    """While it is written, somebody else who may write to the directory puts his own file there."""
    lab.load("veth0")
    directory = tmp_path / "shared"
    directory.mkdir()
    file, other = directory / "samples", tmp_path / "other"
    other.write_text("not ours", encoding="utf-8")
    with Stopping(tmp_path / "log", "write", 1, [STATS, "--dev", "veth0", "--once", "--output", file]) as reader:
        assert reader.stopped()
        (temporary,) = directory.iterdir()
        other.rename(temporary)
    message = reader.process.wait(1)
    assert "somebody else replaced the new file" in message
    assert "hint: name a file in a directory where nobody else may write" in message
    assert not file.exists()
    own = tmp_path / "samples"
    run([STATS, "--dev", "veth0", "--once", "--output", own])
    assert "XDP_PASS" in own.read_text(encoding="utf-8")
