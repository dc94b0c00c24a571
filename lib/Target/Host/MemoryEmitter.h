// SPDX-License-Identifier: MIT
//
// Loads and stores of 32 lanes. An access whose lanes lie side by side is one scalar check and a vector access; one that
// is the same in all lanes a scalar access; all else, and whatever fails the check, goes out of line (LaneMemory.h),
// where lanes are looked at one by one. Masked lanes never touch memory.
#pragma once

#include "KernelEmitter.h"

#include "llvm/ADT/SmallVector.h"

namespace enigma::host {

/// The components of one value: one for a scalar, up to four for a vector.
using Components = llvm::SmallVector<Lanes, 4>;

/// One load or store.
struct Access {
  unsigned param = 0;
  ElementKind element = ElementKind::F32;
  unsigned components = 1;
  Lanes index;                     ///< counts elements
  uint32_t site = 0;
};

class MemoryEmitter {
public:
  MemoryEmitter(KernelEmitter &kernel, LaneBuilder &builder, bool isChecked)
      : kernel(kernel), b(builder), ir(builder.ir), isChecked(isChecked) {}

  /// Lanes that are masked out or out of bounds get 0.
  Components load(const Access &access, const LaneMask &mask);
  void store(const Access &access, const Components &value, const LaneMask &mask);
  /// The lanes of `mask` in which `condition` holds.
  LaneMask narrowed(const LaneMask &mask, const Lanes &condition);

private:
  llvm::Value *inBounds(const Access &access, unsigned elements);
  llvm::Value *address(const Access &access);
  llvm::Value *siteConstant(const Access &access);
  llvm::Value *extendedIndex(const Access &access);
  llvm::CallInst *callOutOfLine(const char *name, const Access &access, llvm::Value *bits);
  Components readSlot(const Access &access);
  void writeSlot(const Access &access, const Components &value);
  Components loadSideBySide(const Access &access, const LaneMask &mask);
  Components loadUniform(const Access &access, const LaneMask &mask);
  void storeSideBySide(const Access &access, const Components &value, const LaneMask &mask);
  void storeUniform(const Access &access, const Components &value, const LaneMask &mask);

  KernelEmitter &kernel;
  LaneBuilder &b;
  llvm::IRBuilder<> &ir;
  bool isChecked;
};

} // namespace enigma::host
