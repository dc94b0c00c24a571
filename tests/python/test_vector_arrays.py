# SPDX-License-Identifier: MIT
"""Arrays of vectors: threadgroup memory, registers and constant arrays, against NumPy, the host and the text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import enigma as en
from elements import DTYPES
from marks import notes, refused, sentence
from three_ways import both

TYPES = [
    ("f32", 2),
    ("f32", 3),
    ("f32", 4),
    ("f16", 3),
    ("bf16", 4),
    ("i8", 3),
    ("u8", 4),
    ("u16", 2),
    ("i64", 3),
]
RNG = np.random.default_rng(17)
ROWS = 96


def rows(elem: str, lanes: int, count: int = ROWS) -> np.ndarray:
    """Small numbers, exact in every type; of 3 the fourth column is the gap."""
    return RNG.integers(0, 100, (count, 4 if lanes == 3 else lanes)).astype(DTYPES[elem])


def gap(out: np.ndarray, lanes: int) -> np.ndarray:
    """What a result looks like: the gap of a vector of 3 keeps the 0 that it had."""
    if lanes == 3:
        out[:, 3] = 0
    return out


@pytest.mark.parametrize(("elem", "lanes"), TYPES)
def test_threadgroup_memory_of_vectors(elem: str, lanes: int) -> None:
    """Stores side by side, loads side by side backwards and wherever the data say."""
    vector = en.vec(getattr(en, elem), lanes)

    @en.kernel
    def k(X: vector, At: en.u32, Back: vector, Anywhere: vector, First: vector):
        tile = en.threadgroup_alloc((2, 48), vector)
        lid = en.thread_position_in_threadgroup("x")
        i = en.thread_position_in_grid
        tile[1, lid] = X[i]
        en.barrier()
        Back[i] = tile[1, 47 - lid]
        Anywhere[i] = tile[1, At[i]]
        First[i] = tile[1, 5]

    x, at = rows(elem, lanes), RNG.integers(0, 48, ROWS).astype(np.uint32)
    out = both(k, [x, at, *[np.zeros_like(x) for _ in range(3)]], ROWS, 48)[2:]
    groups = gap(x.copy(), lanes).reshape(2, 48, -1)
    np.testing.assert_array_equal(out[0], groups[:, ::-1].reshape(x.shape))
    np.testing.assert_array_equal(out[1], [groups[i // 48, at[i]] for i in range(ROWS)])
    np.testing.assert_array_equal(out[2], np.repeat(groups[:, 5], 48, axis=0))


@pytest.mark.parametrize(("elem", "lanes"), TYPES)
def test_registers_of_vectors(elem: str, lanes: int) -> None:
    """Indexed by Python ints, by a loop, by data, and under a mask; filled with a number and with a vector."""
    vector = en.vec(getattr(en, elem), lanes)

    @en.kernel
    def k(X: vector, At: en.u32, Out: vector, Ones: vector):
        i = en.thread_position_in_grid
        own = en.register_tensor(70, vector, fill=X[i])
        few = en.register_tensor((2, 3), vector, fill=1)
        if At[i] % 2 == 1:
            few[1, 2] = X[i]
        for j in en.range(3):
            few[0, j] += few[1, j]
        own[At[i]] = few[0, 2]
        own[7] = few[1, 0]
        Out[i] = own[At[i]] + own[(At[i] + 1) % 70] + own[7]
        Ones[i] = en.load_if(own, At[i] + 70 * (At[i] % 2), At[i] % 2 == 0, 3)

    x, at = rows(elem, lanes), RNG.integers(0, 70, ROWS).astype(np.uint32)
    # Neither the element that the data choose nor its neighbour is number 7, to keep the arithmetic plain.
    at[(at == 7) | (at == 6)] = 20
    out, ones = both(k, [x, at, np.zeros_like(x), np.zeros_like(x)], ROWS, 48)[2:]
    wide = x.astype(np.int64)
    chosen = np.where(at[:, None] % 2 == 1, wide, 1) + 1
    expected = (chosen + wide + 1).astype(x.dtype)
    np.testing.assert_array_equal(out, gap(expected, lanes))
    np.testing.assert_array_equal(ones, gap(np.where(at[:, None] % 2 == 0, chosen, 3).astype(x.dtype), lanes))


@pytest.mark.parametrize(("elem", "lanes"), TYPES)
def test_constant_arrays_of_vectors(elem: str, lanes: int) -> None:
    vector = en.vec(getattr(en, elem), lanes)
    values = RNG.integers(0, 50, (3, 5, lanes))
    nested = values.tolist()

    @en.kernel
    def k(At: en.u32, Out: vector):
        table = en.constant_array(nested, vector)
        i = en.thread_position_in_grid
        Out[i] = table[2, At[i]] + table[0, 4]

    at = RNG.integers(0, 5, ROWS).astype(np.uint32)
    out = both(k, [at, np.zeros_like(rows(elem, lanes))], ROWS)[1]
    np.testing.assert_array_equal(out[:, :lanes], (values[2, at] + values[0, 4]).astype(DTYPES[elem]))


def test_a_numpy_array_makes_a_table_of_vectors() -> None:
    values = np.arange(8, dtype=np.float32).reshape(4, 2)

    @en.kernel
    def k(Out: en.float2):
        i = en.thread_position_in_grid
        Out[i] = en.constant_array(values, en.float2)[i]

    np.testing.assert_array_equal(both(k, [np.zeros((4, 2), np.float32)], 4)[0], values)
    source = en.compile(k).metal_source
    assert "constant float2 table[4] = {float2(0.0f, 1.0f), float2(2.0f, 3.0f)," in source


def test_the_text_declares_arrays_of_metals_vectors() -> None:
    @en.kernel
    def k(X: en.float4, Out: en.float4):
        tile = en.threadgroup_alloc(64, en.half3)
        own = en.register_tensor(2, en.float4)
        lid = en.thread_position_in_threadgroup("x")
        tile[lid] = en.half3(X[lid].xyz)
        own[lid % 2] = X[lid]
        en.barrier()
        Out[lid] = own[0] + own[1] + en.make_float4(en.float3(tile[63 - lid]), 0.0)

    source = en.compile(k).metal_source
    assert "    threadgroup half3 tile[64];\n" in source
    assert "    float4 own[2] = {};\n" in source
    assert "tile[lid] = half3(" in source


def test_a_vector_of_3_takes_the_threadgroup_memory_of_4() -> None:
    def of(count: int, vector: Any) -> Any:
        @en.kernel
        def k(X: en.f32):
            tile = en.threadgroup_alloc(count, vector)
            X[en.thread_position_in_grid] = tile[0].x

        return k

    en.compile(of(2048, en.float3))
    en.compile(of(2048, en.float4))
    for vector, name in ((en.float3, "float3"), (en.float4, "float4")):
        assert sentence(refused(of(2049, vector))) == (
            f"threadgroup_alloc: does not fit: 2049 elements of {name} are 32784 bytes"
        )


def test_a_component_of_an_element_is_read_but_not_assigned() -> None:
    def k(X: en.float4):
        tile = en.threadgroup_alloc(4, en.float4)
        tile[0].x = 1.0
        X[0] = tile[0]

    error = refused(k)
    assert sentence(error) == "a component can be assigned where a variable of the function holds the vector"
    assert notes(error) == ["write v = A[i]; v.x = value; A[i] = v, or enigma.insert(v, 0, value)"]


def test_rows_that_are_no_vectors_are_an_error() -> None:
    def flat(X: en.float4):
        X[0] = en.constant_array([1, 2, 3, 4], en.float4)[0]

    def short(X: en.float4):
        X[0] = en.constant_array([[1, 2, 3], [1, 2, 3]], en.float4)[0]

    assert sentence(refused(flat)) == (
        "constant_array: needs rows of 4 numbers for enigma.float4, got a list of numbers"
    )
    assert sentence(refused(short)).endswith("needs rows of 4 numbers for enigma.float4, got rows of 3")
    assert notes(refused(flat)) == ["each vector is a row: [[1, 2], [3, 4]] are two of enigma.float2"]


def test_a_fill_of_another_type_is_an_error() -> None:
    def k(X: en.float2, Out: en.float4):
        Out[0] = en.register_tensor(2, en.float4, fill=X[0])[1]

    error = refused(k)
    assert sentence(error) == "register_tensor: the fill must be float4 like the elements, got f32x2"
    assert notes(error) == ["convert it: enigma.float4(x)"]


def test_vectors_of_b1_are_no_elements() -> None:
    def k(Out: en.f32):
        en.threadgroup_alloc(4, "bool4")

    assert "vectors of b1 come from comparisons" in str(refused(k))


def test_what_lies_past_the_end_of_an_array_of_vectors_is_reported() -> None:
    @en.kernel
    def k(At: en.u32, Out: en.float3):
        i = en.thread_position_in_grid
        tile = en.threadgroup_alloc(40, en.float3)
        own = en.register_tensor(3, en.float3, fill=2)
        tile[i] = en.float3(1.0)
        en.barrier()
        Out[i] = tile[At[i]] + own[At[i] % 4]

    at = np.arange(32, dtype=np.uint32) % 3
    out = np.zeros((32, 4), np.float32)
    en.HostRuntime().launch(en.compile(k), [at, out], 32, 32)
    np.testing.assert_array_equal(out[:, :3], 3)
    for bad, name in ((40, "tile"), (3, "own")):
        at[9] = bad
        with pytest.raises(en.OutOfBoundsError, match=f"array {name}.*index {bad}, size") as caught:
            en.HostRuntime().launch(en.compile(k), [at, out], 32, 32)
        assert "thread (9, 0, 0)" in str(caught.value)


def test_atomics_and_matrices_take_arrays_of_numbers_only() -> None:
    def atomic(Out: en.u32):
        tile = en.threadgroup_alloc(4, en.uint2)
        Out[0] = en.atomic_fetch_add(tile, 0, 1)

    def matrix(Out: en.f32):
        en.simdgroup_store(en.simdgroup_load(en.threadgroup_alloc(64, en.float2)), Out)

    assert sentence(refused(atomic)) == "atomic_fetch_add: needs a buffer of i32, u32 or f32, got u32x2"
    assert "needs a buffer of f16, bf16 or f32, got buffer<f32x2, threadgroup>" in sentence(refused(matrix))
