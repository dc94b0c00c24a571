# SPDX-License-Identifier: MIT
"""Registers of a tiled MMA: the simdgroup matrices that one simdgroup multiplies or sums.

acc = tiled_mma.make_fragment_c(tCgC)       # ((8,8),4,4): 16 matrices, which hold nothing yet
acc.fill(0.0)
acc.store(acc.load() * alpha)               # element by element, each lane its own

Unlike `Fragment` it is memory: copy, gemm, fill and store change it in place, and loops carry what it holds.
"""

from __future__ import annotations

import itertools
from typing import Any

from enigma._enigma import Arrangement, Value, fail
from enigma.fragment import Fragment, as_fragment
from enigma.functions import (
    make_filled_simdgroup_matrix,
    metal_cast,
    simdgroup_matrix_elements,
    simdgroup_matrix_from_elements,
)

EXTENT = 8
BLOCK = (EXTENT, EXTENT)


class MmaFragment:
    """Simdgroup matrices of 8 x 8 elements, in a shape ((8,8), blocks, blocks, ...).

    name: "A", "B" or "C", the operand that it is for. dtype: of its elements. shape: ((8,8), ...).
    `fragment[None, i, None]` is a part of it that shares its matrices.
    """

    __slots__ = ("_at", "dtype", "name", "shape", "values")

    def __init__(
        self, name: str, dtype: Any, shape: Any, values: list[Any] | None = None, at: Any = None
    ) -> None:
        self.name, self.dtype, self.shape = name, dtype, shape
        count = 1
        for extent in shape[1:]:
            count *= extent
        self._at = at if at is not None else tuple(range(count))
        self.values: list[Value | None] = values if values is not None else [None] * count

    @property
    def size(self) -> int:
        """Elements, in all lanes together."""
        return len(self._at) * EXTENT * EXTENT

    @property
    def matrices(self) -> tuple[Value, ...]:
        """The simdgroup matrices, the first mode of blocks fastest."""
        out = []
        for i in self._at:
            value = self.values[i]
            if value is None:
                fail(
                    f"the fragment {self.name} of shape {self.shape} holds nothing yet",
                    ["fill it: fragment.fill(0.0), or enigma.copy(tensor, fragment)"],
                )
            out.append(value)
        return tuple(out)

    def put(self, matrices: Any) -> None:
        for i, value in zip(self._at, matrices, strict=True):
            self.values[i] = value

    def fill(self, value: Any) -> None:
        """Makes every element the value."""
        self.put(make_filled_simdgroup_matrix(self.dtype, value) for _ in self._at)

    def load(self) -> Fragment:
        """The elements that this lane holds: a fragment of shape (2, blocks, blocks, ...).

        Arithmetic on all of them needs to know no more; which rows and columns they are of,
        `ThrMma.lanes` says.
        """
        values = [e for m in self.matrices for e in simdgroup_matrix_elements(m)]
        return Fragment(tuple(values), Arrangement.scalars((2, *self.shape[1:])))

    def store(self, value: Any) -> None:
        """Sets the elements that this lane holds: to a fragment of shape (2, blocks, ...), or a number."""
        if not isinstance(value, (Fragment, MmaFragment)):
            return self.fill(value)
        parts = as_fragment("store", value)
        want = (2, *self.shape[1:])
        if tuple(parts.shape) != want:
            fail(
                f"store: the fragment {self.name} of blocks {self.shape} has two elements of each in a lane, "
                f"the shape {want}, got {parts.shape}",
                ["compute it from fragment.load()"],
            )
        elements = [metal_cast(e, self.dtype) for e in parts.scalars()]
        self.put(
            simdgroup_matrix_from_elements(a, b) for a, b in zip(elements[::2], elements[1::2], strict=True)
        )

    def __getitem__(self, coord: Any) -> MmaFragment:
        coord = coord if isinstance(coord, tuple) else (coord,)
        if len(coord) != len(self.shape) or coord[0] not in (None, (None, None)):
            fail(
                f"the fragment {self.name} has the shape {self.shape}, got the coordinate {coord}",
                ["keep the first mode, which is one matrix: fragment[None, i, None]"],
            )
        for mode, (c, extent) in enumerate(zip(coord[1:], self.shape[1:], strict=True), 1):
            if c is not None and (type(c) is not int or not 0 <= c < extent):
                fail(
                    f"mode {mode} of the fragment {self.name} has {extent} blocks, got "
                    f"{c if type(c) is int else type(c).__name__}",
                    ["each matrix is a register: choose it by a Python int, in a loop over range(...)"],
                )
        kept = [range(e) if c is None else (c,) for c, e in zip(coord[1:], self.shape[1:], strict=True)]
        steps = list(itertools.accumulate(self.shape[1:-1], lambda a, b: a * b, initial=1))
        at = tuple(
            self._at[sum(i * s for i, s in zip(reversed(index), steps, strict=True))]
            for index in itertools.product(*reversed(kept))
        )
        shape = (BLOCK, *(e for c, e in zip(coord[1:], self.shape[1:], strict=True) if c is None))
        return MmaFragment(self.name, self.dtype, shape, self.values, at)

    def __repr__(self) -> str:
        return f"<fragment {self.name} {self.shape} of {self.dtype.name}>"
