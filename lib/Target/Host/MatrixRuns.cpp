// SPDX-License-Identifier: MIT
//
// See MatrixRuns.h.
#include "MatrixRuns.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "llvm/ADT/STLExtras.h"

namespace enigma::host {

using namespace enigma::dialect;
using Operations = llvm::SmallVector<mlir::Operation *, 16>;

bool isMatrixProduct(mlir::Operation *op) {
  return llvm::isa<SimdgroupMultiplyOp, SimdgroupMultiplyAccumulateOp>(op);
}

namespace {

mlir::Value leftOf(mlir::Operation *op) { return op->getOperand(0); }
mlir::Value rightOf(mlir::Operation *op) { return op->getOperand(1); }
/// What a product adds to; nothing for a product alone.
mlir::Value sumOf(mlir::Operation *op) {
  return op->getNumOperands() > 2 ? op->getOperand(2) : mlir::Value();
}

/// Whether a matrix in memory may differ after the operation.
bool mayWrite(mlir::Operation &op) {
  if (op.getNumRegions() || llvm::isa<ThreadgroupBarrierOp, SimdgroupBarrierOp>(op) || isAtomic(&op))
    return true;
  if (isMatrixProduct(&op) || llvm::isa<SimdgroupLoadOp>(op) || mlir::isMemoryEffectFree(&op))
    return false;
  return !mlir::hasSingleEffect<mlir::MemoryEffects::Read>(&op);
}

/// The products of a run in tiles. Those of `left` are not in a tile yet.
class Tiling {
public:
  Tiling(llvm::ArrayRef<mlir::Operation *> products, unsigned most)
      : left(products.begin(), products.end()), widest(most) {
    for (mlir::Operation *op : products)
      open.insert(op->getResult(0));
  }

  MatrixRun run() {
    MatrixRun run;
    while (!left.empty()) {
      MatrixTile tile;
      tile.links.push_back(firstLink());
      take(tile.links.back());
      for (;;) {
        MatrixTile::Link next = linkAfter(tile.links.back());
        if (next.empty())
          break;
        take(next);
        tile.links.push_back(std::move(next));
      }
      run.tiles.push_back(std::move(tile));
    }
    return run;
  }

private:
  bool isReady(mlir::Operation *op) const { return !sumOf(op) || !open.contains(sumOf(op)); }

  /// The first product whose sum is there, and those that share its left factor and type.
  MatrixTile::Link firstLink() const {
    MatrixTile::Link link;
    for (mlir::Operation *op : left) {
      if (!isReady(op))
        continue;
      if (!link.empty() &&
          (leftOf(op) != leftOf(link[0]) || op->getResult(0).getType() != link[0]->getResult(0).getType() ||
           rightOf(op).getType() != rightOf(link[0]).getType()))
        continue;
      link.push_back(op);
      if (link.size() == widest)
        break;
    }
    link.resize(link.size() >= 4 ? 4 : link.size() >= 2 ? 2 : 1);
    return link;
  }

  /// The products that add to those of a link, in its order; nothing if one of them lacks, or if they do not
  /// share a left factor.
  MatrixTile::Link linkAfter(const MatrixTile::Link &before) const {
    MatrixTile::Link link;
    for (mlir::Operation *op : before) {
      const auto next = llvm::find_if(left, [&](mlir::Operation *o) { return sumOf(o) == op->getResult(0); });
      if (next == left.end() || (!link.empty() && leftOf(*next) != leftOf(link[0])) ||
          (*next)->getResult(0).getType() != op->getResult(0).getType())
        return {};
      link.push_back(*next);
    }
    return link;
  }

  void take(const MatrixTile::Link &link) {
    for (mlir::Operation *op : link) {
      left.erase(llvm::find(left, op));
      open.erase(op->getResult(0));
    }
  }

  Operations left;
  llvm::DenseSet<mlir::Value> open; ///< results of `left`
  unsigned widest;
};

} // namespace

MatrixRuns::MatrixRuns(KernelOp kernel, unsigned widestTile) : widest(widestTile) {
  kernel.walk([&](mlir::Block *block) { findIn(*block); });
}

void MatrixRuns::findIn(mlir::Block &block) {
  Operations products, loads; // of the run; since the last write
  llvm::DenseSet<mlir::Value> sums;
  const auto end = [&] {
    close(products, loads);
    sums.clear();
  };
  for (mlir::Operation &op : block) {
    if (isMatrixProduct(&op)) {
      if (sums.contains(leftOf(&op)) || sums.contains(rightOf(&op)))
        end();
      products.push_back(&op);
      sums.insert(op.getResult(0));
      continue;
    }
    if (llvm::isa<SimdgroupLoadOp>(op))
      loads.push_back(&op);
    const bool writes = mayWrite(op);
    if (writes || llvm::any_of(op.getOperands(), [&](mlir::Value v) { return sums.contains(v); }))
      end();
    if (writes)
      loads.clear();
  }
  end();
}

void MatrixRuns::close(Operations &products, llvm::ArrayRef<mlir::Operation *> loads) {
  if (products.empty())
    return;
  const llvm::DenseSet<mlir::Operation *> inRun(products.begin(), products.end());
  MatrixRun run = Tiling(products, widest).run();
  for (auto factor : {leftOf, rightOf}) {
    llvm::DenseSet<mlir::Value> distinct;
    for (mlir::Operation *op : products)
      distinct.insert(factor(op));
    run.factors += unsigned(distinct.size());
  }
  for (const MatrixTile &tile : run.tiles)
    run.sums += unsigned(tile.links.front().size());
  most = std::max(most, run.factors + run.sums);
  for (mlir::Operation *load : loads)
    if (!load->use_empty() && llvm::all_of(load->getUses(), [&](mlir::OpOperand &use) {
          return inRun.contains(use.getOwner()) && use.getOperandNumber() < 2;
        }))
      later.insert(load);
  later.insert(products.begin(), products.end() - 1);
  runs[products.back()] = std::move(run);
  products.clear();
}

} // namespace enigma::host
