# SPDX-License-Identifier: MIT
"""Coordinates that can leave their mode are refused, and understood under the guards and in the loops that bound them."""

import numpy as np

import enigma
from tensor_launches import HOST, error_of, in_three_ways, vectors


def test_a_position_past_the_end_is_refused_and_a_guard_is_understood():
    tensors = [enigma.Tensor(n, i, "float", enigma.Layout(1000)) for i, n in enumerate("AB")]

    @enigma.jit
    def unguarded(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            b[i] = a[i] + 1.0

        inner(A, B).launch(grid=1024, block=256)

    message = error_of(unguarded, *tensors)
    assert "from 0 to 1023" in message and "1000 elements" in message


def test_a_guarded_position_is_understood():
    @enigma.jit
    def guarded(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            with enigma.if_(i < 1000):
                b[i] = a[i] + 1.0

        inner(A, B).launch(grid=1024, block=256)

    compiled = enigma.compile(guarded, *vectors(1000))
    a = np.arange(1000, dtype=np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (1000,)), a + 1)


def test_the_other_arm_of_a_guard_is_not_guarded():
    @enigma.jit
    def wrong_arm(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            if i < 1000:
                b[i] = a[i]
            else:
                b[i] = 0.0

        inner(A, B).launch(grid=1024, block=256)

    message = error_of(wrong_arm, *vectors(1000))
    assert "from 1000 to 1023" in message and "b[i] = 0.0" in message


def test_a_guard_ends_with_its_block():
    @enigma.jit
    def after(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            with enigma.if_(i < 1000):
                b[i] = a[i]
            b[i] = a[i]

        inner(A, B).launch(grid=1024, block=256)

    assert "from 0 to 1023" in error_of(after, *vectors(1000))


def test_a_remainder_that_a_guard_makes_trivial_is_taken_outside_of_it():
    """i % 1000 is i under the guard, and must not be remembered as i after it."""

    @enigma.jit
    def remainders(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            wrapped = i % 1000
            with enigma.if_(i < 1000):
                b[wrapped] = a[wrapped]
            b[wrapped] = a[wrapped] * 2.0

        inner(A, B).launch(grid=1024, block=256)

    compiled = enigma.compile(remainders, *vectors(1000))
    a = np.arange(1000, dtype=np.float32)
    out = np.frombuffer(HOST.execute(compiled, [a], 4000), np.float32)
    np.testing.assert_array_equal(out, a * 2)


def test_a_loop_that_runs_past_the_tiles_is_refused():
    @enigma.jit
    def too_far(A, B):
        gA = enigma.tensor_zipped_divide(A, 8)

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            total = 0.0
            with enigma.for_range(0, 9) as k:
                total = total + a[i, k]
            b[i] = total

        inner(gA, B).launch(grid=8, block=8)

    message = error_of(too_far, *vectors(64))
    assert "goes from 0 to 8" in message and "8 elements" in message


def test_a_part_that_a_loop_cut_is_refused_after_it():
    @enigma.jit
    def after(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            for k in enigma.range(4):
                part = a[None, k]
            b[i] = part[i]

        inner(A, B).launch(grid=16, block=16)

    A = enigma.Tensor("A", 0, "float", enigma.Layout((16, 32), (32, 1)))
    message = error_of(after, A, enigma.Tensor("B", 1, "float", enigma.Layout(16)))
    assert "part of the tensor A was cut by a value of a loop" in message and "b[i] = part[i]" in message


def test_a_tensor_is_not_chosen_by_a_traced_condition():
    @enigma.jit
    def chosen(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            part = a[i, None]
            if i < 3:
                part = a[0, None]
            b[i] = part[i]

        inner(A, B).launch(grid=16, block=16)

    A = enigma.Tensor("A", 0, "float", enigma.Layout((16, 32), (32, 1)))
    message = error_of(chosen, A, enigma.Tensor("B", 1, "float", enigma.Layout(16)))
    assert "which arm runs is not known while tracing" in message
