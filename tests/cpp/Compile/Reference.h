// SPDX-License-Identifier: MIT
//
// An interpreter of the IR for tests, one thread at a time, in plain exact arithmetic: integers in 128 bits,
// floats in formats wide enough to hold the exact result, rounded once. It shares no code with the library,
// so that agreement means something. It knows the operations whose result is exactly specified, and only
// scalars.
//
//     Reference reference(function, memory);   // memory: per parameter, the bytes that it is bound to
//     reference.run({x, y, 0});
#pragma once

#include "enigma/IR/Function.h"

#include <array>
#include <cstring>
#include <span>
#include <vector>

namespace enigma::test {

using Bits = uint64_t;

/// A float's value, and the bits of the number nearest to an exact one.
long double floatValue(ir::Elem e, Bits bits);
Bits nearestFloat(ir::Elem e, long double exact);
bool isNan(ir::Elem e, Bits bits);

class Reference {
public:
  Reference(const ir::Function &f, std::vector<std::span<unsigned char>> memory)
      : f(f), memory(std::move(memory)) {}
  void run(std::array<uint32_t, 3> position);

private:
  void runRegion(const ir::Region &region, std::array<uint32_t, 3> position);
  void control(const ir::Op &op, std::array<uint32_t, 3> position);
  Bits compute(const ir::Op &op, std::array<uint32_t, 3> position);
  Bits in(const ir::Op &op, int i) const { return values[f.operands(op)[i].id]; }

  const ir::Function &f;
  std::vector<std::span<unsigned char>> memory;
  std::vector<Bits> values;
};

} // namespace enigma::test
