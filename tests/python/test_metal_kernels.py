# SPDX-License-Identifier: MIT
"""Emitted kernels on the Metal device, on the fake Metal of tests/metal: text, runtime and execution together give
what NumPy gives; no object leaks and nothing is misused (EnigmaMetalRun fails otherwise)."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

import enigma
from enigma.dtypes import numpy_dtype

BUILD = Path(__file__).resolve().parents[2] / "build"
RUNNER = BUILD / "bin" / "EnigmaMetalRun"
pytestmark = pytest.mark.skipif(
    not RUNNER.exists(), reason="the fake Metal is not built here (Linux on x86-64 with metal-cpp)"
)


def run_on_metal(folder, jobs):
    """Runs (compiled, arguments, grid, threads) one after the other; written arrays are updated in place."""
    commands, written = [], []
    for number, (compiled, args, grid, threads) in enumerate(jobs):
        text = folder / f"{number}.metal"
        text.write_text(compiled.metal_source)
        commands.append(
            f"kernel {compiled.kernel_name} {compiled.msl_version} {int(compiled.fast_math)} "
            f"{compiled.vec_width} {text}"
        )
        for (name, dtype, is_buffer, _, is_written), value in zip(compiled.params, args, strict=True):
            if is_buffer:
                path = folder / f"{number}.{name}"
                path.write_bytes(value.tobytes())
                commands.append(f"buffer {name} {dtype.name} {int(is_written)} {path}")
                if is_written:
                    written.append((path, value))
            else:
                bits = np.array([value], numpy_dtype(dtype)).tobytes()
                commands.append(f"scalar {name} {dtype.name} {int.from_bytes(bits, 'little'):x}")
        sizes = " ".join(str(n) for size in (grid, threads) for n in (*size, 1, 1)[:3])
        commands.append(f"run {('once', 'batch')[number % 2]} {sizes}")
    script = folder / "commands"
    script.write_text("\n".join(commands) + "\n")
    done = subprocess.run([str(RUNNER), str(script)], capture_output=True, text=True,
                          env={"ENIGMA_MSL_CACHE": str(BUILD / "msl"), "PATH": "/usr/bin:/bin"})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "ok\n" * len(jobs)
    for path, array in written:
        array[...] = np.frombuffer(path.read_bytes(), array.dtype).reshape(array.shape)


@enigma.kernel
def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    Out[i] = alpha * X[i] + Y[i]


@enigma.kernel
def transpose(A: enigma.f32, Out: enigma.f32, width: enigma.Scalar(enigma.u32)):
    x = enigma.thread_position_in_grid_xyz("x")
    y = enigma.thread_position_in_grid_xyz("y")
    height = enigma.threads_per_grid("y")
    Out[x * height + y] = A[y * width + x] + enigma.f32(y)


@enigma.kernel
def collatz(Start: enigma.u32, Steps: enigma.i32):
    i = enigma.thread_position_in_grid
    n = Start[i]
    steps = enigma.i32(0)
    while n > 1:
        if n % 2 == 0:  # noqa: SIM108
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    Steps[i] = steps


@enigma.kernel
def prefix(A: enigma.i32, Out: enigma.i32):
    i = enigma.thread_position_in_grid
    total = enigma.i32(0)
    for k in enigma.range(i + 1):
        if A[k] < 0:
            break
        total += A[k]
    Out[i] = total


@enigma.kernel
def clipped(A: enigma.f16, Out: enigma.f16, Above: enigma.b1, limit: enigma.Scalar(enigma.f16)):
    i = enigma.thread_position_in_grid
    above = A[i] > limit
    Above[i] = above
    Out[i] = enigma.min(A[i], limit)


@enigma.kernel
def wrap(A: enigma.i32, B: enigma.u64, Out: enigma.i32, Wide: enigma.u64):
    i = enigma.thread_position_in_grid
    Out[i] = A[i] * 1_000_003 + 2_147_483_647
    Wide[i] = (B[i] << 3) ^ (B[i] >> 61)


def collatz_steps(n):
    steps = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def test_emitted_kernels_run_on_the_metal_device(tmp_path):
    chance = np.random.default_rng(7)
    n = 1000
    x, y = chance.integers(-50, 50, (2, n)).astype(np.float32)  # whole numbers: every order gives the same
    out, wide_out = np.zeros(n, np.float32), np.full(n, 7, np.float32)
    matrix = chance.integers(0, 99, (24, 40)).astype(np.float32)
    turned = np.zeros((40, 24), np.float32)
    start, steps = np.arange(1, 200, dtype=np.uint32), np.zeros(199, np.int32)
    counts, sums = np.arange(100, dtype=np.int32), np.zeros(100, np.int32)
    counts[60] = -1
    half = np.linspace(-4, 4, 64, dtype=np.float16)
    half_out, above = np.zeros(64, np.float16), np.zeros(64, np.bool_)
    a = chance.integers(-(2**31), 2**31, 64).astype(np.int32)
    b = chance.integers(0, 2**63, 64).astype(np.uint64)
    wrapped, shifted = np.zeros(64, np.int32), np.zeros(64, np.uint64)
    run_on_metal(
        tmp_path,
        [
            (enigma.compile(saxpy), [x, 2.0, y, out], (n,), (128,)),
            (enigma.compile(saxpy, vec_width=4), [x, -3.0, y, wide_out], (n // 4,), (64,)),
            (enigma.compile(transpose), [matrix, turned, 40], (40, 24), (8, 8)),
            (enigma.compile(collatz), [start, steps], (199,), (32,)),
            (enigma.compile(prefix), [counts, sums], (100,), (100,)),
            (enigma.compile(clipped), [half, half_out, above, 1.5], (64,), (64,)),
            (enigma.compile(wrap), [a, b, wrapped, shifted], (64,), (64,)),
        ],
    )
    assert np.array_equal(out, 2 * x + y)
    assert np.array_equal(wide_out, -3 * x + y)
    assert np.array_equal(turned, (matrix + np.arange(24, dtype=np.float32)[:, None]).T)
    assert steps.tolist() == [collatz_steps(int(s)) for s in start]
    stopped = np.where(np.arange(100) < 60, counts, 0)
    assert np.array_equal(sums, np.cumsum(stopped))
    assert np.array_equal(half_out, np.minimum(half, np.float16(1.5)))
    assert np.array_equal(above, half > 1.5)
    exact = a.astype(np.int64) * 1_000_003 + 2_147_483_647
    assert np.array_equal(wrapped, exact.astype(np.uint64).astype(np.uint32).view(np.int32))
    assert np.array_equal(shifted, (b << np.uint64(3)) ^ (b >> np.uint64(61)))


def test_text_that_metal_refuses_is_an_error_with_numbered_lines(tmp_path):
    class Broken:
        kernel_name, msl_version, fast_math, vec_width = "broken", 22, False, 1
        metal_source = "#include <metal_stdlib>\nkernel void broken() { nonsense; }\n"
        params = ()

    with pytest.raises(
        AssertionError, match=r"broken: Metal's compiler refused the source[\s\S]*   2 \| kernel"
    ):
        run_on_metal(tmp_path, [(Broken, [], (1,), (1,))])
