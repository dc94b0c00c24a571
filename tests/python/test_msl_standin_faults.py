# SPDX-License-Identifier: MIT
"""What no kernel may do, noticed by the Metal stand-in; and memory: what it starts as, who shares it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from msl import standin
from standin_programs import HEAD, KERNELS

RNG = np.random.default_rng(7)


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
