// SPDX-License-Identifier: MIT
//
// Products of simdgroup matrices. See MatrixEmitter.h. A tile is a loop over the eight columns of the left
// factor: it loads the row of the right factors, and adds to each row of the sums that row times an element
// of the left one, which the CPU repeats over a vector as it loads it. So nothing but sums needs a register
// for long, and the loop is short.
#include "MatrixEmitter.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/MDBuilder.h"

#include <numeric>

using namespace llvm;

namespace enigma::host {
namespace {

SmallVector<int, 16> numbers(unsigned first, unsigned count) {
  SmallVector<int, 16> all(count);
  std::iota(all.begin(), all.end(), int(first));
  return all;
}

} // namespace

// ---- Factors

Value *MatrixEmitter::copyAddress(unsigned copy) {
  return ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), kernel.matrixCopies(), copy * kCopyBytes);
}

void MatrixEmitter::storeCopy(const Rows &rows, unsigned copy) {
  Value *to = copyAddress(copy);
  for (unsigned r = 0; r < kMatrix; ++r)
    ir.CreateAlignedStore(rows[r], ir.CreateConstInBoundsGEP1_64(ir.getFloatTy(), to, r * kMatrix),
                          Align(32));
}

MatrixEmitter::Factor MatrixEmitter::factor(const Components &matrix, unsigned copy) {
  storeCopy(rowsOf(matrix), copy);
  return {copyAddress(copy), ir.getInt64(kMatrix), ir.getInt64(1)};
}

MatrixEmitter::Factor MatrixEmitter::factor(const Access &access, const Lanes &stride, bool transpose,
                                            bool isRight, unsigned copy) {
  if (access.element != ElementKind::F32 || (transpose && isRight))
    return factor(load(access, stride, transpose), copy);
  const auto [index, step, isInside] = extentOf(access, stride);
  Value *data = kernel.bufferData(access.param);
  Value *address = ir.CreateGEP(ir.getFloatTy(), data, index), *rowStep = step;
  if (isInside) {
    // A matrix that is partly outside is collected in the copy, with 0 where it is outside.
    BasicBlock *before = ir.GetInsertBlock();
    BasicBlock *outside = BasicBlock::Create(ir.getContext(), "outside", kernel.function()),
               *meet = BasicBlock::Create(ir.getContext(), "factor", kernel.function());
    ir.CreateCondBr(isInside, meet, outside, MDBuilder(ir.getContext()).createLikelyBranchWeights());
    ir.SetInsertPoint(outside);
    Value *collected = copyAddress(copy);
    call("enigma_matrix_load", {kernel.frame(), memory.siteConstant(access), data,
                                kernel.bufferCount(access.param), index, step, collected});
    ir.CreateBr(meet);
    ir.SetInsertPoint(meet);
    const auto either = [&](Value *inside, Value *copied) {
      PHINode *phi = ir.CreatePHI(inside->getType(), 2);
      phi->addIncoming(inside, before);
      phi->addIncoming(copied, outside);
      return phi;
    };
    address = either(address, collected);
    rowStep = either(rowStep, ir.getInt64(kMatrix));
  }
  Value *one = ir.getInt64(1);
  return transpose ? Factor{address, one, rowStep} : Factor{address, rowStep, one};
}

// ---- Sums

MatrixEmitter::Sums MatrixEmitter::sideBySide(ArrayRef<Components> matrices) {
  auto *rowType = FixedVectorType::get(ir.getFloatTy(), kMatrix);
  // x y + -0 is x y, also where that is -0.
  Value *nothing = ConstantFP::get(rowType, -0.0);
  Sums sums;
  sums.width = unsigned(matrices.size());
  for (unsigned r = 0; r < kMatrix; ++r) {
    const auto row = [&](unsigned column) {
      return matrices[column].empty() ? nothing : matrices[column][r].value;
    };
    for (unsigned column = 0; column < sums.width; column += 2)
      sums.parts.push_back(
          sums.width == 1 ? row(0)
                          : ir.CreateShuffleVector(row(column), row(column + 1), numbers(0, 2 * kMatrix)));
  }
  return sums;
}

SmallVector<Components, 4> MatrixEmitter::apart(const Sums &sums, ElementKind type) {
  SmallVector<Components, 4> matrices;
  const unsigned perRow = unsigned(sums.parts.size()) / kMatrix;
  for (unsigned column = 0; column < sums.width; ++column) {
    Rows rows;
    for (unsigned r = 0; r < kMatrix; ++r) {
      Value *part = sums.parts[r * perRow + column / 2];
      rows.push_back(sums.width == 1 ? part
                                     : ir.CreateShuffleVector(part, numbers(column % 2 * kMatrix, kMatrix)));
    }
    matrices.push_back(wrapped(type, rows));
  }
  return matrices;
}

void MatrixEmitter::putAway(const Sums &sums, unsigned copy) {
  for (auto [i, part] : enumerate(sums.parts))
    ir.CreateAlignedStore(part, ir.CreateConstInBoundsGEP1_64(part->getType(), copyAddress(copy), i),
                          Align(32));
}

void MatrixEmitter::takeBack(Sums &sums, unsigned copy) {
  for (auto [i, part] : enumerate(sums.parts))
    part = ir.CreateAlignedLoad(
        part->getType(), ir.CreateConstInBoundsGEP1_64(part->getType(), copyAddress(copy), i), Align(32));
}

void MatrixEmitter::addProducts(Sums &sums, const Factor &left, ArrayRef<Factor> right, ElementKind result) {
  Type *number = ir.getFloatTy();
  auto *rowType = FixedVectorType::get(number, kMatrix);
  const unsigned perRow = unsigned(sums.parts.size()) / kMatrix;
  Rows leftRows;
  for (unsigned r = 0; r < kMatrix; ++r)
    leftRows.push_back(ir.CreateGEP(number, left.address, ir.CreateMul(left.rowStep, ir.getInt64(r))));

  BasicBlock *before = ir.GetInsertBlock();
  BasicBlock *loop = BasicBlock::Create(ir.getContext(), "product", kernel.function()),
             *after = BasicBlock::Create(ir.getContext(), "summed", kernel.function());
  ir.CreateBr(loop);
  ir.SetInsertPoint(loop);
  PHINode *k = ir.CreatePHI(ir.getInt64Ty(), 2, "k");
  k->addIncoming(ir.getInt64(0), before);
  SmallVector<PHINode *, 16> carried;
  for (Value *part : sums.parts) {
    carried.push_back(ir.CreatePHI(part->getType(), 2));
    carried.back()->addIncoming(part, before);
  }
  SmallVector<Value *, 4> rows;
  for (const Factor &factor : right) {
    Value *at = ir.CreateGEP(number, factor.address, ir.CreateMul(factor.rowStep, k));
    rows.push_back(ir.CreateAlignedLoad(rowType, at, Align(alignof(float))));
  }
  SmallVector<Value *, 2> wide;
  for (unsigned column = 0; column < sums.width; column += 2)
    wide.push_back(sums.width == 1
                       ? rows[0]
                       : ir.CreateShuffleVector(rows[column], rows[column + 1], numbers(0, 2 * kMatrix)));
  Value *column = ir.CreateMul(left.columnStep, k);
  for (unsigned r = 0; r < kMatrix; ++r) {
    Value *element =
        ir.CreateAlignedLoad(number, ir.CreateGEP(number, leftRows[r], column), Align(alignof(float)));
    Value *repeated = ir.CreateVectorSplat(sums.width == 1 ? kMatrix : 2 * kMatrix, element);
    for (unsigned p = 0; p < perRow; ++p) {
      Value *&part = sums.parts[r * perRow + p];
      part = ir.CreateIntrinsic(Intrinsic::fma, {wide[p]->getType()},
                                {repeated, wide[p], carried[r * perRow + p]});
    }
  }
  Value *next = ir.CreateAdd(k, ir.getInt64(1));
  k->addIncoming(next, loop);
  for (auto [phi, part] : zip(carried, sums.parts))
    phi->addIncoming(part, loop);
  ir.CreateCondBr(ir.CreateICmpEQ(next, ir.getInt64(kMatrix)), after, loop);
  ir.SetInsertPoint(after);
  for (Value *&part : sums.parts)
    part = b.rounded(part, result);
}

} // namespace enigma::host
