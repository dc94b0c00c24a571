// SPDX-License-Identifier: MIT
//
// The part of BarrierBody.h that makes of each region a loop over the simdgroups.
#include "BarrierBody.h"
#include "LaneGroups.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/Constants.h"

#include <cstddef>

using namespace llvm;

namespace enigma::host {

Value *BodySplit::frameAddress(IRBuilder<> &ir, uint64_t offset) {
  return ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), call.getArgOperand(BodyFrame), offset);
}

/// The loop's header, and copies of all instructions, whose operands are still those of the body.
void BodySplit::copyRegion(Copy &copy) {
  Type *i32 = Type::getInt32Ty(context);
  copy.header = BasicBlock::Create(context, "turn", &entry);
  copy.latch = BasicBlock::Create(context, "turn.end", &entry);
  IRBuilder<> ir(copy.header);
  for (unsigned i = BodyMemory; i <= BodyZ; ++i)
    if (i <= BodyFirst || hasPositions)
      copy.made[body.getArg(i)] = ir.CreatePHI(body.getArg(i)->getType(), 3, body.getArg(i)->getName());
  for (BasicBlock *block : copy.region->blocks())
    copy.made[block] = BasicBlock::Create(context, block->getName(), &entry, copy.latch);
  const auto copied = [&](BasicBlock *block) { return cast<BasicBlock>(copy.made.lookup(block)); };
  const auto starts = copy.region->starts();
  if (starts.size() > 1)
    copy.state = ir.CreatePHI(i32, 3, "state");
  // For reports.
  ir.CreateStore(copy.made[body.getArg(BodyFirst)], frameAddress(ir, offsetof(LaneFrame, first)));
  if (copy.state) {
    SwitchInst *which = ir.CreateSwitch(copy.state, copied(starts.back()), unsigned(starts.size()));
    for (unsigned k = 0; k + 1 < starts.size(); ++k)
      which->addCase(ir.getInt32(k), copied(starts[k]));
  } else {
    ir.CreateBr(copied(starts[0]));
  }

  ir.SetInsertPoint(copy.latch);
  copy.at = ir.CreatePHI(i32, 2, "at");
  copy.round = hasRounds ? ir.CreatePHI(i32, 2, "rounds") : nullptr;
  const auto endsIn = [&](unsigned state) {
    copy.at->addIncoming(ir.getInt32(state), ir.GetInsertBlock());
    if (copy.round) // looked up later, with the other operands
      copy.round->addIncoming(ir.getInt32(0), ir.GetInsertBlock());
    if (!is_contained(copy.ends, state))
      copy.ends.push_back(state);
    return ir.CreateBr(copy.latch);
  };
  for (BasicBlock *block : copy.region->blocks()) {
    ir.SetInsertPoint(copied(block));
    CallInst *barrier = barrierOf(block);
    for (Instruction &instruction : *block) {
      if (isa<AllocaInst>(instruction) || levels.lookup(&instruction) != OfSimdgroup)
        continue;
      if (&instruction == barrier) {
        copy.made[barrier] = endsIn(unsigned(find(barriers, barrier) - barriers.begin()));
        break;
      }
      if (isa<ReturnInst>(instruction)) {
        copy.made[&instruction] = endsIn(finished);
      } else if (isCallOf(instruction, kLeaveName)) {
        auto *why = cast<ConstantInt>(cast<CallInst>(instruction).getArgOperand(0));
        result->addIncoming(ir.getInt32(why->getZExtValue() == kStopped), ir.GetInsertBlock());
        copy.made[block->getTerminator()] = ir.CreateBr(afterCall);
        break;
      } else if (auto *phi = dyn_cast<PHINode>(&instruction)) { // with the edges that the region has
        copy.made[phi] = ir.CreatePHI(phi->getType(), phi->getNumIncomingValues(), phi->getName());
      } else {
        copy.made[&instruction] = ir.Insert(instruction.clone(), instruction.getName());
      }
    }
  }
}

/// On to the next simdgroup, unless this one stands elsewhere than the first one.
void BodySplit::endTurn(Copy &copy, Value *stride) {
  Type *i32 = Type::getInt32Ty(context);
  IRBuilder<> ir(copy.latch);
  const auto given = [&](unsigned i) { return call.getArgOperand(i); };
  const auto own = [&](unsigned i) { return cast<PHINode>(copy.made.lookup(body.getArg(i))); };
  PHINode *first = own(BodyFirst);
  Value *position[3] = {};
  if (hasPositions)
    advancePosition(ir, own(BodyX), own(BodyY), own(BodyZ), given(BodySize), given(BodySize + 1), position);
  Value *nextFirst = ir.CreateAdd(first, ir.getInt32(hostabi::kLanes));
  Value *nextMemory = ir.CreateInBoundsGEP(ir.getInt8Ty(), own(BodyMemory), stride);
  if (copy.ends.size() > 1 || (copy.round && copy.ends.size() == 1 && copy.ends[0] != finished)) {
    BasicBlock *together = BasicBlock::Create(context, "together", &entry),
               *apart = BasicBlock::Create(context, "apart", &entry);
    IRBuilder<> atTop(copy.header, copy.header->begin());
    copy.commonAt = atTop.CreatePHI(i32, 3, "common");
    copy.commonRound = hasRounds ? atTop.CreatePHI(i32, 3, "common.rounds") : nullptr;
    Value *isFirst = ir.CreateICmpEQ(first, ir.getInt32(0));
    copy.expected = ir.CreateSelect(isFirst, copy.at, copy.commonAt);
    Value *isApart = ir.CreateICmpNE(copy.at, copy.expected), *rounds = nullptr;
    if (hasRounds) {
      rounds = ir.CreateSelect(isFirst, copy.round, copy.commonRound);
      isApart = ir.CreateOr(isApart, ir.CreateICmpNE(copy.round, rounds));
    }
    ir.CreateCondBr(isApart, apart, together);
    ir.SetInsertPoint(apart);
    reportApart(ir, copy, first);
    ir.SetInsertPoint(together);
    copy.commonAt->addIncoming(copy.expected, together);
    if (hasRounds)
      copy.commonRound->addIncoming(rounds, together);
  }
  copy.over = BasicBlock::Create(context, "turns.over", &entry);
  ir.CreateCondBr(ir.CreateICmpULT(nextFirst, given(BodyThreads)), copy.header, copy.over);
  Value *nexts[] = {nextMemory, nextFirst, position[0], position[1], position[2]};
  for (unsigned i = BodyMemory; i <= (hasPositions ? BodyZ : BodyFirst); ++i)
    own(i)->addIncoming(nexts[i - BodyMemory], ir.GetInsertBlock());
  if (copy.state)
    copy.state->addIncoming(copy.state, ir.GetInsertBlock());
}

void BodySplit::reportApart(IRBuilder<> &ir, Copy &copy, Value *first) {
  Type *i32 = Type::getInt32Ty(context);
  SmallVector<Constant *, 8> sites;
  for (CallInst *barrier : barriers)
    sites.push_back(cast<Constant>(barrier->getArgOperand(0)));
  sites.push_back(ir.getInt32(kFinished));
  Constant *table = ConstantArray::get(ArrayType::get(i32, sites.size()), sites);
  Module &module = *entry.getParent();
  auto *global =
      new GlobalVariable(module, table->getType(), true, GlobalValue::PrivateLinkage, table, "barriers");
  const auto siteOf = [&](Value *state) {
    return ir.CreateLoad(i32, ir.CreateInBoundsGEP(i32, global, ir.CreateZExt(state, ir.getInt64Ty())));
  };
  FunctionCallee report = module.getOrInsertFunction(
      "enigma_report_simdgroups", FunctionType::get(ir.getVoidTy(), {ir.getPtrTy(), i32, i32, i32}, false));
  cast<Function>(report.getCallee())->setDoesNotThrow();
  ir.CreateCall(report, {call.getArgOperand(BodyFrame), siteOf(copy.expected), siteOf(copy.at),
                         ir.CreateLShr(first, 5)});
  result->addIncoming(ir.getInt32(0), ir.GetInsertBlock());
  ir.CreateBr(afterCall);
}

void BodySplit::lookUpOperands(Copy &copy) {
  for (BasicBlock *block : copy.region->blocks()) {
    for (Instruction &instruction : *block) {
      auto *made = cast_or_null<Instruction>(copy.made.lookup(&instruction));
      if (!made)
        continue;
      if (barrierOf(block) == &instruction) {
        if (copy.round)
          copy.round->setIncomingValueForBlock(
              made->getParent(),
              operandOf(copy, cast<CallInst>(instruction).getArgOperand(1), &instruction, block));
        continue;
      }
      if (auto *phi = dyn_cast<PHINode>(&instruction)) {
        for (unsigned i = 0; i < phi->getNumIncomingValues(); ++i) {
          BasicBlock *from = phi->getIncomingBlock(i);
          if (copy.region->leads(from, block))
            cast<PHINode>(made)->addIncoming(operandOf(copy, phi->getIncomingValue(i), phi, from),
                                             cast<BasicBlock>(copy.made.lookup(from)));
        }
      } else if (!isa<ReturnInst, UnreachableInst>(instruction)) {
        for (unsigned i = 0; i < instruction.getNumOperands(); ++i)
          made->setOperand(i, operandOf(copy, instruction.getOperand(i), &instruction, block));
      }
      if (slots.contains(&instruction)) {
        IRBuilder<> ir(made->getParent(), *made->getInsertionPointAfterDef());
        keep(ir, copy, &instruction, made);
      }
    }
  }
}

/// From the start to the first loop, and from each loop to those that go on where it ended.
void BodySplit::connect() {
  Type *i32 = Type::getInt32Ty(context);
  Constant *none = ConstantInt::get(i32, 0);
  const auto enter = [&](BasicBlock *from, unsigned state) {
    if (state == finished && from != beforeCall) {
      result->addIncoming(none, from);
      BranchInst::Create(afterCall, from);
      return;
    }
    Copy &to = copies[state == finished ? 0 : copyOf[state]];
    BranchInst::Create(to.header, from);
    for (unsigned i = BodyMemory; i <= (hasPositions ? BodyZ : BodyFirst); ++i)
      cast<PHINode>(to.made[body.getArg(i)])->addIncoming(call.getArgOperand(i), from);
    if (to.state)
      to.state->addIncoming(ConstantInt::get(i32, state), from);
    if (to.commonAt)
      to.commonAt->addIncoming(none, from);
    if (to.commonRound)
      to.commonRound->addIncoming(none, from);
  };
  beforeCall->getTerminator()->eraseFromParent();
  enter(beforeCall, finished);
  for (Copy &copy : copies) {
    if (copy.ends.size() == 1) {
      enter(copy.over, copy.ends[0]);
      continue;
    }
    BasicBlock *nowhere = BasicBlock::Create(context, "nowhere", &entry);
    IRBuilder<> ir(nowhere);
    ir.CreateUnreachable();
    ir.SetInsertPoint(copy.over);
    Value *where = copy.ends.empty() ? static_cast<Value *>(none) : copy.expected;
    SwitchInst *which = ir.CreateSwitch(where, nowhere, unsigned(copy.ends.size()));
    for (unsigned state : copy.ends) {
      BasicBlock *on = BasicBlock::Create(context, "go.on", &entry);
      which->addCase(ir.getInt32(state), on);
      enter(on, state);
    }
  }
}

} // namespace enigma::host
