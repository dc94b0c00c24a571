# SPDX-License-Identifier: MIT
"""The annotations of kernel parameters that are no buffers: Scalar and Constexpr.

def k(A: enigma.f32, n: enigma.Scalar(enigma.i32), N: enigma.Constexpr): ...
"""

from __future__ import annotations

from typing import Any

from enigma._enigma import DType


class Scalar:
    """Annotation of a parameter that is one number: `alpha: enigma.Scalar(enigma.f32)`.

    In Metal it is a constant buffer of one element. A launch takes a Python number, a NumPy scalar or an
    array of one element; for a vector, `Scalar(enigma.float4)`, a sequence of its components.

    >>> import enigma
    >>> enigma.Scalar(enigma.f32)
    enigma.Scalar(enigma.f32)
    """

    __slots__ = ("dtype",)

    dtype: DType

    def __init__(self, dtype: Any) -> None:
        if not isinstance(dtype, DType):
            from enigma.errors import TraceError

            hint = "write enigma.Scalar(enigma.f32)"
            if isinstance(dtype, type) and hasattr(dtype, "columns"):
                name = dtype.__name__
                raise TraceError(
                    f"Scalar: needs a type of numbers or vectors, got the matrix type {name}",
                    hints=[f"declare a buffer of matrices, M: enigma.{name}, and take M[0]"],
                )
            raise TraceError(f"Scalar: needs a type, got {type(dtype).__name__}", hints=[hint])
        self.dtype = dtype

    def __class_getitem__(cls, dtype: Any) -> Scalar:  # what type checkers accept: enigma.Scalar[enigma.f32]
        return cls(dtype)

    def __repr__(self) -> str:
        return f"enigma.Scalar({self.dtype!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scalar) and other.dtype is self.dtype

    def __hash__(self) -> int:
        return hash((Scalar, self.dtype.name))


class Constexpr:
    """Annotation of a parameter that is a Python value, given to `enigma.compile(kernel, N=128)`.

    Each value makes a compiled kernel of its own. `Constexpr[int]` also checks the type of the value.

    >>> import enigma
    >>> @enigma.kernel
    ... def fill(Out: enigma.f32, value: enigma.Constexpr):
    ...     Out[enigma.thread_position_in_grid] = value
    >>> "= 3.0f;" in enigma.compile(fill, value=3).metal_source
    True
    """

    __slots__ = ("type",)

    def __init__(self, type: Any) -> None:
        self.type = type

    def __class_getitem__(cls, type: Any) -> Constexpr:
        return cls(type)

    def __repr__(self) -> str:
        return f"enigma.Constexpr[{getattr(self.type, '__name__', self.type)}]"
