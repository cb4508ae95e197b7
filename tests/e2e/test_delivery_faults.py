# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Every system call that changes something fails once, and is the last one once, while tracking goes on or off.

Whatever happened: nothing half is taken for a whole, and the next plain --track-delivery or --untrack-delivery puts it
right.
"""

import pytest

from support import delivery
from support.delivery import DIRECTORY, PINS, counts
from support.devices import link_info
from support.processes import run, wait_until
from support.programs import LOADER
from support.strace import FAULT_STEP, FAULTS, count_calls, faulty, note_fault, run_faulty, strace
from support.traffic import SIZE, send

FRAMES = 7
SYSCALLS = ("bpf", "/^rename", "/^unlink", "/^mkdir", "/^fchmod")
NEVER_CALLED = {("stop", "bpf"), ("stop", "/^rename")}  # and every other one is
TRACK, UNTRACK = "--track-delivery", "--untrack-delivery"
# What is done, and whether it is tracked before.
SCENARIOS = {"start": (TRACK, False), "renew": (TRACK, True), "stop": (UNTRACK, True)}


def lost():
    return counts(link_info("veth0")["ifindex"]).get("XDP_ABORTED", {}).get("exception", 0)


def counts_exactly(veth):
    before = lost()
    send(veth, FRAMES, SIZE)
    wait_until(lambda: lost() >= before + FRAMES, "the frames are not counted")
    assert lost() == before + FRAMES


def pins():
    return sorted(path.name for path in DIRECTORY.iterdir()) if DIRECTORY.exists() else []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("syscall", SYSCALLS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_call_may_fail_or_be_the_last(lab, veth0, scenario, syscall, fault, tmp_path):
    option, tracked = SCENARIOS[scenario]
    command, log = [LOADER, option], tmp_path / "strace"
    lab.cleanups.append(lambda: run([LOADER, UNTRACK]))
    lab.load("veth0", "--action", "aborted")

    def prepare():
        run([LOADER, UNTRACK])
        assert pins() == []
        if tracked:
            run([LOADER, TRACK])
            delivery.remember(lab)
            counts_exactly(veth0)
        if scenario == "renew":
            delivery.pretend_version(-1)

    prepare()
    run(strace("-e", f"trace={syscall}", command=command, log=log))
    calls = count_calls(log)
    assert (calls == 0) == ((scenario, syscall) in NEVER_CALLED), calls
    for number, k in enumerate(range(1, calls + 1, FAULT_STEP)):
        prepare()
        before = lost() if tracked else 0
        status = run_faulty(faulty(command, log, syscall, fault, k))
        note_fault(log)
        context = f"{syscall} call {k}, {fault}: status {status}\n{log.read_text()[-1500:]}"
        if status == 0:
            assert [name for name in pins() if name != "+staging"] == (PINS if option == TRACK else []), context
        elif scenario == "start" and fault == "error":
            assert pins() == [], context
        elif scenario == "renew":
            assert set(PINS) <= set(pins()), context
        # By the one or the other in turn, the next plain command puts it right.
        if number % 2:
            run([LOADER, UNTRACK])
            assert not DIRECTORY.exists(), context
            continue
        run([LOADER, TRACK])
        delivery.remember(lab)
        assert pins() == PINS and delivery.read_meta().program_version > 0, context
        assert lost() in ([before] if scenario == "renew" else [before, 0]), context
        counts_exactly(veth0)
    run([LOADER, UNTRACK])
    assert not DIRECTORY.exists()
