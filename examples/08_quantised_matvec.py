# SPDX-License-Identifier: MIT
"""A matrix of int8 weights times a vector: one scale for each group of 32 weights of a row.

    Out[r] = sum over c of Q[r, c] * S[r, c / 32] * X[c]

A simdgroup has up to four rows, so that the vector is read once for them; a lane has half of a group, 16
weights, in each tile of 512. Four weights lie in a word, so that a lane reads its 16 at once.
`metal/quantised_matvec.metal` is this by hand.
"""

import math

import numpy as np

import enigma

GROUP = 32
TILE = 512


def weights_of(word):
    """The four weights in a word, as a vector of f32."""
    return enigma.metal_cast(enigma.as_type(word, "char4"), enigma.f32)


@enigma.kernel
def rows_times_vector(mQ, mS, mX, mOut):
    lane, _, _ = enigma.arch.thread_idx()
    _, block, _ = enigma.arch.block_idx()
    together, tiles = mQ.shape[0], range(mX.shape[3])
    x = [[mX[None, k, lane, t].load() for k in range(4)] for t in tiles]
    sums = enigma.make_tensor(enigma.register_tensor(together, enigma.f32), enigma.Layout(together))
    for r in range(together):
        parts = []
        for t in tiles:
            words = mQ[r, block, None, lane, t].load()
            products = weights_of(words[0]) * x[t][0]
            for k in range(1, 4):
                products = weights_of(words[k]) * x[t][k] + products
            parts.append(products.reduce("add") * mS[r, block, lane // 2, t])
        sums[r] = enigma.simd_sum(sum(parts[1:], parts[0]))
    if lane == 0:
        mOut[None, block].store(sums.load())


@enigma.jit
def quantised_matvec(mQ: enigma.Tensor, mS: enigma.Tensor, mX: enigma.Tensor, mOut: enigma.Tensor):
    rows_times_vector(mQ, mS, mX, mOut).launch(grid=(32, mOut.shape[1]), block=(32, 1, 1))


def compiled_for(rows, columns):
    """columns: a multiple of 512."""
    high, tiles = math.gcd(4, rows), columns // TILE
    blocks, groups = rows // high, columns // GROUP
    words = columns // 4
    Q = enigma.Layout((high, blocks, 4, 32, tiles), (words, high * words, 1, 4, TILE // 4))
    S = enigma.Layout((high, blocks, 16, tiles), (groups, high * groups, 1, TILE // GROUP))
    X, Out = enigma.Layout((4, 4, 32, tiles), (1, 4, 16, TILE)), enigma.Layout((high, blocks), (1, high))
    return enigma.compile(
        quantised_matvec,
        enigma.Tensor("Q", 0, enigma.u32, Q),
        enigma.Tensor("S", 1, enigma.f32, S),
        enigma.Tensor("X", 2, enigma.f32, X),
        enigma.Tensor("Out", 3, enigma.f32, Out),
    )


def kernels():
    return [compiled_for(8, 1024), compiled_for(7, 512)]


def quantise(weights):
    """int8 weights, four in a word, and their scales: the largest of a group becomes 127."""
    groups = weights.reshape(len(weights), -1, GROUP)
    scales = (np.abs(groups).max(axis=2) / 127).astype(np.float32)
    q = np.rint(groups / scales[..., None]).astype(np.int8)
    return q.reshape(weights.shape).view(np.uint32), scales


def reference(q, s, x):
    return (q.view(np.int8) * np.repeat(s.astype(np.float64), GROUP, axis=1)) @ x


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for rows, columns in ((7, 512), (1024, 1024)):
        weights, x = rng.standard_normal((rows, columns)), rng.standard_normal(columns, np.float32)
        q, s = quantise(weights)
        compiled = compiled_for(rows, columns)
        out = np.frombuffer(rt.execute(compiled, inputs=[q, s, x], output_size=rows * 4), np.float32)
        np.testing.assert_allclose(out, reference(q, s, x), rtol=1e-5, atol=1e-4)
        error = np.abs(out - weights @ x).max() / np.linalg.norm(x)
        print(f"{rows} x {columns} agree with NumPy's; int8 costs {error:.4f} of the length of the vector")
    print(compiled.explain())
    print(compiled.metal_source)


if __name__ == "__main__":
    main()
