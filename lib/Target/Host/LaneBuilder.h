// SPDX-License-Identifier: MIT
//
// Builds LLVM IR for values that exist once per lane of a simdgroup (32 of them). A value is as simple as is
// known of it: the same in all lanes (one LLVM scalar), linear in the lane (a scalar and a constant stride),
// or a vector. The operations below take any mix, keep results simple where they can, and never trap, also in
// lanes that are masked out. The `host` fields of the operation table are expressions over this class:
//
//   let host = "b.add(x, b.mul(y, z))";        // b a LaneBuilder, x y z its Lanes, t the result's element
//   type
//
// Registers: integers in their own width, b1 as i1, every float as LLVM `float`; f16 and bf16 are rounded to
// their own precision after each operation, so that a value of such a type is always one that the type can
// hold.
#pragma once

#include "enigma/Support/HostAbi.h"

#include "llvm/IR/IRBuilder.h"

#include <initializer_list>

namespace enigma::host {

using hostabi::ElementKind;
using hostabi::kLanes;

constexpr bool isFloat(ElementKind t) { return t <= ElementKind::F32; }
constexpr bool isBool(ElementKind t) { return t == ElementKind::B1; }
constexpr bool isInt(ElementKind t) { return !isFloat(t) && !isBool(t); }
constexpr bool isSigned(ElementKind t) {
  return t == ElementKind::I8 || t == ElementKind::I16 || t == ElementKind::I32 || t == ElementKind::I64;
}
/// Bits of the value: 1 for b1.
constexpr unsigned bitsOf(ElementKind t) { return isBool(t) ? 1 : hostabi::elementSize(t) * 8; }
constexpr ElementKind unsignedOf(ElementKind t) { return isSigned(t) ? ElementKind(uint8_t(t) + 1) : t; }
constexpr ElementKind signedOf(ElementKind t) {
  return isInt(t) && !isSigned(t) ? ElementKind(uint8_t(t) - 1) : t;
}

/// One value in 32 lanes.
struct Lanes {
  enum class Shape : uint8_t { Uniform, Linear, Varying, Row };
  /// A scalar; for Varying a vector of 32; for Row, of a simdgroup matrix, a vector of 8 that all lanes
  /// share.
  llvm::Value *value = nullptr;
  ElementKind type = ElementKind::F32;
  Shape shape = Shape::Uniform;
  /// Linear: lane l holds value + l * stride, wrapped at the type's width.
  int64_t stride = 0;
  /// Linear with stride 1: `value` is a multiple of 32, so that lanes differ in their low five bits only.
  bool isAligned = false;

  bool isUniform() const { return shape == Shape::Uniform; }
  bool isLinear() const { return shape == Shape::Linear; }
};

class LaneBuilder {
public:
  explicit LaneBuilder(llvm::IRBuilder<> &builder) : ir(builder) {}

  llvm::IRBuilder<> &ir;

  // ---- Types and shapes
  llvm::Type *scalarType(ElementKind t) const;
  llvm::FixedVectorType *vectorType(ElementKind t) const;
  static Lanes uniform(ElementKind t, llvm::Value *value) {
    return {value, t, Lanes::Shape::Uniform, 0, false};
  }
  static Lanes varying(ElementKind t, llvm::Value *value) {
    return {value, t, Lanes::Shape::Varying, 0, false};
  }
  static Lanes linear(ElementKind t, llvm::Value *base, int64_t stride, bool isAligned = false) {
    return {base, t, Lanes::Shape::Linear, stride, isAligned};
  }
  /// The number, in type t; floats are rounded to it.
  Lanes number(ElementKind t, double value) const;
  Lanes integer(ElementKind t, int64_t value) const;
  /// The LLVM type of a value of that shape.
  llvm::Type *shapeType(Lanes::Shape shape, ElementKind t) const;
  /// As a vector of 32, whatever its shape; an error for a row of a matrix.
  llvm::Value *vector(const Lanes &x);
  /// Lanes of one scalar function of raw LLVM values: `f` sees scalars if all operands are uniform, else
  /// vectors.
  template <class F, class... X>
  Lanes map(ElementKind t, F f, const X &...x) {
    if ((x.isUniform() && ...))
      return uniform(t, f(x.value...));
    return varying(t, f(vector(x)...));
  }

  // ---- Arithmetic, on floats and integers (integers wrap)
  Lanes add(Lanes x, Lanes y);
  Lanes sub(Lanes x, Lanes y);
  Lanes mul(Lanes x, Lanes y);
  Lanes div(Lanes x, Lanes y);      ///< floats
  Lanes floorDiv(Lanes x, Lanes y); ///< as Python; integers by zero give 0
  Lanes mod(Lanes x, Lanes y);      ///< as Python; integers by zero give 0
  Lanes neg(Lanes x);
  Lanes abs(Lanes x);
  Lanes min(Lanes x, Lanes y); ///< of a number and NaN the number
  Lanes max(Lanes x, Lanes y);
  Lanes clamp(Lanes x, Lanes low, Lanes high) { return min(max(x, low), high); }

  // ---- Bits
  Lanes bitAnd(Lanes x, Lanes y);
  Lanes bitOr(Lanes x, Lanes y);
  Lanes bitXor(Lanes x, Lanes y);
  Lanes bitNot(Lanes x);
  Lanes shl(Lanes x, Lanes count); ///< the count modulo the width, of any integer type
  Lanes shr(Lanes x, Lanes count);

  // ---- Comparison and selection. Order: less, less or equal, equal
  Lanes eq(Lanes x, Lanes y);
  Lanes ne(Lanes x, Lanes y);
  Lanes lt(Lanes x, Lanes y);
  Lanes le(Lanes x, Lanes y);
  Lanes gt(Lanes x, Lanes y) { return lt(y, x); }
  Lanes ge(Lanes x, Lanes y) { return le(y, x); }
  Lanes select(Lanes condition, Lanes x, Lanes y);

  // ---- Conversion
  Lanes cast(Lanes x, ElementKind t);   ///< float to integer saturates, NaN gives 0; to b1: x != 0
  Lanes asType(Lanes x, ElementKind t); ///< the same bits
  /// Raw float values rounded to what t can hold.
  llvm::Value *rounded(llvm::Value *value, ElementKind t);
  /// The form that values have in buffers (f16 as half, bf16 as i16, b1 as i8), and back. On scalars or
  /// vectors.
  llvm::Type *memoryType(ElementKind t) const;
  llvm::Value *toMemory(llvm::Value *value, ElementKind t);
  llvm::Value *fromMemory(llvm::Value *value, ElementKind t);

  // ---- Float functions
  Lanes math(const char *function, Lanes x); ///< of LaneMath.h, rounded to the type
  Lanes math(const char *function, Lanes x, Lanes y);
  Lanes sqrt(Lanes x);
  Lanes rsqrt(Lanes x);
  Lanes ceil(Lanes x);
  Lanes floor(Lanes x);
  Lanes round(Lanes x); ///< halfway cases away from zero
  Lanes rint(Lanes x);
  Lanes trunc(Lanes x);
  Lanes fract(Lanes x);
  Lanes sign(Lanes x);
  Lanes saturate(Lanes x) { return clamp(x, number(x.type, 0), number(x.type, 1)); }
  Lanes step(Lanes edge, Lanes x);
  Lanes mix(Lanes x, Lanes y, Lanes a);
  Lanes smoothstep(Lanes edge0, Lanes edge1, Lanes x);
  Lanes copysign(Lanes x, Lanes y);
  Lanes fdim(Lanes x, Lanes y);
  Lanes nextafter(Lanes x, Lanes y);
  Lanes ldexp(Lanes x, Lanes exponent);
  Lanes frexpFraction(Lanes x) { return math("frexp_fraction", x); }
  Lanes frexpExponent(Lanes x);
  Lanes modfFraction(Lanes x);
  Lanes fma(Lanes x, Lanes y, Lanes z);
  Lanes isnan(Lanes x);
  Lanes isinf(Lanes x);
  Lanes isfinite(Lanes x);
  Lanes isnormal(Lanes x);
  Lanes signbit(Lanes x);
  Lanes isordered(Lanes x, Lanes y) { return bitNot(isunordered(x, y)); }
  Lanes isunordered(Lanes x, Lanes y);

  // ---- Integer functions
  Lanes absDiff(Lanes x, Lanes y); ///< of the unsigned type
  Lanes addSat(Lanes x, Lanes y);
  Lanes subSat(Lanes x, Lanes y);
  Lanes mulHi(Lanes x, Lanes y);
  Lanes madSat(Lanes x, Lanes y, Lanes z);
  Lanes hadd(Lanes x, Lanes y);
  Lanes rhadd(Lanes x, Lanes y);
  Lanes rotate(Lanes x, Lanes count);
  Lanes popcount(Lanes x);
  Lanes clz(Lanes x);
  Lanes ctz(Lanes x);
  Lanes reverseBits(Lanes x);
  Lanes extractBits(Lanes x, Lanes offset, Lanes bits);
  Lanes insertBits(Lanes x, Lanes y, Lanes offset, Lanes bits);
  Lanes ipow(Lanes x, Lanes y);

  // ---- Calls out of line
  /// Calls a function of LaneMath.h. Operands and result are raw scalars (one lane) or vectors.
  llvm::Value *callLanes(const char *function, std::initializer_list<llvm::Value *> operands,
                         llvm::Type *result);
  /// Memory on the entry's stack for one operand or result of a call, at most 32 * 4 * 8 bytes; reused by
  /// every call.
  llvm::Value *slot(unsigned number);
  static constexpr unsigned kSlots = 4;
  static constexpr uint64_t kSlotBytes = kLanes * 4 * 8;
  /// From here on slots lie at `base`, kSlots * kSlotBytes bytes; null: on the entry's stack.
  void setSlots(llvm::Value *base) {
    slotBase = base;
    for (llvm::Value *&memory : slots)
      memory = nullptr;
  }

private:
  llvm::Type *likeType(llvm::Type *like, llvm::Type *element); ///< element, or 32 of it if `like` is a vector
  llvm::Value *constantLike(llvm::Type *like, uint64_t value);
  llvm::Value *floatLike(llvm::Type *like, double value);
  llvm::Value *unaryIntrinsic(unsigned id, llvm::Value *x);
  llvm::Value *binaryIntrinsic(unsigned id, llvm::Value *x, llvm::Value *y);
  llvm::Value *floatMin(llvm::Value *x, llvm::Value *y);
  llvm::Value *floatMax(llvm::Value *x, llvm::Value *y);
  llvm::Value *quotient(llvm::Value *x, llvm::Value *y, ElementKind t);
  llvm::Value *floatToInt(llvm::Value *x, ElementKind t);
  llvm::Value *shiftCount(llvm::Value *count, llvm::Type *shifted);

  llvm::Value *slots[kSlots] = {};
  llvm::Value *slotBase = nullptr;
};

} // namespace enigma::host
