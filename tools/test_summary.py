# SPDX-License-Identifier: MIT
"""Adds up the JUnit records of the test runs: one line each, and "N passed, N failed" as the last line.

A record that is missing, unreadable or empty counts as one failure: its run crashed or tested nothing.

    python tools/test_summary.py build/results/gtest.xml build/results/lit.xml
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count(record: Path) -> tuple[int, int, int]:
    """Returns how many tests passed, failed and were skipped according to one JUnit file."""
    try:
        cases = list(ElementTree.parse(record).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return 0, 1, 0
    if not cases:
        return 0, 1, 0
    failed = skipped = 0
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
            skipped += 1
    return len(cases) - failed - skipped, failed, skipped


def main(records: list[str]) -> int:
    total_passed = total_failed = 0
    print()
    for record in map(Path, records):
        passed, failed, skipped = count(record)
        note = f", {skipped} skipped" if skipped else ""
        if not record.exists():
            note += " (no record: the run crashed)"
        print(f"{record.stem}: {passed} passed, {failed} failed{note}")
        total_passed += passed
        total_failed += failed
    print(f"{total_passed} passed, {total_failed} failed")
    return 1 if total_failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
