// SPDX-License-Identifier: MIT
// Literals as bits: one rounding, to nearest even, and refusal of what does not fit.
#include "enigma/IR/Constant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace enigma::ir;

namespace {

TEST(Constant, KnownHalves) {
  EXPECT_EQ(constantBits(Elem::f16, 1.0), 0x3C00u);
  EXPECT_EQ(constantBits(Elem::f16, -2.0), 0xC000u);
  EXPECT_EQ(constantBits(Elem::f16, 65504.0), 0x7BFFu);
  EXPECT_EQ(constantBits(Elem::f16, 65519.99), 0x7BFFu);
  EXPECT_EQ(constantBits(Elem::f16, 65520.0), std::nullopt) << "rounds to infinity";
  EXPECT_EQ(constantBits(Elem::f16, std::numeric_limits<double>::infinity()), 0x7C00u);
  EXPECT_EQ(constantBits(Elem::f16, std::ldexp(1.0, -24)), 0x0001u) << "smallest subnormal";
  EXPECT_EQ(constantBits(Elem::f16, std::ldexp(1.0, -25)), 0x0000u) << "half of it: to even";
  EXPECT_EQ(constantBits(Elem::f16, std::ldexp(3.0, -25)), 0x0002u) << "one and a half: to even";
  EXPECT_EQ(constantBits(Elem::f16, -0.0), 0x8000u);
  EXPECT_EQ(constantBits(Elem::f16, 0.1), 0x2E66u);
}

TEST(Constant, IntegersAreRoundedOnce) {
  // As a double the first would lose its last bit, and then be halfway between two floats.
  EXPECT_EQ(constantBits(Elem::f32, (uint64_t(1) << 60) + (uint64_t(1) << 36) + 1), 0x5D800001u);
  EXPECT_EQ(constantBits(Elem::f32, (uint64_t(1) << 60) + (uint64_t(1) << 36)), 0x5D800000u)
      << "halfway: to even";
  EXPECT_EQ(constantBits(Elem::f32, -int64_t((uint64_t(1) << 60) + (uint64_t(1) << 36) + 1)), 0xDD800001u);
  EXPECT_EQ(constantBits(Elem::bf16, (uint64_t(1) << 60) + (uint64_t(1) << 52) + 1), 0x5D81u);
  EXPECT_EQ(constantBits(Elem::f32, ~uint64_t(0)), 0x5F800000u);
  EXPECT_EQ(constantBits(Elem::f16, 65520), std::nullopt);
  EXPECT_EQ(constantBits(Elem::f16, 65519), 0x7BFFu);
}

TEST(Constant, KnownBfloats) {
  EXPECT_EQ(constantBits(Elem::bf16, 1.0), 0x3F80u);
  EXPECT_EQ(constantBits(Elem::bf16, 1.00390625), 0x3F80u) << "halfway: to even";
  EXPECT_EQ(constantBits(Elem::bf16, 1.01171875), 0x3F82u) << "halfway: to even, upwards";
  EXPECT_EQ(constantBits(Elem::bf16, 3.4e38), std::nullopt);
}

TEST(Constant, SinglesAreRoundedOnce) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100000; ++i) {
    double x = std::ldexp(double(int64_t(random())), int(random() % 240) - 180);
    float expected = static_cast<float>(x);
    uint32_t bits;
    std::memcpy(&bits, &expected, 4);
    if (std::isinf(expected))
      EXPECT_EQ(constantBits(Elem::f32, x), std::nullopt);
    else
      ASSERT_EQ(constantBits(Elem::f32, x), bits) << x;
  }
}

TEST(Constant, IntegersFitTheirRangeExactly) {
  EXPECT_EQ(constantBits(Elem::u8, 255), 255u);
  EXPECT_EQ(constantBits(Elem::u8, 256), std::nullopt);
  EXPECT_EQ(constantBits(Elem::u8, -1), std::nullopt);
  EXPECT_EQ(constantBits(Elem::i8, -128), 0x80u);
  EXPECT_EQ(constantBits(Elem::i8, 128), std::nullopt);
  EXPECT_EQ(constantBits(Elem::i64, std::numeric_limits<int64_t>::min()), uint64_t(1) << 63);
  EXPECT_EQ(constantBits(Elem::u64, std::numeric_limits<uint64_t>::max()), ~uint64_t(0));
  EXPECT_EQ(constantBits(Elem::i64, uint64_t(1) << 63), std::nullopt);
  EXPECT_EQ(constantBits(Elem::i32, 1.0), std::nullopt) << "a float literal is no integer";
  EXPECT_EQ(constantBits(Elem::b1, 2), std::nullopt);
}

TEST(Constant, EveryHalfAndBfloatReadsBackFromItsText) {
  for (Elem elem : {Elem::f16, Elem::bf16})
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      double x = constantNumber(elem, bits);
      if (std::isnan(x))
        continue;
      ASSERT_EQ(constantBits(elem, x), bits);
      if (std::isfinite(x)) {
        ASSERT_EQ(constantBits(elem, std::stod(constantText(elem, bits))), bits) << constantText(elem, bits);
      }
    }
  EXPECT_EQ(constantText(Elem::f16, 0x2E66), "0.1");
  EXPECT_EQ(constantText(Elem::f32, 0x3DCCCCCD), "0.1");
  EXPECT_EQ(constantText(Elem::i8, 0x80), "-128");
  EXPECT_EQ(constantText(Elem::u64, ~uint64_t(0)), "18446744073709551615");
}

} // namespace
