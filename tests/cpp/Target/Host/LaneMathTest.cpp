// SPDX-License-Identifier: MIT
//
// The functions that generated code calls, apart from it: the table, and accuracy over their whole range.
#include "LaneMath.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

using namespace enigma::host;

namespace {

TEST(LaneMath, TheTableIsSortedAndFindsItsRows) {
  const auto all = laneFunctions();
  for (size_t i = 0; i < all.size(); ++i) {
    if (i)
      EXPECT_LT(std::strcmp(all[i - 1].name, all[i].name), 0) << all[i].name;
    EXPECT_EQ(findLaneFunction(all[i].name), &all[i]);
  }
  EXPECT_EQ(findLaneFunction("no_such_function"), nullptr);
}

using Unary = void (*)(float *, const float *, uint32_t);

double ulps(float got, double want) {
  if (std::isnan(got) || std::isnan(want))
    return std::isnan(got) && std::isnan(want) ? 0 : INFINITY;
  const float nearest = static_cast<float>(want);
  if (got == nearest)
    return 0;
  const double step = std::fabs(double(std::nextafter(nearest, INFINITY)) - double(nearest));
  return std::fabs(double(got) - want) / step;
}

TEST(LaneMath, FunctionsAreWithinOneUlpOfDouble) {
  const std::pair<const char *, double (*)(double)> functions[] = {
      {"exp", std::exp},     {"exp2", std::exp2}, {"log", std::log},     {"log2", std::log2},
      {"log10", std::log10}, {"sin", std::sin},   {"cos", std::cos},     {"tan", std::tan},
      {"asin", std::asin},   {"acos", std::acos}, {"atan", std::atan},   {"sinh", std::sinh},
      {"cosh", std::cosh},   {"tanh", std::tanh}, {"asinh", std::asinh}, {"acosh", std::acosh},
      {"atanh", std::atanh}, {"erf", std::erf}};
  // Every 99733rd f32 there is.
  std::vector<float> values, results(32);
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 99733)
    values.push_back(std::bit_cast<float>(uint32_t(bits)));
  values.resize(values.size() / 32 * 32);
  for (const auto &[name, reference] : functions) {
    const auto function = reinterpret_cast<Unary>(findLaneFunction(name)->address);
    double worst = 0;
    float worstAt = 0;
    for (size_t i = 0; i < values.size(); i += 32) {
      function(results.data(), &values[i], 32);
      for (size_t lane = 0; lane < 32; ++lane)
        if (const double error = ulps(results[lane], reference(values[i + lane])); error > worst) {
          worst = error;
          worstAt = values[i + lane];
        }
    }
    EXPECT_LE(worst, 1.0) << name << " at " << worstAt;
  }
}

TEST(LaneMath, HalfTurnsAreExactAtMultiplesOfAQuarter) {
  const auto at = [](const char *name, float x) {
    float y = 0;
    reinterpret_cast<Unary>(findLaneFunction(name)->address)(&y, &x, 1);
    return y;
  };
  for (const float n : {0.0f, 1.0f, 2.0f, 3.0f, 1001.0f, 16777216.0f, 3e38f}) {
    EXPECT_EQ(at("sinpi", n), 0.0f) << n;
    EXPECT_EQ(at("sinpi", -n), 0.0f) << n;
    EXPECT_EQ(std::fabs(at("cospi", n)), 1.0f) << n;
    EXPECT_EQ(at("tanpi", n), 0.0f) << n;
  }
  EXPECT_EQ(at("sinpi", 0.5f), 1.0f);
  EXPECT_EQ(at("sinpi", 1.5f), -1.0f);
  EXPECT_EQ(at("sinpi", -2.5f), -1.0f);
  EXPECT_EQ(at("cospi", 0.5f), 0.0f);
  EXPECT_EQ(at("cospi", 1.0f), -1.0f);
  EXPECT_EQ(at("tanpi", 0.25f), 1.0f);
  EXPECT_EQ(at("tanpi", -0.75f), 1.0f);
  EXPECT_TRUE(std::isinf(at("tanpi", 0.5f)));
  EXPECT_TRUE(std::isnan(at("sinpi", INFINITY)));
  EXPECT_TRUE(std::signbit(at("sinpi", -0.0f)));
}

} // namespace
