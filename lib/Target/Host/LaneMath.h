// SPDX-License-Identifier: MIT
//
// Functions of f32 that generated code calls instead of inlining, over `count` lanes at once: 32, or 1 for a value that
// is the same in all lanes. Out of line they cost no compile time, and they are as accurate as the C library (at most 1
// ulp, most of them correctly rounded but for rare cases, because they compute in double).
//
//   void sin(float *out, const float *a, uint32_t count);
//   void pow(float *out, const float *a, const float *b, uint32_t count);
//
// Generated code finds them by name through LaneFunction; there is no dynamic symbol look-up.
#pragma once

#include <cstdint>
#include <span>

namespace enigma::host {

/// What a lane function takes and gives.
enum class LaneSignature : uint8_t {
  F32,          ///< float(float)
  F32F32,       ///< float(float, float)
  F32I32,       ///< float(float, int32)
  I32OfF32,     ///< int32(float)
  U64U64,       ///< uint64(uint64, uint64), also for i64
  U64U64U64,
};

struct LaneFunction {
  const char *name;
  void *address;
  LaneSignature signature;
};

/// All of them, sorted by name.
std::span<const LaneFunction> laneFunctions();

/// The one called `name`, or null.
const LaneFunction *findLaneFunction(const char *name);

} // namespace enigma::host
