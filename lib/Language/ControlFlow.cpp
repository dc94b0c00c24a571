// SPDX-License-Identifier: MIT
//
// Blocks as regions of the IR. What a block assigns enters it as an argument and leaves it by its yield.
#include "enigma/Language/ControlFlow.h"

#include "State.h"

#include <array>

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

using Carried = std::span<const uint32_t>;
using RunBody = std::function<ir::Value(ir::Value position)>;

std::vector<ir::Value> plainRange(State &s, ir::Elem elem, const ir::Value (&bounds)[3], Carried carried,
                                  const RunBody &runBody) {
  ir::Builder &b = s.builder;
  const ir::Place place = b.place;
  const std::vector<ir::Value> initial = s.valuesOf(carried);
  std::vector<ir::Type> args = s.typesOf(carried);
  args.insert(args.begin(), ir::Type::value(elem));
  const uint32_t region = s.open(args, carried, 1);
  runBody(s.function.region(region).args[0]);
  b.place = place;
  s.close({}, carried);
  return b.forLoop(bounds[0], bounds[1], bounds[2], initial, region);
}

// The position and whether the loop was left are carried as well: `while (position < end && !stop)`.
std::vector<ir::Value> rangeWithBreaks(State &s, ir::Elem elem, const ir::Value (&bounds)[3],
                                       const Operand &step, Carried carried, const RunBody &runBody) {
  ir::Builder &b = s.builder;
  const ir::Place place = b.place;
  std::vector<ir::Value> initial = s.valuesOf(carried);
  initial.insert(initial.begin(), {bounds[0], b.literal(ir::Literal(false))});
  std::vector<ir::Type> types = s.typesOf(carried);
  types.insert(types.begin(), {ir::Type::value(elem), ir::Type::value(ir::Elem::b1)});

  const uint32_t condition = s.open(types, carried, 2);
  const ir::Value position = s.function.region(condition).args[0],
                  stop = s.function.region(condition).args[1];
  const auto before = [&] { return b.compare(ir::Opcode::cmp_lt, position, bounds[1]); };
  const auto after = [&] { return b.compare(ir::Opcode::cmp_gt, position, bounds[1]); };
  ir::Value isInside;
  if (step.isNumber()) {
    isInside = step.numberValue().negative ? after() : before();
  } else {
    const ir::Value isUp = b.compare(ir::Opcode::cmp_gt, bounds[2], ir::Literal(0));
    const ir::Value up = before();
    isInside = b.emit(ir::Opcode::select, {isUp, up, after()});
  }
  const ir::Value goesOn = b.binary(ir::Operator::and_, isInside, b.emit(ir::Opcode::not_, {stop}));
  s.close(std::array{goesOn, position, stop}, carried);

  const uint32_t region = s.open(types, carried, 2);
  const ir::Value here = s.function.region(region).args[0];
  const ir::Value stops = runBody(here);
  b.place = place;
  const ir::Value next = b.binary(ir::Operator::add, here, bounds[2]);
  s.close(std::array{next, stops}, carried);
  std::vector<ir::Value> results = b.whileLoop(initial, condition, region);
  results.erase(results.begin(), results.begin() + 2);
  return results;
}

ir::Value tested(State &s, const std::function<Value()> &condition, ir::Place place) {
  ir::Value test;
  s.runOutsideLoops([&] {
    Value holds = condition();
    test = s.use("while_", holds.in());
  });
  s.builder.place = place;
  if (s.function.type(test) != ir::Type::value(ir::Elem::b1))
    s.builder.fail("while_: the condition must be b1, got " + s.function.type(test).str(),
                   {"compare it: x != 0"});
  return test;
}

std::vector<ir::Value> plainWhile(State &s, const std::function<Value()> &condition, Carried carried,
                                  const std::function<ir::Value()> &runBody) {
  ir::Builder &b = s.builder;
  const ir::Place place = b.place;
  const std::vector<ir::Value> initial = s.valuesOf(carried);
  const std::vector<ir::Type> types = s.typesOf(carried);
  const uint32_t first = s.open(types, carried, 0);
  const ir::Value test = tested(s, condition, place);
  s.close(std::array{test}, carried);
  const uint32_t region = s.open(types, carried, 0);
  runBody();
  b.place = place;
  s.close({}, carried);
  return b.whileLoop(initial, first, region);
}

// The condition is asked in the body, so that it is not asked once more after a break: it may load what the
// break keeps it from.
std::vector<ir::Value> whileWithBreaks(State &s, const std::function<Value()> &condition, Carried carried,
                                       const std::function<ir::Value()> &runBody) {
  ir::Builder &b = s.builder;
  const ir::Place place = b.place;
  const size_t n = carried.size();
  const auto no = [&] { return b.literal(ir::Literal(false)); };
  std::vector<ir::Value> initial = s.valuesOf(carried);
  initial.insert(initial.end(), {no(), no()}); // left by a break, by the condition
  std::vector<ir::Type> types = s.typesOf(carried);
  types.insert(types.end(), 2, ir::Type::value(ir::Elem::b1));

  const uint32_t goesOn = s.open(types, carried, 0);
  const ir::Value stop = s.function.region(goesOn).args[n], over = s.function.region(goesOn).args[n + 1];
  const ir::Value runs = b.emit(ir::Opcode::not_, {over});
  const ir::Value both = b.binary(ir::Operator::and_, runs, b.emit(ir::Opcode::not_, {stop}));
  s.close(std::array{both}, carried, std::array{stop, over});

  const uint32_t region = s.open(types, carried, 0);
  const ir::Value holds = tested(s, condition, place);
  const auto before = s.variables;
  const uint32_t then = s.open({}, {}, 0);
  const ir::Value stops = runBody();
  b.place = place;
  s.close({}, carried, std::array{stops});
  s.variables = before;
  const uint32_t otherwise = s.open({}, {}, 0);
  const ir::Value stays = no();
  s.close({}, carried, std::array{stays});
  std::vector<ir::Value> results = b.ifElse(holds, then, otherwise);
  s.setValues(carried, results);
  const ir::Value ended = b.emit(ir::Opcode::not_, {holds});
  s.close({}, carried, std::array{results[n], ended});
  results = b.whileLoop(initial, goesOn, region);
  results.resize(n);
  return results;
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
    State::Loop loop;
    s.carrying([&](std::span<const uint32_t> carried) {
      const ir::Place place = b.place;
      const auto runBody = [&](ir::Value position) {
        return s.runLoop(loop, [&] { body(s.wrap(position)); });
      };
      const auto values = loop.breaks ? rangeWithBreaks(s, elem, bounds, step, carried, runBody)
                                      : plainRange(s, elem, bounds, carried, runBody);
      b.place = place;
      if (!loop.isNews)
        s.setValues(carried, values);
      return loop.isNews;
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
      const ir::Value skipped = s.skipped();
      uint32_t regions[2];
      std::vector<ir::Value> yielded[2];
      for (int arm = 0; arm < 2; ++arm) {
        s.variables = before;
        regions[arm] = s.open({}, {}, 0);
        if (const auto &block = arm ? otherwise : then)
          s.run(block);
        b.place = place;
        yielded[arm] = s.valuesOf(carried);
        s.close({}, carried);
      }
      s.variables = before;
      std::vector<ir::Value> results = b.ifElse(tested, regions[0], regions[1]);
      for (size_t i = 0; i < results.size(); ++i)
        if (s.isConstant(yielded[0][i], true) && s.isConstant(yielded[1][i], false))
          results[i] = tested; // a flag that says no more than the condition
      s.setValues(carried, results);
      s.noteSkip(skipped);
      return false;
    });
  });
}

void while_(const std::function<Value()> &condition, const std::function<void()> &body,
            std::source_location at) {
  State &s = language::current("while_", at);
  s.at(at, [&](ir::Builder &b) {
    State::Loop loop;
    s.carrying([&](std::span<const uint32_t> carried) {
      const ir::Place place = b.place;
      const auto runBody = [&] { return s.runLoop(loop, body); };
      const auto values = loop.breaks ? whileWithBreaks(s, condition, carried, runBody)
                                      : plainWhile(s, condition, carried, runBody);
      b.place = place;
      if (!loop.isNews)
        s.setValues(carried, values);
      return loop.isNews;
    });
  });
}

} // namespace enigma
