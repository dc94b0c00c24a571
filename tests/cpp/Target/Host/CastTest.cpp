// SPDX-License-Identifier: MIT
//
// Conversions between all pairs of element types, on edge values: integers keep their low bits, floats are
// rounded once, float to integer truncates and saturates, NaN gives 0.
#include "Elementwise.h"

#include <limits>

using namespace enigma::host::testing;

namespace {

template <class T>
const char *nameOf() {
  if constexpr (std::is_same_v<T, float>)
    return "f32";
  else if constexpr (std::is_same_v<T, Half>)
    return "f16";
  else if constexpr (std::is_same_v<T, Brain>)
    return "bf16";
  else {
    static const std::string name =
        std::string(std::is_signed_v<T> ? "i" : "ui") + std::to_string(sizeof(T) * 8);
    return name.c_str();
  }
}

template <class To>
To integerFrom(double x) {
  if (std::isnan(x))
    return 0;
  x = std::trunc(x);
  if (x <= double(std::numeric_limits<To>::min()))
    return std::numeric_limits<To>::min();
  if (x >= std::ldexp(1.0, std::numeric_limits<To>::digits))
    return std::numeric_limits<To>::max();
  return To(x);
}

template <class To, class From>
To converted(From x) {
  if constexpr (std::is_integral_v<From> && std::is_integral_v<To>)
    return To(x);
  else if constexpr (std::is_integral_v<From>)
    // Narrow floats go through f32, as ml_dtypes and NumPy have them.
    return numberOf<To>(double(float(x)));
  else if constexpr (std::is_integral_v<To>)
    return integerFrom<To>(valueOf(x));
  else
    return numberOf<To>(valueOf(x));
}

template <class T>
std::vector<T> edges() {
  std::vector<T> values;
  if constexpr (std::is_integral_v<T>) {
    for (const auto x : {int64_t(0),
                         int64_t(1),
                         int64_t(-1),
                         int64_t(127),
                         int64_t(128),
                         int64_t(-128),
                         int64_t(-129),
                         int64_t(255),
                         int64_t(256),
                         int64_t(32767),
                         int64_t(65535),
                         int64_t(65536),
                         int64_t(16777217),
                         int64_t(INT32_MAX),
                         int64_t(INT32_MIN),
                         int64_t(UINT32_MAX),
                         INT64_MAX,
                         INT64_MIN,
                         int64_t(2049),
                         int64_t(65519),
                         int64_t(65520),
                         int64_t(257),
                         int64_t(0x7fffff4000000000)})
      values.push_back(T(x));
  } else {
    for (const double x : {0.0,
                           0.5,
                           0.999,
                           1.5,
                           127.5,
                           128.0,
                           255.0,
                           256.0,
                           300.7,
                           32767.0,
                           32768.0,
                           65504.0,
                           65535.0,
                           65536.0,
                           2147483520.0,
                           2147483648.0,
                           4294967040.0,
                           4294967296.0,
                           9.2233715e18,
                           9.223372036854775808e18,
                           1.8446742974197924e19,
                           1.8446744073709551616e19,
                           3e38,
                           1e-40,
                           6e-8,
                           5.9e-8,
                           1e-8,
                           double(INFINITY)})
      for (const double y : {x, -x})
        values.push_back(numberOf<T>(y));
    values.push_back(numberOf<T>(NAN));
  }
  return values;
}

template <class T>
class CastTest : public ::testing::Test {};
using All = ::testing::Types<float, Half, Brain, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t,
                             int64_t, uint64_t>;
TYPED_TEST_SUITE(CastTest, All);

TYPED_TEST(CastTest, ToEveryOtherType) {
  using From = TypeParam;
  const std::string from = nameOf<From>();
  const std::vector<From> values = edges<From>();
  Batch<From> batch(from, {values, values, values});
  const auto to = [&]<class To>(To) {
    const std::string t = nameOf<To>();
    if (t == from || (from == "f16" && t == "bf16") || (from == "bf16" && t == "f16"))
      return;
    batch.template expect<To>("enigma.cast %a : " + from + " to " + t, t,
                              [](From a, From, From) { return converted<To>(a); });
  };
  to(float());
  to(Half());
  to(Brain());
  to(int8_t());
  to(uint8_t());
  to(int16_t());
  to(uint16_t());
  to(int32_t());
  to(uint32_t());
  to(int64_t());
  to(uint64_t());
  batch.template expect<uint8_t>("enigma.cast %a : " + from + " to i1", "i1",
                                 [](From a, From, From) -> uint8_t {
                                   if constexpr (std::is_integral_v<From>)
                                     return a != 0;
                                   else
                                     return !(valueOf(a) == 0);
                                 });
  // From b1: 1 and 0.
  batch.template expect<From>("%k$ = enigma.cmp_le %a, %a : " + from + "\nenigma.cast %k$ : i1 to " + from,
                              from, [](From a, From, From) {
                                if constexpr (std::is_integral_v<From>)
                                  return From(1);
                                else
                                  return numberOf<From>(std::isnan(valueOf(a)) ? 0 : 1);
                              });
  batch.run();
}

TYPED_TEST(CastTest, AsTypeKeepsTheBits) {
  using From = TypeParam;
  const std::string from = nameOf<From>();
  const std::vector<From> values = edges<From>();
  Batch<From> batch(from, {values, values, values});
  const auto to = [&]<class To>(To) {
    if constexpr (sizeof(To) == sizeof(From) && !std::is_same_v<To, From>)
      batch.template expect<To>(std::string("enigma.as_type %a : ") + from + " to " + nameOf<To>(),
                                nameOf<To>(), [](From a, From, From) { return std::bit_cast<To>(a); });
  };
  to(float());
  to(Half());
  to(Brain());
  to(int8_t());
  to(uint8_t());
  to(int16_t());
  to(uint16_t());
  to(int32_t());
  to(uint32_t());
  to(int64_t());
  to(uint64_t());
  batch.run();
}

} // namespace
