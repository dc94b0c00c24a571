// SPDX-License-Identifier: MIT
//
// What simdgroup matrices hold, and that their operations agree on it.
#include "enigma/Dialect/Enigma.h"

using namespace mlir;

namespace enigma::dialect {
namespace {

Type elementOf(Type t) { return cast<SimdgroupMatrixType>(t).getElementType(); }

LogicalResult verifyElement(Operation *op, Type element, Type matrix) {
  if (element != elementOf(matrix))
    return op->emitOpError() << "has elements of " << element << " for a matrix of " << elementOf(matrix);
  return success();
}

} // namespace

LogicalResult SimdgroupMatrixType::verify(function_ref<InFlightDiagnostic()> emitError, Type element) {
  if (isa<Float16Type, BFloat16Type, Float32Type>(element))
    return success();
  return emitError() << "a simdgroup matrix holds f16, bf16 or f32, got " << element;
}

LogicalResult SimdgroupFillOp::verify() { return verifyElement(*this, getX().getType(), getType()); }
LogicalResult SimdgroupLoadOp::verify() {
  return verifyElement(*this, cast<BufferType>(getBuffer().getType()).getElementType(), getType());
}
LogicalResult SimdgroupStoreOp::verify() {
  return verifyElement(*this, cast<BufferType>(getBuffer().getType()).getElementType(),
                       getMatrix().getType());
}
LogicalResult SimdgroupMultiplyOp::verify() { return success(); }
LogicalResult SimdgroupMultiplyAccumulateOp::verify() {
  if (getC().getType() != getA().getType() && !elementOf(getC().getType()).isF32())
    return emitOpError() << "accumulates " << elementOf(getA().getType()) << " into "
                         << elementOf(getC().getType());
  return success();
}
LogicalResult SimdgroupElementsOp::verify() {
  if (failed(verifyElement(*this, getFirst().getType(), getMatrix().getType())))
    return failure();
  return verifyElement(*this, getSecond().getType(), getMatrix().getType());
}
LogicalResult SimdgroupFromElementsOp::verify() {
  return verifyElement(*this, getFirst().getType(), getType());
}

} // namespace enigma::dialect
