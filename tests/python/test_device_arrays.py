# SPDX-License-Identifier: MIT
"""Arrays in a device's memory, and launches in the background on them."""

import ml_dtypes
import numpy as np
import pytest

import enigma
from marks import notes, sentence
from runtime_kernels import EXPECTED, N, X, Y, increment, saxpy


@pytest.fixture
def rt():
    return enigma.HostRuntime()


@pytest.fixture
def compiled():
    return enigma.compile(saxpy)


def test_kernels_chain_on_device_arrays(rt, compiled):
    x, y, out = rt.array(X), rt.array(Y), rt.empty(N)
    kernel = enigma.compile(increment)
    rt.launch(compiled, [x, 2.0, y, out], N, 256)
    for _ in range(10):
        rt.launch(kernel, [out], N, 256)
    rt.synchronize()
    assert np.array_equal(out.numpy(), EXPECTED + 10)


def test_numpy_waits_for_what_it_needs(rt):
    kernel = enigma.compile(increment)
    a = rt.empty((4, 5), enigma.f32)
    for _ in range(200):
        rt.launch(kernel, [a], 20, 20)
    assert a.numpy().tolist() == [[200.0] * 5] * 4


def test_device_arrays_know_themselves(rt):
    a = rt.empty((3, 4), np.int16)
    assert (a.shape, a.ndim, a.size, a.nbytes, a.dtype, len(a)) == ((3, 4), 2, 12, 24, enigma.i16, 3)
    assert repr(a) == "<enigma array of 3x4 i16>"
    assert not a.numpy().any()


def test_device_arrays_share_memory_through_dlpack(rt):
    a = rt.array(np.arange(6, dtype=np.float32).reshape(2, 3))
    shared = np.from_dlpack(a)
    assert shared.tolist() == [[0, 1, 2], [3, 4, 5]]
    rt.launch(enigma.compile(increment), [a], 6, 6)
    rt.synchronize()
    assert shared.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_device_arrays_become_numpy_arrays(rt):
    a = rt.array([1.0, 2.0], enigma.f32)
    assert np.asarray(a).tolist() == [1, 2]
    assert (np.ones(2) + np.asarray(a, np.float64)).tolist() == [2, 3]


def test_device_arrays_and_numpy_mix(rt, compiled):
    out = np.zeros(N, np.float32)
    rt.launch(compiled, [rt.array(X), 2.0, Y, out], N, 256)
    assert np.array_equal(out, EXPECTED)
    raw = rt.execute(compiled, [rt.array(X), 2.0, Y], N * 4, N, 256)
    assert np.array_equal(np.frombuffer(raw, np.float32), EXPECTED)


def test_an_error_in_the_background_arrives_at_synchronize(rt):
    a = rt.empty(4)
    rt.launch(enigma.compile(increment), [a], 5, 5)
    with pytest.raises(enigma.OutOfBoundsError):
        rt.synchronize()
    rt.synchronize()


def test_types_are_named_as_here_in_metal_or_in_numpy(rt):
    for name, expected in [
        ("f16", "f16"),
        ("float", "f32"),
        ("int", "i32"),
        ("Uint8", "u8"),
        ("float32", "f32"),
        (np.uint16, "u16"),
        (np.dtype("i8"), "i64"),
        (ml_dtypes.bfloat16, "bf16"),
        (bool, "b1"),
    ]:
        assert rt.empty(1, name).dtype.name == expected
    with pytest.raises(enigma.LaunchTypeError, match="no type is called 'flaot'"):
        rt.empty(1, "flaot")


def test_arrays_of_f64_are_refused(rt):
    with pytest.raises(enigma.LaunchTypeError) as caught:
        rt.array(np.ones(3))
    assert sentence(caught.value) == "Metal has no float64"
    assert notes(caught.value) == ["convert it: x.astype(numpy.float32)"]
