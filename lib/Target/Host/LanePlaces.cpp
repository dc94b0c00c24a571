// SPDX-License-Identifier: MIT
//
// The part of MemoryEmitter for lanes that do not lie side by side, or that not all take part: neighbours
// under a mask, neighbours backwards, lanes at a constant distance, lanes anywhere. Each is one condition
// (all lanes that count are in bounds) and code without further checks; where it does not hold, the call out
// of line looks at the lanes one by one.
//
//   A[n - 1 - i]         one load, reversed
//   A[3 * i]             one load of 94 elements, of which every third is kept
//   A[33 * i], A[P[i]]   a gather; of vectors of 2 or 4, a load for each lane
//   if i < n: A[i]       a load under a mask
//
// Lanes are written in their order, so that of several at one place the last stays.
#include "MemoryEmitter.h"

#include "llvm/IR/Constants.h"

#include <cstdlib>
#include <numeric>

using namespace llvm;

namespace enigma::host {
namespace {

/// 31 of them stay far from the ends of an index's type.
constexpr int64_t kMostStride = 1 << 20;
/// Up to this distance lanes are picked from a load of all that lies between them.
constexpr int64_t kMostPicked = 4;

} // namespace

/// Whether the mask is narrower than the block's own, because lanes took different ways.
bool MemoryEmitter::isDivergent(const LaneMask &mask) const { return mask.bits != kernel.activeLanes().bits; }

bool MemoryEmitter::isInline(const Access &access, const LaneMask &mask, bool isStore) const {
  if (isRegisters(access) || bitsOf(access.index.type) < 32)
    return false;
  const Lanes &index = access.index;
  const unsigned bytes = hostabi::elementSize(access.element);
  const bool hasPlaces = (isStore ? features.scatteredBytes : features.gatheredBytes) & bytes;
  if (index.isLinear() && std::abs(index.stride) > kMostStride)
    return false;
  if (isDivergent(mask)) {
    if (access.components != 1)
      return false;
    return isSideBySide(access) ? (features.maskedBytes & bytes) != 0 : hasPlaces;
  }
  if (access.components == 1)
    return hasPlaces || (index.isLinear() && (index.stride == -1 || (!isStore && isPicked(access))));
  return access.components != 3;
}

bool MemoryEmitter::isPicked(const Access &access) const {
  return access.index.isLinear() && std::abs(access.index.stride) <= kMostPicked;
}

/// Whether all lanes of the mask are in bounds; for a mask that is not divergent, whether all 32 are.
Value *MemoryEmitter::allInBounds(const Access &access, const LaneMask &mask) {
  const Lanes &index = access.index;
  const auto wide = [&](Value *x) { return ir.CreateZExtOrTrunc(x, ir.getInt64Ty()); };
  const uint64_t own = access.elements();
  if (!isDivergent(mask)) {
    if (!isChecked)
      return mask.all;
    Value *isIn = nullptr;
    if (index.isLinear()) {
      // The lowest index and, at a known distance, the highest one.
      const int64_t reach = (kLanes - 1) * index.stride;
      Value *lowest = wide(index.value);
      if (reach < 0)
        lowest = ir.CreateAdd(lowest, ir.getInt64(static_cast<uint64_t>(reach)));
      isIn = ir.CreateICmpULT(lowest, limitOf(access, static_cast<uint64_t>(std::abs(reach)) + own));
    } else {
      isIn = ir.CreateAndReduce(inBoundsLanes(access));
    }
    return ir.CreateAnd(mask.all, isIn);
  }
  Value *isAny = ir.CreateICmpNE(mask.bits, ir.getInt32(0));
  if (!isChecked)
    return isAny;
  if (isSideBySide(access))
    return ir.CreateAnd(isAny, neighboursInBounds(access, mask));
  return ir.CreateAnd(isAny,
                      ir.CreateAndReduce(ir.CreateOr(inBoundsLanes(access), ir.CreateNot(mask.vector))));
}

/// Whether the first and the last lane of a mask that has lanes are in bounds, with no end of the index's
/// type between them.
Value *MemoryEmitter::neighboursInBounds(const Access &access, const LaneMask &mask) {
  Value *index = access.index.value;
  Value *zeros = ir.CreateBinaryIntrinsic(Intrinsic::ctlz, mask.bits, ir.getFalse());
  Value *last = ir.CreateZExtOrTrunc(ir.CreateSub(ir.getInt32(kLanes - 1), zeros), index->getType());
  Value *low = firstIndex(access, mask), *high = ir.CreateAdd(index, last);
  Value *isIn = ir.CreateICmpULT(ir.CreateZExtOrTrunc(high, ir.getInt64Ty()), limitOf(access, 1));
  return ir.CreateAnd(isIn, ir.CreateICmpULE(low, high));
}

// ---- The last block of a row, in which lanes are missing

/// Whether a staged access of such a block can go under its mask.
bool MemoryEmitter::isMaskable(const Staged &entry) const {
  const Access &access = entry.access;
  if (access.components != 1 || bitsOf(access.index.type) < 32)
    return false;
  return access.index.isUniform() || (features.maskedBytes & hostabi::elementSize(access.element));
}

/// Staged accesses of such a block between the buffers and the slots: under masks, where all lanes that count
/// are in bounds, else out of line.
void MemoryEmitter::moveUnderMasks(bool stores) {
  const auto isMoved = [&](const Staged &entry) { return entry.isStore == stores; };
  const auto outOfLine = [&] {
    for (const Staged &entry : staged)
      if (isMoved(entry))
        callOutOfLine(stores ? "store_linear" : "load_linear", entry.access, entry.mask.bits, entry.slot);
  };
  Value *isIn = ir.getTrue();
  for (const Staged &entry : staged) {
    if (!isMoved(entry))
      continue;
    if (!isMaskable(entry))
      return outOfLine();
    if (!isChecked)
      continue;
    Value *none = ir.CreateICmpEQ(entry.mask.bits, ir.getInt32(0));
    Value *own = entry.access.index.isUniform() ? inBounds(entry.access, 1)
                                                : neighboursInBounds(entry.access, entry.mask);
    isIn = ir.CreateAnd(isIn, ir.CreateOr(none, own));
  }
  diamond(
      isIn,
      [&] {
        for (const Staged &entry : staged) {
          if (!isMoved(entry))
            continue;
          const Access &access = entry.access;
          FixedVectorType *type = wideType(access);
          const Align align(hostabi::elementSize(access.element));
          if (access.index.isUniform()) { // a load; the first lane is always active
            Type *one = type->getElementType();
            ir.CreateAlignedStore(ir.CreateAlignedLoad(one, address(access), align), entry.slot, align);
          } else if (stores) {
            ir.CreateMaskedStore(ir.CreateAlignedLoad(type, entry.slot, Align(64)),
                                 addressUnderMask(access, entry.mask), align, entry.mask.vector);
          } else {
            Value *loaded = ir.CreateMaskedLoad(type, addressUnderMask(access, entry.mask), align,
                                                entry.mask.vector, Constant::getNullValue(type));
            ir.CreateAlignedStore(loaded, entry.slot, Align(64));
          }
        }
      },
      outOfLine, "edge");
}

Value *MemoryEmitter::firstLane(const Access &access, const LaneMask &mask) {
  return ir.CreateZExtOrTrunc(ir.CreateBinaryIntrinsic(Intrinsic::cttz, mask.bits, ir.getFalse()),
                              access.index.value->getType());
}

/// The index of the first lane of the mask, of neighbours.
Value *MemoryEmitter::firstIndex(const Access &access, const LaneMask &mask) {
  return ir.CreateAdd(access.index.value, firstLane(access, mask));
}

/// Where lane 0 of neighbours would lie, seen from the first lane of the mask: the indices of lanes before
/// that may have wrapped.
Value *MemoryEmitter::addressUnderMask(const Access &access, const LaneMask &mask) {
  Access first = access;
  first.index.value = firstIndex(access, mask);
  Value *back = ir.CreateNeg(ir.CreateZExt(firstLane(access, mask), ir.getInt64Ty()));
  return ir.CreateGEP(elementType(access), address(first), back);
}

/// Of each lane, as a vector of i1.
Value *MemoryEmitter::inBoundsLanes(const Access &access) {
  Value *index = b.vector(access.index);
  Value *limit = limitOf(access, access.elements());
  // Indices of 32 bits are extended as signed ones, which vector instructions do by themselves.
  if (bitsOf(access.index.type) == 32)
    limit = ir.CreateTrunc(ir.CreateBinaryIntrinsic(Intrinsic::umin, limit, ir.getInt64(uint64_t(1) << 31)),
                           ir.getInt32Ty());
  return ir.CreateICmpULT(index, ir.CreateVectorSplat(kLanes, limit));
}

/// Of the elements of all lanes, as a vector of pointers.
Value *MemoryEmitter::addresses(const Access &access, const LaneMask &mask) {
  const Lanes &index = access.index;
  Type *element = elementType(access);
  if (!index.isLinear() || isDivergent(mask)) {
    auto *wide = FixedVectorType::get(ir.getInt64Ty(), kLanes);
    const bool isSmall = isChecked || isSigned(index.type); // see inBoundsLanes
    Value *places = isSmall ? ir.CreateSExt(b.vector(index), wide) : ir.CreateZExt(b.vector(index), wide);
    return ir.CreateGEP(element, kernel.bufferData(access.param), places);
  }
  SmallVector<Constant *, kLanes> steps;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    steps.push_back(ir.getInt64(static_cast<uint64_t>(lane * index.stride)));
  return ir.CreateGEP(element, address(access), ConstantVector::get(steps));
}

/// Where each lane's vector lies.
SmallVector<Value *, kLanes> MemoryEmitter::vectorAddresses(const Access &access, const LaneMask &mask) {
  SmallVector<Value *, kLanes> result;
  Value *places = access.index.isLinear() ? nullptr : addresses(access, mask);
  for (unsigned lane = 0; lane < kLanes; ++lane)
    result.push_back(places ? ir.CreateExtractElement(places, lane) : linearAddress(access, lane));
  return result;
}

/// Where lane l of a linear access lies.
Value *MemoryEmitter::linearAddress(const Access &access, int64_t lane) {
  return ir.CreateConstGEP1_64(elementType(access), address(access),
                               static_cast<uint64_t>(lane * access.index.stride));
}

/// The elements of all lanes, as they would lie side by side; no lane is out of bounds.
Value *MemoryEmitter::loadPlaces(const Access &access, const LaneMask &mask) {
  FixedVectorType *type = wideType(access);
  const Lanes &index = access.index;
  const Align align(hostabi::elementSize(access.element));
  if (isDivergent(mask)) {
    Value *zero = Constant::getNullValue(type);
    if (isSideBySide(access))
      return ir.CreateMaskedLoad(type, addressUnderMask(access, mask), align, mask.vector, zero);
    return ir.CreateMaskedGather(type, addresses(access, mask), align, mask.vector, zero);
  }
  if (access.components > 1) {
    auto *one = FixedVectorType::get(type->getElementType(), access.scalars());
    SmallVector<Value *, kLanes> parts;
    for (Value *place : vectorAddresses(access, mask))
      parts.push_back(ir.CreateAlignedLoad(one, place, align));
    return concatenated(parts);
  }
  if (!isPicked(access))
    return ir.CreateMaskedGather(type, addresses(access, mask), align);
  // From the lowest lane's element to the highest one's, and no further.
  const int64_t stride = index.stride, reach = (kLanes - 1) * std::abs(stride);
  auto *all = FixedVectorType::get(type->getElementType(), unsigned(reach) + 1);
  Value *loaded = ir.CreateAlignedLoad(all, linearAddress(access, stride < 0 ? kLanes - 1 : 0), align);
  SmallVector<int, kLanes> picked;
  for (int64_t lane = 0; lane < kLanes; ++lane)
    picked.push_back(int(stride < 0 ? reach + lane * stride : lane * stride));
  return ir.CreateShuffleVector(loaded, picked);
}

void MemoryEmitter::storePlaces(const Access &access, Value *wide, const LaneMask &mask) {
  const Align align(hostabi::elementSize(access.element));
  if (isDivergent(mask)) {
    if (isSideBySide(access))
      ir.CreateMaskedStore(wide, addressUnderMask(access, mask), align, mask.vector);
    else
      ir.CreateMaskedScatter(wide, addresses(access, mask), align, mask.vector);
    return;
  }
  if (access.components > 1) {
    SmallVector<int, 4> picked(access.scalars());
    for (auto [lane, place] : enumerate(vectorAddresses(access, mask))) {
      std::iota(picked.begin(), picked.end(), int(lane * access.scalars()));
      ir.CreateAlignedStore(ir.CreateShuffleVector(wide, picked), place, align);
    }
    return;
  }
  if (access.index.isLinear() && access.index.stride == -1)
    ir.CreateAlignedStore(ir.CreateVectorReverse(wide), linearAddress(access, kLanes - 1), align);
  else
    ir.CreateMaskedScatter(wide, addresses(access, mask), align);
}

/// Vectors of one length, one after the other; their number is a power of two.
Value *MemoryEmitter::concatenated(ArrayRef<Value *> parts) {
  SmallVector<Value *, kLanes> level(parts);
  while (level.size() > 1) {
    SmallVector<Value *, kLanes> next;
    SmallVector<int, 128> all(2 * cast<FixedVectorType>(level[0]->getType())->getNumElements());
    std::iota(all.begin(), all.end(), 0);
    for (size_t i = 0; i < level.size(); i += 2)
      next.push_back(ir.CreateShuffleVector(level[i], level[i + 1], all));
    level = std::move(next);
  }
  return level[0];
}

Components MemoryEmitter::loadInline(const Access &access, const LaneMask &mask) {
  Value *fast = nullptr, *slow = nullptr;
  BasicBlock *fastEnd = nullptr, *slowEnd = nullptr;
  diamond(
      allInBounds(access, mask),
      [&] {
        fast = loadPlaces(access, mask);
        fastEnd = ir.GetInsertBlock();
      },
      [&] {
        callOutOfLine(access.index.isLinear() ? "load_linear" : "load_varying", access, mask.bits,
                      b.slot(kValueSlot));
        slow = ir.CreateAlignedLoad(wideType(access), b.slot(kValueSlot), Align(64));
        slowEnd = ir.GetInsertBlock();
      });
  PHINode *either = ir.CreatePHI(fast->getType(), 2);
  either->addIncoming(fast, fastEnd);
  either->addIncoming(slow, slowEnd);
  return split(access, either);
}

void MemoryEmitter::storeInline(const Access &access, const Components &value, const LaneMask &mask) {
  Value *wide = joined(access, value);
  diamond(
      allInBounds(access, mask), [&] { storePlaces(access, wide, mask); },
      [&] {
        ir.CreateAlignedStore(wide, b.slot(kValueSlot), Align(64));
        callOutOfLine(access.index.isLinear() ? "store_linear" : "store_varying", access, mask.bits,
                      b.slot(kValueSlot));
      });
}

} // namespace enigma::host
