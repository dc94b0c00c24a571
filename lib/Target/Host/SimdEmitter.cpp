// SPDX-License-Identifier: MIT
//
// See SimdEmitter.h.
#include "SimdEmitter.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Intrinsics.h"

#include <array>
#include <limits>
#include <numeric>

using namespace llvm;

namespace enigma::host {

Constant *SimdEmitter::perLane(function_ref<uint32_t(unsigned)> number) {
  std::array<uint32_t, kLanes> numbers;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    numbers[lane] = number(lane);
  return ConstantDataVector::get(ir.getContext(), numbers);
}

Value *SimdEmitter::splat(uint32_t number) {
  return perLane([&](unsigned) { return number; });
}

Value *SimdEmitter::number(Lanes x) { return b.vector(b.cast(x, ElementKind::U32)); }

// ---- Moving values

Lanes SimdEmitter::masked(Lanes x, Lanes other) {
  return LaneBuilder::varying(x.type, ir.CreateSelect(mask.vector, b.vector(x), b.vector(other)));
}

Lanes SimdEmitter::permuted(Lanes x, Value *source) {
  if (isBool(x.type)) // bits are moved as bytes
    return b.cast(permuted(b.cast(x, ElementKind::U8), source), ElementKind::B1);
  if (auto *constant = dyn_cast<Constant>(source)) {
    SmallVector<int, kLanes> places;
    for (unsigned lane = 0; lane < kLanes; ++lane)
      places.push_back(int(cast<ConstantInt>(constant->getAggregateElement(lane))->getZExtValue()));
    return LaneBuilder::varying(x.type, ir.CreateShuffleVector(b.vector(x), places));
  }
  constexpr unsigned slot = 0;
  Value *values = b.vector(x);
  ir.CreateAlignedStore(values, b.slot(slot), Align(64));
  Type *scalar = b.scalarType(x.type);
  Value *places = ir.CreateGEP(scalar, b.slot(slot),
                               ir.CreateZExt(source, FixedVectorType::get(ir.getInt64Ty(), kLanes)));
  const Align align(scalar->getPrimitiveSizeInBits() / 8);
  return LaneBuilder::varying(x.type, ir.CreateMaskedGather(values->getType(), places, align));
}

Lanes SimdEmitter::from(Lanes x, Value *source) { return permuted(masked(x, b.number(x.type, 0)), source); }

Lanes SimdEmitter::shuffle(Lanes x, Lanes lane, unsigned width) {
  if (width == kLanes && lane.isUniform() && !isBool(x.type)) {
    Value *values = b.vector(masked(x, b.number(x.type, 0)));
    Value *wanted = b.cast(lane, ElementKind::U32).value;
    Value *one = ir.CreateExtractElement(values, ir.CreateAnd(wanted, kLanes - 1));
    Value *exists = ir.CreateICmpULT(wanted, ir.getInt32(kLanes));
    return LaneBuilder::uniform(x.type, ir.CreateSelect(exists, one, Constant::getNullValue(one->getType())));
  }
  Value *wanted = number(lane), *base = perLane([&](unsigned l) { return l & ~(width - 1); });
  const Lanes found = from(x, ir.CreateOr(base, ir.CreateAnd(wanted, splat(width - 1))));
  const Lanes exists = LaneBuilder::varying(ElementKind::B1, ir.CreateICmpULT(wanted, splat(width)));
  return b.select(exists, found, b.number(x.type, 0));
}

Lanes SimdEmitter::shuffleXor(Lanes x, Lanes flipped, unsigned width) {
  Value *flips = number(flipped);
  const Lanes found = from(x, ir.CreateXor(ownLane(), ir.CreateAnd(flips, splat(width - 1))));
  const Lanes exists = LaneBuilder::varying(ElementKind::B1, ir.CreateICmpULT(flips, splat(width)));
  return b.select(exists, found, b.number(x.type, 0));
}

Lanes SimdEmitter::shuffleBy(Lanes x, Lanes count, bool up, unsigned width) {
  Value *steps = number(count), *position = perLane([&](unsigned l) { return l & (width - 1); });
  Value *source = up ? ir.CreateSub(ownLane(), steps) : ir.CreateAdd(ownLane(), steps);
  Value *exists =
      up ? ir.CreateICmpUGE(position, steps) : ir.CreateICmpULT(ir.CreateAdd(position, steps), splat(width));
  const Lanes found = from(x, ir.CreateAnd(source, splat(kLanes - 1)));
  return b.select(LaneBuilder::varying(ElementKind::B1, exists), found, x);
}

Lanes SimdEmitter::rotate(Lanes x, Lanes count, bool up, unsigned width) {
  Value *steps = number(count), *base = perLane([&](unsigned l) { return l & ~(width - 1); });
  Value *source = up ? ir.CreateSub(ownLane(), steps) : ir.CreateAdd(ownLane(), steps);
  return from(x, ir.CreateOr(base, ir.CreateAnd(source, splat(width - 1))));
}

Lanes SimdEmitter::shuffleFill(Lanes x, Lanes fill, Lanes count, Lanes modulo, bool up, unsigned width) {
  const auto size = modulo.value ? unsigned(llvm::cast<ConstantInt>(modulo.value)->getZExtValue()) : width;
  Value *steps = number(count), *position = perLane([&](unsigned l) { return l & (size - 1); });
  Value *base = perLane([&](unsigned l) { return l & ~(size - 1); });
  Value *source = up ? ir.CreateSub(ownLane(), steps) : ir.CreateAdd(ownLane(), steps);
  source = ir.CreateOr(base, ir.CreateAnd(source, splat(size - 1)));
  Value *exists =
      up ? ir.CreateICmpUGE(position, steps) : ir.CreateICmpULT(ir.CreateAdd(position, steps), splat(size));
  return b.select(LaneBuilder::varying(ElementKind::B1, exists), from(x, source), from(fill, source));
}

Lanes SimdEmitter::broadcastFirst(Lanes x, unsigned width) {
  if (x.isUniform())
    return x;
  if (width == kLanes && !isBool(x.type)) {
    Value *first = ir.CreateBinaryIntrinsic(Intrinsic::cttz, mask.bits, ir.getFalse());
    return LaneBuilder::uniform(x.type, ir.CreateExtractElement(b.vector(x), first));
  }
  // The first set bit of the lane's own group; an inactive lane may find none.
  Value *bits = b.vector(activeMask(width));
  Value *first = ir.CreateBinaryIntrinsic(Intrinsic::cttz, bits, ir.getFalse());
  Value *base = perLane([&](unsigned l) { return l & ~(width - 1); });
  return from(x, ir.CreateOr(base, ir.CreateAnd(first, splat(width - 1))));
}

// ---- Reductions

Lanes SimdEmitter::neutral(Combine how, ElementKind t) {
  const unsigned bits = bitsOf(t);
  const int64_t most = isSigned(t) ? int64_t((uint64_t(1) << (bits - 1)) - 1) : -1;
  const int64_t least = isSigned(t) ? -most - 1 : 0;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  switch (how) {
  case Combine::Add:
    return b.number(t, isFloat(t) ? -0.0 : 0.0);
  case Combine::Mul:
    return b.number(t, 1);
  case Combine::Min: // of a number and NaN the number
    return isFloat(t) ? b.number(t, nan) : b.integer(t, most);
  case Combine::Max:
    return isFloat(t) ? b.number(t, nan) : b.integer(t, least);
  case Combine::And:
    return b.integer(t, -1);
  case Combine::Or:
  case Combine::Xor:
    return b.integer(t, 0);
  }
  return {};
}

Lanes SimdEmitter::combined(Combine how, Lanes x, Lanes y) {
  switch (how) {
  case Combine::Add:
    return b.add(x, y);
  case Combine::Mul:
    return b.mul(x, y);
  case Combine::Min:
    return b.min(x, y);
  case Combine::Max:
    return b.max(x, y);
  case Combine::And:
    return b.bitAnd(x, y);
  case Combine::Or:
    return b.bitOr(x, y);
  case Combine::Xor:
    return b.bitXor(x, y);
  }
  return {};
}

Lanes SimdEmitter::reduce(Combine how, Lanes x, unsigned width) {
  if (isBool(x.type)) {
    if (how == Combine::And)
      return all(x, width);
    if (how == Combine::Or)
      return any(x, width);
    const Lanes odd = b.bitAnd(b.popcount(ballot(x, width)), b.integer(ElementKind::U32, 1));
    return b.cast(odd, ElementKind::B1);
  }
  Lanes sum = masked(x, neutral(how, x.type));
  if (width < kLanes) {
    for (unsigned step = width / 2; step; step /= 2)
      sum = combined(how, sum, permuted(sum, perLane([&](unsigned l) { return l ^ step; })));
    return sum;
  }
  // One result for all lanes: the upper half onto the lower one, which takes half as many registers each
  // time.
  for (unsigned half = width / 2; half; half /= 2) {
    SmallVector<int, kLanes> lower(half), upper(half);
    std::iota(lower.begin(), lower.end(), 0);
    std::iota(upper.begin(), upper.end(), int(half));
    const auto part = [&](ArrayRef<int> lanes) {
      return LaneBuilder::varying(x.type, ir.CreateShuffleVector(sum.value, lanes));
    };
    sum = combined(how, part(lower), part(upper));
  }
  return LaneBuilder::uniform(x.type, ir.CreateExtractElement(sum.value, uint64_t(0)));
}

Lanes SimdEmitter::scan(Combine how, Lanes x, bool inclusive, unsigned width) {
  const Lanes none = how == Combine::Add ? b.number(x.type, inclusive && isFloat(x.type) ? -0.0 : 0.0)
                                         : neutral(how, x.type);
  // Lane l gets what lane l - step holds, and nothing where that is another group's.
  const auto before = [&](Lanes v, unsigned step) {
    Value *source = perLane([&](unsigned l) { return (l - step) & (kLanes - 1); });
    Value *exists = ir.CreateICmpUGE(perLane([&](unsigned l) { return l & (width - 1); }), splat(step));
    return b.select(LaneBuilder::varying(ElementKind::B1, exists), permuted(v, source), none);
  };
  Lanes sum = masked(x, none);
  if (!inclusive)
    sum = before(sum, 1);
  for (unsigned step = 1; step < width; step *= 2)
    sum = combined(how, before(sum, step), sum);
  return sum;
}

// ---- Votes

Lanes SimdEmitter::bitsWhere(Value *bits, unsigned width) {
  if (width == kLanes)
    return LaneBuilder::uniform(ElementKind::U32, bits);
  Value *shift = perLane([&](unsigned l) { return l & ~(width - 1); });
  Value *moved = ir.CreateLShr(ir.CreateVectorSplat(kLanes, bits), shift);
  return LaneBuilder::varying(ElementKind::U32, ir.CreateAnd(moved, splat((1u << width) - 1)));
}

Lanes SimdEmitter::ballot(Lanes x, unsigned width) {
  Value *holds = x.isUniform() ? ir.CreateSExt(x.value, ir.getInt32Ty())
                               : ir.CreateBitCast(b.vector(x), ir.getInt32Ty());
  return bitsWhere(ir.CreateAnd(mask.bits, holds), width);
}

Lanes SimdEmitter::activeMask(unsigned width) { return bitsWhere(mask.bits, width); }

Lanes SimdEmitter::all(Lanes x, unsigned width) { return b.eq(ballot(x, width), activeMask(width)); }

Lanes SimdEmitter::any(Lanes x, unsigned width) {
  return b.ne(ballot(x, width), b.integer(ElementKind::U32, 0));
}

Lanes SimdEmitter::isFirst(unsigned width) {
  // No active lane of the group comes before.
  const Lanes active = activeMask(width);
  Value *before = perLane([&](unsigned l) { return (1u << (l & (width - 1))) - 1; });
  return b.eq(b.bitAnd(active, LaneBuilder::varying(ElementKind::U32, before)),
              b.integer(ElementKind::U32, 0));
}

} // namespace enigma::host
