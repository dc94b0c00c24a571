# SPDX-License-Identifier: MIT
"""Runtimes: execute, launch, prepared launches, device arrays, and what they refuse."""

import array
import re

import ml_dtypes
import numpy as np
import pytest

import enigma
import enigma as en
from enigma import Scalar, f32
from marks import marked, notes, sentence


@enigma.kernel
def saxpy(X: f32, alpha: Scalar(f32), Y: f32, Out: f32):
    tid = enigma.thread_position_in_grid
    Out[tid] = alpha * X[tid] + Y[tid]


@enigma.kernel
def increment(A: f32):
    i = enigma.thread_position_in_grid
    A[i] += 1


@enigma.kernel
def sum_and_difference(A: f32, B: f32, Sum: f32, Difference: f32):
    i = enigma.thread_position_in_grid
    Sum[i] = A[i] + B[i]
    Difference[i] = A[i] - B[i]


N = 1000
X = np.arange(N, dtype=np.float32)
Y = np.full(N, 0.5, np.float32)
EXPECTED = 2 * X + 0.5  # exact in f32


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


class Tensor:
    """As PyTorch's: DLPack and no buffer."""

    def __init__(self, data):
        self.data = data

    def __dlpack__(self, **options):
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()


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


# ---- Prepared launches


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


# ---- Device arrays


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


# ---- What a launch refuses


def refusal(error, call, *args, **options):
    with pytest.raises(error) as caught:
        call(*args, **options)
    return caught.value


def test_a_wrong_type_names_the_parameter(rt, compiled):
    error = refusal(TypeError, rt.execute, compiled, [X.astype(np.float64), 2.0, Y], N * 4, N, 256)
    assert sentence(error) == "saxpy: parameter X needs an array of f32, got float64"
    assert notes(error) == ["convert it: x.astype(numpy.float32)"]


@pytest.mark.parametrize(
    ("value", "got", "note"),
    [
        ([1.0, 2.0], "list", "make an array: numpy.array(x, numpy.float32)"),
        (
            3.0,
            "float",
            "for one number, declare the parameter as enigma.Scalar(enigma.f32); "
            "for a buffer, make an array: numpy.array([x], numpy.float32)",
        ),
        (b"0123", "bytes", "read it as an array: numpy.frombuffer(x, numpy.float32)"),
        (bytearray(8), "bytearray", "read it as an array: numpy.frombuffer(x, numpy.float32)"),
        (None, "None", None),
        ("text", "str", None),
        (np.zeros(3, ">f4"), ">f4", "convert it: x.astype(numpy.float32)"),
        (np.zeros(3, "c8"), "complex64", "convert it: x.astype(numpy.float32)"),
        (np.zeros(3, ml_dtypes.bfloat16), "bfloat16", "convert it: x.astype(numpy.float32)"),
        (np.zeros(3, "datetime64[s]"), "datetime64[s]", "convert it: x.astype(numpy.float32)"),
    ],
)
def test_other_things_are_no_arrays(rt, compiled, value, got, note):
    error = refusal(enigma.LaunchTypeError, rt.launch, compiled, [value, 2.0, Y, Y.copy()], N, 256)
    assert sentence(error) == f"saxpy: parameter X needs an array of f32, got {got}"
    assert notes(error) == ([note] if note else [])


def test_bits_of_bf16_are_refused_with_the_view_to_write(rt):
    def k(A: en.bf16):
        A[0] = 1

    error = refusal(TypeError, rt.launch, enigma.compile(enigma.kernel(k)), [np.zeros(4, np.uint16)], 1, 1)
    assert sentence(error) == "k: parameter A needs an array of bf16, got uint16"
    assert notes(error) == ["if these are the bits, write x.view(ml_dtypes.bfloat16)"]


def test_gaps_are_refused_with_the_copy_to_write(rt, compiled):
    error = refusal(
        ValueError, rt.execute, compiled, [np.arange(2 * N, dtype=np.float32)[::2], 2.0, Y], N * 4, N, 256
    )
    assert (
        sentence(error)
        == "saxpy: parameter X needs a contiguous array in C order, got one with gaps or another order"
    )
    assert notes(error) == ["copy it: numpy.ascontiguousarray(x)"]
    fortran = np.asfortranarray(np.zeros((20, 50), np.float32))
    assert "C order" in str(refusal(ValueError, rt.execute, compiled, [fortran, 2.0, Y], N * 4, N, 256))
    gaps = Tensor(np.zeros((4, 8), np.float32)[:, :4])
    assert "C order" in str(refusal(ValueError, rt.execute, compiled, [gaps, 2.0, Y], N * 4, N, 256))


def test_read_only_outputs_are_refused(rt, compiled):
    out = np.zeros(N, np.float32)
    out.flags.writeable = False
    error = refusal(ValueError, rt.launch, compiled, [X, 2.0, Y, out], N, 256)
    assert sentence(error) == "saxpy: parameter Out is written by the kernel, got a read-only array"


def test_read_only_inputs_are_fine(rt, compiled):
    x = X.copy()
    x.flags.writeable = False
    out = np.zeros(N, np.float32)
    rt.launch(compiled, [x, 2.0, Y, out], N, 256)
    assert np.array_equal(out, EXPECTED)


def test_memory_that_is_not_aligned_is_refused(rt, compiled):
    x = np.frombuffer(bytearray(4 * N + 1), np.uint8)[1:].view(np.float32)
    error = refusal(ValueError, rt.execute, compiled, [x, 2.0, Y], N * 4, N, 256)
    assert "parameter 'X' needs memory aligned to 4 bytes" in sentence(error)


def test_a_wrong_number_of_arguments_lists_the_parameters(rt, compiled):
    error = refusal(ValueError, rt.launch, compiled, [X, Y], N, 256)
    assert sentence(error) == "saxpy: takes 4 arguments (X, alpha, Y, Out), got 2"


def test_a_wrong_number_of_inputs_lists_the_parameters(rt, compiled):
    error = refusal(ValueError, rt.execute, compiled, [X, 2.0], N * 4, N, 256)
    assert sentence(error) == "saxpy: has 4 parameters (X, alpha, Y, Out), got 2 inputs and 1 output"
    assert "the kernel writes Out" in notes(error)[0]
    assert "got 4 inputs and 1 output" in str(
        refusal(ValueError, rt.execute, compiled, [X, 2.0, Y, X], N * 4, N, 256)
    )
    assert "got 2 inputs and 1 output" in str(refusal(ValueError, rt.prepare, compiled, [X, 2.0], N * 4))


def test_what_the_kernel_does_not_write_is_no_output(rt, compiled):
    error = refusal(ValueError, rt.execute, compiled, [X, 2.0], [N * 4, N * 4], N, 256)
    assert sentence(error) == "saxpy: parameter Y is never written by the kernel, so it cannot be an output"


def test_an_output_size_that_is_no_multiple_is_refused(rt, compiled):
    error = refusal(ValueError, rt.execute, compiled, [X, 2.0, Y], N * 4 - 2, N, 256)
    assert (
        sentence(error)
        == "saxpy: parameter Out holds f32, so output_size must be a multiple of 4 bytes, got 3998"
    )
    assert notes(error) == ["output_size counts bytes, not elements"]


def test_a_missing_or_wrong_output_size_is_refused(rt, compiled):
    assert "the size of the output is missing" in str(
        refusal(ValueError, rt.execute, compiled, [X, 2.0, Y], grid=N, threads=256)
    )
    assert "output_size must be at least 0, got -4" in str(
        refusal(ValueError, rt.execute, compiled, [X, 2.0, Y], -4, N, 256)
    )
    assert "output_size needs integers, got float" in str(
        refusal(TypeError, rt.execute, compiled, [X, 2.0, Y], 4.0, N, 256)
    )
    both = refusal(ValueError, rt.execute, compiled, [X, 2.0, Y], 4, N, 256, output_shapes=(1,))
    assert "output_size and output_shapes say the same thing" in str(both)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1e300, "parameter alpha is a scalar of f32, which cannot hold 1e+300"),
        (
            np.ones(2),
            "alpha is a scalar and needs a number or an array of one element, got an array of 2 elements",
        ),
    ],
)
def test_scalars_that_do_not_fit_are_refused(rt, compiled, value, message):
    assert message in str(refusal(ValueError, rt.execute, compiled, [X, value, Y], N * 4, N, 256))


@pytest.mark.parametrize("value", ["2", None, [2.0], 2j])
def test_scalars_of_other_types_are_refused(rt, compiled, value):
    error = refusal(TypeError, rt.execute, compiled, [X, value, Y], N * 4, N, 256)
    assert "parameter alpha is a scalar of f32 and needs a number, got" in str(error)


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        (en.u8, [0, 255, 3.0, True], [256, -1, 2.5]),
        (en.i64, [-(2**63), 2**63 - 1], [2**63, 0.5]),
        (en.u64, [2**64 - 1], [-1]),
        (en.b1, [True, False, 0, 1], [2, 0.5]),
        (en.f16, [65504, float("inf")], [1e6]),
    ],
)
def test_scalars_are_checked_against_their_range(rt, dtype, good, bad):
    def k(s: Scalar(dtype), Out: dtype):
        Out[0] = s

    compiled = enigma.compile(enigma.kernel(k))
    for value in good:
        assert rt.execute(compiled, [value], output_shapes=(1,), grid=1, threads=1)[0] == value
    for value in bad:
        assert "cannot hold" in str(refusal(ValueError, rt.execute, compiled, [value], dtype.itemsize, 1, 1))


def test_the_args_must_be_a_list(rt, compiled):
    assert "args must be a list, got numpy.ndarray" in str(refusal(TypeError, rt.launch, compiled, X, N, 256))
    assert "inputs must be a list, got numpy.ndarray" in str(
        refusal(TypeError, rt.execute, compiled, X, N * 4, N, 256)
    )


def test_a_kernel_must_be_compiled(rt):
    error = refusal(TypeError, rt.launch, saxpy, [X, 2.0, Y, Y], N, 256)
    assert sentence(error) == "launch needs a compiled kernel, got enigma.decorators.KernelFunction"
    assert notes(error) == ["compile it first: enigma.compile(kernel)"]
    assert "execute needs a compiled kernel" in str(refusal(TypeError, rt.execute, saxpy, [X], 4, N, 256))


@pytest.mark.parametrize(
    ("grid", "threads", "message"),
    [
        (0, 256, r"grid must be at least 1 in each dimension, got \(0, 1, 1\)"),
        ((8, -1, 1), 256, r"grid must be at least 1 in each dimension, got \(8, -1, 1\)"),
        (8, (0, 1, 1), r"threads must be at least 1 in each dimension, got \(0, 1, 1\)"),
        (8, 1025, r"threads \(1025, 1, 1\) make a threadgroup of more than the 1024 threads"),
        (8, (32, 32, 2), r"threads \(32, 32, 2\) make a threadgroup of more than the 1024 threads"),
        (2**40, 256, r"grid must be at most 4294967295"),
        (2**70, 256, r"grid must be at most 4294967295"),
        ((1, 1, 1, 1), 256, r"grid has 1 to 3 dimensions, got 4"),
        ((), 256, r"grid has 1 to 3 dimensions, got 0"),
    ],
)
def test_sizes_that_no_device_has_are_refused(rt, compiled, grid, threads, message):
    error = refusal(ValueError, rt.launch, compiled, [X, 2.0, Y, Y.copy()], grid, threads)
    assert re.search(message, str(error))


@pytest.mark.parametrize("size", [1.5, "8", True, None, (8, 1.0)])
def test_sizes_are_integers(rt, compiled, size):
    error = refusal(enigma.EnigmaError, rt.launch, compiled, [X, 2.0, Y, Y.copy()], 8, size)
    assert "threads" in sentence(error)
    assert isinstance(error, ValueError if size is None else TypeError)


def test_numpy_integers_are_sizes(rt, compiled):
    out = np.zeros(N, np.float32)
    rt.launch(compiled, [X, 2.0, Y, out], np.int64(N), (np.int32(256), 1, 1))
    assert np.array_equal(out, EXPECTED)


def test_missing_sizes_are_named(rt, compiled):
    error = refusal(ValueError, rt.launch, compiled, [X, 2.0, Y, Y.copy()], threads=4)
    assert sentence(error) == "saxpy: grid is missing"


def test_indexing_with_one_size_says_what_is_missing(compiled):
    error = refusal(TypeError, lambda: compiled[N])
    assert sentence(error) == f"saxpy: needs the grid and the threads of a threadgroup, got {N}"


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_positive(rt, compiled, timeout):
    assert "timeout must be a positive number" in str(
        refusal(ValueError, rt.launch, compiled, [X, 2.0, Y, Y.copy()], N, 256, timeout)
    )


# ---- Out of bounds


def test_an_index_past_the_end_is_masked_and_raised(rt, compiled):
    out = np.zeros(N, np.float32)
    guard = np.full(N + 50, 7, np.float32)
    error = refusal(IndexError, rt.launch, compiled, [X, 2.0, Y, guard[:N]], N + 30, 256)
    assert isinstance(error, enigma.OutOfBoundsError)
    assert marked(error) in ("X[tid]", "Y[tid]", "alpha * X[tid]", "Out[tid]")
    assert error.file == __file__
    text = str(error)
    assert "saxpy" in text
    assert str(N) in text
    assert np.array_equal(guard[:N], EXPECTED)
    assert (guard[N:] == 7).all()
    assert not out.any()


def test_check_can_be_turned_off():
    rt = enigma.HostRuntime(check=False)
    out = np.zeros(N, np.float32)
    rt.launch(enigma.compile(saxpy), [X, 2.0, Y, out], N, 256)
    assert np.array_equal(out, EXPECTED)


def test_a_false_mask_makes_any_index_legal(rt):
    @enigma.kernel
    def masked(A: f32, Out: f32):
        i = enigma.i32(enigma.thread_position_in_grid)
        value = enigma.load_if(A, i - 1, (i >= 1) & (i < 5), default=-1.0)
        enigma.store_if(Out, i * 1000 - 2000, value, i == 2)
        enigma.store_if(Out, i, value, i != 0)

    a = np.arange(10, 14, dtype=np.float32)
    out = rt.execute(enigma.compile(masked), [a], output_shapes=(8,), grid=8, threads=4)
    assert out.tolist() == [11, 10, 11, 12, 13, -1, -1, -1]


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
