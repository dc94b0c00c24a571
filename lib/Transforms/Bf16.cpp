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
// The name of an operation belongs to its rounded result.
Location unnamed(Operation *op) {
  auto named = dyn_cast<NameLoc>(op->getLoc());
  return named ? named.getChildLoc() : op->getLoc();
}
Type widened(Type t) { return withScalar(t, Float32Type::get(t.getContext())); }

/// A fraction at most the bfloat before 1, so that rounding does not reach 1. NaN stays.
Value belowOne(OpBuilder &builder, Value x, llvm::SmallPtrSetImpl<Operation *> &made) {
  Type type = x.getType();
  TypedAttr bound = FloatAttr::get(scalarOf(type), 0x1.fep-1);
  if (auto vector = dyn_cast<VectorType>(type))
    bound = DenseElementsAttr::get(vector, Attribute(bound));
  Value most = ConstantOp::create(builder, x.getLoc(), type, bound);
  auto above = CmpGtOp::create(builder, x.getLoc(), boolLike(type), x, most);
  auto kept = SelectOp::create(builder, x.getLoc(), type, above, most, x);
  made.insert_range(ArrayRef<Operation *>{above, kept});
  return kept;
}

struct Bf16Pass : PassWrapper<Bf16Pass, OperationPass<KernelOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Bf16Pass)
  StringRef getArgument() const override { return "enigma-bf16"; }
  StringRef getDescription() const override { return "compute in f32 what Metal does not offer on bfloat"; }

  void runOnOperation() override {
    SmallVector<Operation *> widen;
    getOperation().walk([&](Operation *op) {
      OpKind kind = kindOf(op);
      if ((isElementwise(kind) || isConvergent(kind) || isVectorwise(kind)) && !isBf16Native(kind) &&
          (llvm::any_of(op->getOperandTypes(), isBf16) || llvm::any_of(op->getResultTypes(), isBf16)))
        widen.push_back(op);
    });
    // Integers that f32 does not hold: where a device would round once or twice, say which.
    getOperation().walk([&](CastOp op) {
      Type from = op.getX().getType();
      if (!isBf16(op.getType()) || !isIntLike(from) || widthOf(from) < 32)
        return;
      OpBuilder builder(op);
      op.getXMutable().assign(CastOp::create(builder, unnamed(op), widened(op.getType()), op.getX()));
    });
    for (Operation *op : widen) {
      OpBuilder builder(op);
      for (OpOperand &operand : op->getOpOperands())
        if (isBf16(operand.get().getType()))
          operand.set(CastOp::create(builder, unnamed(op), widened(operand.get().getType()), operand.get()));
      builder.setInsertionPointAfter(op);
      for (OpResult result : op->getResults()) {
        if (!isBf16(result.getType()))
          continue;
        Type narrow = result.getType();
        result.setType(widened(narrow));
        llvm::SmallPtrSet<Operation *, 4> own;
        Value wide = isa<FractOp>(op) ? belowOne(builder, result, own) : result;
        auto back = CastOp::create(builder, op->getLoc(), narrow, wide);
        own.insert(back);
        result.replaceAllUsesExcept(back, own);
      }
      op->setLoc(unnamed(op));
    }
  }
};

} // namespace

std::unique_ptr<Pass> createBf16Pass() { return std::make_unique<Bf16Pass>(); }

} // namespace enigma::transforms
