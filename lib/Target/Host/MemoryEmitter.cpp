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

constexpr uint64_t kLimitKey = 1ull << 60; // the parameter, the bits of the index and the elements below
constexpr unsigned kIndexSlot = 0;

MDNode *likely(LLVMContext &context) { return MDBuilder(context).createLikelyBranchWeights(); }

} // namespace

void MemoryEmitter::diamond(Value *condition, function_ref<void()> fast, function_ref<void()> slow,
                            const char *fastName) {
  Function *function = ir.GetInsertBlock()->getParent();
  LLVMContext &context = ir.getContext();
  BasicBlock *yes = BasicBlock::Create(context, fastName, function);
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

/// Whether `elements` elements from the (first) index on are in the buffer, as one comparison: the index as
/// an unsigned number is below min(count, range of the index's type) - (elements - 1). A negative index is a
/// huge one, and an index that would wrap on the way fails too.
Value *MemoryEmitter::inBounds(const Access &access, uint64_t elements) {
  return ir.CreateICmpULT(ir.CreateZExtOrTrunc(access.index.value, ir.getInt64Ty()),
                          limitOf(access, elements));
}

/// Indices below it can be followed by `elements` - 1 more.
Value *MemoryEmitter::limitOf(const Access &access, uint64_t elements) {
  const ElementKind type = access.index.type;
  const unsigned valueBits = bitsOf(type) - (isSigned(type) ? 1 : 0);
  Value *count = kernel.bufferCount(access.param);
  const uint64_t key = kLimitKey + (uint64_t(access.param) << 40 | uint64_t(valueBits) << 32 | elements);
  return kernel.once(key, [&](IRBuilder<> &at) -> Value * {
    Value *reachable = count;
    if (valueBits < 63)
      reachable = at.CreateBinaryIntrinsic(Intrinsic::umin, count, at.getInt64(uint64_t(1) << valueBits));
    return at.CreateBinaryIntrinsic(Intrinsic::usub_sat, reachable, at.getInt64(elements - 1));
  });
}

/// The (first) index as the number that it stands for.
Value *MemoryEmitter::extendedIndex(const Access &access) {
  Type *wide = ir.getInt64Ty();
  return isSigned(access.index.type) ? ir.CreateSExt(access.index.value, wide)
                                     : ir.CreateZExt(access.index.value, wide);
}

/// What an index counts.
Type *MemoryEmitter::elementType(const Access &access) {
  Type *element = b.memoryType(access.element);
  return access.isWhole && access.components > 1 ? ArrayType::get(element, access.scalars()) : element;
}

Value *MemoryEmitter::address(const Access &access) {
  return ir.CreateGEP(elementType(access), kernel.bufferData(access.param), extendedIndex(access));
}

Value *MemoryEmitter::siteConstant(const Access &access) {
  static_assert(sizeof(AccessSite) == 20 && offsetof(AccessSite, bytes) == 8 &&
                offsetof(AccessSite, isChecked) == 12 && offsetof(AccessSite, array) == 14 &&
                offsetof(AccessSite, isWhole) == 16);
  const bool isParam = kernel.isParam(access.param);
  const AccessSite::Space space = isParam               ? AccessSite::Param
                                  : isRegisters(access) ? AccessSite::Lane
                                                        : AccessSite::Array;
  const ElementKind index = access.index.type;
  Constant *fields[] = {ir.getInt32(access.site),
                        ir.getInt32(access.param),
                        ir.getInt8(uint8_t(hostabi::elementSize(access.element))),
                        ir.getInt8(uint8_t(access.components)),
                        ir.getInt8(uint8_t(bitsOf(index))),
                        ir.getInt8(isSigned(index)),
                        ir.getInt8(isChecked),
                        ir.getInt8(space),
                        ir.getInt16(uint16_t(isParam ? 0 : kernel.arrayNumber(access.param))),
                        ir.getInt8(access.isWhole)};
  Constant *site = ConstantStruct::getAnon(fields);
  Module &module = *ir.GetInsertBlock()->getModule();
  return new GlobalVariable(module, site->getType(), true, GlobalValue::PrivateLinkage, site, "site");
}

/// Calls enigma_<name>: (frame, site, first, stride, bits, values) for "..linear", (frame, site, indices,
/// bits, values) for "..varying".
void MemoryEmitter::callOutOfLine(const char *name, const Access &access, Value *bits, Value *slot) {
  if (!access.index.isUniform()) // where the index is uniform, only reports are left to do
    kernel.publishRegisters(access.param);
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
  arguments.push_back(slot);
  SmallVector<Type *, 6> types;
  for (Value *argument : arguments)
    types.push_back(argument->getType());
  Module &module = *ir.GetInsertBlock()->getModule();
  FunctionCallee callee = module.getOrInsertFunction(std::string("enigma_") + name,
                                                     FunctionType::get(ir.getVoidTy(), types, false));
  auto *declared = cast<Function>(callee.getCallee());
  declared->setDoesNotThrow();
  declared->setWillReturn();
  CallInst *call = ir.CreateCall(callee, arguments);
  if (kernel.isParam(access.param)) // and the frame, but not its threadgroup memory
    kernel.markBufferCall(call);
}

/// All lanes of an access as one vector, in the order of memory: component c of lane l is element l *
/// components + c; of vectors of 3 every fourth one is a gap.
FixedVectorType *MemoryEmitter::wideType(const Access &access) {
  return FixedVectorType::get(b.memoryType(access.element), kLanes * access.scalars());
}

Components MemoryEmitter::split(const Access &access, Value *wide) {
  Components result;
  for (unsigned c = 0; c < access.components; ++c) {
    SmallVector<int, kLanes> picked;
    for (unsigned lane = 0; lane < kLanes; ++lane)
      picked.push_back(int(lane * access.scalars() + c));
    Value *part = access.components == 1 ? wide : ir.CreateShuffleVector(wide, picked);
    result.push_back(LaneBuilder::varying(access.element, b.fromMemory(part, access.element)));
  }
  return result;
}

Value *MemoryEmitter::joined(const Access &access, const Components &value) {
  SmallVector<Value *, 4> parts;
  for (const Lanes &lanes : value)
    parts.push_back(b.toMemory(b.vector(lanes), access.element));
  if (access.components == 1)
    return parts[0];
  // Put the components one after the other, then deal them out lane by lane.
  const auto join = [&](Value *x, Value *y) {
    SmallVector<int, 128> all(2 * cast<FixedVectorType>(x->getType())->getNumElements());
    std::iota(all.begin(), all.end(), 0);
    return ir.CreateShuffleVector(x, y, all);
  };
  Value *wide = join(parts[0], parts[1]);
  if (access.components > 2)
    wide = join(wide, join(parts[2], parts.back()));
  SmallVector<int, 128> dealt;
  for (unsigned i = 0; i < kLanes * access.scalars(); ++i)
    dealt.push_back(int(i % access.scalars() * kLanes + i / access.scalars()));
  return ir.CreateShuffleVector(wide, dealt);
}

// ---- Lanes side by side, with a check of their own

Components MemoryEmitter::loadSideBySide(const Access &access, const LaneMask &mask) {
  Value *condition = mask.all;
  if (isChecked)
    condition = ir.CreateAnd(condition, inBounds(access, kLanes * access.elements()));
  FixedVectorType *type = wideType(access);
  Value *fast = nullptr, *slow = nullptr;
  BasicBlock *fastEnd = nullptr, *slowEnd = nullptr;
  diamond(
      condition,
      [&] {
        fast = ir.CreateAlignedLoad(type, address(access), Align(hostabi::elementSize(access.element)));
        fastEnd = ir.GetInsertBlock();
      },
      [&] {
        callOutOfLine("load_linear", access, mask.bits, b.slot(kValueSlot));
        slow = ir.CreateAlignedLoad(type, b.slot(kValueSlot), Align(64));
        slowEnd = ir.GetInsertBlock();
      });
  PHINode *either = ir.CreatePHI(type, 2);
  either->addIncoming(fast, fastEnd);
  either->addIncoming(slow, slowEnd);
  return split(access, either);
}

void MemoryEmitter::storeSideBySide(const Access &access, const Components &value, const LaneMask &mask) {
  Value *condition = mask.all;
  if (isChecked)
    condition = ir.CreateAnd(condition, inBounds(access, kLanes * access.elements()));
  Value *wide = joined(access, value);
  diamond(
      condition,
      [&] { ir.CreateAlignedStore(wide, address(access), Align(hostabi::elementSize(access.element))); },
      [&] {
        ir.CreateAlignedStore(wide, b.slot(kValueSlot), Align(64));
        callOutOfLine("store_linear", access, mask.bits, b.slot(kValueSlot));
      });
}

// ---- The same index in all lanes

Components MemoryEmitter::loadUniform(const Access &access, const LaneMask &mask) {
  Value *condition = ir.CreateICmpNE(mask.bits, ir.getInt32(0));
  if (isChecked)
    condition = ir.CreateAnd(condition, inBounds(access, access.elements()));
  Type *type = b.memoryType(access.element);
  SmallVector<Value *, 4> fast;
  BasicBlock *fastEnd = nullptr, *slowEnd = nullptr;
  diamond(
      condition,
      [&] {
        Value *at = address(access);
        for (unsigned c = 0; c < access.components; ++c)
          fast.push_back(ir.CreateLoad(type, ir.CreateConstGEP1_64(type, at, c)));
        fastEnd = ir.GetInsertBlock();
      },
      [&] {
        // No lane is active, or all that are are out of bounds: report those, the value is 0.
        if (isChecked)
          callOutOfLine("load_linear", access, mask.bits, b.slot(kValueSlot));
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
    condition = ir.CreateAnd(condition, inBounds(access, access.elements()));
  Type *type = b.memoryType(access.element);
  diamond(
      condition,
      [&] {
        Value *at = address(access);
        Value *zeros = ir.CreateBinaryIntrinsic(Intrinsic::ctlz, mask.bits, ir.getTrue());
        Value *last = ir.CreateSub(ir.getInt32(kLanes - 1), zeros);
        for (unsigned c = 0; c < access.components; ++c) {
          Value *one =
              value[c].isUniform() ? value[c].value : ir.CreateExtractElement(b.vector(value[c]), last);
          ir.CreateStore(b.toMemory(one, access.element), ir.CreateConstGEP1_64(type, at, c));
        }
      },
      [&] {
        if (!isChecked)
          return;
        ir.CreateAlignedStore(joined(access, value), b.slot(kValueSlot), Align(64));
        callOutOfLine("store_linear", access, mask.bits, b.slot(kValueSlot));
      });
}

// ---- Registers: element i of all lanes is one vector

bool MemoryEmitter::isRegisters(const Access &access) const {
  return !kernel.isParam(access.param) &&
         kernel.array(access.param).space == KernelEmitter::Array::Space::Thread;
}

void MemoryEmitter::prefetch(const Access &access, Value *elements) {
  constexpr uint64_t kLine = 64;
  const uint64_t element = hostabi::elementSize(access.element) * (access.isWhole ? access.scalars() : 1);
  const uint64_t bytes = kLanes * access.elements() * element;
  Value *first = ir.CreateGEP(ir.getInt8Ty(), address(access), ir.CreateMul(elements, ir.getInt64(element)));
  for (uint64_t at = 0; at < bytes; at += kLine)
    ir.CreateIntrinsic(
        ir.getVoidTy(), Intrinsic::prefetch,
        {ir.CreateConstGEP1_64(ir.getInt8Ty(), first, at), ir.getInt32(0), ir.getInt32(3), ir.getInt32(1)});
}

bool MemoryEmitter::isSideBySide(const Access &access) const {
  return !isRegisters(access) && access.index.isLinear() && access.index.stride == access.elements();
}

Value *MemoryEmitter::registerAddress(const Access &access, unsigned component) {
  Value *index = extendedIndex(access);
  if (access.isWhole)
    index = ir.CreateMul(index, ir.getInt64(access.components));
  index = ir.CreateAdd(index, ir.getInt64(component));
  Access scalar;
  scalar.element = access.element;
  return ir.CreateInBoundsGEP(wideType(scalar), kernel.bufferData(access.param), index);
}

Components MemoryEmitter::loadRegisters(const Access &access, const LaneMask &mask) {
  Access scalar;
  scalar.element = access.element;
  FixedVectorType *type = wideType(scalar);
  SmallVector<Value *, 4> values;
  const auto all = [&] {
    for (unsigned c = 0; c < access.components; ++c)
      values.push_back(ir.CreateLoad(type, registerAddress(access, c)));
  };
  Value *isIn = isChecked ? inBounds(access, access.elements()) : ir.getTrue();
  if (auto *known = dyn_cast<ConstantInt>(isIn); known && known->isOne()) {
    all();
  } else {
    BasicBlock *fastEnd = nullptr, *slowEnd = nullptr;
    diamond(
        isIn,
        [&] {
          all();
          fastEnd = ir.GetInsertBlock();
        },
        [&] {
          callOutOfLine("load_linear", access, mask.bits, b.slot(kValueSlot));
          slowEnd = ir.GetInsertBlock();
        });
    for (Value *&value : values) {
      PHINode *either = ir.CreatePHI(type, 2);
      either->addIncoming(value, fastEnd);
      either->addIncoming(Constant::getNullValue(type), slowEnd);
      value = either;
    }
  }
  Components result;
  for (Value *value : values)
    result.push_back(LaneBuilder::varying(access.element, b.fromMemory(value, access.element)));
  return result;
}

void MemoryEmitter::storeRegisters(const Access &access, const Components &value, const LaneMask &mask) {
  const auto all = [&] {
    for (unsigned c = 0; c < access.components; ++c) {
      Value *stored = b.toMemory(b.vector(value[c]), access.element);
      Value *place = registerAddress(access, c);
      // Lanes that the block never had may be written; those that only sit out here keep what they have.
      if (mask.bits != kernel.activeLanes().bits)
        stored = ir.CreateSelect(mask.vector, stored, ir.CreateLoad(stored->getType(), place));
      ir.CreateStore(stored, place);
    }
  };
  Value *isIn = isChecked ? inBounds(access, access.elements()) : ir.getTrue();
  if (auto *known = dyn_cast<ConstantInt>(isIn); known && known->isOne())
    return all();
  diamond(isIn, all, [&] { callOutOfLine("store_linear", access, mask.bits, b.slot(kValueSlot)); });
}

void MemoryEmitter::fillRegisters(unsigned memory, const Components &fill) {
  const KernelEmitter::Array &own = kernel.array(memory);
  SmallVector<Value *, 4> starts;
  for (const Lanes &component : fill)
    starts.push_back(b.toMemory(b.vector(component), own.element));
  Type *type = starts[0]->getType();
  const uint64_t components = starts.size(), count = own.count * components;
  Value *at = kernel.bufferData(memory);
  constexpr uint64_t kUnrolled = 64;
  if (count <= kUnrolled) {
    for (uint64_t i = 0; i < count; ++i)
      ir.CreateStore(starts[i % components], ir.CreateConstInBoundsGEP1_64(type, at, i));
    return;
  }
  Function *function = ir.GetInsertBlock()->getParent();
  BasicBlock *before = ir.GetInsertBlock(), *loop = BasicBlock::Create(ir.getContext(), "fill", function),
             *filled = BasicBlock::Create(ir.getContext(), "filled", function);
  ir.CreateBr(loop);
  ir.SetInsertPoint(loop);
  PHINode *i = ir.CreatePHI(ir.getInt64Ty(), 2);
  i->addIncoming(ir.getInt64(0), before);
  for (uint64_t c = 0; c < components; ++c)
    ir.CreateStore(starts[c], ir.CreateInBoundsGEP(type, at, ir.CreateAdd(i, ir.getInt64(c))));
  Value *next = ir.CreateAdd(i, ir.getInt64(components));
  i->addIncoming(next, loop);
  ir.CreateCondBr(ir.CreateICmpULT(next, ir.getInt64(count)), loop, filled);
  ir.SetInsertPoint(filled);
}

// ---- Choice

Components MemoryEmitter::load(const Access &access, const LaneMask &mask) {
  if (isRegisters(access) && access.index.isUniform())
    return loadRegisters(access, mask);
  if (access.index.isUniform())
    return loadUniform(access, mask);
  if (isSideBySide(access) && !(isDivergent(mask) && isInline(access, mask, false)))
    return loadSideBySide(access, mask);
  if (isInline(access, mask, false))
    return loadInline(access, mask);
  callOutOfLine(access.index.isLinear() ? "load_linear" : "load_varying", access, mask.bits,
                b.slot(kValueSlot));
  return split(access, ir.CreateAlignedLoad(wideType(access), b.slot(kValueSlot), Align(64)));
}

void MemoryEmitter::store(const Access &access, const Components &value, const LaneMask &mask) {
  if (isRegisters(access) && access.index.isUniform())
    return storeRegisters(access, value, mask);
  if (access.index.isUniform())
    return storeUniform(access, value, mask);
  // The gap after a vector of 3 is not written.
  const bool isMasked = isDivergent(mask) && isInline(access, mask, true);
  if (access.components != 3 && isSideBySide(access) && !isMasked)
    return storeSideBySide(access, value, mask);
  if (isInline(access, mask, true))
    return storeInline(access, value, mask);
  ir.CreateAlignedStore(joined(access, value), b.slot(kValueSlot), Align(64));
  callOutOfLine(access.index.isLinear() ? "store_linear" : "store_varying", access, mask.bits,
                b.slot(kValueSlot));
}

// ---- Accesses known at the start of the block

bool MemoryEmitter::canStage(const Access &access, bool isStore) {
  if (access.index.isUniform())
    return !isStore;
  if (isStore && access.components == 3)
    return false;
  return access.index.isLinear() && access.index.stride == access.elements();
}

unsigned MemoryEmitter::stage(const Access &access, bool isStore, const LaneMask &mask) {
  Staged entry;
  entry.access = access;
  entry.isStore = isStore;
  entry.mask = mask;
  BasicBlock &start = ir.GetInsertBlock()->getParent()->getEntryBlock();
  IRBuilder<> atStart(&start, start.begin());
  AllocaInst *slot = atStart.CreateAlloca(wideType(access));
  slot->setAlignment(Align(64));
  entry.slot = slot;
  staged.push_back(entry);
  return unsigned(staged.size() - 1);
}

void MemoryEmitter::openBlock(const LaneMask &blockMask) {
  if (staged.empty())
    return;
  isDirect = blockMask.all;
  bool loads = false;
  for (Staged &entry : staged) {
    const Access &access = entry.access;
    if (entry.mask.all != blockMask.all)
      isDirect = ir.CreateAnd(isDirect, entry.mask.all);
    if (isChecked)
      isDirect = ir.CreateAnd(isDirect,
                              inBounds(access, (access.index.isUniform() ? 1 : kLanes) * access.elements()));
    loads |= !entry.isStore;
  }
  isDirect->setName("direct");
  if (loads)
    diamond(isDirect, [] {}, [&] { moveUnderMasks(/*stores=*/false); });
  for (Staged &entry : staged)
    entry.place = ir.CreateSelect(isDirect, address(entry.access), entry.slot);
}

Components MemoryEmitter::loadStaged(unsigned number) {
  const Staged &entry = staged[number];
  const Access &access = entry.access;
  const Align align(hostabi::elementSize(access.element));
  if (!access.index.isUniform())
    return split(access, ir.CreateAlignedLoad(wideType(access), entry.place, align));
  // In the slot the first lane's value stands first, and the first lane is always active.
  Components result;
  Type *type = b.memoryType(access.element);
  for (unsigned c = 0; c < access.components; ++c) {
    Value *loaded = ir.CreateAlignedLoad(type, ir.CreateConstGEP1_64(type, entry.place, c), align);
    result.push_back(LaneBuilder::uniform(access.element, b.fromMemory(loaded, access.element)));
  }
  return result;
}

void MemoryEmitter::storeStaged(unsigned number, const Components &value) {
  const Staged &entry = staged[number];
  ir.CreateAlignedStore(joined(entry.access, value), entry.place,
                        Align(hostabi::elementSize(entry.access.element)));
}

void MemoryEmitter::closeBlock() {
  bool stores = false;
  for (const Staged &entry : staged)
    stores |= entry.isStore;
  if (stores)
    diamond(isDirect, [] {}, [&] { moveUnderMasks(/*stores=*/true); });
  staged.clear();
}

} // namespace enigma::host
