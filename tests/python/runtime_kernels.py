# SPDX-License-Identifier: MIT
"""Kernels and arrays of the tests of runtimes."""

import numpy as np
import pytest

import enigma
from enigma import Scalar, f32


@enigma.kernel
def saxpy(X: f32, alpha: Scalar(f32), Y: f32, Out: f32):
    tid = enigma.thread_position_in_grid
    Out[tid] = alpha * X[tid] + Y[tid]


@enigma.kernel
def increment(A: f32):
    i = enigma.thread_position_in_grid
    A[i] += 1


@enigma.kernel
def sum_and_difference(A: f32, B: f32, Sum: f32, Difference: f32):
    i = enigma.thread_position_in_grid
    Sum[i] = A[i] + B[i]
    Difference[i] = A[i] - B[i]


N = 1000
X = np.arange(N, dtype=np.float32)
Y = np.full(N, 0.5, np.float32)
EXPECTED = 2 * X + 0.5  # exact in f32


class Tensor:
    """As PyTorch's: DLPack and no buffer."""

    def __init__(self, data):
        self.data = data

    def __dlpack__(self, **options):
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.data.__dlpack_device__()


def refusal(error, call, *args, **options):
    with pytest.raises(error) as caught:
        call(*args, **options)
    return caught.value
