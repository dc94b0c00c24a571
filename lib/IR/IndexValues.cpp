// SPDX-License-Identifier: MIT
//
// What the values of a function are as numbers of an IndexSpace, and values that compute its numbers.
#include "enigma/IR/Constant.h"
#include "enigma/IR/Index.h"

#include <algorithm>

namespace enigma::ir {
namespace {

IndexRange rangeOfType(Elem e) {
  if (e == Elem::b1)
    return {0, 1};
  int width = std::min(bits(e), 62); // more is never an index
  if (isUnsigned(e))
    return {0, (int64_t(1) << std::min(width, 61)) - 1};
  return {-(int64_t(1) << (std::min(width, 62) - 1)), (int64_t(1) << (std::min(width, 62) - 1)) - 1};
}

bool contains(IndexRange outer, IndexRange inner) {
  return outer.low <= inner.low && inner.high <= outer.high;
}

} // namespace

// The exact result where it fits the type, so that nothing wraps; else all that the type holds.
IndexSpace::Id IndexSpace::fitted(Value value, Id exact) {
  Elem elem = builder.function().type(value).elem;
  return contains(rangeOfType(elem), range(exact)) ? exact : opaque(value, rangeOfType(elem));
}

IndexSpace::Id IndexSpace::of(Value value) {
  if (ofValue.size() <= value.id)
    ofValue.resize(value.id + 1);
  if (ofValue[value.id])
    return ofValue[value.id];
  const Function &f = builder.function();
  Type type = f.type(value);
  if (!type.isScalar() || !(isInt(type.elem) || type.elem == Elem::b1))
    builder.fail("a coordinate must be an integer, got " + type.str(),
                 {isFloat(type.elem) ? "convert it: enigma.i32(x)" : "use a scalar integer"});
  const Op *op = f.definition(value);
  Id id = op ? compute(value, *op) : opaque(value, rangeOfType(type.elem));
  if (ofValue.size() <= value.id)
    ofValue.resize(value.id + 1);
  if (!narrowedAtoms.empty() || !narrowed.empty())
    foundNarrowed.push_back(value.id);
  return ofValue[value.id] = id;
}

std::optional<IndexSpace::Id> IndexSpace::query(const Op &op) {
  auto axis = static_cast<uint32_t>(op.immediate);
  int64_t grid = size.grid[axis], threads = size.threads[axis];
  bool flat = size.known() && size.threads[1] == 1 && size.threads[2] == 1;
  bool full = size.known();
  for (int i = 0; full && i < 3; ++i)
    full = size.grid[i] % size.threads[i] == 0;
  // In a group that the end of the grid cuts off, threads are counted by its own size.
  auto indexInGroup = [&]() -> std::optional<Id> {
    if (flat)
      return remainder(gridPosition(0), size.threads[0]);
    if (!full)
      return std::nullopt;
    Id sum = remainder(gridPosition(0), size.threads[0]);
    int64_t step = size.threads[0];
    for (int i = 1; i < 3; step *= size.threads[i], ++i)
      sum = add(sum, scale(remainder(gridPosition(i), size.threads[i]), step));
    return sum;
  };
  switch (op.opcode) {
  case Opcode::thread_position_in_grid:
    return gridPosition(axis);
  case Opcode::thread_position_in_threadgroup:
    if (size.known())
      return remainder(gridPosition(axis), threads);
    return std::nullopt;
  case Opcode::threadgroup_position_in_grid:
    if (size.known())
      return divide(gridPosition(axis), threads);
    return std::nullopt;
  case Opcode::threads_per_grid:
    if (size.known())
      return constant(grid);
    return std::nullopt;
  case Opcode::threadgroups_per_grid:
    if (size.known())
      return constant((grid + threads - 1) / threads);
    return std::nullopt;
  case Opcode::dispatch_threads_per_threadgroup:
    if (size.known())
      return constant(threads);
    return std::nullopt;
  case Opcode::thread_index_in_threadgroup:
    return indexInGroup();
  case Opcode::thread_index_in_simdgroup:
    if (auto index = indexInGroup())
      return remainder(*index, 32);
    return std::nullopt;
  case Opcode::simdgroup_index_in_threadgroup:
    if (auto index = indexInGroup())
      return divide(*index, 32);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

IndexSpace::Id IndexSpace::compute(Value value, const Op &op) {
  const Function &f = builder.function();
  Elem elem = f.type(value).elem;
  IndexRange all = rangeOfType(elem);
  auto operand = [&](int i) { return of(f.operands(op)[i]); };
  auto constantOf = [&](Id id) -> std::optional<int64_t> {
    if (linears[id].terms.empty())
      return linears[id].constant;
    return std::nullopt;
  };
  const OpInfo &about = info(op.opcode);
  if (about.rule.kind == Rule::Kind::query) {
    auto found = query(op);
    if (found)
      return *found;
    // MSL 5.2.3.6 and the limits of a launch: at most 1024 threads in a group.
    switch (op.opcode) {
    case Opcode::thread_position_in_threadgroup:
    case Opcode::thread_index_in_threadgroup:
      return opaque(value, {0, 1023}, 1, true);
    case Opcode::thread_index_in_simdgroup:
    case Opcode::simdgroup_index_in_threadgroup:
      return opaque(value, {0, 31}, 1, true);
    default:
      return opaque(value, all);
    }
  }
  switch (op.opcode) {
  case Opcode::constant:
    if (bits(elem) == 64 && isUnsigned(elem) && op.immediate > uint64_t(all.high))
      return opaque(value, all);
    if (isSigned(elem)) {
      int shift = 64 - bits(elem);
      return constant(static_cast<int64_t>(op.immediate << shift) >> shift);
    }
    return constant(static_cast<int64_t>(op.immediate));
  case Opcode::add:
    return fitted(value, add(operand(0), operand(1)));
  case Opcode::sub:
    return fitted(value, add(operand(0), scale(operand(1), -1)));
  case Opcode::neg:
    return fitted(value, scale(operand(0), -1));
  case Opcode::mul: {
    Id x = operand(0), y = operand(1);
    if (auto c = constantOf(y))
      return fitted(value, scale(x, *c));
    if (auto c = constantOf(x))
      return fitted(value, scale(y, *c));
    return opaque(value, all);
  }
  case Opcode::shl:
    if (auto c = constantOf(operand(1)); c && *c >= 0 && *c < 62 && *c < bits(elem))
      return fitted(value, scale(operand(0), int64_t(1) << *c));
    return opaque(value, all);
  case Opcode::shr:
    if (auto c = constantOf(operand(1)); c && *c >= 0 && *c < 62 && *c < bits(elem))
      return fitted(value, divide(operand(0), int64_t(1) << *c));
    return opaque(value, all);
  case Opcode::floor_div:
    if (auto c = constantOf(operand(1)); c && *c > 0)
      return fitted(value, divide(operand(0), *c));
    return opaque(value, all);
  case Opcode::mod:
    if (auto c = constantOf(operand(1)); c && *c > 0)
      return fitted(value, remainder(operand(0), *c));
    return opaque(value, all);
  case Opcode::and_:
    if (elem != Elem::b1)
      for (int side = 0; side < 2; ++side)
        if (auto c = constantOf(operand(side)); c && *c > 0 && (*c & (*c + 1)) == 0)
          return fitted(value, remainder(operand(1 - side), *c + 1));
    return opaque(value, all);
  case Opcode::min:
  case Opcode::max: {
    IndexRange x = range(operand(0)), y = range(operand(1));
    bool isMin = op.opcode == Opcode::min;
    return opaque(value, {isMin ? std::min(x.low, y.low) : std::max(x.low, y.low),
                          isMin ? std::min(x.high, y.high) : std::max(x.high, y.high)});
  }
  case Opcode::select: {
    IndexRange x = range(operand(1)), y = range(operand(2));
    return opaque(value, {std::min(x.low, y.low), std::max(x.high, y.high)});
  }
  case Opcode::cast: {
    Type from = f.type(f.operands(op)[0]);
    if (!isInt(from.elem) && from.elem != Elem::b1)
      return opaque(value, all);
    if (elem == Elem::b1)
      return opaque(value, all);
    return fitted(value, operand(0));
  }
  default:
    return opaque(value, all);
  }
}

//===-- Values that compute numbers
//-------------------------------------------------------------------------===//

Elem IndexSpace::elemFor(IndexRange r) const {
  if (r.low >= 0)
    return r.high <= int64_t(UINT32_MAX) ? Elem::u32 : Elem::u64;
  return r.low >= INT32_MIN && r.high <= INT32_MAX ? Elem::i32 : Elem::i64;
}

Value IndexSpace::emitAtom(const Atom &atom, Elem elem) {
  auto as = [&](Value v) { return builder.cast(v, elem); };
  switch (atom.kind) {
  case Atom::Kind::grid:
    // Where a threadgroup is one thread wide, its own position says so to all lanes.
    return as(builder.query(size.threads[atom.axis] == 1 ? Opcode::threadgroup_position_in_grid
                                                         : Opcode::thread_position_in_grid,
                            atom.axis));
  case Atom::Kind::value:
    return as(atom.value);
  case Atom::Kind::digit: {
    int64_t low = atom.low, high = atom.high;
    Value x;
    const Linear &base = linears[atom.a];
    if (size.known() && base.constant == 0 && base.terms.size() == 1 && base.terms[0].scale == 1 &&
        atoms[base.terms[0].atom].kind == Atom::Kind::grid) {
      auto axis = atoms[base.terms[0].atom].axis;
      int64_t threads = size.threads[axis];
      if (high && threads % high == 0) {
        x = builder.query(Opcode::thread_position_in_threadgroup, axis);
        high = high == threads ? 0 : high;
      } else if (low % threads == 0) {
        x = builder.query(Opcode::threadgroup_position_in_grid, axis);
        low /= threads;
        if (high % threads == 0)
          high /= threads;
        else
          high = 0, x = {};
      }
      if (!x)
        low = atom.low, high = atom.high;
    }
    if (!x)
      x = emitAs(atom.a, elemFor(range(atom.a)));
    if (low > 1)
      x = builder.binary(Operator::floordiv, x, Literal(low));
    if (high)
      x = builder.binary(Operator::mod, x, Literal(high / low));
    return as(x);
  }
  case Atom::Kind::operation: {
    Value x = emitAs(atom.a, elem), y = emitAs(atom.b, elem);
    switch (atom.op) {
    case layout::ArithOp::Mul:
      return builder.binary(Operator::mul, x, y);
    case layout::ArithOp::Xor:
      return builder.binary(Operator::xor_, x, y);
    case layout::ArithOp::And:
      return builder.binary(Operator::and_, x, y);
    case layout::ArithOp::Min:
      return builder.emit(Opcode::min, {x, y});
    case layout::ArithOp::Max:
      return builder.emit(Opcode::max, {x, y});
    default:
      break;
    }
    builder.fail(std::string("an index has no operation ") + layout::spelling(atom.op));
  }
  }
  return {};
}

// The last value that an atom is computed from.
uint32_t IndexSpace::newest(uint32_t atom) const {
  uint32_t last = 0;
  if (atoms[atom].kind == Atom::Kind::value)
    last = atoms[atom].value.id;
  for (Id operand : {atoms[atom].a, atoms[atom].b})
    if (operand)
      for (Value v : values(operand))
        last = std::max(last, v.id);
  return last;
}

Value IndexSpace::emitAs(Id number, Elem elem) {
  Linear l = linears[number];
  // What was known first stands first, so that a loop can start from what it does not change.
  std::stable_sort(l.terms.begin(), l.terms.end(),
                   [&](const Term &x, const Term &y) { return newest(x.atom) < newest(y.atom); });
  Value sum;
  int64_t constant = l.constant;
  if (constant > 0 &&
      std::all_of(l.terms.begin(), l.terms.end(), [](const Term &t) { return t.scale < 0; })) {
    sum = builder.constant(Literal(constant), Type::value(elem));
    constant = 0;
  }
  // What is subtracted comes last, so that an unsigned sum starts from what it is taken from.
  for (bool negative : {false, true})
    for (const Term &t : l.terms) {
      if ((t.scale < 0) != negative)
        continue;
      const Atom atom = atoms[t.atom];
      Value v = emitAtom(atom, elem);
      int64_t factor = std::abs(t.scale);
      if (factor != 1)
        v = builder.binary(Operator::mul, v, Literal(factor));
      if (sum)
        sum = builder.binary(negative ? Operator::sub : Operator::add, sum, v);
      else
        sum =
            negative ? builder.binary(Operator::sub, builder.constant(Literal(0), Type::value(elem)), v) : v;
    }
  if (!sum)
    return builder.constant(Literal(l.constant), Type::value(elem));
  if (constant)
    sum = builder.binary(constant < 0 ? Operator::sub : Operator::add, sum, Literal(std::abs(constant)));
  return sum;
}

Value IndexSpace::emit(Id number) {
  Linear terms{0, linears[number].terms};
  int64_t constant = linears[number].constant;
  // Parts are computed in the same type: it must hold them too.
  IndexRange whole = range(number), parts = range(intern(std::move(terms)));
  if (constant > 0 && parts.high <= 0) // starts from the constant
    parts = {whole.low, constant};
  return emitAs(number, elemFor({std::min(whole.low, parts.low), std::max(whole.high, parts.high)}));
}

std::string IndexSpace::print(layout::Node leaf) const {
  const Linear &l = linears[id(leaf)];
  std::string out;
  for (const Term &t : l.terms) {
    const Atom &atom = atoms[t.atom];
    std::string_view name = atom.kind == Atom::Kind::value ? builder.function().nameOf(atom.value) : "";
    out += (out.empty() ? "" : "+") + (t.scale == 1 ? "" : std::to_string(t.scale) + "*") +
           (name.empty() ? "?" : std::string(name));
  }
  if (l.constant)
    out += (l.constant > 0 ? "+" : "") + std::to_string(l.constant);
  return out;
}

} // namespace enigma::ir
