// SPDX-License-Identifier: MIT
//
// Atomics through pointers and references.
#include <metal_stdlib>
using namespace metal;

kernel void k(device atomic<int> *y [[buffer(0)]], volatile device atomic_uint &z [[buffer(1)]], device const int *x [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  atomic_fetch_max_explicit(y, x[i], memory_order_relaxed); atomic_fetch_add_explicit(&z, 1u, memory_order::memory_order_relaxed);
  int v = atomic_load_explicit(&y[0], memory_order_relaxed); (void)v;
}
