# SPDX-License-Identifier: MIT
"""Simdgroups, quadgroups and matrices on the Metal stand-in."""

from __future__ import annotations

import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from msl import standin
from standin_programs import HEAD

RNG = np.random.default_rng(7)


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
