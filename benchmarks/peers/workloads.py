# SPDX-License-Identifier: MIT
"""What the tools are compared on: data, right answers, how much work it is, and Enigma's kernels. A tool gives a function
`run()` for a workload; it writes into `out` or returns the result.

Enigma's kernels are written as for a GPU: threadgroups, barriers, simdgroups. Those that examples/ has are taken
from there.
"""

import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

import enigma as en

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 1024


@dataclasses.dataclass
class Workload:
    name: str
    amount: float  # per run: bytes moved at least, or floating-point operations
    unit: str  # of amount / 1e9 per second
    inputs: list[np.ndarray]
    out: np.ndarray
    expected: Callable[[], np.ndarray]
    enigma: Callable  # (runtime, workload) -> run
    side: int = 0
    tolerance: float = 1e-4


def example(name):
    """A module of examples/."""
    spec = importlib.util.spec_from_file_location(
        f"example_{name}", next((ROOT / "examples").glob(f"*_{name}.py"))
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def saxpy_of(factor):
    @en.kernel
    def saxpy(X: en.f32, Y: en.f32, Out: en.f32):
        i = en.thread_position_in_grid
        Out[i] = factor * X[i] + Y[i]

    return en.compile(saxpy)


@en.kernel
def scan_rows(X: en.f32, Out: en.f32):
    """Sums of all numbers of a row up to each: a threadgroup of 256 threads has a row, four numbers a thread."""
    sums = en.threadgroup_alloc(8, en.f32)
    lane, group = en.thread_index_in_simdgroup(), en.simdgroup_index_in_threadgroup()
    first = en.threadgroup_position_in_grid("x") * WIDTH + en.thread_index_in_threadgroup() * 4
    own = [X[first + i] for i in range(4)]
    for i in range(1, 4):
        own[i] = own[i] + own[i - 1]
    before = en.simd_prefix_exclusive_sum(own[3])
    if lane == 31:
        sums[group] = before + own[3]
    en.barrier()
    for g in en.range(group):
        before += sums[g]
    for i in range(4):
        Out[first + i] = before + own[i]


def sgemm_of(n, depth=32):
    """Tiles of 64 x 64 through two buffers of threadgroup memory, 32 x 32 in the registers of each simdgroup."""

    @en.kernel
    def sgemm(A: en.f32, B: en.f32, C: en.f32):
        left = en.threadgroup_alloc((2, 64, depth), en.f32)
        right = en.threadgroup_alloc((2, depth, 64), en.f32)
        row, column = en.threadgroup_position_in_grid("y") * 64, en.threadgroup_position_in_grid("x") * 64
        t, group = en.thread_index_in_threadgroup(), en.simdgroup_index_in_threadgroup()
        r0, c0 = group // 2 * 32, group % 2 * 32
        sums = [[en.make_filled_simdgroup_matrix(en.f32, 0.0) for _ in range(4)] for _ in range(4)]
        for k0 in en.range(0, n, depth):
            stage = k0 // depth % 2
            for i in range(64 * depth // 128):
                r = i * (128 // depth) + t // depth
                left[stage, r, t % depth] = A[(row + r) * n + k0 + t % depth]
            for i in range(64 * depth // 128):
                r = i * 2 + t // 64
                right[stage, r, t % 64] = B[(k0 + r) * n + column + t % 64]
            en.barrier()
            for k in range(0, depth, 8):
                a = [en.simdgroup_load(left, (stage * 64 + r0 + 8 * i) * depth + k, depth) for i in range(4)]
                b = [en.simdgroup_load(right, (stage * depth + k) * 64 + c0 + 8 * j, 64) for j in range(4)]
                for i in range(4):
                    for j in range(4):
                        sums[i][j] = en.simdgroup_multiply_accumulate(a[i], b[j], sums[i][j])
        for i in range(4):
            for j in range(4):
                en.simdgroup_store(sums[i][j], C, (row + r0 + 8 * i) * n + column + c0 + 8 * j, n)

    return en.compile(sgemm)


def launched(compiled, *grid):
    """Enigma's side of a workload: one launch on its arrays."""

    def prepare(runtime, work):
        arguments = [*work.inputs, work.out]
        return lambda: runtime.launch(compiled(), arguments, *grid)

    return prepare


def once(make):
    kept = []
    return lambda: kept[0] if kept else (kept.append(make()), kept[0])[1]


def softmax_of(x):
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def all_workloads(small):
    """With `small`, sizes that a test can afford."""
    rng = np.random.default_rng(0)
    n, rows, side, sizes = (1 << 16, 64, 256, (128,)) if small else (1 << 24, 4096, 4096, (512, 1024))
    x, y = rng.random(n, dtype=np.float32), rng.random(n, dtype=np.float32)
    works = [
        Workload(f"saxpy {n >> 10} Ki", 12 * n, "GB/s", [x, y], np.zeros_like(x), lambda: 2.5 * x + y,
                 launched(once(lambda: saxpy_of(2.5)), n, 256)),
    ]  # fmt: skip
    m, w = rng.standard_normal((rows, WIDTH), np.float32), rng.standard_normal(WIDTH, np.float32)
    row_bytes = 8 * m.size
    norm, soft, turn, heat = (example(name) for name in ("rms_norm", "softmax", "transpose", "heat"))
    works += [
        Workload(f"RMSNorm {rows} x {WIDTH}", row_bytes, "GB/s", [m, w], np.zeros_like(m), lambda: norm.reference(m, w),
                 launched(once(lambda: norm.compiled_for(rows)))),
        Workload(f"softmax {rows} x {WIDTH}", row_bytes, "GB/s", [m], np.zeros_like(m), lambda: softmax_of(m),
                 launched(once(lambda: soft.compiled_for(rows, WIDTH)))),
        Workload(f"prefix sums {rows} x {WIDTH}", row_bytes, "GB/s", [m], np.zeros_like(m),
                 lambda: np.cumsum(m, axis=1, dtype=np.float64),
                 launched(once(lambda: en.compile(scan_rows)), rows * 256, 256), tolerance=1e-3),
    ]  # fmt: skip
    plate = np.pad(rng.random((side, side), np.float32), ((1, 1), (4, 4)))
    square = rng.random((side, side), dtype=np.float32)
    works += [
        Workload(f"heat {side} x {side}", 8 * side * side, "GB/s", [plate], np.zeros_like(plate),
                 lambda: heat.reference(plate), launched(once(lambda: heat.compiled_for(side, side))), side),
        Workload(f"transpose {side} x {side}", 8 * side * side, "GB/s", [square], np.zeros_like(square), lambda: square.T,
                 launched(once(lambda: turn.compiled_for(side, side))), side),
    ]  # fmt: skip
    for n in sizes:
        a, b = rng.random((n, n), dtype=np.float32), rng.random((n, n), dtype=np.float32)
        works.append(
            Workload(f"SGEMM {n}", 2 * n**3, "GFLOP/s", [a, b], np.zeros((n, n), np.float32),
                     lambda a=a, b=b: a.astype(np.float64) @ b,
                     launched(once(lambda n=n: sgemm_of(n)), (n * 2, n // 64, 1), (128, 1, 1)), n, 1e-3)
        )  # fmt: skip
    return works + tiled(small, rng)


def tiled(small, rng):
    """Those of examples/ that are written with tiled copies and products."""
    n, heads = (128, 2) if small else (1024, 8)
    multiply, attend = example("sgemm"), example("flash_attention")
    a, b = rng.random((n, n), dtype=np.float32), rng.random((n, n), dtype=np.float32)
    q, k, v = rng.standard_normal((3, heads, n, 64), np.float32)
    return [
        Workload(f"SGEMM {n}, TiledMma", 2 * n**3, "GFLOP/s", [a, b], np.zeros_like(a), lambda: multiply.reference(a, b),
                 launched(once(lambda: multiply.compiled_for(n, n, n))), n, 1e-3),
        Workload(f"attention {heads} x {n} x 64", 4 * heads * n * n * 64, "GFLOP/s", [q, k, v], np.zeros_like(q),
                 lambda: attend.reference(q, k, v, False), launched(once(lambda: attend.compiled_for(n, 64, heads))), n),
    ]  # fmt: skip
