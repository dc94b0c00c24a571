// SPDX-License-Identifier: MIT
//
// A uniform block with a matrix and packed vectors.
#include <metal_stdlib>
using namespace metal;

struct U { float4x4 mvp; float3 light; packed_float3 p; };
kernel void k(constant U &u [[buffer(0)]], device float4 *o [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  float4x4 m = u.mvp; float3 l = u.light; float3 p = u.p; o[i] = m * float4(l, 1) + float4(p, 0) + u.mvp[1] + u.mvp[0].x; o[i].xyz += normalize(u.light) * u.p.x; o[i].x = u.p[1];
}
