// SPDX-License-Identifier: MIT
//
// From an LLVM module to code in this process: target machines, object code, linking. One ORC session per
// process, one JITDylib per kernel, which is removed with the last reference. The functions that generated
// code calls (LaneMath.h, LaneMemory.h, a few of the C library) are defined as absolute symbols, so nothing
// is looked up in the process.
//
//   auto machine = borrowMachine(cpu);  optimize(module, *machine);
//   auto code = link(generateObject(module, *machine));
#pragma once

#include "enigma/Support/HostAbi.h"

#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

#include <functional>
#include <memory>
#include <string>

namespace enigma::host {

/// A target machine for `cpu` (empty: this CPU). It goes back to a pool when released, because making one
/// takes a millisecond and no two threads may use one at once.
using Machine = std::unique_ptr<llvm::TargetMachine, std::function<void(llvm::TargetMachine *)>>;
Machine borrowMachine(const std::string &cpu);
/// The widest vectors of floats that the CPU has: 512, 256 or 128 bits.
unsigned vectorBits(const llvm::TargetMachine &machine);

/// Runs the passes that are worth their time on code in lane form (Optimize.cpp). Code with barriers may
/// become `mostGrowth` times as long.
void optimize(llvm::Module &module, llvm::TargetMachine &machine, double mostGrowth);
/// Cuts what is left of long blocks, so that generating code takes time that grows with their length alone.
void cutLongBlocks(llvm::Module &module);

/// Relocatable object code.
std::unique_ptr<llvm::MemoryBuffer> generateObject(llvm::Module &module, llvm::TargetMachine &machine);

/// Code in the process, and what keeps it there.
struct LinkedCode {
  hostabi::KernelEntry entry = nullptr;
  std::shared_ptr<void> owner;
};
LinkedCode link(std::unique_ptr<llvm::MemoryBuffer> object);

} // namespace enigma::host
