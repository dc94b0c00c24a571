// SPDX-License-Identifier: MIT
//
// The functions in vectors: as near to the double as f32 can be, the same bits on every level of
// instructions, and the same for a lane alone as among others, also where some of them go elsewhere.
#include "LaneVectorMath.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string_view>
#include <vector>

using namespace enigma::host;

namespace {

using Unary = void (*)(float *, const float *, uint32_t);
using Binary = void (*)(float *, const float *, const float *, uint32_t);

bool isBinary(std::string_view name) { return name.starts_with("pow") || name == "atan2"; }

/// Every 50021st f32 there is, and those where functions turn; a whole number of 32 lanes.
std::vector<float> sampled() {
  std::vector<float> values;
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 50021)
    values.push_back(std::bit_cast<float>(uint32_t(bits)));
  const float inf = INFINITY, least = std::numeric_limits<float>::denorm_min();
  for (float turn : {0.0f,        least,         1.17549435e-38f,
                     0.25f,       0.41421356f,   2.41421356f,
                     0.414f,      3.92f,         6.0f,
                     0.5f,        0.70710678f,   1.0f,
                     1.57079633f, 2.0f,          3.14159265f,
                     88.72283f,   88.72284f,     103.97f,
                     128.0f,      149.0f,        150.0f,
                     38.53f,      45.2f,         1e6f,
                     1000001.0f,  3.4028235e38f, inf,
                     NAN})
    for (float value : {turn, std::nextafter(turn, inf), std::nextafter(turn, 0.0f)}) {
      values.push_back(value);
      values.push_back(-value);
    }
  while (values.size() % 32)
    values.push_back(1.0f);
  return values;
}

std::vector<float> results(const LaneFunction &function, const std::vector<float> &x,
                           const std::vector<float> &y, uint32_t lanes) {
  std::vector<float> out(x.size());
  for (size_t i = 0; i < x.size(); i += lanes)
    if (isBinary(function.name))
      reinterpret_cast<Binary>(function.address)(&out[i], &x[i], &y[i], lanes);
    else
      reinterpret_cast<Unary>(function.address)(&out[i], &x[i], lanes);
  return out;
}

std::vector<float> shuffled(std::vector<float> values) {
  std::shuffle(values.begin(), values.end(), std::mt19937(1));
  return values;
}

/// Exponents that keep many powers in range, among others.
std::vector<float> exponents(size_t n) {
  std::mt19937 engine(2);
  std::vector<float> values(n);
  for (float &value : values)
    value = engine() % 4 ? std::ldexp(float(int32_t(engine())), -int(24 + engine() % 12))
                         : std::bit_cast<float>(uint32_t(engine()));
  return values;
}

/// How far a result is from the double in units of the last place, 0 if no float is nearer.
double distance(float got, double want) {
  if (std::isnan(got) || std::isnan(want))
    return std::isnan(got) && std::isnan(want) ? 0 : INFINITY;
  const auto nearest = static_cast<float>(want);
  if (got == nearest)
    return std::signbit(got) == std::signbit(nearest) ? 0 : INFINITY;
  if (std::isinf(got) || std::isinf(nearest))
    return INFINITY;
  return std::fabs(double(got) - want) /
         std::fabs(double(std::nextafter(nearest, INFINITY)) - double(nearest));
}

double reference(std::string_view name, float x, float y) {
  const std::pair<const char *, double (*)(double)> functions[] = {
      {"acos", std::acos},   {"acosh", std::acosh}, {"asin", std::asin}, {"asinh", std::asinh},
      {"atan", std::atan},   {"atanh", std::atanh}, {"cos", std::cos},   {"cosh", std::cosh},
      {"erf", std::erf},     {"exp", std::exp},     {"exp2", std::exp2}, {"log", std::log},
      {"log10", std::log10}, {"log2", std::log2},   {"sin", std::sin},   {"sinh", std::sinh},
      {"tan", std::tan},     {"tanh", std::tanh}};
  for (auto [known, function] : functions)
    if (name == known)
      return function(x);
  if (name == "atan2")
    return std::atan2(double(x), double(y));
  if (name == "exp10")
    return std::pow(10.0, double(x));
  if (name == "powr" && x < 0)
    return NAN;
  return std::pow(name == "powr" ? std::fabs(double(x)) : double(x), double(y));
}

TEST(LaneVectorMath, ResultsAreTheNearestFloatButForTies) {
  const std::vector<float> x = shuffled(sampled()), y = exponents(x.size());
  for (const LaneFunction &function : laneVectorFunctions()) {
    const std::vector<float> got = results(function, x, y, 32);
    double worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < x.size(); ++i)
      if (const double error = distance(got[i], reference(function.name, x[i], y[i])); error > worst) {
        // What the vectors do not take is the C library's, whose f32 functions are within 1 ulp.
        const bool isLibrary = std::fabs(x[i]) > 1e6f || isBinary(function.name);
        if (isLibrary && error <= 1)
          continue;
        worst = error;
        at = i;
      }
    EXPECT_LE(worst, 0.501) << function.name << " of " << x[at] << ", " << y[at] << " gives " << got[at];
  }
}

TEST(LaneVectorMath, PowersOfPositiveNumbersAreTheNearestFloatToo) {
  std::mt19937 engine(3);
  std::uniform_real_distribution<float> logs(-40, 40), small(-2, 2);
  std::vector<float> x(32 * 2000), y(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = i % 3 ? std::exp(logs(engine)) : 1 + small(engine) * 1e-3f;
    y[i] = i % 2 ? small(engine) : logs(engine);
  }
  for (const LaneFunction &function : laneVectorFunctions())
    if (std::string_view(function.name).starts_with("pow")) {
      const std::vector<float> got = results(function, x, y, 32);
      for (size_t i = 0; i < x.size(); ++i)
        ASSERT_LE(distance(got[i], std::pow(double(x[i]), double(y[i]))), 0.501)
            << x[i] << " to the " << y[i];
    }
}

TEST(LaneVectorMath, AllLevelsAndALaneAloneGiveTheSameBits) {
  const std::vector<float> x = shuffled(sampled()), y = exponents(x.size());
  for (const auto &level : laneVectorLevels())
    for (size_t f = 0; f < level.size(); ++f) {
      const LaneFunction &first = laneVectorLevels().front()[f];
      ASSERT_STREQ(level[f].name, first.name);
      const std::vector<float> expected = results(first, x, y, 32);
      for (const uint32_t lanes : {32u, 1u}) {
        const std::vector<float> got = results(level[f], x, y, lanes);
        size_t differ = 0;
        for (size_t i = 0; i < x.size(); ++i)
          differ +=
              !(std::isnan(got[i]) && std::isnan(expected[i])) && std::memcmp(&got[i], &expected[i], 4) != 0;
        EXPECT_EQ(differ, 0u) << first.name << " in " << lanes << " lanes";
      }
    }
}

TEST(LaneVectorMath, SpecialNumbersAreAsTheLibraryHasThem) {
  const float inf = INFINITY, least = std::numeric_limits<float>::denorm_min();
  const std::vector<float> special{0.0f,  -0.0f,  1.0f,          -1.0f, inf,  -inf, NAN,
                                   least, -least, 3.4028235e38f, -2.0f, 3.0f, 0.5f, -0.5f};
  std::vector<float> x, y;
  for (float a : special)
    for (float b : special) {
      x.push_back(a);
      y.push_back(b);
    }
  for (const LaneFunction &vector : laneVectorFunctions())
    for (const LaneFunction &scalar : scalarLaneFunctions())
      if (std::string_view(vector.name) == scalar.name) {
        const std::vector<float> got = results(vector, x, y, 1), expected = results(scalar, x, y, 1);
        for (size_t i = 0; i < x.size(); ++i)
          EXPECT_LE(distance(got[i], expected[i]), 1.0) << vector.name << " of " << x[i] << ", " << y[i];
      }
}

TEST(LaneVectorMath, TheyStandInTheTableOfFunctions) {
  for (const LaneFunction &vector : laneVectorFunctions())
    EXPECT_EQ(findLaneFunction(vector.name)->address, vector.address) << vector.name;
#if defined(__clang__) && (defined(__aarch64__) || defined(__AVX2__))
  EXPECT_FALSE(laneVectorFunctions().empty());
#endif
}

} // namespace
