// SPDX-License-Identifier: MIT
//
// Every float operation on f32, f16 and bf16, on pairs of edge values, against the C library in double.
// Tolerances are in representable values of the type: 0 where the result is exact or correctly rounded.
#include "Elementwise.h"

#include <algorithm>
#include <limits>

using namespace enigma::host::testing;

namespace {

template <class T>
struct Traits;
template <>
struct Traits<float> {
  static constexpr const char *name = "f32";
  static constexpr double smallest = 0x1p-149, normal = 0x1p-126, largest = 0x1.fffffep127,
                          belowOne = 1 - 0x1p-24;
};
template <>
struct Traits<Half> {
  static constexpr const char *name = "f16";
  static constexpr double smallest = 0x1p-24, normal = 0x1p-14, largest = 65504, belowOne = 1 - 0x1p-11;
};
template <>
struct Traits<Brain> {
  static constexpr const char *name = "bf16";
  static constexpr double smallest = 0x1p-133, normal = 0x1p-126, largest = 0x1.fep127, belowOne = 1 - 0x1p-8;
};

template <class T>
std::array<std::vector<T>, 3> edgeTriples() {
  std::vector<T> edges;
  for (const double magnitude : {0.0,
                                 1.0,
                                 0.5,
                                 0.25,
                                 0.75,
                                 1.5,
                                 2.0,
                                 2.5,
                                 3.0,
                                 3.14159274,
                                 0.1,
                                 10.0,
                                 100.3,
                                 0.999,
                                 Traits<T>::smallest,
                                 Traits<T>::normal * 0.75,
                                 Traits<T>::normal,
                                 Traits<T>::largest,
                                 Traits<T>::belowOne,
                                 1000.5,
                                 0x1.8p-12,
                                 double(INFINITY)})
    for (const double x : {magnitude, -magnitude})
      edges.push_back(numberOf<T>(x));
  edges.push_back(numberOf<T>(NAN));
  std::array<std::vector<T>, 3> columns;
  size_t n = 0;
  for (const T a : edges)
    for (const T b : edges) {
      columns[0].push_back(a);
      columns[1].push_back(b);
      columns[2].push_back(edges[n++ * 11 % edges.size()]);
    }
  return columns;
}

double number(double x, double y) { return std::isnan(x) ? y : x; } // fmin and fmax of one NaN
double pythonMod(double a, double b) {
  const double r = std::fmod(a, b);
  if (b == 0)
    return r;
  if (r == 0)
    return std::copysign(0.0, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

template <class T>
class FloatTest : public ::testing::Test {};
using Floats = ::testing::Types<float, Half, Brain>;
TYPED_TEST_SUITE(FloatTest, Floats);

/// A Batch with shorter words.
template <class T>
struct Table {
  Batch<T> batch{Traits<T>::name, edgeTriples<T>()};
  const std::string t = Traits<T>::name;
  using Function1 = std::function<double(double)>;
  using Function2 = std::function<double(double, double)>;
  using Function3 = std::function<double(double, double, double)>;
  void unary(const std::string &name, Function1 f, double tolerance = 0) {
    batch.template expect<T>(
        "enigma." + name + " %a : " + t, t, [f](T a, T, T) { return numberOf<T>(f(valueOf(a))); }, tolerance);
  }
  void binary(const std::string &name, Function2 f, double tolerance = 0) {
    batch.template expect<T>(
        "enigma." + name + " %a, %b : " + t, t,
        [f](T a, T b, T) { return numberOf<T>(f(valueOf(a), valueOf(b))); }, tolerance);
  }
  void ternary(const std::string &name, Function3 f, double tolerance = 0) {
    batch.template expect<T>(
        "enigma." + name + " %a, %b, %c : " + t, t,
        [f](T a, T b, T c) { return numberOf<T>(f(valueOf(a), valueOf(b), valueOf(c))); }, tolerance);
  }
  void question(const std::string &name, std::function<bool(double)> f) {
    batch.template expect<uint8_t>("enigma." + name + " %a : " + t, "i1",
                                   [f](T a, T, T) { return uint8_t(f(valueOf(a))); });
  }
  void question2(const std::string &name, std::function<bool(double, double)> f) {
    batch.template expect<uint8_t>("enigma." + name + " %a, %b : " + t, "i1",
                                   [f](T a, T b, T) { return uint8_t(f(valueOf(a), valueOf(b))); });
  }
};

TYPED_TEST(FloatTest, ArithmeticIsRoundedOnce) {
  using T = TypeParam;
  Table<T> table;
  table.binary("add", [](double a, double b) { return a + b; });
  table.binary("sub", [](double a, double b) { return a - b; });
  table.binary("mul", [](double a, double b) { return a * b; });
  table.binary("div", [](double a, double b) { return a / b; });
  table.binary("mod", pythonMod, 1);
  table.binary(
      "floor_div",
      [](double a, double b) {
        const double r = pythonMod(a, b);
        if (b == 0 || std::isnan(r))
          return b == 0 ? a / b : NAN;
        if (std::isinf(b))
          return a != 0 && (a < 0) != (b < 0) ? -1.0 : std::copysign(0.0, a / b);
        // (a - r) / b is whole but for its rounding; a quotient that rounds to 0 keeps the sign of a / b.
        const double q = std::nearbyint((a - r) / b);
        return q == 0 ? std::copysign(0.0, a / b) : q;
      },
      1);
  table.unary("neg", [](double a) { return -a; });
  table.unary("abs", [](double a) { return std::fabs(a); });
  table.unary("sqrt", [](double a) { return std::sqrt(a); });
  table.unary("rsqrt", [](double a) { return 1 / std::sqrt(a); }, 1);
  table.ternary(
      "fma",
      [](double a, double b, double c) {
        // In double the sum would be rounded twice.
        return sizeof(T) == 4 ? std::fma(float(a), float(b), float(c)) : std::fma(a, b, c);
      },
      sizeof(T) == 4 ? 0 : 1);
  table.binary("fmod", [](double a, double b) { return std::fmod(a, b); });
  table.binary("copysign", [](double a, double b) { return std::copysign(a, b); });
  table.binary("fdim", [](double a, double b) { return a <= b ? 0 : a - b; });
  table.batch.run();
}

TYPED_TEST(FloatTest, WholeNumbersAndFractions) {
  using T = TypeParam;
  Table<T> table;
  table.unary("ceil", [](double a) { return std::ceil(a); });
  table.unary("floor", [](double a) { return std::floor(a); });
  table.unary("round", [](double a) { return std::round(a); });
  table.unary("rint", [](double a) { return std::nearbyint(a); });
  table.unary("trunc", [](double a) { return std::trunc(a); });
  table.unary("fract", [](double a) {
    return std::isinf(a) ? NAN
                         : std::fmin(a - std::floor(a), Traits<T>::belowOne) + (std::isnan(a) ? NAN : 0);
  });
  table.unary("sign", [](double a) { return std::isnan(a) ? 0.0 : a == 0 ? a : a > 0 ? 1.0 : -1.0; });
  table.unary("saturate", [](double a) { return a > 0 ? std::fmin(a, 1.0) : 0.0; });
  table.binary("step", [](double a, double b) { return b < a ? 0.0 : 1.0; });
  table.batch.template expect<T>("#0 enigma.frexp %a : " + table.t + ", i32", table.t, [](T a, T, T) {
    int exponent = 0;
    return numberOf<T>(std::frexp(valueOf(a), &exponent));
  });
  table.batch.template expect<int32_t>("#1 enigma.frexp %a : " + table.t + ", i32", "i32", [](T a, T, T) {
    int exponent = 0;
    if (std::isfinite(valueOf(a)))
      std::frexp(valueOf(a), &exponent);
    return exponent;
  });
  table.batch.template expect<T>("#0 enigma.modf %a : " + table.t + ", " + table.t, table.t, [](T a, T, T) {
    double whole = 0;
    return numberOf<T>(std::modf(valueOf(a), &whole));
  });
  table.batch.template expect<T>("#1 enigma.modf %a : " + table.t + ", " + table.t, table.t, [](T a, T, T) {
    double whole = 0;
    std::modf(valueOf(a), &whole);
    return numberOf<T>(whole);
  });
  table.batch.template expect<T>(
      "%n$ = enigma.cast %b : " + table.t + " to i32\nenigma.ldexp %a, %n$ : " + table.t + ", i32", table.t,
      [](T a, T b, T) {
        const double n = std::trunc(valueOf(b));
        const int exponent = std::isnan(n) ? 0 : int(std::clamp(n, -100000.0, 100000.0));
        return numberOf<T>(std::ldexp(valueOf(a), exponent));
      });
  table.batch.run();
}

TYPED_TEST(FloatTest, MinimumMaximumAndBlends) {
  using T = TypeParam;
  Table<T> table;
  // Zeros of different sign are equal to min and max: add 0 to see no sign.
  const auto plus = [](double x) { return x + 0.0; };
  const std::string zero = "%z$ = enigma.constant 0.0 : " + table.t + "\n%m$ = ";
  const auto unsignedZero = [&](const std::string &operation,
                                std::function<double(double, double, double)> f) {
    table.batch.template expect<T>(
        zero + operation + " : " + table.t + "\nenigma.add %m$, %z$ : " + table.t, table.t,
        [=](T a, T b, T c) { return numberOf<T>(plus(f(valueOf(a), valueOf(b), valueOf(c)))); });
  };
  unsignedZero("enigma.min %a, %b", [](double a, double b, double) { return number(std::fmin(a, b), NAN); });
  unsignedZero("enigma.max %a, %b", [](double a, double b, double) { return number(std::fmax(a, b), NAN); });
  unsignedZero("enigma.clamp %a, %b, %c",
               [](double a, double b, double c) { return std::fmin(std::fmax(a, b), c); });
  table.question2("cmp_eq", [](double a, double b) { return a == b; });
  table.question2("cmp_ne", [](double a, double b) { return a != b; });
  table.question2("cmp_lt", [](double a, double b) { return a < b; });
  table.question2("cmp_le", [](double a, double b) { return a <= b; });
  table.question2("cmp_gt", [](double a, double b) { return a > b; });
  table.question2("cmp_ge", [](double a, double b) { return a >= b; });
  table.question2("isordered", [](double a, double b) { return !std::isunordered(a, b); });
  table.question2("isunordered", [](double a, double b) { return std::isunordered(a, b); });
  table.question("isnan", [](double a) { return std::isnan(a); });
  table.question("isinf", [](double a) { return std::isinf(a); });
  table.question("isfinite", [](double a) { return std::isfinite(a); });
  table.question("signbit", [](double a) { return std::signbit(a); });
  table.question("isnormal", [](double a) { return std::isfinite(a) && std::fabs(a) >= Traits<T>::normal; });
  table.batch.template expect<T>("%k$ = enigma.cmp_lt %a, %b : " + table.t +
                                     "\nenigma.select %k$, %b, %c : i1, " + table.t,
                                 table.t, [](T a, T b, T c) { return valueOf(a) < valueOf(b) ? b : c; });
  table.batch.run();
}

TYPED_TEST(FloatTest, MathFunctionsAreWithinOneUlp) {
  using T = TypeParam;
  Table<T> table;
  const double pi = M_PI;
  table.unary("exp", [](double a) { return std::exp(a); }, 1);
  table.unary("exp2", [](double a) { return std::exp2(a); }, 1);
  table.unary("exp10", [](double a) { return std::pow(10, a); }, 1);
  table.unary("log", [](double a) { return std::log(a); }, 1);
  table.unary("log2", [](double a) { return std::log2(a); }, 1);
  table.unary("log10", [](double a) { return std::log10(a); }, 1);
  table.unary("sin", [](double a) { return std::sin(a); }, 1);
  table.unary("cos", [](double a) { return std::cos(a); }, 1);
  table.unary("tan", [](double a) { return std::tan(a); }, 1);
  table.unary("asin", [](double a) { return std::asin(a); }, 1);
  table.unary("acos", [](double a) { return std::acos(a); }, 1);
  table.unary("atan", [](double a) { return std::atan(a); }, 1);
  table.unary("sinh", [](double a) { return std::sinh(a); }, 1);
  table.unary("cosh", [](double a) { return std::cosh(a); }, 1);
  table.unary("tanh", [](double a) { return std::tanh(a); }, 1);
  table.unary("asinh", [](double a) { return std::asinh(a); }, 1);
  table.unary("acosh", [](double a) { return std::acosh(a); }, 1);
  table.unary("atanh", [](double a) { return std::atanh(a); }, 1);
  table.unary("erf", [](double a) { return std::erf(a); }, 1);
  // Through x - 2 round(x / 2), which is exact, so that sin(pi x) sees a small angle.
  table.unary(
      "sinpi",
      [pi](double a) {
        const double r = std::remainder(a, 2.0);
        const double s = std::fabs(r) > 0.5 ? std::sin(pi * (std::copysign(1.0, r) - r)) : std::sin(pi * r);
        return s == 0 ? std::copysign(0.0, a) : s;
      },
      1);
  table.unary(
      "cospi",
      [pi](double a) {
        const double r = std::fabs(std::remainder(a, 2.0));
        return r == 0.5   ? 0.0
               : r > 0.75 ? -std::cos(pi * (1 - r))
               : r > 0.25 ? std::sin(pi * (0.5 - r))
                          : std::cos(pi * r);
      },
      1);
  table.binary("pow", [](double a, double b) { return std::pow(a, b); }, 1);
  table.binary("powr", [](double a, double b) { return a < 0 ? NAN : std::pow(std::fabs(a), b); }, 1);
  table.binary("atan2", [](double a, double b) { return std::atan2(a, b); }, 1);
  table.batch.run();
}

TYPED_TEST(FloatTest, NextafterGoesToTheNeighbourInTheType) {
  using T = TypeParam;
  Table<T> table;
  table.batch.template expect<T>("enigma.nextafter %a, %b : " + table.t, table.t, [](T a, T b, T) {
    const double x = valueOf(a), y = valueOf(b);
    if (std::isnan(x) || std::isnan(y))
      return numberOf<T>(NAN);
    if (x == y)
      return b;
    if (x == 0)
      return numberOf<T>(std::copysign(Traits<T>::smallest, y));
    // Bits are ordered by magnitude: away from zero adds one.
    const int step = (y > x) == (x > 0) ? 1 : -1;
    if constexpr (sizeof(T) == 4)
      return std::bit_cast<float>(std::bit_cast<int32_t>(a) + step);
    else
      return T{uint16_t(a.bits + step)};
  });
  table.batch.run();
}

TYPED_TEST(FloatTest, InverseErrorFunctionInvertsErf) {
  using T = TypeParam;
  std::array<std::vector<T>, 3> columns;
  for (int i = -400; i <= 400; ++i) {
    const double x = std::tanh(i / 64.0); // dense near -1 and 1
    columns[0].push_back(numberOf<T>(x));
  }
  for (const double x :
       {0.0, -0.0, 1.0, -1.0, 1.5, double(NAN), Traits<T>::belowOne, -Traits<T>::belowOne, Traits<T>::normal})
    columns[0].push_back(numberOf<T>(x));
  columns[1] = columns[2] = columns[0];
  Batch<T> batch(Traits<T>::name, columns);
  batch.template expect<T>(
      std::string("enigma.erfinv %a : ") + Traits<T>::name, Traits<T>::name,
      [](T a, T, T) {
        const double x = valueOf(a);
        if (!(std::fabs(x) < 1))
          return numberOf<T>(std::fabs(x) == 1 ? std::copysign(INFINITY, x) : NAN);
        // Bisection on erfc, which no other code here uses to find the inverse.
        double low = 0, high = 10;
        for (int i = 0; i < 200; ++i) {
          const double middle = (low + high) / 2;
          (std::erfc(middle) > 1 - std::fabs(x) ? low : high) = middle;
        }
        const double root =
            std::fabs(x) < 1e-4 ? std::fabs(x) * 0.886226925452758 * (1 + x * x * 0.2617993877991494) : low;
        return numberOf<T>(std::copysign(root, x));
      },
      1);
  batch.run();
}

} // namespace
