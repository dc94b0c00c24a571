# SPDX-License-Identifier: MIT
"""The kernels of show_kernels.py on sizes that no threadgroup divides: host, Metal text in the stand-in, and NumPy."""

import numpy as np
import pytest

import enigma as en
import show_kernels as show
from msl import standin

WAYS = ["host", "metal text", "metal text, threads in reverse"]


@pytest.fixture(scope="module")
def compiled():
    return {name: en.compile(kernel) for name, kernel in show.KERNELS.items()}


@pytest.fixture(scope="module")
def library(compiled):
    sources = {name: c.metal_source for name, c in compiled.items()}
    assert {name: standin.check(text) for name, text in sources.items()} == {name: [] for name in sources}
    return standin.compile_many(sources, sanitize=True)


@pytest.fixture(params=WAYS)
def run(request, compiled, library):
    def on_host(kernel, arguments, grid, threads):
        en.HostRuntime().launch(compiled[kernel.__name__], arguments, grid, threads)

    def in_metal_text(kernel, arguments, grid, threads):
        reverse = request.param == WAYS[2]
        library[kernel.__name__].run(arguments, grid=grid, threads=threads, reverse=reverse)

    return on_host if request.param == WAYS[0] else in_metal_text


def integers(*shape, dtype=np.int32, low=-50, high=50):
    return np.random.default_rng(len(shape) + sum(shape)).integers(low, high, shape).astype(dtype)


@pytest.mark.parametrize("n", [1, 63, 1000, 4097])
def test_tree_reduction(run, n):
    x = integers(n, low=-(2**31), high=2**31)
    assert show.tree_reduction(run, x) == x.sum(dtype=np.int32)


@pytest.mark.parametrize("n", [5, 64, 65, 1000])
def test_block_reversal(run, n):
    x = np.arange(n, dtype=np.float32)
    blocks = [x[at : at + show.THREADS][::-1] for at in range(0, n, show.THREADS)]
    np.testing.assert_array_equal(show.block_reversal(run, x), np.concatenate(blocks))


@pytest.mark.parametrize("n", [1, 191, 1000])
def test_histogram_with_atomics(run, n):
    values = integers(n, dtype=np.uint8, low=0, high=256)
    values[::3] = 7
    np.testing.assert_array_equal(
        show.histogram(run, values), np.bincount(values, minlength=256)[: show.BINS]
    )


@pytest.mark.parametrize("n", [1, 33, 64, 1000, 4321])  # 4321: totals of totals
def test_prefix_scan_over_simdgroups(run, n):
    x = integers(n, low=-(2**31), high=2**31)
    np.testing.assert_array_equal(show.prefix_scan(run, x), np.cumsum(x, dtype=np.int32))


@pytest.mark.parametrize("n", [1, 2, 100, 128, 129, 500, 1000])
def test_bitonic_sort(run, n):
    x = integers(n, dtype=np.float32)  # with equal elements
    x[:: max(1, n // 5)] = np.inf
    x[1 :: max(1, n // 7)] = -np.inf
    np.testing.assert_array_equal(show.bitonic_sort(run, x), np.sort(x))


@pytest.mark.parametrize(("m", "n", "k"), [(8, 16, 8), (1, 1, 1), (13, 27, 19), (20, 9, 33)])
def test_tiled_matrix_multiply_on_simdgroup_matrices(run, m, n, k):
    a, b = integers(m, k, dtype=np.float32), integers(k, n, dtype=np.float32)
    np.testing.assert_array_equal(show.tiled_matmul(run, a, b), a @ b)


@pytest.mark.parametrize("n", [1, 2, 63, 129])
def test_laplacian_with_edges(run, n):
    x = integers(n, dtype=np.float32)
    wide = np.pad(x, 1)
    np.testing.assert_array_equal(show.laplacian(run, x), wide[:-2] - 2 * wide[1:-1] + wide[2:])


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 9), (8, 16), (21, 13)])
def test_heat_step_in_two_dimensions(run, rows, columns):
    plate = want = integers(
        rows, columns, dtype=np.float32
    )  # integers and a rate of 1/8 keep all steps exact
    for _ in range(3):
        wide = np.pad(want, 1, mode="edge")
        around = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
        want = want + (around - 4 * want) / 8
    np.testing.assert_array_equal(show.heat(run, plate, 3, 0.125), want)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 31), (5, 333)])
def test_online_softmax(run, rows, columns):
    x = np.random.default_rng(3).normal(0, 30, (rows, columns)).astype(np.float32)
    x[0] = -1000.0  # nothing would be left if the maximum were not subtracted
    x[rows - 1, columns // 2] = 500.0
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        show.online_softmax(run, x), e / e.sum(axis=1, keepdims=True), rtol=3e-6, atol=1e-10
    )
