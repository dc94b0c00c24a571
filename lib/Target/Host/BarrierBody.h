// SPDX-License-Identifier: MIT
//
// How BarrierSplit.h takes one body apart. In order: split() cuts it at its barriers and chooses the regions;
// findLevels() and findSlots() decide for each value where it is computed and whether it is kept in memory
// (BarrierSplit.cpp); each region is copied into a loop, the copies' operands are looked up, and the loops
// are connected (BarrierCopies.cpp).
//
//   uint64_t bytes = BodySplit(body, call).run(mostGrowth, stride);
#pragma once

#include "BarrierRegion.h"
#include "BarrierSplit.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/IRBuilder.h"

#include <memory>
#include <vector>

namespace enigma::host {

/// Whether the instruction calls one of the functions that mark barriers.
bool isCallOf(const llvm::Instruction &instruction, llvm::StringRef name);

/// Who computes a value.
enum Level : uint8_t { OfLaunch, OfGroup, OfSimdgroup };

/// One body and its call.
class BodySplit {
public:
  BodySplit(llvm::Function &function, llvm::CallInst &theCall)
      : body(function), call(theCall), entry(*theCall.getFunction()), context(function.getContext()),
        layout(function.getParent()->getDataLayout()) {}

  /// Returns the bytes that a simdgroup needs in memory.
  uint64_t run(double mostGrowth, llvm::Value *stride);

private:
  /// A region's loop over the simdgroups.
  struct Copy {
    std::unique_ptr<BarrierRegion> region;
    llvm::BasicBlock *header = nullptr, *latch = nullptr, *over = nullptr;
    llvm::DenseMap<llvm::Value *, llvm::Value *>
        made; ///< copies of the body's arguments, blocks and instructions
    llvm::DenseMap<llvm::Value *, llvm::Value *> atStart; ///< what is fetched or computed again in the header
    llvm::PHINode *state = nullptr; ///< in the header: where to go on, where there are several places
    llvm::PHINode *commonAt = nullptr, *commonRound = nullptr; ///< there: where the first simdgroup stands
    llvm::PHINode *at = nullptr, *round = nullptr;             ///< in the latch: where this one does
    llvm::Value *expected =
        nullptr; ///< where they all do when the turn is over; null where it can be one only
    llvm::SmallVector<unsigned, 4> ends; ///< the states that a turn can end in
  };
  void split(double mostGrowth);
  bool canHoist(llvm::Instruction &instruction) const;
  void findLevels();
  void findSlots();
  void hoist();
  void copyRegion(Copy &copy);
  void endTurn(Copy &copy, llvm::Value *stride);
  void reportApart(llvm::IRBuilder<> &ir, Copy &copy, llvm::Value *first);
  void lookUpOperands(Copy &copy);
  void connect();

  bool isLocal(const Copy &copy, llvm::Instruction *value, llvm::Instruction *user,
               llvm::BasicBlock *useBlock) const;
  llvm::Value *operandOf(Copy &copy, llvm::Value *value, llvm::Instruction *user, llvm::BasicBlock *useBlock);
  llvm::Value *computedAgain(Copy &copy, llvm::Value *value);
  unsigned costAgain(llvm::Value *value, unsigned most) const;
  llvm::Value *slotAddress(llvm::IRBuilder<> &ir, Copy &copy, uint64_t offset);
  llvm::Value *fetch(llvm::IRBuilder<> &ir, Copy &copy, llvm::Instruction *value);
  void keep(llvm::IRBuilder<> &ir, Copy &copy, llvm::Instruction *value, llvm::Value *made);
  llvm::Type *keptType(llvm::Type *type) const;
  uint64_t take(uint64_t size);
  llvm::Value *frameAddress(llvm::IRBuilder<> &ir, uint64_t offset);

  llvm::Function &body;
  llvm::CallInst &call;
  llvm::Function &entry;
  llvm::LLVMContext &context;
  const llvm::DataLayout &layout;
  llvm::SmallVector<llvm::CallInst *, 8> barriers; ///< barrier k is state k; after the last one comes the end
  unsigned finished = 0;
  bool hasRounds = false;
  bool hasPositions = false; ///< the body asks for BodyX to BodyZ
  std::vector<Copy> copies;
  llvm::SmallVector<unsigned, 8> copyOf; ///< of a state
  llvm::DenseMap<llvm::Value *, Level> levels;
  llvm::DenseMap<llvm::Value *, llvm::Value *> hoisted;
  llvm::DenseMap<llvm::Instruction *, uint64_t> slots; ///< offsets in the simdgroup's memory
  uint64_t bytes = 0;
  llvm::BasicBlock *beforeCall = nullptr, *afterCall = nullptr;
  llvm::PHINode *result = nullptr; ///< of the call
};

} // namespace enigma::host
