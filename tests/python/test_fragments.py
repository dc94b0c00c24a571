# SPDX-License-Identifier: MIT
"""Fragments: elementwise arithmetic, reductions, functions, and the loops that carry them."""

import numpy as np
import pytest

import enigma
from tensor_launches import error_of, in_three_ways, vectors


def test_a_loop_over_tiles_carries_a_fragment():
    @enigma.jit
    def column_sums(A, B):
        gA = enigma.tensor_zipped_divide(A, (1, 4))

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            total = a[(0, None), (0, i)].load()
            with enigma.for_range(1, 32) as row:
                total = total + a[(0, None), (row, i)].load()
            enigma.tensor_zipped_divide(b, 4)[None, i].store(total)

        inner(gA, B).launch(grid=16, block=16)

    A = enigma.Tensor("A", 0, "float", enigma.Layout((32, 64), (64, 1)))
    compiled = enigma.compile(column_sums, A, enigma.Tensor("B", 1, "float", enigma.Layout(64)))
    assert "float4" in compiled.metal_source
    a = np.random.default_rng(2).integers(0, 9, (32, 64)).astype(np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (64,)), a.sum(axis=0))


def test_fragments_compute_elementwise_and_reduce():
    @enigma.jit
    def compute(A, B, C):
        tiles = [enigma.tensor_zipped_divide(t, 8) for t in (A, B)]

        @enigma.kernel
        def inner(a, b, c):
            i = enigma.thread_position_in_grid
            x, y = a[None, i].load(), b[None, i].load()
            z = 2.0 * x - y / 4 + abs(x) * -y
            c[i] = z.reduce("add") + enigma.i32(z.reduce("max") > 3.0) + x[3]

        inner(*tiles, C).launch(grid=8, block=8)

    compiled = enigma.compile(compute, *vectors(64, "AB"), enigma.Tensor("C", 2, "float", enigma.Layout(8)))
    rng = np.random.default_rng(3)
    a, b = (rng.integers(-4, 5, 64).astype(np.float32) for _ in "ab")
    z = (2 * a - b / 4 + abs(a) * -b).reshape(8, 8)
    expected = z.sum(axis=1) + (z.max(axis=1) > 3) + a.reshape(8, 8)[:, 3]
    np.testing.assert_array_equal(in_three_ways(compiled, [a, b], (8,)), expected)


def test_functions_of_fragments_are_elementwise():
    @enigma.jit
    def functions(A, B):
        a, b = (enigma.tensor_zipped_divide(t, 8) for t in (A, B))

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            x = a[None, i].load()
            zero = enigma.full_like(x, 0.0)
            y = enigma.select_(x > 2.0, enigma.min(x, 4.0), enigma.max(zero, enigma.floor(x)))
            b[None, i].store(y.map(enigma.sqrt))

        inner(a, b).launch(grid=8, block=8)

    compiled = enigma.compile(functions, *vectors(64))
    assert "float4" in compiled.metal_source and "A[" not in compiled.metal_source
    a = np.random.default_rng(5).uniform(-6, 6, 64).astype(np.float32)
    expected = np.sqrt(np.where(a > 2, np.minimum(a, 4), np.maximum(0, np.floor(a))))
    np.testing.assert_allclose(in_three_ways(compiled, [a], (64,)), expected, rtol=1e-6)


def test_a_tensor_bound_in_a_loop_is_used_there():
    @enigma.jit
    def row_sums(A, B):
        @enigma.kernel
        def inner(a, b):
            row = enigma.thread_position_in_grid
            tiles = enigma.tensor_zipped_divide(a[row, None], 8)
            total = enigma.full_like(tiles[None, 0].load(), 0.0)
            for k in enigma.range(4):
                part = tiles[None, k]
                x = part.load()
                if x[0] > 0.5:
                    total = total + x
                if x[0] <= 0.5:
                    total = total - x
            b[row] = total.reduce("add")

        inner(A, B).launch(grid=16, block=16)

    A = enigma.Tensor("A", 0, "float", enigma.Layout((16, 32), (32, 1)))
    compiled = enigma.compile(row_sums, A, enigma.Tensor("B", 1, "float", enigma.Layout(16)))
    assert "float4" in compiled.metal_source
    a = np.random.default_rng(6).integers(0, 2, (16, 32)).astype(np.float32)
    tiles = a.reshape(16, 4, 8)
    expected = np.where(tiles[:, :, :1] > 0.5, tiles, -tiles).sum(axis=(1, 2))
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (16,)), expected)


@pytest.mark.parametrize("dtype", ["f32", "f16", "i32", "i64"])
def test_a_sum_starts_from_a_full_fragment(dtype):
    """It lies as loads of as many elements do, so that a loop carries vectors."""

    @enigma.jit
    def column_sums(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            total = enigma.full((2, 4), 1, A.dtype)
            for k in enigma.range(4):
                total = total + a[None, None, k, i].load()
            b[None, None, i].store(total)

        inner(*(enigma.tensor_composition(t, l) for t, l in ((A, rows), (B, sums)))).launch(grid=8, block=8)

    rows, sums = enigma.Layout((2, 4, 4, 8), (1, 2, 8, 32)), enigma.Layout((2, 4, 8), (1, 2, 8))
    A, B = (enigma.Tensor(name, i, dtype, n) for i, (name, n) in enumerate({"A": 256, "B": 64}.items()))
    compiled = enigma.compile(column_sums, A, B)
    kind = enigma.dtypes.numpy_dtype(getattr(enigma, dtype))
    a = np.random.default_rng(8).integers(0, 9, 256).astype(kind)
    expected = 1 + a.reshape(8, 4, 8).sum(axis=1, dtype=kind).reshape(-1)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (64,), kind), expected)
    assert "make_vector" not in compiled.mlir_source and ".x" not in compiled.metal_source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, "one", enigma.f32), "full: needs a number, got str"),
        ((0, 1.0, enigma.f32), "a fragment has 1 to 4096 elements"),
        (((64, 65), 1.0, enigma.f32), "a fragment has 1 to 4096 elements"),
        ((4, 1.5, enigma.i32), "does not fit i32"),
    ],
)
def test_a_fragment_that_cannot_be_is_refused(arguments, message):
    @enigma.jit
    def function(A):
        @enigma.kernel
        def inner(a):
            a.store(enigma.full(*arguments))

        inner(A).launch(grid=1, block=1)

    assert message in error_of(function, *vectors(4, "A"))
