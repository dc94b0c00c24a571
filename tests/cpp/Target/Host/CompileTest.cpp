// SPDX-License-Identifier: MIT
//
// Whole kernels: what comes out is right, and is the code that was meant.
#include "Compiled.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

constexpr const char *kSaxpy = R"(
enigma.kernel @saxpy(%X: !enigma.buffer<f32, device>, %alpha: f32, %Y: !enigma.buffer<f32, device>,
                     %Out: !enigma.buffer<f32, device>) writes [3] {
  %i = enigma.thread_position_in_grid x
  %x = enigma.load %X[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %y = enigma.load %Y[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %r = enigma.fma %alpha, %x, %y : f32
  enigma.store %r, %Out[%i] : f32, !enigma.buffer<f32, device>, ui32
})";

TEST(Compile, SaxpyIsRightForEveryLength) {
  Compiled saxpy(kSaxpy);
  for (const size_t n : {1, 5, 31, 32, 33, 64, 1000, 100003}) {
    std::vector<float> x(n), y(n), out(n + 8, -1.0f);
    for (size_t i = 0; i < n; ++i) {
      x[i] = float(i) * 0.25f;
      y[i] = float(n - i);
    }
    saxpy.run({buffer(x), Argument::scalar(3.0f), buffer(y), Argument::memory(out.data(), n * 4)},
              {int64_t(n)}, {256});
    for (size_t i = 0; i < n; ++i)
      ASSERT_EQ(out[i], std::fma(3.0f, x[i], y[i])) << "element " << i << " of " << n;
    EXPECT_EQ(out[n], -1.0f) << "wrote past the end";
  }
}

size_t count(const std::string &text, const std::string &what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

TEST(Compile, SaxpyIsTwoVectorLoadsAndOneVectorStore) {
  Compiled saxpy(kSaxpy);
  const std::string ir = commonPath(saxpy.code->llvmIr());
  // LLVM may copy the body for full and for partial blocks.
  const size_t bodies = count(ir, "call <32 x float> @llvm.fma.v32f32(");
  EXPECT_TRUE(bodies == 1 || bodies == 2) << bodies;
  EXPECT_EQ(count(ir, "load <32 x float>"), 2 * bodies);
  EXPECT_EQ(count(ir, "store <32 x float>"), bodies);
  EXPECT_EQ(count(ir, "load float"), 1u) << "alpha, once";
  EXPECT_EQ(count(ir, "noalias"), 0u);
  EXPECT_EQ(count(ir, "contract"), 0u);
}

TEST(Compile, ARowMajorIndexStaysContiguous) {
  Compiled kernel(R"(
enigma.kernel @matscale(%A: !enigma.buffer<f32, device>, %C: !enigma.buffer<f32, device>) writes [1] {
  %row = enigma.thread_position_in_grid y
  %col = enigma.thread_position_in_grid x
  %width = enigma.constant 512 : ui32
  %two = enigma.constant 2.0 : f32
  %start = enigma.mul %row, %width : ui32
  %i = enigma.add %start, %col : ui32
  %a = enigma.load %A[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %r = enigma.mul %a, %two : f32
  enigma.store %r, %C[%i] : f32, !enigma.buffer<f32, device>, ui32
})");
  EXPECT_EQ(count(kernel.code->llvmIr(), "_varying"), 0u);
  const std::string ir = commonPath(kernel.code->llvmIr());
  EXPECT_EQ(count(ir, "load <32 x float>"), count(ir, "fmul <32 x float>"));
  std::vector<float> a(512 * 37), c(a.size());
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = float(i);
  kernel.run({buffer(a), buffer(c)}, {512, 37}, {16, 16});
  for (size_t i = 0; i < a.size(); ++i)
    ASSERT_EQ(c[i], 2 * a[i]);
}

TEST(Compile, WhatIsStagedKeepsTheOrderOfTheProgram) {
  // The load of B[i + 1] comes after a store to A, which may be the same memory: it is not staged, and sees
  // the store.
  Compiled kernel(R"(
enigma.kernel @order(%A: !enigma.buffer<i32, device>, %B: !enigma.buffer<i32, device>,
                     %Out: !enigma.buffer<i32, device>) writes [0, 2] {
  %i = enigma.thread_position_in_grid x
  %n = enigma.constant 70 : ui32
  %seven = enigma.constant 7 : i32
  %m = enigma.cmp_lt %i, %n : ui32
  %a = enigma.load_if %A[%i] if %m else %seven : !enigma.buffer<i32, device>, ui32 -> i32
  %a2 = enigma.add %a, %seven : i32
  enigma.store_if %a2, %A[%i] if %m : i32, !enigma.buffer<i32, device>, ui32
  %b = enigma.load_if %B[%i] if %m else %seven : !enigma.buffer<i32, device>, ui32 -> i32
  enigma.store_if %b, %Out[%i] if %m : i32, !enigma.buffer<i32, device>, ui32
  %s = enigma.add %b, %a : i32
  enigma.store_if %s, %Out[%i] if %m : i32, !enigma.buffer<i32, device>, ui32
})");
  std::vector<int32_t> a(70), out(70, -1);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = int32_t(i);
  kernel.run({buffer(a), buffer(a), buffer(out)}, {100});
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i], int32_t(i) + 7);
    EXPECT_EQ(out[i], 2 * int32_t(i) + 7) << i;
  }
}

TEST(Compile, OnePlaceForAllLanesUnderAMask) {
  // The first lanes are masked out; the value that the others read must still arrive.
  Compiled kernel(R"(
enigma.kernel @broadcast(%A: !enigma.buffer<f32, device>, %Out: !enigma.buffer<f32, device>) writes [1] {
  %i = enigma.thread_position_in_grid x
  %five = enigma.constant 5 : ui32
  %zero = enigma.constant 0 : ui32
  %f = enigma.constant -1.0 : f32
  %m = enigma.cmp_ge %i, %five : ui32
  %v = enigma.load_if %A[%zero] if %m else %f : !enigma.buffer<f32, device>, ui32 -> f32
  enigma.store %v, %Out[%i] : f32, !enigma.buffer<f32, device>, ui32
})");
  std::vector<float> a = {3.0f}, out(40);
  kernel.run({buffer(a), buffer(out)}, {40});
  for (size_t i = 0; i < 40; ++i)
    EXPECT_EQ(out[i], i < 5 ? -1.0f : 3.0f) << i;
}

TEST(Compile, DescribesTheKernel) {
  Compiled saxpy(kSaxpy);
  const hostabi::KernelDescriptor &kernel = saxpy.code->descriptor();
  EXPECT_EQ(kernel.name, "saxpy");
  ASSERT_EQ(kernel.params.size(), 4u);
  EXPECT_EQ(kernel.params[1].name, "alpha");
  EXPECT_TRUE(kernel.params[1].isScalar);
  EXPECT_TRUE(kernel.params[0].isRead);
  EXPECT_FALSE(kernel.params[0].isWritten);
  EXPECT_FALSE(kernel.params[3].isRead);
  EXPECT_TRUE(kernel.params[3].isWritten);
  EXPECT_EQ(kernel.traversal, hostabi::Traversal::Flat);
  EXPECT_EQ(accessSites(*saxpy.module).size(), 3u);
}

TEST(Compile, ScalarParametersOfEveryType) {
  const auto check = [](const std::string &t, auto value) {
    using T = decltype(value);
    Compiled kernel("enigma.kernel @k(%s: " + t + ", %Out: !enigma.buffer<" + t +
                    ", device>) writes [1] {\n" +
                    "  %i = enigma.thread_position_in_grid x\n  enigma.store %s, %Out[%i] : " + t +
                    ", !enigma.buffer<" + t + ", device>, ui32\n}");
    std::vector<T> out(40);
    kernel.run({Argument::scalar(value), buffer(out)}, {40});
    EXPECT_EQ(std::count(out.begin(), out.end(), value), 40) << t;
  };
  check("f32", 1.5f);
  check("f16", uint16_t(0x3e01));
  check("bf16", uint16_t(0x3fc1));
  check("i8", int8_t(-3));
  check("ui8", uint8_t(200));
  check("i16", int16_t(-300));
  check("ui16", uint16_t(60000));
  check("i32", int32_t(-70000));
  check("ui32", uint32_t(4000000000u));
  check("i64", int64_t(-5000000000));
  check("ui64", uint64_t(18000000000000000000u));
  check("i1", uint8_t(1));
}

TEST(Compile, TheSameResultForAnyNumberOfThreadsAndPieces) {
  Compiled saxpy(kSaxpy);
  const auto &kernel = saxpy.code->descriptor();
  std::vector<float> x(5000), y(5000), whole(5000), pieces(5000);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = y[i] = float(i) * 0.1f;
  float alpha = 1.25f;
  hostabi::OutOfBoundsRecord record;
  const auto launch = [&](std::vector<float> &out, const std::vector<uint64_t> &cuts) {
    const hostabi::BufferArg args[] = {{x.data(), 5000}, {&alpha, 1}, {y.data(), 5000}, {out.data(), 5000}};
    hostabi::LaunchContext context;
    context.args = args;
    context.outOfBounds = &record;
    context.grid[0] = 100;
    context.grid[1] = 10;
    context.grid[2] = 5;
    context.blocksPerRow = 4;
    for (size_t i = 0; i + 1 < cuts.size(); ++i)
      kernel.entry(&context, cuts[i], cuts[i + 1]);
  };
  launch(whole, {0, 200});
  launch(pieces, {0, 1, 2, 3, 5, 9, 40, 41, 43, 47, 120, 199, 200});
  EXPECT_EQ(whole, pieces);
  EXPECT_EQ(record.count, 0u);
}

TEST(Compile, ThreadsMayCompileAndLaunchAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
      context.loadDialect<dialect::EnigmaDialect>();
      for (int round = 0; round < 5; ++round) {
        auto module = mlir::parseSourceString<mlir::ModuleOp>(kSaxpy, &context);
        auto code = compileForHost(*module);
        auto pipeline = runtime::hostDevice()->createPipeline({.kernel = code->descriptor(), .owner = code});
        std::vector<float> x(1000, float(t)), y(1000, 1.0f), out(1000);
        const Argument args[] = {buffer(x), Argument::scalar(2.0f), buffer(y), buffer(out)};
        runtime::hostDevice()->run(*pipeline, args, {1000}, {256});
        wrong += std::count(out.begin(), out.end(), 2.0f * float(t) + 1.0f) != 1000;
      }
    });
  for (auto &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Compile, RefusesAModuleWithoutOneKernel) {
  EXPECT_EQ(errorOf([] { Compiled nothing("module {}"); }), "the module has no kernel");
  EXPECT_EQ(
      errorOf([] { Compiled two("enigma.kernel @a() writes [] {\n}\nenigma.kernel @b() writes [] {\n}"); }),
      "the host compiles one kernel at a time, got a module with several");
}

} // namespace
