// SPDX-License-Identifier: MIT
//
// Softmax of rows of 1000 numbers by hand: a simdgroup per row, eight float4 per lane, the last one for 26 lanes only.
// 05_softmax.py generates the same; the tests compare what both do, and their results.
#include <metal_stdlib>
using namespace metal;

#pragma METAL fp contract(off)

kernel void softmax(
    const device float4* X [[buffer(0)]],
    device float4* Out [[buffer(1)]],
    uint3 gid [[thread_position_in_grid]])
{
    const uint at = gid.y * 250u + gid.x;
    const device float4* x = X + at;
    device float4* out = Out + at;
    const bool inside = gid.x < 26u;

    const float4 a = x[0], b = x[32], c = x[64], d = x[96], e = x[128], f = x[160], g = x[192];
    float4 h = float4(-INFINITY);
    if (inside) {
        h = x[224];
    }
    const float4 four = fmax(fmax(fmax(a, b), fmax(c, d)), fmax(fmax(e, f), fmax(g, h)));
    const float4 top = float4(simd_max(fmax(fmax(four.x, four.y), fmax(four.z, four.w))));
    const float4 ea = exp(a - top), eb = exp(b - top), ec = exp(c - top), ed = exp(d - top);
    const float4 ee = exp(e - top), ef = exp(f - top), eg = exp(g - top), eh = exp(h - top);
    const float4 sum = ((ea + eb) + (ec + ed)) + ((ee + ef) + (eg + eh));
    const float4 scale = float4(1.0f / simd_sum((sum.x + sum.y) + (sum.z + sum.w)));
    out[0] = ea * scale;
    out[32] = eb * scale;
    out[64] = ec * scale;
    out[96] = ed * scale;
    out[128] = ee * scale;
    out[160] = ef * scale;
    out[192] = eg * scale;
    if (inside) {
        out[224] = eh * scale;
    }
}
