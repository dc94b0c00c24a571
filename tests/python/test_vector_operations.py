# SPDX-License-Identifier: MIT
"""Every elementwise operation on vectors of 2, 3 and 4 of every type it allows: NumPy's reference, the host and the
Metal text agree, as test_operations.py has it for scalars."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import enigma
from elements import DTYPES
from msl import standin
from references import Expected, reference
from samples import inputs
from test_operations import BATCH, PLAIN_CASES, Case, alone, empty_outputs
from ulps import assert_close
from vector_kernels import PER_THREAD, on_vectors, vector_type

# Conversions from and to b1 give and take vectors of b1; those have no bits.
CASES = [c for c in PLAIN_CASES if c.op != "cast" or "b1" not in (c.type, c.to)]
BATCHES = [
    pytest.param(CASES[at : at + BATCH], id=f"{CASES[at]}-and-on") for at in range(0, len(CASES), BATCH)
]


def scalars(case: Case) -> list[int]:
    """Operands that are one number for all components."""
    return [k for k, slot in enumerate(case.record["operand_slots"]) if slot == "u32"]


@functools.lru_cache(maxsize=4)
def expectation(case: Case) -> tuple[list[np.ndarray], Expected]:
    """At most some 1000 samples, and what must come out."""
    samples = inputs(case.record, case.type)
    step = max(1, len(samples[0]) // 1000)
    samples = [np.ascontiguousarray(x[::step]) for x in samples]
    count = len(samples[0]) // PER_THREAD * PER_THREAD
    samples = [x[:count] for x in samples]
    for k in scalars(case):
        samples[k] = np.repeat(samples[k][::PER_THREAD], PER_THREAD)
    types = {"to": case.to} if case.to else {}
    return samples, reference(case.op)(*samples, **types)


def kernel(case: Case) -> Any:
    function = case.callable
    if case.op == "cast":

        def function(x: Any) -> Any:
            return enigma.metal_cast(x, vector_type(case.to, len(x)))
    elif case.op == "as_type":

        def function(x: Any) -> Any:
            return enigma.as_type(x, vector_type(case.to, len(x)))

    return enigma.compile(on_vectors(function, case.operands, case.results, scalars(case)))


def check(case: Case, outputs: list[np.ndarray], where: str) -> None:
    samples, expected = expectation(case)
    for got, wanted in zip(outputs, expected.values, strict=True):
        assert_close(
            got,
            wanted,
            samples,
            case.ulp,
            what=f"{case} of vectors {where}",
            skip=expected.unspecified if where == "in Metal text" else False,
            either_zero=expected.either_zero,
            scale=expected.scale,
        )


@pytest.fixture(scope="module")
def host() -> Any:
    return enigma.HostRuntime()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operation_on_vectors_on_the_host(case: Case, host: Any) -> None:
    samples, _ = expectation(case)
    outputs = empty_outputs(case, len(samples[0]))
    host.launch(kernel(case), [*samples, *outputs], len(samples[0]) // PER_THREAD, 64)
    check(case, outputs, "on the host")


@pytest.mark.parametrize("cases", BATCHES)
def test_operations_on_vectors_in_metal_text(cases: list[Case]) -> None:
    texts = {str(c): kernel(c).metal_source for c in cases}
    try:
        kernels: dict[str, Any] = dict(standin.compile_many(texts, sanitize=True))
    except standin.StandInError:
        kernels = {name: alone(text) for name, text in texts.items()}
    failures = []
    for case in cases:
        samples, _ = expectation(case)
        outputs = empty_outputs(case, len(samples[0]))
        compiled = kernels[str(case)]
        try:
            if isinstance(compiled, standin.StandInError):
                raise compiled
            compiled.run([*samples, *outputs], grid=len(samples[0]) // PER_THREAD, threads=64)
            check(case, outputs, "in Metal text")
        except (AssertionError, standin.StandInError, standin.KernelError) as error:
            failures.append(f"{case}: {error}")
    assert not failures, "\n\n".join(failures)


def test_every_type_has_vectors_but_b1() -> None:
    assert {str(vector_type(name, n).name) for name in DTYPES if name != "b1" for n in (2, 3, 4)} == {
        f"{name}x{n}" for name in DTYPES if name != "b1" for n in (2, 3, 4)
    }
