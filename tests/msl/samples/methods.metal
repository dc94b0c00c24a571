// SPDX-License-Identifier: MIT
//
// A loader struct with device and threadgroup pointers.
#include <metal_stdlib>
using namespace metal;

struct Block { half scale; uchar q[32]; };
struct Loader { const device float *src; threadgroup float *dst; const short bi;
  METAL_FUNC Loader(const device float *s, threadgroup float *d, ushort id) : src(s), dst(d), bi(id) {}
  void load() const { dst[bi] = src[bi]; } 
  METAL_FUNC void next() { src += 32; } };
kernel void k(const device float *x [[buffer(0)]], device float *y [[buffer(1)]], device const Block *b [[buffer(2)]], uint tid [[thread_index_in_threadgroup]], uint sg [[simdgroup_index_in_threadgroup]]) {
  threadgroup float sh[32];
  Loader l(x, sh, tid);
  l.load(); l.next();
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float acc = 0;
  #pragma clang loop unroll(full)
  for (short i = 0; i < 32; ++i) acc += float(b[0].scale) * (float(b[0].q[i] & 0xF) - 8.f) * sh[i];
  y[tid] = acc;
}
