// SPDX-License-Identifier: MIT
//
// <simd/simd.h> gives shared headers the names simd::float4 and so on.
#pragma once
#include <metal_stdlib>
#define MSL_SIMD_NAMES(T)                                                                                    \
  using ::T##2;                                                                                              \
  using ::T##3;                                                                                              \
  using ::T##4;
namespace simd {
// clang-format off: it never settles on these
MSL_SIMD_NAMES(char)
MSL_SIMD_NAMES(uchar)
MSL_SIMD_NAMES(short)
MSL_SIMD_NAMES(ushort)
MSL_SIMD_NAMES(int)
MSL_SIMD_NAMES(uint)
MSL_SIMD_NAMES(long)
MSL_SIMD_NAMES(ulong)
MSL_SIMD_NAMES(half)
MSL_SIMD_NAMES(float)
// clang-format on
using ::float2x2;
using ::float3x3;
using ::float4x4;
} // namespace simd
