// SPDX-License-Identifier: MIT
//
// Loads, stores and atomics of a kernel: which buffer and which lanes, and whether the accesses are known at
// the start of a block. See KernelLowering.h; MemoryEmitter.h makes the code.
#include "KernelLowering.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

namespace enigma::host {

namespace {

AtomicKind atomicKindOf(OpKind kind) {
  switch (kind) {
  case OpKind::atomic_store:
    return AtomicKind::Store;
  case OpKind::atomic_exchange:
    return AtomicKind::Exchange;
  case OpKind::atomic_compare_exchange_weak:
    return AtomicKind::CompareExchange;
  case OpKind::atomic_fetch_add:
    return AtomicKind::Add;
  case OpKind::atomic_fetch_sub:
    return AtomicKind::Sub;
  case OpKind::atomic_fetch_min:
  case OpKind::atomic_min:
    return AtomicKind::Min;
  case OpKind::atomic_fetch_max:
  case OpKind::atomic_max:
    return AtomicKind::Max;
  case OpKind::atomic_fetch_and:
    return AtomicKind::And;
  case OpKind::atomic_fetch_or:
    return AtomicKind::Or;
  case OpKind::atomic_fetch_xor:
    return AtomicKind::Xor;
  default:
    return AtomicKind::Load;
  }
}

} // namespace

bool KernelLowering::isStatic(mlir::Value value) {
  mlir::Operation *op = value.getDefiningOp();
  return !op || staticOps.contains(op);
}

bool KernelLowering::guardsBorders(mlir::Value mask) {
  mlir::Operation *op = mask.getDefiningOp();
  if (!op)
    return true;
  switch (kindOf(op)) {
  case OpKind::cmp_lt:
  case OpKind::cmp_le:
  case OpKind::cmp_gt:
  case OpKind::cmp_ge:
    return true;
  case OpKind::and_:
    return guardsBorders(op->getOperand(0)) && guardsBorders(op->getOperand(1));
  default:
    return false;
  }
}

void KernelLowering::ensure(mlir::Value value) {
  mlir::Operation *op = value.getDefiningOp();
  if (!op || values.contains(value))
    return;
  for (mlir::Value operand : op->getOperands())
    ensure(operand);
  lower(*op);
}

void KernelLowering::stageAccesses() {
  struct Candidate {
    mlir::Operation *op;
    Access at;
    LaneMask mask;
    bool isStore;
  };
  llvm::SmallVector<Candidate, 8> candidates;
  const auto consider = [&](mlir::Operation &op) {
    const bool isStore = llvm::isa<StoreOp, StoreIfOp>(op);
    auto buffer = isStore ? op.getOperand(1) : op.getOperand(0);
    auto index = isStore ? op.getOperand(2) : op.getOperand(1);
    const bool isMasked = llvm::isa<LoadIfOp, StoreIfOp>(op);
    const mlir::Value mask = isMasked ? op.getOperand(isStore ? 3 : 2) : mlir::Value();
    if (!llvm::isa<mlir::BlockArgument>(buffer) || !isStatic(index) ||
        (isMasked && !(isStatic(mask) && guardsBorders(mask))))
      return false;
    ensure(index);
    const mlir::Type type = isStore ? op.getOperand(0).getType() : op.getResult(0).getType();
    const Access at = access(op, buffer, index, type);
    // One place for all lanes is read by the first of them, which a mask may leave out.
    if (!MemoryEmitter::canStage(at, isStore) || (isMasked && at.index.isUniform()))
      return false;
    LaneMask active = frame->activeLanes();
    if (isMasked) {
      ensure(mask);
      active = control->narrowed(active, valueOf(mask)[0]);
    }
    candidates.push_back({&op, at, active, isStore});
    return true;
  };
  mlir::Block &body = kernel.getBody().front();
  for (mlir::Operation &op : body) {
    if (llvm::isa<LoadOp, LoadIfOp>(op))
      consider(op);
    else if (touchesMemory(op))
      break;
  }
  const size_t loads = candidates.size();
  for (mlir::Operation &op : llvm::reverse(body)) {
    if (llvm::isa<StoreOp, StoreIfOp>(op) ? !consider(op) : touchesMemory(op))
      break;
  }
  std::reverse(candidates.begin() + static_cast<ptrdiff_t>(loads), candidates.end());
  for (const Candidate &candidate : candidates)
    stagedNumber[candidate.op] = memory->stage(candidate.at, candidate.isStore, candidate.mask);
  memory->openBlock(frame->activeLanes());
}

LaneMask KernelLowering::maskOf(mlir::Operation &op, const Lanes &condition) {
  return stagedNumber.contains(&op) ? LaneMask{} : control->narrowed(control->active(), condition);
}

Components KernelLowering::lowerLoad(mlir::Operation &op, mlir::Value buffer, mlir::Value index,
                                     const LaneMask &mask) {
  if (const auto staged = stagedNumber.find(&op); staged != stagedNumber.end())
    return memory->loadStaged(staged->second);
  const Access at = access(op, buffer, index, op.getResult(0).getType());
  prefetchNext(op, index, at);
  return memory->load(at, mask);
}

void KernelLowering::lowerStore(mlir::Operation &op, mlir::Value value, mlir::Value buffer, mlir::Value index,
                                const LaneMask &mask) {
  if (const auto staged = stagedNumber.find(&op); staged != stagedNumber.end())
    return memory->storeStaged(staged->second, valueOf(value));
  memory->store(access(op, buffer, index, value.getType()), valueOf(value), mask);
}

Access KernelLowering::access(mlir::Operation &op, mlir::Value buffer, mlir::Value index, mlir::Type type) {
  const auto number = arrays.numberOf(buffer);
  if (!number)
    fail(&op, "the host accesses parameters and arrays that the kernel declares");
  Access result;
  result.param = *number;
  result.element = elementOf(type);
  result.components = static_cast<unsigned>(lanesOf(type));
  result.isWhole = llvm::cast<BufferType>(buffer.getType()).getElementType() == type;
  result.index = valueOf(index)[0];
  result.site = siteOf.lookup(&op);
  return result;
}

void KernelLowering::lowerAtomic(mlir::Operation &op, OpKind kind) {
  const unsigned last = op.getNumOperands() - 1;
  const mlir::Type element = llvm::cast<BufferType>(op.getOperand(0).getType()).getElementType();
  const Access at = access(op, op.getOperand(0), op.getOperand(1), element);
  const bool isExchange = kind == OpKind::atomic_compare_exchange_weak;
  const Lanes value = last > 1 ? valueOf(op.getOperand(last))[0] : Lanes{};
  const Lanes expected = isExchange ? valueOf(op.getOperand(2))[0] : Lanes{};
  const bool isUsed = op.getNumResults() && (isExchange || !op.getResult(0).use_empty());
  const auto result = AtomicEmitter(*frame, *lane, *memory)
                          .change(atomicKindOf(kind), at, control->active(), value, expected, isUsed);
  if (isUsed)
    values[op.getResult(0)] = {result.old};
  if (isExchange)
    values[op.getResult(1)] = {result.exchanged};
}

} // namespace enigma::host
