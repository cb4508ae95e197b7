# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What xdp_stats prints, how it ends, and how long it runs."""

import csv
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess

import pytest

from support import kernel
from support.devices import named
from support.maps import ACTIONS
from support.pins import pin_dir
from support.process_table import is_between_rounds, waits_for_its_stderr
from support.processes import DEADLINE, NOBODY, Process, as_user, read_in_time, run, wait_until
from support.programs import CONFLICT, PERMISSION, STATS, copy_for_everyone
from support.samples import UNTRACKED, counts_of
from support.strace import strace
from support.traffic import send

COUNTED = {"XDP_PASS": (1234, 123400)}


@pytest.fixture
def counted(lab, veth0):
    """veth0 with 1234 passed frames of 100 bytes."""
    outcome = lab.load("veth0")
    send(veth0, 1234, 100)
    lab.wait_for_counts("veth0", COUNTED)
    return outcome


def stats(*args, status=0):
    return run([STATS, *args], status)


# ---- formats


@pytest.mark.parametrize("option", [["--json"], ["--format", "json"], ["--format=json"]])
def test_json(lab, counted, option):
    sample = json.loads(stats("--dev", "veth0", "--once", *option).out)
    assert counts_of(sample) == COUNTED
    assert list(sample["actions"]) == list(ACTIONS)
    assert sample["schema"] == 1
    assert sample["dev"] == "veth0" and sample["netns"] is None
    assert sample["map_id"] == next(item["id"] for item in counted["maps"] if item["name"] == "xdp_stats_map")
    assert sample["generation"] == counted["generation"]
    assert sample["state"] == "attached"
    assert sample["period"] == 0.0
    assert sample["total"] == {"packets": 1234, "bytes": 123400, "pps": None, "bps": None, "session_packets": 0,
                               "session_bytes": 0, "lifetime_packets": 1234, "lifetime_bytes": 123400, **UNTRACKED}


def test_json_is_one_object_a_line(lab, counted):
    out = stats("--dev", "veth0", "--json", "--count", "3", "--interval", "50ms").out
    assert [json.loads(line)["dev"] for line in out.splitlines()] == ["veth0"] * 3


def test_csv(lab, counted):
    out = stats("--dev", "veth0", "--once", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["action"] for row in rows} >= set(ACTIONS)
    (row,) = [row for row in rows if row["action"] == "XDP_PASS"]
    assert (row["dev"], row["packets"], row["bytes"]) == ("veth0", "1234", "123400")


def test_csv_has_one_header(lab, counted):
    out = stats("--dev", "veth0", "--format", "csv", "--count", "3", "--interval", "50ms").out
    lines = out.splitlines()
    assert lines.count(lines[0]) == 1
    assert len({line.count(",") for line in lines}) == 1


def test_table_is_plain_when_piped(lab, counted):
    out = stats("--dev", "veth0", "--once", "--format", "table").out
    assert out == stats("--dev", "veth0", "--once").out
    assert "\x1b" not in out
    assert "veth0" in out and "attached" in out
    (line,) = [line for line in out.splitlines() if "XDP_PASS" in line]
    assert "1234" in line.split() and "123400" in line.split()


def test_table_on_a_terminal_is_aligned(lab, counted):
    """script(1) gives it a terminal; every row ends its numbers, and the title its words, in the same columns."""
    out = run(["script", "-qec", f"{STATS} --dev veth0 --once", "/dev/null"]).out
    rows = [line for line in out.splitlines() if re.match(r" *(action|XDP_|total)", line)]
    assert len(rows) == 1 + len(ACTIONS) + 1
    assert sum("1,234" in row and "123,400" in row for row in rows) == 2  # passed, in total
    assert len({tuple(word.end() for word in re.finditer(r"\S+", row))[1:] for row in rows}) == 1, out


def test_per_cpu_rows_add_up(lab, counted):
    cpus = os.cpu_count()
    sample = json.loads(stats("--dev", "veth0", "--once", "--json", "--per-cpu").out)
    assert counts_of(sample) == COUNTED
    rows = sample["cpus"]
    assert 1 <= len(rows) <= cpus
    total = sum(row["actions"]["XDP_PASS"]["packets"] for row in rows)
    assert total == 1234


@pytest.mark.parametrize("form", ["table", "csv"])
def test_per_cpu_in_other_formats(lab, counted, form):
    without = stats("--dev", "veth0", "--once", "--format", form).out
    with_cpus = stats("--dev", "veth0", "--once", "--format", form, "--per-cpu").out
    assert len(with_cpus.splitlines()) > len(without.splitlines())


def test_map_and_map_id(lab, counted):
    number = next(item["id"] for item in counted["maps"] if item["name"] == "xdp_stats_map")
    by_path = json.loads(stats("--map", pin_dir("veth0") / "xdp_stats_map", "--once", "--json").out)
    by_id = json.loads(stats("--map-id", number, "--once", "--json").out)
    for sample in (by_path, by_id):
        assert counts_of(sample) == COUNTED
        assert sample["map_id"] == number


def test_map_ids_are_told_apart(lab, counted):
    """Maps of one name."""
    lab.veth("veth1")
    ids = [item["id"] for outcome in (counted, lab.load("veth1")) for item in outcome["maps"]]
    out = stats(*[word for number in ids for word in ("--map-id", number)], "--once").out
    told = [line.split(":")[0] for line in out.splitlines() if ": foreign" in line]
    assert told == [f"map {number}" for number in ids]


def test_each_device_once(lab, counted):
    """However it is called."""
    run(["ip", "link", "property", "add", "dev", "veth0", "altname", "uplink"])
    out = stats("--dev", "uplink", "--dev", "veth0", "--dev", "veth0", "--once", "--json").out
    assert [json.loads(line)["dev"] for line in out.splitlines()] == ["veth0"]


def test_several_devices_once(lab, counted):
    other = lab.veth("veth1")
    lab.load("veth1", "--action", "drop")
    send(other, 5, 60)
    lab.wait_for_counts("veth1", {"XDP_DROP": (5, 300)})
    out = stats("--dev", "veth0", "--dev", "veth1", "--once", "--json").out
    samples = [json.loads(line) for line in out.splitlines()]
    assert {sample["dev"]: counts_of(sample) for sample in samples} == {
        "veth0": COUNTED, "veth1": {"XDP_DROP": (5, 300)}}


# ---- how long it runs


@pytest.mark.parametrize("option", ["-n", "--count"])
def test_count(lab, counted, option):
    out = stats("--dev", "veth0", "--json", option, "4", "-i", "50ms").out
    assert len(out.splitlines()) == 4


def test_count_where_nothing_is_pinned(lab):
    """Status 4: no round had anything to show; --once says the same of what is missing."""
    lab.veth("veth0")
    result = run([STATS, "--dev", "veth0", "--json", "-n", "3", "-i", "10ms", "-q"], status=4)
    assert result.out == ""
    assert result.err == run([STATS, "--dev", "veth0", "--json", "--once", "-q"], status=4).err


@pytest.mark.parametrize("what, status, reason", [("layout", CONFLICT, "layout"), ("mode", PERMISSION, "mode is 0600")])
def test_count_where_the_pin_cannot_be_read(lab, veth0, what, status, reason):
    """The end has the reason that --once has, also where the pin came after the start."""
    kernel.need(kernel.unprivileged_reading)
    _, program = copy_for_everyone()
    command = [*as_user(NOBODY), program, "--dev", "veth0"]
    reader = lab.process(*command, "-n", "2", "-i", "5s")
    reader.wait_for_line("nothing is pinned at .* yet; waiting", stream="err")
    reader.popen.send_signal(signal.SIGSTOP)
    pin = lab.foreign_map(pin_dir("veth0") / "xdp_stats_map", *{"layout": ("hash", 4, 8, 1),
                                                                "mode": ("percpu_array", 4, 16, 5)}[what])
    pin.chmod(0o600 if what == "mode" else 0o644)
    reader.popen.send_signal(signal.SIGCONT)
    error = "\n".join(reader.wait(status).splitlines()[2:])
    assert reason in error
    assert error + "\n" == run([*command, "--once", "--quiet"], status).err


def test_count_goes_on_where_the_pin_goes(lab, counted):
    """Rounds without a pin count: it ends, with what there was to show."""
    reader = lab.started(Process([STATS, "--dev", "veth0", "--json", "-n", "100", "-i", "20ms"]))
    reader.wait_for_line("XDP_PASS")
    lab.loader("--dev", "veth0", "--unload")
    reader.wait(0)
    assert 1 <= len(reader.lines["out"]) <= 100


def test_count_of_one_of_two(lab, counted):
    """One that can be shown is enough."""
    lab.veth("veth1")
    out = stats("--dev", "veth0", "--dev", "veth1", "--json", "-n", "2", "-i", "10ms", "-q").out
    assert [json.loads(line)["dev"] for line in out.splitlines()] == ["veth0", "veth0"]


def test_count_with_wait(lab):
    """Rounds count from the first that shows something."""
    reader = lab.started(Process([STATS, "--dev", "veth0", "--json", "--wait", "-n", "2", "-i", "1ms"]))
    reader.wait_for_line("no such device yet; waiting", stream="err")
    lab.veth("veth0")
    reader.wait_for_line("nothing is pinned at .* yet; waiting; `xdp_loader --dev veth0` loads a counting program$",
                         stream="err")
    lab.load("veth0")
    reader.wait(0)
    assert len(reader.lines["out"]) == 2


def test_count_of_all_without_maps(lab):
    result = stats("--all", "--json", "-n", "2", "-i", "10ms")
    assert result.out == "" and "no counter map is pinned" in result.err


@pytest.mark.parametrize("dev, missing", [
    ("nope", "no interface in this network namespace has that name"), ("veth1", "nothing is pinned there"),
    ("nope/veth0", "there is no namespace of that name")])
def test_wait_within(lab, counted, dev, missing):
    """Status 4 for each that is still missing, and nothing of the others."""
    lab.veth("veth1")
    result = run([STATS, "--dev", "veth0", "--dev", dev, "--json", "--wait", "--within", "30ms", "-q"], status=4)
    (error,) = [json.loads(line)["error"] for line in result.err.splitlines()]
    assert missing in error["message"] and error["kind"] == "not_found"


def test_wait_within_has_no_end_once_all_are_there(lab):
    """It limits the wait, not the run."""
    reader = lab.started(Process([STATS, "--dev", "veth0", "--json", "--wait", "--within", "50", "-i", "10ms"]))
    reader.wait_for_line("waiting", stream="err")
    lab.veth("veth0")
    lab.load("veth0")
    reader.wait_for_line("XDP_PASS")
    lab.loader("--dev", "veth0", "--unload")
    reader.wait_for_line("no longer pinned", stream="err")
    reader.stop()


@pytest.mark.parametrize("option", ["-1", "--once"])
def test_once(lab, counted, option):
    assert len(stats("--dev", "veth0", "--json", option).out.splitlines()) == 1


def test_first_sample_does_not_wait_for_the_interval(lab, counted):
    assert len(stats("--dev", "veth0", "--json", "--count", "1", "--interval", "3600").out.splitlines()) == 1


@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(lab, counted, form, end):
    reader = lab.started(Process([STATS, "--dev", "veth0", "--format", form, "--interval", "100ms"]))
    reader.wait_for_line("XDP_PASS")
    reader.wait_for_line("XDP_PASS")
    assert reader.stop(end) == ""


def ends_with_stderr_full(end, status, waits, *args):
    """The status with which it ends by this signal when it waits so, where nobody reads what it has to say."""
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(writing, bytes(4096))
        os.set_blocking(writing, True)
        with subprocess.Popen([STATS, *args], stdout=subprocess.DEVNULL, stderr=writing) as reader:
            try:
                wait_until(lambda: waits(reader.pid), "it does something else")
                reader.send_signal(end)
                assert reader.wait(DEADLINE) == status
            finally:
                reader.kill()
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_while_nobody_reads_its_notices(lab, veth0, end):
    """Several of them, that nothing is pinned yet."""
    ends_with_stderr_full(end, 0, waits_for_its_stderr, *named(["lo", *veth0[:2]]))


def test_signals_end_it_while_nobody_reads_its_error(lab, counted):
    """That the expectation was not met, as it was interrupted."""
    ends_with_stderr_full(signal.SIGTERM, 6, is_between_rounds, "--dev", "veth0", "--expect", "drop.packets == 1",
                          "--within", "1h")


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_survives_head(lab, counted, form):
    """`| head -1` closes the pipe: the end of the run, and no error."""
    script = f'{STATS} --dev veth0 --format {form} --interval 50ms | head -n 1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def pair_of(kind):
    """What the reader writes to, and the other end."""
    if kind == "socket":
        return tuple(end.detach() for end in socket.socketpair())
    return pty.openpty()[::-1] if kind == "terminal" else os.pipe()[::-1]


@pytest.mark.parametrize("kind", ["socket", "terminal", "pipe"])
def test_ends_when_nobody_reads_any_more(lab, counted, kind):
    """At once, whatever stdout is: the next sample is an hour away. Nothing is unread when it is closed."""
    ours, theirs = pair_of(kind)
    with subprocess.Popen([STATS, "--dev", "veth0", "--json", "--interval", "1h"], stdin=subprocess.DEVNULL,
                          stdout=ours) as reader:
        os.close(ours)
        text = b""
        try:
            while not text.endswith(b"\n"):
                octets = read_in_time(theirs)
                assert octets, text
                text += octets
            os.close(theirs)
            assert reader.wait(DEADLINE) == 0
        finally:
            reader.kill()


def test_a_closed_stdout_is_an_error(lab):
    """At once, and not only with the first sample: nothing can ever be written."""
    done = subprocess.run(["sh", "-c", f"exec {STATS} --dev nosuch --wait >&-"], capture_output=True, text=True,
                          timeout=DEADLINE, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "xdp_stats: writing to stdout: Bad file descriptor"


def test_an_expectation_waits_with_stdout_closed(lab):
    """Asleep: its status says all that matters."""
    command = ["sh", "-c", f"exec {STATS} --dev nosuch --wait --expect 'pass.packets == 1' --within 1h -q >&-"]
    with subprocess.Popen(command) as reader:
        try:
            wait_until(lambda: is_between_rounds(reader.pid), "it does not sleep")
            reader.send_signal(signal.SIGTERM)
            assert reader.wait(DEADLINE) == 6
        finally:
            reader.kill()


def test_a_full_disk_is_an_error(lab, counted):
    done = subprocess.run(["sh", "-c", f"{STATS} --dev veth0 --once --json >/dev/full"], capture_output=True,
                          text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 1
    assert "writing to stdout: No space left on device" in json.loads(done.stderr)["error"]["message"]


def test_output_is_flushed_a_sample_at_a_time(lab, counted):
    """Into a pipe, with the next sample an hour away."""
    reader = lab.stats("--dev", "veth0", interval="3600")
    reader.wait_for(lambda sample: sample["total"]["packets"] == 1234)


def test_quiet_keeps_the_samples(lab, veth0):
    reader = lab.stats("--dev", "veth0", "--quiet")
    lab.load("veth0")
    reader.wait_for(lambda sample: sample["generation"] == 1)
    lab.load("veth0")
    reader.wait_for(lambda sample: sample["generation"] == 2)
    assert reader.stop() == ""


def test_verbose_is_accepted(lab, counted):
    stats("--dev", "veth0", "--once", "-v")


def test_a_sample_is_one_lookup(lab, counted, tmp_path):
    """However many CPUs and verdicts there are."""
    kernel.need(kernel.batch)
    log = tmp_path / "strace"

    def lookups(samples):
        run(strace("-e", "trace=bpf", log=log, command=[
            STATS, "--dev", "veth0", "--quiet", "--interval", "1ms", "--count", samples]))
        return log.read_text().count("BPF_MAP_LOOKUP_BATCH")

    assert lookups(220) - lookups(20) == 200
