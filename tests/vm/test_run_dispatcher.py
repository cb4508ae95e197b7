# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_loader --run on a hook that a libxdp dispatcher holds: its program is one more component.

No link of the process's own holds that, so a kill leaves it attached. Everybody who can look says so, and the next
load, --unload or --clean ends it.
"""

import os
import signal
import subprocess

import pytest

from support.components import ForeignComponent, components, remove_leftovers_of_libxdp
from support.devices import attached
from support.maps import dump_counts, read_meta
from support.pins import pin_dir, pins_of
from support.processes import run, wait_until
from support.programs import CONFLICT, LOADER, STATS
from support.run_command import RUNNING, clean, kill, run_loaded, running
from support.strace import strace
from support.traffic import SIZE, send

OURS = [*RUNNING, "xdp_tally_mark"]
LEFT = "a killed `xdp_loader --run` left "


def notes_of(outcome):
    return [note for note in outcome["notes"] if note.startswith(LEFT)]


def killed(lab, veth, *options):
    """A run beside somebody else's component that was killed: that component, and the id of the program left."""
    early = ForeignComponent(lab, veth, "foreign_early")
    process = running(lab, "--dev", veth.name, *options)
    program = read_meta(veth.name).program_id
    kill(process)
    return early, program


def only_the_foreign_is_left(lab):
    assert components(lab, "veth0") == ["foreign_early"]
    assert not pin_dir("veth0").exists()


# ---- the command ends


@pytest.mark.parametrize("options", [[], ["--attach", "dispatcher"]])
def test_joins_the_one_in_use(lab, veth0, options):
    early = ForeignComponent(lab, veth0, "foreign_early")
    process = running(lab, "--dev", "veth0", *options)
    assert components(lab, "veth0") == ["foreign_early", "xdp_pass"]
    assert pins_of("veth0") == OURS
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    assert early.seen() == 5
    process.stop(status=128 + signal.SIGTERM)
    only_the_foreign_is_left(lab)


def test_makes_none(lab, veth0):
    """On a free hook its program is attached by a link, which a kill ends."""
    process = running(lab, "--dev", "veth0")
    assert pins_of("veth0") == RUNNING
    assert lab.status("veth0")["attach"] == "link"
    kill(process)
    assert attached("veth0") is None
    lab.loader("--dev", "veth0", "--unload")
    result = run_loaded(lab, "--dev", "veth0", "--attach", "dispatcher", command=["echo", "run"], status=4)
    assert result.out == "" and "no dispatcher is in use there" in result.err
    assert clean()


def test_ends_none(lab, veth0):
    ForeignComponent(lab, veth0, "foreign_early")
    world = lab.world()
    result = run_loaded(lab, "--dev", "veth0", "--attach", "link", command=["echo", "run"], status=CONFLICT)
    assert result.out == "" and "hint: without --attach link it joins them" in result.err
    assert "--force" not in result.err
    assert lab.world() == world


def test_has_the_device_for_itself(lab, veth0):
    """Load and unload are refused while the command runs, as they are where a link holds the program."""
    ForeignComponent(lab, veth0, "foreign_early")
    process = running(lab, "--dev", "veth0")
    for verb in ([], ["--force"], ["--action", "drop"], ["--unload"], ["--attach", "link"], ["--run", "--", "true"]):
        assert "`xdp_loader --run`" in lab.loader("--dev", "veth0", *verb, status=CONFLICT).err, verb
    lab.loader("--dev", "veth0", "--clean")
    assert (lab.status("veth0")["state"], read_meta("veth0").generation) == ("attached", 1)
    assert not notes_of(lab.status("veth0"))
    assert LEFT not in run([STATS, "--dev", "veth0", "--once"]).err
    process.stop(status=128 + signal.SIGTERM)
    only_the_foreign_is_left(lab)


def test_device_is_deleted_meanwhile(lab, veth0):
    ForeignComponent(lab, veth0, "foreign_early")
    run_loaded(lab, "--dev", "veth0", command=["sh", "-c", "ip link delete dev veth0; exit 7"], status=7)
    assert not pin_dir("veth0").exists()
    lab.cleanups.clear()
    run(["xdp-loader", "clean"])


# ---- xdp_loader is killed


def test_everybody_says_so(lab, veth0):
    """It goes on counting; nothing is changed by who only looks."""
    _, program = killed(lab, veth0)
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    assert components(lab, "veth0") == ["foreign_early", "xdp_pass"]
    world = lab.world()
    seen = lab.status("veth0")
    (note,) = notes_of(seen)
    assert seen["state"] == "attached" and f"program {program} " in note and note.endswith("--clean detaches it")
    assert f"{LEFT}its program" in run([STATS, "--dev", "veth0", "--once"]).err
    for verb in ([], ["--unload"], ["--clean"], ["--action", "drop", "--attach", "link", "--force"]):
        (outcome,) = lab.loader_json("--dev", "veth0", "--dry-run", *verb)
        (note,) = notes_of(outcome)
        assert f"program {program} " in note and note.endswith("it would be detached first"), verb
    assert lab.world() == world
    lab.loader("--dev", "veth0", "--unload")
    only_the_foreign_is_left(lab)


@pytest.mark.parametrize("verb", [["--unload"], ["--clean"], ["--unload", "--keep-maps"]])
def test_unload_and_clean_end_it(lab, veth0, verb):
    early, _ = killed(lab, veth0, "--action", "drop")
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_DROP": (5, 500)})
    (outcome,) = lab.loader_json("--dev", "veth0", *verb)
    assert notes_of(outcome)
    assert components(lab, "veth0") == ["foreign_early"]
    if "--keep-maps" in verb:
        assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == {"XDP_DROP": (5, 500)}
        lab.loader("--dev", "veth0", "--clean")
    only_the_foreign_is_left(lab)
    assert early.seen() == 5


def test_load_ends_it(lab, veth0):
    """And may go on with its maps."""
    killed(lab, veth0)
    send(veth0, 5, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500)})
    outcome = lab.load("veth0", "--action", "drop", "--reuse-maps")
    assert notes_of(outcome) and outcome["generation"] == 2
    assert components(lab, "veth0") == ["foreign_early", "xdp_drop"]
    assert lab.status("veth0")["notes"] == [] and "+run" not in pins_of("veth0")
    send(veth0, 3, SIZE)
    lab.wait_for_counts("veth0", {"XDP_PASS": (5, 500), "XDP_DROP": (3, 300)})


def test_next_run_ends_it(lab, veth0):
    killed(lab, veth0)
    run_loaded(lab, "--dev", "veth0", command=["true"])
    only_the_foreign_is_left(lab)


def test_dispatcher_that_has_no_other_program_left(lab, veth0):
    """It is in use no more, and goes with the killed run's program: the next run's is attached by a link."""
    early, _ = killed(lab, veth0)
    early.unload()
    lab.cleanups.remove(early.unload)
    assert components(lab, "veth0") == ["xdp_pass"]
    (outcome,) = lab.loader_json("--dev", "veth0", "--dry-run", "--attach", "link")
    assert (outcome["outcome"], outcome["attach"]) == ("loaded", "link")
    process = running(lab, "--dev", "veth0")
    assert lab.status("veth0")["attach"] == "link"
    process.stop(status=128 + signal.SIGTERM)
    assert clean()


@pytest.mark.parametrize("call", ["bpf", "renameat,renameat2,rename", "sendto", "/^unlink", "/^mkdir", "clone"])
def test_killed_at_any_moment(lab, veth0, call):
    """One command, and nothing of it is left; nobody else's component is touched."""
    ForeignComponent(lab, veth0, "foreign_early")
    # Of the hundreds of bpf() calls of a run every 17th; fewer of all calls where time is short.
    when, step = 1, {"bpf": 17}.get(call, 1) * max(1, int(os.environ.get("XDP_TALLY_FAULT_STEP", "1")) // 3)
    while True:
        trace = strace("-e", f"inject={call}:signal=KILL:when={when}")
        command = [*trace, LOADER, "--dev", "veth0", "--run", "--", "true"]
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            break
        lab.loader("--dev", "veth0", "--clean")
        wait_until(lambda: components(lab, "veth0") == ["foreign_early"], (call, when))
        assert not pin_dir("veth0").exists(), (call, when)
        when += step
    assert when > step, f"{call} is never called"
    only_the_foreign_is_left(lab)
    remove_leftovers_of_libxdp("veth0")
