# SPDX-License-Identifier: MIT
"""vec_width in kernels with loops and branches: exactly what one position at a time computes.

Each kernel runs with and without it on the host and as Metal text, and is compared with Python.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import enigma as en
from three_ways import both

N = 64
X = np.random.default_rng(3).integers(-9, 10, (N,)).astype(np.int32)
F = (X / 2).astype(np.float32)


@en.kernel
def rows(A: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    """A uniform loop over rows: contiguous loads in a block, a carried sum."""
    i = en.thread_position_in_grid
    total = en.f32(0)
    for j in en.range(n):
        total += A[i + j * 64]
    Out[i] = total


@en.kernel
def uniform_branch(A: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    """Scalars decide: both arms bind what differs and what does not."""
    i = en.thread_position_in_grid
    scale = en.f32(1)
    if n > 2:
        x = A[i] * 2.0
        scale = scale + 1
    else:
        x = A[0]
    if scale > 1.5:
        Out[i] = x + scale
    else:
        Out[i] = x - scale


@en.kernel
def choose(A: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    """Arms that only compute, nested: no memory is touched in them."""
    i = en.thread_position_in_grid
    x = A[i]
    if x > 0:
        y = x * x
    elif x < -2:
        y = -x
        if n > 1:
            y = y + 1
    else:
        y = en.f32(n)
    Out[i] = y


@en.kernel
def guarded(A: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    """An early return that some positions of a thread take: what is behind it is done one by one."""
    i = en.thread_position_in_grid
    if i >= 7 * n:
        return
    if A[i] > 0:
        Out[i] = A[en.i32(A[i])] + A[i]
    else:
        Out[i] = -1


@en.kernel
def counted(A: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    """Rounds that differ between positions, with a break."""
    i = en.thread_position_in_grid
    total = en.i32(0)
    for j in en.range(en.i32(A[i] * 2)):
        if total > n:
            break
        total += j
    Out[i] = en.f32(total)


@en.kernel
def turning(A: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    """A while of scalars that swaps a value that differs with one that does not."""
    i = en.thread_position_in_grid
    a, b, left = A[i], en.f32(3), n
    while left > 0:
        a, b = b, a
        left -= 1
    Out[i] = a * 2 + b


@en.kernel
def grows(A: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    """What a loop carries differs from the second round on only, two variables later."""
    i = en.thread_position_in_grid
    a, b, c = en.f32(1), en.f32(2), en.f32(3)
    for _ in en.range(n):
        c = b
        b = a
        a = A[i] + c
    Out[i] = a * 100 + b * 10 + c


@en.kernel
def chase(A: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    """A while that positions leave at different times, in a loop whose rounds they share."""
    i = en.thread_position_in_grid
    steps = en.i32(0)
    for j in en.range(n):
        x = A[i] + j
        while x > 0.5:
            x = x - 1
            steps += 1
        if j == 1 and n > 1:
            continue
        steps += 100
    Out[i] = en.f32(steps)


@en.kernel
def spill(A: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    """A constant that a block turns into a vector first, and that is used behind it; the position asked for in
    an arm."""
    k = en.f32(n) + 0.5
    if n > 0:
        Out[en.thread_position_in_grid] = A[en.thread_position_in_grid] * k
    i = en.thread_position_in_grid
    Out[i] = Out[i] + A[i] * k


def python_rows(a: Any, i: int, n: int) -> float:
    return sum(a[i + j * 64] for j in range(n))


def python_uniform_branch(a: Any, i: int, n: int) -> float:
    return a[i] * 2 + 2 if n > 2 else a[0] - 1


def python_choose(a: Any, i: int, n: int) -> float:
    x = a[i]
    return x * x if x > 0 else (-x + (1 if n > 1 else 0) if x < -2 else n)


def python_guarded(a: Any, i: int, n: int) -> float:
    return 0 if i >= 7 * n else (a[int(a[i])] + a[i] if a[i] > 0 else -1)


def python_counted(a: Any, i: int, n: int) -> float:
    total = 0
    for j in range(int(a[i] * 2)):
        if total > n:
            break
        total += j
    return total


def python_turning(a: Any, i: int, n: int) -> float:
    x, y = a[i], 3
    for _ in range(n):
        x, y = y, x
    return x * 2 + y


def python_grows(a: Any, i: int, n: int) -> float:
    x, y, z = 1.0, 2.0, 3.0
    for _ in range(n):
        z = y
        y = x
        x = a[i] + z
    return x * 100 + y * 10 + z


def python_chase(a: Any, i: int, n: int) -> float:
    steps = 0
    for j in range(n):
        x = a[i] + j
        while x > 0.5:
            x -= 1
            steps += 1
        if j == 1 and n > 1:
            continue
        steps += 100
    return steps


def python_spill(a: Any, i: int, n: int) -> float:
    return a[i] * (n + 0.5) * (2 if n > 0 else 1)


KERNELS = [rows, uniform_branch, choose, guarded, counted, turning, grows, chase, spill]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.__name__)
@pytest.mark.parametrize("width", [0, 2, 4])
def test_a_thread_of_several_positions_computes_what_one_of_each_does(kernel: Any, width: int) -> None:
    a = np.concatenate([F, F[::-1], np.roll(F, 3), F, F])
    of_python = globals()[f"python_{kernel.__name__}"]
    for n in (0, 1, 2, 3, 5):
        out = both(kernel, [a, np.zeros(N, np.float32), n], N // (width or 1), vec_width=width)[1]
        want = np.array([of_python(a.astype(np.float64), i, n) for i in range(N)])
        np.testing.assert_array_equal(out, want.astype(np.float32), err_msg=f"n={n}")


def test_a_uniform_loop_keeps_its_vectors() -> None:
    source = en.compile(rows, vec_width=4).metal_source
    assert "float4 total" in source
    assert "(const device float4*)" in source
    assert source.count("for (") == 1


def test_a_branch_that_only_computes_becomes_a_choice() -> None:
    @en.kernel
    def k(A: en.f32, Out: en.f32):
        i = en.thread_position_in_grid
        x = A[i]
        Out[i] = x * x if x > 0 else -x

    source = en.compile(k, vec_width=4).metal_source
    assert "if (" not in source
    assert "select(" in source


def test_what_only_holds_under_a_condition_is_not_computed_as_if_it_held() -> None:
    """x + 1 cannot wrap where the condition says x < 100; both arms of the choice are computed though."""

    @en.kernel
    def k(A: en.i32, Out: en.i32):
        i = en.thread_position_in_grid
        x = A[i]
        y = x
        if x < 100 and x > -100:
            y = x * 3 + 1
        Out[i] = y

    a = np.array([2**31 - 1, -(2**31), 5, 99] * 16, np.int32)
    out = both(k, [a, np.zeros_like(a)], N // 4, vec_width=4)[1]
    np.testing.assert_array_equal(
        out, np.where(np.abs(a.astype(np.int64)) < 100, a.astype(np.int64) * 3 + 1, a)
    )


def test_masks_of_every_form_and_integers_in_loops() -> None:
    @en.kernel
    def k(A: en.u8, Out: en.u8, n: en.Scalar(en.u32)):
        i = en.thread_position_in_grid
        x = en.u8(0)
        for j in en.range(n, dtype=en.u32):
            x = x + en.load_if(A, i + j, i + j < 60, 7)
            if x > 200:
                x = x ^ 0x55
        en.store_if(Out, i, x, x % 3 != 0)

    a = np.random.default_rng(5).integers(0, 256, N).astype(np.uint8)
    for width in (0, 2, 4):
        for n in (0, 1, 9):
            out = both(k, [a, np.zeros_like(a), n], N // (width or 1), vec_width=width)[1]
            want = []
            for i in range(N):
                x = 0
                for j in range(n):
                    x = (x + (int(a[i + j]) if i + j < 60 else 7)) & 0xFF
                    if x > 200:
                        x ^= 0x55
                want.append(x if x % 3 else 0)
            np.testing.assert_array_equal(out, want, err_msg=f"{width} {n}")


def test_what_has_no_form_says_so_inside_of_blocks_too() -> None:
    @en.kernel
    def barrier(A: en.f32, n: en.Scalar(en.i32)):
        for _ in en.range(n):
            en.barrier()
        A[en.thread_position_in_grid] = 1.0

    @en.kernel
    def lanes(A: en.f32, n: en.Scalar(en.i32)):
        i = en.thread_position_in_grid
        if n > 0:
            A[i] = en.simd_sum(A[i])

    with pytest.raises(en.CompileError, match="vec_width: the kernel has a barrier"):
        en.compile(barrier, vec_width=4)
    with pytest.raises(en.CompileError, match="vec_width: simd_sum has no form"):
        en.compile(lanes, vec_width=4)
