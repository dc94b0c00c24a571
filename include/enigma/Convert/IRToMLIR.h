// SPDX-License-Identifier: MIT
//
// From the IR to the enigma dialect: one loop over the operations, driven by the generated table, that names
// none of them.
//
//     Converter convert(context);                       // once per context
//     mlir::OwningOpRef<mlir::ModuleOp> module = convert(function);
#pragma once

#include "enigma/IR/Function.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <vector>

namespace enigma::convert {

/// What the locations of the module say.
enum class Locations {
  sites,  ///< line = position of the operation in the body: what host code reports, the same for equal
          ///< structures
  source, ///< the user's file, line and column: for people
};

class Converter {
public:
  /// Loads the dialect and looks up the operations' names, which takes some microseconds.
  explicit Converter(mlir::MLIRContext &context);

  /// A module with one kernel. The user's names of values are kept as name locations.
  mlir::OwningOpRef<mlir::ModuleOp> operator()(const ir::Function &f,
                                               Locations locations = Locations::sites) const;

  mlir::MLIRContext &context() const { return ctx; }

private:
  mlir::Type typeOf(ir::Type t) const;
  mlir::TypedAttr constantOf(ir::Type t, uint64_t bits) const;
  mlir::ElementsAttr tableOf(ir::Type element, std::span<const uint64_t> bits) const;

  mlir::MLIRContext &ctx;
  std::vector<mlir::OperationName> names; ///< by opcode
  std::vector<mlir::Type> scalars;        ///< by element type
  mlir::StringAttr valueName, axisName, modeName, indexName, countName, flagsName, valuesName, componentsName;
};

} // namespace enigma::convert
