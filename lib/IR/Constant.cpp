// SPDX-License-Identifier: MIT
//
// Rounding of literals to element types (nearest, ties to even), without a step through another format.
#include "enigma/IR/Constant.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace enigma::ir {
namespace {

// The three float formats: bits of the significand with its hidden one, and of the exponent.
struct Format {
  int precision, exponentBits;
  int minExponent() const { return 2 - (1 << (exponentBits - 1)); }
  int bias() const { return (1 << (exponentBits - 1)) - 1; }
};
Format formatOf(Elem e) {
  return e == Elem::f16 ? Format{11, 5} : e == Elem::bf16 ? Format{8, 8} : Format{24, 8};
}

uint64_t encode(Format f, double x) {
  uint64_t sign = uint64_t(std::signbit(x)) << (f.precision - 1 + f.exponentBits);
  uint64_t infinity = ((uint64_t(1) << f.exponentBits) - 1) << (f.precision - 1);
  if (std::isnan(x))
    return sign | infinity | uint64_t(1) << (f.precision - 2);
  if (std::isinf(x))
    return sign | infinity;
  if (x == 0)
    return sign;
  x = std::fabs(x);
  int exponent;
  std::frexp(x, &exponent); // x in [2^(exponent-1), 2^exponent)
  int quantum = std::max(exponent - f.precision, f.minExponent() - f.precision + 1);
  double scaled = std::nearbyint(std::ldexp(x, -quantum));
  if (scaled >= std::ldexp(1.0, f.precision)) {
    scaled /= 2;
    ++quantum;
  }
  auto significand = static_cast<uint64_t>(scaled);
  uint64_t hidden = uint64_t(1) << (f.precision - 1);
  if (significand < hidden)
    return sign | significand; // subnormal
  int biased = quantum + f.precision - 1 + f.bias();
  if (biased >= (1 << f.exponentBits) - 1)
    return sign | infinity;
  return sign | uint64_t(biased) << (f.precision - 1) | (significand - hidden);
}

// An integer as a double that rounds to a narrower format as the integer itself does: what does not fit 53
// bits leaves an odd last bit.
double roundedToOdd(uint64_t x) {
  int excess = std::max(0, 64 - std::countl_zero(x) - 53);
  uint64_t kept = x >> excess;
  return std::ldexp(double(kept | (kept << excess != x)), excess);
}

double decode(Format f, uint64_t bits) {
  uint64_t fraction = bits & ((uint64_t(1) << (f.precision - 1)) - 1);
  int exponent = bits >> (f.precision - 1) & ((1 << f.exponentBits) - 1);
  bool negative = bits >> (f.precision - 1 + f.exponentBits) & 1;
  double x;
  if (exponent == (1 << f.exponentBits) - 1)
    x = fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    x = std::ldexp(double(fraction), f.minExponent() - f.precision + 1);
  else
    x = std::ldexp(double(fraction | uint64_t(1) << (f.precision - 1)),
                   exponent - f.bias() - f.precision + 1);
  return negative ? -x : x;
}

} // namespace

std::optional<uint64_t> constantBits(Elem elem, const Literal &literal) {
  if (isFloat(elem)) {
    double x = literal.kind == Literal::Kind::real ? literal.number : roundedToOdd(literal.magnitude);
    if (literal.negative)
      x = -x;
    uint64_t encoded = encode(formatOf(elem), x);
    if (std::isfinite(x) && std::isinf(decode(formatOf(elem), encoded)))
      return std::nullopt;
    return encoded;
  }
  if (elem == Elem::b1) {
    if (literal.kind == Literal::Kind::real || literal.magnitude > 1 || literal.negative)
      return std::nullopt;
    return literal.magnitude;
  }
  if (literal.kind == Literal::Kind::real)
    return std::nullopt;
  int width = bits(elem);
  uint64_t largest = isSigned(elem) ? (uint64_t(1) << (width - 1)) - 1 : ~uint64_t(0) >> (64 - width);
  if (literal.negative ? !isSigned(elem) || literal.magnitude > largest + 1 : literal.magnitude > largest)
    return std::nullopt;
  uint64_t value = literal.negative ? 0 - literal.magnitude : literal.magnitude;
  return value & (~uint64_t(0) >> (64 - width));
}

int64_t constantInteger(Elem elem, uint64_t bits) {
  int width = ir::bits(elem);
  if (!isSigned(elem) || width == 64)
    return static_cast<int64_t>(bits);
  return static_cast<int64_t>(bits << (64 - width)) >> (64 - width);
}

double constantNumber(Elem elem, uint64_t bits) {
  if (isFloat(elem))
    return decode(formatOf(elem), bits);
  return elem == Elem::u64 ? double(bits) : double(constantInteger(elem, bits));
}

std::string constantText(Elem elem, uint64_t bits) {
  if (elem == Elem::b1)
    return bits ? "true" : "false";
  if (elem == Elem::u64)
    return std::to_string(bits);
  if (!isFloat(elem))
    return std::to_string(constantInteger(elem, bits));
  double x = constantNumber(elem, bits);
  if (std::isnan(x))
    return "nan";
  if (std::isinf(x))
    return x < 0 ? "-inf" : "inf";
  char text[64];
  for (int digits = 1;; ++digits) {
    auto end = std::to_chars(text, text + sizeof text, x, std::chars_format::general, digits).ptr;
    double back = 0;
    std::from_chars(text, end, back);
    if (digits >= 17 || encode(formatOf(elem), back) == bits) {
      std::string out(text, end);
      return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
    }
  }
}

std::string Literal::str() const {
  switch (kind) {
  case Kind::boolean:
    return magnitude ? "True" : "False";
  case Kind::integer:
    return (negative ? "-" : "") + std::to_string(magnitude);
  case Kind::real:
    break;
  }
  if (std::isnan(number))
    return "nan";
  if (std::isinf(number))
    return number < 0 ? "-inf" : "inf";
  // As Python's repr: without an exponent between 1e-4 and 1e16.
  char text[64];
  double size = std::fabs(number);
  auto format =
      size == 0 || (size >= 1e-4 && size < 1e16) ? std::chars_format::fixed : std::chars_format::scientific;
  std::string out(text, std::to_chars(text, text + sizeof text, number, format).ptr);
  return out.find_first_of(".e") == std::string::npos ? out + ".0" : out;
}

} // namespace enigma::ir
