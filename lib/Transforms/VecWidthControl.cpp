// SPDX-License-Identifier: MIT
//
// vec_width's loops and branches. Where the W positions of a thread agree about the way, the loop or branch
// stays, and its blocks are vectorised; what it carries is a vector where it may differ between positions. A
// branch about which they may disagree becomes both arms and a choice where the arms only compute; anything
// else is done W times, position by position, which is what unrolling says.
#include "Vectoriser.h"

using namespace mlir;

namespace enigma::transforms {

using namespace dialect;

namespace {

OperandRange yieldsOf(Region &region) { return region.front().back().getOperands(); }

} // namespace

void Vectoriser::hoistPositions() {
  SmallVector<ThreadPositionInGridOp> nested;
  kernel.walk([&](ThreadPositionInGridOp query) {
    if (query->getBlock() != &kernel.block())
      nested.push_back(query);
  });
  for (ThreadPositionInGridOp query : nested)
    query->moveBefore(&kernel.block().front());
}

// ---- What differs between positions

bool Vectoriser::isDivergent(Operation *op) const {
  if (auto branch = dyn_cast<IfOp>(op))
    return differs(branch.getCondition());
  if (auto loop = dyn_cast<ForOp>(op))
    return differs(loop.getLower()) || differs(loop.getUpper()) || differs(loop.getStep());
  return differs(yieldsOf(cast<WhileOp>(op).getConditionRegion()).front());
}

void Vectoriser::findVarying() {
  do {
    changed = false;
    findVarying(kernel.block());
  } while (changed);
}

void Vectoriser::findVarying(Block &block) {
  const auto markIf = [&](Value v, std::initializer_list<Value> of) {
    if (llvm::any_of(of, [&](Value x) { return differs(x); }))
      mark(v);
  };
  for (Operation &op : block) {
    for (Region &region : op.getRegions())
      findVarying(region.front());
    if (auto branch = dyn_cast<IfOp>(op)) {
      for (auto [result, x, y] :
           llvm::zip(op.getResults(), yieldsOf(branch.getThenRegion()), yieldsOf(branch.getElseRegion())))
        markIf(result, {x, y, branch.getCondition()});
    } else if (auto loop = dyn_cast<ForOp>(op)) {
      const bool differ = isDivergent(loop);
      if (differ)
        mark(loop.position());
      for (auto [result, argument, first, next] :
           llvm::zip(op.getResults(), loop.carried(), loop.getInitial(), yieldsOf(loop.getBody()))) {
        markIf(argument, {first, next});
        markIf(result, {argument});
        if (differ)
          mark(result);
      }
    } else if (auto loop = dyn_cast<WhileOp>(op)) {
      Region &test = loop.getConditionRegion(), &body = loop.getBody();
      const bool differ = isDivergent(loop);
      for (auto [argument, first, next] : llvm::zip(test.getArguments(), loop.getInitial(), yieldsOf(body)))
        markIf(argument, {first, next});
      for (auto [result, argument, passed] :
           llvm::zip(op.getResults(), body.getArguments(), yieldsOf(test).drop_front())) {
        markIf(argument, {passed});
        markIf(result, {passed});
        if (differ)
          mark(result);
      }
    } else {
      auto query = dyn_cast<ThreadPositionInGridOp>(op);
      if ((query && query.getAxis() == Axis::x) ||
          llvm::any_of(op.getOperands(), [&](Value v) { return differs(v); }))
        for (Value result : op.getResults())
          mark(result);
    }
  }
}

// ---- Rewriting

Value Vectoriser::carriedValue(Value v, bool asVector) { return asVector ? vector(v) : entry(v).value; }

void Vectoriser::rewriteBlock(Block &from, Block &to, ArrayRef<Value> carried) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&to);
  SmallVector<Operation *> operations;
  for (Operation &op : from.without_terminator())
    operations.push_back(&op);
  for (Operation *op : operations)
    rewrite(op);
  SmallVector<Value> yields;
  // A while's first block yields the condition in front.
  const size_t before = from.back().getNumOperands() - carried.size();
  for (auto [i, v] : llvm::enumerate(from.back().getOperands()))
    yields.push_back(i < before ? entry(v).value : carriedValue(v, differs(carried[i - before])));
  YieldOp::create(builder, from.back().getLoc(), yields);
}

void Vectoriser::control(Operation *op) {
  if (isDivergent(op)) {
    auto branch = dyn_cast<IfOp>(op);
    if (!branch || !chosen(branch))
      unrolled(op);
    return;
  }
  // What a value becomes that the operation carries.
  const auto typeOf = [&](Value v) { return differs(v) ? vectorOf(v.getType()) : v.getType(); };
  const auto results = op->getResults();
  OperationState state(op->getLoc(), op->getName());
  state.addAttributes(op->getAttrs());
  for (Value v : results)
    state.addTypes(typeOf(v));
  const unsigned firstCarried = isa<IfOp>(op) ? 1 : isa<ForOp>(op) ? 3 : 0;
  // A while's arguments are not its results: each of its blocks says for itself what differs.
  auto loop = dyn_cast<WhileOp>(op);
  for (auto [i, v] : llvm::enumerate(op->getOperands())) {
    if (i < firstCarried)
      state.addOperands(entry(v).value);
    else
      state.addOperands(carriedValue(v, differs(loop ? Value(loop.getConditionRegion().getArgument(i))
                                                     : Value(results[i - firstCarried]))));
  }
  for (unsigned r = 0; r < op->getNumRegions(); ++r)
    state.addRegion();
  Operation *made = builder.create(state);
  for (auto [r, region] : llvm::enumerate(op->getRegions())) {
    Block &body = made->getRegion(unsigned(r)).emplaceBlock();
    for (BlockArgument argument : region.getArguments())
      define(argument, differs(argument) ? Shape::varying : Shape::uniform,
             body.addArgument(typeOf(argument), argument.getLoc()));
    SmallVector<Value> next(results.begin(), results.end());
    if (loop && r == 0)
      next.assign(loop.getBody().args_begin(), loop.getBody().args_end());
    else if (loop)
      next.assign(loop.getConditionRegion().args_begin(), loop.getConditionRegion().args_end());
    rewriteBlock(region.front(), body, next);
  }
  for (auto [before, after] : llvm::zip(results, made->getResults()))
    define(before, differs(before) ? Shape::varying : Shape::uniform, after);
}

bool Vectoriser::chosen(IfOp op) {
  const auto onlyComputes = [](Region &region) {
    return llvm::all_of(region.front().without_terminator(), [](Operation &inner) {
      const OpKind kind = kindOf(&inner);
      return isElementwise(kind) || kind == OpKind::constant;
    });
  };
  if (!onlyComputes(op.getThenRegion()) || !onlyComputes(op.getElseRegion()))
    return false;
  for (Region *region : op.getRegions()) {
    SmallVector<Operation *> operations;
    for (Operation &inner : region->front().without_terminator())
      operations.push_back(&inner);
    for (Operation *inner : operations) {
      inner->removeAttr(inRangeAttr); // may be true only where the condition holds
      rewrite(inner);
    }
  }
  for (auto [result, x, y] :
       llvm::zip(op.getResults(), yieldsOf(op.getThenRegion()), yieldsOf(op.getElseRegion()))) {
    Value either = SelectOp::create(builder, op.getLoc(), vectorOf(result.getType()),
                                    vector(op.getCondition()), vector(x), vector(y));
    define(result, Shape::varying, either);
  }
  return true;
}

} // namespace enigma::transforms
