# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats --live on a terminal: tmux is one, and shows what is on it."""

import contextlib
import fcntl
import os
import re
import select
import shlex
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest

from support import delivery
from support.devices import named
from support.maps import dump_counts
from support.pins import pin_dir
from support.process_table import lives, processes
from support.processes import DEADLINE, run, wait_until
from support.programs import STATS
from support.redirects import redirect
from support.strace import strace
from support.tmux import SIZE, has, row, shows
from support.traffic import send

COLOUR = re.compile(r"\x1b\[([0-9;]*;)?(3[0-7]|[34]8;5;\d+)[;m]")


@pytest.fixture
def counted(lab, veth0):
    """veth0 with 1234 passed frames of 100 bytes."""
    lab.load("veth0")
    send(veth0, 1234, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (1234, 123400)})
    return veth0


def order(text):
    return re.findall(r"^[│|][ ▸>][ !](veth\d)", text, re.MULTILINE)


def selected(text):
    return re.findall(r"^[│|][▸>][ !](veth\d)", text, re.MULTILINE)


def reader():
    """The process, of which there is one."""
    def look():
        return [process.pid for process in processes() if process.name == "xdp_stats" and process.state != "Z"]

    (pid,) = wait_until(look, "no xdp_stats runs")
    return pid


# ---- the overview


def test_totals_are_what_was_sent(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    text = screen.wait_for(has("veth0", 1234))
    assert "attached g1" in text and "1 device" in text and "every 1 s" in text
    assert not row(text, "pass")
    screen.keys("o")
    text = screen.wait_for(shows("pass", 1234, 123400))
    assert not row(text, "drop")
    send(counted, 1000, 60)
    text = screen.wait_for(shows("pass", 2234, 183400))
    assert has("veth0", 2234)(text)
    screen.quit()


def test_a_row_for_every_device(lab, counted, terminal):
    other = lab.veth("veth1")
    lab.load("veth1", "--action", "drop")
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    screen.wait_for("2 devices")
    screen.keys("O")
    send(other, 77, 60)
    text = screen.wait_for(shows("drop", 77, 4620))
    assert has("veth0", 1234)(text) and has("veth1", 77)(text) and shows("pass", 1234, 123400)(text)
    assert "2 devices" in text and "every 100 ms" in text
    screen.keys("O")
    screen.wait_for(lambda text: not row(text, "pass") and not row(text, "drop"))
    screen.quit()


def test_rates_curves_and_the_plot(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    traffic = lab.traffic(counted, 100)
    # A rate, no drops, a curve with its scale; the plot with both axes, the verdict's letter and its share.
    text = screen.wait_for(r"veth0 .*[1-9]\d*\.\d\d .* 0\.0 % +[▁▂▃▄▅▆▇█]+ *│(.|\n)*┤(.|\n)*P pass .* 100\.0 %")
    assert re.search(r"0 to [\d.]+( k| M)? pkt/s", text)
    # The first time of day to be marked may be yet to come.
    screen.wait_for(r"\n│ +0 └─.*┬(.|\n)*\n│pkt/s .*\d\d:\d\d:\d\d")
    screen.keys("o")
    sent = traffic.finish()
    screen.wait_for(shows("pass", 1234 + sent, 123400 + 100 * sent))
    screen.quit()


def test_devices_come_and_go(lab, counted, terminal):
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    screen.wait_for("1 device ")
    other = lab.veth("veth1")
    lab.load("veth1", "--action", "drop")
    screen.wait_for("2 devices")
    send(other, 5, 60)
    screen.wait_for(has("veth1", 5))
    lab.loader("--dev", "veth1", "--unload")
    text = screen.wait_for(lambda text: row(text, "veth1")[:2] == ["pins", "gone"])
    assert has("veth1", 5)(text), "what was counted stays"
    screen.keys("Down")
    screen.wait_for("veth1  pins gone  last counted 5  ")
    screen.quit()


def test_a_device_that_is_down(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(r"veth0 +attached g1  ")
    run(["ip", "link", "set", counted.peer, "down"])
    screen.wait_for(r"veth0 +attached g1, no carrier  ")
    run(["ip", "link", "set", "veth0", "down"])
    screen.wait_for(r"veth0 +attached g1, down  ")
    screen.quit()


def test_losses_that_are_over(lab, veth0, terminal):
    with delivery.tracking(lab):
        redirect(lab, "to_ifindex", 12345)
        screen = terminal()
        screen.start("--dev", "veth0", "--interval", "100ms")
        send(veth0, 300, 100)
        screen.wait_for("! 1 LOST (.|\n)*!veth0 +LOST g1 .* 300 ")
        screen.quit()
        # A view that is opened later.
        screen.start("--dev", "veth0", "--interval", "100ms")
        text = screen.wait_for("  1 with losses  ")
        assert re.search("!veth0 +attached g1 .* 300 ", text) and "  300 lost  " in text
        screen.keys("Enter")
        screen.wait_for(r"lost 300: there is no such target \(EINVAL\)")
        screen.keys("r")
        screen.wait_for(lambda text: " lost" not in text and "!" not in text)
        screen.quit()


def test_a_device_that_is_waited_for(lab, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--wait", "--interval", "100ms")
    screen.wait_for(lambda text: row(text, "veth0")[:1] == ["waiting"])
    veth = lab.veth("veth0")
    lab.load("veth0")
    screen.wait_for(lambda text: row(text, "veth0")[:2] == ["attached", "g1"])
    send(veth, 9, 100)
    screen.keys("o")
    screen.wait_for(shows("pass", 9, 900))
    screen.quit()


def test_a_replacement_keeps_the_totals(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(lambda text: row(text, "veth0"))
    screen.keys("o")
    screen.wait_for(shows("pass", 1234, 123400))
    lab.load("veth0", "--action", "drop")
    send(counted, 100, 60)
    text = screen.wait_for(shows("drop", 100, 6000))
    assert has("veth0", 100)(text) and shows("pass", 0, 0)(text)
    assert "attached g2" in text and "map totals" in text
    assert re.search(r"\d\d:\d\d:\d\d  veth0: map \d+ was replaced by map \d+ \(generation 2\)", text)
    # And it is marked on the time axis.
    assert re.search(r"^│ +0 └.*▲.*\n│pkt/s.* g2 ", text, re.MULTILINE)
    screen.keys("t")
    text = screen.wait_for(shows("pass", 1234, 123400))
    assert has("veth0", 1334)(text) and "lifetime totals" in text
    screen.quit()


def test_a_detached_program_is_said(lab, veth0, terminal):
    lab.load("veth0")
    other = lab.veth("veth1")
    lab.load("veth1", "--action", "aborted")
    lab.veth("veth2")
    lab.load("veth2")
    screen = terminal(TERM="screen-256color")
    screen.start("--all", "--interval", "100ms")
    screen.wait_for(lambda text: order(text) == ["veth0", "veth1", "veth2"])
    (pin_dir("veth2") / "xdp_link").unlink()
    text = screen.wait_for("DETACHED g1(.|\n)*no XDP program counts into map")
    assert order(text) == ["veth2", "veth0", "veth1"] and "! 1 DETACHED" in text
    traffic = lab.traffic(other, 100)
    text = screen.wait_for("! 1 DETACHED, 1 ABORTED")
    assert order(text) == ["veth2", "veth1", "veth0"]
    traffic.finish()
    # White on red, from across the room.
    assert re.search(r"\x1b\[[0-9;]*48;5;160m[^\x1b]*DETACHED", screen.text(styles=True))
    screen.quit()


# ---- keys


def test_reset_counts_from_now_and_leaves_the_map(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(lambda text: row(text, "veth0"))
    screen.keys("o")
    screen.wait_for(shows("pass", 1234, 123400))
    screen.keys("a", "r")
    screen.wait_for(lambda text: "since reset" in text and shows("pass", 0, 0)(text))
    send(counted, 10, 100)
    screen.wait_for(shows("pass", 10, 1000))
    assert dump_counts(pin_dir("veth0") / "xdp_stats_map") == {"XDP_PASS": (1244, 124400)}
    screen.quit()


def test_since_start(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms", "--since-start")
    screen.wait_for(lambda text: "session totals" in text and has("veth0", 0)(text))
    send(counted, 10, 100)
    screen.keys("o")
    screen.wait_for(shows("pass", 10, 1000))
    screen.quit()


@pytest.mark.parametrize("key", ["p", "Space"])
def test_pause_holds_the_picture(lab, counted, terminal, key):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(has("veth0", 1234))
    screen.keys(key)
    # The frame is painted whole when its last line, the keys, says so.
    held = screen.wait_for(lambda text: "PAUSED" in text and "Space resume" in text.splitlines()[-1])
    send(counted, 10, 100)
    # Rounds go by: the help page is drawn over the same picture.
    lab.wait_for_counts("veth0", {"XDP_PASS": (1244, 124400)})
    screen.keys("?")
    screen.wait_for("─ Keys ─(.|\n)*quit")
    screen.keys("Escape")
    screen.wait_for(lambda text: text == held)
    screen.keys(key)
    text = screen.wait_for(has("veth0", 1244))
    assert "PAUSED" not in text
    screen.quit()


def test_a_pause_holds_what_is_known_of_the_device(lab, counted, terminal):
    lab.veth("veth1")
    lab.load("veth1")
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    screen.wait_for("2 devices")
    screen.keys("Enter")
    screen.wait_for("pins +xdp_link(.|\n)*Esc back")
    screen.keys("Space")
    held = screen.wait_for(lambda text: "PAUSED" in text and "Space resume" in text.splitlines()[-1])
    lab.loader("--dev", "veth0", "--unload")
    screen.keys("?")
    screen.wait_for("─ Keys ─(.|\n)*quit")
    screen.keys("Escape")
    screen.wait_for(lambda text: text == held)
    screen.keys("Space")
    # Without pins, the program that was attached is the last, and there are no rates.
    text = screen.wait_for("pins gone(.|\n)*last attached: ")
    assert "pkt/s" not in text.splitlines()[0] and "xdp_link" not in text
    screen.quit()


def test_the_cpus_of_a_shared_counter(lab, terminal):
    path = lab.foreign_map(pin_dir("other") / "counts", "array", 4, 16, 5)
    run(["bpftool", "map", "update", "pinned", path,
         "key", *struct.pack("=I", 2), "value", *struct.pack("=QQ", 7, 420)])
    screen = terminal()
    screen.start("--map", path)
    screen.wait_for("foreign")
    screen.keys("Enter")
    screen.wait_for(r"P pass +7 (.|\n)*CPUs?, packets of each not known")
    screen.quit()


def test_the_past_can_be_read(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(has("veth0", 1234))
    screen.wait_for(r"^│ +0 └─.*┬")
    screen.keys("Space")
    paused = screen.wait_for("Space resume")
    screen.keys("Left", "Left", "Left", "Left", "Left")
    clock = lambda text: re.search(r"PAUSED +(\d\d:\d\d:\d\d)", text)[1]
    screen.wait_for(lambda text: clock(text) != clock(paused) and f" {clock(text)} " in text.splitlines()[-3])
    screen.keys("Space")
    screen.wait_for(lambda text: "PAUSED" not in text)
    screen.quit()


def test_interval_keys(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0", "--interval", "1h")
    screen.wait_for("every 60 min")
    for key, interval in [("-", "60 s"), ("-", "30 s"), ("+", "60 s"), ("-", "30 s"), ("-", "20 s"), ("-", "10 s"),
                          ("-", "5 s"), ("-", "2 s"), ("-", "1 s"), ("-", "500 ms")]:
        screen.keys(key)
        screen.wait_for(f"every {interval} ")
    send(counted, 1, 100)
    screen.wait_for(has("veth0", 1235))
    screen.quit()


def test_units(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    screen.wait_for(lambda text: row(text, "veth0"))
    screen.keys("o")
    screen.wait_for("P pass +1,234 packets")
    screen.keys("u")
    screen.wait_for("BYTE/S")
    screen.keys("u")
    screen.wait_for(lambda text: row(text, "pass")[:3] == ["1234", "packets,", "123400"])
    screen.keys("u")
    screen.wait_for(shows("pass", 1234, 123400))
    screen.quit()


def test_sorting_and_selecting(lab, counted, terminal):
    for name in ("veth1", "veth2"):
        last = lab.veth(name)
        lab.load(name, "--action", "drop")
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    screen.wait_for(lambda text: order(text) == ["veth0", "veth1", "veth2"] and selected(text) == ["veth0"])
    for keys, name in [("Down", "veth1"), ("j j", "veth2"), ("Up", "veth1"), ("k", "veth0"),
                       ("End", "veth2"), ("Home", "veth0"), ("NPage", "veth2"), ("PPage", "veth0"), ("Down", "veth1")]:
        screen.keys(*keys.split())
        screen.wait_for(lambda text, name=name: selected(text) == [name] and f"├─ {name} " in text)
    traffic = lab.traffic(last, 100)
    screen.keys("s")
    # It goes to the top, whoever is there now.
    screen.wait_for(lambda text: "sort: packets/s" in text and selected(text) == order(text)[:1])
    screen.wait_for(lambda text: order(text)[0] == "veth2")
    screen.keys("s")
    screen.wait_for(lambda text: "sort: drops/s" in text and order(text)[0] == "veth2" and selected(text) == ["veth2"])
    traffic.finish()
    screen.keys("s", "s")
    screen.wait_for(lambda text: "sort: name" in text and order(text) == ["veth0", "veth1", "veth2"])
    screen.quit()


def test_finding(lab, counted, terminal):
    lab.veth("veth1")
    lab.load("veth1", "--action", "drop")
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    screen.wait_for(lambda text: order(text) == ["veth0", "veth1"])
    screen.keys("/", "H", "1")
    screen.wait_for(lambda text: "/H1_" in text and order(text) == ["veth1"])
    screen.keys("Enter")
    screen.wait_for(lambda text: "/H1 " in text and "H1_" not in text and order(text) == ["veth1"])
    screen.keys("Escape")
    screen.wait_for(lambda text: order(text) == ["veth0", "veth1"])
    screen.keys("/", *"xdp_pass")
    screen.wait_for(lambda text: order(text) == ["veth0"])
    screen.keys("Escape")
    screen.wait_for(lambda text: order(text) == ["veth0", "veth1"])
    # Neither has counted anything since the view was started: rates are of that time.
    screen.keys("i")
    screen.wait_for("2 idle hidden")
    traffic = lab.traffic(counted, 100)
    screen.wait_for(lambda text: order(text) == ["veth0"] and "1 idle hidden" in text)
    screen.keys("i")
    screen.wait_for(lambda text: order(text) == ["veth0", "veth1"])
    traffic.finish()
    screen.quit()


def test_the_mouse(lab, counted, terminal):
    for name in ("veth1", "veth2"):
        lab.veth(name)
        lab.load(name, "--action", "drop")
    screen = terminal(TERM="screen-256color")
    screen.start("--all", "--interval", "100ms")
    text = screen.wait_for(lambda text: order(text) == ["veth0", "veth1", "veth2"] and selected(text) == ["veth0"])
    line = next(number for number, line in enumerate(text.splitlines()) if re.match("│.. *veth2", line))

    def event(button, x, y):
        """As xterm tells it: the button, column and line, each with 32 added."""
        screen.keys("-H", *(f"{byte:02x}" for byte in (0x1b, ord("["), ord("M"), 32 + button, 33 + x, 33 + y)))

    def click():
        event(0, 5, line)
        event(3, 5, line)  # released

    click()
    screen.wait_for(lambda text: selected(text) == ["veth2"])
    event(64, 5, line)
    screen.wait_for(lambda text: selected(text) == ["veth1"])
    event(65, 5, line)
    screen.wait_for(lambda text: selected(text) == ["veth2"])
    click()
    screen.wait_for(lambda text: "pinned at" in text and "─ veth2 " in text and "Esc back" in text)
    screen.quit()


def test_the_command_prints_the_same_numbers(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    screen.wait_for(has("veth0", 1234))
    screen.keys("y")
    text = screen.wait_for("This command prints the numbers")
    command = re.search(r"│ (xdp_stats --\S.*?) +│", text)[1]
    assert re.search(r"XDP_PASS +1,?234 ", run([STATS, *shlex.split(command)[1:]]).out)
    screen.keys("Escape")
    screen.wait_for(lambda text: "This command" not in text)
    # After a reset no other command has these numbers.
    screen.keys("r", "y")
    screen.wait_for("This command prints the numbers, with map totals(.|\n)*xdp_stats --dev veth0 --count 1 ")
    screen.keys("Escape", "t", "t", "y")
    screen.wait_for("This command prints the numbers ─(.|\n)*xdp_stats --dev veth0 --totals lifetime --count 1 ")
    screen.quit()


def test_window_and_scales(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    screen.wait_for("last 60 s, 0 to .* pkt/s")  # as long as that is all there is
    for window in ("2 min", "5 min", "15 min", "30 min", "60 min"):
        screen.keys("]")
        screen.wait_for(f"last {window}, ")
    screen.keys("]")  # there is no longer one
    screen.keys("[")
    screen.wait_for("last 30 min, ")
    screen.keys("c")
    screen.wait_for("UP TO .*own")
    screen.keys("c")
    screen.wait_for("last 30 min, 0 to")
    screen.quit()


def test_all_actions(lab, counted, terminal):
    screen = terminal()
    screen.start("--dev", "veth0")
    screen.wait_for(lambda text: row(text, "veth0"))
    screen.keys("o")
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
    text = screen.wait_for("─ Keys ─(.|\n)*R redirect")  # to its last line
    for key in ("Enter", "Esc", "PgUp", "quit", "interval", "units", "sort"):
        assert key in text
    screen.keys("x")
    screen.wait_for(lambda text: "─ Keys ─" not in text)
    screen.keys("?")
    screen.wait_for("─ Keys ─")
    screen.quit()


# ---- the page of a device


def test_detail(lab, counted, terminal):
    other = lab.veth("veth1")
    outcome = lab.load("veth1", "--action", "drop")
    screen = terminal()
    screen.start("--all", "--interval", "100ms")
    screen.wait_for("2 devices")
    screen.keys("Enter")
    screen.wait_for(lambda text: "veth0  attached g1" in text and "Esc back" in text)
    screen.keys("Down")
    text = screen.wait_for(lambda text: "veth1  attached g1" in text and "pinned at" in text)
    program = outcome["program"]
    map_id = next(item["id"] for item in outcome["maps"] if item["name"] == "xdp_stats_map")
    assert f"{program['name']} (id {program['id']}), native mode, by link, generation 1" in text
    assert f"{map_id}, pinned at {pin_dir('veth1')}/xdp_stats_map" in text
    assert "MTU 1500, up" in text and "xdp_link, xdp_stats_map, xdp_stats_meta" in text
    traffic = lab.traffic(other, 100)
    text = screen.wait_for(r"busiest cpu \d+: .* unevenness \d+\.\d(.|\n)*│ 0 ·*[▁▂▃▄▅▆▇]")
    assert re.search(r"^│ +0 └", text, re.MULTILINE) and re.search(r"^│pkt/s .*\d\d:\d\d:\d\d", text, re.MULTILINE)
    sent = traffic.finish()
    text = screen.wait_for(rf"D drop +{sent:,} +{100 * sent:,} ")
    assert re.search(r"D drop .* 100 B", text), "all frames had 100 bytes"
    screen.keys("Escape")
    screen.wait_for("2 devices")
    screen.keys("Enter")
    screen.wait_for("pinned at(.|\n)*Esc back")
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


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (200, 60), (40, 8), (41, 11)])
def test_sizes(lab, counted, terminal, size):
    screen = terminal(*size)
    screen.start("--dev", "veth0", "--interval", "100ms")
    room = size[1] >= 24
    text = screen.wait_for(lambda text: row(text, "veth0") and ("┤" in text or not room))  # painted after the list
    assert ("┤" in text) == room, "the plot is there where there is room for it"
    screen.keys("Enter")
    screen.wait_for("Esc back")
    screen.wait_for("P pass +1,234")
    assert max(map(len, screen.lines())) <= size[0]
    screen.quit()


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36), (200, 60)])
def test_forty_devices(lab, terminal, size):
    for number in range(40):
        lab.veth(f"veth{number}")
    lab.loader("--skb-mode", *named(f"veth{number}" for number in range(40)))
    screen = terminal(*size)
    screen.start("--all", "--interval", "100ms")
    text = screen.wait_for(lambda text: "40 devices" in text and order(text)[:3] == ["veth0", "veth1", "veth2"])
    assert max(map(len, text.splitlines())) <= size[0]
    assert text.splitlines()[0].startswith("╭") and text.splitlines()[-2].startswith("╰")
    screen.keys("End")
    screen.wait_for("▸ veth39")
    screen.keys("Enter")
    screen.wait_for("─ veth39 (.|\n)*Esc back")
    screen.quit()


def test_resizing(lab, counted, terminal):
    screen = terminal(80, 24)
    screen.start("--dev", "veth0", "--interval", "1h")
    screen.wait_for(lambda text: row(text, "veth0"))
    screen.resize(165, 30)
    screen.wait_for(r"\+ - interval$")
    for size in ((39, 24), (40, 7), (10, 3), (2, 1)):  # of a single column, ncurses can draw no last one
        screen.resize(*size)
        screen.wait_for("terminal too small"[:size[0]])
    screen.resize(40, 8)
    screen.wait_for(lambda text: row(text, "veth0"))
    screen.keys("Enter")
    screen.resize(80, 24)
    screen.wait_for(r"P pass +1,234 +123,400(.|\n)*pinned at")
    screen.quit()


def test_plain_terminal(lab, counted, terminal):
    """Neither colours nor Unicode."""
    screen = terminal(*SIZE, TERM="vt100", LC_ALL="C")
    screen.start("--dev", "veth0", "--interval", "100ms")
    screen.wait_for(has("veth0", 1234))
    screen.wait_for(r"^\|> veth0")
    traffic = lab.traffic(counted, 100)
    # Letters make up the area of the plot.
    text = screen.wait_for(r"^\| +(\S+( [kM])? \+|\|) +P+ ")
    assert text.isascii()
    screen.keys("Enter")
    text = screen.wait_for("pinned at(.|\n)*Esc back")
    assert text.isascii()
    assert not COLOUR.search(screen.text(styles=True))
    traffic.finish()
    screen.keys("?")
    assert screen.wait_for("- Keys -").isascii()
    screen.quit()


def test_colours_and_no_color(lab, counted, terminal):
    lab.load("veth0", "--action", "drop")
    blue, orange, yellow, cyan = "48;5;32", "48;5;202", "43", "46"
    for term, drop, passed in [("screen-256color", orange, blue), ("screen", yellow, cyan)]:
        screen = terminal(*SIZE, TERM=term)
        screen.start("--dev", "veth0")
        screen.wait_for(lambda text: row(text, "veth0"))
        screen.keys("o", "a")
        screen.wait_for(lambda text: row(text, "pass") and row(text, "drop"))
        text = screen.text(styles=True)
        assert re.search(rf"\x1b\[[0-9;]*{drop}m *D", text) and re.search(rf"\x1b\[[0-9;]*{passed}m *P", text)
        screen.quit()
    plain = terminal(*SIZE, TERM="screen-256color", NO_COLOR="1")
    plain.start("--dev", "veth0")
    plain.wait_for(lambda text: row(text, "veth0"))
    plain.keys("o")
    traffic = lab.traffic(counted, 100)
    plain.wait_for(r"^│ +(\S+( [kM])? ┤|│)[ ▔]+D+ ")
    assert not COLOUR.search(plain.text(styles=True))
    traffic.finish()
    plain.quit()


def test_a_locale_that_is_not_installed(lab, counted, terminal):
    screen = terminal(*SIZE, LC_ALL="xx_XX.UTF-8")
    screen.start("--dev", "veth0")
    screen.wait_for(r"^│▸ veth0")
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


class Line:
    """A terminal without anything that shows it: what is written there is read when the test does so."""

    def __init__(self):
        self.ours, self.its = os.openpty()
        self.read = b""
        self.before = termios.tcgetattr(self.its)
        self.resize(50, 200)
        self.view = subprocess.Popen(["setsid", "--ctty", "env", "TERM=xterm-256color", "LC_ALL=C.UTF-8", STATS,
                                      "--live", "--dev", "veth0"], stdin=self.its, stdout=self.its, stderr=self.its)
        self.read_until(b"veth0")

    def resize(self, height, width):
        fcntl.ioctl(self.its, termios.TIOCSWINSZ, struct.pack("4H", height, width, 0, 0))

    def read_until(self, text):
        begin, end = len(self.read), time.monotonic() + DEADLINE
        while self.read.find(text, begin) < 0:
            assert select.select([self.ours], [], [], DEADLINE)[0] and time.monotonic() < end, "it is not written"
            self.read += os.read(self.ours, 1 << 16)

    def fill(self):
        """Has the screen drawn anew until the terminal takes no more, and not for a moment only."""
        stack = Path(f"/proc/{self.view.pid}/stack")
        waiting = 0
        while waiting < 200:
            if (select.select([], [self.its], [], 0)[1]
                    or not re.search("wait_woken.*tty_write", stack.read_text(encoding="ascii"), re.DOTALL)):
                os.write(self.ours, b"\x0c")
                waiting = 0
            waiting += 1

    def wait_for_end(self):
        assert self.view.wait(DEADLINE) == 0
        assert termios.tcgetattr(self.its) == self.before
        while select.select([self.ours], [], [], 0)[0]:
            self.read += os.read(self.ours, 1 << 16)
        assert self.read.rfind(b"\x1b[?1049l") > self.read.rfind(b"\x1b[?1049h")

    def close(self):
        self.view.kill()
        self.view.wait()
        os.close(self.ours)
        os.close(self.its)


@pytest.fixture
def line(counted):
    with contextlib.closing(Line()) as made:
        yield made


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_end_it_while_the_terminal_takes_nothing(line, stopped, end):
    """After Ctrl-S, or where nobody reads. What is shown when it goes on is the restored screen."""
    if stopped:
        os.write(line.ours, b"\x13")
    line.fill()
    line.view.send_signal(end)
    line.wait_for_end()


@pytest.mark.parametrize("size", [(24, 32768), (65535, 80), (65535, 65535)])
def test_sizes_that_ncurses_cannot_have(line, size):
    """`stty cols 40000` is enough. Part of it is drawn on."""
    line.resize(*size)
    line.read_until(b"veth0")
    line.resize(24, 80)
    line.read_until(b"veth0")
    os.write(line.ours, b"q")
    line.read_until(b"\x1b[?1049l")
    line.wait_for_end()


GO_ON = "clear; fg; echo status $?"


def test_stop_and_go_on(lab, counted, terminal):
    screen = terminal()
    screen.type("set -m")
    screen.type(f"{STATS} --live --dev veth0 --interval 100ms")
    screen.wait_for(has("veth0", 1234))
    for _ in range(2):
        screen.keys("C-z")
        screen.wait_for(lambda text: "Stopped" in text or "Suspended" in text)
        assert screen.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").strip() == "0 1"
        send(counted, 10, 100)
        screen.type(GO_ON)
        screen.wait_for(r"q quit")
        wait_until(screen.full_screen, "the view is back")
    screen.wait_for(has("veth0", 1254))
    screen.keys("q")
    screen.wait_for("^status 0$")


def test_a_stop_from_outside(lab, counted, terminal):
    screen = terminal()
    screen.type("set -m")
    screen.type(f"{STATS} --live --dev veth0 --interval 1h")
    screen.wait_for(has("veth0", 1234))
    pid = reader()
    os.kill(pid, signal.SIGTSTP)
    screen.wait_for("Stopped|Suspended")
    screen.type(GO_ON)
    screen.wait_for("q quit")
    # It cannot leave the screen, and the shell writes into the picture. dash does not restore the terminal's
    # settings either: Enter ends no line there, Ctrl-J does.
    os.kill(pid, signal.SIGSTOP)
    screen.wait_for("Stopped|Suspended")
    screen.type(GO_ON, end="C-j")
    screen.wait_for(lambda text: "q quit" in text and not re.search("Stopped|Suspended", text))
    assert screen.full_screen()
    screen.keys("q")
    screen.wait_for("^status 0$")


def test_a_stopped_view_ends_by_a_signal(lab, counted, terminal):
    """As by `kill %1` of bash, which continues it in the background."""
    screen = terminal()
    screen.type("set -m")
    screen.type(f"{STATS} --live --dev veth0")
    screen.wait_for(has("veth0", 1234))
    pid = reader()
    screen.keys("C-z")
    screen.wait_for("Stopped|Suspended")
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not lives(pid), "it does not end")
    wait_until(lambda: not screen.full_screen(), "the screen is not restored")


def test_a_stop_while_the_screen_is_drawn(lab, counted, terminal):
    """While it writes, ncurses ignores the signal, unless the program has handled it since before ncurses started."""
    screen = terminal()
    screen.type("set -m")
    slowly = shlex.join(strace("-D", "-e", "trace=write", "-e", "inject=write:delay_exit=100ms"))
    screen.type(f"clear; {slowly} {STATS} --live --dev veth0 --interval 1h")
    screen.wait_for("map totals")
    os.kill(reader(), signal.SIGTSTP)
    screen.wait_for("Stopped|Suspended")
    screen.type(GO_ON)
    screen.wait_for("q quit")
    screen.keys("q")
    screen.wait_for("^status 0$")


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
                 prefix=strace("-f", "-e", "trace=ppoll", "-e", "inject=ppoll:error=ENOMEM:when=20+"))
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
