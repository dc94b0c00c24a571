// SPDX-License-Identifier: MIT
//
// Runs a list of elementwise operations on the same inputs, in every form that values have in generated code:
// different in each lane, the same in all lanes, and compiled for this CPU, for AVX2 and for the oldest
// x86-64.
//
//   Batch<int32_t> batch("i32", {a, b, c});
//   batch.expect<int32_t>("enigma.add %a, %b : i32", "i32", [](int32_t a, int32_t b, int32_t c) { return ...;
//   }); batch.run();
#pragma once

#include "Compiled.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>

namespace enigma::host::testing {

/// f16 and bf16 as they are in memory, with conversions written apart from the ones under test.
struct Half {
  uint16_t bits = 0;
};
struct Brain {
  uint16_t bits = 0;
};
inline double valueOf(float x) { return x; }
inline double valueOf(Brain x) { return std::bit_cast<float>(uint32_t(x.bits) << 16); }
inline double valueOf(Half x) {
  const int exponent = x.bits >> 10 & 31, fraction = x.bits & 1023;
  const double sign = x.bits >> 15 ? -1 : 1;
  if (exponent == 31)
    return fraction ? std::copysign(std::nan(""), sign) : sign * INFINITY;
  return exponent ? sign * std::ldexp(1024 + fraction, exponent - 25) : sign * std::ldexp(fraction, -24);
}
/// Rounds to nearest even by trying: the nearest of the type's values, ordered by bits.
template <class Narrow>
Narrow narrowed(double x, unsigned infinity, double beyond) {
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  if (std::isnan(x))
    return Narrow{uint16_t(infinity | (infinity & -infinity) >> 1)}; // the fraction's highest bit
  const double magnitude = std::fabs(x);
  if (magnitude >= beyond)
    return Narrow{uint16_t(sign | infinity)};
  unsigned low = 0, high = infinity; // low <= magnitude < high
  while (high - low > 1) {
    const unsigned middle = (low + high) / 2;
    (valueOf(Narrow{uint16_t(middle)}) <= magnitude ? low : high) = middle;
  }
  const double below = magnitude - valueOf(Narrow{uint16_t(low)});
  const double above = (high == infinity ? beyond + (beyond - valueOf(Narrow{uint16_t(low)}))
                                         : valueOf(Narrow{uint16_t(high)})) -
                       magnitude;
  const unsigned nearest = below < above || (below == above && low % 2 == 0) ? low : high;
  return Narrow{uint16_t(sign | nearest)};
}
template <class T>
T numberOf(double x) {
  if constexpr (std::is_same_v<T, Half>)
    return narrowed<Half>(x, 0x7c00, 65520);
  else if constexpr (std::is_same_v<T, Brain>)
    return narrowed<Brain>(x, 0x7f80, std::ldexp(511.0 / 256.0, 127));
  else
    return static_cast<T>(x);
}

template <class T>
std::string show(T x) {
  if constexpr (std::is_integral_v<T>)
    return std::to_string(+x);
  else {
    char text[64];
    std::snprintf(text, sizeof(text), "%.9g (%a)", valueOf(x), valueOf(x));
    return text;
  }
}

/// Distance in representable values of the type; 0 for two NaNs and for zeros of the same sign.
template <class T>
double distance(T x, T y) {
  if constexpr (std::is_integral_v<T>) {
    return x == y ? 0 : INFINITY;
  } else {
    const double a = valueOf(x), b = valueOf(y);
    if (std::isnan(a) || std::isnan(b))
      return std::isnan(a) && std::isnan(b) ? 0 : INFINITY;
    if (a == 0 && b == 0)
      return std::signbit(a) == std::signbit(b) ? 0 : INFINITY;
    const auto ordered = [](T v) -> int64_t {
      if constexpr (sizeof(T) == 2) {
        const int64_t magnitude = v.bits & 0x7fff;
        return v.bits >> 15 ? -magnitude : magnitude;
      } else {
        const auto bits = std::bit_cast<uint32_t>(v);
        const int64_t magnitude = bits & 0x7fffffff;
        return bits >> 31 ? -magnitude : magnitude;
      }
    };
    return std::fabs(double(ordered(x) - ordered(y)));
  }
}

template <class T>
class Batch {
public:
  Batch(std::string inType, std::array<std::vector<T>, 3> inputs)
      : type(std::move(inType)), in(std::move(inputs)) {}

  /// `operation` uses %a, %b, %c and gives one result of `resultType`; `reference` the expected value.
  template <class R>
  void expect(const std::string &operation, const std::string &resultType,
              std::function<R(T, T, T)> reference, double tolerance = 0) {
    Row row;
    row.operation = operation;
    row.type = resultType;
    row.out.resize(size() * sizeof(R));
    row.check = [this, operation, reference, tolerance](const void *data, const std::string &how) {
      const auto *got = static_cast<const R *>(data);
      int wrong = 0;
      for (size_t i = 0; i < size() && wrong < 5; ++i) {
        const R want = reference(in[0][i], in[1][i], in[2][i]);
        if (distance(got[i], want) > tolerance) {
          ++wrong;
          ADD_FAILURE() << operation << " of " << show(in[0][i]) << ", " << show(in[1][i]) << ", "
                        << show(in[2][i]) << " gives " << show(got[i]) << ", not " << show(want) << " ("
                        << how << ")";
        }
      }
    };
    rows.push_back(std::move(row));
  }

  void run() {
    for (const char *cpu : {"", "x86-64-v3", "x86-64"}) {
#if !defined(__x86_64__)
      if (*cpu)
        continue;
#endif
      for (const bool isUniform : {false, true})
        for (size_t first = 0; first < rows.size(); first += 24)
          runSome(cpu, isUniform, first, std::min(rows.size(), first + 24));
    }
  }

private:
  struct Row {
    std::string operation, type;
    std::vector<unsigned char> out;
    std::function<void(const void *, const std::string &)> check;
  };
  size_t size() const { return in[0].size(); }

  void runSome(const char *cpu, bool isUniform, size_t first, size_t last) {
    const auto bufferOf = [](const std::string &t) { return "!enigma.buffer<" + t + ", device>"; };
    std::string params, body, written;
    for (const char *name : {"A", "B", "C"})
      params += std::string(params.empty() ? "%" : ", %") + name + ": " + bufferOf(type);
    const std::string index = isUniform ? "%zero" : "%i";
    for (const char *name : {"a", "b", "c"})
      body += std::string("  %") + name + " = enigma.load %" + char(*name - 32) + "[" + index +
              "] : " + bufferOf(type) + ", ui32 -> " + type + "\n";
    for (size_t r = first; r < last; ++r) {
      const std::string n = std::to_string(r);
      const std::string t = rows[r].type;
      params += ", %Out" + n + ": " + bufferOf(t);
      // "$" is the row's number; lines before the last one prepare operands. Of two results "#0 " or "#1 " in
      // front of the operation tells which.
      std::string operation = rows[r].operation;
      for (size_t at; (at = operation.find('$')) != std::string::npos;)
        operation.replace(at, 1, "_" + n);
      if (const size_t line = operation.rfind('\n'); line != std::string::npos) {
        body += "  " + operation.substr(0, line + 1);
        operation = operation.substr(line + 1);
      }
      const bool hasTwo = operation[0] == '#';
      const std::string which = hasTwo ? operation.substr(0, 2) : "";
      body += "  %r" + n + (hasTwo ? ":2" : "") + " = " + operation.substr(hasTwo ? 3 : 0) + "\n";
      body += "  enigma.store %r" + n + which + ", %Out" + n + "[" + index + "] : " + t + ", " + bufferOf(t) +
              ", ui32\n";
      written += (written.empty() ? "" : ", ") + std::to_string(r - first + 3);
    }
    HostOptions options;
    options.cpu = cpu;
    Compiled kernel("enigma.kernel @batch(" + params + ") writes [" + written +
                        "] {\n  %i = enigma.thread_position_in_grid x\n  %zero = enigma.constant 0 : ui32\n" +
                        body + "}",
                    options);
    const auto argsFrom = [&](size_t element, size_t count) {
      std::vector<Argument> args;
      for (auto &column : in)
        args.push_back(Argument::memory(column.data() + element, count * sizeof(T)));
      for (size_t r = first; r < last; ++r) {
        const size_t width = rows[r].out.size() / size();
        args.push_back(Argument::memory(rows[r].out.data() + element * width, count * width));
      }
      return args;
    };
    for (size_t r = first; r < last; ++r)
      std::fill(rows[r].out.begin(), rows[r].out.end(), 0xee);
    if (isUniform)
      for (size_t i = 0; i < size(); ++i)
        kernel.run(argsFrom(i, 1), {1});
    else
      kernel.run(argsFrom(0, size()), {int64_t(size())});
    const std::string how = std::string(isUniform ? "uniform" : "varying") + (*cpu ? ", " : "") + cpu;
    for (size_t r = first; r < last; ++r)
      rows[r].check(rows[r].out.data(), how);
  }

  std::string type;
  std::array<std::vector<T>, 3> in;
  std::vector<Row> rows;
};

} // namespace enigma::host::testing
