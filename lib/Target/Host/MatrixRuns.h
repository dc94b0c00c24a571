// SPDX-License-Identifier: MIT
//
// Which products of simdgroup matrices are computed together. Products that follow each other with no write
// to memory between them form a run; its code is made at its last product, when all factors are known. A run
// is cut into tiles: products that share their left factor stand side by side, and each link of a tile adds
// to the sums of the one before, so that the sums stay in registers from link to link:
//
//   c00 += a0 b00   c01 += a0 b01        first link       one tile, two matrices wide
//   c00 += a1 b10   c01 += a1 b11        second link
//
// Every element is summed in the order in which the kernel says it, whatever the tiles.
#pragma once

#include "enigma/Dialect/Enigma.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"

namespace enigma::host {

struct MatrixTile {
  using Link = llvm::SmallVector<mlir::Operation *, 4>;
  llvm::SmallVector<Link, 4> links;
};

struct MatrixRun {
  llvm::SmallVector<MatrixTile, 4> tiles;
  unsigned factors = 0; ///< distinct values on the left, and on the right
  unsigned sums = 0;    ///< matrices of all tiles
};

class MatrixRuns {
public:
  /// Tiles are 1, 2 or 4 matrices wide, at most `widest`.
  MatrixRuns(dialect::KernelOp kernel, unsigned widest);

  /// Whether an operation makes no code at its place: a product before the last one of its run, or a load
  /// that only products of one run read.
  bool isLater(mlir::Operation *op) const { return later.contains(op); }
  /// The run that ends with this product.
  const MatrixRun *endingAt(mlir::Operation *op) const {
    const auto found = runs.find(op);
    return found == runs.end() ? nullptr : &found->second;
  }
  /// The most matrices that a run keeps in memory: factors and sums.
  unsigned mostCopies() const { return most; }

private:
  void findIn(mlir::Block &block);
  void close(llvm::SmallVector<mlir::Operation *, 16> &products, llvm::ArrayRef<mlir::Operation *> loads);

  unsigned widest;
  unsigned most = 0;
  llvm::DenseSet<mlir::Operation *> later;
  llvm::DenseMap<mlir::Operation *, MatrixRun> runs;
};

/// a b or a b + c.
bool isMatrixProduct(mlir::Operation *op);

} // namespace enigma::host
