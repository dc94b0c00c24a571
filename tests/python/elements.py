# SPDX-License-Identifier: MIT
"""The twelve element types as NumPy has them, and rounding to each of them exactly once.

DTYPES["bf16"]                          # dtype of ml_dtypes.bfloat16
rounded(np.array([0.1]), "f16")         # float64 -> float16
"""

from __future__ import annotations

import ml_dtypes
import numpy as np

DTYPES: dict[str, np.dtype] = {
    "b1": np.dtype(np.bool_),
    **{f"{s}{w}": np.dtype(f"{'int' if s == 'i' else 'uint'}{w}") for w in (8, 16, 32, 64) for s in "iu"},
    "f16": np.dtype(np.float16),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f32": np.dtype(np.float32),
}
SIGNED = ("i8", "i16", "i32", "i64")
UNSIGNED = ("u8", "u16", "u32", "u64")
INTEGERS = (*SIGNED, *UNSIGNED)
FLOATS = ("f16", "bf16", "f32")


def name_of(dtype: np.dtype) -> str:
    return next(name for name, known in DTYPES.items() if known == dtype)


def width(name: str) -> int:
    """Bits of a value in memory."""
    return DTYPES[name].itemsize * 8


def unsigned(name: str) -> str:
    """The unsigned integer type of the same width."""
    return f"u{width(name)}"


def bounds(name: str) -> tuple[int, int]:
    """Smallest and largest value of an integer type."""
    info = np.iinfo(DTYPES[name])
    return int(info.min), int(info.max)


def bits_of(array: np.ndarray) -> np.ndarray:
    """The bits of an array as unsigned integers."""
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def from_bits(bits: np.ndarray | list[int], name: str) -> np.ndarray:
    return np.asarray(bits, dtype=f"u{DTYPES[name].itemsize}").view(DTYPES[name])


def is_subnormal(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind in "biu":
        return np.zeros(array.shape, bool)
    wide = np.abs(array.astype(np.float64))
    return (wide > 0) & (wide < float(ml_dtypes.finfo(array.dtype).tiny))


def to_odd(near: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The float64 values `near + rest` rounded to odd, `rest` being what is missing from `near`.

    A value rounded to odd can be rounded again to a narrower type without error (Boldo and Melquiond, 2008).
    """
    with np.errstate(all="ignore"):
        inexact = np.isfinite(near) & np.isfinite(rest) & (rest != 0)
        even = (near.view(np.uint64) & 1) == 0
        return np.where(inexact & even, np.nextafter(near, np.where(rest > 0, np.inf, -np.inf)), near)


def rounded(wide: np.ndarray, name: str) -> np.ndarray:
    """float64 values rounded to nearest even in a float type, once."""
    wide = np.asarray(wide, np.float64)
    with np.errstate(all="ignore"):
        if name != "bf16":
            return wide.astype(DTYPES[name])
        single = wide.astype(np.float32)
        # The float32 towards zero, its last bit set where inexact: the second rounding sees what was cut off.
        bits = single.view(np.uint32)
        bits = bits - (np.abs(single.astype(np.float64)) > np.abs(wide)).astype(np.uint32)
        bits = np.where(single.astype(np.float64) != wide, bits | 1, bits)
        bits = bits + 0x7FFF + ((bits >> 16) & 1)
        return np.where(np.isnan(wide), np.uint16(0x7FC0), (bits >> 16).astype(np.uint16)).view(
            DTYPES["bf16"]
        )


def rounded_integers(values: list[int], name: str) -> np.ndarray:
    """Python integers rounded to a float type, once."""

    def odd(value: int) -> float:
        near = float(value)
        return float(to_odd(np.array(near), np.array(float(value - int(near)))))

    return rounded(np.array([odd(v) for v in values]), name)


def wrapped(value: int, name: str) -> int:
    """A Python integer reduced to the range of an integer type."""
    value &= (1 << width(name)) - 1
    return value - (1 << width(name)) if name in SIGNED and value >> (width(name) - 1) else value
