# SPDX-License-Identifier: MIT
"""One value of all threads of a threadgroup, by way of the simdgroups' own and threadgroup memory.

total = enigma.threadgroup_reduce(x)                   # the sum, in every thread
largest = enigma.threadgroup_reduce(x, "max")
"""

from __future__ import annotations

from typing import Any

from enigma import flow as _flow
from enigma import functions as _functions
from enigma._enigma import Value, fail, flow, must_wait, vec
from enigma.callees import kernel_code
from enigma.dtypes import as_dtype

__all__ = ["threadgroup_reduce"]
U32 = as_dtype("u32")
MOST_SIMDGROUPS = 32

# How lanes are reduced, and two values.
OPERATIONS: dict[str, tuple[str, Any]] = {
    "add": ("simd_sum", lambda x, y: x + y),
    "mul": ("simd_product", lambda x, y: x * y),
    "min": ("simd_min", _functions.min),
    "max": ("simd_max", _functions.max),
    "and": ("simd_and", lambda x, y: x & y),
    "or": ("simd_or", lambda x, y: x | y),
    "xor": ("simd_xor", lambda x, y: x ^ y),
}


@kernel_code
def threadgroup_reduce(x: Any, op: str = "add") -> Value:
    """Reduces a value over all threads of the threadgroup; every thread gets the result.

    x: a value of each thread, of a type that simd_sum (simd_product, simd_min, ...) takes.
    op: "add", "mul", "min", "max", "and", "or" or "xor" (the last three of integers).

    Each simdgroup reduces its lanes, one lane of each writes that to threadgroup memory (32 elements of the
    type of x for each call in the source), and behind a barrier each thread reduces these in the order of the
    simdgroups: results do not change from run to run. In a loop or branch there is a second barrier in front.

    All threads of the threadgroup come here. Partial threadgroups at the end of the grid are right.

    Errors: TraceError for another op, for types that the operation on lanes does not take, and where
    threads part around the call.

    >>> @enigma.kernel
    ... def k(X: enigma.f32, Out: enigma.f32):
    ...     i = enigma.thread_position_in_grid
    ...     total = enigma.threadgroup_reduce(X[i])
    ...     Out[i] = X[i] / total
    """
    if not isinstance(op, str) or op not in OPERATIONS:
        known = ", ".join(f'"{name}"' for name in OPERATIONS)
        fail(f"threadgroup_reduce: op must be one of {known}, got {op!r}")
    lanes, combine = OPERATIONS[op]
    part = getattr(_functions, lanes)(x)
    element = flow.type_of(part).dtype
    parts = _functions.threadgroup_alloc(
        MOST_SIMDGROUPS, element if part._lanes == 1 else vec(element, part._lanes)
    )
    if must_wait([]):
        _functions.barrier()
    with _flow.if_(_functions.thread_index_in_simdgroup() == 0):
        parts[_functions.simdgroup_index_in_threadgroup()] = part
    _functions.barrier()
    result = parts[0]
    for i in _flow.range(1, _functions.simdgroups_per_threadgroup(), dtype=U32):
        result = combine(result, parts[i])
    return result
