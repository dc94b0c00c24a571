// SPDX-License-Identifier: MIT
//
// What vector instructions a CPU has for memory that lanes do not share evenly. Code is the same for all
// CPUs where LLVM can expand an operation well; only where that would be 32 branches does it ask here, and
// goes out of line (LaneMemory.h) if the answer is no.
//
//   LaneFeatures has = laneFeatures(*machine, module);
//   if (has.maskedBytes & hostabi::elementSize(t)) ...
#pragma once

#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace enigma::host {

struct LaneFeatures {
  unsigned vectorBits = 0;     ///< of the widest registers
  unsigned maskedBytes = 0;    ///< element sizes, or-ed, that masked loads and stores have instructions for
  unsigned gatheredBytes = 0;  ///< the same of gathers with a mask
  unsigned scatteredBytes = 0; ///< the same of scatters with a mask
};

/// Asks LLVM's model of the machine; `module` is left as it was.
LaneFeatures laneFeatures(llvm::TargetMachine &machine, llvm::Module &module);

} // namespace enigma::host
