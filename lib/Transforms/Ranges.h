// SPDX-License-Identifier: MIT
//
// What is known of integers: the interval a value lies in and the power of two that divides it. Computed from
// the definitions on demand and remembered; private to the passes.
#pragma once

#include "enigma/Dialect/Enigma.h"

#include "llvm/ADT/DenseMap.h"

namespace enigma::transforms {

// Wide enough for sums and products of 32-bit values and for both 64-bit types.
using Wide = __int128;

struct Range {
  Wide low, high;
  bool contains(Range r) const { return low <= r.low && r.high <= high; }
  bool operator==(const Range &) const = default;
};

class Ranges {
public:
  Ranges() = default;
  /// What is known of values where the conditions of the branches around hold too.
  static Ranges within(mlir::Block *block);
  /// Every value that a scalar integer type can hold.
  static Range ofType(mlir::Type t);
  /// The interval that the value (of an integer type or b1; a component of a vector) lies in.
  Range operator()(mlir::Value v) { return range(v, 0); }
  /// The interval of the exact, unwrapped result of add, sub, mul or neg.
  std::optional<Range> exact(mlir::Operation *op) { return exact(op, 0); }
  /// The largest power of two, up to 2^31, known to divide the value.
  uint32_t divisor(mlir::Value v) { return divisor(v, 0); }

private:
  Range range(mlir::Value v, int depth);
  std::optional<Range> exact(mlir::Operation *op, int depth);
  Range position(dialect::ForOp loop, int depth);
  void assume(mlir::Value condition, bool holds);
  void limit(mlir::Value v, Range r);
  Range compute(mlir::Operation *op, mlir::Type type, int depth);
  uint32_t divisor(mlir::Value v, int depth);
  uint32_t computeDivisor(mlir::Operation *op, int depth);
  llvm::DenseMap<mlir::Value, Range> known, assumed;
  llvm::DenseMap<mlir::Value, uint32_t> knownDivisors;
};

} // namespace enigma::transforms
