# SPDX-License-Identifier: MIT
"""Functions of whole vectors: geometry, any and all, packing, on the host and as Metal text, against NumPy in float64."""

import json
import pathlib
import zlib

import ml_dtypes
import numpy as np
import pytest

import enigma as en
from elements import DTYPES, rounded
from msl import standin
from ulps import assert_close

RECORDS = json.loads((pathlib.Path(en.__file__).parent / "_ops.json").read_text())
VECTORWISE = [r for r in RECORDS if r["vectorwise"]]
N = 200


def random(name, count, seed, low=-2.0, high=2.0):
    values = np.random.default_rng(zlib.crc32(f"{name} {seed}".encode())).uniform(low, high, (count, 4))
    return rounded(values, name)


def unit(x):
    return x / np.sqrt((x * x).sum(1, keepdims=True))


def refract(i, n, eta):
    cosine = (n * i).sum(1, keepdims=True)
    k = 1 - eta * eta * (1 - cosine * cosine)
    return np.where(k < 0, 0, eta * i - (eta * cosine + np.sqrt(np.maximum(k, 0))) * n)


def column(x):
    return x.reshape(-1, 1)


GEOMETRY = {
    "dot": lambda x, y: column((x * y).sum(1)),
    "length": lambda x: column(np.sqrt((x * x).sum(1))),
    "length_squared": lambda x: column((x * x).sum(1)),
    "distance": lambda x, y: column(np.sqrt(((x - y) ** 2).sum(1))),
    "distance_squared": lambda x, y: column(((x - y) ** 2).sum(1)),
    "normalize": unit,
    "cross": np.cross,
    "reflect": lambda i, n: i - 2 * column((n * i).sum(1)) * n,
    "refract": refract,
    "faceforward": lambda n, i, nref: np.where(column((nref * i).sum(1)) < 0, n, -n),
}


def run_both(compiled, arrays, grid):
    copies = [a.copy() for a in arrays]
    standin.compile(compiled.metal_source, sanitize=True).run(copies, grid=grid, threads=32)
    mine = [a.copy() for a in arrays]
    en.HostRuntime().launch(compiled, mine, grid, 32)
    return mine[-1], copies[-1]


def geometry_kernel(function, slots, name, lanes):
    vector, scalar = en.vec(getattr(en, name), lanes), getattr(en, name)

    def of(slot):
        return scalar if slot == "S" else vector

    kinds = [of(s) for s in slots]
    if len(kinds) == 2:

        def k(A: kinds[0], R: kinds[1]):
            i = en.thread_position_in_grid
            R[i] = function(A[i])
    elif len(kinds) == 3:

        def k(A: kinds[0], B: kinds[1], R: kinds[2]):
            i = en.thread_position_in_grid
            R[i] = function(A[i], B[i])
    else:

        def k(A: kinds[0], B: kinds[1], C: kinds[2], R: kinds[3]):
            i = en.thread_position_in_grid
            R[i] = function(A[i], B[i], C[i])

    return en.compile(en.kernel(k))


@pytest.mark.parametrize("name", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("op", sorted(GEOMETRY))
def test_geometry(op, name):
    record = next(r for r in VECTORWISE if r["name"] == op)
    slots = [*record["operand_slots"], *record["result_slots"]]
    for lanes in [3] if op == "cross" else [2, 3, 4]:
        inputs = []
        for k, slot in enumerate(record["operand_slots"]):
            if slot == "S":
                inputs.append(rounded(np.linspace(0.5, 1.7, N), name))
                continue
            x = random(name, N, f"{op} {k}")
            if op in ("reflect", "refract"):
                x[:, :lanes] = rounded(unit(x[:, :lanes].astype(np.float64)), name)
            inputs.append(np.ascontiguousarray(x[:, : 4 if lanes == 3 else lanes]))
        wide = [x.astype(np.float64) if x.ndim == 1 else x[:, :lanes].astype(np.float64) for x in inputs]
        expected = GEOMETRY[op](*[column(x) if x.ndim == 1 else x for x in wide])
        size = np.maximum(1.0, np.abs(expected)) if op != "cross" else np.full_like(expected, 8.0)
        if op in ("dot", "reflect", "refract"):
            size = np.full_like(expected, 16.0)
        scalar_result = record["result_slots"] == ["S"]
        out = np.zeros((N,) if scalar_result else (N, 4 if lanes == 3 else lanes), DTYPES[name])
        compiled = geometry_kernel(getattr(en, op), slots, name, lanes)
        for where, got in zip(("host", "text"), run_both(compiled, [*inputs, out], N), strict=True):
            got = got.reshape(N, -1)[:, : 1 if scalar_result else lanes]
            # Near the border of total reflection the square root is as exact as its argument.
            border = False
            if op == "refract":
                i, n, eta = wide
                root = 1 - column(eta) ** 2 * (1 - column((n * i).sum(1)) ** 2)
                border = np.broadcast_to(np.abs(root) < 0.1, got.shape).ravel()
            if op == "faceforward":
                border = np.broadcast_to(np.abs(column((wide[2] * wide[1]).sum(1))) < 0.05, got.shape).ravel()
            assert_close(
                np.ascontiguousarray(got).ravel(),
                rounded(expected, name).ravel(),
                [np.repeat(np.arange(N), got.shape[1])],
                4 if name == "f32" else 2,
                what=f"{op} of {name}x{lanes} in the {where}",
                scale=size.ravel(),
                skip=border,
            )


def test_fast_and_precise_forms_of_geometry():
    for mode in ("fast", "precise"):
        for op in ("length", "distance", "normalize"):

            def k(A: en.float4, Out: en.float4):
                function = getattr(getattr(en, mode), op)  # noqa: B023
                Out[0] = function(A[0], A[1]) if op == "distance" else function(A[0])  # noqa: B023

            text = en.compile(en.kernel(k)).metal_source
            assert f"{mode}::{op}(" in text
            standin.compile(text)


def test_the_length_of_a_bf16_vector_is_computed_in_float():
    def k(A: en.bfloat2, Out: en.bf16):
        Out[0] = en.length(A[0])

    text = en.compile(en.kernel(k)).metal_source
    assert "bfloat(length(float2(" in text


def test_any_and_all_of_every_mask():
    masks = np.array([[i >> c & 1 for c in range(4)] for i in range(16)], np.uint8)

    @en.kernel
    def k(M: en.uchar4, Out: en.u8):
        i = en.thread_position_in_grid
        m = M[i] != 0
        bits = en.u8(0)
        for c, mask in enumerate((m.xy, m.xyz, m)):
            bits = bits | (en.u8(en.any(mask)) << (2 * c)) | (en.u8(en.all(mask)) << (2 * c + 1))
        Out[i] = bits

    want = np.zeros(16, np.uint8)
    for c, lanes in enumerate((2, 3, 4)):
        part = masks[:, :lanes].astype(bool)
        want |= part.any(1).astype(np.uint8) << (2 * c) | part.all(1).astype(np.uint8) << (2 * c + 1)
    for got in run_both(en.compile(k), [masks, np.zeros(16, np.uint8)], 16):
        np.testing.assert_array_equal(got, want)


# ---- Packing


FIELDS = {
    "unorm4x8": ([8] * 4, False), "snorm4x8": ([8] * 4, True), "srgb_unorm4x8": ([8] * 4, False),
    "unorm2x16": ([16] * 2, False), "snorm2x16": ([16] * 2, True), "unorm10a2": ([10, 10, 10, 2], False),
}  # fmt: skip
UNPACK_NAMES = {"srgb_unorm4x8": "unorm4x8_srgb"}


def packed(values, form):
    """Words of float64 rows, and whether rounding decides a field: it is half way, or the curve is near it."""
    bits, signed = FIELDS[form]
    words, unsure = np.zeros(len(values), np.uint64), np.zeros(len(values), bool)
    shift = 0
    for c, width in enumerate(bits):
        top = 2 ** (width - signed) - 1
        x = np.clip(np.nan_to_num(values[:, c], nan=0.0, posinf=9, neginf=-9), -1 if signed else 0, 1)
        if form.startswith("srgb") and c < 3:
            x = np.where(x < 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
        scaled = x * top
        unsure |= np.abs(scaled - np.floor(scaled) - 0.5) < 1e-3
        field = np.rint(scaled).astype(np.int64) & (2**width - 1)
        words |= field.astype(np.uint64) << np.uint64(shift)
        shift += width
    return words.astype(np.uint32), unsure


def unpacked(words, form):
    bits, signed = FIELDS[form]
    columns, shift = [], 0
    for c, width in enumerate(bits):
        field = (words.astype(np.int64) >> shift) & (2**width - 1)
        if signed:
            field = np.where(field >= 2 ** (width - 1), field - 2**width, field)
        x = np.maximum(field / (2 ** (width - signed) - 1), -1.0)
        if form.startswith("srgb") and c < 3:
            x = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
        columns.append(x)
        shift += width
    return np.stack(columns, 1)


@pytest.mark.parametrize("kind", ["float", "half"])
@pytest.mark.parametrize("form", sorted(FIELDS))
def test_packing_and_unpacking(form, kind):
    bits, _ = FIELDS[form]
    lanes, name = len(bits), {"float": "f32", "half": "f16"}[kind]
    vector = en.vec(getattr(en, name), lanes)
    pack = getattr(en, f"pack_{kind}_to_{form}")
    unpack = getattr(en, f"unpack_{UNPACK_NAMES.get(form, form)}_to_{kind}")
    special = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, np.inf, -np.inf, np.nan, 1 / 255, 0.0031308, 0.04]
    values = random(name, N, form, -1.3, 1.3)[:, :lanes].copy()
    values[: len(special)] = rounded(np.array(special), name)[:, None]

    def packing(A: vector, W: en.u32):
        i = en.thread_position_in_grid
        W[i] = pack(A[i])

    want, unsure = packed(values.astype(np.float64), form)
    for got in run_both(en.compile(en.kernel(packing)), [values, np.zeros(N, np.uint32)], N):
        np.testing.assert_array_equal(got[~unsure], want[~unsure])
    assert (~unsure).sum() > N // 2

    words = np.random.default_rng(1).integers(0, 2**32, N, dtype=np.uint32)
    words[:4] = [0, 0xFFFFFFFF, 0x80808080, 0x80008000]

    def unpacking(W: en.u32, A: vector):
        i = en.thread_position_in_grid
        A[i] = unpack(W[i])

    expected = rounded(unpacked(words, form), name)
    for got in run_both(en.compile(en.kernel(unpacking)), [words, np.zeros_like(values)], N):
        assert_close(
            got.ravel(), expected.ravel(), [np.repeat(words, lanes)], 8 if "srgb" in form and kind == "float" else 1,
            what=f"unpack {form} to {kind}",
        )  # fmt: skip


def test_every_function_of_whole_vectors_is_tested_here():
    packing = {f"pack_{k}_to_{f}" for k in ("float", "half") for f in FIELDS} | {
        f"unpack_{UNPACK_NAMES.get(f, f)}_to_{k}" for k in ("float", "half") for f in FIELDS
    }
    assert {r["name"] for r in VECTORWISE} == set(GEOMETRY) | packing | {"any", "all"}
    assert all(r["summary"] and r["section"] and r["msl"] and r["has_host"] for r in VECTORWISE)


def test_a_word_that_is_too_wide_is_refused():
    def k(A: en.u64, Out: en.float4):
        Out[0] = en.unpack_unorm4x8_to_float(A[0])

    with pytest.raises(en.TraceError, match="needs u32, got u64"):
        en.compile(en.kernel(k))


def test_bf16_is_packed_as_float():
    values = random("bf16", 8, "pack", 0, 1)

    @en.kernel
    def k(A: en.bfloat4, W: en.u32):
        i = en.thread_position_in_grid
        W[i] = en.pack_float_to_unorm4x8(A[i])

    want, unsure = packed(values.astype(np.float64), "unorm4x8")
    for got in run_both(en.compile(k), [values, np.zeros(8, np.uint32)], 8):
        np.testing.assert_array_equal(got[~unsure], want[~unsure])
    assert ml_dtypes.bfloat16 == DTYPES["bf16"].type
