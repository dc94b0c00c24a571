# SPDX-License-Identifier: MIT
"""Straight-line code of thousands of operations, which the host cuts into blocks."""

import numpy as np
import pytest

import enigma

rt = enigma.HostRuntime()


@pytest.mark.parametrize("steps", [100, 769, 2000])
@pytest.mark.parametrize("is_looped", [False, True])
def test_a_long_chain_is_right(steps, is_looped):
    @enigma.kernel
    def chain(A: enigma.u32, Out: enigma.u32, rounds: enigma.Scalar(enigma.i32)):
        i = enigma.thread_position_in_grid
        x = A[i]
        first = x
        if is_looped:
            for _ in enigma.range(rounds):
                for k in range(steps):
                    x = x * 5 + (first ^ k)
        else:
            for k in range(steps):
                x = x * 5 + (first ^ k)
        Out[i] = x

    n, rounds = 1000, 2
    a = np.arange(n, dtype=np.uint32) * np.uint32(2654435761)
    out = np.zeros(n, np.uint32)
    rt.launch(enigma.compile(chain), [a, out, rounds], n, 64)
    expected = a.copy()
    for _ in range(rounds if is_looped else 1):
        for k in range(steps):
            expected = expected * np.uint32(5) + (a ^ np.uint32(k))
    assert np.array_equal(out, expected)
