// SPDX-License-Identifier: MIT
//
// Kernels with every feature of the language for C++, each with what a plain loop says that it computes. They
// run on any device: on the CPU in tests/cpp/Compile, on the Metal device in tests/metal.
//
//   for (const FeatureKernel &kernel : featureKernels())
//     kernel.check(*device);
#pragma once

#include "enigma/Compile/Kernel.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

namespace enigma::features {

struct FeatureKernel {
  const char *name;
  void (*check)(runtime::Device &device);
};

/// Small whole numbers, the same in every order of a sum.
inline std::vector<float> wholeNumbers(size_t n, int seed = 7) {
  std::vector<float> made(n);
  for (size_t i = 0; i < n; ++i)
    made[i] = float(int(i * size_t(seed) % 23) - 11);
  return made;
}

/// Tiles of 16 by 16 of both factors through threadgroup memory.
inline void tiledProduct(runtime::Device &device) {
  using layout::IntTuple, layout::Layout;
  constexpr int M = 48, N = 32, K = 64, T = 16;
  const auto rows = [](int r, int c) { return Layout(IntTuple{r, c}, IntTuple{c, 1}); };
  Kernel kernel("tiled", [&](KernelBuilder &k) {
    Tensor a(k.buffer("A", f32), rows(M, K)), b(k.buffer("B", f32), rows(K, N)),
        c(k.buffer("C", f32), rows(M, N));
    Tensor left(threadgroup_alloc(T * T, f32).named("left"), rows(T, T));
    Tensor right(threadgroup_alloc(T * T, f32).named("right"), rows(T, T));
    Value x = thread_position_in_threadgroup(Axis::x), y = thread_position_in_threadgroup(Axis::y);
    Value column = thread_position_in_grid(Axis::x), row = thread_position_in_grid(Axis::y);
    Variable sum(0.0f, "sum");
    for_range(u32(0), K / T, [&](Value step) {
      left(y, x) = a(row, step * T + x);
      right(y, x) = b(step * T + y, column);
      barrier();
      for (int p = 0; p < T; ++p)
        sum += left(y, p) * right(p, x);
      barrier();
    });
    c(row, column) = sum;
  });
  EXPECT_NE(kernel.metalSource().find("threadgroup float left[256]"), std::string::npos)
      << kernel.metalSource();
  EXPECT_NE(kernel.metalSource().find("threadgroup_barrier(mem_flags::mem_threadgroup)"), std::string::npos);
  const std::vector<float> a = wholeNumbers(M * K), b = wholeNumbers(K * N, 5);
  std::vector<float> c(M * N);
  kernel.run(device, {N, M}, {T, T}, {a, b, c});
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      float sum = 0;
      for (int p = 0; p < K; ++p)
        sum += a[i * K + p] * b[p * N + j];
      ASSERT_EQ(c[i * N + j], sum) << i << ", " << j;
    }
}

/// The sum of each threadgroup: simd_sum, then the first simdgroup adds what they left in threadgroup memory.
inline void groupSums(runtime::Device &device) {
  Kernel kernel("sums", [](KernelBuilder &k) {
    Buffer A = k.buffer("A", f32), Out = k.buffer("Out", f32);
    Buffer partial = threadgroup_alloc(32, f32).named("partial");
    Value lane = thread_index_in_simdgroup(), simdgroup = simdgroup_index_in_threadgroup();
    Value sum = simd_sum(A[thread_position_in_grid()]);
    if_(simd_is_first(), [&] { partial[simdgroup] = sum; });
    barrier(MemFlags::threadgroup);
    if_(simdgroup == 0, [&] {
      Value all = simd_sum(load_if(partial, lane, lane < simdgroups_per_threadgroup()));
      if_(lane == 0, [&] { Out[threadgroup_position_in_grid(Axis::x)] = all; });
    });
  });
  const std::vector<float> a = wholeNumbers(512);
  std::vector<float> out(4);
  kernel.run(device, {512}, {128}, {a, out});
  for (int g = 0; g < 4; ++g)
    EXPECT_EQ(out[g], std::accumulate(a.begin() + g * 128, a.begin() + (g + 1) * 128, 0.0f)) << g;
}

inline void vectors(runtime::Device &device) {
  Kernel kernel("vectors", [](KernelBuilder &k) {
    Buffer A = k.buffer("A", vec(f32, 4)), Out = k.buffer("Out", vec(f32, 4)), Dots = k.buffer("Dots", f32);
    Value weights = k.scalar("weights", vec(f32, 3)), i = thread_position_in_grid();
    Value v = A[i];
    Variable w(v.swizzle("wzyx") * 2);
    w = Value(w).with("x", v.y());
    w = insert(w, 3, Value(w)[i % u32(3)]);
    Out[i] = w + vec(f32, 4)(vec(f32, 2)(1), v.z(), -1);
    Dots[i] = dot(v.swizzle("xyz"), weights) + vec(i32, 2)(v.swizzle("rg")).x();
  });
  EXPECT_NE(kernel.metalSource().find("const device float4* A"), std::string::npos) << kernel.metalSource();
  EXPECT_NE(kernel.metalSource().find("constant float3& weights"), std::string::npos);
  const std::vector<float> a = wholeNumbers(4 * 40);
  std::vector<float> out(4 * 40), dots(40);
  kernel.run(device, {40}, {16}, {a, out, dots, std::array{2.0f, -1.0f, 3.0f}});
  for (int i = 0; i < 40; ++i) {
    const float *v = &a[4 * i];
    float w[4] = {v[1], 2 * v[2], 2 * v[1], 2 * v[0]};
    w[3] = w[i % 3];
    const float want[4] = {w[0] + 1, w[1] + 1, w[2] + v[2], w[3] - 1};
    for (int c = 0; c < 4; ++c)
      ASSERT_EQ(out[4 * i + c], want[c]) << i << ", " << c;
    ASSERT_EQ(dots[i], 2 * v[0] - v[1] + 3 * v[2] + float(int(v[0]))) << i;
  }
}

/// Sums up to the first negative number, without those that 3 divides; counts rounds.
inline void leavingLoops(runtime::Device &device) {
  Kernel kernel("leaving", [](KernelBuilder &k) {
    Buffer A = k.buffer("A", i32), Out = k.buffer("Out", i32), Rounds = k.buffer("Rounds", i32);
    Value i = thread_position_in_grid();
    Variable sum(0, "sum"), rounds(0, "rounds");
    for_range(i32(i), 64, [&](Value p) {
      rounds += 1;
      Value a = A[p];
      if_(a < 0, [&] { break_(); });
      if_(mod(a, 3) == 0, [&] { continue_(); });
      sum += a;
    });
    Out[i] = sum;
    Rounds[i] = rounds;
  });
  std::vector<int32_t> a(64), out(64), rounds(64);
  for (int i = 0; i < 64; ++i)
    a[i] = i % 13 == 12 ? -1 : i * 5 % 17;
  kernel.run(device, {64}, {32}, {a, out, rounds});
  for (int i = 0; i < 64; ++i) {
    int sum = 0, count = 0;
    for (int p = i; p < 64; ++p) {
      ++count;
      if (a[p] < 0)
        break;
      if (a[p] % 3 == 0)
        continue;
      sum += a[p];
    }
    ASSERT_EQ(out[i], sum) << i;
    ASSERT_EQ(rounds[i], count) << i;
  }
}

/// Breaks in both arms and in nested loops, a while whose condition may not be asked after the break, steps
/// of a sign that only the launch knows, operations after a break.
inline void leavingNestedLoops(runtime::Device &device) {
  Kernel kernel("nested", [](KernelBuilder &k) {
    Buffer A = k.buffer("A", i32), Out = k.buffer("Out", i32);
    Value step = k.scalar("step", i32), i = i32(thread_position_in_grid());
    Variable at(i), found(-1), total(0);
    while_([&] { return A[at] < 100; },
           [&] {
             if_(at >= 31, [&] { break_(); }); // A has no element 32
             at += 1;
             if_((at & 1) == 0, [&] { total += 1; },
                 [&] {
                   if_(at > 29, [&] {
                     found = at;
                     break_();
                     total += 1000; // which no thread does
                   });
                   continue_();
                 });
             for_range(0, 5, [&](Value j) {
               if_(j == i, [&] { continue_(); });
               if_(j > 3, [&] { break_(); });
               total += 10;
             });
           });
    Variable down(0);
    for_range(i, 20 - i, step, [&](Value p) {
      if_(p == 7, [&] { break_(); });
      down += p;
    });
    Out[i * 4] = at;
    Out[i * 4 + 1] = found;
    Out[i * 4 + 2] = total;
    Out[i * 4 + 3] = down;
  });
  std::vector<int32_t> a(32), out(128);
  for (int i = 0; i < 32; ++i)
    a[i] = i == 11 ? 100 : i;
  for (const int step : {2, -3}) {
    kernel.run(device, {32}, {32}, {a, out, step});
    for (int i = 0; i < 32; ++i) {
      int at = i, found = -1, total = 0, down = 0;
      while (a[at] < 100) {
        if (at >= 31)
          break;
        ++at;
        if (at % 2 == 0) {
          ++total;
        } else {
          if (at > 29) {
            found = at;
            break;
          }
          continue;
        }
        for (int j = 0; j < 5; ++j) {
          if (j == i)
            continue;
          if (j > 3)
            break;
          total += 10;
        }
      }
      for (int p = i; step > 0 ? p < 20 - i : p > 20 - i; p += step) {
        if (p == 7)
          break;
        down += p;
      }
      const int want[4] = {at, found, total, down};
      for (int c = 0; c < 4; ++c)
        ASSERT_EQ(out[4 * i + c], want[c]) << i << ", " << c << ", step " << step;
    }
  }
}

inline void atomics(runtime::Device &device) {
  Kernel kernel("histogram", [](KernelBuilder &k) {
    Buffer A = k.buffer("A", u32), Bins = k.buffer("Bins", u32), Old = k.buffer("Old", b1);
    Value i = thread_position_in_grid();
    atomic_fetch_add(Bins, A[i] % u32(8), 1);
    atomic_fetch_max(Bins, 8, A[i]);
    auto [old, exchanged] = atomic_compare_exchange_weak(Bins, 16 + i, 5, 1000 + i);
    Old[i] = exchanged & (old == 5);
    atomic_store(Bins, 9, 42);
  });
  std::vector<uint32_t> a(256), bins(16 + 256);
  std::array<bool, 256> old = {};
  for (uint32_t i = 0; i < 256; ++i) {
    a[i] = i * i % 101;
    bins[16 + i] = i % 2 ? 5 : 6;
  }
  kernel.run(device, {256}, {64}, {a, bins, old});
  std::array<uint32_t, 8> want = {};
  for (const uint32_t x : a)
    ++want[x % 8];
  for (int b = 0; b < 8; ++b)
    EXPECT_EQ(bins[b], want[b]) << b;
  EXPECT_EQ(bins[8], *std::max_element(a.begin(), a.end()));
  EXPECT_EQ(bins[9], 42u);
  for (uint32_t i = 0; i < 256; ++i) {
    EXPECT_EQ(bins[16 + i], i % 2 ? 1000 + i : 6) << i;
    EXPECT_EQ(old[i], i % 2 == 1) << i;
  }
}

inline void matrices(runtime::Device &device) {
  Kernel kernel("matrices", [](KernelBuilder &k) {
    Buffer A = k.buffer("A", f32), B = k.buffer("B", f32), C = k.buffer("C", f32);
    Variable sum(make_filled_simdgroup_matrix(f32, 1));
    for (int p = 0; p < 2; ++p) {
      Value a = simdgroup_load(A, 8 * p, 16), b = simdgroup_load(B, 8 * p, 16, {.transpose = true});
      sum = simdgroup_multiply_accumulate(a, b, sum);
    }
    simdgroup_store(sum, C, 0, 8);
  });
  const std::vector<float> a = wholeNumbers(128), b = wholeNumbers(128, 3);
  std::vector<float> c(64);
  kernel.run(device, {32}, {32}, {a, b, c});
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 8; ++j) {
      float sum = 1;
      for (int p = 0; p < 16; ++p)
        sum += a[16 * i + p] * b[16 * j + p];
      ASSERT_EQ(c[8 * i + j], sum) << i << ", " << j;
    }
}

/// Tables, registers, and a number that the pipeline is given.
inline void constants(runtime::Device &device) {
  Kernel kernel("polynomial", [](KernelBuilder &k) {
    Buffer X = k.buffer("X", f32), Out = k.buffer("Out", f32);
    Buffer coefficients = constant_array(f32, {1, -2, 3, 0.5}),
           powers = register_tensor(4, f32, 1).named("powers");
    Value i = thread_position_in_grid(), x = X[i];
    Value terms = function_constant(i32, 2, "TERMS", 2);
    for (int p = 1; p < 4; ++p)
      powers[p] = powers[p - 1] * x;
    Variable sum(0.0f);
    for_range(0, terms, [&](Value p) { sum += coefficients[p] * powers[p]; });
    if_(!is_function_constant_defined(terms), [&] { sum += 100; });
    Out[i] = sum;
  });
  const std::vector<float> x = wholeNumbers(32);
  const float c[4] = {1, -2, 3, 0.5};
  for (int terms = 0; terms <= 4; ++terms) {
    const bool isDefault = terms == 0;
    std::vector<float> out(32);
    (isDefault ? kernel : kernel.specialize({{"TERMS", terms}})).run(device, {32}, {32}, {x, out});
    for (int i = 0; i < 32; ++i) {
      float sum = 0, power = 1;
      for (int p = 0; p < (isDefault ? 2 : terms); ++p, power *= x[i])
        sum += c[p] * power;
      ASSERT_EQ(out[i], sum + (isDefault ? 100 : 0)) << i << ", " << terms;
    }
  }
}

inline const std::vector<FeatureKernel> &featureKernels() {
  static const std::vector<FeatureKernel> all = {
      {"TiledProduct", tiledProduct},
      {"GroupSums", groupSums},
      {"Vectors", vectors},
      {"LeavingLoops", leavingLoops},
      {"LeavingNestedLoops", leavingNestedLoops},
      {"Atomics", atomics},
      {"Matrices", matrices},
      {"Constants", constants},
  };
  return all;
}

} // namespace enigma::features
