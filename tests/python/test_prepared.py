# SPDX-License-Identifier: MIT
"""Prepared launches: arguments bound once, run many times."""

import numpy as np
import pytest

import enigma
from runtime_kernels import EXPECTED, N, X, Y, increment, saxpy, sum_and_difference


@pytest.fixture
def rt():
    return enigma.HostRuntime()


@pytest.fixture
def compiled():
    return enigma.compile(saxpy)


def test_a_prepared_kernel_runs_again_and_again(rt, compiled):
    with rt.prepare(compiled, inputs=[X, 2.0, Y], output_size=N * 4) as prepared:
        prepared.dispatch(grid=(N, 1, 1), threads=(256, 1, 1))
        assert np.array_equal(prepared.read_output(dtype=np.float32), EXPECTED)
        assert prepared.read_output() == EXPECTED.tobytes()
        assert np.array_equal(prepared.read_output(enigma.f32), EXPECTED)
        prepared.write_input(1, 4.0)
        prepared.write_input(2, X)
        prepared.dispatch(N, 256)
        assert np.array_equal(prepared.read_output(np.float32), 5 * X)


def test_dispatch_timed_gives_milliseconds(rt, compiled):
    prepared = rt.prepare(compiled, [X, 2.0, Y], N * 4)
    elapsed = prepared.dispatch_timed(grid=(N, 1, 1), threads=(256, 1, 1))
    assert 0 < elapsed < 10_000
    assert np.array_equal(prepared.read_output(np.float32), EXPECTED)


def test_a_prepared_kernel_copies_its_inputs(rt, compiled):
    x = X.copy()
    prepared = rt.prepare(compiled, [x, 2.0, Y], N * 4)
    x[:] = 0
    prepared.dispatch(N, 256)
    assert np.array_equal(prepared.read_output(np.float32), EXPECTED)


def test_outputs_of_a_prepared_kernel_have_numbers(rt):
    prepared = rt.prepare(enigma.compile(sum_and_difference), [X, Y], [N * 4, N * 4])
    prepared.dispatch(N, 100)
    assert np.array_equal(prepared.read_output(np.float32, index=1), X - Y)
    with pytest.raises(enigma.LaunchError, match="has outputs 0 to 1, got 2"):
        prepared.read_output(index=2)


def test_a_released_kernel_says_so(rt, compiled):
    prepared = rt.prepare(compiled, [X, 2.0, Y], N * 4)
    prepared.release()
    prepared.release()
    for use in (lambda: prepared.dispatch(N, 256), prepared.read_output, lambda: prepared.write_input(0, X)):
        with pytest.raises(enigma.LaunchError, match="saxpy: the prepared kernel is released"):
            use()


def test_write_input_wants_the_same_size(rt, compiled):
    prepared = rt.prepare(compiled, [X, 2.0, Y], N * 4)
    with pytest.raises(enigma.LaunchError, match=r"saxpy: parameter X was prepared with 4000 bytes, got 40"):
        prepared.write_input(0, X[:10])
    with pytest.raises(enigma.LaunchError, match=r"has inputs 0 to 2, got 3"):
        prepared.write_input(3, X)
    with pytest.raises(enigma.LaunchTypeError, match=r"parameter X needs an array of f32, got float64"):
        prepared.write_input(0, X.astype(np.float64))


def test_read_output_needs_a_fitting_type(rt):
    prepared = rt.prepare(enigma.compile(increment), [], 4)
    with pytest.raises(enigma.LaunchError, match="output 0 has 4 bytes, which is no multiple of 8"):
        prepared.read_output(np.float64)
