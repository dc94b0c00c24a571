// SPDX-License-Identifier: MIT
//
// See BarrierSplit.h and BarrierBody.h: regions, and where each value is computed and kept.
#include "BarrierSplit.h"

#include "BarrierBody.h"
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

} // namespace

bool isCallOf(const Instruction &instruction, StringRef name) {
  auto *call = dyn_cast<CallInst>(&instruction);
  return call && call->getCalledFunction() && call->getCalledFunction()->getName() == name;
}

uint64_t BodySplit::run(double mostGrowth, Value *stride) {
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
