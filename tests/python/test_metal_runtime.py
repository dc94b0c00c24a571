# SPDX-License-Identifier: MIT
"""The whole package on a Metal device, the jobs of metal_jobs.py: on a Mac, or with the fake Metal preloaded."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import enigma

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(enigma._enigma.__file__).parents[1]
PRELOAD = ROOT / "build" / "bin" / "libEnigmaFakeMetalPreload.so"
PROGRAM = Path(__file__).with_name("metal_jobs.py")
IS_MAC = sys.platform == "darwin"
pytestmark = pytest.mark.skipif(
    not IS_MAC and not PRELOAD.exists(),
    reason="the fake Metal is not built here (Linux on x86-64 with metal-cpp)",
)
LIBRARY = [] if IS_MAC else [str(PRELOAD)]
JOBS = [
    node.name
    for node in ast.parse(PROGRAM.read_text()).body
    if isinstance(node, ast.FunctionDef) and any(ast.unparse(d) == "job" for d in node.decorator_list)
]


def on_metal(*arguments: str, **more: str) -> subprocess.CompletedProcess:
    environment = {
        **os.environ, "PYTHONPATH": str(PACKAGE), "ENIGMA_MSL_CACHE": str(ROOT / "build" / "msl"), **more,
    }  # fmt: skip
    if not IS_MAC:
        environment["LD_PRELOAD"] = str(PRELOAD)
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=600
    )


def test_every_job_gives_what_numpy_gives_and_leaves_nothing_over():
    done = on_metal(str(PROGRAM), *LIBRARY)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)
    assert {name: wrong for name, wrong in results.items() if wrong} == {}
    assert len(JOBS) >= 11 and set(results) == {*JOBS, "no object of Metal is left over"}


def test_the_jobs_fail_where_the_result_is_wrong():
    """The stand-in runs what the text says: a text that was changed gives other numbers."""
    program = f"""
import sys; sys.argv = ["metal_jobs.py", *{LIBRARY!r}]
sys.path.insert(0, {str(PROGRAM.parent)!r})
import metal_jobs, enigma
metal_jobs.saxpy = enigma.kernel(metal_jobs.other_saxpy)
try:
    metal_jobs.every_way_to_launch_gives_the_same(enigma.MetalRuntime())
except AssertionError:
    print("noticed")
"""
    done = on_metal("-c", program)
    assert done.stdout == "noticed\n", done.stdout + done.stderr
