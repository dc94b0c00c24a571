// SPDX-License-Identifier: MIT
//
// The generated MSL templates of the elementwise operations, and how one is filled in.
#pragma once

#include "Literals.h"
#include "enigma/Dialect/Enigma.h"

#include "llvm/ADT/ArrayRef.h"

namespace enigma::msl {

/// The expression of an elementwise operation over its operands' expressions. `second` is the name of the
/// variable for a second result. Names of prelude functions that it calls are added to `prelude`.
Expression fill(mlir::Operation *op, llvm::ArrayRef<const Expression *> operands, llvm::StringRef second,
                std::vector<std::string> &prelude);

/// The text in parentheses unless it binds at least as tightly as `minimum`.
std::string wrapped(const Expression &e, int minimum);

} // namespace enigma::msl
