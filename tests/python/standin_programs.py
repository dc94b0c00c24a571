# SPDX-License-Identifier: MIT
"""Metal written by hand, as whole programs, for the tests of the stand-in: `HEAD + KERNELS["reduce"]`."""

HEAD = "#include <metal_stdlib>\nusing namespace metal;\n"

KERNELS = {
    "reduce": """
kernel void reduce(device const float *x [[buffer(0)]], device float *out [[buffer(1)]], constant uint &n [[buffer(2)]],
                   uint t [[thread_position_in_threadgroup]], uint g [[threadgroup_position_in_grid]],
                   uint i [[thread_position_in_grid]], uint size [[threads_per_threadgroup]]) {
  threadgroup float s[128];
  s[t] = i < n ? x[i] : 0.0f;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint k = size / 2; k > 0; k >>= 1) {
    if (t < k)
      s[t] += s[t + k];
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (t == 0)
    out[g] = s[0];
}""",
    "reverse": """
kernel void reverse(device const int *x [[buffer(0)]], device int *y [[buffer(1)]], threadgroup int *s [[threadgroup(0)]],
                    uint t [[thread_index_in_threadgroup]], uint i [[thread_position_in_grid]],
                    uint size [[threads_per_threadgroup]]) {
  s[t] = x[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  y[i] = s[size - 1 - t];
}""",
    "histogram": """
kernel void histogram(device const uchar *x [[buffer(0)]], device atomic_uint *bins [[buffer(1)]],
                      uint t [[thread_index_in_threadgroup]], uint i [[thread_position_in_grid]]) {
  threadgroup atomic_uint local[16];
  if (t < 16)
    atomic_store_explicit(&local[t], 0, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  atomic_fetch_add_explicit(&local[x[i] >> 4], 1, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (t < 16)
    atomic_fetch_add_explicit(&bins[t], atomic_load_explicit(&local[t], memory_order_relaxed), memory_order_relaxed);
}""",
    "scan": """
kernel void scan(device const int *x [[buffer(0)]], device int *y [[buffer(1)]], uint i [[thread_position_in_grid]],
                 uint lane [[thread_index_in_simdgroup]], uint group [[simdgroup_index_in_threadgroup]],
                 uint groups [[simdgroups_per_threadgroup]]) {
  threadgroup int totals[32];
  int inclusive = simd_prefix_inclusive_sum(x[i]);
  if (lane == 31)
    totals[group] = inclusive;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (group == 0) {
    int total = lane < groups ? totals[lane] : 0;
    totals[lane] = simd_prefix_exclusive_sum(total);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  y[i] = inclusive + totals[group];
}""",
    "bitonic": """
kernel void bitonic(device float *x [[buffer(0)]], uint t [[thread_position_in_threadgroup]],
                    uint n [[threads_per_threadgroup]]) {
  threadgroup float s[256];
  s[t] = x[t];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint k = 2; k <= n; k *= 2)
    for (uint j = k / 2; j > 0; j /= 2) {
      uint other = t ^ j;
      if (other > t) {
        bool up = (t & k) == 0;
        float a = s[t], b = s[other];
        if ((a > b) == up) {
          s[t] = b;
          s[other] = a;
        }
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
    }
  x[t] = s[t];
}""",
    "laplacian": """
kernel void laplacian(device const float *x [[buffer(0)]], device float *y [[buffer(1)]], constant uint &n [[buffer(2)]],
                      uint i [[thread_position_in_grid]]) {
  if (i >= n)
    return;
  float left = i > 0 ? x[i - 1] : 0.0f;
  float right = i + 1 < n ? x[i + 1] : 0.0f;
  y[i] = left - 2.0f * x[i] + right;
}""",
    "heat": """
struct Grid { uint width; uint height; float alpha; };
static inline float at(device const float *u, constant Grid &g, int x, int y) {
  x = clamp(x, 0, int(g.width) - 1);
  y = clamp(y, 0, int(g.height) - 1);
  return u[uint(y) * g.width + uint(x)];
}
kernel void heat(device const float *u [[buffer(0)]], device float *v [[buffer(1)]], constant Grid &g [[buffer(2)]],
                 uint2 p [[thread_position_in_grid]]) {
  int x = int(p.x), y = int(p.y);
  float c = at(u, g, x, y);
  float sum = at(u, g, x - 1, y) + at(u, g, x + 1, y) + at(u, g, x, y - 1) + at(u, g, x, y + 1);
  v[p.y * g.width + p.x] = c + g.alpha * (sum - 4.0f * c);
}""",
    "softmax": """
kernel void softmax(device const half *x [[buffer(0)]], device half *y [[buffer(1)]], constant int &n [[buffer(2)]],
                    uint row [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]]) {
  float top = -INFINITY, sum = 0.0f;
  for (int j = int(lane); j < n; j += 32) {
    float v = float(x[row * n + j]), next = max(top, v);
    sum = sum * exp(top - next) + exp(v - next);
    top = next;
  }
  float most = simd_max(top);
  float total = simd_sum(top == -INFINITY ? 0.0f : sum * exp(top - most));
  for (int j = int(lane); j < n; j += 32)
    y[row * n + j] = half(exp(float(x[row * n + j]) - most) / total);
}""",
    "gemm": """
constant constexpr uint TILE = 8;
kernel void gemm(device const half *a [[buffer(0)]], device const half *b [[buffer(1)]], device float *c [[buffer(2)]],
                 constant uint3 &mnk [[buffer(3)]], uint2 tile [[threadgroup_position_in_grid]]) {
  uint n = mnk.y, k = mnk.z;
  simdgroup_matrix<half, 8, 8> ma, mb;
  simdgroup_matrix<float, 8, 8> acc = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  for (uint i = 0; i < k; i += TILE) {
    simdgroup_load(ma, a + tile.y * TILE * k + i, k);
    simdgroup_load(mb, b, n, ulong2(tile.x * TILE, i));
    simdgroup_multiply_accumulate(acc, ma, mb, acc);
  }
  simdgroup_store(acc, c, n, ulong2(tile.x * TILE, tile.y * TILE));
}""",
    "tiled": """
#define T 4
kernel void tiled(device const float *a [[buffer(0)]], device const float *b [[buffer(1)]], device float *c [[buffer(2)]],
                  constant uint &n [[buffer(3)]], uint2 g [[thread_position_in_grid]],
                  uint2 t [[thread_position_in_threadgroup]]) {
  threadgroup float sa[T][T], sb[T][T];
  float sum = 0;
  for (uint k = 0; k < n; k += T) {
    sa[t.y][t.x] = a[g.y * n + k + t.x];
    sb[t.y][t.x] = b[(k + t.y) * n + g.x];
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint j = 0; j < T; ++j)
      sum = fma(sa[t.y][j], sb[j][t.x], sum);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  c[g.y * n + g.x] = sum;
}""",
    "templated": """
template <typename T, int N>
[[kernel]] void scale(device const T *x [[buffer(0)]], device T *y [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  threadgroup T s[4];
  s[i] = x[i];
  y[i] = s[i] * T(N);
}
template [[host_name("scale_half")]] [[kernel]] void scale<half, 3>(device const half *, device half *, uint);
template [[host_name("scale_int")]] [[kernel]] void scale<int, -2>(device const int *, device int *, uint);
""",
    "specialised": """
constant int factor [[function_constant(0)]];
constant bool negate [[function_constant(1)]];
constant int used = is_function_constant_defined(factor) ? factor : 10;
kernel void specialised(device int *x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  x[i] = negate ? -x[i] * used : x[i] * used;
}""",
}
