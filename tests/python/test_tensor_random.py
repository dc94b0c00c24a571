# SPDX-License-Identifier: MIT
"""Tiles, thread-value layouts, paddings, offsets and sizes at random: each element against NumPy's."""

import random

import numpy as np
import pytest

import enigma
from msl import standin

HOST = enigma.HostRuntime()


@enigma.kernel
def by_group(gA, gC, tv, tiler):
    thread = enigma.thread_position_in_threadgroup("x")
    group = enigma.threadgroup_position_in_grid("x")
    a = enigma.tensor_composition(gA[(None, None), group], tv, tiler)[thread, None]
    c = enigma.tensor_composition(gC[(None, None), group], tv, tiler)[thread, None]
    c.store(a.load() * 2 + 1)


@enigma.kernel
def by_grid(gA, gC, tv, tiler):
    thread = enigma.thread_position_in_grid
    a = enigma.tensor_composition(gA, tv, tiler)[thread, None]
    c = enigma.tensor_composition(gC, tv, tiler)[thread, None]
    c.store(a.load() * 2 + 1)


@enigma.jit
def twice_plus_one(A, C, tv, tiler, kernel):
    gA, gC = (enigma.tensor_zipped_divide(t, tiler) for t in (A, C))
    threads = enigma.size(tv, mode=[0])
    kernel(gA, gC, tv, tiler).launch(grid=threads * enigma.size(gA, mode=[1]), block=threads)


class Matrix:
    """A layout of rows or columns with padding and an offset, and where its elements lie."""

    def __init__(self, choose, m, n):
        pad, self.offset = choose.choice((0, 0, 1, 4)), choose.choice((0, 0, 1, 2, 4))
        stride = choose.choice(((n + pad, 1), (1, m + pad)))
        self.layout = enigma.Layout((m, n), stride)
        row, column = np.meshgrid(np.arange(m), np.arange(n), indexing="ij")
        self.index = self.offset + row * stride[0] + column * stride[1]
        self.extent = int(self.index.max()) + 1


@pytest.mark.parametrize("seed", range(24))
def test_every_element_is_moved_once_and_nothing_else(seed):
    choose = random.Random(seed)
    orders = ((0, 1), (1, 0))
    thr = enigma.make_ordered_layout(
        (choose.choice((1, 2, 3, 4, 8)), choose.choice((1, 2, 5, 8, 16))), order=choose.choice(orders)
    )
    val = enigma.make_ordered_layout(
        (choose.choice((1, 2, 3, 4)), choose.choice((1, 2, 4, 6))), order=choose.choice(orders)
    )
    tiler, tv = enigma.make_layout_tv(thr, val)
    m = tiler[0] * choose.randint(1, 4) + choose.choice((0, 0, 1, 2, 3))
    n = tiler[1] * choose.randint(1, 4) + choose.choice((0, 0, 1, 2, 4, 8))
    source, target = Matrix(choose, m, n), Matrix(choose, m, n)
    dtype = choose.choice(("i32", "u8", "i16", "i64"))
    compiled = enigma.compile(
        twice_plus_one,
        enigma.Tensor("A", 0, dtype, source.layout, base_offset=source.offset),
        enigma.Tensor("C", 1, dtype, target.layout, base_offset=target.offset),
        tv,
        tiler,
        choose.choice((by_group, by_grid)),
    )
    kind = enigma.dtypes.numpy_dtype(getattr(enigma, dtype))
    a = np.random.default_rng(seed).integers(0, 50, source.extent).astype(kind)
    expected = np.full(target.extent, 7, kind)
    expected[target.index] = a[source.index] * 2 + 1
    out = np.full(target.extent, 7, kind)
    HOST.launch(compiled, [a, out])
    np.testing.assert_array_equal(out, expected)
    if seed % 6 == 0:
        text = np.full(target.extent, 7, kind)
        standin.compile(compiled.metal_source).run([a, text], grid=compiled.grid, threads=compiled.block)
        np.testing.assert_array_equal(text, expected)
