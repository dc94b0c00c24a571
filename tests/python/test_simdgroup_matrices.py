# SPDX-License-Identifier: MIT
"""Simdgroup matrices on the host and as Metal text, against NumPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import enigma
from elements import DTYPES, FLOATS
from marks import notes, refused, sentence
from matrix_kernels import copy, elements, matmul, product
from msl import standin

RNG = np.random.default_rng(5)
PAIRS = [("f32", "f32"), ("f16", "f16"), ("bf16", "bf16"), ("f16", "f32"), ("bf16", "f32")]


def on_host(kernel: Any, arguments: list[Any], grid: int = 32, threads: int = 32) -> None:
    enigma.HostRuntime().launch(enigma.compile(kernel), arguments, (grid, 1, 1), (threads, 1, 1))


def in_metal_text(kernel: Any, arguments: list[Any], grid: int = 32, threads: int = 32) -> None:
    standin.compile(enigma.compile(kernel).metal_source, sanitize=True).run(
        arguments, grid=grid, threads=threads
    )


BOTH = pytest.mark.parametrize("run", [on_host, in_metal_text], ids=["host", "metal-text"])


def values(name: str, *shape: int) -> np.ndarray:
    return RNG.uniform(-2, 2, shape).astype(np.float32).astype(DTYPES[name])


def close(got: np.ndarray, exact: np.ndarray, name: str, terms: int) -> None:
    """Rounded once to the type after a sum in f32."""
    eps = {"f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8}[name]
    error = np.abs(got.astype(np.float64) - exact)
    assert (error <= eps * np.abs(exact) * 2 + terms * 2.0**-22 * 4).all(), error.max()


@BOTH
@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("transpose_out", [False, True])
@pytest.mark.parametrize("origin", [(0, 0), (3, 5)])
def test_load_and_store(
    run: Any, name: str, transpose: bool, transpose_out: bool, origin: tuple[int, int]
) -> None:
    a, out = values(name, 20, 13), np.zeros((8, 8), DTYPES[name])
    run(copy(getattr(enigma, name), 13, origin, transpose, transpose_out), [a, np.uint32(2), out])
    x, y = origin
    want = a.ravel()[2:].copy()
    want = np.lib.stride_tricks.as_strided(want[y * 13 + x :], (8, 8), (13 * a.itemsize, a.itemsize))
    np.testing.assert_array_equal(out, want.T if transpose != transpose_out else want)


@BOTH
@pytest.mark.parametrize(("name", "sums"), PAIRS)
def test_products(run: Any, name: str, sums: str) -> None:
    a, b, c = values(name, 8, 8), values(name, 8, 8), values(sums, 8, 8)
    d, e = np.zeros((8, 8), DTYPES[sums]), np.zeros((8, 8), DTYPES[name])
    run(product(getattr(enigma, name), getattr(enigma, sums)), [a, b, c, d, e])
    wide = [x.astype(np.float64) for x in (a, b, c)]
    close(d, wide[0] @ wide[1] + wide[2], sums, 9)
    close(e, wide[0] @ wide[1], name, 8)


@BOTH
@pytest.mark.parametrize("name", FLOATS)
def test_each_lane_holds_two_elements(run: Any, name: str) -> None:
    a = np.arange(64).reshape(8, 8).astype(np.float32).astype(DTYPES[name])
    first, second = np.zeros(32, DTYPES[name]), np.zeros(32, DTYPES[name])
    out = np.zeros((8, 8), DTYPES[name])
    run(elements(getattr(enigma, name)), [a, first, second, out])
    lane = np.arange(32)
    row, column = (lane // 4 & 4) + lane // 2 % 4, (lane // 4 & 2) * 2 + lane % 2 * 2
    np.testing.assert_array_equal(first, a[row, column])
    np.testing.assert_array_equal(second, a[row, column + 1])
    np.testing.assert_array_equal(out, a + a)


@BOTH
@pytest.mark.parametrize(("name", "sums"), PAIRS)
@pytest.mark.parametrize(("m", "n", "k"), [(8, 8, 8), (40, 24, 56), (16, 40, 8)])
def test_a_tiled_matrix_product(run: Any, name: str, sums: str, m: int, n: int, k: int) -> None:
    a, b, c = values(name, m, k), values(name, k, n), np.zeros((m, n), DTYPES[sums])
    simdgroups = m * n // 64
    # The last threadgroup has fewer simdgroups than the others.
    kernel = matmul(getattr(enigma, name), getattr(enigma, sums))
    run(kernel, [a, b, c, np.uint32(n), np.uint32(k)], simdgroups * 32, min(simdgroups, 4) * 32)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    if sums == "f32":
        close(c, exact, sums, k)
    else:  # rounded after each tile
        eps = {"f16": 2.0**-11, "bf16": 2.0**-8}[sums]
        bound = eps * (k // 8 + 1) * (np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64))
        assert (np.abs(c.astype(np.float64) - exact) <= bound).all()


@BOTH
def test_matrices_in_lists_and_branches(run: Any) -> None:
    @enigma.kernel
    def k(A: enigma.f32, Out: enigma.f32, Swap: enigma.Scalar(enigma.u32)):
        tiles = [enigma.simdgroup_load(A, 8 * i, 16) for i in range(2)]
        sums = [enigma.make_filled_simdgroup_matrix(enigma.f32, i) for i in range(2)]
        for _ in enigma.range(3):
            for i in range(2):
                sums[i] = enigma.simdgroup_multiply_accumulate(tiles[0], tiles[1], sums[i])
        if Swap == 1:
            sums = [sums[1], sums[0]]
        for i in range(2):
            enigma.simdgroup_store(sums[i], Out, 8 * i, 16)

    a = values("f32", 8, 16)
    for swap in (0, 1):
        out = np.zeros((8, 16), np.float32)
        run(k, [a, out, np.uint32(swap)])
        exact = 3 * (a[:, :8].astype(np.float64) @ a[:, 8:].astype(np.float64))
        order = [1, 0] if swap else [0, 1]
        close(out, np.hstack([exact + i for i in order]), "f32", 24)


def test_the_text_adds_in_place() -> None:
    source = enigma.compile(matmul(enigma.f16, enigma.f32)).metal_source
    assert source.startswith("// MSL 2.3\n")
    assert "simdgroup_float8x8 acc = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);" in source
    assert "simdgroup_multiply_accumulate(acc, a, b, acc);" in source
    assert enigma.compile(matmul(enigma.bf16, enigma.f32)).metal_source.startswith("// MSL 3.1\n")


def test_what_is_out_of_bounds_is_reported_and_the_rest_is_done() -> None:
    kernel = copy(enigma.f32, 8, (0, 0), False, False)
    a, out = values("f32", 8, 8), np.zeros(60, np.float32)
    with pytest.raises(enigma.OutOfBoundsError, match="Out") as caught:
        on_host(kernel, [a, np.uint32(0), out])
    assert "simdgroup_store(m, Out" in str(caught.value)
    np.testing.assert_array_equal(out, a.ravel()[:60])
    whole = np.zeros((8, 8), np.float32)
    with pytest.raises(enigma.OutOfBoundsError, match="A"):
        on_host(kernel, [a, np.uint32(8), whole])
    np.testing.assert_array_equal(whole, np.vstack([a[1:], np.zeros((1, 8))]))


def test_a_threadgroup_with_part_of_a_simdgroup_is_refused() -> None:
    kernel = copy(enigma.f32, 8, (0, 0), False, False)
    a, out = values("f32", 8, 8), np.zeros((8, 8), np.float32)
    for grid, threads in ((40, 40), (100, 64), (16, 32)):
        with pytest.raises(enigma.LaunchError, match="all 32 lanes"):
            on_host(kernel, [a, np.uint32(0), out], grid, threads)


def test_arithmetic_on_a_matrix_is_an_error() -> None:
    def k(A: enigma.f32, Out: enigma.f32):
        Out[0] = enigma.simdgroup_load(A) * 2

    error = refused(k)
    assert sentence(error) == "*: needs values, got simdgroup_matrix<f32>"
    assert notes(error) == ["take the elements of a lane: simdgroup_matrix_elements(m)"]


def test_types_that_do_not_go_together_are_errors() -> None:
    def mixed(A: enigma.f32, B: enigma.f16):
        m = enigma.simdgroup_multiply(enigma.simdgroup_load(A), enigma.simdgroup_load(B))
        enigma.simdgroup_store(m, A)

    assert "got simdgroup_matrix<f32> and simdgroup_matrix<f16>" in sentence(refused(mixed))

    def narrow(A: enigma.f32, B: enigma.f16):
        a, b = enigma.simdgroup_load(A), enigma.simdgroup_load(B)
        enigma.simdgroup_store(enigma.simdgroup_multiply_accumulate(a, a, b), B)

    assert "factors of f32 accumulate in f32, got f16" in sentence(refused(narrow))

    def store(A: enigma.f32, B: enigma.f16):
        enigma.simdgroup_store(enigma.simdgroup_load(A), B)

    assert sentence(refused(store)) == "simdgroup_store: the buffer holds f16, got simdgroup_matrix<f32>"

    def integer(A: enigma.i32):
        enigma.simdgroup_store(enigma.simdgroup_load(A), A)

    assert sentence(refused(integer)) == "simdgroup_load: needs a buffer of f16, bf16 or f32, got buffer<i32>"

    def number(A: enigma.f32):
        enigma.simdgroup_store(A[0], A)

    assert sentence(refused(number)) == "simdgroup_store: needs a simdgroup matrix, got f32"


@pytest.mark.parametrize(
    "name", [n for n in dir(enigma) if n.startswith("simdgroup_m") or n == "simdgroup_load"]
)
def test_functions_are_documented(name: str) -> None:
    assert getattr(enigma, name).__doc__


def test_every_record_of_matrices_is_a_function() -> None:
    records = json.loads((Path(enigma.__file__).parent / "_ops.json").read_text())
    matrices = [r for r in records if r["kind"] == "matrix"]
    assert len(matrices) == 7
    for r in matrices:
        assert r["summary"] and r["section"] and callable(getattr(enigma, r["name"]))
