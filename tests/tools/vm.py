# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""What scripts/vm-test decides and tells.

usage: vm.py select [--all]                    the files and tests to run and to leave out, one a line
       vm.py report [--all] RESULTS KERNEL...  a line for each kernel, and what failed; RESULTS/KERNEL has what it left
       vm.py features RESULTS KERNEL...        writes what tests/vm/test_kernel.py found there into docs/kernels.md
"""
import argparse
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

from declared import TESTS, kernel_names, lines, pattern, vm_skips

NOT_FETCHED = 77  # scripts/vm-run


# ---- what to run


def select(everything):
    files = {path.name: path.parent.name for part in ("vm", "e2e") for path in sorted((TESTS / part).glob("test_*.py"))}
    when = {name: "quick" if part == "vm" else "all" for name, part in files.items()}
    for name, word in lines(TESTS / "vm/selection"):
        if name.partition("::")[0] not in files or word not in ("quick", "all", "never"):
            sys.exit(f"tests/vm/selection: {name} {word}: no such test file, or none of quick, all, never")
        when[name] = word
    chosen = ("quick", "all") if everything else ("quick",)
    for name, word in when.items():
        file, _, test = name.partition("::")
        path = f"tests/{files[file]}/{name}"
        with_its_file = bool(test) and when[file] in chosen
        if word in chosen and not with_its_file:
            print(path)
        elif word not in chosen and with_its_file:
            print(f"--deselect={path}")
    return 0


# ---- what came of it


class Outcome:
    """What one kernel left in its directory: results.xml, log, and the status of scripts/vm-run."""

    def __init__(self, directory, name):
        self.name = name
        self.directory = directory
        self.status = int((directory / "status").read_text())
        self.log = (directory / "log").read_text(errors="replace").splitlines()
        self.cases = []
        self.problems = []
        if self.status == NOT_FETCHED:
            return
        try:
            self.cases = list(xml.parse(directory / "results.xml").getroot().iter("testcase"))
        except (OSError, xml.ParseError):
            pass  # the virtual machine did not get so far
        self.failed = [case for case in self.cases if has(case, "failure") or has(case, "error")]
        self.skipped = [case for case in self.cases if has(case, "skipped")]
        if (self.status and not self.failed) or not self.cases:
            last = self.log[-1] if self.log else "no output"
            self.problems.append(f"ended with status {self.status}{'' if self.cases else ' and no result'}: {last}")

    def check_declarations(self):
        """A declared skip without a test is one that was renamed or removed. The others were checked as they ran."""
        names = [case_name(case) for case in self.skipped]
        for declaration in vm_skips(self.name):
            if not any(map(pattern(declaration).fullmatch, names)):
                self.problems.append(f"tests/vm/skips declares {declaration}, and nothing like it was skipped")

    def tell(self):
        if self.status == NOT_FETCHED:
            print(f"{self.name}: SKIPPED: {' '.join(self.log)}")
            return
        for case in self.failed:
            print(f"FAILED {self.name}: {case_name(case)}")
        for problem in self.problems:
            print(f"FAILED {self.name}: {problem}")
        passed = len(self.cases) - len(self.failed) - len(self.skipped)
        seconds = sum(float(case.get("time", 0)) for case in self.cases)
        print(f"{self.name}: {passed} passed, {len(self.failed) + len(self.problems)} failed, "
              f"{len(self.skipped)} skipped as declared, in {seconds / 60:.0f} min ({self.directory}/log)")

    def add_problems_to_results(self):
        """For who reads results.xml alone: what did not come from a test is a test of its own there."""
        if self.status != NOT_FETCHED and not self.problems:
            return
        path = self.directory / "results.xml"
        root = xml.Element("testsuite")
        root.extend(self.cases)
        case = xml.SubElement(root, "testcase", name=f"vm.{self.name}")
        if self.status == NOT_FETCHED:
            case.set("status", "notrun")
        else:
            xml.SubElement(case, "failure", message="; ".join(self.problems))
        xml.ElementTree(root).write(path)


def has(case, tag):
    return case.find(tag) is not None


def case_name(case):
    """FILE::TEST, as tests/vm/skips has it."""
    return f"{case.get('classname').rpartition('.')[2]}.py::{case.get('name')}"


# ---- what the kernels can do

PAGE = TESTS.parent / "docs/kernels.md"
BLOCK = re.compile(r"(?<=<!-- features -->\n).*?(?=<!-- /features -->)", re.DOTALL)


def feature_table(outcomes):
    """A row for each feature, a column for each kernel, from the properties that tests have recorded."""
    has, kernels = {}, set()
    for outcome in outcomes:
        for case in outcome.cases:
            found = {item.get("name"): item.get("value") for item in case.iter("property")}
            if "feature" in found:
                has.setdefault(found["feature"], {})[found["kernel"]] = found["has"]
                kernels.add(found["kernel"])
    kernels = sorted(kernels, key=lambda version: tuple(map(int, version.split("."))))
    rows = [["", *kernels]]
    rows += [[feature, *(answers.get(kernel, "?") for kernel in kernels)] for feature, answers in has.items()]
    head, *body = ("| " + "".join(f"{cell} | " if cell else "| " for cell in row).rstrip() + "\n" for row in rows)
    return head + "|---" * (1 + len(kernels)) + "|\n" + "".join(body)


def page_with_features(outcomes):
    return BLOCK.sub(lambda _: feature_table(outcomes), PAGE.read_text())


def features(results, kernels):
    PAGE.write_text(page_with_features([Outcome(Path(results) / name, name) for name in kernels]))
    return 0


# ---- the end


def report(everything, results, kernels):
    outcomes = [Outcome(Path(results) / name, name) for name in kernels]
    for outcome in outcomes:
        if everything and outcome.cases:
            outcome.check_declarations()
        outcome.tell()
        outcome.add_problems_to_results()
    if all(outcome.status == NOT_FETCHED for outcome in outcomes):
        return NOT_FETCHED
    # The page is the results of all kernels; fewer say nothing of it.
    if {outcome.name for outcome in outcomes if outcome.cases} == set(kernel_names()):
        if page_with_features(outcomes) != PAGE.read_text():
            print(f"FAILED docs/kernels.md: its table is not what was found; python3 tests/tools/vm.py features "
                  f"{results} {' '.join(kernels)}")
            return 1
    return 1 if any(outcome.status not in (0, NOT_FETCHED) or outcome.problems for outcome in outcomes) else 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("verb", choices=["select", "report", "features"])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    if options.verb == "select":
        return select(options.all)
    if options.verb == "features":
        return features(options.names[0], options.names[1:])
    return report(options.all, options.names[0], options.names[1:])


if __name__ == "__main__":
    sys.exit(main())
