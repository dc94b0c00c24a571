# SPDX-License-Identifier: MIT
"""The first compile of a process imports no more than its kernel needs."""

import os
import subprocess
import sys

import pytest

FLOW = ["enigma.flow_hooks", "enigma.rewrite_flow", "enigma.flow_blocks", "enigma.carry"]

PLAIN = """
    i = enigma.thread_position_in_grid
    x = enigma.exp(A[i]) + float(len([1, 2]))
    Out[i] = x * 2
"""
CASES = {
    "plain": (PLAIN, False),
    "branch": (PLAIN + "    if A[i] > 0:\n        Out[i] = x\n", True),
    "expression": (PLAIN + "    Out[i] = x if A[i] > 0 else -x\n", True),
    "chained": (PLAIN + "    Out[i] = enigma.f32(0 < A[i] < 1)\n", True),
    "own function": (PLAIN + "    Out[i] = clamp(x)\n", True),
}


@pytest.mark.parametrize("case", CASES)
def test_control_flow_is_imported_by_kernels_that_have_some(case, tmp_path):
    body, has_flow = CASES[case]
    file = tmp_path / "kernels.py"
    file.write_text(
        "import sys, enigma\n"
        "def clamp(x):\n    if x > 1:\n        return enigma.f32(1)\n    return x\n"
        "@enigma.kernel\ndef kernel(A: enigma.f32, Out: enigma.f32):" + body + "\nenigma.compile(kernel)\n"
        f"print([name in sys.modules for name in {FLOW}])\n"
    )
    run = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, env=os.environ)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str([has_flow] * len(FLOW))
