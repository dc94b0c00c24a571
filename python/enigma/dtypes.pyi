# SPDX-License-Identifier: MIT
# What type checkers see of dtypes.py. A type is one object at run time; here it is a class, so that it can
# annotate a parameter, which is then indexed as a buffer or used as a value.
from typing import Annotated, Any, ClassVar, Generic, TypeAlias, TypeVar

import numpy as np

from enigma._enigma import Buffer, DType, Value
from enigma.typing import ValueLike

_T = TypeVar("_T")

class _Element(Value, Buffer):
    name: ClassVar[str]
    itemsize: ClassVar[int]
    is_float: ClassVar[bool]
    is_signed: ClassVar[bool]
    def __init__(self, value: ValueLike, /) -> None: ...

class b1(_Element): ...
class i8(_Element): ...
class u8(_Element): ...
class i16(_Element): ...
class u16(_Element): ...
class i32(_Element): ...
class u32(_Element): ...
class i64(_Element): ...
class u64(_Element): ...
class f16(_Element): ...
class bf16(_Element): ...
class f32(_Element): ...

Boolean = b1
Int8 = i8
Uint8 = u8
Int16 = i16
Uint16 = u16
Int32 = i32
Uint32 = u32
Int64 = i64
Uint64 = u64
Float16 = f16
BFloat16 = bf16
Float32 = f32

class Scalar(Value, Generic[_T]):
    def __init__(self, dtype: Any) -> None: ...

Constexpr: TypeAlias = Annotated[_T, "a Python value that is baked in"]

def numpy_dtype(dtype: Any) -> np.dtype[Any]: ...
def as_dtype(dtype: Any) -> DType: ...

__all__ = [
    "BFloat16",
    "Boolean",
    "Constexpr",
    "DType",
    "Float16",
    "Float32",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Scalar",
    "Uint8",
    "Uint16",
    "Uint32",
    "Uint64",
    "b1",
    "bf16",
    "f16",
    "f32",
    "i8",
    "i16",
    "i32",
    "i64",
    "u8",
    "u16",
    "u32",
    "u64",
]
