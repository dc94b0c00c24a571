# SPDX-License-Identifier: MIT
"""Names for annotations: what the functions of the language take.

def gelu(x: enigma.typing.ValueLike) -> enigma.typing.Value: ...
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from enigma._enigma import Buffer, DType, GridPosition, Value

Axis: TypeAlias = Literal["x", "y", "z"]
DTypeLike: TypeAlias = DType | str | type[Value]
ValueLike: TypeAlias = Value | GridPosition | int | float
IndexLike: TypeAlias = ValueLike | tuple[ValueLike, ...]

__all__ = ["Axis", "Buffer", "DType", "DTypeLike", "GridPosition", "IndexLike", "Value", "ValueLike"]
