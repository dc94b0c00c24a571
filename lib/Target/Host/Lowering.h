// SPDX-License-Identifier: MIT
//
// From the dialect to LLVM IR: walks a kernel's operations and builds each with LaneBuilder, MemoryEmitter
// and KernelEmitter. Elementwise operations come from the operation table (Elementwise.inc).
#pragma once

#include "LaneFeatures.h"
#include "enigma/Support/HostAbi.h"
#include "enigma/Target/Host/Executable.h"

#include "llvm/IR/Module.h"

namespace enigma::host {

/// Fills `into` with the kernel's entry function and returns its descriptor (without `entry`). Throws
/// enigma::Error.
hostabi::KernelDescriptor lowerKernel(mlir::ModuleOp module, const HostOptions &options,
                                      const LaneFeatures &features, llvm::Module &into);

} // namespace enigma::host
