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

# A vector is made of its components, of shorter vectors, or of one number; make_float4 is float4.
class _Vector(Value, Buffer):
    name: ClassVar[str]
    itemsize: ClassVar[int]
    is_float: ClassVar[bool]
    is_signed: ClassVar[bool]
    lanes: ClassVar[int]
    element: ClassVar[DType]
    def __init__(self, *components: ValueLike) -> None: ...

class bfloat2(_Vector): ...
class bfloat3(_Vector): ...
class bfloat4(_Vector): ...
class char2(_Vector): ...
class char3(_Vector): ...
class char4(_Vector): ...
class float2(_Vector): ...
class float3(_Vector): ...
class float4(_Vector): ...
class half2(_Vector): ...
class half3(_Vector): ...
class half4(_Vector): ...
class int2(_Vector): ...
class int3(_Vector): ...
class int4(_Vector): ...
class long2(_Vector): ...
class long3(_Vector): ...
class long4(_Vector): ...
class short2(_Vector): ...
class short3(_Vector): ...
class short4(_Vector): ...
class uchar2(_Vector): ...
class uchar3(_Vector): ...
class uchar4(_Vector): ...
class uint2(_Vector): ...
class uint3(_Vector): ...
class uint4(_Vector): ...
class ulong2(_Vector): ...
class ulong3(_Vector): ...
class ulong4(_Vector): ...
class ushort2(_Vector): ...
class ushort3(_Vector): ...
class ushort4(_Vector): ...

make_bfloat2 = bfloat2
make_bfloat3 = bfloat3
make_bfloat4 = bfloat4
make_char2 = char2
make_char3 = char3
make_char4 = char4
make_float2 = float2
make_float3 = float3
make_float4 = float4
make_half2 = half2
make_half3 = half3
make_half4 = half4
make_int2 = int2
make_int3 = int3
make_int4 = int4
make_long2 = long2
make_long3 = long3
make_long4 = long4
make_short2 = short2
make_short3 = short3
make_short4 = short4
make_uchar2 = uchar2
make_uchar3 = uchar3
make_uchar4 = uchar4
make_uint2 = uint2
make_uint3 = uint3
make_uint4 = uint4
make_ulong2 = ulong2
make_ulong3 = ulong3
make_ulong4 = ulong4
make_ushort2 = ushort2
make_ushort3 = ushort3
make_ushort4 = ushort4

def vec(dtype: Any, lanes: int) -> Any: ...

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
    "bfloat2",
    "bfloat3",
    "bfloat4",
    "char2",
    "char3",
    "char4",
    "f16",
    "f32",
    "float2",
    "float3",
    "float4",
    "half2",
    "half3",
    "half4",
    "i8",
    "i16",
    "i32",
    "i64",
    "int2",
    "int3",
    "int4",
    "long2",
    "long3",
    "long4",
    "make_bfloat2",
    "make_bfloat3",
    "make_bfloat4",
    "make_char2",
    "make_char3",
    "make_char4",
    "make_float2",
    "make_float3",
    "make_float4",
    "make_half2",
    "make_half3",
    "make_half4",
    "make_int2",
    "make_int3",
    "make_int4",
    "make_long2",
    "make_long3",
    "make_long4",
    "make_short2",
    "make_short3",
    "make_short4",
    "make_uchar2",
    "make_uchar3",
    "make_uchar4",
    "make_uint2",
    "make_uint3",
    "make_uint4",
    "make_ulong2",
    "make_ulong3",
    "make_ulong4",
    "make_ushort2",
    "make_ushort3",
    "make_ushort4",
    "short2",
    "short3",
    "short4",
    "u8",
    "u16",
    "u32",
    "u64",
    "uchar2",
    "uchar3",
    "uchar4",
    "uint2",
    "uint3",
    "uint4",
    "ulong2",
    "ulong3",
    "ulong4",
    "ushort2",
    "ushort3",
    "ushort4",
    "vec",
]
