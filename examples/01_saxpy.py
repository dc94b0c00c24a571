# SPDX-License-Identifier: MIT
"""saxpy on 16 Mi elements: trace, compile, run, compare with NumPy.

Run it with `./dev demo`. On a Mac it uses the GPU, elsewhere the CPU.
"""

import time

import numpy as np

import enigma


@enigma.kernel
def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    tid = enigma.thread_position_in_grid
    Out[tid] = alpha * X[tid] + Y[tid]


def gigabytes_per_second(run, n, repeats=10):
    """The best of some runs; saxpy reads two arrays and writes one."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return 3 * 4 * n / best / 1e9


def main():
    compiled = enigma.compile(saxpy)
    print(compiled.metal_source)

    n = 1 << 24
    rng = np.random.default_rng(0)
    x, y = rng.random(n, dtype=np.float32), rng.random(n, dtype=np.float32)
    alpha = np.float32(2.5)

    rt = enigma.default_runtime()
    raw = rt.execute(compiled, inputs=[x, alpha, y], output_size=n * 4, grid=(n, 1, 1), threads=(256, 1, 1))
    out = np.frombuffer(raw, dtype=np.float32)
    reference = alpha.astype(np.float64) * x.astype(np.float64) + y  # x * y + z rounds once: compare with f64
    np.testing.assert_array_max_ulp(out, reference.astype(np.float32), maxulp=1)
    print(f"{n} elements agree with NumPy's on {rt.device_capabilities().name}")

    result = np.empty_like(x)
    ours = gigabytes_per_second(lambda: rt.launch(compiled, [x, alpha, y, result], (n, 1, 1), (256, 1, 1)), n)
    scratch = np.empty_like(x)

    def with_numpy():
        np.multiply(x, alpha, out=scratch)
        np.add(scratch, y, out=scratch)

    print(f"Enigma {ours:.0f} GB/s, NumPy {gigabytes_per_second(with_numpy, n):.0f} GB/s")


if __name__ == "__main__":
    main()
