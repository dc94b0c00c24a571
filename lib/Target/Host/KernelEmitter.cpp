// SPDX-License-Identifier: MIT
//
// See KernelEmitter.h.
#include "KernelEmitter.h"

#include "LaneMemory.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"

#include <cstddef>

using namespace llvm;
using enigma::hostabi::BufferArg;
using enigma::hostabi::LaunchContext;

namespace enigma::host {

namespace {

constexpr ElementKind kU32 = ElementKind::U32;

/// Keys of KernelEmitter::once. The low half is the emitter's own.
enum Key : uint64_t {
  LaunchFieldKey = 1ull << 32,
  DataKey = 2ull << 32,
  CountKey = 3ull << 32,
  ScalarKey = 4ull << 32
};

} // namespace

KernelEmitter::KernelEmitter(Module &inModule, LaneBuilder &builder, Shape of)
    : module(inModule), b(builder), ir(builder.ir), shape(std::move(of)) {}

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
    Value *address = at.CreateConstInBoundsGEP1_64(at.getInt8Ty(), entry->getArg(0), offset);
    return at.CreateLoad(type, address, name);
  });
}

Value *KernelEmitter::sizeField(uint64_t offset, unsigned axis, const char *name) {
  return launchField(ir.getInt32Ty(), offset + axis * sizeof(uint32_t), name);
}

Value *KernelEmitter::bufferData(unsigned param) {
  Value *args = launchField(ir.getPtrTy(), offsetof(LaunchContext, args), "args");
  return once(DataKey + param, [&](IRBuilder<> &at) {
    const uint64_t offset = param * sizeof(BufferArg) + offsetof(BufferArg, data);
    return at.CreateLoad(at.getPtrTy(), at.CreateConstInBoundsGEP1_64(at.getInt8Ty(), args, offset),
                         shape.params[param].name);
  });
}

Value *KernelEmitter::bufferCount(unsigned param) {
  Value *args = launchField(ir.getPtrTy(), offsetof(LaunchContext, args), "args");
  return once(CountKey + param, [&](IRBuilder<> &at) {
    const uint64_t offset = param * sizeof(BufferArg) + offsetof(BufferArg, count);
    return at.CreateLoad(at.getInt64Ty(), at.CreateConstInBoundsGEP1_64(at.getInt8Ty(), args, offset),
                         shape.params[param].name + ".count");
  });
}

Lanes KernelEmitter::scalarParam(unsigned param) {
  const ElementKind t = shape.params[param].element;
  Value *data = bufferData(param);
  Value *value = once(ScalarKey + param, [&](IRBuilder<> &at) -> Value * {
    const IRBuilder<>::InsertPointGuard guard(ir);
    ir.SetInsertPoint(at.GetInsertPoint());
    return b.fromMemory(ir.CreateLoad(b.memoryType(t), data), t);
  });
  return LaneBuilder::uniform(t, value);
}

void KernelEmitter::storeFrame(unsigned field, Value *value) {
  static constexpr uint64_t offsets[] = {offsetof(LaneFrame, launch), offsetof(LaneFrame, x),
                                         offsetof(LaneFrame, y),      offsetof(LaneFrame, z),
                                         offsetof(LaneFrame, width),  offsetof(LaneFrame, height),
                                         offsetof(LaneFrame, first)};
  ir.CreateStore(value, ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), frameMemory, offsets[field]));
}

namespace {
enum FrameField : unsigned { FrameLaunch, FrameX, FrameY, FrameZ, FrameWidth, FrameHeight, FrameFirst };
} // namespace

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
  frameMemory = ir.CreateAlloca(ArrayType::get(ir.getInt8Ty(), sizeof(LaneFrame)), nullptr, "frame");
  frameMemory->setAlignment(Align(alignof(LaneFrame)));
  ir.CreateBr(start);

  ir.SetInsertPoint(start);
  storeFrame(FrameLaunch, entry->getArg(0));
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
  Value *rowsInGroup = ir.CreateMul(groupSize[1], groupSize[2]);
  groupThreads = ir.CreateMul(groupSize[0], rowsInGroup);
  Value *fullRows = ir.CreateICmpEQ(ir.CreateAnd(groupSize[0], kLanes - 1), ir.getInt32(0));
  Value *regular = ir.CreateOr(fullRows, ir.CreateICmpEQ(rowsInGroup, ir.getInt32(1)), "regular");

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
    setMask(
        ir.CreateBinaryIntrinsic(Intrinsic::umin, ir.CreateSub(groupThreads, first), ir.getInt32(kLanes)));
    storeFrame(FrameFirst, first);
    for (unsigned axis = 0; axis < 3 && shape.needsRegular; ++axis) {
      Value *full = sizeField(offsetof(LaunchContext, threads), axis, "threads");
      Lanes origin = LaneBuilder::uniform(kU32, ir.CreateMul(group[axis], full));
      position[axis] = b.add(positionInThreadgroup(axis), origin);
    }
    body();
    Value *next = ir.CreateAdd(first, ir.getInt32(kLanes));
    first->addIncoming(next, ir.GetInsertBlock());
    ir.CreateCondBr(ir.CreateICmpULT(next, groupThreads), forms[form], groupEnd);
  }

  ir.SetInsertPoint(groupEnd);
  Value *nextUnit = ir.CreateAdd(unit, ir.getInt64(1));
  unit->addIncoming(nextUnit, groupEnd);
  ir.CreateCondBr(ir.CreateICmpEQ(nextUnit, entry->getArg(2)), exit, groups);
}

// ---- Thread queries

Lanes KernelEmitter::positionInThreadgroup(unsigned axis) {
  if (shape.traversal == hostabi::Traversal::Flat) {
    Lanes full = LaneBuilder::uniform(kU32, sizeField(offsetof(LaunchContext, threads), axis, "threads"));
    if (axis == 0 && isRegular)
      return LaneBuilder::linear(kU32, ir.CreateURem(position[0].value, full.value), 1, true);
    return b.mod(position[axis], full);
  }
  if (isRegular) {
    // The simdgroup lies in one row of the group.
    if (axis == 0)
      return LaneBuilder::linear(kU32, ir.CreateURem(firstThread, groupSize[0]), 1, true);
    Value *row = ir.CreateUDiv(firstThread, groupSize[0]);
    return LaneBuilder::uniform(kU32, axis == 1 ? ir.CreateURem(row, groupSize[1])
                                                : ir.CreateUDiv(row, groupSize[1]));
  }
  Lanes index = LaneBuilder::linear(kU32, firstThread, 1, true);
  Lanes width = LaneBuilder::uniform(kU32, groupSize[0]), height = LaneBuilder::uniform(kU32, groupSize[1]);
  if (axis == 0)
    return b.mod(index, width);
  Lanes row = b.floorDiv(index, width);
  return axis == 1 ? b.mod(row, height) : b.floorDiv(row, height);
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
