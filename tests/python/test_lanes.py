# SPDX-License-Identifier: MIT
"""Every operation among lanes on every type: lane by lane reference, the host and the Metal text agree.

The grid is not a multiple of the threadgroup, nor that of the simdgroup, and lanes are switched off by a
condition: all on, a random half, one in eight, whole quadgroups.
"""

from __future__ import annotations

import functools
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import enigma
from elements import DTYPES, FLOATS, INTEGERS
from lane_kernels import lane_kernel
from lane_references import LANE_REFERENCES, OPEN, expected, tolerance
from msl import standin
from samples import random_bits

RECORDS: list[dict[str, Any]] = json.loads((Path(enigma.__file__).parent / "_ops.json").read_text())
LANE_OPS = [r for r in RECORDS if r["convergent"]]
BY_NAME = {r["name"]: r for r in LANE_OPS}
GRID, THREADS = 150, 72  # groups of 72, 72 and 6: simdgroups of 32, 32, 8, ..., 6
BATCH = 50
# Whether every lane must name the same lane: Metal leaves open what happens otherwise.
UNIFORM = ("shuffle_xor", "up", "down")


@dataclass(frozen=True)
class Case:
    op: str
    type: str
    number: int | None = None  # the lane as a literal; None: from a buffer
    modulo: int = 32

    def __str__(self) -> str:
        where = "" if self.number is None else f"-{self.number}"
        return f"{self.op}-{self.type}{where}" + (f"-of-{self.modulo}" if self.modulo != 32 else "")

    @property
    def slots(self) -> list[str]:
        return BY_NAME[self.op]["operand_slots"]

    @property
    def result(self) -> str:
        slot = BY_NAME[self.op]["result_slots"][0]
        return self.type if slot == "T" else slot

    @functools.cache  # noqa: B019 - cases live as long as the module
    def compiled(self) -> Any:
        # The modulo is always a number, the lane where the case says so.
        literals = (
            {k: v for k, v in {1: self.number}.items() if v is not None} if "_fill_" not in self.op else {}
        )
        if "_fill_" in self.op:
            literals = {3: self.modulo} if self.op.startswith("simd") else {}
            if self.number is not None:
                literals[2] = self.number
        types = [self.type if s == "T" else "u32" if s == "u16" else s for s in self.slots]
        return enigma.compile(
            lane_kernel(
                getattr(enigma, self.op),
                [getattr(enigma, t) for k, t in enumerate(types) if k not in literals],
                getattr(enigma, self.result),
                literals,
            )
        )

    @functools.cache  # noqa: B019
    def columns(self) -> list[np.ndarray]:
        rng = np.random.default_rng(zlib.crc32(str(self).encode()))
        width = 4 if self.op.startswith("quad") else 32
        out = []
        for k, slot in enumerate(self.slots):
            if slot == "u16":
                if k == 3:
                    continue
                if self.number is not None:
                    numbers = np.full(GRID, self.number)
                elif self.op.endswith(UNIFORM) or "rotate" in self.op or "fill" in self.op:
                    # One count in each simdgroup, that of a quadgroup included.
                    limit = self.modulo if "fill" in self.op else width
                    counts = rng.integers(0, min(limit, width) + (0 if "fill" in self.op else 2), 100)
                    numbers = counts[GROUP * 3 + LANE // 32]
                else:
                    numbers = rng.integers(0, width + 3, GRID)
                out.append(numbers.astype(np.uint32))
            else:
                out.append(values(rng, self.type if slot == "T" else slot, self.op))
        return out


def values(rng: np.random.Generator, name: str, op: str) -> np.ndarray:
    if name in FLOATS:
        low, high = (0.9, 1.1) if "product" in op else (-4.0, 4.0)
        return rng.uniform(low, high, GRID).astype(np.float32).astype(DTYPES[name])
    return random_bits(rng, name, GRID)


GROUP = np.arange(GRID) // THREADS
LANE = np.arange(GRID) % THREADS  # linear in the group; the lane is its rest by 32
SIMDGROUP = GROUP * 3 + LANE // 32


def masks() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    quads = np.repeat(rng.integers(0, 2, GRID // 4 + 1), 4)[:GRID].astype(bool)
    return {
        "all": np.ones(GRID, bool),
        "half": rng.integers(0, 2, GRID).astype(bool),
        "few": rng.integers(0, 8, GRID) == 0,
        "quads": quads,
    }


def cases() -> list[Case]:
    out = []
    for r in LANE_OPS:
        for t in r["types"]:
            if "u16" not in r["operand_slots"]:
                out.append(Case(r["name"], t))
                continue
            width = 4 if r["name"].startswith("quad") else 32
            out.append(Case(r["name"], t))
            if t in ("f32", "i64", "b1"):
                out += [Case(r["name"], t, n) for n in (1, width - 1)]
            if "simd_shuffle_and_fill" in r["name"] and t in ("f32", "i64"):
                out += [Case(r["name"], t, 1, 4), Case(r["name"], t, None, 8)]
    return out


CASES = cases()
BATCHES = [pytest.param(CASES[a : a + BATCH], id=f"{CASES[a]}-and-on") for a in range(0, len(CASES), BATCH)]


def check(case: Case, run: Any, *, on_host: bool) -> None:
    columns = case.columns()
    given = [
        c
        for c, slot in zip(columns, [s for k, s in enumerate(case.slots) if k != 3], strict=True)
        if not (slot == "u16" and case.number is not None)
    ]
    for title, active in masks().items():
        result = np.zeros(GRID, DTYPES[case.result])
        untouched = np.ones(1, DTYPES[case.result])[0]
        result[:] = untouched
        run([*given, active, result])
        wanted, known = expected(case.op, case.type, columns, active, LANE % 32, SIMDGROUP, case.modulo)
        assert (result[~active] == untouched).all(), f"{case} {title}: wrote for a lane that is off"
        open_ = active & ~known
        if on_host:
            assert (result[open_] == OPEN).all(), f"{case} {title}: what is open is 0 on the host"
        got = result[known]
        exact = np.array([w for w, k in zip(wanted, known, strict=True) if k], object)
        error = tolerance(case.op, case.type, columns)
        if error:
            difference = np.abs(got.astype(np.float64) - exact.astype(np.float64))
            assert (difference <= error).all(), f"{case} {title}: {got} is not {exact}"
        else:
            wrong = [(t, g, w) for t, g, w in zip(np.flatnonzero(known), got, exact, strict=True) if g != w]
            assert not wrong, f"{case} {title}: (thread, got, wanted) {wrong[:5]}"


@pytest.fixture(scope="module")
def host() -> Any:
    return enigma.HostRuntime()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lanes_on_the_host(case: Case, host: Any) -> None:
    kernel = case.compiled()
    check(case, lambda arrays: host.launch(kernel, arrays, (GRID, 1, 1), (THREADS, 1, 1)), on_host=True)


@pytest.mark.parametrize("batch", BATCHES)
def test_lanes_in_metal_text(batch: list[Case]) -> None:
    kernels = standin.compile_many({str(c): c.compiled().metal_source for c in batch}, sanitize=True)
    for case in batch:
        kernel = kernels[str(case)]
        check(case, lambda arrays, k=kernel: k.run(arrays, grid=GRID, threads=THREADS), on_host=False)


@pytest.mark.parametrize("record", LANE_OPS, ids=lambda r: r["name"])
def test_record_of_an_operation_among_lanes_is_complete(record: dict[str, Any]) -> None:
    assert record["summary"] and record["section"] and record["has_host"] and record["msl"]
    assert record["name"] in LANE_REFERENCES
    reached = {t for template in record["msl"] for t in classes(template["types"])}
    assert set(record["types"]) - {"bf16"} <= reached


def test_every_reference_belongs_to_an_operation_among_lanes() -> None:
    assert set(LANE_REFERENCES) == set(BY_NAME)


def classes(words: str) -> list[str]:
    known = {
        "number": [*FLOATS, *INTEGERS],
        "any": [*DTYPES],
        "int": [*INTEGERS],
        "sint": ["i8", "i16", "i32", "i64"],
        "wide": ["i64", "u64"],
        "float": [*FLOATS],
    }
    return known.get(words, [words])
