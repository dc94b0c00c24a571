// SPDX-License-Identifier: MIT
//
// Rules and folders of the operations in EnigmaVectorOps.td.
#include "enigma/Dialect/Enigma.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace enigma::dialect {

unsigned vectorAlignment(Value array) {
  if (isVector(cast<BufferType>(array.getType()).getElementType()))
    return 0; // its own alignment is enough
  unsigned bytes = 0;
  for (Operation *user : array.getUsers()) {
    Type moved = user->getNumResults() ? user->getResult(0).getType() : user->getOperand(0).getType();
    if (isVector(moved))
      bytes = std::max<unsigned>(bytes, lanesOf(moved) * std::max(widthOf(moved), 8u) / 8);
  }
  return bytes;
}

LogicalResult SwizzleOp::verify() {
  if (scalarOf(getX().getType()) != scalarOf(getType()) ||
      static_cast<int64_t>(getComponents().size()) != lanesOf(getType()))
    return emitOpError() << "gives " << getComponents().size() << " components of " << getX().getType()
                         << " as " << getType();
  for (int32_t component : getComponents())
    if (component < 0 || component >= lanesOf(getX().getType()))
      return emitOpError() << "component " << component << " of " << lanesOf(getX().getType());
  return success();
}

OpFoldResult SwizzleOp::fold(FoldAdaptor in) {
  if (getX().getType() == getType() && llvm::all_of(llvm::enumerate(getComponents()), [](auto pair) {
        return static_cast<int32_t>(pair.index()) == pair.value();
      }))
    return getX();
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(in.getX()))
    return DenseElementsAttr::get(cast<VectorType>(getType()), splat.getSplatValue<Attribute>());
  if (auto inner = getX().getDefiningOp<SwizzleOp>()) {
    SmallVector<int32_t> components;
    for (int32_t component : getComponents())
      components.push_back(inner.getComponents()[component]);
    setComponents(components);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

OpFoldResult ExtractAtOp::fold(FoldAdaptor in) {
  if (auto splat = getX().getDefiningOp<SplatOp>())
    return splat.getX();
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(in.getX()))
    return splat.getSplatValue<Attribute>();
  auto index = constantInt(getIndex());
  if (auto make = getX().getDefiningOp<MakeVectorOp>(); make && index)
    return make.getComponents()[std::min<uint64_t>(*index, make.getComponents().size() - 1)];
  return {};
}

LogicalResult CrossOp::verify() {
  if (lanesOf(getType()) != 3)
    return emitOpError() << "needs vectors of 3, got " << getType();
  return success();
}

} // namespace enigma::dialect
