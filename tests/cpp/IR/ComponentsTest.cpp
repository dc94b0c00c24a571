// SPDX-License-Identifier: MIT
// What the builder makes of components of vectors, and what it refuses.
#include "enigma/IR/Components.h"

#include "enigma/IR/Builder.h"

#include <gtest/gtest.h>

using namespace enigma;
using namespace enigma::ir;

namespace {

struct Components : testing::Test {
  Function f{"k"};
  Value s = f.addParam({"s", Type::value(Elem::f32)}), i = f.addParam({"i", Type::value(Elem::i32)}),
        v2 = f.addParam({"v2", Type::value(Elem::f32, 2)}),
        v3 = f.addParam({"v3", Type::value(Elem::f32, 3)}),
        v4 = f.addParam({"v4", Type::value(Elem::f32, 4)});
  Builder b{f};

  Opcode opcode(Value v) const { return f.definition(v)->opcode; }
  uint64_t immediate(Value v) const { return f.definition(v)->immediate; }
  Value operand(Value v, size_t n) const { return f.operands(*f.definition(v))[n]; }
  std::string messageOf(auto call) {
    try {
      call();
    } catch (const Error &error) {
      return error.message();
    }
    return "no error";
  }
  Value swizzled(Value v, std::vector<int> c) { return b.swizzle(v, c); }
  Value changed(Value v, std::vector<int> c, Operand x) { return b.withComponents(v, c, x); }
};

TEST_F(Components, LettersAreOfOneSetAndNoMoreThanFour) {
  EXPECT_EQ(componentsOf("wzyx"), (std::vector{3, 2, 1, 0}));
  EXPECT_EQ(componentsOf("bgr"), (std::vector{2, 1, 0}));
  for (const char *none : {"", "xg", "q", "xyzwx"})
    EXPECT_TRUE(componentsOf(none).empty()) << none;
}

TEST_F(Components, ASwizzleOfAllInOrderIsTheVectorAndOneOfOneAComponent) {
  EXPECT_EQ(swizzled(v3, {0, 1, 2}), v3);
  Value one = swizzled(v3, {2});
  EXPECT_EQ(opcode(one), Opcode::extract);
  EXPECT_EQ(immediate(one), 2u);
  EXPECT_EQ(f.type(one), Type::value(Elem::f32));
  Value back = swizzled(v4, {3, 0, 0});
  EXPECT_EQ(opcode(back), Opcode::swizzle);
  EXPECT_EQ(immediate(back), 3u);
  EXPECT_EQ(f.type(back), Type::value(Elem::f32, 3));
  EXPECT_EQ(messageOf([&] { swizzled(v2, {0, 2}); }), "a f32x2 has no component z");
}

TEST_F(Components, AKnownIndexMayCountFromTheEndAndMustBeInside) {
  EXPECT_EQ(immediate(b.extract(v3, Literal(-1))), 2u);
  EXPECT_EQ(immediate(b.extract(v3, Literal(0))), 0u);
  EXPECT_EQ(messageOf([&] { b.extract(v3, Literal(3)); }),
            "extract: index 3 of a f32x3, which has 3 components");
  EXPECT_EQ(messageOf([&] { b.extract(v3, Literal(-4)); }),
            "extract: index -4 of a f32x3, which has 3 components");
  EXPECT_EQ(messageOf([&] { b.extract(v3, Literal(1.0)); }), "extract: an index must be an integer, got 1.0");
  EXPECT_EQ(messageOf([&] { b.extract(s, Literal(0)); }), "extract: needs a vector, got f32");
}

TEST_F(Components, AComputedIndexReadsByBitsAndReplacesWhereItIsEqual) {
  Value read = b.extract(v4, i);
  EXPECT_EQ(opcode(read), Opcode::extract_at);
  EXPECT_EQ(f.type(operand(read, 1)), Type::value(Elem::u32)); // so that -1 is past the end
  Value replaced = b.insert(v4, i, s);
  EXPECT_EQ(opcode(replaced), Opcode::select);
  EXPECT_EQ(operand(replaced, 2), v4);
  EXPECT_EQ(f.type(operand(replaced, 0)), Type::value(Elem::b1, 4));
  EXPECT_EQ(f.type(replaced), f.type(v4));
}

TEST_F(Components, ReplacingKeepsTheOthersAndReplacingAllKeepsNone) {
  Value x = changed(v3, {1}, s);
  EXPECT_EQ(opcode(x), Opcode::make_vector);
  EXPECT_EQ(operand(x, 1), s);
  EXPECT_EQ(immediate(operand(x, 0)), 0u);
  EXPECT_EQ(immediate(operand(x, 2)), 2u);
  EXPECT_EQ(changed(v3, {0, 1, 2}, v3), v3);
  Value turned = changed(v2, {1, 0}, v2);
  EXPECT_EQ(immediate(operand(turned, 0)), 1u);
  EXPECT_EQ(messageOf([&] { changed(v3, {0, 0}, v2); }), "component x is assigned twice in one swizzle");
  EXPECT_EQ(messageOf([&] { changed(v3, {0, 3}, v2); }), "a f32x3 has no component w");
  EXPECT_NE(messageOf([&] { changed(v3, {0, 1}, v3); }).find("got f32x3"), std::string::npos);
}

TEST_F(Components, AVectorIsMadeOfPartsThatHaveItsNumberOfComponents) {
  const Operand parts[] = {v2, Literal(1), s};
  Value v = b.makeVector(Type::value(Elem::f16, 4), parts);
  EXPECT_EQ(f.type(v), Type::value(Elem::f16, 4));
  for (size_t c = 0; c < 4; ++c)
    EXPECT_EQ(f.type(operand(v, c)), Type::value(Elem::f16)) << c;
  const Operand one[] = {s};
  EXPECT_EQ(opcode(b.makeVector(Type::value(Elem::f32, 3), one)), Opcode::splat);
  const Operand few[] = {v2, s};
  EXPECT_EQ(messageOf([&] { b.makeVector(Type::value(Elem::f32, 4), few); }),
            "f32x4: needs 4 components, got 3 (f32x2, f32)");
}

TEST_F(Components, BitsAreReadAsATypeOfAsMany) {
  EXPECT_EQ(f.type(b.asType(v2, Type::value(Elem::u16, 4))), Type::value(Elem::u16, 4));
  EXPECT_EQ(f.type(b.asType(s, Type::value(Elem::u8, 4))), Type::value(Elem::u8, 4));
  EXPECT_NE(messageOf([&] { b.asType(v3, Type::value(Elem::f32, 4)); }), "no error");
  EXPECT_NE(messageOf([&] { b.asType(s, Type::value(Elem::u16)); }), "no error");
}

} // namespace
