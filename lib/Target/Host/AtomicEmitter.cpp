// SPDX-License-Identifier: MIT
//
// See AtomicEmitter.h.
#include "AtomicEmitter.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace enigma::host {

Value *AtomicEmitter::spilled(unsigned slot, const Lanes &x) {
  ir.CreateAlignedStore(b.toMemory(b.vector(x), x.type), b.slot(slot), Align(64));
  return b.slot(slot);
}

AtomicEmitter::Result AtomicEmitter::change(AtomicKind kind, const Access &access, const LaneMask &mask,
                                            const Lanes &value, const Lanes &expected, bool isUsed) {
  constexpr unsigned indexSlot = 0, valueSlot = 1, oldSlot = 2;
  auto *wide = FixedVectorType::get(ir.getInt64Ty(), kLanes);
  Value *indices = b.vector(access.index);
  indices = isSigned(access.index.type) ? ir.CreateSExt(indices, wide) : ir.CreateZExt(indices, wide);
  ir.CreateAlignedStore(indices, b.slot(indexSlot), Align(64));
  Value *none = ConstantPointerNull::get(ir.getPtrTy());
  Value *values = value.value ? spilled(valueSlot, value) : none;
  const bool isExchange = kind == AtomicKind::CompareExchange;
  auto *type = FixedVectorType::get(b.memoryType(access.element), kLanes);
  Value *old = none;
  if (isExchange)
    old = spilled(oldSlot, expected);
  else if (isUsed) // lanes that are off hold something defined
    ir.CreateAlignedStore(Constant::getNullValue(type), old = b.slot(oldSlot), Align(64));
  Value *how = ir.getInt32(uint32_t(kind) | uint32_t(access.element) << 8);
  Value *arguments[] = {kernel.frame(),
                        memory.siteConstant(access),
                        how,
                        kernel.bufferData(access.param),
                        kernel.bufferCount(access.param),
                        b.slot(indexSlot),
                        mask.bits,
                        values,
                        old};
  SmallVector<Type *, 9> types;
  for (Value *argument : arguments)
    types.push_back(argument->getType());
  Module &module = *ir.GetInsertBlock()->getModule();
  FunctionCallee callee =
      module.getOrInsertFunction("enigma_atomic", FunctionType::get(ir.getInt32Ty(), types, false));
  auto *declared = cast<Function>(callee.getCallee());
  declared->setDoesNotThrow();
  declared->setWillReturn();
  Value *bits = ir.CreateCall(callee, arguments);
  Result result;
  if (isUsed || isExchange) {
    Value *loaded = ir.CreateAlignedLoad(type, b.slot(oldSlot), Align(64));
    result.old = LaneBuilder::varying(access.element, b.fromMemory(loaded, access.element));
  }
  if (isExchange) {
    auto *flags = FixedVectorType::get(ir.getInt1Ty(), kLanes);
    result.exchanged = LaneBuilder::varying(ElementKind::B1, ir.CreateBitCast(bits, flags));
  }
  return result;
}

} // namespace enigma::host
