# SPDX-License-Identifier: MIT
"""Kernels for atomic operations: each applies one to the element that a buffer of indices names.

    atomic_kernel(enigma.atomic_fetch_add, enigma.u32)     # Old[i] = f(A, At[i], V[i]) where On[i]

The annotations are evaluated when the closure runs, so this module must not postpone them.
"""

from collections.abc import Callable
from typing import Any

import enigma


def change(function: Callable[..., Any], t: Any) -> Any:
    @enigma.kernel
    def apply(A: t, At: enigma.u32, V: t, On: enigma.b1, Old: t):
        i = enigma.thread_position_in_grid
        if On[i]:
            Old[i] = function(A, At[i], V[i])

    return apply


def silent(function: Callable[..., Any], t: Any) -> Any:
    """The result is not used, or there is none."""

    @enigma.kernel
    def apply(A: t, At: enigma.u32, V: t, On: enigma.b1):
        i = enigma.thread_position_in_grid
        if On[i]:
            function(A, At[i], V[i])

    return apply


def compare(t: Any) -> Any:
    @enigma.kernel
    def apply(A: t, At: enigma.u32, Expected: t, V: t, Old: t, Done: enigma.b1):
        i = enigma.thread_position_in_grid
        old, done = enigma.atomic_compare_exchange_weak(A, At[i], Expected[i], V[i])
        Old[i] = old
        Done[i] = done

    return apply


def load(t: Any) -> Any:
    @enigma.kernel
    def apply(A: t, At: enigma.i64, Out: t):
        i = enigma.thread_position_in_grid
        Out[i] = enigma.atomic_load(A, At[i])

    return apply
