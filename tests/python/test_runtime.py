# SPDX-License-Identifier: MIT
"""Runtimes: execute, launch, what a device is."""

import array
import sys

import ml_dtypes
import numpy as np
import pytest

import enigma
import enigma as en
from enigma import Scalar, f32
from marks import notes, sentence
from runtime_kernels import EXPECTED, N, Tensor, X, Y, increment, refusal, saxpy, sum_and_difference


@pytest.fixture
def rt():
    return enigma.HostRuntime()


@pytest.fixture
def compiled():
    return enigma.compile(saxpy)


# ---- execute


def test_execute_gives_bytes(rt, compiled):
    raw = rt.execute(compiled, inputs=[X, 2.0, Y], output_size=N * 4, grid=(N, 1, 1), threads=(256, 1, 1))
    assert type(raw) is bytes
    assert np.array_equal(np.frombuffer(raw, np.float32), EXPECTED)


@pytest.mark.parametrize(
    "alpha",
    [2, 2.0, np.float32(2), np.int64(2), np.array([2.0]), np.array([2], np.int32), np.array(2.0, np.float16)],
)
def test_scalars_come_in_many_forms(rt, compiled, alpha):
    raw = rt.execute(compiled, [X, alpha, Y], N * 4, N, 256)
    assert np.array_equal(np.frombuffer(raw, np.float32), EXPECTED)


def test_execute_gives_arrays_when_asked_for_shapes(rt, compiled):
    out = rt.execute(compiled, [X, 2.0, Y], output_shapes=(10, N // 10), grid=N, threads=256)
    assert out.dtype == np.float32
    assert out.shape == (10, N // 10)
    assert np.array_equal(out.ravel(), EXPECTED)


def test_execute_gives_arrays_when_asked_for_types(rt, compiled):
    out = rt.execute(compiled, [X, 2.0, Y], N * 4, N, 256, output_dtypes=np.float32)
    assert np.array_equal(out, EXPECTED)


def test_execute_gives_a_list_for_several_outputs(rt):
    kernel = enigma.compile(sum_and_difference)
    total, difference = rt.execute(kernel, [X, Y], [N * 4, N * 4], N, 64)
    assert np.array_equal(np.frombuffer(total, np.float32), X + Y)
    assert np.array_equal(np.frombuffer(difference, np.float32), X - Y)
    total, difference = rt.execute(kernel, [X, Y], output_shapes=[(N,), (N,)], grid=N, threads=64)
    assert np.array_equal(difference, X - Y)


def test_outputs_start_as_zeros(rt):
    @enigma.kernel
    def odd(Out: f32):
        i = enigma.thread_position_in_grid
        Out[2 * i + 1] = 1.0

    raw = rt.execute(enigma.compile(odd), [], 8 * 4, 4, 4)
    assert np.frombuffer(raw, np.float32).tolist() == [0, 1, 0, 1, 0, 1, 0, 1]


def test_inputs_are_never_written(rt):
    @enigma.kernel
    def writes_its_input(A: f32, Out: f32):
        i = enigma.thread_position_in_grid
        A[i] = A[i] * 2
        Out[i] = A[i] + 1

    x = np.arange(4, dtype=np.float32)
    x.flags.writeable = False
    out = rt.execute(enigma.compile(writes_its_input), [x], output_shapes=(4,), grid=4, threads=4)
    assert x.tolist() == [0, 1, 2, 3]
    assert out.tolist() == [1, 3, 5, 7]


def test_large_outputs_start_as_zeros(rt):
    @enigma.kernel
    def last(Out: f32):
        Out[(1 << 22) - 1] = 1.0

    out = np.frombuffer(rt.execute(enigma.compile(last), [], 4 << 22, 1, 1), np.float32)
    assert out[-1] == 1
    assert not out[:-1].any()


# ---- launch


def test_launch_writes_in_place(rt, compiled):
    out = np.zeros(N, np.float32)
    assert rt.launch(compiled, [X, 2.0, Y, out], grid=(N, 1, 1), threads=(256, 1, 1)) is None
    assert np.array_equal(out, EXPECTED)


def test_indexing_a_kernel_launches_on_the_default_runtime(compiled):
    out = np.zeros(N, np.float32)
    compiled[(N, 1, 1), (256, 1, 1)](X, 2.0, Y, out)
    assert np.array_equal(out, EXPECTED)
    out[:] = 0
    compiled[N, 64](X, np.float32(2), Y, out, timeout=60)
    assert np.array_equal(out, EXPECTED)


def test_parameters_may_overlap(rt, compiled):
    y = Y.copy()
    rt.launch(compiled, [X, 2.0, y, y], N, 256)
    assert np.array_equal(y, EXPECTED)


def test_anything_with_a_buffer_is_an_array(rt):
    data = array.array("f", [1, 2, 3])
    rt.launch(enigma.compile(increment), [data], 3, 3)
    assert data.tolist() == [2, 3, 4]
    memory = np.zeros((2, 3), np.float32)
    rt.launch(enigma.compile(increment), [memory], 6, 3)
    assert memory.tolist() == [[1, 1, 1], [1, 1, 1]]


def test_dlpack_tensors_are_used_without_a_copy(rt, compiled):
    out = np.zeros(N, np.float32)
    rt.launch(compiled, [Tensor(X.copy()), 2.0, Tensor(Y.copy()), Tensor(out)], N, 256)
    assert np.array_equal(out, EXPECTED)


@pytest.mark.parametrize(
    ("dtype", "numpy_type"),
    [
        (en.f16, np.float16),
        (en.bf16, ml_dtypes.bfloat16),
        (en.f32, np.float32),
        (en.i8, np.int8),
        (en.u8, np.uint8),
        (en.i16, np.int16),
        (en.u16, np.uint16),
        (en.i32, np.int32),
        (en.u32, np.uint32),
        (en.i64, np.int64),
        (en.u64, np.uint64),
        (en.b1, np.bool_),
    ],
)
def test_all_twelve_types_pass_through(rt, dtype, numpy_type):
    def k(A: dtype, s: Scalar(dtype), Out: dtype):
        i = enigma.thread_position_in_grid
        Out[i] = enigma.select_(i < 2, A[i], s)

    x = np.array([0, 1, 1, 0]).astype(numpy_type)
    compiled = enigma.compile(enigma.kernel(k))
    out = rt.execute(compiled, [x, x[1]], output_shapes=(4,), grid=4, threads=4)
    assert out.dtype == numpy_type
    assert out.astype(float).tolist() == [0, 1, 1, 1]
    rt.launch(compiled, [x, 1, x], 4, 4)
    assert x.astype(float).tolist() == [0, 1, 1, 1]
    device = rt.array(x)
    assert device.numpy().dtype == numpy_type
    assert device.dtype is dtype


# ---- Runtimes themselves


def test_capabilities_are_told(rt):
    caps = rt.device_capabilities()
    assert caps.max_threads_per_threadgroup == 1024
    assert caps.simdgroup_size == 32
    assert caps.max_threadgroup_memory == 32768
    assert caps.max_buffers == 31
    assert caps.backend == "host"
    assert caps.name in repr(caps)
    assert repr(rt) == f"<HostRuntime on {caps.name}>"


@pytest.mark.skipif(sys.platform == "darwin", reason="there it is")
def test_metal_is_missing_here_and_the_host_is_named():
    error = refusal(RuntimeError, enigma.MetalRuntime)
    assert isinstance(error, enigma.DeviceError)
    assert sentence(error).startswith("no Metal device: this is ")
    assert "enigma.HostRuntime()" in notes(error)[0]
    named = refusal(RuntimeError, enigma.MetalRuntime, "Apple M1")
    assert isinstance(named, enigma.DeviceError)


def test_the_default_runtime_is_one_object():
    assert enigma.default_runtime() is enigma.default_runtime()
    assert isinstance(enigma.default_runtime(), enigma.HostRuntime)


def test_the_hierarchy_of_errors_is_what_python_users_expect():
    assert issubclass(en.TraceError, TypeError)
    assert issubclass(en.LayoutError, ValueError)
    assert issubclass(en.LaunchError, ValueError)
    assert issubclass(en.LaunchTypeError, TypeError)
    assert issubclass(en.OutOfBoundsError, IndexError)
    assert issubclass(en.DeviceError, RuntimeError)
    for error in (
        en.TraceError,
        en.LayoutError,
        en.CompileError,
        en.LaunchError,
        en.LaunchTypeError,
        en.OutOfBoundsError,
        en.DeviceError,
        en.UnsupportedError,
    ):
        assert issubclass(error, en.EnigmaError)
