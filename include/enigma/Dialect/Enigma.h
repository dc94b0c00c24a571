// SPDX-License-Identifier: MIT
//
// The enigma MLIR dialect: its classes as generated from EnigmaOps.td, and questions about its types.
//
//     mlir::DialectRegistry registry;
//     registry.insert<enigma::dialect::EnigmaDialect>();
#ifndef ENIGMA_DIALECT_ENIGMA_H
#define ENIGMA_DIALECT_ENIGMA_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "enigma/Dialect/EnigmaDialect.h.inc"
#include "enigma/Dialect/EnigmaEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "enigma/Dialect/EnigmaTypes.h.inc"

namespace enigma::dialect {

/// Questions about value types; those ending in Like also hold for vectors of such a scalar.
bool isScalar(mlir::Type t);
bool isVector(mlir::Type t);
bool isIndex(mlir::Type t);
bool isBool(mlir::Type t);
bool isBoolLike(mlir::Type t);
bool isFloatLike(mlir::Type t);
bool isIntLike(mlir::Type t);
bool isSignedIntLike(mlir::Type t);
bool isUnsignedIntLike(mlir::Type t);
bool isI32Like(mlir::Type t);

/// The type of one component, and how many there are: 1 for a scalar.
mlir::Type scalarOf(mlir::Type t);
int64_t lanesOf(mlir::Type t);
/// The same shape with another component type.
mlir::Type withScalar(mlir::Type shape, mlir::Type scalar);
/// Width of one component in bits.
unsigned widthOf(mlir::Type t);
mlir::Type boolLike(mlir::Type t);
mlir::Type unsignedLike(mlir::Type t);

} // namespace enigma::dialect

namespace enigma::dialect {

/// What operations among lanes read: which lanes are active. Nothing writes it; as a thing that is read it
/// keeps passes from moving such an operation to where other lanes are active.
struct LaneResource : mlir::SideEffects::Resource::Base<LaneResource> {
  llvm::StringRef getName() final { return "lanes"; }
};

} // namespace enigma::dialect

#define GET_OP_CLASSES
#include "enigma/Dialect/EnigmaOps.h.inc"

namespace enigma::dialect {

/// Every operation of the dialect, in the order of the generated tables.
enum class OpKind : uint16_t {
#define ENIGMA_KIND(name, ...) name,
#include "enigma/Dialect/Kinds.inc"
#undef ENIGMA_KIND
  foreign, ///< not of this dialect
};

OpKind kindOf(mlir::Operation *op);
bool isElementwise(OpKind kind);
/// Whether the result depends on which lanes are active: operations among the lanes of a simdgroup or
/// quadgroup.
bool isConvergent(OpKind kind);
/// Whether it is a function of whole vectors (dot, all, packing), with a host form of its own.
bool isVectorwise(OpKind kind);
/// Whether it is an atomic access, whose first operands are a buffer and an index.
bool isAtomic(mlir::Operation *op);
/// Whether all lanes of a simdgroup must take part in it: operations on simdgroup matrices, but for those on
/// a lane's own elements.
bool needsAllLanes(mlir::Operation *op);
/// Whether MSL has the operation on bfloat; the others are computed in f32.
bool isBf16Native(OpKind kind);
/// First MSL version that has the operation, as major * 10 + minor.
int mslVersionOf(OpKind kind);

/// The position in the traced program that the location of an operation made by Convert stands for, or ~0u.
uint32_t siteOf(mlir::Location loc);
/// The user's name that a location carries, "" for none.
llvm::StringRef nameOf(mlir::Location loc);

/// The user's names of the results of an operation with regions, "" where there is none: one location cannot
/// name several.
inline constexpr llvm::StringLiteral resultNamesAttr = "names";

/// Unit attribute of integer arithmetic. On add, sub, mul and neg: the exact result fits the type. On
/// floor_div and mod: neither operand is negative. On a loop: the position behind the last one fits. Set by
/// the index pass, which knows ranges; the emitter writes the plain operator then.
inline constexpr llvm::StringLiteral inRangeAttr = "in_range";

/// What accesses to an array by vectors ask for beyond the alignment of its elements, in bytes; 0 for none.
unsigned vectorAlignment(mlir::Value array);

/// The integer that a value is known to be, sign- or zero-extended after its type; nothing for a
/// non-constant.
std::optional<int64_t> constantInt(mlir::Value v);

} // namespace enigma::dialect

#endif // ENIGMA_DIALECT_ENIGMA_H
