# SPDX-License-Identifier: MIT
"""The rules of docs/types.md: what operands are brought to, what literals become, what operators mean.

The tables are written out here; nothing is taken from the code under test.
"""

import ml_dtypes
import numpy as np
import pytest

import enigma as en

NAMES = ["b1", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "bf16", "f32"]
# Row: left operand, column: right operand, in the order of NAMES; "-" is an error.
PROMOTION = """
b1   i32 i32 i32 i32 i32 i32 u32 i64 u64 f16 bf16 f32
i8   i32 i8  u8  i16 u16 i32 u32 i64 u64 f16 bf16 f32
u8   i32 u8  u8  i16 u16 i32 u32 i64 u64 f16 bf16 f32
i16  i32 i16 i16 i16 u16 i32 u32 i64 u64 f16 bf16 f32
u16  i32 u16 u16 u16 u16 i32 u32 i64 u64 f16 bf16 f32
i32  i32 i32 i32 i32 i32 i32 u32 i64 u64 f16 bf16 f32
u32  u32 u32 u32 u32 u32 u32 u32 i64 u64 f16 bf16 f32
i64  i64 i64 i64 i64 i64 i64 i64 i64 u64 f16 bf16 f32
u64  u64 u64 u64 u64 u64 u64 u64 u64 u64 f16 bf16 f32
f16  f16 f16 f16 f16 f16 f16 f16 f16 f16 f16 -   f32
bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 bf16 - bf16 f32
f32  f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32
"""
ROWS = [line.split() for line in PROMOTION.strip().splitlines()]
PAIRS = [(row[0], NAMES[i], result) for row in ROWS for i, result in enumerate(row[1:])]


def types_of(*params, body):
    """Traces `body` on values of the types and gives the types of what it returns."""
    found = []

    def record(*values):
        result = body(*values)
        found.extend(result if isinstance(result, tuple) else [result])

    if len(params) == 1:

        def k(A: params[0], Out: en.f32):
            record(A[0])
            Out[0] = 1
    else:

        def k(A: params[0], B: params[1], Out: en.f32):
            record(A[0], B[0])
            Out[0] = 1

    en.compile(en.kernel(k))
    return [repr(v).split()[0][1:] for v in found]


@pytest.mark.parametrize(("left", "right", "result"), PAIRS)
def test_two_types_meet_in_the_documented_one(left, right, result):
    params = getattr(en, left), getattr(en, right)
    if result == "-":
        with pytest.raises(en.TraceError, match="f16 and bf16 have no common type"):
            types_of(*params, body=lambda a, b: a + b)
    else:
        assert types_of(*params, body=lambda a, b: (a + b, a * b, a - b, en.max(a, b))) == [result] * 4


@pytest.mark.parametrize("name", NAMES)
def test_comparisons_give_b1(name):
    dtype = getattr(en, name)
    assert (
        types_of(dtype, dtype, body=lambda a, b: (a < b, a <= b, a == b, a != b, a > b, a >= b)) == ["b1"] * 6
    )


@pytest.mark.parametrize("name", NAMES)
def test_true_division_gives_a_float(name):
    dtype = getattr(en, name)
    expected = name if name in ("f16", "bf16", "f32") else "f32"
    assert types_of(dtype, dtype, body=lambda a, b: (a / b, a / 2, 2 / a)) == [expected] * 3


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_literal_takes_the_type_of_the_value(name):
    dtype = getattr(en, name)
    expected = "i32" if name == "b1" else name
    assert types_of(dtype, body=lambda a: (a * 2, 2 * a, a + True, 1 - a)) == [expected] * 4


@pytest.mark.parametrize("name", NAMES)
def test_a_float_literal_keeps_floats_and_turns_integers_to_f32(name):
    dtype = getattr(en, name)
    expected = name if name in ("f16", "bf16", "f32") else "f32"
    assert types_of(dtype, body=lambda a: (a * 2.0, 2.0 * a, a + 0.5)) == [expected] * 3


@pytest.mark.parametrize(
    "scalar", [np.float32(2), np.float64(2), np.float16(2), np.int64(2), np.uint8(2), np.bool_(True)]
)
def test_numpy_scalars_are_weak_on_either_side(scalar):
    assert types_of(en.f16, body=lambda a: (a * scalar, scalar * a, scalar - a, a + scalar)) == ["f16"] * 4
    assert types_of(en.f16, body=lambda a: (scalar < a, a == scalar)) == ["b1"] * 2


def test_scalars_of_ml_dtypes_are_weak():
    assert types_of(en.f32, body=lambda a: a + ml_dtypes.bfloat16(1.5)) == ["f32"]


def test_the_grid_position_is_u32_and_stays_it():
    assert (
        types_of(en.f32, body=lambda a: (en.thread_position_in_grid * 512, 512 * en.thread_position_in_grid))
        == ["u32"] * 2
    )
    assert types_of(en.f32, body=lambda a: en.thread_position_in_grid * 0.5) == ["f32"]


def test_literals_alone_are_i32_i64_and_f32():
    assert types_of(en.f32, body=lambda a: (en.max(1, 2), en.max(1.0, 2), en.select_(a > 0, 1, 2.5))) == [
        "i32",
        "f32",
        "f32",
    ]


def test_logical_operators_on_b1_stay_b1():
    assert types_of(en.b1, en.b1, body=lambda a, b: (a & b, a | b, a ^ b, ~a)) == ["b1"] * 4


def test_arithmetic_on_b1_is_i32():
    assert types_of(en.b1, en.b1, body=lambda a, b: (a + b, -a, +a, a * 3)) == ["i32"] * 4


def test_shifts_have_the_type_of_the_left_operand():
    assert types_of(en.u8, en.i64, body=lambda a, b: (a << b, a >> b, b << a, a << 3)) == [
        "u8",
        "u8",
        "i64",
        "u8",
    ]


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_every_type_converts_to_every_other(source, target):
    to = getattr(en, target)
    assert types_of(getattr(en, source), body=lambda a: (to(a), en.metal_cast(a, to))) == [target] * 2


def test_metals_names_and_class_names_are_types():
    def cast(name):
        return lambda a: en.metal_cast(a, name)

    for name, expected in [
        ("float", "f32"),
        ("half", "f16"),
        ("bfloat", "bf16"),
        ("uint", "u32"),
        ("uchar", "u8"),
        ("long", "i64"),
        ("bool", "b1"),
        ("Int16", "i16"),
        ("f32", "f32"),
    ]:
        assert types_of(en.i32, body=cast(name)) == [expected]


def test_class_names_are_the_same_objects():
    assert (en.Float32, en.Float16, en.BFloat16) == (en.f32, en.f16, en.bf16)
    assert [en.Int8, en.Int16, en.Int32, en.Int64] == [en.i8, en.i16, en.i32, en.i64]
    assert [en.Uint8, en.Uint16, en.Uint32, en.Uint64, en.Boolean] == [en.u8, en.u16, en.u32, en.u64, en.b1]


def test_types_know_their_size_and_text():
    assert repr(en.bf16) == "enigma.bf16"
    assert [getattr(en, n).itemsize for n in NAMES] == [1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4]


def test_types_survive_pickling_as_themselves():
    import copy
    import pickle

    assert pickle.loads(pickle.dumps(en.u16)) is en.u16
    assert copy.deepcopy(en.f32) is en.f32


def test_as_type_keeps_the_bits():
    assert types_of(en.f32, body=lambda a: (en.as_type(a, en.u32), en.as_type(a, "int"))) == ["u32", "i32"]
    assert types_of(en.f16, body=lambda a: en.as_type(a, en.bf16)) == ["bf16"]


def test_two_results_come_as_a_tuple():
    assert types_of(en.f16, body=en.frexp) == ["f16", "i32"]
    assert types_of(en.f32, body=en.modf) == ["f32", "f32"]


# ---- What operators mean, on numbers


def run(body, *arrays, out=np.int32):
    """The results of an expression on arrays, computed on the host."""
    kinds = {
        np.dtype(np.int32): en.i32,
        np.dtype(np.uint32): en.u32,
        np.dtype(np.float32): en.f32,
        np.dtype(np.int8): en.i8,
        np.dtype(np.uint8): en.u8,
        np.dtype(bool): en.b1,
        np.dtype(np.int64): en.i64,
        np.dtype(np.uint64): en.u64,
    }
    to = kinds[np.dtype(out)]
    if len(arrays) == 1:

        def k(A: kinds[arrays[0].dtype], Out: to):
            i = en.thread_position_in_grid
            Out[i] = body(A[i])
    else:

        def k(A: kinds[arrays[0].dtype], B: kinds[arrays[1].dtype], Out: to):
            i = en.thread_position_in_grid
            Out[i] = body(A[i], B[i])

    n = len(arrays[0])
    return en.HostRuntime().execute(
        en.compile(en.kernel(k)), list(arrays), output_shapes=(n,), grid=n, threads=32
    )


INTS = [-7, -2, -1, 1, 2, 7, 100, -100, 3, -3]
A = np.array([a for a in INTS for _ in INTS], np.int32)
B = np.array([b for _ in INTS for b in INTS], np.int32)


@pytest.mark.parametrize("dtype", [np.int32, np.int8, np.int64])
def test_floor_division_and_modulo_are_pythons(dtype):
    quotients = [int(a) // int(b) for a, b in zip(A, B)]
    remainders = [int(a) % int(b) for a, b in zip(A, B)]
    assert run(lambda a, b: a // b, A.astype(dtype), B.astype(dtype), out=dtype).tolist() == quotients
    assert run(lambda a, b: a % b, A.astype(dtype), B.astype(dtype), out=dtype).tolist() == remainders


def test_divmod_is_both():
    assert run(lambda a, b: divmod(a, b)[0] * 1000 + divmod(a, b)[1], A, B).tolist() == [
        int(a) // int(b) * 1000 + int(a) % int(b) for a, b in zip(A, B)
    ]


def test_float_floor_division_and_modulo_are_pythons():
    x, y = A.astype(np.float32) / 4, B.astype(np.float32) / 2
    assert run(lambda a, b: a // b, x, y, out=np.float32).tolist() == [
        float(a) // float(b) for a, b in zip(x, y)
    ]
    assert run(lambda a, b: a % b, x, y, out=np.float32).tolist() == [
        float(a) % float(b) for a, b in zip(x, y)
    ]


def test_true_division_of_integers_is_a_fraction():
    assert run(lambda a, b: a / b, A, B, out=np.float32).tolist() == [
        np.float32(a) / np.float32(b) for a, b in zip(A, B)
    ]


def test_integer_power():
    assert run(lambda a: a**3, A).tolist() == [int(a) ** 3 for a in A]
    assert run(lambda a: 2 ** (a & 15), A).tolist() == [2 ** (int(a) & 15) for a in A]


def test_comparisons_of_different_signs_are_of_numbers():
    signed = np.array([-1, -1, 0, 1, -(2**31), 2**31 - 1], np.int32)
    unsigned = np.array([1, 2**32 - 1, 0, 1, 2**31, 2**31 - 1], np.uint32)
    for name in ("lt", "le", "eq", "ne", "gt", "ge"):
        import operator

        compare = getattr(operator, name)
        expected = [compare(int(a), int(b)) for a, b in zip(signed, unsigned)]
        assert run(compare, signed, unsigned, out=bool).tolist() == expected
        assert run(getattr(en, f"cmp_{name}"), signed, unsigned, out=bool).tolist() == expected
        swapped = [compare(int(b), int(a)) for a, b in zip(signed, unsigned)]
        assert run(lambda a, b, c=compare: c(b, a), signed, unsigned, out=bool).tolist() == swapped


def test_unsigned_comparisons_are_of_bits():
    x = np.array([-1, 0, 5, -5], np.int32)
    y = np.array([0, -1, 3, -3], np.int32)

    def bits(v):
        return int(v) % 2**32

    assert run(en.cmp_ult, x, y, out=bool).tolist() == [bits(a) < bits(b) for a, b in zip(x, y)]
    assert run(en.cmp_uge, x, y, out=bool).tolist() == [bits(a) >= bits(b) for a, b in zip(x, y)]
    assert run(en.cmp_ule, x, x, out=bool).all()
    assert not run(en.cmp_ugt, x, x, out=bool).any()


def test_same_types_wrap_as_in_numpy():
    x = np.array([250, 255, 3], np.uint8)
    assert run(lambda a: a + 10, x, out=np.uint8).tolist() == [4, 9, 13]
    assert run(lambda a: a * a, x, out=np.uint8).tolist() == [int(v) ** 2 % 256 for v in x]
    y = np.array([127, -128, -1], np.int8)
    assert run(lambda a: -a, y, out=np.int8).tolist() == [-127, -128, 1]
    z = np.array([2**31 - 1], np.int32)
    assert run(lambda a: a + 1, z).tolist() == [-(2**31)]


def test_shift_counts_are_taken_modulo_the_width():
    x = np.array([1, -8, 5], np.int32)
    assert run(lambda a: a << 33, x).tolist() == [2, -16, 10]
    assert run(lambda a: a >> 1, x).tolist() == [0, -4, 2]


def test_augmented_assignment_on_names_and_elements():
    def k(X: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        x = X[i]
        x += 5
        x *= 2
        x -= 1
        x <<= 1
        x |= 1
        Out[i] = x
        Out[i] += X[i]
        Out[i] //= 2

    x = np.array([1, 2, -3], np.int32)
    out = en.HostRuntime().execute(en.compile(en.kernel(k)), [x], output_shapes=(3,), grid=3, threads=3)
    assert out.tolist() == [((((int(v) + 5) * 2 - 1) << 1 | 1) + int(v)) // 2 for v in x]


def test_where_takes_the_false_value_first_and_select_the_condition():
    x = np.array([-1, 2], np.int32)
    assert run(lambda a: en.where(10, 20, a > 0), x).tolist() == [10, 20]
    assert run(lambda a: en.select_(a > 0, 10, 20), x).tolist() == [20, 10]


def test_mad_rounds_once_and_integers_wrap():
    x = np.array([3.0, 1e-3], np.float32)
    exact = (x.astype(np.float64) * x + 1).astype(np.float32)
    assert run(lambda a: en.mad(a, a, 1), x, out=np.float32).tolist() == exact.tolist()
    assert run(lambda a: en.mad(a, 2, 1), np.array([2**31 - 1], np.int32)).tolist() == [-1]


def test_unary_operators():
    x = np.array([-5, 0, 7], np.int32)
    assert run(lambda a: abs(a), x).tolist() == [5, 0, 7]
    assert run(lambda a: -a, x).tolist() == [5, 0, -7]
    assert run(lambda a: +a, x).tolist() == [-5, 0, 7]
    assert run(lambda a: ~a, x).tolist() == [4, -1, -8]
