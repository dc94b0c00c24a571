// SPDX-License-Identifier: MIT
//
// One kernel on its way to LLVM IR: what Lowering.cpp starts and the files Lower*.cpp share, one topic each:
//
//   Lowering.cpp        the attempts, the descriptor, the walk over the operations
//   LowerAccess.cpp     loads, stores and atomics; accesses known at the start of a block
//   LowerAhead.cpp      prefetches in loops with barriers
//   LowerControl.cpp    branches and loops
//   LowerMatrix.cpp     simdgroup matrices
//   LowerOperation.cpp  constants and the expressions of the operation table
#pragma once

#include "AtomicEmitter.h"
#include "ControlEmitter.h"
#include "KernelArrays.h"
#include "KernelEmitter.h"
#include "LaneBuilder.h"
#include "MatrixEmitter.h"
#include "MatrixRuns.h"
#include "enigma/Dialect/Enigma.h"
#include "enigma/Target/Host/Executable.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/IR/Module.h"

#include <string>

namespace enigma::host {

using namespace enigma::dialect;
using hostabi::GroupFault;
using hostabi::KernelDescriptor;
using hostabi::ParamDescriptor;
using hostabi::Traversal;

/// Throws an error of kind Compile with the operation's name and its place.
[[noreturn]] void fail(mlir::Operation *op, const std::string &why);

bool isBarrier(mlir::Operation &op);
/// Operations that reports name: accesses, barriers, declarations of arrays, and those whose lanes must
/// agree.
bool isSite(mlir::Operation &op);
bool usesMatrices(mlir::Operation *op);
/// Whether the operation, or one inside it, is an access.
bool touchesMemory(mlir::Operation &op);
/// How many entries of Components a value takes: the rows of a matrix, else the components.
size_t partsOf(mlir::Type type);

/// Lowers one kernel.
class KernelLowering {
public:
  KernelLowering(KernelOp which, const HostOptions &how, const LaneFeatures &cpu, llvm::Module &module)
      : kernel(which), options(how), features(cpu), builder(module.getContext()), into(module), arrays(which),
        runs(which, MatrixEmitter::widestTile(cpu.vectorBits)) {}

  KernelDescriptor run();

private:
  void emitOnce(KernelDescriptor &descriptor, CarriedShapes &shapes);
  /// Empties the module for another attempt.
  void discard();
  KernelDescriptor describe();
  /// Which traversal the kernel's thread queries and operations among lanes need.
  KernelEmitter::Shape shapeOf(KernelDescriptor &descriptor);
  void bindArguments(const KernelDescriptor &descriptor);
  /// Numbers the accesses, and finds what depends on the thread's position and on scalars alone.
  void findStatic();
  /// Loops with barriers that a condition or a loop stands around: which simdgroup is in which round can then
  /// not be told from how often each has come.
  void findCountedLoops();
  void lower(mlir::Operation &op);
  /// All lanes of the simdgroup come to this operation.
  void checkLanes(mlir::Operation &op, GroupFault::Kind kind);
  void lowerAll(mlir::Block &block);
  const Components &valueOf(mlir::Value value) { return values.find(value)->second; }

  // LowerAccess.cpp
  bool isStatic(mlir::Value value);
  /// Whether a mask is of the kind that guards borders: mostly true, so that a block where it is not may be
  /// slow.
  bool guardsBorders(mlir::Value mask);
  /// Builds a static value ahead of its turn.
  void ensure(mlir::Value value);
  /// Stages the loads before the first store and the stores after the last load whose places are known at the
  /// start of the block. A store may be staged only if no other kind of access follows: staged stores come
  /// last. Branches and loops with accesses in them end both: those are checked where they are.
  void stageAccesses();
  /// The active lanes in which `condition` holds; a staged access has its mask already.
  LaneMask maskOf(mlir::Operation &op, const Lanes &condition);
  Components lowerLoad(mlir::Operation &op, mlir::Value buffer, mlir::Value index, const LaneMask &mask);
  void lowerStore(mlir::Operation &op, mlir::Value value, mlir::Value buffer, mlir::Value index,
                  const LaneMask &mask);
  Access access(mlir::Operation &op, mlir::Value buffer, mlir::Value index, mlir::Type type);
  void lowerAtomic(mlir::Operation &op, OpKind kind);

  // LowerAhead.cpp
  /// In a loop with barriers, prefetches what this load will load in the next round.
  void prefetchNext(mlir::Operation &op, mlir::Value index, const Access &at);

  // LowerControl.cpp
  /// The operations of a region that starts from these values, and the values that it yields.
  Values lowerRegion(mlir::Region &region, mlir::ValueRange arguments, const Values &start);
  Values componentsOf(mlir::ValueRange from);
  void bind(mlir::ValueRange to, const Values &all);
  ControlEmitter::Watch watchOf(mlir::Operation *op) const;
  void lowerControl(mlir::Operation &op);
  void lowerIf(IfOp op);
  void lowerFor(ForOp op);
  void lowerWhile(WhileOp op);

  // LowerOperation.cpp
  Components constantOf(ConstantOp constant);
  /// Component by component; a scalar operand of a vector operation takes part in every component.
  void lowerElementwise(mlir::Operation &op, OpKind kind);
  void lowerAsType(mlir::Operation &op);
  /// A function of whole vectors.
  Components vectorwise(mlir::Operation &op, OpKind kind);
  /// One component: the `host` expressions of the operation table. `t` is the result's element type.
  Components elementwise(mlir::Operation &op, OpKind kind, ElementKind t, const Components &in);
  /// One component of an operation among the active lanes: `s` in the `host` expressions of the table.
  Components amongLanes(mlir::Operation &op, OpKind kind, const Components &in);

  // LowerMatrix.cpp
  void lowerMatrix(mlir::Operation &op);
  /// The products of a run, tile by tile.
  void lowerRun(const MatrixRun &run, MatrixEmitter &matrices);

  KernelOp kernel;
  const HostOptions &options;
  const LaneFeatures &features;
  llvm::IRBuilder<> builder;
  llvm::Module &into;
  KernelArrays arrays;
  MatrixRuns runs;
  // Of the attempt at hand.
  LaneBuilder *lane = nullptr;
  KernelEmitter *frame = nullptr;
  MemoryEmitter *memory = nullptr;
  ControlEmitter *control = nullptr;
  llvm::DenseMap<mlir::Value, Components> values;
  llvm::DenseMap<mlir::Operation *, uint32_t> siteOf;
  llvm::DenseMap<mlir::Operation *, unsigned> stagedNumber;
  /// Loads of matrices that their run does: where, and the stride.
  llvm::DenseMap<mlir::Operation *, std::pair<Access, Lanes>> laterLoads;
  llvm::DenseSet<mlir::Operation *> staticOps;
  llvm::DenseSet<mlir::Operation *> countedLoops;
  bool hasLoops = false;
};

} // namespace enigma::host
