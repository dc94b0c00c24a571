// SPDX-License-Identifier: MIT
//
// A template kernel instantiated through decltype.
#include <metal_stdlib>
using namespace metal;

template<typename T, short DK>
kernel void attn(device const T *q [[buffer(0)]], device float *o [[buffer(1)]], constant float &scale [[buffer(2)]], threadgroup half *shmem [[threadgroup(0)]], ushort tiisg[[thread_index_in_simdgroup]], ushort sgitg[[simdgroup_index_in_threadgroup]], uint3 tgpig[[threadgroup_position_in_grid]]) {
  threadgroup float s[DK];
  if (tiisg < DK) s[tiisg] = q[tgpig.x * DK + tiisg] * scale;
  simdgroup_barrier(mem_flags::mem_threadgroup);
  float m = -FLT_MAX / 2; for (short i = 0; i < DK; ++i) m = max(m, s[i]);
  o[tgpig.x] = simd_max(m);
}
typedef decltype(attn<float, 8>) attn_t;
template [[host_name("attn_f32")]] kernel attn_t attn<float, 8>;
