# SPDX-License-Identifier: MIT
"""Matrices of 2 to 4 columns and rows, of f32 and f16: float2x2 ... float4x4, half2x2 ... half4x4.

m = enigma.float3x3(1.0)                   # the identity
m = enigma.float2x2(c0, c1)                # of columns
v = m * enigma.transpose(m) * A[i]         # a float2

A matrix is its columns: a tuple of vectors, which loops and branches carry as any tuple. The emitted text
shows the vectors. float4x3 has 4 columns and 3 rows, as in Metal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from enigma._enigma import DType, Value, fail, vec
from enigma.dtypes import f16, f32
from enigma.functions import dot, select_

_kinds: dict[tuple[str, int, int], type[Matrix]] = {}


class Matrix(tuple[Value, ...]):
    """A matrix of traced values: `m[c]` is a column, `m[c][r]` an element, `len(m)` the number of columns.

    Made of one number (the diagonal), of its columns, of all its numbers column by column, or of another
    matrix of its size. `+`, `-` and `*` are the matrix operations; `matrix * vector` takes a column, and
    `vector * matrix` a row.
    """

    __slots__ = ()
    element: ClassVar[DType]
    columns: ClassVar[int]
    rows: ClassVar[int]
    _fields: ClassVar[tuple[str, ...]] = ()
    """What carries structures through loops makes one of its columns again, as it does of a named tuple."""

    def __new__(cls, *parts: Any) -> Matrix:
        column = vec(cls.element, cls.rows)
        if len(parts) == 1 and isinstance(parts[0], Matrix):
            other = parts[0]
            if (other.columns, other.rows) != (cls.columns, cls.rows):
                fail(f"{cls.__name__}: a {type(other).__name__} has another size")
            return tuple.__new__(cls, (column(c) for c in other))
        if len(parts) == 1 and not _is_vector(parts[0]):
            zero, one = cls.element(0), cls.element(parts[0])
            return tuple.__new__(
                cls, (column(*(one if r == c else zero for r in range(cls.rows))) for c in range(cls.columns))
            )
        if len(parts) == cls.columns and all(_is_vector(p) and len(p) == cls.rows for p in parts):
            return tuple.__new__(cls, (column(p) for p in parts))
        if len(parts) == cls.columns * cls.rows and not any(_is_vector(p) for p in parts):
            return tuple.__new__(
                cls, (column(*parts[c * cls.rows : (c + 1) * cls.rows]) for c in range(cls.columns))
            )
        got = ", ".join(_kind(p) for p in parts) or "nothing"
        fail(
            f"{cls.__name__}: needs {cls.columns} columns of {cls.rows}, {cls.columns * cls.rows} numbers "
            f"column by column, or one number for the diagonal, got {got}"
        )

    @classmethod
    def load(cls, buffer: Any, index: Any) -> Matrix:
        """Matrix `index` of a buffer of its columns, as Metal keeps matrices: column c of it is element
        index * columns + c."""
        return cls(*(buffer[index * cls.columns + c] for c in range(cls.columns)))

    def store(self, buffer: Any, index: Any) -> None:
        """Writes the columns to where `load` reads them."""
        for c, column in enumerate(self):
            buffer[index * self.columns + c] = column

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, Value):
            return tuple.__getitem__(self, index)
        chosen = tuple.__getitem__(self, self.columns - 1)
        for c in reversed(range(self.columns - 1)):
            chosen = select_(index == c, tuple.__getitem__(self, c), chosen)
        return chosen

    def __setitem__(self, index: Any, value: Any) -> None:
        fail(
            "a matrix is a value: its columns are not assigned",
            [f"make a new one: enigma.{type(self).__name__}(m[0], ...)"],
        )

    def __add__(self, other: Any) -> Matrix:
        return self._pairwise("+", other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Matrix:
        return self._pairwise("-", other, lambda a, b: a - b)

    def __neg__(self) -> Matrix:
        return _of([-c for c in self])

    def _pairwise(self, symbol: str, other: Any, operation: Any) -> Matrix:
        if not isinstance(other, Matrix) or (other.columns, other.rows) != (self.columns, self.rows):
            fail(
                f"{symbol}: needs a matrix of {self.columns} columns and {self.rows} rows, got {_kind(other)}"
            )
        return _of([operation(a, b) for a, b in zip(self, other, strict=True)])

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Matrix):
            if other.rows != self.columns:
                fail(
                    f"*: a {type(self).__name__} times a {type(other).__name__}: "
                    f"the first has {self.columns} columns, the second {other.rows} rows"
                )
            return _of([self._times_column(column) for column in other])
        if _is_vector(other):
            return self._times_column(other)
        return _of([column * other for column in self])

    __matmul__ = __mul__

    def _times_column(self, v: Value) -> Value:
        if len(v) != self.columns:
            fail(f"*: a {type(self).__name__} times a vector needs {self.columns} components, got {_kind(v)}")
        total: Value = self[0] * v[0]
        for c in range(1, self.columns):
            total = total + self[c] * v[c]
        return total

    def __rmul__(self, other: Any) -> Any:
        if not _is_vector(other):
            return _of([other * column for column in self])
        if len(other) != self.rows:
            fail(
                f"*: a vector times a {type(self).__name__} needs {self.rows} components, got {_kind(other)}"
            )
        sums = [dot(other, column) for column in self]
        return vec(_element_of(sums[0]), self.columns)(*sums)

    def __truediv__(self, other: Any) -> Matrix:
        if isinstance(other, Matrix) or _is_vector(other):
            fail(f"/: a matrix is divided by one number, got {_kind(other)}")
        return _of([column / other for column in self])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of traced values>"


def _is_vector(value: Any) -> bool:
    return isinstance(value, Value) and value._lanes > 1


def _kind(value: Any) -> str:
    if isinstance(value, Value):
        return str(value._type)
    return type(value).__name__


def _element_of(value: Value) -> Any:
    return f16 if value._type.startswith("f16") else f32


def _of(columns: Sequence[Value]) -> Matrix:
    """The matrix of columns of one type; what they were computed from may have been of two."""
    return _kinds[_element_of(columns[0]).name, len(columns), len(columns[0])](*columns)


def transpose(m: Matrix) -> Matrix:
    """Rows and columns exchanged: element [c][r] is m[r][c].

    >>> import enigma
    >>> @enigma.kernel
    ... def k(A: enigma.float2, Out: enigma.float2):
    ...     m = enigma.transpose(enigma.float2x2.load(A, 0))
    ...     m.store(Out, 0)
    >>> enigma.compile(k).param_names
    ['A', 'Out']
    """
    if not isinstance(m, Matrix):
        fail(
            f"transpose: needs a matrix, got {_kind(m)}", ["a vector is a row or a column as its place says"]
        )
    kind = _kinds[m.element.name, m.rows, m.columns]
    return kind(*(column[r] for r in range(m.rows) for column in m))


def determinant(m: Matrix) -> Value:
    """The determinant of a square matrix, by its minors; of f16 computed in f32 and rounded once.

    >>> import enigma
    >>> @enigma.kernel
    ... def k(A: enigma.float2, Out: enigma.f32):
    ...     Out[0] = enigma.determinant(enigma.float2x2.load(A, 0))
    >>> enigma.compile(k).param_names
    ['A', 'Out']
    """
    if not isinstance(m, Matrix) or m.columns != m.rows:
        fail(f"determinant: needs a square matrix, got {_kind(m)}")
    elements = [list(f32(column)) for column in m]
    result: Value = m.element(_minor(elements, list(range(m.columns)), 0))
    return result


def _minor(elements: list[list[Value]], columns: list[int], row: int) -> Value:
    """Of the rows from `row` on and these columns, expanded along the first of the rows."""
    if len(columns) == 1:
        return elements[columns[0]][row]
    total: Value | None = None
    for k, c in enumerate(columns):
        term: Value = elements[c][row] * _minor(elements, [d for d in columns if d != c], row + 1)
        total = term if total is None else total - term if k % 2 else total + term
    assert total is not None
    return total


def _make(element: Any, name: str) -> list[type[Matrix]]:
    out = []
    for columns in (2, 3, 4):
        for rows in (2, 3, 4):
            members = {
                "__slots__": (),
                "__module__": __name__,
                "__doc__": f"A matrix of {columns} columns and {rows} rows of {element.name}; see Matrix.",
                "element": element,
                "columns": columns,
                "rows": rows,
            }
            kind = type(f"{name}{columns}x{rows}", (Matrix,), members)
            _kinds[element.name, columns, rows] = kind
            out.append(kind)
    return out


float2x2, float2x3, float2x4, float3x2, float3x3, float3x4, float4x2, float4x3, float4x4 = _make(f32, "float")
half2x2, half2x3, half2x4, half3x2, half3x3, half3x4, half4x2, half4x3, half4x4 = _make(f16, "half")

__all__ = ["Matrix", "determinant", "transpose"]
__all__ += [f"{name}{c}x{r}" for name in ("float", "half") for c in (2, 3, 4) for r in (2, 3, 4)]
