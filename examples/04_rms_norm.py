# SPDX-License-Identifier: MIT
"""RMSNorm of rows of 1024 numbers: a row is read once, stays in registers, and 64 threads share one sum.

    Out[r, c] = X[r, c] * W[c] / sqrt(mean(X[r] ** 2) + eps)

A thread has four float4, each 256 elements after the one before, so that neighbours read neighbours;
`metal/rms_norm.metal` is this by hand.
"""

import numpy as np

import enigma

WIDTH = 1024
THREADS = 64
EPS = 1e-6


@enigma.kernel
def normalise(mX, mW, mOut, tv):
    lane = enigma.thread_index_in_simdgroup()
    group = enigma.simdgroup_index_in_threadgroup()
    t, _, _ = enigma.arch.thread_idx()
    _, row, _ = enigma.arch.block_idx()
    partial = enigma.threadgroup_alloc(THREADS // 32, enigma.f32)

    x = enigma.tensor_composition(mX[row, None], tv)[t, None].load()
    sum_of_squares = enigma.simd_sum((x * x).reduce("add"))
    if lane == 0:
        partial[group] = sum_of_squares
    enigma.barrier()
    scale = enigma.rsqrt((partial[0] + partial[1]) * (1.0 / WIDTH) + EPS)
    w = enigma.tensor_composition(mW, tv)[t, None].load()
    enigma.tensor_composition(mOut[row, None], tv)[t, None].store(x * scale * w)


@enigma.jit
def rms_norm(mX: enigma.Tensor, mW: enigma.Tensor, mOut: enigma.Tensor):
    tv = enigma.Layout((THREADS, (4, 4)), (4, (1, 4 * THREADS)))  # (thread, value) -> column
    normalise(mX, mW, mOut, tv).launch(grid=(THREADS, mX.shape[0]), block=(THREADS, 1, 1))


def compiled_for(rows):
    matrix = enigma.Layout((rows, WIDTH), (WIDTH, 1))
    X, Out = enigma.Tensor("X", 0, enigma.f32, matrix), enigma.Tensor("Out", 2, enigma.f32, matrix)
    return enigma.compile(rms_norm, X, enigma.Tensor("W", 1, enigma.f32, enigma.Layout(WIDTH)), Out)


def kernels():
    return [compiled_for(5)]


def reference(x, w):
    x = x.astype(np.float64)
    return x * w / np.sqrt((x * x).mean(axis=1, keepdims=True) + EPS)


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for rows in (1, 7, 512):
        x, w = rng.standard_normal((rows, WIDTH), np.float32), rng.random(WIDTH, np.float32)
        compiled = compiled_for(rows)
        raw = rt.execute(compiled, inputs=[x, w], output_size=x.nbytes)
        out = np.frombuffer(raw, np.float32).reshape(rows, WIDTH)
        np.testing.assert_allclose(out, reference(x, w), rtol=2e-6, atol=1e-7)
        print(f"{rows} rows of {WIDTH} agree with NumPy's on {rt.device_capabilities().name}")
    print(compiled.explain())
    print(compiled.metal_source)


if __name__ == "__main__":
    main()
