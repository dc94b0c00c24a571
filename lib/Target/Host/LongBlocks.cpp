// SPDX-License-Identifier: MIT
//
// Cuts straight-line code of thousands of operations into blocks of some hundreds. Several passes of LLVM's
// code generator take time that grows with the square of a block's length (the scheduler's list of uses, the
// comparison of every constant with every other that was moved out of the loop), and constants that are moved
// out of a loop in thousands are spilled there.
//
//   %x500 = ...                            %x500 = ...
//   %x501 = ...             ->             br (%end == 0), %never, %next
//                                        next:
//                                          %x501 = ...
//
// The entry has returned at once if %end is 0, so no such branch is taken; the code generator does not know.
#include "Jit.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/MDBuilder.h"

namespace enigma::host {
namespace {

constexpr unsigned kLongest =
    512; // instructions; half of it costs nothing more, twice as many compile slower

} // namespace

void cutLongBlocks(llvm::Module &module) {
  llvm::Function &entry = *module.getFunction("enigma_entry");
  llvm::LLVMContext &context = module.getContext();
  llvm::MDNode *unlikely = llvm::MDBuilder(context).createUnlikelyBranchWeights();
  llvm::BasicBlock *never = nullptr;
  std::vector<llvm::BasicBlock *> blocks;
  for (llvm::BasicBlock &block : entry)
    if (block.sizeWithoutDebug() > kLongest + kLongest / 2)
      blocks.push_back(&block);
  for (llvm::BasicBlock *block : blocks) {
    unsigned count = 0, left = block->sizeWithoutDebug();
    for (auto at = block->getFirstNonPHIOrDbgOrAlloca(); left > kLongest / 2;) {
      if (at == block->end() || at->isTerminator())
        break;
      --left;
      if (++count < kLongest) {
        ++at;
        continue;
      }
      if (!never) {
        never = llvm::BasicBlock::Create(context, "never", &entry);
        llvm::ReturnInst::Create(context, never);
      }
      llvm::BasicBlock *rest = block->splitBasicBlock(at, "more");
      block->getTerminator()->eraseFromParent();
      llvm::IRBuilder<> ir(block);
      llvm::Value *end = entry.getArg(2);
      ir.CreateCondBr(ir.CreateICmpEQ(end, llvm::ConstantInt::get(end->getType(), 0)), never, rest, unlikely);
      block = rest;
      at = block->begin();
      count = 0;
    }
  }
}

} // namespace enigma::host
