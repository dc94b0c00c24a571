// SPDX-License-Identifier: MIT
//
// An int4 matrix of 1024 columns times a vector by hand: a simdgroup has four rows, a lane a group of 32 weights of each.
// 13_int4_matvec.py generates the same and says how weights lie; the tests compare what both do, and their results.
#include <metal_stdlib>
using namespace metal;

#pragma METAL fp contract(off)

struct Group {
    float4 x0, x1, x2, x3, x4, x5, x6, x7; // divided by 16^k
    float offset;
};

static float dot32(uint4 q, Group g)
{
    float4 sum = float4(q & 0xfu) * g.x0;
    sum = fma(float4(q & 0xf0u), g.x1, sum);
    sum = fma(float4(q & 0xf00u), g.x2, sum);
    sum = fma(float4(q & 0xf000u), g.x3, sum);
    sum = fma(float4(q & 0xf0000u), g.x4, sum);
    sum = fma(float4(q & 0xf00000u), g.x5, sum);
    sum = fma(float4(q & 0xf000000u), g.x6, sum);
    sum = fma(float4(q & 0xf0000000u), g.x7, sum);
    return (sum.x + sum.y) + (sum.z + sum.w) + g.offset;
}

kernel void int4_matvec(
    const device uint4* Q [[buffer(0)]],
    const device float* S [[buffer(1)]],
    const device float4* X [[buffer(2)]],
    device float4* Out [[buffer(3)]],
    uint2 gid [[thread_position_in_grid]])
{
    const device float4* x = X + gid.x * 8u;
    const float4 whole = x[0] + x[1] + x[2] + x[3] + x[4] + x[5] + x[6] + x[7];
    Group g;
    g.x0 = x[0];
    g.x1 = x[1] * 0x1p-4f;
    g.x2 = x[2] * 0x1p-8f;
    g.x3 = x[3] * 0x1p-12f;
    g.x4 = x[4] * 0x1p-16f;
    g.x5 = x[5] * 0x1p-20f;
    g.x6 = x[6] * 0x1p-24f;
    g.x7 = x[7] * 0x1p-28f;
    g.offset = -8.0f * ((whole.x + whole.y) + (whole.z + whole.w));
    const uint at = gid.y * 128u + gid.x;
    const device uint4* q = Q + at;
    const device float* s = S + at;
    float4 sums;
    sums.x = simd_sum(dot32(q[0], g) * s[0]);
    sums.y = simd_sum(dot32(q[32], g) * s[32]);
    sums.z = simd_sum(dot32(q[64], g) * s[64]);
    sums.w = simd_sum(dot32(q[96], g) * s[96]);
    if (gid.x == 0u) {
        Out[gid.y] = sums;
    }
}
