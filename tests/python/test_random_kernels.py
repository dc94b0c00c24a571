# SPDX-License-Identifier: MIT
"""Kernels made at random in C++ (tests/cpp/Compile/RandomKernel.h), their Metal text run by the stand-in.

The C++ test writes text, memory before, and memory after as its interpreter has it, with loops, branches and
vec_width. Here the text must be clean Metal and leave the same memory, bit for bit (any NaN for any NaN).
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

ml_dtypes = pytest.importorskip("ml_dtypes")
standin = pytest.importorskip("msl.standin")

PROGRAM = Path(os.environ.get("ENIGMA_BUILD", ROOT / "build")) / "bin" / "EnigmaCompileTests"
DTYPES = {"f32": "float32", "f16": "float16", "bf16": ml_dtypes.bfloat16, "b1": "bool"}
DTYPES |= {f"{sign}{bits}": f"{'u' * (sign == 'u')}int{bits}" for sign in "iu" for bits in (8, 16, 32, 64)}
DTYPES = {name: np.dtype(dtype) for name, dtype in DTYPES.items()}


@pytest.mark.skipif(not PROGRAM.exists(), reason="the C++ tests are not built")
@pytest.mark.parametrize("control", [False, True], ids=["straight", "control"])
def test_random_kernels_leave_the_memory_that_the_reference_leaves(tmp_path, control):
    environment = os.environ | {"ENIGMA_RANDOM_KERNELS": "24", "ENIGMA_RANDOM_DUMP": str(tmp_path)}
    if control:
        environment["ENIGMA_RANDOM_CONTROL"] = "1"
    subprocess.run(
        [PROGRAM, "--gtest_filter=RandomKernels.*"],
        env=environment,
        check=True,
        capture_output=True,
        timeout=120,
    )
    stems = sorted(path.with_suffix("") for path in tmp_path.glob("*.metal"))
    assert len(stems) >= 12
    sources = {stem.name: stem.with_suffix(".metal").read_text() for stem in stems}
    problems = {name: list(map(str, found)) for name, found in standin.check_many(sources).items() if found}
    assert not problems
    library = standin.compile_many(sources, sanitize=True)
    for stem in stems:
        first, *lines = stem.with_suffix(".txt").read_text().splitlines()
        parameters = [line.split() for line in lines]
        memory, types, arguments = {}, {}, []
        for block, element, kind in parameters:
            if block not in memory:
                memory[block], types[block] = (
                    np.fromfile(f"{stem}.{block}.in", dtype=DTYPES[element]),
                    element,
                )
            whole = memory[block] if types[block] == element else memory[block].view(DTYPES[element])
            arguments.append(whole if kind == "buffer" else whole[0])
        library[stem.name].run(arguments, grid=tuple(map(int, first.split())), threads=(9, 1))
        for block, got in memory.items():
            want = np.fromfile(f"{stem}.{block}.out", dtype=got.dtype)
            word = f"u{got.dtype.itemsize}"
            same = got.view(word) == want.view(word)
            if types[block] in ("f16", "bf16", "f32"):
                same |= np.isnan(got.astype("f4")) & np.isnan(want.astype("f4"))
            assert same.all(), (
                f"{stem.name}: block {block} ({types[block]}) differs at {np.flatnonzero(~same)[:4]}\n"
                f"{sources[stem.name]}"
            )
