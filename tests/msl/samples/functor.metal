// SPDX-License-Identifier: MIT
//
// Reduction with functors and static members.
#include <metal_stdlib>
using namespace metal;

struct Add { template <typename T> T operator()(T x, T y) { return x + y; } };
struct Sum { static constexpr constant float init = 0.0f; float operator()(float a, float b) const { return a + b; } template<typename T> T simd_reduce(T v) { return simd_sum(v); } };
template <typename Op, typename T, int N = 4>
METAL_FUNC T fold(const device T *x, uint n, Op op = Op()) { T r = T(0); for (uint i = 0; i < n; i++) r = op(r, x[i]); return r; }
kernel void k(const device float *x [[buffer(0)]], device float *y [[buffer(1)]], constant const uint &n [[buffer(2)]], constant const int *shape [[buffer(3)]], uint3 gid [[thread_position_in_grid]], uint3 gsz [[threads_per_grid]]) {
  auto idx = gid.x + gsz.x * size_t(gid.y);
  y[idx] = fold<Add>(x, n) + fold(x, n, Sum()) + Sum::init + shape[0];
  Sum s; y[idx] += s.simd_reduce(1.0f);
}
