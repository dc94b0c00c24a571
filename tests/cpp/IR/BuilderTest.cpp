// SPDX-License-Identifier: MIT
// The type rules of the language, as the specification states them.
#include "enigma/IR/Builder.h"

#include "enigma/IR/Constant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace enigma;
using namespace enigma::ir;

namespace {

struct Values {
  Function f{"k"};
  Builder b{f};
  Value of(Elem e) { return f.addParam({std::string(name(e)), Type::value(e)}); }
  Elem elem(Value v) { return f.type(v).elem; }
  std::string messageOf(auto call) {
    try {
      call();
    } catch (const Error &error) {
      return error.message();
    }
    return "no error";
  }
};

// Parameters must come before operations, so each test adds its values first.
struct BuilderTest : testing::Test, Values {
  Value b1 = of(Elem::b1), i8 = of(Elem::i8), u8 = of(Elem::u8), i32 = of(Elem::i32), u32 = of(Elem::u32),
        i64 = of(Elem::i64), u64 = of(Elem::u64), f16 = of(Elem::f16), bf16 = of(Elem::bf16),
        f32 = of(Elem::f32);
  Elem sum(Operand x, Operand y) { return elem(b.binary(Operator::add, x, y)); }
};

TEST_F(BuilderTest, LiteralsTakeTheTypeThatTheyMeet) {
  EXPECT_EQ(sum(f16, Literal(2.0)), Elem::f16);
  EXPECT_EQ(sum(Literal(2), f16), Elem::f16);
  EXPECT_EQ(sum(u32, Literal(512)), Elem::u32);
  EXPECT_EQ(sum(Literal(512), u32), Elem::u32);
  EXPECT_EQ(sum(u8, Literal(255)), Elem::u8);
  EXPECT_EQ(sum(u32, Literal(0.5)), Elem::f32) << "a float literal with an integer makes f32";
  EXPECT_EQ(sum(b1, Literal(1)), Elem::i32);
  EXPECT_EQ(sum(i32, Literal(true)), Elem::i32);
  EXPECT_EQ(elem(b.literal(3)), Elem::i32);
  EXPECT_EQ(elem(b.literal(3.0)), Elem::f32);
}

TEST_F(BuilderTest, LiteralsThatDoNotFitAreRefused) {
  EXPECT_EQ(messageOf([&] { sum(u8, Literal(256)); }), "the number 256 does not fit u8");
  EXPECT_EQ(messageOf([&] { sum(u32, Literal(-1)); }), "the number -1 does not fit u32");
  EXPECT_EQ(messageOf([&] { sum(f16, Literal(1e6)); }), "the number 1000000.0 does not fit f16");
  EXPECT_EQ(messageOf([&] { sum(i32, Literal(int64_t(1) << 31)); }),
            "the number 2147483648 does not fit i32");
}

TEST_F(BuilderTest, MixedTypesFollowTheTable) {
  EXPECT_EQ(sum(u8, u8), Elem::u8);
  EXPECT_EQ(sum(i8, i32), Elem::i32);
  EXPECT_EQ(sum(i8, u8), Elem::u8) << "same width: unsigned";
  EXPECT_EQ(sum(i8, u32), Elem::u32);
  EXPECT_EQ(sum(u32, i64), Elem::i64);
  EXPECT_EQ(sum(i64, f16), Elem::f16) << "an integer with a float gives that float";
  EXPECT_EQ(sum(f16, f32), Elem::f32);
  EXPECT_EQ(sum(b1, b1), Elem::i32);
  EXPECT_EQ(sum(b1, f16), Elem::f16);
  EXPECT_EQ(messageOf([&] { sum(f16, bf16); }), "+: f16 and bf16 have no common type, got f16 and bf16");
}

TEST_F(BuilderTest, TrueDivisionOfIntegersIsFloat) {
  EXPECT_EQ(elem(b.binary(Operator::truediv, i32, i32)), Elem::f32);
  EXPECT_EQ(elem(b.binary(Operator::truediv, f16, i32)), Elem::f16);
  EXPECT_EQ(elem(b.binary(Operator::floordiv, u8, u8)), Elem::u8);
}

TEST_F(BuilderTest, ASquareHasTheTypeOfThePower) {
  EXPECT_EQ(elem(b.binary(Operator::pow, i32, Literal(2.0))), Elem::f32)
      << "an integer and a float literal make f32";
  EXPECT_EQ(elem(b.binary(Operator::pow, u8, Literal(2.0))), Elem::f32);
  EXPECT_EQ(elem(b.binary(Operator::pow, i32, Literal(2))), Elem::i32);
  EXPECT_EQ(elem(b.binary(Operator::pow, f16, Literal(2))), Elem::f16);
}

TEST_F(BuilderTest, AWholeFloatLiteralConvertsToAnIntegerThatHoldsIt) {
  auto bitsOf = [&](double x, Elem e) { return f.definition(b.cast(Literal(x), e))->immediate; };
  EXPECT_EQ(bitsOf(3.0, Elem::i32), 3u);
  EXPECT_EQ(bitsOf(-0.0, Elem::u8), 0u);
  EXPECT_EQ(bitsOf(-2.0, Elem::i8), 0xFEu);
  EXPECT_EQ(bitsOf(0x1p63, Elem::u64), uint64_t(1) << 63);
  EXPECT_EQ(bitsOf(-0x1p63, Elem::i64), uint64_t(1) << 63);
  for (double x : {0x1p63, 0x1p64, 1e300, -1e300, 2.5, std::numeric_limits<double>::infinity(), std::nan("")})
    EXPECT_NE(messageOf([&] { b.cast(Literal(x), Elem::i64); }).find("does not fit i64"), std::string::npos)
        << x;
  EXPECT_EQ(messageOf([&] { b.cast(Literal(3e9), Elem::i32); }), "the number 3000000000 does not fit i32");
}

TEST_F(BuilderTest, MisusedOpcodesAreErrors) {
  EXPECT_EQ(messageOf([&] { b.query(Opcode::thread_position_in_grid, 3); }),
            "thread_position_in_grid: the component must be 0, 1 or 2, got 3");
  EXPECT_EQ(messageOf([&] { b.query(Opcode::thread_index_in_simdgroup, 1); }),
            "thread_index_in_simdgroup: has one component, got 1");
  EXPECT_EQ(messageOf([&] { b.query(Opcode::sqrt); }), "sqrt: is no thread query");
  EXPECT_EQ(messageOf([&] { b.binary(Operator::add, i32, Value{}); }), "+: needs values, got none");
  EXPECT_EQ(messageOf([&] { b.emit(Opcode::constant, {}); }), "constant: is not made by emit()");
}

TEST_F(BuilderTest, LogicOnBooleansStaysBoolean) {
  EXPECT_EQ(elem(b.binary(Operator::and_, b1, b1)), Elem::b1);
  EXPECT_EQ(elem(b.binary(Operator::xor_, b1, Literal(true))), Elem::b1);
  EXPECT_EQ(elem(b.binary(Operator::and_, b1, i32)), Elem::i32);
  EXPECT_EQ(messageOf([&] { b.binary(Operator::or_, f32, i32); }),
            "|: needs an integer or b1, got f32 and i32");
}

TEST_F(BuilderTest, AShiftKeepsTheTypeOfItsLeftOperand) {
  EXPECT_EQ(elem(b.binary(Operator::shl, u8, i32)), Elem::u8);
  EXPECT_EQ(elem(b.binary(Operator::shl, Literal(1), u32)), Elem::u32);
  Value shifted = b.binary(Operator::shr, i32, Literal(33));
  const Op *op = f.definition(shifted);
  EXPECT_EQ(f.definition(f.operands(*op)[1])->immediate, 1u) << "counts are taken modulo the width";
}

TEST_F(BuilderTest, FunctionsSayWhatTheyNeed) {
  EXPECT_EQ(messageOf([&] { b.emit(Opcode::sqrt, {i32}); }), "sqrt: needs a float, got i32");
  EXPECT_EQ(messageOf([&] { b.emit(Opcode::popcount, {f32}); }), "popcount: needs an integer, got f32");
  EXPECT_EQ(elem(b.emit(Opcode::abs_diff, {i8, i8})), Elem::u8);
  EXPECT_EQ(elem(b.emit(Opcode::isnan, {f16})), Elem::b1);
  EXPECT_EQ(messageOf([&] { b.emit(Opcode::select, {i32, f32, f32}); }),
            "select_: condition must be b1, got i32");
}

TEST_F(BuilderTest, StoresConvertButKeepTheMeaning) {
  Value buffer = f.addParam({"A", Type::buffer(Elem::i32)});
  b.store(buffer, u32, u8);
  EXPECT_EQ(messageOf([&] { b.store(buffer, u32, f32); }), "store: the buffer holds i32, got f32");
  EXPECT_EQ(messageOf([&] { b.load(buffer, f32); }), "load: an index must be an integer, got f32");
  EXPECT_EQ(messageOf([&] { b.load(buffer, Literal(-1)); }),
            "load: index -1 is before the start of the buffer");
  EXPECT_EQ(messageOf([&] { b.loadIf(buffer, u32, i32, Literal(0)); }),
            "load_if: the mask must be b1, got i32");
  b.loadIf(buffer, Literal(-1), b1, Literal(0));
}

// Interprets comparisons of two 64-bit patterns in two types by the operations that the builder made.
struct Evaluator {
  const Function &f;
  std::vector<__int128> values;
  __int128 wrap(Elem e, __int128 x) {
    if (e == Elem::b1)
      return x != 0;
    uint64_t bits = uint64_t(x) & (~uint64_t(0) >> (64 - ir::bits(e)));
    return isSigned(e) ? __int128(constantInteger(e, bits)) : __int128(bits);
  }
  __int128 run(Value result) {
    for (uint32_t index : f.body()) {
      const Op &op = f.op(index);
      auto in = [&](int k) { return values[f.operands(op)[k].id]; };
      __int128 out = 0;
      Elem e = f.type(f.result(op)).elem;
      switch (op.opcode) {
      case Opcode::constant:
        out = wrap(e, __int128(op.immediate));
        break;
      case Opcode::cast:
        out = wrap(e, in(0));
        break;
      case Opcode::cmp_lt:
        out = in(0) < in(1);
        break;
      case Opcode::cmp_le:
        out = in(0) <= in(1);
        break;
      case Opcode::cmp_gt:
        out = in(0) > in(1);
        break;
      case Opcode::cmp_ge:
        out = in(0) >= in(1);
        break;
      case Opcode::cmp_eq:
        out = in(0) == in(1);
        break;
      case Opcode::cmp_ne:
        out = in(0) != in(1);
        break;
      case Opcode::or_:
        out = in(0) | in(1);
        break;
      case Opcode::and_:
        out = in(0) & in(1);
        break;
      default:
        ADD_FAILURE() << info(op.opcode).name;
      }
      values.resize(std::max<size_t>(values.size(), f.result(op).id + 1));
      values[f.result(op).id] = out;
    }
    return values[result.id];
  }
};

TEST(Comparison, IsMathematicalBetweenAllIntegerTypes) {
  const Opcode ops[] = {Opcode::cmp_lt, Opcode::cmp_le, Opcode::cmp_gt,
                        Opcode::cmp_ge, Opcode::cmp_eq, Opcode::cmp_ne};
  for (int ea = 1; ea < 9; ++ea)
    for (int eb = 1; eb < 9; ++eb)
      for (Opcode op : ops) {
        auto ta = static_cast<Elem>(ea), tb = static_cast<Elem>(eb);
        Function f("k");
        Value a = f.addParam({"a", Type::value(ta)}), b = f.addParam({"b", Type::value(tb)});
        Builder builder(f);
        Value c = builder.compare(op, a, b);
        Evaluator run{f, {}};
        auto edges = [&](Elem e) {
          __int128 high = (__int128(1) << (bits(e) - isSigned(e))) - 1;
          return std::vector<__int128>{isSigned(e) ? -high - 1 : 0, isSigned(e) ? __int128(-1) : __int128(1),
                                       0, 1, high};
        };
        for (__int128 x : edges(ta))
          for (__int128 y : edges(tb)) {
            run.values = {0, x, y};
            bool expected = op == Opcode::cmp_lt   ? x < y
                            : op == Opcode::cmp_le ? x <= y
                            : op == Opcode::cmp_gt ? x > y
                            : op == Opcode::cmp_ge ? x >= y
                            : op == Opcode::cmp_eq ? x == y
                                                   : x != y;
            ASSERT_EQ(bool(run.run(c)), expected) << info(op).name << " " << name(ta) << "(" << int64_t(x)
                                                  << ") " << name(tb) << "(" << int64_t(y) << ")";
          }
      }
}

} // namespace
