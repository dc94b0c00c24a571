# SPDX-License-Identifier: MIT
"""The references themselves, against mpmath, exact fractions, and NumPy's fixed-width integers."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import ml_dtypes
import mpmath
import numpy as np
import pytest

from elements import (
    DTYPES,
    FLOATS,
    INTEGERS,
    SIGNED,
    bits_of,
    bounds,
    from_bits,
    rounded,
    rounded_integers,
    unsigned,
    width,
)
from references import reference
from samples import edges, interval, random_bits
from ulps import disagreements, distance, ordinal


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


def nearest(value: Fraction, name: str) -> float:
    """A fraction rounded to nearest even by integer arithmetic alone."""
    info = ml_dtypes.finfo(DTYPES[name])
    if value == 0:
        return 0.0
    size = abs(value)
    exponent = max(math.floor(math.log2(size)) if size < 2**900 else 900, int(math.log2(float(info.tiny))))
    while Fraction(2) ** (exponent + 1) <= size:
        exponent += 1
    while exponent > math.log2(float(info.tiny)) and Fraction(2) ** exponent > size:
        exponent -= 1
    unit = Fraction(2) ** (exponent - info.nmant)
    whole = round(size / unit)  # Python rounds fractions half to even
    result = whole * unit
    return math.copysign(
        math.inf if result > Fraction(float(info.max)) else float(result), 1 if value > 0 else -1
    )


def finite(rng: np.random.Generator, name: str, count: int = 300) -> np.ndarray:
    values = np.concatenate([edges(name), random_bits(rng, name, count), interval(rng, name, -20, 20, count)])
    with np.errstate(invalid="ignore"):
        return values[np.isfinite(values.astype(np.float64))]


@pytest.mark.parametrize("name", FLOATS)
def test_rounding_to_a_type_is_rounding_once(name: str, rng: np.random.Generator) -> None:
    grid = finite(rng, name).astype(np.float64)
    beside = np.nextafter(grid, 0)
    with np.errstate(over="ignore"):
        following = np.nextafter(finite(rng, name, 0), DTYPES[name].type(np.inf)).astype(np.float64)
    halfway = (finite(rng, name, 0).astype(np.float64) + np.where(np.isfinite(following), following, 0)) / 2
    values = np.concatenate([grid, beside, halfway, np.nextafter(halfway, 0), np.nextafter(halfway, np.inf)])
    expected = np.array([nearest(Fraction(v), name) for v in values])
    np.testing.assert_array_equal(rounded(values, name).astype(np.float64), expected)


@pytest.mark.parametrize("name", FLOATS)
def test_integers_are_rounded_to_floats_once(name: str, rng: np.random.Generator) -> None:
    tie = (1 << 62) + (1 << (62 - ml_dtypes.finfo(DTYPES[name]).nmant - 1))
    values = [
        0,
        1,
        -1,
        tie,
        tie + 1,
        tie - 1,
        -tie - 1,
        (1 << 64) - 1,
        -(1 << 63),
        65519,
        65520,
        2049,
        2051,
        257,
        259,
    ]
    values += [int(v) for v in rng.integers(-(2**63), 2**63 - 1, 200)] + [
        int(v) for v in rng.integers(-70000, 70000, 200)
    ]
    expected = np.array([nearest(Fraction(v), name) for v in values])
    np.testing.assert_array_equal(rounded_integers(values, name).astype(np.float64), expected)


# ---- Float functions
mp = mpmath.mp.clone()
mp.prec = 200
MPMATH: dict[str, Callable[..., mpmath.mpf]] = {
    "rsqrt": lambda x: 1 / mp.sqrt(x), "exp2": lambda x: mp.power(2, x), "exp10": lambda x: mp.power(10, x),
    "log2": lambda x: mp.log(x, 2), "log10": mp.log10, "sqrt": mp.sqrt, "exp": mp.exp, "log": mp.log,
    "sin": mp.sin, "cos": mp.cos,
    "tan": mp.tan, "asin": mp.asin, "acos": mp.acos, "atan": mp.atan, "sinh": mp.sinh, "cosh": mp.cosh,
    "tanh": mp.tanh,
    "asinh": mp.asinh, "acosh": mp.acosh, "atanh": mp.atanh, "sinpi": mp.sinpi, "cospi": mp.cospi,
    "tanpi": lambda x: mp.sinpi(x) / (mp.cospi(x) or mp.nan), "erf": mp.erf, "erfinv": mp.erfinv,
    "floor": mp.floor, "ceil": mp.ceil, "rint": mp.nint,
    "trunc": lambda x: mp.floor(x) if x > 0 else mp.ceil(x),
    "round": lambda x: mp.sign(x) * mp.floor(abs(x) + mp.mpf(1) / 2),
    "atan2": mp.atan2, "pow": mp.power, "powr": mp.power,
}  # fmt: skip
DOMAINS: dict[str, tuple[float, float]] = {
    "asin": (-1, 1), "acos": (-1, 1), "atanh": (-0.9999, 0.9999), "erfinv": (-0.99999, 0.99999),
    "acosh": (1, 1e4), "sqrt": (0, 1e30),
    "rsqrt": (1e-30, 1e30), "log": (1e-30, 1e30), "log2": (1e-30, 1e30), "log10": (1e-30, 1e30),
    "exp": (-80, 80), "exp2": (-120, 120),
    "exp10": (-36, 36), "sinh": (-80, 80), "cosh": (-80, 80), "sin": (-1e6, 1e6), "cos": (-1e6, 1e6),
    "tan": (-1e6, 1e6),
    "pow": (0.01, 10), "powr": (0.01, 10), "tanpi": (-40.3, 40.3),
}  # fmt: skip
PAIRS = ("atan2", "pow", "powr")


@pytest.mark.parametrize("function", MPMATH)
def test_float_functions_equal_mpmath(function: str, rng: np.random.Generator) -> None:
    low, high = DOMAINS.get(function, (-30, 30))
    x = np.concatenate(
        [rng.uniform(low, high, 80), rng.uniform(max(low, -2), min(high, 2), 80), edges("f32").astype(float)]
    )
    x = x[(x >= low) & (x <= high)].astype(np.float32) + np.float32(0)  # mpmath has no -0
    operands = [x] if function not in PAIRS else [x, rng.permutation(x)]
    result = reference(function)(*operands)
    exact = [MPMATH[function](*(mp.mpf(float(v)) for v in row)) for row in zip(*operands, strict=True)]
    expected = rounded(np.array([float(v) if mp.isfinite(v) else np.nan for v in exact]), "f32")
    wrong = disagreements(result.values[0], expected, 0, either_zero=True)
    wrong = wrong[~np.isnan(expected[wrong].astype(float))]  # mpmath has no infinities at poles
    # Rounding twice, through float64, may miss a tie by a hair; never by more than one.
    assert len(wrong) <= 1
    assert (distance(result.values[0], expected)[wrong] <= 1).all()


def test_sine_of_huge_arguments_is_reduced_exactly() -> None:
    x = np.array([1e10, 3e20, 3.4e38, 2.0**100, 1.6367e30], np.float32)
    expected = rounded(np.array([float(mp.sin(mp.mpf(float(v)))) for v in x]), "f32")
    np.testing.assert_array_equal(reference("sin")(x).values[0], expected)


SPECIAL = [
    ("sqrt", -0.0, -0.0), ("sqrt", -1.0, math.nan), ("rsqrt", 0.0, math.inf), ("rsqrt", -0.0, -math.inf),
    ("rsqrt", math.inf, 0.0),
    ("log", 0.0, -math.inf), ("log", -1.0, math.nan), ("exp", -math.inf, 0.0), ("exp", math.inf, math.inf),
    ("sin", math.inf, math.nan),
    ("sign", -0.0, -0.0), ("sign", math.nan, 0.0), ("sign", -7.0, -1.0), ("saturate", math.nan, 0.0),
    ("saturate", 9.0, 1.0),
    ("round", 2.5, 3.0), ("round", -0.5, -1.0), ("round", -0.25, -0.0), ("rint", 2.5, 2.0),
    ("rint", -0.5, -0.0),
    ("fract", -0.25, 0.75), ("fract", math.inf, math.nan), ("trunc", -0.75, -0.0),
    ("erf", math.inf, 1.0), ("erf", -0.0, -0.0), ("erfinv", 1.0, math.inf), ("erfinv", -1.0, -math.inf),
    ("erfinv", 1.5, math.nan),
    ("atanh", 1.0, math.inf), ("acosh", 0.5, math.nan), ("cospi", 0.5, 0.0), ("sinpi", 1000.0, 0.0),
    ("tanpi", 0.25, 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("function", "x", "expected"), SPECIAL)
@pytest.mark.parametrize("name", FLOATS)
def test_special_values_of_float_functions(function: str, x: float, expected: float, name: str) -> None:
    result = reference(function)(rounded(np.array([x]), name)).values[0]
    assert len(disagreements(result, rounded(np.array([expected]), name))) == 0, result


def test_round_of_what_is_just_below_a_half_is_zero() -> None:
    for name in FLOATS:
        half = DTYPES[name].type(0.5)
        below = np.array([np.nextafter(half, DTYPES[name].type(0))])
        assert float(reference("round")(below).values[0][0]) == 0


def test_fract_stays_below_one() -> None:
    for name in FLOATS:
        result = reference("fract")(rounded(np.array([-1e-7, -1e-12, 0.25]), name)).values[0]
        assert (result.astype(float) < 1).all()
        assert float(result[2]) == 0.25


@pytest.mark.parametrize("name", FLOATS)
def test_sums_and_products_are_rounded_once(name: str, rng: np.random.Generator) -> None:
    x, y, z = (rng.permutation(finite(rng, name, 200))[:400] for _ in range(3))
    # Addends that cancel, and ones far below the last place of the product, which decide ties.
    z[::3] = rounded(-(x.astype(float) * y.astype(float)), name)[::3]
    z[1::3] = rounded(z.astype(float) * 2.0**-30, name)[1::3]
    keep = np.isfinite(z.astype(float))
    x, y, z = x[keep], y[keep], z[keep]
    exact = [[Fraction(float(v)) for v in values] for values in (x, y, z)]

    def agree(function: str, operands: list[np.ndarray], fractions: list[Fraction]) -> None:
        result = reference(function)(*operands).values[0].astype(np.float64)
        np.testing.assert_array_equal(result, [nearest(f, name) for f in fractions], err_msg=function)

    agree("add", [x, y], [a + b for a, b in zip(exact[0], exact[1], strict=True)])
    agree("sub", [x, y], [a - b for a, b in zip(exact[0], exact[1], strict=True)])
    agree("mul", [x, y], [a * b for a, b in zip(exact[0], exact[1], strict=True)])
    agree("fma", [x, y, z], [a * b + c for a, b, c in zip(*exact, strict=True)])
    divisible = y.astype(float) != 0
    pairs = [p for p, ok in zip(zip(exact[0], exact[1], strict=True), divisible, strict=True) if ok]
    agree("div", [x[divisible], y[divisible]], [a / b for a, b in pairs])


@pytest.mark.parametrize("name", FLOATS)
def test_float_floor_division_and_modulo_are_those_of_python(name: str, rng: np.random.Generator) -> None:
    x = finite(rng, name)
    y = rng.permutation(x)
    keep = (
        (np.abs(x.astype(float)) < 1e4) & (np.abs(x.astype(float)) > 1e-4) & (np.abs(y.astype(float)) > 1e-3)
    )
    x, y = x[keep], y[keep]
    whole = [Fraction(float(a)) // Fraction(float(b)) for a, b in zip(x, y, strict=True)]
    rest = [Fraction(float(a)) - q * Fraction(float(b)) for a, b, q in zip(x, y, whole, strict=True)]
    quotient = reference("floor_div")(x, y).values[0].astype(np.float64)
    close = np.isclose(
        quotient, [float(q) for q in whole], rtol=2.0 ** -ml_dtypes.finfo(DTYPES[name]).nmant, atol=0
    ) | np.isinf(quotient)
    assert close.all()
    np.testing.assert_array_equal(
        reference("mod")(x, y).values[0].astype(np.float64), [nearest(r, name) for r in rest]
    )


@pytest.mark.parametrize("name", FLOATS)
def test_splitting_a_float_loses_nothing(name: str, rng: np.random.Generator) -> None:
    x = finite(rng, name)
    fraction, exponent = reference("frexp")(x).values
    size = np.abs(fraction.astype(float))
    assert (((size >= 0.5) & (size < 1)) | (x.astype(float) == 0)).all()
    np.testing.assert_array_equal(reference("ldexp")(fraction, exponent).values[0], x)
    part, whole = reference("modf")(x).values
    np.testing.assert_array_equal(part.astype(float) + whole.astype(float), x.astype(float))
    assert (np.signbit(part.astype(float)) == np.signbit(x.astype(float))).all()


@pytest.mark.parametrize("name", FLOATS)
def test_nextafter_steps_to_the_neighbour(name: str, rng: np.random.Generator) -> None:
    x = finite(rng, name)
    y = rng.permutation(x)
    step = np.sign(ordinal(y) - ordinal(x))
    np.testing.assert_array_equal(ordinal(reference("nextafter")(x, y).values[0]), ordinal(x) + step)


@pytest.mark.parametrize("name", FLOATS)
def test_min_and_max_prefer_numbers_to_nan(name: str) -> None:
    x, y = rounded(np.array([np.nan, 1, np.nan, 2]), name), rounded(np.array([3, np.nan, np.nan, -5]), name)
    np.testing.assert_array_equal(reference("min")(x, y).values[0].astype(float), [3, 1, np.nan, -5])
    np.testing.assert_array_equal(reference("max")(x, y).values[0].astype(float), [3, 1, np.nan, 2])


def test_float_to_integer_saturates_and_marks_what_metal_leaves_open() -> None:
    x = np.array([1.9, -1.9, 300, -300, np.nan, np.inf, 2147483648.0, 2147483520.0], np.float32)
    result = reference("cast")(x, to="i8")
    np.testing.assert_array_equal(result.values[0], [1, -1, 127, -128, 0, 127, 127, 127])
    np.testing.assert_array_equal(result.unspecified, [False, False, True, True, True, True, True, True])
    result = reference("cast")(x, to="i32")
    np.testing.assert_array_equal(result.values[0][-2:], [2147483647, 2147483520])
    np.testing.assert_array_equal(result.unspecified[-2:], [True, False])
    np.testing.assert_array_equal(
        reference("cast")(np.array([-0.5], np.float32), to="u8").unspecified, [False]
    )


# ---- Integer functions
def pairs(rng: np.random.Generator, name: str, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    values = np.concatenate([edges(name), random_bits(rng, name, count)])
    return values, rng.permutation(values)


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_operators_equal_numpys(name: str, rng: np.random.Generator) -> None:
    x, y = pairs(rng, name)
    same = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "min": np.minimum, "max": np.maximum}
    same |= {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}
    for function, numpy in same.items():
        np.testing.assert_array_equal(reference(function)(x, y).values[0], numpy(x, y), err_msg=function)
    some = y != 0
    with np.errstate(over="ignore"):  # the smallest integer // -1 wraps
        np.testing.assert_array_equal(reference("floor_div")(x[some], y[some]).values[0], x[some] // y[some])
        np.testing.assert_array_equal(reference("mod")(x[some], y[some]).values[0], x[some] % y[some])
        np.testing.assert_array_equal(reference("neg")(x).values[0], np.negative(x))
        np.testing.assert_array_equal(reference("abs")(x).values[0], np.abs(x))
    counts = (y.astype(np.int64) & (width(name) - 1)).astype(y.dtype)
    np.testing.assert_array_equal(reference("shl")(x, y).values[0], np.left_shift(x, counts))
    np.testing.assert_array_equal(reference("shr")(x, y).values[0], np.right_shift(x, counts))
    np.testing.assert_array_equal(reference("not")(x).values[0], np.invert(x))
    bits = bits_of(x)
    np.testing.assert_array_equal(reference("popcount")(x).values[0], np.bitwise_count(bits))


@pytest.mark.parametrize("name", INTEGERS)
def test_halves_of_a_product_and_of_a_sum_make_the_whole(name: str, rng: np.random.Generator) -> None:
    x, y = pairs(rng, name)
    low = bits_of(reference("mul")(x, y).values[0]).tolist()
    high = reference("mul_hi")(x, y).values[0].tolist()
    assert [h * 2 ** width(name) + w for h, w in zip(high, low, strict=True)] == [
        a * b for a, b in zip(x.tolist(), y.tolist(), strict=True)
    ]
    down, up = (reference(f)(x, y).values[0].tolist() for f in ("hadd", "rhadd"))
    assert [a + b for a, b in zip(down, up, strict=True)] == [
        a + b for a, b in zip(x.tolist(), y.tolist(), strict=True)
    ]
    assert all(0 <= b - a <= 1 for a, b in zip(down, up, strict=True))


@pytest.mark.parametrize("name", INTEGERS)
def test_saturation_ends_at_the_bounds(name: str) -> None:
    low, high = bounds(name)
    x, y = np.array([high, low, 1, high, low], DTYPES[name]), np.array([1, 1, 1, high, high], DTYPES[name])
    z = np.array([high, low, 1, 0, 0], DTYPES[name])
    assert reference("add_sat")(x, y).values[0].tolist() == [high, low + 1, 2, high, low + high]
    assert reference("sub_sat")(x, y).values[0].tolist() == [high - 1, low, 0, 0, low]
    assert reference("mad_sat")(x, y, z).values[0].tolist() == [high, max(2 * low, low), 2, high, low]
    assert reference("abs_diff")(x, y).values[0].tolist() == [high - 1, abs(low - 1), 0, 0, high - low]
    assert reference("abs_diff")(x, y).values[0].dtype == DTYPES[unsigned(name)]


@pytest.mark.parametrize("name", INTEGERS)
def test_bit_functions_invert_each_other(name: str, rng: np.random.Generator) -> None:
    x, y = pairs(rng, name)
    back = reference("reverse_bits")(reference("reverse_bits")(x).values[0]).values[0]
    np.testing.assert_array_equal(back, x)
    np.testing.assert_array_equal(reference("rotate")(reference("rotate")(x, y).values[0], -y).values[0], x)
    np.testing.assert_array_equal(
        reference("ctz")(reference("reverse_bits")(x).values[0]).values[0], reference("clz")(x).values[0]
    )
    zero, one = np.array([0], DTYPES[name]), np.array([1], DTYPES[name])
    assert reference("clz")(zero).values[0] == reference("ctz")(zero).values[0] == width(name)
    assert reference("clz")(one).values[0] == width(name) - 1
    assert reference("rotate")(from_bits([1 << (width(name) - 1)], name), one).values[0] == 1
    offset, bits = np.full(x.shape, 2, np.uint32), np.full(x.shape, 5, np.uint32)
    field = reference("extract_bits")(
        reference("insert_bits")(x, y, offset, bits).values[0], offset, bits
    ).values[0]
    low = bits_of(y) & 31
    expected = (
        np.where(low >= 16, low.astype(np.int64) - 32, low).astype(DTYPES[name]) if name in SIGNED else low
    )
    np.testing.assert_array_equal(field, expected)
    np.testing.assert_array_equal(reference("insert_bits")(x, y, offset, bits * 0).values[0], x)


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_powers_wrap(name: str) -> None:
    x = edges(name)
    cube = (x * x * x) if width(name) >= 32 else (x.astype(np.int64) ** 3).astype(DTYPES[name])
    np.testing.assert_array_equal(reference("ipow")(x, np.full(x.shape, 3, x.dtype)).values[0], cube)
    if name in SIGNED:
        base = np.array([1, -1, -1, 2, 0, -3], x.dtype)
        assert reference("ipow")(base, np.array([-5, -5, -4, -1, -1, -2], x.dtype)).values[0].tolist() == [
            1,
            -1,
            1,
            0,
            0,
            0,
        ]


def test_comparisons_of_different_types_are_mathematical() -> None:
    big = np.array([2**63 - 1, -1], np.int64)
    assert reference("cmp_lt")(big, np.array([2**63, 2**64 - 1], np.uint64)).values[0].all()
    assert reference("cmp_lt")(big[:1], np.array([2.0**63], np.float32)).values[0].all()
    assert (
        not reference("cmp_eq")(np.array([np.nan]).astype(np.float32), np.array([np.nan]).astype(np.float32))
        .values[0]
        .any()
    )


def test_ulp_distance_counts_representable_values() -> None:
    one = np.array([1.0], np.float32)
    two_up = np.nextafter(np.nextafter(one, np.float32(2)), np.float32(2))
    assert len(disagreements(two_up, one, 2)) == 0
    assert len(disagreements(two_up, one, 1)) == 1
    zeros = np.array([0.0], np.float32), np.array([-0.0], np.float32)
    assert len(disagreements(*zeros, 4)) == 1
    assert len(disagreements(*zeros, 4, either_zero=True)) == 0
    infinite, largest, nan = (np.array([v], np.float32) for v in (np.inf, np.finfo(np.float32).max, np.nan))
    assert len(disagreements(infinite, largest, 0)) == 1
    assert len(disagreements(infinite, largest, 1)) == 0
    assert len(disagreements(nan, one, 1 << 31)) == len(disagreements(one, nan, 1 << 31)) == 1
    assert len(disagreements(nan, -nan)) == 0
    subnormal = np.array([1e-40], np.float32)
    assert len(disagreements(zeros[0], subnormal)) == 1
    assert len(disagreements(zeros[0], subnormal, flush=True)) == 0
    assert len(disagreements(np.array([2], np.int8), np.array([3], np.int8), 4)) == 1
