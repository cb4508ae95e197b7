# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""How results are summed up: what is no pass and no declared skip is a failure, whoever wrote the file."""

import ast
import functools
import re

import pytest

import declared
import summary
import vm

CTEST_CASE = '<testcase name="{name}" status="{status}"/>'
PYTEST_CASE = '<testcase classname="tests.e2e.test_x" name="{name}">{child}</testcase>'


def written(path, *cases):
    path.write_text(f"<testsuite>{''.join(cases)}</testsuite>")
    return str(path)


def summed(capsys, *files):
    status = summary.main(*files)
    return status, capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("case, line", [
    (CTEST_CASE.format(name="a", status="run"), "1 passed, 0 failed"),
    (CTEST_CASE.format(name="a", status="fail"), "0 passed, 1 failed"),
    (CTEST_CASE.format(name="a", status="notrun"), "0 passed, 1 failed"),
    (CTEST_CASE.format(name="vm.6.1", status="notrun"), "0 passed, 0 failed"),
    (PYTEST_CASE.format(name="a", child=""), "1 passed, 0 failed"),
    (PYTEST_CASE.format(name="a", child="<failure/>"), "0 passed, 1 failed"),
    (PYTEST_CASE.format(name="a", child="<error/>"), "0 passed, 1 failed"),
    (PYTEST_CASE.format(name="a", child="<skipped/>"), "0 passed, 0 failed"),
    ("", "0 passed, 1 failed"),
])
def test_summary(tmp_path, capsys, case, line):
    status, last = summed(capsys, written(tmp_path / "results.xml", case))
    assert last == line
    assert status == (0 if line.endswith(" 0 failed") else 1)


def test_summary_with_other_skips(tmp_path, capsys):
    """What one list declares is no skip of the other."""
    (name, *_) = declared.allowed_skips("allowed-skips.arm64.txt")
    results = written(tmp_path / "results.xml", CTEST_CASE.format(name=name, status="notrun"))
    assert summed(capsys, results) == (1, "0 passed, 1 failed")
    assert summary.main(results, skips="allowed-skips.arm64.txt") == 0


def test_summary_without_results(tmp_path, capsys):
    assert summed(capsys, str(tmp_path / "none.xml")) == (1, "0 passed, 1 failed")


def kernel(results, name, status, *cases, log="one\ntwo"):
    directory = results / name
    directory.mkdir()
    (directory / "status").write_text(str(status))
    (directory / "log").write_text(log)
    if cases:
        written(directory / "results.xml", *cases)
    return directory / "results.xml"


@pytest.mark.parametrize("status, cases, line, outcome", [
    (0, [PYTEST_CASE.format(name="a", child="")], "1 passed, 0 failed, 0 skipped as declared", 0),
    (1, [PYTEST_CASE.format(name="a", child="<failure/>")], "0 passed, 1 failed, 0 skipped as declared", 1),
    (0, [PYTEST_CASE.format(name="a", child="<skipped/>")], "0 passed, 0 failed, 1 skipped as declared", 0),
    (125, [], "0 passed, 1 failed, 0 skipped as declared", 1),  # an oops
    (0, [], "0 passed, 1 failed, 0 skipped as declared", 1),  # no results.xml
    (0, [""], "0 passed, 1 failed, 0 skipped as declared", 1),  # one without a test
    (3, [PYTEST_CASE.format(name="a", child="")], "1 passed, 1 failed, 0 skipped as declared", 1),
])
def test_report_of_a_kernel(tmp_path, capsys, status, cases, line, outcome):
    results = kernel(tmp_path, "6.1", status, *cases)
    assert vm.report(False, tmp_path, ["6.1"]) == outcome
    assert f"6.1: {line}" in capsys.readouterr().out
    # The same to who reads the file alone.
    assert summed(capsys, str(results))[0] == outcome


def test_report_of_a_kernel_that_could_not_be_fetched(tmp_path, capsys):
    missing = kernel(tmp_path, "sid", vm.NOT_FETCHED, log="no network")
    assert vm.report(False, tmp_path, ["sid"]) == vm.NOT_FETCHED
    assert "sid: SKIPPED: no network" in capsys.readouterr().out
    assert summed(capsys, str(missing)) == (0, "0 passed, 0 failed")
    kernel(tmp_path, "6.1", 0, PYTEST_CASE.format(name="a", child=""))
    assert vm.report(False, tmp_path, ["6.1", "sid"]) == 0


def test_a_declared_skip_that_no_test_has(tmp_path, capsys):
    kernel(tmp_path, "6.1", 0, PYTEST_CASE.format(name="a", child=""))
    assert vm.report(True, tmp_path, ["6.1"]) == 1
    assert "tests/vm/skips declares test_counts.py::" in capsys.readouterr().out


def test_table_of_features(tmp_path):
    case = ('<testcase classname="x" name="y"><properties><property name="feature" value="links"/>'
            '<property name="kernel" value="{}"/><property name="has" value="{}"/></properties></testcase>')
    kernel(tmp_path, "6.12", 0, case.format("6.12", "yes"))
    kernel(tmp_path, "6.1", 0, case.format("6.1", "no"))
    outcomes = [vm.Outcome(tmp_path / name, name) for name in ("6.12", "6.1")]
    assert vm.feature_table(outcomes) == "| | 6.1 | 6.12 |\n|---|---|---|\n| links | no | yes |\n"


def function_exists(name):
    file, _, test = name.partition("::")
    (path,) = declared.TESTS.glob(f"*/{file}")
    return test[:1] in ("", "*") or f"def {re.match(r'[a-z0-9_]+', test).group()}(" in path.read_text()


UNIT_TEST = re.compile(r"^TEST(?:_[FP])?\((\w+), (\w+)\)(.*?)^}", re.MULTILINE | re.DOTALL)


def unit_tests():
    """{ctest's name: what it does}"""
    return {f"unit.{suite}.{name}": body for path in declared.TESTS.glob("unit/**/*_test.cpp")
            for suite, name, body in UNIT_TEST.findall(path.read_text())}


def ctest_exists(name):
    if name.startswith("unit."):
        return name in unit_tests()
    directory, _, rest = name.partition(".")
    added = [text for path in declared.TESTS.glob("**/CMakeLists.txt")
             for text in re.findall(r"add_test\(NAME (\S+)", path.read_text())]
    files = [path.name for path in declared.TESTS.glob(f"{directory}/{rest}*") if rest]
    return name in added or (any(text.startswith(f"{directory}.${{") for text in added) and (rest == "*" or files))


def test_lists_name_what_there_is():
    """Every declared skip, and everything selected, is of a file and a test that exist, on a kernel that exists."""
    selection = dict(declared.lines(declared.TESTS / "vm/selection"))
    for kernels, name in declared.lines(declared.TESTS / "vm/skips"):
        assert set(kernels.split(",")) <= set(declared.kernel_names())
        assert function_exists(name), name
        lines = [selection.get(part) for part in (name, name.partition("[")[0], name.partition("::")[0])]
        assert next(filter(None, lines), "") != "never", f"{name} is run on no kernel"
    for name in selection:
        assert function_exists(name), name
    for name in (*declared.allowed_skips(), *declared.allowed_skips("allowed-skips.arm64.txt")):
        assert (function_exists if "::" in name else ctest_exists)(name), name


@functools.cache
def skipping(path, call):
    """The functions of a file that skip a test by this call, themselves or by what they call or take as a fixture."""
    tree = ast.parse(path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                and node.module.startswith("support.") for alias in node.names
                if alias.name in skipping(declared.TESTS / f"e2e/{node.module.replace('.', '/')}.py", call)}
    functions, fixtures = {}, {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = ({ast.unparse(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
                                    | {argument.arg for argument in node.args.args})
            for decorator in node.decorator_list:
                if "usefixtures" in ast.unparse(decorator):
                    functions[node.name] |= {argument.value for argument in decorator.args}
                named = re.search(r"fixture\(.*name='(\w+)'", ast.unparse(decorator))
                fixtures[node.name] = named[1] if named else node.name
    found, before = {call, *imported}, set()
    while found != before:
        before = set(found)
        found |= {fixtures.get(name, name) for name, uses in functions.items() if uses & before}
    return found - imported


@pytest.mark.parametrize("call", ["kernel.need", "pytest.skip"])
def test_what_skips_itself_is_declared(call):
    """For an emulated kernel, unless no such one runs it; and what needs something else than a kernel."""
    never = {name for name, when in declared.lines(declared.TESTS / "vm/selection") if when == "never"}
    places = [name for _, name in declared.lines(declared.TESTS / "vm/skips")]
    places += never if call == "kernel.need" else declared.allowed_skips()
    declarations = {name.partition("[")[0] for name in places}
    found = {f"{path.name}::{name}" for part in ("e2e", "vm") for path in declared.TESTS.glob(f"{part}/test_*.py")
             for name in skipping(path, call) if name.startswith("test_")}
    assert found
    assert {name for name in found if not {name, name.partition("::")[0], f"{name.partition('::')[0]}::*"}
            & declarations} == set()


def test_unit_tests_that_skip_themselves_are_declared():
    """The emulator of scripts/portability is what they skip themselves under."""
    found = {name for name, body in unit_tests().items() if "GTEST_SKIP" in body}
    assert found and found <= set(declared.allowed_skips("allowed-skips.arm64.txt"))


def test_selection(capsys):
    """A test that is not of its file's time is named, or left out."""
    for everything in (False, True):
        vm.select(everything)
        chosen = capsys.readouterr().out.splitlines()
        assert "tests/vm/test_kernel.py" in chosen
        assert ("tests/vm/test_dispatcher.py" in chosen) == everything
        assert ("tests/vm/test_dispatcher.py::test_replace" in chosen) != everything
        assert ("--deselect=tests/e2e/test_adopted_pins.py::test_killed_anywhere" in chosen) == everything
        assert ("tests/e2e/test_sections.py::test_each_of_many_loads_by_name[dispatcher]" in chosen) == everything
        assert "tests/e2e/test_sections.py" not in chosen
        assert ("tests/e2e/test_counts.py" in chosen) == everything


@pytest.mark.parametrize("name, declaration, same", [
    ("test_a.py::test_b[1-x]", "test_a.py::test_b[*-x]", True),
    ("test_a.py::test_b[1-x]", "test_a.py::test_b[1-x]", True),
    ("test_a.py::test_b1", "test_a.py::test_b[1]", False),
    ("test_a.py::test_bc", "test_a.py::test_b", False),
])
def test_patterns(name, declaration, same):
    assert declared.matches(name, [declaration]) == same
