# SPDX-License-Identifier: MIT
"""Python's operators on every pair of types, against a table of result types and NumPy's values in them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import enigma
from elements import DTYPES, FLOATS, INTEGERS, bits_of, rounded_integers
from operation_kernels import elementwise
from references import reference
from samples import edges
from ulps import assert_close

# Row and column are the operands; `-` is an error. Read off docs/types.md by hand.
TABLE = """
        b1    i8    u8    i16   u16   i32   u32   i64   u64   f16   bf16  f32
b1      i32   i32   i32   i32   i32   i32   u32   i64   u64   f16   bf16  f32
i8      i32   i8    u8    i16   u16   i32   u32   i64   u64   f16   bf16  f32
u8      i32   u8    u8    i16   u16   i32   u32   i64   u64   f16   bf16  f32
i16     i32   i16   i16   i16   u16   i32   u32   i64   u64   f16   bf16  f32
u16     i32   u16   u16   u16   u16   i32   u32   i64   u64   f16   bf16  f32
i32     i32   i32   i32   i32   i32   i32   u32   i64   u64   f16   bf16  f32
u32     u32   u32   u32   u32   u32   u32   u32   i64   u64   f16   bf16  f32
i64     i64   i64   i64   i64   i64   i64   i64   i64   u64   f16   bf16  f32
u64     u64   u64   u64   u64   u64   u64   u64   u64   u64   f16   bf16  f32
f16     f16   f16   f16   f16   f16   f16   f16   f16   f16   f16   -     f32
bf16    bf16  bf16  bf16  bf16  bf16  bf16  bf16  bf16  bf16  -     bf16  f32
f32     f32   f32   f32   f32   f32   f32   f32   f32   f32   f32   f32   f32
"""


def read_table() -> dict[tuple[str, str], str]:
    header, *rows = (line.split() for line in TABLE.strip().splitlines())
    return {(row[0], column): to for row in rows for column, to in zip(header, row[1:], strict=True)}


PROMOTED = read_table()
PAIRS = [(a, b) for a in DTYPES for b in DTYPES]
NAMES = {"add": operator.add, "sub": operator.sub, "mul": operator.mul, "floor_div": operator.floordiv}
NAMES |= {"mod": operator.mod}
BITS = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}
COMPARISONS = {"cmp_eq": operator.eq, "cmp_ne": operator.ne, "cmp_lt": operator.lt}
COMPARISONS |= {"cmp_le": operator.le, "cmp_gt": operator.gt, "cmp_ge": operator.ge}


@pytest.fixture(scope="module")
def host() -> Any:
    return enigma.HostRuntime()


def every_pair(a: str, b: str) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(len(edges(a))), np.arange(len(edges(b))), indexing="ij")
    return edges(a)[x.ravel()], edges(b)[y.ravel()]


def converted(x: np.ndarray, to: str) -> np.ndarray:
    """An operand brought to the type of the result: integers keep their low bits, floats are rounded."""
    if x.dtype == np.bool_:
        x = x.astype(np.int32)
    if to in FLOATS and x.dtype.kind in "iu":
        return rounded_integers([int(v) for v in x.tolist()], to)
    return reference("cast")(x, to=to).values[0]


def run(
    function: Callable[..., Any], a: str, b: str, to: str, host: Any
) -> tuple[list[np.ndarray], np.ndarray, set[str]]:
    """The operator on every pair of edges, and the types of value that the trace saw."""
    seen = set()

    def traced(x: Any, y: Any) -> Any:
        value = function(x, y)
        seen.add(value._type)
        return value

    operands = every_pair(a, b)
    result = np.zeros(len(operands[0]), DTYPES[to])
    kernel = elementwise(traced, [getattr(enigma, a), getattr(enigma, b)], [getattr(enigma, to)])
    host.launch(enigma.compile(kernel), [*operands, result], (len(result), 1, 1), (64, 1, 1))
    return list(operands), result, seen


def test_the_table_is_symmetric() -> None:
    assert all(PROMOTED[a, b] == PROMOTED[b, a] for a, b in PAIRS)


@pytest.mark.parametrize(("a", "b"), PAIRS, ids="-".join)
def test_arithmetic_of_two_types(a: str, b: str, host: Any) -> None:
    to = PROMOTED[a, b]
    for name, function in NAMES.items():
        if to == "-":
            with pytest.raises(enigma.TraceError, match=r"f16.*bf16|bf16.*f16"):
                run(function, a, b, "f32", host)
            continue
        operands, result, seen = run(function, a, b, to, host)
        expected = reference(name)(*(converted(x, to) for x in operands))
        assert seen == {to}, name
        tolerance = 1 if to in ("f16", "bf16") else 0
        assert_close(result, expected.values[0], operands, tolerance, what=f"{name} of {a} and {b}")


@pytest.mark.parametrize(("a", "b"), PAIRS, ids="-".join)
def test_true_division_of_two_types(a: str, b: str, host: Any) -> None:
    to = PROMOTED[a, b]
    if to == "-":
        with pytest.raises(enigma.TraceError, match=r"f16.*bf16|bf16.*f16"):
            run(operator.truediv, a, b, "f32", host)
        return
    to = to if to in FLOATS else "f32"
    operands, result, seen = run(operator.truediv, a, b, to, host)
    expected = reference("div")(*(converted(x, to) for x in operands)).values[0]
    assert seen == {to}
    assert_close(result, expected, operands, 1 if to in ("f16", "bf16") else 0, what=f"{a} / {b}")


@pytest.mark.parametrize(("a", "b"), PAIRS, ids="-".join)
def test_bits_of_two_types(a: str, b: str, host: Any) -> None:
    to = "b1" if a == b == "b1" else PROMOTED[a, b]
    for name, function in BITS.items():
        if to not in (*INTEGERS, "b1"):
            with pytest.raises(enigma.TraceError):
                run(function, a, b, "f32", host)
            continue
        operands, result, seen = run(function, a, b, to, host)
        expected = reference(name)(*(converted(x, to) if to != "b1" else x for x in operands)).values[0]
        assert seen == {to}
        assert_close(result, expected, operands, what=f"{name} of {a} and {b}")


@pytest.mark.parametrize(("a", "b"), PAIRS, ids="-".join)
def test_comparison_of_two_types(a: str, b: str, host: Any) -> None:
    """As numbers: integers of any two types exactly, an integer with a float as that float."""
    to = PROMOTED[a, b]
    for name, function in COMPARISONS.items():
        if to == "-":
            with pytest.raises(enigma.TraceError, match=r"f16.*bf16|bf16.*f16"):
                run(function, a, b, "b1", host)
            continue
        operands, result, seen = run(function, a, b, "b1", host)
        compared = [converted(x, to) for x in operands] if to in FLOATS else operands
        assert seen == {"b1"}
        assert_close(result, reference(name)(*compared).values[0], operands, what=f"{name} of {a} and {b}")


@pytest.mark.parametrize(("a", "b"), [(a, b) for a in INTEGERS for b in INTEGERS], ids="-".join)
def test_shift_keeps_the_type_of_what_is_shifted(a: str, b: str, host: Any) -> None:
    for name, function in (("shl", operator.lshift), ("shr", operator.rshift)):
        operands, result, seen = run(function, a, b, a, host)
        assert seen == {a}
        counts = reference("cast")(operands[1], to=a).values[0]
        assert_close(result, reference(name)(operands[0], counts).values[0], operands, what=f"{a} {name} {b}")


@pytest.mark.parametrize("a", INTEGERS)
def test_unsigned_comparison_reads_the_bits(a: str, host: Any) -> None:
    names = {"cmp_ult": "cmp_lt", "cmp_ule": "cmp_le", "cmp_ugt": "cmp_gt", "cmp_uge": "cmp_ge"}
    for name, plain in names.items():
        operands, result, _ = run(getattr(enigma, name), a, a, "b1", host)
        expected = reference(plain)(*(bits_of(x) for x in operands)).values[0]
        assert_close(result, expected, operands, what=f"{name} of {a}")
