# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Every question to the kernel fails once: a failed question is not a "no".

strace injects an error at each system call that asks something, from the beginning of main on. Afterwards nothing is
lost with status 0, --run has left no program, and the next plain command puts everything right.
"""

import re
import shlex

import pytest
from support.devices import attached
from support.pins import pin_dir
from support.processes import run
from support.programs import LOADER
from support.reading_faults import SITUATIONS, faults_of, left_in
from support.strace import FAULT_STEP, calls_of_main, inject, strace

RUN = ("--run", "--", "true")
# What its final unload asks and changes. Without close(), which never leaves anything open.
ENDS = ("openat", "getdents64", "readlink", "newfstatat", "fstatfs", "statfs", "socket", "sendto", "recvfrom", "bpf",
        "flock", "mkdirat", "fchmodat", "unlinkat")


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_failed_question_is_not_a_no(lab, veth0, netns, name, tmp_path):
    log = tmp_path / "strace"
    situation = SITUATIONS[name](lab, veth0, netns)
    situation.prepare()
    done = run(strace(command=situation.command, log=log))
    faults = faults_of(log)
    assert list(situation.problems(done, True)) == []
    met = 0
    for call, when, after_fork, error in faults:
        situation.prepare()
        done = inject(situation.command, log, call, f"error={error}", when)
        trace = log.read_text()
        met += "(INJECTED)" in trace
        context = f"{call} {when}, {error}: status {done.status}\n{done.out}{done.err}\n{trace[-1500:]}"
        assert done.status in (0, 1), context  # nothing is missing, forbidden or taken
        assert done.status == 0 or done.err, context
        problems = list(situation.problems(done, after_fork))
        assert problems == [], context
    assert met > len(faults) / 2  # some ask about each BPF link of the machine, of which there are more or less
    situation.end()


def test_a_signal_does_not_end_the_wait_for_the_lock(lab, veth0, tmp_path):
    done = inject([LOADER, "--dev", "veth0"], tmp_path / "strace", "flock", "error=EINTR", 1)
    assert done.status == 0, done.err
    lab.loader("--dev", "veth0", "--unload")


def calls_of_the_end(log):
    return [(name, when) for name, when, forked in calls_of_main(log) if forked and name in ENDS]


@pytest.fixture(name="end_of_run")
def calls_of_the_final_unload(veth0, tmp_path):
    log = tmp_path / "strace"
    run(strace(command=[LOADER, "--dev", veth0.name, *RUN], log=log))
    calls = calls_of_the_end(log)
    assert {name for name, _ in calls} >= {"bpf", "unlinkat", "openat"}
    return calls, log


def test_one_fault_in_the_final_unload_is_made_up_for(lab, veth0, end_of_run):
    calls, log = end_of_run
    for name, when in calls[::max(FAULT_STEP // 5, 1)]:
        done = inject([LOADER, "--dev", "veth0", *RUN], log, name, "error=ENOMEM", when)
        context = f"{name} {when}: status {done.status}: {done.err}\n{log.read_text()[-1500:]}"
        assert done.status == 0, context
        assert attached("veth0") is None and left_in(pin_dir("veth0")) == [], context
        if pin_dir("veth0").exists():  # a directory that could not be removed
            lab.loader("--dev", "veth0", "--clean")


@pytest.mark.parametrize("keep", [(), ("--keep-maps",)], ids=["remove", "keep"])
def test_what_the_final_unload_could_not_remove_is_told(lab, veth0, end_of_run, keep):
    """The hint, typed as it stands, removes it: the call fails from there on, in the second attempt, too."""
    calls, log = end_of_run
    told = 0
    for name, when in calls[::max(FAULT_STEP // 5, 1)]:
        done = inject([LOADER, "--dev", "veth0", *keep, *RUN], log, name, "error=ENOMEM", f"{when}+")
        context = f"{name} {when} and later: status {done.status}: {done.err}\n{log.read_text()[-1500:]}"
        assert attached("veth0") is None, context
        left = left_in(pin_dir("veth0"))
        if done.status == 0:
            assert left == (["xdp_stats_map", "xdp_stats_meta"] if keep else []), context
        else:
            told += 1
            assert done.status == 1, context
            hint = re.search(r"hint: `(xdp_loader [^`]*)` removes what the run has left", done.err)
            assert hint, context
            if name == "unlinkat" and not keep:
                assert [line for line in done.err.splitlines() if line.startswith("  left: ")] == [
                    f"  left: {path}" for path in sorted(pin_dir("veth0").iterdir()) if not path.is_dir()], context
            run([LOADER, *shlex.split(hint[1])[1:]])
        if keep:
            lab.loader("--dev", "veth0", "--unload")
        elif pin_dir("veth0").exists():
            lab.loader("--dev", "veth0", "--clean")
        assert not pin_dir("veth0").exists(), context
    assert told > len(calls[::max(FAULT_STEP // 5, 1)]) / 2
