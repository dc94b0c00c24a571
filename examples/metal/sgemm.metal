// SPDX-License-Identifier: MIT
//
// C = A B of f32 by hand, for 128 x 192 elements of C and 64 along K: tiles of 64 x 64, four simdgroups with
// 32 x 32 each, tiles of A and B in two buffers of threadgroup memory. 10_sgemm.py generates the same; the tests
// compare what both do, and their results.
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;

#pragma METAL fp contract(off)
#define UNROLL _Pragma("clang loop unroll(full)")

constant constexpr uint N = 192, K = 64, TILES = K / 16;
constant constexpr uint A_ROW = 20, B_ROW = 68; // elements, padded by 4

// 32 x 16 of A times 16 x 32 of B, in blocks 16 apart.
inline __attribute__((always_inline)) void multiply(const threadgroup float* a, const threadgroup float* b, thread simdgroup_float8x8 (&c)[4][4])
{
    UNROLL
    for (uint k = 0; k < 2; ++k) {
        simdgroup_float8x8 x[4], y[4];
        UNROLL
        for (uint i = 0; i < 4; ++i) {
            simdgroup_load(x[i], a + i * 16 * A_ROW + k * 8, A_ROW);
            simdgroup_load(y[i], b + i * 16 + k * 8 * B_ROW, B_ROW);
        }
        UNROLL
        for (uint i = 0; i < 4; ++i)
            UNROLL
            for (uint j = 0; j < 4; ++j)
                simdgroup_multiply_accumulate(c[i][j], x[i], y[j], c[i][j]);
    }
}

kernel void sgemm(
    const device float4* A [[buffer(0)]],
    const device float4* B [[buffer(1)]],
    device float* C [[buffer(2)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 position [[thread_position_in_threadgroup]],
    uint simdgroup [[simdgroup_index_in_threadgroup]])
{
    threadgroup float4 a_tiles[2 * 64 * A_ROW / 4];
    threadgroup float4 b_tiles[2 * 16 * B_ROW / 4];

    // Each thread copies two float4 of A, in rows 32 apart, and two of B, in rows 8 apart.
    const uint lid = position.x;
    const device float4* a = A + (group.y * (64 * K / 4) + (lid >> 2) * (K / 4) + (lid & 3));
    const device float4* b = B + (group.x * 16 + (lid >> 4) * (N / 4) + (lid & 15));
    threadgroup float4* to_a = a_tiles + ((lid >> 2) * (A_ROW / 4) + (lid & 3));
    threadgroup float4* to_b = b_tiles + ((lid >> 4) * (B_ROW / 4) + (lid & 15));
    const threadgroup float* from_a = (const threadgroup float*)a_tiles + (simdgroup & 1) * (8 * A_ROW);
    const threadgroup float* from_b = (const threadgroup float*)b_tiles + (simdgroup >> 1) * 8;

    UNROLL
    for (uint i = 0; i < 2; ++i) {
        to_a[i * 32 * A_ROW / 4] = a[i * 32 * K / 4];
        to_b[i * 8 * B_ROW / 4] = b[i * 8 * N / 4];
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);

    simdgroup_float8x8 c[4][4];
    UNROLL
    for (uint i = 0; i < 4; ++i)
        UNROLL
        for (uint j = 0; j < 4; ++j)
            c[i][j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);

    // The next tile is on its way while this one is multiplied.
    for (uint tile = 0; tile + 1 < TILES; ++tile) {
        const uint stage = tile & 1, next = stage ^ 1;
        float4 x[2], y[2];
        UNROLL
        for (uint i = 0; i < 2; ++i) {
            x[i] = a[(tile + 1) * 4 + i * 32 * K / 4];
            y[i] = b[(tile + 1) * (16 * N / 4) + i * 8 * N / 4];
        }
        multiply(from_a + stage * (64 * A_ROW), from_b + stage * (16 * B_ROW), c);
        UNROLL
        for (uint i = 0; i < 2; ++i) {
            to_a[next * (64 * A_ROW / 4) + i * 32 * A_ROW / 4] = x[i];
            to_b[next * (16 * B_ROW / 4) + i * 8 * B_ROW / 4] = y[i];
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    constexpr uint last = (TILES - 1) & 1;
    multiply(from_a + last * (64 * A_ROW), from_b + last * (16 * B_ROW), c);

    device float* out = C + (group.y * (64 * N) + group.x * 64 + (simdgroup & 1) * (8 * N) + (simdgroup >> 1) * 8);
    UNROLL
    for (uint i = 0; i < 4; ++i)
        UNROLL
        for (uint j = 0; j < 4; ++j)
            simdgroup_store(c[i][j], out + i * 16 * N + j * 16, N);
}
