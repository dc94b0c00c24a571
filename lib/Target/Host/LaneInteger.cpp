// SPDX-License-Identifier: MIT
//
// Integer functions of LaneBuilder. Nothing here traps or is undefined for any operand.
#include "LaneBuilder.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Intrinsics.h"

using namespace llvm;

namespace enigma::host {

Lanes LaneBuilder::absDiff(Lanes x, Lanes y) {
  return map(
      unsignedOf(x.type),
      [&](Value *a, Value *b) {
        const bool isSigned = host::isSigned(x.type);
        Value *big = binaryIntrinsic(isSigned ? Intrinsic::smax : Intrinsic::umax, a, b);
        Value *small = binaryIntrinsic(isSigned ? Intrinsic::smin : Intrinsic::umin, a, b);
        return ir.CreateSub(big, small);
      },
      x, y);
}

Lanes LaneBuilder::addSat(Lanes x, Lanes y) {
  const unsigned id = isSigned(x.type) ? Intrinsic::sadd_sat : Intrinsic::uadd_sat;
  return map(x.type, [&](Value *a, Value *b) { return binaryIntrinsic(id, a, b); }, x, y);
}

Lanes LaneBuilder::subSat(Lanes x, Lanes y) {
  const unsigned id = isSigned(x.type) ? Intrinsic::ssub_sat : Intrinsic::usub_sat;
  return map(x.type, [&](Value *a, Value *b) { return binaryIntrinsic(id, a, b); }, x, y);
}

Lanes LaneBuilder::mulHi(Lanes x, Lanes y) {
  const unsigned bits = bitsOf(x.type);
  const bool isSigned = host::isSigned(x.type);
  return map(
      x.type,
      [&](Value *a, Value *b) -> Value * {
        Type *type = a->getType();
        if (bits == 64)
          return callLanes(isSigned ? "mul_hi_i64" : "mul_hi_u64", {a, b}, type);
        Type *wide = likeType(type, ir.getIntNTy(bits * 2));
        const auto widened = [&](Value *v) {
          return isSigned ? ir.CreateSExt(v, wide) : ir.CreateZExt(v, wide);
        };
        Value *product = ir.CreateMul(widened(a), widened(b));
        return ir.CreateTrunc(ir.CreateLShr(product, constantLike(wide, bits)), type);
      },
      x, y);
}

Lanes LaneBuilder::madSat(Lanes x, Lanes y, Lanes z) {
  const unsigned bits = bitsOf(x.type);
  const bool isSigned = host::isSigned(x.type);
  return map(
      x.type,
      [&](Value *a, Value *b, Value *c) -> Value * {
        Type *type = a->getType();
        if (bits == 64)
          return callLanes(isSigned ? "mad_sat_i64" : "mad_sat_u64", {a, b, c}, type);
        // x * y + z needs at most twice the width: 2^2n - 2^n for unsigned, less for signed.
        Type *wide = likeType(type, ir.getIntNTy(bits * 2));
        const auto widened = [&](Value *v) {
          return isSigned ? ir.CreateSExt(v, wide) : ir.CreateZExt(v, wide);
        };
        Value *sum = ir.CreateAdd(ir.CreateMul(widened(a), widened(b)), widened(c));
        if (isSigned) {
          const APInt low = APInt::getSignedMinValue(bits).sext(bits * 2);
          sum = binaryIntrinsic(Intrinsic::smax, sum, ConstantInt::get(wide, low));
          const APInt high = APInt::getSignedMaxValue(bits).sext(bits * 2);
          sum = binaryIntrinsic(Intrinsic::smin, sum, ConstantInt::get(wide, high));
        } else {
          const APInt high = APInt::getMaxValue(bits).zext(bits * 2);
          sum = binaryIntrinsic(Intrinsic::umin, sum, ConstantInt::get(wide, high));
        }
        return ir.CreateTrunc(sum, type);
      },
      x, y, z);
}

// The sum without its carries, plus or minus half of the bits in which x and y differ.
Lanes LaneBuilder::hadd(Lanes x, Lanes y) { return add(bitAnd(x, y), shr(bitXor(x, y), integer(x.type, 1))); }
Lanes LaneBuilder::rhadd(Lanes x, Lanes y) { return sub(bitOr(x, y), shr(bitXor(x, y), integer(x.type, 1))); }

Lanes LaneBuilder::rotate(Lanes x, Lanes count) {
  return map(
      x.type,
      [&](Value *a, Value *n) {
        return ir.CreateIntrinsic(Intrinsic::fshl, {a->getType()}, {a, a, shiftCount(n, a->getType())});
      },
      x, count);
}

Lanes LaneBuilder::popcount(Lanes x) {
  return map(x.type, [&](Value *a) { return unaryIntrinsic(Intrinsic::ctpop, a); }, x);
}
Lanes LaneBuilder::clz(Lanes x) {
  return map(x.type, [&](Value *a) { return binaryIntrinsic(Intrinsic::ctlz, a, ir.getFalse()); }, x);
}
Lanes LaneBuilder::ctz(Lanes x) {
  return map(x.type, [&](Value *a) { return binaryIntrinsic(Intrinsic::cttz, a, ir.getFalse()); }, x);
}
Lanes LaneBuilder::reverseBits(Lanes x) {
  return map(x.type, [&](Value *a) { return unaryIntrinsic(Intrinsic::bitreverse, a); }, x);
}

Lanes LaneBuilder::extractBits(Lanes x, Lanes offset, Lanes bits) {
  const ElementKind t = unsignedOf(x.type);
  const int64_t width = bitsOf(x.type);
  Lanes from = cast(offset, t), count = cast(bits, t);
  // Up to the top of the word, then down to its bottom: the second shift extends the sign. Shifts take counts
  // modulo the width, so that no bits at all need a case of their own.
  Lanes up = sub(integer(t, width), add(from, count)), down = sub(integer(t, width), count);
  Lanes field = shr(shl(x, up), down);
  return select(eq(count, integer(t, 0)), integer(x.type, 0), field);
}

Lanes LaneBuilder::insertBits(Lanes x, Lanes y, Lanes offset, Lanes bits) {
  const ElementKind t = unsignedOf(x.type);
  const int64_t width = bitsOf(x.type);
  Lanes from = cast(offset, t), count = cast(bits, t);
  Lanes ones = asType(sub(shl(integer(t, 1), count), integer(t, 1)), x.type);
  ones = select(le(integer(t, width), count), integer(x.type, -1), ones);
  Lanes mask = shl(ones, from);
  return bitOr(bitAnd(x, bitNot(mask)), bitAnd(shl(y, from), mask));
}

/// Computed at 64 bits, where the low bits are those of every narrower power.
Lanes LaneBuilder::ipow(Lanes x, Lanes y) {
  const bool isSigned = host::isSigned(x.type);
  const ElementKind wide = isSigned ? ElementKind::I64 : ElementKind::U64;
  const char *function = isSigned ? "ipow_i64" : "ipow_u64";
  Lanes power = map(
      wide, [&](Value *a, Value *b) { return callLanes(function, {a, b}, a->getType()); }, cast(x, wide),
      cast(y, wide));
  return cast(power, x.type);
}

} // namespace enigma::host
