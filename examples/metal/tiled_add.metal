// SPDX-License-Identifier: MIT
//
// C = A + B for 256 x 512 matrices by hand: a thread adds four rows of four elements. 03_tiled_add.py generates the
// same; the tests compare what both do, and their results.
#include <metal_stdlib>
using namespace metal;

#pragma METAL fp contract(off)

kernel void tiled_add(
    const device float4* A [[buffer(0)]],
    const device float4* B [[buffer(1)]],
    device float4* C [[buffer(2)]],
    uint3 gid [[thread_position_in_grid]])
{
    constexpr uint columns = 512 / 4;
    const uint at = gid.y * 4u * columns + gid.x;
    const device float4* a = A + at;
    const device float4* b = B + at;
    device float4* c = C + at;
    const float4 first = a[0] + b[0];
    const float4 second = a[columns] + b[columns];
    const float4 third = a[2 * columns] + b[2 * columns];
    const float4 fourth = a[3 * columns] + b[3 * columns];
    c[0] = first;
    c[columns] = second;
    c[2 * columns] = third;
    c[3 * columns] = fourth;
}
