// SPDX-License-Identifier: MIT
//
// Loops and branches. What a front end does wrong here is its fault and not the user's, so messages say what
// the IR needs; verify() holds the same rules against whole functions.
#include "enigma/IR/Builder.h"

namespace enigma::ir {

uint32_t Builder::openRegion(std::span<const Type> args) { return fn.openRegion(args); }

void Builder::closeRegion(std::span<const Value> yields) {
  if (fn.depth() == 0)
    fail("no region is open");
  append(Opcode::yield, yields, {});
  fn.closeRegion();
}

std::vector<Type> Builder::typesOf(std::span<const Value> values) const {
  std::vector<Type> out;
  for (Value v : values)
    out.push_back(fn.type(v));
  return out;
}

std::vector<Type> Builder::yielded(uint32_t region) const {
  const Region &r = fn.region(region);
  if (r.ops.empty() || fn.op(r.ops.back()).opcode != Opcode::yield)
    fail("a region is used before it was closed");
  return typesOf(fn.operands(fn.op(r.ops.back())));
}

std::vector<Value> Builder::control(Opcode op, std::span<const Value> operands, std::span<const Type> results,
                                    std::initializer_list<uint32_t> regions) {
  uint32_t index =
      fn.appendWithRegions(op, operands, results, std::span(regions.begin(), regions.size()), place);
  std::vector<Value> out;
  for (size_t r = 0; r < results.size(); ++r)
    out.push_back(fn.result(fn.op(index), r));
  return out;
}

std::vector<Value> Builder::forLoop(Value lower, Value upper, Value step, std::span<const Value> initial,
                                    uint32_t body) {
  Type t = fn.type(lower);
  if (!t.isScalar() || !isInt(t.elem) || fn.type(upper) != t || fn.type(step) != t)
    fail("for: bounds and step must be integers of one type, got " + t.str() + ", " + fn.type(upper).str() +
         " and " + fn.type(step).str());
  std::vector<Type> carried = typesOf(initial), args = carried;
  args.insert(args.begin(), t);
  if (typesOf(fn.region(body).args) != args || yielded(body) != carried)
    fail("for: the body carries other types than the loop starts with");
  std::vector<Value> operands{lower, upper, step};
  operands.insert(operands.end(), initial.begin(), initial.end());
  return control(Opcode::for_, operands, carried, {body});
}

std::vector<Value> Builder::ifElse(Value condition, uint32_t thenRegion, uint32_t elseRegion) {
  if (fn.type(condition) != Type::value(Elem::b1))
    fail("if: the condition must be b1, got " + fn.type(condition).str(), {"compare it: x != 0"});
  std::vector<Type> results = yielded(thenRegion);
  if (yielded(elseRegion) != results)
    fail("if: the arms yield different types");
  return control(Opcode::if_, {&condition, 1}, results, {thenRegion, elseRegion});
}

std::vector<Value> Builder::whileLoop(std::span<const Value> initial, uint32_t condition, uint32_t body) {
  std::vector<Type> carried = typesOf(initial), tested = carried;
  tested.insert(tested.begin(), Type::value(Elem::b1));
  if (typesOf(fn.region(condition).args) != carried || typesOf(fn.region(body).args) != carried ||
      yielded(condition) != tested || yielded(body) != carried)
    fail("while: a region carries other types than the loop starts with");
  return control(Opcode::while_, initial, carried, {condition, body});
}

} // namespace enigma::ir
