# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --run: a program that is attached for as long as a command runs, and not a moment longer."""

import json
import os
import re
import shlex
import signal
import subprocess

import pytest

from support.devices import attached
from support.maps import dump_counts, read_meta
from support.namespaces import Namespace
from support.pins import pin_dir, pins_of
from support.process_table import loaders
from support.processes import run, wait_until
from support.programs import CONFLICT, LOADER, SENDER, STATS, object_file
from support.run_command import MAPS, RUNNING, clean, run_loaded, running, shell
from support.samples import counts_of
from support.traffic import SIZE, Traffic, send


def waits_for(dev, *expressions):
    """A command that ends when the counters say so."""
    return " ".join([STATS, "--dev", dev, "--within", "60", "--quiet",
                     *(f"--expect {shlex.quote(text)}" for text in expressions)])


def sends(veth, count):
    return f"{SENDER} {veth.peer} {count} {SIZE} --dst {veth.mac} >/dev/null"


# ---- the exit status


@pytest.mark.parametrize("command, status", [
    (["true"], 0),
    (["false"], 1),
    (["sh", "-c", "exit 7"], 7),
    (["sh", "-c", "exit 255"], 255),
    (["sh", "-c", "kill -TERM $$"], 128 + 15),
    (["sh", "-c", "kill -KILL $$"], 128 + 9),
    (["sh", "-c", "ulimit -c 0; kill -SEGV $$"], 128 + 11),
])
def test_status_is_that_of_the_command(lab, veth0, command, status):
    """A signal's number counts from 128, as in a shell; the program is gone whatever it was."""
    run_loaded(lab, "--dev", "veth0", command=command, status=status)
    assert clean()


def test_command_that_is_not_there(lab, veth0):
    """127, and a word about what was not found."""
    for command in ("no-such-command", "/nowhere/command", ""):
        result = run_loaded(lab, "--dev", "veth0", "-q", command=[command], status=127)
        assert result.err.startswith(f"xdp_loader: running '{command}': "), result.err
        assert result.out == ""
        assert clean()


def test_command_that_cannot_be_executed(lab, veth0, tmp_path):
    """126 for a file that is no program, and for a directory."""
    plain = tmp_path / "plain"
    plain.write_text("nothing\n")
    for command in (plain, tmp_path):
        result = run_loaded(lab, "--dev", "veth0", "-q", command=[command], status=126)
        assert result.err.startswith(f"xdp_loader: running '{command}': Permission denied"), result.err
        assert clean()


def test_words_of_the_command_arrive_as_they_are(lab, veth0):
    """Also those that look like options of xdp_loader, and a second `--`."""
    words = ["--dev", "a b", "", "--", "--json=", "--help", "*"]
    result = run_loaded(lab, "--dev", "veth0", command=["printf", "<%s>", *words])
    assert result.out == "".join(f"<{word}>" for word in words)


# ---- while it runs


def test_loaded_while_it_runs_and_unloaded_afterwards(lab, veth0):
    """Seen from inside the command: attached, pinned but for the link, and every packet counted."""
    script = (f"{sends(veth0, 100)}; {waits_for('veth0', 'pass.packets == 100')} >/dev/null; "
              f"{STATS} --dev veth0 --once --json; {LOADER} --status --json --dev veth0; ls {pin_dir('veth0')}")
    out = run_loaded(lab, "--dev", "veth0", command=shell(script)).out.splitlines()
    record, document, pins = json.loads(out[0]), json.loads(out[1]), out[2:]
    assert record["state"] == "attached" and record["generation"] == 1
    assert counts_of(record) == {"XDP_PASS": (100, 100 * SIZE)}
    (status,) = document["devices"]
    assert status["state"] == "attached"
    assert status["hook"]["program"]["name"] == "xdp_pass"
    assert pins == RUNNING
    assert clean()


def test_pins_lineage_and_record(lab, veth0):
    """The meta is that of a first load; no link is pinned."""
    process = running(lab, "--dev", "veth0")
    assert pins_of("veth0") == RUNNING
    assert (pin_dir("veth0") / "+run").stat().st_mode & 0o777 == 0o700
    meta = read_meta("veth0")
    assert meta.generation == 1 and meta.program_id == attached("veth0")[1]
    process.stop(status=128 + signal.SIGTERM)
    assert clean()


@pytest.mark.parametrize("options, mode, counts", [
    (["--action", "drop"], "native", {"XDP_DROP": (5, 500)}),
    (["--native-mode"], "native", {"XDP_PASS": (5, 500)}),
    (["--skb-mode"], "generic", {"XDP_PASS": (5, 500)}),
    (["--filename", object_file("own")], "native", {"XDP_PASS": (5, 500)}),
    (["--filename", object_file("own"), "--progname", "own_drop", "-S"], "generic", {"XDP_DROP": (5, 500)}),
])
def test_takes_the_options_of_a_load(lab, veth0, options, mode, counts):
    """Program and mode are chosen as without --run."""
    process = running(lab, "--dev", "veth0", *options)
    assert attached("veth0")[0] == mode
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", counts)
    process.stop(status=128 + signal.SIGTERM)
    assert clean()


def test_other_maps_of_the_program_go_as_well(lab, veth0):
    process = running(lab, "--dev", "veth0", "--filename", object_file("generation_a"))
    assert pins_of("veth0") == sorted([*RUNNING, "only_a", "shared"])
    process.stop(status=128 + signal.SIGTERM)
    assert clean()


def test_stdout_and_stdin_are_the_commands(lab, veth0):
    """What xdp_loader has to say goes to stderr."""
    command = [LOADER, "--dev", "veth0", "--run", "--", "cat"]
    done = subprocess.run(command, input="all there is", capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "all there is"
    assert "veth0: loaded" in done.stderr
    assert clean()


def test_descriptor_limit_is_the_callers(lab, veth0):
    """Not what xdp_loader may need for itself."""
    result = run_loaded(lab, "--dev", "veth0", "-q", command=shell("ulimit -Sn; ulimit -Hn"),
                        prefix=["prlimit", "--nofile=200:400"])
    assert result.out.split() == ["200", "400"]
    assert clean()


def test_quiet_says_nothing(lab, veth0):
    result = run_loaded(lab, "--dev", "veth0", "-q", command=shell("echo out; echo err >&2; exit 3"), status=3)
    assert (result.out, result.err) == ("out\n", "err\n")


def test_command_inherits_nothing_of_ours(lab, veth0):
    """No descriptor beside the three streams, no blocked or ignored signal, the same environment and directory."""
    script = "ls /proc/self/fd; grep -E '^Sig(Blk|Ign)' /proc/self/status; pwd; env | sort"
    # _ is the name of the program, which the shell sets itself.
    shown = [re.sub(r"(?m)^_=.*\n", "", result.out)
             for result in (run_loaded(lab, "--dev", "veth0", "-q", command=shell(script)), run(shell(script)))]
    assert shown[0] == shown[1]


def test_what_the_command_leaves_running_does_not_keep_it_attached(lab, veth0):
    """The command's end is what counts, not that of its children."""
    result = run_loaded(lab, "--dev", "veth0", "-q",
                        command=shell("tail -f /dev/null >/dev/null 2>&1 & echo $!"))
    assert clean()
    os.kill(int(result.out), signal.SIGKILL)


def test_no_process_beside_it(lab, veth0):
    """Meanwhile there is xdp_loader and the command; afterwards neither, nor a zombie."""
    before = loaders()
    process = running(lab, "--dev", "veth0")
    assert loaders() - before == {process.popen.pid}
    process.stop(status=128 + signal.SIGTERM)
    for command, status in ((["true"], 0), (["no-such-command"], 127), (["sh", "-c", "kill $$"], 143)):
        run_loaded(lab, "--dev", "veth0", command=command, status=status)
        assert loaders() == before
    run_loaded(lab, "--dev", "veth0", "--dev", "nosuch0", command=["true"], status=4)
    assert loaders() == before


# ---- several devices


def test_several_devices(lab, veth0):
    """All are loaded before the command starts, and unloaded after it."""
    veth1 = lab.veth("veth1")
    script = (f"{sends(veth0, 3)}; {sends(veth1, 4)}; {waits_for('veth0', 'drop.packets == 3')}; "
              f"{waits_for('veth1', 'drop.packets == 4')}")
    run_loaded(lab, "--dev", "veth0", "--dev", "veth1", "--action", "drop", command=shell(script))
    assert clean("veth0") and clean("veth1")


def test_second_device_is_missing(lab, veth0):
    """All or nothing: the command is not run, and nothing was attached."""
    world = lab.world()
    result = run_loaded(lab, "--dev", "veth0", "--dev", "nosuch0", command=["echo", "run"], status=4)
    assert result.out == ""
    assert "nosuch0" in result.err
    assert lab.world() == world


def test_second_device_is_refused_by_its_driver(lab, veth0):
    """Not foreseen by the dry run, which does not ask drivers: what was attached already is rolled back."""
    lab.veth("veth1", mtu=9000)
    world = lab.world()
    options = ["--filename", object_file("linear"), "--native-mode"]
    lab.loader("--dev", "veth1", *options, "--dry-run")
    result = run_loaded(lab, "--dev", "veth0", "--dev", "veth1", *options, command=["echo", "run"], status=1)
    assert result.out == ""
    assert "veth1" in result.err
    assert lab.world() == world


def test_the_same_device_twice(lab, veth0):
    """Is the same as once."""
    result = run_loaded(lab, "--dev", "veth0", "--dev", "veth0", command=["echo", "run"])
    assert result.out == "run\n"
    assert clean()


# ---- what is there already


def test_refused_where_ours_is_attached(lab, veth0):
    """The earlier load would not be there afterwards: refused, and it counts on undisturbed."""
    lab.load("veth0")
    send(veth0, 4, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (4, 400)})
    world = lab.world()
    for options in ([], ["--reuse-maps"]):
        result = run_loaded(lab, "--dev", "veth0", *options, command=["echo", "run"], status=CONFLICT)
        assert result.out == ""
        assert "hint: `xdp_loader --dev veth0 --unload --keep-maps` detaches it" in result.err
        assert lab.world() == world
    lab.wait_for_counts("veth0", {"XDP_PASS": (4, 400)})


def test_refused_where_the_second_device_has_one(lab, veth0):
    lab.veth("veth1")
    lab.load("veth1")
    world = lab.world()
    result = run_loaded(lab, "--dev", "veth0", "--dev", "veth1", command=["echo", "run"], status=CONFLICT)
    assert result.out == "" and "veth1" in result.err
    assert lab.world() == world


def test_refused_where_netlink_has_attached_a_program(lab, veth0):
    """Nobody's place is taken: --run does not attach by netlink, and has no way to put it back."""
    lab.foreign_attach("veth0")
    world = lab.world()
    result = run_loaded(lab, "--dev", "veth0", command=["echo", "run"], status=CONFLICT)
    assert result.out == "" and "no_counter" in result.err and "--force" not in result.err
    assert lab.world() == world
    (command,) = re.findall(r"(?m)^hint: `([^`]+)` detaches it$", result.err)
    lab.loader(*shlex.split(command)[1:])
    assert run_loaded(lab, "--dev", "veth0", command=["echo", "run"]).out == "run\n"
    assert clean()


def test_refused_where_a_link_holds_the_hook(lab, veth0):
    """As a load without --run."""
    lab.foreign_link("veth0")
    world = lab.world()
    result = run_loaded(lab, "--dev", "veth0", command=["echo", "run"], status=CONFLICT)
    assert result.out == "" and "no_counter" in result.err and "--force" not in result.err
    assert lab.world() == world


def test_no_dispatcher_is_begun(lab, veth0):
    """The next command of the hint attaches by a link."""
    world = lab.world()
    result = run_loaded(lab, "--dev", "veth0", "--attach", "dispatcher", command=["echo", "run"], status=4)
    assert result.out == "" and "\nhint: without --attach dispatcher the program is attached by a link" in result.err
    assert lab.world() == world


@pytest.mark.parametrize("leftover", ["severed link", "kept maps"])
def test_over_the_pins_of_a_program_that_is_gone(lab, veth0, leftover):
    """They are a detached load's: the run is its next generation, and leaves no link of it either."""
    link = lab.load("veth0")["link_id"]
    if leftover == "severed link":
        run(["bpftool", "link", "detach", "id", link])
    else:
        lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    process = running(lab, "--dev", "veth0")
    assert pins_of("veth0") == RUNNING
    assert lab.status("veth0")["state"] == lab.once("veth0")["state"] == "attached"
    assert read_meta("veth0").generation == 2
    process.stop(status=128 + signal.SIGTERM)
    assert clean()


def test_other_commands_meanwhile(lab, veth0):
    """Load and unload are refused and say why; --clean and --status see pins in use; nothing changes."""
    process = running(lab, "--dev", "veth0")
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    world = lab.world()
    for verb in ([], ["--force"], ["--reuse-maps"], ["--dry-run"], ["--unload"], ["--unload", "--dry-run"],
                 ["--unload", "--keep-maps"], ["--unload", attached("veth0")[1]], ["--run", "--", "true"]):
        result = lab.loader("--dev", "veth0", *verb, status=CONFLICT)
        assert "`xdp_loader --run`" in result.err, (verb, result.err)
        assert lab.world() == world, verb
    lab.loader("--dev", "veth0", "--clean")
    lab.loader("--clean")
    (status,) = lab.loader_json("--dev", "veth0", "--status")
    assert status["state"] == "attached"
    assert lab.world() == world
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    process.stop(status=128 + signal.SIGTERM)
    assert clean()


def test_other_devices_meanwhile(lab, veth0):
    """Two runs side by side do not know of each other."""
    lab.veth("veth1")
    first, second = running(lab, "--dev", "veth0"), running(lab, "--dev", "veth1")
    first.stop(status=128 + signal.SIGTERM)
    assert clean() and attached("veth1")
    second.stop(status=128 + signal.SIGTERM)
    assert clean("veth1")


def test_two_runs_at_once_on_one_device(lab, veth0):
    """One gets it, the other is refused; never both."""
    both = [running(lab, "--dev", "veth0", ready=False) for _ in range(2)]
    wait_until(lambda: any(one.popen.poll() is not None for one in both), "one is refused")
    (loser,) = [one for one in both if one.popen.poll() is not None]
    (winner,) = [one for one in both if one is not loser]
    loser.wait(CONFLICT)
    assert loser.lines["out"] == []
    winner.wait_for_line("^ready")
    assert attached("veth0")
    winner.stop(status=128 + signal.SIGTERM)
    assert clean()


def test_reader_follows_the_end(lab, veth0):
    """A reader that was there before loses no packet, and the next run starts from zero for all but its session."""
    reader = lab.stats("--dev", "veth0")
    reader.wait_for_message("veth0")
    for total in (5, 12):
        process = running(lab, "--dev", "veth0")
        reader.wait_for(lambda record: record["state"] == "attached")
        send(veth0, 5 if total == 5 else 7, SIZE)
        reader.wait_for_session(total)
        process.stop(status=128 + signal.SIGTERM)
        reader.wait_for_message("veth0")


def test_traffic_is_counted_from_the_first_to_the_last(lab, veth0):
    """Under traffic that starts and ends within the command, not one frame is missing."""
    process = running(lab, "--dev", "veth0", "--keep-maps")
    traffic = lab.started(Traffic(veth0, SIZE, pause_us=100))
    wait_until(lambda: lab.once("veth0")["total"]["packets"] > 200, "packets flow")
    sent = traffic.finish()
    lab.wait_for_counts("veth0", {"XDP_PASS": (sent, sent * SIZE)})
    process.stop(status=128 + signal.SIGTERM)
    assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == {"XDP_PASS": (sent, sent * SIZE)}


# ---- --keep-maps


def test_keep_maps(lab, veth0):
    """The counts can be read afterwards."""
    process = running(lab, "--dev", "veth0", "--keep-maps", "--action", "drop")
    send(veth0, 6, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (6, 600)})
    assert "unloading" not in process.stop(status=128 + signal.SIGTERM)
    assert attached("veth0") is None
    assert pins_of("veth0") == MAPS
    record = lab.once("veth0")
    assert record["state"] == "detached"
    assert counts_of(record) == {"XDP_DROP": (6, 600)}


def test_counters_go_on_from_run_to_run(lab, veth0):
    """--keep-maps leaves them, --reuse-maps takes them up again."""
    for total in (2, 4, 6):
        script = f"{sends(veth0, 2)}; {waits_for('veth0', f'pass.packets == {total}')}"
        run_loaded(lab, "--dev", "veth0", "--keep-maps", "--reuse-maps", command=shell(script))
    assert counts_of(lab.once("veth0")) == {"XDP_PASS": (6, 600)}
    run_loaded(lab, "--dev", "veth0", command=["true"])
    assert clean()


# ---- what becomes of the device meanwhile


def test_device_is_deleted_meanwhile(lab, veth0):
    """Its pins go all the same, and the status is the command's."""
    run_loaded(lab, "--dev", "veth0", command=shell("ip link delete dev veth0; exit 7"), status=7)
    assert not pin_dir("veth0").exists()


def test_device_is_renamed_meanwhile(lab, veth0):
    """The program is detached from whatever its name is now."""
    script = "ip link set dev veth0 down; ip link set dev veth0 name veth9; exit 7"
    run_loaded(lab, "--dev", "veth0", command=shell(script), status=7)
    assert attached("veth9") is None
    assert not pin_dir("veth0").exists() and not pin_dir("veth9").exists()


def test_another_device_has_the_name_meanwhile(lab, veth0):
    """It is left alone: the program is detached from the device that was renamed."""
    script = ("ip link set dev veth0 down; ip link set dev veth0 name veth9; "
              "ip link add veth0 type veth peer p-new; exit 7")
    run_loaded(lab, "--dev", "veth0", command=shell(script), status=7)
    assert attached("veth9") is None and clean()


# ---- network namespaces


def test_netns_is_for_the_device_not_for_the_command(lab):
    """With --netns NAME the command stays where the caller is."""
    red = Namespace(lab, "red")
    veth = red.veth()
    arrived = waits_for("red/veth0", "pass.packets == 5")
    script = f"readlink /proc/self/ns/net; {sends(veth, 5)}; {arrived}; ls {red.pins}/veth0"
    out = run_loaded(lab, *red.option, "--dev", "veth0", "--keep-maps", command=shell(script)).out.splitlines()
    assert out == [os.readlink("/proc/self/ns/net"), *RUNNING]
    assert red.attached() is None
    record = json.loads(run([STATS, *red.option, "--dev", "veth0", "--once", "--json"]).out)
    assert counts_of(record) == {"XDP_PASS": (5, 500)}
    lab.loader(*red.option, "--dev", "veth0", "--unload")


def test_inside_ip_netns_exec(lab):
    """There the command runs inside, too; the pins are in the host's file system."""
    red = Namespace(lab, "red")
    red.veth()
    run_loaded(lab, "--dev", "veth0", prefix=red.inside,
               command=shell(f"ip -brief link show dev veth0; {STATS} --dev veth0 --once"))
    assert red.attached() is None
    assert not red.pins.exists()


# ---- refusals


@pytest.mark.parametrize("arguments", [
    ["--dev", "veth0", "--run"],
    ["--dev", "veth0", "--run", "--"],
    ["--run", "--", "true"],
    ["--dev", "veth0", "--run", "true"],
    ["--dev", "veth0", "--", "true"],
    ["--dev", "veth0", "--status", "--", "true"],
    ["--dev", "veth0", "--unload", "--run", "--", "true"],
    ["--dev", "veth0", "--status", "--run", "--", "true"],
    ["--dev", "veth0", "--clean", "--run", "--", "true"],
    ["--dev", "veth0", "--test-run", "1", "--run", "--", "true"],
    ["--dev", "veth0", "--json", "--run", "--", "true"],
    ["--dev", "veth0", "--dry-run", "--run", "--", "true"],
    ["--dev", "veth0", "--action", "redirect", "--run", "--", "true"],
])
def test_usage(lab, veth0, arguments):
    """Status 2, a hint, no command, nothing attached."""
    world = lab.world()
    result = lab.loader(*arguments, status=2)
    assert result.out == ""
    if "--json" not in arguments:
        assert result.err.startswith("xdp_loader: ") and "\nhint: " in result.err
    assert lab.world() == world


@pytest.mark.parametrize("options, status", [
    (["--filename", "/nowhere.o"], 4),
    (["--filename", object_file("own"), "--progname", "nope"], 4),
    (["--filename", object_file("rejected")], 1),
    (["--netns", "nowhere"], 4),
    (["--bpffs", "/nowhere"], 4),
    (["--action", "redirect", "--redirect-to", "nosuch0"], 4),
])
def test_refused_as_a_load_would_be(lab, veth0, options, status):
    """With the same status, and without running the command."""
    world = lab.world()
    result = run_loaded(lab, "--dev", "veth0", *options, command=["echo", "run"], status=status)
    assert result.out == "" and result.err.startswith("xdp_loader: ")
    assert lab.world() == world


def test_without_capabilities(lab, veth0):
    """Status 3, and the command is not run: it would test nothing."""
    result = run_loaded(lab, "--dev", "veth0", command=["echo", "run"], status=3,
                        prefix=["setpriv", "--inh-caps=-all", "--bounding-set=-all"])
    assert result.out == "" and "CAP_NET_ADMIN" in result.err
    assert clean()
