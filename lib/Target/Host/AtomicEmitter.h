// SPDX-License-Identifier: MIT
//
// Atomic accesses: every one is a call of LaneAtomics.h with the indices and values of 32 lanes.
//
//     AtomicEmitter atomics(kernel, lanes, memory);
//     auto [old, exchanged] = atomics.change(AtomicKind::Add, access, mask, value, {}, /*isUsed=*/true);
#pragma once

#include "LaneAtomics.h"
#include "MemoryEmitter.h"

namespace enigma::host {

class AtomicEmitter {
public:
  AtomicEmitter(KernelEmitter &inKernel, LaneBuilder &builder, MemoryEmitter &accesses)
      : kernel(inKernel), b(builder), ir(builder.ir), memory(accesses) {}

  struct Result {
    Lanes old;       ///< the element before; without a value where it is not used
    Lanes exchanged; ///< of CompareExchange
  };
  /// `value` has none for loads, `expected` for all but CompareExchange.
  Result change(AtomicKind kind, const Access &access, const LaneMask &mask, const Lanes &value,
                const Lanes &expected, bool isUsed);

private:
  /// The lanes as they lie in memory, in a slot on the stack.
  llvm::Value *spilled(unsigned slot, const Lanes &x);

  KernelEmitter &kernel;
  LaneBuilder &b;
  llvm::IRBuilder<> &ir;
  MemoryEmitter &memory;
};

} // namespace enigma::host
