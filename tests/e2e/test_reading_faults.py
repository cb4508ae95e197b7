# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Every question to the kernel fails once: a failed question is not a "no".

strace injects an error at each system call that asks something, from the beginning of main on. Afterwards nothing is
lost with status 0, --run has left no program, and the next plain command puts everything right.
"""

import re
import shlex
import signal
import urllib.error
from contextlib import contextmanager
from pathlib import Path

import pytest
from support import delivery
from support.devices import attached, rename
from support.exporter import Exporter
from support.pins import pin_dir
from support.processes import Process, run, wait_until
from support.programs import LOADER, STATS, object_file
from support.reading_faults import ERRORS, PACKETS, SITUATIONS, faults_of, left_in
from support.redirects import index_of, redirect
from support.strace import FAULT_STEP, calls_of_main, inject, strace
from support.traffic import SIZE, send

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


@contextmanager
def fault_in(process, call, when):
    """A running program, which does not get an answer to this call, counted from now on."""
    process.popen.send_signal(signal.SIGSTOP)
    tracer = Process(["strace", "-o", "/dev/null", "-p", process.popen.pid, "-e",
                      f"inject={call}:error=ENOMEM:when={when}"])
    status = Path(f"/proc/{process.popen.pid}/status")
    wait_until(lambda: "TracerPid:\t0\n" not in status.read_text(), tracer.describe)
    process.popen.send_signal(signal.SIGCONT)
    try:
        yield
    finally:
        tracer.popen.send_signal(signal.SIGINT)
    tracer.wait(status=-signal.SIGINT)


@pytest.mark.parametrize("call, when", [("sendto", "1+"), ("bpf", "2")], ids=["device", "meta"])
def test_reader_that_cannot_ask_where_the_pins_went(lab, veth0, call, when):
    """It says so, and finds out when it is answered: the pins have moved with the device's new name."""
    lab.load("veth0")
    reader = lab.reading("--dev", "veth0", interval="1s")
    reader.popen.send_signal(signal.SIGSTOP)
    rename(veth0, "veth9")
    lab.load("veth9", "--reuse-maps")
    with fault_in(reader, call, when):
        reader.wait_for_message("Cannot allocate memory; waiting")
    reader.wait_for_message("the device and its pins were renamed to veth9")
    reader.wait_for(lambda sample: (sample["dev"], sample["state"]) == ("veth9", "attached"))
    assert "no longer pinned" not in reader.stop()


@pytest.fixture(name="arrives")
def redirects_that_arrive(lab, veth0):
    """Those of an earlier load were lost; what is sent to the returned device is delivered."""
    with delivery.tracking(lab):
        redirect(lab, "to_ifindex", 12345)
        send(veth0, PACKETS, SIZE)
        run([STATS, "--dev", "veth0", "--expect", f"redirect.lost == {PACKETS}"])
        target = lab.veth("out0")
        lab.let_redirects_arrive(target)
        redirect(lab, "to_devmap", index_of("out0"))
        yield veth0


def test_what_was_delivered_is_known_again(lab, arrives):
    """A reader that goes on says once that it does not know, and its totals go on."""
    reader = lab.reading("--dev", "veth0", interval="1s")
    with fault_in(reader, "bpf", 1):
        reader.wait_for_message("delivered and lost packets: not known: .*Cannot allocate memory")
    send(arrives, 3, SIZE)
    sample = reader.wait_for(lambda sample: sample["actions"]["XDP_REDIRECT"]["session_packets"] == 3
                             and sample["actions"]["XDP_REDIRECT"]["session_delivered"] is not None)
    redirects = sample["actions"]["XDP_REDIRECT"]
    assert (redirects["session_delivered"], redirects["session_lost"]["packets"]) == (3, 0)
    assert (redirects["lifetime_delivered"], redirects["lifetime_lost"]["packets"]) == (3, PACKETS)
    assert reader.stop().count("not known") == 1


def test_a_scrape_without_what_was_delivered_fails(lab, arrives):
    """It says so, and the next one has it."""
    exporter = Exporter(lab, "--dev", "veth0")
    with fault_in(exporter.process, "bpf", 1):
        with pytest.raises(urllib.error.HTTPError) as raised:
            exporter.text()
        assert raised.value.code == 500 and "Cannot allocate memory" in raised.value.read().decode()
        send(arrives, 3, SIZE)
        run([STATS, "--dev", "veth0", "--expect", "redirect.delivered == 3"])
        samples = exporter.scrape()
    assert samples["xdp_action_delivered_packets_total", ("veth0", "", "redirect")] == 3
    exporter.process.wait_for_line("Cannot allocate memory$", stream="err")


@pytest.mark.usefixtures("arrives")
def test_an_expectation_is_not_judged_without_an_answer(tmp_path):
    """It is judged when there is one; only a start without is an error."""
    log = tmp_path / "strace"
    command = [STATS, "--dev", "veth0", "--totals", "session", "--expect", "redirect.lost == 0"]
    run(strace(command=command, log=log))
    statuses = set()
    for call, when, _ in [call for call in calls_of_main(log) if call[0] == "bpf"]:
        done = inject(command, log, call, "error=ENOMEM", when)
        assert done.status in (0, 1), f"{call} {when}: {done.out}{done.err}{log.read_text()[-1500:]}"
        statuses.add(done.status)
    assert statuses == {0, 1}


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
