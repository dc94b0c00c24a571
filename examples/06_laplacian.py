# SPDX-License-Identifier: MIT
"""The second difference of a row of numbers, with edges: a thread has four, and reads one on either side.

    Out[i] = X[i - 1] - 2 X[i] + X[i + 1], with 0 beyond the ends

The row is a matrix of vectors of 4, 2 or 1 elements, as its length allows: the four come as one float4.
`metal/laplacian.metal` is this by hand.
"""

import math

import numpy as np

import enigma


@enigma.kernel
def difference(mX, mOut):
    wide, vectors = mX.shape
    i = enigma.thread_position_in_grid
    x = mX[None, i].load()
    left, right = enigma.f32(0.0), enigma.f32(0.0)
    if i > 0:
        left = mX[wide - 1, i - 1]
    if i < vectors - 1:
        right = mX[0, i + 1]
    row = [left, *x, right]
    second = enigma.make_tensor(enigma.register_tensor(wide, enigma.f32), enigma.Layout(wide))
    for k in range(wide):
        second[k] = row[k] - 2.0 * row[k + 1] + row[k + 2]
    mOut[None, i].store(second.load())


@enigma.jit
def laplacian(mX: enigma.Tensor, mOut: enigma.Tensor):
    difference(mX, mOut).launch(grid=mX.shape[1], block=256)


def compiled_for(n):
    wide = math.gcd(4, n)
    layout = enigma.Layout((wide, n // wide))
    X, Out = enigma.Tensor("X", 0, enigma.f32, layout), enigma.Tensor("Out", 1, enigma.f32, layout)
    return enigma.compile(laplacian, X, Out)


def kernels():
    return [compiled_for(1000), compiled_for(37), compiled_for(6)]


def reference(x):
    x = np.pad(x.astype(np.float64), 1)
    return x[:-2] - 2 * x[1:-1] + x[2:]


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for n in (6, 37, 1002, 1 << 20):
        x = rng.random(n, np.float32)
        compiled = compiled_for(n)
        raw = rt.execute(compiled, inputs=[x], output_size=x.nbytes)
        np.testing.assert_allclose(np.frombuffer(raw, np.float32), reference(x), atol=5e-7)
        print(f"{n} numbers agree with NumPy's on {rt.device_capabilities().name}")
    print(compiled.explain())
    print(compiled.metal_source)


if __name__ == "__main__":
    main()
