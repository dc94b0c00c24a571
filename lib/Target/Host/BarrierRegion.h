// SPDX-License-Identifier: MIT
//
// The part of a function that runs from some of its blocks to the next barriers: its blocks, and which of
// them come before which on every way.
//
//   BarrierRegion region({afterBarrier});
//   region.blocks();                     // in an order in which a block comes after those that dominate it
//   region.dominates(definition, use)    // whether no way from a start to `use` avoids `definition`
#pragma once

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/BasicBlock.h"
#include "llvm/IR/Instructions.h"

namespace enigma::host {

/// The barrier that a block ends with, or null.
llvm::CallInst *barrierOf(llvm::BasicBlock *block);

class BarrierRegion {
public:
  explicit BarrierRegion(llvm::ArrayRef<llvm::BasicBlock *> from);

  llvm::ArrayRef<llvm::BasicBlock *> starts() const { return entries; }
  llvm::ArrayRef<llvm::BasicBlock *> blocks() const { return order; }
  bool contains(llvm::BasicBlock *block) const { return number.contains(block); }
  /// Whether a way leads directly from one block to the other inside of the region.
  bool leads(llvm::BasicBlock *from, llvm::BasicBlock *to) const;
  bool dominates(llvm::BasicBlock *above, llvm::BasicBlock *below) const;
  size_t instructions() const;

private:
  static constexpr unsigned kRoot = ~0u; ///< comes before all starts
  unsigned meet(unsigned x, unsigned y) const;
  llvm::SmallVector<llvm::BasicBlock *, 4> entries;
  llvm::SmallVector<llvm::BasicBlock *, 32> order; ///< reverse postorder
  llvm::DenseMap<llvm::BasicBlock *, unsigned> number;
  llvm::SmallVector<unsigned, 32> dominator; ///< the next one above
};

} // namespace enigma::host
