// SPDX-License-Identifier: MIT
//
// Float functions for the stand-in, computed in double precision and rounded once to float.
// Double precision leaves an error far below half a float ulp, so these serve as the reference value.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#define UNARY(name, expression)                                                                              \
  extern "C" float msl_##name(float f) {                                                                     \
    double x = f;                                                                                            \
    return static_cast<float>(expression);                                                                   \
  }

namespace {
constexpr double pi = 3.14159265358979323846;

// sin(pi x) by reduction to [-1/2, 1/2], so that whole and half numbers are exact.
double sinPi(double x) {
  if (!std::isfinite(x))
    return std::numeric_limits<double>::quiet_NaN();
  double r = std::remainder(x, 2.0);
  if (r == 0.0 || std::fabs(r) == 1.0)
    return std::copysign(0.0, x);
  if (std::fabs(r) > 0.5)
    r = std::copysign(1.0, r) - r;
  return std::sin(pi * r);
}
double cosPi(double x) {
  if (!std::isfinite(x))
    return std::numeric_limits<double>::quiet_NaN();
  double r = std::fabs(std::remainder(x, 2.0));
  if (r == 0.5)
    return 0.0;
  return r < 0.25 ? std::cos(pi * r) : std::sin(pi * (0.5 - r));
}
} // namespace

UNARY(acos, std::acos(x))
UNARY(acosh, std::acosh(x))
UNARY(asin, std::asin(x))
UNARY(asinh, std::asinh(x))
UNARY(atan, std::atan(x))
UNARY(atanh, std::atanh(x))
UNARY(cos, std::cos(x))
UNARY(cosh, std::cosh(x))
UNARY(cospi, cosPi(x))
UNARY(exp, std::exp(x))
UNARY(exp2, std::exp2(x))
UNARY(exp10, std::pow(10.0, x))
UNARY(log, std::log(x))
UNARY(log2, std::log2(x))
UNARY(log10, std::log10(x))
UNARY(rsqrt, 1.0 / std::sqrt(x))
UNARY(sin, std::sin(x))
UNARY(sinh, std::sinh(x))
UNARY(sinpi, sinPi(x))
UNARY(sqrt, std::sqrt(x))
UNARY(tan, std::tan(x))
UNARY(tanh, std::tanh(x))
UNARY(tanpi, sinPi(x) / cosPi(x))
UNARY(ceil, std::ceil(x))
UNARY(floor, std::floor(x))
UNARY(rint, std::nearbyint(x))
UNARY(round, std::round(x))
UNARY(trunc, std::trunc(x))

extern "C" float msl_atan2(float y, float x) { return static_cast<float>(std::atan2(double(y), double(x))); }
extern "C" float msl_fmod(float x, float y) { return std::fmod(x, y); }
extern "C" float msl_pow(float x, float y) { return static_cast<float>(std::pow(double(x), double(y))); }
extern "C" float msl_powr(float x, float y) {
  return x < 0 ? std::numeric_limits<float>::quiet_NaN() : msl_pow(x, y);
}
extern "C" float msl_nextafter(float x, float y) { return std::nextafterf(x, y); }
extern "C" float msl_fma(float a, float b, float c) { return std::fmaf(a, b, c); }
// A half product and a half addend are exact in double, or too far apart to meet a rounding boundary of half;
// the caller rounds to half, so the intermediate float must not round to even: round to odd instead.
extern "C" float msl_fma_half(float a, float b, float c) {
  double exact = double(a) * double(b) + double(c);
  float f = static_cast<float>(exact);
  if (std::isfinite(f) && double(f) != exact) {
    std::uint32_t bits;
    std::memcpy(&bits, &f, 4);
    if (!(bits & 1)) {
      bool grew = std::fabs(double(f)) > std::fabs(exact);
      bits = grew ? bits - 1 : bits + 1;
      std::memcpy(&f, &bits, 4);
    }
  }
  return f;
}
extern "C" float msl_ldexp(float x, int k) { return std::ldexp(x, k); }
extern "C" float msl_frexp_mantissa(float x) {
  int e;
  return std::frexp(x, &e);
}
extern "C" int msl_frexp_exponent(float x) {
  int e = 0;
  std::frexp(x, &e);
  return std::isfinite(x) ? e : 0;
}
extern "C" int msl_ilogb(float x) { return std::ilogb(x); }
