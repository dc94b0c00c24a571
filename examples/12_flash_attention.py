# SPDX-License-Identifier: MIT
"""FlashAttention, forward: softmax(Q K^T / sqrt(D)) V, with the scores of one tile of keys at a time.

    O[q] = sum over k of exp(s[q, k] - m[q]) V[k] / sum over k of exp(s[q, k] - m[q]),   s = Q K^T / sqrt(D)

A threadgroup has 32 queries of one head, each of its four simdgroups 8 of them: its queries and its part of O
are registers. Tiles of keys and values go through threadgroup memory. The maximum m and the sum are those of
the keys so far; a larger maximum scales what has been summed (online softmax). Four lanes hold a row of
scores together. With `causal` a query sees the keys up to its own place only, and tiles behind it are not
visited. Any number of queries from 32 on does; what is past the end is masked.
Of f16, sums and softmax are in f32.
`metal/flash_attention.metal` is this by hand, for f32.
"""

import math

import numpy as np

import enigma

BQ = 32
SCALE = math.log2(math.e)  # so that exp2 will do


def of_row(value, combine):
    """What the four lanes that hold a row have, combined."""
    value = combine(value, enigma.simd_shuffle_xor(value, 1))
    return combine(value, enigma.simd_shuffle_xor(value, 8))


@enigma.kernel
def attend(mQ, mK, mV, mO, causal):
    n, d, _ = mQ.shape
    dtype = mQ.dtype
    tiled_mma = enigma.TiledMma(enigma.MmaAtom(dtype, enigma.f32), (4, 1, 1))
    bk = 2048 // d  # keys in a tile: 8 KB of f32
    row = d + 16 // dtype.itemsize  # of threadgroup memory: padded by 16 bytes
    thread, _, _ = enigma.arch.thread_idx()
    block, head, _ = enigma.arch.block_idx()
    gQ, gO = (enigma.tensor_zipped_divide(x[None, None, head], (BQ, d)) for x in (mQ, mO))
    gK, gV = (enigma.tensor_zipped_divide(x[None, None, head], (bk, d)) for x in (mK, mV))
    gS = enigma.tensor_zipped_divide(enigma.make_identity_tensor((n, n)), (BQ, bk))
    k_memory, v_memory = (enigma.threadgroup_alloc(bk * row, dtype) for _ in range(2))
    tile = enigma.Layout((bk, d, 1), (row, 1, 0))
    sK, sV = (enigma.make_tensor(memory, tile) for memory in (k_memory, v_memory))
    sVt = enigma.make_tensor(v_memory, enigma.Layout((d, bk), (1, row)))

    rows = enigma.make_tiled_copy_tv(
        enigma.CopyAtom(dtype, dtype.itemsize * 32),
        enigma.Layout((512 // d, d // 4), (d // 4, 1)),
        enigma.Layout((1, 4)),
    )
    thr = rows.get_slice(thread)
    copies = [
        (rows, thr.partition_S(g[(None, None), (None, 0)]), thr.partition_D(s))
        for g, s in ((gK, sK), (gV, sV))
    ]
    thr_mma = tiled_mma.get_slice()
    tSsK, tOsVt = thr_mma.partition_B(sK)[None, None, None, 0], thr_mma.partition_B(sVt)
    tSgQ = thr_mma.partition_A(gQ[(None, None), (block, 0)])
    tOgO = thr_mma.partition_C(gO[(None, None), (block, 0)])

    q, o = tiled_mma.make_fragment_a(tSgQ), tiled_mma.make_fragment_c(tOgO)
    s, p = (
        make(tiled_mma.partition_shape_c((BQ, bk)))
        for make in (tiled_mma.make_fragment_c, tiled_mma.make_fragment_a)
    )
    enigma.copy(tSgQ, q)
    in_q = dtype is enigma.f32  # one multiplication for all keys, where that costs no digits
    if in_q:
        q.store(q.load() * (SCALE / math.sqrt(d)))
    o.fill(0.0)
    state = {"top": enigma.f32(-np.inf), "sum": enigma.f32(0.0)}

    def see(tile, stage):
        s.fill(0.0)
        enigma.gemm(tiled_mma, s, q, tSsK, s)
        x = s.load() if in_q else s.load() * (SCALE / math.sqrt(d))
        if causal or n % bk:  # noqa: SIM102 - the one is decided while tracing, the other in the kernel
            if (tile + 1) * bk > (block * BQ if causal else n):  # it has keys that a query does not see
                places = thr_mma.lanes(thr_mma.partition_C(gS[(None, None), (block, tile)]))
                x = masked(x, places, n, causal)
        top = enigma.max(state["top"], of_row(x.reduce("max"), enigma.max))
        scale = enigma.exp2(state["top"] - top)
        e = enigma.exp2(x - top)
        state["sum"] = state["sum"] * scale + e.reduce("add")
        state["top"] = top
        o.store(o.load() * scale)
        p.store(e)
        enigma.gemm(tiled_mma, o, p, tOsVt, o)

    tiles = None
    if causal:  # up to the last query's own key
        tiles = (block * BQ + BQ + bk - 1) // bk
        tiles = enigma.min(tiles, enigma.size(gK, mode=[1])) if n % BQ else tiles
    enigma.pipeline(copies, see, tiles, prefetch=False)
    o.store(o.load() * (1.0 / of_row(state["sum"], lambda a, b: a + b)))
    enigma.copy(o, tOgO)


def masked(x, places, n, causal):
    """The scores, -inf where the key is behind the query or behind the last key."""
    query, key = places[0, 0, 0]
    ahead = enigma.i32(query if causal else n - 1) - enigma.i32(key)  # keys that may still follow
    scores = [enigma.select_(ahead >= i // 2 * 8 + i % 2, score, -np.inf) for i, score in enumerate(x)]
    return enigma.make_fragment(scores, x.shape)


@enigma.jit
def attention(mQ, mK, mV, mO, causal):
    n, _, heads = mQ.shape
    attend(mQ, mK, mV, mO, causal).launch(grid=(128 * -(-n // BQ), heads), block=128)


def compiled_for(n, d, heads=1, causal=False, dtype=enigma.f32):
    layout = enigma.Layout((n, d, heads), (d, 1, n * d))
    tensors = [enigma.Tensor(name, i, dtype, layout) for i, name in enumerate("QKVO")]
    return enigma.compile(attention, *tensors, causal)


def kernels():
    return [
        compiled_for(128, 64, 2),
        compiled_for(128, 64, 2, causal=True),
        compiled_for(96, 128, 1, causal=True),
        compiled_for(70, 64, 1),
        compiled_for(70, 128, 1, causal=True),
        compiled_for(128, 64, 1, dtype=enigma.f16),
    ]


def reference(q, k, v, causal):
    """Of arrays (heads, n, d), in f64."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    s = np.einsum("hqd,hkd->hqk", q, k) / math.sqrt(q.shape[2])
    if causal:
        s[:, np.triu(np.ones(s.shape[1:], bool), 1)] = -np.inf
    p = np.exp(s - s.max(axis=2, keepdims=True))
    return p @ v / p.sum(axis=2, keepdims=True)


def main():
    rt = enigma.default_runtime()
    rng = np.random.default_rng(0)
    for n, d, heads, causal in (
        (256, 64, 2, False), (256, 64, 2, True), (256, 128, 2, False), (256, 128, 2, True), (70, 64, 3, True),
    ):  # fmt: skip
        q, k, v = rng.standard_normal((3, heads, n, d), np.float32)
        compiled = compiled_for(n, d, heads, causal)
        raw = rt.execute(compiled, inputs=[q, k, v], output_size=q.nbytes)
        o = np.frombuffer(raw, np.float32).reshape(q.shape)
        np.testing.assert_allclose(o, reference(q, k, v, causal), rtol=0, atol=1e-5)
        kind = "causal" if causal else "full"
        print(f"{heads} heads of {n} x {d}, {kind}, agree with NumPy on {rt.device_capabilities().name}")
    q, k, v = rng.standard_normal((3, 2, 128, 128)).astype(np.float16)
    raw = rt.execute(compiled_for(128, 128, 2, True, enigma.f16), inputs=[q, k, v], output_size=q.nbytes)
    o = np.frombuffer(raw, np.float16).reshape(q.shape)
    np.testing.assert_allclose(o, reference(q, k, v, True), rtol=2**-10, atol=2e-3)
    print(compiled.explain())
    print(compiled_for(256, 64, 2, causal=True).metal_source)


if __name__ == "__main__":
    main()
