// SPDX-License-Identifier: MIT
//
// Conversions of LaneBuilder: between element types, between values and their bits, and between the form that
// values have in registers and the one that they have in memory.
#include "LaneBuilder.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Intrinsics.h"

using namespace llvm;

namespace enigma::host {

/// Rounds to nearest even. f16 by the conversion instructions, bf16 in integers; a NaN stays one, made quiet.
Value *LaneBuilder::rounded(Value *value, ElementKind t) {
  if (t == ElementKind::F32)
    return value;
  Type *type = value->getType();
  if (t == ElementKind::F16)
    return ir.CreateFPExt(ir.CreateFPTrunc(value, likeType(type, ir.getHalfTy())), type);
  Type *word = likeType(type, ir.getInt32Ty());
  Value *bits = ir.CreateBitCast(value, word);
  Value *even = ir.CreateAnd(ir.CreateLShr(bits, constantLike(word, 16)), constantLike(word, 1));
  Value *near = ir.CreateAdd(bits, ir.CreateAdd(even, constantLike(word, 0x7fff)));
  Value *quiet = ir.CreateOr(bits, constantLike(word, 0x400000));
  Value *either = ir.CreateSelect(ir.CreateFCmpUNO(value, value), quiet, near);
  return ir.CreateBitCast(ir.CreateAnd(either, constantLike(word, 0xffff0000)), type);
}

Type *LaneBuilder::memoryType(ElementKind t) const {
  switch (t) {
  case ElementKind::F16:
    return ir.getHalfTy();
  case ElementKind::BF16:
    return ir.getInt16Ty();
  case ElementKind::B1:
    return ir.getInt8Ty();
  default:
    return scalarType(t);
  }
}

Value *LaneBuilder::toMemory(Value *value, ElementKind t) {
  Type *type = value->getType();
  switch (t) {
  case ElementKind::F16:
    return ir.CreateFPTrunc(value, likeType(type, ir.getHalfTy()));
  case ElementKind::BF16: {
    Type *word = likeType(type, ir.getInt32Ty());
    Value *high = ir.CreateLShr(ir.CreateBitCast(value, word), constantLike(word, 16));
    return ir.CreateTrunc(high, likeType(type, ir.getInt16Ty()));
  }
  case ElementKind::B1:
    return ir.CreateZExt(value, likeType(type, ir.getInt8Ty()));
  default:
    return value;
  }
}

Value *LaneBuilder::fromMemory(Value *value, ElementKind t) {
  Type *type = value->getType();
  switch (t) {
  case ElementKind::F16:
    return ir.CreateFPExt(value, likeType(type, ir.getFloatTy()));
  case ElementKind::BF16: {
    Type *word = likeType(type, ir.getInt32Ty());
    Value *high = ir.CreateShl(ir.CreateZExt(value, word), constantLike(word, 16));
    return ir.CreateBitCast(high, likeType(type, ir.getFloatTy()));
  }
  case ElementKind::B1:
    return ir.CreateICmpNE(value, constantLike(type, 0));
  default:
    return value;
  }
}

/// Saturating, NaN gives 0. Narrow integers saturate at 32 bits first: every vector unit converts to those.
Value *LaneBuilder::floatToInt(Value *x, ElementKind t) {
  const unsigned bits = bitsOf(t);
  Type *wide = likeType(x->getType(), ir.getIntNTy(std::max(bits, 32u)));
  const bool direct = bits >= 32;
  const unsigned id = direct && !isSigned(t) ? Intrinsic::fptoui_sat : Intrinsic::fptosi_sat;
  Value *whole = ir.CreateIntrinsic(id, {wide, x->getType()}, {x});
  if (direct)
    return whole;
  const int64_t low = isSigned(t) ? -(int64_t(1) << (bits - 1)) : 0;
  const int64_t high = isSigned(t) ? (int64_t(1) << (bits - 1)) - 1 : (int64_t(1) << bits) - 1;
  whole = binaryIntrinsic(Intrinsic::smax, whole, ConstantInt::getSigned(wide, low));
  whole = binaryIntrinsic(Intrinsic::smin, whole, ConstantInt::getSigned(wide, high));
  return ir.CreateTrunc(whole, likeType(x->getType(), ir.getIntNTy(bits)));
}

Lanes LaneBuilder::cast(Lanes x, ElementKind t) {
  if (x.type == t)
    return x;
  if (isBool(t)) {
    if (isFloat(x.type))
      return ne(x, number(x.type, 0));
    return ne(x, integer(x.type, 0));
  }
  if (isFloat(x.type)) {
    if (isFloat(t))
      return map(t, [&](Value *a) { return rounded(a, t); }, x);
    return map(t, [&](Value *a) { return floatToInt(a, t); }, x);
  }
  if (isFloat(t))
    return map(
        t,
        [&](Value *a) {
          Type *type = likeType(a->getType(), ir.getFloatTy());
          return rounded(isSigned(x.type) ? ir.CreateSIToFP(a, type) : ir.CreateUIToFP(a, type), t);
        },
        x);
  const auto resized = [&](Value *a) {
    Type *type = likeType(a->getType(), scalarType(t));
    return isSigned(x.type) ? ir.CreateSExtOrTrunc(a, type) : ir.CreateZExtOrTrunc(a, type);
  };
  // Narrowing drops high bits of every lane alike. Widening keeps a linear value linear only where no lane
  // wraps, and those of an aligned value do not: they differ in the low five bits.
  if (x.isLinear() && (bitsOf(t) <= bitsOf(x.type) || x.isAligned))
    return linear(t, resized(x.value), x.stride, x.isAligned);
  return map(t, resized, x);
}

Lanes LaneBuilder::asType(Lanes x, ElementKind t) {
  if (isInt(x.type) && isInt(t))
    return {x.value, t, x.shape, x.stride, x.isAligned};
  return map(
      t,
      [&](Value *a) {
        Value *memory = toMemory(a, x.type);
        return fromMemory(ir.CreateBitCast(memory, likeType(a->getType(), memoryType(t))), t);
      },
      x);
}

} // namespace enigma::host
