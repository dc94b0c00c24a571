# SPDX-License-Identifier: MIT
"""Heat in a plate with a cold border: each cell moves towards its four neighbours, 4 x 4 cells per thread.

    Out[r, c] = X[r, c] + RATE (X[r - 1, c] + X[r + 1, c] + X[r, c - 1] + X[r, c + 1] - 4 X[r, c])

Memory holds the plate and its border. What a thread reads is a layout: windows of six rows and three
vectors, which overlap. What it writes is a layout of the inside. `metal/heat.metal` is this by hand.
"""

import math

import numpy as np

import enigma

RATE = 0.2


@enigma.kernel
def step(mX, mOut):
    high, _, wide, _ = mOut.shape
    v = enigma.thread_position_in_grid_xyz("x")
    b = enigma.thread_position_in_grid_xyz("y")
    column = [mX[r, b, None, 1, v].load() for r in range(high + 2)]
    left = [mX[r + 1, b, None, 0, v].load()[wide - 1] for r in range(high)]  # one address serves all vectors
    right = [mX[r + 1, b, None, 2, v].load()[0] for r in range(high)]

    sides = enigma.make_tensor(enigma.register_tensor(wide, enigma.f32), enigma.Layout(wide))
    for r in range(high):
        above, x, below = column[r : r + 3]
        row = [left[r], *x, right[r]]
        for k in range(wide):
            sides[k] = row[k] + row[k + 2]
        mOut[r, b, None, v].store(x + RATE * (above + below + sides.load() - 4.0 * x))


@enigma.jit
def heat(mX: enigma.Tensor, mOut: enigma.Tensor):
    _, blocks, _, vectors = mOut.shape
    step(mX, mOut).launch(grid=(vectors, blocks), block=(32, 4, 1))


def block_of(m, n):
    """Rows and columns of a thread's cells: 4, 2 or 1, as the plate allows."""
    return math.gcd(4, m), math.gcd(4, n)


def compiled_for(m, n):
    high, wide = block_of(m, n)
    pitch = n + 2 * wide  # a vector of border on either side, so that vectors stay aligned
    windows = enigma.Layout((high + 2, m // high, wide, 3, n // wide), (pitch, high * pitch, 1, wide, wide))
    inside = enigma.Layout((high, m // high, wide, n // wide), (pitch, high * pitch, 1, wide))
    X = enigma.Tensor("X", 0, enigma.f32, windows)
    return enigma.compile(heat, X, enigma.Tensor("Out", 1, enigma.f32, inside, base_offset=pitch + wide))


def kernels():
    return [compiled_for(40, 100), compiled_for(7, 9)]


def reference(x):
    """A step of the whole memory: the border (one row, one vector) stays as it is, and is cold."""
    wide = (x.shape[1] - np.flatnonzero(x.any(axis=0)).size) // 2
    x = x.astype(np.float64)
    out = np.zeros_like(x)
    rows, columns = slice(1, -1), slice(wide, -wide)
    around = np.roll(x, 1, 0) + np.roll(x, -1, 0) + np.roll(x, 1, 1) + np.roll(x, -1, 1)
    out[rows, columns] = (x + RATE * (around - 4 * x))[rows, columns]
    return out


def plate(rng, m, n):
    """Warm cells in a cold border."""
    wide = block_of(m, n)[1]
    return np.pad(rng.random((m, n), np.float32) + np.float32(0.5), ((1, 1), (wide, wide)))


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for m, n in ((7, 9), (50, 102), (256, 512)):
        compiled = compiled_for(m, n)
        x = right = plate(rng, m, n)
        for _ in range(10):
            raw = rt.execute(compiled, inputs=[x], output_size=x.nbytes)
            x = np.frombuffer(raw, np.float32).reshape(x.shape)
            right = reference(right)
        np.testing.assert_allclose(x, right, atol=1e-6)
        print(f"10 steps of {m} x {n} cells agree with NumPy's on {rt.device_capabilities().name}")
    print(compiled.explain())
    print(compiled.metal_source)


if __name__ == "__main__":
    main()
