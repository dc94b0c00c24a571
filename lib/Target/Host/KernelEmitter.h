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
//
// The body of a kernel with barriers is a function of one simdgroup (KernelPhases.cpp), of which
// BarrierSplit.h makes loops over the simdgroups of a threadgroup, from barrier to barrier.
#pragma once

#include "LaneBuilder.h"
#include "MemoryScopes.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

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

/// What belongs to the function that is being emitted: the entry, or that of a simdgroup.
struct FunctionState {
  llvm::Function *entry = nullptr;
  llvm::BasicBlock *entryBlock = nullptr;
  llvm::Value *frameMemory = nullptr; ///< of LaneFrame
  llvm::Value *launch = nullptr;      ///< of LaunchContext
  llvm::DenseMap<uint64_t, llvm::Value *> cached;
  llvm::DenseMap<unsigned, llvm::AllocaInst *> registers; ///< memory of Thread arrays
  llvm::BasicBlock *stopped = nullptr, *abandoned = nullptr;
  llvm::BasicBlock *simdgroupEnd = nullptr; ///< grouped, no barriers: where a simdgroup's work ends
  bool isSimdgroup = false;
  LaneMask mask;

  // Of the nest being emitted.
  bool isRegular = true;
  Lanes position[3];                   ///< in the grid
  llvm::Value *group[3] = {};          ///< grouped: position of the threadgroup
  llvm::Value *groupSize[3] = {};      ///< grouped: its size as it is
  llvm::Value *groupThreads = nullptr; ///< grouped: threads in it
  llvm::Value *firstThread = nullptr;  ///< grouped: linear index of lane 0
  llvm::Value *inGroup[3] = {};        ///< grouped and regular: position of lane 0 in the threadgroup
};

class KernelEmitter : FunctionState {
public:
  /// Memory that the kernel brings itself; in numbers of memory they follow the parameters.
  struct Array {
    enum class Space : uint8_t { Threadgroup, Thread, Constant };
    Space space = Space::Threadgroup;
    ElementKind element = ElementKind::F32;
    uint64_t count = 0;               ///< elements
    unsigned components = 1;          ///< of each element
    uint64_t offset = 0;              ///< Threadgroup: in the group's memory, in bytes
    llvm::Constant *values = nullptr; ///< Constant: the elements

    /// Scalars that an element takes but in Thread arrays, which have no gaps.
    unsigned scalars() const { return components == 3 ? 4 : components; }
  };
  struct Shape {
    std::string name;
    std::vector<hostabi::ParamDescriptor> params;
    std::vector<Array> arrays;
    uint64_t threadgroupBytes = 0; ///< of all arrays, with the host's alignment
    uint64_t matrixBytes = 0;      ///< for copies of matrices
    bool hasBarriers = false;      ///< of threadgroups
    hostabi::Traversal traversal = hostabi::Traversal::Flat;
    bool needsRegular = false; ///< the body asks where x lies in its threadgroup
    bool hasRounds = false;    ///< barriers that say in which rounds of loops they are
  };
  KernelEmitter(llvm::Module &module, LaneBuilder &builder, Shape shape);

  /// Emits the entry function; `body` emits the work of one block at the builder's insertion point.
  void emit(llvm::function_ref<void()> body);

  // ---- For the body
  Lanes query(Query what, unsigned axis);
  const LaneMask &activeLanes() const { return mask; }
  /// Value of a scalar parameter, or of one vector.
  llvm::SmallVector<Lanes, 4> scalarParam(unsigned param);
  llvm::Value *bufferData(unsigned memory);
  llvm::Value *bufferCount(unsigned memory); ///< elements, i64
  /// Memory of Shape::matrixBytes, which whoever uses it has for himself until the next barrier.
  llvm::Value *matrixCopies() { return frameAddress(matrixOffset()); }
  bool isParam(unsigned memory) const { return memory < shape.params.size(); }
  unsigned arrayNumber(unsigned memory) const { return memory - unsigned(shape.params.size()); }
  const Array &array(unsigned memory) const { return shape.arrays[arrayNumber(memory)]; }
  /// Makes the table that out-of-line accesses read lead to this simdgroup's memory of a Thread array.
  void publishRegisters(unsigned memory);
  bool hasBarriers() const { return shape.hasBarriers; }
  /// Waits for the other simdgroups; `active` are the lanes that came here. `rounds` tells rounds of the
  /// loops around it apart (i32, null outside of loops).
  void barrier(uint32_t site, const LaneMask &active, llvm::Value *rounds);
  /// Gives the threadgroup up with a report of this kind if two words of lanes differ.
  void checkLanes(uint32_t site, llvm::Value *present, llvm::Value *expected, hostabi::GroupFault::Kind kind);
  /// Where to go when the launch is to stop.
  llvm::BasicBlock *stopBlock();
  /// Says of a call that it touches buffers and the frame, and no threadgroup memory.
  void markBufferCall(llvm::Instruction *call) const {
    if (shape.threadgroupBytes)
      scopes.mark(call, MemoryScopes::Buffer);
  }
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
  void emitSimdgroups(llvm::function_ref<void()> body, llvm::Value *regular, llvm::BasicBlock *groupEnd);
  void preparePositions();
  // KernelPhases.cpp
  llvm::Function *emitSimdgroup(bool regular, llvm::function_ref<void()> body);
  llvm::Value *emitSimdgroupMemory(llvm::BasicBlock *exit);
  void emitTurns(llvm::Function *simdgroup, llvm::BasicBlock *groupEnd, llvm::BasicBlock *exit);
  void leave(uint32_t why);
  llvm::FunctionCallee runtimeFunction(const char *name, llvm::Type *result,
                                       llvm::ArrayRef<llvm::Type *> types);
  llvm::BasicBlock *abandonBlock();
  void markAccesses(llvm::Function &function);

  void emitFrame();
  void prepareFrame();
  uint64_t slotsOffset() const;
  uint64_t matrixOffset() const;
  uint64_t groupMemoryOffset() const;
  llvm::Value *frameAddress(uint64_t offset);
  llvm::Value *loadFrame(unsigned field, const char *name);
  Lanes positionInThreadgroup(unsigned axis);
  Lanes dividedInGroup(const Lanes &x, const Lanes &y);
  Lanes threadgroupPosition(unsigned axis);
  Lanes threadgroupSize(unsigned axis);

  llvm::Module &module;
  LaneBuilder &b;
  llvm::IRBuilder<> &ir;
  Shape shape;
  MemoryScopes scopes;
  llvm::Value *frames = nullptr; ///< memory of the simdgroups, where they wait
};

} // namespace enigma::host
