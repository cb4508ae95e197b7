# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Every question to the kernel fails once: a failed question is not a "no".

strace injects an error at each system call that asks something, from the beginning of main on. Afterwards nothing is
lost with status 0, --run has left no program, and the next plain command puts everything right.
"""

import re
import shlex
import signal
from pathlib import Path

import pytest
from support.devices import attached, rename
from support.pins import pin_dir
from support.processes import Process, run, wait_until
from support.programs import LOADER, STATS, object_file
from support.reading_faults import ERRORS, SITUATIONS, faults_of, left_in
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


def test_hint_after_a_failed_question_is_true(lab, veth0, tmp_path):
    """The program that is attached is ours, without counters: it is not one to observe."""
    log = tmp_path / "strace"
    lab.load("veth0", "--filename", object_file("no_counter"))
    command = [STATS, "--dev", "veth0", "--once"]
    whole = run(strace(command=command, log=log), status=4)
    assert "hint: #include <xdp_tally/tally.bpf.h>" in whole.err
    told = 0
    for call, when, _ in [call for call in calls_of_main(log) if call[0] in ERRORS]:
        done = inject(command, log, call, f"error={ERRORS[call][0]}", when)
        context = f"{call} {when}: status {done.status}: {done.err}\n{log.read_text()[-1500:]}"
        assert done.status in (1, 4), context
        if done.err != whole.err:
            told += 1
            assert done.status == 1 or "--status` shows what is attached there" in done.err, context
    assert told > 5


@pytest.mark.parametrize("call, when", [("sendto", "1+"), ("bpf", "2")], ids=["device", "meta"])
def test_reader_that_cannot_ask_where_the_pins_went(lab, veth0, call, when):
    """It says so, and finds out when it is answered: the pins have moved with the device's new name."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0", interval="1s")
    reader.popen.send_signal(signal.SIGSTOP)
    rename(veth0, "veth9")
    lab.load("veth9", "--reuse-maps")
    tracer = Process(["strace", "-o", "/dev/null", "-p", reader.popen.pid, "-e",
                      f"inject={call}:error=ENOMEM:when={when}"])
    status = Path(f"/proc/{reader.popen.pid}/status")
    wait_until(lambda: "TracerPid:\t0\n" not in status.read_text(), tracer.describe)
    reader.popen.send_signal(signal.SIGCONT)
    reader.wait_for_message("Cannot allocate memory; waiting")
    tracer.stop(status=-signal.SIGINT)
    reader.wait_for_message("the device and its pins were renamed to veth9")
    reader.wait_for(lambda sample: (sample["dev"], sample["state"]) == ("veth9", "attached"))
    assert "no longer pinned" not in reader.stop()


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
