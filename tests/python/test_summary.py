# SPDX-License-Identifier: MIT
"""The summary that ends ./dev test: right sums, and a run that crashed or tested nothing is a failure."""

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "test_summary.py"

GOOD = '<testsuite><testcase name="a" status="run"/><testcase name="b"/></testsuite>'
FAILED = "<testsuites><testsuite><testcase><failure/></testcase><testcase/></testsuite></testsuites>"
ERROR = (
    '<testsuite><testcase name="a"><error/></testcase><testcase name="b"><skipped/></testcase></testsuite>'
)


def summary(folder, **records):
    files = []
    for name, text in records.items():
        file = folder / f"{name}.xml"
        if text is not None:
            file.write_text(text)
        files.append(str(file))
    result = subprocess.run([sys.executable, str(TOOL), *files], capture_output=True, text=True)
    return result.returncode, result.stdout.split("\n")


def test_sums_over_all_records(tmp_path):
    code, lines = summary(tmp_path, gtest=GOOD, lit=GOOD)
    assert code == 0
    assert lines[1:] == ["gtest: 2 passed, 0 failed", "lit: 2 passed, 0 failed", "4 passed, 0 failed", ""]


def test_failures_errors_and_skips_are_told_apart(tmp_path):
    code, lines = summary(tmp_path, gtest=FAILED, pytest=ERROR)
    assert code == 1
    assert lines[1:4] == [
        "gtest: 1 passed, 1 failed",
        "pytest: 0 passed, 1 failed, 1 skipped",
        "1 passed, 2 failed",
    ]


def test_a_run_that_left_no_record_is_a_failure(tmp_path):
    code, lines = summary(tmp_path, gtest=None, lit=GOOD)
    assert code == 1
    assert "crashed" in lines[1]
    assert lines[-2] == "2 passed, 1 failed"


def test_an_empty_or_broken_record_is_a_failure(tmp_path):
    code, lines = summary(tmp_path, gtest="<testsuite/>", lit="<testsuite>", pytest=GOOD)
    assert code == 1
    assert lines[-2] == "2 passed, 2 failed"
