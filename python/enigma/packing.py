# SPDX-License-Identifier: MIT
"""Small integers in words, and quantised numbers: written with the operations of kernels, so that they work
wherever those do.

bytes4 = enigma.unpack_uint8x4(Words[i])                    # uchar4, the first in the lowest bits
weights = enigma.dequantize_int4(Packed[i], scale)          # float2 of the two nibbles of a byte
"""

from __future__ import annotations

from typing import Any

from enigma._enigma import Value, fail
from enigma.dtypes import char4, f32, i8, make_char2, make_char4, make_uchar4, u8, u32
from enigma.functions import as_type

__all__ = [
    "dequantize_int4",
    "dequantize_int8",
    "pack_int4x2",
    "pack_uint8x4",
    "unpack_int4x2",
    "unpack_uint8x4",
]


def _integer(name: str, value: Any) -> Any:
    """The value, unless it is a float: packing keeps low bits, which a float has not."""
    kind = value._type if isinstance(value, Value) else "f32" if isinstance(value, float) else ""
    if kind.startswith(("f", "bf")):
        fail(f"{name}: needs integers, got {kind}", ["round first: enigma.i32(enigma.rint(x))"])
    return value


def pack_uint8x4(*values: Any) -> Value:
    """A u32 of the low 8 bits of four integers, or of the components of a vector of 4.

    The first is in the lowest bits.

    >>> import enigma
    >>> @enigma.kernel
    ... def k(A: enigma.uint4, Out: enigma.u32):
    ...     Out[0] = enigma.pack_uint8x4(A[0])
    >>> "as_type<uint>" in enigma.compile(k).metal_source
    True
    """
    return as_type(make_uchar4(*(_integer("pack_uint8x4", v) for v in values)), u32)


def unpack_uint8x4(word: Any) -> Value:
    """The four bytes of a u32 as a uchar4, the lowest first.

    >>> import enigma
    >>> @enigma.kernel
    ... def k(A: enigma.u32, Out: enigma.uchar4):
    ...     Out[0] = enigma.unpack_uint8x4(A[0])
    >>> "as_type<uchar4>" in enigma.compile(k).metal_source
    True
    """
    return as_type(u32(_integer("unpack_uint8x4", word)), "uchar4")


def pack_int4x2(low: Any, high: Any) -> Value:
    """A u8 of the low 4 bits of two integers, `low` in the lower half.

    >>> import enigma
    >>> @enigma.kernel
    ... def k(A: enigma.i32, Out: enigma.u8):
    ...     Out[0] = enigma.pack_int4x2(A[0], A[1])
    >>> enigma.compile(k).param_names
    ['A', 'Out']
    """
    low, high = (u8(_bits("pack_int4x2", v)) for v in (low, high))
    byte: Value = (low & 15) | (high << 4)
    return byte


def _bits(name: str, value: Any) -> Any:
    """An integer as a value, so that a negative number is one of the type that holds it."""
    return i8(value) if isinstance(value, int) else _integer(name, value)


def unpack_int4x2(byte: Any) -> Value:
    """The two signed 4-bit integers in a byte (-8 to 7) as a char2, that of the lower half first.

    Of a uchar2 the four in two bytes, as a char4.

    >>> import enigma
    >>> @enigma.kernel
    ... def k(A: enigma.u8, Out: enigma.char2):
    ...     Out[0] = enigma.unpack_int4x2(A[0])
    >>> enigma.compile(k).param_names
    ['A', 'Out']
    """
    value = _integer("unpack_int4x2", byte)
    if isinstance(value, Value) and value._type not in ("u8", "i8", "u8x2", "i8x2"):
        fail(
            f"unpack_int4x2: needs a byte or a vector of 2, got {value._type}",
            ["take the byte: enigma.u8(x)"],
        )
    signed = i8(value)
    low, high = (signed << 4) >> 4, signed >> 4
    if signed._lanes == 1:
        return make_char2(low, high)
    return make_char4(low.x, high.x, low.y, high.y)


def dequantize_int8(values: Any, scale: Any, zero_point: Any = 0, dtype: Any = f32) -> Value:
    """(values - zero_point) * scale, computed in `dtype`.

    values: i8 or u8, or a vector of them; a u32 or i32 counts as four signed bytes (a char4).
    scale, zero_point: numbers, or vectors of as many; the zero point is converted to `dtype`.

    >>> import enigma
    >>> @enigma.kernel
    ... def k(Q: enigma.char4, scale: enigma.Scalar(enigma.f32), Out: enigma.float4):
    ...     Out[0] = enigma.dequantize_int8(Q[0], scale, zero_point=3)
    >>> "scale" in enigma.compile(k).metal_source
    True
    """
    value = _integer("dequantize_int8", values)
    if isinstance(value, Value) and value._type in ("u32", "i32"):
        value = as_type(value, char4)
    if not isinstance(value, Value) or value._type[:2] not in ("i8", "u8"):
        got = value._type if isinstance(value, Value) else type(value).__name__
        fail(f"dequantize_int8: needs bytes, or a word of four, got {got}", ["convert them: enigma.i8(x)"])
    return _scaled(value, scale, zero_point, dtype)


def dequantize_int4(packed: Any, scale: Any, zero_point: Any = 0, dtype: Any = f32) -> Value:
    """(values - zero_point) * scale of the signed 4-bit integers in a byte, a vector of 2.

    Of a uchar2 those in two bytes, a vector of 4.

    scale, zero_point: numbers, or vectors of as many; the zero point is converted to `dtype`.

    >>> import enigma
    >>> @enigma.kernel
    ... def k(Q: enigma.u8, scale: enigma.Scalar(enigma.f32), Out: enigma.float2):
    ...     Out[0] = enigma.dequantize_int4(Q[0], scale)
    >>> "scale" in enigma.compile(k).metal_source
    True
    """
    return _scaled(unpack_int4x2(packed), scale, zero_point, dtype)


def _scaled(values: Value, scale: Any, zero_point: Any, dtype: Any) -> Value:
    converted = dtype.element(values)
    if isinstance(zero_point, Value) or zero_point != 0:
        converted = converted - dtype.element(zero_point)
    product: Value = converted * dtype.element(scale)
    return product
