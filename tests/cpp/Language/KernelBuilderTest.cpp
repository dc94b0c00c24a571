// SPDX-License-Identifier: MIT
//
// C++ builds the operations that Python's spelling would. Results on devices:
// tests/cpp/Compile/KernelTest.cpp.
#include "enigma/Language/KernelBuilder.h"

#include <gtest/gtest.h>

using namespace enigma;

namespace {

/// The text of the operations, without the signature and the places.
std::string bodyOf(KernelBuilder &k) {
  std::string text = k.finish().str(), out;
  size_t at = text.find('\n') + 1;
  while (at < text.size()) {
    size_t end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    at = end + 1;
    line = line.substr(0, line.find('#'));
    while (!line.empty() && line.back() == ' ')
      line.pop_back();
    if (line != "}")
      out += line + "\n";
  }
  return out;
}

TEST(KernelBuilder, BuildsWhatThePythonSpellingWould) {
  KernelBuilder k("saxpy");
  Buffer X = k.buffer("X", f32);
  Value alpha = k.scalar("alpha", f32);
  Buffer Out = k.buffer("Out", f32);
  Value tid = thread_position_in_grid().named("tid");
  Out[tid] = alpha * X[tid] + 1;
  EXPECT_EQ(bodyOf(k), "  %tid = thread_position_in_grid x : u32\n"
                       "  %0 = load %X, %tid : f32\n"
                       "  %1 = mul %alpha, %0 : f32\n"
                       "  %2 = constant 1.0 : f32\n"
                       "  %3 = add %1, %2 : f32\n"
                       "  store %3, %Out, %tid\n");
}

TEST(KernelBuilder, CarriesWhatALoopAssignsAndNothingElse) {
  KernelBuilder k("sum");
  Buffer A = k.buffer("A", f32), Out = k.buffer("Out", f32);
  Variable sum(0.0f, "sum"), untouched(1.0f, "untouched");
  int traced = 0;
  for_range(0, 8, [&](Value i) {
    ++traced;
    sum += A[i];
  });
  Out[0] = sum + untouched;
  ir::Function f = k.finish();
  EXPECT_EQ(traced, 2); // once to see what it assigns
  int loops = 0;
  for (uint32_t index = 0; index < f.numOps(); ++index)
    if (f.op(index).opcode == ir::Opcode::for_) {
      ++loops;
      EXPECT_EQ(f.op(index).numResults, 1);
    }
  EXPECT_EQ(loops, 1);
  EXPECT_NO_THROW(ir::verify(f));
}

TEST(KernelBuilder, ABlockThatAssignsNothingIsBuiltOnce) {
  KernelBuilder k("clear");
  Buffer Out = k.buffer("Out", i32);
  int traced = 0;
  for_range(0, 8, [&](Value i) {
    ++traced;
    Out[i] = 0;
  });
  EXPECT_EQ(traced, 1);
}

TEST(KernelBuilder, AllFormsOfControlFlowNestAndVerify) {
  KernelBuilder k("nest");
  Buffer A = k.buffer("A", i32), Out = k.buffer("Out", i32);
  Variable total(0);
  for_range(0, 4, [&](Value i) {
    Variable part(A[i]);
    while_([&] { return part > 10; },
           [&] {
             part -= 3;
             if_(part == 5, [&] { total += 1; }, [&] { part = part + 1; });
           });
    total += part;
  });
  if_(total > 0, [&] { Out[0] = total; });
  EXPECT_NO_THROW(ir::verify(k.finish()));
}

TEST(KernelBuilder, LayoutsGiveOffsetsOfTracedCoordinates) {
  KernelBuilder k("rows");
  Buffer A = k.buffer("A", f32), Out = k.buffer("Out", f32);
  layout::Layout rows(layout::IntTuple{4, 8}, layout::IntTuple{8, 1});
  Value i = thread_position_in_grid(Axis::y).named("i"), j = thread_position_in_grid(Axis::x).named("j");
  Tensor a(A, rows);
  Out[j] = a(i, j);
  Out[0] = a(3, 2);
  EXPECT_EQ(bodyOf(k), "  %i = thread_position_in_grid y : u32\n"
                       "  %j = thread_position_in_grid x : u32\n"
                       "  %0 = constant 8 : u32\n"
                       "  %1 = mul %i, %0 : u32\n"
                       "  %2 = add %1, %j : u32\n"
                       "  %3 = load %A, %2 : f32\n"
                       "  store %3, %Out, %j\n"
                       "  %4 = constant 26 : u32\n"
                       "  %5 = constant 0 : u32\n"
                       "  %6 = load %A, %4 : f32\n"
                       "  store %6, %Out, %5\n");
}

TEST(KernelBuilder, OffsetsAreAsWideAsTheLayoutNeeds) {
  KernelBuilder k("wide");
  Buffer A = k.buffer("A", u8);
  Value i = thread_position_in_grid(), narrow = u8(i);
  EXPECT_EQ(offset(layout::Layout(layout::IntTuple{1 << 16, 1 << 14}), {i, i}).type(), "u32");
  EXPECT_EQ(offset(layout::Layout(layout::IntTuple{1 << 16, 1 << 16}), {i, i}).type(), "i64");
  EXPECT_EQ(offset(layout::Layout(layout::IntTuple{4, 400}), {narrow, narrow}).type(), "u32");
}

TEST(KernelBuilder, AnInnerBuilderComesFirst) {
  KernelBuilder outer("outer");
  Buffer A = outer.buffer("A", u32);
  {
    KernelBuilder inner("inner");
    Buffer B = inner.buffer("B", u32);
    B[0] = thread_position_in_grid();
    EXPECT_NO_THROW(ir::verify(inner.finish()));
  }
  A[0] = thread_position_in_grid();
  EXPECT_NO_THROW(ir::verify(outer.finish()));
}

TEST(KernelBuilder, FastAndPreciseAreModesOfOneOperation) {
  KernelBuilder k("modes");
  Buffer A = k.buffer("A", f32);
  Value x = A[0];
  A[1] = sin(x) + fast::sin(x) + precise::sin(x);
  ir::Function f = k.finish();
  std::vector<uint64_t> modes;
  for (uint32_t index = 0; index < f.numOps(); ++index)
    if (f.op(index).opcode == ir::Opcode::sin)
      modes.push_back(f.op(index).immediate);
  std::sort(modes.begin(), modes.end());
  EXPECT_EQ(modes, (std::vector<uint64_t>{0, 1, 2}));
}

TEST(KernelBuilder, FunctionsWithTwoResultsGiveAPair) {
  KernelBuilder k("split");
  Buffer A = k.buffer("A", f32);
  auto [fraction, exponent] = frexp(Value(A[0]));
  EXPECT_EQ(fraction.type(), "f32");
  EXPECT_EQ(exponent.type(), "i32");
}

TEST(KernelBuilder, OperationsAmongLanesNeedNoOperands) {
  KernelBuilder k("lanes");
  Buffer Out = k.buffer("Out", f32);
  Value x = Out[thread_position_in_grid()];
  Out[0] = select_(simd_is_first(), simd_sum(x), simd_shuffle_down(x, 1));
  EXPECT_NO_THROW(ir::verify(k.finish()));
}

// What would lose a part of the kernel does not compile.
static_assert(!std::is_assignable_v<Value &, Value>);
static_assert(!std::is_constructible_v<bool, Value>);
static_assert(!std::is_copy_constructible_v<Element>);
template <class T>
concept HasLogicalAnd = requires(T x) { x && x; };
static_assert(!HasLogicalAnd<Value>);
template <class T>
concept CanAddKeptElement = requires(T &x) { x + 1; };
static_assert(!CanAddKeptElement<Element> && CanAddKeptElement<Value>);

} // namespace
