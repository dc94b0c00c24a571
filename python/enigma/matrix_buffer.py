# SPDX-License-Identifier: MIT
"""A kernel's parameter whose elements are matrices.

def k(M: enigma.float4x4, X: enigma.float4, Out: enigma.float4):
    i = enigma.thread_position_in_grid
    Out[i] = M[0] * X[i]

In memory it is a buffer of columns, as Metal lays out an array of matrices: column c of matrix i is element
i * columns + c. The kernel gets a view of it that takes and gives whole matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from enigma._enigma import fail
from enigma.matrices import Matrix


class MatrixBuffer:
    """A view of a buffer of columns: `M[i]` is matrix i, `M[i] = m` writes one, `M.columns` is the buffer."""

    __slots__ = ("_kind", "columns")

    def __init__(self, columns: Any, kind: type[Matrix]) -> None:
        self.columns = columns
        self._kind = kind

    def __getitem__(self, index: Any) -> Matrix:
        return self._kind.load(self.columns, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(value, Matrix) or (value.columns, value.rows) != (
            self._kind.columns,
            self._kind.rows,
        ):
            name = self._kind.__name__
            got = getattr(value, "_type", type(value).__name__)
            fail(
                f"store: the buffer holds {name}, got {got}",
                [f"a number on the diagonal is enigma.{name}(x)"] if not isinstance(value, Matrix) else [],
            )
        self._kind(value).store(self.columns, index)

    def __iter__(self) -> Any:
        fail("a buffer has no length in a kernel, so it cannot be iterated over")

    def __repr__(self) -> str:
        return f"<buffer of {self._kind.__name__}>"


def with_views(function: Callable[..., None], kinds: Mapping[int, type[Matrix]]) -> Callable[..., None]:
    """The function with the arguments of these positions, which are buffers of columns, as views."""

    def call(*arguments: Any) -> None:
        views = list(arguments)
        for position, kind in kinds.items():
            views[position] = MatrixBuffer(arguments[position], kind)
        return function(*views)

    return call
