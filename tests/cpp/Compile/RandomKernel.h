// SPDX-License-Identifier: MIT
//
// Kernels made at random from a number: every type, conversions, selects, masked accesses, buffers that share
// memory, and on request loops and branches. No thread writes what another one uses, no access leaves its
// buffer, and no result that the language leaves open (a division by zero, the sign of a NaN) reaches memory,
// so that all ways to run one must agree.
//
//     Kernel kernel(42);
//     kernel.f; kernel.blocks; kernel.blockOf;   // the function, its memory, which memory each parameter is
//     bound to
#pragma once

#include "Reference.h"
#include "enigma/IR/Builder.h"

#include <cmath>
#include <cstdlib>
#include <random>

namespace enigma::test {

using namespace enigma::ir;

inline constexpr uint32_t columns = 48, rows = 2;
inline constexpr uint32_t tableSize = 64;

// One allocation, which one or more parameters of a width are bound to.
struct Block {
  Elem elem; ///< of the first parameter; the others have as many bytes
  std::vector<unsigned char> bytes;
};

class Kernel {
public:
  explicit Kernel(uint64_t seed)
      : f("random"), beyond(seed % 2), random(seed), b(f),
        controls(seed % 3 == 0 || std::getenv("ENIGMA_RANDOM_CONTROL")) {
    make();
  }

  Function f;
  std::vector<Block> blocks;
  std::vector<size_t> blockOf; ///< per parameter
  bool beyond;                 ///< converts floats that the integer type does not hold

private:
  std::mt19937_64 random;
  Builder b;
  std::vector<Value> pool[numElems];
  std::vector<Value> readOnly, written;
  std::vector<Value> slots; ///< indices that only this thread uses
  Value x, y;
  bool controls; ///< with loops and branches
  int depth = 0;

  uint64_t below(uint64_t n) { return random() % n; }
  bool chance(int percent) { return below(100) < uint64_t(percent); }
  template <class T>
  const T &any(const std::vector<T> &from) {
    return from[below(from.size())];
  }
  Elem anyElem() { return static_cast<Elem>(below(numElems)); }
  Elem anyInt() { return static_cast<Elem>(1 + below(8)); }
  Elem anyFloat() { return static_cast<Elem>(9 + below(3)); }

  Bits edge(Elem e) {
    if (e == Elem::b1)
      return below(2);
    Bits all = ~Bits(0) >> (64 - bits(e));
    if (isFloat(e)) {
      static const double numbers[] = {0.0,       -0.0,  1.0,          -1.0, 0.5,  2.0,   3.0,
                                       -7.25,     100.0, 65504.0,      1e-7, 3e38, -1e30, INFINITY,
                                       -INFINITY, NAN,   1.0009765625, 6e-8, 1e-40};
      return chance(50) ? nearestFloat(e, numbers[below(std::size(numbers))])
                        : nearestFloat(e, (double(int64_t(random())) / 9.3e18) *
                                              std::ldexp(1.0, int(below(24)) - 8));
    }
    static const int64_t numbers[] = {0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 63, 64, 255, 256, -1, -2, -4, -8};
    switch (below(6)) {
    case 0:
      return all; // -1 or the largest
    case 1:
      return all >> 1;
    case 2:
      return (all >> 1) + 1;
    case 3:
      return random() & all;
    default:
      return Bits(numbers[below(std::size(numbers))]) & all;
    }
  }
  Value constantOf(Elem e, Bits v) {
    Type t = Type::value(e);
    return f.result(f.op(f.append(Opcode::constant, {}, {&t, 1}, v, 0)));
  }
  Value leaf(Elem e) {
    return chance(50) || pool[int(e)].empty() ? constantOf(e, edge(e)) : any(pool[int(e)]);
  }
  Value value(Elem e) {
    auto &p = pool[int(e)];
    if (p.empty() || chance(15)) {
      Elem from = anyElem();
      if (chance(50) || pool[int(from)].empty())
        return leaf(e);
      return convert(any(pool[int(from)]), e);
    }
    // Recent ones more often: long chains.
    return chance(50) ? p[p.size() - 1 - below(std::min<size_t>(p.size(), 3))] : any(p);
  }
  void give(Value v) {
    if (chance(30))
      f.setName(v, std::array{"a", "acc", "max", "tmp", "thread", "v0", "x_1", "half"}[below(8)]);
    pool[int(f.type(v).elem)].push_back(v);
  }

  // The same number in an index type that holds it.
  Value indexed(Value u32) {
    static const Elem types[] = {Elem::u32, Elem::u32, Elem::i32, Elem::i64, Elem::u64, Elem::u16};
    return b.cast(u32, types[below(std::size(types))]);
  }

  void make() {
    int numRead = 1 + below(3), numWritten = 1 + below(3);
    for (int i = 0; i < numRead; ++i) {
      Elem e = anyElem();
      readOnly.push_back(f.addParam({"R" + std::to_string(i), Type::buffer(e)}));
      blockOf.push_back(blocks.size());
      fillBlock(e, tableSize);
    }
    uint32_t span = columns * rows;
    uint32_t spread = below(2), stride = spread ? 1 + below(4) : span + below(4),
             numSlots = spread ? stride : 3;
    uint32_t total = spread ? span * stride : stride * numSlots + 8;
    for (int i = 0; i < numWritten; ++i) {
      Elem e = anyElem();
      size_t shares = blocks.size();
      if (i &&
          chance(40)) { // the memory of an earlier one, as a type of the same width without NaNs to compare
        shares = blockOf[numRead + below(i)];
        Elem other = blocks[shares].elem;
        e = isInt(other) && chance(50) ? (isSigned(other) ? toUnsigned(other) : toSigned(other)) : other;
      }
      written.push_back(f.addParam({chance(20) ? "out" : "W" + std::to_string(i), Type::buffer(e)}));
      blockOf.push_back(shares);
      if (shares == blocks.size())
        fillBlock(e, total);
    }
    for (int i = below(3); i > 0; --i) {
      Elem e = anyElem();
      Value s = f.addParam({"s", Type::value(e)});
      blockOf.push_back(blocks.size());
      fillBlock(e, 1);
      pool[int(e)].push_back(s);
    }

    x = b.query(Opcode::thread_position_in_grid, 0);
    y = b.query(Opcode::thread_position_in_grid, 1);
    if (chance(50))
      f.setName(x, "i");
    give(x);
    give(y);
    Value row = b.binary(Operator::mul, y, Literal(int(columns)));
    Value position = chance(50) ? b.binary(Operator::add, x, row) : b.binary(Operator::add, row, x);
    for (uint32_t k = 0; k < numSlots; ++k)
      slots.push_back(spread
                          ? b.binary(Operator::add, b.binary(Operator::mul, position, Literal(int(stride))),
                                     Literal(int(k)))
                          : b.binary(Operator::add, position, Literal(int(stride * k))));
    if (chance(40)) // much to fold
      for (int e = 0; e < numElems; ++e)
        for (int i = below(4); i >= 0; --i)
          pool[e].push_back(constantOf(static_cast<Elem>(e), edge(static_cast<Elem>(e))));
    int steps = 6 + below(40);
    for (int i = 0; i < steps; ++i)
      step();
    for (int i = 0; i < 2; ++i)
      store();
  }

  void fillBlock(Elem e, uint32_t count) {
    count = count == 1
                ? 1
                : (count + 3) / 4 * 4; // whole vectors: what is aligned at its end is aligned at its start
    Block block{e, std::vector<unsigned char>(size_t(count) * bytes(e))};
    for (uint32_t i = 0; i < count; ++i) {
      Bits v = edge(e);
      std::memcpy(block.bytes.data() + size_t(i) * bytes(e), &v, bytes(e));
    }
    blocks.push_back(std::move(block));
  }

  // An index into a table: any integer reduced to its size.
  Value tableIndex() {
    if (chance(40)) {
      Value i = b.binary(Operator::add, x, Literal(int(below(tableSize - columns + 1))));
      return indexed(i);
    }
    Elem e = anyInt();
    Value i = chance(50) ? b.binary(Operator::and_, value(e), Literal(63))
                         : b.binary(Operator::mod, b.cast(value(e), Elem::i64), Literal(64));
    return i;
  }

  void store() {
    Value to = any(written), i = indexed(any(slots));
    Elem e = f.type(to).elem;
    Value v = value(e);
    if (chance(25)) {
      Value mask = value(Elem::b1);
      if (chance(50)) // where the mask is false, the index may be anything
        i = b.emit(Opcode::select, {mask, b.cast(i, Elem::u32), b.cast(value(Elem::u32), Elem::u32)});
      return b.storeIf(to, i, v, mask);
    }
    b.store(to, i, v);
  }

  void load() {
    bool table = chance(60);
    Value from = table ? any(readOnly) : any(written), i = table ? tableIndex() : indexed(any(slots));
    if (chance(25)) {
      Value mask = value(Elem::b1);
      if (chance(50))
        i = b.emit(Opcode::select, {mask, b.cast(i, Elem::u32), value(Elem::u32)});
      return give(b.loadIf(from, i, mask, leaf(f.type(from).elem)));
    }
    give(b.load(from, i));
  }

  // No float's NaN shows its sign or payload where this stands between, and no zero its sign.
  Value plain(Value v, bool zero = false) {
    Elem e = f.type(v).elem;
    if (!isFloat(e))
      return v;
    Value shown = b.emit(Opcode::select, {b.emit(Opcode::isnan, {v}), constantOf(e, 0), v});
    return zero ? b.emit(Opcode::select,
                         {b.emit(Opcode::cmp_eq, {shown, constantOf(e, 0)}), constantOf(e, 0), shown})
                : shown;
  }

  // A conversion; a float out of an integer's range is unspecified, which only the host has a word for.
  Value convert(Value v, Elem to) {
    Elem from = f.type(v).elem;
    if (!isFloat(from) || !isInt(to) || beyond)
      return b.cast(v, to);
    Value limit = constantOf(from, nearestFloat(from, std::ldexp(1.0L, bits(to) - isSigned(to))));
    Value least = isSigned(to) ? b.emit(Opcode::neg, {limit}) : constantOf(from, 0);
    Value fits =
        b.emit(Opcode::and_, {b.emit(Opcode::cmp_ge, {v, least}), b.emit(Opcode::cmp_lt, {v, limit})});
    Value finite = b.emit(Opcode::and_, {fits, b.emit(Opcode::isfinite, {v})});
    return b.cast(b.emit(Opcode::select, {finite, v, constantOf(from, 0)}), to);
  }

  //===-- Control flow: what a region defines is forgotten at its end
  //---------------------------------------===//

  std::vector<size_t> scope() {
    std::vector<size_t> sizes;
    for (auto &p : pool)
      sizes.push_back(p.size());
    return sizes;
  }
  void leave(const std::vector<size_t> &sizes) {
    for (int e = 0; e < numElems; ++e)
      pool[e].resize(sizes[e]);
    --depth;
  }
  void enter(std::span<const Value> args) {
    ++depth;
    for (Value v : args)
      give(v);
  }
  void steps() {
    for (int i = below(6); i >= 0; --i)
      step();
  }
  std::vector<Value> yields(const std::vector<Type> &types) {
    std::vector<Value> out;
    for (Type t : types)
      out.push_back(value(t.elem));
    return out;
  }
  void giveAll(const std::vector<Value> &values) {
    for (Value v : values)
      give(v);
  }

  void control() {
    std::vector<Type> types;
    for (int i = below(4); i > 0; --i)
      types.push_back(Type::value(anyElem()));
    if (types.size() > 1 && chance(40)) // something to swap
      types[1] = types[0];
    switch (below(3)) {
    case 0: {
      Value condition = value(Elem::b1);
      uint32_t arms[2];
      for (uint32_t &arm : arms) {
        auto sizes = scope();
        arm = b.openRegion({});
        enter({});
        if (&arm == arms || chance(70))
          steps();
        b.closeRegion(yields(types));
        leave(sizes);
      }
      return giveAll(b.ifElse(condition, arms[0], arms[1]));
    }
    case 1: {
      Elem e = anyInt();
      Bits all = ~Bits(0) >> (64 - bits(e));
      Value lower, upper, by;
      bool down = isSigned(e) && chance(40);
      Bits reach = below(7), step = chance(50) ? 1 : 1 + below(4);
      switch (below(4)) {
      case 0: // up to the end of the type
        lower = constantOf(e, (isSigned(e) ? all >> 1 : all) - reach),
        upper = constantOf(e, isSigned(e) ? all >> 1 : all);
        break;
      case 1: // from its start
        lower = constantOf(e, isSigned(e) ? (all >> 1) + 1 : 0),
        upper = constantOf(e, isSigned(e) ? (all >> 1) + 1 + reach : reach);
        break;
      case 2: // a long way in few steps
        lower = constantOf(e, isSigned(e) ? (all >> 1) + 1 + below(9) : below(9)),
        upper = constantOf(e, (isSigned(e) ? all >> 1 : all) - below(9));
        step = (all >> 3) - below(3);
        break;
      default:
        lower = b.binary(Operator::and_, value(e), Literal(7)),
        upper = b.binary(Operator::and_, value(e), Literal(15));
      }
      if (down)
        std::swap(lower, upper);
      by = constantOf(e, (down ? 0 - step : step) & all);
      if (chance(30)) // a step that is not known
        by = b.emit(Opcode::select,
                    {value(Elem::b1), by, constantOf(e, (down ? 0 - step - 1 : step + 1) & all)});
      std::vector<Value> initial = yields(types);
      std::vector<Type> args = types;
      args.insert(args.begin(), Type::value(e));
      auto sizes = scope();
      uint32_t body = b.openRegion(args);
      enter(std::vector<Value>(f.region(body).args));
      steps();
      std::vector<Value> next = yields(types);
      if (types.size() > 1 && types[0] == types[1] && chance(50))
        next[0] = f.region(body).args[2], next[1] = f.region(body).args[1];
      b.closeRegion(next);
      leave(sizes);
      return giveAll(b.forLoop(lower, upper, by, initial, body));
    }
    default: {
      types.insert(types.begin(), Type::value(Elem::u32)); // counts, so that it ends
      std::vector<Value> initial = yields(types);
      initial[0] = constantOf(Elem::u32, 0);
      auto sizes = scope();
      uint32_t test = b.openRegion(types);
      Value count = f.region(test).args[0];
      enter(std::vector<Value>(f.region(test).args));
      if (chance(50))
        steps();
      Value more = b.compare(Opcode::cmp_lt, count, Literal(int(below(6))));
      if (chance(50))
        more = b.binary(Operator::and_, more, value(Elem::b1));
      std::vector<Value> tested = chance(60) ? std::vector<Value>(f.region(test).args) : yields(types);
      tested[0] = count;
      tested.insert(tested.begin(), more);
      b.closeRegion(tested);
      leave(sizes);
      sizes = scope();
      uint32_t body = b.openRegion(types);
      count = f.region(body).args[0];
      enter(std::vector<Value>(f.region(body).args));
      steps();
      std::vector<Value> next = yields(types);
      next[0] = b.binary(Operator::add, count, Literal(1));
      b.closeRegion(next);
      leave(sizes);
      return giveAll(b.whileLoop(initial, test, body));
    }
    }
  }

  void step() {
    if (controls && depth < 3 && chance(12))
      return control();
    switch (below(10)) {
    case 0:
      return store();
    case 1:
    case 2:
      return load();
    case 3: {
      Elem from = anyElem();
      return give(convert(value(from), anyElem()));
    }
    case 4: {
      Elem from = anyElem();
      if (from == Elem::b1)
        return;
      Elem to = anyElem();
      if (to != Elem::b1 && bits(to) == bits(from))
        give(b.asType(plain(value(from)), to));
      return;
    }
    case 5: { // comparisons, also of different types
      static const Opcode compares[] = {Opcode::cmp_eq, Opcode::cmp_ne, Opcode::cmp_lt,
                                        Opcode::cmp_le, Opcode::cmp_gt, Opcode::cmp_ge};
      Elem e = anyElem(), other = isInt(e) && chance(40) ? anyInt() : e;
      Opcode op = compares[below(6)];
      if (isInt(e) && isInt(other) && chance(20) && op != Opcode::cmp_eq && op != Opcode::cmp_ne)
        return give(b.compareUnsigned(op, value(e), value(other)));
      return give(b.compare(op, value(e), value(other)));
    }
    case 6: {
      Elem e = anyElem();
      return give(b.emit(Opcode::select, {value(Elem::b1), value(e), value(e)}));
    }
    default:
      return chance(65) ? integers() : floats();
    }
  }

  void integers() {
    static const Opcode ops[] = {
        Opcode::add,      Opcode::add,          Opcode::add,          Opcode::sub,         Opcode::sub,
        Opcode::mul,      Opcode::mul,          Opcode::floor_div,    Opcode::mod,         Opcode::neg,
        Opcode::and_,     Opcode::or_,          Opcode::xor_,         Opcode::not_,        Opcode::shl,
        Opcode::shr,      Opcode::min,          Opcode::max,          Opcode::clamp,       Opcode::abs,
        Opcode::abs_diff, Opcode::add_sat,      Opcode::sub_sat,      Opcode::mul_hi,      Opcode::mad_hi,
        Opcode::hadd,     Opcode::rhadd,        Opcode::rotate,       Opcode::popcount,    Opcode::clz,
        Opcode::ctz,      Opcode::reverse_bits, Opcode::extract_bits, Opcode::insert_bits, Opcode::ipow};
    Opcode op = ops[below(std::size(ops))];
    Elem e = anyInt();
    if (info(op).types.contains(Elem::b1) && chance(30))
      e = Elem::b1;
    switch (op) {
    case Opcode::clamp: {
      Value low = value(e), high = value(e);
      return give(b.emit(op, {value(e), b.emit(Opcode::min, {low, high}), b.emit(Opcode::max, {low, high})}));
    }
    case Opcode::floor_div:
    case Opcode::mod: { // by zero is unspecified
      Value divisor = value(e);
      if (chance(50))
        divisor = constantOf(e, 1 + below(16));
      divisor =
          b.emit(Opcode::select, {b.compare(Opcode::cmp_eq, divisor, Literal(0)), constantOf(e, 3), divisor});
      return give(b.emit(op, {value(e), divisor}));
    }
    case Opcode::extract_bits:
    case Opcode::insert_bits: {
      int half = bits(e) / 2;
      Value offset = b.binary(Operator::and_, value(Elem::u32), Literal(half - 1)),
            count = b.binary(Operator::and_, value(Elem::u32), Literal(half - 1));
      if (chance(30))
        offset = constantOf(Elem::u32, below(half));
      if (op == Opcode::extract_bits)
        return give(b.emit(op, {value(e), offset, count}));
      return give(b.emit(op, {value(e), value(e), offset, count}));
    }
    default:
      break;
    }
    std::vector<Operand> operands;
    for (int k = 0; k < info(op).rule.numOperands; ++k)
      operands.push_back(k && chance(30) ? constantOf(e, edge(e)) : value(e));
    give(b.emit(op, operands));
  }

  void floats() {
    static const Opcode ops[] = {Opcode::add,         Opcode::add,      Opcode::sub,     Opcode::sub,
                                 Opcode::mul,         Opcode::mul,      Opcode::mul,     Opcode::div,
                                 Opcode::fma,         Opcode::neg,      Opcode::abs,     Opcode::min,
                                 Opcode::max,         Opcode::sqrt,     Opcode::floor,   Opcode::ceil,
                                 Opcode::trunc,       Opcode::rint,     Opcode::isnan,   Opcode::isinf,
                                 Opcode::isfinite,    Opcode::isnormal, Opcode::signbit, Opcode::isordered,
                                 Opcode::isunordered, Opcode::copysign};
    Opcode op = ops[below(std::size(ops))];
    Elem e = anyFloat();
    std::vector<Operand> operands;
    for (int k = 0; k < info(op).rule.numOperands; ++k) {
      Value v = k && chance(25) ? constantOf(e, edge(e)) : value(e);
      if (op == Opcode::signbit || op == Opcode::copysign)
        v = plain(v);
      else if (op == Opcode::min || op == Opcode::max)
        v = b.emit(Opcode::select, {b.emit(Opcode::cmp_eq, {v, constantOf(e, 0)}), constantOf(e, 0), v});
      operands.push_back(v);
    }
    give(b.emit(op, operands));
  }
};

} // namespace enigma::test
