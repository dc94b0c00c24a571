# SPDX-License-Identifier: MIT
"""Comparison of results with expected values, counted in units in the last place.

    disagreements(actual, expected, ulp=4)          # indices of what is wrong
    assert_close(actual, expected, inputs, ulp=4)   # AssertionError that shows the worst of them

NaN agrees with NaN only, a zero with a zero of its sign only, and an infinity is the neighbour of
the largest finite value: it is reached only within the tolerance. Integers and booleans agree when equal.
"""

from __future__ import annotations

from collections.abc import Sequence

import ml_dtypes
import numpy as np

from elements import bits_of, is_subnormal


def ordinal(array: np.ndarray) -> np.ndarray:
    """Floats as integers in their order, neighbours one apart; both zeros are 0."""
    bits = bits_of(array).astype(np.int64)
    sign = 1 << (array.dtype.itemsize * 8 - 1)
    return np.where(bits >= sign, sign - bits, bits)


def distance(actual: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How many representable values apart; meaningless where one is NaN."""
    return np.abs(ordinal(actual) - ordinal(expected))


def disagreements(
    actual: np.ndarray,
    expected: np.ndarray,
    ulp: int = 0,
    *,
    either_zero: np.ndarray | bool = False,
    scale: np.ndarray | None = None,
    flush: bool = False,
) -> np.ndarray:
    """Indices at which `actual` is not within `ulp` of `expected`.

    either_zero: where a zero may have either sign
    scale: the size that the error is measured against where terms cancel
    flush: a subnormal result may also be zero, as on GPUs
    """
    if actual.dtype != expected.dtype or actual.shape != expected.shape:
        raise ValueError(f"got {actual.dtype}{actual.shape}, expected {expected.dtype}{expected.shape}")
    if actual.dtype.kind in "biu":
        return np.flatnonzero(actual != expected)
    with np.errstate(all="ignore"):
        a, e = actual.astype(np.float64), expected.astype(np.float64)
        good = distance(actual, expected) <= ulp
        if scale is not None:
            info = ml_dtypes.finfo(expected.dtype)
            unit = 2.0 ** (np.floor(np.log2(np.maximum(scale, float(info.tiny)))) - info.nmant)
            good |= np.abs(a - e) <= ulp * unit
        nan = np.isnan(a) | np.isnan(e)
        good = np.where(nan, np.isnan(a) & np.isnan(e), good)
        if flush:
            good |= is_subnormal(expected) & (a == 0)
        zeros = (a == 0) & (e == 0)
        good &= ~(zeros & (np.signbit(a) != np.signbit(e))) | either_zero
    return np.flatnonzero(~good)


def show(array: np.ndarray, index: int) -> str:
    value = array[index]
    if array.dtype.kind in "biu":
        return str(value)
    return f"{float(value):.9g} ({int(bits_of(array)[index]):#x})"


def assert_close(
    actual: np.ndarray,
    expected: np.ndarray,
    inputs: Sequence[np.ndarray] = (),
    ulp: int = 0,
    *,
    skip: np.ndarray | bool = False,
    what: str = "",
    either_zero: np.ndarray | bool = False,
    scale: np.ndarray | None = None,
    flush: bool = False,
) -> None:
    """Fails with the inputs, the result and the expectation of the first disagreements."""
    wrong = disagreements(actual, expected, ulp, either_zero=either_zero, scale=scale, flush=flush)
    wrong = wrong[~np.broadcast_to(skip, actual.shape)[wrong]]
    if not len(wrong):
        return
    lines = [f"{what}: {len(wrong)} of {actual.size} results are off by more than {ulp} ulp"]
    for i in wrong[:8]:
        operands = ", ".join(show(values, i) for values in inputs)
        lines.append(f"  [{i}] ({operands}): got {show(actual, i)}, expected {show(expected, i)}")
    raise AssertionError("\n".join(lines))
