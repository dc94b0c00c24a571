// SPDX-License-Identifier: MIT
//
// See KernelEmitter.h.
#include "KernelEmitter.h"

#include "BarrierSplit.h"
#include "LaneGroups.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"

#include <cstddef>

using namespace llvm;
using enigma::hostabi::BufferArg;
using enigma::hostabi::LaunchContext;

namespace enigma::host {

namespace {

constexpr ElementKind kU32 = ElementKind::U32;
/// The name of addresses of threadgroup memory.
constexpr char kGroupMemory[] = "group.memory";
/// Of the frame's parts; a vector of 32 values of 4 bytes.
constexpr uint64_t kSlotAlign = 128;

/// Keys of KernelEmitter::once. The low half is the emitter's own.
enum Key : uint64_t {
  LaunchFieldKey = 1ull << 32,
  DataKey = 2ull << 32,
  CountKey = 3ull << 32,
  ScalarKey = 4ull << 32
};

/// Marks a load of what stays as it is for the whole launch.
Value *invariant(LoadInst *load) {
  load->setMetadata(LLVMContext::MD_invariant_load, MDNode::get(load->getContext(), {}));
  return load;
}

} // namespace

KernelEmitter::KernelEmitter(Module &inModule, LaneBuilder &builder, Shape of)
    : module(inModule), b(builder), ir(builder.ir), shape(std::move(of)), scopes(inModule.getContext()) {}

Value *KernelEmitter::once(uint64_t key, function_ref<Value *(IRBuilder<> &)> build) {
  if (Value *value = cached.lookup(key))
    return value;
  IRBuilder<> atEntry(entryBlock->getTerminator());
  Value *value = build(atEntry); // may itself come back here
  cached[key] = value;
  return value;
}

Value *KernelEmitter::launchField(Type *type, uint64_t offset, const char *name) {
  return once(LaunchFieldKey + offset, [&](IRBuilder<> &at) {
    Value *address = at.CreateConstInBoundsGEP1_64(at.getInt8Ty(), launch, offset);
    return invariant(at.CreateLoad(type, address, name));
  });
}

Value *KernelEmitter::sizeField(uint64_t offset, unsigned axis, const char *name) {
  return launchField(ir.getInt32Ty(), offset + axis * sizeof(uint32_t), name);
}

Value *KernelEmitter::bufferData(unsigned param) {
  if (!isParam(param)) {
    const Array &own = array(param);
    if (own.space == Array::Space::Threadgroup)
      return ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), frameMemory, groupMemoryOffset() + own.offset,
                                           kGroupMemory);
    if (own.space == Array::Space::Constant)
      return own.values;
    AllocaInst *&memory = registers[param];
    if (!memory) {
      BasicBlock &first = entry->getEntryBlock();
      IRBuilder<> atStart(&first, first.begin());
      Type *lanes = FixedVectorType::get(b.memoryType(own.element), kLanes);
      memory = atStart.CreateAlloca(ArrayType::get(lanes, own.count * own.components), nullptr, "registers");
    }
    return memory;
  }
  Value *args = launchField(ir.getPtrTy(), offsetof(LaunchContext, args), "args");
  return once(DataKey + param, [&](IRBuilder<> &at) {
    const uint64_t offset = param * sizeof(BufferArg) + offsetof(BufferArg, data);
    return invariant(at.CreateLoad(at.getPtrTy(), at.CreateConstInBoundsGEP1_64(at.getInt8Ty(), args, offset),
                                   shape.params[param].name));
  });
}

Value *KernelEmitter::bufferCount(unsigned param) {
  if (!isParam(param))
    return ir.getInt64(array(param).count);
  Value *args = launchField(ir.getPtrTy(), offsetof(LaunchContext, args), "args");
  return once(CountKey + param, [&](IRBuilder<> &at) {
    const uint64_t offset = param * sizeof(BufferArg) + offsetof(BufferArg, count);
    return invariant(at.CreateLoad(at.getInt64Ty(),
                                   at.CreateConstInBoundsGEP1_64(at.getInt8Ty(), args, offset),
                                   shape.params[param].name + ".count"));
  });
}

llvm::SmallVector<Lanes, 4> KernelEmitter::scalarParam(unsigned param) {
  const ElementKind t = shape.params[param].element;
  Value *data = bufferData(param);
  llvm::SmallVector<Lanes, 4> components;
  for (unsigned c = 0; c < shape.params[param].components; ++c) {
    Value *value = once(ScalarKey + param * 4 + c, [&](IRBuilder<> &at) -> Value * {
      const IRBuilder<>::InsertPointGuard guard(ir);
      ir.SetInsertPoint(at.GetInsertPoint());
      Value *place = ir.CreateConstInBoundsGEP1_64(b.memoryType(t), data, c);
      return b.fromMemory(invariant(ir.CreateLoad(b.memoryType(t), place)), t);
    });
    components.push_back(LaneBuilder::uniform(t, value));
  }
  return components;
}

void KernelEmitter::storeFrame(unsigned field, Value *value) {
  static constexpr uint64_t offsets[] = {offsetof(LaneFrame, launch), offsetof(LaneFrame, x),
                                         offsetof(LaneFrame, y),      offsetof(LaneFrame, z),
                                         offsetof(LaneFrame, width),  offsetof(LaneFrame, height),
                                         offsetof(LaneFrame, first)};
  ir.CreateStore(value, frameAddress(offsets[field]));
}

namespace {
enum FrameField : unsigned { FrameLaunch, FrameX, FrameY, FrameZ, FrameWidth, FrameHeight, FrameFirst };
} // namespace

// The frame's memory: LaneFrame, the table that its `arrays` leads to, room for calls out of line (with
// barriers: nothing in it outlives a wait, so simdgroups share it), and the group's memory.

uint64_t KernelEmitter::slotsOffset() const {
  return alignTo(sizeof(LaneFrame) + shape.arrays.size() * sizeof(BufferArg), kSlotAlign);
}

uint64_t KernelEmitter::groupMemoryOffset() const {
  return matrixOffset() + alignTo(shape.matrixBytes, kSlotAlign);
}

uint64_t KernelEmitter::matrixOffset() const {
  return slotsOffset() + (shape.hasBarriers ? LaneBuilder::kSlots * LaneBuilder::kSlotBytes : 0);
}

Value *KernelEmitter::frameAddress(uint64_t offset) {
  return ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), frameMemory, offset);
}

void KernelEmitter::emitFrame() {
  const uint64_t bytes = groupMemoryOffset() + shape.threadgroupBytes;
  AllocaInst *memory = ir.CreateAlloca(ArrayType::get(ir.getInt8Ty(), bytes), nullptr, "frame");
  memory->setAlignment(Align(kSlotAlign));
  frameMemory = memory;
}

void KernelEmitter::prepareFrame() {
  storeFrame(FrameLaunch, launch);
  if (shape.arrays.empty())
    return;
  ir.CreateStore(frameAddress(sizeof(LaneFrame)), frameAddress(offsetof(LaneFrame, arrays)));
  for (unsigned i = 0; i < shape.arrays.size(); ++i) {
    const uint64_t row = sizeof(LaneFrame) + i * sizeof(BufferArg);
    if (shape.arrays[i].space != Array::Space::Thread)
      ir.CreateStore(bufferData(unsigned(shape.params.size()) + i),
                     frameAddress(row + offsetof(BufferArg, data)));
    ir.CreateStore(ir.getInt64(shape.arrays[i].count), frameAddress(row + offsetof(BufferArg, count)));
  }
}

void KernelEmitter::publishRegisters(unsigned memory) {
  if (isParam(memory) || array(memory).space != Array::Space::Thread)
    return;
  const uint64_t row = sizeof(LaneFrame) + (memory - shape.params.size()) * sizeof(BufferArg);
  ir.CreateStore(bufferData(memory), frameAddress(row + offsetof(BufferArg, data)));
}

BasicBlock *KernelEmitter::stopBlock() {
  if (stopped)
    return stopped;
  stopped = BasicBlock::Create(ir.getContext(), "stopped", entry);
  const IRBuilder<>::InsertPointGuard guard(ir);
  ir.SetInsertPoint(stopped);
  if (isSimdgroup)
    leave(kStopped);
  else
    ir.CreateRetVoid();
  return stopped;
}

/// The first `activeCount` lanes (1 to 32) are active.
void KernelEmitter::setMask(Value *activeCount) {
  mask.all = ir.CreateICmpEQ(activeCount, ir.getInt32(kLanes), "all");
  Value *inactive = ir.CreateSub(ir.getInt32(kLanes), activeCount);
  mask.bits = ir.CreateLShr(ir.getInt32(~0u), inactive, "active");
  mask.vector = ir.CreateBitCast(mask.bits, FixedVectorType::get(ir.getInt1Ty(), kLanes));
}

void KernelEmitter::emit(function_ref<void()> body) {
  Type *i64 = ir.getInt64Ty();
  entry = Function::Create(FunctionType::get(ir.getVoidTy(), {ir.getPtrTy(), i64, i64}, false),
                           Function::ExternalLinkage, "enigma_entry", module);
  entry->setDoesNotThrow();
  for (unsigned i = 0; i < 3; ++i)
    entry->getArg(i)->setName(std::array{"launch", "begin", "end"}[i]);
  entryBlock = BasicBlock::Create(ir.getContext(), "entry", entry);
  BasicBlock *start = BasicBlock::Create(ir.getContext(), "start", entry);
  BasicBlock *exit = BasicBlock::Create(ir.getContext(), "exit", entry);
  ir.SetInsertPoint(entryBlock);
  launch = entry->getArg(0);
  emitFrame();
  ir.CreateBr(start);

  ir.SetInsertPoint(start);
  prepareFrame();
  const bool isFlat = shape.traversal == hostabi::Traversal::Flat;
  if (isFlat) {
    storeFrame(FrameWidth, ir.getInt32(0));
    if (!shape.needsRegular) {
      emitFlat(body, exit);
    } else {
      Value *width = sizeField(offsetof(LaunchContext, threads), 0, "threads.x");
      Value *regular = ir.CreateICmpEQ(ir.CreateAnd(width, kLanes - 1), ir.getInt32(0), "regular");
      BasicBlock *yes = BasicBlock::Create(ir.getContext(), "regular", entry);
      BasicBlock *no = BasicBlock::Create(ir.getContext(), "irregular", entry);
      ir.CreateCondBr(regular, yes, no);
      ir.SetInsertPoint(yes);
      isRegular = true;
      emitFlat(body, exit);
      ir.SetInsertPoint(no);
      isRegular = false;
      emitFlat(body, exit);
    }
  } else {
    emitGrouped(body, exit);
  }
  ir.SetInsertPoint(exit);
  ir.CreateRetVoid();
  for (Function &function : module)
    if (!function.isDeclaration())
      markAccesses(function);
}

/// Loads and stores of buffers and of threadgroup memory, by where their address comes from.
void KernelEmitter::markAccesses(Function &function) {
  if (!shape.threadgroupBytes)
    return;
  for (Instruction &instruction : instructions(function)) {
    Value *address = getLoadStorePointerOperand(&instruction);
    if (auto *call = dyn_cast<IntrinsicInst>(&instruction); call && call->mayReadOrWriteMemory())
      for (Value *operand : call->args()) // masked and gathered
        if (operand->getType()->isPtrOrPtrVectorTy())
          address = operand;
    if (!address)
      continue;
    while (auto *step = dyn_cast<GetElementPtrInst>(address)) {
      if (step->getName().starts_with(kGroupMemory))
        break;
      address = step->getPointerOperand();
    }
    const auto *base = dyn_cast<LoadInst>(address);
    if (isa<GetElementPtrInst>(address))
      scopes.mark(&instruction, MemoryScopes::Threadgroup);
    else if (base && base->getType()->isPointerTy() && base->hasMetadata(LLVMContext::MD_invariant_load) &&
             !instruction.hasMetadata(LLVMContext::MD_invariant_load))
      scopes.mark(&instruction, MemoryScopes::Buffer);
  }
}

/// for each row (y fastest) that [begin, end) touches: for each block of the row.
void KernelEmitter::emitFlat(function_ref<void()> body, BasicBlock *exit) {
  LLVMContext &context = ir.getContext();
  Type *i64 = ir.getInt64Ty(), *i32 = ir.getInt32Ty();
  Value *begin = entry->getArg(1), *end = entry->getArg(2);
  Value *gridX = sizeField(offsetof(LaunchContext, grid), 0, "grid.x");
  Value *gridY = sizeField(offsetof(LaunchContext, grid), 1, "grid.y");
  Value *perRow = ir.CreateZExt(launchField(i32, offsetof(LaunchContext, blocksPerRow), "blocks"), i64);
  Value *firstRow = ir.CreateUDiv(begin, perRow), *firstBlock = ir.CreateURem(begin, perRow);
  Value *rows = ir.CreateZExt(gridY, i64);
  Value *firstY = ir.CreateTrunc(ir.CreateURem(firstRow, rows), i32);
  Value *firstZ = ir.CreateTrunc(ir.CreateUDiv(firstRow, rows), i32);
  Value *units = ir.CreateSub(end, begin);
  BasicBlock *before = ir.GetInsertBlock();
  BasicBlock *row = BasicBlock::Create(context, "row", entry),
             *block = BasicBlock::Create(context, "block", entry);
  ir.CreateBr(row);

  ir.SetInsertPoint(row);
  PHINode *y = ir.CreatePHI(i32, 2, "y"), *z = ir.CreatePHI(i32, 2, "z");
  PHINode *fromBlock = ir.CreatePHI(i64, 2, "from"), *left = ir.CreatePHI(i64, 2, "left");
  y->addIncoming(firstY, before);
  z->addIncoming(firstZ, before);
  fromBlock->addIncoming(firstBlock, before);
  left->addIncoming(units, before);
  Value *here = ir.CreateBinaryIntrinsic(Intrinsic::umin, ir.CreateSub(perRow, fromBlock), left);
  Value *toBlock = ir.CreateAdd(fromBlock, here);
  storeFrame(FrameY, y);
  storeFrame(FrameZ, z);
  ir.CreateBr(block);

  ir.SetInsertPoint(block);
  PHINode *number = ir.CreatePHI(i64, 2, "b");
  number->addIncoming(fromBlock, row);
  Value *x = ir.CreateTrunc(ir.CreateShl(number, 5), i32, "x");
  position[0] = LaneBuilder::linear(kU32, x, 1, true);
  position[1] = LaneBuilder::uniform(kU32, y);
  position[2] = LaneBuilder::uniform(kU32, z);
  setMask(ir.CreateBinaryIntrinsic(Intrinsic::umin, ir.CreateSub(gridX, x), ir.getInt32(kLanes)));
  storeFrame(FrameX, x);
  body();
  Value *next = ir.CreateAdd(number, ir.getInt64(1));
  number->addIncoming(next, ir.GetInsertBlock());
  BasicBlock *rowEnd = BasicBlock::Create(context, "row.end", entry);
  ir.CreateCondBr(ir.CreateICmpULT(next, toBlock), block, rowEnd);

  ir.SetInsertPoint(rowEnd);
  Value *remaining = ir.CreateSub(left, here);
  Value *nextY = ir.CreateAdd(y, ir.getInt32(1));
  Value *wraps = ir.CreateICmpEQ(nextY, gridY);
  y->addIncoming(ir.CreateSelect(wraps, ir.getInt32(0), nextY), rowEnd);
  z->addIncoming(ir.CreateAdd(z, ir.CreateZExt(wraps, i32)), rowEnd);
  fromBlock->addIncoming(ir.getInt64(0), rowEnd);
  left->addIncoming(remaining, rowEnd);
  ir.CreateCondBr(ir.CreateICmpEQ(remaining, ir.getInt64(0)), exit, row);
}

/// for each threadgroup of [begin, end): for each simdgroup of it, in the regular or the irregular form of
/// the body.
void KernelEmitter::emitGrouped(function_ref<void()> body, BasicBlock *exit) {
  LLVMContext &context = ir.getContext();
  Type *i64 = ir.getInt64Ty(), *i32 = ir.getInt32Ty();
  // With barriers the work of a simdgroup is a function of its own.
  Function *simdgroups[2] = {nullptr, nullptr};
  BasicBlock *leave = exit;
  if (shape.hasBarriers) {
    simdgroups[0] = emitSimdgroup(true, body);
    if (shape.needsRegular)
      simdgroups[1] = emitSimdgroup(false, body);
    frames = emitSimdgroupMemory(exit);
    leave = BasicBlock::Create(context, "give", entry);
  }
  BasicBlock *before = ir.GetInsertBlock();
  BasicBlock *groups = BasicBlock::Create(context, "group", entry);
  BasicBlock *groupEnd = BasicBlock::Create(context, "group.end", entry);
  ir.CreateBr(groups);

  ir.SetInsertPoint(groups);
  PHINode *unit = ir.CreatePHI(i64, 2, "unit");
  unit->addIncoming(entry->getArg(1), before);
  Value *rest = unit;
  for (unsigned axis = 0; axis < 3; ++axis) {
    Value *count = ir.CreateZExt(sizeField(offsetof(LaunchContext, groups), axis, "groups"), i64);
    group[axis] = ir.CreateTrunc(axis == 2 ? rest : ir.CreateURem(rest, count), i32);
    rest = ir.CreateUDiv(rest, count);
    Value *full = sizeField(offsetof(LaunchContext, threads), axis, "threads");
    Value *origin = ir.CreateMul(group[axis], full);
    Value *grid = sizeField(offsetof(LaunchContext, grid), axis, "grid");
    groupSize[axis] = ir.CreateBinaryIntrinsic(Intrinsic::umin, full, ir.CreateSub(grid, origin));
    storeFrame(FrameX + axis, origin);
  }
  storeFrame(FrameWidth, groupSize[0]);
  storeFrame(FrameHeight, groupSize[1]);
  // Metal leaves it open what threadgroup memory holds at first; here it is 0, so that runs agree.
  if (shape.threadgroupBytes)
    ir.CreateMemSet(frameAddress(groupMemoryOffset()), ir.getInt8(0), shape.threadgroupBytes,
                    Align(kSlotAlign));
  Value *rowsInGroup = ir.CreateMul(groupSize[1], groupSize[2]);
  groupThreads = ir.CreateMul(groupSize[0], rowsInGroup);
  Value *fullRows = ir.CreateICmpEQ(ir.CreateAnd(groupSize[0], kLanes - 1), ir.getInt32(0));
  Value *regular = ir.CreateOr(fullRows, ir.CreateICmpEQ(rowsInGroup, ir.getInt32(1)), "regular");

  if (shape.hasBarriers) {
    if (simdgroups[1]) {
      BasicBlock *forms[2] = {BasicBlock::Create(context, "regular", entry),
                              BasicBlock::Create(context, "irregular", entry)};
      ir.CreateCondBr(regular, forms[0], forms[1]);
      ir.SetInsertPoint(forms[1]);
      emitTurns(simdgroups[1], groupEnd, leave);
      ir.SetInsertPoint(forms[0]);
    }
    emitTurns(simdgroups[0], groupEnd, leave);
  } else {
    emitSimdgroups(body, regular, groupEnd);
  }

  ir.SetInsertPoint(groupEnd);
  Value *nextUnit = ir.CreateAdd(unit, ir.getInt64(1));
  unit->addIncoming(nextUnit, groupEnd);
  ir.CreateCondBr(ir.CreateICmpEQ(nextUnit, entry->getArg(2)), leave, groups);
  if (leave != exit) {
    ir.SetInsertPoint(leave);
    ir.CreateCall(runtimeFunction("enigma_give_frames", ir.getVoidTy(), {ir.getPtrTy()}), {frames});
    ir.CreateBr(exit);
  }
}

/// The first `activeCount` lanes and their positions, of the simdgroup that begins with `firstThread`.
void KernelEmitter::preparePositions() {
  setMask(ir.CreateBinaryIntrinsic(Intrinsic::umin, ir.CreateSub(groupThreads, firstThread),
                                   ir.getInt32(kLanes)));
  if (!isSimdgroup) // else BarrierSplit.cpp says when
    storeFrame(FrameFirst, firstThread);
  for (unsigned axis = 0; axis < 3 && shape.needsRegular; ++axis) {
    Value *full = sizeField(offsetof(LaunchContext, threads), axis, "threads");
    Lanes origin = LaneBuilder::uniform(kU32, ir.CreateMul(group[axis], full));
    position[axis] = b.add(positionInThreadgroup(axis), origin);
  }
}

void KernelEmitter::emitSimdgroups(function_ref<void()> body, Value *regular, BasicBlock *groupEnd) {
  LLVMContext &context = ir.getContext();
  Type *i32 = ir.getInt32Ty();
  BasicBlock *groups = ir.GetInsertBlock();
  BasicBlock *forms[2] = {BasicBlock::Create(context, "simdgroup", entry), nullptr};
  if (shape.needsRegular) {
    forms[1] = BasicBlock::Create(context, "simdgroup.irregular", entry);
    ir.CreateCondBr(regular, forms[0], forms[1]);
  } else {
    ir.CreateBr(forms[0]);
  }
  for (unsigned form = 0; form < 2 && forms[form]; ++form) {
    isRegular = form == 0;
    ir.SetInsertPoint(forms[form]);
    PHINode *first = ir.CreatePHI(i32, 2, "first");
    first->addIncoming(ir.getInt32(0), groups);
    firstThread = first;
    for (Value *&at : inGroup) {
      PHINode *phi = ir.CreatePHI(i32, 2);
      phi->addIncoming(ir.getInt32(0), groups);
      at = phi;
    }
    Value *own[3] = {inGroup[0], inGroup[1], inGroup[2]}, *nexts[3];
    preparePositions();
    simdgroupEnd = BasicBlock::Create(context, "simdgroup.end", entry);
    abandoned = nullptr;
    body();
    ir.CreateBr(simdgroupEnd);
    ir.SetInsertPoint(simdgroupEnd);
    Value *next = ir.CreateAdd(first, ir.getInt32(kLanes));
    advancePosition(ir, own[0], own[1], own[2], groupSize[0], groupSize[1], nexts);
    first->addIncoming(next, ir.GetInsertBlock());
    for (unsigned axis = 0; axis < 3; ++axis)
      cast<PHINode>(own[axis])->addIncoming(nexts[axis], ir.GetInsertBlock());
    ir.CreateCondBr(ir.CreateICmpULT(next, groupThreads), forms[form], groupEnd);
  }
}

// ---- Thread queries

Lanes KernelEmitter::positionInThreadgroup(unsigned axis) {
  if (shape.traversal == hostabi::Traversal::Flat) {
    Lanes full = LaneBuilder::uniform(kU32, sizeField(offsetof(LaunchContext, threads), axis, "threads"));
    if (axis == 0 && isRegular)
      return LaneBuilder::linear(kU32, ir.CreateURem(position[0].value, full.value), 1, true);
    return b.mod(position[axis], full);
  }
  if (isRegular) // the simdgroup lies in one row of the group
    return axis == 0 ? LaneBuilder::linear(kU32, inGroup[0], 1, true)
                     : LaneBuilder::uniform(kU32, inGroup[axis]);
  const Lanes index = LaneBuilder::linear(kU32, firstThread, 1, true);
  const Lanes width = LaneBuilder::uniform(kU32, groupSize[0]),
              height = LaneBuilder::uniform(kU32, groupSize[1]);
  const Lanes row = dividedInGroup(index, width);
  if (axis == 0)
    return b.sub(index, b.mul(row, width));
  const Lanes layer = dividedInGroup(row, height);
  return axis == 2 ? layer : b.sub(row, b.mul(layer, height));
}

/// x / y for x below 1024 + 32 and y from 1 to 1024: with m = floor(2^21 / y) + 1 the product x m / 2^21 is
/// too large by at most x y / (2^21 y), which is less than 1 / y, and less than 2^32 before the shift.
Lanes KernelEmitter::dividedInGroup(const Lanes &x, const Lanes &y) {
  Value *factor = ir.CreateAdd(ir.CreateUDiv(ir.getInt32(1u << 21), y.value), ir.getInt32(1));
  return b.shr(b.mul(x, LaneBuilder::uniform(kU32, factor)), b.integer(kU32, 21));
}

Lanes KernelEmitter::threadgroupPosition(unsigned axis) {
  if (shape.traversal == hostabi::Traversal::Grouped)
    return LaneBuilder::uniform(kU32, group[axis]);
  Lanes full = LaneBuilder::uniform(kU32, sizeField(offsetof(LaunchContext, threads), axis, "threads"));
  if (axis == 0 && isRegular)
    return LaneBuilder::uniform(kU32, ir.CreateUDiv(position[0].value, full.value));
  return b.floorDiv(position[axis], full);
}

Lanes KernelEmitter::threadgroupSize(unsigned axis) {
  if (shape.traversal == hostabi::Traversal::Grouped)
    return LaneBuilder::uniform(kU32, groupSize[axis]);
  Lanes full = LaneBuilder::uniform(kU32, sizeField(offsetof(LaunchContext, threads), axis, "threads"));
  Lanes grid = LaneBuilder::uniform(kU32, sizeField(offsetof(LaunchContext, grid), axis, "grid"));
  return b.min(full, b.sub(grid, b.mul(threadgroupPosition(axis), full)));
}

Lanes KernelEmitter::query(Query what, unsigned axis) {
  const auto uniform = [](Value *value) { return LaneBuilder::uniform(kU32, value); };
  const auto field = [&](uint64_t offset, const char *name) {
    return uniform(sizeField(offset, axis, name));
  };
  const auto groupsOf = [&](unsigned threads) {
    return uniform(ir.CreateUDiv(ir.CreateAdd(groupThreads, ir.getInt32(threads - 1)), ir.getInt32(threads)));
  };
  switch (what) {
  case Query::ThreadPositionInGrid:
    return position[axis];
  case Query::ThreadPositionInThreadgroup:
    return positionInThreadgroup(axis);
  case Query::ThreadgroupPositionInGrid:
    return threadgroupPosition(axis);
  case Query::ThreadsPerGrid:
    return field(offsetof(LaunchContext, grid), "grid");
  case Query::ThreadsPerThreadgroup:
    return threadgroupSize(axis);
  case Query::DispatchThreadsPerThreadgroup:
    return field(offsetof(LaunchContext, threads), "threads");
  case Query::ThreadgroupsPerGrid:
    return field(offsetof(LaunchContext, groups), "groups");
  case Query::ThreadIndexInThreadgroup:
    return LaneBuilder::linear(kU32, firstThread, 1, true);
  case Query::ThreadIndexInSimdgroup:
    return LaneBuilder::linear(kU32, ir.getInt32(0), 1, true);
  case Query::SimdgroupIndexInThreadgroup:
    return uniform(ir.CreateLShr(firstThread, 5));
  case Query::SimdgroupsPerThreadgroup:
    return groupsOf(kLanes);
  case Query::ThreadsPerSimdgroup:
    return uniform(ir.getInt32(kLanes));
  case Query::ThreadIndexInQuadgroup:
    return b.bitAnd(LaneBuilder::linear(kU32, ir.getInt32(0), 1, false), b.integer(kU32, 3));
  case Query::QuadgroupIndexInThreadgroup:
    return b.shr(LaneBuilder::linear(kU32, firstThread, 1, true), b.integer(kU32, 2));
  case Query::QuadgroupsPerThreadgroup:
    return groupsOf(4);
  }
  return {};
}

} // namespace enigma::host
