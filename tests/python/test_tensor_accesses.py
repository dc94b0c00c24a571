# SPDX-License-Identifier: MIT
"""Accesses of tensors: as wide as the layout proves, in every memory; one base for all of them; masks without arithmetic."""

import numpy as np
import pytest

import enigma
from example_files import example
from msl import standin
from msl.counts import Counts, count
from tensor_launches import HOST, error_of, in_three_ways, matrices, vectors

tiled_add_2d = example("tiled_add").tiled_add

FOUR_EACH = enigma.Layout((64, 4), (4, 1))  # (thread, value)


@enigma.jit
def reversed_blocks(A, B):
    """Each threadgroup reverses the order of its fours, through threadgroup memory."""
    gA, gB = (enigma.tensor_zipped_divide(t, 256) for t in (A, B))

    @enigma.kernel
    def inner(a, b):
        t, _, _ = enigma.arch.thread_idx()
        group, _, _ = enigma.arch.block_idx()
        shared = enigma.make_tensor(enigma.threadgroup_alloc(256, A.dtype), enigma.Layout((4, 64), (1, 4)))
        shared[None, t].store(enigma.tensor_composition(a[None, group], FOUR_EACH)[t, None].load())
        enigma.barrier()
        enigma.tensor_composition(b[None, group], FOUR_EACH)[t, None].store(shared[None, 63 - t].load())

    inner(gA, gB).launch(grid=A.size // 4, block=64)


@pytest.mark.parametrize("dtype", ["f32", "f16", "i32", "u8"])
def test_threadgroup_tensors_move_vectors(dtype):
    dtype = getattr(enigma, dtype)
    compiled = enigma.compile(reversed_blocks, *vectors(1024, dtype=dtype))
    a = np.random.default_rng(1).integers(0, 99, 1024).astype(enigma.dtypes.numpy_dtype(dtype))
    expected = a.reshape(4, 64, 4)[:, ::-1].reshape(-1)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (1024,), a.dtype), expected)
    assert standin.check(compiled.metal_source) == []
    assert f"alignas({4 * dtype.itemsize}) threadgroup" in compiled.metal_source
    if dtype is enigma.f32:
        counts = count(compiled.metal_source)
        assert counts == Counts(
            loads=1,
            stores=1,
            wide_loads=1,
            wide_stores=1,
            integer=1,
            local_loads=1,
            local_stores=1,
            barriers=1,
        )


@pytest.mark.parametrize("traced", [False, True], ids=["unrolled", "loop"])
def test_a_tensor_of_registers_is_read_and_written_by_vectors(traced):
    @enigma.jit
    def turned(A, B):
        gA, gB = (enigma.tensor_composition(t, enigma.Layout((4, 4, 16), (1, 4, 16))) for t in (A, B))

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            held = enigma.register_tensor(16, enigma.f32)
            rows = enigma.make_tensor(held, enigma.Layout((4, 4), (1, 4)))
            for k in enigma.range(4) if traced else range(4):
                rows[None, 3 - k].store(a[None, k, i].load())
            b[None, None, i].store(rows.load())

        inner(gA, gB).launch(grid=16, block=16)

    compiled = enigma.compile(turned, *vectors(256))
    a = np.random.default_rng(2).random(256, np.float32)
    np.testing.assert_array_equal(
        in_three_ways(compiled, [a], (256,)), a.reshape(16, 4, 4)[:, ::-1].reshape(-1)
    )
    # Values where every index is a constant, else an array with the alignment of its vectors.
    assert (
        "alignas(16) float held[16]" if traced else "{\n    uint base = gid * 4u;\n    float4"
    ) in compiled.metal_source
    if not traced:
        counts = count(compiled.metal_source)
        assert (counts.loads, counts.wide_loads, counts.stores, counts.wide_stores) == (4, 4, 4, 4)


def test_arrays_of_a_full_threadgroup_memory_stay_within_it():
    """32 KiB in all: what alignment adds between arrays counts."""

    @enigma.jit
    def function(A, B):
        gA, gB = (enigma.tensor_zipped_divide(t, 4) for t in (A, B))

        @enigma.kernel
        def inner(a, b):
            t, _, _ = enigma.arch.thread_idx()
            odd = enigma.threadgroup_alloc(1, enigma.u8)
            shared = enigma.make_tensor(
                enigma.threadgroup_alloc(8191, enigma.f32), enigma.Layout((4, 8), (1, 4))
            )
            odd[0] = enigma.u8(1)
            shared[None, t].store(a[None, t].load())
            enigma.barrier()
            b[None, t].store(shared[None, t].load() * enigma.f32(odd[0]))

        inner(gA, gB).launch(grid=8, block=8)

    compiled = enigma.compile(function, *vectors(32))
    with pytest.raises(enigma.EnigmaError, match="32780"):  # 16 + 8191 * 4
        HOST.execute(compiled, [np.zeros(32, np.float32)], 128)


def neighbours(grid, guard):
    @enigma.jit
    def function(A, B):
        gA, gB = (enigma.tensor_zipped_divide(t, 4) for t in (A, B))

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            x = a[None, i].load()
            if guard(i):
                x = x + a[3, i - 1]
            b[None, i].store(x)

        inner(gA, gB).launch(grid=grid, block=32)

    return function


def test_vectors_and_elements_beside_them_have_one_base_and_a_difference_costs_nothing():
    compiled = enigma.compile(neighbours(64, lambda i: i > 0), *vectors(256))
    a = np.random.default_rng(3).random(256, np.float32)
    expected = a.reshape(64, 4).copy()
    expected[1:] += a.reshape(64, 4)[:-1, 3:]
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (64, 4)), expected)
    assert count(compiled.metal_source) == Counts(loads=2, stores=1, wide_loads=1, wide_stores=1, integer=1)


def test_rows_of_vectors_and_elements_have_one_base():
    @enigma.jit
    def function(A, B):
        gA, gB = (enigma.tensor_zipped_divide(t, (1, 4)) for t in (A, B))

        @enigma.kernel
        def inner(a, b):
            x, y, _ = enigma.arch.thread_idx()
            row = enigma.arch.block_idx()[1] * 4 + y
            b[None, (row, x)].store(a[None, (row, x)].load() * a[(0, 2), (row, x)])

        inner(gA, gB).launch(grid=(8, 16), block=(8, 4))

    layout = enigma.Layout((16, 32), (32, 1))
    compiled = enigma.compile(function, *(enigma.Tensor(n, i, "float", layout) for i, n in enumerate("AB")))
    a = np.random.default_rng(4).random((16, 32), np.float32)
    expected = (a.reshape(16, 8, 4) * a.reshape(16, 8, 4)[:, :, 2:3]).reshape(16, 32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (16, 32)), expected)
    assert count(compiled.metal_source).integer <= 3  # a row, a column, and elements instead of vectors


@enigma.jit
def doubled(A, B):
    tv = enigma.Layout((32, 4), (4, 1))
    gA, gB = (enigma.tensor_composition(enigma.tensor_zipped_divide(t, 128), tv, 128) for t in (A, B))

    @enigma.kernel
    def inner(a, b):
        i = enigma.thread_position_in_grid
        b[i, None].store(a[i, None].load() * 2.0)

    inner(gA, gB).launch(grid=gA.shape[0][0] * gA.shape[0][1], block=32)


def test_a_mask_of_whole_vectors_counts_vectors():
    compiled = enigma.compile(doubled, *vectors(232))
    a = np.random.default_rng(5).random(232, np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (232,)), 2 * a)
    assert "< 58u" in compiled.metal_source
    assert count(compiled.metal_source) == Counts(loads=1, stores=1, wide_loads=1, wide_stores=1)


@pytest.mark.parametrize("n", [129, 130, 131, 133, 255])
def test_a_mask_that_is_rounded_up_keeps_the_last_element(n):
    compiled = enigma.compile(doubled, *vectors(n))
    a = np.random.default_rng(n).random(n, np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (n,)), 2 * a)


def test_one_element_is_as_wide_as_it_can_be():
    compiled = enigma.compile(neighbours(64, lambda i: i > 0), *vectors(256))
    assert "load A: 1 element as 1 x f32  (" in compiled.explain()


# ---- Blocks that no thread enters


@pytest.mark.parametrize(
    "guard", [lambda i: i > 0, lambda i: i >= 1, lambda i: (i > 0) & (i < 9), lambda i: i == 7]
)
def test_a_block_that_no_thread_of_the_launch_enters_may_say_anything(guard):
    compiled = enigma.compile(neighbours(1, guard), *vectors(4))
    a = np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (4,)), a)
    assert "if" not in compiled.metal_source.partition("{")[2]


def test_what_a_dead_block_stores_does_not_count():
    @enigma.jit
    def function(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            if i > 9:
                b[i] = a[i]
            b[enigma.arch.thread_idx()[0]] = a[i]

        inner(A, B).launch(grid=8, block=4)

    assert "stores 4 of the 8 elements of B" in error_of(function, *vectors(8))


def test_behind_a_dead_block_coordinates_are_checked_again():
    @enigma.jit
    def function(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            if i > 9:
                b[i + 5] = a[i]
            b[i + 1] = a[i]

        inner(A, B).launch(grid=8, block=8)

    assert "from 1 to 8, but the mode has 8 elements" in error_of(function, *vectors(8))


def test_a_guarded_store_counts_as_often_as_its_guard_lets_through():
    def halves(second):
        @enigma.jit
        def function(A, B):
            @enigma.kernel
            def inner(a, b):
                i = enigma.thread_position_in_grid
                if i < 500:
                    b[i] = a[i]
                elif i < second:
                    b[i] = a[i] * 2.0

            inner(A, B).launch(grid=1024, block=32)

        return function

    assert "stores 999 of the 1000 elements of B" in error_of(halves(999), *vectors(1000))
    compiled = enigma.compile(halves(1000), *vectors(1000))
    a = np.random.default_rng(7).random(1000, np.float32)
    np.testing.assert_array_equal(
        in_three_ways(compiled, [a], (1000,)), np.where(np.arange(1000) < 500, a, 2 * a)
    )


# ---- Loops


def test_a_loop_whose_end_leaves_room_is_a_plain_one():
    @enigma.kernel
    def some(A: enigma.f32, n: enigma.Scalar(enigma.u32), B: enigma.f32):
        lane = enigma.thread_index_in_simdgroup()
        total = 0.0
        for i in enigma.range(lane, enigma.min(n, enigma.u32(5000)), 32):
            total += A[i]
        B[lane] = total

    @enigma.kernel
    def any_number(A: enigma.f32, n: enigma.Scalar(enigma.u32), B: enigma.f32):
        lane = enigma.thread_index_in_simdgroup()
        total = 0.0
        for i in enigma.range(lane, n, 32):
            total += A[i]
        B[lane] = total

    source = enigma.compile(some).metal_source
    assert "i += 32" in source and "enigma_trip_count" not in source
    assert "enigma_trip_count" in enigma.compile(any_number).metal_source  # the next position could wrap
    a = np.random.default_rng(6).random(100, np.float32)
    out = np.zeros(32, np.float32)
    HOST.launch(enigma.compile(some), [a, 70, out], 32, 32)
    np.testing.assert_allclose(out, [a[k:70:32].sum() for k in range(32)], rtol=1e-6)


# ---- Types, layouts, memories


@pytest.mark.parametrize(
    ("dtype", "width"), [("f16", 4), ("bf16", 4), ("u8", 4), ("i64", 2), ("f32", 4), ("i16", 4), ("b1", 1)]
)
def test_copies_take_the_widest_access_of_the_type(dtype, width):
    @enigma.jit
    def move(A, B):
        a, b = (enigma.tensor_zipped_divide(t, 8) for t in (A, B))

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            enigma.copy(a[None, i], b[None, i])

        inner(a, b).launch(grid=16, block=16)

    compiled = enigma.compile(move, *vectors(128, dtype=dtype))
    kind = enigma.dtypes.numpy_dtype(getattr(enigma, dtype))
    a = np.random.default_rng(4).integers(0, 2, 128).astype(kind)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (128,), kind), a)
    text = compiled.explain()
    assert f"{8 // width} x {dtype}{f'x{width}' if width > 1 else ''}" in text


def test_explain_says_why_an_access_is_narrow():
    compiled = enigma.compile(tiled_add_2d, *matrices(250, 501))
    assert "load A: 16 elements as 16 x f32" in compiled.explain()
    assert "not wider: the end of mode 1 (501 elements) can fall inside a vector of 4" in compiled.explain()
    assert "masked at the end" in compiled.explain()
    whole = enigma.compile(tiled_add_2d, *matrices(256, 512)).explain()
    assert "store C: 16 elements as 4 x f32x4" in whole and "not wider" not in whole


@enigma.jit
def gather(A, B):
    """Each thread loads what its place in the last mode of A holds, and stores it in order."""
    count, threads = enigma.size(A, mode=[0]) * enigma.size(A, mode=[1]), enigma.size(A, mode=[2])

    @enigma.kernel
    def inner(a, b):
        i = enigma.thread_position_in_grid
        x = a[None, None, i].load()
        enigma.tensor_zipped_divide(b, count)[None, i].store(x.reshape(count))

    inner(A, B).launch(grid=threads, block=threads)


def test_random_layouts_are_read_as_their_functions_say():
    """Shapes and strides at random, also broken and reordered ones: element by element against the layout."""
    rng = np.random.default_rng(7)
    for _ in range(12):
        order = rng.permutation(3)
        shape = [int(x) for x in rng.choice([2, 3, 4, 6, 8], 3)]
        stride, step = [0, 0, 0], 1
        for mode in order:
            stride[mode] = step
            step *= shape[mode] + int(rng.integers(0, 2) * rng.integers(0, 4))
        layout = enigma.Layout(tuple(shape), tuple(stride))
        offset = int(rng.choice([0, 1, 2, 4, 8]))
        extent = enigma.cosize(layout) + offset
        count = shape[0] * shape[1]

        compiled = enigma.compile(
            gather,
            enigma.Tensor("A", 0, "i32", layout, base_offset=offset),
            enigma.Tensor("B", 1, "i32", enigma.Layout(count * shape[2])),
        )
        a = np.arange(extent, dtype=np.int32) * 7
        expected = np.array([a[layout(i) + offset] for i in range(count * shape[2])], np.int32)
        np.testing.assert_array_equal(
            in_three_ways(compiled, [a], (count * shape[2],), np.int32), expected, str((layout, offset))
        )


@pytest.mark.parametrize("rows", [1 << 15, 1 << 17])
def test_addresses_beyond_32_bits_are_computed_in_64(rows):
    """A row of 1 Mi elements: from 4096 rows on an index needs more than 32 bits."""

    @enigma.jit
    def ends(A, B):
        @enigma.kernel
        def inner(a, b):
            row = enigma.thread_position_in_grid
            tile = enigma.tensor_zipped_divide(a[row, None], 4)[None, 0]
            b[row] = tile.load().reduce("add")

        inner(A, B).launch(grid=rows, block=32)

    A = enigma.Tensor("A", 0, "u8", enigma.Layout((rows, 1 << 20), (1 << 20, 1)))
    source = enigma.compile(ends, A, enigma.Tensor("B", 1, "u8", enigma.Layout(rows))).metal_source
    assert "ulong" in source and "uchar4" in source


@enigma.kernel
def rows_doubled(A: enigma.f32, B: enigma.f32):
    i = enigma.thread_position_in_grid
    a, b = (enigma.make_tensor(x, enigma.Layout((8, 4), (4, 1))) for x in (A, B))
    b[i, None].store(a[i, None].load() * 2)


def test_tensors_of_buffers_work_in_plain_kernels_and_are_masked():
    compiled = enigma.compile(rows_doubled)
    a = np.arange(32, dtype=np.float32)
    for threads in (8, 13):  # five rows too many are left out
        out, text = np.zeros(32, np.float32), np.zeros(32, np.float32)
        HOST.launch(compiled, [a, out], grid=threads, threads=threads)
        standin.compile(compiled.metal_source).run([a, text], grid=threads, threads=threads)
        np.testing.assert_array_equal(out, a * 2)
        np.testing.assert_array_equal(text, a * 2)


PLAIN = enigma.Layout((8, 32), (32, 1))
SWIZZLED = enigma.composition(enigma.Swizzle(2, 2, 3), PLAIN)


@enigma.jit
def plus_one(A, B):
    gA, gB = (enigma.tensor_zipped_divide(t, (2, 8)) for t in (A, B))

    @enigma.kernel
    def inner(a, b):
        i = enigma.thread_position_in_grid
        b[(None, None), i].store(a[(None, None), i].load() + 1.0)

    inner(gA, gB).launch(grid=16, block=16)


@pytest.mark.parametrize("source", [PLAIN, SWIZZLED], ids=["plain", "swizzled"])
def test_swizzled_tensors_keep_their_vectors(source):
    A, B = enigma.Tensor("A", 0, "float", source), enigma.Tensor("B", 1, "float", SWIZZLED)
    compiled = enigma.compile(plus_one, A, B)
    a = np.random.default_rng(8).random(256, np.float32)
    expected = np.zeros(256, np.float32)
    for i in range(8):
        for j in range(32):
            expected[SWIZZLED((i, j))] = a[source((i, j))] + np.float32(1)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (256,)), expected)
    assert "4 x f32x4" in compiled.explain() and "not wider" not in compiled.explain()


@enigma.jit
def transposed(A, B):
    gA, gB = enigma.tensor_zipped_divide(A, (8, 8)), enigma.tensor_zipped_divide(B, (8, 8))

    @enigma.kernel
    def inner(a, b):
        tx, ty, _ = enigma.arch.thread_idx()
        bx, by, _ = enigma.arch.block_idx()
        layout = enigma.composition(enigma.Swizzle(3, 0, 3), enigma.Layout((8, 8), (8, 1)))
        tile = enigma.make_tensor(enigma.threadgroup_alloc(64, enigma.f32), layout)
        tile[ty, tx] = a[(ty, tx), (by, bx)]
        enigma.barrier()
        b[(ty, tx), (bx, by)] = tile[tx, ty]

    inner(gA, gB).launch(grid=(32, 16), block=(8, 8))


def test_a_swizzled_threadgroup_tensor_transposes_tiles():
    A = enigma.Tensor("A", 0, "float", enigma.Layout((16, 32), (32, 1)))
    B = enigma.Tensor("B", 1, "float", enigma.Layout((32, 16), (16, 1)))
    compiled = enigma.compile(transposed, A, B)
    a = np.random.default_rng(9).random((16, 32), np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (32, 16)), a.T)


def test_a_register_tensor_holds_a_fragment():
    @enigma.jit
    def through_registers(A, B):
        gA, gB = (enigma.tensor_zipped_divide(t, 8) for t in (A, B))

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            held = enigma.make_tensor(enigma.register_tensor(8, enigma.f32), 8)
            held.fill(1.0)
            for k in enigma.range(3):
                held.store(held.load() + a[None, i].load() * enigma.f32(k))
            enigma.copy(held, b[None, i])

        inner(gA, gB).launch(grid=8, block=8)

    compiled = enigma.compile(through_registers, *vectors(64))
    a = np.random.default_rng(10).integers(0, 9, 64).astype(np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (64,)), 1 + 3 * a)


def test_a_layout_larger_than_its_array_is_refused():
    @enigma.jit
    def too_small(A):
        @enigma.kernel
        def inner(a):
            tile = enigma.make_tensor(enigma.threadgroup_alloc(63, enigma.f32), (8, 8))
            a[0] = tile[7, 7]

        inner(A).launch(grid=1, block=1)

    message = error_of(too_small, *vectors(1, "A"))
    assert "reaches element 63" in message and "63 elements" in message


@pytest.mark.parametrize("memory", ["registers", "threadgroup"])
def test_vectors_at_a_place_of_each_lanes_own_are_read_and_written(memory):
    @enigma.jit
    def function(A, B):
        gA, gB = (enigma.tensor_composition(t, enigma.Layout((4, 4, 64), (1, 4, 16))) for t in (A, B))

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            if memory == "registers":
                rows = enigma.make_tensor(
                    enigma.register_tensor(16, enigma.f32), enigma.Layout((4, 4), (1, 4))
                )
            else:
                every = enigma.make_tensor(
                    enigma.threadgroup_alloc(1024, enigma.f32), enigma.Layout((4, 4, 64), (1, 4, 16))
                )
                rows = every[None, None, i]
            for k in enigma.range(4):
                rows[None, (i * i + k) % 4].store(a[None, k, i].load())
            for k in range(4):
                b[None, k, i].store(rows[None, (i ^ k) % 4].load())

        inner(gA, gB).launch(grid=64, block=64)

    compiled = enigma.compile(function, *vectors(1024))
    a = np.random.default_rng(11).random((64, 4, 4), np.float32)
    expected = np.zeros_like(a)
    for i in range(64):
        for k in range(4):
            expected[i, k] = a[i, ((i ^ k) - i * i) % 4]
    np.testing.assert_array_equal(in_three_ways(compiled, [a], a.shape), expected)
    assert "alignas(16)" in compiled.metal_source
