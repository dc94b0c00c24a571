// SPDX-License-Identifier: MIT
//
// Layouts of traced coordinates: the algebra computes with constants, and hands the rest to the builder.
#include "enigma/Language/Tensor.h"

#include "State.h"

namespace enigma {

using language::State;

namespace {

/// Traced integers as leaves of a coordinate. They count from zero, so that truncating and flooring agree.
class TracedIntegers final : public layout::Arithmetic {
public:
  /// @param wide whether offsets need more than 32 bits.
  TracedIntegers(State &s, bool wide) : state(s), isWide(wide) {}

  layout::Node leaf(const Operand &operand) {
    if (operand.isNumber()) {
      const ir::Literal &number = operand.numberValue();
      if (number.kind != ir::Literal::Kind::integer || number.negative || number.magnitude > INT64_MAX)
        state.builder.fail("a coordinate must be an integer that is not negative, got " + number.str());
      return layout::intNode(static_cast<int64_t>(number.magnitude));
    }
    ir::Value value = state.use("a coordinate", operand.value());
    ir::Type type = state.function.type(value);
    if (!type.isScalar() || !ir::isInt(type.elem))
      state.builder.fail("a coordinate must be an integer, got " + type.str(), {"convert it: enigma.u32(x)"});
    if (isWide || ir::bits(type.elem) < 32)
      value = state.builder.cast(value, isWide ? ir::Elem::i64 : ir::Elem::u32);
    return node(value.id);
  }

  ir::Operand operand(layout::Node leaf) const {
    return leaf.isDynamic() ? ir::Operand(ir::Value{id(leaf)}) : ir::Operand(ir::Literal(leaf.value));
  }

  layout::Node apply(layout::ArithOp op, layout::Node a, layout::Node b) override {
    using layout::ArithOp;
    ir::Builder &builder = state.builder;
    ir::Operand x = operand(a), y = operand(b);
    auto made = [&](ir::Value value) { return node(value.id); };
    switch (op) {
    case ArithOp::Add:
      return b.isInt(0) ? a : a.isInt(0) ? b : made(builder.binary(ir::Operator::add, x, y));
    case ArithOp::Sub:
      return b.isInt(0) ? a : made(builder.binary(ir::Operator::sub, x, y));
    case ArithOp::Mul:
      if (a.isInt(0) || b.isInt(0))
        return layout::intNode(0);
      return b.isInt(1) ? a : a.isInt(1) ? b : made(builder.binary(ir::Operator::mul, x, y));
    case ArithOp::Div:
      return b.isInt(1) ? a : made(builder.binary(ir::Operator::floordiv, x, y));
    case ArithOp::Mod:
      return b.isInt(1) ? layout::intNode(0) : made(builder.binary(ir::Operator::mod, x, y));
    case ArithOp::And:
      return made(builder.binary(ir::Operator::and_, x, y));
    case ArithOp::Xor:
      return made(builder.binary(ir::Operator::xor_, x, y));
    case ArithOp::ShiftLeft:
      return made(builder.binary(ir::Operator::shl, x, y));
    case ArithOp::ShiftRight:
      return made(builder.binary(ir::Operator::shr, x, y));
    case ArithOp::Min:
      return made(builder.emit(ir::Opcode::min, {x, y}));
    case ArithOp::Max:
      return made(builder.emit(ir::Opcode::max, {x, y}));
    case ArithOp::Abs:
      return made(builder.emit(ir::Opcode::abs, {x}));
    case ArithOp::CeilDiv:
    case ArithOp::Sign:
      break;
    }
    builder.fail("offset: a layout of a traced coordinate cannot " + std::string(layout::spelling(op)));
  }

private:
  State &state;
  bool isWide;
};

} // namespace

Value offset(const layout::Layout &map, std::initializer_list<Operand> coordinate) {
  if (coordinate.size() == 0)
    throw Error(ErrorKind::Trace, "offset: needs a coordinate, got none");
  const Operand *first = coordinate.begin();
  for (const Operand &operand : coordinate)
    if (first->isNumber())
      first = &operand;
  State &s = language::stateOf("offset", {first});
  return s.at(coordinate.begin()->location(), [&](ir::Builder &) {
    layout::Node extent = layout::cosize(map);
    TracedIntegers integers(s, extent.isInt() && extent.value > INT32_MAX);
    layout::IntTuple position = layout::IntTuple::building();
    if (coordinate.size() == 1) {
      position.push(integers.leaf(*coordinate.begin()));
    } else {
      uint32_t at = position.open();
      for (const Operand &operand : coordinate)
        position.push(integers.leaf(operand));
      position.close(at);
    }
    layout::IntTuple result = layout::crd2idx(position.view(), map);
    layout::Node leaf = layout::integer(result.view(), "the offset of the layout");
    if (leaf.isDynamic())
      return s.wrap(ir::Value{integers.id(leaf)});
    return s.wrap(s.position(leaf.value));
  });
}

Element Tensor::at(std::initializer_list<Operand> coordinate) const {
  Value position = offset(map, coordinate);
  return memory[Operand(position, coordinate.begin()->location())];
}

} // namespace enigma
