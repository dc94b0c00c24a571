// SPDX-License-Identifier: MIT
//
// Blocks as regions of the IR. What a block assigns enters it as an argument and leaves it by its yield.
#include "enigma/Language/ControlFlow.h"

#include "State.h"

namespace enigma {

using language::State;

namespace {

// The common type of the bounds that are values.
ir::Elem positionType(State &s, std::initializer_list<const Operand *> bounds) {
  std::optional<ir::Elem> common;
  for (const Operand *bound : bounds) {
    ir::Operand operand = s.use("for_range", *bound);
    if (operand.isLiteral()) {
      if (operand.literal.kind != ir::Literal::Kind::integer)
        s.builder.fail("for_range: a bound must be an integer, got " + operand.literal.str());
      continue;
    }
    ir::Type type = s.function.type(operand.value);
    if (!type.isScalar() || !ir::isInt(type.elem))
      s.builder.fail("for_range: a bound must be an integer, got " + type.str(),
                     {"convert it: enigma::i32(x)"});
    common = common ? ir::promote(*common, type.elem) : type.elem;
  }
  return common.value_or(ir::Elem::i32);
}

} // namespace

void for_range(const Operand &begin, const Operand &end, const Operand &step,
               const std::function<void(Value)> &body) {
  State &s = language::stateOf("for_range", {&begin, &end, &step});
  s.at(begin.location(), [&](ir::Builder &b) {
    if (step.isNumber() && step.numberValue().magnitude == 0 &&
        step.numberValue().kind == ir::Literal::Kind::integer)
      b.fail("for_range: the step must not be 0");
    ir::Elem elem = positionType(s, {&begin, &end, &step});
    ir::Value bounds[3];
    const Operand *operands[] = {&begin, &end, &step};
    for (int i = 0; i < 3; ++i) {
      ir::Operand bound = s.use("for_range", *operands[i]);
      bounds[i] = bound.isLiteral() ? b.constant(bound.literal, ir::Type::value(elem)) : b.cast(bound, elem);
    }
    s.carrying([&](std::span<const uint32_t> carried) {
      const ir::Place place = b.place;
      std::vector<ir::Value> initial = s.valuesOf(carried);
      std::vector<ir::Type> args = s.typesOf(carried);
      args.insert(args.begin(), ir::Type::value(elem));
      uint32_t region = s.open(args, carried, 1);
      body(s.wrap(s.function.region(region).args[0]));
      b.place = place;
      s.close({}, carried);
      s.setValues(carried, b.forLoop(bounds[0], bounds[1], bounds[2], initial, region));
    });
  });
}

void for_range(const Operand &begin, const Operand &end, const std::function<void(Value)> &body) {
  for_range(begin, end, Operand(1, begin.location()), body);
}

void if_(const Operand &condition, const std::function<void()> &then,
         const std::function<void()> &otherwise) {
  State &s = language::stateOf("if_", {&condition});
  s.at(condition.location(), [&](ir::Builder &b) {
    ir::Operand operand = s.use("if_", condition);
    bool isBool = operand.isLiteral() ? operand.literal.kind == ir::Literal::Kind::boolean
                                      : s.function.type(operand.value) == ir::Type::value(ir::Elem::b1);
    if (!isBool)
      b.fail("if_: the condition must be b1, got " +
                 (operand.isLiteral() ? operand.literal.str() : s.function.type(operand.value).str()),
             {"compare it: x != 0"});
    ir::Value tested = operand.isLiteral() ? b.literal(operand.literal) : operand.value;
    s.carrying([&](std::span<const uint32_t> carried) {
      const ir::Place place = b.place;
      const auto before = s.variables;
      uint32_t regions[2];
      for (int arm = 0; arm < 2; ++arm) {
        s.variables = before;
        regions[arm] = s.open({}, {}, 0);
        if (const auto &block = arm ? otherwise : then)
          block();
        b.place = place;
        s.close({}, carried);
      }
      s.variables = before;
      s.setValues(carried, b.ifElse(tested, regions[0], regions[1]));
    });
  });
}

void while_(const std::function<Value()> &condition, const std::function<void()> &body,
            std::source_location at) {
  State &s = language::current("while_", at);
  s.at(at, [&](ir::Builder &b) {
    s.carrying([&](std::span<const uint32_t> carried) {
      const ir::Place place = b.place;
      std::vector<ir::Value> initial = s.valuesOf(carried);
      std::vector<ir::Type> types = s.typesOf(carried);
      uint32_t tested = s.open(types, carried, 0);
      Value holds = condition();
      b.place = place;
      ir::Value test = s.use("while_", holds.in());
      if (s.function.type(test) != ir::Type::value(ir::Elem::b1))
        b.fail("while_: the condition must be b1, got " + s.function.type(test).str(),
               {"compare it: x != 0"});
      s.close(test, carried);
      uint32_t region = s.open(types, carried, 0);
      body();
      b.place = place;
      s.close({}, carried);
      s.setValues(carried, b.whileLoop(initial, tested, region));
    });
  });
}

} // namespace enigma
