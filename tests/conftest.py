# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "tools")]

import declared  # noqa: E402: found by the line above
from support import namespaces  # noqa: E402
from support.lab import Lab  # noqa: E402
from support.strace import Faults  # noqa: E402
from support.tmux import Terminal  # noqa: E402

KERNEL = os.environ.get("XDP_TALLY_KERNEL")  # which of tests/vm/kernels this is, in a virtual machine


def pytest_configure(config):
    if os.environ.get("XDP_TALLY_E2E") != "1":
        pytest.exit("run these tests through tests/e2e/run: they need namespaces of their own", returncode=2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test is skipped where that is declared, and nowhere else."""
    report = (yield).get_result()
    name = f"{item.path.name}::{item.name}"
    where = "vm/skips" if KERNEL else "allowed-skips.txt"
    skips = declared.vm_skips(KERNEL) if KERNEL else declared.allowed_skips()
    if report.skipped and not declared.matches(name, skips):
        report.outcome = "failed"
        report.longrepr = f"{name} was skipped, which tests/{where} does not allow: {report.longrepr}"
    elif KERNEL and report.when == "call" and report.passed and declared.matches(name, skips):
        report.outcome = "failed"
        report.longrepr = f"tests/{where} says that {name} is skipped on {KERNEL}, and it was not"


def pytest_terminal_summary(terminalreporter):
    if Faults.injected:
        terminalreporter.write_line(f"{Faults.injected} faults injected")


@pytest.fixture(autouse=True)
def lab(request, monkeypatch):
    """A place to build devices and start programs in; whatever a test leaves behind fails it."""
    # The tests of tests/e2e are about links. Where libxdp's dispatcher works, that is what a load takes otherwise.
    if KERNEL and request.path.parent.name == "e2e" and not getattr(request.module, "IN_DISPATCHERS_TOO", False):
        monkeypatch.setenv("LIBXDP_SKIP_DISPATCHER", "1")
    with Lab() as fresh:
        yield fresh


@pytest.fixture
def veth0(lab):
    return lab.veth("veth0")


@pytest.fixture(name="terminal")
def terminals(lab):
    """Makes terminals; their servers end with the test, however that ends."""
    made = []

    def make(*size, **environment):
        made.append(Terminal(*size, **environment))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(name="no_bpffs")
def without_bpffs(lab):
    namespaces.hide_bpffs(lab)


@pytest.fixture(name="netns")
def netns_factory(lab):
    return lambda name: namespaces.Namespace(lab, name)


@pytest.fixture(name="red")
def netns_red(netns):
    return netns("red")
