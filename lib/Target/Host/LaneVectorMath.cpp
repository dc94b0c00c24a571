// SPDX-License-Identifier: MIT
//
// See LaneVectorMath.h; the functions are in LaneVectorMath.inc. Vectors need fused multiply-adds: x86-64 has
// them from its level v3 (AVX2) on, and v4 has vectors of 512 bits.
#include "LaneVectorMath.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace enigma::host {
namespace {

/// For arguments that the vectors do not take.
namespace scalar {
float sin(float x) { return std::sin(x); }
float cos(float x) { return std::cos(x); }
float tan(float x) { return static_cast<float>(std::tan(static_cast<double>(x))); }
float atan2(float y, float x) {
  return static_cast<float>(std::atan2(static_cast<double>(y), static_cast<double>(x)));
}
float pow(float x, float y) { return std::pow(x, y); }
float powr(float x, float y) {
  return x < 0 ? std::numeric_limits<float>::quiet_NaN() : std::pow(std::fabs(x), y);
}
float never(float x) { return x; }
} // namespace scalar

template <class F>
LaneFunction row(const char *name, F *function) {
  return {name, reinterpret_cast<void *>(function)};
}

#if defined(__clang__) && defined(__x86_64__)
namespace v4 {
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#include "LaneVectorMath.inc"
#pragma clang attribute pop
} // namespace v4
namespace v3 {
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#include "LaneVectorMath.inc"
#pragma clang attribute pop
} // namespace v3
#elif defined(__clang__) && defined(__aarch64__)
namespace neon {
#include "LaneVectorMath.inc"
} // namespace neon
#endif

using Level = std::span<const LaneFunction>;

std::vector<Level> levels() {
  std::vector<Level> all;
#if defined(__clang__) && defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4"))
    all.push_back(v4::kFunctions);
  if (__builtin_cpu_supports("x86-64-v3"))
    all.push_back(v3::kFunctions);
#elif defined(__clang__) && defined(__aarch64__)
  all.push_back(neon::kFunctions);
#endif
  return all;
}

} // namespace

std::span<const Level> laneVectorLevels() {
  static const auto *all = new std::vector<Level>(levels());
  return *all;
}

std::span<const LaneFunction> laneVectorFunctions() {
  return laneVectorLevels().empty() ? Level() : laneVectorLevels().front();
}

} // namespace enigma::host
