// SPDX-License-Identifier: MIT
//
// The memory that a kernel brings itself (threadgroup, register and constant arrays), in the order in which
// it is declared: KernelEmitter's arrays, the descriptor's, and which number a dialect value has.
//
//   KernelArrays arrays(kernel, module);
//   arrays.numberOf(load.getBuffer());      // among parameters and arrays
#pragma once

#include "KernelEmitter.h"
#include "enigma/Dialect/Enigma.h"

#include <optional>

namespace enigma::host {

class KernelArrays {
public:
  explicit KernelArrays(dialect::KernelOp kernel);

  /// Constants of the arrays are made in `module`.
  std::vector<KernelEmitter::Array> emitterArrays(llvm::Module &module) const;
  /// Bytes of threadgroup memory as the host lays it out.
  uint64_t hostBytes() const { return threadgroupEnd; }
  /// Bytes of threadgroup memory as Metal counts it, each array aligned to its elements.
  uint32_t metalBytes() const { return metalEnd; }
  size_t size() const { return rows.size(); }
  mlir::Operation *declaration(size_t i) const { return rows[i].op; }
  /// Nothing for a value that is no array or parameter.
  std::optional<unsigned> numberOf(mlir::Value buffer) const;

private:
  struct Row {
    mlir::Operation *op;
    KernelEmitter::Array array;
  };
  std::vector<Row> rows;
  llvm::DenseMap<mlir::Value, unsigned> numbers;
  unsigned parameters = 0;
  uint64_t threadgroupEnd = 0;
  uint32_t metalEnd = 0;
};

/// The element type of a scalar, vector or buffer's element.
ElementKind elementOf(mlir::Type type);

} // namespace enigma::host
