# SPDX-License-Identifier: MIT
"""Products of random sizes, layouts, types, tiles and stages: on the host and as Metal text, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import enigma
from elements import DTYPES
from msl import standin


def matrix(rng: np.random.Generator, rows: int, columns: int) -> Any:
    """A layout by rows or columns, sometimes with gaps."""
    gap = int(rng.choice([0, 0, 4, 5]))
    if rng.random() < 0.5:
        return enigma.Layout((rows, columns), (columns + gap, 1))
    return enigma.Layout((rows, columns), (1, rows + gap))


def shared(rng: np.random.Generator, rows: int, columns: int, stages: int) -> Any:
    pad = int(rng.choice([0, 4, 8]))
    if rng.random() < 0.5:
        return enigma.Layout((rows, columns, stages), (columns + pad, 1, rows * (columns + pad)))
    return enigma.Layout((rows, columns, stages), (1, rows + pad, columns * (rows + pad)))


def threads_over(rng: np.random.Generator, rows: int, columns: int, threads: int) -> Any:
    """A tiled copy of a tile by this many threads, each with 1 to 4 neighbours."""
    while True:
        down = int(2 ** rng.integers(0, 7))
        value = (int(2 ** rng.integers(0, 3)), 1)
        value = value if rng.random() < 0.5 else value[::-1]
        across = threads // down
        if across and rows % (down * value[0]) == 0 and columns % (across * value[1]) == 0:
            order = ((1, down), (across, 1))[int(rng.integers(2))]
            return enigma.make_tiled_copy_tv(
                enigma.CopyAtom(enigma.f32), enigma.Layout((down, across), order), enigma.Layout(value)
            )


def build(seed: int) -> tuple[Any, list[np.ndarray], np.ndarray, Any, Any]:
    rng = np.random.default_rng(seed)
    am, an = ((1, 1), (2, 1), (1, 2), (2, 2), (4, 1))[rng.integers(5)]
    dtype, sums = (("f32", "f32"), ("f16", "f32"), ("f16", "f16"), ("bf16", "f32"))[rng.integers(4)]
    bm, bn = 8 * am * int(rng.integers(1, 3)), 8 * an * int(rng.integers(1, 3))
    bk = max(int(8 * 2 ** rng.integers(3)), 32 * am * an // min(bm, bn))  # an element for each thread
    stages, prefetch = int(rng.integers(1, 4)), bool(rng.integers(2))
    m, n, k = (int(b + rng.integers(0, 2 * b)) for b in (bm, bn, bk))
    order = (1, am, 0) if rng.random() < 0.5 else (an, 1, 0)
    mma = enigma.TiledMma(
        enigma.MmaAtom(getattr(enigma, dtype), getattr(enigma, sums)), enigma.Layout((am, an, 1), order)
    )
    block = mma.size
    layouts = [matrix(rng, *shape) for shape in ((m, k), (n, k), (m, n))]
    stage_a, stage_b = shared(rng, bm, bk, stages), shared(rng, bn, bk, stages)
    copy_a, copy_b = (threads_over(rng, rows, bk, block) for rows in (bm, bn))
    element = getattr(enigma, dtype)

    @enigma.kernel
    def multiply(gA, gB, gC):
        thread, _, _ = enigma.arch.thread_idx()
        at_m, at_n, _ = enigma.arch.block_idx()
        sA, sB = (
            enigma.make_tensor(enigma.threadgroup_alloc(enigma.cosize(x), element), x)
            for x in (stage_a, stage_b)
        )
        thr, part_a, part_b = mma.get_slice(), copy_a.get_slice(thread), copy_b.get_slice(thread)
        a, b = thr.partition_A(sA), thr.partition_B(sB)
        c = thr.partition_C(gC[(None, None), (at_m, at_n)])
        acc = mma.make_fragment_c(c)
        acc.fill(0)
        enigma.pipeline(
            [
                (copy_a, part_a.partition_S(gA[(None, None), (at_m, None)]), part_a.partition_D(sA)),
                (copy_b, part_b.partition_S(gB[(None, None), (at_n, None)]), part_b.partition_D(sB)),
            ],
            lambda tile, stage: enigma.gemm(
                mma, acc, a[None, None, None, stage], b[None, None, None, stage], acc
            ),
            prefetch=prefetch,
        )
        enigma.copy(acc, c)

    @enigma.jit
    def launch(A, B, C):
        gA, gB, gC = (
            enigma.tensor_zipped_divide(t, tile) for t, tile in ((A, (bm, bk)), (B, (bn, bk)), (C, (bm, bn)))
        )
        tiles = gC.shape[1]
        multiply(gA, gB, gC).launch(grid=(block * tiles[0], tiles[1]), block=block)

    tensors = [
        enigma.Tensor(name, i, getattr(enigma, kind), layout)
        for i, (name, kind, layout) in enumerate(zip("ABC", (dtype, dtype, sums), layouts, strict=True))
    ]
    matrices = [rng.uniform(-1, 1, s).astype(np.float32).astype(DTYPES[dtype]) for s in ((m, k), (n, k))]
    inputs = []
    for layout, x in zip(layouts, matrices, strict=False):
        buffer = np.zeros(enigma.cosize(layout), x.dtype)
        np.lib.stride_tricks.as_strided(buffer, x.shape, [s * x.itemsize for s in layout.stride])[...] = x
        inputs.append(buffer)
    a, b = (x.astype(np.float64) for x in matrices)
    eps = {"f32": 2.0**-24, "f16": 2.0**-11}[sums]
    bound = eps * (k // 8 + 2) * (np.abs(a) @ np.abs(b).T) + 1e-5
    out = np.zeros(enigma.cosize(layouts[2]), DTYPES[sums])
    return enigma.compile(launch, *tensors), inputs, out, (a @ b.T, bound), layouts[2]


def check(out: np.ndarray, right: Any, layout: Any) -> None:
    exact, bound = right
    view = np.lib.stride_tricks.as_strided(out, layout.shape, [s * out.itemsize for s in layout.stride])
    assert (np.abs(view.astype(np.float64) - exact) <= bound).all()


@pytest.mark.parametrize("seed", range(24))
def test_random_products_on_the_host(seed: int) -> None:
    compiled, inputs, out, right, layout = build(seed)
    raw = enigma.HostRuntime().execute(compiled, inputs=inputs, output_size=out.nbytes)
    check(np.frombuffer(raw, out.dtype), right, layout)


@pytest.mark.parametrize("seed", range(24, 32))
def test_random_products_in_metal_text(seed: int) -> None:
    compiled, inputs, out, right, layout = build(seed)
    assert standin.check(compiled.metal_source) == []
    kernel = standin.compile(compiled.metal_source, sanitize=True)
    kernel.run([*inputs, out], grid=compiled.grid, threads=compiled.block)
    check(out, right, layout)
