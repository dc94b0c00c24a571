# SPDX-License-Identifier: MIT
"""Kernels that several benchmarks share, and how they measure: the best of many runs, for a machine that others use too."""

import time

import enigma


@enigma.kernel
def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    tid = enigma.thread_position_in_grid
    Out[tid] = alpha * X[tid] + Y[tid]


@enigma.kernel
def tiles(A: enigma.f32, B: enigma.f32, C: enigma.f32):
    """A 2-D add, 4 x 4 elements a thread."""
    col = enigma.thread_position_in_grid_xyz("x") * 4
    row = enigma.thread_position_in_grid_xyz("y") * 4
    for r in range(4):
        for c in range(4):
            i = (row + r) * 1024 + col + c
            C[i] = A[i] + B[i]


@enigma.kernel
def chain(A: enigma.f32, Out: enigma.f32):
    """10,000 operations that no pass can shorten."""
    tid = enigma.thread_position_in_grid
    a = A[tid]
    x = a
    for i in range(1999):
        x = x * a + x / (x + (0.5 + i))
    Out[tid] = x


def best_us(run, seconds=0.5, most=20000):
    """The shortest run in microseconds."""
    best, start, n = float("inf"), time.perf_counter(), 0
    while n < most and (time.perf_counter() - start < seconds or n < 3):
        t = time.perf_counter_ns()
        run()
        best = min(best, time.perf_counter_ns() - t)
        n += 1
    return best / 1000
