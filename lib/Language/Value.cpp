// SPDX-License-Identifier: MIT
//
// Values, variables, elements and the operators on them: each hands its operands to the builder's type rules.
#include "enigma/Language/Value.h"

#include "State.h"
#include "enigma/IR/Components.h"
#include "enigma/Language/Functions.h"

namespace enigma {

using ir::Opcode;
using ir::Operator;
using language::Handle;
using language::State;

//===-- Operands and values
//---------------------------------------------------------------------------------===//

Operand::Operand(const Value &value, std::source_location at) : handle(value.in()), place(at) {}
Operand::Operand(const Variable &variable, std::source_location at) : handle(variable.read(at)), place(at) {}
Operand::Operand(Element &&element, std::source_location at) : handle(std::move(element).load()), place(at) {}

Value::Value(const Variable &variable, std::source_location place) : handle(variable.read(place)) {}
Value::Value(Element &&element, std::source_location) : handle(std::move(element).load()) {}
Value::Value(const Operand &operand) : handle(operand.value()) {
  if (operand.isNumber()) {
    State &s = language::stateOf("a number", {&operand});
    handle = s.at(operand.location(), [&](ir::Builder &b) {
                return s.wrap(b.literal(operand.numberValue()));
              }).in();
  }
}

std::string Value::type() const { return handle.state->function.type(handle.value).str(); }

Value Value::named(std::string_view name) const {
  handle.state->function.setName(handle.value, name);
  return *this;
}

Buffer Buffer::named(std::string_view name) const {
  handle.state->function.setName(handle.value, name);
  return *this;
}

//===-- Vectors
//---------------------------------------------------------------------------------------------===//

namespace {

Value vectorOf(ElementType type, std::initializer_list<const Operand *> parts) {
  const std::string name = ir::pythonName(type.type());
  State &s = language::stateOf(name, parts);
  return s.at((*parts.begin())->location(), [&](ir::Builder &b) {
    std::vector<ir::Operand> used;
    for (const Operand *part : parts)
      used.push_back(s.use(name, *part));
    if (type.lanes == 1)
      b.fail(name + ": takes one value, got " + std::to_string(used.size()),
             {"vec(" + name + ", " + std::to_string(std::min<size_t>(used.size(), 4)) + ") makes a vector"});
    return s.wrap(b.makeVector(type.type(), used, name));
  });
}

/// The handle, if it is of a vector.
ir::Value vectorIn(State &s, std::string_view what, const Handle &handle) {
  ir::Value vector = s.use(what, handle);
  if (!s.function.type(vector).isVector())
    s.builder.fail(std::string(what) + ": needs a vector, got " + s.function.type(vector).str());
  return vector;
}

std::vector<int> componentsIn(State &s, const std::string &what) {
  std::vector<int> components = ir::componentsOf(what);
  if (components.empty())
    s.builder.fail("swizzle: needs up to 4 letters of xyzw or of rgba, got \"" + what + "\"");
  return components;
}

} // namespace

ElementType vec(ElementType element, int components) {
  if (element.lanes != 1 || components < 2 || components > 4)
    throw Error(ErrorKind::Trace, "vec: Metal has vectors of 2, 3 and 4 numbers, got " +
                                      std::to_string(components) + " of " + ir::pythonName(element.type()));
  return {element.elem, static_cast<uint8_t>(components)};
}

Value ElementType::operator()(const Operand &x) const {
  const std::string name = ir::pythonName(type());
  State &s = language::stateOf(name, {&x});
  return s.at(x.location(), [&](ir::Builder &b) { return s.wrap(b.convert(s.use(name, x), type(), name)); });
}
Value ElementType::operator()(const Operand &x, const Operand &y) const { return vectorOf(*this, {&x, &y}); }
Value ElementType::operator()(const Operand &x, const Operand &y, const Operand &z) const {
  return vectorOf(*this, {&x, &y, &z});
}
Value ElementType::operator()(const Operand &x, const Operand &y, const Operand &z, const Operand &w) const {
  return vectorOf(*this, {&x, &y, &z, &w});
}

Value Value::swizzle(std::string_view components, std::source_location place) const {
  State &s = *handle.state;
  return s.at(place, [&](ir::Builder &b) {
    ir::Value vector = vectorIn(s, "a component", handle);
    return s.wrap(b.swizzle(vector, componentsIn(s, std::string(components))));
  });
}

Value Value::with(std::string_view components, const Operand &value) const {
  State &s = *handle.state;
  return s.at(value.location(), [&](ir::Builder &b) {
    ir::Value vector = vectorIn(s, "with", handle);
    const std::vector<int> chosen = componentsIn(s, std::string(components));
    return s.wrap(b.withComponents(vector, chosen, s.use("with", value)));
  });
}

Value Value::operator[](const Operand &component) const {
  State &s = *handle.state;
  return s.at(component.location(), [&](ir::Builder &b) {
    ir::Value vector = vectorIn(s, "[]", handle);
    return s.wrap(b.extract(vector, s.use("[]", component)));
  });
}

Value insert(const Value &vector, const Operand &component, const Operand &value) {
  State &s = *vector.in().state;
  return s.at(component.location(), [&](ir::Builder &b) {
    ir::Value in = vectorIn(s, "insert", vector.in());
    ir::Operand at = s.use("insert", component);
    return s.wrap(b.insert(in, at, s.use("insert", value)));
  });
}

//===-- Operators
//-------------------------------------------------------------------------------------------===//

namespace {

template <class Emit>
Value binary(std::string_view symbol, const Operand &x, const Operand &y, Emit &&emit) {
  State &s = language::stateOf(symbol, {&x, &y});
  return s.at(x.location(), [&](ir::Builder &b) {
    ir::Operand left = s.use(symbol, x);
    return s.wrap(emit(b, left, s.use(symbol, y)));
  });
}

Value arithmetic(Operator op, std::string_view symbol, const Operand &x, const Operand &y) {
  return binary(symbol, x, y,
                [&](ir::Builder &b, ir::Operand l, ir::Operand r) { return b.binary(op, l, r); });
}

Value comparison(Opcode op, std::string_view symbol, const Operand &x, const Operand &y) {
  return binary(symbol, x, y,
                [&](ir::Builder &b, ir::Operand l, ir::Operand r) { return b.compare(op, l, r); });
}

/// What `/` or `%` would work on, to tell whether languages agree about it.
enum class Division { floats, unsignedIntegers, ambiguous };
Division divisionOf(const ir::Function &f, ir::Operand x, ir::Operand y) {
  bool isUnsigned = true;
  for (const ir::Operand &o : {x, y}) {
    if (o.isLiteral()) {
      if (o.literal.kind == ir::Literal::Kind::real)
        return Division::floats;
      isUnsigned &= !o.literal.negative;
      continue;
    }
    ir::Type type = f.type(o.value);
    if (!type.isValue())
      continue; // the builder refuses it
    if (ir::isFloat(type.elem))
      return Division::floats;
    isUnsigned &= ir::isUnsigned(type.elem);
  }
  return isUnsigned && !(x.isLiteral() && y.isLiteral()) ? Division::unsignedIntegers : Division::ambiguous;
}

std::string describe(const ir::Function &f, const ir::Operand &o) {
  return o.isLiteral() ? o.literal.str() : f.type(o.value).str();
}

} // namespace

Value operator+(const Operand &x, const Operand &y) { return arithmetic(Operator::add, "+", x, y); }
Value operator-(const Operand &x, const Operand &y) { return arithmetic(Operator::sub, "-", x, y); }
Value operator*(const Operand &x, const Operand &y) { return arithmetic(Operator::mul, "*", x, y); }
Value operator/(const Operand &x, const Operand &y) {
  return binary("/", x, y, [&](ir::Builder &b, ir::Operand l, ir::Operand r) {
    switch (divisionOf(b.function(), l, r)) {
    case Division::floats:
      return b.binary(Operator::truediv, l, r);
    case Division::unsignedIntegers:
      return b.binary(Operator::floordiv, l, r);
    case Division::ambiguous:
      break;
    }
    b.fail("/: signed integers are rounded towards zero by C++ and down by Python, got " +
               describe(b.function(), l) + " and " + describe(b.function(), r),
           {"write floor_div(x, y), or f32(x) / y for the fraction; u32(x) / y where x is not negative"});
  });
}
Value operator%(const Operand &x, const Operand &y) {
  return binary("%", x, y, [&](ir::Builder &b, ir::Operand l, ir::Operand r) {
    if (divisionOf(b.function(), l, r) == Division::unsignedIntegers)
      return b.binary(Operator::mod, l, r);
    b.fail("%: the remainder has the sign of x in C++ and of y in Python, got " + describe(b.function(), l) +
               " and " + describe(b.function(), r),
           {"write mod(x, y) for the sign of y, fmod(x, y) for floats with the sign of x; u32(x) % y where x "
            "is not negative"});
  });
}
Value operator&(const Operand &x, const Operand &y) { return arithmetic(Operator::and_, "&", x, y); }
Value operator|(const Operand &x, const Operand &y) { return arithmetic(Operator::or_, "|", x, y); }
Value operator^(const Operand &x, const Operand &y) { return arithmetic(Operator::xor_, "^", x, y); }
Value operator<<(const Operand &x, const Operand &y) { return arithmetic(Operator::shl, "<<", x, y); }
Value operator>>(const Operand &x, const Operand &y) { return arithmetic(Operator::shr, ">>", x, y); }

Value operator-(const Operand &x) {
  State &s = language::stateOf("-", {&x});
  return s.at(x.location(), [&](ir::Builder &b) { return s.wrap(b.negate(s.use("-", x))); });
}
Value operator~(const Operand &x) {
  State &s = language::stateOf("~", {&x});
  return s.at(x.location(), [&](ir::Builder &b) { return s.wrap(b.emit(Opcode::not_, {s.use("~", x)})); });
}
Value operator!(const Operand &x) {
  State &s = language::stateOf("!", {&x});
  return s.at(x.location(), [&](ir::Builder &b) {
    ir::Operand operand = s.use("!", x);
    if (!operand.isLiteral() && s.function.type(operand.value).elem != ir::Elem::b1)
      b.fail("!: needs b1, got " + s.function.type(operand.value).str(), {"compare it: x == 0"});
    return s.wrap(b.emit(Opcode::not_, {operand}));
  });
}

Value operator==(const Operand &x, const Operand &y) { return comparison(Opcode::cmp_eq, "==", x, y); }
Value operator!=(const Operand &x, const Operand &y) { return comparison(Opcode::cmp_ne, "!=", x, y); }
Value operator<(const Operand &x, const Operand &y) { return comparison(Opcode::cmp_lt, "<", x, y); }
Value operator<=(const Operand &x, const Operand &y) { return comparison(Opcode::cmp_le, "<=", x, y); }
Value operator>(const Operand &x, const Operand &y) { return comparison(Opcode::cmp_gt, ">", x, y); }
Value operator>=(const Operand &x, const Operand &y) { return comparison(Opcode::cmp_ge, ">=", x, y); }

//===-- Variables
//-------------------------------------------------------------------------------------------===//

Variable::Variable(const Operand &initial, std::string_view name) {
  State &s = language::stateOf("a variable", {&initial});
  state = s.shared_from_this();
  index = s.at(initial.location(),
               [&](ir::Builder &) { return s.declare(s.valueOf("a variable", initial), name); });
  serial = s.variables[index].serial;
}

Variable::Variable(Element &&initial, std::string_view name, std::source_location place)
    : Variable(Operand(std::move(initial), place), name) {}

Variable::Variable(const Variable &other) : Variable(Operand(other)) {}

Handle Variable::read(const std::source_location &place) const {
  return state->at(place, [&](ir::Builder &) {
    const State::Slot &slot = state->variable(index, serial);
    return Handle{state, slot.value, slot.block};
  });
}

Variable &Variable::operator=(const Variable &other) { return *this = Operand(other); }

Variable &Variable::operator=(const Operand &value) {
  state->at(value.location(), [&](ir::Builder &b) {
    ir::Type type = state->variable(index, serial).type;
    ir::Operand operand = state->use("=", value);
    if (!operand.isLiteral() && state->function.type(operand.value) != type)
      b.fail("=: the variable is " + type.str() + ", got " + state->function.type(operand.value).str(),
             {"convert it: enigma." + std::string(ir::name(type.elem)) + "(x)"});
    ir::Value assigned = operand.isLiteral() ? b.constant(operand.literal, type) : operand.value;
    state->assign(index, serial, assigned);
  });
  return *this;
}

#define ENIGMA_ASSIGNMENT(op)                                                                                \
  Variable &Variable::operator op## = (const Operand &value) {                                               \
    return *this = Operand(Operand(*this, value.location()) op value, value.location());                     \
  }
ENIGMA_ASSIGNMENT(+)
ENIGMA_ASSIGNMENT(-)
ENIGMA_ASSIGNMENT(*)
ENIGMA_ASSIGNMENT(/)
ENIGMA_ASSIGNMENT(%)
ENIGMA_ASSIGNMENT(&)
ENIGMA_ASSIGNMENT(|)
ENIGMA_ASSIGNMENT(^)
ENIGMA_ASSIGNMENT(<<)
ENIGMA_ASSIGNMENT(>>)
#undef ENIGMA_ASSIGNMENT

//===-- Buffers
//---------------------------------------------------------------------------------------------===//

Element Buffer::operator[](const Operand &index) const {
  State &s = *handle.state;
  return s.at(index.location(), [&](ir::Builder &b) {
    if (!index.isNumber())
      return Element(handle, {handle.state, s.use("[]", index.value()), index.value().block},
                     index.location());
    if (index.numberValue().kind != ir::Literal::Kind::integer || index.numberValue().negative)
      b.fail("[]: an index must be an integer that is not negative, got " + index.numberValue().str(),
             {"a buffer has no length in a kernel, so negative indices do not count from the end"});
    if (index.numberValue().magnitude > INT64_MAX)
      b.fail("[]: no buffer has an element " + index.numberValue().str());
    return Element(handle, s.wrap(s.position(static_cast<int64_t>(index.numberValue().magnitude))).in(),
                   index.location());
  });
}

Handle Element::load() && {
  State &s = *buffer.state;
  return s.at(place, [&](ir::Builder &b) { return s.wrap(b.load(s.use("[]", buffer), s.use("[]", index))); })
      .in();
}

void Element::operator=(const Operand &value) && {
  State &s = *buffer.state;
  s.at(place,
       [&](ir::Builder &b) { b.store(s.use("[]", buffer), s.use("[]", index), s.use("a store", value)); });
}

void Element::operator=(Element &&value) && { std::move(*this) = Operand(std::move(value), value.place); }

template <class Change>
void Element::change(Change &&make) {
  State &s = *buffer.state;
  Value old =
      s.at(place, [&](ir::Builder &b) { return s.wrap(b.load(s.use("[]", buffer), s.use("[]", index))); });
  std::move(*this) = Operand(make(Operand(old, place)), place);
}
void Element::operator+=(const Operand &value) && {
  change([&](const Operand &old) { return old + value; });
}
void Element::operator-=(const Operand &value) && {
  change([&](const Operand &old) { return old - value; });
}
void Element::operator*=(const Operand &value) && {
  change([&](const Operand &old) { return old * value; });
}

//===-- Functions that are no row of the table
//---------------------------------------------------------------===//

Value load_if(const Buffer &buffer, const Operand &index, const Operand &mask, const Operand &fallback) {
  State &s = *buffer.in().state;
  return s.at(index.location(), [&](ir::Builder &b) {
    ir::Value memory = s.use("load_if", buffer.in());
    ir::Operand at = s.use("load_if", index), holds = s.use("load_if", mask);
    return s.wrap(b.loadIf(memory, at, holds, s.use("load_if", fallback)));
  });
}

void store_if(const Buffer &buffer, const Operand &index, const Operand &value, const Operand &mask) {
  State &s = *buffer.in().state;
  s.at(index.location(), [&](ir::Builder &b) {
    ir::Value memory = s.use("store_if", buffer.in());
    ir::Operand at = s.use("store_if", index), stored = s.use("store_if", value);
    b.storeIf(memory, at, stored, s.use("store_if", mask));
  });
}

Value as_type(const Operand &x, ElementType to) {
  State &s = language::stateOf("as_type", {&x});
  return s.at(x.location(), [&](ir::Builder &b) { return s.wrap(b.asType(s.use("as_type", x), to.type())); });
}

Value where(const Operand &falseValue, const Operand &trueValue, const Operand &condition) {
  State &s = language::stateOf("where", {&falseValue, &trueValue, &condition});
  return s.at(falseValue.location(), [&](ir::Builder &b) {
    const ir::Operand x[] = {s.use("where", falseValue), s.use("where", trueValue),
                             s.use("where", condition)};
    auto isBool = [&](const ir::Operand &o) {
      return o.isLiteral() ? o.literal.kind == ir::Literal::Kind::boolean
                           : s.function.type(o.value).elem == ir::Elem::b1;
    };
    // With the condition in front the rest would silently mean something else.
    if (!isBool(x[2]) || (isBool(x[0]) && !isBool(x[1])))
      b.fail("where: the third argument is the condition and must be b1, got (" + describe(s.function, x[0]) +
                 ", " + describe(s.function, x[1]) + ", " + describe(s.function, x[2]) + ")",
             {"the order is where(false_value, true_value, condition); select_(condition, a, b) has the "
              "condition first"});
    return s.wrap(b.emit(Opcode::select, {x[2], x[1], x[0]}));
  });
}

Value mad(const Operand &x, const Operand &y, const Operand &z) { return Operand(x * y, x.location()) + z; }

namespace {
Value compareUnsigned(Opcode op, std::string_view name, const Operand &x, const Operand &y) {
  return binary(name, x, y,
                [&](ir::Builder &b, ir::Operand l, ir::Operand r) { return b.compareUnsigned(op, l, r); });
}
} // namespace

Value cmp_ult(const Operand &x, const Operand &y) { return compareUnsigned(Opcode::cmp_lt, "cmp_ult", x, y); }
Value cmp_ule(const Operand &x, const Operand &y) { return compareUnsigned(Opcode::cmp_le, "cmp_ule", x, y); }
Value cmp_ugt(const Operand &x, const Operand &y) { return compareUnsigned(Opcode::cmp_gt, "cmp_ugt", x, y); }
Value cmp_uge(const Operand &x, const Operand &y) { return compareUnsigned(Opcode::cmp_ge, "cmp_uge", x, y); }

} // namespace enigma
