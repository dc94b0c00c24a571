// SPDX-License-Identifier: MIT
//
// Matrices of a simdgroup: 64 elements as eight rows of <8 x float>, once for all lanes (Lanes::Shape::Row).
// MatrixProducts.cpp multiplies them in tiles of one left factor and up to four right ones. The sums of a
// tile are in registers, up to 8 x 32 of them; the factors are read from memory element by element and row by
// row, from where the kernel has them if it can be:
//
//     MatrixEmitter matrices(kernel, lanes, memory, check);
//     auto a = matrices.factor(access, stride, /*transpose=*/false, /*isRight=*/false, 0);
//     auto b = matrices.factor(valueOfB, 1);
//     auto sums = matrices.sideBySide({c});
//     matrices.addProducts(sums, a, {b}, ElementKind::F32);
//     Components d = matrices.apart(sums, ElementKind::F32)[0];
#pragma once

#include "LaneMatrix.h"
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

  // ---- Products (MatrixProducts.cpp)
  /// How many matrices side by side the registers can sum.
  static constexpr unsigned widestTile(unsigned vectorBits) { return vectorBits >= 512 ? 4 : 1; }
  /// Bytes of memory for a factor that is not read where it lies.
  static constexpr uint64_t kCopyBytes = kMatrix * kMatrix * sizeof(float);

  /// A factor in memory: element (r, c) is the float at address + r * rowStep + c * columnStep.
  struct Factor {
    llvm::Value *address, *rowStep, *columnStep;
  };
  /// What simdgroup_load would load. `copy` numbers the memory for one that must be copied: of another type,
  /// partly out of bounds, or on the right and transposed.
  Factor factor(const Access &access, const Lanes &stride, bool transpose, bool isRight, unsigned copy);
  Factor factor(const Components &matrix, unsigned copy);

  /// The sums of a tile: row by row, from left to right, in vectors as wide as the CPU's.
  struct Sums {
    llvm::SmallVector<llvm::Value *, 16> parts;
    unsigned width = 1; ///< matrices
  };
  /// An empty one stands for no sum: the product's own rounding and sign of zero.
  Sums sideBySide(llvm::ArrayRef<Components> matrices);
  void addProducts(Sums &sums, const Factor &left, llvm::ArrayRef<Factor> right, ElementKind result);
  llvm::SmallVector<Components, 4> apart(const Sums &sums, ElementKind type);
  /// Moves sums to the memory of copies, `copy` and those after it, and back to registers.
  void putAway(const Sums &sums, unsigned copy);
  void takeBack(Sums &sums, unsigned copy);

private:
  using Rows = llvm::SmallVector<llvm::Value *, 8>;
  llvm::Value *copyAddress(unsigned copy);
  void storeCopy(const Rows &rows, unsigned copy);
  /// Index and stride in i64, and i1 whether the whole matrix is in bounds (null: unchecked).
  struct Extent {
    llvm::Value *index, *step, *isInside;
  };
  Extent extentOf(const Access &access, const Lanes &stride);
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
