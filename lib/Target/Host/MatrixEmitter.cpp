// SPDX-License-Identifier: MIT
//
// See MatrixEmitter.h.
#include "MatrixEmitter.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/IR/Module.h"

#include <numeric>

using namespace llvm;

namespace enigma::host {

// ---- Forms

Components MatrixEmitter::wrapped(ElementKind t, const Rows &rows) {
  Components out;
  for (Value *row : rows)
    out.push_back({row, t, Lanes::Shape::Row, 0, false});
  return out;
}

MatrixEmitter::Rows MatrixEmitter::rowsOf(const Components &matrix) {
  Rows rows;
  for (const Lanes &row : matrix)
    rows.push_back(row.value);
  return rows;
}

Value *MatrixEmitter::joined(const Rows &rows) {
  Rows parts = rows;
  while (parts.size() > 1) {
    Rows wider;
    const auto length = unsigned(llvm::cast<FixedVectorType>(parts[0]->getType())->getNumElements());
    SmallVector<int, 64> order(size_t(2) * length);
    std::iota(order.begin(), order.end(), 0);
    for (size_t i = 0; i < parts.size(); i += 2)
      wider.push_back(ir.CreateShuffleVector(parts[i], parts[i + 1], order));
    parts = wider;
  }
  return parts[0];
}

MatrixEmitter::Rows MatrixEmitter::split(Value *all) {
  Rows rows;
  for (unsigned r = 0; r < kMatrix; ++r) {
    SmallVector<int, kMatrix> order(kMatrix);
    std::iota(order.begin(), order.end(), int(r * kMatrix));
    rows.push_back(ir.CreateShuffleVector(all, order));
  }
  return rows;
}

MatrixEmitter::Rows MatrixEmitter::transposed(const Rows &rows) {
  // Halves of pairs, three times: the usual network of 24 shuffles.
  Rows in = rows;
  for (unsigned step : {1u, 2u, 4u}) {
    Rows out(kMatrix);
    for (unsigned r = 0; r < kMatrix; ++r) {
      if (r & step)
        continue;
      SmallVector<int, kMatrix> low, high;
      for (unsigned c = 0; c < kMatrix; ++c) {
        low.push_back(int(c & step ? kMatrix + c - step : c));
        high.push_back(int(c & step ? kMatrix + c : c + step));
      }
      out[r] = ir.CreateShuffleVector(in[r], in[r + step], low);
      out[r + step] = ir.CreateShuffleVector(in[r], in[r + step], high);
    }
    in = out;
  }
  return in;
}

Components MatrixEmitter::fromElements(const Lanes &first, const Lanes &second) {
  Value *x = b.vector(first), *y = b.vector(second);
  Rows rows;
  for (unsigned r = 0; r < kMatrix; ++r) {
    SmallVector<int, kMatrix> order;
    for (unsigned c = 0; c < kMatrix; ++c)
      order.push_back(int(matrixLane(r, c) + matrixSlot(c) * kLanes));
    rows.push_back(ir.CreateShuffleVector(x, y, order));
  }
  return wrapped(first.type, rows);
}

Components MatrixEmitter::elements(const Components &matrix) {
  Value *all = joined(rowsOf(matrix));
  SmallVector<int, kLanes> order[2] = {SmallVector<int, kLanes>(kLanes), SmallVector<int, kLanes>(kLanes)};
  for (unsigned r = 0; r < kMatrix; ++r)
    for (unsigned c = 0; c < kMatrix; ++c)
      order[matrixSlot(c)][matrixLane(r, c)] = int(r * kMatrix + c);
  Components out;
  for (const auto &places : order)
    out.push_back(LaneBuilder::varying(matrix[0].type, ir.CreateShuffleVector(all, places)));
  return out;
}

// ---- Memory

void MatrixEmitter::call(const char *name, ArrayRef<Value *> arguments) {
  SmallVector<Type *, 8> types;
  for (Value *argument : arguments)
    types.push_back(argument->getType());
  Module &module = *ir.GetInsertBlock()->getModule();
  FunctionCallee callee = module.getOrInsertFunction(name, FunctionType::get(ir.getVoidTy(), types, false));
  auto *declared = llvm::cast<Function>(callee.getCallee());
  declared->setDoesNotThrow();
  declared->setWillReturn();
  ir.CreateCall(callee, arguments);
}

MatrixEmitter::Extent MatrixEmitter::extentOf(const Access &access, const Lanes &stride) {
  Type *i64 = ir.getInt64Ty();
  const auto extended = [&](const Lanes &x) {
    return isSigned(x.type) ? ir.CreateSExt(x.value, i64) : ir.CreateZExt(x.value, i64);
  };
  Value *index = extended(access.index), *step = extended(stride);
  if (!isChecked)
    return {index, step, nullptr};
  // With both below 2^40 the last element's index does not wrap.
  Value *limit = ir.getInt64(uint64_t(1) << 40);
  Value *end =
      ir.CreateAdd(ir.CreateAdd(index, ir.CreateMul(step, ir.getInt64(kMatrix - 1))), ir.getInt64(kMatrix));
  Value *isInside = ir.CreateAnd(ir.CreateAnd(ir.CreateICmpULT(index, limit), ir.CreateICmpULT(step, limit)),
                                 ir.CreateICmpULE(end, kernel.bufferCount(access.param)));
  return {index, step, isInside};
}

void MatrixEmitter::place(const Access &access, const Lanes &stride,
                          function_ref<void(ArrayRef<Value *>)> direct,
                          function_ref<void(ArrayRef<Value *>)> checked) {
  const auto [index, step, isInside] = extentOf(access, stride);
  Value *data = kernel.bufferData(access.param);
  const auto addresses = [&, index = index, step = step] {
    Rows rows;
    for (unsigned r = 0; r < kMatrix; ++r)
      rows.push_back(ir.CreateGEP(b.memoryType(access.element), data,
                                  ir.CreateAdd(index, ir.CreateMul(step, ir.getInt64(r)))));
    return rows;
  };
  if (!isInside)
    return direct(addresses());
  Function *function = kernel.function();
  LLVMContext &context = ir.getContext();
  BasicBlock *yes = BasicBlock::Create(context, "inside", function),
             *no = BasicBlock::Create(context, "outside", function),
             *meet = BasicBlock::Create(context, "matrix", function);
  ir.CreateCondBr(isInside, yes, no, MDBuilder(context).createLikelyBranchWeights());
  ir.SetInsertPoint(yes);
  direct(addresses());
  ir.CreateBr(meet);
  ir.SetInsertPoint(no);
  Value *arguments[] = {
      kernel.frame(), memory.siteConstant(access), data, kernel.bufferCount(access.param), index, step};
  checked(arguments);
  ir.CreateBr(meet);
  ir.SetInsertPoint(meet);
}

Components MatrixEmitter::load(const Access &access, const Lanes &stride, bool transpose) {
  constexpr unsigned slot = 0;
  const ElementKind t = access.element;
  auto *rowType = FixedVectorType::get(b.memoryType(t), kMatrix);
  const Align align(hostabi::elementSize(t));
  Rows inside, outside;
  BasicBlock *insideEnd = nullptr, *outsideEnd = nullptr;
  place(
      access, stride,
      [&](ArrayRef<Value *> rows) {
        for (Value *row : rows)
          inside.push_back(ir.CreateAlignedLoad(rowType, row, align));
        insideEnd = ir.GetInsertBlock();
      },
      [&](ArrayRef<Value *> arguments) {
        SmallVector<Value *, 8> all(arguments);
        all.push_back(b.slot(slot));
        call("enigma_matrix_load", all);
        for (unsigned r = 0; r < kMatrix; ++r)
          outside.push_back(ir.CreateAlignedLoad(
              rowType, ir.CreateConstGEP1_64(b.memoryType(t), b.slot(slot), r * kMatrix), align));
        outsideEnd = ir.GetInsertBlock();
      });
  Rows rows;
  for (unsigned r = 0; r < kMatrix; ++r) {
    Value *row = inside[r];
    if (!outside.empty()) {
      PHINode *either = ir.CreatePHI(rowType, 2);
      either->addIncoming(inside[r], insideEnd);
      either->addIncoming(outside[r], outsideEnd);
      row = either;
    }
    rows.push_back(row);
  }
  for (Value *&row : rows)
    row = b.fromMemory(row, t);
  return wrapped(t, transpose ? transposed(rows) : rows);
}

void MatrixEmitter::store(const Access &access, const Components &matrix, const Lanes &stride,
                          bool transpose) {
  constexpr unsigned slot = 0;
  const ElementKind t = access.element;
  const Align align(hostabi::elementSize(t));
  Rows rows = transpose ? transposed(rowsOf(matrix)) : rowsOf(matrix);
  for (Value *&row : rows)
    row = b.toMemory(row, t);
  place(
      access, stride,
      [&](ArrayRef<Value *> places) {
        for (unsigned r = 0; r < kMatrix; ++r)
          ir.CreateAlignedStore(rows[r], places[r], align);
      },
      [&](ArrayRef<Value *> arguments) {
        for (unsigned r = 0; r < kMatrix; ++r)
          ir.CreateAlignedStore(rows[r], ir.CreateConstGEP1_64(b.memoryType(t), b.slot(slot), r * kMatrix),
                                align);
        SmallVector<Value *, 8> all(arguments);
        all.push_back(b.slot(slot));
        call("enigma_matrix_store", all);
      });
}

} // namespace enigma::host
