# SPDX-License-Identifier: MIT
"""Every atomic operation on every type, on the host and as Metal text.

Threads come in any order, so what is checked is that there is one: on each element the old values and the last one are
the first one and the new values.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import enigma
from atomic_kernels import change, compare, load, silent
from elements import DTYPES, INTEGERS, wrapped
from marks import marked, notes, refused, sentence
from msl import standin

RECORDS = [
    r for r in json.loads((Path(enigma.__file__).parent / "_ops.json").read_text()) if r["kind"] == "atomic"
]
# The element after, from the one before and the operand, in Python numbers.
AFTER: dict[str, Callable[[Any, Any], Any]] = {
    "atomic_store": lambda old, v: v,
    "atomic_exchange": lambda old, v: v,
    "atomic_fetch_add": lambda old, v: old + v,
    "atomic_fetch_sub": lambda old, v: old - v,
    "atomic_fetch_min": min,
    "atomic_fetch_max": max,
    "atomic_fetch_and": lambda old, v: old & v,
    "atomic_fetch_or": lambda old, v: old | v,
    "atomic_fetch_xor": lambda old, v: old ^ v,
    "atomic_min": min,
    "atomic_max": max,
}
RETURNING = [(r["name"], t) for r in RECORDS if r["name"] in AFTER and r["results"] for t in r["types"]]
SILENT = [(r["name"], t) for r in RECORDS if r["name"] in AFTER for t in r["types"]]
N, PLACES = 1500, 7


def on_host(kernel: Any, arrays: list[np.ndarray]) -> None:
    enigma.HostRuntime().launch(enigma.compile(kernel), arrays, (N, 1, 1), (72, 1, 1))


def in_metal_text(kernel: Any, arrays: list[np.ndarray]) -> None:
    standin.compile(enigma.compile(kernel).metal_source, sanitize=True).run(arrays, grid=N, threads=72)


BOTH = pytest.mark.parametrize("run", [on_host, in_metal_text], ids=["host", "metal-text"])


def values(seed: int, name: str, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if name == "f32":  # sums of these are exact
        return rng.integers(-1000, 1000, count).astype(np.float32)
    if name == "b1":
        return rng.integers(0, 2, count).astype(bool)
    bits = 64 if name.endswith("64") else 32
    return rng.integers(0, 1 << bits, count, dtype=np.uint64).astype(f"u{bits // 8}").view(DTYPES[name])


def python(array: np.ndarray) -> list[Any]:
    return array.tolist()


def follow(name: str, kind: str, old: Any, v: Any) -> Any:
    new = AFTER[name](old, v)
    return wrapped(new, kind) if kind in INTEGERS else new


@BOTH
@pytest.mark.parametrize(("name", "kind"), RETURNING)
def test_old_values_tell_an_order_of_threads(run: Any, name: str, kind: str) -> None:
    start, v = values(1, kind, PLACES), values(2, kind, N)
    at = np.random.default_rng(3).integers(0, PLACES, N).astype(np.uint32)
    on = np.random.default_rng(4).integers(0, 3, N) > 0
    a, old = start.copy(), values(5, kind, N)
    before = old.copy()
    run(change(getattr(enigma, name), getattr(enigma, kind)), [a, at, v, on, old])
    assert (old[~on] == before[~on]).all()
    for place in range(PLACES):
        here = on & (at == place)
        seen = python(old[here])
        made = [follow(name, kind, o, x) for o, x in zip(seen, python(v[here]), strict=True)]
        assert Counter([*seen, a[place].item()]) == Counter([start[place].item(), *made])


@BOTH
@pytest.mark.parametrize(("name", "kind"), SILENT)
@pytest.mark.parametrize("places", [1, PLACES])
def test_what_is_left_is_what_all_threads_did(run: Any, name: str, kind: str, places: int) -> None:
    start, v = values(6, kind, places), values(7, kind, N)
    at = np.random.default_rng(8).integers(0, places, N).astype(np.uint32)
    on = np.random.default_rng(9).integers(0, 3, N) > 0
    a = start.copy()
    run(silent(getattr(enigma, name), getattr(enigma, kind)), [a, at, v, on])
    for place in range(places):
        given = python(v[on & (at == place)])
        if name in ("atomic_store", "atomic_exchange"):
            assert a[place].item() in given
            continue
        total = start[place].item()
        for x in given:
            total = follow(name, kind, total, x)
        assert a[place].item() == total


@BOTH
@pytest.mark.parametrize("kind", ["i32", "u32", "f32", "b1"])
def test_an_exchange_by_comparison_tells_an_order_too(run: Any, kind: str) -> None:
    few = values(10, kind, 3)
    rng = np.random.default_rng(11)
    start, expected, v = (few[rng.integers(0, 3, n)] for n in (PLACES, N, N))
    at = rng.integers(0, PLACES, N).astype(np.uint32)
    a, old, done = start.copy(), np.zeros(N, DTYPES[kind]), np.zeros(N, bool)
    run(compare(getattr(enigma, kind)), [a, at, expected, v, old, done])
    np.testing.assert_array_equal(done, old == expected)
    assert done.any()
    for place in range(PLACES):
        here = at == place
        made = np.where(done, v, old)[here]
        want = Counter([start[place].item(), *python(made)])
        assert Counter([*python(old[here]), a[place].item()]) == want


@BOTH
def test_a_comparison_is_of_bits(run: Any) -> None:
    a = np.array([np.nan, 0.0] * (N // 2), np.float32)
    at = np.arange(N, dtype=np.uint32)
    expected = np.array([np.nan, -0.0] * (N // 2), np.float32)
    old, done = np.zeros(N, np.float32), np.zeros(N, bool)
    run(compare(enigma.f32), [a, at, expected, np.ones(N, np.float32), old, done])
    assert done[::2].all() and not done[1::2].any()


@BOTH
@pytest.mark.parametrize("kind", ["i32", "u32", "f32", "b1"])
def test_a_load_is_the_element(run: Any, kind: str) -> None:
    a = values(12, kind, 50)
    at = np.random.default_rng(13).integers(0, 50, N)
    out = np.zeros(N, DTYPES[kind])
    kernel = load(getattr(enigma, kind))
    run(kernel, [a, at, out])
    np.testing.assert_array_equal(out, a[at])
    assert "const device atomic_" in enigma.compile(kernel).metal_source


def test_every_core_counts() -> None:
    @enigma.kernel
    def histogram(Values: enigma.u32, Bins: enigma.u32):
        i = enigma.thread_position_in_grid
        enigma.atomic_fetch_add(Bins, Values[i] % 10, 1)
        enigma.atomic_fetch_add(Bins, 10, 1)

    v = np.random.default_rng(14).integers(0, 1 << 32, 300_007, dtype=np.uint32)
    bins = np.zeros(11, np.uint32)
    enigma.HostRuntime().launch(enigma.compile(histogram), [v, bins], (len(v), 1, 1), (256, 1, 1))
    np.testing.assert_array_equal(bins[:10], np.bincount(v % 10))
    assert bins[10] == len(v)


@BOTH
def test_plain_and_atomic_accesses_to_one_buffer(run: Any) -> None:
    @enigma.kernel
    def k(A: enigma.i32, Out: enigma.i32):
        i = enigma.thread_position_in_grid
        before = A[i]
        enigma.atomic_fetch_sub(A, i, 2 * before)
        Out[i] = A[i] + before

    a, out = np.arange(N, dtype=np.int32), np.ones(N, np.int32)
    run(k, [a, out])
    np.testing.assert_array_equal(a, -np.arange(N))
    assert not out.any()


def test_an_access_out_of_bounds_is_reported_and_does_nothing() -> None:
    @enigma.kernel
    def k(A: enigma.u32, Out: enigma.u32):
        i = enigma.thread_position_in_grid
        Out[i] = enigma.atomic_fetch_add(A, i, 1)

    a, out = np.full(100, 5, np.uint32), np.full(128, 9, np.uint32)
    with pytest.raises(enigma.OutOfBoundsError, match="A") as caught:
        enigma.HostRuntime().launch(enigma.compile(k), [a, out], (128, 1, 1), (64, 1, 1))
    assert "100" in str(caught.value) and "atomic_fetch_add(A, i, 1)" in str(caught.value)
    assert (a == 6).all() and (out[:100] == 5).all() and not out[100:].any()


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r["name"])
def test_record_of_an_atomic_operation_is_complete(record: dict[str, Any]) -> None:
    assert record["summary"] and record["section"]
    tested = {*AFTER, "atomic_load", "atomic_compare_exchange_weak"}
    assert record["name"] in tested
    function = getattr(enigma, record["name"])
    assert record["summary"][1:] in function.__doc__


# ---- Errors


def test_a_type_that_metal_has_no_atomics_for_is_an_error() -> None:
    def k(A: enigma.f16, B: enigma.i64):
        enigma.atomic_fetch_add(A, 0, 1)

    error = refused(k)
    assert sentence(error) == "atomic_fetch_add: needs a buffer of i32, u32 or f32, got f16"
    assert marked(error) == "enigma.atomic_fetch_add(A, 0, 1)"

    def wide(B: enigma.i64):
        enigma.atomic_fetch_max(B, 0, 1)

    assert "atomic_max of u64" in notes(refused(wide))[0]

    def real(A: enigma.f32):
        enigma.atomic_fetch_max(A, 0, 1)

    assert sentence(refused(real)) == "atomic_fetch_max: needs a buffer of i32 or u32, got f32"


def test_a_value_that_does_not_fit_is_an_error() -> None:
    def k(A: enigma.u32):
        enigma.atomic_fetch_add(A, 0, -1)

    assert "the number -1 does not fit u32" in sentence(refused(k))

    def real(A: enigma.u32, B: enigma.f32):
        enigma.atomic_fetch_add(A, 0, B[0])

    assert sentence(refused(real)) == "atomic_fetch_add: needs u32, got f32"


def test_another_order_is_an_error() -> None:
    def k(A: enigma.u32):
        enigma.atomic_store(A, 0, 1, order="seq_cst")

    error = refused(k)
    assert sentence(error) == 'atomic_store: the order must be "relaxed", got "seq_cst"'


def test_a_value_in_the_place_of_the_buffer_is_an_error() -> None:
    def k(A: enigma.u32):
        enigma.atomic_store(A[0], 0, 1)

    assert sentence(refused(k)).startswith("atomic_store: needs a buffer")


def test_a_kernel_that_only_loads_has_no_effect() -> None:
    def k(A: enigma.u32):
        enigma.atomic_load(A, 0)

    assert "stores nothing" in sentence(refused(k))


def test_a_version_without_the_operation_is_an_error_at_the_line() -> None:
    def k(A: enigma.f32, B: enigma.u32):
        enigma.atomic_fetch_add(B, 0, 1)
        enigma.atomic_fetch_add(A, 0, 1.0)

    error = refused(k, enigma.UnsupportedError, msl_version="2.4")
    assert sentence(error) == "atomic_fetch_add needs MSL 3.0, the target is MSL 2.4"
    assert marked(error) == "enigma.atomic_fetch_add(A, 0, 1.0)"


def test_several_positions_in_one_thread_are_an_error() -> None:
    def k(A: enigma.u32):
        enigma.atomic_fetch_add(A, enigma.thread_position_in_grid, 1)

    error = refused(k, enigma.CompileError, vec_width=4)
    assert "atomic_fetch_add has no form for 4 positions" in sentence(error)
