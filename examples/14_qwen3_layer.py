# SPDX-License-Identifier: MIT
"""A decoder layer of Qwen3-0.6B for one token: six launches of one jit function, with the model's own sizes.

    h = x + O(attention(rope(norm(Q(norm(x)))), cache of rope(norm(K(norm(x)))) and V(norm(x))))
    y = h + Down(silu(Gate(norm(h))) * Up(norm(h)))

A simdgroup has four rows of a matrix and reads the vector once for them. RMSNorm is no launch of its own: its
gain goes with the vector and its scale, one number, with the sums. Weights and cache are f16, sums f32.
`metal/qwen3_layer.metal` is this by hand.
"""

import numpy as np

import enigma

HIDDEN, HEADS, KV_HEADS, DIM, INTERMEDIATE = 1024, 16, 8, 128, 3072
EPS, THETA = 1e-6, 1e6
ROWS = 4  # of a simdgroup
SIMDGROUPS = 8  # of a threadgroup
POSITIONS = 4096  # of the cache
Q_ROWS, KV_ROWS = HEADS * DIM, KV_HEADS * DIM


def place():
    """The lane, and which simdgroup of all."""
    return enigma.arch.thread_idx()[0], enigma.thread_position_in_grid_xyz("y")


def row_products(matrices, x, gain, lane, block):
    """Of each row in each matrix the products with x, four sums for each lane; and the squares of x."""
    sums = [enigma.full(4, 0.0, enigma.f32) for _ in range(len(matrices) * matrices[0].shape[0])]
    squares = enigma.full(4, 0.0, enigma.f32)
    for t in enigma.range(0, x.shape[1], 32):
        part = x[None, lane + t].load()
        if gain is not None:
            squares = part * part + squares
            part = part * gain[None, lane + t].load()
        rows = [w[r, block, None, lane + t] for w in matrices for r in range(w.shape[0])]
        sums = [row.load().to(enigma.f32) * part + s for row, s in zip(rows, sums, strict=True)]
    return sums, squares


def over_lanes(sums):
    """The sums of all lanes, side by side."""
    out = enigma.make_tensor(enigma.register_tensor(len(sums), enigma.f32), len(sums))
    for i, s in enumerate(sums):
        out[i] = enigma.simd_sum(s.reduce("add"))
    return out


def norm_scale(squares, n):
    return enigma.rsqrt(enigma.simd_sum(squares.reduce("add")) / n + EPS)


@enigma.kernel
def project(mX, mGain, mW, mOut):
    """Out = W @ rms_norm(X)"""
    lane, block = place()
    sums, squares = row_products([mW], mX, mGain, lane, block)
    scale = norm_scale(squares, HIDDEN)
    totals = over_lanes(sums)
    if lane == 0:
        mOut[None, block].store(totals.load() * scale)


@enigma.kernel
def rotate_heads(mQKV, mQGain, mKGain, mCos, mSin, mPosition, mQ, mK, mV):
    """Q and K, head by head: rms_norm, then rotated by the position. K and V go to the cache."""
    lane, head = place()
    position = enigma.min(mPosition[0], POSITIONS - 1)
    low, high = mQKV[None, lane, 0, head].load(), mQKV[None, lane, 1, head].load()
    if head >= HEADS + KV_HEADS:
        v = head - (HEADS + KV_HEADS)
        mV[None, lane, 0, v, position].store(low.to(enigma.f16))
        mV[None, lane, 1, v, position].store(high.to(enigma.f16))
    else:
        scale = norm_scale(low * low + high * high, DIM)
        cos, sin = mCos[None, lane, position].load(), mSin[None, lane, position].load()
        if head < HEADS:
            low, high = (
                low * scale * mQGain[None, lane, 0].load(),
                high * scale * mQGain[None, lane, 1].load(),
            )
            mQ[None, lane, 0, head].store((low * cos - high * sin) * DIM**-0.5)
            mQ[None, lane, 1, head].store((high * cos + low * sin) * DIM**-0.5)
        else:
            k = head - HEADS
            low, high = (
                low * scale * mKGain[None, lane, 0].load(),
                high * scale * mKGain[None, lane, 1].load(),
            )
            mK[None, lane, 0, k, position].store((low * cos - high * sin).to(enigma.f16))
            mK[None, lane, 1, k, position].store((high * cos + low * sin).to(enigma.f16))


@enigma.kernel
def attend(mQ, mK, mV, mPosition, mOut):
    """A threadgroup for each head; its simdgroups take every eighth position and join what they found."""
    lane, simdgroup, _ = enigma.arch.thread_idx()
    _, head, _ = enigma.arch.block_idx()
    kv = head // (HEADS // KV_HEADS)
    position = enigma.min(mPosition[0], POSITIONS - 1)
    q = mQ[None, lane, head].load()
    largest, total, found = enigma.f32(float("-inf")), enigma.f32(0.0), enigma.full(4, 0.0, enigma.f32)
    for p in enigma.range(simdgroup, position + 1, SIMDGROUPS):
        score = enigma.simd_sum((mK[None, lane, kv, p].load().to(enigma.f32) * q).reduce("add"))
        before = largest
        largest = enigma.max(largest, score)
        shrink, weight = enigma.exp(before - largest), enigma.exp(score - largest)
        total = total * shrink + weight
        found = mV[None, lane, kv, p].load().to(enigma.f32) * weight + found * shrink
    maxima = enigma.threadgroup_alloc(SIMDGROUPS, enigma.f32)
    totals = enigma.threadgroup_alloc(SIMDGROUPS, enigma.f32)
    parts = enigma.make_tensor(
        enigma.threadgroup_alloc(SIMDGROUPS * DIM, enigma.f32),
        enigma.Layout((4, 32, SIMDGROUPS), (1, 4, DIM)),
    )
    if lane == 0:
        maxima[simdgroup] = largest
        totals[simdgroup] = total
    parts[None, lane, simdgroup].store(found)
    enigma.barrier()
    if simdgroup == 0:
        for s in enigma.range(1, SIMDGROUPS):
            before = largest
            largest = enigma.max(largest, maxima[s])
            shrink, weight = enigma.exp(before - largest), enigma.exp(maxima[s] - largest)
            total = total * shrink + totals[s] * weight
            found = parts[None, lane, s].load() * weight + found * shrink
        mOut[None, lane, head].store(found / total)


@enigma.kernel
def project_and_add(mX, mW, mBefore, mOut):
    """Out = Before + W @ X"""
    lane, block = place()
    sums, _ = row_products([mW], mX, None, lane, block)
    totals = over_lanes(sums)
    if lane == 0:
        mOut[None, block].store(mBefore[None, block].load() + totals.load())


@enigma.kernel
def gate(mX, mGain, mGate, mUp, mOut):
    """Out = silu(Gate @ rms_norm(X)) * (Up @ rms_norm(X))"""
    lane, block = place()
    sums, squares = row_products([mGate, mUp], mX, mGain, lane, block)
    scale = norm_scale(squares, HIDDEN)
    half = len(sums) // 2
    gates, ups = over_lanes(sums[:half]), over_lanes(sums[half:])
    if lane == 0:
        g = gates.load() * scale
        mOut[None, block].store(g / (enigma.exp(-g) + 1.0) * (ups.load() * scale))


@enigma.jit
def qwen3_layer(
    x, norm, wqkv, q_gain, k_gain, cos, sin, position, wo, norm2, wgate, wup, wdown, k_cache, v_cache, out
):
    qkv, q, heads = (enigma.scratch(n, enigma.f32) for n in (Q_ROWS + 2 * KV_ROWS, Q_ROWS, Q_ROWS))
    h, act = enigma.scratch(HIDDEN, enigma.f32), enigma.scratch(INTERMEDIATE, enigma.f32)

    def fours(vector):  # (side by side, four)
        return seen(vector, (4, vector.size // 4), (1, 4))

    def rows(matrix, n, each=ROWS):  # of n columns: (row of a simdgroup, simdgroup, side by side, four)
        return seen(matrix, (each, matrix.size // n // each, 4, n // 4), (n, each * n, 1, 4))

    def blocks(vector, each=ROWS):  # (row of a simdgroup, simdgroup)
        return seen(vector, (each, vector.size // each), (1, each))

    def pairs(tensor, *outer):  # (two of a lane, lane, half of the head, ...)
        return seen(tensor, (2, 32, 2, *(n for n, _ in outer)), (1, 2, 64, *(d for _, d in outer)))

    def quarters(tensor, *outer):  # (four of a lane, lane, ...)
        return seen(tensor, (4, 32, *(n for n, _ in outer)), (1, 4, *(d for _, d in outer)))

    def simdgroups(count):
        return {"grid": (32, count), "block": (32, SIMDGROUPS)}

    cached = (KV_HEADS, POSITIONS * DIM), (POSITIONS, DIM)
    angles = [seen(t, (2, 32, POSITIONS), (1, 2, 64)) for t in (cos, sin)]
    project(fours(x), fours(norm), rows(wqkv, HIDDEN), blocks(qkv)).launch(**simdgroups(qkv.size // ROWS))
    rotate_heads(
        pairs(qkv, (HEADS + 2 * KV_HEADS, DIM)), pairs(q_gain), pairs(k_gain), *angles, position,
        pairs(q, (HEADS, DIM)), pairs(k_cache, *cached), pairs(v_cache, *cached),
    ).launch(**simdgroups(HEADS + 2 * KV_HEADS))  # fmt: skip
    attend(
        quarters(q, (HEADS, DIM)),
        quarters(k_cache, *cached),
        quarters(v_cache, *cached),
        position,
        quarters(heads, (HEADS, DIM)),
    ).launch(**simdgroups(HEADS * SIMDGROUPS))
    project_and_add(fours(heads), rows(wo, Q_ROWS), blocks(x), blocks(h)).launch(**simdgroups(HIDDEN // ROWS))
    gate(fours(h), fours(norm2), rows(wgate, HIDDEN, 2), rows(wup, HIDDEN, 2), blocks(act, 2)).launch(
        **simdgroups(INTERMEDIATE // 2)
    )
    project_and_add(fours(act), rows(wdown, INTERMEDIATE), blocks(h), blocks(out)).launch(
        **simdgroups(HIDDEN // ROWS)
    )


def seen(tensor, shape, stride):
    """A tensor of one mode through another layout."""
    return enigma.tensor_composition(tensor, enigma.Layout(shape, stride))


TENSORS = {
    "x": (enigma.f32, HIDDEN),
    "norm": (enigma.f32, HIDDEN),
    "wqkv": (enigma.f16, Q_ROWS + 2 * KV_ROWS, HIDDEN),
    "q_gain": (enigma.f32, DIM),
    "k_gain": (enigma.f32, DIM),
    "cos": (enigma.f32, POSITIONS, DIM // 2),
    "sin": (enigma.f32, POSITIONS, DIM // 2),
    "position": (enigma.u32, 1),
    "wo": (enigma.f16, HIDDEN, Q_ROWS),
    "norm2": (enigma.f32, HIDDEN),
    "wgate": (enigma.f16, INTERMEDIATE, HIDDEN),
    "wup": (enigma.f16, INTERMEDIATE, HIDDEN),
    "wdown": (enigma.f16, HIDDEN, INTERMEDIATE),
    "k_cache": (enigma.f16, KV_HEADS, POSITIONS, DIM),
    "v_cache": (enigma.f16, KV_HEADS, POSITIONS, DIM),
    "out": (enigma.f32, HIDDEN),
}


def compiled_layer():
    tensors = [
        enigma.Tensor(name, i, dtype, int(np.prod(shape)))
        for i, (name, (dtype, *shape)) in enumerate(TENSORS.items())
    ]
    return enigma.compile(qwen3_layer, *tensors)


def kernels():
    return compiled_layer().launches


def random_tensors(rng, position):
    """Weights that keep the size of what they multiply, gains around 1, a cache filled up to the position."""
    out = {}
    for name, (dtype, *shape) in TENSORS.items():
        values = rng.standard_normal(shape, np.float32)
        if name.startswith("w"):
            values *= shape[-1] ** -0.5
        elif "norm" in name or "gain" in name:
            values = 1 + values / 8
        out[name] = values.astype(enigma.dtypes.numpy_dtype(dtype))
    frequencies = THETA ** (-np.arange(DIM // 2) / (DIM // 2))
    angles = np.arange(POSITIONS)[:, None] * frequencies
    out["cos"], out["sin"] = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    out["position"] = np.array([position], np.uint32)
    for cache in (out["k_cache"], out["v_cache"]):
        cache[:, position:] = np.nan
    out["out"][:] = np.nan
    return out


def reference(t):
    """The layer in f64: (out, the new row of the K cache, of the V cache)."""
    w = {name: a.astype(np.float64) for name, a in t.items()}
    position = int(t["position"][0])

    def norm(x, gain):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS) * gain

    def rotated(x):
        cos, sin = w["cos"][position], w["sin"][position]
        low, high = x[:, : DIM // 2], x[:, DIM // 2 :]
        return np.concatenate([low * cos - high * sin, high * cos + low * sin], axis=1)

    q, k, v = np.split(w["wqkv"] @ norm(w["x"], w["norm"]), [Q_ROWS, Q_ROWS + KV_ROWS])
    q = rotated(norm(q.reshape(HEADS, DIM), w["q_gain"]))
    k = rotated(norm(k.reshape(KV_HEADS, DIM), w["k_gain"]))
    v = v.reshape(KV_HEADS, DIM)
    keys, values = w["k_cache"][:, : position + 1], w["v_cache"][:, : position + 1]
    keys[:, position], values[:, position] = k, v
    heads = []
    for head in range(HEADS):
        kv = head // (HEADS // KV_HEADS)
        scores = keys[kv] @ q[head] / np.sqrt(DIM)
        weights = np.exp(scores - scores.max())
        heads.append(weights @ values[kv] / weights.sum())
    h = w["x"] + w["wo"] @ np.concatenate(heads)
    n = norm(h, w["norm2"])
    g = w["wgate"] @ n
    return h + w["wdown"] @ (g / (1 + np.exp(-g)) * (w["wup"] @ n)), k, v


def main():
    rt = enigma.default_runtime()
    compiled = compiled_layer()
    for position in (0, 5, 1000):
        t = random_tensors(np.random.default_rng(position), position)
        right, k, v = reference(t)
        rt.launch(compiled, list(t.values()))
        np.testing.assert_allclose(t["out"], right, rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(t["k_cache"][:, position], k, rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(t["v_cache"][:, position], v, rtol=2e-3, atol=2e-3)
        print(f"position {position}: the layer is NumPy's up to {np.abs(t['out'] - right).max():.1e}")
    print(compiled.explain())
    print(compiled.metal_source)


if __name__ == "__main__":
    main()
