// SPDX-License-Identifier: MIT
//
// What a loop with barriers prefetches: the lines that its loads will read in the next round, where that is
// known.
#include "Compiled.h"

using namespace enigma;
using namespace enigma::host;
using namespace enigma::host::testing;

namespace {

size_t count(const std::string &text, const std::string &what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

/// A loop of 4 rounds that loads X[%at] where %k is its position, %i the lane and %n a scalar.
Compiled loopWith(const std::string &at, const std::string &barrier = "enigma.threadgroup_barrier 2") {
  return Compiled(R"(
enigma.kernel @k(%X: !enigma.buffer<f32, device>, %n: ui32, %Out: !enigma.buffer<f32, device>) writes [2] {
  %i = enigma.thread_position_in_threadgroup x
  %tile = enigma.threadgroup_alloc 32 : <f32, threadgroup>
  %lower = enigma.constant 0 : ui32
  %upper = enigma.constant 4 : ui32
  %step = enigma.constant 1 : ui32
  %width = enigma.constant 100 : ui32
  %zero = enigma.constant 0.0 : f32
  %sum = enigma.for %lower, %upper, %step carry(%zero : f32) : ui32 -> f32 {
  ^bb0(%k: ui32, %s: f32):
)" + at + R"(
    %x = enigma.load %X[%at] : !enigma.buffer<f32, device>, ui32 -> f32
    enigma.store %x, %tile[%i] : f32, !enigma.buffer<f32, threadgroup>, ui32
    )" + barrier + R"(
    %y = enigma.load %tile[%i] : !enigma.buffer<f32, threadgroup>, ui32 -> f32
    %next = enigma.add %s, %y : f32
    )" + barrier + R"(
    enigma.yield %next : f32
  }
  enigma.store %sum, %Out[%i] : f32, !enigma.buffer<f32, device>, ui32
})");
}

size_t prefetches(const Compiled &kernel) { return count(kernel.code->llvmIr(), "call void @llvm.prefetch"); }

TEST(Ahead, TheNextRoundOfALoopWithBarriersIsPrefetched) {
  const Compiled kernel =
      loopWith("    %row = enigma.mul %k, %width : ui32\n    %at = enigma.add %row, %i : ui32\n");
  EXPECT_GE(prefetches(kernel), 2u) << "two lines of 64 bytes";
  EXPECT_EQ(prefetches(kernel) % 2, 0u);
  std::vector<float> x(400), out(32), expected(32);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(i);
  for (size_t i = 0; i < 32; ++i)
    expected[i] = x[i] + x[100 + i] + x[200 + i] + x[300 + i];
  kernel.run({buffer(x), Argument::scalar(100u), buffer(out)}, {32});
  EXPECT_EQ(out, expected);
}

TEST(Ahead, ARowLengthThatIsAnArgumentWillDo) {
  EXPECT_GE(
      prefetches(loopWith("    %row = enigma.mul %n, %k : ui32\n    %at = enigma.add %i, %row : ui32\n")),
      2u);
}

TEST(Ahead, NothingIsPrefetchedThatIsNotKnownOrNotNew) {
  EXPECT_EQ(prefetches(loopWith("    %at = enigma.add %i, %n : ui32\n")), 0u)
      << "the same place in each round";
  EXPECT_EQ(prefetches(loopWith("    %k2 = enigma.mul %k, %k : ui32\n    %at = enigma.add %i, %k2 : ui32\n")),
            0u);
  EXPECT_EQ(prefetches(loopWith("    %at = enigma.mul %k, %width : ui32\n")), 0u)
      << "one place for all lanes";
}

TEST(Ahead, LoopsWithoutBarriersAreLeftToTheCpu) {
  EXPECT_EQ(prefetches(loopWith(
                "    %row = enigma.mul %k, %width : ui32\n    %at = enigma.add %row, %i : ui32\n", "")),
            0u);
}

} // namespace
