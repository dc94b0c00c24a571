// SPDX-License-Identifier: MIT
//
// The operations that are no row of slots: queries, loads and stores.
#include "enigma/IR/Builder.h"
#include "enigma/IR/Constant.h"

namespace enigma::ir {

Value Builder::query(Opcode op, int axis) {
  const OpInfo &i = info(op);
  if (i.rule.kind != Rule::Kind::query)
    fail(std::string(i.name) + ": is no thread query");
  if (axis < 0 || axis > (i.hasAxis ? 2 : 0))
    fail(std::string(i.name) +
         (i.hasAxis ? ": the component must be 0, 1 or 2, got " : ": has one component, got ") +
         std::to_string(axis));
  return append(op, {}, Type::value(Elem::u32), axis);
}

Value Builder::indexOf(std::string_view what, Operand index) {
  if (index.isLiteral()) {
    if (index.literal.kind == Literal::Kind::real)
      fail(std::string(what) + ": an index must be an integer, got " + index.literal.str());
    if (index.literal.negative)
      fail(std::string(what) + ": index " + index.literal.str() + " is before the start of the buffer",
           {"a buffer has no length in a kernel, so negative indices do not count from the end"});
    Elem e = constantBits(Elem::u32, index.literal) ? Elem::u32 : Elem::u64;
    return constant(index.literal, Type::value(e));
  }
  Type t = fn.type(index.value);
  if (!t.isScalar() || !isInt(t.elem))
    fail(std::string(what) + ": an index must be an integer, got " + t.str(),
         {isFloat(t.elem) ? "convert it: enigma.i32(x)" : "use a scalar integer"});
  return index.value;
}

Value Builder::maskOf(std::string_view what, Operand mask) {
  if (mask.isLiteral() && mask.literal.kind == Literal::Kind::boolean)
    return literal(mask.literal);
  if (mask.isLiteral() || fn.type(mask.value) != Type::value(Elem::b1))
    fail(std::string(what) + ": the mask must be b1, got " +
             (mask.isLiteral() ? mask.literal.str() : fn.type(mask.value).str()),
         {"compare: i < n, or enigma.cmp_lt(i, n)"});
  return mask.value;
}

Type Builder::elementOf(std::string_view what, Value buffer) {
  Type t = fn.type(buffer);
  if (!t.isBuffer())
    fail(std::string(what) + ": needs a buffer, got " + t.str());
  return t.element();
}

Value Builder::load(Value buffer, Operand index) {
  Type t = elementOf("load", buffer);
  checkConstantIndex("load", buffer, index);
  Value i = indexOf("load", index);
  fn.markAccess(buffer, false);
  return append(Opcode::load, {buffer, i}, t);
}

Value Builder::loadIf(Value buffer, Operand index, Operand mask, Operand fallback) {
  Type t = elementOf("load_if", buffer);
  // A negative index under a false mask is legal, so a literal one is too.
  Value i = index.isLiteral() && index.literal.kind == Literal::Kind::integer && index.literal.negative
                ? literal(index.literal)
                : indexOf("load_if", index);
  Value m = maskOf("load_if", mask);
  if (!fallback.isLiteral() && fn.type(fallback.value) != t && fn.type(fallback.value) != t.withLanes(1))
    fail("load_if: the default must be " + t.str() + " like the buffer, got " + fn.type(fallback.value).str(),
         {"convert it: enigma." + pythonName(t) + "(x)"});
  Value f = splat(materialise("load_if", fallback, t.elem), t.lanes);
  fn.markAccess(buffer, false);
  return append(Opcode::load_if, {buffer, i, m, f}, t);
}

// A store converts as an assignment does in C and NumPy, except where the meaning of the number would be
// lost.
Value Builder::stored(std::string_view what, Operand value, Type to) {
  if (!value.isLiteral()) {
    Type t = fn.type(value.value);
    std::string wanted =
        std::string(what) + (what.starts_with("store") ? ": the buffer holds " : ": needs ") + to.str();
    if (!t.isValue())
      fail(wanted + ", got " + t.str());
    if (t.lanes != to.lanes && t.lanes != 1)
      fail(wanted + ", got " + t.str(), {to.lanes == 1 ? "take a component, such as v.x"
                                                       : "take the components that are meant, such as v." +
                                                             std::string("xyzw", to.lanes)});
    if ((isFloat(t.elem) && !isFloat(to.elem)) || (t.elem != to.elem && to.elem == Elem::b1))
      fail(wanted + ", got " + t.str(),
           {to.elem == Elem::b1
                ? "compare it: x != 0"
                : "to drop the fraction, write enigma." + pythonName(to.withLanes(t.lanes)) + "(x)"});
  }
  return splat(materialise(what, value, to.elem), to.lanes);
}

void Builder::store(Value buffer, Operand index, Operand value) {
  Type t = elementOf("store", buffer);
  checkWritable("store", buffer);
  checkConstantIndex("store", buffer, index);
  Value i = indexOf("store", index);
  Value v = stored("store", value, t);
  fn.markAccess(buffer, true);
  append(Opcode::store, std::initializer_list<Value>{v, buffer, i}, {});
}

void Builder::storeIf(Value buffer, Operand index, Operand value, Operand mask) {
  Type t = elementOf("store_if", buffer);
  checkWritable("store_if", buffer);
  Value i = index.isLiteral() && index.literal.kind == Literal::Kind::integer && index.literal.negative
                ? literal(index.literal)
                : indexOf("store_if", index);
  Value m = maskOf("store_if", mask);
  Value v = stored("store_if", value, t);
  fn.markAccess(buffer, true);
  append(Opcode::store_if, std::initializer_list<Value>{v, buffer, i, m}, {});
}

} // namespace enigma::ir
