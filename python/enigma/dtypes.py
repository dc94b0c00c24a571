# SPDX-License-Identifier: MIT
"""Element types and the annotations of kernel parameters (as type checkers see them: dtypes.pyi).

    @enigma.kernel
    def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32): ...

`enigma.f32` as an annotation is a buffer of f32; `Scalar(f32)` is one number; `Constexpr` is a Python value
that is baked in when the kernel is compiled. In a kernel `enigma.f32(x)` converts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from enigma._enigma import DType, dtype_named, dtypes, vec, vector_types
from enigma.annotations import Constexpr, Scalar

if TYPE_CHECKING:
    import numpy

b1 = Boolean = dtypes["b1"]
i8 = Int8 = dtypes["i8"]
u8 = Uint8 = dtypes["u8"]
i16 = Int16 = dtypes["i16"]
u16 = Uint16 = dtypes["u16"]
i32 = Int32 = dtypes["i32"]
u32 = Uint32 = dtypes["u32"]
i64 = Int64 = dtypes["i64"]
u64 = Uint64 = dtypes["u64"]
f16 = Float16 = dtypes["f16"]
bf16 = BFloat16 = dtypes["bf16"]
f32 = Float32 = dtypes["f32"]

# Vectors under Metal's names; called, they make one: make_float4(x, y, z, w).
bfloat2 = make_bfloat2 = vector_types["bfloat2"]
bfloat3 = make_bfloat3 = vector_types["bfloat3"]
bfloat4 = make_bfloat4 = vector_types["bfloat4"]
char2 = make_char2 = vector_types["char2"]
char3 = make_char3 = vector_types["char3"]
char4 = make_char4 = vector_types["char4"]
float2 = make_float2 = vector_types["float2"]
float3 = make_float3 = vector_types["float3"]
float4 = make_float4 = vector_types["float4"]
half2 = make_half2 = vector_types["half2"]
half3 = make_half3 = vector_types["half3"]
half4 = make_half4 = vector_types["half4"]
int2 = make_int2 = vector_types["int2"]
int3 = make_int3 = vector_types["int3"]
int4 = make_int4 = vector_types["int4"]
long2 = make_long2 = vector_types["long2"]
long3 = make_long3 = vector_types["long3"]
long4 = make_long4 = vector_types["long4"]
short2 = make_short2 = vector_types["short2"]
short3 = make_short3 = vector_types["short3"]
short4 = make_short4 = vector_types["short4"]
uchar2 = make_uchar2 = vector_types["uchar2"]
uchar3 = make_uchar3 = vector_types["uchar3"]
uchar4 = make_uchar4 = vector_types["uchar4"]
uint2 = make_uint2 = vector_types["uint2"]
uint3 = make_uint3 = vector_types["uint3"]
uint4 = make_uint4 = vector_types["uint4"]
ulong2 = make_ulong2 = vector_types["ulong2"]
ulong3 = make_ulong3 = vector_types["ulong3"]
ulong4 = make_ulong4 = vector_types["ulong4"]
ushort2 = make_ushort2 = vector_types["ushort2"]
ushort3 = make_ushort3 = vector_types["ushort3"]
ushort4 = make_ushort4 = vector_types["ushort4"]

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

_NUMPY_NAMES = {
    "b1": "bool",
    "i8": "int8",
    "u8": "uint8",
    "i16": "int16",
    "u16": "uint16",
    "i32": "int32",
    "u32": "uint32",
    "i64": "int64",
    "u64": "uint64",
    "f16": "float16",
    "f32": "float32",
}


def numpy_dtype(dtype: DType) -> numpy.dtype[Any]:
    """NumPy's type for an element type, or for the components of a vector; bf16 needs the package ml_dtypes.

    >>> numpy_dtype(f16)
    dtype('float16')
    """
    import numpy

    dtype = dtype.element

    if dtype.name == "bf16":
        try:
            import ml_dtypes
        except ImportError as error:
            from enigma.errors import DeviceError

            raise DeviceError(
                "NumPy has no bf16 without the package ml_dtypes, which is not installed",
                hints=["pip install ml_dtypes"],
            ) from error
        bfloat16: numpy.dtype[Any] = numpy.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return numpy.dtype(_NUMPY_NAMES[dtype.name])


def as_dtype(dtype: Any) -> DType:
    """An element type from itself, its name here or in Metal ("f32", "float"), or what NumPy knows.

    >>> import numpy
    >>> as_dtype("float"), as_dtype(numpy.int8)
    (enigma.f32, enigma.i8)
    """
    if isinstance(dtype, DType):
        return dtype
    named = dtype_named(dtype) if isinstance(dtype, str) else None
    if named is not None:
        return named
    import numpy

    from enigma.errors import LaunchTypeError

    try:
        name = numpy.dtype(dtype).name
    except TypeError:
        raise LaunchTypeError(
            f"no type is called {dtype!r}", hints=["write enigma.f32, or numpy.float32"]
        ) from None
    if name == "bfloat16":
        return bf16
    for ours, theirs in _NUMPY_NAMES.items():
        if theirs == name:
            return dtypes[ours]
    raise LaunchTypeError(
        f"Metal has no {name}",
        hints=[
            "convert it: x.astype(numpy.float32)"
            if name == "float64"
            else "the types are f16 bf16 f32 i8 ... u64 b1"
        ],
    )
