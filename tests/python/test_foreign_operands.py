# SPDX-License-Identifier: MIT
"""Operands that a kernel cannot know: device arrays, objects of other libraries, the matrix product."""

import numpy as np
import pytest

import enigma as en
from marks import marked, notes, refused, sentence

F = en.f32
device_array = en.HostRuntime().array(np.ones(3, np.float32))


class Stranger:
    """It has no operators."""


class Knowing:
    """It knows what to do with a value on its left."""

    def __radd__(self, left):
        return left + 1


stranger = Stranger()


def test_a_matrix_product_is_refused():
    def k(A: F, B: F, Out: F):
        Out[0] = A @ B

    def values(A: F, B: F, Out: F):
        Out[0] = A[0] @ 2

    for kernel, source in ((k, "A @ B"), (values, "A[0] @ 2")):
        error = refused(kernel)
        assert sentence(error) == "@: a thread has numbers, which have no matrix product"
        assert marked(error) == source
        assert "acc += A[row * n + k] * B[k * m + column]" in notes(error)[0]


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_device_array_is_no_operand(side):
    def left(A: F, Out: F):
        Out[0] = device_array * A[0]

    def right(A: F, Out: F):
        Out[0] = A[0] * device_array

    error = refused(locals()[side])
    assert sentence(error) == "*: needs a value or a number, got enigma.runtime.Array"
    assert marked(error) == {"left": "device_array * A[0]", "right": "A[0] * device_array"}[side]
    assert notes(error) == ["pass the device array as a buffer parameter of the kernel, and index that"]


def test_a_device_array_is_not_indexed_in_a_kernel():
    def k(A: F, Out: F):
        i = en.thread_position_in_grid
        Out[i] = device_array[i]

    error = refused(k)
    assert sentence(error) == "a device array of the program cannot be indexed in a kernel"
    assert marked(error) == "device_array[i]"


def test_a_device_array_is_not_indexed_outside_of_kernels():
    with pytest.raises(en.LaunchTypeError, match=r"a\.numpy\(\)\[\.\.\.\]"):
        device_array[0]
    with pytest.raises(en.LaunchTypeError, match=r"a\.numpy\(\)\[\.\.\.\]"):
        device_array[0] = 1


def test_an_unknown_object_is_no_operand():
    def k(A: F, Out: F):
        Out[0] = A[0] + stranger

    def left(A: F, Out: F):
        Out[0] = stranger - A[0]

    assert sentence(refused(k)) == f"+: needs a value or a number, got {__name__}.Stranger"
    assert marked(refused(k)) == "A[0] + stranger"
    assert sentence(refused(left)) == f"-: needs a value or a number, got {__name__}.Stranger"


def test_an_object_with_operators_of_its_own_is_asked():
    knowing = Knowing()

    @en.kernel
    def k(A: F, Out: F):
        Out[0] = A[0] + knowing

    assert "A[0u] + 1.0f" in en.compile(k).metal_source or "A[0] + 1.0f" in en.compile(k).metal_source


def test_functions_that_ask_for_truth_are_refused():
    def k(A: F, Out: F):
        Out[0] = sorted([A[0], A[1]])[0]

    error = refused(k)
    assert sentence(error).startswith("sorted() decides once while tracing")
    assert notes(error)[0].startswith("order two values")
