# SPDX-License-Identifier: MIT
"""enigma.threadgroup_reduce: on the host and as Metal text, against NumPy group by group."""

import functools

import numpy as np
import pytest

import enigma
from marks import marked, notes, refused, sentence
from three_ways import both_ways

NUMPY = {"add": np.add, "mul": np.multiply, "min": np.minimum, "max": np.maximum}
BITS = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}


def by_group(x, threads, function):
    parts = [x[i : i + threads] for i in range(0, len(x), threads)]
    return np.concatenate([np.full_like(p, functools.reduce(function, p)) for p in parts])


def kernel_of(dtype, op):
    @enigma.kernel
    def k(X: dtype, Out: dtype):
        i = enigma.thread_position_in_grid
        Out[i] = enigma.threadgroup_reduce(X[i], op)

    return k


# The last threadgroup is partial, and its last simdgroup has fewer lanes than the others have simdgroups.
@pytest.mark.parametrize(("n", "threads"), [(1000, 256), (2085, 1024), (100, 33), (7, 32), (1, 1)])
@pytest.mark.parametrize("op", [*NUMPY, *BITS])
def test_integers(op, n, threads):
    x = np.random.default_rng(1).integers(-(2**31), 2**31, n).astype(np.int32)
    with np.errstate(over="ignore"):
        wanted = by_group(x, threads, (NUMPY | BITS)[op])
    out = both_ways(kernel_of(enigma.i32, op), [x], np.zeros_like(x), n, threads)
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("dtype", ["f32", "f16", "u8", "i64", "u32"])
@pytest.mark.parametrize("op", ["add", "max"])
def test_types(dtype, op):
    kind = getattr(enigma, dtype)
    # Small whole numbers: sums are exact in any order.
    x = np.random.default_rng(2).integers(0, 3, 500).astype(enigma.dtypes.numpy_dtype(kind))
    with np.errstate(over="ignore"):
        wanted = by_group(x, 192, NUMPY[op])
    np.testing.assert_array_equal(both_ways(kernel_of(kind, op), [x], np.zeros_like(x), 500, 192), wanted)


def test_vectors():
    @enigma.kernel
    def k(X: enigma.float4, Out: enigma.float4):
        i = enigma.thread_position_in_grid
        Out[i] = enigma.threadgroup_reduce(X[i])

    x = np.random.default_rng(3).integers(-8, 9, (300, 4)).astype(np.float32)
    wanted = np.concatenate(
        [np.broadcast_to(x[i : i + 128].sum(0), x[i : i + 128].shape) for i in (0, 128, 256)]
    )
    np.testing.assert_array_equal(both_ways(k, [x], np.zeros_like(x), 300, 128), wanted)


def test_two_in_a_row_and_in_a_loop():
    @enigma.kernel
    def k(X: enigma.i32, Out: enigma.i32):
        i = enigma.thread_position_in_grid
        x = X[i]
        top, low = enigma.threadgroup_reduce(x, "max"), enigma.threadgroup_reduce(x, "min")
        for step in enigma.range(5):
            x += enigma.threadgroup_reduce(x + step, "xor")
        Out[i] = x * (top - low)

    x = np.random.default_rng(4).integers(-99, 99, 700).astype(np.int32)
    y = x.copy()
    for step in range(5):
        y += by_group(y + np.int32(step), 256, np.bitwise_xor)
    wanted = y * (by_group(x, 256, np.maximum) - by_group(x, 256, np.minimum))
    np.testing.assert_array_equal(both_ways(k, [x], np.zeros_like(x), 700, 256), wanted)
    text = enigma.compile(k).metal_source
    assert text.count("threadgroup_barrier") == 4  # one each, and one more in the loop


def test_floats_are_added_in_the_order_of_the_simdgroups():
    x = np.random.default_rng(5).standard_normal(4096, np.float32)
    sums = {}
    for threads in (32, 512):  # on the host alone: the order within a simdgroup is each device's own
        sums[threads] = np.zeros_like(x)
        compiled = enigma.compile(kernel_of(enigma.f32, "add"))
        enigma.HostRuntime().launch(compiled, [x, sums[threads]], 4096, threads)
    out, parts = sums[512], sums[32][::32].reshape(8, 16)
    np.testing.assert_array_equal(out[::512], [functools.reduce(np.add, row) for row in parts])
    np.testing.assert_allclose(out[::512], x.reshape(8, 512).sum(1, dtype=np.float64), rtol=1e-4, atol=1e-4)


def test_mistakes():
    def other(X: enigma.f32, Out: enigma.f32):
        Out[0] = enigma.threadgroup_reduce(X[0], "mean")

    def bits(X: enigma.f32, Out: enigma.f32):
        Out[0] = enigma.threadgroup_reduce(X[0], "and")

    def parted(X: enigma.f32, Out: enigma.f32):
        if enigma.thread_position_in_grid > 3:
            Out[0] = enigma.threadgroup_reduce(X[0])

    assert sentence(refused(other)).startswith('threadgroup_reduce: op must be one of "add", "mul"')
    assert marked(refused(other)) == 'enigma.threadgroup_reduce(X[0], "mean")'
    assert sentence(refused(bits)) == "simd_and: needs an integer or b1, got f32"
    assert "do not all come here" in sentence(refused(parted))
    assert any("the condition is at" in note for note in notes(refused(parted)))
