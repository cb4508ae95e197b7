# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""The scripts; most of all veth-lab, sandbox and send-frames, on which demos and all the counts here rest."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from support.devices import attached
from support.pins import BPFFS
from support.processes import NOBODY, Process, as_user, run, wait_until
from support.programs import LOADER, SENDER, STATS, TOP
from support.traffic import Capture

VETH_LAB = TOP / "scripts/veth-lab"
BUILD = SENDER.rsplit("/tests/tools/", 1)[0]
SCRIPTS = sorted(path.name for path in TOP.glob("scripts/*") if os.access(path, os.X_OK))
# What a script that goes to work starts with.
TOOLS = ("apt-get", "cmake", "dpkg-query", "ip", "mkdir", "mktemp", "setpriv", "unshare")


@pytest.fixture(autouse=True)
def find_sender(monkeypatch):
    monkeypatch.setenv("XDP_TALLY_BUILD", BUILD)


def run_idle(tmp_path, script, option, status):
    """Runs a script that is not to go to work: the tools do nothing but note that they were called."""
    called = tmp_path / "called"
    for tool in TOOLS:
        (tmp_path / tool).write_text(f"#!/bin/sh\necho {tool} >>{called}\nexit 1\n")
        (tmp_path / tool).chmod(0o755)
    result = run(["env", f"PATH={tmp_path}:{os.environ['PATH']}", TOP / "scripts" / script, option], status)
    assert not called.exists(), called.read_text()
    return result


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_script_has_help(tmp_path, script, option):
    result = run_idle(tmp_path, script, option, 0)
    assert result.out.startswith("usage: ") and not result.err


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_refuses_an_unknown_option(tmp_path, script):
    result = run_idle(tmp_path, script, "--no-such-option", 2)
    assert result.err and not result.out


def veth_lab(*args, status=0):
    return run([VETH_LAB, *args], status)


@pytest.mark.parametrize("name", ["veth0", "eth0.100", "fifteen-letters"])
def test_up_ping_send_down(lab, name):
    world = lab.world()
    veth_lab("up", name)
    up = lab.world()
    veth_lab("up", name)
    assert lab.world() == up
    assert "up" in veth_lab("status", name).out
    assert " 0% packet loss" in veth_lab("ping", "--name", name, "-c", "3", "-i", "0.01").out
    lab.load(name)
    assert veth_lab("send", "--name", name, 100, 60).out == "100\n"
    lab.wait_for_counts(name, {"XDP_PASS": (100, 6000)})
    # An echo request of 56 octets is a frame of 98, and one more of those comes in for each.
    veth_lab("ping", "--name", name, "-c", "4", "-i", "0.01")
    lab.wait_for_counts(name, {"XDP_PASS": (104, 6000 + 4 * 98)})
    lab.loader("--dev", name, "--unload")
    veth_lab("down", name)
    assert lab.world() == world
    veth_lab("down", name)
    assert veth_lab("status", name, status=4).out == f"{name}: down\n"


def test_default_name_and_exec(lab):
    veth_lab("up")
    assert "lab0" in veth_lab("exec", "ip", "-brief", "link").out
    veth_lab("exec", "sh", "-c", "exit 7", status=7)
    veth_lab("down")


def test_two_labs_side_by_side(lab):
    for name in ("veth0", "veth1"):
        veth_lab("up", name)
    for name in ("veth0", "veth1"):
        veth_lab("ping", "--name", name, "-c", "1")
        veth_lab("down", name)


@pytest.mark.parametrize("action, status", [("tx", 1), ("drop", 1), ("pass", 0)])
def test_verdicts_are_felt(lab, action, status):
    veth_lab("up")
    lab.load("veth0", "--action", action)
    veth_lab("ping", "-c", "1", "-W", "0.2", status=status)
    lab.loader("--dev", "veth0", "--unload")
    veth_lab("down")


def test_down_says_that_pins_are_left(lab):
    veth_lab("up", "eth0.1")
    lab.load("eth0.1")
    warning = veth_lab("down", "eth0.1").err
    assert "/sys/fs/bpf/eth0%2E1" in warning
    assert "xdp_loader --dev eth0.1 --clean" in warning
    lab.loader("--dev", "eth0.1", "--clean")


def test_up_beside_a_sys_of_another_network_namespace(lab):
    """As after `unshare --net`: /sys goes on showing the devices of where it was mounted."""
    del lab
    script = f"set -e; {VETH_LAB} up; {VETH_LAB} ping -c 1; {VETH_LAB} send 10 100; {VETH_LAB} down"
    result = run(["unshare", "--net", "--mount", "sh", "-c", script])
    assert "veth0: up" in result.out and "\n10\n" in result.out and not result.err


@pytest.mark.parametrize("half", ["namespace", "device", "inner end"])
def test_up_completes_what_is_half_there(lab, half):
    world = lab.world()
    veth_lab("up")
    complete = lab.world()
    if half == "namespace":
        run(["ip", "link", "delete", "dev", "veth0"])
    elif half == "inner end":
        run(["ip", "-netns", "veth0-lab", "link", "delete", "dev", "lab0"])
    else:
        run(["ip", "link", "set", "dev", "veth0", "down"])
    veth_lab("up")
    veth_lab("ping", "-c", "1")
    assert lab.world() == complete
    veth_lab("down")
    assert lab.world() == world


def test_somebody_elses_device_is_left_alone(lab, veth0):
    world = lab.world()
    for verb in ("up", "down"):
        assert "not a lab" in veth_lab(verb, "veth0", status=5).err
    assert lab.world() == world


# /dev without what udev adds, such as /dev/fd, which bash's process substitution takes.
BARE_DEV = ("unshare", "--mount", "sh", "-c",
            'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"', "sh")


@pytest.mark.parametrize("verb", ["up", "down"])
@pytest.mark.parametrize("prefix", [(), BARE_DEV], ids=["usual", "bare /dev"])
def test_somebody_elses_namespace_is_left_alone(lab, verb, prefix):
    run(["ip", "netns", "add", "veth0-lab"])
    run(["ip", "-netns", "veth0-lab", "link", "add", "important", "type", "veth", "peer", "other"])
    world = lab.world()
    assert "other interfaces" in run([*prefix, VETH_LAB, verb], 5).err
    assert lab.world() == world
    assert "important" in run(["ip", "-netns", "veth0-lab", "link"]).out
    run(["ip", "netns", "delete", "veth0-lab"])


@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_namespace_that_cannot_be_looked_at_is_left_alone(lab, verb):
    run(["ip", "netns", "add", "other"])  # makes /run/netns, too
    file = Path("/run/netns/veth0-lab")
    file.touch()
    world = lab.world()
    assert "cannot be entered" in veth_lab(verb, status=5).err
    assert lab.world() == world and file.exists()
    file.unlink()
    run(["ip", "netns", "delete", "other"])


@pytest.mark.parametrize("there_before", [False, True])
def test_up_that_fails_leaves_what_was_there(lab, tmp_path, monkeypatch, there_before):
    (tmp_path / "ethtool").write_text("#!/bin/sh\necho no such feature >&2\nexit 1\n")
    (tmp_path / "ethtool").chmod(0o755)
    if there_before:
        run(["ip", "netns", "add", "veth0-lab"])
    world = lab.world()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        assert "no such feature" in veth_lab("up", status=1).err
    assert lab.world() == world
    if there_before:
        run(["ip", "netns", "delete", "veth0-lab"])


@pytest.mark.parametrize("arguments, status", [
    ([], 2),
    (["frobnicate"], 2),
    (["up", "sixteen-letters-"], 2),
    (["up", "a/b"], 2),
    (["up", ".."], 2),
    (["up", ""], 2),
    (["up", "veth0", "veth1"], 2),
    (["send", "10"], 2),
    (["send", "ten", "100"], 2),
    (["send", "10", "13"], 2),
    (["exec"], 2),
    (["ping"], 4),
    (["send", "10", "100"], 4),
    (["exec", "true"], 4),
    (["status"], 4),
])
def test_veth_lab_errors(lab, arguments, status):
    world = lab.world()
    result = veth_lab(*arguments, status=status)
    assert result.err or arguments == ["status"]
    assert lab.world() == world


def test_the_hint_for_who_is_not_root_is_the_same_command():
    result = run([*as_user(NOBODY), VETH_LAB, "send", "--name", "veth1", 1, 100], 3)
    assert f"hint: sudo {VETH_LAB} send --name veth1 1 100\n" in result.err


def test_nothing_is_sent_to_an_end_that_is_down(lab):
    veth_lab("up")
    run(["ip", "link", "set", "dev", "veth0", "down"])
    assert "hint: ip link set dev veth0 up" in veth_lab("send", 1, 100, status=1).err
    run(["ip", "link", "set", "dev", "veth0", "up"])
    assert veth_lab("send", 1, 100).out == "1\n"
    veth_lab("down")


def test_help(lab):
    for option in ("--help", "-h"):
        assert "veth-lab send COUNT SIZE" in veth_lab(option).out


def test_sandbox_shows_none_of_the_hosts_devices_and_leaves_nothing(lab, veth0):
    lab.load("veth0")
    world = lab.world()
    script = f"ip link add a0 type veth peer name a1 && {LOADER} --dev a0 && {STATS} --dev a0 --once && ip -brief link"
    out = run([TOP / "scripts/sandbox", "sh", "-c", script]).out
    assert "veth0" not in out and "a0" in out
    assert lab.world() == world
    assert (BPFFS / "veth0").exists() and attached("veth0")


def test_sandbox_passes_the_status_on(lab):
    run([TOP / "scripts/sandbox", "sh", "-c", "exit 9"], status=9)
    run([TOP / "scripts/sandbox"], status=2)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_killed_sandbox_takes_everything_with_it(lab, end):
    sandbox = lab.started(Process([TOP / "scripts/sandbox", "sh", "-c", "echo ready; exec tail -f /dev/null"]))
    sandbox.wait_for_line("ready")
    sandbox.popen.send_signal(end)
    sandbox.popen.wait()
    wait_until(lambda: not lab.other_processes(), lambda: str(lab.other_processes()))
    lab.processes.remove(sandbox)


def test_second_interrupt_ends_what_ignores_the_first(lab):
    """A command without a handler: it is the first process of its namespace."""
    sandbox = Process([TOP / "scripts/sandbox", "sh", "-c", "echo ready; exec tail -f /dev/null"])
    sandbox.wait_for_line("ready")

    def ends():
        sandbox.popen.send_signal(signal.SIGINT)
        return sandbox.popen.poll() is not None

    wait_until(ends, sandbox.describe)
    wait_until(lambda: not lab.other_processes(), lambda: str(lab.other_processes()))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ended_run_of_the_tests_ends_what_it_started(lab, tmp_path, monkeypatch, end):
    """The script itself, where all that it calls is there in name only; `ctest` has started something, too."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(TOP / "scripts/test", tmp_path / "scripts")
    for tool, script in (("scripts/install-deps", ""), ("scripts/build", ""),
                         ("ctest", "tail -f /dev/null & echo the tests run; wait")):
        (tmp_path / tool).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    tests = lab.started(Process([tmp_path / "scripts/test", "--sanitizers"]))
    tests.wait_for_line("the tests run")
    tests.stop(end, status=130 if end == signal.SIGINT else 143)
    wait_until(lambda: not lab.other_processes(), lambda: str(lab.other_processes()))


@pytest.mark.parametrize("missing", ["qemu-system-x86_64", "busybox", "cpio", "modprobe"])
def test_vm_run_says_which_command_is_missing(tmp_path, missing):
    for directory in os.environ["PATH"].split(":"):
        for program in Path(directory).glob("*"):
            if program.name != missing and not (tmp_path / program.name).exists():
                (tmp_path / program.name).symlink_to(program)
    result = run(["env", f"PATH={tmp_path}", TOP / "scripts/vm-run", "6.12", "true"], status=1)
    assert f"the command {missing} is missing" in result.err and "scripts/install-deps vm" in result.err


# ---- the sender


def test_sender_counts_what_arrives(lab, veth0):
    with Capture("veth0") as capture:
        assert run([SENDER, veth0.peer, 300, 500]).out == "300\n"
        frames = capture.frames(300)
        assert capture.nothing_more()
    assert {len(frame) for frame in frames} == {500}
    assert {frame[:6] for frame in frames} == {b"\xff" * 6}


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_sender_tells_the_count_when_it_is_ended(lab, veth0, end):
    lab.load("veth0")
    sender = lab.started(Process([SENDER, veth0.peer, 0, 100, "--until-signal", "--pause-us", "100"]))
    wait_until(lambda: lab.once("veth0")["total"]["packets"] > 100, "packets flow")
    sender.stop(end)
    sent = int(sender.lines["out"][-1])
    lab.wait_for_counts("veth0", {"XDP_PASS": (sent, 100 * sent)})


@pytest.mark.parametrize("arguments, status", [
    ([], 2),
    (["veth0", "1"], 2),
    (["veth0", "x", "100"], 2),
    (["veth0", "-1", "100"], 2),
    (["veth0", "1", "13"], 2),
    (["veth0", "1", "65536"], 2),
    (["veth0", "1", "100", "--dst", "02:00"], 2),
    (["veth0", "1", "100", "--pause-us"], 2),
    (["nope0", "1", "100"], 4),
    (["veth0", "1", "2000"], 1),
])
def test_sender_errors(lab, veth0, arguments, status):
    assert run([SENDER, *arguments], status).err


def test_sender_on_a_device_that_is_down(lab, veth0):
    run(["ip", "link", "set", "dev", veth0.peer, "down"])
    result = run([SENDER, veth0.peer, 5, 100], status=1)
    assert result.out == "0\n" and "down" in result.err
    assert os.path.exists("/sys/class/net/veth0")


@pytest.mark.parametrize("args, message", [
    (["--against"], "a revision is missing"),
    (["--against", "no-such-revision"], "there is no commit no-such-revision"),
])
def test_bench_against_what_is_no_commit(args, message):
    assert message in run([TOP / "scripts/bench", *args], 2).err
