// SPDX-License-Identifier: MIT
//
// Loads and stores of 32 lanes. Lanes that lie side by side are one vector access, a place that is the same
// in all lanes a scalar one; lanes at a distance, anywhere or under a mask are what the CPU has for them
// (LanePlaces.cpp). All else, and whatever is out of bounds, goes out of line (LaneMemory.h), where lanes are
// looked at one by one. Masked lanes never touch memory.
//
// Most kernels load, compute and store, at places that depend on the thread's position alone. For those
// accesses one condition per block decides: if all lanes are active and in bounds everywhere, they go
// straight to the buffers; if not, they go to slots on the stack, which are filled before the body and
// written back after it, lane by lane:
//
//   memory.stage(load...); memory.stage(store...);     // accesses known at the start of the block
//   memory.openBlock();  ... memory.loadStaged(n) ... memory.storeStaged(n, value) ...  memory.closeBlock();
#pragma once

#include "KernelEmitter.h"
#include "LaneFeatures.h"

#include "llvm/ADT/SmallVector.h"

namespace enigma::host {

/// The components of one value: one for a scalar, up to four for a vector.
using Components = llvm::SmallVector<Lanes, 4>;

/// One load or store.
struct Access {
  unsigned param = 0; ///< a parameter, or behind them an array of the kernel's own
  ElementKind element = ElementKind::F32;
  unsigned components = 1;
  Lanes index; ///< counts elements
  uint32_t site = 0;
  bool isWhole = false; ///< the buffer's elements are vectors, and this is one of them

  /// Scalars that it covers in memory: a vector of 3 is as large as one of 4.
  unsigned scalars() const { return components == 3 ? 4 : components; }
  /// Elements that it covers.
  unsigned elements() const { return isWhole ? 1 : components; }
};

class MemoryEmitter {
public:
  MemoryEmitter(KernelEmitter &inKernel, LaneBuilder &builder, const LaneFeatures &cpu, bool check)
      : kernel(inKernel), b(builder), ir(builder.ir), features(cpu), isChecked(check) {}

  /// Lanes that are masked out or out of bounds get 0.
  Components load(const Access &access, const LaneMask &mask);
  void store(const Access &access, const Components &value, const LaneMask &mask);
  /// Tells the CPU that the places `elements` after an access of lanes side by side will be loaded soon.
  void prefetch(const Access &access, llvm::Value *elements);
  /// Whether the lanes' places follow each other in memory.
  bool isSideBySide(const Access &access) const;
  /// Gives all elements of a Thread array the same start, in all lanes.
  void fillRegisters(unsigned memory, const Components &fill);
  /// Whether an access can be staged: a load side by side or in one place, a store side by side.
  static bool canStage(const Access &access, bool isStore);
  /// Announces an access whose index and mask are known at the start of the block; returns its number.
  unsigned stage(const Access &access, bool isStore, const LaneMask &mask);
  void openBlock(const LaneMask &blockMask);
  Components loadStaged(unsigned number);
  void storeStaged(unsigned number, const Components &value);
  void closeBlock();
  /// A constant of LaneMemory.h's AccessSite.
  llvm::Value *siteConstant(const Access &access);

private:
  static constexpr unsigned kValueSlot = 3;
  /// `fast` where the condition holds, else `slow`; leaves the builder where they meet.
  void diamond(llvm::Value *condition, llvm::function_ref<void()> fast, llvm::function_ref<void()> slow,
               const char *fastName = "fast");
  llvm::Value *inBounds(const Access &access, uint64_t elements);
  llvm::Value *limitOf(const Access &access, uint64_t elements);
  llvm::Type *elementType(const Access &access);
  llvm::Value *address(const Access &access);
  llvm::Value *extendedIndex(const Access &access);
  /// Calls a function of LaneMemory.h with the values at `slot`.
  void callOutOfLine(const char *name, const Access &access, llvm::Value *bits, llvm::Value *slot);
  llvm::FixedVectorType *wideType(const Access &access);
  Components split(const Access &access, llvm::Value *wide);
  llvm::Value *joined(const Access &access, const Components &value);
  bool isRegisters(const Access &access) const;
  llvm::Value *registerAddress(const Access &access, unsigned component);
  Components loadRegisters(const Access &access, const LaneMask &mask);
  void storeRegisters(const Access &access, const Components &value, const LaneMask &mask);
  Components loadSideBySide(const Access &access, const LaneMask &mask);
  Components loadUniform(const Access &access, const LaneMask &mask);
  void storeSideBySide(const Access &access, const Components &value, const LaneMask &mask);
  void storeUniform(const Access &access, const Components &value, const LaneMask &mask);
  // LanePlaces.cpp
  bool isDivergent(const LaneMask &mask) const;
  bool isInline(const Access &access, const LaneMask &mask, bool isStore) const;
  bool isPicked(const Access &access) const;
  llvm::Value *allInBounds(const Access &access, const LaneMask &mask);
  llvm::Value *inBoundsLanes(const Access &access);
  llvm::Value *neighboursInBounds(const Access &access, const LaneMask &mask);
  llvm::Value *addresses(const Access &access, const LaneMask &mask);
  llvm::Value *firstLane(const Access &access, const LaneMask &mask);
  llvm::Value *firstIndex(const Access &access, const LaneMask &mask);
  llvm::Value *addressUnderMask(const Access &access, const LaneMask &mask);
  llvm::SmallVector<llvm::Value *, kLanes> vectorAddresses(const Access &access, const LaneMask &mask);
  llvm::Value *linearAddress(const Access &access, int64_t lane);
  llvm::Value *concatenated(llvm::ArrayRef<llvm::Value *> parts);
  llvm::Value *loadPlaces(const Access &access, const LaneMask &mask);
  void storePlaces(const Access &access, llvm::Value *wide, const LaneMask &mask);
  Components loadInline(const Access &access, const LaneMask &mask);
  void storeInline(const Access &access, const Components &value, const LaneMask &mask);

  struct Staged {
    Access access;
    bool isStore = false;
    LaneMask mask;
    llvm::Value *slot = nullptr;  ///< on the stack
    llvm::Value *place = nullptr; ///< the buffer's or the slot's
  };
  bool isMaskable(const Staged &entry) const;
  void moveUnderMasks(bool stores);
  llvm::SmallVector<Staged, 8> staged;
  llvm::Value *isDirect = nullptr; ///< i1: the block's staged accesses go to the buffers

  KernelEmitter &kernel;
  LaneBuilder &b;
  llvm::IRBuilder<> &ir;
  const LaneFeatures &features;
  bool isChecked;
};

} // namespace enigma::host
