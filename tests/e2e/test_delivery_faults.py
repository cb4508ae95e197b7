# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Every system call that changes something fails once, and is the last one once, while tracking goes on or off.

Whatever happened: nothing half is taken for a whole, and the next plain --track-delivery or --untrack-delivery puts it
right.
"""

import subprocess

import pytest

from support import delivery
from support.delivery import DIRECTORY, PINS, counts
from support.devices import link_info
from support.processes import DEADLINE, SANITIZER, run, wait_until
from support.programs import LOADER
from support.strace import FAULT_STEP, count_calls, strace
from support.traffic import SIZE, send

FRAMES = 7
SYSCALLS = ("bpf", "/^rename", "/^unlink", "/^mkdir", "/^fchmod")
FAULTS = {"error": "error=ENOMEM", "errors": "error=ENOMEM", "kill": "signal=SIGKILL"}
TRACK, UNTRACK = "--track-delivery", "--untrack-delivery"
# What is done, and whether it is tracked before.
SCENARIOS = {"start": (TRACK, False), "renew": (TRACK, True), "stop": (UNTRACK, True)}


def run_any(command):
    """The exit status; 137 for a killed loader."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=DEADLINE,
                          check=False)
    assert not SANITIZER.search(done.stderr), done.stderr
    status = 128 - done.returncode if done.returncode < 0 else done.returncode
    assert status in (0, 1, 3, 4, 5, 137), done.stderr
    if status not in (0, 137):
        assert done.stderr.startswith("xdp_loader: "), done.stderr
    return status


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
            delivery.pretend_older_version()

    prepare()
    run(strace("-e", f"trace={syscall}", command=command, log=log))
    for number, k in enumerate(range(1, count_calls(log) + 1, FAULT_STEP)):
        prepare()
        before = lost() if tracked else 0
        when = f"{k}+" if fault == "errors" else k
        status = run_any(strace("-e", f"trace={syscall}", "-e", f"inject={syscall}:{FAULTS[fault]}:when={when}",
                                command=command, log=log))
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
