// SPDX-License-Identifier: MIT
//
// Operations among lanes on long and ulong, which Metal has on types of at most 32 bits: moves as two halves,
// reductions from those of parts, products lane by lane. Written once for simdgroups; the quadgroup's forms
// have `quad` for `simd` and 4 lanes for 32.
#include "PreludeEntry.h"

#include <string>
#include <vector>

namespace enigma::msl {
namespace {

struct Moved {
  std::string_view name;
  int arity;
  std::array<std::string_view, 2> lanes;
};
// These treat bits alone, so that halves can be taken for themselves.
constexpr Moved moved[] = {
    {"and", 1, {}},
    {"or", 1, {}},
    {"xor", 1, {}},
    {"broadcast", 1, {"lane"}},
    {"broadcast_first", 1, {}},
    {"shuffle", 1, {"lane"}},
    {"shuffle_xor", 1, {"lane"}},
    {"shuffle_up", 1, {"lane"}},
    {"shuffle_down", 1, {"lane"}},
    {"shuffle_rotate_up", 1, {"lane"}},
    {"shuffle_rotate_down", 1, {"lane"}},
    {"shuffle_and_fill_up", 2, {"lane", "modulo"}},
    {"shuffle_and_fill_down", 2, {"lane", "modulo"}},
};

struct Composed {
  std::string_view name, callee, text;
};
// 32 parts of 16 bits add up to less than 32 bits.
constexpr std::string_view sumText = R"(// NAME of 64 bits from those of 16 bits each; wraps.
template <typename T>
inline T enigma_NAME(T x) {
  ulong sum = 0;
  for (ushort part = 0; part < 64; part += 16)
    sum += ulong(NAME(uint(ulong(x) >> part) & 0xffffu)) << part;
  return T(sum);
}
)";
// The other halves of the lanes that win by the upper ones; with the sign bit flipped signed numbers are in
// order as unsigned ones.
constexpr std::string_view minText = R"(// NAME of 64 bits: by the upper halves, then by the lower ones.
template <typename T>
inline T enigma_NAME(T x) {
  ulong flip = T(-1) < T(0) ? 0x8000000000000000ul : 0ul;
  uint2 halves = as_type<uint2>(ulong(x) ^ flip);
  uint high = NAME(halves.y);
  uint low = NAME(halves.y == high ? halves.x : WORST);
  return T((ulong(high) << 32 | ulong(low)) ^ flip);
}
)";
constexpr std::string_view productText =
    R"(// The product of 64 bits over the active lanes, one by one; wraps.
template <typename T>
inline T enigma_NAME(T x) {
  uint active = uint(simd_vote::vote_t(simd_active_threads_mask()));
  ulong product = 1;
  for (ushort lane = 0; lane < WIDTH; ++lane)
    if ((active >> lane & 1u) != 0u)
      product *= ulong(enigma_simd_broadcast(x, lane));
  return T(product);
}
)";
constexpr std::string_view prefixText =
    R"(// The product of 64 bits over the active lanes before this one; wraps.
template <typename T>
inline T enigma_NAME(T x) {
  uint active = uint(simd_vote::vote_t(simd_active_threads_mask()));
  uint left = simd_prefix_exclusive_sum(1u);
  ulong product = 1;
  for (ushort lane = 0; lane < WIDTH; ++lane)
    if ((active >> lane & 1u) != 0u) {
      ulong other = ulong(enigma_simd_broadcast(x, lane));
      product = left != 0u ? product * other : product;
      left = left != 0u ? left - 1u : 0u;
    }
  return T(product);
}
)";
constexpr std::string_view inclusiveText =
    R"(// The product of 64 bits over the active lanes up to this one; wraps.
template <typename T>
inline T enigma_NAME(T x) {
  return T(ulong(x) * ulong(enigma_simd_prefix_exclusive_product(x)));
}
)";
constexpr Composed composed[] = {
    {"sum", "", sumText},
    {"prefix_inclusive_sum", "", sumText},
    {"prefix_exclusive_sum", "", sumText},
    {"min", "", minText},
    {"max", "", minText},
    {"product", "broadcast", productText},
    {"prefix_exclusive_product", "broadcast", prefixText},
    {"prefix_inclusive_product", "prefix_exclusive_product", inclusiveText},
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string movedText(const std::string &function, const Moved &row) {
  std::string params = "T x", args = "as_type<uint2>(x)";
  if (row.arity == 2) {
    params += ", T fill";
    args += ", as_type<uint2>(fill)";
  }
  for (std::string_view lane : row.lanes)
    if (!lane.empty()) {
      params += ", ushort " + std::string(lane);
      args += ", " + std::string(lane);
    }
  return "// " + function + " of 64 bits as two halves.\ntemplate <typename T>\ninline T enigma_" + function +
         "(" + params + ") {\n  return as_type<T>(" + function + "(" + args + "));\n}\n";
}

struct Table {
  std::vector<std::string> texts; ///< what the entries refer to
  std::vector<Entry> entries;

  Table() {
    texts.reserve(6 * (std::size(moved) + std::size(composed)));
    for (std::string_view prefix : {"simd", "quad"})
      fill(std::string(prefix) + "_", prefix == "quad");
  }

  std::string_view keep(std::string text) { return texts.emplace_back(std::move(text)); }

  void fill(const std::string &prefix, bool isQuad) {
    for (Moved row : moved) {
      if (isQuad)
        row.lanes[1] = {}; // quadgroups are not divided further
      const std::string function = prefix + std::string(row.name);
      entries.push_back({keep("enigma_" + function), Family::Longs, row.arity, "", "",
                         keep(movedText(function, row)), row.lanes});
    }
    for (const Composed &row : composed) {
      const std::string function = prefix + std::string(row.name);
      std::string text = replaced(std::string(row.text), "simd_", prefix);
      text = replaced(std::move(text), "NAME", function);
      text = replaced(std::move(text), "WIDTH", isQuad ? "4" : "32");
      text = replaced(std::move(text), "WORST", row.name == "min" ? "0xffffffffu" : "0u");
      const std::string_view callee =
          row.callee.empty() ? std::string_view() : keep("enigma_" + prefix + std::string(row.callee));
      entries.push_back(
          {keep("enigma_" + function), Family::Longs, 1, "", callee, keep(std::move(text)), {}});
    }
  }
};

} // namespace

std::span<const Entry> laneEntries() {
  static const auto *table = new Table;
  return table->entries;
}

} // namespace enigma::msl
