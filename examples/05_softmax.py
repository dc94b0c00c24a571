# SPDX-License-Identifier: MIT
"""Softmax of the rows of a matrix: a simdgroup has a row in registers, read once and without a barrier.

    Out[r, c] = exp(X[r, c] - max(X[r])) / sum(exp(X[r] - max(X[r])))

A row (of 128 or more) is a matrix of vectors of 4, 2 or 1 elements, as its width allows, in tiles of 32 of
them. The last tile may hang over the end: what is missing loads as -inf, which changes neither maximum nor
sum. `metal/softmax.metal` is this by hand.
"""

import functools
import math

import numpy as np

import enigma

MISSING = -np.inf


@enigma.kernel
def softmax_row(mX, mOut):
    lane, _, _ = enigma.arch.thread_idx()
    _, row, _ = enigma.arch.block_idx()
    tile = (mX.shape[1], 32)  # a vector for each lane
    gX, gOut = (enigma.tensor_zipped_divide(m[row, None, None], tile) for m in (mX, mOut))
    tiles = range(gX.shape[1][1])

    x = [gX[(None, lane), (0, i)].load(default=MISSING) for i in tiles]
    top = enigma.simd_max(functools.reduce(enigma.max, x).reduce("max"))
    e = [enigma.exp(part - top) for part in x]
    scale = 1.0 / enigma.simd_sum(sum(e[1:], e[0]).reduce("add"))
    for i in tiles:
        gOut[(None, lane), (0, i)].store(e[i] * scale)


@enigma.jit
def softmax(mX: enigma.Tensor, mOut: enigma.Tensor):
    softmax_row(mX, mOut).launch(grid=(32, mX.shape[0]), block=(32, 1, 1))


def compiled_for(rows, columns):
    wide = math.gcd(4, columns)
    layout = enigma.Layout((rows, wide, columns // wide), (columns, 1, wide))
    X, Out = enigma.Tensor("X", 0, enigma.f32, layout), enigma.Tensor("Out", 1, enigma.f32, layout)
    return enigma.compile(softmax, X, Out)


def kernels():
    return [
        compiled_for(5, 1000),
        compiled_for(3, 1024),
        compiled_for(3, 128),
        compiled_for(4, 70),
        compiled_for(5, 333),
    ]


def reference(x):
    e = np.exp(x.astype(np.float64) - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for rows, columns in ((3, 128), (4, 70), (5, 333), (8, 1024), (256, 1000)):
        x = rng.normal(0, 30, (rows, columns)).astype(np.float32)
        compiled = compiled_for(rows, columns)
        raw = rt.execute(compiled, inputs=[x], output_size=x.nbytes)
        out = np.frombuffer(raw, np.float32).reshape(rows, columns)
        np.testing.assert_allclose(out, reference(x), rtol=1e-5, atol=1e-10)
        print(f"{rows} x {columns} numbers agree with NumPy's on {rt.device_capabilities().name}")
    print(compiled.explain())
    print(compiled.metal_source)


if __name__ == "__main__":
    main()
