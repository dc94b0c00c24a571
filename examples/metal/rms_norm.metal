// SPDX-License-Identifier: MIT
//
// RMSNorm of rows of 1024 numbers by hand: 64 threads per row, four float4 each, one barrier. 04_rms_norm.py generates
// the same; the tests compare what both do, and their results.
#include <metal_stdlib>
using namespace metal;

#pragma METAL fp contract(off)

kernel void rms_norm(
    const device float4* X [[buffer(0)]],
    const device float4* W [[buffer(1)]],
    device float4* Out [[buffer(2)]],
    uint3 gid [[thread_position_in_grid]],
    uint lane [[thread_index_in_simdgroup]],
    uint group [[simdgroup_index_in_threadgroup]])
{
    threadgroup float partial[2];
    const uint at = gid.y * 256u + gid.x;
    const device float4* x = X + at;
    const device float4* w = W + gid.x;
    device float4* out = Out + at;

    const float4 a = x[0], b = x[64], c = x[128], d = x[192];
    const float4 squares = fma(d, d, fma(c, c, fma(b, b, a * a)));
    const float sum = simd_sum((squares.x + squares.y) + (squares.z + squares.w));
    if (lane == 0u) {
        partial[group] = sum;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const float scale = rsqrt(fma(partial[0] + partial[1], 1.0f / 1024.0f, 1e-6f));
    out[0] = a * scale * w[0];
    out[64] = b * scale * w[64];
    out[128] = c * scale * w[128];
    out[192] = d * scale * w[192];
}
