// SPDX-License-Identifier: MIT
//
// Causal FlashAttention by hand, for heads of 128 x 64 f32: 32 queries in a threadgroup, 8 in each of four
// simdgroups, tiles of 32 keys and values in threadgroup memory. 12_flash_attention.py generates the same; the
// tests compare what both do, and their results.
#include <metal_stdlib>
#include <metal_simdgroup_matrix>
using namespace metal;

#pragma METAL fp contract(off)
#define UNROLL _Pragma("clang loop unroll(full)")

constant constexpr uint N = 128, D = 64, BK = 32, ROW = D + 4; // rows of threadgroup memory are padded by 4
constant constexpr uint BLOCKS = D / 8, KEYS = BK / 8;

kernel void flash_attention(
    const device float* Q [[buffer(0)]],
    const device float4* K [[buffer(1)]],
    const device float4* V [[buffer(2)]],
    device float* O [[buffer(3)]],
    uint2 group [[threadgroup_position_in_grid]],
    uint2 position [[thread_position_in_threadgroup]],
    uint simdgroup [[simdgroup_index_in_threadgroup]],
    uint lane [[thread_index_in_simdgroup]])
{
    threadgroup float4 keys[BK * ROW / 4], values[BK * ROW / 4];
    const uint lid = position.x;
    const uint queries = group.y * (N * D) + group.x * (32 * D) + simdgroup * (8 * D);
    simdgroup_float8x8 q[BLOCKS], o[BLOCKS];
    UNROLL
    for (uint i = 0; i < BLOCKS; ++i) {
        simdgroup_load(q[i], Q + queries + i * 8, D);
        q[i].thread_elements()[0] *= 0.18033688f; // log2(e) / sqrt(64)
        q[i].thread_elements()[1] *= 0.18033688f;
        o[i] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
    const uint head = group.y * (N * D / 4) + lid;
    const uint to = (lid >> 4) * (ROW / 4) + (lid & 15);
    // The four lanes of a row: the same bits 1, 2 and 4 of the lane.
    const uint row = ((lane >> 1) & 3) + ((lane >> 2) & 4), column = (lane & 1) * 2 + ((lane >> 1) & 4);
    const uint query = group.x * 32 + simdgroup * 8 + row;
    float top = -INFINITY, sum = 0.0f;

    const uint tiles = group.x + 1;
    for (uint tile = 0; tile < tiles; ++tile) {
        const device float4* k = K + (head + tile * (BK * D / 4));
        const device float4* v = V + (head + tile * (BK * D / 4));
        UNROLL
        for (uint i = 0; i < 4; ++i) {
            keys[to + i * 8 * ROW / 4] = k[i * 8 * D / 4];
            values[to + i * 8 * ROW / 4] = v[i * 8 * D / 4];
        }
        threadgroup_barrier(mem_flags::mem_threadgroup);

        simdgroup_float8x8 s[KEYS];
        UNROLL
        for (uint j = 0; j < KEYS; ++j)
            s[j] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
        UNROLL
        for (uint i = 0; i < BLOCKS; ++i)
            UNROLL
            for (uint j = 0; j < KEYS; ++j) {
                simdgroup_float8x8 x;
                simdgroup_load(x, (const threadgroup float*)keys + j * 8 * ROW + i * 8, ROW, ulong2(0), true);
                simdgroup_multiply_accumulate(s[j], q[i], x, s[j]);
            }
        float e[2 * KEYS];
        UNROLL
        for (uint j = 0; j < 2 * KEYS; ++j)
            e[j] = s[j / 2].thread_elements()[j % 2];
        if (tile == group.x) { // the tile on the diagonal
            const int ahead = int(query) - int(tile * BK + column);
            UNROLL
            for (uint j = 0; j < 2 * KEYS; ++j)
                e[j] = ahead >= int(j / 2 * 8 + j % 2) ? e[j] : -INFINITY;
        }
        float most = e[0];
        UNROLL
        for (uint j = 1; j < 2 * KEYS; ++j)
            most = fmax(most, e[j]);
        most = fmax(most, simd_shuffle_xor(most, 1));
        most = fmax(most, simd_shuffle_xor(most, 8));
        most = fmax(most, top);
        const float scale = exp2(top - most);
        top = most;
        float part = 0.0f;
        UNROLL
        for (uint j = 0; j < 2 * KEYS; ++j) {
            e[j] = exp2(e[j] - top);
            part += e[j];
            s[j / 2].thread_elements()[j % 2] = e[j];
        }
        sum = fma(sum, scale, part);
        UNROLL
        for (uint i = 0; i < BLOCKS; ++i) {
            o[i].thread_elements()[0] *= scale;
            o[i].thread_elements()[1] *= scale;
        }
        UNROLL
        for (uint j = 0; j < KEYS; ++j)
            UNROLL
            for (uint i = 0; i < BLOCKS; ++i) {
                simdgroup_float8x8 x;
                simdgroup_load(x, (const threadgroup float*)values + j * 8 * ROW + i * 8, ROW);
                simdgroup_multiply_accumulate(o[i], s[j], x, o[i]);
            }
        threadgroup_barrier(mem_flags::mem_threadgroup);
    }

    sum += simd_shuffle_xor(sum, 1);
    sum += simd_shuffle_xor(sum, 8);
    const float scale = 1.0f / sum;
    UNROLL
    for (uint i = 0; i < BLOCKS; ++i) {
        o[i].thread_elements()[0] *= scale;
        o[i].thread_elements()[1] *= scale;
        simdgroup_store(o[i], O + queries + i * 8, D);
    }
}
