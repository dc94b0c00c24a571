// SPDX-License-Identifier: MIT
//
// Scalars, tables, enums, casts and small vectors.
#include <metal_stdlib>
using namespace metal;
#pragma METAL fp contract(off)
#pragma METAL fp math_mode(safe)

#define N_SIMD 4
enum Mode : uint { kA = 0, kB };
enum class Op { add, mul };
using acc_t = float;
typedef half T1;
constant uint kTable[4] = {1u, 2u, 3u, 0xFFu};
static constant constexpr float kEps = 1e-5f;
constexpr constant int kDim = 4 * 2;
inline uint hash(uint x) { x ^= x >> 16; x *= 0x7feb352dU; x ^= x >> 15; x *= 0x846ca68bU; return x ^ (x >> 16); }
inline float4 cmul(float4 a, float4 b) { return float4(a.x*b.x - a.y*b.y, a.x*b.y + a.y*b.x, 0, 1); }
template <typename T> inline T relu(T x) { return max(x, T(0)); }
template <> inline half relu<half>(half x) { return fmax(x, 0.0h); }
[[max_total_threads_per_threadgroup(256)]] kernel void k(device float *y [[ buffer(0) ]], constant Mode &mode [[ buffer(1) ]], constant Op &op [[buffer(2)]], const uint i [[ thread_position_in_grid ]]) {
  threadgroup_barrier(mem_flags::mem_none);
  acc_t a = 0.f; float v[kDim]; 
  for (int j = 0; j < kDim; j++) { v[j] = j; }
  switch (mode) { case kA: a = v[0]; break; case kB: { a = v[1]; } break; default: break; }
  if (op == Op::add) a += kTable[i & 3]; else a *= relu(a) + relu(half(a)) + kEps;
  float x = (mode == kA) ? 1.0 : (a > 2 ? a : -a);
  uint2 p = uint2(hash(i), hash(i + 1)); float2 f = float2(p) / 4294967296.0f;
  y[i] = a + f.x + x + as_type<float>(0x3F800000u | (p.x >> 9)) + metal::precise::exp(a) + rsqrt(kEps) + select(1.0f, 2.0f, a > 1);
  y[i] += isnan(a) || isinf(a) ? 0.0f : a;  int q = i; q = abs(q) % 3; y[i] += q + (~q & 7) + (q ? 1 : 0);
  float2x2 m = float2x2(float2(1, 0), float2(0, 1)); f = m * f; y[i] += f.y + dot(f, float2(1)) + length(f - float2(1.0));
  const float3 rgb = float3(1.0, 0.5, 0.25); y[i] += dot(rgb, float3(0.2126, 0.7152, 0.0722));
  bool2 bb = bool2(true, false); y[i] += any(bb) ? 1 : 0; half2 hh = half2(f); hh *= 2.0h; hh = hh * 0.5; y[i] += hh.x;
  ushort u16 = ushort(i); u16 <<= 1; uchar u8 = u16 & 255; y[i] += u8; char4 c4 = char4(1, -2, 3, -4); y[i] += float(c4.y);
  float arr[2][3] = {{1, 2, 3}, {4, 5, 6}}; y[i] += arr[1][2]; thread float *ap = &arr[0][0]; y[i] += ap[1];
}
