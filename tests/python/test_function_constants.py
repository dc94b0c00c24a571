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


def test_a_pipeline_takes_its_number_and_the_text_stays() -> None:
    compiled = enigma.compile(scaled)
    assert compiled.function_constants == {"FACTOR": enigma.f32}
    special = compiled.specialize({"FACTOR": 0.5})
    assert special.function_constants == {} and special.metal_source == compiled.metal_source
    assert len({compiled.key, special.key, compiled.specialize({3: 0.25}).key}) == 3
    for kernel, factor in ((compiled, 2.0), (special, 0.5), (compiled.specialize({3: 0.25}), 0.25)):
        a, out, defined = arrays()
        on_host(kernel, [a, out, defined])
        np.testing.assert_array_equal(out, a * factor)
        assert defined.all() == (factor != 2.0) and defined.any() == (factor != 2.0)


def test_compile_and_pipeline_share_the_work() -> None:
    half = enigma.compile(tail, function_constants={"NEGATE": False})
    assert half.function_constants == {"constant_1": enigma.i32}
    a, out = np.arange(N, dtype=np.int32), np.zeros(N, np.int32)
    on_host(half.specialize({1: -3}), [a, out])
    np.testing.assert_array_equal(out, a - 3)
    both = enigma.compile(tail).specialize({0: False}).specialize({"constant_1": 4})
    on_host(both, [a, out])
    np.testing.assert_array_equal(out, a + 4)


@enigma.jit
def twice_scaled(A: enigma.Tensor, Out: enigma.Tensor):
    between = enigma.scratch(64, enigma.f32, name="between")

    @enigma.kernel
    def first(a, b):
        i = enigma.thread_position_in_grid
        b[i] = a[i] * enigma.function_constant(enigma.f32, 0, "ONE", default=1.0)

    @enigma.kernel
    def second(b, out):
        i = enigma.thread_position_in_grid
        out[i] = b[i] * enigma.function_constant(enigma.f32, 1, "TWO", default=1.0)

    first(A, between).launch(grid=64, block=32)
    second(between, Out).launch(grid=64, block=32)


def test_launches_of_a_jit_function_take_their_numbers() -> None:
    layout = enigma.make_layout((64,), (1,))
    A, Out = (enigma.Tensor(name, i, enigma.f32, layout) for i, name in enumerate(("A", "Out")))
    a, out = np.arange(64, dtype=np.float32), np.zeros(64, np.float32)
    compiled = enigma.compile(twice_scaled, A, Out)
    assert compiled.function_constants == {"ONE": enigma.f32, "TWO": enigma.f32}
    bound = enigma.compile(twice_scaled, A, Out, function_constants={"TWO": 5})
    assert "TWO" not in bound.metal_source and bound.function_constants == {"ONE": enigma.f32}
    for kernel, factor in (
        (compiled, 1),
        (compiled.specialize({"ONE": 2, 1: 3}), 6),
        (bound, 5),
        (bound.specialize({"ONE": 4}), 20),
    ):
        enigma.HostRuntime().launch(kernel, [a, out])
        np.testing.assert_array_equal(out, factor * a)
    for wrong in (
        lambda: enigma.compile(twice_scaled, A, Out, function_constants={"THREE": 3}),
        lambda: compiled.specialize({"THREE": 3}),
    ):
        with pytest.raises(
            enigma.CompileError, match="jit function twice_scaled: no function constant 'THREE'"
        ) as e:
            wrong()
        assert "its kernels declare ONE, TWO" in str(e.value)
    with pytest.raises(
        enigma.CompileError, match="function constant 1 has its number already, from the compile"
    ):
        bound.specialize({"TWO": 3})


# ---- Errors


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Factor": 1}, "kernel scaled: no function constant 'Factor'\nnote: it declares FACTOR"),
        ({4: 1}, "kernel scaled: no function constant 4\nnote: it declares FACTOR"),
        ({True: 1}, "kernel scaled: no function constant True\nnote: it declares FACTOR"),
        ({2**70: 1}, f"kernel scaled: no function constant {2**70}\nnote: it declares FACTOR"),
        ({"FACTOR": "x"}, "kernel scaled: function constant FACTOR is f32, got str"),
        ({"FACTOR": 1e300}, "kernel scaled: function constant FACTOR is f32, got 1e+300"),
        ({"FACTOR": 1, 3: 2}, "kernel scaled: function constant FACTOR is given twice, by its name and by its index"),
    ],
)  # fmt: skip
def test_a_number_that_a_pipeline_cannot_take_is_an_error(given: Any, message: str) -> None:
    with pytest.raises(enigma.CompileError) as e:
        enigma.compile(scaled).specialize(given)
    assert str(e.value) == message


def test_numbers_come_as_a_dict() -> None:
    with pytest.raises(TypeError, match="function_constants must be a dict, got list"):
        enigma.compile(scaled).specialize([1])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="function_constants must be a dict, got list"):
        enigma.compile(scaled, function_constants=[1])  # type: ignore[arg-type]


def test_a_number_is_given_once() -> None:
    bound = enigma.compile(scaled, function_constants={"FACTOR": 1})
    with pytest.raises(
        enigma.CompileError, match="function constant 3 has its number already, from the compile"
    ):
        bound.specialize({"FACTOR": 1})
    with pytest.raises(enigma.CompileError, match="function constant 3 has its number already"):
        enigma.compile(scaled).specialize({"FACTOR": 1}).specialize({"FACTOR": 1})


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
