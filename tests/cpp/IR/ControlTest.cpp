// SPDX-License-Identifier: MIT
// Regions: what they carry, how they print and hash, and how a state is come back to.
#include "enigma/IR/Builder.h"

#include <gtest/gtest.h>

using namespace enigma;
using namespace enigma::ir;

namespace {

struct Sum {
  Function f{"sum"};
  Value a = f.addParam({"A", Type::buffer(Elem::f32)}), n = f.addParam({"n", Type::value(Elem::i32)});
  Value out = f.addParam({"Out", Type::buffer(Elem::f32)});
  Builder b{f};
  Value zero = b.literal(0.0), lower = b.literal(0), step = b.literal(1);
  Value total;

  explicit Sum(Opcode inner = Opcode::add) {
    uint32_t body = b.openRegion({Type::value(Elem::i32), Type::value(Elem::f32)});
    auto args = f.region(body).args;
    b.closeRegion({b.emit(inner, {args[1], b.load(a, args[0])})});
    total = b.forLoop(lower, n, step, {zero}, body)[0];
    b.store(out, Literal(0), total);
  }
};

TEST(Control, ALoopPrintsWhatItCarries) {
  EXPECT_EQ(Sum().f.str(), "kernel enigma_kernel_sum(%A: buffer<f32>, %n: i32, %Out: buffer<f32>) {\n"
                           "  %0 = constant 0.0 : f32\n"
                           "  %1 = constant 0 : i32\n"
                           "  %2 = constant 1 : i32\n"
                           "  %3 = for %1, %n, %2, %0 : f32 {\n"
                           "  ^(%4: i32, %5: f32):\n"
                           "    %6 = load %A, %4 : f32\n"
                           "    %7 = add %5, %6 : f32\n"
                           "    yield %7\n"
                           "  }\n"
                           "  %8 = constant 0 : u32\n"
                           "  store %3, %Out, %8\n"
                           "}\n");
}

TEST(Control, VerifyAcceptsItAndHashesTellBodiesApart) {
  Sum add, sub(Opcode::sub);
  verify(add.f);
  EXPECT_NE(hash(add.f, HashScope::structure), hash(sub.f, HashScope::structure));
  EXPECT_EQ(hash(add.f, HashScope::structure), hash(Sum().f, HashScope::structure));
}

TEST(Control, ProgramOrderPutsABodyAfterItsLoop) {
  Sum sum;
  std::vector<std::string> names;
  for (uint32_t index : sum.f.programOrder())
    names.emplace_back(info(sum.f.op(index).opcode).name);
  EXPECT_EQ(names, (std::vector<std::string>{"constant", "constant", "constant", "for", "load", "add",
                                             "yield", "constant", "store"}));
}

TEST(Control, AValueOfABodyIsNotDefinedAfterIt) {
  Function f("escape");
  Value out = f.addParam({"Out", Type::buffer(Elem::f32)}), c = f.addParam({"c", Type::value(Elem::b1)});
  Builder b(f);
  uint32_t then = b.openRegion({});
  Value inside = b.literal(1.0);
  b.closeRegion({});
  uint32_t otherwise = b.openRegion({});
  b.closeRegion({});
  b.ifElse(c, then, otherwise);
  b.store(out, Literal(0), inside);
  try {
    verify(f);
    FAIL();
  } catch (const Error &error) {
    EXPECT_EQ(error.message(), "malformed IR: store: uses a value that is not defined before it");
  }
}

TEST(Control, MismatchesAreRefused) {
  Sum sum;
  auto message = [&](auto call) -> std::string {
    try {
      call();
    } catch (const Error &error) {
      return error.message();
    }
    return "no error";
  };
  Builder &b = sum.b;
  uint32_t empty = b.openRegion({});
  b.closeRegion({});
  uint32_t yields = b.openRegion({});
  b.closeRegion({sum.zero});
  EXPECT_EQ(message([&] { b.ifElse(sum.n, empty, empty); }), "if: the condition must be b1, got i32");
  Value yes = b.literal(true);
  EXPECT_EQ(message([&] { b.ifElse(yes, empty, yields); }), "if: the arms yield different types");
  EXPECT_EQ(message([&] { b.forLoop(sum.lower, sum.n, sum.zero, {}, empty); }),
            "for: bounds and step must be integers of one type, got i32, i32 and f32");
  EXPECT_EQ(message([&] { b.forLoop(sum.lower, sum.n, sum.step, {sum.zero}, empty); }),
            "for: the body carries other types than the loop starts with");
  EXPECT_EQ(message([&] { b.whileLoop({}, empty, empty); }),
            "while: a region carries other types than the loop starts with");
  EXPECT_EQ(message([&] { b.closeRegion({}); }), "no region is open");
}

TEST(Control, RollbackForgetsEverythingSinceTheMark) {
  Sum sum;
  std::string before = sum.f.str();
  Hash128 hashed = hash(sum.f, HashScope::structureAndNames);
  auto mark = sum.f.mark();
  uint32_t body = sum.b.openRegion({Type::value(Elem::i32)});
  Value x = sum.b.load(sum.out, sum.f.region(body).args[0]);
  sum.f.setName(x, "x");
  sum.b.store(sum.a, sum.f.region(body).args[0], sum.b.binary(Operator::mul, x, sum.total));
  sum.f.rollback(mark);
  EXPECT_EQ(sum.f.str(), before);
  EXPECT_EQ(hash(sum.f, HashScope::structureAndNames), hashed);
  EXPECT_FALSE(sum.f.params()[0].written);
  EXPECT_EQ(sum.f.value(sum.total).uses, 1u);
  EXPECT_EQ(sum.f.depth(), 0u);
}

TEST(Contract, LeavesAProductOutsideTheLoopAlone) {
  Function f("k");
  Value a = f.addParam({"A", Type::buffer(Elem::f32)}), n = f.addParam({"n", Type::value(Elem::i32)});
  Builder b(f);
  Value x = b.load(a, Literal(0)), product = b.binary(Operator::mul, x, x), zero = b.literal(0.0);
  uint32_t body = b.openRegion({Type::value(Elem::i32), Type::value(Elem::f32)});
  Value inside = b.binary(Operator::mul, f.region(body).args[1], x);
  Value sum = b.binary(Operator::add, product, inside);
  b.closeRegion({sum});
  b.store(a, Literal(0), b.forLoop(b.literal(0), n, b.literal(1), {zero}, body)[0]);
  contract(f);
  verify(f);
  const Op &fused = *f.definition(sum);
  EXPECT_EQ(fused.opcode, Opcode::fma);
  EXPECT_EQ(f.operands(fused)[2], product) << "the product of the body is fused, that from outside added";
}

} // namespace
