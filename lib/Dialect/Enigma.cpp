// SPDX-License-Identifier: MIT
//
// The dialect itself: registration, its types, the table of kinds. Operations are compiled in shards
// (enigma_add_dialect).
#include "enigma/Dialect/Enigma.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Matchers.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include "enigma/Dialect/EnigmaDialect.cpp.inc"
#include "enigma/Dialect/EnigmaEnums.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "enigma/Dialect/EnigmaTypes.cpp.inc"

using namespace mlir;

namespace enigma::dialect {

void EnigmaDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "enigma/Dialect/EnigmaTypes.cpp.inc"
      >();
  registerEnigmaDialectOperations(this);
}

Operation *EnigmaDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  auto typed = dyn_cast<TypedAttr>(value);
  if (!typed || typed.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, type, typed);
}

//===-- Types
//-----------------------------------------------------------------------------------------------===//

bool isScalar(Type t) {
  if (isa<Float16Type, BFloat16Type, Float32Type>(t))
    return true;
  auto integer = dyn_cast<IntegerType>(t);
  if (!integer || integer.isSigned())
    return false; // signed integers are signless here
  unsigned width = integer.getWidth();
  return (width == 1 && integer.isSignless()) || width == 8 || width == 16 || width == 32 || width == 64;
}
bool isVector(Type t) {
  auto vector = dyn_cast<VectorType>(t);
  return vector && vector.getRank() == 1 && !vector.isScalable() && vector.getDimSize(0) >= 2 &&
         vector.getDimSize(0) <= 4 && isScalar(vector.getElementType());
}
Type scalarOf(Type t) {
  if (auto vector = dyn_cast<VectorType>(t))
    return vector.getElementType();
  return t;
}
int64_t lanesOf(Type t) {
  auto vector = dyn_cast<VectorType>(t);
  return vector ? vector.getNumElements() : 1;
}
Type withScalar(Type shape, Type scalar) {
  if (auto vector = dyn_cast<VectorType>(shape))
    return VectorType::get(vector.getShape(), scalar);
  return scalar;
}
static bool isValueType(Type t) { return isScalar(t) || isVector(t); }
bool isBool(Type t) { return t.isSignlessInteger(1); }
bool isBoolLike(Type t) { return isValueType(t) && isBool(scalarOf(t)); }
bool isFloatLike(Type t) { return isValueType(t) && isa<FloatType>(scalarOf(t)); }
bool isIntLike(Type t) { return isValueType(t) && isa<IntegerType>(scalarOf(t)) && !isBool(scalarOf(t)); }
bool isUnsignedIntLike(Type t) { return isIntLike(t) && scalarOf(t).isUnsignedInteger(); }
bool isSignedIntLike(Type t) { return isIntLike(t) && !isUnsignedIntLike(t); }
bool isIndex(Type t) { return isScalar(t) && isIntLike(t); }
bool isI32Like(Type t) { return isValueType(t) && scalarOf(t).isSignlessInteger(32); }
unsigned widthOf(Type t) { return scalarOf(t).getIntOrFloatBitWidth(); }
Type boolLike(Type t) { return withScalar(t, IntegerType::get(t.getContext(), 1)); }
Type unsignedLike(Type t) {
  return withScalar(t, IntegerType::get(t.getContext(), widthOf(t), IntegerType::Unsigned));
}

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError, Type element, AddressSpace) {
  if (isScalar(element) || (isVector(element) && !isBoolLike(element)))
    return success();
  return emitError() << "a buffer holds scalars or vectors of numbers, got " << element;
}

//===-- Kinds
//-----------------------------------------------------------------------------------------------===//

namespace {
struct KindInfo {
  bool elementwise, bf16Native;
  int mslVersion;
  bool convergent;
};
constexpr KindInfo kindInfos[] = {
#define ENIGMA_KIND(name, cls, elementwise, bf16, major, minor, convergent)                                  \
  {elementwise, bf16, major * 10 + minor, convergent},
#include "enigma/Dialect/Kinds.inc"
#undef ENIGMA_KIND
    {false, true, 0, false},
};
const KindInfo &infoOf(OpKind kind) { return kindInfos[static_cast<size_t>(kind)]; }
} // namespace

OpKind kindOf(Operation *op) {
  static const auto *table = [] {
    auto *map = new llvm::DenseMap<TypeID, OpKind>();
#define ENIGMA_KIND(name, cls, ...) map->try_emplace(TypeID::get<cls>(), OpKind::name);
#include "enigma/Dialect/Kinds.inc"
#undef ENIGMA_KIND
    return map;
  }();
  auto it = table->find(op->getName().getTypeID());
  return it == table->end() ? OpKind::foreign : it->second;
}
bool isElementwise(OpKind kind) { return infoOf(kind).elementwise; }
bool isConvergent(OpKind kind) { return infoOf(kind).convergent; }
bool isVectorwise(OpKind kind) {
  switch (kind) {
#include "enigma/Dialect/Vectorwise.inc"
    return true;
  default:
    return false;
  }
}
bool isAtomic(Operation *op) {
  return isa<AtomicLoadOp, AtomicStoreOp, AtomicExchangeOp, AtomicCompareExchangeOp, AtomicFetchAddOp,
             AtomicFetchSubOp, AtomicFetchMinOp, AtomicFetchMaxOp, AtomicFetchAndOp, AtomicFetchOrOp,
             AtomicFetchXorOp, AtomicMinOp, AtomicMaxOp>(op);
}
bool needsAllLanes(Operation *op) {
  return isa<SimdgroupLoadOp, SimdgroupStoreOp, SimdgroupMultiplyOp, SimdgroupMultiplyAccumulateOp>(op);
}
bool isBf16Native(OpKind kind) { return infoOf(kind).bf16Native; }
int mslVersionOf(OpKind kind) { return infoOf(kind).mslVersion; }

uint32_t siteOf(Location loc) {
  if (auto named = dyn_cast<NameLoc>(loc))
    loc = named.getChildLoc();
  auto file = dyn_cast<FileLineColLoc>(loc);
  return file ? file.getLine() : ~0u;
}

llvm::StringRef nameOf(Location loc) {
  auto named = dyn_cast<NameLoc>(loc);
  return named ? named.getName().getValue() : llvm::StringRef();
}

std::optional<int64_t> constantInt(Value v) {
  IntegerAttr attr;
  if (!matchPattern(v, m_Constant(&attr)))
    return std::nullopt;
  APInt value = attr.getValue();
  return isUnsignedIntLike(attr.getType()) || isBool(attr.getType())
             ? static_cast<int64_t>(value.getZExtValue())
             : value.getSExtValue();
}

} // namespace enigma::dialect
