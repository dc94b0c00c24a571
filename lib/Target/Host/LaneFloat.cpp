// SPDX-License-Identifier: MIT
//
// Float functions of LaneBuilder. What a vector unit does in a few instructions is inline, the rest is called
// (LaneMath.h). Every result is rounded to the operands' type; intermediate values of one function are f32.
#include "LaneBuilder.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Intrinsics.h"

#include <limits>

using namespace llvm;

namespace enigma::host {
namespace {

/// Smallest normal number, and largest number below 1, of a float type.
double smallestNormal(ElementKind t) { return t == ElementKind::F16 ? 0x1p-14 : 0x1p-126; }
double justBelowOne(ElementKind t) {
  return t == ElementKind::F16 ? 1 - 0x1p-11 : t == ElementKind::BF16 ? 1 - 0x1p-8 : 1 - 0x1p-24;
}

} // namespace

Lanes LaneBuilder::math(const char *function, Lanes x) {
  return map(x.type, [&](Value *a) { return rounded(callLanes(function, {a}, a->getType()), x.type); }, x);
}

Lanes LaneBuilder::math(const char *function, Lanes x, Lanes y) {
  return map(
      x.type, [&](Value *a, Value *b) { return rounded(callLanes(function, {a, b}, a->getType()), x.type); },
      x, y);
}

Lanes LaneBuilder::sqrt(Lanes x) {
  return map(x.type, [&](Value *a) { return rounded(unaryIntrinsic(Intrinsic::sqrt, a), x.type); }, x);
}

Lanes LaneBuilder::rsqrt(Lanes x) {
  return map(
      x.type,
      [&](Value *a) {
        Value *root = unaryIntrinsic(Intrinsic::sqrt, a);
        return rounded(ir.CreateFDiv(floatLike(a->getType(), 1), root), x.type);
      },
      x);
}

Lanes LaneBuilder::ceil(Lanes x) {
  return map(x.type, [&](Value *a) { return unaryIntrinsic(Intrinsic::ceil, a); }, x);
}
Lanes LaneBuilder::floor(Lanes x) {
  return map(x.type, [&](Value *a) { return unaryIntrinsic(Intrinsic::floor, a); }, x);
}
Lanes LaneBuilder::round(Lanes x) {
  return map(x.type, [&](Value *a) { return unaryIntrinsic(Intrinsic::round, a); }, x);
}
Lanes LaneBuilder::rint(Lanes x) {
  return map(x.type, [&](Value *a) { return unaryIntrinsic(Intrinsic::roundeven, a); }, x);
}
Lanes LaneBuilder::trunc(Lanes x) {
  return map(x.type, [&](Value *a) { return unaryIntrinsic(Intrinsic::trunc, a); }, x);
}

Lanes LaneBuilder::fract(Lanes x) {
  return map(
      x.type,
      [&](Value *a) {
        Value *rest = rounded(ir.CreateFSub(a, unaryIntrinsic(Intrinsic::floor, a)), x.type);
        Value *tooBig = ir.CreateFCmpOGE(rest, floatLike(a->getType(), 1));
        return ir.CreateSelect(tooBig, floatLike(a->getType(), justBelowOne(x.type)), rest);
      },
      x);
}

Lanes LaneBuilder::sign(Lanes x) {
  return map(
      x.type,
      [&](Value *a) {
        Type *type = a->getType();
        Value *zero = floatLike(type, 0);
        Value *one = binaryIntrinsic(Intrinsic::copysign, floatLike(type, 1), a);
        Value *otherwise = ir.CreateSelect(ir.CreateFCmpUNO(a, a), zero, a);
        return ir.CreateSelect(ir.CreateFCmpONE(a, zero), one, otherwise);
      },
      x);
}

Lanes LaneBuilder::step(Lanes edge, Lanes x) {
  return select(lt(x, edge), number(x.type, 0), number(x.type, 1));
}

Lanes LaneBuilder::mix(Lanes x, Lanes y, Lanes a) {
  return map(
      x.type,
      [&](Value *from, Value *to, Value *part) {
        return rounded(ir.CreateFAdd(from, ir.CreateFMul(ir.CreateFSub(to, from), part)), x.type);
      },
      x, y, a);
}

Lanes LaneBuilder::smoothstep(Lanes edge0, Lanes edge1, Lanes x) {
  return map(
      x.type,
      [&](Value *low, Value *high, Value *at) {
        Type *type = at->getType();
        Value *t = ir.CreateFDiv(ir.CreateFSub(at, low), ir.CreateFSub(high, low));
        t = floatMax(t, floatLike(type, 0));
        t = floatMin(t, floatLike(type, 1));
        Value *slope = ir.CreateFSub(floatLike(type, 3), ir.CreateFMul(floatLike(type, 2), t));
        return rounded(ir.CreateFMul(ir.CreateFMul(t, t), slope), x.type);
      },
      edge0, edge1, x);
}

Lanes LaneBuilder::copysign(Lanes x, Lanes y) {
  return map(x.type, [&](Value *a, Value *b) { return binaryIntrinsic(Intrinsic::copysign, a, b); }, x, y);
}

Lanes LaneBuilder::fdim(Lanes x, Lanes y) {
  return map(
      x.type,
      [&](Value *a, Value *b) {
        Value *difference = rounded(ir.CreateFSub(a, b), x.type);
        return ir.CreateSelect(ir.CreateFCmpOLE(a, b), floatLike(a->getType(), 0), difference);
      },
      x, y);
}

/// Steps through the type's own bit patterns, which are ordered by magnitude.
Lanes LaneBuilder::nextafter(Lanes x, Lanes y) {
  return map(
      x.type,
      [&](Value *a, Value *b) {
        Type *word = likeType(a->getType(), ir.getIntNTy(bitsOf(x.type)));
        Value *from = ir.CreateBitCast(toMemory(a, x.type), word),
              *to = ir.CreateBitCast(toMemory(b, x.type), word);
        Value *zero = constantLike(word, 0), *one = constantLike(word, 1),
              *minus = Constant::getAllOnesValue(word);
        Value *grows = ir.CreateICmpEQ(ir.CreateFCmpOLT(a, b), ir.CreateICmpSGE(from, zero));
        Value *next = ir.CreateAdd(from, ir.CreateSelect(grows, one, minus));
        const APInt signBit = APInt::getSignMask(bitsOf(x.type));
        Value *fromZero = ir.CreateOr(ir.CreateAnd(to, ConstantInt::get(word, signBit)), one);
        next = ir.CreateSelect(ir.CreateFCmpOEQ(a, floatLike(a->getType(), 0)), fromZero, next);
        next = ir.CreateSelect(ir.CreateFCmpOEQ(a, b), to, next);
        Value *value = fromMemory(ir.CreateBitCast(next, likeType(word, memoryType(x.type))), x.type);
        return ir.CreateSelect(ir.CreateFCmpUNO(a, b), ir.CreateFAdd(a, b), value);
      },
      x, y);
}

Lanes LaneBuilder::ldexp(Lanes x, Lanes exponent) {
  return map(
      x.type, [&](Value *a, Value *n) { return rounded(callLanes("ldexp", {a, n}, a->getType()), x.type); },
      x, exponent);
}

Lanes LaneBuilder::frexpExponent(Lanes x) {
  return map(
      ElementKind::I32,
      [&](Value *a) { return callLanes("frexp_exponent", {a}, likeType(a->getType(), ir.getInt32Ty())); }, x);
}

Lanes LaneBuilder::modfFraction(Lanes x) {
  return map(
      x.type,
      [&](Value *a) {
        Value *whole = unaryIntrinsic(Intrinsic::trunc, a);
        Value *rest = ir.CreateFSub(a, whole);
        Value *infinity = floatLike(a->getType(), std::numeric_limits<double>::infinity());
        Value *isInfinite = ir.CreateFCmpOEQ(unaryIntrinsic(Intrinsic::fabs, a), infinity);
        rest = ir.CreateSelect(isInfinite, floatLike(a->getType(), 0), rest);
        return binaryIntrinsic(Intrinsic::copysign, rest, a);
      },
      x);
}

Lanes LaneBuilder::fma(Lanes x, Lanes y, Lanes z) {
  return map(
      x.type,
      [&](Value *a, Value *b, Value *c) {
        return rounded(ir.CreateIntrinsic(Intrinsic::fma, {a->getType()}, {a, b, c}), x.type);
      },
      x, y, z);
}

Lanes LaneBuilder::isnan(Lanes x) {
  return map(ElementKind::B1, [&](Value *a) { return ir.CreateFCmpUNO(a, a); }, x);
}
Lanes LaneBuilder::isinf(Lanes x) {
  return eq(abs(x), number(x.type, std::numeric_limits<double>::infinity()));
}
Lanes LaneBuilder::isfinite(Lanes x) {
  return lt(abs(x), number(x.type, std::numeric_limits<double>::infinity()));
}
Lanes LaneBuilder::isnormal(Lanes x) {
  return bitAnd(isfinite(x), le(number(x.type, smallestNormal(x.type)), abs(x)));
}
Lanes LaneBuilder::signbit(Lanes x) {
  return map(
      ElementKind::B1,
      [&](Value *a) {
        Type *word = likeType(a->getType(), ir.getInt32Ty());
        return ir.CreateICmpSLT(ir.CreateBitCast(a, word), constantLike(word, 0));
      },
      x);
}
Lanes LaneBuilder::isunordered(Lanes x, Lanes y) {
  return map(ElementKind::B1, [&](Value *a, Value *b) { return ir.CreateFCmpUNO(a, b); }, x, y);
}

} // namespace enigma::host
