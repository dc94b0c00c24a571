// SPDX-License-Identifier: MIT
//
// C = A B of f16 with sums in f32 by hand, for 128 x 192 elements of C and 128 along K: as sgemm.metal, with tiles
// that are 32 deep. 11_hgemm.py generates the same; the tests compare what both do, and their results.
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;

#pragma METAL fp contract(off)
#define UNROLL _Pragma("clang loop unroll(full)")

constant constexpr uint N = 192, K = 128, TILES = K / 32;
constant constexpr uint A_ROW = 40, B_ROW = 72; // elements, padded by 8

// 32 x 32 of A times 32 x 32 of B, in blocks 16 apart.
inline __attribute__((always_inline)) void multiply(const threadgroup half* a, const threadgroup half* b, thread simdgroup_float8x8 (&c)[4][4])
{
    UNROLL
    for (uint k = 0; k < 4; ++k) {
        simdgroup_half8x8 x[4], y[4];
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

kernel void hgemm(
    const device half4* A [[buffer(0)]],
    const device half4* B [[buffer(1)]],
    device half* C [[buffer(2)]],
    uint3 group [[threadgroup_position_in_grid]],
    uint3 position [[thread_position_in_threadgroup]],
    uint simdgroup [[simdgroup_index_in_threadgroup]])
{
    threadgroup half4 a_tiles[2 * 64 * A_ROW / 4];
    threadgroup half4 b_tiles[2 * 32 * B_ROW / 4];

    // Each thread copies four half4 of A, in rows 16 apart, and four of B, in rows 8 apart.
    const uint lid = position.x;
    const device half4* a = A + (group.y * (64 * K / 4) + (lid >> 3) * (K / 4) + (lid & 7));
    const device half4* b = B + (group.x * 16 + (lid >> 4) * (N / 4) + (lid & 15));
    threadgroup half4* to_a = a_tiles + ((lid >> 3) * (A_ROW / 4) + (lid & 7));
    threadgroup half4* to_b = b_tiles + ((lid >> 4) * (B_ROW / 4) + (lid & 15));
    const threadgroup half* from_a = (const threadgroup half*)a_tiles + (simdgroup & 1) * (8 * A_ROW);
    const threadgroup half* from_b = (const threadgroup half*)b_tiles + (simdgroup >> 1) * 8;

    UNROLL
    for (uint i = 0; i < 4; ++i) {
        to_a[i * 16 * A_ROW / 4] = a[i * 16 * K / 4];
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
        half4 x[4], y[4];
        UNROLL
        for (uint i = 0; i < 4; ++i) {
            x[i] = a[(tile + 1) * 8 + i * 16 * K / 4];
            y[i] = b[(tile + 1) * (32 * N / 4) + i * 8 * N / 4];
        }
        multiply(from_a + stage * (64 * A_ROW), from_b + stage * (32 * B_ROW), c);
        UNROLL
        for (uint i = 0; i < 4; ++i) {
            to_a[next * (64 * A_ROW / 4) + i * 16 * A_ROW / 4] = x[i];
            to_b[next * (32 * B_ROW / 4) + i * 8 * B_ROW / 4] = y[i];
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }
    constexpr uint last = (TILES - 1) & 1;
    multiply(from_a + last * (64 * A_ROW), from_b + last * (32 * B_ROW), c);

    device half* out = C + (group.y * (64 * N) + group.x * 64 + (simdgroup & 1) * (8 * N) + (simdgroup >> 1) * 8);
    UNROLL
    for (uint i = 0; i < 4; ++i)
        UNROLL
        for (uint j = 0; j < 4; ++j)
        {
            simdgroup_half8x8 rounded;
            rounded.thread_elements()[0] = half(c[i][j].thread_elements()[0]);
            rounded.thread_elements()[1] = half(c[i][j].thread_elements()[1]);
            simdgroup_store(rounded, out + i * 16 * N + j * 16, N);
        }
}
