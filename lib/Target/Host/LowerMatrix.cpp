// SPDX-License-Identifier: MIT
//
// Simdgroup matrices of a kernel. See KernelLowering.h; MatrixEmitter.h makes the code.
#include "KernelLowering.h"
#include "MatrixEmitter.h"

namespace enigma::host {

void KernelLowering::lowerMatrix(mlir::Operation &op) {
  if (needsAllLanes(&op) && control->active().bits != frame->activeLanes().bits)
    fail(&op, "all 32 lanes of a simdgroup must take part, and a condition that differs between them leaves "
              "some out; branch on what is the same in all lanes, such as simdgroup_index_in_threadgroup()");
  MatrixEmitter matrices(*frame, *lane, *memory, options.check);
  const auto part = [&](mlir::Value v) { return valueOf(v); };
  // A place is the same in all lanes.
  const auto one = [&](mlir::Value v, const char *what) {
    const Lanes x = part(v)[0];
    if (!x.isUniform())
      fail(&op, std::string(what) +
                    " must be the same in all lanes, and nothing says that it is; take that of "
                    "the first one: simd_broadcast_first(x)");
    return x;
  };
  const auto place = [&](mlir::Value buffer, mlir::Value index) {
    one(index, "the index");
    return access(op, buffer, index, llvm::cast<BufferType>(buffer.getType()).getElementType());
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
    values[load] = matrices.load(place(load.getBuffer(), load.getIndex()),
                                 one(load.getStride(), "elements_per_row"), load.getTranspose());
  } else if (auto store = llvm::dyn_cast<SimdgroupStoreOp>(op)) {
    matrices.store(place(store.getBuffer(), store.getIndex()), part(store.getMatrix()),
                   one(store.getStride(), "elements_per_row"), store.getTranspose());
  } else {
    const auto result =
        elementOf(llvm::cast<SimdgroupMatrixType>(op.getResult(0).getType()).getElementType());
    const Components sum = op.getNumOperands() > 2 ? part(op.getOperand(2)) : Components{};
    values[op.getResult(0)] = matrices.multiply(part(op.getOperand(0)), part(op.getOperand(1)), sum, result);
  }
}

} // namespace enigma::host
