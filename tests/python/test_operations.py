# SPDX-License-Identifier: MIT
"""Every elementwise operation on every type it allows: NumPy's reference, the host and the Metal text agree.

One kernel is made for each function and type through the public interface. It runs on the host, and its Metal
text runs in the stand-in (tests/msl), both with vec_width 1 and 4, on the samples of the operation's record
and within the tolerance that the record states; f16 and bf16 may be off by one.
"""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import enigma
from elements import DTYPES, FLOATS, INTEGERS, unsigned, width
from msl import standin
from operation_kernels import elementwise
from references import REFERENCES, Expected, reference
from samples import inputs
from ulps import assert_close

RECORDS: list[dict[str, Any]] = json.loads((Path(enigma.__file__).parent / "_ops.json").read_text())
ELEMENTWISE = [r for r in RECORDS if r["elementwise"]]
BY_NAME = {r["name"]: r for r in RECORDS}
# Operations that only an operator of Python reaches.
OPERATORS: dict[str, Callable[..., Any]] = {"ipow": operator.pow}
BATCH = 50


@dataclass(frozen=True)
class Case:
    """A Python function on one type. `to` is the result type of conversions."""

    op: str
    function: str
    type: str
    to: str = ""
    mode: str = ""

    def __str__(self) -> str:
        return "-".join(part for part in (self.mode, self.function, self.type, self.to) if part)

    @property
    def record(self) -> dict[str, Any]:
        return BY_NAME[self.op]

    @property
    def operands(self) -> list[str]:
        return [self.type if s in ("T", "I") else s for s in self.record["operand_slots"]] or [self.type]

    @property
    def results(self) -> list[str]:
        slots = {"T": self.type, "U": unsigned(self.type) if self.type in INTEGERS else ""}
        return [self.to] if self.to else [slots.get(s, s) for s in self.record["result_slots"]]

    @property
    def callable(self) -> Callable[..., Any]:
        if self.op == "cast":
            return getattr(enigma, self.to)
        if self.op == "as_type":
            return lambda x: enigma.as_type(x, getattr(enigma, self.to))
        if self.op in OPERATORS:
            return OPERATORS[self.op]
        return getattr(getattr(enigma, self.mode) if self.mode else enigma, self.function)

    @property
    def ulp(self) -> int:
        if self.to:
            return 0
        if self.mode == "fast":
            return 64  # Metal states the error of its fast functions for some of them only
        return 1 if self.type in ("f16", "bf16") else self.record["ulp"]

    def compiled(self, vec_width: int) -> Any:
        types = [getattr(enigma, t) for t in self.operands], [getattr(enigma, t) for t in self.results]
        return enigma.compile(elementwise(self.callable, *types), vec_width=vec_width)

    def check(self, outputs: list[np.ndarray], where: str) -> None:
        samples, expected = expectation(self)
        for got, wanted in zip(outputs, expected.values, strict=True):
            assert_close(
                got,
                wanted,
                samples,
                self.ulp,
                what=f"{self} {where}",
                skip=expected.unspecified if where == "in Metal text" else False,
                either_zero=expected.either_zero,
                scale=expected.scale,
            )


@functools.lru_cache(maxsize=4)
def expectation(case: Case) -> tuple[list[np.ndarray], Expected]:
    """The samples, a multiple of four of each, and what must come out."""
    samples = inputs(case.record, case.type)
    samples = [np.ascontiguousarray(x[: len(x) // 4 * 4]) for x in samples]
    types = {"to": case.to} if case.to else {}
    return samples, reference(case.op)(*samples, **types)


def function_cases() -> list[Case]:
    cases = []
    for r in ELEMENTWISE:
        if r["kind"] != "slots":
            continue
        functions = r["functions"] or [{"name": r["name"], "types": r["types"]}]
        cases += [Case(r["name"], f["name"], t) for f in functions for t in f["types"]]
        if r["modal"]:
            cases += [
                Case(r["name"], r["python"], t, mode=m) for m in ("fast", "precise") for t in r["types"]
            ]
    return cases


def conversion_cases() -> list[Case]:
    casts = [Case("cast", "cast", a, b) for a in DTYPES for b in DTYPES]
    same = [t for t in DTYPES if t != "b1"]
    bits = [Case("as_type", "as_type", a, b) for a in same for b in same if width(a) == width(b) and a != b]
    return casts + bits


CASES = function_cases() + conversion_cases()


# Aliases and the fast and precise forms share all that a vector width changes with the function itself.
PLAIN_CASES = [c for c in CASES if not c.mode and c.function in (c.record["python"], c.op)]
BATCHES = [
    pytest.param(cases[at : at + BATCH], vec_width, id=f"vec_width={vec_width}-{cases[at]}-and-on")
    for vec_width, cases in ((1, CASES), (4, PLAIN_CASES))
    for at in range(0, len(cases), BATCH)
]


def metal_kernels(cases: list[Case], vec_width: int) -> dict[str, Any]:
    """The Metal text of each case, compiled by one clang; overflow of signed integers is an error in it.

    Where one of them is wrong each is compiled by itself, and the error stands in the place of the kernel.
    """
    texts = {str(c): c.compiled(vec_width).metal_source for c in cases}
    try:
        return dict(standin.compile_many(texts, sanitize=True))
    except standin.StandInError:
        return {name: alone(text) for name, text in texts.items()}


def alone(text: str) -> Any:
    try:
        return standin.compile(text, sanitize=True)
    except standin.StandInError as error:
        return standin.StandInError(f"{error}\n{text}")


def empty_outputs(case: Case, count: int) -> list[np.ndarray]:
    return [np.zeros(count, DTYPES[t]) for t in case.results]


@pytest.fixture(scope="module")
def host() -> Any:
    return enigma.HostRuntime()


@pytest.mark.parametrize(
    ("vec_width", "case"), [(1, c) for c in CASES] + [(4, c) for c in PLAIN_CASES], ids=str
)
def test_operation_on_the_host(case: Case, vec_width: int, host: Any) -> None:
    samples, _ = expectation(case)
    outputs = empty_outputs(case, len(samples[0]))
    # The last threadgroup is partial.
    host.launch(
        case.compiled(vec_width), [*samples, *outputs], (len(samples[0]) // vec_width, 1, 1), (96, 1, 1)
    )
    case.check(outputs, "on the host")


@pytest.mark.parametrize(("cases", "vec_width"), BATCHES)
def test_operations_in_metal_text(cases: list[Case], vec_width: int) -> None:
    kernels = metal_kernels(cases, vec_width)
    failures = []
    for case in cases:
        samples, _ = expectation(case)
        outputs = empty_outputs(case, len(samples[0]))
        kernel = kernels[str(case)]
        try:
            if isinstance(kernel, standin.StandInError):
                raise kernel
            kernel.run([*samples, *outputs], grid=len(samples[0]) // vec_width, threads=96)
            case.check(outputs, "in Metal text")
        except (AssertionError, standin.StandInError, standin.KernelError) as error:
            failures.append(f"{case}: {error}")
    assert not failures, "\n\n".join(failures)


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r["name"])
def test_record_is_complete(record: dict[str, Any]) -> None:
    assert record["summary"], "no summary"
    if not record["elementwise"]:
        return
    assert record["section"], "no section of the Metal specification"
    assert record["name"] in REFERENCES, "no NumPy reference in references.py"
    assert record["has_host"], "no host lowering"
    assert record["msl"] or record["kind"] == "cast", "no MSL template"
    for name in record["types"]:
        for values in inputs(record, name):
            assert len(values) >= 2, "no samples"
        # bf16 is computed on floats where Metal has no form on bfloat.
        reached = {t for template in record["msl"] for t in template_types(template["types"])}
        if record["msl"] and (name != "bf16" or record["bf16_native"]):
            assert name in reached, f"no MSL template for {name}"


def template_types(words: str) -> list[str]:
    """The types for which a class of MSL templates serves scalars."""
    signed = [t for t in INTEGERS if t.startswith("i")]
    classes = {
        "float": [*FLOATS],
        "int": [*INTEGERS],
        "sint": signed,
        "checked": signed,
        "number": [*FLOATS, *INTEGERS],
        "any": [*DTYPES],
        "narrow": ["i8", "u8", "i16", "u16"],
        "wraps": ["i32", "i64"],
        "mask": [],  # these are for vectors only
        "vector": [],
        "sint vector": [],
    }
    return classes.get(words, [words])


def test_every_reference_belongs_to_an_operation() -> None:
    assert {r["name"] for r in ELEMENTWISE} == set(REFERENCES)


def test_every_function_of_the_table_is_in_the_package() -> None:
    for record in ELEMENTWISE:
        for function in record["functions"]:
            assert callable(getattr(enigma, function["name"])), function["name"]
        if record["modal"]:
            assert callable(getattr(enigma.fast, record["python"]))
            assert callable(getattr(enigma.precise, record["python"]))


def test_fract_is_below_one_also_where_rounding_would_reach_it(host: Any) -> None:
    """A tolerance of one ulp would let 1 pass."""
    for name in FLOATS:
        x = np.array([-1e-7, -1e-12, -1e-3, 0.5], np.float32).astype(DTYPES[name])
        result = np.zeros_like(x)
        case = Case("fract", "fract", name)
        host.launch(case.compiled(1), [x, result], (4, 1, 1), (4, 1, 1))
        assert (result.astype(np.float32) < 1).all(), name
