// SPDX-License-Identifier: MIT
// The MLIR headers that nearly every file with MLIR includes, compiled once for all of them
// (enigma_use_mlir). It saves time and nothing else: every file still includes what it uses. Headers of the
// project do not belong here, and neither do rarely used ones, because each change of this file compiles all
// rooms with MLIR again.
#ifndef ENIGMA_PRECOMPILED_H
#define ENIGMA_PRECOMPILED_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/Pass.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#endif // ENIGMA_PRECOMPILED_H
