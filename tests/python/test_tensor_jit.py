# SPDX-License-Identifier: MIT
"""Tensors and @enigma.jit: the documents' tiled_add, whole and ragged; several launches with scratch between them; parts of tensors."""

import numpy as np
import pytest

import enigma
from example_files import example
from msl import standin
from msl.counts import count
from tensor_launches import HOST, error_of, in_three_ways, matrices, tiled_add, vectors

tiled_add_2d = example("tiled_add").tiled_add
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


def test_two_dimensional_launch_of_tiled_add_needs_at_most_five_integer_operations():
    source = enigma.compile(tiled_add_2d, *matrices(256, 512)).metal_source
    counts = count(source)
    assert (counts.loads, counts.wide_loads, counts.stores, counts.wide_stores) == (8, 8, 4, 4)
    assert counts.integer <= 5 and counts.divisions == 0
    assert "(const device float4*)A + base + 128" in source


def test_rows_that_break_alignment_are_read_one_by_one():
    counts = count(enigma.compile(tiled_add_2d, *matrices(250, 501)).metal_source)
    assert (counts.loads, counts.wide_loads) == (32, 0)


def test_launches_run_in_order_and_share_scratch():
    @enigma.kernel
    def square(source, target):
        i = enigma.thread_position_in_grid
        target[i] = source[i] * source[i]

    @enigma.kernel
    def shift(source, target, by):
        i = enigma.thread_position_in_grid
        target[i] = source[i] + by

    @enigma.jit
    def chain(A, B, by):
        middle = enigma.scratch(64, enigma.f32)
        square(A, middle).launch(grid=64, block=32)
        shift.launch(middle, B, by, grid=64, block=64)
        square(B, middle).launch(grid=64, block=32)
        shift(middle, B, by=0.5).launch(grid=64, block=16)

    compiled = enigma.compile(chain, *vectors(64), 3.0)
    names = [launch.kernel_name for launch in compiled.launches]
    assert names == [f"enigma_kernel_chain_{n}" for n in ("square", "shift", "square_2", "shift_2")]
    assert [launch.block for launch in compiled.launches] == [(32, 1, 1), (64, 1, 1), (32, 1, 1), (16, 1, 1)]
    assert (compiled.grid, compiled.block) == ((64, 1, 1), (16, 1, 1))
    assert compiled.param_names == ["A", "B"] and compiled.outputs == ["B"]
    assert compiled.metal_source.count("#include") == 1
    assert standin.check(compiled.metal_source) == []
    a = np.linspace(0, 2, 64, dtype=np.float32)
    expected = (a * a + np.float32(3)) ** 2 + np.float32(0.5)
    for _ in range(2):
        out = np.frombuffer(HOST.execute(compiled, [a], 256), np.float32)
        np.testing.assert_allclose(out, expected, rtol=1e-6)
    out, middle = np.zeros(64, np.float32), np.zeros(64, np.float32)
    for launch in compiled.launches:
        text = standin.compile(launch.metal_source)
        text.run([a, out, middle], grid=launch.grid, threads=launch.block)
    np.testing.assert_allclose(out, expected, rtol=1e-6)

    with HOST.prepare(compiled, [a], 256) as prepared:
        prepared.dispatch()
        np.testing.assert_allclose(prepared.read_output(np.float32), expected, rtol=1e-6)
        assert prepared.dispatch_timed() >= 0
    device_a, device_b = HOST.array(a), HOST.empty(64)
    HOST.launch(compiled, [device_a, device_b])
    np.testing.assert_allclose(device_b.numpy(), expected, rtol=1e-6)


def test_scratch_that_nobody_wrote_is_refused():
    @enigma.jit
    def reads_nothing(A):
        empty = enigma.scratch(16, enigma.f32)

        @enigma.kernel
        def inner(source, target):
            i = enigma.thread_position_in_grid
            target[i] = source[i]

        inner(empty, A).launch(grid=16, block=16)

    assert "reads scratch, which no launch before wrote" in error_of(reads_nothing, *vectors(16, "A"))


def test_another_launch_than_the_compiled_one_is_refused():
    compiled = enigma.compile(tiled_add, *matrices(16, 256))
    a = np.zeros((16, 256), np.float32)
    with pytest.raises(enigma.LaunchError, match=r"compiled for grid=\(256, 1, 1\), got \(512, 1, 1\)"):
        HOST.execute(compiled, [a, a], a.nbytes, grid=512)
    with pytest.raises(enigma.LaunchError, match="parameter A has 256 elements, its tensor needs 4096"):
        HOST.execute(compiled, [a[:1], a], a.nbytes)


@enigma.kernel
def double(A: enigma.f32, B: enigma.f32):
    i = enigma.thread_position_in_grid
    B[i] = A[i] * 2


def test_a_kernel_of_raw_buffers_takes_whole_tensors():
    @enigma.jit
    def launches(A, B, part):
        double(A[None] if not part else A[4], B).launch(grid=16, block=16)

    compiled = enigma.compile(launches, *vectors(16), False)
    a = np.arange(16, dtype=np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (16,)), a * 2)


def test_a_part_of_a_tensor_is_no_raw_buffer():
    @enigma.jit
    def launches(A, B):
        double(enigma.tensor_zipped_divide(A, 8)[None, 1], B).launch(grid=8, block=8)

    assert "starts at element 0; got a part from element 8" in error_of(launches, *vectors(16))


def test_identity_tensor_gives_coordinates():
    @enigma.jit
    def positions(A):
        gA = enigma.tensor_zipped_divide(A, (4, 8))
        gC = enigma.tensor_zipped_divide(enigma.make_identity_tensor((8, 24)), (4, 8))

        @enigma.kernel
        def inner(a, c):
            tx, ty, _ = enigma.arch.thread_idx()
            bx, by, _ = enigma.arch.block_idx()
            row, column = c[(ty, tx), (by, bx)]
            a[(ty, tx), (by, bx)] = row * 100 + column

        inner(gA, gC).launch(grid=(24, 8), block=(8, 4))

    compiled = enigma.compile(positions, *matrices(8, 24, "i32", count=1))
    expected = np.add.outer(np.arange(8) * 100, np.arange(24)).astype(np.int32)
    np.testing.assert_array_equal(in_three_ways(compiled, [], (8, 24), np.int32), expected)


@pytest.mark.parametrize("n", [1, 3, 37, 64, 100])
def test_local_partition_and_local_tile_reach_every_element(n):
    @enigma.jit
    def moves(A, B):
        @enigma.kernel
        def inner(a, b):
            thread = enigma.thread_position_in_threadgroup("x")
            group = enigma.threadgroup_position_in_grid("x")
            threads = enigma.Layout(8)
            source = enigma.local_partition(enigma.local_tile(a, 32, group), threads, thread)
            target = enigma.local_partition(enigma.local_tile(b, 32, group), threads, thread)
            target.store(source.load() + 1)

        inner(A, B).launch(grid=(n + 31) // 32 * 8, block=8)

    tensors = [enigma.Tensor(name, i, "i32", enigma.Layout(n)) for i, name in enumerate("AB")]
    if n < 32:
        assert "tiler exceeds tensor" in error_of(moves, *tensors)
        return
    compiled = enigma.compile(moves, *tensors)
    a = np.arange(n, dtype=np.int32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (n,), np.int32), a + 1)
