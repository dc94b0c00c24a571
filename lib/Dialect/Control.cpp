// SPDX-License-Identifier: MIT
//
// Loops and branches: their verifiers and the rewrites that constants allow.
#include "enigma/Dialect/Enigma.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace enigma::dialect {
namespace {

YieldOp yieldOf(Region &region) { return dyn_cast<YieldOp>(region.front().back()); }

LogicalResult verifyRegion(Operation *op, Region &region, TypeRange args, TypeRange yields) {
  if (region.front().empty() || !yieldOf(region))
    return op->emitOpError() << "region " << region.getRegionNumber() << " must end with enigma.yield";
  if (TypeRange(region.getArgumentTypes()) != args)
    return op->emitOpError() << "region " << region.getRegionNumber()
                             << " starts from other types than are carried";
  if (TypeRange(yieldOf(region).getOperandTypes()) != yields)
    return op->emitOpError() << "region " << region.getRegionNumber()
                             << " yields other types than are carried";
  return success();
}

// The operations of a region, but for its yield, in the place of `op`, which gets the yielded values.
void inlineRegion(PatternRewriter &rewriter, Operation *op, Region &region, ValueRange args) {
  YieldOp yield = yieldOf(region);
  SmallVector<Value> values(yield.getOperands());
  rewriter.inlineBlockBefore(&region.front(), op, args);
  // What was yielded may be an argument, which inlining replaced.
  values.assign(yield.getOperands().begin(), yield.getOperands().end());
  rewriter.eraseOp(yield);
  rewriter.replaceOp(op, values);
}

} // namespace

LogicalResult IfOp::verify() {
  for (Region *region : getRegions())
    if (failed(verifyRegion(*this, *region, {}, getResultTypes())))
      return failure();
  return success();
}

LogicalResult ForOp::verify() {
  if (TypeRange(getInitial().getTypes()) != getResultTypes())
    return emitOpError() << "carries other types than its results have";
  SmallVector<Type> args{getLower().getType()};
  llvm::append_range(args, getResultTypes());
  return verifyRegion(*this, getBody(), args, getResultTypes());
}

LogicalResult WhileOp::verify() {
  if (TypeRange(getInitial().getTypes()) != getResultTypes())
    return emitOpError() << "carries other types than its results have";
  SmallVector<Type> yields{IntegerType::get(getContext(), 1)};
  llvm::append_range(yields, getResultTypes());
  if (failed(verifyRegion(*this, getConditionRegion(), getResultTypes(), yields)))
    return failure();
  return verifyRegion(*this, getBody(), getResultTypes(), getResultTypes());
}

void IfOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *) {
  // A decided branch.
  patterns.add(+[](IfOp op, PatternRewriter &rewriter) {
    auto condition = constantInt(op.getCondition());
    if (!condition)
      return failure();
    inlineRegion(rewriter, op, *condition ? op.getThenRegion() : op.getElseRegion(), {});
    return success();
  });
  // What the condition is known to be inside the arms, and what it negates.
  patterns.add(+[](IfOp op, PatternRewriter &rewriter) {
    bool changed = false, holds = true;
    for (Value condition = op.getCondition(); condition; holds = !holds) {
      for (int arm = 0; arm < 2; ++arm) {
        Region &region = op->getRegion(arm);
        const auto isInside = [&](OpOperand &use) {
          return region.isAncestor(use.getOwner()->getParentRegion());
        };
        if (llvm::none_of(condition.getUses(), isInside))
          continue;
        OpBuilder::InsertionGuard guard(rewriter);
        rewriter.setInsertionPoint(op);
        Value known = ConstantOp::create(rewriter, op.getLoc(), rewriter.getI1Type(),
                                         rewriter.getBoolAttr((arm == 0) == holds));
        rewriter.replaceUsesWithIf(condition, known, isInside);
        changed = true;
      }
      auto negation = condition.getDefiningOp<NotOp>();
      condition = negation ? negation.getX() : Value();
    }
    return success(changed);
  });
  // Results that both arms agree on, and results that nobody uses.
  patterns.add(+[](IfOp op, PatternRewriter &rewriter) {
    YieldOp thenYield = yieldOf(op.getThenRegion()), elseYield = yieldOf(op.getElseRegion());
    SmallVector<unsigned> kept;
    bool changed = false;
    for (auto [i, result] : llvm::enumerate(op.getResults())) {
      Value value = thenYield.getOperand(i);
      bool outside = value == elseYield.getOperand(i) && value.getParentRegion() != &op.getThenRegion() &&
                     value.getParentRegion()->isProperAncestor(&op.getThenRegion());
      if (outside && !result.use_empty()) {
        rewriter.replaceAllUsesWith(result, value);
        changed = true;
      }
      if (result.use_empty())
        changed = true;
      else
        kept.push_back(i);
    }
    if (!changed)
      return failure();
    SmallVector<Type> types;
    for (unsigned i : kept)
      types.push_back(op.getResult(i).getType());
    OperationState state(op.getLoc(), IfOp::getOperationName(), ValueRange(op.getCondition()), types);
    state.addRegion();
    state.addRegion();
    Operation *smaller = rewriter.create(state);
    for (int r = 0; r < 2; ++r) {
      YieldOp yield = r ? elseYield : thenYield;
      SmallVector<Value> values;
      for (unsigned i : kept)
        values.push_back(yield.getOperand(i));
      rewriter.modifyOpInPlace(yield, [&] { yield->setOperands(values); });
      rewriter.inlineRegionBefore(op->getRegion(r), smaller->getRegion(r), smaller->getRegion(r).end());
    }
    for (auto [k, i] : llvm::enumerate(kept))
      rewriter.replaceAllUsesWith(op.getResult(i), smaller->getResult(k));
    rewriter.eraseOp(op);
    return success();
  });
}

void ForOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *) {
  // A carried value that the body hands on unchanged is its initial value; one that nobody uses but the
  // body's own computation of it goes.
  patterns.add(+[](ForOp op, PatternRewriter &rewriter) {
    YieldOp yield = yieldOf(op.getBody());
    bool changed = false;
    for (auto [i, arg] : llvm::enumerate(op.carried()))
      if (yield.getOperand(i) == arg || yield.getOperand(i) == op.getInitial()[i]) {
        bool invariant = yield.getOperand(i) == arg || yield.getOperand(i) == op.getInitial()[i];
        if (invariant &&
            (!arg.use_empty() && !(arg.hasOneUse() && *arg.user_begin() == yield.getOperation()))) {
          rewriter.replaceAllUsesExcept(arg, op.getInitial()[i], yield);
          changed = true;
        }
        if (!op.getResult(i).use_empty()) {
          rewriter.replaceAllUsesWith(op.getResult(i), op.getInitial()[i]);
          changed = true;
        }
      }
    SmallVector<unsigned> kept;
    for (auto [i, arg] : llvm::enumerate(op.carried())) {
      bool argUsed = llvm::any_of(arg.getUsers(), [&](Operation *user) { return user != yield; });
      if (!op.getResult(i).use_empty() || argUsed)
        kept.push_back(i);
    }
    // A value that is dropped must not be what another kept one yields.
    if (kept.size() == op.getInitial().size())
      return changed ? success() : failure();
    for (unsigned i : kept)
      if (auto arg = dyn_cast<BlockArgument>(yield.getOperand(i));
          arg && arg.getOwner() == &op.block() && arg.getArgNumber() > 0 &&
          !llvm::is_contained(kept, arg.getArgNumber() - 1))
        return changed ? success() : failure();
    SmallVector<Value> operands{op.getLower(), op.getUpper(), op.getStep()}, yields;
    SmallVector<Type> types;
    for (unsigned i : kept) {
      operands.push_back(op.getInitial()[i]);
      yields.push_back(yield.getOperand(i));
      types.push_back(op.getResult(i).getType());
    }
    OperationState state(op.getLoc(), ForOp::getOperationName(), operands, types);
    state.addRegion();
    auto smaller = cast<ForOp>(rewriter.create(state));
    rewriter.modifyOpInPlace(yield, [&] { yield->setOperands(yields); });
    for (unsigned i = op.getInitial().size(); i-- > 0;)
      if (!llvm::is_contained(kept, i))
        rewriter.modifyOpInPlace(op, [&] { op.block().eraseArgument(i + 1); });
    rewriter.inlineRegionBefore(op.getBody(), smaller.getBody(), smaller.getBody().end());
    for (auto [k, i] : llvm::enumerate(kept))
      rewriter.replaceAllUsesWith(op.getResult(i), smaller.getResult(k));
    rewriter.eraseOp(op);
    return success();
  });
}

} // namespace enigma::dialect
