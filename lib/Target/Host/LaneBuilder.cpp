// SPDX-License-Identifier: MIT
//
// Shapes, operators, comparison and selection of LaneBuilder. What keeps a value linear in the lane is
// decided here.
#include "LaneBuilder.h"

#include "LaneMath.h"
#include "enigma/Support/Error.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Intrinsics.h"
#include "llvm/IR/Module.h"

#include <cassert>
#include <optional>
#include <string>

using namespace llvm;

namespace enigma::host {

// ---- Types and shapes

Type *LaneBuilder::scalarType(ElementKind t) const {
  return isFloat(t) ? ir.getFloatTy() : static_cast<Type *>(ir.getIntNTy(bitsOf(t)));
}

FixedVectorType *LaneBuilder::vectorType(ElementKind t) const {
  return FixedVectorType::get(scalarType(t), kLanes);
}

Type *LaneBuilder::likeType(Type *like, Type *element) {
  auto *vector = dyn_cast<FixedVectorType>(like);
  return vector ? static_cast<Type *>(FixedVectorType::get(element, vector->getNumElements())) : element;
}

Value *LaneBuilder::constantLike(Type *like, uint64_t value) { return ConstantInt::get(like, value); }

Value *LaneBuilder::floatLike(Type *like, double value) { return ConstantFP::get(like, value); }

Lanes LaneBuilder::number(ElementKind t, double value) const {
  if (!isFloat(t))
    return integer(t, static_cast<int64_t>(value));
  APFloat number(value);
  bool loses = false;
  const fltSemantics &own = t == ElementKind::F16    ? APFloat::IEEEhalf()
                            : t == ElementKind::BF16 ? APFloat::BFloat()
                                                     : APFloat::IEEEsingle();
  number.convert(own, APFloat::rmNearestTiesToEven, &loses);
  number.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &loses);
  return uniform(t, ConstantFP::get(ir.getContext(), number));
}

Lanes LaneBuilder::integer(ElementKind t, int64_t value) const {
  return uniform(t, ConstantInt::get(scalarType(t), static_cast<uint64_t>(value), true));
}

Type *LaneBuilder::shapeType(Lanes::Shape shape, ElementKind t) const {
  if (shape == Lanes::Shape::Row)
    return FixedVectorType::get(scalarType(t), 8);
  return shape == Lanes::Shape::Varying ? vectorType(t) : scalarType(t);
}

Value *LaneBuilder::vector(const Lanes &x) {
  if (x.shape == Lanes::Shape::Row)
    throw Error(ErrorKind::Compile,
                "a simdgroup matrix is held by all lanes of a simdgroup together: which one a "
                "variable holds cannot differ between them");
  if (x.shape == Lanes::Shape::Varying)
    return x.value;
  Value *splat = ir.CreateVectorSplat(kLanes, x.value);
  if (x.isUniform())
    return splat;
  SmallVector<Constant *, kLanes> steps;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    steps.push_back(
        ConstantInt::get(scalarType(x.type), lane * static_cast<uint64_t>(x.stride), false, true));
  return ir.CreateAdd(splat, ConstantVector::get(steps));
}

// ---- Calls out of line

Value *LaneBuilder::slot(unsigned number) {
  if (slotBase)
    return ir.CreateConstInBoundsGEP1_64(ir.getInt8Ty(), slotBase, number * kSlotBytes);
  Value *&memory = slots[number];
  if (!memory) {
    BasicBlock &entry = ir.GetInsertBlock()->getParent()->getEntryBlock();
    IRBuilder<> atEntry(&entry, entry.begin());
    AllocaInst *own = atEntry.CreateAlloca(ArrayType::get(atEntry.getInt8Ty(), kSlotBytes));
    own->setAlignment(Align(64));
    memory = own;
  }
  return memory;
}

Value *LaneBuilder::callLanes(const char *function, std::initializer_list<Value *> operands, Type *result) {
  assert(findLaneFunction(function) && "no such lane function");
  Module *module = ir.GetInsertBlock()->getModule();
  SmallVector<Type *, 5> types(operands.size() + 1, ir.getPtrTy());
  types.push_back(ir.getInt32Ty());
  FunctionCallee callee = module->getOrInsertFunction(std::string("enigma_lanes_") + function,
                                                      FunctionType::get(ir.getVoidTy(), types, false));
  auto *declared = cast<Function>(callee.getCallee());
  declared->setDoesNotThrow();
  declared->setWillReturn();
  declared->setMemoryEffects(MemoryEffects::argMemOnly());

  SmallVector<Value *, 5> arguments{slot(3)};
  unsigned number = 0;
  bool isVector = false;
  for (Value *operand : operands) {
    Value *memory = slot(number++);
    ir.CreateAlignedStore(operand, memory, Align(64));
    arguments.push_back(memory);
    isVector |= isa<VectorType>(operand->getType());
  }
  arguments.push_back(ir.getInt32(isVector ? kLanes : 1));
  ir.CreateCall(callee, arguments);
  return ir.CreateAlignedLoad(result, slot(3), Align(64));
}

Value *LaneBuilder::unaryIntrinsic(unsigned id, Value *x) { return ir.CreateUnaryIntrinsic(id, x); }
Value *LaneBuilder::binaryIntrinsic(unsigned id, Value *x, Value *y) {
  return ir.CreateBinaryIntrinsic(id, x, y);
}

// ---- Arithmetic

namespace {

/// The value of a uniform constant integer.
std::optional<int64_t> constantOf(const Lanes &x) {
  if (x.isUniform())
    if (auto *constant = dyn_cast<ConstantInt>(x.value))
      return constant->getSExtValue();
  return std::nullopt;
}

bool isMultipleOfLanes(int64_t value) { return value % int64_t(kLanes) == 0; }

} // namespace

Lanes LaneBuilder::add(Lanes x, Lanes y) {
  if (isFloat(x.type))
    return map(x.type, [&](Value *a, Value *b) { return rounded(ir.CreateFAdd(a, b), x.type); }, x, y);
  if ((x.isLinear() && y.shape != Lanes::Shape::Varying) || (y.isLinear() && x.isUniform())) {
    const auto constant = x.isLinear() ? constantOf(y) : constantOf(x);
    const bool keeps = constant && isMultipleOfLanes(*constant) && (x.isAligned || y.isAligned);
    return linear(x.type, ir.CreateAdd(x.value, y.value), x.stride + y.stride, keeps);
  }
  return map(x.type, [&](Value *a, Value *b) { return ir.CreateAdd(a, b); }, x, y);
}

Lanes LaneBuilder::sub(Lanes x, Lanes y) {
  if (isFloat(x.type))
    return map(x.type, [&](Value *a, Value *b) { return rounded(ir.CreateFSub(a, b), x.type); }, x, y);
  if ((x.isLinear() && y.shape != Lanes::Shape::Varying) || (y.isLinear() && x.isUniform())) {
    const auto constant = constantOf(y);
    const bool keeps = constant && isMultipleOfLanes(*constant) && x.isAligned;
    return linear(x.type, ir.CreateSub(x.value, y.value), x.stride - y.stride, keeps);
  }
  return map(x.type, [&](Value *a, Value *b) { return ir.CreateSub(a, b); }, x, y);
}

Lanes LaneBuilder::mul(Lanes x, Lanes y) {
  if (isFloat(x.type))
    return map(x.type, [&](Value *a, Value *b) { return rounded(ir.CreateFMul(a, b), x.type); }, x, y);
  if (y.isLinear())
    std::swap(x, y);
  if (x.isLinear())
    if (const auto constant = constantOf(y))
      return linear(x.type, ir.CreateMul(x.value, y.value),
                    static_cast<int64_t>(static_cast<uint64_t>(x.stride) * static_cast<uint64_t>(*constant)));
  return map(x.type, [&](Value *a, Value *b) { return ir.CreateMul(a, b); }, x, y);
}

Lanes LaneBuilder::div(Lanes x, Lanes y) {
  return map(x.type, [&](Value *a, Value *b) { return rounded(ir.CreateFDiv(a, b), x.type); }, x, y);
}

Lanes LaneBuilder::neg(Lanes x) {
  if (isFloat(x.type))
    return map(x.type, [&](Value *a) { return ir.CreateFNeg(a); }, x);
  return sub(integer(x.type, 0), x);
}

Lanes LaneBuilder::abs(Lanes x) {
  if (isFloat(x.type))
    return map(x.type, [&](Value *a) { return unaryIntrinsic(Intrinsic::fabs, a); }, x);
  if (!isSigned(x.type))
    return x;
  return map(x.type, [&](Value *a) { return binaryIntrinsic(Intrinsic::abs, a, ir.getFalse()); }, x);
}

/// Of a number and NaN the number. Compared and selected: LLVM's minnum of half is a call of the C library
/// here.
Value *LaneBuilder::floatMin(Value *x, Value *y) {
  return ir.CreateSelect(ir.CreateFCmpUNO(y, y), x, ir.CreateSelect(ir.CreateFCmpOLT(x, y), x, y));
}

Value *LaneBuilder::floatMax(Value *x, Value *y) {
  return ir.CreateSelect(ir.CreateFCmpUNO(y, y), x, ir.CreateSelect(ir.CreateFCmpOGT(x, y), x, y));
}

Lanes LaneBuilder::min(Lanes x, Lanes y) {
  if (isFloat(x.type))
    return map(x.type, [&](Value *a, Value *b) { return floatMin(a, b); }, x, y);
  const unsigned id = isSigned(x.type) ? Intrinsic::smin : Intrinsic::umin;
  return map(x.type, [&](Value *a, Value *b) { return binaryIntrinsic(id, a, b); }, x, y);
}

Lanes LaneBuilder::max(Lanes x, Lanes y) {
  if (isFloat(x.type))
    return map(x.type, [&](Value *a, Value *b) { return floatMax(a, b); }, x, y);
  const unsigned id = isSigned(x.type) ? Intrinsic::smax : Intrinsic::umax;
  return map(x.type, [&](Value *a, Value *b) { return binaryIntrinsic(id, a, b); }, x, y);
}

/// Integer x / y truncated towards zero; 0 for y = 0, and the smallest integer over -1 wraps. Vectors divide
/// in floating point, which is exact: 16-bit integers in f32, 32-bit ones in f64.
Value *LaneBuilder::quotient(Value *x, Value *y, ElementKind t) {
  const bool isSigned = host::isSigned(t);
  const unsigned bits = bitsOf(t);
  Type *type = x->getType();
  const auto divide = [&](Value *by) { return isSigned ? ir.CreateSDiv(x, by) : ir.CreateUDiv(x, by); };
  auto *constant = dyn_cast<Constant>(y);
  if (constant && type->isVectorTy())
    constant = constant->getSplatValue();
  if (auto *number = dyn_cast_or_null<ConstantInt>(constant);
      number && !number->isZero() && !number->isMinusOne())
    return divide(y);
  if (type->isVectorTy() && bits == 64)
    return callLanes(isSigned ? "div_i64" : "div_u64", {x, y}, type);

  Value *zero = constantLike(type, 0), *one = constantLike(type, 1);
  Value *isZero = ir.CreateICmpEQ(y, zero);
  Value *isMinusOne = isSigned ? ir.CreateICmpEQ(y, Constant::getAllOnesValue(type)) : nullptr;
  y = ir.CreateSelect(isMinusOne ? ir.CreateOr(isZero, isMinusOne) : isZero, one, y);
  Value *result;
  if (!type->isVectorTy()) {
    result = divide(y);
  } else {
    Type *wide = likeType(type, bits == 32 ? ir.getDoubleTy() : ir.getFloatTy());
    const auto toFloat = [&](Value *v) {
      return isSigned ? ir.CreateSIToFP(v, wide) : ir.CreateUIToFP(v, wide);
    };
    Type *middle = bits == 32 ? type : likeType(type, ir.getInt32Ty());
    Value *q = ir.CreateFDiv(toFloat(x), toFloat(y));
    q = isSigned || bits < 32 ? ir.CreateFPToSI(q, middle) : ir.CreateFPToUI(q, middle);
    result = ir.CreateTrunc(q, type);
  }
  if (isMinusOne)
    result = ir.CreateSelect(isMinusOne, ir.CreateNeg(x), result);
  return ir.CreateSelect(isZero, zero, result);
}

Lanes LaneBuilder::floorDiv(Lanes x, Lanes y) {
  if (isFloat(x.type))
    return math("floor_div", x, y);
  // Lanes of an aligned value differ in five bits, which a divisor that is a multiple of 32 drops.
  if (x.isAligned)
    if (const auto constant = constantOf(y); constant && *constant > 0 && isMultipleOfLanes(*constant))
      return floorDiv(uniform(x.type, x.value), y);
  return map(
      x.type,
      [&](Value *a, Value *b) {
        Value *q = quotient(a, b, x.type);
        if (!isSigned(x.type))
          return q;
        Type *type = a->getType();
        Value *zero = constantLike(type, 0), *remainder = ir.CreateSub(a, ir.CreateMul(q, b));
        Value *differs = ir.CreateICmpSLT(ir.CreateXor(remainder, b), zero);
        Value *down = ir.CreateAnd(ir.CreateICmpNE(remainder, zero), differs);
        // With b = 0 the "remainder" is a; the quotient stays 0.
        down = ir.CreateAnd(down, ir.CreateICmpNE(b, zero));
        return ir.CreateAdd(q, ir.CreateSExt(down, type));
      },
      x, y);
}

Lanes LaneBuilder::mod(Lanes x, Lanes y) {
  if (isFloat(x.type))
    return math("mod", x, y);
  if (x.isAligned)
    if (const auto constant = constantOf(y); constant && *constant > 0 && isMultipleOfLanes(*constant))
      return linear(x.type, mod(uniform(x.type, x.value), y).value, 1, true);
  return map(
      x.type,
      [&](Value *a, Value *b) {
        Type *type = a->getType();
        Value *zero = constantLike(type, 0);
        Value *remainder = ir.CreateSub(a, ir.CreateMul(quotient(a, b, x.type), b));
        if (isSigned(x.type)) {
          Value *differs = ir.CreateICmpSLT(ir.CreateXor(remainder, b), zero);
          Value *fix = ir.CreateAnd(ir.CreateICmpNE(remainder, zero), differs);
          remainder = ir.CreateAdd(remainder, ir.CreateSelect(fix, b, zero));
        }
        return ir.CreateSelect(ir.CreateICmpEQ(b, zero), zero, remainder);
      },
      x, y);
}

// ---- Bits

Lanes LaneBuilder::bitAnd(Lanes x, Lanes y) {
  if (y.isLinear())
    std::swap(x, y);
  if (x.isAligned)
    if (const auto mask = constantOf(y)) {
      if ((*mask & (kLanes - 1)) == 0)
        return uniform(x.type, ir.CreateAnd(x.value, y.value));
      if ((*mask & (kLanes - 1)) == kLanes - 1)
        return linear(x.type, ir.CreateAnd(x.value, y.value), 1, true);
    }
  return map(x.type, [&](Value *a, Value *b) { return ir.CreateAnd(a, b); }, x, y);
}
Lanes LaneBuilder::bitOr(Lanes x, Lanes y) {
  return map(x.type, [&](Value *a, Value *b) { return ir.CreateOr(a, b); }, x, y);
}
Lanes LaneBuilder::bitXor(Lanes x, Lanes y) {
  return map(x.type, [&](Value *a, Value *b) { return ir.CreateXor(a, b); }, x, y);
}
Lanes LaneBuilder::bitNot(Lanes x) {
  return map(x.type, [&](Value *a) { return ir.CreateNot(a); }, x);
}

/// A shift count modulo the width, in the type of what is shifted (both scalars or both vectors).
Value *LaneBuilder::shiftCount(Value *count, Type *shifted) {
  const unsigned bits = shifted->getScalarSizeInBits();
  return ir.CreateAnd(ir.CreateZExtOrTrunc(count, shifted), constantLike(shifted, bits - 1));
}

Lanes LaneBuilder::shl(Lanes x, Lanes count) {
  if (x.isLinear())
    if (const auto by = constantOf(count)) {
      const auto bits = static_cast<uint64_t>(*by) & (bitsOf(x.type) - 1);
      return mul(x, integer(x.type, static_cast<int64_t>(uint64_t(1) << bits)));
    }
  return map(
      x.type, [&](Value *a, Value *n) { return ir.CreateShl(a, shiftCount(n, a->getType())); }, x, count);
}

Lanes LaneBuilder::shr(Lanes x, Lanes count) {
  const auto shift = [&](Value *a, Value *n) {
    n = shiftCount(n, a->getType());
    return isSigned(x.type) ? ir.CreateAShr(a, n) : ir.CreateLShr(a, n);
  };
  if (x.isAligned)
    if (const auto by = constantOf(count))
      if ((static_cast<uint64_t>(*by) & (bitsOf(x.type) - 1)) >= 5)
        return uniform(x.type, shift(x.value, count.value));
  return map(x.type, shift, x, count);
}

// ---- Comparison and selection

Lanes LaneBuilder::eq(Lanes x, Lanes y) {
  const auto id = isFloat(x.type) ? CmpInst::FCMP_OEQ : CmpInst::ICMP_EQ;
  return map(ElementKind::B1, [&](Value *a, Value *b) { return ir.CreateCmp(id, a, b); }, x, y);
}
Lanes LaneBuilder::ne(Lanes x, Lanes y) {
  const auto id = isFloat(x.type) ? CmpInst::FCMP_UNE : CmpInst::ICMP_NE;
  return map(ElementKind::B1, [&](Value *a, Value *b) { return ir.CreateCmp(id, a, b); }, x, y);
}
Lanes LaneBuilder::lt(Lanes x, Lanes y) {
  const auto id = isFloat(x.type)    ? CmpInst::FCMP_OLT
                  : isSigned(x.type) ? CmpInst::ICMP_SLT
                                     : CmpInst::ICMP_ULT;
  return map(ElementKind::B1, [&](Value *a, Value *b) { return ir.CreateCmp(id, a, b); }, x, y);
}
Lanes LaneBuilder::le(Lanes x, Lanes y) {
  const auto id = isFloat(x.type)    ? CmpInst::FCMP_OLE
                  : isSigned(x.type) ? CmpInst::ICMP_SLE
                                     : CmpInst::ICMP_ULE;
  return map(ElementKind::B1, [&](Value *a, Value *b) { return ir.CreateCmp(id, a, b); }, x, y);
}

Lanes LaneBuilder::select(Lanes condition, Lanes x, Lanes y) {
  if (condition.isUniform() && x.isLinear() && y.isLinear() && x.stride == y.stride)
    return linear(x.type, ir.CreateSelect(condition.value, x.value, y.value), x.stride,
                  x.isAligned && y.isAligned);
  if (condition.isUniform() && (!x.isUniform() || !y.isUniform()))
    return varying(x.type, ir.CreateSelect(condition.value, vector(x), vector(y)));
  return map(x.type, [&](Value *c, Value *a, Value *b) { return ir.CreateSelect(c, a, b); }, condition, x, y);
}

} // namespace enigma::host
