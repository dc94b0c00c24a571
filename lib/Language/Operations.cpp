// SPDX-License-Identifier: MIT
//
// The functions of Operations.h, which tools/opgen makes of the one declaration, and what they have in
// common.
#include "enigma/Language/Operations.h"

#include "State.h"

namespace enigma {

namespace language {
namespace {

// Brings the operands to the builder; the first result.
ir::Value emit(State &s, const ir::PythonFunction &function, std::initializer_list<const Operand *> operands,
               ir::MathMode mode) {
  ir::Operand used[4] = {ir::Value{}, ir::Value{}, ir::Value{}, ir::Value{}};
  size_t n = 0;
  for (const Operand *operand : operands)
    used[n++] = s.use(function.name, *operand);
  if (n == 2 && ir::info(function.op).name.starts_with("cmp_"))
    return s.builder.compare(function.op, used[0], used[1]);
  return s.builder.call(function, {used, n}, static_cast<uint64_t>(mode));
}

} // namespace

Value call(size_t function, const std::source_location &place,
           std::initializer_list<const Operand *> operands, ir::MathMode mode) {
  const ir::PythonFunction &row = ir::pythonFunctions()[function];
  State &s = stateOf(row.name, operands, place);
  return s.at(place, [&](ir::Builder &) { return s.wrap(emit(s, row, operands, mode)); });
}

std::pair<Value, Value> callPair(size_t function, const std::source_location &place,
                                 std::initializer_list<const Operand *> operands, ir::MathMode mode) {
  const ir::PythonFunction &row = ir::pythonFunctions()[function];
  State &s = stateOf(row.name, operands, place);
  return s.at(place, [&](ir::Builder &) {
    ir::Value first = emit(s, row, operands, mode);
    return std::pair(s.wrap(first), s.wrap({first.id + 1}));
  });
}

Value query(ir::Opcode op, int axis, const std::source_location &place) {
  State &s = current(ir::info(op).name, place);
  return s.at(place, [&](ir::Builder &b) { return s.wrap(b.query(op, axis)); });
}

Value queryProduct(ir::Opcode op, const std::source_location &place) {
  State &s = current(ir::info(op).name, place);
  return s.at(place, [&](ir::Builder &b) {
    ir::Value product = b.query(op, 0);
    for (int axis = 1; axis < 3; ++axis)
      product = b.binary(ir::Operator::mul, product, b.query(op, axis));
    return s.wrap(product);
  });
}

} // namespace language

using ir::MathMode;
using ir::Opcode;
using language::call;
using language::callPair;
using language::query;
using language::queryProduct;

#include "enigma/Language/Operations.inc"

} // namespace enigma
