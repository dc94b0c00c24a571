// SPDX-License-Identifier: MIT
//
// The second difference of 1000 numbers by hand: a float4 per thread and one number on either side, 0 beyond the ends.
// 06_laplacian.py generates the same; the tests compare what both do, and their results.
#include <metal_stdlib>
using namespace metal;

#pragma METAL fp contract(off)

kernel void laplacian(
    const device float* X [[buffer(0)]],
    device float4* Out [[buffer(1)]],
    uint i [[thread_position_in_grid]])
{
    const uint first = i * 4u;
    const float4 x = *(const device float4*)(X + first);
    float left = 0.0f, right = 0.0f;
    if (i > 0u) {
        left = X[first - 1u];
    }
    if (i < 249u) {
        right = X[first + 4u];
    }
    Out[i] = fma(float4(-2.0f), x, float4(left, x.x, x.y, x.z)) + float4(x.y, x.z, x.w, right);
}
