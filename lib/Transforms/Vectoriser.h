// SPDX-License-Identifier: MIT
//
// vec_width's rewrite: one thread does the work of `width` consecutive positions of grid x, with exactly the
// result of unrolling. See VecWidth.cpp for values and accesses, VecWidthControl.cpp for loops and branches.
//
//     return Vectoriser(kernel, 4).run();     // the kernel is changed in place, or an error was emitted
#pragma once

#include "Ranges.h"
#include "enigma/Transforms/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace enigma::transforms {

class Vectoriser {
public:
  Vectoriser(dialect::KernelOp inKernel, int positions)
      : kernel(inKernel), width(positions), builder(inKernel.getContext()) {}

  mlir::LogicalResult run();

private:
  enum class Shape { uniform, linear, varying };
  struct Entry {
    Shape shape;
    mlir::Value value;  ///< uniform: it; linear: at the first position; varying: the vector
    mlir::Value vector; ///< of another one, once it was needed
  };

  mlir::LogicalResult check();
  mlir::LogicalResult check(mlir::Operation &op);

  // ---- Values
  Entry &entry(mlir::Value v);
  bool isUniform(mlir::Value v) { return entry(v).shape == Shape::uniform; }
  mlir::Type vectorOf(mlir::Type scalar) { return mlir::VectorType::get({width}, scalar); }
  mlir::Value vector(mlir::Value v);
  /// The value at position k.
  mlir::Value at(mlir::Value v, int k);
  void define(mlir::Value v, Shape shape, mlir::Value value) { entries[v] = Entry{shape, value, {}}; }

  // ---- Operations
  mlir::Operation *clone(mlir::Operation *op);
  void rewrite(mlir::Operation *op);
  void position(dialect::ThreadPositionInGridOp query);
  bool isAligned(mlir::Value linear) { return ranges.divisor(entry(linear).value) % width == 0; }
  void elementwise(mlir::Operation *op);
  bool linear(mlir::Operation *op);
  void unrolled(mlir::Operation *op);
  void access(mlir::Operation *op);

  // ---- Loops and branches
  /// Positions that are asked for inside of a block, asked for in front of all.
  void hoistPositions();
  /// Finds what differs between positions, in loops too.
  void findVarying();
  void findVarying(mlir::Block &block);
  void mark(mlir::Value v) { changed |= varying.insert(v).second; }
  bool differs(mlir::Value v) const { return varying.contains(v); }
  bool isDivergent(mlir::Operation *op) const;
  void control(mlir::Operation *op);
  /// Both arms of a branch one after the other, and a choice of what they give.
  bool chosen(dialect::IfOp op);
  void rewriteBlock(mlir::Block &from, mlir::Block &to, mlir::ArrayRef<mlir::Value> carried);
  /// What stands for `v` where its block yields it, as the values that go the same way want it.
  mlir::Value carriedValue(mlir::Value v, bool asVector);

  dialect::KernelOp kernel;
  int width;
  mlir::OpBuilder builder;
  Ranges ranges;
  llvm::DenseMap<mlir::Value, Entry> entries;
  llvm::DenseSet<mlir::Value> varying;
  bool changed = false;
};

} // namespace enigma::transforms
