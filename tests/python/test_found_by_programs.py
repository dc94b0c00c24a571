# SPDX-License-Identifier: MIT
"""What random programs (typed_programs.py) have found, as small kernels: host, Metal text and NumPy agree."""

import numpy as np
import pytest

import enigma as en
from elements import DTYPES, INTEGERS, SIGNED
from msl import standin
from three_ways import both


@en.kernel
def signs(A: en.f32, Out: en.f32):
    i = en.thread_position_in_grid
    Out[i] = -(-A[i] * 2.0)
    A[i] = -(-2.0 / A[i])


def test_two_signs_are_no_decrement():
    """`--A[i] * 2.0f` would change memory."""
    a = np.array([1.0, -4.0, 0.5, 8.0], np.float32)
    after, out = both(signs, [a, np.zeros(4, np.float32)], 4)
    np.testing.assert_array_equal(out, a * 2)
    np.testing.assert_array_equal(after, 2 / a)
    assert "--" not in en.compile(signs).metal_source


@en.kernel
def ends_in_the_middle(A: en.i32, Out: en.i32, n: en.Scalar(en.i32)):
    t = en.i32(en.thread_position_in_grid)
    c, q = A[t], en.u32(0)
    h = t % 3 == 1
    while True:
        if not (q < 3):
            break
        q += 1
        if h or (c <= A[t & 7] and A[t] != n):
            c = A[(t + 1) % 16]
            h = (A[(t + 2) % 16] != 5 and A[0] != t) or c < q
    Out[t] = c


def test_a_name_that_is_free_again_is_in_no_text():
    """The condition of the break had a variable, whose name went to that of the `if` while `!name` was still to be printed."""
    a = np.array([3, -1, 4, -1, 5, -9, 2, 6, -5, 3, 5, -8, 9, 7, -9, 3], np.int32)
    out = both(ends_in_the_middle, [a, np.zeros(16, np.int32), -1], 16)[1]
    wanted = []
    for t in range(16):
        c, h = int(a[t]), t % 3 == 1
        for q in range(1, 4):
            if h or (c <= a[t & 7] and a[t] != -1):
                c = int(a[(t + 1) % 16])
                h = (a[(t + 2) % 16] != 5 and a[0] != t) or c < q
        wanted.append(c)
    np.testing.assert_array_equal(out, wanted)
    assert standin.check(en.compile(ends_in_the_middle).metal_source) == []


# Run by Python on its integers, and traced.
UNDER_A_SIGN = {
    "remainder": lambda x: -(x % 97),
    "quotient": lambda x: -(x // 7),
    "remainder of a product": lambda x: -(x % 11 * 3),
    "shift": lambda x: -(x >> 1),
    "bits": lambda x: -(x & 12) + ~(x & 3),
    "choice": lambda x: -(x if x > 5 else 7),
    "quotient behind a minus": lambda x: 3 - -(x // 7),
}


@pytest.mark.parametrize("t", INTEGERS)
def test_a_sign_belongs_to_all_of_its_operand(t):
    """-(x % 97) is not -x % 97, nor is -(x / 7) of unsigned numbers -x / 7."""
    info = np.iinfo(DTYPES[t])
    numbers = [0, 1, 5, 6, 13, 100, 101, info.max, info.max - 1]
    numbers += [-1, -8, -101, info.min] if t in SIGNED else []
    a = np.array(numbers, DTYPES[t])

    @en.kernel
    def k(A: getattr(en, t), Out: getattr(en, t)):
        i = en.thread_position_in_grid
        for row, function in enumerate(UNDER_A_SIGN.values()):
            Out[i + row * len(numbers)] = function(A[i])

    out = both(k, [a, np.zeros((len(UNDER_A_SIGN), len(a)), a.dtype)], len(a))[-1]
    mask = 2 ** (8 * a.itemsize) - 1
    for row, (name, function) in zip(out, UNDER_A_SIGN.items(), strict=True):
        wanted = np.array([function(x) & mask for x in numbers], f"u{a.itemsize}").view(a.dtype)
        np.testing.assert_array_equal(row, wanted, err_msg=name)
