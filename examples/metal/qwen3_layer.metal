// SPDX-License-Identifier: MIT
//
// A decoder layer of Qwen3-0.6B for one token by hand: the six kernels that 14_qwen3_layer.py generates, in their order.
// The tests compare what each does, kernel by kernel, and the results.
#include <metal_stdlib>
using namespace metal;

#pragma METAL fp contract(off)

static float sum4(float4 v)
{
    return (v.x + v.y) + (v.z + v.w);
}

static float norm_scale(float4 squares, float n)
{
    return rsqrt(simd_sum(sum4(squares)) / n + 1e-6f);
}

// ---- qkv

kernel void qkv(
    const device float4* X [[buffer(0)]],
    const device float4* Gain [[buffer(1)]],
    const device half4* W [[buffer(2)]],
    device float4* Out [[buffer(3)]],
    uint2 gid [[thread_position_in_grid]])
{
    const device half4* w = W + (gid.y * 1024u + gid.x);
    const device float4* x = X + gid.x;
    const device float4* gain = Gain + gid.x;
    float4 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f, squares = 0.0f;
    for (uint t = 0; t < 256u; t += 32u) {
        float4 part = x[t];
        squares = fma(part, part, squares);
        part *= gain[t];
        a = fma(float4(w[t]), part, a);
        b = fma(float4(w[t + 256u]), part, b);
        c = fma(float4(w[t + 512u]), part, c);
        d = fma(float4(w[t + 768u]), part, d);
    }
    const float scale = norm_scale(squares, 1024.0f);
    const float4 sums = float4(simd_sum(sum4(a)), simd_sum(sum4(b)), simd_sum(sum4(c)), simd_sum(sum4(d)));
    if (gid.x == 0u) {
        Out[gid.y] = sums * scale;
    }
}

// ---- rotate_heads

kernel void rotate_heads(
    const device float2* QKV [[buffer(0)]],
    const device float2* QGain [[buffer(1)]],
    const device float2* KGain [[buffer(2)]],
    const device float2* Cos [[buffer(3)]],
    const device float2* Sin [[buffer(4)]],
    const device uint* Position [[buffer(5)]],
    device half2* K [[buffer(6)]],
    device half2* V [[buffer(7)]],
    device float2* Q [[buffer(8)]],
    uint2 gid [[thread_position_in_grid]])
{
    const uint position = min(Position[0], 4095u);
    const uint at = gid.y * 64u + gid.x;
    const device float2* head = QKV + at;
    float2 low = head[0], high = head[32];
    if (gid.y >= 24u) {
        device half2* v = V + (gid.y * 262144u + position * 64u + gid.x) - 24u * 262144u;
        v[0] = half2(low);
        v[32] = half2(high);
        return;
    }
    const float2 squares = low * low + high * high;
    const float scale = rsqrt(simd_sum(squares.x + squares.y) / 128.0f + 1e-6f);
    const uint angle = position * 32u + gid.x;
    const float2 cosine = Cos[angle], sine = Sin[angle];
    if (gid.y < 16u) {
        const device float2* gain = QGain + gid.x;
        device float2* q = Q + at;
        low = low * scale * gain[0];
        high = high * scale * gain[32];
        q[0] = (low * cosine - high * sine) * 0.08838834764831845f;
        q[32] = (high * cosine + low * sine) * 0.08838834764831845f;
    } else {
        const device float2* gain = KGain + gid.x;
        low = low * scale * gain[0];
        high = high * scale * gain[32];
        device half2* k = K + (gid.y * 262144u + position * 64u + gid.x) - 16u * 262144u;
        k[0] = half2(low * cosine - high * sine);
        k[32] = half2(high * cosine + low * sine);
    }
}

// ---- attend

kernel void attend(
    const device uint* Position [[buffer(0)]],
    const device half4* K [[buffer(1)]],
    const device half4* V [[buffer(2)]],
    const device float4* Q [[buffer(3)]],
    device float4* Out [[buffer(4)]],
    uint2 lid [[thread_position_in_threadgroup]],
    uint2 group [[threadgroup_position_in_grid]])
{
    threadgroup float maxima[8], totals[8];
    threadgroup float4 parts[256];
    const uint lane = lid.x, simdgroup = lid.y, head = group.y;
    const uint end = min(Position[0], 4095u) + 1u;
    const float4 q = Q[head * 32u + lane];
    const uint cache = (head / 2u) * 131072u + lane;
    const device half4* k = K + cache;
    const device half4* v = V + cache;
    float largest = -INFINITY, total = 0.0f;
    float4 found = 0.0f;
    for (uint p = simdgroup; p < end; p += 8u) {
        const float score = simd_sum(sum4(float4(k[p * 32u]) * q));
        const float before = largest;
        largest = max(largest, score);
        const float shrink = exp(before - largest), weight = exp(score - largest);
        total = fma(total, shrink, weight);
        found = fma(float4(v[p * 32u]), weight, found * shrink);
    }
    if (lane == 0u) {
        maxima[simdgroup] = largest;
        totals[simdgroup] = total;
    }
    parts[simdgroup * 32u + lane] = found;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (simdgroup == 0u) {
        const threadgroup float4* part = parts + lane;
        for (uint s = 1; s < 8u; ++s) {
            const float before = largest, other = maxima[s];
            largest = max(largest, other);
            const float shrink = exp(before - largest), weight = exp(other - largest);
            total = fma(total, shrink, totals[s] * weight);
            found = fma(part[s * 32u], weight, found * shrink);
        }
        Out[head * 32u + lane] = found / total;
    }
}

// ---- output

kernel void output(
    const device float4* X [[buffer(0)]],
    const device half4* W [[buffer(1)]],
    const device float4* Before [[buffer(2)]],
    device float4* Out [[buffer(3)]],
    uint2 gid [[thread_position_in_grid]])
{
    const device half4* w = W + (gid.y * 2048u + gid.x);
    const device float4* x = X + gid.x;
    float4 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
    for (uint t = 0; t < 512u; t += 32u) {
        const float4 part = x[t];
        a = fma(float4(w[t]), part, a);
        b = fma(float4(w[t + 512u]), part, b);
        c = fma(float4(w[t + 1024u]), part, c);
        d = fma(float4(w[t + 1536u]), part, d);
    }
    const float4 sums = float4(simd_sum(sum4(a)), simd_sum(sum4(b)), simd_sum(sum4(c)), simd_sum(sum4(d)));
    if (gid.x == 0u) {
        Out[gid.y] = Before[gid.y] + sums;
    }
}

// ---- gate

kernel void gate(
    const device float4* X [[buffer(0)]],
    const device float4* Gain [[buffer(1)]],
    const device half4* Gate [[buffer(2)]],
    const device half4* Up [[buffer(3)]],
    device float2* Out [[buffer(4)]],
    uint2 gid [[thread_position_in_grid]])
{
    const uint at = gid.y * 512u + gid.x;
    const device half4* g = Gate + at;
    const device half4* g2 = g + 256;
    const device half4* u = Up + at;
    const device half4* u2 = u + 256;
    const device float4* x = X + gid.x;
    const device float4* gain = Gain + gid.x;
    float4 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f, squares = 0.0f;
    for (uint t = 0; t < 256u; t += 32u) {
        float4 part = x[t];
        squares = fma(part, part, squares);
        part *= gain[t];
        a = fma(float4(g[t]), part, a);
        b = fma(float4(g2[t]), part, b);
        c = fma(float4(u[t]), part, c);
        d = fma(float4(u2[t]), part, d);
    }
    const float scale = norm_scale(squares, 1024.0f);
    const float2 gates = float2(simd_sum(sum4(a)), simd_sum(sum4(b))) * scale;
    const float2 ups = float2(simd_sum(sum4(c)), simd_sum(sum4(d))) * scale;
    if (gid.x == 0u) {
        Out[gid.y] = gates / (exp(-gates) + 1.0f) * ups;
    }
}

// ---- down

kernel void down(
    const device float4* X [[buffer(0)]],
    const device half4* W [[buffer(1)]],
    const device float4* Before [[buffer(2)]],
    device float4* Out [[buffer(3)]],
    uint2 gid [[thread_position_in_grid]])
{
    const device half4* w = W + (gid.y * 3072u + gid.x);
    const device float4* x = X + gid.x;
    float4 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
    for (uint t = 0; t < 768u; t += 32u) {
        const float4 part = x[t];
        a = fma(float4(w[t]), part, a);
        b = fma(float4(w[t + 768u]), part, b);
        c = fma(float4(w[t + 1536u]), part, c);
        d = fma(float4(w[t + 2304u]), part, d);
    }
    const float4 sums = float4(simd_sum(sum4(a)), simd_sum(sum4(b)), simd_sum(sum4(c)), simd_sum(sum4(d)));
    if (gid.x == 0u) {
        Out[gid.y] = Before[gid.y] + sums;
    }
}
