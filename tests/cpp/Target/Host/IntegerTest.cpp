// SPDX-License-Identifier: MIT
//
// Every integer operation on every integer type, on all pairs of edge values, against arithmetic at 128 bits.
#include "Elementwise.h"

#include <limits>

using namespace enigma::host::testing;

namespace {

using Wide = __int128;

template <class T>
std::string typeName() {
  return std::string(std::is_signed_v<T> ? "i" : "ui") + std::to_string(sizeof(T) * 8);
}

template <class T>
std::array<std::vector<T>, 3> edgeTriples() {
  constexpr T low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  const std::vector<T> edges = {
      0,           1,           2,          3,     7,     T(low + 1), low,     high,
      T(high - 1), T(high / 2), T(low / 2), T(-1), T(-2), T(-7),      T(0x55), T(0x5a5a5a5a5a5a5a5aull),
      31,          32};
  std::array<std::vector<T>, 3> columns;
  size_t n = 0;
  for (const T a : edges)
    for (const T b : edges) {
      columns[0].push_back(a);
      columns[1].push_back(b);
      columns[2].push_back(edges[n++ * 7 % edges.size()]);
    }
  return columns;
}

template <class T>
T saturated(Wide x) {
  return x < Wide(std::numeric_limits<T>::min())   ? std::numeric_limits<T>::min()
         : x > Wide(std::numeric_limits<T>::max()) ? std::numeric_limits<T>::max()
                                                   : T(x);
}
template <class T>
T floorDivided(T a, T b) {
  if (b == 0)
    return 0;
  const Wide q = Wide(a) / b, r = Wide(a) % b;
  return T(r != 0 && (r < 0) != (b < 0) ? q - 1 : q);
}

template <class T>
class IntegerTest : public ::testing::Test {};
using Integers = ::testing::Types<int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t>;
TYPED_TEST_SUITE(IntegerTest, Integers);

TYPED_TEST(IntegerTest, EveryOperationMatchesWideArithmetic) {
  using T = TypeParam;
  using U = std::make_unsigned_t<T>;
  constexpr int bits = sizeof(T) * 8;
  const std::string t = typeName<T>(), u = typeName<U>();
  Batch<T> batch(t, edgeTriples<T>());
  const auto binary = [&](const char *name, auto f) {
    batch.template expect<T>(std::string("enigma.") + name + " %a, %b : " + t, t,
                             [f](T a, T b, T) { return T(f(a, b)); });
  };
  const auto unary = [&](const char *name, auto f) {
    batch.template expect<T>(std::string("enigma.") + name + " %a : " + t, t,
                             [f](T a, T, T) { return T(f(a)); });
  };
  const auto ternary = [&](const char *name, auto f) {
    batch.template expect<T>(std::string("enigma.") + name + " %a, %b, %c : " + t, t,
                             [f](T a, T b, T c) { return T(f(a, b, c)); });
  };
  const auto compare = [&](const char *name, auto f) {
    batch.template expect<uint8_t>(std::string("enigma.") + name + " %a, %b : " + t, "i1",
                                   [f](T a, T b, T) { return uint8_t(f(a, b)); });
  };
  binary("add", [](T a, T b) { return U(a) + U(b); });
  binary("sub", [](T a, T b) { return U(a) - U(b); });
  binary("mul", [](T a, T b) { return Wide(a) * Wide(b); });
  binary("floor_div", floorDivided<T>);
  binary("mod", [](T a, T b) { return b == 0 ? Wide(0) : Wide(a) - Wide(floorDivided(a, b)) * b; });
  unary("neg", [](T a) { return 0 - U(a); });
  binary("and", [](T a, T b) { return a & b; });
  binary("or", [](T a, T b) { return a | b; });
  binary("xor", [](T a, T b) { return a ^ b; });
  unary("not", [](T a) { return ~a; });
  binary("shl", [](T a, T b) { return U(a) << (U(b) % bits); });
  binary("shr", [](T a, T b) { return a >> (U(b) % bits); });
  compare("cmp_eq", [](T a, T b) { return a == b; });
  compare("cmp_ne", [](T a, T b) { return a != b; });
  compare("cmp_lt", [](T a, T b) { return a < b; });
  compare("cmp_le", [](T a, T b) { return a <= b; });
  compare("cmp_gt", [](T a, T b) { return a > b; });
  compare("cmp_ge", [](T a, T b) { return a >= b; });
  unary("abs", [](T a) { return a < 0 ? 0 - U(a) : U(a); });
  binary("min", [](T a, T b) { return a < b ? a : b; });
  binary("max", [](T a, T b) { return a < b ? b : a; });
  ternary("clamp", [](T a, T b, T c) {
    const T low = a < b ? b : a;
    return low < c ? low : c;
  });
  batch.template expect<U>("enigma.abs_diff %a, %b : " + t, u,
                           [](T a, T b, T) { return U(a < b ? Wide(b) - a : Wide(a) - b); });
  binary("add_sat", [](T a, T b) { return saturated<T>(Wide(a) + b); });
  binary("sub_sat", [](T a, T b) { return saturated<T>(Wide(a) - b); });
  binary("mul_hi", [](T a, T b) { return (Wide(a) * b) >> bits; });
  ternary("mad_hi", [](T a, T b, T c) { return ((Wide(a) * b) >> bits) + c; });
  ternary("mad_sat", [](T a, T b, T c) {
    if constexpr (sizeof(T) == 8 && !std::is_signed_v<T>) {
      const unsigned __int128 sum = static_cast<unsigned __int128>(a) * b + c; // more than Wide holds
      return sum >> 64 ? ~T(0) : T(sum);
    } else {
      return saturated<T>(Wide(a) * b + c);
    }
  });
  binary("hadd", [](T a, T b) { return (Wide(a) + b) >> 1; });
  binary("rhadd", [](T a, T b) { return (Wide(a) + b + 1) >> 1; });
  binary("rotate", [](T a, T b) { return std::rotl(U(a), int(U(b) % bits)); });
  unary("popcount", [](T a) { return std::popcount(U(a)); });
  unary("clz", [](T a) { return std::countl_zero(U(a)); });
  unary("ctz", [](T a) { return std::countr_zero(U(a)); });
  unary("reverse_bits", [](T a) {
    U reversed = 0;
    for (int i = 0; i < bits; ++i)
      reversed |= U(U(a) >> i & 1) << (bits - 1 - i);
    return reversed;
  });
  binary("ipow", [](T a, T b) {
    if (b < 0)
      return U(a == 1 ? 1 : Wide(a) == -1 ? (b % 2 ? -1 : 1) : 0);
    U power = 1, square = U(a);
    for (U e = U(b); e; e = U(e >> 1), square = U(uint64_t(square) * square))
      if (e & 1)
        power = U(uint64_t(power) * square);
    return power;
  });
  batch.run();
}

TYPED_TEST(IntegerTest, BitFieldsOfEveryPlaceAndWidth) {
  using T = TypeParam;
  using U = std::make_unsigned_t<T>;
  constexpr uint32_t bits = sizeof(T) * 8;
  const std::string t = typeName<T>(), end = " : " + t;
  Batch<T> batch(t, edgeTriples<T>());
  // Place and width come from %b and %c, brought into range: place in [0, bits], width in [0, bits - place].
  const std::string field =
      "%all$ = enigma.constant " + std::to_string(bits + 1) + " : ui32\n" + "  %bw$ = enigma.cast %b : " + t +
      " to ui32\n  %cw$ = enigma.cast %c : " + t + " to ui32\n" +
      "  %o$ = enigma.mod %bw$, %all$ : ui32\n  %left$ = enigma.sub %all$, %o$ : ui32\n" +
      "  %n$ = enigma.mod %cw$, %left$ : ui32\n";
  const auto placeOf = [](T b) { return uint32_t(b) % (bits + 1); };
  const auto widthOf = [=](T b, T c) { return uint32_t(c) % (bits + 1 - placeOf(b)); };
  const auto ones = [](uint32_t width) { return width == bits ? U(-1) : U((U(1) << width) - 1); };
  batch.template expect<T>(field + "enigma.extract_bits %a, %o$, %n$" + end, t, [=](T a, T b, T c) -> T {
    const uint32_t place = placeOf(b), width = widthOf(b, c);
    if (width == 0)
      return 0;
    const U low = U(U(a) >> place) & ones(width);
    const bool isNegative = std::is_signed_v<T> && (low >> (width - 1) & 1);
    return T(isNegative ? U(low | U(~ones(width))) : low);
  });
  batch.template expect<T>(field + "enigma.insert_bits %a, %b, %o$, %n$" + end, t, [=](T a, T b, T c) -> T {
    const uint32_t place = placeOf(b), width = widthOf(b, c);
    if (width == 0)
      return a;
    const U mask = U(ones(width) << place);
    return T((U(a) & U(~mask)) | (U(U(b) << place) & mask));
  });
  batch.run();
}

} // namespace
