// SPDX-License-Identifier: MIT
//
// Kernels written in C++ run on the CPU and give what plain C++ loops give.
#include "enigma/Compile/Kernel.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

using namespace enigma;

namespace {

std::shared_ptr<runtime::Device> host() { return runtime::hostDevice(); }

std::vector<float> ramp(size_t n, float first, float step) {
  std::vector<float> out(n);
  for (size_t i = 0; i < n; ++i)
    out[i] = first + step * float(i);
  return out;
}

Kernel saxpyKernel(const compile::Options &options = {}) {
  return Kernel(
      "saxpy",
      [](KernelBuilder &k) {
        Buffer X = k.buffer("X", f32);
        Value alpha = k.scalar("alpha", f32);
        Buffer Y = k.buffer("Y", f32), Out = k.buffer("Out", f32);
        Value tid = thread_position_in_grid().named("tid");
        Out[tid] = alpha * X[tid] + Y[tid];
      },
      options);
}

TEST(Kernel, RunsInPlaceOnMemoryOfCpp) {
  constexpr size_t n = 1000;
  std::vector<float> x = ramp(n, -3, 0.25f), y = ramp(n, 5, -0.5f), out(n);
  saxpyKernel().run(*host(), {n}, {256}, {x, 0.5, y, out});
  for (size_t i = 0; i < n; ++i)
    EXPECT_EQ(out[i], std::fma(0.5f, x[i], y[i]));
}

TEST(Kernel, TakesTheOptionsOfTheCompiler) {
  Kernel kernel = saxpyKernel({.vecWidth = 4});
  EXPECT_NE(kernel.metalSource().find("float4"), std::string::npos);
  std::array<float, 8> x{1, 2, 3, 4, 5, 6, 7, 8}, y{}, out{};
  kernel.run(*host(), {2}, {32}, {x, 3, y, out});
  EXPECT_EQ(out, (std::array<float, 8>{3, 6, 9, 12, 15, 18, 21, 24}));
}

TEST(Kernel, PreparedAndQueuedLaunchesDoTheSame) {
  auto device = host();
  Kernel kernel = saxpyKernel();
  std::vector<float> x{1, 2, 3, 4}, y{1, 1, 1, 1}, out(4);
  auto prepared = kernel.prepare(*device, {x, 2, y, out});
  prepared->run({4}, {4});
  EXPECT_EQ(out, (std::vector<float>{3, 5, 7, 9}));

  auto memory = [&](const std::vector<float> &values) {
    auto buffer = device->allocate(values.size() * 4);
    std::copy(values.begin(), values.end(), static_cast<float *>(buffer->data()));
    return buffer;
  };
  auto a = memory(x), b = memory(y), c = memory(out);
  kernel.submit(*device, {4}, {4}, {a, 2, b, c});
  device->stream().synchronize();
  EXPECT_EQ(static_cast<float *>(c->data())[3], 9);
}

// Collatz steps of each number, by a while with branches in it.
TEST(Kernel, LoopsAndBranchesWalkEachThreadsOwnWay) {
  Kernel kernel("collatz", [](KernelBuilder &k) {
    Buffer N = k.buffer("N", u32), Steps = k.buffer("Steps", u32);
    Value i = thread_position_in_grid();
    Variable n(N[i], "n"), steps(u32(0), "steps");
    while_([&] { return n > 1; },
           [&] {
             if_(n % 2 == 0, [&] { n = n / 2; }, [&] { n = 3 * n + 1; });
             steps += 1;
           });
    Steps[i] = steps;
  });
  std::vector<uint32_t> n(100), steps(100);
  std::iota(n.begin(), n.end(), 1);
  kernel.run(*host(), {100}, {64}, {n, steps});
  for (uint32_t i = 0; i < 100; ++i) {
    uint32_t m = n[i], count = 0;
    for (; m > 1; ++count)
      m = m % 2 ? 3 * m + 1 : m / 2;
    EXPECT_EQ(steps[i], count) << n[i];
  }
}

TEST(Kernel, ASwapInALoopReadsTheOldValues) {
  Kernel kernel("fibonacci", [](KernelBuilder &k) {
    Buffer Out = k.buffer("Out", u64);
    Value i = thread_position_in_grid();
    Variable a(u64(0)), b(u64(1));
    for_range(0, i, [&](Value) {
      Value next = a + b;
      a = b;
      b = next;
    });
    Out[i] = a;
  });
  std::vector<uint64_t> out(40);
  kernel.run(*host(), {40}, {32}, {out});
  uint64_t a = 0, b = 1;
  for (uint64_t value : out) {
    EXPECT_EQ(value, a);
    b += std::exchange(a, b);
  }
}

// A matrix product by tiles of 2 by 4 per thread; layouts say where tiles lie, C++ loops unroll.
TEST(Kernel, LayoutsTileAMatrixProduct) {
  constexpr int M = 8, N = 16, K = 5, TM = 2, TN = 4;
  Kernel kernel("matmul", [&](KernelBuilder &k) {
    using layout::IntTuple, layout::Layout, layout::Tiler;
    Layout rowsOfA(IntTuple{M, K}, IntTuple{K, 1}), rowsOfB(IntTuple{K, N}, IntTuple{N, 1});
    Layout rowsOfC(IntTuple{M, N}, IntTuple{N, 1});
    Tensor a(k.buffer("A", f32), rowsOfA), b(k.buffer("B", f32), rowsOfB);
    Buffer C = k.buffer("C", f32);
    Tensor c(C, zippedDivide(rowsOfC, Tiler{TM, TN})); // ((2,4),(4,4)): in a tile, which tile
    Value column = thread_position_in_grid(Axis::x).named("column"),
          row = thread_position_in_grid(Axis::y).named("row");
    std::vector<Variable> sums;
    for (int i = 0; i < TM * TN; ++i)
      sums.emplace_back(0.0f, "sum");
    for_range(u32(0), K, [&](Value p) {
      for (int i = 0; i < TM; ++i)
        for (int j = 0; j < TN; ++j)
          sums[i + j * TM] += a(row * TM + i, p) * b(p, column * TN + j);
    });
    for (int i = 0; i < TM * TN; ++i)
      c(i, row + column * (M / TM)) = sums[i];
  });
  std::vector<float> a = ramp(M * K, 1, 1), b = ramp(K * N, -7, 0.5f), c(M * N);
  kernel.run(*host(), {N / TN, M / TM}, {4, 2}, {a, b, c});
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      float sum = 0; // small multiples of a half: exact in any order
      for (int p = 0; p < K; ++p)
        sum += a[i * K + p] * b[p * N + j];
      EXPECT_EQ(c[i * N + j], sum) << i << ", " << j;
    }
}

std::string messageOf(const std::function<void()> &body) {
  try {
    body();
  } catch (const Error &e) {
    EXPECT_EQ(e.kind(), ErrorKind::Launch);
    return e.message();
  }
  return "no error";
}

TEST(Kernel, ArgumentsThatDoNotFitAreRefused) {
  Kernel kernel = saxpyKernel();
  auto device = host();
  std::vector<float> x(4), y(4), out(4);
  const std::vector<float> constant(4);
  std::vector<double> wide(4);
  std::vector<int32_t> integers(4);
  EXPECT_EQ(messageOf([&] { kernel.run(*device, {4}, {4}, {x, 1, y}); }),
            "enigma_kernel_saxpy: takes 4 arguments, got 3");
  EXPECT_EQ(messageOf([&] { kernel.run(*device, {4}, {4}, {integers, 1, y, out}); }),
            "enigma_kernel_saxpy: parameter X needs memory of f32, got i32");
  EXPECT_EQ(messageOf([&] { kernel.run(*device, {4}, {4}, {x, y, y, out}); }),
            "enigma_kernel_saxpy: parameter alpha needs one number of type f32, got memory");
  EXPECT_EQ(messageOf([&] { kernel.run(*device, {4}, {4}, {1, 1, y, out}); }),
            "enigma_kernel_saxpy: parameter X needs a buffer of f32, got the number 1");
  EXPECT_EQ(messageOf([&] { kernel.run(*device, {4}, {4}, {x, 1e300, y, out}); }),
            "enigma_kernel_saxpy: parameter alpha is f32, which cannot hold 1e+300");
  EXPECT_NE(messageOf([&] { kernel.run(*device, {4}, {4}, {x, 1, y, constant}); }).find("read-only"),
            std::string::npos);
  EXPECT_NO_THROW(kernel.run(*device, {4}, {4}, {constant, 1, y, out}));
}

TEST(Kernel, AnAccessOutOfBoundsNamesTheLineInCpp) {
  uint32_t line = 0;
  Kernel kernel("past", [&](KernelBuilder &k) {
    Buffer A = k.buffer("A", f32);
    Value i = thread_position_in_grid();
    line = __LINE__ + 1;
    A[i + 1] = 0;
  });
  std::vector<float> a(4);
  try {
    kernel.run(*host(), {4}, {4}, {a});
    FAIL() << "no error";
  } catch (const Error &e) {
    EXPECT_EQ(e.kind(), ErrorKind::OutOfBounds);
    EXPECT_EQ(e.loc().line, line);
    EXPECT_TRUE(e.loc().file.ends_with("KernelTest.cpp"));
  }
}

TEST(Kernel, BitsPassTypesThatCppLacks) {
  Kernel kernel("twice", [](KernelBuilder &k) {
    Buffer A = k.buffer("A", bf16);
    Value i = thread_position_in_grid();
    A[i] = A[i] * 2;
  });
  std::vector<uint16_t> a{0x3f80, 0x4000}; // 1 and 2
  kernel.run(*host(), {2}, {2}, {Argument::bits(bf16, a.data(), 4)});
  EXPECT_EQ(a, (std::vector<uint16_t>{0x4000, 0x4080})); // 2 and 4
}

} // namespace
