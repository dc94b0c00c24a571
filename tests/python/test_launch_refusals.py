# SPDX-License-Identifier: MIT
"""What a launch refuses, with what to write instead; accesses out of bounds."""

import re

import ml_dtypes
import numpy as np
import pytest

import enigma
import enigma as en
import runtime_kernels
from enigma import Scalar, f32
from marks import marked, notes, sentence
from runtime_kernels import EXPECTED, N, Tensor, X, Y, refusal, saxpy


@pytest.fixture
def rt():
    return enigma.HostRuntime()


@pytest.fixture
def compiled():
    return enigma.compile(saxpy)


# ---- What a launch refuses


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
    assert "parameter X needs memory aligned to 4 bytes" in sentence(error)


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


@pytest.mark.parametrize(
    ("grid", "threads"),
    [
        (np.int64(N), np.uint8(100)),
        ((np.int64(N), np.int32(1)), [np.uint16(100)]),
        (np.array([N, 1, 1]), np.array([100, 1], np.uint8)),
        (np.array(N), np.array((100,))),
    ],
)
def test_numpy_integers_and_arrays_of_them_are_sizes(rt, compiled, grid, threads):
    out = np.zeros(N, np.float32)
    rt.launch(compiled, [X, 2.0, Y, out], grid, threads)
    assert np.array_equal(out, EXPECTED)
    with rt.prepare(compiled, [X, 2.0, Y], output_size=N * 4) as prepared:
        prepared.dispatch(grid, threads)
        assert np.array_equal(prepared.read_output(np.float32), EXPECTED)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (np.array([8.0]), "grid needs integers, got numpy.float64"),
        (np.array([[8, 8]]), "grid needs integers, got numpy.ndarray"),
        (np.ones(4, np.int32), "grid has 1 to 3 dimensions, got 4"),
        (np.zeros(0, np.int32), "grid has 1 to 3 dimensions, got 0"),
        (np.array([True]), "grid needs integers, got numpy.bool"),
    ],
)
def test_other_arrays_are_no_sizes(rt, compiled, size, message):
    with pytest.raises((TypeError, enigma.LaunchError)) as error:
        rt.launch(compiled, [X, 2.0, Y, np.zeros(N, np.float32)], size, 8)
    assert message in str(error.value)


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
    assert error.file == runtime_kernels.__file__
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
