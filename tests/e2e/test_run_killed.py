"""xdp_loader --run is killed: the kernel detaches the program, whenever that was.

Its link is its own and never pinned. What stays is the pins of its maps, with the counts; the next load, --unload or
--clean puts that right.
"""

import fcntl
import os
import re
import shlex
import signal
import subprocess

import pytest

from support.devices import attached
from support.maps import read_meta
from support.namespaces import Namespace
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.process_table import lives
from support.processes import run, wait_until
from support.programs import CONFLICT, LOADER
from support.run_command import GOES_ON, MAPS, NOTING, RUNNING, clean, running
from support.samples import counts_of
from support.strace import FAULT_STEP, strace
from support.traffic import SIZE, send

# What may come next, each of which leaves nothing of the run.
NEXT = {"load": (), "unload": ("--unload",), "clean": ("--clean",), "clean all": ("--clean",),
        "run": ("--run", "--", "true")}


def come_next(lab, verb, dev="veth0"):
    """The next command, and what has to be there after it."""
    lab.loader(*([] if verb == "clean all" else ["--dev", dev]), *NEXT[verb])
    if verb == "load":
        assert lab.status(dev)["state"] == lab.once(dev)["state"] == "attached"
        assert pins_of(dev) == PINS
        lab.loader("--dev", dev, "--unload")
    assert clean(dev)


def kill(process):
    process.popen.kill()
    process.wait(-signal.SIGKILL)  # which also waits until nobody has its output open


# ---- while the command runs


@pytest.mark.parametrize("verb", NEXT)
def test_pins_of_the_maps_stay(lab, veth0, verb):
    """Detached and with their counts, until the next command; the run's own command gets SIGTERM."""
    process = running(lab, "--dev", "veth0", "--action", "drop", command=NOTING)
    send(veth0, 6, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (6, 600)})
    kill(process)
    assert process.lines["out"][1:] == [f"got {signal.SIGTERM.value}"]
    wait_until(lambda: not lives(process.command_pid), "the command is ended")
    assert attached("veth0") is None
    assert pins_of("veth0") == RUNNING
    assert lab.status("veth0")["state"] == "detached"
    record = lab.once("veth0")
    assert record["state"] == "detached" and counts_of(record) == {"XDP_DROP": (6, 600)}
    come_next(lab, verb)


def test_counts_go_on(lab, veth0):
    """--reuse-maps takes them up, as after any other load that is detached."""
    process = running(lab, "--dev", "veth0")
    send(veth0, 6, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (6, 600)})
    kill(process)
    assert lab.load("veth0", "--reuse-maps")["generation"] == 2
    assert counts_of(lab.once("veth0")) == {"XDP_PASS": (6, 600)}


def test_all_its_devices(lab, veth0):
    lab.veth("veth1")
    kill(running(lab, "--dev", "veth0", "--dev", "veth1"))
    for dev in ("veth0", "veth1"):
        assert attached(dev) is None and pins_of(dev) == RUNNING
    lab.loader("--clean")
    assert clean("veth0") and clean("veth1")


def test_killed_process_group(lab, veth0):
    """As when a CI job is cancelled: nobody survives who could do anything."""
    process = running(lab, "--dev", "veth0", prefix=["setsid"])
    os.killpg(process.popen.pid, signal.SIGKILL)
    process.wait(-signal.SIGKILL)
    assert attached("veth0") is None
    come_next(lab, "clean")


@pytest.mark.parametrize("verb", ["load", "unload", "clean"])
def test_renamed_device(lab, veth0, verb):
    """The pins have the name of the load, by which --unload and --clean find them."""
    process = running(lab, "--dev", "veth0")
    run(["ip", "link", "set", "dev", "veth0", "down"])
    run(["ip", "link", "set", "dev", "veth0", "name", "veth9"])
    kill(process)
    assert attached("veth9") is None
    if verb == "load":
        lab.load("veth9")
        lab.loader("--dev", "veth9", "--unload")
        verb = "unload"
    lab.loader("--dev", "veth0", *NEXT[verb])
    assert not pin_dir("veth0").exists() and not pin_dir("veth9").exists()


@pytest.mark.parametrize("inside", [False, True])
def test_in_a_namespace(lab, inside):
    """Wherever it ran, the device is free."""
    red = Namespace(lab, "red")
    red.veth()
    kill(running(lab, "--dev", "veth0", *([] if inside else red.option), prefix=red.inside if inside else ()))
    assert red.attached() is None
    assert sorted(path.name for path in (red.pins / "veth0").iterdir()) == RUNNING
    lab.loader(*red.option, "--dev", "veth0", "--unload")
    assert not red.pins.exists()


def test_killed_job_inside_a_namespace(lab):
    """Those whose file system the pins were found through are killed, too."""
    red = Namespace(lab, "red")
    red.veth()
    inner = shlex.join([LOADER, "--dev", "veth0", "--run", "--", *GOES_ON])
    job = lab.process("setsid", "sh", "-c", f"{shlex.join(red.inside)} {inner}; :")
    lab.processes.remove(job)
    job.wait_for_line("^ready")
    os.killpg(job.popen.pid, signal.SIGKILL)
    job.wait(-signal.SIGKILL)
    wait_until(lambda: red.attached() is None, "detached")
    lab.loader("--clean")
    assert not red.pins.exists()


def test_bpffs_of_ones_own(lab, veth0, tmp_path):
    root = tmp_path / "bpf"
    root.mkdir()
    run(["mount", "-t", "bpf", "bpf", root])
    lab.cleanups.append(lambda: run(["umount", root]))
    kill(running(lab, "--dev", "veth0", "--bpffs", root.name, prefix=["env", "-C", tmp_path]))
    assert attached("veth0") is None
    assert (root / "veth0" / "xdp_stats_map").exists() and not (BPFFS / "veth0").exists()
    lab.loader("--bpffs", root, "--dev", "veth0", "--unload")
    assert not (root / "veth0").exists()


# ---- what an older version has left


@pytest.mark.parametrize("verb", [["--unload"], ["--clean"], ["--action", "drop"]])
def test_lock_without_a_holder(lab, veth0, verb):
    """Beside a load that is not a run's it means nothing, and goes with the next command."""
    lab.load("veth0")
    (pin_dir("veth0") / "+run").mkdir(0o700)
    assert not lab.status("veth0")["notes"]
    lab.loader("--dev", "veth0", *verb)
    if verb == ["--unload"]:
        assert clean()
    else:
        assert lab.status("veth0")["state"] == "attached" and pins_of("veth0") == PINS


def test_lock_with_a_holder(lab, veth0):
    """The older version's run goes on, and keeps others away."""
    lab.load("veth0")
    lock = pin_dir("veth0") / "+run"
    lock.mkdir(0o700)
    holder = os.open(lock, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        world = lab.world()
        for verb in ([], ["--unload"]):
            assert "`xdp_loader --run`" in lab.loader("--dev", "veth0", *verb, status=CONFLICT).err
        lab.loader("--dev", "veth0", "--clean")
        assert lab.world() == world
    finally:
        os.close(holder)


# ---- at every moment


ASKS_NETLINK = re.compile(r"nlmsg_type=(?:0x12\b|RTM_GETLINK)")
ATTACHES_BY_NETLINK = re.compile(r"nlmsg_type=(?:0x13\b|RTM_SETLINK)")
PINNED = re.compile(r'BPF_OBJ_PIN, {pathname="[^"]*/([^/"]+)"')


def test_link_is_pinned_nowhere_and_netlink_attaches_nothing(lab, veth0, tmp_path):
    """Not for a moment: what it asks the kernel for, from its beginning to its end, and those of a load beside it."""
    log = tmp_path / "strace"

    def asked(dev, *options):
        run(strace("-f", "-e", "trace=bpf,/^send,/^link,/^rename", command=[LOADER, "--dev", dev, *options], log=log))
        return log.read_text()

    for dev in ("veth0", "lo"):  # lo has no native mode: what the kernel says of that, a load asks netlink for
        text = asked(dev, "--run", "--", "true")
        links = re.findall(r"BPF_LINK_CREATE, .* = (\d+)$", text, re.MULTILINE)
        assert len(links) == 1
        assert set(PINNED.findall(text)) == set(re.findall(r'rename.*, "([^"]+)"', text)) == set(MAPS)
        assert ASKS_NETLINK.search(text) and not ATTACHES_BY_NETLINK.search(text)

        text = asked(dev)
        assert "xdp_link" in PINNED.findall(text)
        assert bool(ATTACHES_BY_NETLINK.search(text)) == (dev == "lo")
        lab.loader("--dev", dev, "--unload")


def lifetime(lab, dev):
    """Packets since generation 1: those of the pinned map and those carried from earlier ones."""
    return sum(packets for packets, _ in read_meta(dev).carried.values()) + lab.once(dev)["total"]["packets"]


def calls_in(log):
    """Every system call of a log in its order: (name, how often it was called by then)."""
    times = {}
    for name in re.findall(r"(?m)^(\w+)\(", log.read_text()):
        times[name] = times.get(name, 0) + 1
        yield name, times[name]


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
def test_killed_at_every_call(lab, veth0, kept, tmp_path):
    """From the first to the last: nothing is attached, no link is pinned, no count is lost, the next command works."""
    log = tmp_path / "strace"
    command = [LOADER, "--dev", "veth0", "--run", "--", "true"]

    def prepare():
        if kept:
            lab.load("veth0", "--action", "drop")
            send(veth0, 5, SIZE)
            lab.wait_for_counts("veth0", {"XDP_DROP": (5, 500)})
            lab.loader("--dev", "veth0", "--unload", "--keep-maps")

    prepare()
    run(strace(command=command, log=log))
    calls = list(calls_in(log))
    assert ("clone", 1) in calls or ("clone3", 1) in calls
    for number, (name, when) in enumerate(calls[::FAULT_STEP]):
        prepare()
        injected = strace("-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={when}", command=command,
                          log=log)
        status = subprocess.run([str(part) for part in injected], capture_output=True, check=False).returncode
        context = f"{name} {when}: status {status}"
        assert status in (0, -signal.SIGKILL), context
        # The command may have the link for a moment longer, until its exec.
        wait_until(lambda: attached("veth0") is None, context)
        left = {path.name for path in pin_dir("veth0").rglob("*")}
        assert left <= {"+staging", *RUNNING}, (context, left)
        check_state(lab, left, context)
        verb = list(NEXT)[number % len(NEXT)]
        if kept and "xdp_stats_map" in left:
            lab.load("veth0", "--reuse-maps")
            assert lifetime(lab, "veth0") == 5, context
            lab.loader("--dev", "veth0", "--unload")
        elif left & set(MAPS):
            come_next(lab, verb)
        elif left:
            come_next(lab, "clean")
        assert clean(), context


def check_state(lab, left, context):
    """Both programs say that it is detached; the reader cannot, before there is a meta beside the counters."""
    state = lab.status("veth0")["state"]
    published = set(os.listdir(pin_dir("veth0"))) & set(MAPS) if left else set()
    assert state == ("detached" if published else "none"), context
    if published == set(MAPS):
        assert lab.once("veth0")["state"] in ("detached", "stale"), context
