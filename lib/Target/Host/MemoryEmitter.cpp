// SPDX-License-Identifier: MIT
//
// See MemoryEmitter.h.
#include "MemoryEmitter.h"

#include "LaneMemory.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/IR/Module.h"

#include <cstddef>
#include <numeric>
#include <string>

using namespace llvm;

namespace enigma::host {
namespace {

constexpr uint64_t kLimitKey = 16ull << 32;
constexpr unsigned kValueSlot = 3, kIndexSlot = 0;

MDNode *likely(LLVMContext &context) { return MDBuilder(context).createLikelyBranchWeights(); }

/// A diamond: `fast` where the condition holds, else `slow`; leaves the builder where they meet.
template <class Fast, class Slow> void branch(IRBuilder<> &ir, Value *condition, Fast fast, Slow slow) {
  Function *function = ir.GetInsertBlock()->getParent();
  LLVMContext &context = ir.getContext();
  BasicBlock *yes = BasicBlock::Create(context, "fast", function);
  BasicBlock *no = BasicBlock::Create(context, "slow", function);
  BasicBlock *meet = BasicBlock::Create(context, "", function);
  ir.CreateCondBr(condition, yes, no, likely(context));
  ir.SetInsertPoint(yes);
  fast();
  ir.CreateBr(meet);
  ir.SetInsertPoint(no);
  slow();
  ir.CreateBr(meet);
  ir.SetInsertPoint(meet);
}

} // namespace

LaneMask MemoryEmitter::narrowed(const LaneMask &mask, const Lanes &condition) {
  LaneMask result;
  Type *word = ir.getInt32Ty();
  if (condition.isUniform()) {
    result.all = ir.CreateAnd(mask.all, condition.value);
    result.bits = ir.CreateSelect(condition.value, mask.bits, ir.getInt32(0));
  } else {
    result.bits = ir.CreateAnd(mask.bits, ir.CreateBitCast(b.vector(condition), word));
    result.all = ir.CreateICmpEQ(result.bits, ir.getInt32(~0u));
  }
  result.vector = ir.CreateBitCast(result.bits, mask.vector->getType());
  return result;
}

/// Whether `elements` elements from the (first) index on are in the buffer, as one comparison: the index as an unsigned
/// number is below min(count, range of the index's type) - (elements - 1). A negative index is a huge one, and an index
/// that would wrap on the way fails too.
Value *MemoryEmitter::inBounds(const Access &access, unsigned elements) {
  const ElementKind type = access.index.type;
  const unsigned valueBits = bitsOf(type) - (isSigned(type) ? 1 : 0);
  Value *count = kernel.bufferCount(access.param);
  const uint64_t key = kLimitKey + (uint64_t(access.param) << 16 | valueBits << 8 | elements);
  Value *limit = kernel.once(key, [&](IRBuilder<> &at) -> Value * {
    Value *reachable = count;
    if (valueBits < 63)
      reachable = at.CreateBinaryIntrinsic(Intrinsic::umin, count, at.getInt64(uint64_t(1) << valueBits));
    return at.CreateBinaryIntrinsic(Intrinsic::usub_sat, reachable, at.getInt64(elements - 1));
  });
  return ir.CreateICmpULT(ir.CreateZExtOrTrunc(access.index.value, ir.getInt64Ty()), limit);
}

/// The (first) index as the number that it stands for.
Value *MemoryEmitter::extendedIndex(const Access &access) {
  Type *wide = ir.getInt64Ty();
  return isSigned(access.index.type) ? ir.CreateSExt(access.index.value, wide)
                                     : ir.CreateZExt(access.index.value, wide);
}

Value *MemoryEmitter::address(const Access &access) {
  return ir.CreateGEP(b.memoryType(access.element), kernel.bufferData(access.param), extendedIndex(access));
}

/// A constant of LaneMemory.h's AccessSite.
Value *MemoryEmitter::siteConstant(const Access &access) {
  static_assert(sizeof(AccessSite) == 16 && offsetof(AccessSite, bytes) == 8 && offsetof(AccessSite, isChecked) == 12);
  const ElementKind index = access.index.type;
  Constant *fields[] = {ir.getInt32(access.site),
                        ir.getInt32(access.param),
                        ir.getInt8(uint8_t(hostabi::elementSize(access.element))),
                        ir.getInt8(uint8_t(access.components)),
                        ir.getInt8(uint8_t(bitsOf(index))),
                        ir.getInt8(isSigned(index)),
                        ir.getInt8(isChecked)};
  Constant *site = ConstantStruct::getAnon(fields);
  Module &module = *ir.GetInsertBlock()->getModule();
  return new GlobalVariable(module, site->getType(), true, GlobalValue::PrivateLinkage, site, "site");
}

/// Calls enigma_<name>: (frame, site, first, stride, bits, values) for "..linear", (frame, site, indices, bits, values)
/// for "..varying".
CallInst *MemoryEmitter::callOutOfLine(const char *name, const Access &access, Value *bits) {
  SmallVector<Value *, 6> arguments{kernel.frame(), siteConstant(access)};
  const Lanes &index = access.index;
  if (index.shape == Lanes::Shape::Varying) {
    // Indices travel as 32-bit words where they have 32 bits, else widened to 64.
    Value *indices = index.value;
    if (bitsOf(index.type) != 32) {
      auto *wide = FixedVectorType::get(ir.getInt64Ty(), kLanes);
      indices = isSigned(index.type) ? ir.CreateSExt(indices, wide) : ir.CreateZExt(indices, wide);
    }
    ir.CreateAlignedStore(indices, b.slot(kIndexSlot), Align(64));
    arguments.push_back(b.slot(kIndexSlot));
  } else {
    arguments.push_back(extendedIndex(access));
    arguments.push_back(ir.getInt64(static_cast<uint64_t>(index.isUniform() ? 0 : index.stride)));
  }
  arguments.push_back(bits);
  arguments.push_back(b.slot(kValueSlot));
  SmallVector<Type *, 6> types;
  for (Value *argument : arguments)
    types.push_back(argument->getType());
  Module &module = *ir.GetInsertBlock()->getModule();
  FunctionCallee callee =
      module.getOrInsertFunction(std::string("enigma_") + name, FunctionType::get(ir.getVoidTy(), types, false));
  auto *declared = cast<Function>(callee.getCallee());
  declared->setDoesNotThrow();
  declared->setWillReturn();
  return ir.CreateCall(callee, arguments);
}

Components MemoryEmitter::readSlot(const Access &access) {
  Components result;
  auto *type = FixedVectorType::get(b.memoryType(access.element), kLanes);
  const uint64_t bytes = hostabi::elementSize(access.element) * kLanes;
  for (unsigned c = 0; c < access.components; ++c) {
    Value *at = ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), b.slot(kValueSlot), c * bytes);
    Value *loaded = ir.CreateAlignedLoad(type, at, Align(32));
    result.push_back(LaneBuilder::varying(access.element, b.fromMemory(loaded, access.element)));
  }
  return result;
}

void MemoryEmitter::writeSlot(const Access &access, const Components &value) {
  const uint64_t bytes = hostabi::elementSize(access.element) * kLanes;
  for (unsigned c = 0; c < access.components; ++c) {
    Value *at = ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), b.slot(kValueSlot), c * bytes);
    ir.CreateAlignedStore(b.toMemory(b.vector(value[c]), access.element), at, Align(32));
  }
}

// ---- Lanes side by side: one wide vector, whose component c of lane l is element l * components + c

Components MemoryEmitter::loadSideBySide(const Access &access, const LaneMask &mask) {
  const unsigned elements = kLanes * access.components;
  Value *condition = isChecked ? ir.CreateAnd(mask.all, inBounds(access, elements)) : mask.all;
  auto *part = FixedVectorType::get(b.memoryType(access.element), kLanes);
  SmallVector<Value *, 4> fast, slow;
  BasicBlock *fastEnd = nullptr, *slowEnd = nullptr;
  branch(
      ir, condition,
      [&] {
        auto *wide = FixedVectorType::get(b.memoryType(access.element), elements);
        Value *loaded = ir.CreateAlignedLoad(wide, address(access), Align(hostabi::elementSize(access.element)));
        for (unsigned c = 0; c < access.components; ++c) {
          SmallVector<int, kLanes> picked;
          for (unsigned lane = 0; lane < kLanes; ++lane)
            picked.push_back(int(lane * access.components + c));
          fast.push_back(access.components == 1 ? loaded : ir.CreateShuffleVector(loaded, picked));
        }
        fastEnd = ir.GetInsertBlock();
      },
      [&] {
        callOutOfLine("load_linear", access, mask.bits);
        const uint64_t bytes = hostabi::elementSize(access.element) * kLanes;
        for (unsigned c = 0; c < access.components; ++c)
          slow.push_back(ir.CreateAlignedLoad(
              part, ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), b.slot(kValueSlot), c * bytes), Align(32)));
        slowEnd = ir.GetInsertBlock();
      });
  Components result;
  for (unsigned c = 0; c < access.components; ++c) {
    PHINode *either = ir.CreatePHI(part, 2);
    either->addIncoming(fast[c], fastEnd);
    either->addIncoming(slow[c], slowEnd);
    result.push_back(LaneBuilder::varying(access.element, either));
  }
  for (Lanes &lanes : result)
    lanes.value = b.fromMemory(lanes.value, access.element);
  return result;
}

void MemoryEmitter::storeSideBySide(const Access &access, const Components &value, const LaneMask &mask) {
  const unsigned elements = kLanes * access.components;
  Value *condition = isChecked ? ir.CreateAnd(mask.all, inBounds(access, elements)) : mask.all;
  SmallVector<Value *, 4> parts;
  for (const Lanes &lanes : value)
    parts.push_back(b.toMemory(b.vector(lanes), access.element));
  branch(
      ir, condition,
      [&] {
        Value *wide = parts[0];
        if (access.components > 1) {
          // Join the components one after the other, then deal them out lane by lane.
          const auto join = [&](Value *x, Value *y) {
            const unsigned width = cast<FixedVectorType>(x->getType())->getNumElements();
            SmallVector<int, 128> all(2 * width);
            std::iota(all.begin(), all.end(), 0);
            return ir.CreateShuffleVector(x, y, all);
          };
          wide = join(parts[0], parts[1]);
          if (access.components == 4)
            wide = join(wide, join(parts[2], parts[3]));
          SmallVector<int, 128> dealt;
          for (unsigned i = 0; i < elements; ++i)
            dealt.push_back(int(i % access.components * kLanes + i / access.components));
          wide = ir.CreateShuffleVector(wide, dealt);
        }
        ir.CreateAlignedStore(wide, address(access), Align(hostabi::elementSize(access.element)));
      },
      [&] {
        writeSlot(access, value);
        callOutOfLine("store_linear", access, mask.bits);
      });
}

// ---- The same index in all lanes

Components MemoryEmitter::loadUniform(const Access &access, const LaneMask &mask) {
  Value *condition = ir.CreateICmpNE(mask.bits, ir.getInt32(0));
  if (isChecked)
    condition = ir.CreateAnd(condition, inBounds(access, access.components));
  Type *type = b.memoryType(access.element);
  SmallVector<Value *, 4> fast;
  BasicBlock *fastEnd = nullptr, *slowEnd = nullptr;
  branch(
      ir, condition,
      [&] {
        Value *at = address(access);
        for (unsigned c = 0; c < access.components; ++c)
          fast.push_back(ir.CreateLoad(type, ir.CreateConstGEP1_64(type, at, c)));
        fastEnd = ir.GetInsertBlock();
      },
      [&] {
        // No lane is active, or all that are are out of bounds: report those, the value is 0.
        if (isChecked)
          callOutOfLine("load_linear", access, mask.bits);
        slowEnd = ir.GetInsertBlock();
      });
  Components result;
  for (unsigned c = 0; c < access.components; ++c) {
    PHINode *either = ir.CreatePHI(type, 2);
    either->addIncoming(fast[c], fastEnd);
    either->addIncoming(Constant::getNullValue(type), slowEnd);
    result.push_back(LaneBuilder::uniform(access.element, either));
  }
  for (Lanes &lanes : result)
    lanes.value = b.fromMemory(lanes.value, access.element);
  return result;
}

/// All lanes write one place: the last active one's value stays.
void MemoryEmitter::storeUniform(const Access &access, const Components &value, const LaneMask &mask) {
  Value *condition = ir.CreateICmpNE(mask.bits, ir.getInt32(0));
  if (isChecked)
    condition = ir.CreateAnd(condition, inBounds(access, access.components));
  Type *type = b.memoryType(access.element);
  branch(
      ir, condition,
      [&] {
        Value *at = address(access);
        Value *zeros = ir.CreateBinaryIntrinsic(Intrinsic::ctlz, mask.bits, ir.getTrue());
        Value *last = ir.CreateSub(ir.getInt32(kLanes - 1), zeros);
        for (unsigned c = 0; c < access.components; ++c) {
          Value *one = value[c].isUniform() ? value[c].value : ir.CreateExtractElement(b.vector(value[c]), last);
          ir.CreateStore(b.toMemory(one, access.element), ir.CreateConstGEP1_64(type, at, c));
        }
      },
      [&] {
        if (!isChecked)
          return;
        writeSlot(access, value);
        callOutOfLine("store_linear", access, mask.bits);
      });
}

// ---- Choice

Components MemoryEmitter::load(const Access &access, const LaneMask &mask) {
  if (access.index.isUniform())
    return loadUniform(access, mask);
  if (access.index.isLinear() && access.index.stride == access.components)
    return loadSideBySide(access, mask);
  callOutOfLine(access.index.isLinear() ? "load_linear" : "load_varying", access, mask.bits);
  return readSlot(access);
}

void MemoryEmitter::store(const Access &access, const Components &value, const LaneMask &mask) {
  if (access.index.isUniform())
    return storeUniform(access, value, mask);
  if (access.index.isLinear() && access.index.stride == access.components)
    return storeSideBySide(access, value, mask);
  writeSlot(access, value);
  callOutOfLine(access.index.isLinear() ? "store_linear" : "store_varying", access, mask.bits);
}

} // namespace enigma::host
