// SPDX-License-Identifier: MIT
//
// Functions of f32 that generated code calls instead of inlining, over `count` lanes at once: 32, or 1 for a
// value that is the same in all lanes. Out of line they cost no compile time, and they are as accurate as the
// C library (at most 1 ulp, most of them correctly rounded but for rare cases, because they compute in
// double). LaneVectorMath.h has the most frequent ones in vectors.
//
//   void sin(float *out, const float *a, uint32_t count);
//   void pow(float *out, const float *a, const float *b, uint32_t count);
//   void div_i64(uint64_t *out, const uint64_t *a, const uint64_t *b, uint32_t count);
//
// Generated code finds them by name through LaneFunction; there is no dynamic symbol look-up.
#pragma once

#include <cstdint>
#include <span>

namespace enigma::host {

struct LaneFunction {
  const char *name;
  void *address;
};

/// All of them, sorted by name, as fast as this CPU can.
std::span<const LaneFunction> laneFunctions();
/// The same as any CPU can; for tests.
std::span<const LaneFunction> scalarLaneFunctions();

/// The one called `name`, or null.
const LaneFunction *findLaneFunction(const char *name);

} // namespace enigma::host
