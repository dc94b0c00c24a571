// SPDX-License-Identifier: MIT
// The enigma MLIR dialect: its classes as generated from EnigmaOps.td.
//
//   mlir::DialectRegistry registry;
//   registry.insert<enigma::dialect::EnigmaDialect>();
#ifndef ENIGMA_DIALECT_ENIGMA_H
#define ENIGMA_DIALECT_ENIGMA_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "enigma/Dialect/EnigmaDialect.h.inc"

#define GET_OP_CLASSES
#include "enigma/Dialect/EnigmaOps.h.inc"

#endif // ENIGMA_DIALECT_ENIGMA_H
