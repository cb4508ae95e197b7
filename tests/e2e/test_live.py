# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats --live on a terminal: tmux is one, and shows what is on it."""

import os
import re
import signal

import pytest

from support.maps import dump_counts
from support.pins import pin_dir
from support.process_table import lives, processes
from support.processes import run, wait_until
from support.programs import STATS
from support.tmux import PROMPT, row, shows
from support.traffic import send

COLOUR = re.compile(r"\x1b\[([0-9;]*;)?3[0-7]m")


@pytest.fixture
def counted(lab, veth0):
    """veth0 with 1234 passed frames of 100 bytes."""
    lab.load("veth0")
    send(veth0, 1234, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (1234, 123400)})
    return veth0


def reader():
    """The process, of which there is one."""
    def look():
        return [process.pid for process in processes() if process.name == "xdp_stats" and process.state != "Z"]

    (pid,) = wait_until(look, "no xdp_stats runs")
    return pid


# ---- the list


def test_totals_are_what_was_sent(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    text = screen.wait_for(shows("pass", 1234, 123400))
    assert shows("veth0", 1234, 123400)(text)
    assert "attached g1" in text and "1 device" in text and "every 1 s" in text
    assert not row(text, "drop")
    send(counted, 1000, 60)
    screen.wait_for(shows("pass", 2234, 183400))
    screen.quit()


def test_a_row_for_every_device(lab, counted, terminal):
    other = lab.veth("veth1")
    lab.load("veth1", "--action", "drop")
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    send(other, 77, 60)
    text = screen.wait_for(shows("drop", 77, 4620))
    assert shows("veth0", 1234, 123400)(text) and shows("veth1", 77, 4620)(text)
    assert "2 devices" in text and "every 100 ms" in text
    screen.quit()


def test_rates_and_sparklines(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    traffic = lab.traffic(counted, 100)
    screen.wait_for(lambda text: re.search(r"pass .*[1-9]\.\d\d .*[▁▂▃▄▅▆▇█]{2}", text))
    sent = traffic.finish()
    screen.wait_for(shows("pass", 1234 + sent, 123400 + 100 * sent))
    screen.quit()


def test_devices_come_and_go(lab, counted, terminal):
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    screen.wait_for("1 device")
    other = lab.veth("veth1")
    lab.load("veth1", "--action", "drop")
    screen.wait_for("2 devices")
    send(other, 5, 60)
    screen.wait_for(shows("veth1", 5, 300))
    lab.loader("--dev", "veth1", "--unload")
    text = screen.wait_for(r"veth1 +waiting")
    assert shows("veth1", 5, 300)(text), "what was counted stays"
    screen.quit()


def test_a_device_that_is_waited_for(lab, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--wait", "--interval", "100ms")
    screen.wait_for(r"veth0 +waiting")
    veth = lab.veth("veth0")
    lab.load("veth0")
    screen.wait_for(r"veth0 +attached g1")
    send(veth, 9, 100)
    screen.wait_for(shows("pass", 9, 900))
    screen.quit()


def test_a_replacement_keeps_the_totals(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(shows("pass", 1234, 123400))
    lab.load("veth0", "--action", "drop")
    send(counted, 100, 60)
    text = screen.wait_for(shows("drop", 100, 6000))
    assert shows("veth0", 100, 6000)(text) and row(text, "pass")[1:3] == ["0", "0"]
    assert "attached g2" in text and "map totals" in text
    assert re.search(r"\d\d:\d\d:\d\d  veth0: map \d+ was replaced by map \d+ \(generation 2\)", text)
    screen.keys("t")
    text = screen.wait_for(shows("pass", 1234, 123400))
    assert shows("veth0", 1334, 129400)(text) and "lifetime totals" in text
    screen.quit()


def test_a_detached_program_is_said(lab, veth0, terminal):
    outcome = lab.load("veth0")
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    (pin_dir("veth0") / "xdp_link").unlink()
    screen.wait_for(r"veth0 +detached g1(.|\n)*no XDP program counts into map")
    assert outcome["generation"] == 1
    screen.quit()


# ---- keys


def test_reset_counts_from_now_and_leaves_the_map(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(shows("pass", 1234, 123400))
    screen.keys("a", "r")
    screen.wait_for(lambda text: "since reset" in text and row(text, "pass")[1:3] == ["0", "0"])
    send(counted, 10, 100)
    screen.wait_for(shows("pass", 10, 1000))
    assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == {"XDP_PASS": (1244, 124400)}
    screen.quit()


def test_since_start(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms", "--since-start")
    screen.wait_for(lambda text: "session totals" in text and row(text, "veth0")[4:6] == ["0", "0"])
    send(counted, 10, 100)
    screen.wait_for(shows("pass", 10, 1000))
    screen.quit()


def test_pause_holds_the_picture(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(shows("pass", 1234, 123400))
    screen.keys("p")
    held = screen.wait_for("PAUSED")
    send(counted, 10, 100)
    # Rounds go by: the help page is drawn over the same picture.
    lab.wait_for_counts("veth0", {"XDP_PASS": (1244, 124400)})
    screen.keys("?")
    screen.wait_for("Keys")
    screen.keys("Escape")
    assert screen.wait_for(lambda text: "Keys" not in text) == held
    screen.keys("p")
    text = screen.wait_for(shows("pass", 1244, 124400))
    assert "PAUSED" not in text
    screen.quit()


def test_interval_keys(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "1h")
    screen.wait_for("every 60 min")
    for key, interval in [("-", "60 s"), ("-", "30 s"), ("+", "60 s"), ("-", "30 s"), ("-", "20 s"), ("-", "10 s"),
                          ("-", "5 s"), ("-", "2 s"), ("-", "1 s"), ("-", "500 ms")]:
        screen.keys(key)
        screen.wait_for(f"every {interval}")
    send(counted, 1, 100)
    screen.wait_for(shows("pass", 1235, 123500))
    screen.quit()


def test_units(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    screen.wait_for("BIT/S")
    screen.keys("u")
    screen.wait_for("BYTE/S")
    screen.keys("u")
    screen.wait_for(lambda text: row(text, "pass")[1:3] == ["1234", "123400"])
    screen.keys("u")
    screen.wait_for(shows("pass", 1234, 123400))
    screen.quit()


def test_sorting_and_selecting(lab, counted, terminal):
    for name in ("veth1", "veth2"):
        last = lab.veth(name)
        lab.load(name, "--action", "drop")
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    order = lambda text: re.findall(r"^..(veth\d)", text, re.MULTILINE)
    selected = lambda text: re.findall(r"^▸ (veth\d)", text, re.MULTILINE)
    screen.wait_for(lambda text: order(text) == ["veth0", "veth1", "veth2"] and selected(text) == ["veth0"])
    for key, name in [("Down", "veth1"), ("j", "veth2"), ("j", "veth2"), ("Up", "veth1"), ("k", "veth0"),
                      ("End", "veth2"), ("Home", "veth0"), ("NPage", "veth2"), ("PPage", "veth0"), ("Down", "veth1")]:
        screen.keys(key)
        screen.wait_for(lambda text, name=name: selected(text) == [name])
    traffic = lab.traffic(last, 100)
    screen.keys("s")
    screen.wait_for(lambda text: "sort: packets/s" in text and order(text)[0] == "veth2")
    screen.keys("s")
    text = screen.wait_for(lambda text: "sort: drops/s" in text and order(text)[0] == "veth2")
    assert selected(text) == ["veth1"]
    traffic.finish()
    screen.keys("s")
    screen.wait_for(lambda text: "sort: name" in text and order(text) == ["veth0", "veth1", "veth2"])
    screen.quit()


def test_all_actions(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    screen.wait_for(lambda text: row(text, "pass") and not row(text, "redirect"))
    screen.keys("a")
    screen.wait_for(lambda text: all(row(text, action) for action in ("aborted", "drop", "pass", "tx", "redirect")))
    screen.keys("a")
    screen.wait_for(lambda text: not row(text, "redirect"))
    screen.quit()


def test_help(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    screen.keys("?")
    text = screen.wait_for("Keys")
    for key in ("Enter", "Esc", "PgUp", "quit", "interval", "units", "sort"):
        assert key in text
    screen.keys("x")
    screen.wait_for(lambda text: "Keys" not in text)
    screen.keys("?")
    screen.wait_for("Keys")
    screen.quit()


# ---- the detail


def test_detail(lab, counted, terminal):
    other = lab.veth("veth1")
    outcome = lab.load("veth1", "--action", "drop")
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    screen.wait_for("2 devices")
    screen.keys("Enter")
    screen.wait_for(lambda text: "veth0  attached g1" in text and "xdp_pass" in text)
    screen.keys("Down")
    text = screen.wait_for(lambda text: "veth1  attached g1" in text)
    program = outcome["program"]
    map_id = next(item["id"] for item in outcome["maps"] if item["name"] == "xdp_stats_map")
    assert f"{program['name']} (id {program['id']}), native mode, by link, generation 1" in text
    assert f"{map_id}, pinned at {pin_dir('veth1')}/xdp_stats_map" in text
    traffic = lab.traffic(other, 100)
    text = screen.wait_for(lambda text: re.search(r"cpu \d+ +[▏▎▍▌▋▊▉█]", text) and re.search("[⠁-⣿]", text))
    assert re.search(r"^ +0 ┤", text, re.MULTILINE) and re.search(r"6 s ago +packets/s +now", text)
    sent = traffic.finish()
    screen.wait_for(shows("x drop", sent, 100 * sent))
    screen.keys("Escape")
    screen.wait_for("2 devices")
    screen.keys("Enter")
    screen.wait_for("pinned at")
    screen.keys("BSpace")
    screen.wait_for("2 devices")
    screen.quit()


def test_detail_of_a_foreign_map(lab, terminal):
    path = lab.foreign_map(pin_dir("other") / "counts", "percpu_array", 4, 16, 5)
    screen = terminal()
    screen.start("--map", path)
    screen.wait_for("foreign")
    screen.keys("Enter")
    screen.wait_for("the map has no meta")
    screen.quit()


# ---- terminals


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (40, 8), (41, 11)])
def test_sizes(lab, counted, terminal, size):
    screen = terminal(*size)
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(lambda text: "1,234" in row(text, "veth0"))
    screen.keys("Enter")
    screen.wait_for("Esc back")
    assert max(map(len, screen.lines())) <= size[0]
    screen.quit()


def test_resizing(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "1h")
    screen.wait_for(lambda text: "1,234" in row(text, "pass"))
    screen.resize(140, 30)
    screen.wait_for(r"\+/- interval$")
    for size in ((39, 24), (40, 7), (10, 3), (1, 1)):
        screen.resize(*size)
        screen.wait_for("terminal too small"[:size[0]])
    screen.resize(40, 8)
    screen.wait_for(lambda text: "1,234" in row(text, "veth0"))
    screen.keys("Enter")
    screen.resize(80, 24)
    screen.wait_for(r"pinned at(.|\n)*o pass +1,234 +123,400")
    screen.quit()


def test_plain_terminal(lab, counted, terminal):
    """Neither colours nor Unicode."""
    screen = terminal(TERM="vt100", LC_ALL="C")
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(shows("pass", 1234, 123400))
    screen.wait_for(r"^> veth0")
    traffic = lab.traffic(counted, 100)
    screen.wait_for(r"pass .*[.:\-=+*#]{2}$")
    assert screen.text().isascii()
    screen.keys("Enter")
    text = screen.wait_for(r"^ +(\S+( k)? \+|\|) *o[o ]*$(.|\n)* 0 \+")  # at whatever height the rate is
    assert text.isascii()
    assert not COLOUR.search(screen.text(styles=True))
    traffic.finish()
    screen.keys("?")
    assert screen.wait_for("Keys").isascii()
    screen.quit()


def test_colours_and_no_color(lab, counted, terminal):
    screen = terminal(TERM="screen-256color")
    screen.start("--dev", "veth0")
    screen.wait_for(lambda text: row(text, "pass"))
    assert re.search(r"\x1b\[[0-9;]*32m *pass", screen.text(styles=True))
    screen.quit()
    plain = terminal(TERM="screen-256color", NO_COLOR="1")
    plain.start("--dev", "veth0")
    plain.wait_for(lambda text: row(text, "pass"))
    assert not COLOUR.search(plain.text(styles=True))
    plain.quit()


def test_a_locale_that_is_not_installed(lab, counted, terminal):
    screen = terminal(LC_ALL="xx_XX.UTF-8")
    screen.start("--dev", "veth0")
    screen.wait_for(r"^▸ veth0")
    screen.quit()


# ---- leaving


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_restore_the_terminal(lab, counted, terminal, end):
    screen = terminal()
    screen.start("--dev", "veth0")
    assert screen.full_screen()
    os.kill(reader(), end)
    screen.wait_for_end()


@pytest.mark.parametrize("key", ["C-c", "C-\\"])
def test_keys_that_are_signals(lab, counted, terminal, key):
    screen = terminal()
    screen.start("--dev", "veth0")
    screen.keys(key)
    screen.wait_for_end()


def test_stop_and_go_on(lab, counted, terminal):
    screen = terminal()
    screen.type("set -m")
    screen.type(f"{STATS} --live --dev veth0 --interval 100ms")
    screen.wait_for(shows("pass", 1234, 123400))
    for _ in range(2):
        screen.keys("C-z")
        screen.wait_for(lambda text: "Stopped" in text or "Suspended" in text)
        assert screen.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").strip() == "0 1"
        send(counted, 10, 100)
        screen.type("clear; fg")
        screen.wait_for(r"q quit")
        wait_until(screen.full_screen, "the view is back")
    screen.wait_for(shows("pass", 1254, 125400))
    screen.keys("q")
    screen.wait_for(rf"{PROMPT}$")


def test_a_stop_from_outside(lab, counted, terminal):
    screen = terminal()
    screen.type("set -m")
    screen.type(f"{STATS} --live --dev veth0 --interval 1h")
    screen.wait_for(shows("pass", 1234, 123400))
    pid = reader()
    os.kill(pid, signal.SIGTSTP)
    screen.wait_for("Stopped|Suspended")
    screen.type("clear; fg")
    screen.wait_for("q quit")
    os.kill(pid, signal.SIGSTOP)
    screen.wait_for("Stopped|Suspended")
    screen.type("fg")
    screen.wait_for("q quit")
    screen.keys("q")
    screen.wait_for(rf"{PROMPT}$")


def test_the_terminal_goes_away(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    pid = reader()
    screen.tmux("kill-server", check=False)
    wait_until(lambda: not lives(pid), "xdp_stats goes on without a terminal")


def test_an_error_is_printed_once_the_screen_is_restored(lab, counted, terminal):
    """The kernel refuses to wait, from the twentieth time on."""
    screen = terminal(120, 24)
    screen.start("--dev", "veth0", "--interval", "50ms",
                 prefix="strace -f -o /dev/null -e trace=ppoll -e inject=ppoll:error=ENOMEM:when=20+")
    text = screen.wait_for_end(status=1)
    assert re.search("^xdp_stats: waiting for the next round: Cannot allocate memory", text, re.MULTILINE)


def test_an_error_before_the_screen_is_taken(lab, terminal):
    screen = terminal()
    text = screen.command(f"{STATS} --live --dev nosuchdev")
    assert "nosuchdev" in text and "status 4" in text


# ---- wrong usage


def test_stdout_is_no_terminal(lab, counted):
    done = run([STATS, "--live", "--dev", "veth0"], status=2)
    assert "stdout is not a terminal" in done.err and "--format" in done.err
    assert done.out == ""


def test_stdin_is_no_terminal(lab, counted, terminal):
    text = terminal().command(f"{STATS} --live --dev veth0 </dev/null")
    assert "stdin is not a terminal" in text and "status 2" in text


@pytest.mark.parametrize("term, reason", [("nonsense", "no description of the terminal 'nonsense'"),
                                          ("", "TERM is not set"), ("dumb", "cannot move its cursor")])
def test_terminals_that_will_not_do(lab, counted, terminal, term, reason):
    text = terminal(120, 24).command(f"TERM={term} {STATS} --live --dev veth0")
    assert reason in text and "hint: " in text and "status 1" in text
