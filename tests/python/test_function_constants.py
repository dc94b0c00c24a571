# SPDX-License-Identifier: MIT
"""Function constants: open in the text, bound at compile, with defaults on a device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import enigma
from marks import marked, notes, refused, sentence
from msl import standin

N = 40


@enigma.kernel
def scaled(A: enigma.f32, Out: enigma.f32, Defined: enigma.b1):
    i = enigma.thread_position_in_grid
    factor = enigma.function_constant(enigma.f32, 3, "FACTOR", default=2.0)
    Out[i] = A[i] * factor
    Defined[i] = enigma.is_function_constant_defined(factor)


@enigma.kernel
def tail(A: enigma.i32, Out: enigma.i32):
    i = enigma.thread_position_in_grid
    if enigma.function_constant(enigma.b1, 0, "NEGATE"):
        Out[i] = -A[i]
    else:
        Out[i] = A[i] + enigma.function_constant(enigma.i32, 1)


def on_host(compiled: Any, arrays: list[np.ndarray]) -> None:
    enigma.HostRuntime().launch(compiled, arrays, (N, 1, 1), (32, 1, 1))


def arrays() -> list[np.ndarray]:
    return [np.arange(N, dtype=np.float32), np.zeros(N, np.float32), np.zeros(N, bool)]


def test_the_text_leaves_the_number_open() -> None:
    source = enigma.compile(scaled).metal_source
    assert "constant float FACTOR_given [[function_constant(3)]];" in source
    assert (
        "constant float FACTOR = is_function_constant_defined(FACTOR_given) ? FACTOR_given : 2.0f;" in source
    )
    assert "A[i] * FACTOR" in source
    source = enigma.compile(tail).metal_source
    assert "constant bool NEGATE [[function_constant(0)]];" in source
    assert "constant int constant_1 [[function_constant(1)]];" in source
    assert "if (NEGATE)" in source


@pytest.mark.parametrize("given", [None, 0.5])
def test_metal_text_takes_the_number_or_its_default(given: float | None) -> None:
    a, out, defined = arrays()
    constants = {} if given is None else {"k": {3: given}}
    library = standin.compile_many({"k": enigma.compile(scaled).metal_source}, constants=constants)
    library["k"].run([a, out, defined], grid=N, threads=32)
    np.testing.assert_array_equal(out, a * (given or 2.0))
    assert defined.all() == (given is not None)


@pytest.mark.parametrize(("given", "factor"), [(None, 2.0), ({"FACTOR": 0.5}, 0.5), ({3: -1}, -1.0)])
def test_a_compile_binds_by_name_or_index(given: Any, factor: float) -> None:
    a, out, defined = arrays()
    compiled = enigma.compile(scaled, function_constants=given)
    on_host(compiled, [a, out, defined])
    np.testing.assert_array_equal(out, a * factor)
    assert defined.all() == (given is not None) and defined.any() == (given is not None)
    if given is not None:
        assert "function_constant" not in compiled.metal_source
        text = [a, np.zeros_like(out), np.zeros_like(defined)]
        standin.compile(compiled.metal_source).run(text, grid=N, threads=32)
        np.testing.assert_array_equal(text[1], out)


def test_numbers_are_part_of_the_key() -> None:
    keys = [enigma.compile(scaled, function_constants=g).key for g in (None, {3: 1.0}, {3: 2.0}, {3: 1.0})]
    assert len(set(keys)) == 3 and keys[1] == keys[3]


def test_a_bound_condition_takes_one_arm() -> None:
    compiled = enigma.compile(tail, function_constants={"NEGATE": True, "constant_1": 7})
    assert "if (" not in compiled.metal_source
    a, out = np.arange(N, dtype=np.int32), np.zeros(N, np.int32)
    on_host(compiled, [a, out])
    np.testing.assert_array_equal(out, -a)
    on_host(enigma.compile(tail, function_constants={0: False, 1: 7}), [a, out])
    np.testing.assert_array_equal(out, a + 7)


# ---- Errors


def test_a_number_that_is_missing_is_an_error_at_the_launch() -> None:
    compiled = enigma.compile(tail, function_constants={0: True})
    a, out = np.arange(N, dtype=np.int32), np.zeros(N, np.int32)
    with pytest.raises(enigma.CompileError, match='function constant 0 "NEGATE" has no value'):
        on_host(enigma.compile(tail), [a, out])
    assert not out.any()
    # The other arm, and its constant, are gone from the text but not from the trace.
    with pytest.raises(enigma.CompileError, match='function constant 1 "constant_1" has no value'):
        on_host(compiled, [a, out])


def test_an_unknown_name_is_an_error() -> None:
    error = refused(scaled, enigma.CompileError, function_constants={"Factor": 1})
    assert sentence(error) == "kernel scaled: no function constant 'Factor'"
    assert notes(error) == ["it declares FACTOR"]


def test_a_number_that_does_not_fit_is_an_error() -> None:
    error = refused(tail, enigma.CompileError, function_constants={1: 2**31})
    assert sentence(error) == "kernel tail: function constant constant_1 is i32, got 2147483648"


def test_one_index_for_two_types_is_an_error() -> None:
    def k(Out: enigma.f32):
        x = enigma.function_constant(enigma.f32, 0, "X")
        Out[0] = x + enigma.function_constant(enigma.f32, 0, "Y")

    error = refused(k)
    assert 'function constant 0 "Y" is declared otherwise before, as function constant 0 "X"' in str(error)
    assert marked(error) == 'enigma.function_constant(enigma.f32, 0, "Y")'


def test_a_default_that_does_not_fit_is_an_error() -> None:
    def k(Out: enigma.u32):
        Out[0] = enigma.function_constant(enigma.u32, 0, "X", default=-1)

    assert sentence(refused(k)) == "function_constant: the default -1 does not fit u32"


def test_only_a_function_constant_can_be_defined() -> None:
    def k(A: enigma.f32, Out: enigma.b1):
        Out[0] = enigma.is_function_constant_defined(A[0])

    assert sentence(refused(k)).startswith("is_function_constant_defined: needs what function_constant gave")
