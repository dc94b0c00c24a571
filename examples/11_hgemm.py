# SPDX-License-Identifier: MIT
"""C = A B of f16 matrices with sums in f32, as 10_sgemm.py does it for f32.

    C[m, n] = f16(sum over k of f32(A[m, k]) f32(B[k, n]))

Tiles are 32 deep, since an element takes half the memory. The sums are rounded once, in registers, and stored
as f16 matrices. `metal/hgemm.metal` is this by hand.
"""

import math

import numpy as np

import enigma

BM, BN, BK = 64, 64, 32
STAGES = 2
PAD = 8  # keeps rows in different banks, and aligned to 16 bytes
tiled_mma = enigma.TiledMma(enigma.MmaAtom(enigma.f16, enigma.f32), (2, 2, 1))


def tiled_copies(m, n, k):
    """A by rows along K, B by rows along N; each thread as many neighbours as the rows allow."""
    atoms = [enigma.CopyAtom(enigma.f16, 16 * math.gcd(4, extent)) for extent in (k, n)]
    copy_a = enigma.make_tiled_copy_tv(atoms[0], enigma.Layout((16, 8), (8, 1)), enigma.Layout((1, 4)))
    copy_b = enigma.make_tiled_copy_tv(atoms[1], enigma.Layout((16, 8), (1, 16)), enigma.Layout((4, 1)))
    return copy_a, copy_b


@enigma.kernel
def multiply(gA, gB, gC, copy_a, copy_b):
    thread, _, _ = enigma.arch.thread_idx()
    bn, bm, _ = enigma.arch.block_idx()
    a_memory = enigma.threadgroup_alloc(STAGES * BM * (BK + PAD), enigma.f16)
    b_memory = enigma.threadgroup_alloc(STAGES * BK * (BN + PAD), enigma.f16)
    sA = enigma.make_tensor(a_memory, enigma.Layout((BM, BK, STAGES), (BK + PAD, 1, BM * (BK + PAD))))
    sB = enigma.make_tensor(b_memory, enigma.Layout((BN, BK, STAGES), (1, BN + PAD, BK * (BN + PAD))))

    thr_a, thr_b = copy_a.get_slice(thread), copy_b.get_slice(thread)
    tAgA, tAsA = thr_a.partition_S(gA[(None, None), (bm, None)]), thr_a.partition_D(sA)
    tBgB, tBsB = thr_b.partition_S(gB[(None, None), (bn, None)]), thr_b.partition_D(sB)

    thr_mma = tiled_mma.get_slice()
    tCsA, tCsB = thr_mma.partition_A(sA), thr_mma.partition_B(sB)
    tCgC = thr_mma.partition_C(gC[(None, None), (bm, bn)])
    acc = tiled_mma.make_fragment_c(tCgC)
    acc.fill(0.0)

    def compute(tile, stage):
        enigma.gemm(tiled_mma, acc, tCsA[None, None, None, stage], tCsB[None, None, None, stage], acc)

    enigma.pipeline([(copy_a, tAgA, tAsA), (copy_b, tBgB, tBsB)], compute)
    enigma.copy(acc, tCgC)


@enigma.jit
def hgemm(mA, mB, mC):
    (m, k), n = mA.shape, mB.shape[0]
    gA = enigma.tensor_zipped_divide(mA, (BM, BK))
    gB = enigma.tensor_zipped_divide(mB, (BN, BK))
    gC = enigma.tensor_zipped_divide(mC, (BM, BN))
    tiles_m, tiles_n = gC.shape[1]
    block = tiled_mma.size
    multiply(gA, gB, gC, *tiled_copies(m, n, k)).launch(grid=(block * tiles_n, tiles_m), block=block)


def compiled_for(m, n, k):
    A = enigma.Tensor("A", 0, enigma.f16, enigma.Layout((m, k), (k, 1)))
    B = enigma.Tensor("B", 1, enigma.f16, enigma.Layout((n, k), (1, n)))
    C = enigma.Tensor("C", 2, enigma.f16, enigma.Layout((m, n), (n, 1)))
    return enigma.compile(hgemm, A, B, C)


def kernels():
    return [compiled_for(128, 192, 128), compiled_for(100, 180, 40), compiled_for(67, 65, 33)]


def reference(a, b):
    return a.astype(np.float64) @ b.astype(np.float64)


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for m, n, k in ((256, 256, 256), (100, 180, 40), (67, 65, 33)):
        a, b = (rng.standard_normal(shape).astype(np.float16) for shape in ((m, k), (k, n)))
        compiled = compiled_for(m, n, k)
        raw = rt.execute(compiled, inputs=[a, b], output_size=2 * m * n)
        c = np.frombuffer(raw, np.float16).reshape(m, n)
        np.testing.assert_allclose(c, reference(a, b), rtol=2**-11, atol=1e-6 * k)
        print(f"{m} x {k} times {k} x {n} agrees with NumPy on {rt.device_capabilities().name}")
    print(compiled.explain())
    print(compiled_for(256, 256, 256).metal_source)


if __name__ == "__main__":
    main()
