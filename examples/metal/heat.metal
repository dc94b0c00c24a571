// SPDX-License-Identifier: MIT
//
// A step of heat in a plate of 40 x 100 cells by hand: a thread has four rows of one float4, and
// reads what surrounds them. 07_heat.py generates the same; the tests compare what both do, and their results.
#include <metal_stdlib>
using namespace metal;

#pragma METAL fp contract(off)

static float4 stepped(float4 above, float left, float4 x, float right, float4 below)
{
    const float4 sides = float4(left, x.x, x.y, x.z) + float4(x.y, x.z, x.w, right);
    return fma(float4(0.2f), fma(float4(-4.0f), x, above + below + sides), x);
}

kernel void heat(
    const device float4* X [[buffer(0)]],
    device float4* Out [[buffer(1)]],
    uint2 gid [[thread_position_in_grid]])
{
    constexpr uint pitch = 108 / 4;
    const uint at = gid.y * 4u * pitch + gid.x;
    const device float4* x = X + at;
    device float4* out = Out + at + pitch + 1;
    const float4 above = x[1], a = x[pitch + 1], b = x[2 * pitch + 1];
    const float4 c = x[3 * pitch + 1], d = x[4 * pitch + 1], below = x[5 * pitch + 1];
    const device float* cell = (const device float*)(x + pitch);
    const float left0 = cell[3], left1 = cell[4 * pitch + 3], left2 = cell[8 * pitch + 3], left3 = cell[12 * pitch + 3];
    const float right0 = cell[8], right1 = cell[4 * pitch + 8];
    const float right2 = cell[8 * pitch + 8], right3 = cell[12 * pitch + 8];
    out[0] = stepped(above, left0, a, right0, b);
    out[pitch] = stepped(a, left1, b, right1, c);
    out[2 * pitch] = stepped(b, left2, c, right2, d);
    out[3 * pitch] = stepped(c, left3, d, right3, below);
}
