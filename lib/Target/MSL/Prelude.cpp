// SPDX-License-Identifier: MIT
//
// The texts of the prelude, and the selection of those that a kernel uses. Three families:
//
//   integers   one template for every scalar and vector type: written with select(), which is componentwise
//   floats     a scalar function on float; the forms on half (computed in float) and on vectors are made from
//   it bfloats    a scalar function on bfloat, and vector forms made from it
//   longs      operations among lanes on 64-bit integers (LanePrelude.cpp), and vector forms made from it
#include "enigma/Target/MSL/Prelude.h"

#include "PreludeEntry.h"
#include "enigma/Support/Error.h"

#include <algorithm>
#include <map>
#include <set>

namespace enigma::msl {
namespace {

// Callees stand before callers.
constexpr Entry ownEntries[] = {
    {"enigma_abs", Family::Integers, 1, "", "", R"(// |x|; the smallest integer stays itself.
template <typename T, typename U>
inline T enigma_abs(T x) {
  return select(x, T(U(0) - U(x)), x < T(0));
}
)"},
    {"enigma_floor_div", Family::Integers, 2, "", "",
     R"(// x // y, rounded down; 0 where y is 0, and the smallest integer // -1 wraps.
template <typename T, typename U>
inline T enigma_floor_div(T x, T y) {
  T divisor = select(y, T(1), y == T(0) || y == T(-1));
  T quotient = x / divisor;
  T remainder = x % divisor;
  quotient -= select(T(0), T(1), remainder != T(0) && (remainder ^ divisor) < T(0));
  quotient = select(quotient, T(U(0) - U(x)), y == T(-1));
  return select(quotient, T(0), y == T(0));
}
)"},
    {"enigma_mod", Family::Integers, 2, "", "", R"(// x % y with the sign of y; 0 where y is 0.
template <typename T>
inline T enigma_mod(T x, T y) {
  T divisor = select(y, T(1), y == T(0) || y == T(-1));
  T remainder = x % divisor;
  return remainder + select(T(0), divisor, remainder != T(0) && (remainder ^ divisor) < T(0));
}
)"},
    {"enigma_trip_count", Family::Integers, 3, "", "",
     R"(// How many positions lower, lower + step, ... come before upper; 0 for a step of 0.
template <typename T, typename U>
inline U enigma_trip_count(T lower, T upper, T step) {
  if (step > T(0) && lower < upper)
    return U(U(U(upper) - U(lower) - U(1)) / U(step) + U(1));
  if (step < T(0) && lower > upper)
    return U(U(U(lower) - U(upper) - U(1)) / U(U(0) - U(step)) + U(1));
  return U(0);
}
)"},
    {"enigma_product", Family::Integers, 2, "", "",
     R"(// x * y, wrapping. Narrow scalars would be promoted to int, where their product may overflow.
template <typename U>
inline U enigma_product(U x, U y) {
  return x * y;
}
inline uchar enigma_product(uchar x, uchar y) { return uchar(uint(x) * uint(y)); }
inline ushort enigma_product(ushort x, ushort y) { return ushort(uint(x) * uint(y)); }
)"},
    {"enigma_ipow", Family::Integers, 2, "", "enigma_product",
     R"(// x to the power y by squaring, wrapping; 0 for a negative y unless x is 1 or -1.
template <typename T, typename U>
inline T enigma_ipow(T x, T y) {
  U power = U(1);
  U square = U(x);
  U rest = U(y);
  while (any(rest != U(0))) {
    power = select(power, enigma_product(power, square), (rest & U(1)) != U(0));
    square = enigma_product(square, square);
    rest = U(rest >> U(1));
  }
  return select(T(power), T(0), y < T(0) && x != T(1) && x != T(-1));
}
)"},
    {"enigma_floor_div", Family::Floats, 2, "", "",
     R"(// x // y as Python has it, from the exact remainder: 1.0f // 0.1f is 9.
inline float enigma_floor_div(float x, float y) {
  if (y == 0.0f)
    return x / y;
  float remainder = fmod(x, y);
  float quotient = (x - remainder) / y;
  if (remainder != 0.0f && (remainder < 0.0f) != (y < 0.0f))
    quotient -= 1.0f;
  if (quotient == 0.0f)
    return copysign(0.0f, x / y);
  return rint(quotient);
}
)"},
    {"enigma_mod", Family::Floats, 2, "", "",
     R"(// x % y as Python has it: with the sign of y, also for a zero.
inline float enigma_mod(float x, float y) {
  float remainder = fmod(x, y);
  if (remainder == 0.0f)
    return copysign(0.0f, y);
  return (remainder < 0.0f) != (y < 0.0f) ? remainder + y : remainder;
}
)"},
    {"enigma_erf", Family::Floats, 1, "", "",
     R"(// The error function within 2 ulp: x + x P(x^2) near 0, else 1 - 2^P(|x|). P are minimax fits.
inline float enigma_erf(float x) {
  float a = fabs(x);
  if (!(a > 0.875f)) {
    float s = x * x;
    float p = fma(s, -0.000600612897f, 0.00499675144f);
    p = fma(s, p, -0.0267694686f);
    p = fma(s, p, 0.112819076f);
    p = fma(s, p, -0.376125038f);
    p = fma(s, p, 0.128379151f);
    return fma(x, p, x);
  }
  a = fmin(a, 4.0f); // 1 from here on
  float p = fma(a, 0.000288406271f, -0.0044464469f);
  p = fma(a, p, 0.0322891809f);
  p = fma(a, p, -0.150401488f);
  p = fma(a, p, -0.918737829f);
  p = fma(a, p, -1.62720048f);
  p = fma(a, p, -0.000208042344f);
  return copysign(1.0f - exp2(p), x);
}
)"},
    {"enigma_erfinv", Family::Floats, 1, "", "",
     R"(// The inverse of erf within 6 ulp: x P(w) with w = -log(1 - x^2). P are minimax fits for w < 5 and for the tail.
inline float enigma_erfinv(float x) {
  if (fabs(x) == 1.0f)
    return x * INFINITY;
  float w = -log(fma(-x, x, 1.0f));
  float p;
  if (w < 5.0f) {
    w -= 2.5f;
    p = fma(w, 2.85042212e-08f, 3.44043087e-07f);
    p = fma(w, p, -3.52815209e-06f);
    p = fma(w, p, -4.40056647e-06f);
    p = fma(w, p, 0.000218597081f);
    p = fma(w, p, -0.00125369383f);
    p = fma(w, p, -0.00417769421f);
    p = fma(w, p, 0.246640712f);
    p = fma(w, p, 1.50140941f);
  } else {
    w = sqrt(w) - 3.0f;
    p = fma(w, -0.000205931079f, 0.00010210734f);
    p = fma(w, p, 0.00136027031f);
    p = fma(w, p, -0.00367427547f);
    p = fma(w, p, 0.00573242595f);
    p = fma(w, p, -0.00762253441f);
    p = fma(w, p, 0.00944054872f);
    p = fma(w, p, 1.00167418f);
    p = fma(w, p, 2.83297682f);
  }
  return p * x;
}
)"},
    {"enigma_nextafter_bfloat", Family::Bfloats, 2, "", "",
     R"(// The bfloat after x in the direction of y, by stepping the bits: exact where the GPU flushes subnormals too.
inline bfloat enigma_nextafter_bfloat(bfloat x, bfloat y) {
  int from = as_type<ushort>(x);
  int to = as_type<ushort>(y);
  int fromSize = from & 0x7fff;
  int toSize = to & 0x7fff;
  if (fromSize > 0x7f80) // NaN
    return x;
  if (toSize > 0x7f80)
    return y;
  int fromOrder = from > 0x7fff ? -fromSize : fromSize;
  int toOrder = to > 0x7fff ? -toSize : toSize;
  if (fromOrder == toOrder)
    return y;
  if (fromSize == 0)
    return as_type<bfloat>(ushort((to & 0x8000) | 1));
  return as_type<bfloat>(ushort((fromOrder < toOrder) == (fromOrder > 0) ? from + 1 : from - 1));
}
)"},
    {"enigma_isnormal_bfloat", Family::Bfloats, 1, "bool", "",
     R"(// Whether x is neither zero, subnormal, infinite nor NaN, asked of bfloat's own exponent.
inline bool enigma_isnormal_bfloat(bfloat x) {
  int exponent = (as_type<ushort>(x) >> 7) & 0xff;
  return exponent != 0 && exponent != 0xff;
}
)"},
};

const std::vector<Entry> &allEntries() {
  static const auto *all = [] {
    auto *list = new std::vector<Entry>(std::begin(ownEntries), std::end(ownEntries));
    std::span<const Entry> lanes = laneEntries();
    list->insert(list->end(), lanes.begin(), lanes.end());
    return list;
  }();
  return *all;
}

struct ValueType {
  std::string element;
  int components = 1;

  std::string str() const { return components == 1 ? element : element + std::to_string(components); }
};

ValueType parseType(std::string_view text) {
  if (!text.empty() && text.back() >= '2' && text.back() <= '4')
    return {std::string(text.substr(0, text.size() - 1)), text.back() - '0'};
  return {std::string(text), 1};
}

Family familyOf(const Entry &entry, const ValueType &type) {
  if (entry.family == Family::Longs)
    return type.element == "long" || type.element == "ulong" ? Family::Longs : Family::Integers;
  if (type.element == "float" || type.element == "half")
    return Family::Floats;
  return type.element == "bfloat" ? Family::Bfloats : Family::Integers;
}

/// `inline half2 f(half2 x, half2 y) { return half2(f(x.x, y.x), f(x.y, y.y)); }`, or for half through float.
std::string overload(const Entry &entry, const ValueType &type) {
  static constexpr std::string_view operands[] = {"x", "y"}, components[] = {"x", "y", "z", "w"};
  ValueType result = type;
  if (!entry.element.empty())
    result.element = entry.element;
  std::string name(entry.name), params, body;
  auto list = [&](auto &&one) {
    std::string text;
    for (int i = 0; i < entry.arity; ++i)
      text.append(i ? ", " : "").append(one(std::string(operands[i])));
    return text;
  };
  params = list([&](const std::string &x) { return type.str() + " " + x; });
  std::string lanes; // arguments that all components share
  for (std::string_view lane : entry.lanes) {
    if (lane.empty())
      continue;
    params += ", ushort " + std::string(lane);
    lanes += ", " + std::string(lane);
  }
  if (type.components == 1)
    body = name + "(" + list([](const std::string &x) { return "float(" + x + ")"; }) + ")";
  for (int c = 0; type.components > 1 && c < type.components; ++c)
    body += (c ? ", " : "") + name + "(" +
            list([&](const std::string &x) { return x + "." + std::string(components[c]); }) + lanes + ")";
  return "inline " + result.str() + " " + name + "(" + params + ") { return " + result.str() + "(" + body +
         "); }\n";
}

/// The types that one entry is wanted for, in the order in which they are printed: scalars first, they are
/// called.
struct Wanted {
  bool entry = false;
  std::set<std::pair<int, std::string>> overloads; // components, element

  void add(const Entry &e, const ValueType &type) {
    entry = true;
    if (e.family == Family::Integers)
      return;
    if (type.element == "half")
      overloads.insert({1, "half"});
    if (type.components > 1)
      overloads.insert({type.components, type.element});
  }
};

} // namespace

std::string preludeFor(std::span<const std::string_view> used) {
  const std::vector<Entry> &entries = allEntries();
  std::vector<Wanted> wanted(entries.size());
  auto want = [&](auto &self, std::string_view name, std::string_view typeText) -> void {
    bool found = false;
    ValueType type = parseType(typeText);
    for (size_t i = 0; i < entries.size(); ++i) {
      const Entry &entry = entries[i];
      if (entry.name != name || (!typeText.empty() && familyOf(entry, type) != entry.family))
        continue;
      found = true;
      if (!typeText.empty())
        wanted[i].add(entry, type);
      else
        for (std::string_view element : {"float", "half", "bfloat", "long", "ulong"})
          for (int components = 1; components <= 4; ++components)
            if (ValueType t{std::string(element), components};
                familyOf(entry, t) == entry.family || entry.family == Family::Integers)
              wanted[i].add(entry, t);
      if (!entry.callee.empty())
        self(self, entry.callee, typeText);
    }
    if (!found)
      throw Error(ErrorKind::Enigma, "the MSL prelude has no " + std::string(name) +
                                         (typeText.empty() ? "" : " for " + std::string(typeText)));
  };
  for (std::string_view use : used) {
    size_t colon = use.find(':');
    want(want, use.substr(0, colon), colon == use.npos ? "" : use.substr(colon + 1));
  }
  std::string out;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!wanted[i].entry)
      continue;
    out += entries[i].text;
    for (const auto &[components, element] : wanted[i].overloads)
      out += overload(entries[i], {element, components});
    out += '\n';
  }
  return out;
}

std::vector<std::string_view> preludeNames() {
  std::set<std::string_view> names;
  for (const Entry &entry : allEntries())
    names.insert(entry.name);
  return {names.begin(), names.end()};
}

} // namespace enigma::msl
