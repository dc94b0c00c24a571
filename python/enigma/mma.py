# SPDX-License-Identifier: MIT
"""Tiled MMA and tiled copy, as CuTe has them, on Metal's simdgroup matrices.

mma = enigma.TiledMma(enigma.MmaAtom(enigma.f16, enigma.f32), (2, 2, 1))    # four simdgroups, two by two
thr = mma.get_slice()                                # what this simdgroup multiplies
tCsA, tCsB, tCgC = thr.partition_A(sA), thr.partition_B(sB), thr.partition_C(gC)
acc = mma.make_fragment_c(tCgC)
acc.fill(0.0)
enigma.gemm(mma, acc, tCsA, tCsB, acc)               # acc = A B + acc
enigma.copy(acc, tCgC)

A is (M, K), B is (N, K), C is (M, N), as in CuTe. The layouts are C++ (lib/IR/Mma.cpp); here is what users
call.
"""

from __future__ import annotations

from typing import Any

from enigma import layout as _layout
from enigma._enigma import (
    TiledCopyLayout,
    TiledMmaLayout,
    check_mma_atom,
    fail,
    last_access,
    load_matrices,
    mma_lane_tv,
    mma_lanes,
    mma_layout_tv,
    mma_simdgroup,
    store_matrices,
)
from enigma.dtypes import as_dtype, f32
from enigma.fragment import Fragment, as_fragment
from enigma.functions import simdgroup_multiply_accumulate, thread_index_in_simdgroup
from enigma.matrix_fragment import BLOCK, EXTENT, MmaFragment
from enigma.tensor import Tensor

__all__ = [
    "CopyAtom",
    "MmaAtom",
    "MmaFragment",
    "ThrCopy",
    "ThrMma",
    "TiledCopy",
    "TiledMma",
    "copy",
    "gemm",
    "make_tiled_copy_tv",
    "make_tiled_mma",
]


class MmaAtom:
    """`simdgroup_multiply_accumulate`: an 8x8 matrix times an 8x8 matrix, by one simdgroup.

    dtype: of A and B: f32, f16 or bf16. acc_dtype: of C and D: the same, or f32.

    Metal does not say which lane holds which element, so that in the thread-value layouts all 32 lanes hold
    all 64 elements together: `(32,(8,8)):(0,(1,8))`.

    Errors: LayoutError for types that Metal does not multiply.

    >>> import enigma
    >>> enigma.MmaAtom(enigma.f16, enigma.f32)
    MmaAtom(8x8x8, f16 -> f32)
    >>> enigma.MmaAtom().layout_a_tv
    (32,(8,8)):(0,(1,8))
    """

    __slots__ = ("acc_dtype", "dtype")

    def __init__(self, dtype: Any = f32, acc_dtype: Any = f32) -> None:
        self.dtype, self.acc_dtype = as_dtype(dtype), as_dtype(acc_dtype)
        check_mma_atom(self.dtype, self.acc_dtype)

    @property
    def shape_mnk(self) -> tuple[int, int, int]:
        """What one instruction multiplies: (8, 8, 8)."""
        return (EXTENT, EXTENT, EXTENT)

    @property
    def thr_id(self) -> Any:
        """The lanes that work together: 32:1."""
        return _layout.Layout(32)

    @property
    def layout_a_tv(self) -> Any:
        """(lane, value) -> element of A (M, K)."""
        return mma_layout_tv()

    @property
    def layout_b_tv(self) -> Any:
        """(lane, value) -> element of B (N, K)."""
        return mma_layout_tv()

    @property
    def layout_c_tv(self) -> Any:
        """(lane, value) -> element of C (M, N)."""
        return mma_layout_tv()

    @property
    def layout_lane_tv(self) -> Any:
        """(lane, value) -> element of the matrix, for the two that each lane holds.

        Metal's specification leaves this map open; public Metal kernels rely on it, and so do `load()` and
        `store()` of a fragment where rows matter, and copies that are masked or convert.
        """
        return mma_lane_tv()

    def __repr__(self) -> str:
        return f"MmaAtom(8x8x8, {self.dtype.name} -> {self.acc_dtype.name})"


class TiledMma:
    """Simdgroups side by side, each with an atom.

    atom: an MmaAtom. atom_layout_mnk: how many simdgroups along M, N and K, or a layout that numbers them. K
    is 1: simdgroups along K would each have a part of one sum.
    With (2, 2, 1), 4 simdgroups multiply 16 x 8 of A with 16 x 8 of B; larger tiles are repetitions.

    Errors: LayoutError for a layout that does not number simdgroups one by one.

    >>> import enigma
    >>> mma = enigma.TiledMma(enigma.MmaAtom(), (2, 2, 1))
    >>> mma.shape_mnk, mma.size
    ((16, 16, 8), 128)
    >>> mma.layout_c_tv_tiled
    ((32,(2,2)):(0,(8,128)),(8,8):(1,16))
    """

    __slots__ = ("_layout", "atom", "atom_layout_mnk")

    def __init__(self, atom: MmaAtom, atom_layout_mnk: Any = (1, 1, 1)) -> None:
        if not isinstance(atom, MmaAtom):
            raise TypeError(f"TiledMma: needs an MmaAtom, got {type(atom).__name__}")
        if isinstance(atom_layout_mnk, (int, tuple, list)):
            atom_layout_mnk = _layout.Layout(atom_layout_mnk)
        self.atom, self.atom_layout_mnk = atom, atom_layout_mnk
        self._layout = TiledMmaLayout.make(atom.dtype, atom.acc_dtype, atom_layout_mnk)

    @property
    def size(self) -> int:
        """Threads: 32 for each simdgroup."""
        return int(self._layout.simdgroups) * 32

    @property
    def shape_mnk(self) -> tuple[int, int, int]:
        """What all simdgroups multiply at once: M, N, K."""
        m, n, k = self._layout.tile
        return (m, n, k)

    @property
    def layout_a_tv_tiled(self) -> Any:
        """((lane, simdgroup), value) -> element of A's tile."""
        return self._layout.layout_tv("A")

    @property
    def layout_b_tv_tiled(self) -> Any:
        """((lane, simdgroup), value) -> element of B's tile (N, K)."""
        return self._layout.layout_tv("B")

    @property
    def layout_c_tv_tiled(self) -> Any:
        """((lane, simdgroup), value) -> element of C's tile."""
        return self._layout.layout_tv("C")

    def get_slice(self, simdgroup: Any = None) -> ThrMma:
        """What a simdgroup multiplies: this one, or the one of a number.

        A number must be the same in all lanes, as Python ints and `simdgroup_index_in_threadgroup()` are.
        """
        return ThrMma(self, mma_simdgroup() if simdgroup is None else simdgroup)

    def partition_a(self, tensor: Tensor) -> Tensor:
        """The blocks of a tile (M, K) that this simdgroup multiplies."""
        return self.get_slice().partition_A(tensor)

    def partition_b(self, tensor: Tensor) -> Tensor:
        """The blocks of a tile (N, K) that this simdgroup multiplies."""
        return self.get_slice().partition_B(tensor)

    def partition_c(self, tensor: Tensor) -> Tensor:
        """The blocks of a tile (M, N) that this simdgroup sums."""
        return self.get_slice().partition_C(tensor)

    def partition_shape_a(self, shape: tuple[int, int]) -> Any:
        """The shape of partition_A of a tile (M, K)."""
        return self._shape("A", shape, 0, 2)

    def partition_shape_b(self, shape: tuple[int, int]) -> Any:
        """The shape of partition_B of a tile (N, K)."""
        return self._shape("B", shape, 1, 2)

    def partition_shape_c(self, shape: tuple[int, int]) -> Any:
        """The shape of partition_C of a tile (M, N).

        >>> import enigma
        >>> enigma.TiledMma(enigma.MmaAtom(), (4, 1, 1)).partition_shape_c((64, 32))
        ((8, 8), 2, 4)
        """
        return self._shape("C", shape, 0, 1)

    def _shape(self, operand: str, shape: tuple[int, int], first: int, second: int) -> Any:
        tile = (self.shape_mnk[first], self.shape_mnk[second])
        if len(shape) != 2 or any(s % t for s, t in zip(shape, tile, strict=True)):
            fail(
                f"partition_shape_{operand.lower()}: the tile {tuple(shape)} does not consist of {tile}, "
                f"what the simdgroups have of {operand}"
            )
        return (BLOCK, *(s // t for s, t in zip(shape, tile, strict=True)))

    def make_fragment_a(self, part: Any) -> MmaFragment:
        """Registers for a part of A: a partitioned tensor, or its shape."""
        return self._fragment("A", self.atom.dtype, part)

    def make_fragment_b(self, part: Any) -> MmaFragment:
        """Registers for a part of B: a partitioned tensor, or its shape."""
        return self._fragment("B", self.atom.dtype, part)

    def make_fragment_c(self, part: Any) -> MmaFragment:
        """Registers for sums: of a partitioned tensor, or its shape."""
        return self._fragment("C", self.atom.acc_dtype, part)

    def _fragment(self, operand: str, dtype: Any, part: Any) -> MmaFragment:
        shape = part.shape if isinstance(part, (Tensor, MmaFragment)) else part
        if not isinstance(shape, tuple) or not shape or _layout.size(shape[0]) != EXTENT * EXTENT:
            fail(
                f"make_fragment_{operand.lower()}: needs blocks of 8 x 8 elements, got the shape {shape}",
                [f"partition the tile first: tiled_mma.get_slice().partition_{operand}(tile)"],
            )
        return MmaFragment(operand, dtype, (BLOCK, *(_layout.size(s) for s in shape[1:])))

    def __repr__(self) -> str:
        return f"TiledMma({self.atom}, {self.atom_layout_mnk})"


class ThrMma:
    """What one simdgroup multiplies, from `TiledMma.get_slice`."""

    __slots__ = ("simdgroup", "tiled_mma")

    def __init__(self, tiled_mma: TiledMma, simdgroup: Any) -> None:
        self.tiled_mma, self.simdgroup = tiled_mma, simdgroup

    def partition_A(self, tensor: Tensor) -> Tensor:  # noqa: N802
        """Its blocks of a tile of A: ((8,8), M, K, ...), of a tensor with the modes (M, K, ...).

        Errors: LayoutError where the tile does not consist of whole blocks for each simdgroup, or the launch
        has more or fewer simdgroups.
        """
        return self._partition("A", tensor)

    def partition_B(self, tensor: Tensor) -> Tensor:  # noqa: N802
        """Its blocks of a tile of B: ((8,8), N, K, ...), of a tensor with the modes (N, K, ...)."""
        return self._partition("B", tensor)

    def partition_C(self, tensor: Tensor) -> Tensor:  # noqa: N802
        """Its blocks of a tile of C: ((8,8), M, N, ...), of a tensor with the modes (M, N, ...)."""
        return self._partition("C", tensor)

    def _partition(self, operand: str, tensor: Tensor) -> Tensor:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"partition_{operand}: needs a Tensor, got {type(tensor).__name__}")
        return Tensor._of(self.tiled_mma._layout.partition(operand, tensor._view, self.simdgroup))

    def lanes(self, part: Tensor) -> Tensor:
        """The elements of blocks that this lane holds: (2, ...), as `load()` of a fragment gives them.

        Of the blocks of an identity tensor, their coordinates. See `MmaAtom.layout_lane_tv`.
        """
        return Tensor._of(mma_lanes(part._view, thread_index_in_simdgroup()))


def make_tiled_mma(atom: MmaAtom, atom_layout_mnk: Any = (1, 1, 1)) -> TiledMma:
    """The same as TiledMma(atom, atom_layout_mnk), by CuTe's name."""
    return TiledMma(atom, atom_layout_mnk)


class CopyAtom:
    """How wide a thread moves elements of device memory.

    dtype: of the elements. num_bits_per_copy: what each access of device memory moves; where the layouts do
    not prove accesses as wide, the copy is an error. None: as wide as they prove.

    >>> import enigma
    >>> enigma.CopyAtom(enigma.f32, num_bits_per_copy=128)
    CopyAtom(4 x f32)
    """

    __slots__ = ("dtype", "num_bits_per_copy")

    def __init__(self, dtype: Any, num_bits_per_copy: int | None = None) -> None:
        self.dtype = as_dtype(dtype)
        bits = self.dtype.itemsize * 8
        self.num_bits_per_copy = num_bits_per_copy
        if num_bits_per_copy is not None and num_bits_per_copy not in (bits, 2 * bits, 4 * bits):
            fail(
                f"CopyAtom: one access of {self.dtype.name} moves {bits}, {2 * bits} or {4 * bits} bits, "
                f"got {num_bits_per_copy}"
            )

    @property
    def width(self) -> int | None:
        """Elements that each access moves; None where that is left to the layouts."""
        bits = self.num_bits_per_copy
        return None if bits is None else bits // (self.dtype.itemsize * 8)

    def __repr__(self) -> str:
        return f"CopyAtom({self.width or 'any'} x {self.dtype.name})"


class TiledCopy:
    """Threads that copy a tile together, each some elements of it; from `make_tiled_copy_tv`.

    tiler_mn: what all threads copy at once. layout_tv: (thread, value) -> element of it. size: threads.
    """

    __slots__ = ("_layout", "atom")

    def __init__(self, atom: CopyAtom, thr_layout: Any, val_layout: Any) -> None:
        if not isinstance(atom, CopyAtom):
            raise TypeError(f"make_tiled_copy_tv: needs a CopyAtom, got {type(atom).__name__}")
        self.atom = atom
        layouts = (
            _layout.Layout(x) if isinstance(x, (int, tuple, list)) else x for x in (thr_layout, val_layout)
        )
        self._layout = TiledCopyLayout.make(*layouts)

    @property
    def size(self) -> int:
        """How many threads copy."""
        return int(self._layout.threads)

    @property
    def tiler_mn(self) -> Any:
        """What all threads copy at once."""
        return self._layout.tiler

    @property
    def layout_tv(self) -> Any:
        """(thread, value) -> element of the tiler."""
        return self._layout.layout_tv

    def get_slice(self, thread: Any) -> ThrCopy:
        """What thread number `thread` copies."""
        return ThrCopy(self, thread)

    def __repr__(self) -> str:
        return f"TiledCopy({self.atom}, {self.tiler_mn}, {self.layout_tv})"


class ThrCopy:
    """What one thread copies, from `TiledCopy.get_slice`."""

    __slots__ = ("thread", "tiled_copy")

    def __init__(self, tiled_copy: TiledCopy, thread: Any) -> None:
        self.tiled_copy, self.thread = tiled_copy, thread

    def partition_S(self, tensor: Tensor) -> Tensor:  # noqa: N802
        """Its elements of a tile that is read: (values, repetitions..., rest...).

        Errors: LayoutError where the tiler does not divide the tile, or the launch has more or fewer threads.
        """
        return self._partition("partition_S", tensor)

    def partition_D(self, tensor: Tensor) -> Tensor:  # noqa: N802
        """Its elements of a tile that is written: (values, repetitions..., rest...)."""
        return self._partition("partition_D", tensor)

    def _partition(self, what: str, tensor: Tensor) -> Tensor:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{what}: needs a Tensor, got {type(tensor).__name__}")
        return Tensor._of(self.tiled_copy._layout.partition(what, tensor._view, self.thread))


def make_tiled_copy_tv(atom: CopyAtom, thr_layout: Any, val_layout: Any) -> TiledCopy:
    """Threads in a layout, each with values in a layout, copy a tile together.

    thr_layout: how the threads stand side by side. val_layout: how the values of one thread do.

    >>> import enigma
    >>> rows = enigma.make_ordered_layout((32, 4), order=(1, 0))
    >>> tiled = enigma.make_tiled_copy_tv(enigma.CopyAtom(enigma.f32, 128), rows, enigma.Layout((1, 4)))
    >>> tiled.tiler_mn, tiled.size
    ((32, 16), 128)
    """
    return TiledCopy(atom, thr_layout, val_layout)


def copy(*args: Any) -> None:
    """`copy(source, target)`: all elements of a tensor or fragment go into a tensor or MmaFragment.

    `copy(tiled_copy, source, target)`: of parts that `partition_S` and `partition_D` gave; accesses of device
    memory are as wide as the copy's atom says, or an error. Both have the same shape; types are converted.
    Between device memory and registers, elements past the end of a tensor are 0 and are not stored.
    """
    if len(args) == 3 and isinstance(args[0], (TiledCopy, CopyAtom)):
        atom = args[0].atom if isinstance(args[0], TiledCopy) else args[0]
        source, target = args[1:]
    elif len(args) == 2:
        atom, (source, target) = None, args
    else:
        raise TypeError("copy: needs (source, target) or (tiled_copy, source, target)")
    if isinstance(target, MmaFragment) and isinstance(source, Tensor):
        _check_blocks(source, target)
        return target.put(load_matrices(source._view, target.name == "B"))
    if isinstance(source, MmaFragment) and isinstance(target, Tensor):
        _check_blocks(target, source)
        return store_matrices(target._view, source.matrices)
    if isinstance(target, MmaFragment):
        return target.store(source)
    value = source if isinstance(source, Fragment) else as_fragment("copy", source)
    check_width(atom, source)
    target.store(value)
    check_width(atom, target)


def _check_blocks(tensor: Tensor, fragment: MmaFragment) -> None:
    shape = tensor.shape if isinstance(tensor.shape, tuple) else (tensor.shape,)
    if tuple(map(_layout.size, shape)) != tuple(map(_layout.size, fragment.shape)):
        fail(
            f"copy: the tensor {tensor.name} has the shape {shape}, "
            f"the fragment {fragment.name} {fragment.shape}",
            [f"make the fragment of it: tiled_mma.make_fragment_{fragment.name.lower()}(tensor)"],
        )


def check_width(atom: CopyAtom | None, tensor: Any) -> None:
    width = None if atom is None else atom.width
    if width is None or not isinstance(tensor, Tensor) or tensor._view.kind == "array":
        return
    widths, reason = last_access()
    if min(widths) < width:
        assert atom is not None
        fail(
            f"copy: the atom moves {width} elements of {tensor.name} at once, "
            f"the layouts prove {min(widths)}: {reason}",
            [
                f"write enigma.CopyAtom(enigma.{atom.dtype.name}) for accesses as wide as can be, or "
                "num_bits_per_copy=" + str(min(widths) * atom.dtype.itemsize * 8)
            ],
        )


def gemm(tiled_mma: TiledMma, d: MmaFragment, a: Any, b: Any, c: MmaFragment) -> None:
    """D = A B + C on what this simdgroup has: ((8,8), M, N), ((8,8), M, K), ((8,8), N, K), ((8,8), M, N).

    a, b: fragments, or partitioned tensors, of which each step along K is loaded when it is needed. D and C
    may be the same fragment. The mode K may be missing where it is one block.

    Errors: TraceError for shapes that do not fit together.
    """
    a, b = _factor("A", tiled_mma, a), _factor("B", tiled_mma, b)
    m, k = a.shape[1:]
    n = b.shape[1]
    if b.shape[2] != k:
        fail(
            f"gemm: A has {k} blocks along K, B has {b.shape[2]}",
            [f"A is ((8,8), M, K) = {a.shape}, B is ((8,8), N, K) = {b.shape}"],
        )
    for name, x in (("D", d), ("C", c)):
        if not isinstance(x, MmaFragment):
            fail(
                f"gemm: {name} is registers, got {type(x).__name__}",
                ["write acc = tiled_mma.make_fragment_c(part); enigma.copy(acc, part) stores it"],
            )
        if tuple(x.shape) != (BLOCK, m, n):
            fail(
                f"gemm: {name} has the shape {x.shape}, A and B give {(BLOCK, m, n)}",
                [f"A is ((8,8), M, K) = {a.shape}, B is ((8,8), N, K) = {b.shape}"],
            )
    sums = list(c.matrices)
    for step in range(k):
        left, right = (_loaded(x, step) for x in (a, b))
        for i in range(m):
            # Back and forth, so that two products in turn share a factor.
            for j in range(n) if i % 2 == 0 else reversed(range(n)):
                at = i + j * m
                sums[at] = simdgroup_multiply_accumulate(left[i], right[j], sums[at])
    d.put(sums)


def _factor(name: str, tiled_mma: TiledMma, x: Any) -> Any:
    if isinstance(x, Tensor):
        fragment = tiled_mma._fragment(name, tiled_mma.atom.dtype, x)
        x = _Blocks(name, x, fragment.shape)
    elif not isinstance(x, MmaFragment):
        fail(f"gemm: {name} is a fragment or a partitioned tensor, got {type(x).__name__}")
    elif x.name == ("B" if name == "A" else "A"):
        fail(
            f"gemm: {name} is a fragment of {x.name}", [f"make it by tiled_mma.make_fragment_{name.lower()}"]
        )
    elif x.dtype != tiled_mma.atom.dtype:
        fail(
            f"gemm: {name} holds {x.dtype.name}, {tiled_mma.atom} multiplies {tiled_mma.atom.dtype.name}",
            [f"store it in a fragment of tiled_mma.make_fragment_{name.lower()}, which converts"],
        )
    if len(x.shape) == 2:
        x = (
            _Blocks(name, x.tensor, (*x.shape, 1))
            if isinstance(x, _Blocks)
            else MmaFragment(x.name, x.dtype, (*x.shape, 1), x.values, x._at)
        )
    if len(x.shape) != 3:
        fail(
            f"gemm: {name} has the shape {x.shape}, which needs three modes",
            ["choose one stage or tile: tensor[None, None, None, stage]"],
        )
    return x


class _Blocks:
    """A partitioned tensor whose matrices gemm loads."""

    __slots__ = ("name", "shape", "tensor")

    def __init__(self, name: str, tensor: Tensor, shape: Any) -> None:
        self.name, self.tensor, self.shape = name, tensor, shape


def _loaded(x: Any, step: int) -> Any:
    if isinstance(x, MmaFragment):
        return x[None, None, step].matrices
    rank = len(x.tensor.shape)
    part = x.tensor if rank == 2 else x.tensor[None, None, step]
    return load_matrices(part._view, x.name == "B")
