# SPDX-License-Identifier: MIT
"""The transpose of a matrix through threadgroup memory: rows are read and rows are written as float4.

    Out[c, r] = X[r, c]

A threadgroup turns a tile of 32 x 32 around. Its rows of 33 keep the threads that read a column in different
banks; what is written in rows and read in columns is one array with two layouts. `metal/transpose.metal` is
this by hand.
"""

import math

import numpy as np

import enigma

SIDE = 32


@enigma.kernel
def turn(mX, mOut):
    tx, ty, _ = enigma.arch.thread_idx()
    bx, by, _ = enigma.arch.block_idx()
    wide = mX.shape[1]
    across = SIDE // wide
    gX, gOut = (enigma.tensor_zipped_divide(m, (SIDE, wide, across)) for m in (mX, mOut))
    memory = enigma.threadgroup_alloc(SIDE * (SIDE + 1), enigma.f32)
    rows = enigma.make_tensor(memory, enigma.Layout((SIDE, wide, across), (SIDE + 1, 1, wide)))
    columns = enigma.make_tensor(
        memory, enigma.Layout((SIDE, wide, across), (1, SIDE + 1, wide * (SIDE + 1)))
    )
    rows[ty, None, tx].store(gX[(ty, None, tx), (by, 0, bx)].load())
    enigma.barrier()
    gOut[(ty, None, tx), (bx, 0, by)].store(columns[ty, None, tx].load())


@enigma.jit
def transpose(mX: enigma.Tensor, mOut: enigma.Tensor):
    threads = SIDE // mX.shape[1]
    tiles_down, tiles_across = (-(-m.shape[0] // SIDE) for m in (mX, mOut))
    turn(mX, mOut).launch(grid=(threads * tiles_across, SIDE * tiles_down), block=(threads, SIDE, 1))


def compiled_for(m, n):
    wide = math.gcd(4, m, n)
    X = enigma.Tensor("X", 0, enigma.f32, enigma.Layout((m, wide, n // wide), (n, 1, wide)))
    Out = enigma.Tensor("Out", 1, enigma.f32, enigma.Layout((n, wide, m // wide), (m, 1, wide)))
    return enigma.compile(transpose, X, Out)


def kernels():
    return [compiled_for(64, 96), compiled_for(100, 36), compiled_for(33, 47)]


def reference(x):
    return x.T


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for m, n in ((33, 47), (100, 36), (512, 1024)):
        x = rng.random((m, n), np.float32)
        compiled = compiled_for(m, n)
        raw = rt.execute(compiled, inputs=[x], output_size=x.nbytes)
        np.testing.assert_array_equal(np.frombuffer(raw, np.float32).reshape(n, m), reference(x))
        print(f"{m} x {n} elements agree with NumPy's on {rt.device_capabilities().name}")
    print(compiled.explain())
    print(compiled.metal_source)


if __name__ == "__main__":
    main()
