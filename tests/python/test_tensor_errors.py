# SPDX-License-Identifier: MIT
"""Launches of a jit function that cannot be meant: each says what is wrong, at the user's line."""

import numpy as np
import pytest

import enigma
from tensor_launches import error_of, in_three_ways, matrices, tiled_add, vectors


def test_a_tile_larger_than_the_tensor_is_refused():
    message = error_of(tiled_add, *matrices(8, 512))
    assert "tiler exceeds tensor" in message
    assert "16" in message and "8" in message
    assert "tensor_launches.py" in message


def test_an_unbound_parameter_is_named():
    @enigma.jit
    def forgets(A, B):
        @enigma.kernel
        def inner(source, target):
            target.store(source.load())

        inner.launch(A, grid=1, block=1)  # target is missing

    message = error_of(forgets, *matrices(2, 2, count=2))
    assert "target" in message and "unbound" in message and "source" not in message.split("\n")[0]
    assert "inner.launch(A, grid=1, block=1)" in message


def test_a_grid_in_threadgroups_is_refused_with_both_sizes():
    @enigma.jit
    def small_grid(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            b[i] = a[i]

        inner(A, B).launch(grid=4, block=4)

    tensors = [enigma.Tensor(n, i, "float", enigma.Layout(1024)) for i, n in enumerate("AB")]
    message = error_of(small_grid, *tensors)
    assert "4 of the 1024 elements of B" in message
    assert "grid counts all threads" in message


def test_a_grid_position_in_place_of_a_group_is_refused():
    @enigma.jit
    def confused(mA, mB, mC):
        tiler, tv = enigma.make_layout_tv(enigma.Layout((4, 64), (64, 1)), enigma.Layout((4, 4), (4, 1)))
        gA, gC = (enigma.tensor_zipped_divide(t, tiler) for t in (mA, mC))

        @enigma.kernel
        def inner(a, c):
            tile = enigma.thread_position_in_grid
            thread = enigma.thread_position_in_threadgroup("x")
            x = enigma.tensor_composition(a[(None, None), tile], tv)[thread, None]
            enigma.tensor_composition(c[(None, None), tile], tv)[thread, None].store(x.load())

        inner(gA, gC).launch(grid=8192, block=256)

    message = error_of(confused, *matrices(256, 512))
    assert "goes from 0 to 8191" in message and "32 (16,2)" in message
    assert "a[(None, None), tile]" in message


@enigma.kernel
def copy_element(a, b):
    i = enigma.thread_position_in_grid
    b[i] = a[i]


def bind_only(A, B):
    copy_element(A, B).launch(grid=64, block=64)
    copy_element(A, B)


def too_many_threads(A, B):
    copy_element(A, B).launch(grid=64, block=(64, 32))


def no_block(A, B):
    copy_element(A, B).launch(grid=64)


def empty_grid(A, B):
    copy_element(A, B).launch(grid=(64, 0), block=1)


def unknown_parameter(A, B):
    copy_element(A, c=B).launch(grid=64, block=64)


def too_many_arguments(A, B):
    copy_element.launch(A, B, 3, grid=64, block=64)


def launches_nothing(A, B):
    pass


def gives_a_result(A, B):
    copy_element(A, B).launch(grid=64, block=64)
    return B


def a_float_coordinate(A, B):
    @enigma.kernel
    def inner(a, b):
        b[enigma.thread_position_in_grid * 0.5] = a[0]

    inner(A, B).launch(grid=64, block=64)


def adds_memory(A, B):
    @enigma.kernel
    def inner(a, b):
        b.store(a + b)

    inner(A, B).launch(grid=1, block=1)


def another_shape(A, B):
    @enigma.kernel
    def inner(a, b):
        b.store(enigma.tensor_zipped_divide(a, 4)[None, 0].load())

    inner(A, B).launch(grid=1, block=1)


def launches_in_a_kernel(A, B):
    @enigma.kernel
    def inner(a, b):
        copy_element(a, b).launch(grid=1, block=1)

    inner(A, B).launch(grid=1, block=1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (bind_only, r"copy_element\(...\) binds arguments, but is not launched"),
        (too_many_threads, "a threadgroup has at most 1024 threads"),
        (no_block, "block is missing"),
        (empty_grid, "grid must be at least 1 in each dimension"),
        (unknown_parameter, "it has no parameter c"),
        (too_many_arguments, "it has the parameters a, b, got 3 arguments"),
        (launches_nothing, "launches no kernel"),
        (gives_a_result, "returns a value"),
        (a_float_coordinate, "a coordinate must be an integer, got f32"),
        (adds_memory, "the tensor A is memory: compute with its elements"),
        (another_shape, "the tensor has the shape"),
        (launches_in_a_kernel, "works only while a jit function is compiled"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_a_mistaken_launch_says_what_is_wrong(function, message):
    with pytest.raises(TypeError if function is adds_memory else enigma.EnigmaError, match=message):
        enigma.compile(enigma.jit(function), *vectors(64))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (("B", 2), "B has buffer_index 2, but none has 1"),
        (("B", 0), "A and B both have buffer_index 0"),
        (("A", 1), "two tensors are called A"),
    ],
)
def test_buffers_are_counted_without_gaps(second, message):
    tensors = [enigma.Tensor("A", 0, "float", 64), enigma.Tensor(*second, "float", 64)]
    assert message in error_of(enigma.jit(launches_nothing), *tensors)


def test_parameters_may_have_defaults_and_be_given_by_name():
    @enigma.kernel
    def inner(a, b, by=2.0, *, plus=1.0):
        i = enigma.thread_position_in_grid
        b[i] = a[i] * by + plus

    @enigma.jit
    def function(A, B):
        inner(A, b=B, by=3.0).launch(grid=8, block=8)

    compiled = enigma.compile(function, *vectors(8))
    a = np.arange(8, dtype=np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (8,)), 3 * a + 1)

    @enigma.jit
    def forgets(A, B):
        inner(A).launch(grid=8, block=8)

    assert "leaves the parameter b unbound" in error_of(forgets, *vectors(8))


def test_a_kernel_of_any_number_of_tensors_is_refused():
    @enigma.kernel
    def inner(*tensors):
        tensors[1].store(tensors[0].load())

    @enigma.jit
    def function(A, B):
        inner(A, B).launch(grid=1, block=1)

    assert "*args and **kwargs have no meaning for a kernel" in error_of(function, *vectors(8))
