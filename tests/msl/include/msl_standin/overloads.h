// SPDX-License-Identifier: MIT
//
// Overload lists. MSL functions are plain overloads for each scalar and vector type (a scalar argument widens
// to the vector beside it: `max(v, 0.0f)`), never templates, so a call that is ambiguous in Metal is
// ambiguous here.
//
//     MSL_FLOATS1(sin)  declares  float sin(float), half sin(half), float2 sin(float2), ..., and deletes
//                       bfloat sin(bfloat): Metal has no such function, and a silent trip through float is
//                       refused.
#pragma once

#define MSL_LOOP for (int i = 0; i < int(sizeof(r.d) / sizeof(r.d[0])); ++i)

// Elementwise forms of a scalar function f that is already declared for the element type.
#define MSL_V1(R, V, f)                                                                                      \
  MSL_INLINE R f(V x) {                                                                                      \
    R r{};                                                                                                   \
    for (int i = 0; i < V::N; ++i)                                                                           \
      r.d[i] = f(x.d[i]);                                                                                    \
    return r;                                                                                                \
  }
#define MSL_V2(R, V, f)                                                                                      \
  MSL_INLINE R f(V x, V y) {                                                                                 \
    R r{};                                                                                                   \
    for (int i = 0; i < V::N; ++i)                                                                           \
      r.d[i] = f(x.d[i], y.d[i]);                                                                            \
    return r;                                                                                                \
  }
#define MSL_V3(R, V, f)                                                                                      \
  MSL_INLINE R f(V x, V y, V z) {                                                                            \
    R r{};                                                                                                   \
    for (int i = 0; i < V::N; ++i)                                                                           \
      r.d[i] = f(x.d[i], y.d[i], z.d[i]);                                                                    \
    return r;                                                                                                \
  }
#define MSL_VECTORS1(R, T, f) MSL_V1(R##2, T##2, f) MSL_V1(R##3, T##3, f) MSL_V1(R##4, T##4, f)
#define MSL_VECTORS2(R, T, f) MSL_V2(R##2, T##2, f) MSL_V2(R##3, T##3, f) MSL_V2(R##4, T##4, f)
#define MSL_VECTORS3(R, T, f) MSL_V3(R##2, T##2, f) MSL_V3(R##3, T##3, f) MSL_V3(R##4, T##4, f)

#define MSL_DELETE1(f)                                                                                       \
  void f(bfloat) = delete;                                                                                   \
  void f(bfloat2) = delete;                                                                                  \
  void f(bfloat3) = delete;                                                                                  \
  void f(bfloat4) = delete;
#define MSL_DELETE2(f)                                                                                       \
  void f(bfloat, bfloat) = delete;                                                                           \
  void f(bfloat, float) = delete;                                                                            \
  void f(float, bfloat) = delete;
#define MSL_DELETE3(f) void f(bfloat, bfloat, bfloat) = delete;

// The scalar function `msl_standin::f` is on float; half computes in float and rounds.
#define MSL_FLOATS1(f)                                                                                       \
  MSL_INLINE float f(float x) { return msl_standin::f(x); }                                                  \
  MSL_INLINE half f(half x) { return half(msl_standin::f(float(x))); }                                       \
  MSL_VECTORS1(float, float, f) MSL_VECTORS1(half, half, f) MSL_DELETE1(f)
#define MSL_FLOATS2(f)                                                                                       \
  MSL_INLINE float f(float x, float y) { return msl_standin::f(x, y); }                                      \
  MSL_INLINE half f(half x, half y) { return half(msl_standin::f(float(x), float(y))); }                     \
  MSL_VECTORS2(float, float, f) MSL_VECTORS2(half, half, f) MSL_DELETE2(f)
#define MSL_FLOATS3(f)                                                                                       \
  MSL_INLINE float f(float x, float y, float z) { return msl_standin::f(x, y, z); }                          \
  MSL_INLINE half f(half x, half y, half z) { return half(msl_standin::f(float(x), float(y), float(z))); }   \
  MSL_VECTORS3(float, float, f) MSL_VECTORS3(half, half, f) MSL_DELETE3(f)
// fast:: and precise:: forms exist for float only (MSL section 6.5).
#define MSL_FLOAT_ONLY1(f)                                                                                   \
  MSL_INLINE float f(float x) { return msl_standin::f(x); }                                                  \
  MSL_VECTORS1(float, float, f) MSL_DELETE1(f) void f(half) = delete;
#define MSL_FLOAT_ONLY2(f)                                                                                   \
  MSL_INLINE float f(float x, float y) { return msl_standin::f(x, y); }                                      \
  MSL_VECTORS2(float, float, f) MSL_DELETE2(f) void f(half, half) = delete;
#define MSL_FLOAT_ONLY3(f)                                                                                   \
  MSL_INLINE float f(float x, float y, float z) { return msl_standin::f(x, y, z); }                          \
  MSL_VECTORS3(float, float, f) MSL_DELETE3(f) void f(half, half, half) = delete;

// One scalar template `msl_standin::f<T>` for every integer type.
#define MSL_INTS(M) M(char) M(uchar) M(short) M(ushort) M(int) M(uint) M(long) M(ulong)
#define MSL_INT1_OF(T, f)                                                                                    \
  MSL_INLINE T f(T x) { return msl_standin::f<T>(x); }                                                       \
  MSL_VECTORS1(T, T, f)
#define MSL_INT2_OF(T, f)                                                                                    \
  MSL_INLINE T f(T x, T y) { return msl_standin::f<T>(x, y); }                                               \
  MSL_VECTORS2(T, T, f)
#define MSL_INT3_OF(T, f)                                                                                    \
  MSL_INLINE T f(T x, T y, T z) { return msl_standin::f<T>(x, y, z); }                                       \
  MSL_VECTORS3(T, T, f)
#define MSL_INTS1(f)                                                                                         \
  MSL_INT1_OF(char, f)                                                                                       \
  MSL_INT1_OF(uchar, f)                                                                                      \
  MSL_INT1_OF(short, f)                                                                                      \
  MSL_INT1_OF(ushort, f) MSL_INT1_OF(int, f) MSL_INT1_OF(uint, f) MSL_INT1_OF(long, f) MSL_INT1_OF(ulong, f)
#define MSL_INTS2(f)                                                                                         \
  MSL_INT2_OF(char, f)                                                                                       \
  MSL_INT2_OF(uchar, f)                                                                                      \
  MSL_INT2_OF(short, f)                                                                                      \
  MSL_INT2_OF(ushort, f) MSL_INT2_OF(int, f) MSL_INT2_OF(uint, f) MSL_INT2_OF(long, f) MSL_INT2_OF(ulong, f)
#define MSL_INTS3(f)                                                                                         \
  MSL_INT3_OF(char, f)                                                                                       \
  MSL_INT3_OF(uchar, f)                                                                                      \
  MSL_INT3_OF(short, f)                                                                                      \
  MSL_INT3_OF(ushort, f) MSL_INT3_OF(int, f) MSL_INT3_OF(uint, f) MSL_INT3_OF(long, f) MSL_INT3_OF(ulong, f)
