# SPDX-License-Identifier: MIT
"""Truth values, Python numbers, containers and NumPy: what a traced value must not be, and what the error says."""

import math

import numpy as np
import pytest

import enigma as en
from marks import marked, notes, refused, sentence

F = en.f32
DECIDES = "decides once while tracing, but a traced value differs from thread to thread"


# ---- Truth values


def test_in_a_buffer_is_refused():
    def k(A: F, Out: F):
        Out[0] = 1 in A

    assert sentence(refused(k)) == "`in` cannot search a buffer"


def test_assert_is_refused():
    def k(A: F, Out: F):
        assert A[0] > 0
        Out[0] = 1

    error = refused(k)
    assert sentence(error) == f"`assert` {DECIDES}"
    assert marked(error) == "A[0] > 0"


def test_condition_of_a_comprehension_is_refused():
    def k(A: F, Out: F):
        Out[0] = sum([v for v in [A[0], A[1]] if v > 0])

    assert sentence(refused(k)) == f"the `if` of a comprehension {DECIDES}"


def test_match_is_refused():
    def k(A: F, Out: F):
        match A[0]:
            case 1:
                Out[0] = 2

    assert sentence(refused(k)) == f"`match` {DECIDES}"


def test_bool_is_refused():
    def k(A: F, Out: F):
        Out[0] = bool(A[0])

    assert sentence(refused(k)) == f"bool() {DECIDES}"


def test_a_swallowed_error_is_raised_by_compile():
    def k(A: F, Out: F):
        Out[0] = 1
        try:
            assert A[0] > 0
        except TypeError:
            Out[0] = 2

    assert sentence(refused(k)) == f"`assert` {DECIDES}"


# ---- Python numbers and containers


def test_int_is_refused():
    def k(A: F, Out: F):
        Out[0] = int(A[0])

    error = refused(k)
    assert sentence(error) == "int() needs a Python number, got a traced value"
    assert marked(error) == "int(A[0])"
    assert notes(error) == ["write enigma.i32(x)"]


def test_float_is_refused():
    def k(A: F, Out: F):
        Out[0] = float(A[0])

    error = refused(k)
    assert sentence(error) == "float() needs a Python number, got a traced value"
    assert "enigma.f32(x)" in notes(error)[0]


def test_round_is_refused():
    def k(A: F, Out: F):
        Out[0] = round(A[0])

    error = refused(k)
    assert sentence(error) == "round() needs a Python number, got a traced value"
    assert "enigma.rint(x)" in notes(error)[0]


@pytest.mark.parametrize("name", ["sin", "floor", "sqrt"])
def test_functions_of_math_are_refused_and_ours_named(name):
    function = getattr(math, name)

    def k(A: F, Out: F):
        Out[0] = function(A[0])

    def sine(A: F, Out: F):
        Out[0] = math.sin(A[0])

    assert sentence(refused(k)) == "float() needs a Python number, got a traced value"
    error = refused(sine)
    assert sentence(error) == "math.sin: works on Python numbers, got a traced value"
    assert marked(error) == "math.sin(A[0])"
    assert notes(error) == ["write enigma.sin(x)"]


def test_indexing_a_list_with_a_value_is_refused():
    def k(A: en.i32, Out: F):
        Out[0] = [1, 2, 3][A[0]]

    error = refused(k)
    assert sentence(error) == "a traced value cannot index a Python container: each thread has its own"
    assert marked(error) == "[1, 2, 3][A[0]]"


def test_iterating_a_value_is_refused():
    def k(A: F, Out: F):
        for x in A[0]:
            Out[0] = x

    error = refused(k)
    assert sentence(error) == "a traced value cannot be iterated: it is one number"
    assert marked(error) == "A[0]"


def test_iterating_a_buffer_is_refused():
    def k(A: F, Out: F):
        for x in A:
            Out[0] = x

    error = refused(k)
    assert sentence(error) == "a buffer cannot be iterated in a kernel"
    assert marked(error) == "A"


def test_length_of_a_buffer_is_refused():
    def k(A: F, Out: F):
        Out[0] = len(A)

    error = refused(k)
    assert sentence(error) == "a buffer has no length in a kernel"
    assert notes(error) == ["pass the number of elements as a Constexpr or Scalar parameter"]


def test_a_value_as_dict_key_is_refused():
    def k(A: F, Out: F):
        Out[0] = {A[0]: 1}

    assert sentence(refused(k)) == "a traced value cannot be a key of a dict or a member of a set"


def test_indexing_a_value_is_refused():
    def k(A: F, alpha: en.Scalar(F), Out: F):
        Out[0] = alpha[0]

    error = refused(k)
    assert sentence(error) == "a traced value cannot be indexed: it is one number"
    assert marked(error) == "alpha[0]"


# ---- NumPy


def test_numpy_functions_are_refused_and_ours_named():
    def k(A: F, Out: F):
        Out[0] = np.sin(A[0])

    error = refused(k)
    assert sentence(error) == "np.sin: works on arrays, got a traced value"
    assert marked(error) == "np.sin(A[0])"
    assert notes(error) == ["write enigma.sin(...)"]


def test_numpy_reductions_are_refused_at_the_users_line():
    def k(A: F, Out: F):
        Out[0] = np.sum(A[0])

    error = refused(k)
    assert sentence(error) == "np.sum: works on arrays, got a traced value"
    assert marked(error) == "np.sum(A[0])"


def test_asarray_is_refused():
    def k(A: F, Out: F):
        Out[0] = np.asarray(A[0])

    assert (
        sentence(refused(k))
        == "a traced value cannot become a NumPy array: its numbers exist only when the kernel runs"
    )


@pytest.mark.parametrize("swap", [False, True])
def test_numpy_arrays_are_no_operands(swap):
    ones = np.ones(3, np.float32)

    def k(A: F, Out: F):
        Out[0] = ones + A[0] if swap else A[0] + ones

    error = refused(k)
    assert sentence(error) == "+: needs a value or a number, got numpy.ndarray"
    assert notes(error) == ["pass the array as a buffer parameter of the kernel, and index that"]
