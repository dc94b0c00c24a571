// SPDX-License-Identifier: MIT
//
// The type rules, by the table: unify the operands, give literals their type, insert casts, append. What is
// not a row of slots (constants, casts, queries, memory) is in BuilderMemory.cpp.
#include "enigma/IR/Builder.h"

#include "enigma/IR/Constant.h"

#include <algorithm>
#include <cmath>

namespace enigma::ir {

void Builder::fail(std::string message, std::vector<std::string> notes) const {
  throw Error(ErrorKind::Trace, std::move(message), fn.locate(place), std::move(notes));
}

void Builder::failNoValue(std::string what, Type got) const {
  fail(std::move(what) + ", got " + got.str(),
       {got.isSimdgroupMatrix() ? "take the elements of a lane: simdgroup_matrix_elements(m)"
                                : "index the buffer first: A[i]"});
}

Value Builder::append(Opcode op, std::span<const Value> operands, std::span<const Type> results,
                      uint64_t immediate) {
  uint32_t index = fn.append(op, operands, results, immediate, place);
  return results.empty() ? Value{} : fn.result(fn.op(index));
}

Value Builder::append(Opcode op, std::initializer_list<Value> operands, Type result, uint64_t immediate) {
  return append(op, std::span(operands.begin(), operands.size()),
                {&result, result.kind != Type::Kind::none ? 1u : 0u}, immediate);
}

Value Builder::literal(Literal value) {
  if (value.kind == Literal::Kind::boolean)
    return constant(value, Type::value(Elem::b1));
  if (value.kind == Literal::Kind::real)
    return constant(value, Type::value(Elem::f32));
  for (Elem e : {Elem::i32, Elem::i64, Elem::u64})
    if (constantBits(e, value))
      return constant(value, Type::value(e));
  fail("the number " + value.str() + " does not fit 64 bits");
}

Value Builder::constant(Literal value, Type type) {
  auto bits = constantBits(type.elem, value);
  if (!bits) {
    std::string t(name(type.elem));
    if (value.kind == Literal::Kind::real && !isFloat(type.elem))
      fail("the number " + value.str() + " does not fit " + t,
           {"convert it yourself: int(...), or enigma." + t + "(value) of a traced value"});
    fail("the number " + value.str() + " does not fit " + t,
         {isFloat(type.elem)
              ? "it rounds to an infinity; use a wider type, or float('inf') if that is meant"
              : "convert the other operand to a type that holds it, such as enigma.i32(x) or enigma.i64(x)"});
  }
  return append(Opcode::constant, {}, type, *bits);
}

Value Builder::cast(Operand x, Elem to) {
  if (x.isLiteral()) {
    Literal value = x.literal;
    // enigma.i32(2.0) is a value; enigma.i32(2.5) is not, as with any literal. enigma.b1(3) asks whether it
    // is zero.
    if (value.kind == Literal::Kind::real && isInt(to) && std::fabs(value.number) < 0x1p64 &&
        value.number == std::trunc(value.number)) {
      auto size = static_cast<uint64_t>(std::fabs(value.number));
      value = Literal(size);
      value.negative = size && x.literal.number < 0;
    }
    if (to == Elem::b1)
      value = Literal(value.kind == Literal::Kind::real ? value.number != 0 : value.magnitude != 0);
    return constant(value, Type::value(to));
  }
  Type t = fn.type(x.value);
  if (!t.isValue())
    failNoValue("cast: needs a value", t);
  if (t.elem == to)
    return x.value;
  return append(Opcode::cast, {x.value}, t.withElem(to));
}

std::optional<Elem> Builder::unify(std::string_view name, std::span<const Operand> operands, bool keepBool) {
  std::optional<Elem> result;
  bool allBool = true, real = false, integer = false, literalBool = false;
  for (const Operand &o : operands) {
    if (o.isLiteral()) {
      real |= o.literal.kind == Literal::Kind::real;
      integer |= o.literal.kind == Literal::Kind::integer;
      literalBool |= o.literal.kind == Literal::Kind::boolean;
      continue;
    }
    Type t = fn.type(o.value);
    if (!t.isValue())
      failNoValue(std::string(name) + ": needs values", t);
    allBool &= t.elem == Elem::b1;
    if (!result) {
      result = t.elem;
      continue;
    }
    if (*result == t.elem)
      continue;
    auto wider = promote(*result, t.elem);
    if (!wider)
      fail(std::string(name) + ": f16 and bf16 have no common type, got " + std::string(ir::name(*result)) +
               " and " + std::string(ir::name(t.elem)),
           {"convert one of them, such as enigma.f32(x)"});
    result = wider;
  }
  if (!result) { // literals alone
    if (real)
      return Elem::f32;
    return literalBool && !integer && keepBool ? Elem::b1 : Elem::i32;
  }
  if (allBool && keepBool && !real && !integer)
    return Elem::b1;
  if (*result == Elem::b1)
    result = Elem::i32;
  if (real && !isFloat(*result))
    result = Elem::f32;
  return result;
}

Value Builder::materialise(std::string_view name, Operand operand, Elem to) {
  if (operand.isLiteral())
    return constant(operand.literal, Type::value(to));
  return cast(operand, to);
}

namespace {

bool sharesType(Slot slot) {
  return slot == Slot::T || slot == Slot::V || slot == Slot::V3 || slot == Slot::S;
}

// An operation on b1 operands keeps b1 when its types allow it; arithmetic counts b1 as i32.
bool takesBool(const TypeSet &types) { return types.contains(Elem::b1); }

std::string listTypes(const Function &fn, std::span<const Operand> operands) {
  std::string out;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (i)
      out += i + 1 == operands.size() ? " and " : ", ";
    out += operands[i].isLiteral() ? operands[i].literal.str() : fn.type(operands[i].value).str();
  }
  return out;
}

} // namespace

Value Builder::call(const PythonFunction &function, std::span<const Operand> operands, uint64_t immediate) {
  const OpInfo &i = info(function.op);
  if (operands.size() != i.rule.numOperands) {
    std::string signature;
    for (int k = 0; k < i.rule.numOperands; ++k)
      signature += (k ? ", " : "") + std::string(i.operandNames[k]);
    fail(std::string(function.name) + ": needs " + std::to_string(i.rule.numOperands) +
             (i.rule.numOperands == 1 ? " argument, got " : " arguments, got ") +
             std::to_string(operands.size()),
         {"the signature is " + std::string(function.name) + "(" + signature + ")"});
  }
  if (function.types.mask != i.types.mask) {
    auto common = unify(function.name, operands.first(i.rule.numOperands), takesBool(function.types));
    if (common && !function.types.contains(*common))
      fail(std::string(function.name) + ": needs " + std::string(function.typeWord) + ", got " +
           listTypes(fn, operands));
  }
  return emit(function.op, operands, immediate, function.name);
}

// Where an operand has to be a vector, or one number.
void Builder::checkShape(std::string_view name, const OpInfo &i, size_t k, const Operand &operand,
                         int lanes) const {
  Slot slot = i.rule.operands[k];
  if (slot != Slot::V && slot != Slot::V3 && slot != Slot::S && slot != Slot::u32)
    return;
  int has = operand.isLiteral() ? 1 : fn.type(operand.value).lanes;
  if (slot == Slot::S || slot == Slot::u32 ? has == 1 : has == (slot == Slot::V3 ? 3 : lanes) && has > 1)
    return;
  fail(std::string(name) + ": " + std::string(i.operandNames[k]) + " must be " +
       (slot == Slot::V    ? "a vector"
        : slot == Slot::V3 ? "a vector of 3"
                           : "one number") +
       ", got " + listTypes(fn, {&operand, 1}));
}

Value Builder::emit(Opcode op, std::span<const Operand> operands, uint64_t immediate, std::string_view name) {
  const OpInfo &i = info(op);
  if (name.empty())
    name = i.name;
  if (i.rule.kind != Rule::Kind::slots)
    fail(std::string(name) + ": is not made by emit()");
  if (operands.size() != i.rule.numOperands)
    fail(std::string(name) + ": needs " + std::to_string(i.rule.numOperands) + " operands, got " +
         std::to_string(operands.size()));

  if (fixedType(i.rule.operands[0]).isValue())
    return emitFixed(op, operands, immediate, name);

  // The operands that share one type, and the type.
  Operand shared[4] = {Value{}, Value{}, Value{}, Value{}};
  int numShared = 0;
  for (size_t k = 0; k < operands.size(); ++k)
    if (sharesType(i.rule.operands[k]))
      shared[numShared++] = operands[k];
  // A literal that is shifted takes the type of its count: 1 << tid.
  for (size_t k = 0; k < operands.size(); ++k)
    if (i.rule.operands[k] == Slot::I && operands[0].isLiteral())
      shared[numShared++] = operands[k];
  Elem t = *unify(name, {shared, size_t(numShared)}, takesBool(i.types));
  if (numShared && !i.types.contains(t)) {
    std::vector<std::string> notes;
    if (isInt(t) && i.types.contains(Elem::f32))
      notes.push_back("convert it: enigma.f32(x)");
    else if (isFloat(t) && i.types.contains(Elem::i32))
      notes.push_back("convert it: enigma.i32(x), or take its bits: enigma.as_type(x, enigma.u32)");
    fail(std::string(name) + ": needs " + std::string(i.typeWord) + ", got " +
             listTypes(fn, {shared, size_t(numShared)}),
         std::move(notes));
  }

  int lanes = 1;
  for (const Operand &o : operands)
    if (!o.isLiteral()) {
      int n = fn.type(o.value).lanes;
      if (n > 1 && lanes > 1 && n != lanes)
        fail(std::string(name) + ": vectors of different lengths, got " + listTypes(fn, operands),
             {"take components, such as v.xy, or put vectors together, such as enigma.make_float4(v, 0.0, "
              "1.0)"});
      lanes = std::max(lanes, n);
    }
  for (size_t k = 0; k < operands.size(); ++k)
    checkShape(name, i, k, operands[k], lanes);

  if (i.convergent) {
    checkLanes(i, name, operands, Type::value(t, lanes));
    // Metal's broadcast wants the same number in all lanes; one that is computed may differ.
    if ((op == Opcode::simd_broadcast || op == Opcode::quad_broadcast) && !operands[1].isLiteral())
      op = op == Opcode::simd_broadcast ? Opcode::simd_shuffle : Opcode::quad_shuffle;
  }
  Value values[4];
  for (size_t k = 0; k < operands.size(); ++k) {
    Slot slot = i.rule.operands[k];
    Elem want = slot == Slot::b1    ? Elem::b1
                : slot == Slot::i32 ? Elem::i32
                : slot == Slot::u32 ? Elem::u32
                : slot == Slot::u16 ? Elem::u16
                                    : t;
    const Operand &o = operands[k];
    if (!sharesType(slot) && !o.isLiteral()) {
      Type got = fn.type(o.value);
      if (!got.isValue())
        failNoValue(std::string(name) + ": needs values", got);
      bool fits = slot == Slot::b1 ? got.elem == Elem::b1 : isInt(got.elem) || got.elem == Elem::b1;
      if (!fits)
        fail(std::string(name) + ": " + std::string(i.operandNames[k]) + " must be " +
                 (slot == Slot::b1 ? "b1" : "an integer") + ", got " + got.str(),
             {slot == Slot::b1 ? "compare it: x != 0" : "convert it: enigma.i32(x)"});
    }
    if (slot == Slot::I &&
        o.isLiteral()) { // a count is taken modulo the width: reduce it here, so that it fits any type
      if (o.literal.kind == Literal::Kind::real)
        fail(std::string(name) + ": the count must be an integer, got " + o.literal.str());
      uint64_t count = o.literal.negative ? 0 - o.literal.magnitude : o.literal.magnitude;
      values[k] = constant(Literal(count & uint64_t(bits(t) - 1)), Type::value(t));
    } else {
      values[k] = materialise(name, o, want);
    }
    if (slot != Slot::u32 && slot != Slot::u16 && slot != Slot::S)
      values[k] = splat(values[k], lanes);
  }

  Type results[2];
  for (int r = 0; r < i.rule.numResults; ++r) {
    Slot slot = i.rule.results[r];
    Elem e = slot == Slot::b1    ? Elem::b1
             : slot == Slot::i32 ? Elem::i32
             : slot == Slot::u32 ? Elem::u32
             : slot == Slot::U   ? toUnsigned(t)
                                 : t;
    results[r] = Type::value(e, slot == Slot::S ? 1 : lanes);
  }
  return append(op, {values, operands.size()}, {results, i.rule.numResults}, immediate);
}

//===-- Operators
//-------------------------------------------------------------------------------------------===//

Value Builder::binary(Operator op, Operand a, Operand b) {
  const Operand pair[2] = {a, b};
  auto simple = [&](Opcode code, std::string_view symbol) { return emit(code, pair, 0, symbol); };
  switch (op) {
  case Operator::add:
    return simple(Opcode::add, "+");
  case Operator::sub:
    return simple(Opcode::sub, "-");
  case Operator::mul:
    return simple(Opcode::mul, "*");
  case Operator::floordiv:
    return simple(Opcode::floor_div, "//");
  case Operator::mod:
    return simple(Opcode::mod, "%");
  case Operator::and_:
    return simple(Opcode::and_, "&");
  case Operator::or_:
    return simple(Opcode::or_, "|");
  case Operator::xor_:
    return simple(Opcode::xor_, "^");
  case Operator::shl:
    return simple(Opcode::shl, "<<");
  case Operator::shr:
    return simple(Opcode::shr, ">>");
  case Operator::truediv: {
    Elem t = *unify("/", pair, false);
    Elem to = isFloat(t) ? t : Elem::f32;
    return emit(Opcode::div, {Operand(materialise("/", a, to)), Operand(materialise("/", b, to))});
  }
  case Operator::pow: {
    Elem t = *unify("**", pair, false);
    if (isFloat(t)) {
      // A square is one exact multiplication in every implementation of pow.
      bool square =
          b.isLiteral() &&
          ((b.literal.kind == Literal::Kind::integer && b.literal.magnitude == 2 && !b.literal.negative) ||
           (b.literal.kind == Literal::Kind::real && b.literal.number == 2.0));
      if (square && !a.isLiteral()) {
        Value x = materialise("**", a, t); // an integer to the power 2.0 is a float
        return emit(Opcode::mul, {x, x});
      }
      return emit(Opcode::pow, pair, 0, "**");
    }
    if (b.isLiteral() && b.literal.negative)
      fail("**: an integer has no negative power, got " + b.literal.str(),
           {"convert the base: enigma.f32(x) ** " + b.literal.str()});
    return emit(Opcode::ipow, pair, 0, "**");
  }
  }
  return {};
}

Value Builder::negate(Operand a) {
  if (a.isLiteral())
    return negate(literal(a.literal));
  if (fn.type(a.value).isValue() && fn.type(a.value).elem == Elem::b1)
    a = cast(a, Elem::i32);
  return emit(Opcode::neg, {a});
}

Value Builder::compare(Opcode cmp, Operand a, Operand b) {
  std::string_view symbol = cmp == Opcode::cmp_eq   ? "=="
                            : cmp == Opcode::cmp_ne ? "!="
                            : cmp == Opcode::cmp_lt ? "<"
                            : cmp == Opcode::cmp_le ? "<="
                            : cmp == Opcode::cmp_gt ? ">"
                                                    : ">=";
  const Operand pair[2] = {a, b};
  auto plain = [&] { return emit(cmp, pair, 0, symbol); };
  if (a.isLiteral() || b.isLiteral())
    return plain();
  Type ta = fn.type(a.value), tb = fn.type(b.value);
  if (!ta.isValue() || !tb.isValue() || !isInt(ta.elem) || !isInt(tb.elem) ||
      isSigned(ta.elem) == isSigned(tb.elem))
    return plain();
  // One signed, one unsigned: as numbers. Where a signed type holds both, there; else by the sign first.
  bool signedFirst = isSigned(ta.elem);
  Elem s = signedFirst ? ta.elem : tb.elem, u = signedFirst ? tb.elem : ta.elem;
  if (bits(s) > bits(u) || bits(u) < 32) {
    Elem to = bits(s) > bits(u) ? s : Elem::i32;
    return emit(cmp, {Operand(cast(a, to)), Operand(cast(b, to))});
  }
  Value signedValue = signedFirst ? a.value : b.value;
  Value asUnsigned = cast(cast(signedValue, toSigned(u)), u);
  Value bitsCompared =
      signedFirst ? emit(cmp, {Operand(asUnsigned), b}) : emit(cmp, {a, Operand(asUnsigned)});
  bool holdsWhenNegative =
      cmp == Opcode::cmp_ne || (signedFirst ? cmp == Opcode::cmp_lt || cmp == Opcode::cmp_le
                                            : cmp == Opcode::cmp_gt || cmp == Opcode::cmp_ge);
  if (holdsWhenNegative) {
    Value negative = emit(Opcode::cmp_lt, {Operand(signedValue), Operand(Literal(0))});
    return emit(Opcode::or_, {Operand(negative), Operand(bitsCompared)});
  }
  Value natural = emit(Opcode::cmp_ge, {Operand(signedValue), Operand(Literal(0))});
  return emit(Opcode::and_, {Operand(natural), Operand(bitsCompared)});
}

Value Builder::compareUnsigned(Opcode cmp, Operand a, Operand b) {
  const Operand pair[2] = {a, b};
  std::string_view symbol = cmp == Opcode::cmp_lt   ? "cmp_ult"
                            : cmp == Opcode::cmp_le ? "cmp_ule"
                            : cmp == Opcode::cmp_gt ? "cmp_ugt"
                                                    : "cmp_uge";
  Elem t = *unify(symbol, pair, false);
  if (!isInt(t))
    fail(std::string(symbol) + ": needs an integer, got " + listTypes(fn, pair),
         {"compare numbers with cmp_lt, cmp_le, cmp_gt, cmp_ge"});
  auto unsignedBits = [&](Operand o) -> Operand {
    // A literal is taken in the signed or unsigned type that holds it, then as bits.
    if (o.isLiteral())
      return cast(constant(o.literal, Type::value(o.literal.negative ? toSigned(t) : toUnsigned(t))),
                  toUnsigned(t));
    return cast(cast(o, t), toUnsigned(t));
  };
  return emit(cmp, {unsignedBits(a), unsignedBits(b)});
}

} // namespace enigma::ir
