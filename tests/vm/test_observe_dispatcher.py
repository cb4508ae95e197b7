# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --observe behind libxdp's dispatcher: which of its components dropped my packets."""

import csv
import io
import json
import os
import signal
from pathlib import Path

import pytest

from support import kernel
from support.devices import attached
from support.maps import dump_counts, read_meta
from support.namespaces import UNNAMED_PEER, Namespace, nsenter, pair_into, process_in
from support.observing import LOCK, OUT_OF_RANGE, attach, detach, follow, observe, send_each, send_for, tracing_links
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.processes import NOBODY, as_user, run, wait_until
from support.programs import CONFLICT, LOADER, STATS, copy_for_everyone, object_file
from support.samples import counts_of, session_of
from support.strace import FAULT_STEP, count_calls, strace
from support.traffic import SIZE, Traffic, send


class Chain:
    """xdp-loader's dispatcher on veth0 with components of verdicts_chain.bpf.c: `first_drops`, `then_chooses`."""

    def __init__(self, lab, veth):
        self.lab = lab
        self.veth = veth
        self.ids = {}
        lab.cleanups.append(self.unload)

    def add(self, name):
        run(["xdp-loader", "load", "--prog-name", name, self.veth.name, object_file("verdicts_chain")])
        (entry,) = [entry for entry in self.components() if entry["name"] == name[:15]]
        self.ids[name] = entry["id"]
        self.lab.program_ids.add(entry["id"])

    def remove(self, name):
        run(["xdp-loader", "unload", "--id", self.ids.pop(name), self.veth.name])

    def components(self):
        return self.lab.status(self.veth.name)["hook"]["components"]

    def unload(self):
        if self.ids:
            run(["xdp-loader", "unload", "--all", self.veth.name])

    def map_pin(self, name):
        return pin_dir(self.veth.name) / f"component:{self.ids[name]}:{name[:15]}"

    def wait_for_counts(self, name, expected):
        wait_until(lambda: dump_counts(self.map_pin(name)) == expected,
                   lambda: f"{name}: {dump_counts(self.map_pin(name))} instead of {expected}")

    def wait_until_observed(self):
        wait_until(lambda: read_meta(self.veth.name).program_id == attached(self.veth.name)[1], "observed anew")


@pytest.fixture
def chain(lab, veth0):
    return Chain(lab, veth0)


def frames(size=SIZE, **counts):
    """{XDP_PASS: (3, 300)} of PASS=3."""
    return {f"XDP_{name}": (count, count * size) for name, count in counts.items() if count}


@pytest.mark.parametrize("name", ["first_drops", "then_chooses"])
def test_single_component(lab, veth0, chain, name):
    """Whose verdict is the hook's."""
    chain.add(name)
    observe(lab)
    send_each(veth0, {1: 120, 2: 130, 3: 14})
    expected = frames(DROP=120, PASS=144) if name == "first_drops" else frames(DROP=120, PASS=130, TX=14)
    lab.wait_for_counts("veth0", expected)
    chain.wait_for_counts(name, expected)
    assert read_meta("veth0").program == "xdp_dispatcher"


def test_two_components(lab, veth0, chain):
    """Which program dropped what, and what became of the packets in the end."""
    chain.add("first_drops")
    chain.add("then_chooses")
    outcome = observe(lab)
    assert [entry["name"] for entry in outcome["maps"]] == ["xdp_stats_map", *(
        f"component:{chain.ids[name]}:{name[:15]}" for name in ("first_drops", "then_chooses"))]
    send_each(veth0, {0: 9, 1: 120, 2: 130, 3: 14, OUT_OF_RANGE: 5})
    lab.wait_for_counts("veth0", frames(ABORTED=14, DROP=120, PASS=130, TX=14))
    chain.wait_for_counts("first_drops", frames(DROP=120, PASS=158))
    chain.wait_for_counts("then_chooses", frames(ABORTED=14, PASS=130, TX=14))
    meta = read_meta("veth0")
    assert (meta.program_id, meta.map_count) == (attached("veth0")[1], 3)


def test_rebuilt(lab, veth0, chain):
    """A component goes on being counted, without a gap, while others come and go; the final verdict follows."""
    chain.add("first_drops")
    follow(lab)
    send_each(veth0, {1: 10, 2: 20})
    chain.wait_for_counts("first_drops", frames(DROP=10, PASS=20))
    kept = chain.map_pin("first_drops").stat().st_ino

    chain.add("then_chooses")
    chain.wait_until_observed()
    send_each(veth0, {1: 5, 2: 6, 3: 7})
    chain.wait_for_counts("first_drops", frames(DROP=15, PASS=33))
    chain.wait_for_counts("then_chooses", frames(PASS=6, TX=7))
    lab.wait_for_counts("veth0", frames(DROP=15, PASS=26, TX=7))
    assert chain.map_pin("first_drops").stat().st_ino == kept

    gone = [path.name for path in pin_dir("veth0").iterdir() if str(chain.ids["then_chooses"]) in path.name]
    assert len(gone) == 2
    chain.remove("then_chooses")
    chain.wait_until_observed()
    assert not set(gone) & set(pins_of("veth0"))
    send_each(veth0, {1: 1, 3: 1})
    chain.wait_for_counts("first_drops", frames(DROP=16, PASS=34))
    lab.wait_for_counts("veth0", frames(DROP=16, PASS=27, TX=7))
    assert (read_meta("veth0").generation, read_meta("veth0").map_count) == (3, 2)


def test_component_is_exact_across_rebuilds_under_traffic(lab, veth0, chain):
    chain.add("first_drops")
    follow(lab)
    traffic = lab.started(Traffic(veth0._replace(mac="02:00:00:00:00:02"), SIZE, pause_us=1000))
    for _ in range(3):
        chain.add("then_chooses")
        chain.remove("then_chooses")
    sent = traffic.finish()
    chain.wait_for_counts("first_drops", frames(PASS=sent))
    chain.wait_until_observed()
    assert lab.once("veth0")["total"]["packets"] <= sent + 64


def test_dispatcher_after_a_plain_program(lab, veth0, plain, chain):
    """From one kind of hook to the other and back."""
    follow(lab)
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    detach("veth0")
    chain.add("first_drops")
    chain.add("then_chooses")
    chain.wait_until_observed()
    send_each(veth0, {1: 5, 3: 4})
    lab.wait_for_counts("veth0", frames(DROP=15, TX=4))
    chain.remove("then_chooses")
    chain.remove("first_drops")
    attach(BPFFS / "foreign_verdicts", "veth0")
    chain.wait_until_observed()
    assert pins_of("veth0") == [LOCK, *PINS]
    send_each(veth0, {1: 5})
    lab.wait_for_counts("veth0", frames(DROP=20, TX=4))


def programs_of(sample):
    return [(program["id"], program["name"], counts_of(program)) for program in sample["programs"]]


def test_per_program(lab, veth0, chain):
    """Which program dropped my packets? For everybody who may read."""
    chain.add("then_chooses")  # runs last, whatever came first
    chain.add("first_drops")
    observe(lab)
    send_each(veth0, {1: 120, 2: 130, 3: 14})
    lab.wait_for_counts("veth0", frames(DROP=120, PASS=130, TX=14))
    _, stats = copy_for_everyone()
    reader = as_user(NOBODY) if kernel.unprivileged_reading() else []
    sample = json.loads(run([*reader, stats, "--dev", "veth0", "--once", "--json", "--per-program"]).out)
    assert programs_of(sample) == [
        (chain.ids["first_drops"], "first_drops", frames(DROP=120, PASS=144)),
        (chain.ids["then_chooses"], "then_chooses", frames(PASS=130, TX=14)),
    ]
    assert counts_of(sample) == frames(DROP=120, PASS=130, TX=14)

    table = run([STATS, "--dev", "veth0", "--once", "--per-program"]).out
    heads = [line for line in table.splitlines() if line.endswith(":")]
    assert heads == [f"program first_drops (id {chain.ids['first_drops']}):",
                     f"program then_chooses (id {chain.ids['then_chooses']}):", "final verdict:"]
    rows = list(csv.DictReader(io.StringIO(
        run([STATS, "--dev", "veth0", "--once", "--per-program", "--format", "csv"]).out)))
    dropped = {row["program"]: int(row["packets"]) for row in rows if row["action"] == "XDP_DROP"}
    assert dropped == {f"{chain.ids['first_drops']}:first_drops": 120,
                       f"{chain.ids['then_chooses']}:then_chooses": 0, "all": 120}


def test_per_program_follows_rebuilds(lab, veth0, chain):
    """A reader that runs sees programs come and go."""
    chain.add("first_drops")
    follow(lab)
    lab.wait_for_counts("veth0", send_each(veth0, {1: 10}))
    reader = lab.reading("--dev", "veth0", "--per-program")
    chain.add("then_chooses")
    chain.wait_until_observed()
    send_each(veth0, {1: 5, 2: 6, 3: 7})
    sample = reader.wait_for(lambda sample: sample["total"]["session_packets"] >= 18
                             and len(sample["programs"]) == 2)
    first, second = sample["programs"]
    assert (counts_of(first), session_of(first)) == (frames(DROP=15, PASS=13), frames(DROP=5, PASS=13))
    assert counts_of(second) == session_of(second) == frames(PASS=6, TX=7)
    chain.remove("first_drops")
    reader.wait_for(lambda sample: [program["name"] for program in sample["programs"]] == ["then_chooses"])


def test_per_program_of_one(lab, veth0, plain):
    """Without a dispatcher all is one program's doing."""
    observe(lab)
    expected = send_each(veth0, {1: 10, 2: 5})
    lab.wait_for_counts("veth0", expected)
    sample = lab.once("veth0", "--per-program")
    assert programs_of(sample) == [(plain["id"], "verdict_by_destination", expected)]


def test_per_program_beside_a_component_of_ours(lab, veth0):
    """It counts nobody but itself, and is not to be unloaded for that."""
    lab.load("veth0")
    result = run([STATS, "--dev", "veth0", "--once", "--per-program"], status=4)
    assert "`xdp_stats --dev veth0` shows" in result.err


@pytest.mark.parametrize("syscall", ["bpf", "/^(rename|unlink|mkdir)"])
def test_killed_at_every_step(lab, veth0, chain, syscall, tmp_path):
    """A loader that mends an observation is killed; the next one finishes or discards what it left."""
    def make_stale():
        if pin_dir("veth0").exists():
            lab.loader("--dev", "veth0", "--unload")
        observe(lab)
        chain.remove("then_chooses") if "then_chooses" in chain.ids else chain.add("then_chooses")
        assert lab.once("veth0")["state"] == "stale"

    chain.add("first_drops")
    log = tmp_path / "strace"
    command = [LOADER, "--dev", "veth0", "--observe"]
    make_stale()
    run(strace("-e", f"trace={syscall}", command=command, log=log))
    for step in range(1, count_calls(log) + 1, FAULT_STEP):
        make_stale()
        # How many calls there are depends on whether a component has come or gone.
        run(["sh", "-c", '"$@"; case $? in 0 | 137) ;; *) exit 1 ;; esac', "sh",
             *strace("-e", f"inject={syscall}:signal=SIGKILL:when={step}", command=command, log=log)])
        before = lab.once("veth0")["total"]["packets"]
        assert observe(lab)["program"]["id"] == attached("veth0")[1], step
        send_for(veth0, 1, 7)
        wait_until(lambda before=before: lab.once("veth0")["total"]["packets"] >= before + 7, f"7 packets, {step}")
        chain.wait_for_counts("first_drops", frames(DROP=7))
        assert lab.once("veth0")["total"]["packets"] == before + 7, step
        names = {name for name in pins_of("veth0") if name.startswith("component")}
        assert len(names) == 2 * len(chain.ids), (step, names)
        lab.loader("--dev", "veth0", "--unload")
        assert not pin_dir("veth0").exists(), step
        wait_until(lambda: not tracing_links(), lambda: f"still there: {tracing_links()}")


def test_unload_beside_a_dispatcher(lab, veth0, chain):
    chain.add("first_drops")
    chain.add("then_chooses")
    before = lab.world()
    observe(lab)
    lab.loader("--dev", "veth0", "--unload")
    assert lab.world() == before
    assert len(chain.components()) == 2


def test_component_of_ours(lab, veth0):
    """It counts by itself."""
    lab.load("veth0")
    world = lab.world()
    result = lab.loader("--dev", "veth0", "--observe", status=CONFLICT)
    assert "`xdp_stats --dev veth0`" in result.err
    assert lab.world() == world


@pytest.mark.parametrize("policy", ["allow", "deny"])
def test_xdp_filter(lab, veth0, policy):
    """Somebody else's filter, loaded by its own tool: exactly what it let pass and dropped."""
    run(["xdp-filter", "load", "--policy", policy, "--features", "ethernet", "veth0"])
    lab.cleanups.append(lambda: run(["xdp-filter", "unload", "--all"]))
    listed = veth0._replace(mac="02:00:00:00:00:aa")
    run(["xdp-filter", "ether", "--mode", "dst", listed.mac])
    observe(lab)
    send(listed, 300, SIZE)
    send(veth0, 200, 1000)
    verdicts = ("XDP_DROP", "XDP_PASS") if policy == "allow" else ("XDP_PASS", "XDP_DROP")
    expected = dict(zip(verdicts, [(300, 300 * SIZE), (200, 200 * 1000)]))
    lab.wait_for_counts("veth0", expected)
    (component,) = [name for name in pins_of("veth0") if name.startswith("component:")]
    assert "xdpfilt" in component
    assert dump_counts(pin_dir("veth0") / component) == expected
    lab.loader("--dev", "veth0", "--unload")


def test_observed_namespace(lab):
    """Observed and followed from outside."""
    red = Namespace(lab, "red")
    veth = red.veth()

    def attach_inside(name):
        run(["nsenter", f"--net={red.path}", "bpftool", "net", "attach", "xdpdrv", "pinned", lab.foreign_program(name),
             "dev", "veth0", "overwrite"])

    attach_inside("verdicts")
    follower = follow(lab, *red.option, "--dev", "veth0")
    assert follower.outcome["netns"] == "red"
    send_for(veth, 1, 30)
    sample = lambda: json.loads(run([STATS, *red.option, "--dev", "veth0", "--once", "--json"]).out)
    wait_until(lambda: sample()["total"]["packets"] >= 30, "30 packets")
    assert counts_of(sample()) == frames(DROP=30) and sample()["state"] == "attached"
    attach_inside("no_counter")
    assert follower.wait_for("observing", netns="red")["generation"] == 2
    follower.stop()
    run(["ip", "netns", "delete", "red"])
    wait_until(lambda: veth.peer not in lab.world()["links"], "the namespace has gone")
    lab.loader(*red.option, "--dev", "veth0", "--clean")
    assert not red.pins.exists()


def test_namespace_without_a_name(lab):
    """An observation is not what keeps it in existence."""
    with process_in("unshare", "--net") as pid:
        inside = nsenter(pid, "net")
        directory = f"netns:{os.stat(f'/proc/{pid}/ns/net').st_ino}/veth0"
        pair_into(pid)
        program = lab.foreign_program("verdicts")
        run([*inside, "bpftool", "net", "attach", "xdpdrv", "pinned", program, "dev", "veth0"])
        lab.loader("--dev", "veth0", "--observe", prefix=inside)
        assert read_meta(directory).program_id == lab.program_at(program)["id"]
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: UNNAMED_PEER not in lab.world()["links"], "the namespace has gone")
    lab.loader("--clean")
    assert not (BPFFS / directory).exists()


def test_dispatcher_where_a_bpffs_had_to_be_mounted(lab, no_bpffs):
    """A follower looks for libxdp's pins in what was mounted, which is hidden where it runs."""
    red = Namespace(lab, "red")
    red.veth()
    inside = ["nsenter", f"--net={red.path}"]  # the caller's /sys/fs/bpf
    elsewhere = Path("/run/elsewhere")
    elsewhere.mkdir()
    run(["mount", "-t", "bpf", "bpf", elsewhere])
    run(["bpftool", "prog", "load", object_file("verdicts"), elsewhere / "verdicts", "type", "xdp"])
    run([*inside, "bpftool", "net", "attach", "xdpdrv", "pinned", elsewhere / "verdicts", "dev", "veth0"])
    follower = follow(lab, "--dev", "veth0", prefix=red.inside)
    assert "mounted a BPF file system" in " ".join(follower.outcome["notes"])
    run([*inside, "ip", "link", "set", "dev", "veth0", "xdpdrv", "off"])
    run([*inside, "xdp-loader", "load", "--prog-name", "first_drops", "veth0", object_file("verdicts_chain")])
    assert follower.wait_for("observing")["program"]["id"] == red.attached()
    lab.loader(*red.option, "--dev", "veth0", "--unload")
    run([*inside, "xdp-loader", "unload", "--all", "veth0"])
    run(["umount", elsewhere])
    elsewhere.rmdir()
