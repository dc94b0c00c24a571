// SPDX-License-Identifier: MIT
//
// Branches and loops of a kernel. See KernelLowering.h; ControlEmitter.h makes the code.
#include "KernelLowering.h"

namespace enigma::host {

namespace {

/// One entry for each component of the results.
llvm::SmallVector<bool, 8> usedOf(mlir::ResultRange results) {
  llvm::SmallVector<bool, 8> used;
  for (mlir::Value result : results)
    used.append(partsOf(result.getType()), !result.use_empty());
  return used;
}

/// Whether computing a region costs less than a branch around it.
bool isCheap(mlir::Region &region) {
  constexpr size_t kMost = 10;
  size_t count = 0;
  for (mlir::Operation &op : region.front()) {
    if (llvm::isa<YieldOp, ConstantOp, MakeVectorOp, SplatOp, ExtractOp>(op))
      continue;
    switch (kindOf(&op)) {
    case OpKind::add:
    case OpKind::sub:
    case OpKind::mul:
    case OpKind::fma:
    case OpKind::neg:
    case OpKind::and_:
    case OpKind::or_:
    case OpKind::xor_:
    case OpKind::not_:
    case OpKind::min:
    case OpKind::max:
    case OpKind::abs:
    case OpKind::select:
    case OpKind::cast:
    case OpKind::cmp_lt:
    case OpKind::cmp_le:
    case OpKind::cmp_gt:
    case OpKind::cmp_ge:
    case OpKind::cmp_eq:
    case OpKind::cmp_ne:
      count += static_cast<size_t>(lanesOf(op.getResult(0).getType()));
      break;
    default:
      return false;
    }
  }
  return count <= kMost;
}

} // namespace

Values KernelLowering::lowerRegion(mlir::Region &region, mlir::ValueRange arguments, const Values &start) {
  bind(arguments, start);
  lowerAll(region.front());
  return componentsOf(region.front().back().getOperands());
}

Values KernelLowering::componentsOf(mlir::ValueRange from) {
  Values all;
  for (mlir::Value value : from)
    all.append(valueOf(value));
  return all;
}

void KernelLowering::bind(mlir::ValueRange to, const Values &all) {
  const Lanes *next = all.begin();
  for (mlir::Value value : to) {
    const size_t count = partsOf(value.getType());
    values[value] = Components(next, next + count);
    next += count;
  }
}

void KernelLowering::findCountedLoops() {
  kernel.walk([&](ThreadgroupBarrierOp barrier) {
    for (mlir::Operation *around = barrier->getParentOp(), *inner = around;
         around && around != kernel.getOperation(); inner = around, around = around->getParentOp())
      if (llvm::isa<ForOp, WhileOp>(around) && around != inner)
        countedLoops.insert(around);
  });
}

void KernelLowering::checkLanes(mlir::Operation &op, GroupFault::Kind kind) {
  frame->checkLanes(siteOf.lookup(&op), control->active().bits, frame->activeLanes().bits, kind);
}

ControlEmitter::Watch KernelLowering::watchOf(mlir::Operation *op) const {
  return {siteOf.lookup(op), countedLoops.contains(op)};
}

void KernelLowering::lowerControl(mlir::Operation &op) {
  try {
    if (auto branch = llvm::dyn_cast<IfOp>(op))
      lowerIf(branch);
    else if (auto loop = llvm::dyn_cast<ForOp>(op))
      lowerFor(loop);
    else
      lowerWhile(llvm::cast<WhileOp>(op));
  } catch (const Error &error) { // of a value that cannot be carried: this is the innermost that carries it
    if (error.loc())
      throw;
    fail(&op, error.message());
  }
}

void KernelLowering::lowerIf(IfOp op) {
  const Lanes condition = valueOf(op.getCondition())[0];
  mlir::Region &thenRegion = op.getThenRegion(), &elseRegion = op.getElseRegion();
  const auto thenCode = [&] { return lowerRegion(thenRegion, {}, {}); };
  const auto elseCode = [&] { return lowerRegion(elseRegion, {}, {}); };
  bind(op.getResults(), control->branch(condition, {thenCode, isCheap(thenRegion)},
                                        {elseCode, isCheap(elseRegion)}, watchOf(op)));
}

void KernelLowering::lowerFor(ForOp op) {
  const Lanes lower = valueOf(op.getLower())[0], upper = valueOf(op.getUpper())[0],
              step = valueOf(op.getStep())[0];
  const Values initial = componentsOf(op.getInitial());
  const auto body = [&](const Lanes &position, const Values &carried) {
    values[op.position()] = {position};
    return lowerRegion(op.getBody(), op.carried(), carried);
  };
  // What runs twice as code is to be small, and not to grow with the depth of loops.
  constexpr unsigned kShort = 64;
  unsigned operations = 0;
  bool isInnermost = true;
  op.getBody().walk([&](mlir::Operation *inner) {
    ++operations;
    isInnermost &= !llvm::isa<ForOp, WhileOp>(inner);
  });
  const ControlEmitter::Range range{lower, upper, step, isInnermost && operations <= kShort, watchOf(op)};
  bind(op.getResults(), control->forLoop(range, initial, usedOf(op.getResults()), body));
}

void KernelLowering::lowerWhile(WhileOp op) {
  const Values initial = componentsOf(op.getInitial());
  const auto region = [&](mlir::Region &which) {
    return [&](const Values &start) { return lowerRegion(which, which.getArguments(), start); };
  };
  bind(op.getResults(), control->whileLoop(initial, usedOf(op.getResults()), watchOf(op),
                                           region(op.getConditionRegion()), region(op.getBody())));
}

} // namespace enigma::host
