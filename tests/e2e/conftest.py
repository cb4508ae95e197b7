import os
from pathlib import Path

import pytest

import lab as lab_module

TOP = Path(__file__).resolve().parents[2]


def pytest_configure(config):
    if os.environ.get("XDP_TALLY_E2E") != "1":
        pytest.exit("run these tests through tests/e2e/run: they need namespaces of their own", returncode=2)


def allowed_skips():
    lines = (TOP / "tests/allowed-skips.txt").read_text().splitlines()
    return {line.partition("#")[0].strip() for line in lines} - {""}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    name = f"{item.path.name}::{item.name}"
    if report.skipped and name not in allowed_skips():
        report.outcome = "failed"
        report.longrepr = f"{name} was skipped, which tests/allowed-skips.txt does not allow: {report.longrepr}"


@pytest.fixture(autouse=True)
def lab():
    """A place to build devices and start programs in; whatever a test leaves behind fails it."""
    with lab_module.Lab() as lab:
        yield lab


@pytest.fixture
def veth0(lab):
    return lab.veth("veth0")
