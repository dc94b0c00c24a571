# SPDX-License-Identifier: MIT
"""A matrix times a vector, with the sizes that are fastest on this device: enigma.autotune tries them.

`rows` of a simdgroup share what it reads of the vector; `simdgroups` make a threadgroup. Which are best
depends on the device, so they are parameters of the jit function, and the answer is kept for the next run.
"""

import numpy as np

import enigma


@enigma.kernel
def rows_times_vector(mW, mX, mOut):
    lane, _, _ = enigma.arch.thread_idx()
    block = enigma.thread_position_in_grid_xyz("y")
    rows = mOut.shape[0]
    sums = [enigma.full(4, 0.0, enigma.f32) for _ in range(rows)]
    for t in enigma.range(0, mX.shape[1], 32):
        x = mX[None, lane + t].load()
        sums = [mW[r, block, None, lane + t].load() * x + sums[r] for r in range(rows)]
    for r in range(rows):
        total = enigma.simd_sum(sums[r].reduce("add"))
        if lane == 0:
            mOut[r, block] = total


@enigma.jit
def matvec(W: enigma.Tensor, X: enigma.Tensor, Out: enigma.Tensor, rows: int, simdgroups: int):
    m, n = Out.size, X.size
    mW = enigma.tensor_composition(W, enigma.Layout((rows, m // rows, 4, n // 4), (n, rows * n, 1, 4)))
    mX = enigma.tensor_composition(X, enigma.Layout((4, n // 4), (1, 4)))
    mOut = enigma.tensor_composition(Out, enigma.Layout((rows, m // rows), (1, rows)))
    rows_times_vector(mW, mX, mOut).launch(grid=(32, m // rows), block=(32, simdgroups))


def tensors(m, n):
    sizes = {"W": m * n, "X": n, "Out": m}
    return [enigma.Tensor(name, i, enigma.f32, size) for i, (name, size) in enumerate(sizes.items())]


def kernels():
    return [
        enigma.compile(matvec, *tensors(64, 256), rows, simdgroups) for rows, simdgroups in ((1, 4), (4, 2))
    ]


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    m, n = 2048, 1024
    w, x, out = rng.random((m, n), np.float32), rng.random(n, np.float32), np.zeros(m, np.float32)
    best = enigma.autotune(
        matvec,
        {"rows": [1, 2, 4, 8], "simdgroups": [1, 4, 8]},
        tensors=tensors(m, n),
        arrays=[w, x, out],
        runtime=rt,
    )
    rt.launch(best.compiled, [w, x, out])
    np.testing.assert_allclose(out, w.astype(np.float64) @ x, rtol=1e-5)
    when = "as found before" if best.from_cache else "found now"
    print(f"fastest on {rt.device_capabilities().name}, {when}: {best.config}")
    print(best.table())
    print(best.compiled.metal_source)


if __name__ == "__main__":
    main()
