// SPDX-License-Identifier: MIT
//
// What a kernel means, one thread at a time and without anything clever: a walk over ir::Function that the
// compiled code is compared with. It knows the operations that ControlFuzzTest.cpp makes, on buffers of
// 32-bit elements.
//
//   Interpreter reference(function, {{a.data(), a.size()}, ...});
//   reference.run(thread);       // false: more operations than it may take
#pragma once

#include "enigma/IR/Function.h"
#include "enigma/Support/HostAbi.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace enigma::host::testing {

class Interpreter {
public:
  Interpreter(const ir::Function &f, std::vector<hostabi::BufferArg> args, uint64_t mostOps)
      : fn(f), buffers(std::move(args)), fuel(mostOps), values(f.numValues()) {}

  bool run(uint32_t threadX) {
    thread = threadX;
    return block(0);
  }

  uint64_t outOfBounds = 0;
  uint64_t firstThread = UINT64_MAX;

private:
  using Cell = std::array<uint64_t, 4>;

  static uint64_t wrapped(uint64_t bits, ir::Elem e) {
    const int width = ir::bits(e);
    if (width == 64)
      return bits;
    bits &= (uint64_t(1) << width) - 1;
    if (ir::isSigned(e) && bits >> (width - 1))
      bits |= ~uint64_t(0) << width;
    return bits;
  }
  static float real(uint64_t bits) { return std::bit_cast<float>(uint32_t(bits)); }
  static uint64_t bitsOf(float x) { return std::bit_cast<uint32_t>(x); }

  static uint64_t arithmetic(ir::Opcode op, ir::Elem e, uint64_t x, uint64_t y) {
    using enum ir::Opcode;
    if (e == ir::Elem::f32) {
      const float a = real(x), b = real(y);
      switch (op) {
      case add:
        return bitsOf(a + b);
      case sub:
        return bitsOf(a - b);
      case mul: {
        const volatile float product = a * b; // one rounding
        return bitsOf(product);
      }
      default:
        throw std::logic_error("no such operation on floats");
      }
    }
    const bool isLess = ir::isSigned(e) ? int64_t(x) < int64_t(y) : x < y;
    switch (op) {
    case add:
      return wrapped(x + y, e);
    case sub:
      return wrapped(x - y, e);
    case mul:
      return wrapped(x * y, e);
    case and_:
      return x & y;
    case or_:
      return x | y;
    case xor_:
      return x ^ y;
    case min:
      return isLess ? x : y;
    case max:
      return isLess ? y : x;
    default:
      throw std::logic_error("no such operation on integers");
    }
  }

  static bool compare(ir::Opcode op, ir::Elem e, uint64_t x, uint64_t y) {
    bool less, equal;
    if (e == ir::Elem::f32) {
      less = real(x) < real(y);
      equal = real(x) == real(y);
    } else {
      less = ir::isSigned(e) ? int64_t(x) < int64_t(y) : x < y;
      equal = x == y;
    }
    return op == ir::Opcode::cmp_lt ? less : op == ir::Opcode::cmp_eq ? equal : !equal;
  }

  static uint64_t convert(uint64_t x, ir::Elem from, ir::Elem to) {
    if (to == ir::Elem::b1)
      return from == ir::Elem::f32 ? real(x) != 0 : x != 0;
    if (to == ir::Elem::f32)
      return bitsOf(ir::isSigned(from) ? float(int64_t(x)) : float(x));
    if (from != ir::Elem::f32)
      return wrapped(x, to);
    const double value = real(x), beyond = std::ldexp(1.0, ir::bits(to) - (ir::isSigned(to) ? 1 : 0));
    const double low = ir::isSigned(to) ? -beyond : 0;
    if (std::isnan(value))
      return 0;
    if (value >= beyond)
      return wrapped(ir::isSigned(to) ? ~(uint64_t(1) << (ir::bits(to) - 1)) : ~uint64_t(0), to);
    return value <= low ? wrapped(uint64_t(int64_t(low)), to) : uint64_t(int64_t(value));
  }

  /// The 32-bit element, or null after counting an access out of bounds.
  uint32_t *element(ir::Value buffer, ir::Value index) {
    const hostabi::BufferArg &arg = buffers[size_t(fn.paramIndex(buffer))];
    const uint64_t i = values[index.id][0];
    if (i < arg.count)
      return static_cast<uint32_t *>(arg.data) + i;
    ++outOfBounds;
    firstThread = std::min<uint64_t>(firstThread, thread);
    return nullptr;
  }

  const Cell &at(ir::Value v) const { return values[v.id]; }

  void yieldTo(std::span<const ir::Value> from, auto to, size_t skip = 0) {
    std::vector<Cell> cells;
    for (ir::Value v : from.subspan(skip))
      cells.push_back(at(v));
    for (size_t i = 0; i < cells.size(); ++i)
      values[to(i).id] = cells[i];
  }

  /// Runs a region up to its yield.
  bool block(uint32_t region) {
    for (const uint32_t index : fn.region(region).ops) {
      if (fuel-- == 0) {
        fuel = 0;
        return false;
      }
      const ir::Op &op = fn.op(index);
      if (op.opcode != ir::Opcode::yield && !execute(op))
        return false;
    }
    return true;
  }
  std::span<const ir::Value> yieldOf(uint32_t region) const {
    return fn.operands(fn.op(fn.region(region).ops.back()));
  }

  bool execute(const ir::Op &op) {
    using enum ir::Opcode;
    const auto in = fn.operands(op);
    const auto regions = fn.regionsOf(op);
    const auto results = [&](size_t i) { return fn.result(op, int(i)); };
    const ir::Type type = op.numResults ? fn.type(fn.result(op)) : ir::Type();
    const auto each = [&](auto f) {
      Cell out{};
      for (size_t c = 0; c < type.lanes; ++c)
        out[c] = f(c);
      values[fn.result(op).id] = out;
    };
    switch (op.opcode) {
    case constant:
      each([&](size_t) {
        return type.elem == ir::Elem::f32 ? op.immediate : wrapped(op.immediate, type.elem);
      });
      return true;
    case thread_position_in_grid:
      each([&](size_t) { return op.immediate == 0 ? thread : 0; });
      return true;
    case add:
    case sub:
    case mul:
    case and_:
    case or_:
    case xor_:
    case min:
    case max:
      each([&](size_t c) { return arithmetic(op.opcode, type.elem, at(in[0])[c], at(in[1])[c]); });
      return true;
    case cmp_lt:
    case cmp_eq:
    case cmp_ne:
      each([&](size_t c) { return compare(op.opcode, fn.type(in[0]).elem, at(in[0])[c], at(in[1])[c]); });
      return true;
    case cast:
      each([&](size_t c) { return convert(at(in[0])[c], fn.type(in[0]).elem, type.elem); });
      return true;
    case select:
      each([&](size_t c) {
        return at(in[0])[fn.type(in[0]).lanes == 1 ? 0 : c] ? at(in[1])[c] : at(in[2])[c];
      });
      return true;
    case splat:
      each([&](size_t) { return at(in[0])[0]; });
      return true;
    case extract:
      each([&](size_t) { return at(in[0])[op.immediate]; });
      return true;
    case load:
    case load_if: {
      Cell out{};
      if (op.opcode == load_if && !at(in[2])[0])
        out = at(in[3]);
      else if (const uint32_t *from = element(in[0], in[1]))
        out[0] = type.elem == ir::Elem::f32 ? *from : wrapped(*from, type.elem);
      values[fn.result(op).id] = out;
      return true;
    }
    case store:
    case store_if:
      if (op.opcode == store || at(in[3])[0])
        if (uint32_t *to = element(in[1], in[2]))
          *to = uint32_t(at(in[0])[0]);
      return true;
    case if_: {
      const uint32_t taken = regions[at(in[0])[0] ? 0 : 1];
      if (!block(taken))
        return false;
      yieldTo(yieldOf(taken), results);
      return true;
    }
    case for_: {
      const ir::Region &body = fn.region(regions[0]);
      const ir::Elem e = fn.type(in[0]).elem;
      using Wide = __int128;
      const auto number = [&](ir::Value v) {
        return ir::isSigned(e) ? Wide(int64_t(at(v)[0])) : Wide(at(v)[0]);
      };
      const Wide lower = number(in[0]), upper = number(in[1]), by = number(in[2]);
      yieldTo(in, results, 3);
      for (Wide k = lower; by && (by > 0 ? k < upper : k > upper); k += by) {
        for (size_t i = 0; i + 1 < body.args.size(); ++i)
          values[body.args[i + 1].id] = at(results(i));
        values[body.args[0].id] = {uint64_t(k)};
        if (!block(regions[0]))
          return false;
        yieldTo(yieldOf(regions[0]), results);
      }
      return true;
    }
    case while_: {
      const ir::Region &test = fn.region(regions[0]), &body = fn.region(regions[1]);
      yieldTo(in, [&](size_t i) { return test.args[i]; });
      for (;;) {
        if (!block(regions[0]))
          return false;
        const auto passed = yieldOf(regions[0]);
        const bool goesOn = at(passed[0])[0];
        yieldTo(passed, results, 1);
        if (!goesOn)
          return true;
        for (size_t i = 0; i < body.args.size(); ++i)
          values[body.args[i].id] = at(results(i));
        if (!block(regions[1]))
          return false;
        yieldTo(yieldOf(regions[1]), [&](size_t i) { return test.args[i]; });
      }
    }
    default:
      throw std::logic_error("the interpreter does not know " + std::string(ir::info(op.opcode).name));
    }
  }

  const ir::Function &fn;
  std::vector<hostabi::BufferArg> buffers;
  uint64_t fuel;
  std::vector<Cell> values;
  uint32_t thread = 0;
};

} // namespace enigma::host::testing
