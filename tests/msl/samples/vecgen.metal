// SPDX-License-Identifier: MIT
//
// Generic vectors and masks.
#include <metal_stdlib>
using namespace metal;

template <typename T, int N> vec<T, N> twice(vec<T, N> v) { return v + v; }
template <typename T> struct Quad { vec<T, 4> v; T sum() const { return v.x + v.y + v.z + v.w; } };
kernel void k(device float4 *o [[buffer(0)]], device bfloat4 *b [[buffer(1)]], device vec<half, 2> *h [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  o[i] = twice(o[i]); Quad<float> q; q.v = o[i]; o[i].x = q.sum(); o[i].yz = twice(o[i].yz); b[i] = b[i] + b[i]; b[i] = bfloat4(float4(b[i]) * 2.0f); h[i] = twice(h[i]); 
  vec<float, 3> t = vec<float, 3>(1.0f); o[i].xyz = t; o[i] = o[i] * o[i].x + 1; o[i] = fma(o[i], 2.0f, 1.0f); o[i] = float4(o[i] > 0.5f); int4 g = int4(floor(o[i])); g = g >> 1; o[i] = float4(g);
  uint4 k = uint4(1, 2, 3, 4); k = min(k, 3u); k = k * 2 + 1; k.x = k.y > 2 ? k.z : k.w; bool4 mm = k > 2u; mm = !mm | (k == uint4(3)); o[i] = select(o[i], float4(k), mm);
}
