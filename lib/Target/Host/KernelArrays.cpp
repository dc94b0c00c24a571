// SPDX-License-Identifier: MIT
//
// See KernelArrays.h.
#include "KernelArrays.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"

namespace enigma::host {

using namespace dialect;
using Array = KernelEmitter::Array;

ElementKind elementOf(mlir::Type type) {
  const mlir::Type scalar = scalarOf(type);
  if (scalar.isF16())
    return ElementKind::F16;
  if (scalar.isBF16())
    return ElementKind::BF16;
  if (scalar.isF32())
    return ElementKind::F32;
  if (scalar.isInteger(1))
    return ElementKind::B1;
  const bool isUnsigned = scalar.isUnsignedInteger();
  switch (scalar.getIntOrFloatBitWidth()) {
  case 8:
    return isUnsigned ? ElementKind::U8 : ElementKind::I8;
  case 16:
    return isUnsigned ? ElementKind::U16 : ElementKind::I16;
  case 32:
    return isUnsigned ? ElementKind::U32 : ElementKind::I32;
  default:
    return isUnsigned ? ElementKind::U64 : ElementKind::I64;
  }
}

KernelArrays::KernelArrays(KernelOp kernel) : parameters(kernel.getBody().getNumArguments()) {
  constexpr uint64_t kAlign = 128; // a vector of 32 values of 4 bytes
  kernel.walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation *op) {
    Array array;
    if (auto shared = llvm::dyn_cast<ThreadgroupAllocOp>(op)) {
      array.space = Array::Space::Threadgroup;
      array.count = shared.getCount();
    } else if (auto own = llvm::dyn_cast<RegisterAllocOp>(op)) {
      array.space = Array::Space::Thread;
      array.count = own.getCount();
    } else if (auto table = llvm::dyn_cast<ConstantArrayOp>(op)) {
      array.space = Array::Space::Constant;
      array.count = static_cast<uint64_t>(table.getValues().getShapedType().getDimSize(0));
    } else {
      return;
    }
    const mlir::Value result = op->getResult(0);
    const mlir::Type element = llvm::cast<BufferType>(result.getType()).getElementType();
    array.element = elementOf(element);
    array.components = static_cast<unsigned>(lanesOf(element));
    if (array.space == Array::Space::Threadgroup) {
      const uint32_t size = hostabi::elementSize(array.element) * array.scalars();
      array.offset = threadgroupEnd;
      threadgroupEnd += (array.count * size + kAlign - 1) / kAlign * kAlign;
      const uint32_t align = std::max(size, vectorAlignment(result));
      metalEnd = (metalEnd + align - 1) / align * align + static_cast<uint32_t>(array.count) * size;
    }
    numbers[result] = parameters + unsigned(rows.size());
    rows.push_back({op, array});
  });
}

std::optional<unsigned> KernelArrays::numberOf(mlir::Value buffer) const {
  if (auto argument = llvm::dyn_cast<mlir::BlockArgument>(buffer))
    return argument.getArgNumber();
  const auto found = numbers.find(buffer);
  return found == numbers.end() ? std::nullopt : std::optional(found->second);
}

namespace {

/// The elements as they lie in memory: the bits, in integers of the element's size.
llvm::Constant *valuesOf(ConstantArrayOp table, const Array &of, llvm::Module &module) {
  llvm::Type *type = llvm::Type::getIntNTy(module.getContext(), hostabi::elementSize(of.element) * 8);
  llvm::SmallVector<llvm::Constant *> elements;
  for (mlir::Attribute value : table.getValues().getValues<mlir::Attribute>()) {
    const llvm::APInt bits = llvm::isa<mlir::FloatAttr>(value)
                                 ? llvm::cast<mlir::FloatAttr>(value).getValue().bitcastToAPInt()
                                 : llvm::cast<mlir::IntegerAttr>(value).getValue();
    elements.push_back(llvm::ConstantInt::get(type, bits.zextOrTrunc(type->getIntegerBitWidth())));
    if (of.components == 3 && elements.size() % 4 == 3) // the gap
      elements.push_back(llvm::ConstantInt::get(type, 0));
  }
  auto *array = llvm::ConstantArray::get(llvm::ArrayType::get(type, elements.size()), elements);
  auto *global = new llvm::GlobalVariable(module, array->getType(), true, llvm::GlobalValue::PrivateLinkage,
                                          array, "table");
  global->setAlignment(llvm::Align(64));
  return global;
}

} // namespace

std::vector<Array> KernelArrays::emitterArrays(llvm::Module &module) const {
  std::vector<Array> out;
  for (const Row &row : rows) {
    out.push_back(row.array);
    if (auto table = llvm::dyn_cast<ConstantArrayOp>(row.op))
      out.back().values = valuesOf(table, row.array, module);
  }
  return out;
}

} // namespace enigma::host
