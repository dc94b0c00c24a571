# SPDX-License-Identifier: MIT
"""The Metal stand-in of tests/msl: what it computes, what it refuses, what it catches.

Expected values come from NumPy or from the Metal specification's words, never from the stand-in.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from msl import standin

HEAD = "#include <metal_stdlib>\nusing namespace metal;\n"
BF16 = ml_dtypes.bfloat16
DTYPES = {
    "float": np.float32, "half": np.float16, "bfloat": BF16, "char": np.int8, "uchar": np.uint8, "short": np.int16,
    "ushort": np.uint16, "int": np.int32, "uint": np.uint32, "long": np.int64, "ulong": np.uint64, "bool": np.bool_,
}  # fmt: skip
FLOATS = ["float", "half"]
SIGNED = ["char", "short", "int", "long"]
INTS = SIGNED + ["uchar", "ushort", "uint", "ulong"]


def elementwise(expression: str, types: list[str], out: str) -> str:
    """One thread per element; a, b, c are the elements of the inputs."""
    parameters = [f"device const {t} *p{i} [[buffer({i})]]" for i, t in enumerate(types)]
    parameters.append(f"device {out} *r [[buffer({len(types)})]]")
    parameters.append("uint i [[thread_position_in_grid]]")
    loads = "".join(f"  {t} {'abc'[i]} = p{i}[i];\n" for i, t in enumerate(types))
    return f"{HEAD}kernel void k({', '.join(parameters)}) {{\n{loads}  r[i] = {expression};\n}}\n"


def sample(type_: str, n: int = 64, seed: int = 0) -> np.ndarray:
    """Edge values first, then random ones."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(DTYPES[type_])
    if type_ == "bool":
        return rng.integers(0, 2, n).astype(np.bool_)
    if type_ in ("float", "half", "bfloat"):
        edges = np.array(
            [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, -0.5, 1.5, 2.5, -2.5, 100.25], np.float32
        )
        values = np.concatenate([edges, rng.normal(0, 3, n).astype(np.float32)])[:n]
        return values.astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    edges = np.array([0, 1, high, low, high - 1, low + 1, 2, 3], dtype)
    values = np.concatenate([edges, rng.integers(low, high, n, dtype=dtype, endpoint=True)])[:n]
    return rng.permutation(values) if seed else values


def run_cases(
    cases: dict[str, tuple[str, list[str], str, list[np.ndarray]]], sanitize: bool = False
) -> dict[str, np.ndarray]:
    library = standin.compile_many(
        {name: elementwise(e, types, out) for name, (e, types, out, _) in cases.items()}, sanitize=sanitize
    )
    results = {}
    for name, (_, _, out, inputs) in cases.items():
        result = np.zeros(len(inputs[0]), DTYPES[out])
        library[name].run([*inputs, result], grid=len(result), threads=32)
        results[name] = result
    return results


def assert_close(name: str, got: np.ndarray, expected: np.ndarray, ulp: int) -> None:
    """Equal within `ulp` units of the last place; infinities, NaN and the sign of zero exactly."""
    dtype = got.dtype
    expected = np.asarray(expected).astype(dtype)
    bits = np.dtype(f"int{dtype.itemsize * 8}")
    g, e = got.view(bits).astype(np.int64), expected.view(bits).astype(np.int64)
    low = np.int64(np.iinfo(bits).min)
    g, e = np.where(g < 0, low - g, g), np.where(e < 0, low - e, e)
    gf, ef = got.astype(np.float64), expected.astype(np.float64)
    good = np.where(np.isnan(ef), np.isnan(gf), ~np.isnan(gf) & (np.abs(g - e) <= ulp))
    if ulp == 0:
        good &= np.isnan(ef) | (np.signbit(gf) == np.signbit(ef))
    bad = np.flatnonzero(~good)
    assert not len(bad), f"{name}: at {bad[:5]} got {got[bad[:5]]}, expected {expected[bad[:5]]}"


# ---- math --------------------------------------------------------------------------------------------------
UNARY = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan,
    "atanh": np.arctanh, "cos": np.cos, "cosh": np.cosh, "exp": np.exp, "exp2": np.exp2,
    "exp10": lambda x: np.power(10.0, x), "log": np.log, "log2": np.log2, "log10": np.log10, "sin": np.sin,
    "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh, "rsqrt": lambda x: 1.0 / np.sqrt(x),
}  # fmt: skip
EXACT = {
    "ceil": np.ceil, "floor": np.floor, "rint": np.rint, "trunc": np.trunc, "fabs": np.abs, "abs": np.abs,
    "round": lambda x: np.copysign(np.trunc(np.abs(x) + 0.5), x),
    "sign": lambda x: np.where(np.isnan(x), 0.0, np.where(x == 0, x, np.sign(x))),
    "saturate": lambda x: np.where(np.isnan(x), 0.0, np.clip(x, 0.0, 1.0)),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_unary_functions_equal_numpy_on_edge_values():
    cases, expected = {}, {}
    for t in FLOATS:
        x = sample(t)
        for name, reference in {**UNARY, **EXACT}.items():
            cases[f"{t} {name}"] = (f"{name}(a)", [t], t, [x])
            expected[f"{t} {name}"] = (reference(x.astype(np.float64)), 0 if name in EXACT else 1)
    for key, got in run_cases(cases).items():
        reference, ulp = expected[key]
        if key.endswith("saturate"):
            got, reference = np.abs(got), np.abs(reference)  # max(-0, 0) may be either zero
        assert_close(key, got, reference, ulp)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_half_turn_trigonometry_is_exact_at_multiples_of_a_half():
    x = np.array([0.0, 0.25, 0.5, 1.0, 1.5, 2.0, -0.5, -1.0, 7.5, np.inf, 1e6 + 0.5], np.float32)
    got = run_cases(
        {
            "s": ("sinpi(a)", ["float"], "float", [x]),
            "c": ("cospi(a)", ["float"], "float", [x]),
            "t": ("tanpi(a)", ["float"], "float", [np.array([0.0, 0.25, -0.25, 1.0], np.float32)]),
        }
    )
    h = math.sqrt(0.5)
    np.testing.assert_allclose(got["s"], [0, h, 1, 0, -1, 0, -1, 0, -1, np.nan, 1], rtol=1e-6)
    np.testing.assert_allclose(got["c"], [1, h, 0, -1, 0, 1, 0, -1, 0, np.nan, 0], rtol=1e-6)
    np.testing.assert_allclose(got["t"], [0, 1, -1, 0], rtol=1e-6)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_binary_and_ternary_functions_equal_numpy():
    f64 = np.float64

    def reference(name, x, y, z):
        x, y, z = x.astype(f64), y.astype(f64), z.astype(f64)
        return {
            "atan2": lambda: np.arctan2(x, y),
            "fmod": lambda: np.fmod(x, y),
            "pow": lambda: np.power(x, y),
            "powr": lambda: np.where(x < 0, np.nan, np.power(x, y)),
            "copysign": lambda: np.copysign(x, y),
            "fdim": lambda: np.where(np.isnan(x) | np.isnan(y), np.nan, np.where(x > y, x - y, 0.0)),
            "fmax": lambda: np.fmax(x, y),
            "fmin": lambda: np.fmin(x, y),
            "max": lambda: np.fmax(x, y),
            "min": lambda: np.fmin(x, y),
            "divide": lambda: x / y,
            "step": lambda: np.where(y < x, 0.0, 1.0),
            "clamp": lambda: np.fmin(np.fmax(x, y), z),
            "max3": lambda: np.fmax(x, np.fmax(y, z)),
            "min3": lambda: np.fmin(x, np.fmin(y, z)),
        }[name]()

    two = ["atan2", "fmod", "pow", "powr", "copysign", "fdim", "fmax", "fmin", "max", "min", "divide", "step"]
    three = ["clamp", "max3", "min3"]
    cases, expected = {}, {}
    for t in FLOATS:
        x, y, z = (
            sample(t),
            np.random.default_rng(5).permutation(sample(t, seed=1)),
            sample(t, seed=2)[::-1].copy(),
        )
        for name in two + three:
            inputs = [x, y, z][: 3 if name in three else 2]
            letters = ", ".join("abc"[: len(inputs)])
            cases[f"{t} {name}"] = (f"{name}({letters})", [t] * len(inputs), t, inputs)
            expected[f"{t} {name}"] = reference(name, x, y, z)
    for key, got in run_cases(cases).items():
        want = expected[key]
        if key.split()[1] in ("fmax", "fmin", "max", "min", "clamp", "max3", "min3"):
            got, want = got + 0.0, want + 0.0  # max(-0, 0) may be either zero
        assert_close(key, got, want, 1)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_fma_rounds_once():
    x, y, z = (np.random.default_rng(s).normal(0, 1, 4096).astype(np.float16) for s in (1, 2, 3))
    got = run_cases({"h": ("fma(a, b, c)", ["half"] * 3, "half", [x, y, z])})["h"]
    exact = x.astype(np.float64) * y.astype(np.float64) + z.astype(np.float64)
    assert_close("half fma", got, exact.astype(np.float16), 0)
    a = np.array([1 + 2.0**-12], np.float32)
    got = run_cases({"f": ("fma(a, b, c)", ["float"] * 3, "float", [a, a, -a])})["f"]
    assert got[0] == np.float32(float(a[0]) * float(a[0]) - float(a[0])) != a[0] * a[0] - a[0]


def test_half_arithmetic_rounds_at_each_operation():
    x, y = (np.random.default_rng(s).normal(0, 1, 2048).astype(np.float16) for s in (1, 2))
    got = run_cases({"h": ("a * b + a - b / a", ["half", "half"], "half", [x, y])})["h"]
    assert_close("half", got, x * y + x - y / x, 0)


def test_bfloat_arithmetic_rounds_at_each_operation():
    x, y = (np.random.default_rng(s).normal(0, 1, 2048).astype(BF16) for s in (1, 2))
    got = run_cases(
        {
            "ops": ("a * b + a - b / a", ["bfloat", "bfloat"], "bfloat", [x, y]),
            "cast": ("bfloat(float(a) * 3.0f)", ["bfloat"], "bfloat", [x]),
            "widen": ("a * 2.0f", ["bfloat"], "float", [x]),
            "integer": ("a * 3 + bfloat(b > a)", ["bfloat", "bfloat"], "bfloat", [x, y]),
            "literal": ("a + 0.5bf", ["bfloat"], "bfloat", [x]),
        }
    )
    assert_close("ops", got["ops"], x * y + x - y / x, 0)
    assert_close("cast", got["cast"], (x.astype(np.float32) * np.float32(3)).astype(BF16), 0)
    assert_close("widen", got["widen"], x.astype(np.float32) * np.float32(2), 0)
    assert_close("integer", got["integer"], x * BF16(3) + (y > x).astype(BF16), 0)
    assert_close("literal", got["literal"], x + BF16(0.5), 0)


def test_functions_with_two_results():
    x = np.array([0.0, 1.0, 0.75, -8.5, 1e-40, 3e38], np.float32)
    source = (
        HEAD
        + """
kernel void k(device const float *x [[buffer(0)]], device float *m [[buffer(1)]], device int *e [[buffer(2)]],
              device float *f [[buffer(3)]], device float *w [[buffer(4)]], device float *s [[buffer(5)]],
              device float *c [[buffer(6)]], device float *l [[buffer(7)]], uint i [[thread_position_in_grid]]) {
  int exponent; float whole, cosine;
  m[i] = frexp(x[i], exponent);
  e[i] = exponent;
  f[i] = modf(x[i], whole);
  w[i] = whole;
  s[i] = sincos(x[i], cosine);
  c[i] = cosine;
  l[i] = ldexp(m[i], e[i]);
}
"""
    )
    floats = [np.zeros_like(x) for _ in range(6)]
    e = np.zeros(len(x), np.int32)
    standin.compile(source).run([x, floats[0], e, *floats[1:]], len(x), 4)
    m, f, w, s, c, back = floats
    np.testing.assert_array_equal(m, np.frexp(x)[0])
    np.testing.assert_array_equal(e, np.frexp(x)[1])
    np.testing.assert_array_equal(f, np.modf(x)[0])
    np.testing.assert_array_equal(w, np.modf(x)[1])
    np.testing.assert_allclose(s, np.sin(x.astype(np.float64)), rtol=1e-6)
    np.testing.assert_allclose(c, np.cos(x.astype(np.float64)), rtol=1e-6)
    np.testing.assert_array_equal(back, x)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nextafter_steps_by_one_bit():
    x = np.array([0.0, 1.0, -1.0, 65504.0, -6e-8, np.inf], np.float16)
    y = np.array([1.0, 2.0, 0.0, np.inf, 1.0, 0.0], np.float16)
    got = run_cases(
        {
            "half": ("nextafter(a, b)", ["half", "half"], "half", [x, y]),
            "float": (
                "nextafter(a, b)",
                ["float", "float"],
                "float",
                [x.astype(np.float32), y.astype(np.float32)],
            ),
        }
    )
    assert_close("half", got["half"], np.nextafter(x, y), 0)
    assert_close("float", got["float"], np.nextafter(x.astype(np.float32), y.astype(np.float32)), 0)


def test_fract_stays_below_one():
    x = np.array([-1e-10, -0.25, 1.75, -1.75, 3.0], np.float32)
    got = run_cases(
        {
            "f": ("fract(a)", ["float"], "float", [x]),
            "h": ("fract(a)", ["half"], "half", [x.astype(np.float16)]),
        }
    )
    np.testing.assert_array_equal(
        got["f"], np.array([np.nextafter(np.float32(1), np.float32(0)), 0.75, 0.75, 0.25, 0], np.float32)
    )
    assert np.all(got["h"] < 1)


# ---- integers ----------------------------------------------------------------------------------------------
def _python_integers(name: str, t: str, x: int, y: int, z: int) -> int:
    info = np.iinfo(DTYPES[t])
    bits, low, high = info.bits, int(info.min), int(info.max)
    mask = (1 << bits) - 1

    def wrap(v: int) -> int:
        v &= mask
        return v - (1 << bits) if low < 0 and v > high else v

    def saturate(v: int) -> int:
        return max(low, min(high, v))

    ux = x & mask
    text = f"{ux:0{bits}b}"
    s = (y & mask) % bits
    return {
        "abs": lambda: wrap(abs(x)),
        "addsat": lambda: saturate(x + y),
        "subsat": lambda: saturate(x - y),
        "mulhi": lambda: wrap((x * y) >> bits),
        "madhi": lambda: wrap(((x * y) >> bits) + z),
        "madsat": lambda: saturate(x * y + z),
        "hadd": lambda: (x + y) >> 1,
        "rhadd": lambda: (x + y + 1) >> 1,
        "min": lambda: min(x, y),
        "max": lambda: max(x, y),
        "median3": lambda: sorted([x, y, z])[1],
        "clamp": lambda: min(max(x, y), z),
        "popcount": lambda: text.count("1"),
        "clz": lambda: bits - len(text.lstrip("0")) if ux else bits,
        "ctz": lambda: len(text) - len(text.rstrip("0")) if ux else bits,
        "reverse_bits": lambda: wrap(int(text[::-1], 2)),
        "rotate": lambda: wrap(ux << s | ux >> (bits - s)),
    }[name]()


def test_integer_functions_equal_exact_arithmetic():
    arity = {
        "abs": 1,
        "popcount": 1,
        "clz": 1,
        "ctz": 1,
        "reverse_bits": 1,
        "madhi": 3,
        "madsat": 3,
        "median3": 3,
        "clamp": 3,
    }
    names = ["addsat", "subsat", "mulhi", "hadd", "rhadd", "min", "max", "rotate", *arity]
    cases, expected = {}, {}
    for t in INTS:
        inputs = [sample(t, 48, seed) for seed in (0, 1, 2)]
        for name in names:
            used = inputs[: arity.get(name, 2)]
            cases[f"{t} {name}"] = (f"{name}({', '.join('abc'[: len(used)])})", [t] * len(used), t, used)
            rows = zip(*(a.tolist() for a in inputs), strict=True)
            expected[f"{t} {name}"] = np.array([_python_integers(name, t, *row) for row in rows], DTYPES[t])
    for key, got in run_cases(cases, sanitize=True).items():
        np.testing.assert_array_equal(got, expected[key], err_msg=key)


def test_absdiff_gives_the_unsigned_type():
    cases, expected = {}, {}
    for t in INTS:
        x, y = sample(t, 48, 0), sample(t, 48, 1)
        unsigned = t if t.startswith("u") else "u" + t
        cases[t] = ("absdiff(a, b)", [t, t], unsigned, [x, y])
        expected[t] = [abs(int(p) - int(q)) for p, q in zip(x, y, strict=True)]
    for key, got in run_cases(cases).items():
        assert got.tolist() == expected[key], key


def test_bit_fields():
    x, y = sample("int", 32, 0), sample("int", 32, 1)
    got = run_cases(
        {
            "signed": ("extract_bits(a, 5u, 7u)", ["int"], "int", [x]),
            "unsigned": ("extract_bits(a, 5u, 7u)", ["uint"], "uint", [x.view(np.uint32)]),
            "insert": ("insert_bits(a, b, 5u, 7u)", ["int", "int"], "int", [x, y]),
            "none": ("extract_bits(a, 5u, 0u)", ["int"], "int", [x]),
            "all": ("insert_bits(a, b, 0u, 32u)", ["int", "int"], "int", [x, y]),
        }
    )
    field = (x >> 5) & 127
    np.testing.assert_array_equal(got["unsigned"], field)
    np.testing.assert_array_equal(got["signed"], np.where(field >= 64, field - 128, field))
    mask = 127 << 5
    np.testing.assert_array_equal(got["insert"], (x & ~mask) | ((y << 5) & mask))
    assert not got["none"].any()
    np.testing.assert_array_equal(got["all"], y)


def test_integer_division_by_zero_is_harmless_and_the_rest_is_right():
    x = np.array([7, -7, 7, -7, 9, np.iinfo(np.int32).min], np.int32)
    y = np.array([2, 2, -2, -2, 0, -1], np.int32)
    got = run_cases(
        {
            "div": ("a / b", ["int", "int"], "int", [x, y]),
            "rem": ("a % b", ["int", "int"], "int", [x, y]),
            "udiv": ("a / b", ["uint", "uint"], "uint", [x.view(np.uint32), y.view(np.uint32)]),
        }
    )
    np.testing.assert_array_equal(got["div"][:4], [3, -3, -3, 3])
    np.testing.assert_array_equal(got["rem"][:4], [1, -1, 1, -1])
    assert got["div"][5] == x[5] and got["rem"][5] == 0
    good = y != 0
    np.testing.assert_array_equal(got["udiv"][good], x.view(np.uint32)[good] // y.view(np.uint32)[good])


# ---- types -------------------------------------------------------------------------------------------------
def test_every_cast_equals_numpy():
    cases, expected = {}, {}
    for source in DTYPES:
        for target in DTYPES:
            if "half" in (source, target) and "bfloat" in (source, target):
                expression = f"{target}(float(a))"
            else:
                expression = f"{target}(a)"
            x = np.array([0, 1, 2, 3, 100, 127], DTYPES["int"]).astype(DTYPES[source])
            if source in (*SIGNED, "float", "half", "bfloat") and target in (
                *SIGNED,
                "float",
                "half",
                "bfloat",
            ):
                x[4] = x.dtype.type(-5)
            cases[f"{source}->{target}"] = (expression, [source], target, [x])
            expected[f"{source}->{target}"] = x.astype(DTYPES[target])
    for key, got in run_cases(cases).items():
        np.testing.assert_array_equal(got, expected[key], err_msg=key)


def test_relational_functions_on_all_three_float_types():
    cases, expected = {}, {}
    for t in ("float", "half", "bfloat"):
        x = sample(t)
        x[20] = x.dtype.type(6e-8) if t == "half" else np.array([1e-40], np.float32).astype(x.dtype)[0]
        wide = x.astype(np.float64)
        smallest = {"float": 2.0**-126, "half": 2.0**-14, "bfloat": 2.0**-126}[t]
        for name, reference in {
            "isnan": np.isnan(wide), "isinf": np.isinf(wide), "isfinite": np.isfinite(wide), "signbit": np.signbit(wide),
            "isnormal": np.isfinite(wide) & (np.abs(wide) >= smallest),
        }.items():  # fmt: skip
            cases[f"{t} {name}"] = (f"{name}(a)", [t], "bool", [x])
            expected[f"{t} {name}"] = reference
        cases[f"{t} isordered"] = ("isordered(a, a)", [t], "bool", [x])
        expected[f"{t} isordered"] = ~np.isnan(wide)
        cases[f"{t} select"] = (f"select(a, {t}(7), isnan(a))", [t], t, [x])
        expected[f"{t} select"] = np.where(np.isnan(wide), 7, wide).astype(x.dtype)
    for key, got in run_cases(cases).items():
        np.testing.assert_array_equal(got, expected[key], err_msg=key)


def test_vectors_construct_swizzle_compare_and_convert():
    source = (
        HEAD
        + """
constant float4 table[2] = {float4(1.0f, 2.0f, 3.0f, 4.0f), float4(0.5f)};
kernel void k(device const float4 *x [[buffer(0)]], device float4 *r [[buffer(1)]], device bool4 *m [[buffer(2)]],
              device int3 *n [[buffer(3)]], device packed_float3 *p [[buffer(4)]], constant float4 &c [[buffer(5)]],
              device half2 *h [[buffer(6)]], device uchar4 *u [[buffer(7)]], uint i [[thread_position_in_grid]]) {
  float4 v = x[i];
  r[0] = float4(v.xy, v.wz);
  r[1] = v.wzyx * 2 + table[0];
  r[2] = float4(v.x, float3(v.yz, 9.0f)) - c.xxyy;
  r[3] = i == 0u ? v : -v;
  float4 s = 0.0f;
  s.xz = v.xy;
  s.w += 1.0f;
  s[1] = table[1].y;
  r[4] = s;
  r[5] = select(v, float4(0.0f), v < 0.0f);
  r[6] = clamp(v, 0.0f, 1.0f) + max(v, 0.5f);
  r[7] = float4(all(v == v), any(v > 1e9f), dot(v, v), length(v.xyz));
  r[8].rgb = cross(v.xyz, float3(0.0f, 1.0f, 0.0f));
  m[0] = v > 1.0f;
  m[1] = !(v > 1.0f) && (v == v);
  n[0] = int3(v.xyz);
  p[0] = v.yzw;
  p[1].y = v.x;
  h[0] = half2(v.xy) * 0.5;
  u[0] = uchar4(200) + uchar4(100, 55, 56, 57);
}
"""
    )
    x = np.array([1.5, -2.25, 3.0, 0.25], np.float32)
    c = np.array([10, 20, 30, 40], np.float32)
    r, m, n = np.zeros((9, 4), np.float32), np.zeros((2, 4), np.bool_), np.full((1, 4), 7, np.int32)
    p, h, u = np.zeros((2, 3), np.float32), np.zeros(2, np.float16), np.zeros(4, np.uint8)
    standin.compile(source).run([x, r, m, n, p, c, h, u], 1, 1)
    t = np.array([1, 2, 3, 4], np.float32)
    np.testing.assert_array_equal(r[0], x[[0, 1, 3, 2]])
    np.testing.assert_array_equal(r[1], x[::-1] * 2 + t)
    np.testing.assert_array_equal(r[2], [1.5 - 10, -2.25 - 10, 3 - 20, 9 - 20])
    np.testing.assert_array_equal(r[3], x)
    np.testing.assert_array_equal(r[4], [1.5, 0.5, -2.25, 1])
    np.testing.assert_array_equal(r[5], np.where(x < 0, 0, x))
    np.testing.assert_array_equal(r[6], np.clip(x, 0, 1) + np.maximum(x, 0.5))
    np.testing.assert_allclose(r[7], [1, 0, np.dot(x, x), np.linalg.norm(x[:3])], rtol=1e-6)
    np.testing.assert_array_equal(r[8], [*np.cross(x[:3], [0, 1, 0]), 0])
    np.testing.assert_array_equal(m[0], x > 1)
    np.testing.assert_array_equal(m[1], ~(x > 1))
    np.testing.assert_array_equal(n[0, :3], [1, -2, 3])
    np.testing.assert_array_equal(p, [x[1:], [0, 1.5, 0]])
    np.testing.assert_array_equal(h, [0.75, -1.125])
    np.testing.assert_array_equal(u, [44, 255, 0, 1])


def test_as_type_keeps_bits():
    x = sample("float")
    got = run_cases(
        {
            "uint": ("as_type<uint>(a)", ["float"], "uint", [x]),
            "float": ("as_type<float>(a)", ["int"], "float", [x.view(np.int32)]),
            "half": ("as_type<half2>(a).y", ["uint"], "half", [x.view(np.uint32)]),
            "bfloat": ("as_type<bfloat>(a)", ["ushort"], "bfloat", [np.arange(64, dtype=np.uint16) * 1000]),
        }
    )
    np.testing.assert_array_equal(got["uint"], x.view(np.uint32))
    np.testing.assert_array_equal(got["float"].view(np.uint32), x.view(np.uint32))
    np.testing.assert_array_equal(got["half"].view(np.uint16), (x.view(np.uint32) >> 16).astype(np.uint16))
    np.testing.assert_array_equal(got["bfloat"].view(np.uint16), np.arange(64, dtype=np.uint16) * 1000)


def test_packing_round_trips_and_rounds_to_nearest():
    source = (
        HEAD
        + """
kernel void k(device const float4 *x [[buffer(0)]], device uint *u [[buffer(1)]], device float4 *r [[buffer(2)]]) {
  u[0] = pack_float_to_unorm4x8(x[0]);
  u[1] = pack_float_to_snorm4x8(x[0]);
  u[2] = pack_float_to_unorm2x16(x[0].xy);
  u[3] = pack_float_to_snorm2x16(x[0].yz);
  u[4] = pack_float_to_unorm10a2(x[0]);
  u[5] = pack_float_to_srgb_unorm4x8(x[0]);
  r[0] = unpack_unorm4x8_to_float(u[0]);
  r[1] = unpack_snorm4x8_to_float(u[1]);
  r[2] = float4(unpack_unorm2x16_to_float(u[2]), unpack_snorm2x16_to_float(u[3]));
  r[3] = unpack_unorm10a2_to_float(u[4]);
  r[4] = unpack_unorm4x8_srgb_to_float(u[5]);
  r[5] = float4(unpack_unorm4x8_to_half(pack_half_to_unorm4x8(half4(x[0]))));
}
"""
    )
    x = np.array([0.3, 0.75, -0.5, 2.0], np.float32)
    u, r = np.zeros(6, np.uint32), np.zeros((6, 4), np.float32)
    standin.compile(source).run([x, u, r], 1, 1)
    unorm = np.rint(np.clip(x, 0, 1) * 255)
    snorm = np.rint(np.clip(x, -1, 1) * 127)
    assert u[0] == sum(int(v) << 8 * i for i, v in enumerate(unorm))
    assert u[1] == sum((int(v) & 255) << 8 * i for i, v in enumerate(snorm))
    assert u[2] == int(np.rint(x[0] * 65535)) | int(np.rint(x[1] * 65535)) << 16
    assert u[3] == int(np.rint(x[1] * 32767)) | (int(np.rint(x[2] * 32767)) & 65535) << 16
    assert u[4] == 307 | 767 << 10 | 0 << 20 | 3 << 30
    np.testing.assert_allclose(r[0], unorm / 255, rtol=1e-6)
    np.testing.assert_allclose(r[1], snorm / 127, rtol=1e-6)
    np.testing.assert_allclose(r[2], [x[0], x[1], x[1], x[2]], atol=2e-5)
    np.testing.assert_allclose(r[4][:2], x[:2], atol=4e-3)
    np.testing.assert_allclose(r[5], unorm / 255, atol=4e-3)


# ---- grids -------------------------------------------------------------------------------------------------
def test_positions_follow_dispatch_threads_in_partial_groups():
    source = (
        HEAD
        + """
kernel void k(device uint *r [[buffer(0)]], uint3 g [[thread_position_in_grid]], uint3 t [[thread_position_in_threadgroup]],
              uint3 q [[threadgroup_position_in_grid]], uint3 s [[threads_per_threadgroup]],
              uint3 d [[dispatch_threads_per_threadgroup]], uint3 n [[threads_per_grid]],
              uint3 c [[threadgroups_per_grid]], uint i [[thread_index_in_threadgroup]],
              uint l [[thread_index_in_simdgroup]], uint w [[simdgroup_index_in_threadgroup]],
              ushort p [[simdgroups_per_threadgroup]]) {
  uint at = ((g.z * n.y + g.y) * n.x + g.x) * 12u;
  r[at] = g.x + 100u * g.y + 10000u * g.z;
  r[at + 1u] = t.x; r[at + 2u] = t.y; r[at + 3u] = q.x; r[at + 4u] = s.x; r[at + 5u] = s.y;
  r[at + 6u] = d.x; r[at + 7u] = c.x; r[at + 8u] = i; r[at + 9u] = l; r[at + 10u] = w; r[at + 11u] = p;
}
"""
    )
    grid, threads = (10, 7, 2), (4, 5, 1)
    r = np.zeros((2, 7, 10, 12), np.uint32)
    standin.compile(source).run([r], grid, threads)
    for z in range(2):
        for y in range(7):
            for x in range(10):
                sx, sy = min(4, 10 - x // 4 * 4), min(5, 7 - y // 5 * 5)
                index = x % 4 + y % 5 * sx
                expected = [
                    x + 100 * y + 10000 * z,
                    x % 4,
                    y % 5,
                    x // 4,
                    sx,
                    sy,
                    4,
                    3,
                    index,
                    index % 32,
                    index // 32,
                ]
                expected.append((sx * sy + 31) // 32)
                assert r[z, y, x].tolist() == expected


def test_constants_and_thread_arrays():
    source = (
        HEAD
        + """
constant int weights[] = {1, 10, 100, 1000};
struct Params { float scale; int offset; float4 tint; };
static inline float apply(thread const float *values, uint n, constant Params &p) {
  float sum = 0;
  for (uint k = 0; k < n; ++k)
    sum += values[k] * float(weights[k]);
  return sum * p.scale + float(p.offset) + p.tint.y;
}
kernel void k(device float *r [[buffer(0)]], constant Params &p [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  float values[4] = {};
  for (uint k = 0; k < 4u; ++k)
    values[k] = float(i * k);
  r[i] = apply(values, 4u, p);
}
"""
    )
    r = np.zeros(5, np.float32)
    params = np.zeros(
        1,
        np.dtype(
            {
                "names": ["s", "o", "t"],
                "formats": ["f4", "i4", ("f4", 4)],
                "offsets": [0, 4, 16],
                "itemsize": 32,
            }
        ),
    )
    params["s"], params["o"], params["t"] = 2, 3, [0, 5, 0, 0]
    standin.compile(source).run([r, params], 5, 5)
    np.testing.assert_array_equal(r, [i * (10 + 200 + 3000) * 2 + 8 for i in range(5)])
