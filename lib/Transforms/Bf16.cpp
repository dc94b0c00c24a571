// SPDX-License-Identifier: MIT
//
// bfloat has operators in Metal (3.1) but no functions: they compute in float and round once.
#include "enigma/Dialect/Enigma.h"
#include "enigma/Transforms/Passes.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace enigma::transforms {
namespace {

using namespace dialect;

bool isBf16(Type t) { return !isa<BufferType>(t) && isa<BFloat16Type>(scalarOf(t)); }
Type widened(Type t) { return withScalar(t, Float32Type::get(t.getContext())); }

struct Bf16Pass : PassWrapper<Bf16Pass, OperationPass<KernelOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Bf16Pass)
  StringRef getArgument() const override { return "enigma-bf16"; }
  StringRef getDescription() const override { return "compute in f32 what Metal does not offer on bfloat"; }

  void runOnOperation() override {
    for (Operation &op : llvm::make_early_inc_range(getOperation().block())) {
      OpKind kind = kindOf(&op);
      if (!isElementwise(kind) || isBf16Native(kind))
        continue;
      if (llvm::none_of(op.getOperandTypes(), isBf16) && llvm::none_of(op.getResultTypes(), isBf16))
        continue;
      OpBuilder builder(&op);
      for (OpOperand &operand : op.getOpOperands())
        if (isBf16(operand.get().getType()))
          operand.set(CastOp::create(builder, op.getLoc(), widened(operand.get().getType()), operand.get()));
      builder.setInsertionPointAfter(&op);
      for (OpResult result : op.getResults()) {
        if (!isBf16(result.getType()))
          continue;
        Type narrow = result.getType();
        result.setType(widened(narrow));
        auto back = CastOp::create(builder, op.getLoc(), narrow, result);
        result.replaceAllUsesExcept(back, back);
      }
      // The name belongs to the rounded result.
      if (auto named = dyn_cast<NameLoc>(op.getLoc()))
        op.setLoc(named.getChildLoc());
    }
  }
};

} // namespace

std::unique_ptr<Pass> createBf16Pass() { return std::make_unique<Bf16Pass>(); }

} // namespace enigma::transforms
