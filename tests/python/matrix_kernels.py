# SPDX-License-Identifier: MIT
"""Kernels that compute with simdgroup matrices, made for element types.

The annotations are evaluated when the closures run, so this module must not postpone them.
"""

from typing import Any

import enigma


def copy(t: Any, row: int, origin: tuple[int, int], transpose: bool, transpose_out: bool) -> Any:
    """One matrix from a place in A to the start of Out."""

    @enigma.kernel
    def apply(A: t, Start: enigma.Scalar(enigma.u32), Out: t):
        m = enigma.simdgroup_load(A, Start, row, origin=origin, transpose=transpose)
        enigma.simdgroup_store(m, Out, 0, 8, transpose=transpose_out)

    return apply


def product(t: Any, sum_type: Any) -> Any:
    @enigma.kernel
    def apply(A: t, B: t, C: sum_type, D: sum_type, E: t):
        a = enigma.simdgroup_load(A)
        b = enigma.simdgroup_load(B)
        c = enigma.simdgroup_load(C)
        enigma.simdgroup_store(enigma.simdgroup_multiply_accumulate(a, b, c), D)
        enigma.simdgroup_store(enigma.simdgroup_multiply(a, b), E)

    return apply


def elements(t: Any) -> Any:
    """What each lane holds, and the matrix of twice that."""

    @enigma.kernel
    def apply(A: t, First: t, Second: t, Out: t):
        lane = enigma.thread_index_in_simdgroup()
        x, y = enigma.simdgroup_matrix_elements(enigma.simdgroup_load(A))
        First[lane] = x
        Second[lane] = y
        enigma.simdgroup_store(enigma.simdgroup_matrix_from_elements(2 * x, 2 * y), Out)

    return apply


def matmul(t: Any, sum_type: Any) -> Any:
    """C = A B, a tile of 8x8 of C for each simdgroup."""

    @enigma.kernel
    def apply(
        A: t,
        B: t,
        C: sum_type,
        N: enigma.Scalar(enigma.u32),
        K: enigma.Scalar(enigma.u32),
    ):
        # As dispatched: the last threadgroup may have fewer simdgroups.
        per_group = enigma.dispatch_threads_per_threadgroup("x") // 32
        tile = enigma.threadgroup_position_in_grid("x") * per_group + enigma.simdgroup_index_in_threadgroup()
        row = tile // (N // 8) * 8
        column = tile % (N // 8) * 8
        acc = enigma.make_filled_simdgroup_matrix(sum_type, 0)
        for k in enigma.range(0, K, 8, dtype=enigma.u32):
            a = enigma.simdgroup_load(A, 0, K, origin=(k, row))
            b = enigma.simdgroup_load(B, 0, N, origin=(column, k))
            acc = enigma.simdgroup_multiply_accumulate(a, b, acc)
        enigma.simdgroup_store(acc, C, row * N + column, N)

    return apply
