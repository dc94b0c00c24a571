# SPDX-License-Identifier: MIT
"""The errors that a first kernel runs into, one each: what they say, what they mark, and the way out that they name.

The tests of each part try more cases; this is the list that must stay whole, and each entry is all four: sentence, place, caret, note.
"""

import numpy as np
import pytest

import enigma
from enigma import Scalar, bf16, f16, f32, u8
from marks import marked, notes, sentence

X = np.arange(8, dtype=np.float32)


@enigma.kernel
def scale(A: f32, factor: Scalar(f32), Out: f32):
    i = enigma.thread_position_in_grid
    Out[i] = A[i] * factor


@enigma.kernel
def unknown_annotation(A: "numpy.float32", Out: f32):  # noqa: F821
    Out[0] = A[0]


@enigma.kernel
def python_annotation(A: float, Out: f32):
    Out[0] = A


@enigma.kernel
def missing_annotation(A, Out: f32):
    Out[0] = A[0]


@enigma.kernel
def traced_bool(A: f32, Out: f32):
    Out[0] = 1.0 * bool(A[0])


@enigma.kernel
def mixed_halves(A: f16, B: bf16, Out: f32):
    Out[0] = A[0] * B[0]


@enigma.kernel
def large_literal(A: u8, Out: u8):
    Out[0] = A[0] + 256


@enigma.kernel
def no_store(A: f32, Out: f32):
    A[0] + Out[0]


@enigma.kernel
def many(
    a0: f32, a1: f32, a2: f32, a3: f32, a4: f32, a5: f32, a6: f32, a7: f32, a8: f32, a9: f32, b0: f32, b1: f32,
    b2: f32, b3: f32, b4: f32, b5: f32, b6: f32, b7: f32, b8: f32, b9: f32, c0: f32, c1: f32, c2: f32, c3: f32,
    c4: f32, c5: f32, c6: f32, c7: f32, c8: f32, c9: f32, d0: f32, d1: f32,
):  # fmt: skip
    a0[0] = 1


@pytest.mark.parametrize(("kernel", "message", "mark", "way_out"), [
    (unknown_annotation, "kernel unknown_annotation: the annotation of parameter A fails: NameError: name 'numpy' is not defined", 'A', None),
    (python_annotation, "kernel python_annotation: parameter A has an annotation that is no type of Enigma: float", "A", "write A: enigma.Scalar(enigma.f32)"),
    (missing_annotation, "kernel missing_annotation: parameter A has no type", "A", "write A: enigma.f32 for a buffer"),
    (traced_bool, "bool() decides once while tracing, but a traced value differs from thread to thread", "bool(A[0])", "a comparison gives b1: x != 0"),
    (mixed_halves, "*: f16 and bf16 have no common type, got f16 and bf16", "A[0] * B[0]", "convert one of them, such as enigma.f32(x)"),
    (large_literal, "the number 256 does not fit u8", "A[0] + 256", "convert the other operand to a type that holds it"),
    (no_store, "kernel no_store stores nothing, so running it has no effect", "no_store", "assign to an element of a buffer parameter: Out[i] = value"),
    (many, "kernel many: 32 parameters, but Metal binds at most 31 buffers", "many", "put several arrays into one buffer"),
])  # fmt: skip
def test_errors_of_kernels(kernel, message, mark, way_out):
    with pytest.raises(TypeError) as caught:
        enigma.compile(kernel)
    error = caught.value
    assert isinstance(error, enigma.TraceError)
    assert sentence(error) == message
    assert marked(error).startswith(mark)
    first = kernel.__wrapped__.__code__.co_firstlineno
    assert error.file == __file__
    assert first < error.line <= first + 6
    assert f"{__file__}:{error.line}:{error.column}" in str(error)
    assert way_out is None or notes(error)[0].startswith(way_out)


def test_a_query_outside_of_a_kernel():
    with pytest.raises(enigma.TraceError) as caught:
        enigma.thread_position_in_grid_xyz("x")
    assert sentence(caught.value) == "thread_position_in_grid: works only while a kernel is traced"
    assert marked(caught.value) == 'enigma.thread_position_in_grid_xyz("x")'
    assert "@enigma.kernel" in notes(caught.value)[0]


def test_a_kernel_without_source():
    names = {}
    exec("import enigma\n@enigma.kernel\ndef lost(A: enigma.f32):\n    A[0] = 1\n", names)
    with pytest.raises(enigma.TraceError) as caught:
        enigma.compile(names["lost"])
    assert sentence(caught.value).startswith(
        "kernel lost: its source is not available (it was defined in <string>)"
    )
    assert notes(caught.value) == ["put the kernel into a file or a notebook cell"]


READ_ONLY = X.copy()
READ_ONLY.flags.writeable = False
OK = {"output_size": 32, "grid": 8, "threads": 8}


@pytest.mark.parametrize(("call", "message", "way_out"), [
    (lambda rt, k: rt.execute(k, [X.astype(np.float64), 1], **OK), "scale: parameter A needs an array of f32, got float64", "convert it: x.astype(numpy.float32)"),
    (lambda rt, k: rt.execute(k, [X[::2], 1], **OK), "scale: parameter A needs a contiguous array in C order, got one with gaps or another order", "copy it: numpy.ascontiguousarray(x)"),
    (lambda rt, k: rt.launch(k, [X, 1, READ_ONLY], 8, 8), "scale: parameter Out is written by the kernel, got a read-only array", "pass a copy: x.copy()"),
    (lambda rt, k: rt.execute(k, [X[:4], 1], **OK), "scale: load from parameter A is out of bounds: index 4, size 4, thread (4, 0, 0)", "the load gave 0"),
    (lambda rt, k: rt.execute(k, [X], **OK), "scale: has 3 parameters (A, factor, Out), got 1 input and 1 output", "the kernel writes Out"),
    (lambda rt, k: rt.execute(k, [X, 1], 30, 8, 8), "scale: parameter Out holds f32, so output_size must be a multiple of 4 bytes, got 30", "output_size counts bytes, not elements"),
    (lambda rt, k: rt.execute(k, [X, 1], 32, 8, 0), "scale: threads must be at least 1 in each dimension, got (0, 1, 1)", None),
    (lambda rt, k: rt.execute(k, [X, 1], 32, 8, 2048), "scale: threads (2048, 1, 1) make a threadgroup of more than the 1024 threads that the device allows", "threads is the size of one threadgroup"),
    (lambda rt, k: rt.execute(k, [X, 1e39], **OK), "scale: parameter factor is a scalar of f32, which cannot hold 1e+39", None),
])  # fmt: skip
def test_errors_of_launches(call, message, way_out):
    with pytest.raises(enigma.EnigmaError) as caught:
        call(enigma.HostRuntime(), enigma.compile(scale))
    assert sentence(caught.value) == message
    assert way_out is None or notes(caught.value)[0].startswith(way_out)


def test_metal_without_metal():
    with pytest.raises(enigma.DeviceError) as caught:
        enigma.MetalRuntime()
    assert notes(caught.value) == ["enigma.HostRuntime() runs the same compiled kernels on the CPU"]
