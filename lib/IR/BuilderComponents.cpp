// SPDX-License-Identifier: MIT
//
// Vectors: made of scalars and shorter vectors, read and replaced by components, converted. A vector is a
// value: what replaces a component gives a new one.
//
//     Value v = b.makeVector(Type::value(Elem::f32, 4), {xyz, Literal(1.0)});
//     Value wz = b.swizzle(v, {3, 2}), w = b.withComponents(v, {0}, Literal(0.0));
#include "enigma/IR/Builder.h"
#include "enigma/IR/Components.h"
#include "enigma/IR/Constant.h"

#include <algorithm>

namespace enigma::ir {
namespace {

std::string typeText(const Function &fn, const Operand &o) {
  return o.isLiteral() ? o.literal.str() : fn.type(o.value).str();
}

// "xyzw" by number.
char letter(int component) { return "xyzw"[component]; }

} // namespace

std::vector<int> componentsOf(std::string_view name) {
  constexpr std::string_view positions = "xyzw", colours = "rgba";
  std::vector<int> out;
  if (name.empty() || name.size() > 4)
    return out;
  std::string_view letters = positions.find(name[0]) != std::string_view::npos ? positions : colours;
  for (char c : name) {
    size_t at = letters.find(c);
    if (at == std::string_view::npos)
      return {};
    out.push_back(static_cast<int>(at));
  }
  return out;
}

Value Builder::splat(Value x, int lanes) {
  Type t = fn.type(x);
  return t.lanes == lanes ? x : append(Opcode::splat, {x}, t.withLanes(lanes));
}

Value Builder::makeVector(Type type, std::span<const Operand> parts, std::string_view name) {
  std::string what = name.empty() ? type.str() : std::string(name);
  std::string n = std::to_string(type.lanes);
  int count = 0;
  std::string got;
  for (const Operand &part : parts) {
    got += (got.empty() ? "" : ", ") + typeText(fn, part);
    if (!part.isLiteral() && !fn.type(part.value).isValue())
      fail(what + ": needs values, got " + fn.type(part.value).str(), {"index the buffer first: A[i]"});
    count += part.isLiteral() ? 1 : fn.type(part.value).lanes;
  }
  bool isSplat = parts.size() == 1 && count == 1;
  if (count != type.lanes && !isSplat) {
    std::vector<std::string> notes{"give " + n + " numbers, vectors with " + n +
                                   " components in all, or one number for all"};
    if (parts.size() == 1 && count > type.lanes)
      notes = {"take the components that are meant: v." + std::string("xyzw", type.lanes)};
    fail(what + ": needs " + n + " components, got " + std::to_string(count) +
             (got.empty() ? "" : " (" + got + ")"),
         notes);
  }
  if (isSplat) {
    Value one = parts[0].isLiteral() ? cast(parts[0], type.elem) : cast(parts[0].value, type.elem);
    return splat(one, type.lanes);
  }
  if (parts.size() == 1)
    return cast(parts[0], type.elem);
  std::vector<Value> components;
  for (const Operand &part : parts) {
    Value v = cast(part, type.elem);
    int lanes = fn.type(v).lanes;
    for (int i = 0; i < lanes; ++i)
      components.push_back(lanes == 1 ? v : append(Opcode::extract, {v}, Type::value(type.elem), i));
  }
  return append(Opcode::make_vector, components, {&type, 1});
}

Value Builder::convert(Operand x, Type to, std::string_view name) {
  if (to.lanes == 1)
    return cast(x, to.elem); // a vector component by component
  return makeVector(to, {&x, 1}, name);
}

Value Builder::swizzle(Value v, std::span<const int> components) {
  Type t = fn.type(v);
  for (int c : components)
    if (c >= t.lanes)
      fail(std::string("a ") + t.str() + " has no component " + letter(c),
           {"its components are " + std::string("x, y, z, w", t.lanes * 3 - 2)});
  if (components.size() == 1)
    return append(Opcode::extract, {v}, t.withLanes(1), components[0]);
  bool whole = static_cast<int>(components.size()) == t.lanes;
  uint64_t packed = 0;
  for (size_t i = 0; i < components.size(); ++i) {
    packed |= uint64_t(components[i]) << (2 * i);
    whole &= components[i] == static_cast<int>(i);
  }
  return whole ? v : append(Opcode::swizzle, {v}, t.withLanes(components.size()), packed);
}

int Builder::componentOf(std::string_view name, Type t, const Literal &index) {
  std::string what(name);
  if (index.kind != Literal::Kind::integer)
    fail(what + ": an index must be an integer, got " + index.str());
  if (index.negative ? index.magnitude > t.lanes : index.magnitude >= t.lanes)
    fail(what + ": index " + index.str() + " of a " + t.str() + ", which has " + std::to_string(t.lanes) +
         " components");
  return index.negative ? t.lanes - static_cast<int>(index.magnitude) : static_cast<int>(index.magnitude);
}

// The type of an operand that has to be a vector.
static Type requireVector(Builder &b, std::string_view name, Value v) {
  Type t = b.function().type(v);
  if (!t.isVector())
    b.fail(std::string(name) + ": needs a vector, got " + t.str());
  return t;
}

Value Builder::extract(Value v, Operand index) {
  Type t = requireVector(*this, "extract", v);
  if (index.isLiteral())
    return append(Opcode::extract, {v}, t.withLanes(1), componentOf("extract", t, index.literal));
  Value i = cast(indexOf("extract", index), Elem::u32);
  return append(Opcode::extract_at, {v, i}, t.withLanes(1));
}

Value Builder::insert(Value v, Operand index, Operand value) {
  Type t = requireVector(*this, "insert", v);
  if (index.isLiteral()) {
    int c = componentOf("insert", t, index.literal);
    return withComponents(v, {&c, 1}, value);
  }
  Value i = indexOf("insert", index);
  Type it = fn.type(i), wide = it.withLanes(t.lanes);
  std::vector<Value> numbers;
  for (int c = 0; c < t.lanes; ++c)
    numbers.push_back(constant(Literal(c), it));
  Value here = append(Opcode::cmp_eq, {splat(i, t.lanes), append(Opcode::make_vector, numbers, {&wide, 1})},
                      Type::value(Elem::b1, t.lanes));
  Value filled = splat(stored("insert", value, t.withLanes(1)), t.lanes);
  return append(Opcode::select, {here, filled, v}, t);
}

Value Builder::withComponents(Value v, std::span<const int> components, Operand value) {
  Type t = requireVector(*this, "a component", v);
  std::string letters;
  for (int c : components) {
    if (c >= t.lanes)
      fail(std::string("a ") + t.str() + " has no component " + letter(c),
           {"its components are " + std::string("x, y, z, w", t.lanes * 3 - 2)});
    if (letters.find(letter(c)) != std::string::npos)
      fail(std::string("component ") + letter(c) + " is assigned twice in one swizzle");
    letters += letter(c);
  }
  Value given = stored("." + letters, value, t.withLanes(components.size()));
  std::vector<Value> all(t.lanes);
  for (size_t i = 0; i < components.size(); ++i)
    all[components[i]] = components.size() == 1 ? given : append(Opcode::extract, {given}, t.withLanes(1), i);
  if (static_cast<int>(components.size()) == t.lanes && std::is_sorted(components.begin(), components.end()))
    return given;
  for (int c = 0; c < t.lanes; ++c)
    if (!all[c])
      all[c] = append(Opcode::extract, {v}, t.withLanes(1), c);
  return append(Opcode::make_vector, all, {&t, 1});
}

// Packing: operands of types that the rule fixes.
Value Builder::emitFixed(Opcode op, std::span<const Operand> operands, uint64_t immediate,
                         std::string_view name) {
  const OpInfo &i = info(op);
  Value values[4];
  for (size_t k = 0; k < operands.size(); ++k) {
    Type want = fixedType(i.rule.operands[k]);
    const Operand &o = operands[k];
    if (o.isLiteral()) {
      if (want.lanes > 1)
        fail(std::string(name) + ": needs a vector of " + std::to_string(want.lanes) + ", got " +
             o.literal.str());
      values[k] = constant(o.literal, want);
      continue;
    }
    Type got = fn.type(o.value);
    bool sameClass = isFloat(want.elem) == isFloat(got.elem) && got.elem != Elem::b1;
    if (!got.isValue() || got.lanes != want.lanes || !sameClass || bits(got.elem) > bits(want.elem))
      fail(std::string(name) + ": needs " + want.str() + ", got " + got.str(),
           {"convert it: enigma." + pythonName(want) + "(x)"});
    values[k] = cast(o, want.elem);
  }
  Type result = fixedType(i.rule.results[0]);
  return append(op, {values, operands.size()}, {&result, 1}, immediate);
}

Value Builder::asType(Operand x, Type to) {
  if (x.isLiteral())
    x = literal(x.literal);
  Type t = fn.type(x.value);
  if (!t.isValue())
    failNoValue("as_type: needs a value", t);
  if (t.elem == Elem::b1 || to.elem == Elem::b1)
    fail("as_type: b1 has no bits in memory", {"use select_(x, 1, 0) or x != 0"});
  if (to.lanes == 1 && bits(t.elem) == bits(to.elem))
    to = to.withLanes(t.lanes); // component by component
  int width = bits(t.elem) * t.lanes;
  if (width != bits(to.elem) * to.lanes)
    fail("as_type: needs a type of " + std::to_string(width) + " bits like " + t.str() + ", got " + to.str(),
         {"to convert the number, write enigma." + pythonName(to.lanes == 1 ? to : to.withLanes(t.lanes)) +
          "(x)"});
  if (t == to)
    return x.value;
  return append(Opcode::as_type, {x.value}, to);
}

} // namespace enigma::ir
