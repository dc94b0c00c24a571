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

namespace {

template <class Wrap>
auto atomicAccess(ir::Opcode op, const Buffer &buffer, const Operand &index,
                  std::initializer_list<const Operand *> values, Wrap &&wrap) {
  const std::string_view name = ir::info(op).name;
  State &s = *buffer.in().state;
  return s.at(index.location(), [&](ir::Builder &b) {
    ir::Value memory = s.use(name, buffer.in());
    ir::Operand at = s.use(name, index);
    std::vector<ir::Operand> used;
    for (const Operand *value : values)
      used.push_back(s.use(name, *value));
    return wrap(s, b.atomic(op, memory, at, used));
  });
}

} // namespace

void atomicStore(ir::Opcode op, const Buffer &buffer, const Operand &index,
                 std::initializer_list<const Operand *> values) {
  atomicAccess(op, buffer, index, values, [](State &, ir::Value) {});
}

Value atomic(ir::Opcode op, const Buffer &buffer, const Operand &index,
             std::initializer_list<const Operand *> values) {
  return atomicAccess(op, buffer, index, values, [](State &s, ir::Value old) { return s.wrap(old); });
}

std::pair<Value, Value> atomicPair(ir::Opcode op, const Buffer &buffer, const Operand &index,
                                   std::initializer_list<const Operand *> values) {
  return atomicAccess(op, buffer, index, values,
                      [](State &s, ir::Value old) { return std::pair(s.wrap(old), s.wrap({old.id + 1})); });
}

void barrier(ir::Opcode op, ir::MemFlags flags, const std::source_location &place) {
  State &s = current(ir::info(op).name, place);
  s.at(place, [&](ir::Builder &b) { b.barrier(op, flags); });
}

} // namespace language

using ir::MathMode;
using ir::Opcode;
using language::atomic;
using language::atomicPair;
using language::atomicStore;
using language::barrier;
using language::call;
using language::callPair;
using language::query;
using language::queryProduct;

#include "enigma/Language/Operations.inc"

} // namespace enigma
