// SPDX-License-Identifier: MIT
//
// Index arithmetic: what ranges prove is simplified, in one walk from the top.
#include "Ranges.h"
#include "enigma/Transforms/Passes.h"

#include "mlir/IR/Builders.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace enigma::transforms {
namespace {

using namespace dialect;

struct IndexPass : PassWrapper<IndexPass, OperationPass<KernelOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(IndexPass)
  StringRef getArgument() const override { return "enigma-index"; }
  StringRef getDescription() const override {
    return "simplify integer arithmetic by the ranges of its operands";
  }

  void runOnOperation() override {
    Ranges ranges;
    guarded.clear();
    // Erased at the end: what is remembered of a value is keyed by its address, which a new operation could
    // take over.
    SmallVector<Operation *> replaced;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto loop = dyn_cast<ForOp>(op))
        return markInRange(loop, ranges);
      if (op->getNumResults() != 1 || !isElementwise(kindOf(op)))
        return;
      OpBuilder builder(op);
      if (Value simpler = simplify(op, builder, ranges)) {
        op->getResult(0).replaceAllUsesWith(simpler);
        replaced.push_back(op);
        return;
      }
      markInRange(op, ranges);
      markGuarded(op);
    });
    for (Operation *op : llvm::reverse(replaced))
      op->erase();
  }

  Value constant(OpBuilder &builder, Operation *op, Type type, uint64_t value) {
    APInt bits(widthOf(type), value, /*isSigned=*/false, /*implicitTrunc=*/true);
    return ConstantOp::create(builder, op->getLoc(), type, IntegerAttr::get(type, bits));
  }

  Value simplify(Operation *op, OpBuilder &builder, Ranges &ranges) {
    switch (kindOf(op)) {
    case OpKind::cmp_eq:
    case OpKind::cmp_ne:
    case OpKind::cmp_lt:
    case OpKind::cmp_le:
    case OpKind::cmp_gt:
    case OpKind::cmp_ge:
      return decided(op, builder, ranges);
    case OpKind::floor_div:
    case OpKind::mod:
      return divided(op, builder, ranges);
    case OpKind::add:
      return gridPosition(op, builder);
    default:
      return {};
    }
  }

  // A comparison whose operands' ranges do not overlap.
  Value decided(Operation *op, OpBuilder &builder, Ranges &ranges) {
    Type type = op->getOperand(0).getType();
    if (!isIntLike(type) || !isScalar(type))
      return {};
    Range x = ranges(op->getOperand(0)), y = ranges(op->getOperand(1));
    bool less = x.high<y.low, lessEqual = x.high <= y.low, greater = x.low> y.high,
         greaterEqual = x.low >= y.high;
    auto answer = [&](bool isTrue, bool isFalse) -> Value {
      if (!isTrue && !isFalse)
        return {};
      return constant(builder, op, op->getResult(0).getType(), isTrue);
    };
    switch (kindOf(op)) {
    case OpKind::cmp_lt:
      return answer(less, greaterEqual);
    case OpKind::cmp_le:
      return answer(lessEqual, greater);
    case OpKind::cmp_gt:
      return answer(greater, lessEqual);
    case OpKind::cmp_ge:
      return answer(greaterEqual, less);
    case OpKind::cmp_eq:
      return answer(false, less || greater);
    default:
      return answer(less || greater, false);
    }
  }

  // x // 2^k is x >> k and x % 2^k is x & (2^k - 1), for negative x too: both round down. (x * c + y) // c is
  // x and (x * c + y) % c is y, for y in [0, c) where the sum does not wrap.
  Value divided(Operation *op, OpBuilder &builder, Ranges &ranges) {
    Type type = op->getResult(0).getType();
    if (!isIntLike(type) || !isScalar(type))
      return {};
    Value x = op->getOperand(0);
    auto divisor = constantInt(op->getOperand(1));
    bool isDivision = kindOf(op) == OpKind::floor_div;
    if (!divisor || *divisor <= 0)
      return {};
    if (auto sum = x.getDefiningOp<AddOp>())
      for (int side = 0; side < 2; ++side) {
        auto product = sum->getOperand(side).getDefiningOp<MulOp>();
        Value rest = sum->getOperand(1 - side);
        if (!product || constantInt(product.getY()) != divisor)
          continue;
        auto exactSum = ranges.exact(sum), exactProduct = ranges.exact(product);
        Range all = Ranges::ofType(type), r = ranges(rest);
        if (exactSum && exactProduct && all.contains(*exactSum) && all.contains(*exactProduct) &&
            r.low >= 0 && r.high < *divisor)
          return isDivision ? product.getX() : rest;
      }
    if (ranges(x).low >= 0 && ranges(x).high < *divisor)
      return isDivision ? constant(builder, op, type, 0) : x;
    if (!llvm::isPowerOf2_64(*divisor))
      return {};
    if (isDivision)
      return ShrOp::create(builder, op->getLoc(), type, x,
                           constant(builder, op, type, llvm::Log2_64(*divisor)));
    return AndOp::create(builder, op->getLoc(), type, x, constant(builder, op, type, *divisor - 1));
  }

  // group * threads per group + position in the group is the position in the grid.
  Value gridPosition(Operation *op, OpBuilder &builder) {
    for (int side = 0; side < 2; ++side) {
      auto product = op->getOperand(side).getDefiningOp<MulOp>();
      auto local = op->getOperand(1 - side).getDefiningOp<ThreadPositionInThreadgroupOp>();
      if (!product || !local)
        continue;
      for (int factor = 0; factor < 2; ++factor) {
        auto group = product->getOperand(factor).getDefiningOp<ThreadgroupPositionInGridOp>();
        auto size = product->getOperand(1 - factor).getDefiningOp<DispatchThreadsPerThreadgroupOp>();
        if (group && size && group.getAxis() == local.getAxis() && size.getAxis() == local.getAxis())
          return ThreadPositionInGridOp::create(builder, op->getLoc(), op->getResult(0).getType(),
                                                local.getAxis());
      }
    }
    return {};
  }

  void markInRange(Operation *op, Ranges &ranges) {
    Type type = op->getResult(0).getType();
    if (!isIntLike(type) || !isScalar(type))
      return;
    OpKind kind = kindOf(op);
    bool fits = false;
    if (kind == OpKind::floor_div || kind == OpKind::mod) {
      fits = ranges(op->getOperand(0)).low >= 0 && ranges(op->getOperand(1)).low > 0;
    } else if (auto exact = ranges.exact(op)) {
      fits = Ranges::ofType(type).contains(*exact);
    }
    if (fits)
      op->setAttr(inRangeAttr, UnitAttr::get(op->getContext()));
  }

  // The position after the last one fits too, so that counting needs no check.
  void markInRange(ForOp loop, Ranges &ranges) {
    Range lower = ranges(loop.getLower()), upper = ranges(loop.getUpper()), step = ranges(loop.getStep());
    Range all = Ranges::ofType(loop.getLower().getType());
    bool up = step.low > 0 && std::max(lower.high, upper.high - 1 + step.high) <= all.high;
    bool down = step.high < 0 && std::min(lower.low, upper.low + 1 + step.low) >= all.low;
    if (up || down)
      loop->setAttr(inRangeAttr, UnitAttr::get(loop->getContext()));
  }

  // Under `if (i > 0)`, i - 1 does not wrap. Said of unsigned numbers only, where wrapping does no harm if
  // the subtraction is moved out of the branch.
  void markGuarded(Operation *op) {
    if (kindOf(op) != OpKind::sub || op->hasAttr(inRangeAttr) || !constantInt(op->getOperand(1)) ||
        !isUnsignedIntLike(op->getResult(0).getType()) || isa<KernelOp>(op->getParentOp()))
      return;
    auto [it, isNew] = guarded.try_emplace(op->getBlock());
    if (isNew)
      it->second = Ranges::within(op->getBlock());
    markInRange(op, it->second);
  }

  llvm::DenseMap<Block *, Ranges> guarded;
};

} // namespace

std::unique_ptr<Pass> createIndexPass() { return std::make_unique<IndexPass>(); }

} // namespace enigma::transforms
