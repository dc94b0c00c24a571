# SPDX-License-Identifier: MIT
"""Whole kernels on the Metal stand-in: threadgroups, simdgroups, atomics, templates, function constants."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from msl import standin
from standin_programs import HEAD, KERNELS

RNG = np.random.default_rng(7)


@pytest.fixture(scope="module")
def library():
    constants = {"specialised twice": {"factor": 3, 1: True}}
    sources = {name: HEAD + text for name, text in KERNELS.items()}
    sources["specialised twice"] = sources["specialised"]
    return standin.compile_many(sources, sanitize=True, constants=constants)


def test_all_programs_are_clean():
    results = standin.check_many({name: HEAD + text for name, text in KERNELS.items()})
    assert {name: [str(p) for p in ps] for name, ps in results.items() if ps} == {}


@pytest.mark.parametrize("reverse", [False, True])
def test_tree_reduction(library, reverse):
    x, out = RNG.random(1000, np.float32), np.zeros(8, np.float32)
    library["reduce"].run([x, out, len(x)], 1024, 128, reverse=reverse)
    np.testing.assert_allclose(out, np.pad(x, (0, 24)).reshape(8, 128).sum(1), rtol=1e-5)


def test_block_reversal_through_threadgroup_argument(library):
    x, y = np.arange(100, dtype=np.int32), np.zeros(100, np.int32)
    library["reverse"].run([x, y], 100, 64, threadgroup_bytes=64 * 4)
    np.testing.assert_array_equal(y, np.concatenate([x[:64][::-1], x[64:][::-1]]))


def test_histogram_with_atomics(library):
    x, bins = RNG.integers(0, 256, 1024).astype(np.uint8), np.zeros(16, np.uint32)
    library["histogram"].run([x, bins], 1024, 128)
    np.testing.assert_array_equal(bins, np.bincount(x >> 4, minlength=16))


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_over_simdgroups(library, reverse):
    x, y = RNG.integers(-100, 100, 256).astype(np.int32), np.zeros(256, np.int32)
    library["scan"].run([x, y], 256, 256, reverse=reverse)
    np.testing.assert_array_equal(y, np.cumsum(x))


def test_bitonic_sort(library):
    x = RNG.random(256, np.float32)
    expected = np.sort(x)
    library["bitonic"].run([x], 256, 256)
    np.testing.assert_array_equal(x, expected)


def test_laplacian_with_early_return(library):
    x, y = RNG.random(777, np.float32), np.zeros(777, np.float32)
    library["laplacian"].run([x, y, 777], 800, 64)
    p = np.pad(x, 1)
    np.testing.assert_allclose(y, p[:-2] - 2 * p[1:-1] + p[2:], atol=1e-6)


def test_heat_step_in_two_dimensions(library):
    u, v = RNG.random((13, 21), np.float32), np.zeros((13, 21), np.float32)
    grid = np.zeros(1, np.dtype([("w", "u4"), ("h", "u4"), ("a", "f4")]))
    grid["w"], grid["h"], grid["a"] = 21, 13, 0.1
    library["heat"].run([u, v, grid], (21, 13), (8, 4))
    p = np.pad(u, 1, mode="edge")
    expected = u + np.float32(0.1) * (p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * u)
    np.testing.assert_allclose(v, expected, atol=1e-6)


def test_online_softmax(library):
    x, y = RNG.normal(0, 3, (5, 77)).astype(np.float16), np.zeros((5, 77), np.float16)
    library["softmax"].run([x, y, 77], 5 * 32, 32)
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    np.testing.assert_allclose(y, e / e.sum(1, keepdims=True), rtol=2e-3, atol=1e-6)


def test_matrix_product_on_simdgroup_matrices(library):
    m, n, k = 16, 24, 40
    a, b = RNG.normal(size=(m, k)).astype(np.float16), RNG.normal(size=(k, n)).astype(np.float16)
    c = np.zeros((m, n), np.float32)
    library["gemm"].run([a, b, c, np.array([m, n, k, 0], np.uint32)], (n // 8 * 32, m // 8), (32, 1))
    np.testing.assert_allclose(c, a.astype(np.float64) @ b.astype(np.float64), rtol=1e-4, atol=1e-4)


def test_tiled_product_in_shared_memory(library):
    a, b = RNG.random((8, 8), np.float32), RNG.random((8, 8), np.float32)
    c = np.zeros((8, 8), np.float32)
    library["tiled"].run([a, b, c, 8], (8, 8), (4, 4))
    np.testing.assert_allclose(c, a @ b, rtol=1e-5)


def test_template_instantiations_are_kernels(library):
    x, y = np.array([1, 2, 3, 4], np.float16), np.zeros(4, np.float16)
    library["templated", "scale_half"].run([x, y], 4, 4)
    np.testing.assert_array_equal(y, x * 3)
    x, y = np.arange(4, dtype=np.int32), np.zeros(4, np.int32)
    library["templated", "scale_int"].run([x, y], 4, 4)
    np.testing.assert_array_equal(y, -2 * x)


def test_function_constants(library):
    x = np.arange(4, dtype=np.int32)
    library["specialised"].run([x], 4, 4)
    np.testing.assert_array_equal(x, np.arange(4) * 10)
    library["specialised twice"].run([x], 4, 4)
    np.testing.assert_array_equal(x, np.arange(4) * -30)
