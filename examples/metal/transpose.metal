// SPDX-License-Identifier: MIT
//
// The transpose of a matrix of 64 x 96 by hand: tiles of 32 x 32 in threadgroup memory, four elements per thread.
// 09_transpose.py generates the same; the tests compare what both do, and their results.
#include <metal_stdlib>
using namespace metal;

#pragma METAL fp contract(off)

kernel void transpose(
    const device float4* X [[buffer(0)]],
    device float4* Out [[buffer(1)]],
    uint2 gid [[thread_position_in_grid]],
    uint2 lid [[thread_position_in_threadgroup]],
    uint2 group [[threadgroup_position_in_grid]])
{
    threadgroup float tile[32 * 33];
    const float4 x = X[gid.y * 24u + gid.x];
    threadgroup float* row = tile + (lid.y * 33u + lid.x * 4u);
    row[0] = x.x;
    row[1] = x.y;
    row[2] = x.z;
    row[3] = x.w;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    const threadgroup float* column = tile + (lid.x * 132u + lid.y);
    const float4 turned = float4(column[0], column[33], column[66], column[99]);
    Out[(group.x * 32u + lid.y) * 16u + group.y * 8u + lid.x] = turned;
}
