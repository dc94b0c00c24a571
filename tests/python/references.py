# SPDX-License-Identifier: MIT
"""What every elementwise operation must compute, written by hand in NumPy from its meaning alone.

    expected = reference("floor_div")(x, y)
    expected.values[0]        # in the result type
    expected.unspecified      # where Metal promises nothing: only the host must agree

Floats are computed in float64 and rounded once, integers as Python integers and wrapped, so that no width
overflows in here. The operations that round once (add, fma, ...) are computed exactly: what float64 cuts off
is kept by rounding to odd. test_references.py checks this file against mpmath and Python's integers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from elements import (
    DTYPES,
    FLOATS,
    SIGNED,
    bits_of,
    bounds,
    from_bits,
    name_of,
    rounded,
    rounded_integers,
    to_odd,
    unsigned,
    width,
    wrapped,
)

Array = np.ndarray


@dataclass(frozen=True)
class Expected:
    """The results of an operation, and where less than equality is asked of them."""

    values: tuple[Array, ...]
    unspecified: Array | bool = False  # Metal leaves the result open; the host still gives this one
    either_zero: Array | bool = False  # a zero may have either sign
    scale: Array | None = None  # the size that errors are measured against, where terms cancel


REFERENCES: dict[str, Callable[..., Any]] = {}


def define(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            assert name not in REFERENCES, name
            REFERENCES[name] = function
        return function

    return register


def reference(name: str) -> Callable[..., Expected]:
    """The reference of an operation by its name in the dialect; KeyError without one."""
    function = REFERENCES[name]

    def call(*operands: Array, **types: str) -> Expected:
        with np.errstate(all="ignore"):
            result = function(*operands, **types)
        if isinstance(result, Expected):
            return result
        return Expected(result if isinstance(result, tuple) else (result,))

    return call


def is_float(x: Array) -> bool:
    return name_of(x.dtype) in FLOATS


def wide(x: Array) -> Array:
    return x.astype(np.float64)


def integers(function: Callable[..., int], result: str, *operands: Array) -> Array:
    """A function of Python integers, applied to each element and wrapped to the result type."""
    rows = zip(*(x.tolist() for x in operands), strict=True)
    return np.array([wrapped(int(function(*row)), result) for row in rows], DTYPES[result])


# ---- Float functions of one operand: float64 functions of NumPy and math
def _each(function: Callable[[float], float]) -> Callable[[Array], Array]:
    return lambda x: np.array([function(v) for v in x.tolist()], np.float64)


def _half_turns(x: Array) -> Array:
    """x reduced to [-1, 1] half turns, exactly."""
    r = np.fmod(x, 2.0)
    return np.where(np.abs(r) > 1, r - np.copysign(2.0, r), r)


def sinpi(x: Array) -> Array:
    r = _half_turns(x)
    r = np.where(np.abs(r) > 0.5, np.copysign(1.0, r) - r, r)
    return np.where(r == 0, np.copysign(0.0, x), np.sin(np.pi * r))


def cospi(x: Array) -> Array:
    r = np.abs(_half_turns(x))
    return np.where(r == 0.5, 0.0, np.where(r < 0.25, np.cos(np.pi * r), np.sin(np.pi * (0.5 - r))))


def _erfinv(x: float) -> float:
    """Halley's iteration on erf, and towards 1 on erfc, which does not cancel there."""
    if math.isnan(x) or abs(x) > 1:
        return math.nan
    if abs(x) == 1:
        return math.copysign(math.inf, x)
    if abs(x) < 1e-9:
        return x * math.sqrt(math.pi) / 2
    size = abs(x)
    log = math.log1p(-size * size)
    a = 2 / (math.pi * 0.147) + log / 2
    y = math.sqrt(math.sqrt(a * a - log / 0.147) - a)
    for _ in range(4):
        miss = math.erf(y) - size if size < 0.5 else (1 - size) - math.erfc(y)
        step = miss / (2 / math.sqrt(math.pi) * math.exp(-y * y))
        y -= step / (1 + y * step)
    return math.copysign(y, x)


def _round_away(x: Array) -> Array:
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) >= 0.5, whole + np.copysign(1.0, x), np.copysign(whole, x))


def _sign(x: Array) -> Array:
    return np.where(np.isnan(x), 0.0, np.where(x == 0, x, np.copysign(1.0, x)))


UNARY: dict[str, Callable[[Array], Array]] = {
    "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x),
    "ceil": np.ceil, "floor": np.floor, "round": _round_away, "rint": np.rint, "trunc": np.trunc,
    "sign": _sign,
    "exp": np.exp, "exp2": np.exp2, "exp10": lambda x: np.power(10.0, x), "log": np.log, "log2": np.log2,
    "log10": np.log10,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh,
    "cospi": cospi, "erf": _each(math.erf), "erfinv": _each(_erfinv),
}  # fmt: skip


def _unary(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda x: rounded(function(wide(x)), name_of(x.dtype))


for _name, _function in UNARY.items():
    define(_name)(_unary(_function))


@define("sinpi")
def _(x: Array) -> Expected:
    # IEEE 754 gives whole numbers the zero of x; Metal does not say.
    return Expected((rounded(sinpi(wide(x)), name_of(x.dtype)),), either_zero=wide(x) == np.rint(wide(x)))


@define("tanpi")
def _(x: Array) -> Expected:
    w = wide(x)
    pole = np.isfinite(w) & (np.abs(_half_turns(w)) == 0.5)
    return Expected(
        (rounded(sinpi(w) / cospi(w), name_of(x.dtype)),), unspecified=pole, either_zero=w == np.rint(w)
    )


@define("fract")
def _(x: Array) -> Expected:
    name = name_of(x.dtype)
    below_one = np.nextafter(DTYPES[name].type(1), DTYPES[name].type(0))
    result = rounded(wide(x) - np.floor(wide(x)), name)
    return Expected(
        (np.where(wide(result) >= 1, below_one, result).astype(DTYPES[name]),), unspecified=np.isinf(wide(x))
    )


@define("saturate")
def _(x: Array) -> Expected:
    w = wide(x)
    clamped = np.where(np.isnan(w), 0.0, np.minimum(np.maximum(w, 0.0), 1.0))
    return Expected((rounded(clamped, name_of(x.dtype)),), either_zero=w == 0)


@define("frexp")
def _(x: Array) -> Expected:
    fraction, exponent = np.frexp(wide(x))
    special = ~np.isfinite(wide(x))
    exponent = np.where(special, 0, exponent).astype(np.int32)
    return Expected((rounded(fraction, name_of(x.dtype)), exponent), unspecified=special)


@define("modf")
def _(x: Array) -> tuple[Array, Array]:
    fraction, whole = np.modf(wide(x))
    return rounded(np.copysign(fraction, wide(x)), name_of(x.dtype)), rounded(
        np.copysign(whole, wide(x)), name_of(x.dtype)
    )


# ---- Float functions of two and three operands
def _exact_sum(a: Array, b: Array) -> Array:
    """a + b of float64 values, rounded to odd (Knuth's two-sum gives what was cut off)."""
    s = a + b
    t = s - a
    return to_odd(s, np.where(np.isfinite(s), (a - (s - t)) + (b - t), 0.0))


BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "atan2": np.arctan2, "pow": np.power, "fmod": np.fmod, "copysign": np.copysign,
    "powr": lambda x, y: np.where(x < 0, np.nan, np.exp2(y * np.log2(x))),
    "step": lambda edge, x: np.where(x < edge, 0.0, 1.0),
    "div": np.divide,  # float64 has more than twice the digits of float32: rounding twice is harmless
}  # fmt: skip


def _binary(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda x, y: rounded(function(wide(x), wide(y)), name_of(x.dtype))


for _name, _two in BINARY.items():
    define(_name)(_binary(_two))


@define("fdim")
def _(x: Array, y: Array) -> Expected:
    a, b = wide(x), wide(y)
    nan = np.isnan(a) | np.isnan(b)
    result = np.where(nan, np.nan, np.where(a > b, _exact_sum(a, -b), 0.0))
    return Expected((rounded(result, name_of(x.dtype)),), unspecified=nan)


@define("nextafter")
def _(x: Array, y: Array) -> Array:
    return np.where(wide(x) == wide(y), y, np.nextafter(x, y)).astype(x.dtype)  # of two zeros the second


@define("ldexp")
def _(x: Array, y: Array) -> Array:
    return rounded(np.ldexp(wide(x), np.clip(y, -1000, 1000)), name_of(x.dtype))


@define("mix")
def _(x: Array, y: Array, z: Array) -> Expected:
    a, b, t = wide(x), wide(y), wide(z)
    return Expected(
        (rounded(a + (b - a) * t, name_of(x.dtype)),),
        scale=np.maximum(np.maximum(np.abs(a), np.abs(b)), np.abs((b - a) * t)),
    )


@define("smoothstep")
def _(x: Array, y: Array, z: Array) -> Array:
    a, b = wide(x), wide(y)
    t = np.clip((wide(z) - a) / (b - a), 0, 1)
    return rounded(t * t * (3 - 2 * t), name_of(x.dtype))


@define("fma")
def _(x: Array, y: Array, z: Array) -> Array:
    product = wide(x) * wide(y)  # exact: twice 24 bits
    return rounded(_exact_sum(product, wide(z)), name_of(x.dtype))


# ---- Classification
CLASSES: dict[str, Callable[..., Array]] = {
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "signbit": np.signbit,
    "isordered": lambda x, y: ~(np.isnan(x) | np.isnan(y)),
    "isunordered": lambda x, y: np.isnan(x) | np.isnan(y),
}  # fmt: skip


def _question(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda *operands: function(*(wide(x) for x in operands))


for _name, _ask in CLASSES.items():
    define(_name)(_question(_ask))


@define("isnormal")
def _(x: Array) -> Array:
    return np.isfinite(wide(x)) & (np.abs(wide(x)) >= float(ml_dtypes.finfo(x.dtype).tiny))


# ---- Operators and common functions, on floats and integers
@define("add")
def _(x: Array, y: Array) -> Array:
    if is_float(x):
        return rounded(_exact_sum(wide(x), wide(y)), name_of(x.dtype))
    return integers(lambda a, b: a + b, name_of(x.dtype), x, y)


@define("sub")
def _(x: Array, y: Array) -> Array:
    if is_float(x):
        return rounded(_exact_sum(wide(x), -wide(y)), name_of(x.dtype))
    return integers(lambda a, b: a - b, name_of(x.dtype), x, y)


@define("mul")
def _(x: Array, y: Array) -> Array:
    if is_float(x):
        return rounded(wide(x) * wide(y), name_of(x.dtype))
    return integers(lambda a, b: a * b, name_of(x.dtype), x, y)


def _by_single(function: Callable[[Array, Array], Array], x: Array, y: Array) -> Array:
    """NumPy's float32 function; narrow types through it, as NumPy itself does for float16."""
    return rounded(function(x.astype(np.float32), y.astype(np.float32)).astype(np.float64), name_of(x.dtype))


@define("floor_div")
def _(x: Array, y: Array) -> Any:
    if is_float(x):
        return _by_single(np.floor_divide, x, y)
    return Expected((integers(lambda a, b: a // b if b else 0, name_of(x.dtype), x, y),), unspecified=y == 0)


@define("mod")
def _(x: Array, y: Array) -> Any:
    if is_float(x):
        return _by_single(np.remainder, x, y)
    return Expected((integers(lambda a, b: a % b if b else 0, name_of(x.dtype), x, y),), unspecified=y == 0)


@define("neg")
def _(x: Array) -> Array:
    return rounded(-wide(x), name_of(x.dtype)) if is_float(x) else integers(lambda a: -a, name_of(x.dtype), x)


@define("abs")
def _(x: Array) -> Array:
    return rounded(np.abs(wide(x)), name_of(x.dtype)) if is_float(x) else integers(abs, name_of(x.dtype), x)


def _extreme(floats: Callable[..., Array], whole: Callable[..., int]) -> Callable[[Array, Array], Any]:
    def call(x: Array, y: Array) -> Any:
        if not is_float(x):
            return integers(whole, name_of(x.dtype), x, y)
        return Expected(
            (rounded(floats(wide(x), wide(y)), name_of(x.dtype)),), either_zero=wide(x) == wide(y)
        )

    return call


define("min")(_extreme(np.fmin, min))
define("max")(_extreme(np.fmax, max))


@define("clamp")
def _(x: Array, y: Array, z: Array) -> Any:
    if not is_float(x):
        return integers(lambda a, low, high: min(max(a, low), high), name_of(x.dtype), x, y, z)
    a, low, high = wide(x), wide(y), wide(z)
    result = np.fmin(np.fmax(a, low), high)
    return Expected((rounded(result, name_of(x.dtype)),), unspecified=np.isnan(a), either_zero=result == 0)


def _bitwise(on_bits: Callable[..., int], on_bool: Callable[..., Array]) -> Callable[..., Array]:
    def call(*operands: Array) -> Array:
        name = name_of(operands[0].dtype)
        return on_bool(*operands) if name == "b1" else integers(on_bits, name, *operands)

    return call


define("and")(_bitwise(lambda a, b: a & b, np.logical_and))
define("or")(_bitwise(lambda a, b: a | b, np.logical_or))
define("xor")(_bitwise(lambda a, b: a ^ b, np.logical_xor))
define("not")(_bitwise(lambda a: ~a, np.logical_not))


@define("shl")
def _(x: Array, y: Array) -> Array:
    w = width(name_of(x.dtype))
    return integers(lambda a, n: a << (n % w), name_of(x.dtype), x, y)


@define("shr")
def _(x: Array, y: Array) -> Array:
    w = width(name_of(x.dtype))
    return integers(lambda a, n: a >> (n % w), name_of(x.dtype), x, y)


# Comparisons between numbers of different types too: Python's own are exact between int and float.
def _compared(question: Callable[[Any, Any], bool]) -> Callable[[Array, Array], Array]:
    def python(x: Array) -> list[Any]:
        return (wide(x) if is_float(x) else x).tolist()

    return lambda x, y: np.array([question(a, b) for a, b in zip(python(x), python(y), strict=True)], bool)


define("cmp_eq")(_compared(lambda a, b: a == b))
define("cmp_ne")(_compared(lambda a, b: a != b))
define("cmp_lt")(_compared(lambda a, b: a < b))
define("cmp_le")(_compared(lambda a, b: a <= b))
define("cmp_gt")(_compared(lambda a, b: a > b))
define("cmp_ge")(_compared(lambda a, b: a >= b))


@define("select")
def _(condition: Array, x: Array, y: Array) -> Array:
    return np.where(condition, x, y).astype(x.dtype)


# ---- Conversion
@define("cast")
def _(x: Array, *, to: str) -> Any:
    source = name_of(x.dtype)
    if to == "b1":
        return (wide(x) if source in FLOATS else x) != 0
    if source not in FLOATS:
        values = [int(v) for v in x.tolist()]
        return (
            rounded_integers(values, to)
            if to in FLOATS
            else np.array([wrapped(v, to) for v in values], DTYPES[to])
        )
    if to in FLOATS:
        return rounded(wide(x), to)
    low, high = bounds(to)

    def whole(v: float) -> int:
        return (
            0
            if math.isnan(v)
            else (high if v > 0 else low)
            if math.isinf(v)
            else min(max(math.trunc(v), low), high)
        )

    inside = np.array([math.isfinite(v) and low <= math.trunc(v) <= high for v in wide(x).tolist()], bool)
    return Expected((np.array([whole(v) for v in wide(x).tolist()], DTYPES[to]),), unspecified=~inside)


@define("as_type")
def _(x: Array, *, to: str) -> Array:
    return from_bits(bits_of(x), to)


# ---- Integer functions
def _limited(value: int, name: str) -> int:
    low, high = bounds(name)
    return min(max(value, low), high)


def _whole(function: Callable[..., int]) -> Callable[..., Array]:
    """An integer function whose operands and result are of one type; it is given the type's name last."""

    def call(*operands: Array) -> Array:
        name = name_of(operands[0].dtype)
        return integers(lambda *row: function(*row, name), name, *operands)

    return call


def _unsigned(value: int, name: str) -> int:
    return value & ((1 << width(name)) - 1)


def _rotated(x: int, y: int, name: str) -> int:
    n = y % width(name)
    return _unsigned(x, name) << n | _unsigned(x, name) >> (width(name) - n)


def _digits(x: int, name: str) -> str:
    return format(_unsigned(x, name), f"0{width(name)}b")


def _power(x: int, y: int, name: str) -> int:
    if y >= 0:
        return pow(x, y, 1 << width(name))
    return 1 if x == 1 else (-1) ** (y % 2) if x == -1 else 0


define("add_sat")(_whole(lambda x, y, t: _limited(x + y, t)))
define("sub_sat")(_whole(lambda x, y, t: _limited(x - y, t)))
define("mul_hi")(_whole(lambda x, y, t: x * y >> width(t)))
define("mad_hi")(_whole(lambda x, y, z, t: (x * y >> width(t)) + z))
define("mad_sat")(_whole(lambda x, y, z, t: _limited(x * y + z, t)))
define("hadd")(_whole(lambda x, y, t: x + y >> 1))
define("rhadd")(_whole(lambda x, y, t: x + y + 1 >> 1))
define("rotate")(_whole(_rotated))
define("popcount")(_whole(lambda x, t: _digits(x, t).count("1")))
define("clz")(_whole(lambda x, t: width(t) - _unsigned(x, t).bit_length()))
define("ctz")(_whole(lambda x, t: len(_digits(x, t)) - len(_digits(x, t).rstrip("0"))))
define("reverse_bits")(_whole(lambda x, t: int(_digits(x, t)[::-1], 2)))
define("ipow")(_whole(_power))


@define("abs_diff")
def _(x: Array, y: Array) -> Array:
    return integers(lambda a, b: abs(a - b), unsigned(name_of(x.dtype)), x, y)


@define("extract_bits")
def _(x: Array, offset: Array, bits: Array) -> Array:
    name = name_of(x.dtype)

    def field(value: int, first: int, count: int) -> int:
        found = _unsigned(value, name) >> first & (1 << count) - 1
        negative = name in SIGNED and count > 0 and found >> (count - 1)
        return found - (1 << count) if negative else found

    return integers(field, name, x, offset, bits)


@define("insert_bits")
def _(x: Array, y: Array, offset: Array, bits: Array) -> Array:
    def replaced(base: int, value: int, first: int, count: int) -> int:
        mask = (1 << count) - 1 << first
        return base & ~mask | value << first & mask

    return integers(replaced, name_of(x.dtype), x, y, offset, bits)
