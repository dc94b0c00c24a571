# SPDX-License-Identifier: MIT
"""A matrix of int4 weights times a vector: eight weights in a word, one scale for each group of 32 of a row.

    Out[r] = sum over c of (Q[r, c] - 8) * S[r, c / 32] * X[c]

Of the four words of a group, word j holds columns j, 4 + j, 8 + j, ... in its digits, the lowest first.
The digits k of a uint4 so belong to four neighbouring columns, and are used where they lie: a mask leaves
q * 16^k, and X was divided by 16^k before, which is exact. The 8 goes with the sum of X, once for all rows.
`metal/int4_matvec.metal` is this by hand.
"""

import math

import numpy as np

import enigma

GROUP = 32
TILE = 32 * GROUP  # columns of a simdgroup: a group for each lane
DIGITS = 8


@enigma.kernel
def rows_times_vector(mQ, mS, mX, mOut):
    lane, _, _ = enigma.arch.thread_idx()
    _, block, _ = enigma.arch.block_idx()
    together, tiles = mQ.shape[0], mQ.shape[4]
    totals = [0.0] * together
    for t in range(tiles):
        x = [mX[None, k, lane, t].load() for k in range(DIGITS)]
        whole = x[0]
        for part in x[1:]:
            whole = whole + part
        offset = whole.reduce("add") * -8.0
        x = [part * 16.0**-k for k, part in enumerate(x)]
        for r in range(together):
            q = mQ[r, block, None, lane, t].load()
            products = (q & 15).to(enigma.f32) * x[0]
            for k in range(1, DIGITS):
                products = (q & (15 << 4 * k)).to(enigma.f32) * x[k] + products
            totals[r] = (products.reduce("add") + offset) * mS[r, block, lane, t] + totals[r]
    sums = enigma.make_tensor(enigma.register_tensor(together, enigma.f32), enigma.Layout(together))
    for r in range(together):
        sums[r] = enigma.simd_sum(totals[r])
    if lane == 0:
        mOut[None, block].store(sums.load())


@enigma.jit
def int4_matvec(mQ: enigma.Tensor, mS: enigma.Tensor, mX: enigma.Tensor, mOut: enigma.Tensor):
    rows_times_vector(mQ, mS, mX, mOut).launch(grid=(32, mOut.shape[1]), block=(32, 1, 1))


def compiled_for(rows, columns):
    """columns: a multiple of 1024."""
    high, tiles = math.gcd(4, rows), columns // TILE
    blocks, groups, words = rows // high, columns // GROUP, columns // DIGITS
    Q = enigma.Layout((high, blocks, 4, 32, tiles), (words, high * words, 1, 4, 128))
    S = enigma.Layout((high, blocks, 32, tiles), (groups, high * groups, 1, 32))
    X, Out = (
        enigma.Layout((4, DIGITS, 32, tiles), (1, 4, GROUP, TILE)),
        enigma.Layout((high, blocks), (1, high)),
    )
    return enigma.compile(
        int4_matvec,
        enigma.Tensor("Q", 0, enigma.u32, Q),
        enigma.Tensor("S", 1, enigma.f32, S),
        enigma.Tensor("X", 2, enigma.f32, X),
        enigma.Tensor("Out", 3, enigma.f32, Out),
    )


def kernels():
    return [compiled_for(8, 1024), compiled_for(7, 2048)]


def pack(q):
    """Weights from 0 to 15, in the words of their groups."""
    digits = q.astype(np.uint32).reshape(len(q), -1, DIGITS, 4)  # (row, group, digit, word)
    return np.bitwise_or.reduce(digits << (4 * np.arange(DIGITS, dtype=np.uint32))[:, None], axis=2).reshape(
        len(q), -1
    )


def quantise(weights):
    """Packed weights and their scales: the largest of a group becomes 15 or 1, zero is 8."""
    groups = weights.reshape(len(weights), -1, GROUP)
    scales = (np.abs(groups).max(axis=2) / 7).astype(np.float32)
    return pack(np.rint(groups / scales[..., None] + 8).reshape(weights.shape)), scales


def unpack(words):
    q = words.reshape(len(words), -1, 1, 4) >> (4 * np.arange(DIGITS, dtype=np.uint32))[:, None] & 15
    return q.reshape(len(words), -1)


def reference(q, s, x):
    weights = (unpack(q).astype(np.float64) - 8) * np.repeat(s.astype(np.float64), GROUP, axis=1)
    return weights @ x


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for rows, columns in ((7, 2048), (1024, 1024)):
        weights, x = rng.standard_normal((rows, columns)), rng.standard_normal(columns, np.float32)
        q, s = quantise(weights)
        compiled = compiled_for(rows, columns)
        out = np.frombuffer(rt.execute(compiled, inputs=[q, s, x], output_size=rows * 4), np.float32)
        np.testing.assert_allclose(out, reference(q, s, x), rtol=1e-5, atol=1e-4)
        error = np.abs(out - weights @ x).max() / np.linalg.norm(x)
        print(f"{rows} x {columns} agree with NumPy's; int4 costs {error:.4f} of the length of the vector")
    print(compiled.explain())
    print(compiled.metal_source)


if __name__ == "__main__":
    main()
