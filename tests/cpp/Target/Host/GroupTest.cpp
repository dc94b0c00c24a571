// SPDX-License-Identifier: MIT
//
// Threadgroups: memory that their threads share, barriers in loops and branches, and what is reported of
// barriers that not all threads reach.
#include "Compiled.h"

#include <numeric>

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

/// "<<f32>>" stands for a buffer of it in device memory, "<|f32|>" in threadgroup memory; %i is the position
/// in the grid and %l that in the threadgroup.
Compiled kernelOf(std::string params, const std::string &written, const std::string &body,
                  HostOptions options = {}) {
  const auto expand = [](std::string text) {
    const std::pair<const char *, const char *> rows[] = {
        {"<<", "!enigma.buffer<"}, {">>", ", device>"}, {"<|", "!enigma.buffer<"}, {"|>", ", threadgroup>"}};
    for (auto [from, to] : rows)
      for (size_t at; (at = text.find(from)) != std::string::npos;)
        text.replace(at, 2, to);
    return text;
  };
  return Compiled("enigma.kernel @k(" + expand(params) + ") writes [" + written +
                      "] {\n  %i = enigma.thread_position_in_grid x\n"
                      "  %l = enigma.thread_position_in_threadgroup x\n"
                      "  %size = enigma.threads_per_threadgroup x\n  %one = enigma.constant 1 : ui32\n" +
                      expand(body) + "}",
                  options);
}

const char *const kReversal = R"(
  %tile = enigma.threadgroup_alloc 256 : <i32, threadgroup>
  %x = enigma.load %X[%i] : <<i32>>, ui32 -> i32
  enigma.store %x, %tile[%l] : i32, <|i32|>, ui32
  enigma.threadgroup_barrier 2
  %last = enigma.sub %size, %one : ui32
  %o = enigma.sub %last, %l : ui32
  %y = enigma.load %tile[%o] : <|i32|>, ui32 -> i32
  enigma.store %y, %Out[%i] : i32, <<i32>>, ui32
)";

std::vector<int32_t> reversed(size_t n, size_t threads) {
  std::vector<int32_t> out(n);
  for (size_t at = 0; at < n; ++at) {
    const size_t group = at / threads * threads, size = std::min(threads, n - group);
    out[at] = int32_t(group + size - 1 - (at - group));
  }
  return out;
}

std::vector<int32_t> iota(size_t n) {
  std::vector<int32_t> values(n);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(Group, AReversalInGroupsOfEverySize) {
  for (const bool check : {true, false}) {
    HostOptions options;
    options.check = check;
    Compiled kernel = kernelOf("%X: <<i32>>, %Out: <<i32>>", "1", kReversal, options);
    EXPECT_EQ(kernel.code->descriptor().threadgroupBytes, 1024u);
    EXPECT_EQ(kernel.code->descriptor().traversal, hostabi::Traversal::Grouped);
    for (const int64_t threads : {1, 7, 31, 32, 33, 64, 100, 256})
      for (const size_t n : {size_t(1), size_t(256), size_t(1000)}) {
        std::vector<int32_t> x = iota(n), out(n, -1);
        kernel.run({buffer(x), buffer(out)}, {int64_t(n)}, {threads});
        EXPECT_EQ(out, reversed(n, size_t(threads))) << n << " in groups of " << threads;
      }
  }
}

TEST(Group, NothingIsLeftOfTheMarksOfBarriers) {
  Compiled plain = kernelOf("%Out: <<ui32>>", "0", "  enigma.store %l, %Out[%i] : ui32, <<ui32>>, ui32\n");
  EXPECT_EQ(plain.code->llvmIr().find("enigma_take_frames"), std::string::npos);
  for (const double growth : {0.0, 4.0}) {
    HostOptions options;
    options.mostGrowth = growth;
    const std::string ir = kernelOf("%X: <<i32>>, %Out: <<i32>>", "1", kReversal, options).code->llvmIr();
    EXPECT_NE(ir.find("enigma_take_frames"), std::string::npos);
    for (const char *mark : {"enigma_simdgroup", "enigma_wait", "enigma_leave", "enigma_stride"})
      EXPECT_EQ(ir.find(mark), std::string::npos) << mark;
  }
}

TEST(Group, AKernelThatAnInterruptRunsHasFramesOfItsOwn) {
  // The outer kernel waits in a loop with barriers; its interrupt check runs another kernel with barriers.
  Compiled outer = kernelOf("%Out: <<i32>>, %n: i32", "0", R"(
  %zero = enigma.constant 0 : i32
  %first = enigma.cast %l : ui32 to i32
  %step = enigma.constant 1 : i32
  %last = enigma.for %zero, %n, %step carry(%first : i32) : i32 -> i32 {
  ^bb0(%k: i32, %v: i32):
    enigma.threadgroup_barrier 0
    %next = enigma.add %v, %k : i32
    enigma.yield %next : i32
  }
  enigma.store %last, %Out[%i] : i32, <<i32>>, ui32
)");
  struct State {
    Compiled inner = kernelOf("%X: <<i32>>, %Out: <<i32>>", "1", kReversal);
    int runs = 0, wrong = 0;
  } state;
  runtime::RunOptions options;
  options.interruptState = &state;
  options.interrupt = [](void *opaque) {
    auto &s = *static_cast<State *>(opaque);
    std::vector<int32_t> x = iota(256), out(256);
    s.inner.run({buffer(x), buffer(out)}, {256}, {256});
    ++s.runs;
    s.wrong += out != reversed(256, 256);
    return false;
  };
  constexpr int32_t n = 2'000'000; // tens of milliseconds, more than the time between two checks
  std::vector<int32_t> out(64);
  const std::vector<Argument> args{buffer(out), Argument::scalar(n)};
  runtime::hostDevice()->run(*outer.pipeline, args, {64}, {64}, options);
  EXPECT_GT(state.runs, 0);
  EXPECT_EQ(state.wrong, 0);
  const auto sum = static_cast<int32_t>(static_cast<uint32_t>(uint64_t(n) * (uint64_t(n) - 1) / 2));
  for (int32_t t = 0; t < 64; ++t)
    ASSERT_EQ(out[size_t(t)], static_cast<int32_t>(uint32_t(sum) + uint32_t(t)));
}

const char *const kGuarded = R"(
  %x = enigma.load %X[%i] : <<i32>>, ui32 -> i32
  %zero = enigma.constant 0 : i32
  %c = enigma.cmp_gt %x, %zero : i32
  enigma.if %c {
    enigma.threadgroup_barrier 2
    enigma.yield
  } else {
    enigma.yield
  }
  enigma.store %zero, %X[%i] : i32, <<i32>>, ui32
)";

TEST(Group, ABarrierThatSomeLanesMissIsReportedForTheFirstGroup) {
  Compiled kernel = kernelOf("%X: <<i32>>", "0", kGuarded);
  std::vector<int32_t> x(4096, 1);
  x[4000] = x[1000] = x[1001] = x[900] = 0;
  EXPECT_EQ(errorOf([&] { kernel.run({buffer(x)}, {4096}, {128}); }),
            "k: the barrier is reached by 31 of the 32 threads of simdgroup 0, threadgroup (7, 0, 0)");
  // The others ran.
  EXPECT_EQ(x[0], 0);
  EXPECT_EQ(x[1024], 0);
}

TEST(Group, ABarrierThatASimdgroupMissesIsReported) {
  Compiled kernel = kernelOf("%X: <<i32>>", "0", kGuarded);
  std::vector<int32_t> x(256, 0);
  std::fill(x.begin() + 192, x.begin() + 224, 1);
  EXPECT_EQ(errorOf([&] { kernel.run({buffer(x)}, {256}, {128}); }),
            "k: the barrier is reached by simdgroup 2 while simdgroup 0 of the same threadgroup has ended "
            "without it, threadgroup (1, 0, 0)");
  std::fill(x.begin(), x.end(), 1);
  EXPECT_EQ(errorOf([&] { kernel.run({buffer(x)}, {250}, {128}); }), "");
}

} // namespace
