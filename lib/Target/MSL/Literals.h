// SPDX-License-Identifier: MIT
//
// Types and constants as MSL text.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Types.h"

#include <string>

namespace enigma::msl {

/// Text and how tightly it binds, in C++'s precedences: 16 for a primary expression, 15 unary, 13
/// multiplication, ... 0 for anything.
struct Expression {
  std::string text;
  int precedence = 16;
};

/// "float", "uchar4", "bool".
std::string typeName(mlir::Type t);
/// A literal of exactly the attribute's type: "2.0f", "1.5h", "bfloat(0.1f)", "5u", "uchar(5)",
/// "float4(1.0f)".
Expression literal(mlir::TypedAttr value);

} // namespace enigma::msl
