# SPDX-License-Identifier: MIT
"""Memory shared with other libraries: device arrays on foreign memory and foreign arrays on device memory. PyTorch, MLX
and JAX where they are installed (requirements/arrays.in); a DLPack producer of our own always."""

import gc
import importlib
import sys
import weakref

import numpy as np
import pytest

import enigma


@enigma.kernel
def double(A: enigma.f32):
    i = enigma.thread_position_in_grid
    A[i] = A[i] * 2


@enigma.kernel
def add(A: enigma.f32, B: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    Out[i] = A[i] + B[i]


class Producer:
    """An array that has nothing but DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.fixture
def rt():
    return enigma.HostRuntime()


def test_a_producers_memory_is_used_in_place(rt):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    shared = rt.from_dlpack(Producer(array))
    assert shared.shape == (2, 3)
    assert shared.dtype is enigma.f32
    rt.launch(enigma.compile(double), [shared], grid=6, threads=6)
    rt.synchronize()
    assert np.array_equal(array, [[0, 2, 4], [6, 8, 10]])
    array[0, 0] = 5
    assert shared.numpy()[0, 0] == 5


def test_a_producer_is_an_argument_without_a_copy(rt):
    array = np.ones(4, np.float32)
    rt.launch(enigma.compile(double), [Producer(array)], grid=4, threads=4)
    assert np.array_equal(array, [2, 2, 2, 2])


def test_the_owner_lives_as_long_as_it_is_used(rt):
    class Owner(np.ndarray):
        pass

    array = np.ones(1000, np.float32).view(Owner)
    watch = weakref.ref(array)
    shared = rt.from_dlpack(array)
    del array
    gc.collect()
    assert watch() is not None
    compiled = enigma.compile(double)
    for _ in range(50):
        rt.launch(compiled, [shared], grid=1000, threads=100)
    del shared
    rt.synchronize()
    gc.collect()
    assert watch() is None


@pytest.mark.parametrize("name", ["b1", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32"])
def test_every_type_goes_both_ways(rt, name):
    array = np.arange(4).astype(enigma.dtypes.numpy_dtype(getattr(enigma, name)))
    shared = rt.from_dlpack(array)
    assert shared.dtype.name == name
    back = np.from_dlpack(shared)
    assert back.dtype == array.dtype
    assert back.ctypes.data == array.ctypes.data


def test_read_only_memory_is_not_written(rt):
    array = np.ones(4, np.float32)
    array.flags.writeable = False
    shared = rt.from_dlpack(array)
    out = rt.empty(4)
    rt.launch(enigma.compile(add), [shared, shared, out], grid=4, threads=4)
    assert np.array_equal(out.numpy(), [2, 2, 2, 2])
    with pytest.raises(
        enigma.LaunchError, match="parameter A is written by the kernel, got read-only memory"
    ):
        rt.launch(enigma.compile(double), [shared], grid=4, threads=4)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (np.ones((4, 4), np.float32).T[1:], enigma.LaunchError, "contiguous array in C order"),
        (np.ones(4, np.float64), enigma.LaunchTypeError, "no type for this array's elements, of 64 bits"),
        (np.ones(4, np.complex64), enigma.LaunchTypeError, "no type for this array's elements"),
        ([1.0, 2.0], enigma.LaunchTypeError, "from_dlpack needs an array with __dlpack__"),
        (None, enigma.LaunchTypeError, "from_dlpack needs an array with __dlpack__"),
    ],
)
def test_what_cannot_be_shared_is_refused(rt, source, error, message):
    with pytest.raises(error, match=message):
        rt.from_dlpack(source)


def test_empty_arrays_are_shared(rt):
    assert rt.from_dlpack(np.empty((0, 3), np.float32)).shape == (0, 3)


LIBRARIES = {
    "torch": lambda torch: (torch.arange(8, dtype=torch.float32), lambda t: t.numpy()),
    "mlx.core": lambda mx: (mx.arange(8, dtype=mx.float32), np.array),
    "jax.numpy": lambda jnp: (jnp.arange(8, dtype=jnp.float32), np.asarray),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_real_libraries(rt, name):
    try:
        library = importlib.import_module(name)
    except ImportError:
        pytest.skip(f"{name} is not installed (requirements/arrays.in)")
    tensor, as_numpy = LIBRARIES[name](library)
    out = np.zeros(8, np.float32)
    rt.launch(enigma.compile(add), [tensor, tensor, out], grid=8, threads=8)
    assert np.array_equal(out, 2 * np.arange(8))
    shared = rt.from_dlpack(tensor)
    assert np.array_equal(shared.numpy(), np.arange(8))
    if name != "jax.numpy":  # whose arrays never change
        rt.launch(enigma.compile(double), [shared], grid=8, threads=8)
        rt.synchronize()
        assert np.array_equal(as_numpy(tensor), 2 * np.arange(8))
    device = rt.array(np.arange(4, dtype=np.float32))
    if name == "torch":
        there = library.from_dlpack(device)
        there += 1
        assert np.array_equal(device.numpy(), [1, 2, 3, 4])
    elif name == "jax.numpy":
        assert np.array_equal(np.asarray(sys.modules["jax"].dlpack.from_dlpack(device)), np.arange(4))
