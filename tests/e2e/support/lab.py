"""What the end-to-end tests stand on: devices, exact traffic, and the two programs under test.

Everything happens in the namespaces that tests/e2e/run made. Nothing here sleeps to let something happen:
`wait_until` and the `wait_for` methods look until it did, and fail when a generous deadline has passed.
"""

import functools
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections import namedtuple
from pathlib import Path

from support import kernel
from support.raw_bpf import create_link, existing_ids, open_pin, pin

LOADER = os.environ.get("XDP_LOADER", "")
STATS = os.environ.get("XDP_STATS", "")
SENDER = os.environ.get("SEND_FRAMES", "")
OBJECTS = Path(os.environ.get("TEST_OBJECTS", ""))
TOP = Path(__file__).resolve().parents[3]
BPFFS = Path("/sys/fs/bpf")
NOBODY = 65534

ACTIONS = ("XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT")
MODES = {"native": "--native-mode", "generic": "--skb-mode"}
FULL_FRAME = 1514
DEADLINE = float(os.environ.get("XDP_TALLY_DEADLINE", "60"))  # seconds; an emulated machine takes its time

# What the sanitizers write when they find something.
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")


def wait_until(condition, what):
    """Returns condition()'s first true result."""
    end = time.monotonic() + DEADLINE
    while not (result := condition()):
        assert time.monotonic() < end, f"timed out: {what() if callable(what) else what}"
        time.sleep(0.005)
    return result


def object_file(name):
    """A test object; built with `xdp` for `xdp.frags` where the kernel has no such programs."""
    linear = OBJECTS / f"e2e_{name}_linear.bpf.o"
    return str(linear if linear.exists() and not kernel.frags() else OBJECTS / f"e2e_{name}.bpf.o")


def pin_dir(dev):
    return BPFFS / dev.replace(".", "%2E")


def pins_of(dev):
    return sorted(path.name for path in pin_dir(dev).iterdir())


# ---- processes ---------------------------------------------------------------------------------------------

Result = namedtuple("Result", "status out err")


def as_user(uid):
    """Command prefix: that user, no groups, no capabilities."""
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all",
            "--bounding-set=-all"]


def run(command, status=0, timeout=DEADLINE):
    """Runs a command to its end, which has to come with this exit status.

    The kernel takes Latin-1 letters in a program's name, and `ip` prints them as they are: no valid UTF-8.
    """
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout,
                          errors="surrogateescape", stdin=subprocess.DEVNULL, check=False)
    shown = f"{' '.join(map(str, command))}\nstdout: {done.stdout}\nstderr: {done.stderr}"
    assert not SANITIZER.search(done.stderr), shown
    assert done.returncode == status, f"status {done.returncode} instead of {status}: {shown}"
    return Result(done.returncode, done.stdout, done.stderr)


class Process:
    """A program that goes on while the test does other things; its output is collected line by line."""

    def __init__(self, command):
        self.command = [str(part) for part in command]
        self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)
        self.lines = {"out": [], "err": []}
        self._seen = {"out": 0, "err": 0}
        self._threads = [threading.Thread(target=self._collect, args=item, daemon=True)
                         for item in (("out", self.popen.stdout), ("err", self.popen.stderr))]
        for thread in self._threads:
            thread.start()

    def _collect(self, name, stream):
        with stream:
            for line in stream:
                self.lines[name].append(line.rstrip("\n"))

    def describe(self):
        tail = {name: lines[-12:] for name, lines in self.lines.items()}
        return f"{' '.join(self.command)}: {json.dumps(tail, indent=1)}"

    def wait_for_line(self, condition, stream="out"):
        """The first line since the last call that meets the condition, which may be a pattern."""
        test = re.compile(condition).search if isinstance(condition, str) else condition

        def look():
            ended = self.popen.poll() is not None
            if ended:
                for thread in self._threads:
                    thread.join(DEADLINE)
            while self._seen[stream] < len(self.lines[stream]):
                line = self.lines[stream][self._seen[stream]]
                self._seen[stream] += 1
                if test(line):
                    return line
            assert not ended, f"ended with {self.popen.returncode} too early: {self.describe()}"
            return None

        return wait_until(look, lambda: f"no such line ({condition}): {self.describe()}")

    def wait(self, status=0):
        """Waits for the end; everything the program wrote is in `lines` then."""
        self.popen.wait(DEADLINE)
        for thread in self._threads:
            thread.join(DEADLINE)
        assert not SANITIZER.search("\n".join(self.lines["err"])), self.describe()
        assert self.popen.returncode == status, f"status {self.popen.returncode}: {self.describe()}"
        return "\n".join(self.lines["err"])

    def stop(self, with_signal=signal.SIGINT, status=0):
        if self.popen.poll() is None:
            self.popen.send_signal(with_signal)
        return self.wait(status)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


class Stats(Process):
    """`xdp_stats --json`, whose records are waited for and whose promises are checked on every record."""

    def __init__(self, *args, interval="100ms", prefix=(), program=STATS):
        super().__init__([*prefix, program, "--json", "--interval", interval, *args])

    def records(self):
        return [json.loads(line) for line in list(self.lines["out"])]

    def wait_for(self, condition):
        """The first record since the last one returned that meets the condition."""
        return json.loads(self.wait_for_line(lambda line: condition(json.loads(line))))

    def wait_for_session(self, packets):
        """The record in which this many packets were counted since the reader started: never more."""
        record = self.wait_for(lambda record: record["total"]["session_packets"] >= packets)
        assert record["total"]["session_packets"] == packets, self.describe()
        return record

    def wait_for_message(self, pattern):
        return self.wait_for_line(pattern, stream="err")

    def wait(self, status=0):
        messages = super().wait(status)
        check_records(self.records())
        return messages


def check_records(records):
    """What holds for every sequence of records that one xdp_stats prints, whatever happens meanwhile."""
    last = {}
    for record in records:
        assert record["schema"] == 1
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"]), record
        assert set(record["actions"]) == set(ACTIONS), record
        assert record["state"] in ("attached", "detached", "stale", "foreign", "unknown"), record
        assert record["period"] >= 0
        for field in ("packets", "bytes", "session_packets", "session_bytes"):
            total = sum(action[field] for action in record["actions"].values())
            assert record["total"][field] == total, record
        before = last.get(record["dev"])
        for name, counts in [*record["actions"].items(), ("total", record["total"])]:
            assert counts["pps"] is None or counts["pps"] >= 0, record
            assert counts["bps"] is None or counts["bps"] >= 0, record
            if before:
                old = before["total"] if name == "total" else before["actions"][name]
                assert counts["session_packets"] >= old["session_packets"], (before, record)
                assert counts["session_bytes"] >= old["session_bytes"], (before, record)
        last[record["dev"]] = record


# ---- counters ----------------------------------------------------------------------------------------------


def counts_of(record, prefix=""):
    """{action: (packets, bytes)} of the actions that counted anything."""
    pairs = {name: (action[f"{prefix}packets"], action[f"{prefix}bytes"])
             for name, action in record["actions"].items()}
    return {name: pair for name, pair in pairs.items() if pair != (0, 0)}


def session_of(record):
    return counts_of(record, "session_")


def dump_map(path):
    """The map as bpftool sees it: {key: [value of every CPU]} with integer keys, or {key: [value]}."""
    entries = json.loads(run(["bpftool", "--json", "map", "dump", "pinned", path]).out)
    dump = {}

    def binary(octets):
        return bytes(int(octet, 16) for octet in octets)

    for entry in entries:
        key = int.from_bytes(binary(entry["key"]), "little")
        values = [value["value"] for value in entry["values"]] if "values" in entry else [entry["value"]]
        dump[key] = [binary(value) for value in values]
    return dump


def dump_counts(path):
    """{action: (packets, bytes)} of a pinned counter map, read by bpftool."""
    totals = {}
    for key, values in dump_map(path).items():
        pairs = [struct.unpack("=QQ", value) for value in values]
        totals[key] = tuple(map(sum, zip(*pairs)))
    return {ACTIONS[key]: pair for key, pair in totals.items() if pair != (0, 0)}


# struct xdp_tally_meta of include/xdp_tally/abi.h, without map_ids
META_FORMAT = "=IIQQQQ8I16s64s10Q"
Meta = namedtuple("Meta", "magic abi_version lineage generation load_time netns_inode counter_map_id program_id "
                          "ifindex attach_mode attach_kind map_count flags interface program carried map_ids")


def read_meta(dev):
    (value,) = dump_map(pin_dir(dev) / "xdp_stats_meta")[0]
    *numbers, _, interface, program = struct.unpack_from(META_FORMAT, value)[:16]
    carried = struct.unpack_from(META_FORMAT, value)[16:]
    map_ids = struct.unpack_from(f"={numbers[11]}I", value, struct.calcsize(META_FORMAT))
    names = (text.rstrip(b"\0").decode() for text in (interface, program))
    pairs = [tuple(carried[2 * action:2 * action + 2]) for action in range(len(ACTIONS))]
    return Meta(*numbers, *names, {name: pair for name, pair in zip(ACTIONS, pairs) if pair != (0, 0)}, map_ids)


# ---- what this kernel has ----------------------------------------------------------------------------------


@functools.cache
def ways_to_attach():
    """For tests that hold for every way. That kernels with dispatchers are known as such is tests/vm's matter."""
    asked = subprocess.run([LOADER, "--dev", "lo", "--skb-mode", "--attach", "dispatcher", "--dry-run"],
                           capture_output=True, check=False)
    return ["link", "dispatcher"] if asked.returncode == 0 else ["link"]


# ---- devices and traffic -----------------------------------------------------------------------------------

Veth = namedtuple("Veth", "name peer mac peer_mac")
ETHERTYPE = 0x88B5  # what send-frames puts on the wire


def link_info(dev):
    return json.loads(run(["ip", "-json", "-details", "link", "show", "dev", dev]).out)[0]


def wait_for_carrier(*devs):
    """Until the kernel has noticed the carrier, what is sent is dropped without an error."""
    for dev in devs:
        wait_until(lambda dev=dev: link_info(dev)["operstate"] == "UP", f"{dev} does not come up")


def rename(veth, name):
    """Down in between, which kernels before 6.2 insist on."""
    for change in (["down"], ["name", name]):
        run(["ip", "link", "set", "dev", veth.name, *change])
    run(["ip", "link", "set", "dev", name, "up"])
    wait_for_carrier(name, veth.peer)
    return veth._replace(name=name)


SYS_FLOCK = {"x86_64": "73", "aarch64": "32"}.get(os.uname().machine, "32")


def is_waiting_for_a_lock(pid):
    """/proc/locks of 5.10 does not list who waits behind another that waits."""
    return Path(f"/proc/{pid}/syscall").read_text().split()[0] == SYS_FLOCK


def attached(dev):
    """(mode, program id) as the kernel tells it, or None."""
    xdp = link_info(dev).get("xdp")
    if not xdp:
        return None
    modes = {1: "native", 2: "generic", 3: "offloaded"}
    return modes[xdp["mode"]], xdp["prog"]["id"]


def pinned_link(path):
    """What bpftool says of it. Version 7.5 says it, and ends with status 255 all the same."""
    done = subprocess.run(["bpftool", "--json", "link", "show", "pinned", path], capture_output=True, check=False)
    assert done.returncode in (0, 255), done
    return json.loads(done.stdout)


def send(veth, count, size):
    """Exactly this many frames from the peer to veth.name."""
    sent = run([SENDER, veth.peer, count, size, "--dst", veth.mac]).out
    assert int(sent) == count


class Traffic(Process):
    """Frames flowing from the peer to veth.name until stop(), which says how many there were."""

    def __init__(self, veth, size, pause_us=1000):
        super().__init__([SENDER, veth.peer, 0, size, "--dst", veth.mac, "--until-signal", "--pause-us", pause_us])

    def finish(self):
        self.stop(signal.SIGTERM)
        return int(self.lines["out"][-1])


class Capture:
    """Receives the test frames that arrive on a device."""

    SO_RCVBUFFORCE = 33

    def __init__(self, dev):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
        self.socket.setsockopt(socket.SOL_SOCKET, self.SO_RCVBUFFORCE, 64 << 20)
        self.socket.bind((dev, ETHERTYPE))
        self.socket.settimeout(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def frames(self, count):
        return [self.socket.recv(65536) for _ in range(count)]

    def nothing_more(self):
        self.socket.setblocking(False)
        try:
            return self.socket.recv(65536) is None
        except BlockingIOError:
            return True


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


# ---- the lab -----------------------------------------------------------------------------------------------


class Lab:
    def __init__(self):
        self.processes = []
        self.cleanups = []
        self.program_ids = set()
        self.map_ids = set()

    def __enter__(self):
        self.before = self.world()
        return self

    def __exit__(self, kind, exception, trace):
        problems = []
        try:
            self.close()
            self.wait_for_nothing_left()
        except Exception as problem:  # pylint: disable=broad-except
            problems.append(problem)
        if problems:
            self.demolish()
        if problems and exception is None:
            raise problems[0]

    # -- the programs under test

    def loader(self, *args, status=0, prefix=()):
        return run([*prefix, LOADER, *args], status)

    def loader_json(self, *args, status=0):
        """The outcomes that `xdp_loader --json` reports, one a device."""
        document = json.loads(self.loader("--json", *args, status=status).out)
        assert document["schema"] == 1
        for outcome in document["devices"]:
            self.remember(outcome)
        return document["devices"]

    def load(self, dev, *args):
        """Loads, and returns the outcome of the one device."""
        (outcome,) = self.loader_json("--dev", dev, *args)
        assert outcome["dev"] == dev and outcome["outcome"] in ("loaded", "replaced"), outcome
        return outcome

    def remember(self, outcome):
        if (program := outcome.get("program")) and not outcome.get("dry_run"):
            self.program_ids.add(program["id"])
            self.map_ids.update(item["id"] for item in outcome["maps"])

    def once(self, dev, *args):
        return json.loads(run([STATS, "--dev", dev, "--once", "--json", *args]).out)

    def wait_for_counts(self, dev, expected):
        """Exactly these counts on the device, by xdp_stats and by bpftool."""
        packets = sum(pair[0] for pair in expected.values())
        wait_until(lambda: self.once(dev)["total"]["packets"] >= packets,
                   lambda: f"{packets} packets expected: {self.once(dev)}")
        assert counts_of(self.once(dev)) == expected
        assert dump_counts(pin_dir(dev) / "xdp_stats_map") == expected

    # -- things that go on while the test works

    def started(self, process):
        self.processes.append(process)
        return process

    def stats(self, *args, **options):
        """A reader that has nothing to read yet."""
        return self.started(Stats(*args, **options))

    def reading(self, *args, **options):
        """A reader that has taken its first sample: what is sent from now on counts as its session."""
        reader = self.stats(*args, **options)
        reader.wait_for(lambda record: True)
        return reader

    def traffic(self, veth, size, **options):
        return self.started(Traffic(veth, size, **options))

    def process(self, *command):
        return self.started(Process(command))

    # -- devices

    def veth(self, name, mtu=1500, peer=None):
        peer = peer or f"p-{name}"[:15]
        run(["ip", "link", "add", "name", name, "mtu", mtu, "type", "veth", "peer", "name", peer, "mtu", mtu])
        for dev in (name, peer):
            run(["ip", "link", "set", "dev", dev, "arp", "off", "multicast", "off", "up"])
            # GRO switches NAPI on, without which veth takes nothing from a native redirect.
            run(["ethtool", "--offload", dev, "gro", "on", "tso", "off", "gso", "off"])
        wait_for_carrier(name, peer)
        return Veth(name, peer, link_info(name)["address"], link_info(peer)["address"])

    def let_redirects_arrive(self, *veths):
        """Before 5.13, veth takes what is redirected to a pair only where its other end has a program, too."""
        for veth in veths:
            self.load(veth.peer)

    @staticmethod
    def delete(veth):
        run(["ip", "link", "delete", "dev", veth.name])

    # -- other people's programs and pins

    def foreign_program(self, name="no_counter"):
        """A program that xdp-tally did not load, pinned outside its directories: the pin's path."""
        path = BPFFS / f"foreign_{name}"
        run(["bpftool", "prog", "load", object_file(name), path, "type", "xdp"])
        self.cleanups.append(lambda: path.unlink(missing_ok=True))
        self.program_ids.add(self.program_at(path)["id"])
        return path

    @staticmethod
    def program_at(path):
        return json.loads(run(["bpftool", "--json", "prog", "show", "pinned", path]).out)

    def foreign_attach(self, dev, mode="native"):
        """Attaches a foreign program by netlink: what bpftool tells of it."""
        path = self.foreign_program()
        run(["bpftool", "net", "attach", {"native": "xdpdrv", "generic": "xdpgeneric"}[mode], "pinned", path,
             "dev", dev])
        return self.program_at(path)

    def foreign_link(self, dev):
        """Attaches a foreign program by a link, pinned outside our directories: (program, link pin)."""
        program = self.foreign_program()
        path = BPFFS / "foreign_link"
        program_fd = open_pin(program)
        link_fd = create_link(program_fd, link_info(dev)["ifindex"])
        pin(link_fd, path)
        self.cleanups.append(lambda: path.unlink(missing_ok=True))
        os.close(link_fd)
        os.close(program_fd)
        return self.program_at(program), path

    def foreign_map(self, path, kind="hash", key=4, value=4, entries=1):
        """Pins a map that xdp-tally did not make."""
        path.parent.mkdir(exist_ok=True)
        run(["bpftool", "map", "create", path, "type", kind, "key", key, "value", value, "entries", entries,
             "name", "foreign"])
        self.cleanups.append(lambda: self.remove_pin(path))
        return path

    @staticmethod
    def remove_pin(path):
        path.unlink(missing_ok=True)
        if path.parent != BPFFS and path.parent.exists() and not any(path.parent.iterdir()):
            path.parent.rmdir()

    # -- what must be the same after a test, or after a refused command

    @staticmethod
    def world():
        """Every place where something could be left: device, namespace, pin, and who is attached."""
        links = json.loads(run(["ip", "-json", "-details", "link", "show"]).out)
        pins = {str(path): (path.lstat().st_mode, path.lstat().st_ino) for path in sorted(BPFFS.rglob("*"))}
        return {
            "links": {link["ifname"]: link.get("xdp", {}).get("prog", {}).get("id") for link in links},
            "namespaces": sorted(os.listdir("/run/netns")),
            "pins": pins,
        }

    @staticmethod
    def other_processes():
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and int(entry.name) != os.getpid():
                    if entry.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z":
                        found.append(entry.joinpath("cmdline").read_text().replace("\0", " "))
            except OSError:
                pass  # it ended while we looked
        return found

    def close(self):
        """Takes down what the test built, the last first, by the programs' own means."""
        for process in self.processes:
            process.stop()
        for link in [link for link in self.world()["links"] if link not in self.before["links"]]:
            if self.loader_json("--dev", link, "--status")[0]["generation"]:
                self.loader("--dev", link, "--unload")
        for cleanup in reversed(self.cleanups):
            cleanup()
        self.delete_links()
        # libxdp makes this directory for its lock, and leaves it.
        if (BPFFS / "xdp").exists() and not any((BPFFS / "xdp").iterdir()):
            (BPFFS / "xdp").rmdir()

    def delete_links(self):
        for link in self.world()["links"]:
            if link not in self.before["links"]:
                # The other end of a pair is gone already.
                subprocess.run(["ip", "link", "delete", "dev", link], stderr=subprocess.DEVNULL, check=False)

    def wait_for_nothing_left(self):
        now = self.world()
        assert now == self.before, {part: set(now[part]) ^ set(self.before[part]) for part in now}

        def left():
            return {
                "processes": self.other_processes(),
                "programs": sorted(self.program_ids & existing_ids("prog")),
                "maps": sorted(self.map_ids & existing_ids("map")),
            }

        # The kernel frees programs and maps some time after their last user is gone.
        wait_until(lambda: not any(left().values()), lambda: f"left behind: {left()}")

    def demolish(self):
        """After a failure the next test gets a clean place all the same."""
        for process in self.processes:
            process.kill()
        self.delete_links()
        subprocess.run(["ip", "-all", "netns", "delete"], check=False)
        subprocess.run(["umount", str(BPFFS)], check=False)
        subprocess.run(["mount", "-t", "bpf", "-o", "mode=0755", "bpf", str(BPFFS)], check=False)


def copy_for_everyone(directory=Path("/run/bin")):
    """The programs where an ordinary user can reach them, whoever owns the build directory."""
    directory.mkdir(mode=0o755, exist_ok=True)
    copies = []
    for program in (LOADER, STATS):
        copy = directory / Path(program).name
        if not copy.exists():
            shutil.copy(program, copy)
            copy.chmod(0o755)
        copies.append(str(copy))
    return copies
