# SPDX-License-Identifier: MIT
"""What threadgroup memory and barriers refuse: at the user's line, before the launch where that can be known."""

import linecache

import numpy as np
import pytest

import enigma as en


def error_of(kernel, kind=en.TraceError, **constants):
    with pytest.raises(kind) as caught:
        en.compile(kernel, **constants)
    return str(caught.value)


def line_of(text, marker):
    """Whether the error shows the line of the source with this comment."""
    return f"# {marker}" in text


def test_a_barrier_under_a_condition_that_differs_between_threads():
    @en.kernel
    def k(X: en.i32):
        lid = en.thread_position_in_threadgroup("x")
        if lid < 16:
            en.barrier()  # here
        X[lid] = 1

    text = error_of(k)
    assert "barrier: not all threads come here: the condition differs from thread to thread" in text
    assert line_of(text, "here")
    here = next(i for i, row in enumerate(linecache.getlines(__file__), 1) if "# here" in row)
    assert f"the condition is at {__file__}:{here - 1}" in text


def test_a_barrier_after_an_early_return_of_some_threads():
    @en.kernel
    def k(X: en.i32, n: en.Scalar(en.u32)):
        gid = en.thread_position_in_grid
        if gid >= n:
            return
        X[gid] = 1
        en.barrier()  # here

    text = error_of(k)
    assert "not all threads come here" in text and line_of(text, "here")
    assert "instead of an early return" in text


@pytest.mark.parametrize("kind", ["for", "while", "break"])
def test_a_barrier_in_a_loop_whose_rounds_differ(kind):
    @en.kernel
    def k(X: en.i32, KIND: en.Constexpr):
        lid = en.i32(en.thread_position_in_threadgroup("x"))
        if KIND == "for":
            for i in en.range(lid):
                en.barrier()  # here
                X[lid] = i
        elif KIND == "while":
            i = en.i32(0)
            while i < lid:
                en.barrier()  # here
                X[lid] = i
                i = i + 1
        else:
            for i in en.range(9):
                if lid == 3:
                    break
                en.barrier()  # here
                X[lid] = i

    assert line_of(error_of(k, KIND=kind), "here")


def test_a_simd_barrier_may_stand_under_a_condition_of_the_simdgroup_only():
    @en.kernel
    def good(X: en.i32):
        if en.simdgroup_index_in_threadgroup() == 0:
            en.simd_barrier()
        X[en.thread_position_in_grid] = 1

    @en.kernel
    def bad(X: en.i32):
        if en.thread_index_in_simdgroup() == 0:
            en.simd_barrier()  # here
        X[en.thread_position_in_grid] = 1

    @en.kernel
    def wider(X: en.i32):
        if en.simdgroup_index_in_threadgroup() == 0:
            en.barrier()  # here
        X[en.thread_position_in_grid] = 1

    en.compile(good)
    assert line_of(error_of(bad), "here")
    assert line_of(error_of(wider), "here")


def test_threadgroup_memory_in_a_branch_that_threads_take_differently():
    @en.kernel
    def k(X: en.i32):
        lid = en.thread_position_in_threadgroup("x")
        if lid < 16:
            tile = en.threadgroup_alloc(16, en.i32)  # here
            tile[lid] = 1
            X[lid] = tile[lid]

    text = error_of(k)
    assert "threadgroup_alloc: the threads of a threadgroup share it" in text and line_of(text, "here")


def launch(kernel, args, grid, threads):
    with pytest.raises(en.LaunchError) as caught:
        en.HostRuntime().launch(en.compile(kernel), args, grid, threads)
    return str(caught.value)


@en.kernel
def barrier_where_positive(X: en.i32):
    gid = en.thread_position_in_grid
    if X[gid] > 0:
        en.barrier()  # here
    X[gid] = 1


def test_data_that_keep_some_lanes_from_a_barrier():
    x = np.ones(256, np.int32)
    en.HostRuntime().launch(en.compile(barrier_where_positive), [x.copy()], 256, 128)
    x[200] = 0
    text = launch(barrier_where_positive, [x], 256, 128)
    assert (
        "barrier_where_positive: the barrier is reached by 31 of the 32 threads of simdgroup 2, threadgroup (1, 0, 0)"
        in text
    )
    assert line_of(text, "here")


def test_data_that_keep_a_simdgroup_from_a_barrier():
    x = np.ones(256, np.int32)
    x[64:96] = 0
    text = launch(barrier_where_positive, [x], 256, 128)
    assert "reached by simdgroup 0 while simdgroup 2 of the same threadgroup has ended without it" in text
    assert line_of(text, "here")


def test_simdgroups_at_different_barriers():
    @en.kernel
    def k(X: en.i32):
        gid = en.thread_position_in_grid
        if X[gid] > 0:
            en.barrier()  # here
        else:
            en.barrier()
        X[gid] = 1

    x = np.ones(256, np.int32)
    x[96:128] = 0
    text = launch(k, [x], 256, 128)
    assert "simdgroup 3 of the same threadgroup waits at another one" in text and line_of(text, "here")
    assert "the other barrier is at" in text


def test_more_than_32_kilobytes():
    @en.kernel
    def k(X: en.f32):
        a = en.threadgroup_alloc((64, 64), en.f32)
        b = en.threadgroup_alloc((64, 65), en.f32)  # here
        a[0, 0] = X[0]
        X[0] = b[0, 0]

    text = error_of(k)
    assert (
        "threadgroup_alloc: does not fit: 4160 elements of f32 are 16640 bytes, with the 16 KB allocated before"
        in text
    )
    assert "33024 bytes" in text and "32 KB (32768 bytes)" in text and line_of(text, "here")


def test_exactly_32_kilobytes_fit():
    @en.kernel
    def k(X: en.f32):
        a = en.threadgroup_alloc(8192, en.f32)
        a[8191] = X[0]
        en.barrier()
        X[0] = a[8191]

    x = np.array([3.0], np.float32)
    en.HostRuntime().launch(en.compile(k), [x], 1, 1)
    assert x[0] == 3


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ("tile[8, 0]", "tile: index 0 is out of bounds: got 8, the size is 8"),
        ("tile[0, -1]", "tile: index 1 is out of bounds: got -1, the size is 4"),
        ("tile[3]", "tile: has 2 dimensions, got 1 index"),
        ("tile[1, 2, 3]", "tile: has 2 dimensions, got 3 indices"),
        ("tile[0, 1.5]", "tile: index 1 must be an integer, got 1.5"),
        ("tile[0, X[0]]", "tile: index 1 must be an integer, got f32"),
        ("flat[9]", "index 9 is out of bounds: flat has 9 elements"),
    ],
)
def test_indices_that_do_not_fit_the_shape(index, words, tmp_path):
    source = (
        "import enigma as en\n@en.kernel\ndef k(X: en.f32):\n    tile = en.threadgroup_alloc((8, 4), en.f32)\n"
        f"    flat = en.threadgroup_alloc(9, en.f32)\n    flat[0] = tile[0, 0]\n    X[0] = {index}  # here\n"
    )
    file = tmp_path / "kernel.py"
    file.write_text(source)
    names = {}
    exec(compile(source, str(file), "exec"), names)
    text = error_of(names["k"])
    assert words in text and line_of(text, "here")


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (0, "a size must be 1 or more, got 0"),
        ((4, -1), "a size must be 1 or more, got -1"),
        (2.5, "a size must be a Python int, got 2.5"),
        ("16", "a size must be a Python int, got str"),
        ((), "the shape () has no size"),
        ((1 << 30, 1 << 30), "does not fit"),
    ],
)
def test_shapes_that_are_none(shape, words):
    @en.kernel
    def k(X: en.f32, SHAPE: en.Constexpr):
        tile = en.threadgroup_alloc(SHAPE, en.f32)  # here
        X[0] = tile[0]

    text = error_of(k, SHAPE=shape)
    assert words in text and line_of(text, "here")


def test_a_traced_size():
    @en.kernel
    def k(X: en.f32, n: en.Scalar(en.i32)):
        tile = en.threadgroup_alloc(n, en.f32)
        X[0] = tile[0]

    assert "a size must be a Python int, got a traced value" in error_of(k)


def test_an_access_past_the_end_of_an_array_is_reported_with_its_name():
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        tile = en.threadgroup_alloc((2, 32), en.i32)
        gid = en.thread_position_in_grid
        tile[X[gid], en.thread_index_in_simdgroup()] = 5  # here
        en.barrier()
        Out[gid] = tile[0, 0]

    x = np.zeros(64, np.int32)
    x[40] = 2
    out = np.zeros(64, np.int32)
    with pytest.raises(en.OutOfBoundsError) as caught:
        en.HostRuntime().launch(en.compile(k), [x, out], 64, 64)
    text = str(caught.value)
    assert "store to array tile is out of bounds: index 72, size 64, thread (40, 0, 0)" in text
    assert line_of(text, "here")
    assert (out == 5).all()


def test_vec_width_refuses_barriers_and_threadgroup_memory():
    @en.kernel
    def k(X: en.i32):
        gid = en.thread_position_in_grid
        X[gid] = 1
        en.barrier()  # here

    text = error_of(k, en.EnigmaError, vec_width=4)
    assert "vec_width" in text and "barrier" in text and line_of(text, "here")


def test_an_array_of_a_block_that_has_ended():
    @en.kernel
    def k(X: en.i32):
        for i in en.range(2):
            tile = en.threadgroup_alloc(4, en.i32)
            tile[0] = i
        X[0] = tile[0]  # here

    assert line_of(error_of(k), "here")
