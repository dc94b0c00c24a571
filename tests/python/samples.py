# SPDX-License-Identifier: MIT
"""The values that operations are tried on, made from the `samples` field of their records.

    for values in inputs(record, "f16"): ...      # one array per operand, all of one length

    "edge"      every edge value of the type and random bit patterns; for two operands all pairs of edges
    "[a,b]"     random values of an interval
    "limits"    x, and two limits in order: y <= z, neither NaN
    "edges"     two distinct finite edges x < y, and z below, at, between and above them
    "bits"      bit fields: offset + bits within the width, empty and full ones included

Everything is the same on every run.
"""

from __future__ import annotations

import itertools
import re
import zlib
from typing import Any

import ml_dtypes
import numpy as np

from elements import DTYPES, FLOATS, INTEGERS, bounds, from_bits, rounded, width

Record = dict[str, Any]


def edges(name: str) -> np.ndarray:
    """Every value of a type at which operations change their ways."""
    if name == "b1":
        return np.array([False, True])
    if name in INTEGERS:
        low, high = bounds(name)
        powers = [1 << k for k in (1, 2, width(name) // 2, width(name) - 2, width(name) - 1)]
        values = {0, 1, 3, 7, 10, high, high - 1, low, low + 1, high // 3}
        values |= {sign * (p + d) for p in powers for d in (-1, 0, 1) for sign in (1, -1)} | {-1, -3, -7, -10}
        return np.array(sorted(v for v in values if low <= v <= high), DTYPES[name])
    info = ml_dtypes.finfo(DTYPES[name])
    mantissa = info.nmant
    values = [0.0, 1.0, 2.0, 3.0, 7.0, 10.0, 0.1, 0.25, 0.75, np.inf, np.pi]
    values += [
        float(info.smallest_subnormal),
        float(info.tiny),
        float(info.tiny) - float(info.smallest_subnormal),
        float(info.max),
    ]
    values += [
        0.5,
        1.5,
        2.5,
        0.5 - 2.0 ** -(mantissa + 2),
        1 - 2.0 ** -(mantissa + 1),
        1 + 2.0**-mantissa,
        1.5 - 2.0**-mantissa,
    ]
    values += [
        2.0**mantissa + 1,
        2.0 ** (mantissa - 1) + 0.5,
        2.0 ** (mantissa - 1) - 0.5,
        2.0**12,
        2.0**15 - 1,
    ]
    values += [2.0**31, 2.0**32, 2.0**63, 2.0**64, 127.5, 128.5, 255.5, 256.0]
    array = rounded(np.array([s * v for v in values for s in (1, -1)] + [np.nan]), name)
    # Of the infinities that the largest powers become in f16 one each is enough.
    _, first = np.unique(array.view(f"u{array.itemsize}"), return_index=True)
    return array[np.sort(first)]


def few_edges(name: str) -> np.ndarray:
    """A dozen edges, for operations of three operands."""
    if name == "b1":
        return np.array([False, True])
    if name in INTEGERS:
        low, high = bounds(name)
        half = 1 << (width(name) // 2)
        return np.array(
            sorted(
                v
                for v in {0, 1, 2, -1, -2, 7, low, low + 1, high, high - 1, half, half - 1, -half}
                if low <= v <= high
            ),
            DTYPES[name],
        )
    info = ml_dtypes.finfo(DTYPES[name])
    tiny, least, most = float(info.tiny), float(info.smallest_subnormal), float(info.max)
    return rounded(
        np.array(
            [
                0.0,
                -0.0,
                1.0,
                -1.0,
                0.5,
                3.0,
                1 + 2.0**-info.nmant,
                tiny,
                -least,
                most,
                -most,
                np.inf,
                -np.inf,
                np.nan,
            ]
        ),
        name,
    )


def random_bits(rng: np.random.Generator, name: str, count: int) -> np.ndarray:
    if name == "b1":
        return rng.integers(0, 2, count).astype(bool)
    return from_bits(rng.integers(0, 1 << width(name), count, dtype=np.uint64), name)


def interval(rng: np.random.Generator, name: str, low: float, high: float, count: int) -> np.ndarray:
    values = rng.uniform(low, high, count)
    return rounded(values, name) if name in FLOATS else values.astype(DTYPES[name])


def _generator(record: Record, name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(f"{record['name']} {name}".encode()))


def _combine(columns: list[np.ndarray]) -> list[np.ndarray]:
    """All combinations of the values of each column."""
    grid = np.meshgrid(*[np.arange(len(c)) for c in columns], indexing="ij")
    return [c[g.ravel()] for c, g in zip(columns, grid, strict=True)]


def _limits(rng: np.random.Generator, name: str) -> list[np.ndarray]:
    values = few_edges(name)
    triples = _combine([edges(name), values, values])
    random = [random_bits(rng, name, 600) for _ in range(3)]
    x, y, z = (np.concatenate(pair) for pair in zip(triples, random, strict=True))
    with np.errstate(invalid="ignore"):
        keep = y <= z
    return [x[keep], y[keep], z[keep]]


def _edges(rng: np.random.Generator, name: str) -> list[np.ndarray]:
    low = np.concatenate([rng.uniform(-10, 10, 800), [0, 0, -1, 2, 0.25]])
    span = np.concatenate([rng.uniform(0.5, 10, 800), [1, 1, 2, 1, 0.5]])
    x, y = rounded(low, name), rounded(low + span, name)
    at = np.concatenate([rng.uniform(-0.2, 1.2, 600), np.zeros(100), np.ones(100), [0.5, 1, 0.5, 0, 2]])
    z = rounded(x.astype(float) + at * (y.astype(float) - x.astype(float)), name)
    z[600:700], z[700:800] = x[600:700], y[700:800]
    z[:2] = rounded(np.array([np.inf, -np.inf]), name)
    return [x, y, z]


def _bits(rng: np.random.Generator, name: str, operands: int) -> list[np.ndarray]:
    w = width(name)
    values = np.concatenate([few_edges(name), random_bits(rng, name, 12)])
    places = {0, 1, 3, w // 2, w - 1, w}
    fields = [(o, b) for o, b in itertools.product(sorted(places), repeat=2) if o + b <= w]
    fields += [(int(o), int(rng.integers(0, w - o + 1))) for o in rng.integers(0, w, 40)]
    base, field = _combine([values, np.arange(len(fields))])
    offset, count = np.array(fields, np.uint32)[field].T
    columns = [base, rng.permutation(base)][:operands]
    return [*columns, np.ascontiguousarray(offset), np.ascontiguousarray(count)]


def inputs(record: Record, name: str) -> list[np.ndarray]:
    """One array per operand of an operation on the type `name`, in the order of the operands."""
    rng = _generator(record, name)
    slots = record["operand_slots"] or ["T"] * len(record["operands"])
    types = [name if slot in ("T", "I") else slot for slot in slots]
    words = record["samples"].split()
    if words == ["limits"]:
        return _limits(rng, name)
    if words == ["edges"]:
        return _edges(rng, name)
    if words == ["bits"]:
        return _bits(rng, name, slots.count("T"))
    parts: list[list[np.ndarray]] = []
    for word in words:
        if word == "edge":
            values = edges if len(types) < 3 else few_edges
            parts.append(_combine([values(t) for t in types]))
            parts.append([random_bits(rng, t, 400) for t in types])
            if name in FLOATS:  # bit patterns seldom have exponents near each other
                parts.append(
                    [interval(rng, t, -40, 40, 300) if t != "b1" else random_bits(rng, t, 300) for t in types]
                )
        elif match := re.fullmatch(r"\[([^,]+),([^,]+)\]", word):
            low, high = float(match[1]), float(match[2])
            parts.append([interval(rng, t, low, high, 600) for t in types])
        else:
            raise ValueError(f"{record['name']}: unknown samples {word!r}")
    if not parts:
        raise ValueError(f"{record['name']}: no samples")
    return [np.concatenate(columns) for columns in zip(*parts, strict=True)]
