// SPDX-License-Identifier: MIT
//
// Simdgroup matrices of a kernel. See KernelLowering.h; MatrixEmitter.h makes the code.
#include "KernelLowering.h"
#include "MatrixEmitter.h"

namespace enigma::host {

void KernelLowering::lowerMatrix(mlir::Operation &op) {
  if (needsAllLanes(&op))
    checkLanes(op, GroupFault::Kind::Matrix);
  MatrixEmitter matrices(*frame, *lane, *memory, options.check);
  const auto part = [&](mlir::Value v) { return valueOf(v); };
  // A place is the same in all lanes: where nothing says so, the run does.
  const auto one = [&](mlir::Value v) {
    const Lanes x = part(v)[0];
    if (x.isUniform())
      return x;
    llvm::Value *lanes = lane->vector(x);
    const Lanes first = LaneBuilder::uniform(x.type, builder.CreateExtractElement(lanes, uint64_t(0)));
    llvm::Value *same = builder.CreateICmpEQ(lanes, lane->vector(first));
    frame->checkLanes(siteOf.lookup(&op), builder.CreateBitCast(same, builder.getInt32Ty()),
                      builder.getInt32(~0u), GroupFault::Kind::Place);
    return first;
  };
  const auto place = [&](mlir::Value buffer, mlir::Value index) {
    Access at = access(op, buffer, index, llvm::cast<BufferType>(buffer.getType()).getElementType());
    at.index = one(index);
    return at;
  };
  if (auto fill = llvm::dyn_cast<SimdgroupFillOp>(op)) {
    values[fill] = matrices.fromElements(part(fill.getX())[0], part(fill.getX())[0]);
  } else if (auto from = llvm::dyn_cast<SimdgroupFromElementsOp>(op)) {
    values[from] = matrices.fromElements(part(from.getFirst())[0], part(from.getSecond())[0]);
  } else if (auto elements = llvm::dyn_cast<SimdgroupElementsOp>(op)) {
    const Components both = matrices.elements(part(elements.getMatrix()));
    values[elements.getFirst()] = {both[0]};
    values[elements.getSecond()] = {both[1]};
  } else if (auto load = llvm::dyn_cast<SimdgroupLoadOp>(op)) {
    values[load] =
        matrices.load(place(load.getBuffer(), load.getIndex()), one(load.getStride()), load.getTranspose());
  } else if (auto store = llvm::dyn_cast<SimdgroupStoreOp>(op)) {
    matrices.store(place(store.getBuffer(), store.getIndex()), part(store.getMatrix()),
                   one(store.getStride()), store.getTranspose());
  } else {
    const auto result =
        elementOf(llvm::cast<SimdgroupMatrixType>(op.getResult(0).getType()).getElementType());
    const Components sum = op.getNumOperands() > 2 ? part(op.getOperand(2)) : Components{};
    values[op.getResult(0)] = matrices.multiply(part(op.getOperand(0)), part(op.getOperand(1)), sum, result);
  }
}

} // namespace enigma::host
