# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Every system call that changes something fails once, and is the last one once, in every kind of run.

strace injects an error at the K-th call, or kills the loader there, for all K. Afterwards either the old state
or the new one is in place, the pin was readable throughout, the next plain run puts everything right, and not
one packet is missing from the totals.
"""

import pytest
from support.background import PinReader
from support.devices import attached
from support.maps import lineage_counts
from support.pins import BPFFS, PINS, pin_dir, pins_of
from support.processes import run, wait_until
from support.programs import LOADER, object_file
from support.strace import FAULT_STEP, FAULTS, count_calls, faulty, note_fault, run_faulty, strace
from support.traffic import SIZE, send

NEW_COUNTERS = ("--reuse-maps", "--new-map", "xdp_stats_map")
PACKETS = 7

# What a run is, and what must be there before it. The programs are told apart by their verdicts.
SCENARIOS = {
    "first_load": ((), ("--action", "drop")),
    "replace": (("--action", "pass"), ("--action", "drop")),
    "reuse": (("--action", "pass"), ("--action", "drop", "--reuse-maps")),
    "new_map": (("--action", "drop"), ("--filename", object_file("six_entries"), *NEW_COUNTERS)),
    "unload": (("--action", "pass"), ("--unload",)),
    "clean": (("--action", "pass"), ("--clean",)),
}
# x86 has rename and mkdir beside renameat and mkdirat; the loader uses the latter.
SYSCALLS = ("bpf", "/^rename", "/^unlink", "/^mkdir", "/^rmdir", "/^fchmod", "/^send")
NEVER_CALLED = {("unload", "/^rename"), ("clean", "/^rename")}  # and every other one is


def snapshot(lab, dev):
    """What must be the same after a run that failed."""
    pin = pin_dir(dev) / "xdp_stats_map"
    record = lab.once(dev) if pin.exists() else {}
    pins = {path: mode for path, (mode, _inode) in lab.world()["pins"].items()}  # one that was restored is a new file
    return {"attached": attached(dev), "pins": pins,
            "counters": {field: record.get(field) for field in ("map_id", "generation", "actions")}}


def total_of(dev):
    """Packets since generation 1: those of the pinned map and those carried from earlier ones."""
    if not (pin_dir(dev) / "xdp_stats_map").exists():
        return None
    return sum(packets for packets, _ in lineage_counts(dev).values())


def counts_exactly(lab, veth):
    before = total_of(veth.name)
    send(veth, PACKETS, SIZE)
    wait_until(lambda: total_of(veth.name) >= before + PACKETS, "the packets are not counted")
    assert total_of(veth.name) == before + PACKETS


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("syscall", SYSCALLS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_call_may_fail_or_be_the_last(lab, veth0, scenario, syscall, fault, tmp_path):
    before, arguments = SCENARIOS[scenario]
    dev = veth0.name
    log = tmp_path / "strace"
    command = [LOADER, "--dev", dev, *arguments]

    def prepare():
        if pin_dir(dev).exists():
            lab.loader("--dev", dev, "--unload")
        if before:
            lab.load(dev, *before)
            counts_exactly(lab, veth0)
        if scenario == "clean":
            lab.loader("--dev", dev, "--unload", "--keep-maps")

    prepare()
    run(strace("-e", f"trace={syscall}", command=command, log=log))
    calls = count_calls(log)
    assert (calls == 0) == ((scenario, syscall) in NEVER_CALLED), calls
    for k in range(1, calls + 1, FAULT_STEP):
        prepare()
        check_one(lab, veth0, scenario, command, log, syscall, fault, k)
        if pin_dir(dev).exists():
            lab.loader("--dev", dev, "--unload")
        assert list(BPFFS.glob(dev)) == [], f"after call {k} of {calls}"


@pytest.mark.parametrize("rename", [1, 2])
def test_load_that_cannot_be_taken_back_is_finished(lab, veth0, rename):
    """Without CAP_SYS_ADMIN the old program cannot be named: the new one stays, and so do its counters."""
    load = ["--dev", veth0.name, "--filename", object_file("own")]  # of a file there is one variant to try
    lab.loader(*load)
    counts_exactly(lab, veth0)
    old = total_of(veth0.name)
    refused = lab.loader(*load, status=1, prefix=[
        "setpriv", "--bounding-set=-sys_admin", *strace("-e", f"inject=/^rename:error=ENOMEM:when={rename}")])
    assert "hint: the new program runs" in refused.err
    send(veth0, PACKETS, SIZE)
    outcome = lab.load(*load[1:], "--reuse-maps")
    assert any("finished generation 2" in note for note in outcome["notes"])
    wait_until(lambda: total_of(veth0.name) >= old + PACKETS, "the packets are not counted")
    assert total_of(veth0.name) == old + PACKETS
    assert pins_of(veth0.name) == PINS


def check_one(lab, veth, scenario, command, log, syscall, fault, k):
    dev = veth.name
    old, old_total = snapshot(lab, dev), total_of(dev)
    pin = pin_dir(dev) / "xdp_stats_map"
    injected = faulty(command, log, syscall, fault, k)
    replacing = scenario in ("replace", "reuse", "new_map")
    if replacing:
        with PinReader(pin) as reader:
            status = run_faulty(injected)
        assert reader.failures == [] and reader.opened > 0, f"call {k}: {reader.failures[:3]}"
    else:
        status = run_faulty(injected)
    note_fault(log)
    context = f"{syscall} call {k}, {fault}: status {status}\n{log.read_text()[-1500:]}"

    if status == 0:
        after_success(lab, dev, scenario, context)
    elif fault == "error" and replacing:
        assert snapshot(lab, dev) == old, context
    elif fault == "error" and scenario == "first_load":
        assert attached(dev) is None and not pin_dir(dev).exists(), context

    if scenario in ("unload", "clean"):
        finish_removal(dev, command, context)
        return
    # Whatever happened: the packets counted before are still there, and the next plain run puts everything right.
    outcome = lab.load(dev, "--action", "drop", *(NEW_COUNTERS if scenario == "new_map" else ["--reuse-maps"]))
    assert attached(dev) == ("native", outcome["program"]["id"]), context
    assert lab.status(dev)["state"] == "attached", context
    assert pins_of(dev) == PINS, context
    if replacing:
        assert total_of(dev) == old_total, context
    counts_exactly(lab, veth)


def after_success(lab, dev, scenario, context):
    """A staging directory that could not be removed is empty, harmless, and gone after the next run."""
    pins = pins_of(dev) if pin_dir(dev).exists() else []
    if "+staging" in pins:
        pins.remove("+staging")
        assert list((pin_dir(dev) / "+staging").iterdir()) == [], context
    if scenario in ("unload", "clean"):
        assert attached(dev) is None and pins == [], context
        return
    assert lab.status(dev)["state"] == "attached", context
    assert pins == PINS, context


def finish_removal(dev, command, context):
    """The same command again ends it; it may find nothing left to do."""
    if pin_dir(dev).exists():
        run_faulty(command)
    assert attached(dev) is None, context
    assert not pin_dir(dev).exists(), context
