// SPDX-License-Identifier: MIT
//
// An int8 matrix of 1024 columns times a vector by hand: a simdgroup has four rows, a lane twice 16 weights of each.
// 08_quantised_matvec.py generates the same; the tests compare what both do, and their results.
#include <metal_stdlib>
using namespace metal;

#pragma METAL fp contract(off)

static float4 weights(uint word)
{
    return float4(as_type<char4>(word));
}

static float dot16(uint4 q, float4 a, float4 b, float4 c, float4 d)
{
    const float4 sum = fma(weights(q.w), d, fma(weights(q.z), c, fma(weights(q.y), b, weights(q.x) * a)));
    return (sum.x + sum.y) + (sum.z + sum.w);
}

kernel void quantised_matvec(
    const device uint4* Q [[buffer(0)]],
    const device float* S [[buffer(1)]],
    const device float4* X [[buffer(2)]],
    device float4* Out [[buffer(3)]],
    uint2 gid [[thread_position_in_grid]])
{
    const uint first = gid.x * 4u;
    const device float4* x = X + first;
    const device uint4* q = Q + (gid.y * 256u + gid.x);
    const device float* s = S + (gid.y * 128u + gid.x / 2u);
    const float4 a = x[0], b = x[1], c = x[2], d = x[3];
    const float4 e = x[128], f = x[129], g = x[130], h = x[131];
    float4 sums;
    sums.x = simd_sum(fma(dot16(q[0], a, b, c, d), s[0], dot16(q[32], e, f, g, h) * s[16]));
    sums.y = simd_sum(fma(dot16(q[64], a, b, c, d), s[32], dot16(q[96], e, f, g, h) * s[48]));
    sums.z = simd_sum(fma(dot16(q[128], a, b, c, d), s[64], dot16(q[160], e, f, g, h) * s[80]));
    sums.w = simd_sum(fma(dot16(q[192], a, b, c, d), s[96], dot16(q[224], e, f, g, h) * s[112]));
    if (gid.x == 0u) {
        Out[gid.y] = sums;
    }
}
