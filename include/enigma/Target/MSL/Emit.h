// SPDX-License-Identifier: MIT
//
// Prints a legalised kernel of the dialect as Metal Shading Language.
//
//     MslText text = emitMSL(kernel, {});
//     text.source;   // "#include <metal_stdlib> ... kernel void enigma_kernel_saxpy(...) {...}"
//     text.version;  // 22: MSL 2.2 suffices
//
// The text reads as a person would write it: the user's names, values used once inside the expression that
// uses them, no dead code. The same kernel gives the same bytes.
#pragma once

#include "enigma/Dialect/Enigma.h"
#include "enigma/Support/Error.h"

#include <functional>
#include <string>
#include <vector>

namespace enigma::msl {

struct MslOptions {
  /// The newest MSL that may be used, as major * 10 + minor; 0 for whatever the kernel needs.
  int version = 0;
  /// Where the user wrote the operation of a site (dialect::siteOf), ~0u standing for the kernel.
  std::function<SourceLoc(uint32_t site)> locate = nullptr;
};

struct MslText {
  std::string source;
  /// What the kernel needs, as major * 10 + minor.
  int version = 0;
  /// Indices of the function constants that the text leaves open.
  std::vector<uint32_t> constants = {};
};

/// Throws Error (Unsupported) when the kernel needs a newer MSL than the options allow.
MslText emitMSL(dialect::KernelOp kernel, const MslOptions &options);

} // namespace enigma::msl
