// SPDX-License-Identifier: MIT
//
// Constants and elementwise operations of a kernel, by the `host` expressions of the operation table. See
// KernelLowering.h.
#include "KernelLowering.h"
#include "LaneVector.h"
#include "SimdEmitter.h"

#include "llvm/IR/Constants.h"

namespace enigma::host {

Components KernelLowering::constantOf(ConstantOp constant) {
  const ElementKind t = elementOf(constant.getType());
  mlir::Attribute value = constant.getValue();
  if (auto splat = llvm::dyn_cast<mlir::SplatElementsAttr>(value))
    value = splat.getSplatValue<mlir::Attribute>();
  Lanes lanes;
  if (auto number = llvm::dyn_cast<mlir::FloatAttr>(value)) {
    llvm::APFloat wide = number.getValue();
    bool loses = false;
    wide.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &loses);
    lanes = LaneBuilder::uniform(t, llvm::ConstantFP::get(builder.getContext(), wide));
  } else if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(value)) {
    lanes = LaneBuilder::uniform(t, llvm::ConstantInt::get(builder.getContext(), integer.getValue()));
  } else {
    fail(constant, "not a number or a vector of one number");
  }
  return Components(static_cast<size_t>(lanesOf(constant.getType())), lanes);
}

void KernelLowering::lowerElementwise(mlir::Operation &op, OpKind kind) {
  const auto count = static_cast<size_t>(lanesOf(op.getResult(0).getType()));
  llvm::SmallVector<Components, 2> results(op.getNumResults());
  for (size_t c = 0; c < count; ++c) {
    Components in;
    for (mlir::Value operand : op.getOperands()) {
      const Components &parts = valueOf(operand);
      in.push_back(parts[parts.size() == 1 ? 0 : c]);
    }
    const Components out = elementwise(op, kind, elementOf(op.getResult(0).getType()), in);
    for (size_t r = 0; r < results.size(); ++r)
      results[r].push_back(out[r]);
  }
  for (size_t r = 0; r < results.size(); ++r)
    values[op.getResult(static_cast<unsigned>(r))] = results[r];
}

void KernelLowering::lowerAsType(mlir::Operation &op) {
  const mlir::Type to = op.getResult(0).getType();
  const Components result =
      asType(*lane, valueOf(op.getOperand(0)), elementOf(to), static_cast<unsigned>(lanesOf(to)));
  values[op.getResult(0)] = result;
}

Components KernelLowering::vectorwise(mlir::Operation &op, OpKind kind) {
  LaneBuilder &b = *lane;
  llvm::SmallVector<Components, 3> in;
  for (mlir::Value operand : op.getOperands())
    in.push_back(valueOf(operand));
  switch (kind) {
#include "enigma/Target/Host/Vectorwise.inc"
  default:
    fail(&op, "the operation table has no host lowering of this operation");
  }
}

Components KernelLowering::elementwise(mlir::Operation &op, OpKind kind, [[maybe_unused]] ElementKind t,
                                       const Components &in) {
  LaneBuilder &b = *lane;
  switch (kind) {
#include "enigma/Target/Host/Elementwise.inc"
  default:
    return amongLanes(op, kind, in);
  }
}

Components KernelLowering::amongLanes(mlir::Operation &op, OpKind kind, const Components &in) {
  SimdEmitter s(*lane, control->active());
  switch (kind) {
#include "enigma/Target/Host/Convergent.inc"
  default:
    fail(&op, "the operation table has no host lowering of this operation");
  }
}

} // namespace enigma::host
