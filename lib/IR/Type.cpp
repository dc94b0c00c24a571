// SPDX-License-Identifier: MIT
//
// Names of types and the promotion table.
#include "enigma/IR/Type.h"

#include <algorithm>
#include <array>

namespace enigma::ir {
namespace {

struct Names {
  std::string_view python, className, msl;
};
constexpr std::array<Names, numElems> names = {{{"b1", "Boolean", "bool"},
                                                {"i8", "Int8", "char"},
                                                {"u8", "Uint8", "uchar"},
                                                {"i16", "Int16", "short"},
                                                {"u16", "Uint16", "ushort"},
                                                {"i32", "Int32", "int"},
                                                {"u32", "Uint32", "uint"},
                                                {"i64", "Int64", "long"},
                                                {"u64", "Uint64", "ulong"},
                                                {"f16", "Float16", "half"},
                                                {"bf16", "BFloat16", "bfloat"},
                                                {"f32", "Float32", "float"}}};

} // namespace

std::string_view name(Elem e) { return names[static_cast<int>(e)].python; }

std::optional<Elem> elemFromName(std::string_view name) {
  auto it = std::find_if(names.begin(), names.end(), [&](const Names &n) {
    return name == n.python || name == n.className || name == n.msl;
  });
  if (it == names.end())
    return std::nullopt;
  return static_cast<Elem>(it - names.begin());
}

std::string_view mslName(Elem e) { return names[static_cast<int>(e)].msl; }

std::string pythonName(Type t) {
  return t.lanes == 1 ? std::string(name(t.elem)) : std::string(mslName(t.elem)) + std::to_string(t.lanes);
}

std::optional<Type> typeFromName(std::string_view name) {
  if (auto elem = elemFromName(name))
    return Type::value(*elem);
  if (name.empty() || name.back() < '2' || name.back() > '4')
    return std::nullopt;
  int lanes = name.back() - '0';
  name.remove_suffix(1);
  for (int e = 0; e < numElems; ++e) {
    const Names &n = names[e];
    bool ours = name.ends_with('x') && name.substr(0, name.size() - 1) == n.python;
    if (name == n.msl || ours)
      return Type::value(static_cast<Elem>(e), lanes);
  }
  return std::nullopt;
}

std::string Type::str() const {
  constexpr std::string_view spaces[] = {"device", "constant", "threadgroup", "thread"};
  std::string out(name(elem));
  if (lanes > 1)
    out += "x" + std::to_string(lanes);
  if (isBuffer()) {
    if (space != Space::device)
      out += ", " + std::string(spaces[static_cast<int>(space)]);
    return "buffer<" + out + ">";
  }
  if (isSimdgroupMatrix())
    return "simdgroup_matrix<" + out + ">";
  return kind == Kind::none ? "none" : out;
}

std::optional<Elem> promote(Elem a, Elem b) {
  if (a == Elem::b1)
    a = Elem::i32;
  if (b == Elem::b1)
    b = Elem::i32;
  if (a == b)
    return a;
  if (isFloat(a) && isFloat(b)) {
    if (bits(a) == bits(b))
      return std::nullopt; // f16 with bf16: neither holds the other
    return Elem::f32;
  }
  if (isFloat(a) || isFloat(b))
    return isFloat(a) ? a : b;
  if (bits(a) != bits(b))
    return bits(a) > bits(b) ? a : b;
  return toUnsigned(a);
}

} // namespace enigma::ir
