// SPDX-License-Identifier: MIT
//
// Matrices of a simdgroup: 64 elements as eight rows of <8 x float>, once for all lanes (Lanes::Shape::Row).
// A product takes a row of the accumulator after the other, eight fused multiply-adds of a row of b each.
//
//     MatrixEmitter matrices(kernel, lanes, memory);
//     Components a = matrices.load(access, stride, /*transpose=*/false);
//     Components d = matrices.multiply(a, b, c, ElementKind::F32);
#pragma once

#include "MemoryEmitter.h"

namespace enigma::host {

class MatrixEmitter {
public:
  MatrixEmitter(KernelEmitter &inKernel, LaneBuilder &builder, MemoryEmitter &accesses, bool check)
      : kernel(inKernel), b(builder), ir(builder.ir), memory(accesses), isChecked(check) {}

  /// Every lane gives the elements that it holds.
  Components fromElements(const Lanes &first, const Lanes &second);
  /// The two elements that each lane holds.
  Components elements(const Components &matrix);
  /// The index and the stride are uniform.
  Components load(const Access &access, const Lanes &stride, bool transpose);
  void store(const Access &access, const Components &matrix, const Lanes &stride, bool transpose);
  /// a b + c, or a b where c is empty.
  Components multiply(const Components &x, const Components &y, const Components &z, ElementKind result);

private:
  using Rows = llvm::SmallVector<llvm::Value *, 8>;
  Components wrapped(ElementKind t, const Rows &rows);
  Rows rowsOf(const Components &matrix);
  /// All elements, row by row, in one vector, and back.
  llvm::Value *joined(const Rows &rows);
  Rows split(llvm::Value *all);
  Rows transposed(const Rows &rows);
  /// Calls `direct` with the address of each row where the whole matrix is in bounds, else `checked`.
  void place(const Access &access, const Lanes &stride,
             llvm::function_ref<void(llvm::ArrayRef<llvm::Value *> rows)> direct,
             llvm::function_ref<void(llvm::ArrayRef<llvm::Value *> arguments)> checked);
  void call(const char *name, llvm::ArrayRef<llvm::Value *> arguments);

  KernelEmitter &kernel;
  LaneBuilder &b;
  llvm::IRBuilder<> &ir;
  MemoryEmitter &memory;
  bool isChecked;
};

} // namespace enigma::host
