# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
"""Sums JUnit files of ctest and pytest into one line, `N passed, N failed`; an undeclared skip is a failure.

usage: summary.py [--skips FILE] RESULTS.xml...

FILE of tests/ has the skips that are declared (allowed-skips.txt).
"""
import argparse
import sys
import xml.etree.ElementTree as xml

from declared import allowed_skips, matches


def status_of(case):
    """ctest's word for it. pytest has none; what it leaves as skipped, tests/conftest.py has found declared."""
    if status := case.get("status"):
        return status
    if case.find("failure") is not None or case.find("error") is not None:
        return "fail"
    return "skipped" if case.find("skipped") is not None else "run"


def main(*result_files, skips="allowed-skips.txt"):
    allowed = allowed_skips(skips)
    passed, failures = 0, []
    for result_file in result_files:
        try:
            cases = list(xml.parse(result_file).getroot().iter("testcase"))
        except (OSError, xml.ParseError) as error:
            failures.append(f"{result_file}: no results: {error}")
            continue
        if not cases:
            failures.append(f"{result_file}: no test was run")
        for case in cases:
            name, status = case.get("name"), status_of(case)
            if status == "run":
                passed += 1
            elif status in ("notrun", "disabled"):
                if matches(name, allowed):
                    print(f"SKIPPED {result_file}: {name}, as tests/{skips} declares")
                else:
                    failures.append(f"{result_file}: {name}: skipped, which tests/{skips} does not allow")
            elif status != "skipped":
                failures.append(f"{result_file}: {name}: {status}")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--skips", default="allowed-skips.txt")
    parser.add_argument("results", nargs="+")
    arguments = parser.parse_args()
    sys.exit(main(*arguments.results, skips=arguments.skips))
