// SPDX-License-Identifier: MIT
//
// Errors of kernels in C++ stand at the line that is at fault, and say what to write.
#include "enigma/Language/KernelBuilder.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace enigma;

namespace {

std::optional<Error> errorOf(const std::function<void()> &body) {
  try {
    body();
  } catch (const Error &e) {
    return e;
  }
  return std::nullopt;
}

/// `body` throws an error of kind Trace with this message at `line` of this file. No macro: clang takes the
/// place of a macro's arguments to be its end.
void expectError(uint32_t line, const std::function<void()> &body, std::string_view message) {
  auto error = errorOf(body);
  ASSERT_TRUE(error) << "line " << line << " throws nothing";
  EXPECT_EQ(error->message(), message);
  EXPECT_EQ(error->kind(), ErrorKind::Trace);
  EXPECT_EQ(error->loc().line, line) << error->what();
  EXPECT_TRUE(error->loc().file.ends_with("ErrorsTest.cpp")) << error->loc().file;
}

struct Errors : testing::Test {
  KernelBuilder k{"wrong"};
  Buffer A = k.buffer("A", f32), I = k.buffer("I", i32);
};

TEST_F(Errors, NameTheOperandsLineAndColumnAndWhatToWrite) {
  Value i = I[0];
  auto error = errorOf([&] { enigma::sin(i); });
  uint32_t line = __LINE__ - 1;
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message(), "sin: needs a float, got i32");
  EXPECT_EQ(error->loc().line, line);
  EXPECT_EQ(error->loc().col, 41u); // of i, from 0
  EXPECT_EQ(error->notes(), std::vector<std::string>{"convert it: enigma::f32(x)"});
}

TEST_F(Errors, ASignedDivisionSaysWhichOneIsMeant) {
  Value i = I[0];
  expectError(
      __LINE__, [&] { I[1] = i / 2; },
      "/: signed integers are rounded towards zero by C++ and down by Python, got i32 and 2");
  expectError(
      __LINE__, [&] { I[1] = i % 2; },
      "%: the remainder has the sign of x in C++ and of y in Python, got i32 and 2");
  EXPECT_NO_THROW(I[1] = floor_div(i, 2) + mod(i, 2));
  EXPECT_NO_THROW(A[1] = A[0] / 2);
  EXPECT_NO_THROW(I[1] = u32(i) / 2 + u32(i) % 2);
}

TEST_F(Errors, AValueOfABlockThatHasEndedIsRefused) {
  std::optional<Value> kept;
  for_range(0, 4, [&](Value i) { kept.emplace(i); });
  expectError(
      __LINE__, [&] { I[0] = *kept; }, "a store: the value was computed in a loop or branch that has ended");
}

TEST_F(Errors, AVariableKeepsItsType) {
  Variable x(0.0f);
  expectError(__LINE__, [&] { x = I[0]; }, "=: the variable is f32, got i32");
  Variable n(1);
  expectError(__LINE__, [&] { n = 0.5; }, "the number 0.5 does not fit i32");
}

TEST_F(Errors, ValuesOfTwoKernelsDoNotMix) {
  Value x = A[0];
  KernelBuilder other("other");
  Buffer B = other.buffer("B", f32);
  expectError(__LINE__, [&] { B[0] = x; }, "a store: the f32 belongs to another kernel, wrong");
}

TEST_F(Errors, ConditionsAreB1) {
  Value i = I[0];
  expectError(__LINE__, [&] { if_(i, [] {}); }, "if_: the condition must be b1, got i32");
  expectError(
      __LINE__, [&] { while_([&] { return i; }, [] {}); }, "while_: the condition must be b1, got i32");
  expectError(__LINE__, [&] { I[0] = !i; }, "!: needs b1, got i32");
}

TEST_F(Errors, BoundsOfLoopsAreIntegers) {
  expectError(
      __LINE__, [&] { for_range(0, A[0], [](Value) {}); }, "for_range: a bound must be an integer, got f32");
  expectError(__LINE__, [&] { for_range(0, 4, 0, [](Value) {}); }, "for_range: the step must not be 0");
}

TEST_F(Errors, TheFirstOneSurfacesAlsoIfItIsCaught) {
  auto first = errorOf([&] { A[0] = enigma::sqrt(I[0]); });
  A[0] = 1;
  auto last = errorOf([&] { k.finish(); });
  ASSERT_TRUE(first && last);
  EXPECT_EQ(last->message(), first->message());
}

TEST_F(Errors, AnExceptionThatLeavesABlockIsNotForgotten) {
  EXPECT_THROW(for_range(0, 4, [](Value) { throw std::logic_error("mine"); }), std::logic_error);
  A[0] = 1;
  EXPECT_THROW(k.finish(), std::logic_error);
}

TEST_F(Errors, NothingIsAddedToAFinishedKernel) {
  Value x = A[0];
  k.finish();
  expectError(__LINE__, [&] { A[0] = x; }, "kernel wrong is finished: nothing can be added to it");
  EXPECT_NE(errorOf([&] { k.finish(); })->message().find("is finished already"), std::string::npos);
}

TEST(ErrorsOutside, FunctionsNeedAKernel) {
  expectError(
      __LINE__, [] { thread_position_in_grid(); },
      "thread_position_in_grid: works only while a kernel is built");
  expectError(__LINE__, [] { enigma::sqrt(2.0); }, "sqrt: works only while a kernel is built");
}

TEST(ErrorsOutside, HandlesMayOutliveTheirBuilder) {
  std::optional<Value> kept;
  {
    KernelBuilder k("gone");
    kept.emplace(k.scalar("x", f32));
  }
  EXPECT_EQ(kept->type(), "f32");
  expectError(__LINE__, [&] { *kept + 1; }, "kernel gone is finished: nothing can be added to it");
}

TEST_F(Errors, ParametersComeFirstAndHaveNamesOfTheirOwn) {
  expectError(__LINE__, [&] { k.buffer("A", f32); }, "there are two parameters A");
  KernelBuilder other("other");
  Buffer B = other.buffer("B", f32);
  B[0] = 1;
  expectError(
      __LINE__, [&] { other.scalar("n", i32); }, "parameter n: parameters come before the first operation");
}

TEST_F(Errors, CoordinatesAreIntegersThatAreNotNegative) {
  Tensor a(A, layout::Layout(layout::IntTuple{4, 8}));
  expectError(__LINE__, [&] { A[0] = a(1, A[0]); }, "a coordinate must be an integer, got f32");
  expectError(
      __LINE__, [&] { A[0] = a(1, -1); }, "a coordinate must be an integer that is not negative, got -1");
}

} // namespace
