// SPDX-License-Identifier: MIT
//
// The frame around a kernel's body: the entry function, its loops over work units, where the 32 lanes of a
// block are in the grid, which of them are active, and what thread queries give.
//
//   KernelEmitter kernel(module, builder, target, {.name = "saxpy", .params = params});
//   kernel.emit([&] { ... kernel.query(...) ... });      // once or twice, for regular and irregular
//   threadgroups
//
// Flat traversal walks rows of the grid in blocks of 32 neighbouring x; only the last block of a row is
// partial. Grouped traversal walks threadgroups in simdgroups. "Regular" is a dispatch in which lanes of a
// block share all but their x: groups whose width is a multiple of 32, or (grouped) of one row. Known at the
// launch only, so bodies that ask for x in the threadgroup exist twice.
#pragma once

#include "LaneBuilder.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <vector>

namespace enigma::host {

/// What MSL's kernel input attributes give. The first seven have an axis.
enum class Query : uint8_t {
  ThreadPositionInGrid,
  ThreadPositionInThreadgroup,
  ThreadgroupPositionInGrid,
  ThreadsPerGrid,
  ThreadsPerThreadgroup,
  DispatchThreadsPerThreadgroup,
  ThreadgroupsPerGrid,
  ThreadIndexInThreadgroup,
  ThreadIndexInSimdgroup,
  SimdgroupIndexInThreadgroup,
  SimdgroupsPerThreadgroup,
  ThreadsPerSimdgroup,
  ThreadIndexInQuadgroup,
  QuadgroupIndexInThreadgroup,
  QuadgroupsPerThreadgroup,
};

/// Active lanes, three ways.
struct LaneMask {
  llvm::Value *all = nullptr;    ///< i1: every lane is active
  llvm::Value *bits = nullptr;   ///< i32, bit l for lane l; never 0 for a block's own mask
  llvm::Value *vector = nullptr; ///< <32 x i1>
};

class KernelEmitter {
public:
  struct Shape {
    std::string name;
    std::vector<hostabi::ParamDescriptor> params;
    hostabi::Traversal traversal = hostabi::Traversal::Flat;
    bool needsRegular = false; ///< the body asks where x lies in its threadgroup
  };
  KernelEmitter(llvm::Module &module, LaneBuilder &builder, Shape shape);

  /// Emits the entry function; `body` emits the work of one block at the builder's insertion point.
  void emit(llvm::function_ref<void()> body);

  // ---- For the body
  Lanes query(Query what, unsigned axis);
  const LaneMask &activeLanes() const { return mask; }
  /// Value of a scalar parameter.
  Lanes scalarParam(unsigned param);
  llvm::Value *bufferData(unsigned param);
  llvm::Value *bufferCount(unsigned param); ///< elements, i64
  /// The LaneFrame of LaneMemory.h.
  llvm::Value *frame() const { return frameMemory; }
  /// Builds at the end of the entry block, once per launch piece; cached by `key`.
  llvm::Value *once(uint64_t key, llvm::function_ref<llvm::Value *(llvm::IRBuilder<> &)> build);
  llvm::Function *function() const { return entry; }

private:
  llvm::Value *launchField(llvm::Type *type, uint64_t offset, const char *name);
  llvm::Value *sizeField(uint64_t offset, unsigned axis, const char *name);
  void setMask(llvm::Value *activeCount);
  void storeFrame(unsigned field, llvm::Value *value);
  void emitFlat(llvm::function_ref<void()> body, llvm::BasicBlock *exit);
  void emitGrouped(llvm::function_ref<void()> body, llvm::BasicBlock *exit);
  Lanes positionInThreadgroup(unsigned axis);
  Lanes threadgroupPosition(unsigned axis);
  Lanes threadgroupSize(unsigned axis);

  llvm::Module &module;
  LaneBuilder &b;
  llvm::IRBuilder<> &ir;
  Shape shape;
  llvm::Function *entry = nullptr;
  llvm::BasicBlock *entryBlock = nullptr;
  llvm::AllocaInst *frameMemory = nullptr;
  llvm::DenseMap<uint64_t, llvm::Value *> cached;
  LaneMask mask;

  // Of the nest being emitted.
  bool isRegular = true;
  Lanes position[3];                   ///< in the grid
  llvm::Value *group[3] = {};          ///< grouped: position of the threadgroup
  llvm::Value *groupSize[3] = {};      ///< grouped: its size as it is
  llvm::Value *groupThreads = nullptr; ///< grouped: threads in it
  llvm::Value *firstThread = nullptr;  ///< grouped: linear index of lane 0
};

} // namespace enigma::host
