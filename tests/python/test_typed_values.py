# SPDX-License-Identifier: MIT
"""The typed numbers that random programs run on in Python (typed_values.py), against the references by NumPy and the table of types."""

import operator
import warnings

import numpy as np
import pytest

from elements import DTYPES, FLOATS, INTEGERS, rounded_integers
from references import reference
from samples import edges
from test_promotion import PROMOTED
from typed_values import UnspecifiedError, Value, Vector, cast, promoted

EVERYWHERE = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "cmp_lt": operator.lt,
    "cmp_eq": operator.eq,
}
WHOLE = {
    "floor_div": operator.floordiv, "mod": operator.mod, "shl": operator.lshift, "shr": operator.rshift,
    "and": operator.and_, "or": operator.or_, "xor": operator.xor,
}  # fmt: skip


def some(t):
    """A few edges of a type, with its smallest and largest."""
    found = edges(t)
    return found[:: max(1, len(found) // 12)]


def values(array, t):
    return [Value(t, x) for x in (array.astype(np.float64) if t in FLOATS else array).tolist()]


def same(got, want):
    a, b = np.array(got, np.float64), np.array(want, np.float64)
    assert ((a == b) & (np.signbit(a) == np.signbit(b)) | np.isnan(a) & np.isnan(b)).all(), (a, b)


@pytest.mark.parametrize("t", [t for t in DTYPES if t != "b1"])
def test_operators_give_what_the_references_give(t):
    x, y = (a.ravel() for a in np.meshgrid(some(t), some(t)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, op in (EVERYWHERE | (WHOLE if t in INTEGERS else {})).items():
            expected = reference(name)(x, y)
            got = []
            for a, b in zip(values(x, t), values(y, t), strict=True):
                try:
                    got.append(op(a, b).v)
                except UnspecifiedError:
                    assert b.v == 0 and name in ("floor_div", "mod")
                    got.append(None)
            want = (
                expected.values[0].tolist()
                if t in INTEGERS
                else expected.values[0].astype(np.float64).tolist()
            )
            if t in INTEGERS:
                assert [w for w, g in zip(want, got, strict=True) if g is not None] == [
                    g for g in got if g is not None
                ], name
            else:
                same(got, want)


def test_types_meet_as_the_table_says():
    for (a, b), t in PROMOTED.items():
        if t == "-":
            with pytest.raises(TypeError):
                promoted(a, b)
        else:
            assert promoted(a, b) == t


@pytest.mark.parametrize("t", [t for t in DTYPES if t != "b1"])
def test_conversions_of_integers_are_rounded_once(t):
    wide = [0, 1, -1, 2**24 + 1, 2**53 + 1, -(2**62) - 1, 2**63 - 1]
    with np.errstate(over="ignore"):
        got = [cast(Value("i64", x), t).v for x in wide]
    if t in FLOATS:
        with np.errstate(over="ignore"):
            same(got, rounded_integers(wide, t).astype(np.float64))
    else:
        assert got == [int(np.array([x], np.int64).astype(DTYPES[t])[0]) for x in wide]


def test_a_python_number_takes_the_type_that_it_meets():
    assert repr(Value("u8", 200) + 100) == "u8(44)"
    assert repr(Value("i32", 3) * 0.5) == "f32(1.5)"
    assert repr(7 // Value("i8", -2)) == "i8(-4)"
    with pytest.raises(AssertionError):
        Value("u8", 1) + 300


def test_a_component_is_put_into_a_new_vector():
    v = Vector((Value("i8", 1), Value("i8", 2), Value("i8", 3)))
    w = v.put("zx", Vector((Value("i8", 7), Value("i8", 8))))
    assert [x.v for x in w] == [8, 2, 7] and [x.v for x in v] == [1, 2, 3]
    assert w[Value("i32", 9)].v == 7 and w[-1].v == 7
