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


@enigma.kernel
def copy_element(a, b):
    i = enigma.thread_position_in_grid
    b[i] = a[i]


def bind_only(A, B):
    copy_element(A, B).launch(grid=64, block=64)
    copy_element(A, B)


def too_many_threads(A, B):
    copy_element(A, B).launch(grid=64, block=(64, 32))


def no_block(A, B):
    copy_element(A, B).launch(grid=64)


def empty_grid(A, B):
    copy_element(A, B).launch(grid=(64, 0), block=1)


def unknown_parameter(A, B):
    copy_element(A, c=B).launch(grid=64, block=64)


def too_many_arguments(A, B):
    copy_element.launch(A, B, 3, grid=64, block=64)


def launches_nothing(A, B):
    pass


def gives_a_result(A, B):
    copy_element(A, B).launch(grid=64, block=64)
    return B


def a_float_coordinate(A, B):
    @enigma.kernel
    def inner(a, b):
        b[enigma.thread_position_in_grid * 0.5] = a[0]

    inner(A, B).launch(grid=64, block=64)


def adds_memory(A, B):
    @enigma.kernel
    def inner(a, b):
        b.store(a + b)

    inner(A, B).launch(grid=1, block=1)


def another_shape(A, B):
    @enigma.kernel
    def inner(a, b):
        b.store(enigma.tensor_zipped_divide(a, 4)[None, 0].load())

    inner(A, B).launch(grid=1, block=1)


def launches_in_a_kernel(A, B):
    @enigma.kernel
    def inner(a, b):
        copy_element(a, b).launch(grid=1, block=1)

    inner(A, B).launch(grid=1, block=1)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (bind_only, r"copy_element\(...\) binds arguments, but is not launched"),
        (too_many_threads, "a threadgroup has at most 1024 threads"),
        (no_block, "block is missing"),
        (empty_grid, "grid must be at least 1 in each dimension"),
        (unknown_parameter, "it has no parameter c"),
        (too_many_arguments, "it has the parameters a, b, got 3 arguments"),
        (launches_nothing, "launches no kernel"),
        (gives_a_result, "returns a value"),
        (a_float_coordinate, "a coordinate must be an integer, got f32"),
        (adds_memory, "the tensor A is memory: compute with its elements"),
        (another_shape, "the tensor has the shape"),
        (launches_in_a_kernel, "works only while a jit function is compiled"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_a_mistaken_launch_says_what_is_wrong(function, message):
    with pytest.raises(TypeError if function is adds_memory else enigma.EnigmaError, match=message):
        enigma.compile(enigma.jit(function), *vectors(64))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (("B", 2), "B has buffer_index 2, but none has 1"),
        (("B", 0), "A and B both have buffer_index 0"),
        (("A", 1), "two tensors are called A"),
    ],
)
def test_buffers_are_counted_without_gaps(second, message):
    tensors = [enigma.Tensor("A", 0, "float", 64), enigma.Tensor(*second, "float", 64)]
    assert message in error_of(enigma.jit(launches_nothing), *tensors)


# ---- Launches


def vectors(n, names="AB", dtype="float"):
    return [enigma.Tensor(name, i, dtype, enigma.Layout(n)) for i, name in enumerate(names)]


def test_a_guarded_position_is_understood():
    @enigma.jit
    def guarded(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            with enigma.if_(i < 1000):
                b[i] = a[i] + 1.0

        inner(A, B).launch(grid=1024, block=256)

    compiled = enigma.compile(guarded, *vectors(1000))
    a = np.arange(1000, dtype=np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (1000,)), a + 1)


def test_the_other_arm_of_a_guard_is_not_guarded():
    @enigma.jit
    def wrong_arm(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            if i < 1000:
                b[i] = a[i]
            else:
                b[i] = 0.0

        inner(A, B).launch(grid=1024, block=256)

    message = error_of(wrong_arm, *vectors(1000))
    assert "from 1000 to 1023" in message and "b[i] = 0.0" in message


def test_a_guard_ends_with_its_block():
    @enigma.jit
    def after(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            with enigma.if_(i < 1000):
                b[i] = a[i]
            b[i] = a[i]

        inner(A, B).launch(grid=1024, block=256)

    assert "from 0 to 1023" in error_of(after, *vectors(1000))


def test_a_remainder_that_a_guard_makes_trivial_is_taken_outside_of_it():
    """i % 1000 is i under the guard, and must not be remembered as i after it."""

    @enigma.jit
    def remainders(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            wrapped = i % 1000
            with enigma.if_(i < 1000):
                b[wrapped] = a[wrapped]
            b[wrapped] = a[wrapped] * 2.0

        inner(A, B).launch(grid=1024, block=256)

    compiled = enigma.compile(remainders, *vectors(1000))
    a = np.arange(1000, dtype=np.float32)
    out = np.frombuffer(HOST.execute(compiled, [a], 4000), np.float32)
    np.testing.assert_array_equal(out, a * 2)


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


# ---- Fragments


def test_a_loop_over_tiles_carries_a_fragment():
    @enigma.jit
    def column_sums(A, B):
        gA = enigma.tensor_zipped_divide(A, (1, 4))

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            total = a[(0, None), (0, i)].load()
            with enigma.for_range(1, 32) as row:
                total = total + a[(0, None), (row, i)].load()
            enigma.tensor_zipped_divide(b, 4)[None, i].store(total)

        inner(gA, B).launch(grid=16, block=16)

    A = enigma.Tensor("A", 0, "float", enigma.Layout((32, 64), (64, 1)))
    compiled = enigma.compile(column_sums, A, enigma.Tensor("B", 1, "float", enigma.Layout(64)))
    assert "float4" in compiled.metal_source
    a = np.random.default_rng(2).integers(0, 9, (32, 64)).astype(np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (64,)), a.sum(axis=0))


def test_a_loop_that_runs_past_the_tiles_is_refused():
    @enigma.jit
    def too_far(A, B):
        gA = enigma.tensor_zipped_divide(A, 8)

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            total = 0.0
            with enigma.for_range(0, 9) as k:
                total = total + a[i, k]
            b[i] = total

        inner(gA, B).launch(grid=8, block=8)

    message = error_of(too_far, *vectors(64))
    assert "goes from 0 to 8" in message and "8 elements" in message


def test_fragments_compute_elementwise_and_reduce():
    @enigma.jit
    def compute(A, B, C):
        tiles = [enigma.tensor_zipped_divide(t, 8) for t in (A, B)]

        @enigma.kernel
        def inner(a, b, c):
            i = enigma.thread_position_in_grid
            x, y = a[None, i].load(), b[None, i].load()
            z = 2.0 * x - y / 4 + abs(x) * -y
            c[i] = z.reduce("add") + enigma.i32(z.reduce("max") > 3.0) + x[3]

        inner(*tiles, C).launch(grid=8, block=8)

    compiled = enigma.compile(compute, *vectors(64, "AB"), enigma.Tensor("C", 2, "float", enigma.Layout(8)))
    rng = np.random.default_rng(3)
    a, b = (rng.integers(-4, 5, 64).astype(np.float32) for _ in "ab")
    z = (2 * a - b / 4 + abs(a) * -b).reshape(8, 8)
    expected = z.sum(axis=1) + (z.max(axis=1) > 3) + a.reshape(8, 8)[:, 3]
    np.testing.assert_array_equal(in_three_ways(compiled, [a, b], (8,)), expected)


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


def test_two_dimensional_launch_of_tiled_add_needs_at_most_five_integer_operations():
    source = enigma.compile(tiled_add_2d, *matrices(256, 512)).metal_source
    counts = count(source)
    assert (counts.loads, counts.wide_loads, counts.stores, counts.wide_stores) == (8, 8, 4, 4)
    assert counts.integer <= 5 and counts.divisions == 0
    assert "(const device float4*)A + base + 128" in source


def test_functions_of_fragments_are_elementwise():
    @enigma.jit
    def functions(A, B):
        a, b = (enigma.tensor_zipped_divide(t, 8) for t in (A, B))

        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            x = a[None, i].load()
            zero = enigma.full_like(x, 0.0)
            y = enigma.select_(x > 2.0, enigma.min(x, 4.0), enigma.max(zero, enigma.floor(x)))
            b[None, i].store(y.map(enigma.sqrt))

        inner(a, b).launch(grid=8, block=8)

    compiled = enigma.compile(functions, *vectors(64))
    assert "float4" in compiled.metal_source and "A[" not in compiled.metal_source
    a = np.random.default_rng(5).uniform(-6, 6, 64).astype(np.float32)
    expected = np.sqrt(np.where(a > 2, np.minimum(a, 4), np.maximum(0, np.floor(a))))
    np.testing.assert_allclose(in_three_ways(compiled, [a], (64,)), expected, rtol=1e-6)


def test_a_tensor_bound_in_a_loop_is_used_there():
    @enigma.jit
    def row_sums(A, B):
        @enigma.kernel
        def inner(a, b):
            row = enigma.thread_position_in_grid
            tiles = enigma.tensor_zipped_divide(a[row, None], 8)
            total = enigma.full_like(tiles[None, 0].load(), 0.0)
            for k in enigma.range(4):
                part = tiles[None, k]
                x = part.load()
                if x[0] > 0.5:
                    total = total + x
                if x[0] <= 0.5:
                    total = total - x
            b[row] = total.reduce("add")

        inner(A, B).launch(grid=16, block=16)

    A = enigma.Tensor("A", 0, "float", enigma.Layout((16, 32), (32, 1)))
    compiled = enigma.compile(row_sums, A, enigma.Tensor("B", 1, "float", enigma.Layout(16)))
    assert "float4" in compiled.metal_source
    a = np.random.default_rng(6).integers(0, 2, (16, 32)).astype(np.float32)
    tiles = a.reshape(16, 4, 8)
    expected = np.where(tiles[:, :, :1] > 0.5, tiles, -tiles).sum(axis=(1, 2))
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (16,)), expected)


def test_a_kernel_of_raw_buffers_takes_whole_tensors():
    @enigma.kernel
    def double(A: enigma.f32, B: enigma.f32):
        i = enigma.thread_position_in_grid
        B[i] = A[i] * 2

    @enigma.jit
    def launches(A, B, part):
        double(A[None] if not part else A[4], B).launch(grid=16, block=16)

    compiled = enigma.compile(launches, *vectors(16), False)
    a = np.arange(16, dtype=np.float32)
    np.testing.assert_array_equal(in_three_ways(compiled, [a], (16,)), a * 2)


def test_a_part_of_a_tensor_is_no_raw_buffer():
    @enigma.kernel
    def double(A: enigma.f32, B: enigma.f32):
        i = enigma.thread_position_in_grid
        B[i] = A[i] * 2

    @enigma.jit
    def launches(A, B):
        double(enigma.tensor_zipped_divide(A, 8)[None, 1], B).launch(grid=8, block=8)

    assert "starts at element 0; got a part from element 8" in error_of(launches, *vectors(16))


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


def test_a_part_that_a_loop_cut_is_refused_after_it():
    @enigma.jit
    def after(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            for k in enigma.range(4):
                part = a[None, k]
            b[i] = part[i]

        inner(A, B).launch(grid=16, block=16)

    A = enigma.Tensor("A", 0, "float", enigma.Layout((16, 32), (32, 1)))
    message = error_of(after, A, enigma.Tensor("B", 1, "float", enigma.Layout(16)))
    assert "part of the tensor A was cut by a value of a loop" in message and "b[i] = part[i]" in message


def test_a_tensor_is_not_chosen_by_a_traced_condition():
    @enigma.jit
    def chosen(A, B):
        @enigma.kernel
        def inner(a, b):
            i = enigma.thread_position_in_grid
            part = a[i, None]
            if i < 3:
                part = a[0, None]
            b[i] = part[i]

        inner(A, B).launch(grid=16, block=16)

    A = enigma.Tensor("A", 0, "float", enigma.Layout((16, 32), (32, 1)))
    message = error_of(chosen, A, enigma.Tensor("B", 1, "float", enigma.Layout(16)))
    assert "which arm runs is not known while tracing" in message


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
