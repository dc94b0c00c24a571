// SPDX-License-Identifier: MIT
//
// See LaneMath.h. The C library's float exp, log, pow, sin and cos are within 1 ulp and fast; its other float
// functions differ between systems by several ulp, so those go through double and are rounded once. Where the
// CPU has vectors, those of LaneVectorMath.h stand in the place of the ones that they cover.
#include "LaneMath.h"

#include "LaneVectorMath.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>
#include <vector>

namespace enigma::host {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

template <auto Function>
void unary(float *out, const float *a, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    out[i] = Function(a[i]);
}

template <auto Function>
void binary(float *out, const float *a, const float *b, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    out[i] = Function(a[i], b[i]);
}

/// f32 through a function of double, rounded once.
template <double (*Function)(double)>
float rounded(float a) {
  return static_cast<float>(Function(a));
}
template <double (*Function)(double, double)>
float rounded2(float a, float b) {
  return static_cast<float>(Function(a, b));
}

float exp(float a) { return std::exp(a); }
float exp2(float a) { return std::exp2(a); }
float exp10(float a) { return static_cast<float>(std::pow(10.0, static_cast<double>(a))); }
float log(float a) { return std::log(a); }
float log2(float a) { return std::log2(a); }
float sin(float a) { return std::sin(a); }
float cos(float a) { return std::cos(a); }
float pow(float a, float b) { return std::pow(a, b); }
float fmod(float a, float b) { return std::fmod(a, b); }

/// x // y and x % y of Python and NumPy: the quotient is rounded down, the rest has the sign of y.
float mod(float a, float b) {
  const float rest = std::fmod(a, b);
  if (b == 0)
    return rest; // NaN
  if (rest == 0)
    return std::copysign(0.0f, b);
  return (b < 0) != (rest < 0) ? rest + b : rest;
}
float floorDiv(float a, float b) {
  if (b == 0)
    return a / b;
  const float rest = std::fmod(a, b);
  float quotient = (a - rest) / b;
  if (rest != 0 && (b < 0) != (rest < 0))
    quotient -= 1;
  if (quotient == 0)
    return std::copysign(0.0f, a / b);
  const float whole = std::floor(quotient);
  return quotient - whole > 0.5f ? whole + 1 : whole;
}

/// MSL: x to the power y for x >= 0; anything else is NaN.
float powr(float a, float b) { return a < 0 ? kNaN : std::pow(std::fabs(a), b); }

/// sin(pi a) and cos(pi a), exact at multiples of 1/2. `quarter` counts half turns' quarters.
struct PiReduced {
  double fraction; // in [-1/4, 1/4], of a turn of pi
  int quarter;     // 0..3
};
PiReduced reducePi(float a) {
  const double r = std::remainder(static_cast<double>(a), 2.0); // exact
  const double n = std::nearbyint(2.0 * r);
  return {r - n * 0.5, static_cast<int>(n) & 3};
}
double sinpiOf(float a) {
  const auto [f, quarter] = reducePi(a);
  switch (quarter) {
  case 0:
    return std::sin(kPi * f);
  case 1:
    return std::cos(kPi * f);
  case 2:
    return -std::sin(kPi * f);
  default:
    return -std::cos(kPi * f);
  }
}
double cospiOf(float a) {
  const auto [f, quarter] = reducePi(a);
  switch (quarter) {
  case 0:
    return std::cos(kPi * f);
  case 1:
    return 0.0 - std::sin(kPi * f);
  case 2:
    return -std::cos(kPi * f);
  default:
    return 0.0 + std::sin(kPi * f);
  }
}
float sinpi(float a) {
  if (!std::isfinite(a))
    return kNaN;
  const double s = sinpiOf(a);
  return s == 0 ? std::copysign(0.0f, a) : static_cast<float>(s);
}
float cospi(float a) {
  if (!std::isfinite(a))
    return kNaN;
  const double c = cospiOf(a);
  return c == 0 ? 0.0f : static_cast<float>(c);
}
float tanpi(float a) {
  if (!std::isfinite(a))
    return kNaN;
  const double s = sinpiOf(a), c = cospiOf(a);
  if (s == 0)
    return std::copysign(0.0f, a);
  return c == 0 ? std::copysign(std::numeric_limits<float>::infinity(), static_cast<float>(s))
                : static_cast<float>(s / c);
}

/// Inverse of erf: Winitzki's closed form (relative error 2e-3), then Halley steps on erfc, which keeps all
/// digits of the tail. Each step cubes the error.
float erfinv(float a) {
  const double magnitude = std::fabs(static_cast<double>(a));
  if (!(magnitude < 1.0))
    return magnitude == 1.0 ? std::copysign(std::numeric_limits<float>::infinity(), a) : kNaN;
  if (magnitude < 1e-8)
    return static_cast<float>(static_cast<double>(a) * (std::sqrt(kPi) / 2));
  const double tail = 1.0 - magnitude; // exact for a float
  constexpr double w = 0.147;
  const double l = std::log(tail * (1.0 + magnitude));
  const double t = 2.0 / (kPi * w) + l / 2;
  double x = std::sqrt(std::sqrt(t * t - l / w) - t);
  for (int step = 0; step < 3; ++step) {
    const double error = tail < 0.5 ? tail - std::erfc(x) : std::erf(x) - magnitude;
    const double newton = error / (2.0 / std::sqrt(kPi) * std::exp(-x * x));
    x -= newton / (1.0 + x * newton);
  }
  return std::copysign(static_cast<float>(x), a);
}

void ldexp(float *out, const float *a, const int32_t *exponent, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    out[i] = std::ldexp(a[i], exponent[i]);
}
float frexpFraction(float a) {
  int exponent = 0;
  return std::frexp(a, &exponent);
}
void frexpExponent(int32_t *out, const float *a, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    int exponent = 0;
    if (std::isfinite(a[i]))
      std::frexp(a[i], &exponent);
    out[i] = exponent;
  }
}

// ---- 64-bit integers, which no vector unit divides. Zero divisors give 0; INT64_MIN / -1 wraps.
template <auto Function>
void wide(uint64_t *out, const uint64_t *a, const uint64_t *b, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    out[i] = Function(a[i], b[i]);
}
uint64_t divU64(uint64_t a, uint64_t b) { return b ? a / b : 0; }
uint64_t remU64(uint64_t a, uint64_t b) { return b ? a % b : 0; }
uint64_t divI64(uint64_t a, uint64_t b) {
  const auto signedA = static_cast<int64_t>(a), signedB = static_cast<int64_t>(b);
  if (signedB == -1)
    return 0 - a;
  return signedB ? static_cast<uint64_t>(signedA / signedB) : 0;
}
uint64_t remI64(uint64_t a, uint64_t b) {
  const auto signedA = static_cast<int64_t>(a), signedB = static_cast<int64_t>(b);
  return signedB == 0 || signedB == -1 ? 0 : static_cast<uint64_t>(signedA % signedB);
}
uint64_t mulHiU64(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
}
uint64_t mulHiI64(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>((static_cast<__int128>(static_cast<int64_t>(a)) * static_cast<int64_t>(b)) >>
                               64);
}

uint64_t ipow(uint64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (; exponent; exponent >>= 1, base *= base)
    if (exponent & 1)
      result *= base;
  return result;
}
uint64_t ipowI64(uint64_t base, uint64_t exponent) {
  if (static_cast<int64_t>(exponent) >= 0)
    return ipow(base, exponent);
  if (base == 1)
    return 1;
  return base == ~uint64_t(0) ? (exponent & 1 ? base : 1) : 0;
}
template <auto Function>
void wide3(uint64_t *out, const uint64_t *a, const uint64_t *b, const uint64_t *c, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    out[i] = Function(a[i], b[i], c[i]);
}
uint64_t madSatU64(uint64_t a, uint64_t b, uint64_t c) {
  const unsigned __int128 sum = static_cast<unsigned __int128>(a) * b + c;
  return sum >> 64 ? ~uint64_t(0) : static_cast<uint64_t>(sum);
}
uint64_t madSatI64(uint64_t a, uint64_t b, uint64_t c) {
  const __int128 sum =
      static_cast<__int128>(static_cast<int64_t>(a)) * static_cast<int64_t>(b) + static_cast<int64_t>(c);
  if (sum < INT64_MIN)
    return static_cast<uint64_t>(INT64_MIN);
  return sum > INT64_MAX ? static_cast<uint64_t>(INT64_MAX) : static_cast<uint64_t>(sum);
}

template <class F>
LaneFunction row(const char *name, F *function) {
  return {name, reinterpret_cast<void *>(function)};
}

/// What any CPU can do.
const LaneFunction kFunctions[] = {
    row("acos", unary<rounded<std::acos>>),
    row("acosh", unary<rounded<std::acosh>>),
    row("asin", unary<rounded<std::asin>>),
    row("asinh", unary<rounded<std::asinh>>),
    row("atan", unary<rounded<std::atan>>),
    row("atan2", binary<rounded2<std::atan2>>),
    row("atanh", unary<rounded<std::atanh>>),
    row("cos", unary<cos>),
    row("cosh", unary<rounded<std::cosh>>),
    row("cospi", unary<cospi>),
    row("div_i64", wide<divI64>),
    row("div_u64", wide<divU64>),
    row("erf", unary<rounded<std::erf>>),
    row("erfinv", unary<erfinv>),
    row("exp", unary<exp>),
    row("exp10", unary<exp10>),
    row("exp2", unary<exp2>),
    row("floor_div", binary<floorDiv>),
    row("fmod", binary<fmod>),
    row("frexp_exponent", frexpExponent),
    row("frexp_fraction", unary<frexpFraction>),
    row("ipow_i64", wide<ipowI64>),
    row("ipow_u64", wide<ipow>),
    row("ldexp", ldexp),
    row("log", unary<log>),
    row("log10", unary<rounded<std::log10>>),
    row("log2", unary<log2>),
    row("mad_sat_i64", wide3<madSatI64>),
    row("mad_sat_u64", wide3<madSatU64>),
    row("mod", binary<mod>),
    row("mul_hi_i64", wide<mulHiI64>),
    row("mul_hi_u64", wide<mulHiU64>),
    row("pow", binary<pow>),
    row("powr", binary<powr>),
    row("rem_i64", wide<remI64>),
    row("rem_u64", wide<remU64>),
    row("sin", unary<sin>),
    row("sinh", unary<rounded<std::sinh>>),
    row("sinpi", unary<sinpi>),
    row("tan", unary<rounded<std::tan>>),
    row("tanh", unary<rounded<std::tanh>>),
    row("tanpi", unary<tanpi>),
};

} // namespace

std::span<const LaneFunction> scalarLaneFunctions() { return kFunctions; }

std::span<const LaneFunction> laneFunctions() {
  static const auto *all = [] {
    auto *functions = new std::vector<LaneFunction>(std::begin(kFunctions), std::end(kFunctions));
    for (const LaneFunction &vector : laneVectorFunctions())
      for (LaneFunction &function : *functions)
        if (std::string_view(function.name) == vector.name)
          function.address = vector.address;
    return functions;
  }();
  return *all;
}

const LaneFunction *findLaneFunction(const char *name) {
  const auto all = laneFunctions();
  const auto found = std::lower_bound(all.begin(), all.end(), std::string_view(name),
                                      [](const LaneFunction &f, std::string_view n) { return f.name < n; });
  return found != all.end() && std::string_view(found->name) == name ? &*found : nullptr;
}

} // namespace enigma::host
