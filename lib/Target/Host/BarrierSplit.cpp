// SPDX-License-Identifier: MIT
//
// See BarrierSplit.h. In order: split() cuts the body at its barriers and chooses the regions; findLevels()
// and findSlots() decide for each value where it is computed and whether it is kept in memory; each region is
// copied into a loop (copyRegion, connect) and its operands are looked up (operandOf).
#include "BarrierSplit.h"

#include "BarrierRegion.h"
#include "LaneGroups.h"

#include "llvm/ADT/PostOrderIterator.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

#include <cstddef>
#include <memory>
#include <vector>

using namespace llvm;

namespace enigma::host {

void advancePosition(IRBuilder<> &ir, Value *x, Value *y, Value *z, Value *width, Value *height,
                     Value *(&next)[3]) {
  Value *along = ir.CreateAdd(x, ir.getInt32(hostabi::kLanes));
  Value *isRowOver = ir.CreateICmpUGE(along, width);
  Value *down = ir.CreateAdd(y, ir.CreateZExt(isRowOver, y->getType()));
  Value *isLayerOver = ir.CreateICmpUGE(down, height);
  next[0] = ir.CreateSelect(isRowOver, ir.getInt32(0), along);
  next[1] = ir.CreateSelect(isLayerOver, ir.getInt32(0), down);
  next[2] = ir.CreateAdd(z, ir.CreateZExt(isLayerOver, z->getType()));
}

namespace {

/// A body may always become this long, in instructions.
constexpr size_t kModerate = 2000;
/// What takes no more operations than this is computed again rather than kept in memory.
constexpr unsigned kCheap = 7;
constexpr unsigned kNever = 1000;
constexpr uint64_t kMostAlign = 64;

bool isCallOf(const Instruction &instruction, StringRef name) {
  auto *call = dyn_cast<CallInst>(&instruction);
  return call && call->getCalledFunction() && call->getCalledFunction()->getName() == name;
}

/// Who computes a value.
enum Level : uint8_t { OfLaunch, OfGroup, OfSimdgroup };

/// One body and its call.
class BodySplit {
public:
  BodySplit(Function &function, CallInst &theCall)
      : body(function), call(theCall), entry(*theCall.getFunction()), context(function.getContext()),
        layout(function.getParent()->getDataLayout()) {}

  /// Returns the bytes that a simdgroup needs in memory.
  uint64_t run(double mostGrowth, Value *stride) {
    split(mostGrowth);
    findLevels();
    findSlots();
    beforeCall = call.getParent();
    afterCall = SplitBlock(beforeCall, call.getIterator());
    result = PHINode::Create(Type::getInt32Ty(context), 4, "how", afterCall->begin());
    call.replaceAllUsesWith(result);
    hoist();
    for (Copy &copy : copies) {
      copyRegion(copy);
      endTurn(copy, stride);
    }
    for (Copy &copy : copies)
      lookUpOperands(copy);
    connect();
    call.eraseFromParent();
    body.eraseFromParent();
    return bytes;
  }

private:
  /// A region's loop over the simdgroups.
  struct Copy {
    std::unique_ptr<BarrierRegion> region;
    BasicBlock *header = nullptr, *latch = nullptr, *over = nullptr;
    DenseMap<Value *, Value *> made;    ///< copies of the body's arguments, blocks and instructions
    DenseMap<Value *, Value *> atStart; ///< what is fetched or computed again in the header
    PHINode *state = nullptr;           ///< in the header: where to go on, where there are several places
    PHINode *commonAt = nullptr, *commonRound = nullptr; ///< there: where the first simdgroup stands
    PHINode *at = nullptr, *round = nullptr;             ///< in the latch: where this one does
    Value *expected = nullptr;     ///< where they all do when the turn is over; null where it can be one only
    SmallVector<unsigned, 4> ends; ///< the states that a turn can end in
  };
  void split(double mostGrowth);
  bool canHoist(Instruction &instruction) const;
  void findLevels();
  void findSlots();
  void hoist();
  void copyRegion(Copy &copy);
  void endTurn(Copy &copy, Value *stride);
  void reportApart(IRBuilder<> &ir, Copy &copy, Value *first);
  void lookUpOperands(Copy &copy);
  void connect();

  bool isLocal(const Copy &copy, Instruction *value, Instruction *user, BasicBlock *useBlock) const;
  Value *operandOf(Copy &copy, Value *value, Instruction *user, BasicBlock *useBlock);
  Value *computedAgain(Copy &copy, Value *value);
  unsigned costAgain(Value *value, unsigned most) const;
  Value *slotAddress(IRBuilder<> &ir, Copy &copy, uint64_t offset);
  Value *fetch(IRBuilder<> &ir, Copy &copy, Instruction *value);
  void keep(IRBuilder<> &ir, Copy &copy, Instruction *value, Value *made);
  Type *keptType(Type *type) const;
  uint64_t take(uint64_t size);
  Value *frameAddress(IRBuilder<> &ir, uint64_t offset);

  Function &body;
  CallInst &call;
  Function &entry;
  LLVMContext &context;
  const DataLayout &layout;
  SmallVector<CallInst *, 8> barriers; ///< barrier k is state k; after the last one comes the end
  unsigned finished = 0;
  bool hasRounds = false;
  bool hasPositions = false; ///< the body asks for BodyX to BodyZ
  std::vector<Copy> copies;
  SmallVector<unsigned, 8> copyOf; ///< of a state
  DenseMap<Value *, Level> levels;
  DenseMap<Value *, Value *> hoisted;
  DenseMap<Instruction *, uint64_t> slots; ///< offsets in the simdgroup's memory
  uint64_t bytes = 0;
  BasicBlock *beforeCall = nullptr, *afterCall = nullptr;
  PHINode *result = nullptr; ///< of the call
};

// ---- Regions

void BodySplit::split(double mostGrowth) {
  for (BasicBlock &block : make_early_inc_range(body))
    for (Instruction &instruction : make_early_inc_range(block))
      if (isCallOf(instruction, kWaitName))
        barriers.push_back(cast<CallInst>(&instruction));
  SmallVector<BasicBlock *, 8> starts;
  for (CallInst *barrier : barriers) {
    BasicBlock *block = barrier->getParent();
    starts.push_back(SplitBlock(block, barrier->getNextNode()));
    auto *round = dyn_cast<ConstantInt>(barrier->getArgOperand(1));
    hasRounds |= !(round && round->isZero());
  }
  finished = unsigned(barriers.size());

  size_t before = body.getInstructionCount(), after = 0;
  const auto add = [&](ArrayRef<BasicBlock *> from) {
    copies.emplace_back();
    copies.back().region = std::make_unique<BarrierRegion>(from);
    after += copies.back().region->instructions();
  };
  add(&body.getEntryBlock());
  for (BasicBlock *start : starts)
    add(start);
  for (unsigned k = 0; k < finished; ++k)
    copyOf.push_back(k + 1);
  if (mostGrowth > 0 && (after <= kModerate || double(after) <= mostGrowth * double(before)))
    return;
  copies.clear();
  starts.push_back(&body.getEntryBlock()); // as state `finished`, in which no simdgroup goes on
  add(starts);
  copyOf.assign(finished, 0);
}

// ---- Values of the launch and of the threadgroup

/// Whether a value may be computed outside of the body, once its operands are there.
bool BodySplit::canHoist(Instruction &instruction) const {
  const bool isFixed = isa<LoadInst>(instruction) && instruction.hasMetadata(LLVMContext::MD_invariant_load);
  if (instruction.isTerminator() || instruction.getType()->isVectorTy() ||
      instruction.getType()->isVoidTy() || isa<PHINode, AllocaInst>(instruction) ||
      (instruction.mayReadOrWriteMemory() && !isFixed) ||
      (isa<CallInst>(instruction) && !isa<IntrinsicInst>(instruction)))
    return false;
  return instruction.getParent() == &body.getEntryBlock() || isSafeToSpeculativelyExecute(&instruction);
}

void BodySplit::findLevels() {
  for (unsigned i = BodyX; i <= BodyZ; ++i)
    hasPositions |= !body.getArg(i)->use_empty();
  for (unsigned i = 0; i < BodyArguments; ++i)
    levels[body.getArg(i)] = i <= BodyFrame ? OfLaunch : i <= BodyZ ? OfSimdgroup : OfGroup;
  for (BasicBlock *block : ReversePostOrderTraversal<Function *>(&body))
    for (Instruction &instruction : *block) {
      Level level = canHoist(instruction) ? OfLaunch : OfSimdgroup;
      for (Value *operand : instruction.operands())
        if (isa<Instruction, Argument>(operand)) {
          const auto known = levels.find(operand);
          level = std::max(level, known == levels.end() ? OfSimdgroup : known->second);
        }
      levels[&instruction] = level;
    }
}

/// Computes what does not differ between simdgroups.
void BodySplit::hoist() {
  IRBuilder<> atEntry(entry.getEntryBlock().getTerminator()), atGroup(beforeCall->getTerminator());
  for (unsigned i = 0; i < BodyArguments; ++i)
    if (levels.lookup(body.getArg(i)) != OfSimdgroup)
      hoisted[body.getArg(i)] = call.getArgOperand(i);
  for (BasicBlock *block : ReversePostOrderTraversal<Function *>(&body))
    for (Instruction &instruction : *block) {
      const Level level = levels.lookup(&instruction);
      if (level == OfSimdgroup)
        continue;
      Instruction *once = instruction.clone();
      for (Use &use : once->operands())
        if (Value *known = hoisted.lookup(use.get()))
          use.set(known);
      (level == OfLaunch ? atEntry : atGroup).Insert(once, instruction.getName());
      hoisted[&instruction] = once;
    }
}

// ---- Values that live across barriers

/// Whether a copy's own value is the one to use: no way from the region's starts goes around it.
bool BodySplit::isLocal(const Copy &copy, Instruction *value, Instruction *user, BasicBlock *useBlock) const {
  BasicBlock *from = value->getParent();
  if (!copy.region->contains(from))
    return false;
  if (from == useBlock && !isa<PHINode>(user))
    return true;
  return copy.region->dominates(from, useBlock);
}

/// Operations to compute a value from the simdgroup's arguments, or kNever.
unsigned BodySplit::costAgain(Value *value, unsigned most) const {
  auto *instruction = dyn_cast<Instruction>(value);
  if (!instruction || levels.lookup(instruction) != OfSimdgroup)
    return 0;
  if (most == 0 || isa<PHINode, AllocaInst, LoadInst>(instruction) || instruction->mayReadOrWriteMemory() ||
      instruction->isTerminator() || !isSafeToSpeculativelyExecute(instruction))
    return kNever;
  const bool isKnown = isa<BinaryOperator, CastInst, ICmpInst, SelectInst, GetElementPtrInst, FreezeInst,
                           ShuffleVectorInst, InsertElementInst, IntrinsicInst>(instruction);
  if (!isKnown || instruction->getType()->isFPOrFPVectorTy())
    return kNever;
  unsigned cost = 1;
  for (Value *operand : instruction->operands()) {
    if (cost > most)
      return kNever;
    cost += costAgain(operand, most - cost);
  }
  return cost > most ? kNever : cost;
}

Type *BodySplit::keptType(Type *type) const {
  if (type->isIntOrIntVectorTy(1))
    return IntegerType::get(context, isa<FixedVectorType>(type)
                                         ? std::max(8u, cast<FixedVectorType>(type)->getNumElements())
                                         : 8);
  return type;
}

uint64_t BodySplit::take(uint64_t size) {
  const uint64_t align = std::min<uint64_t>(PowerOf2Ceil(std::max<uint64_t>(size, 1)), kMostAlign);
  bytes = alignTo(bytes, align);
  const uint64_t offset = bytes;
  bytes += size;
  return offset;
}

void BodySplit::findSlots() {
  for (Instruction &instruction : instructions(body))
    if (auto *memory = dyn_cast<AllocaInst>(&instruction))
      slots[memory] = take(alignTo(layout.getTypeAllocSize(memory->getAllocatedType()), kMostAlign));
  const auto visit = [&](const Copy &copy, Value *operand, Instruction *user, BasicBlock *useBlock) {
    auto *value = dyn_cast<Instruction>(operand);
    if (!value || isa<AllocaInst>(value) || levels.lookup(value) != OfSimdgroup || slots.contains(value) ||
        isLocal(copy, value, user, useBlock) || costAgain(value, kCheap) != kNever)
      return;
    slots[value] = take(layout.getTypeStoreSize(keptType(value->getType())));
  };
  for (const Copy &copy : copies)
    for (BasicBlock *block : copy.region->blocks())
      for (Instruction &user : *block) {
        if (auto *phi = dyn_cast<PHINode>(&user)) {
          for (unsigned i = 0; i < phi->getNumIncomingValues(); ++i)
            if (copy.region->leads(phi->getIncomingBlock(i), block))
              visit(copy, phi->getIncomingValue(i), phi, phi->getIncomingBlock(i));
        } else {
          for (Value *operand : user.operands())
            visit(copy, operand, &user, block);
        }
      }
}

Value *BodySplit::slotAddress(IRBuilder<> &ir, Copy &copy, uint64_t offset) {
  return ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), copy.made[body.getArg(BodyMemory)], offset);
}

Value *BodySplit::fetch(IRBuilder<> &ir, Copy &copy, Instruction *value) {
  Type *type = value->getType(), *kept = keptType(type);
  const uint64_t offset = slots.lookup(value);
  const Align align(std::min(kMostAlign, PowerOf2Ceil(layout.getTypeStoreSize(kept))));
  Value *loaded = ir.CreateAlignedLoad(kept, slotAddress(ir, copy, offset), align, value->getName());
  if (kept == type)
    return loaded;
  if (!type->isVectorTy())
    return ir.CreateTrunc(loaded, type);
  const unsigned lanes = cast<FixedVectorType>(type)->getNumElements();
  return ir.CreateBitCast(ir.CreateZExtOrTrunc(loaded, ir.getIntNTy(lanes)), type);
}

void BodySplit::keep(IRBuilder<> &ir, Copy &copy, Instruction *value, Value *made) {
  Type *type = value->getType(), *kept = keptType(type);
  if (kept != type && type->isVectorTy())
    made = ir.CreateBitCast(made, ir.getIntNTy(cast<FixedVectorType>(type)->getNumElements()));
  if (kept != type)
    made = ir.CreateZExtOrTrunc(made, kept);
  const Align align(std::min(kMostAlign, PowerOf2Ceil(layout.getTypeStoreSize(kept))));
  ir.CreateAlignedStore(made, slotAddress(ir, copy, slots.lookup(value)), align);
}

/// A cheap value in the copy's header.
Value *BodySplit::computedAgain(Copy &copy, Value *value) {
  if (Value *known = hoisted.lookup(value))
    return known;
  auto *instruction = dyn_cast<Instruction>(value);
  if (!instruction)
    return isa<Argument>(value) ? copy.made.lookup(value) : value;
  if (Value *known = copy.atStart.lookup(value))
    return known;
  Instruction *again = instruction->clone();
  for (Use &use : again->operands())
    use.set(computedAgain(copy, use.get()));
  again->insertBefore(copy.header->getTerminator()->getIterator());
  return copy.atStart[value] = again;
}

/// What stands for `value` at a use in a copy.
Value *BodySplit::operandOf(Copy &copy, Value *value, Instruction *user, BasicBlock *useBlock) {
  if (Value *known = hoisted.lookup(value))
    return known;
  auto *instruction = dyn_cast<Instruction>(value);
  if (!instruction) {
    Value *known = copy.made.lookup(value);
    return known ? known : value;
  }
  if (isa<AllocaInst>(instruction)) {
    Value *&address = copy.atStart[value];
    if (!address) {
      IRBuilder<> ir(copy.header->getTerminator());
      address = slotAddress(ir, copy, slots.lookup(instruction));
    }
    return address;
  }
  if (isLocal(copy, instruction, user, useBlock))
    return copy.made.lookup(value);
  if (costAgain(value, kCheap) != kNever)
    return computedAgain(copy, value);
  if (!copy.region->contains(instruction->getParent())) {
    Value *&fetched = copy.atStart[value];
    if (!fetched) {
      IRBuilder<> ir(copy.header->getTerminator());
      fetched = fetch(ir, copy, instruction);
    }
    return fetched;
  }
  // The region may or may not have come by the definition: memory has what holds.
  auto *at = cast<Instruction>(copy.made.lookup(isa<PHINode>(user) ? useBlock->getTerminator() : user));
  IRBuilder<> ir(at);
  return fetch(ir, copy, instruction);
}

// ---- Copies

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

} // namespace

bool splitAtBarriers(Module &module, double mostGrowth) {
  SmallVector<Function *, 2> bodies;
  for (Function &function : module)
    if (function.getName().starts_with(kBodyName) && !function.isDeclaration())
      bodies.push_back(&function);
  Function *stride = module.getFunction(kStrideName);
  if (bodies.empty() || !stride)
    return false;
  auto *askStride = cast<CallInst>(*stride->user_begin());
  uint64_t bytes = kMostAlign;
  for (Function *function : bodies) {
    auto *call = cast<CallInst>(*function->user_begin());
    bytes = std::max(bytes, BodySplit(*function, *call).run(mostGrowth, askStride));
  }
  askStride->replaceAllUsesWith(ConstantInt::get(askStride->getType(), alignTo(bytes, kMostAlign)));
  askStride->eraseFromParent();
  for (const char *name : {kWaitName, kLeaveName, kStrideName})
    if (Function *marker = module.getFunction(name))
      marker->eraseFromParent();
  return true;
}

} // namespace enigma::host
