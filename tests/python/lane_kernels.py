# SPDX-License-Identifier: MIT
"""Kernels for operations among lanes: each applies a function where a condition holds.

    lane_kernel(enigma.simd_shuffle, [enigma.f32], enigma.f32, {1: 3})     # if On[i]: R[i] = f(A[i], 3)

The annotations are evaluated when the closure runs, so this module must not postpone them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import enigma


def lane_kernel(
    function: Callable[..., Any], types: Sequence[Any], result: Any, literals: dict[int, int]
) -> Any:
    """Buffers for the operands that are no literals, then a condition, then the result."""

    def call(*loaded):
        rest = iter(loaded)
        count = len(loaded) + len(literals)
        return function(*(literals[k] if k in literals else next(rest) for k in range(count)))

    return (_none, _one, _two, _three)[len(types)](call, result, *types)


def _none(call, tr):
    @enigma.kernel
    def apply(On: enigma.b1, R: tr):
        i = enigma.thread_position_in_grid
        if On[i]:
            R[i] = call()

    return apply


def _one(call, tr, ta):
    @enigma.kernel
    def apply(A: ta, On: enigma.b1, R: tr):
        i = enigma.thread_position_in_grid
        if On[i]:
            R[i] = call(A[i])

    return apply


def _two(call, tr, ta, tb):
    @enigma.kernel
    def apply(A: ta, B: tb, On: enigma.b1, R: tr):
        i = enigma.thread_position_in_grid
        if On[i]:
            R[i] = call(A[i], B[i])

    return apply


def _three(call, tr, ta, tb, tc):
    @enigma.kernel
    def apply(A: ta, B: tb, C: tc, On: enigma.b1, R: tr):
        i = enigma.thread_position_in_grid
        if On[i]:
            R[i] = call(A[i], B[i], C[i])

    return apply
