// SPDX-License-Identifier: MIT
//
// Index arithmetic that is the same in each round of a loop stands before the loop, where a programmer would
// have written it. The emitter then adds it to the pointer once. Other arithmetic stays: its results would
// take registers for the whole loop, and Metal's compiler judges that better.
#include "enigma/Dialect/Enigma.h"
#include "enigma/Transforms/Passes.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace enigma::transforms {
namespace {

using namespace dialect;

struct HoistPass : PassWrapper<HoistPass, OperationPass<KernelOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(HoistPass)
  StringRef getArgument() const override { return "enigma-hoist"; }
  StringRef getDescription() const override {
    return "index arithmetic that a loop does not change, in front of it";
  }

  void runOnOperation() override {
    // Inner loops first: what leaves one may leave the next too.
    getOperation().walk<WalkOrder::PostOrder>([&](ForOp loop) {
      for (Operation &op : llvm::make_early_inc_range(loop.block()))
        if (isSame(&op, loop) && isAddressing(&op, 0))
          op.moveBefore(loop);
    });
  }

  // Whether it computes the same integer in each round. Elementwise operations are total, so that it does not
  // matter if the loop runs no round.
  static bool isSame(Operation *op, ForOp loop) {
    if (op->getNumResults() != 1 || op->getNumRegions() != 0 || !isIntLike(op->getResult(0).getType()) ||
        !isScalar(op->getResult(0).getType()) || !isMemoryEffectFree(op) || isConvergent(kindOf(op)))
      return false;
    return llvm::none_of(op->getOperands(),
                         [&](Value v) { return loop->isAncestor(v.getParentBlock()->getParentOp()); });
  }

  // Whether all that its result is for is to say where an access is.
  static bool isAddressing(Operation *op, int depth) {
    constexpr int deepest = 8;
    if (depth > deepest || op->use_empty())
      return false;
    return llvm::all_of(op->getUses(), [&](OpOperand &use) {
      Operation *user = use.getOwner();
      switch (kindOf(user)) {
      case OpKind::load:
      case OpKind::load_if:
      case OpKind::simdgroup_load:
        return use.getOperandNumber() == 1;
      case OpKind::store:
      case OpKind::store_if:
      case OpKind::simdgroup_store:
        return use.getOperandNumber() == 2;
      default:
        return user->getNumResults() == 1 && isIntLike(user->getResult(0).getType()) &&
               isElementwise(kindOf(user)) && isAddressing(user, depth + 1);
      }
    });
  }
};

} // namespace

std::unique_ptr<Pass> createHoistPass() { return std::make_unique<HoistPass>(); }

} // namespace enigma::transforms
