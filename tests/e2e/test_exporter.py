# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""xdp_stats --listen and --format prometheus: what a scrape says, and what clients cannot do to the exporter."""

import contextlib
import os
import re
import signal
import socket
import threading
import urllib.error
from pathlib import Path

import pytest

from support import kernel
from support.exporter import Exporter, get, once, parse
from support.pins import BPFFS, pin_dir
from support.process_table import descriptors_of, memory_of
from support.processes import CAP_BPF, NOBODY, WITHOUT_LEAK_CHECK, as_user, run, wait_until
from support.programs import CONFLICT, NOT_FOUND, STATS, USAGE, copy_for_everyone
from support.prometheus import check_metrics
from support.strace import strace
from support.traffic import send

ACTIONS = ("aborted", "drop", "pass", "tx", "redirect")


def counters(samples, name, dev="veth0", netns=""):
    return [samples[name, (dev, netns, action)] for action in ACTIONS]


# ---- what a scrape says


def test_metrics(lab, veth0):
    outcome = lab.load("veth0", "--action", "drop")
    send(veth0, 30, 100)
    lab.wait_for_counts("veth0", {"XDP_DROP": (30, 3000)})
    samples = Exporter(lab, "--dev", "veth0").scrape()
    assert counters(samples, "xdp_action_packets_total") == [0, 30, 0, 0, 0]
    assert counters(samples, "xdp_action_bytes_total") == [0, 3000, 0, 0, 0]
    assert samples["xdp_up", ("veth0", "")] == 1
    assert samples["xdp_map_generation", ("veth0", "")] == outcome["generation"]
    program = outcome["program"]
    assert samples["xdp_program_info", ("veth0", "", program["name"], str(program["id"]), "native", "link")] == 1
    states = {labels[2]: value for (name, labels), value in samples.items() if name == "xdp_feed_state"}
    assert states == {"attached": 1, "detached": 0, "stale": 0, "foreign": 0, "unknown": 0}
    version = run([STATS, "--version"]).out.split()[1]
    assert samples["xdp_tally_build_info", (version,)] == 1


def test_same_text_for_the_textfile_collector(lab, veth0):
    lab.load("veth0")
    send(veth0, 30, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (30, 3000)})
    assert once("--dev", "veth0") == Exporter(lab, "--dev", "veth0").text()


def test_promtool_has_nothing_to_say(lab, veth0):
    lab.load("veth0")
    check_metrics(once("--all"))


def test_namespaces_and_pins(lab, veth0, red):
    lab.load("veth0")
    red.veth()
    lab.loader_json(*red.option, "--dev", "veth0")
    path = lab.foreign_map(BPFFS / "xdp-filter" / "xdp_stats_map", "percpu_array", 4, 16, 5)
    samples = Exporter(lab, "--all").scrape()
    up = {labels: value for (name, labels), value in samples.items() if name == "xdp_up"}
    assert up == {("veth0", ""): 1, ("veth0", "red"): 1, (str(path), ""): 1}


def test_never_goes_back(lab, veth0):
    """Replaced with the map or with the program alone, unloaded and loaded anew: only what was sent is added."""
    lab.load("veth0")
    exporter = Exporter(lab, "--dev", "veth0")
    sent = 0
    for arguments in ([], ["--reuse-maps"], ["--action", "pass"], ["--reuse-maps", "--new-map", "xdp_stats_map"]):
        send(veth0, 10, 100)
        sent += 10
        wait_until(lambda: exporter.packets() >= sent, "counts never came")
        assert exporter.packets() == sent
        lab.load("veth0", *arguments)
        assert exporter.packets() == sent
    lab.loader("--dev", "veth0", "--unload")
    samples = exporter.scrape()
    assert samples["xdp_up", ("veth0", "")] == 0
    assert samples["xdp_action_packets_total", ("veth0", "", "pass")] == sent
    lab.load("veth0")
    send(veth0, 5, 100)
    wait_until(lambda: exporter.packets() >= sent + 5, "counts never came")
    assert exporter.packets() == sent + 5
    assert exporter.scrape()["xdp_up", ("veth0", "")] == 1


def test_replacements_between_scrapes(lab, veth0):
    """What maps counted that came and went unseen by any scrape."""
    lab.load("veth0")
    exporter = Exporter(lab, "--dev", "veth0")
    before = exporter.packets()
    traffic = lab.traffic(veth0, 100)
    for _ in range(10):
        lab.load("veth0")
    sent = traffic.finish()
    wait_until(lambda: exporter.packets() >= before + sent, "counts never came")
    assert exporter.packets() == before + sent


def test_new_exporter_goes_on(lab, veth0):
    """A lineage's counts are in its meta: another exporter, and another generation, say the same."""
    lab.load("veth0")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    lab.load("veth0")
    send(veth0, 3, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (3, 300)})
    assert Exporter(lab, "--dev", "veth0").packets() == 13
    assert parse(once("--dev", "veth0"))["xdp_action_bytes_total", ("veth0", "", "pass")] == 1300


def test_detached(lab, veth0):
    """The program gone, its maps kept: the counts stay, and nobody is told that they go on."""
    lab.load("veth0")
    exporter = Exporter(lab, "--dev", "veth0")
    lab.loader("--dev", "veth0", "--unload", "--keep-maps")
    lab.cleanups.append(lambda: lab.loader("--clean"))

    def state():
        samples = exporter.scrape()
        return samples["xdp_up", ("veth0", "")], samples["xdp_feed_state", ("veth0", "", "detached")]

    wait_until(lambda: state() == (0, 1), lambda: f"still {state()}")


def test_map_of_another_layout_ends_nothing(lab, veth0):
    """One device's trouble is not the others', and is said once, however often somebody asks."""
    lab.load("veth0")
    lab.veth("veth1")
    lab.load("veth1")
    exporter = Exporter(lab, "--dev", "veth0", "--dev", "veth1")
    lab.loader("--dev", "veth1", "--unload")
    lab.foreign_map(pin_dir("veth1") / "xdp_stats_map", "hash", 4, 8, 1)
    wait_until(lambda: exporter.scrape()["xdp_up", ("veth1", "")] == 0, "still up")
    exporter.process.wait_for_line("veth1: .*layout", stream="err")
    for _ in range(3):
        assert exporter.scrape()["xdp_up", ("veth0", "")] == 1
    assert len([line for line in exporter.process.lines["err"] if "layout" in line]) == 1


def test_not_loaded_yet(lab, veth0):
    exporter = Exporter(lab, "--dev", "veth0")
    samples = exporter.scrape()
    assert samples["xdp_up", ("veth0", "")] == 0 and ("xdp_map_generation", ("veth0", "")) not in samples
    lab.load("veth0")
    assert exporter.scrape()["xdp_up", ("veth0", "")] == 1


def test_nothing_is_counted_of_what_was_never_read(lab, veth0):
    """Not even 0, which would be a number: it was unloaded before anybody asked."""
    lab.load("veth0")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    exporter = Exporter(lab, "--dev", "veth0")
    lab.loader("--dev", "veth0", "--unload")
    exporter.process.wait_for_line("veth0: map [0-9]+ is no longer pinned; waiting", stream="err")
    assert {name for name, _ in exporter.scrape()} == {"xdp_up", "xdp_tally_build_info"}


def test_devices_come(lab):
    exporter = Exporter(lab, "--all")
    veth = lab.veth("veth0")
    lab.load("veth0")
    send(veth, 4, 100)
    wait_until(lambda: ("xdp_up", ("veth0", "")) in exporter.scrape(), "the device was never found")
    wait_until(lambda: exporter.packets() >= 4, "counts never came")
    assert exporter.packets() == 4


def test_names_that_are_no_utf8(lab):
    """Prometheus takes nothing else, nor a series twice, and would refuse the whole scrape."""
    names = [b"veth\xff0", b"veth\xfe0", b"v\xc3\xa9\xe2\x82", b"\xed\xb0\x80", b"\\xff"]
    for index, name in enumerate(map(os.fsdecode, names)):
        lab.veth(name, peer=f"p-latin{index}")
        lab.loader_json("--dev", name)
    text = once("--all")
    devices = re.findall('^xdp_up{device="(.*?)",', text, re.MULTILINE)
    assert sorted(devices) == sorted(["veth%FF0", "veth%FE0", "v\u00e9%E2%82", "%ED%B0%80", r"\\xff"])
    check_metrics(text)


# ---- as whom


@pytest.mark.parametrize("args, uid", [([], 0), (["--user", "nobody"], NOBODY)])
def test_gives_up_privileges(lab, veth0, args, uid):
    """All capabilities, but for the one without which an older kernel lets nobody read."""
    kept = 0 if kernel.unprivileged_reading() else CAP_BPF
    lab.load("veth0")
    exporter = Exporter(lab, "--all", *args)
    (thread,) = exporter.threads()
    assert thread["Uid"].split() == [str(uid)] * 4
    assert {int(thread[name], 16) for name in ("CapPrm", "CapEff")} == {kept}
    assert {int(thread[name], 16) for name in ("CapInh", "CapAmb")} == {0}
    assert thread["NoNewPrivs"] == "1"
    assert thread["Groups"].split() == [] or not args
    # It goes on following all the same.
    lab.load("veth0")
    send(veth0, 6, 100)
    wait_until(lambda: exporter.packets() >= 6, "counts never came")


@pytest.mark.parametrize("source", [("--all",), ("--dev", "veth0")], ids=" ".join)
def test_counters_that_only_root_can_reach(lab, veth0, source):
    """It says so, and how they can be read; until then it has no number of them, and then the right one."""
    lab.load("veth0")
    send(veth0, 10, 100)
    lab.wait_for_counts("veth0", {"XDP_PASS": (10, 1000)})
    lab.close_bpffs()
    exporter = Exporter(lab, *source, "--user", "nobody")
    told = exporter.process.wait_for_line("^xdp_stats: veth0: ", stream="err")
    assert f"this user may not look into {BPFFS} (mode 0700); waiting; as root, `chmod a+rx {BPFFS}`" in told
    samples = exporter.scrape()
    assert samples["xdp_up", ("veth0", "")] == 0
    assert {name for name, _ in samples} == {"xdp_up", "xdp_tally_build_info"}
    run(re.search("`(chmod [^`]*)`", told)[1].split())
    assert exporter.packets() == 10
    exporter.process.wait_for_line("veth0: .*is pinned again", stream="err")


def test_no_counters_yet_where_only_root_can_look(lab, veth0):
    lab.close_bpffs()
    exporter = Exporter(lab, "--all", "--user", "nobody")
    told = exporter.process.wait_for_line("may not look into", stream="err")
    run(re.search("`(chmod [^`]*)`", told)[1].split())
    lab.load("veth0")
    wait_until(lambda: ("xdp_up", ("veth0", "")) in exporter.scrape(), "the device was never found")


def test_ordinary_user(lab, veth0):
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    _, stats = copy_for_everyone()
    exporter = Exporter(lab, "--all", prefix=as_user(NOBODY), program=stats)
    assert exporter.scrape()["xdp_up", ("veth0", "")] == 1


def test_user_that_does_not_exist(lab, veth0):
    lab.load("veth0")
    err = run([STATS, "--dev", "veth0", "--listen", "0", "--user", "no-such-user"], NOT_FOUND).err
    assert err == "xdp_stats: changing to user 'no-such-user': there is no such user\n"


def test_user_that_cannot_be_looked_up(lab, veth0, tmp_path):
    """For want of descriptors nobody knows whether there is one."""
    lab.load("veth0")
    (tmp_path / "nsswitch.conf").write_text("passwd: files\n")
    mounted = f'mount --bind {tmp_path}/nsswitch.conf /etc/nsswitch.conf; exec "$@"'
    files_alone = ["unshare", "--mount", "sh", "-c", mounted, "sh"]
    without_passwd = strace("-P", "/etc/passwd", "-e", "inject=openat:error=EMFILE")
    err = run([*files_alone, *without_passwd, STATS, "--dev", "veth0", "--listen", "0", "--user", "daemon"], 1).err
    assert err == "xdp_stats: changing to user 'daemon': Too many open files\n"


def test_user_needs_privileges(lab, veth0):
    lab.load("veth0")
    _, stats = copy_for_everyone()
    err = run([*as_user(NOBODY), stats, "--all", "--listen", "0", "--user", "root"], 3).err
    assert "CAP_SETUID" in err


# ---- where


def test_port_that_is_taken(lab, veth0):
    lab.load("veth0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        err = run([STATS, "--dev", "veth0", "--listen", str(port)], CONFLICT).err
    assert f"listening at 127.0.0.1:{port}: " in err and f"ss -ltnp 'sport = :{port}'" in err


def test_port_that_takes_a_capability(lab, veth0):
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    _, stats = copy_for_everyone()
    err = run([*as_user(NOBODY), stats, "--all", "--listen", "80"], 3).err
    assert "CAP_NET_BIND_SERVICE" in err and "hint: " in err


@pytest.fixture(name="ipv6")
def loopback_with_ipv6(lab):
    setting = Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6")
    before = setting.read_text(encoding="ascii")
    lab.cleanups.append(lambda: setting.write_text(before, encoding="ascii"))
    setting.write_text("0", encoding="ascii")  # and there is ::1
    return setting


def metrics_at(host, port):
    with get(f"http://{host}:{port}/metrics") as answer:
        return parse(answer.read().decode())


def served_at(process):
    """Host and port of the line that says where it serves."""
    line = process.wait_for_line("^serving ")
    return re.fullmatch(r"serving http://(.+):(\d+)/metrics", line).groups()


def test_ipv6(lab, veth0, ipv6):
    lab.load("veth0")
    assert ipv6.read_text(encoding="ascii") == "0\n"
    host, port = served_at(lab.process(STATS, "--dev", "veth0", "--listen", "[::1]:0"))
    assert host == "[::1]"
    assert metrics_at(host, port)["xdp_up", ("veth0", "")] == 1
    err = run([STATS, "--dev", "veth0", "--listen", f"[::1]:{port}"], CONFLICT).err
    assert f"listening at [::1]:{port}: " in err


NO_AUTHENTICATION = "there is no authentication: whoever reaches it can read the counters"


@pytest.mark.parametrize("address", ["*:0", "[::]:0"])
def test_all_addresses(lab, veth0, ipv6, address):
    lab.load("veth0")
    assert ipv6.read_text(encoding="ascii") == "0\n"
    process = lab.process(STATS, "--dev", "veth0", "--listen", address)
    host, port = served_at(process)
    assert host == "[::]"
    process.wait_for_line(re.escape(f"xdp_stats: [::]:{port}: {NO_AUTHENTICATION}"), stream="err")
    assert metrics_at("127.0.0.1", port) == metrics_at("[::1]", port)


def test_all_addresses_where_there_is_no_ipv6(lab, veth0):
    """Refused by the kernel as if it had none; the first bind is of the socket that hears of interfaces that leave."""
    lab.load("veth0")
    refused = strace("--daemonize", "--quiet=all", "--inject=bind:error=EADDRNOTAVAIL:when=2")
    process = lab.process(*refused, STATS, "--dev", "veth0", "--listen", "*:0")
    host, port = served_at(process)
    assert host == "0.0.0.0"
    process.wait_for_line(re.escape(f"xdp_stats: 0.0.0.0:{port}: {NO_AUTHENTICATION}"), stream="err")
    assert metrics_at("127.0.0.1", port)["xdp_up", ("veth0", "")] == 1


@pytest.mark.parametrize("address, said", [("0", True), (":0", True), ("localhost:0", False), ("127.0.0.1:0", False)])
def test_loopback(lab, veth0, address, said):
    """Who names no address is told which it is."""
    lab.load("veth0")
    process = lab.process(STATS, "--dev", "veth0", "--listen", address)
    host, port = served_at(process)
    assert host == "127.0.0.1"
    process.stop(signal.SIGTERM)
    notice = f"only this machine reaches it; `--listen '*:{port}'` means all of its addresses"
    assert process.lines["err"] == [f"xdp_stats: 127.0.0.1:{port}: {notice}"] * said
    if said:
        process = lab.process(STATS, "--dev", "veth0", "--listen", f"*:{port}")
        assert served_at(process) in (("[::]", port), ("0.0.0.0", port))
        process.stop(signal.SIGTERM)


@pytest.mark.parametrize("address, reason", [
    ("nowhere:9417", "'nowhere' is not an IP address"), ("127.0.0.1:", "a port is a number"),
    ("70000", "a port is a number"), ("::1:9417", "in brackets"), ("[127.0.0.1]:1", "not an IP address"),
    ("127.0.0.1:80x", "a port is a number")])
def test_addresses_that_are_none(address, reason):
    err = run([STATS, "--all", "--listen", address], USAGE).err
    assert reason in err and "hint: " in err


@pytest.mark.parametrize("args", [["--once"], ["--count", "1"], ["--live"], ["--json"], ["--interval", "1"],
                                  ["--output", "x"], ["--per-cpu"], ["--since-start"], ["--totals", "lifetime"]])
def test_excludes(args):
    assert "--listen" in run([STATS, "--all", "--listen", "0", *args], USAGE).err


@pytest.mark.parametrize("args", [["--since-start"], ["--per-cpu"], ["--per-program"], ["--totals", "lifetime"]])
def test_what_its_format_does_not_have(args):
    err = run([STATS, "--dev", "veth0", "--format", "prometheus", *args], USAGE).err
    assert "--format prometheus" in err and args[0] in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_by_a_signal(lab, veth0, number):
    lab.load("veth0")
    Exporter(lab, "--dev", "veth0").process.stop(number)


# ---- clients that mean no good


def answer_to(exporter, request):
    """Whatever comes back until the exporter hangs up."""
    with exporter.connect() as client:
        answer = b""
        try:
            client.sendall(request)
            while part := client.recv(65536):
                answer += part
        except ConnectionError:
            pass
        return answer


@pytest.fixture(name="exporter")
def running_exporter(lab, veth0):
    lab.load("veth0")
    exporter = Exporter(lab, "--dev", "veth0")
    exporter.scrape()
    return exporter


def test_head(exporter):
    """The headers of the answer to a GET, and nothing behind them."""
    answer = get(exporter.url)
    text = answer.read()
    head = answer_to(exporter, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n").decode()
    assert head.startswith("HTTP/1.1 200 OK\r\n") and head.endswith("\r\n\r\n") and head.count("\r\n\r\n") == 1
    headers = dict(line.split(": ") for line in head.strip().splitlines()[1:])
    assert headers["Content-Type"] == answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert headers["Content-Length"] == answer.headers["Content-Length"] == str(len(text))


def test_landing_page(exporter):
    """It leads to the metrics, as every exporter's does."""
    with get(f"http://127.0.0.1:{exporter.port}/") as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        page = answer.read().decode()
    version = run([STATS, "--version"]).out.split()[1]
    assert f"<h1>xdp_stats {version}</h1>" in page and '<a href="/metrics">' in page


@pytest.mark.parametrize("path", ["/metrics/", "/metrics/../../etc/passwd", "/etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
                                  "/cgi-bin/x.cgi", "//metrics", "//", "//x/metrics", "/metrics;x"])
def test_nothing_else_is_served(exporter, path):
    with pytest.raises(urllib.error.HTTPError) as error:
        get(f"http://127.0.0.1:{exporter.port}{path}")
    assert error.value.code in (400, 403, 404)


@pytest.mark.parametrize("request_bytes", [
    b"\0" * 4096, b"GET\r\n\r\n", b"\r\n\r\n\r\n", os.urandom(65536), b"GET /metrics HTTP/9.9\r\n\r\n",
    b"PUT /metrics HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 100000,
    b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 5000000],
    ids=["zeros", "method", "newlines", "noise", "version", "length", "chunk", "headers", "header"])
def test_garbage(exporter, request_bytes):
    memory = memory_of(exporter.process.popen.pid)
    for _ in range(3):
        answer_to(exporter, request_bytes)
    assert exporter.packets() == 0
    assert memory_of(exporter.process.popen.pid) < memory + 8192


def test_clients_that_leave_at_once(exporter):
    before = len(descriptors_of(exporter.process.popen.pid))
    for _ in range(500):
        with exporter.connect() as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert exporter.packets() == 0
    wait_until(lambda: len(descriptors_of(exporter.process.popen.pid)) <= before, "descriptors leak")


def test_thousand_slow_clients(exporter):
    """They send half a request and nothing more. A scrape is answered while they are there, and memory is bounded."""
    memory = memory_of(exporter.process.popen.pid)
    clients = []
    try:
        for _ in range(1000):
            clients.append(exporter.connect())
            clients[-1].sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
        assert exporter.packets() == 0
        assert memory_of(exporter.process.popen.pid) < memory + 32768
    finally:
        for client in clients:
            client.close()
    assert exporter.packets() == 0


def test_many_clients_that_go_on_slowly(exporter):
    """A byte now and then: no silence ends their visit."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(exporter.connect()) for _ in range(600)]
        for client in clients:
            client.setblocking(False)
        scraped = threading.Event()

        def drip():
            while not scraped.is_set():
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.send(b"G")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert exporter.packets() == 0
        finally:
            scraped.set()
            dripping.join()


def test_without_threads(lab, veth0):
    """Where the user may have no more of them; a user of its own, as the limit counts all that a user has."""
    kernel.need(kernel.unprivileged_reading)
    lab.load("veth0")
    _, stats = copy_for_everyone()
    prefix = [*WITHOUT_LEAK_CHECK, "prlimit", "--nproc=1:1", *as_user(NOBODY - 1)]
    exporter = Exporter(lab, "--all", prefix=prefix, program=stats)
    assert exporter.scrape()["xdp_up", ("veth0", "")] == 1


def test_client_that_takes_nothing(exporter):
    """It asks again and again and reads no answer."""
    with exporter.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        try:
            while True:
                client.send(b"GET /metrics HTTP/1.1\r\nConnection: keep-alive\r\n\r\n" * 100)
        except (BlockingIOError, ConnectionError):
            pass
        assert exporter.packets() == 0
