# SPDX-License-Identifier: MIT
"""One kernel for each operation and type, made by closures over the function under test.

    elementwise(enigma.fma, [enigma.f16] * 3, [enigma.f16])    # Out[i] = fma(A[i], B[i], C[i])

The annotations are evaluated when the closure runs, so this module must not postpone them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import enigma


def elementwise(function: Callable[..., Any], operands: Sequence[Any], results: Sequence[Any]) -> Any:
    """A kernel with a buffer for each operand, then one for each result."""
    maker = _MAKERS[len(operands), len(results)]
    return maker(function, *operands, *results)


def _one(function, ta, tr):
    @enigma.kernel
    def apply(A: ta, R: tr):
        i = enigma.thread_position_in_grid
        R[i] = function(A[i])

    return apply


def _two(function, ta, tb, tr):
    @enigma.kernel
    def apply(A: ta, B: tb, R: tr):
        i = enigma.thread_position_in_grid
        R[i] = function(A[i], B[i])

    return apply


def _three(function, ta, tb, tc, tr):
    @enigma.kernel
    def apply(A: ta, B: tb, C: tc, R: tr):
        i = enigma.thread_position_in_grid
        R[i] = function(A[i], B[i], C[i])

    return apply


def _four(function, ta, tb, tc, td, tr):
    @enigma.kernel
    def apply(A: ta, B: tb, C: tc, D: td, R: tr):
        i = enigma.thread_position_in_grid
        R[i] = function(A[i], B[i], C[i], D[i])

    return apply


def _split(function, ta, tr, ts):
    @enigma.kernel
    def apply(A: ta, R: tr, S: ts):
        i = enigma.thread_position_in_grid
        first, second = function(A[i])
        R[i] = first
        S[i] = second

    return apply


_MAKERS = {(1, 1): _one, (2, 1): _two, (3, 1): _three, (4, 1): _four, (1, 2): _split}


@enigma.kernel
def where_1d(Position: enigma.u32, Local: enigma.u32, Group: enigma.u32, Threads: enigma.u32):
    """What a thread knows about itself, in a row."""
    i = enigma.thread_position_in_grid
    Position[i] = i
    Local[i] = enigma.thread_position_in_threadgroup("x")
    Group[i] = enigma.threadgroup_position_in_grid("x")
    Threads[i] = enigma.threads_per_threadgroup("x")


@enigma.kernel
def where_3d(
    Position: enigma.u32, Index: enigma.u32, Group: enigma.u32, Threads: enigma.u32, Sizes: enigma.u32
):
    """The same in a box: components packed into bytes, x lowest."""
    x = enigma.thread_position_in_grid_xyz("x")
    y = enigma.thread_position_in_grid_xyz("y")
    z = enigma.thread_position_in_grid_xyz("z")
    i = (z * enigma.threads_per_grid("y") + y) * enigma.threads_per_grid("x") + x
    Position[i] = x + y * 256 + z * 65536
    Index[i] = enigma.thread_index_in_threadgroup()
    gx, gy, gz = enigma.arch.block_idx()
    Group[i] = gx + gy * 256 + gz * 65536
    tx, ty, tz = (enigma.threads_per_threadgroup(c) for c in ("x", "y", "z"))
    Threads[i] = tx + ty * 256 + tz * 65536
    dx, dy, dz = enigma.arch.block_dim()
    Sizes[i] = dx + dy * 256 + dz * 65536 + enigma.threads_per_threadgroup() * 0
