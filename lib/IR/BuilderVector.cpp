// SPDX-License-Identifier: MIT
//
// Accesses of several consecutive elements.
#include "enigma/IR/Builder.h"

namespace enigma::ir {

void Builder::checkMoved(std::string_view what, Value buffer, Type moved) {
  Type t = elementOf(what, buffer);
  bool width = t.lanes == 1 && (moved.lanes == 1 || moved.lanes == 2 || moved.lanes == 4);
  if (!moved.isValue() || moved.elem != t.elem || !width || (moved.lanes > 1 && t.elem == Elem::b1))
    fail(std::string(what) + ": the buffer holds " + t.str() + ", which cannot be moved as " + moved.str(),
         {"1, 2 or 4 elements are moved at once, of any type but b1"});
}

Value Builder::loadVector(Value buffer, Value index, int lanes) {
  Type t = Type::value(elementOf("load", buffer).elem, lanes);
  checkMoved("load", buffer, t);
  Value i = indexOf("load", index);
  fn.markAccess(buffer, false);
  return append(Opcode::load, {buffer, i}, t);
}

void Builder::storeVector(Value buffer, Value index, Value value) {
  checkMoved("store", buffer, fn.type(value));
  checkWritable("store", buffer);
  Value i = indexOf("store", index);
  fn.markAccess(buffer, true);
  append(Opcode::store, std::initializer_list<Value>{value, buffer, i}, {});
}

Value Builder::loadVectorIf(Value buffer, Value index, Value mask, Value fallback) {
  Type t = fn.type(fallback);
  checkMoved("load_if", buffer, t);
  Value i = indexOf("load_if", index), m = maskOf("load_if", mask);
  fn.markAccess(buffer, false);
  return append(Opcode::load_if, {buffer, i, m, fallback}, t);
}

void Builder::storeVectorIf(Value buffer, Value index, Value value, Value mask) {
  checkMoved("store_if", buffer, fn.type(value));
  checkWritable("store_if", buffer);
  Value i = indexOf("store_if", index), m = maskOf("store_if", mask);
  fn.markAccess(buffer, true);
  append(Opcode::store_if, std::initializer_list<Value>{value, buffer, i, m}, {});
}

} // namespace enigma::ir
