# SPDX-License-Identifier: MIT
"""Tiled MMA, tiled copies and pipelines: on the host and as Metal text, against NumPy in f64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import enigma
from elements import DTYPES
from marks import marked, notes, sentence
from msl import standin

RNG = np.random.default_rng(11)


def on_host(compiled: Any, inputs: list[np.ndarray], out: np.ndarray) -> np.ndarray:
    raw = enigma.HostRuntime().execute(compiled, inputs=inputs, output_size=out.nbytes)
    return np.frombuffer(raw, out.dtype).reshape(out.shape)


def in_metal_text(compiled: Any, inputs: list[np.ndarray], out: np.ndarray) -> np.ndarray:
    out = out.copy()
    assert standin.check(compiled.metal_source) == []
    kernel = standin.compile(compiled.metal_source, sanitize=True)
    kernel.run([*inputs, out], grid=compiled.grid, threads=compiled.block)
    return out


BOTH = pytest.mark.parametrize("run", [on_host, in_metal_text], ids=["host", "metal-text"])


def values(name: str, *shape: int) -> np.ndarray:
    return RNG.uniform(-2, 2, shape).astype(np.float32).astype(DTYPES[name])


def tensor(name: str, index: int, dtype: str, layout: Any) -> enigma.Tensor:
    return enigma.Tensor(name, index, getattr(enigma, dtype), layout)


def wide(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float64)


# ---- Layouts


@pytest.mark.parametrize(
    "atoms", [(1, 1, 1), (2, 2, 1), (4, 1, 1), (1, 4, 1), (2, 3, 1), enigma.Layout((2, 2, 1), (2, 1, 0))]
)
def test_layouts_take_lanes_and_simdgroups_to_the_elements_of_the_tile(atoms: Any) -> None:
    mma = enigma.TiledMma(enigma.MmaAtom(), atoms)
    m, n, _ = (
        [enigma.size(mma.atom_layout_mnk, mode=[i]) for i in range(3)]
    )  # fmt: skip
    number = {
        mma.atom_layout_mnk((i, j, 0)): (i, j) for i in range(m) for j in range(n)
    }  # which atom a simdgroup has
    assert mma.shape_mnk == (8 * m, 8 * n, 8)
    assert mma.size == 32 * m * n
    firsts = {"a": lambda i, j: (i, 0), "b": lambda i, j: (j, 0), "c": lambda i, j: (i, j)}
    tiles = {"a": 8 * m, "b": 8 * n, "c": 8 * m}  # rows of the tile, which count fastest
    for operand, first in firsts.items():
        tv = getattr(mma, f"layout_{operand}_tv_tiled")
        for simdgroup, atom in number.items():
            row, column = (8 * x for x in first(*atom))
            for lane in (0, 7, 31):
                for value in range(64):
                    want = row + value % 8 + (column + value // 8) * tiles[operand]
                    assert tv((lane + 32 * simdgroup, value)) == want


def test_the_atom_is_of_all_lanes_together_and_its_lane_map_is_that_of_the_elements() -> None:
    atom = enigma.MmaAtom(enigma.f16, enigma.f32)
    assert atom.shape_mnk == (8, 8, 8)
    assert str(atom.layout_a_tv) == str(atom.layout_b_tv) == str(atom.layout_c_tv) == "(32,(8,8)):(0,(1,8))"
    for lane in range(32):
        row, column = (lane // 4 & 4) + lane // 2 % 4, (lane // 4 & 2) * 2 + lane % 2 * 2
        assert [atom.layout_lane_tv((lane, v)) for v in (0, 1)] == [
            row + 8 * column,
            row + 8 * (column + 1),
        ]


def test_a_tiled_copy_gives_each_element_to_one_thread() -> None:
    tiled = enigma.make_tiled_copy_tv(
        enigma.CopyAtom(enigma.f32, 128), enigma.Layout((8, 4), (4, 1)), enigma.Layout((1, 4))
    )
    assert tiled.size == 32
    assert tiled.tiler_mn == (8, 16)
    whole = enigma.make_identity_tensor((16, 32))
    seen = []
    for thread in range(32):
        part = tiled.get_slice(thread).partition_S(whole)
        assert part.shape == (4, 2, 2)
        for v in range(4):
            for i in range(2):
                for j in range(2):
                    assert part[v, i, j] == (thread // 4 + 8 * i, thread % 4 * 4 + v + 16 * j)
                    seen.append(part[v, i, j])
    assert len(set(seen)) == 16 * 32


# ---- Products straight from device memory


def product(dtype: str, sums: str, out: str, atoms: Any, layouts: Any, block: tuple[int, int]) -> Any:
    mma = enigma.make_tiled_mma(enigma.MmaAtom(getattr(enigma, dtype), getattr(enigma, sums)), atoms)

    @enigma.kernel
    def multiply(gA, gB, gC):
        bm, bn, _ = enigma.arch.block_idx()
        thr = mma.get_slice()
        a, b = thr.partition_A(gA[(None, None), (bm, 0)]), thr.partition_B(gB[(None, None), (bn, 0)])
        c = thr.partition_C(gC[(None, None), (bm, bn)])
        acc, left = mma.make_fragment_c(c), mma.make_fragment_a(a)
        acc.fill(0.0)
        enigma.copy(a, left)
        enigma.gemm(mma, acc, left, b, acc)
        enigma.copy(acc, c)

    @enigma.jit
    def launch(A, B, C):
        bm, bn = block
        gA = enigma.tensor_zipped_divide(A, (bm, A.shape[1]))
        gB = enigma.tensor_zipped_divide(B, (bn, B.shape[1]))
        gC = enigma.tensor_zipped_divide(C, (bm, bn))
        tiles = gC.shape[1]
        multiply(gA, gB, gC).launch(grid=(mma.size * tiles[0], tiles[1]), block=mma.size)

    return enigma.compile(
        launch,
        tensor("A", 0, dtype, layouts[0]),
        tensor("B", 1, dtype, layouts[1]),
        tensor("C", 2, out, layouts[2]),
    )


def rows(m: int, n: int, pad: int = 0) -> Any:
    return enigma.Layout((m, n), (n + pad, 1))


def columns(m: int, n: int, pad: int = 0) -> Any:
    return enigma.Layout((m, n), (1, m + pad))


def filled(layout: Any, x: np.ndarray) -> np.ndarray:
    """A buffer with the elements of a matrix where a layout has them."""
    out = np.zeros(enigma.cosize(layout), x.dtype)
    np.lib.stride_tricks.as_strided(out, x.shape, [s * x.itemsize for s in layout.stride])[...] = x
    return out


def taken(layout: Any, buffer: np.ndarray) -> np.ndarray:
    strides = [s * buffer.itemsize for s in layout.stride]
    return np.lib.stride_tricks.as_strided(buffer, layout.shape, strides).copy()


EPS = {"f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8}


@BOTH
@pytest.mark.parametrize("a_by", [rows, columns])
@pytest.mark.parametrize("b_by", [rows, columns])
@pytest.mark.parametrize("c_by", [rows, columns])
@pytest.mark.parametrize(("dtype", "sums", "out"), [("f32", "f32", "f32"), ("f16", "f32", "f16")])
@pytest.mark.parametrize("shape", [(32, 48, 24), (36, 44, 8)], ids=["whole", "ragged"])
def test_a_product_of_every_layout(
    run: Any, a_by: Any, b_by: Any, c_by: Any, dtype: str, sums: str, out: str, shape: tuple[int, int, int]
) -> None:
    m, n, k = shape
    layouts = (a_by(m, k, 3), b_by(n, k, 1), c_by(m, n, 5))
    a, b = values(dtype, m, k), values(dtype, n, k)
    compiled = product(dtype, sums, out, (2, 2, 1), layouts, (16, 16))
    raw = run(
        compiled,
        [filled(layouts[0], a), filled(layouts[1], b)],
        np.zeros(enigma.cosize(layouts[2]), DTYPES[out]),
    )
    exact = wide(a) @ wide(b).T
    error = np.abs(wide(taken(layouts[2], raw)) - exact)
    assert (error <= EPS[out] * np.abs(exact) * 2 + k * 2.0**-20).all()
    rest = np.ones(raw.size, bool)  # what lies between rows stays as it was
    rest[filled(layouts[2], np.ones((m, n), np.uint8)).astype(bool)] = False
    assert not wide(raw)[rest].any()


@BOTH
@pytest.mark.parametrize("atoms", [(1, 1, 1), (4, 1, 1), (1, 2, 1), enigma.Layout((2, 2, 1), (2, 1, 0))])
@pytest.mark.parametrize(("dtype", "sums"), [("bf16", "f32"), ("bf16", "bf16"), ("f16", "f16")])
def test_a_product_by_every_number_of_simdgroups(run: Any, atoms: Any, dtype: str, sums: str) -> None:
    m, n, k = 64, 32, 16
    layouts = (rows(m, k), columns(n, k), rows(m, n))
    a, b = values(dtype, m, k), values(dtype, n, k)
    compiled = product(dtype, sums, sums, atoms, layouts, (32, 16))
    out = run(
        compiled, [filled(layouts[0], a), filled(layouts[1], b)], np.zeros(m * n, DTYPES[sums])
    ).reshape(m, n)
    bound = EPS[sums] * (k // 8 + 1) * (np.abs(wide(a)) @ np.abs(wide(b)).T) + 2.0**-18
    assert (np.abs(wide(out) - wide(a) @ wide(b).T) <= bound).all()


# ---- Fragments


def one_tile(body: Any, mma: Any, out: str = "f32", size: int = 16) -> Any:
    """Compiles body(thr, part of X, part of Out) for one tile, of one simdgroup."""

    @enigma.jit
    def launch(X, Out):
        @enigma.kernel
        def inner(X, Out):
            thr = mma.get_slice()
            body(thr, thr.partition_C(X), thr.partition_C(Out))

        inner(X, Out).launch(grid=32, block=32)

    layout = rows(size, size)
    return enigma.compile(launch, tensor("X", 0, "f32", layout), tensor("Out", 1, out, layout))


ONE = enigma.TiledMma(enigma.MmaAtom())


@BOTH
def test_fragments_compute_with_the_elements_of_each_lane(run: Any) -> None:
    def body(thr, x, out):
        acc = ONE.make_fragment_c(x)
        enigma.copy(x, acc)
        acc.store(enigma.max(acc.load() * 2.0 - 1.0, 0.0))
        acc[None, 0, 1].fill(7)
        enigma.copy(acc, out)

    x = values("f32", 16, 16)
    want = np.maximum(x * np.float32(2) - np.float32(1), 0)
    want[:8, 8:] = 7
    np.testing.assert_array_equal(run(one_tile(body, ONE), [x], x), want)


@BOTH
def test_lanes_know_their_coordinates(run: Any) -> None:
    def body(thr, x, out):
        acc = ONE.make_fragment_c(x)
        enigma.copy(x, acc)
        at = thr.lanes(thr.partition_C(enigma.make_identity_tensor((16, 16))))
        f = acc.load()
        lower = [
            enigma.select_(enigma.i32(at[v, i, j][0]) >= enigma.i32(at[v, i, j][1]), f[v, i, j], 0.0)
            for j in range(2)
            for i in range(2)
            for v in range(2)
        ]
        mine = thr.lanes(out)
        for n, (j, i, v) in enumerate((j, i, v) for j in range(2) for i in range(2) for v in range(2)):
            mine[v, i, j] = lower[n]

    x = values("f32", 16, 16)
    np.testing.assert_array_equal(run(one_tile(body, ONE), [x], x), np.tril(x))


@BOTH
def test_loops_carry_fragments(run: Any) -> None:
    def body(thr, x, out):
        acc, part = ONE.make_fragment_c(x), ONE.make_fragment_a(x)
        acc.fill(0)
        for _ in enigma.range(3):
            enigma.copy(x, part)  # holds nothing before the loop
            enigma.gemm(ONE, acc, part, x, acc)
        if thr.simdgroup == 0:
            acc.store(acc.load() * 0.5)
        enigma.copy(acc, out)

    x = values("f32", 16, 16)
    out = run(one_tile(body, ONE), [x], x)
    np.testing.assert_allclose(out, 1.5 * (wide(x) @ wide(x).T), atol=1e-4)


@BOTH
def test_a_fragment_of_another_type_converts(run: Any) -> None:
    mma = enigma.TiledMma(enigma.MmaAtom(enigma.f16, enigma.f32))

    def body(thr, x, out):
        acc, half = mma.make_fragment_c(x), mma.make_fragment_a(x)
        enigma.copy(x, acc)
        half.store(acc.load())
        acc.fill(0.0)
        enigma.gemm(mma, acc, half, half_b(mma, thr, x), acc)
        enigma.copy(acc, out)

    def half_b(mma, thr, x):
        b = mma.make_fragment_b(x)
        b.store(enigma.full_like(mma_values(mma, x), 1.0))
        return b

    def mma_values(mma, x):
        acc = mma.make_fragment_c(x)
        enigma.copy(x, acc)
        return acc.load()

    x = values("f32", 16, 16)
    want = wide(x.astype(np.float16)) @ np.ones((16, 16))
    np.testing.assert_allclose(run(one_tile(body, mma), [x], x), want, atol=1e-4)


# ---- Copies and pipelines


def staged(stages: int, tiles: int, repeat: int = 1, prefetch: bool = True, fewer: Any = None) -> Any:
    """C += A B, `repeat` times, through `stages` buffers; `fewer(B)` says how many of the tiles."""
    m = n = 32
    mma = enigma.TiledMma(enigma.MmaAtom(), (2, 2, 1))
    by_row = enigma.make_tiled_copy_tv(
        enigma.CopyAtom(enigma.f32, 64), enigma.Layout((32, 4), (4, 1)), enigma.Layout((1, 2))
    )

    @enigma.kernel
    def multiply(A, B, C):
        thread, _, _ = enigma.arch.thread_idx()
        shape = enigma.Layout((32, 8, stages), (12, 1, 384))
        sA = enigma.make_tensor(enigma.threadgroup_alloc(stages * 384, enigma.f32), shape)
        sB = enigma.make_tensor(enigma.threadgroup_alloc(stages * 384, enigma.f32), shape)
        thr, part = mma.get_slice(), by_row.get_slice(thread)
        tCsA, tCsB, tCgC = thr.partition_A(sA), thr.partition_B(sB), thr.partition_C(C)
        acc = mma.make_fragment_c(tCgC)
        acc.fill(0.0)
        for _ in range(repeat):
            enigma.pipeline(
                [
                    (by_row, part.partition_S(A), part.partition_D(sA)),
                    (by_row, part.partition_S(B), part.partition_D(sB)),
                ],
                lambda tile, stage: enigma.gemm(
                    mma, acc, tCsA[None, None, None, stage], tCsB[None, None, None, stage], acc
                ),
                fewer and fewer(B[0, 0, 0]),
                prefetch=prefetch,
            )
        enigma.copy(acc, tCgC)

    @enigma.jit
    def launch(A, B, C):
        gA, gB = (enigma.tensor_zipped_divide(x, (32, 8)) for x in (A, B))
        gC = enigma.tensor_zipped_divide(C, (32, 32))
        multiply(gA[(None, None), (0, None)], gB[(None, None), (0, None)], gC[(None, None), (0, 0)]).launch(
            grid=128, block=128
        )

    return enigma.compile(
        launch,
        tensor("A", 0, "f32", rows(m, 8 * tiles)),
        tensor("B", 1, "f32", rows(n, 8 * tiles)),
        tensor("C", 2, "f32", rows(m, n)),
    )


@BOTH
@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.parametrize("stages", [1, 2, 3])
@pytest.mark.parametrize("tiles", [1, 2, 5])
def test_tiles_go_through_a_pipeline(run: Any, stages: int, tiles: int, prefetch: bool) -> None:
    compiled = staged(stages, tiles, prefetch=prefetch)
    a, b = values("f32", 32, 8 * tiles), values("f32", 32, 8 * tiles)
    np.testing.assert_allclose(
        run(compiled, [a, b], np.zeros((32, 32), np.float32)), wide(a) @ wide(b).T, atol=1e-4
    )


@BOTH
@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.parametrize("taken", [1, 2, 4])
def test_a_pipeline_of_fewer_tiles(run: Any, taken: int, prefetch: bool) -> None:
    # How many is read from B, so that it is known only when the kernel runs.
    compiled = staged(2, 4, prefetch=prefetch, fewer=lambda b: enigma.min(enigma.u32(abs(b)), 3) + 1)
    a, b = values("f32", 32, 32), values("f32", 32, 32)
    b[0, 0] = taken - 1
    np.testing.assert_allclose(
        run(compiled, [a, b], np.zeros((32, 32), np.float32)),
        wide(a)[:, : 8 * taken] @ wide(b)[:, : 8 * taken].T,
        atol=1e-4,
    )


def test_a_stage_more_saves_a_barrier_in_each_round() -> None:
    def barriers(*arguments: int) -> int:
        return staged(*arguments).metal_source.count("threadgroup_barrier")

    assert [barriers(1, 5), barriers(2, 5), barriers(1, 1), barriers(2, 1)] == [3, 2, 1, 1]
    assert [barriers(1, 5, 1, False), barriers(2, 5, 1, False)] == [2, 1]


def test_the_next_tile_is_read_before_this_one_is_multiplied() -> None:
    body = staged(2, 5).metal_source.partition("for (")[2]
    assert 0 < body.index("(const device float2*)A") < body.index("multiply_accumulate")
    assert body.index("multiply_accumulate") < body.index("(threadgroup float2*)")


@BOTH
def test_a_second_pipeline_on_the_same_memory_waits_for_the_first(run: Any) -> None:
    compiled = staged(2, 3, 2)
    assert compiled.metal_source.count("threadgroup_barrier") == 2 * 2 + 1
    a, b = values("f32", 32, 24), values("f32", 32, 24)
    np.testing.assert_allclose(
        run(compiled, [a, b], np.zeros((32, 32), np.float32)), 2 * wide(a) @ wide(b).T, atol=1e-4
    )


def test_explain_says_what_moves_as_matrices() -> None:
    text = staged(2, 3).explain()
    assert "load A: 2 elements as 1 x f32x2" in text
    assert "store C: 256 elements as 4 x f32 8x8" in text
    assert text.count("load A:") == 2  # before the loop and in it


# ---- Errors


def refused(mma: Any, body: Any, shape: tuple[int, int] = (16, 16), block: int = 32) -> Any:
    @enigma.jit
    def launch(X):
        @enigma.kernel
        def inner(X):
            body(mma, X)

        inner(X).launch(grid=block, block=block)

    with pytest.raises(enigma.EnigmaError) as caught:
        enigma.compile(launch, tensor("X", 0, "f32", rows(*shape)))
    return caught.value


def test_types_that_metal_does_not_multiply() -> None:
    with pytest.raises(enigma.LayoutError) as caught:
        enigma.MmaAtom(enigma.i32)
    assert "a simdgroup multiplies f32, f16 or bf16, got i32 with sums in f32" in sentence(caught.value)
    with pytest.raises(enigma.LayoutError) as caught:
        enigma.MmaAtom(enigma.f32, enigma.f16)
    assert "sums are in the type of the factors or in f32, got f32 with sums in f16" in sentence(caught.value)
    assert marked(caught.value) == "enigma.MmaAtom(enigma.f32, enigma.f16)"


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        ((2, 2), "three modes (M, N, K), got (2,2):(1,2)"),
        ((1, 1, 2), "one atom along K, got 2"),
        ((8, 8, 1), "at most 1024 threads, which are 32 simdgroups, got 64"),
        (enigma.Layout((2, 2, 1), (1, 1, 0)), "each simdgroup from 0 to 3 has one atom"),
        (enigma.Layout((2, 2, 1), (1, 4, 0)), "each simdgroup from 0 to 3 has one atom"),
    ],
)
def test_atoms_that_simdgroups_cannot_have(atoms: Any, message: str) -> None:
    with pytest.raises(enigma.LayoutError) as caught:
        enigma.TiledMma(enigma.MmaAtom(), atoms)
    assert message in sentence(caught.value)


def test_a_tile_that_is_not_of_whole_blocks() -> None:
    def body(mma, X):
        mma.get_slice().partition_A(X)

    error = refused(enigma.TiledMma(enigma.MmaAtom(), (2, 1, 1)), body, (24, 16), 64)
    assert sentence(error) == (
        "partition_A: mode 0 of the tensor X has 24 elements, the tiled MMA needs a multiple of 16"
    )
    assert marked(error) == "mma.get_slice().partition_A(X)"
    assert notes(error)[0] == "the tensor has the shape (24,16), the tile of the tiled MMA is (16,8)"


@pytest.mark.parametrize("block", [32, 64, 256])
def test_a_launch_with_another_number_of_simdgroups(block: int) -> None:
    def body(mma, X):
        mma.get_slice().partition_C(X)

    error = refused(enigma.TiledMma(enigma.MmaAtom(), (2, 2, 1)), body, block=block)
    assert sentence(error) == (
        f"partition_C: the launch has {block // 32} simdgroups in a threadgroup, the layout is of 4"
    )
    assert "block=128" in notes(error)[0]


@pytest.mark.parametrize("block", [1, 32, 128])
def test_a_launch_with_another_number_of_threads(block: int) -> None:
    tiled = enigma.make_tiled_copy_tv(enigma.CopyAtom(enigma.f32), enigma.Layout((8, 8)), (2, 2))

    def body(mma, X):
        tiled.get_slice(enigma.arch.thread_idx()[0]).partition_S(X)

    error = refused(ONE, body, block=block)
    assert sentence(error) == (
        f"partition_S: the launch has {block} threads in a threadgroup, the layout is of 64"
    )


def test_a_kernel_whose_launch_is_not_known() -> None:
    @enigma.kernel
    def k(X: enigma.f32):
        enigma.TiledMma(enigma.MmaAtom(), (2, 1, 1)).partition_c(enigma.make_tensor(X, rows(16, 16)))

    with pytest.raises(enigma.LayoutError) as caught:
        enigma.compile(k)
    assert sentence(caught.value) == (
        "partition_C: the size of the launch must be known, to be compared with the layout of 2 simdgroups"
    )
    assert "jit function" in notes(caught.value)[0]


def test_a_factor_of_another_type() -> None:
    def body(mma, X):
        mma.get_slice().partition_B(X)

    error = refused(enigma.TiledMma(enigma.MmaAtom(enigma.f16, enigma.f32)), body)
    assert sentence(error) == "partition_B: the tensor X holds f32, the MMA multiplies f16"


def test_shapes_that_do_not_fit_in_gemm() -> None:
    def along_k(mma, X):
        thr = mma.get_slice()
        a, b = mma.make_fragment_a(((8, 8), 2, 2)), mma.make_fragment_b(((8, 8), 2, 1))
        acc = mma.make_fragment_c(thr.partition_C(X))
        enigma.gemm(mma, acc, a, b, acc)

    error = refused(ONE, along_k)
    assert sentence(error) == "gemm: A has 2 blocks along K, B has 1"
    assert marked(error) == "enigma.gemm(mma, acc, a, b, acc)"

    def sums(mma, X):
        part = mma.get_slice().partition_A(X)
        acc = mma.make_fragment_c(((8, 8), 2, 1))
        acc.fill(0)
        enigma.gemm(mma, acc, part, part, acc)

    assert sentence(refused(ONE, sums)) == (
        "gemm: D has the shape ((8, 8), 2, 1), A and B give ((8, 8), 2, 2)"
    )


def test_a_fragment_that_holds_nothing() -> None:
    def body(mma, X):
        part = mma.get_slice().partition_C(X)
        acc = mma.make_fragment_c(part)
        enigma.copy(acc, part)

    error = refused(ONE, body)
    assert sentence(error) == "the fragment C of shape ((8, 8), 2, 2) holds nothing yet"
    assert "fill it" in notes(error)[0]


def test_what_a_loop_leaves_in_a_fragment_that_it_filled_first() -> None:
    def body(mma, X):
        part = mma.get_slice().partition_C(X)
        acc = mma.make_fragment_c(part)
        for _ in enigma.range(2):
            enigma.copy(part, acc)
        enigma.copy(acc, part)

    assert "loop" in sentence(refused(ONE, body))


def test_a_copy_that_is_not_as_wide_as_its_atom() -> None:
    tiled = enigma.make_tiled_copy_tv(
        enigma.CopyAtom(enigma.f32, 128), enigma.Layout((8, 4), (4, 1)), enigma.Layout((1, 4))
    )

    def body(mma, X):
        part = tiled.get_slice(enigma.arch.thread_idx()[0]).partition_S(
            enigma.tensor_zipped_divide(X, (8, 16))[(None, None), (0, 0)]
        )
        enigma.copy(tiled, part, part)

    error = refused(ONE, body, (8, 18))
    assert sentence(error) == (
        "copy: the atom moves 4 elements of X at once, the layouts prove 2: "
        "the address is only known to be a multiple of 2 elements"
    )
    assert marked(error) == "enigma.copy(tiled, part, part)"


def test_a_pipeline_of_tensors_that_do_not_go_together() -> None:
    def body(mma, X):
        tiled = enigma.make_tiled_copy_tv(enigma.CopyAtom(enigma.f32), enigma.Layout(32), enigma.Layout(1))
        part = tiled.get_slice(enigma.arch.thread_idx()[0])
        s = enigma.make_tensor(enigma.threadgroup_alloc(64, enigma.f32), enigma.Layout((32, 2)))
        t = enigma.make_tensor(enigma.threadgroup_alloc(32, enigma.f32), enigma.Layout((32, 1)))
        x = part.partition_S(enigma.tensor_zipped_divide(X, (32, 1))[(None, None), (0, None)][None, 0, None])
        enigma.pipeline([(x, part.partition_D(s)), (x, part.partition_D(t))], lambda tile, stage: None)

    error = refused(ONE, body, (32, 4))
    assert sentence(error) == "pipeline: X has 4 tiles in 1 stages, X 4 in 2"

    def to_device(mma, X):
        enigma.pipeline([(X, X)], lambda tile, stage: None)

    assert "X is device memory" in sentence(refused(ONE, to_device))


def test_a_coordinate_of_a_fragment_that_is_traced() -> None:
    def body(mma, X):
        acc = mma.make_fragment_c(mma.get_slice().partition_C(X))
        acc.fill(0)
        for i in enigma.range(2):
            acc[None, i, 0].fill(1)

    error = refused(ONE, body)
    assert sentence(error) == "mode 1 of the fragment C has 2 blocks, got Value"
    assert "Python int" in notes(error)[0]


def test_a_pipeline_in_a_loop_waits_for_the_round_before() -> None:
    def body(mma, X):
        tiled = enigma.make_tiled_copy_tv(enigma.CopyAtom(enigma.f32), 32, 1)
        part = tiled.get_slice(enigma.arch.thread_idx()[0])
        s = enigma.make_tensor(enigma.threadgroup_alloc(64, enigma.f32), enigma.Layout((32, 2)))
        x = part.partition_S(enigma.tensor_zipped_divide(X, (32, 1))[(None, None), (0, None)][None, 0, None])
        for _ in enigma.range(3):
            enigma.pipeline([(tiled, x, part.partition_D(s))], lambda tile, stage: None, prefetch=False)
        part.partition_D(X[None, 0])[0] = s[enigma.arch.thread_idx()[0], 1]

    @enigma.jit
    def launch(X):
        @enigma.kernel
        def inner(X):
            body(ONE, X)

        inner(X).launch(grid=32, block=32)

    text = enigma.compile(launch, tensor("X", 0, "f32", rows(32, 4))).metal_source
    assert text.count("threadgroup_barrier") == 2
    outer, _ = text.split("for (")[1:]
    assert "threadgroup_barrier" in outer  # before the loop of the tiles


def gemm_of_a_number(mma, X):
    acc = mma.make_fragment_c(((8, 8), 1, 1))
    enigma.gemm(mma, acc, 1.0, X, acc)


def gemm_of_b_for_a(mma, X):
    acc, b = mma.make_fragment_c(((8, 8), 1, 1)), mma.make_fragment_b(((8, 8), 1, 1))
    enigma.gemm(mma, acc, b, b, acc)


def gemm_into_a_tensor(mma, X):
    part = mma.get_slice().partition_A(X)
    enigma.gemm(mma, X, part, part, X)


def store_of_another_shape(mma, X):
    acc = mma.make_fragment_c(((8, 8), 1, 1))
    acc.fill(0)
    mma.make_fragment_c(((8, 8), 2, 1)).store(acc.load())


def fragment_of_a_whole_tensor(mma, X):
    mma.make_fragment_c(X)


def copy_of_other_blocks(mma, X):
    enigma.copy(mma.get_slice().partition_C(X), mma.make_fragment_c(((8, 8), 1, 2)))


def pipeline_of_no_tiles(mma, X):
    s = enigma.make_tensor(enigma.threadgroup_alloc(32, enigma.f32), enigma.Layout((16, 2)))
    enigma.pipeline([(X, s)], lambda tile, stage: None, 0)


def fragment_of_two(mma, X):
    enigma.make_fragment([X[0, 0]], 2)


@pytest.mark.parametrize(
    ("body", "message", "mark"),
    [
        (gemm_of_a_number, "gemm: A is a fragment or a partitioned tensor, got float", "enigma.gemm(mma, acc, 1.0, X, acc)"),
        (gemm_of_b_for_a, "gemm: A is a fragment of B", "enigma.gemm(mma, acc, b, b, acc)"),
        (gemm_into_a_tensor, "gemm: D is registers, got Tensor", "enigma.gemm(mma, X, part, part, X)"),
        (
            store_of_another_shape,
            "store: the fragment C of blocks ((8, 8), 2, 1) has two elements of each in a lane, "
            "the shape (2, 2, 1), got (2, 1, 1)",
            "mma.make_fragment_c(((8, 8), 2, 1)).store(acc.load())",
        ),
        (
            fragment_of_a_whole_tensor,
            "make_fragment_c: needs blocks of 8 x 8 elements, got the shape (16, 16)",
            "mma.make_fragment_c(X)",
        ),
        (
            copy_of_other_blocks,
            "copy: the tensor X has the shape ((8, 8), 2, 2), the fragment C ((8, 8), 1, 2)",
            "enigma.copy(mma.get_slice().partition_C(X), mma.make_fragment_c(((8, 8), 1, 2)))",
        ),
        (
            pipeline_of_no_tiles,
            "pipeline: the tensors have 1 to 16 tiles, got tiles=0",
            "enigma.pipeline([(X, s)], lambda tile, stage: None, 0)",
        ),
        (fragment_of_two, "make_fragment: the shape 2 has 2 elements, got 1", "enigma.make_fragment([X[0, 0]], 2)"),
    ],
)  # fmt: skip
def test_mistakes_name_what_they_got_and_the_line(body: Any, message: str, mark: str) -> None:
    error = refused(ONE, body)
    assert sentence(error) == message
    assert marked(error) == mark


def test_an_atom_of_a_width_that_there_is_not() -> None:
    with pytest.raises(enigma.EnigmaError) as caught:
        enigma.CopyAtom(enigma.f16, 128)
    assert sentence(caught.value) == "CopyAtom: one access of f16 moves 16, 32 or 64 bits, got 128"
    with pytest.raises(enigma.EnigmaError) as caught:
        enigma.TiledMma(enigma.MmaAtom(), (2, 1, 1)).partition_shape_c((24, 8))
    assert "the tile (24, 8) does not consist of (16, 8)" in sentence(caught.value)
