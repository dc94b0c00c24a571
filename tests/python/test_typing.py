# SPDX-License-Identifier: MIT
"""Programs that use Enigma pass strict type checking, and wrong ones do not."""

import os
import subprocess
import sys
from pathlib import Path

import enigma

GOOD = """
import numpy as np

import enigma
import enigma as en


@enigma.kernel
def k(X: enigma.f32, alpha: enigma.Scalar[enigma.f32], Out: enigma.f32, N: enigma.Constexpr[int] = 4) -> None:
    tid = enigma.thread_position_in_grid
    fraction, exponent = enigma.frexp(X[tid * 2 + N])
    Out[tid] = alpha * X[tid] + enigma.f32(1) + en.fast.sin(X[tid + 1]) + abs(fraction) ** 2
    Out[tid] += en.select_(X[tid] > 0, fraction, 1.0)
    x, y, _ = en.arch.thread_idx()
    enigma.store_if(Out, x + y, enigma.metal_cast(exponent, enigma.f32), x < 4)


compiled = enigma.compile(k, vec_width=4, N=3)
rt = enigma.HostRuntime()
rt.launch(compiled, [np.ones(4, np.float32)], grid=(4, 1, 1), threads=4)
data: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = rt.array(np.ones(3, np.float32)).numpy()
with rt.prepare(compiled, [1.0], 16) as prepared:
    milliseconds: float = prepared.dispatch_timed(grid=4, threads=4)
compiled[4, 4](data)
names: list[str] = compiled.param_names
"""
BAD = """
import enigma

enigma.sin("text")
enigma.compile(3)
enigma.HostRuntime().launch(4, [], 1, 1)
enigma.thread_position_in_threadgroup("w")
"""


def check(tmp_path, text):
    path = tmp_path / "program.py"
    path.write_text(text)
    packages = Path(enigma.__file__).parent.parent
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(packages)},
    )


def test_a_program_passes_strict_type_checking(tmp_path):
    result = check(tmp_path, GOOD)
    assert result.returncode == 0, result.stdout


def test_wrong_arguments_are_found(tmp_path):
    result = check(tmp_path, BAD)
    lines = [line for line in result.stdout.splitlines() if "error:" in line]
    assert [int(line.split(":")[1]) for line in lines] == [4, 5, 6, 7], result.stdout
