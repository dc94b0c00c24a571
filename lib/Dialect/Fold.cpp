// SPDX-License-Identifier: MIT
//
// Folders: constants are computed, and identities that hold for every value (also NaN and -0) removed.
#include "enigma/Dialect/Enigma.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

#include "llvm/ADT/APSInt.h"

using namespace mlir;

namespace enigma::dialect {
namespace {

// A constant of any shape as one number: a scalar's, or that of all components of a splat.
template <class Attr>
std::optional<typename Attr::ValueType> scalar(Attribute a) {
  if (auto direct = dyn_cast_or_null<Attr>(a))
    return direct.getValue();
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(a))
    if (isa<Attr>(splat.getSplatValue<Attribute>()))
      return splat.getSplatValue<typename Attr::ValueType>();
  return std::nullopt;
}
std::optional<APInt> integer(Attribute a) { return scalar<IntegerAttr>(a); }
std::optional<APFloat> real(Attribute a) { return scalar<FloatAttr>(a); }

TypedAttr shaped(Type type, TypedAttr one) {
  if (auto vector = dyn_cast<VectorType>(type))
    return DenseElementsAttr::get(vector, Attribute(one));
  return one;
}
TypedAttr make(Type type, const APInt &value) {
  return shaped(type, IntegerAttr::get(scalarOf(type), value));
}
TypedAttr make(Type type, const APFloat &value) {
  return shaped(type, FloatAttr::get(scalarOf(type), value));
}

bool isInteger(Attribute a, int64_t n) {
  auto value = integer(a);
  return value && *value == APInt(value->getBitWidth(), n, /*isSigned=*/true, /*implicitTrunc=*/true);
}

template <class IntFn, class FloatFn>
OpFoldResult fold2(Attribute x, Attribute y, Type type, IntFn ints, FloatFn floats) {
  if (auto a = integer(x), b = integer(y); a && b)
    return make(type, ints(*a, *b));
  if (auto a = real(x), b = real(y); a && b)
    return make(type, floats(*a, *b));
  return {};
}
template <class IntFn>
OpFoldResult foldInts(Attribute x, Attribute y, Type type, IntFn ints) {
  if (auto a = integer(x), b = integer(y); a && b)
    return make(type, ints(*a, *b));
  return {};
}

APInt floorDivide(const APInt &a, const APInt &b, bool isSigned) {
  if (!isSigned)
    return a.udiv(b);
  APInt quotient = a.sdiv(b), remainder = a.srem(b);
  return !remainder.isZero() && remainder.isNegative() != b.isNegative() ? quotient - 1 : quotient;
}

} // namespace

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

//===-- Arithmetic
//------------------------------------------------------------------------------------------===//

OpFoldResult AddOp::fold(FoldAdaptor in) {
  if (isInteger(in.getY(), 0))
    return getX();
  return fold2(
      in.getX(), in.getY(), getType(), [](const APInt &a, const APInt &b) { return a + b; },
      [](const APFloat &a, const APFloat &b) { return a + b; });
}
OpFoldResult SubOp::fold(FoldAdaptor in) {
  if (isInteger(in.getY(), 0))
    return getX();
  if (getX() == getY() && isIntLike(getType()))
    return make(getType(), APInt(widthOf(getType()), 0));
  return fold2(
      in.getX(), in.getY(), getType(), [](const APInt &a, const APInt &b) { return a - b; },
      [](const APFloat &a, const APFloat &b) { return a - b; });
}
OpFoldResult MulOp::fold(FoldAdaptor in) {
  if (isInteger(in.getY(), 1))
    return getX();
  if (isInteger(in.getY(), 0))
    return in.getY();
  if (auto one = real(in.getY()); one && one->isExactlyValue(1.0))
    return getX();
  return fold2(
      in.getX(), in.getY(), getType(), [](const APInt &a, const APInt &b) { return a * b; },
      [](const APFloat &a, const APFloat &b) { return a * b; });
}
OpFoldResult DivOp::fold(FoldAdaptor in) {
  if (auto one = real(in.getY()); one && one->isExactlyValue(1.0))
    return getX();
  return {};
}
OpFoldResult FloorDivOp::fold(FoldAdaptor in) {
  if (isInteger(in.getY(), 1))
    return getX();
  bool isSigned = isSignedIntLike(getType());
  if (auto b = integer(in.getY()); !b || b->isZero() || (isSigned && b->isAllOnes()))
    return {};
  return foldInts(in.getX(), in.getY(), getType(),
                  [&](const APInt &a, const APInt &b) { return floorDivide(a, b, isSigned); });
}
OpFoldResult ModOp::fold(FoldAdaptor in) {
  if (isInteger(in.getY(), 1))
    return make(getType(), APInt(widthOf(getType()), 0));
  bool isSigned = isSignedIntLike(getType());
  if (auto b = integer(in.getY()); !b || b->isZero() || (isSigned && b->isAllOnes()))
    return {};
  return foldInts(in.getX(), in.getY(), getType(),
                  [&](const APInt &a, const APInt &b) { return a - floorDivide(a, b, isSigned) * b; });
}
OpFoldResult NegOp::fold(FoldAdaptor in) {
  if (auto inner = getX().getDefiningOp<NegOp>())
    return inner.getX();
  if (auto a = integer(in.getX()))
    return make(getType(), -*a);
  if (auto a = real(in.getX()))
    return make(getType(), neg(*a));
  return {};
}

//===-- Bits
//------------------------------------------------------------------------------------------------===//

OpFoldResult AndOp::fold(FoldAdaptor in) {
  if (getX() == getY() || isInteger(in.getY(), -1))
    return getX();
  if (isInteger(in.getY(), 0))
    return in.getY();
  return foldInts(in.getX(), in.getY(), getType(), [](const APInt &a, const APInt &b) { return a & b; });
}
OpFoldResult OrOp::fold(FoldAdaptor in) {
  if (getX() == getY() || isInteger(in.getY(), 0))
    return getX();
  if (isInteger(in.getY(), -1))
    return in.getY();
  return foldInts(in.getX(), in.getY(), getType(), [](const APInt &a, const APInt &b) { return a | b; });
}
OpFoldResult XorOp::fold(FoldAdaptor in) {
  if (isInteger(in.getY(), 0))
    return getX();
  if (getX() == getY())
    return make(getType(), APInt(widthOf(getType()), 0));
  return foldInts(in.getX(), in.getY(), getType(), [](const APInt &a, const APInt &b) { return a ^ b; });
}
OpFoldResult NotOp::fold(FoldAdaptor in) {
  if (auto inner = getX().getDefiningOp<NotOp>())
    return inner.getX();
  if (auto a = integer(in.getX()))
    return make(getType(), ~*a);
  return {};
}
OpFoldResult ShlOp::fold(FoldAdaptor in) {
  if (isInteger(in.getY(), 0))
    return getX();
  return foldInts(in.getX(), in.getY(), getType(), [](const APInt &a, const APInt &b) {
    return a.shl(b.getZExtValue() & (a.getBitWidth() - 1));
  });
}
OpFoldResult ShrOp::fold(FoldAdaptor in) {
  if (isInteger(in.getY(), 0))
    return getX();
  bool isSigned = isSignedIntLike(getType());
  return foldInts(in.getX(), in.getY(), getType(), [&](const APInt &a, const APInt &b) {
    unsigned count = b.getZExtValue() & (a.getBitWidth() - 1);
    return isSigned ? a.ashr(count) : a.lshr(count);
  });
}

//===-- Comparison, selection, conversion
//-------------------------------------------------------------------===//

namespace {
// The comparison of two constants, or of a value with itself.
template <class Op>
OpFoldResult foldCompare(Op op, Attribute x, Attribute y, bool whenEqual, bool whenLess, bool whenGreater) {
  auto answer = [&](bool value) { return make(op.getType(), APInt(1, value)); };
  Type type = op.getX().getType();
  if (op.getX() == op.getY() && !isFloatLike(type))
    return answer(whenEqual);
  if (auto a = integer(x), b = integer(y); a && b) {
    bool less = isSignedIntLike(type) ? a->slt(*b) : a->ult(*b);
    return answer(*a == *b ? whenEqual : less ? whenLess : whenGreater);
  }
  return {};
}
} // namespace

OpFoldResult CmpEqOp::fold(FoldAdaptor in) {
  return foldCompare(*this, in.getX(), in.getY(), true, false, false);
}
OpFoldResult CmpNeOp::fold(FoldAdaptor in) {
  return foldCompare(*this, in.getX(), in.getY(), false, true, true);
}
OpFoldResult CmpLtOp::fold(FoldAdaptor in) {
  return foldCompare(*this, in.getX(), in.getY(), false, true, false);
}
OpFoldResult CmpLeOp::fold(FoldAdaptor in) {
  return foldCompare(*this, in.getX(), in.getY(), true, true, false);
}
OpFoldResult CmpGtOp::fold(FoldAdaptor in) {
  return foldCompare(*this, in.getX(), in.getY(), false, false, true);
}
OpFoldResult CmpGeOp::fold(FoldAdaptor in) {
  return foldCompare(*this, in.getX(), in.getY(), true, false, true);
}

OpFoldResult SelectOp::fold(FoldAdaptor in) {
  if (getX() == getY())
    return getX();
  if (auto condition = integer(in.getCondition()))
    return condition->isZero() ? getY() : getX();
  if (isBoolLike(getType()) && getCondition().getType() == getType() && isInteger(in.getX(), -1) &&
      isInteger(in.getY(), 0))
    return getCondition();
  return {};
}

OpFoldResult CastOp::fold(FoldAdaptor in) {
  Type from = getX().getType(), to = getType();
  if (from == to)
    return getX();
  // Conversions between integers of one width keep the bits: two of them meet.
  if (auto inner = getX().getDefiningOp<CastOp>())
    if (inner.getX().getType() == to && isIntLike(to) && isIntLike(from) && widthOf(from) == widthOf(to))
      return inner.getX();
  bool toBool = isBoolLike(to);
  if (auto a = integer(in.getX())) {
    if (toBool)
      return make(to, APInt(1, !a->isZero()));
    bool isSigned = isSignedIntLike(from);
    if (isIntLike(to))
      return make(to, isSigned ? a->sextOrTrunc(widthOf(to)) : a->zextOrTrunc(widthOf(to)));
    // To bf16 by way of f32, as the description says.
    const llvm::fltSemantics &semantics = cast<FloatType>(scalarOf(to)).getFloatSemantics();
    APFloat value(scalarOf(to).isBF16() ? APFloat::IEEEsingle() : semantics);
    value.convertFromAPInt(*a, isSigned, APFloat::rmNearestTiesToEven);
    bool exact;
    value.convert(semantics, APFloat::rmNearestTiesToEven, &exact);
    return make(to, value);
  }
  if (auto a = real(in.getX())) {
    if (toBool)
      return make(to, APInt(1, !a->isZero()));
    if (isFloatLike(to)) {
      bool exact;
      a->convert(cast<FloatType>(scalarOf(to)).getFloatSemantics(), APFloat::rmNearestTiesToEven, &exact);
      return make(to, *a);
    }
    APSInt value(widthOf(to), isUnsignedIntLike(to));
    bool exact;
    if (a->convertToInteger(value, APFloat::rmTowardZero, &exact) & APFloat::opInvalidOp)
      return {}; // out of range: unspecified
    return make(to, value);
  }
  return {};
}

OpFoldResult AsTypeOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto inner = getX().getDefiningOp<AsTypeOp>())
    if (inner.getX().getType() == getType())
      return inner.getX();
  return {};
}

//===-- Vectors and memory
//----------------------------------------------------------------------------------===//

OpFoldResult SplatOp::fold(FoldAdaptor in) {
  if (auto value = dyn_cast_or_null<TypedAttr>(in.getX()))
    return DenseElementsAttr::get(cast<VectorType>(getType()), Attribute(value));
  return {};
}

OpFoldResult MakeVectorOp::fold(FoldAdaptor in) {
  // The components of one vector in order are that vector.
  auto first = getComponents().front().getDefiningOp<ExtractOp>();
  if (!first || first.getX().getType() != getType())
    return {};
  for (auto [i, component] : llvm::enumerate(getComponents())) {
    auto extract = component.getDefiningOp<ExtractOp>();
    if (!extract || extract.getX() != first.getX() || extract.getIndex() != i)
      return {};
  }
  return first.getX();
}

OpFoldResult ExtractOp::fold(FoldAdaptor in) {
  if (auto make = getX().getDefiningOp<MakeVectorOp>())
    return make.getComponents()[getIndex()];
  if (auto splat = getX().getDefiningOp<SplatOp>())
    return splat.getX();
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(in.getX()))
    return splat.getSplatValue<Attribute>();
  return {};
}

void LoadIfOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *) {
  patterns.add(+[](LoadIfOp op, PatternRewriter &rewriter) {
    auto mask = constantInt(op.getMask());
    if (!mask)
      return failure();
    if (*mask)
      rewriter.replaceOpWithNewOp<LoadOp>(op, op.getType(), op.getBuffer(), op.getIndex());
    else
      rewriter.replaceOp(op, op.getFallback());
    return success();
  });
}

void StoreIfOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *) {
  patterns.add(+[](StoreIfOp op, PatternRewriter &rewriter) {
    auto mask = constantInt(op.getMask());
    if (!mask)
      return failure();
    if (*mask)
      StoreOp::create(rewriter, op.getLoc(), op.getValue(), op.getBuffer(), op.getIndex());
    rewriter.eraseOp(op);
    return success();
  });
}

} // namespace enigma::dialect
