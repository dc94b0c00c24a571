# SPDX-License-Identifier: MIT
"""Tensors and @enigma.jit: the documents' tiled_add on the host, as Metal text, and against NumPy; whole and ragged."""

import numpy as np
import pytest

import enigma
from msl import standin
from msl.counts import count

HOST = enigma.HostRuntime()


@enigma.jit
def tiled_add(mA: enigma.Tensor, mB: enigma.Tensor, mC: enigma.Tensor):
    # Layout arithmetic: runs at compile time
    thr = enigma.make_ordered_layout((4, 64), order=(1, 0))
    val = enigma.make_ordered_layout((4, 4), order=(1, 0))
    tiler_mn, tv_layout = enigma.make_layout_tv(thr, val)

    gA = enigma.tensor_zipped_divide(mA, tiler_mn)
    gB = enigma.tensor_zipped_divide(mB, tiler_mn)
    gC = enigma.tensor_zipped_divide(mC, tiler_mn)

    @enigma.kernel
    def inner(blkA, blkB, blkC, tv):
        thread_idx = enigma.thread_position_in_grid
        thrA = enigma.tensor_composition(blkA, tv, tiler_mn)[(thread_idx, None)]
        thrB = enigma.tensor_composition(blkB, tv, tiler_mn)[(thread_idx, None)]
        thrC = enigma.tensor_composition(blkC, tv, tiler_mn)[(thread_idx, None)]
        thrC.store(thrA.load() + thrB.load())

    threads = enigma.size(tv_layout, mode=[0])
    inner.launch(
        gA, gB, gC, tv_layout, grid=(enigma.size(gC, mode=[1]) * threads, 1, 1), block=(threads, 1, 1)
    )


@enigma.kernel
def add_tile(gA, gB, gC, tv, tiler):
    tx, ty, _ = enigma.arch.thread_idx()
    bx, by, _ = enigma.arch.block_idx()
    tile = (None, None), (by, bx)
    a = enigma.tensor_composition(gA[tile], tv, tiler)[(tx, ty), None]
    b = enigma.tensor_composition(gB[tile], tv, tiler)[(tx, ty), None]
    c = enigma.tensor_composition(gC[tile], tv, tiler)[(tx, ty), None]
    c.store(a.load() + b.load())


@enigma.jit
def tiled_add_2d(mA, mB, mC):
    thr = enigma.make_ordered_layout((4, 64), order=(1, 0))
    val = enigma.make_ordered_layout((4, 4), order=(1, 0))
    tiler, tv = enigma.make_layout_tv(thr, val)
    gA, gB, gC = (enigma.tensor_zipped_divide(t, tiler) for t in (mA, mB, mC))
    rows, columns = gC.shape[1]
    add_tile(gA, gB, gC, tv, tiler).launch(grid=(64 * columns, 4 * rows, 1), block=(64, 4, 1))


def matrices(m, n, dtype="float", count=3):
    layout = enigma.Layout((m, n), (n, 1))
    return [enigma.Tensor("ABCDEF"[i], i, dtype, layout) for i in range(count)]


def in_three_ways(compiled, inputs, shape, dtype=np.float32):
    """The output on the host, and by the Metal text compiled by clang; the same bytes."""
    host = HOST.execute(compiled, inputs, int(np.prod(shape)) * np.dtype(dtype).itemsize)
    out = np.zeros(shape, dtype)
    standin.compile(compiled.metal_source).run([*inputs, out], grid=compiled.grid, threads=compiled.block)
    assert out.tobytes() == host
    return out


SIZES = [(256, 512), (250, 500), (250, 501), (16, 256), (17, 257), (300, 260)]


@pytest.mark.parametrize("function", [tiled_add, tiled_add_2d], ids=["1d", "2d"])
@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_tiled_add_is_numpys_sum(function, size):
    compiled = enigma.compile(function, *matrices(*size))
    rng = np.random.default_rng(1)
    a, b = rng.random(size, np.float32), rng.random(size, np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a, b], size), a + b)
    assert standin.check(compiled.metal_source) == []


def test_compiled_has_the_launch():
    compiled = enigma.compile(tiled_add, *matrices(256, 512))
    assert compiled.grid == (8192, 1, 1)
    assert compiled.block == (256, 1, 1)
    assert compiled.kernel_name == "enigma_kernel_tiled_add"
    assert compiled.param_names == ["A", "B", "C"]
    assert compiled.outputs == ["C"]


@pytest.mark.parametrize("function", [tiled_add, tiled_add_2d], ids=["1d", "2d"])
@pytest.mark.parametrize("size", SIZES[:2], ids=lambda s: f"{s[0]}x{s[1]}")
def test_tiled_add_moves_float4_and_divides_nothing(function, size):
    source = enigma.compile(function, *matrices(*size)).metal_source
    body = source[source.index("{") :]
    assert "/" not in body and "%" not in body
    counts = count(source)
    assert (counts.loads, counts.wide_loads, counts.stores, counts.wide_stores) == (8, 8, 4, 4)
    assert counts.allocas == 0


def test_rows_that_break_alignment_are_read_one_by_one():
    counts = count(enigma.compile(tiled_add_2d, *matrices(250, 501)).metal_source)
    assert (counts.loads, counts.wide_loads) == (32, 0)


# ---- Errors


def error_of(function, *args):
    with pytest.raises(enigma.EnigmaError) as caught:
        enigma.compile(function, *args)
    return str(caught.value)


def test_a_tile_larger_than_the_tensor_is_refused():
    message = error_of(tiled_add, *matrices(8, 512))
    assert "tiler exceeds tensor" in message
    assert "16" in message and "8" in message
    assert "test_tensor_jit.py" in message


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
