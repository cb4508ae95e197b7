"""Sums JUnit files of ctest into one line, `N passed, N failed`; a skip that is not declared is a failure.

usage: summary.py ALLOWED-SKIPS RESULTS.xml...
"""
import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def declared_skips(path):
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text().splitlines())
    return {line for line in lines if line}


def main(skips_file, *result_files):
    allowed = declared_skips(skips_file)
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
            name, status = case.get("name"), case.get("status")
            if status == "run":
                passed += 1
            elif status in ("notrun", "disabled"):
                if name not in allowed:
                    failures.append(f"{result_file}: {name}: skipped, which tests/allowed-skips.txt does not allow")
            else:
                failures.append(f"{result_file}: {name}: {status}")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
