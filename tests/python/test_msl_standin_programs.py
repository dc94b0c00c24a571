# SPDX-License-Identifier: MIT
"""Whole kernels on the Metal stand-in: threadgroups, simdgroups, atomics, matrices, and the faults it catches."""

from __future__ import annotations

import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from msl import standin

HEAD = "#include <metal_stdlib>\nusing namespace metal;\n"
RNG = np.random.default_rng(7)

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


@pytest.fixture(scope="module")
def library():
    constants = {"specialised twice": {"factor": 3, 1: True}}
    sources = {name: HEAD + text for name, text in KERNELS.items()}
    sources["specialised twice"] = sources["specialised"]
    return standin.compile_many(sources, sanitize=True, constants=constants)


def test_all_programs_are_clean():
    results = standin.check_many({name: HEAD + text for name, text in KERNELS.items()})
    assert {name: [str(p) for p in ps] for name, ps in results.items() if ps} == {}


@pytest.mark.parametrize("reverse", [False, True])
def test_tree_reduction(library, reverse):
    x, out = RNG.random(1000, np.float32), np.zeros(8, np.float32)
    library["reduce"].run([x, out, len(x)], 1024, 128, reverse=reverse)
    np.testing.assert_allclose(out, np.pad(x, (0, 24)).reshape(8, 128).sum(1), rtol=1e-5)


def test_block_reversal_through_threadgroup_argument(library):
    x, y = np.arange(100, dtype=np.int32), np.zeros(100, np.int32)
    library["reverse"].run([x, y], 100, 64, threadgroup_bytes=64 * 4)
    np.testing.assert_array_equal(y, np.concatenate([x[:64][::-1], x[64:][::-1]]))


def test_histogram_with_atomics(library):
    x, bins = RNG.integers(0, 256, 1024).astype(np.uint8), np.zeros(16, np.uint32)
    library["histogram"].run([x, bins], 1024, 128)
    np.testing.assert_array_equal(bins, np.bincount(x >> 4, minlength=16))


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_over_simdgroups(library, reverse):
    x, y = RNG.integers(-100, 100, 256).astype(np.int32), np.zeros(256, np.int32)
    library["scan"].run([x, y], 256, 256, reverse=reverse)
    np.testing.assert_array_equal(y, np.cumsum(x))


def test_bitonic_sort(library):
    x = RNG.random(256, np.float32)
    expected = np.sort(x)
    library["bitonic"].run([x], 256, 256)
    np.testing.assert_array_equal(x, expected)


def test_laplacian_with_early_return(library):
    x, y = RNG.random(777, np.float32), np.zeros(777, np.float32)
    library["laplacian"].run([x, y, 777], 800, 64)
    p = np.pad(x, 1)
    np.testing.assert_allclose(y, p[:-2] - 2 * p[1:-1] + p[2:], atol=1e-6)


def test_heat_step_in_two_dimensions(library):
    u, v = RNG.random((13, 21), np.float32), np.zeros((13, 21), np.float32)
    grid = np.zeros(1, np.dtype([("w", "u4"), ("h", "u4"), ("a", "f4")]))
    grid["w"], grid["h"], grid["a"] = 21, 13, 0.1
    library["heat"].run([u, v, grid], (21, 13), (8, 4))
    p = np.pad(u, 1, mode="edge")
    expected = u + np.float32(0.1) * (p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * u)
    np.testing.assert_allclose(v, expected, atol=1e-6)


def test_online_softmax(library):
    x, y = RNG.normal(0, 3, (5, 77)).astype(np.float16), np.zeros((5, 77), np.float16)
    library["softmax"].run([x, y, 77], 5 * 32, 32)
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    np.testing.assert_allclose(y, e / e.sum(1, keepdims=True), rtol=2e-3, atol=1e-6)


def test_matrix_product_on_simdgroup_matrices(library):
    m, n, k = 16, 24, 40
    a, b = RNG.normal(size=(m, k)).astype(np.float16), RNG.normal(size=(k, n)).astype(np.float16)
    c = np.zeros((m, n), np.float32)
    library["gemm"].run([a, b, c, np.array([m, n, k, 0], np.uint32)], (n // 8 * 32, m // 8), (32, 1))
    np.testing.assert_allclose(c, a.astype(np.float64) @ b.astype(np.float64), rtol=1e-4, atol=1e-4)


def test_tiled_product_in_shared_memory(library):
    a, b = RNG.random((8, 8), np.float32), RNG.random((8, 8), np.float32)
    c = np.zeros((8, 8), np.float32)
    library["tiled"].run([a, b, c, 8], (8, 8), (4, 4))
    np.testing.assert_allclose(c, a @ b, rtol=1e-5)


def test_template_instantiations_are_kernels(library):
    x, y = np.array([1, 2, 3, 4], np.float16), np.zeros(4, np.float16)
    library["templated", "scale_half"].run([x, y], 4, 4)
    np.testing.assert_array_equal(y, x * 3)
    x, y = np.arange(4, dtype=np.int32), np.zeros(4, np.int32)
    library["templated", "scale_int"].run([x, y], 4, 4)
    np.testing.assert_array_equal(y, -2 * x)


def test_function_constants(library):
    x = np.arange(4, dtype=np.int32)
    library["specialised"].run([x], 4, 4)
    np.testing.assert_array_equal(x, np.arange(4) * 10)
    library["specialised twice"].run([x], 4, 4)
    np.testing.assert_array_equal(x, np.arange(4) * -30)


# ---- simdgroups ----------------------------------------------------------------------------------------------
SIMD = ("uint i [[thread_position_in_grid]]", "uint lane [[thread_index_in_simdgroup]]")


def simd_kernel(body: str, in_type: str = "int", out_type: str = "int") -> str:
    return (
        f"{HEAD}kernel void k(device const {in_type} *x [[buffer(0)]], device {out_type} *y [[buffer(1)]], {', '.join(SIMD)}) "
        f"{{\n{body}\n}}\n"
    )


def test_simd_and_quad_functions():
    n, w = 64, 32
    x = RNG.integers(-50, 50, n).astype(np.int32)
    rows = x.reshape(-1, w)
    quads = x.reshape(-1, 4)
    lanes = np.arange(w)

    def per_row(values, of=rows):
        return np.repeat(values, of.shape[1])

    expected = {
        "simd_sum(x[i])": per_row(rows.sum(1)),
        "simd_min(x[i])": per_row(rows.min(1)),
        "simd_max(x[i])": per_row(rows.max(1)),
        "simd_and(x[i])": per_row(np.bitwise_and.reduce(rows, 1)),
        "simd_or(x[i])": per_row(np.bitwise_or.reduce(rows, 1)),
        "simd_xor(x[i])": per_row(np.bitwise_xor.reduce(rows, 1)),
        "simd_product(lane % 8 == 7 ? -3 : 1)": np.full(n, 81),
        "simd_prefix_inclusive_sum(x[i])": rows.cumsum(1).ravel(),
        "simd_prefix_exclusive_sum(x[i])": (rows.cumsum(1) - rows).ravel(),
        "simd_prefix_exclusive_product(lane % 8 == 7 ? 2 : 1)": np.tile(2 ** (lanes // 8), 2),
        "simd_shuffle(x[i], 31 - lane)": rows[:, ::-1].ravel(),
        "simd_shuffle_xor(x[i], 5)": rows[:, lanes ^ 5].ravel(),
        "simd_shuffle_up(x[i], 3)": rows[:, np.where(lanes < 3, lanes, lanes - 3)].ravel(),
        "simd_shuffle_down(x[i], 3)": rows[:, np.where(lanes + 3 >= w, lanes, lanes + 3)].ravel(),
        "simd_shuffle_rotate_up(x[i], 3)": np.roll(rows, 3, 1).ravel(),
        "simd_shuffle_rotate_down(x[i], 3)": np.roll(rows, -3, 1).ravel(),
        "simd_shuffle_and_fill_up(x[i], -x[i], 3)": np.where(lanes < 3, -np.roll(rows, 3, 1), np.roll(rows, 3, 1)).ravel(),
        "simd_shuffle_and_fill_down(x[i], -x[i], 3)": np.where(lanes >= 29, -np.roll(rows, -3, 1), np.roll(rows, -3, 1)).ravel(),
        "simd_shuffle_and_fill_up(x[i], -x[i], 2, 8)": np.where(
            np.arange(8) < 2, -np.roll(x.reshape(-1, 8), 2, 1), np.roll(x.reshape(-1, 8), 2, 1)
        ).ravel(),
        "simd_broadcast(x[i], 9)": per_row(rows[:, 9]),
        "simd_broadcast_first(x[i])": per_row(rows[:, 0]),
        "int(simd_is_first())": np.tile(lanes == 0, 2).astype(int),
        "int(simd_all(x[i] < 50)) + 2 * int(simd_any(x[i] > 1000))": np.ones(n, int),
        "as_type<int>(uint(simd_vote::vote_t(simd_ballot(x[i] > 0))))": per_row(np.packbits(rows > 0, 1, "little").view(np.int32)[:, 0]),
        "quad_sum(x[i])": per_row(quads.sum(1), quads),
        "quad_max(x[i])": per_row(quads.max(1), quads),
        "quad_broadcast(x[i], 2)": per_row(quads[:, 2], quads),
        "quad_shuffle_xor(x[i], 1)": quads[:, [1, 0, 3, 2]].ravel(),
        "quad_shuffle_up(x[i], 1)": quads[:, [0, 0, 1, 2]].ravel(),
        "quad_shuffle_rotate_down(x[i], 1)": np.roll(quads, -1, 1).ravel(),
        "quad_prefix_inclusive_sum(x[i])": quads.cumsum(1).ravel(),
        "int(uint(quad_vote::vote_t(quad_ballot(lane % 4 == 1 || lane == 0))))": np.where(np.arange(n) % 32 // 4 == 0, 3, 2),
    }  # fmt: skip
    keys = list(expected)
    library = standin.compile_many({k: simd_kernel(f"  y[i] = {k};") for k in keys})
    for k in keys:
        y = np.zeros(n, np.int32)
        library[k].run([x, y], n, n)
        np.testing.assert_array_equal(y, expected[k], err_msg=k)


def test_inactive_lanes_are_excluded_and_partial_simdgroups_work():
    source = simd_kernel(
        "  if (lane % 3 == 0)\n    y[i] = simd_sum(x[i]) + 1000 * int(simd_is_first());\n  else\n    y[i] = simd_max(x[i]);"
    )
    x, y = RNG.integers(0, 100, 45).astype(np.int32), np.zeros(45, np.int32)
    standin.compile(source).run([x, y], 45, 45)
    lane = np.arange(45) % 32
    for group in (slice(0, 32), slice(32, 45)):
        third = lane[group] % 3 == 0
        expected = np.where(third, x[group][third].sum() + 1000 * (lane[group] == 0), x[group][~third].max())
        np.testing.assert_array_equal(y[group], expected)


@pytest.mark.parametrize("reverse", [False, True])
def test_lanes_reconverge_after_branches_loops_and_calls(reverse):
    source = (
        HEAD
        + """
static int twice(int x) { return 2 * simd_sum(x); }
template <typename T> static T counted(T x) { int n = 0; for (int k = 0; k < 2; ++k) n += simd_sum(1); return x + T(n); }
kernel void k(device int *y [[buffer(0)]], uint i [[thread_position_in_grid]], uint lane [[thread_index_in_simdgroup]]) {
  int total = 0;
  for (uint n = 0; n < 3; ++n) {
    total += simd_sum(1);                          // 32
    if (lane < 16) {
      total += 100 * simd_sum(1);                  // 16
      if (lane & 1) total += twice(1); else total -= twice(1);  // 2 * 8
    }
    if (lane == 5) continue;
    total += 10000 * simd_sum(1);                  // 31
  }
  for (uint n = 0; n < lane % 4; ++n)
    total += 1000000 * simd_sum(1);                // lanes with more than n turns
  int turns = 0;
  while (simd_any(turns < int(lane))) ++turns;     // all lanes make 31 turns
  do { total += 100000000 * (simd_sum(1) == 32); } while (false);
  switch (lane & 1) { case 0: total += simd_sum(1); break; default: total += 2 * simd_sum(1); }
  y[i] = counted(total) + (turns == 31 ? 0 : 7);
}
"""
    )
    y = np.zeros(32, np.int32)
    standin.compile(source).run([y], 32, 32, reverse=reverse)
    for lane in range(32):
        turn = (
            32 + (100 * 16 + (16 if lane & 1 else -16) if lane < 16 else 0) + (10000 * 31 if lane != 5 else 0)
        )
        total = (
            3 * turn
            + 1000000 * sum(8 * (3 - n) for n in range(lane % 4))
            + 100000000
            + (32 if lane & 1 else 16)
            + 64
        )
        assert y[lane] == total, lane


def test_vectors_and_halves_cross_the_simdgroup():
    source = simd_kernel("  y[i] = simd_sum(x[i]) + simd_shuffle(x[i], lane ^ 1);", "half4", "half4")
    x, y = RNG.integers(-4, 5, (32, 4)).astype(np.float16), np.zeros((32, 4), np.float16)
    standin.compile(source).run([x, y], 32, 32)
    np.testing.assert_array_equal(y, x.sum(0) + x[np.arange(32) ^ 1])


# ---- matrices ------------------------------------------------------------------------------------------------
def test_float_matrices():
    source = (
        HEAD
        + """
constant float3x3 table = float3x3(float3(1, 2, 3), float3(4, 5, 6), float3(7, 8, 10));
kernel void k(device const float4x4 *m [[buffer(0)]], device const float4 *v [[buffer(1)]], device float4x4 *r [[buffer(2)]],
              device float4 *w [[buffer(3)]], constant float2x3 &q [[buffer(4)]], device half2x2 *h [[buffer(5)]]) {
  r[0] = m[0] * m[1];
  r[1] = transpose(m[0]) + 2.0f * m[1] - m[0];
  w[0] = m[0] * v[0];
  w[1] = v[0] * m[0];
  w[2] = float4(determinant(m[0]), determinant(table), m[0][1].z, m[0][2][3]);
  w[3].xyz = q * v[0].xy;
  w[4] = float4(v[0].xyz * q, table[1].xy);
  h[0] = half2x2(1.0h, 2.0h, 3.0h, 4.0h) * half2x2(2.0h);
}
"""
    )
    m, v = RNG.random((2, 4, 4), np.float32), RNG.random(4, np.float32)
    q = RNG.random((2, 3), np.float32)
    r, w, h = np.zeros((2, 4, 4), np.float32), np.zeros((5, 4), np.float32), np.zeros((2, 2), np.float16)
    standin.compile(source).run([m, v, r, w, np.pad(q, ((0, 0), (0, 1))), h], 1, 1)
    a, b = m[0].T, m[1].T  # memory holds columns
    np.testing.assert_allclose(r[0].T, a @ b, rtol=1e-5)
    np.testing.assert_allclose(r[1].T, a.T + 2 * b - a, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(w[0], a @ v, rtol=1e-5)
    np.testing.assert_allclose(w[1], v @ a, rtol=1e-5)
    np.testing.assert_allclose(w[2], [np.linalg.det(a), -3, m[0][1][2], m[0][2][3]], rtol=1e-3)
    np.testing.assert_allclose(w[3][:3], q.T @ v[:2], rtol=1e-5)
    np.testing.assert_allclose(w[4], [*(v[:3] @ q.T), 4, 5], rtol=1e-5)
    np.testing.assert_array_equal(h, [[2, 4], [6, 8]])


@pytest.mark.parametrize("type_", ["float", "half", "bfloat"])
def test_simdgroup_matrix_load_store_transpose_and_product(type_):
    dtype = {"float": np.float32, "half": np.float16, "bfloat": ml_dtypes.bfloat16}[type_]
    source = (
        HEAD
        + f"""
kernel void k(device const {type_} *x [[buffer(0)]], device {type_} *y [[buffer(1)]], device float *z [[buffer(2)]],
              uint lane [[thread_index_in_simdgroup]]) {{
  threadgroup {type_} s[64];
  simdgroup_matrix<{type_}, 8, 8> a, b, c = simdgroup_matrix<{type_}, 8, 8>({type_}(2.0f));
  simdgroup_load(a, x, 20, ulong2(3, 1));
  simdgroup_load(b, x, 20, ulong2(3, 1), true);
  simdgroup_store(a, s, 8);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint k = lane; k < 64; k += 32)
    y[k] = s[k];
  simdgroup_store(b, y + 64, 8);
  simdgroup_matrix<{type_}, 8, 8> d;
  simdgroup_multiply(d, a, c);
  simdgroup_store(d, y + 128, 16, ulong2(8, 0));
  simdgroup_float8x8 e = make_filled_simdgroup_matrix<float, 8, 8>(1.0f);
  simdgroup_multiply_accumulate(e, a, b, e);
  simdgroup_store(e, z);
  thread auto &own = a.thread_elements();
  z[64 + lane * 2] = float(own[0]);
  z[65 + lane * 2] = float(own[1]);
}}
"""
    )
    x = RNG.integers(-8, 8, (10, 20)).astype(dtype)
    y, z = np.zeros(256, dtype), np.zeros(128, np.float32)
    standin.compile(source).run([x, y, z], 32, 32)
    a = x[1:9, 3:11].astype(np.float32)
    np.testing.assert_array_equal(y[:64].reshape(8, 8).astype(np.float32), a)
    np.testing.assert_array_equal(y[64:128].reshape(8, 8).astype(np.float32), a.T)
    np.testing.assert_array_equal(y[128:].reshape(8, 16)[:, 8:].astype(np.float32), 2 * a)
    np.testing.assert_array_equal(z[:64].reshape(8, 8), a @ a.T + 1)
    # The lane map: lane bits 0 and 3 choose the column pair, bits 1, 2 and 4 the row.
    for lane in range(32):
        row = (lane >> 1 & 3) | (lane >> 4 & 1) << 2
        column = ((lane & 1) | (lane >> 3 & 1) << 1) * 2
        np.testing.assert_array_equal(z[64 + 2 * lane : 66 + 2 * lane], a[row, column : column + 2])


# ---- faults --------------------------------------------------------------------------------------------------
FAULTS = {
    "has 48 bytes, the access is at byte offset 48": "x[i + 3] = 0;",
    "the access is at byte offset -400000": "x[int(i) - 100000] = 0;",
    "reads out of bounds": "x[i] = x[i * 100000000];",
    "writes read-only memory": "*(device float *)(size_t)&r[i] = 1;",
    "waits, but thread (5, 0, 0) of threadgroup (0, 0, 0) has ended": "if (i >= 5) return; threadgroup_barrier(mem_flags::mem_none);",
    "is at line 5": "if (i < 5)\n threadgroup_barrier(mem_flags::mem_none); else\n threadgroup_barrier(mem_flags::mem_none);",
    "in another iteration": "for (uint k = 0; k < i + 1; ++k) { if (k == i) threadgroup_barrier(mem_flags::mem_none); }",
    "simdgroup_barrier at line 4": "if (i < 5)\n simdgroup_barrier(mem_flags::mem_none);",
    "needs all 32 lanes": "simdgroup_float8x8 m; simdgroup_load(m, x);",
    "time-out": "for (uint k = 0; k < 4000000000u; ++k) x[i] += float(k) * x[i];",
    "bytes of stack": "float big[80000]; for (uint k = 0; k < 80000u; ++k) big[k] = x[k % 10]; x[i] = big[uint(x[i])];",
    "signed addition overflows": "int q = 2147483647 - int(x[i]) + int(i) + 1; x[i] = float(q);",
    "signed multiplication overflows": "int q = 65536 + int(x[i]); x[i] = float(q * q);",
    "signed subtraction overflows": "int q = -2147483647 + int(x[i]) ; x[i] = float(q - 2 - int(i));",
    "signed negation overflows": "int q = as_type<int>(2147483648u + uint(x[i])); x[i] = float(-q);",
    "signed division overflows": "int q = as_type<int>(2147483648u + uint(x[i])); int d = int(x[i]) - 1; x[i] = float(q / d);",
    "an array index is out of bounds": "float k[4] = {1, 2, 3, 4}; x[i] = k[i];",
}


@pytest.fixture(scope="module")
def faults():
    head = (
        HEAD
        + "kernel void k(device float *x [[buffer(0)]], device const float *r [[buffer(1)]], uint i [[thread_position_in_grid]]) { "
    )
    return standin.compile_many(
        {message: head + body + " }" for message, body in FAULTS.items()}, sanitize=True
    )


@pytest.mark.parametrize("message", FAULTS)
def test_fault_is_reported_and_leaves_the_arrays(message, faults):
    x = np.zeros(12, np.float32)
    with pytest.raises(standin.KernelError) as error:
        faults[message].run([x, x.copy()], 10, 10, timeout=0.3)
    assert message in str(error.value)
    assert not x.any()
    # The process and the runtime go on.
    y = np.zeros(8, np.float32)
    standin.compile(
        HEAD
        + "kernel void one(device float *y [[buffer(0)]], uint i [[thread_position_in_grid]]) { y[i] = 1; }"
    ).run([y], 8, 8)
    assert y.all()


def test_removed_barriers_are_noticed():
    whole = HEAD + KERNELS["reduce"]
    x = RNG.random(128, np.float32)
    lines = whole.splitlines()
    barriers = [i for i, line in enumerate(lines) if "threadgroup_barrier" in line]
    assert len(barriers) == 2
    for barrier in barriers:
        broken = "\n".join(line for i, line in enumerate(lines) if i != barrier)
        results = []
        for reverse in (False, True):
            out = np.zeros(1, np.float32)
            standin.compile(broken).run([x, out, 128], 128, 128, reverse=reverse)
            results.append(np.allclose(out, x.sum(), rtol=1e-5))
        assert not all(results)


def test_threadgroup_memory_starts_as_nan_in_every_group():
    source = (
        HEAD
        + """
kernel void k(device float *y [[buffer(0)]], device half *h [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  threadgroup float s[1];
  threadgroup half t[1];
  y[i] = s[0];
  h[i] = t[0];
  s[0] = 1;
  t[0] = 1;
}
"""
    )
    y, h = np.zeros(4, np.float32), np.zeros(4, np.float16)
    standin.compile(source).run([y, h], 4, 1)
    assert np.isnan(y).all() and np.isnan(h).all()


def test_small_writes_past_the_end_are_noticed():
    source = HEAD + "kernel void k(device uchar *x [[buffer(0)]]) { x[3] = 1; }"
    with pytest.raises(standin.KernelError, match=r"buffer\(0\) has 3 bytes, the write is at byte offset 3"):
        standin.compile(source).run([np.zeros(3, np.uint8)], 1, 1)


def test_misuse_from_python_is_refused():
    source = (
        HEAD
        + "kernel void k(device float *x [[buffer(0)]], constant uchar &c [[buffer(3)]], threadgroup int *t [[threadgroup(0)]]) { x[0] = c; }"
    )
    kernel = standin.compile(source)
    x = np.zeros(4, np.float32)
    kernel.run({0: x, 3: 200}, 1, 1, threadgroup_bytes=16)
    assert x[0] == 200
    with pytest.raises(TypeError, match="has buffers"):
        kernel.run([x], 1, 1, threadgroup_bytes=16)
    with pytest.raises(TypeError, match="got an array of float64"):
        kernel.run([x.astype(np.float64), 1], 1, 1, threadgroup_bytes=16)
    with pytest.raises(TypeError, match="pass an array"):
        kernel.run([1.0, 1], 1, 1, threadgroup_bytes=16)
    with pytest.raises((ValueError, OverflowError)):
        kernel.run([x, 300], 1, 1, threadgroup_bytes=16)
    with pytest.raises(ValueError, match="positive"):
        kernel.run([x, 1], 0, 1, threadgroup_bytes=16)
    with pytest.raises(ValueError, match="1024 are possible"):
        kernel.run([x, 1], 2048, 2048, threadgroup_bytes=16)
    with pytest.raises(ValueError, match="32768 are possible"):
        kernel.run([x, 1], 1, 1, threadgroup_bytes=40000)
    with pytest.raises(TypeError, match="no size for"):
        kernel.run([x, 1], 1, 1)
    with pytest.raises(ValueError, match="contiguous"):
        kernel.run([np.zeros(8, np.float32)[::2], 1], 1, 1, threadgroup_bytes=16)


def test_atomics_on_device_memory():
    source = (
        HEAD
        + """
kernel void k(device atomic_uint *u [[buffer(0)]], device atomic_int *s [[buffer(1)]], device atomic_float *f [[buffer(2)]],
              device uint *tickets [[buffer(3)]], uint i [[thread_position_in_grid]]) {
  tickets[i] = atomic_fetch_add_explicit(&u[0], 1u, memory_order_relaxed);
  atomic_fetch_max_explicit(&u[1], i, memory_order_relaxed);
  atomic_fetch_xor_explicit(&u[2], i, memory_order_relaxed);
  atomic_fetch_or_explicit(&u[3], 1u << (i % 32u), memory_order_relaxed);
  atomic_fetch_and_explicit(&u[4], ~(1u << (i % 32u)), memory_order_relaxed);
  atomic_fetch_min_explicit(&s[0], -int(i), memory_order_relaxed);
  atomic_fetch_sub_explicit(&s[1], int(i), memory_order_relaxed);
  atomic_fetch_add_explicit(&f[0], 0.5f, memory_order_relaxed);
  uint old = atomic_load_explicit(&u[5], memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(&u[5], &old, old * 3u + 1u, memory_order_relaxed, memory_order_relaxed)) {
  }
  if (i == 7u)
    atomic_exchange_explicit(&s[2], 42, memory_order_relaxed);
}
"""
    )
    u, s, f, t = (
        np.zeros(6, np.uint32),
        np.zeros(3, np.int32),
        np.zeros(1, np.float32),
        np.zeros(100, np.uint32),
    )
    u[4] = 0xFFFFFFFF
    standin.compile(source).run([u, s, f, t], 100, 32)
    chain = 0
    for _ in range(100):
        chain = (chain * 3 + 1) % 2**32
    assert u.tolist() == [100, 99, np.bitwise_xor.reduce(np.arange(100)), 0xFFFFFFFF, 0, chain]
    assert s.tolist() == [-99, -4950, 42] and f[0] == 50
    assert sorted(t.tolist()) == list(range(100))


def test_one_array_for_two_parameters_is_one_memory():
    source = (
        HEAD
        + """
kernel void k(device const int *x [[buffer(0)]], device int *y [[buffer(1)]], device int *z [[buffer(2)]],
              uint i [[thread_position_in_grid]]) {
  y[i] = x[i] + 1;
  threadgroup_barrier(mem_flags::mem_device);
  z[7 - i] += x[7 - i] * 10;
}
"""
    )
    x = np.arange(8, dtype=np.int32)
    standin.compile(source).run([x, x, x], 8, 8)
    np.testing.assert_array_equal(x, (np.arange(8) + 1) * 11)
    wide = np.zeros(12, np.int32)
    with pytest.raises(ValueError, match="overlap"):
        standin.compile(source).run([wide[:8], wide[4:], wide[4:]], 8, 8)


def test_structs_are_copied_out_of_every_address_space():
    source = (
        HEAD
        + """
struct Pair { float a; int b; float2 c; };
namespace shapes {
kernel void k(constant Pair &p [[buffer(0)]], device Pair *q [[buffer(1)]], constant Pair *r [[buffer(2)]]) {
  Pair x = p;
  const Pair y = q[1];
  auto z = r[1];
  x.a += y.a + z.c.y;
  q[0] = x;
}
}
"""
    )
    dtype = np.dtype({"names": ["a", "b", "c"], "formats": ["f4", "i4", ("f4", 2)], "itemsize": 16})
    p, q, r = np.zeros(1, dtype), np.zeros(2, dtype), np.zeros(2, dtype)
    p["a"], p["b"], q["a"], r["c"] = 1, 5, [0, 2], [[0, 0], [7, 4]]
    standin.compile(source).run([p, q, r], 1, 1)
    assert q[0]["a"] == 1 + 2 + 4 and q[0]["b"] == 5


def test_unrolled_and_macro_loops_keep_their_places():
    source = (
        HEAD
        + """
#define UNROLL _Pragma("unroll")
static auto ones(uint k) -> int { if (k > 0u) { return simd_sum(1); } return 0; }
kernel void k(device int *y [[buffer(0)]], uint lane [[thread_index_in_simdgroup]]) {
  int total = 0;
  UNROLL for (uint n = 0; n < 2; ++n) {
    total += simd_sum(1);
    if (lane < 8) total += 100 * simd_sum(1);
  }
#pragma unroll
  for (uint n = 0; n < 2; ++n) { total += ones(lane & 1u); if (lane == 3) total += simd_sum(5); }
  y[lane] = total;
}
"""
    )
    y = np.zeros(32, np.int32)
    standin.compile(source).run([y], 32, 32)
    lane = np.arange(32)
    np.testing.assert_array_equal(y, 64 + 1600 * (lane < 8) + 32 * (lane & 1) + 10 * (lane == 3))


def test_char_vector_shifts_count_modulo_eight():
    source = (
        HEAD
        + "kernel void k(device uchar4 *x [[buffer(0)]]) { x[0] = x[0] << uchar4(0, 1, 8, 9); x[1] = x[1] >> 2; }"
    )
    x = np.array([3, 3, 3, 3, 255, 4, 8, 128], np.uint8)
    standin.compile(source).run([x], 1, 1)
    assert x.tolist() == [3, 6, 3, 6, 63, 1, 2, 32]
