// SPDX-License-Identifier: MIT
//
// See Lowering.h.
#include "Lowering.h"

#include "AtomicEmitter.h"
#include "ControlEmitter.h"
#include "KernelArrays.h"
#include "KernelEmitter.h"
#include "LaneBuilder.h"
#include "LaneVector.h"
#include "MatrixEmitter.h"
#include "MemoryEmitter.h"
#include "SimdEmitter.h"
#include "enigma/Dialect/Enigma.h"

#include "mlir/IR/Location.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/Constants.h"

#include <algorithm>
#include <optional>

namespace enigma::host {
namespace {

using namespace enigma::dialect;
using hostabi::KernelDescriptor;
using hostabi::ParamDescriptor;
using hostabi::Traversal;

/// The user's line of an operation, from inside whatever a pass wrapped it in.
SourceLoc placeOf(mlir::Operation *op) {
  SourceLoc where;
  if (auto loc = op->getLoc()->findInstanceOf<mlir::FileLineColLoc>()) {
    where.file = loc.getFilename().str();
    where.line = loc.getLine();
    where.col = loc.getColumn();
  }
  return where;
}

[[noreturn]] void fail(mlir::Operation *op, const std::string &why) {
  throw Error(ErrorKind::Compile, op->getName().stripDialect().str() + ": " + why, placeOf(op));
}

KernelOp onlyKernel(mlir::ModuleOp module) {
  KernelOp found;
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    if (found)
      throw Error(ErrorKind::Compile, "the host compiles one kernel at a time, got a module with several");
    found = kernel;
  }
  if (!found)
    throw Error(ErrorKind::Compile, "the module has no kernel");
  return found;
}

bool isAccess(mlir::Operation &op) {
  return llvm::isa<LoadOp, StoreOp, LoadIfOp, StoreIfOp>(op) || isAtomic(&op) ||
         llvm::isa<SimdgroupLoadOp, SimdgroupStoreOp>(op);
}

bool isBarrier(mlir::Operation &op) { return llvm::isa<ThreadgroupBarrierOp, SimdgroupBarrierOp>(op); }
/// Operations that reports name: accesses, barriers and declarations of arrays.
bool isSite(mlir::Operation &op) {
  return isAccess(op) || isBarrier(op) || llvm::isa<ThreadgroupAllocOp, RegisterAllocOp, ConstantArrayOp>(op);
}

bool usesMatrices(mlir::Operation *op) {
  const auto isMatrix = [](mlir::Type t) { return llvm::isa<SimdgroupMatrixType>(t); };
  return llvm::any_of(op->getOperandTypes(), isMatrix) || llvm::any_of(op->getResultTypes(), isMatrix);
}

/// How many entries of Components a value takes: the rows of a matrix, else the components.
size_t partsOf(mlir::Type type) {
  return llvm::isa<SimdgroupMatrixType>(type) ? 8 : static_cast<size_t>(lanesOf(type));
}

AtomicKind atomicKindOf(OpKind kind) {
  switch (kind) {
  case OpKind::atomic_store:
    return AtomicKind::Store;
  case OpKind::atomic_exchange:
    return AtomicKind::Exchange;
  case OpKind::atomic_compare_exchange_weak:
    return AtomicKind::CompareExchange;
  case OpKind::atomic_fetch_add:
    return AtomicKind::Add;
  case OpKind::atomic_fetch_sub:
    return AtomicKind::Sub;
  case OpKind::atomic_fetch_min:
  case OpKind::atomic_min:
    return AtomicKind::Min;
  case OpKind::atomic_fetch_max:
  case OpKind::atomic_max:
    return AtomicKind::Max;
  case OpKind::atomic_fetch_and:
    return AtomicKind::And;
  case OpKind::atomic_fetch_or:
    return AtomicKind::Or;
  case OpKind::atomic_fetch_xor:
    return AtomicKind::Xor;
  default:
    return AtomicKind::Load;
  }
}

/// Thread queries: the kind of the operation, what it asks, whether it has an axis.
struct QueryRow {
  OpKind kind;
  Query query;
  bool hasAxis;
};
constexpr QueryRow kQueries[] = {
    {OpKind::thread_position_in_grid, Query::ThreadPositionInGrid, true},
    {OpKind::thread_position_in_threadgroup, Query::ThreadPositionInThreadgroup, true},
    {OpKind::threadgroup_position_in_grid, Query::ThreadgroupPositionInGrid, true},
    {OpKind::threads_per_grid, Query::ThreadsPerGrid, true},
    {OpKind::threads_per_threadgroup, Query::ThreadsPerThreadgroup, true},
    {OpKind::dispatch_threads_per_threadgroup, Query::DispatchThreadsPerThreadgroup, true},
    {OpKind::threadgroups_per_grid, Query::ThreadgroupsPerGrid, true},
    {OpKind::thread_index_in_threadgroup, Query::ThreadIndexInThreadgroup, false},
    {OpKind::thread_index_in_simdgroup, Query::ThreadIndexInSimdgroup, false},
    {OpKind::simdgroup_index_in_threadgroup, Query::SimdgroupIndexInThreadgroup, false},
    {OpKind::simdgroups_per_threadgroup, Query::SimdgroupsPerThreadgroup, false},
    {OpKind::threads_per_simdgroup, Query::ThreadsPerSimdgroup, false},
    {OpKind::thread_index_in_quadgroup, Query::ThreadIndexInQuadgroup, false},
    {OpKind::quadgroup_index_in_threadgroup, Query::QuadgroupIndexInThreadgroup, false},
    {OpKind::quadgroups_per_threadgroup, Query::QuadgroupsPerThreadgroup, false},
};
std::optional<QueryRow> queryOf(OpKind kind) {
  for (const QueryRow &row : kQueries)
    if (row.kind == kind)
      return row;
  return std::nullopt;
}

/// Lowers one kernel.
class KernelLowering {
public:
  KernelLowering(KernelOp which, const HostOptions &how, llvm::Module &module)
      : kernel(which), options(how), builder(module.getContext()), into(module), arrays(which) {}

  KernelDescriptor run() {
    findStatic();
    KernelDescriptor descriptor = describe();
    if (options.fastMath || kernel.getFastMath()) {
      llvm::FastMathFlags flags;
      flags.setAllowReassoc();
      flags.setAllowContract();
      flags.setAllowReciprocal();
      flags.setApproxFunc();
      builder.setFastMathFlags(flags);
    }
    CarriedShapes shapes;
    for (;;) {
      shapes.beginAttempt();
      emitOnce(descriptor, shapes);
      if (!shapes.mustRepeat())
        return descriptor;
      discard();
    }
  }

private:
  void emitOnce(KernelDescriptor &descriptor, CarriedShapes &shapes) {
    LaneBuilder lanes(builder);
    KernelEmitter emitter(into, lanes, shapeOf(descriptor));
    MemoryEmitter memoryEmitter(emitter, lanes, options.check);
    ControlEmitter controlEmitter(emitter, lanes, shapes);
    lane = &lanes;
    frame = &emitter;
    memory = &memoryEmitter;
    control = &controlEmitter;
    emitter.emit([&] {
      values.clear();
      stagedNumber.clear();
      bindArguments(descriptor);
      controlEmitter.openBlock(hasLoops);
      if (!emitter.hasBarriers()) // a barrier may stand between the access and the slot's use
        stageAccesses();
      lowerAll(kernel.getBody().front());
      memoryEmitter.closeBlock();
      controlEmitter.closeBlock();
    });
  }

  /// Empties the module for another attempt.
  void discard() {
    for (llvm::Function &function : into)
      function.deleteBody();
    for (llvm::Function &function : llvm::make_early_inc_range(into))
      function.eraseFromParent();
    for (llvm::GlobalVariable &global : llvm::make_early_inc_range(into.globals()))
      global.eraseFromParent();
  }

  KernelDescriptor describe() {
    KernelDescriptor descriptor;
    descriptor.name = kernel.getSymName().str();
    descriptor.vecWidth = static_cast<uint32_t>(kernel.getVecWidth());
    const auto arguments = kernel.getBody().getArguments();
    for (auto [argument, name] : llvm::zip(arguments, kernel.getArgNames())) {
      ParamDescriptor param;
      param.name = llvm::cast<mlir::StringAttr>(name).str();
      auto buffer = llvm::dyn_cast<BufferType>(argument.getType());
      const mlir::Type element = buffer ? buffer.getElementType() : argument.getType();
      param.element = elementOf(element);
      param.components = static_cast<uint8_t>(lanesOf(element));
      param.isScalar = !buffer;
      param.isRead = !buffer;
      for (mlir::Operation *user : argument.getUsers())
        param.isRead |= llvm::isa<LoadOp, LoadIfOp, SimdgroupLoadOp>(user) || isAtomic(user);
      descriptor.params.push_back(std::move(param));
    }
    for (size_t i = 0; i < arrays.size(); ++i) {
      mlir::Operation *op = arrays.declaration(i);
      descriptor.arrays.push_back({nameOf(op->getResult(0).getLoc()).str(), siteOf.lookup(op)});
    }
    descriptor.threadgroupBytes = arrays.metalBytes();
    for (int32_t written : kernel.getWritten())
      descriptor.params[static_cast<size_t>(written)].isWritten = true;
    return descriptor;
  }

  /// Which traversal the kernel's thread queries and operations among lanes need.
  KernelEmitter::Shape shapeOf(KernelDescriptor &descriptor) {
    bool asksLanes = false, asksGroupX = false, asksPosition = false, hasBarriers = false;
    kernel.walk([&](mlir::Operation *op) {
      asksLanes |= isConvergent(kindOf(op)) || usesMatrices(op);
      hasBarriers |= llvm::isa<ThreadgroupBarrierOp>(op);
      asksLanes |= isBarrier(*op) || llvm::isa<ThreadgroupAllocOp>(op);
      const auto query = queryOf(kindOf(op));
      if (!query)
        return;
      switch (query->query) {
      case Query::ThreadPositionInGrid:
        asksPosition = true;
        break;
      case Query::ThreadPositionInThreadgroup:
      case Query::ThreadgroupPositionInGrid:
      case Query::ThreadsPerThreadgroup:
        asksPosition = true;
        asksGroupX |= op->getAttrOfType<mlir::IntegerAttr>("axis").getInt() == 0;
        break;
      case Query::ThreadIndexInThreadgroup:
      case Query::ThreadIndexInSimdgroup:
      case Query::SimdgroupIndexInThreadgroup:
      case Query::SimdgroupsPerThreadgroup:
      case Query::ThreadIndexInQuadgroup:
      case Query::QuadgroupIndexInThreadgroup:
      case Query::QuadgroupsPerThreadgroup:
        asksLanes = true;
        break;
      default:
        break;
      }
    });
    descriptor.traversal = asksLanes ? Traversal::Grouped : Traversal::Flat;
    return {descriptor.name, descriptor.params,    arrays.emitterArrays(into),           arrays.hostBytes(),
            hasBarriers,     descriptor.traversal, asksLanes ? asksPosition : asksGroupX};
  }

  void bindArguments(const KernelDescriptor &descriptor) {
    for (mlir::BlockArgument argument : kernel.getBody().getArguments())
      if (descriptor.params[argument.getArgNumber()].isScalar)
        values[argument] = frame->scalarParam(argument.getArgNumber());
  }

  /// Numbers the accesses, and finds what depends on the thread's position and on scalars alone.
  void findStatic() {
    uint32_t next = 0;
    kernel.walk([&](mlir::Operation *op) {
      if (isSite(*op))
        siteOf[op] = next++;
      hasLoops |= llvm::isa<ForOp, WhileOp>(op);
    });
    for (mlir::Operation &op : kernel.getBody().front())
      if (!touchesMemory(op) && op.getNumRegions() == 0 &&
          llvm::all_of(op.getOperands(), [&](mlir::Value operand) { return isStatic(operand); }))
        staticOps.insert(&op);
  }

  /// Whether the operation, or one inside it, is an access.
  static bool touchesMemory(mlir::Operation &op) {
    return op
        .walk([](mlir::Operation *inner) {
          return isSite(*inner) ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
        })
        .wasInterrupted();
  }

  bool isStatic(mlir::Value value) {
    mlir::Operation *op = value.getDefiningOp();
    return !op || staticOps.contains(op);
  }

  /// Whether a mask is of the kind that guards borders: mostly true, so that a block where it is not may be
  /// slow.
  bool guardsBorders(mlir::Value mask) {
    mlir::Operation *op = mask.getDefiningOp();
    if (!op)
      return true;
    switch (kindOf(op)) {
    case OpKind::cmp_lt:
    case OpKind::cmp_le:
    case OpKind::cmp_gt:
    case OpKind::cmp_ge:
      return true;
    case OpKind::and_:
      return guardsBorders(op->getOperand(0)) && guardsBorders(op->getOperand(1));
    default:
      return false;
    }
  }

  /// Builds a static value ahead of its turn.
  void ensure(mlir::Value value) {
    mlir::Operation *op = value.getDefiningOp();
    if (!op || values.contains(value))
      return;
    for (mlir::Value operand : op->getOperands())
      ensure(operand);
    lower(*op);
  }

  /// Stages the loads before the first store and the stores after the last load whose places are known at the
  /// start of the block. A store may be staged only if no other kind of access follows: staged stores come
  /// last. Branches and loops with accesses in them end both: those are checked where they are.
  void stageAccesses() {
    struct Candidate {
      mlir::Operation *op;
      Access at;
      LaneMask mask;
      bool isStore;
    };
    llvm::SmallVector<Candidate, 8> candidates;
    const auto consider = [&](mlir::Operation &op) {
      const bool isStore = llvm::isa<StoreOp, StoreIfOp>(op);
      auto buffer = isStore ? op.getOperand(1) : op.getOperand(0);
      auto index = isStore ? op.getOperand(2) : op.getOperand(1);
      const bool isMasked = llvm::isa<LoadIfOp, StoreIfOp>(op);
      const mlir::Value mask = isMasked ? op.getOperand(isStore ? 3 : 2) : mlir::Value();
      if (!llvm::isa<mlir::BlockArgument>(buffer) || !isStatic(index) ||
          (isMasked && !(isStatic(mask) && guardsBorders(mask))))
        return false;
      ensure(index);
      const mlir::Type type = isStore ? op.getOperand(0).getType() : op.getResult(0).getType();
      const Access at = access(op, buffer, index, type);
      // One place for all lanes is read by the first of them, which a mask may leave out.
      if (!MemoryEmitter::canStage(at, isStore) || (isMasked && at.index.isUniform()))
        return false;
      LaneMask active = frame->activeLanes();
      if (isMasked) {
        ensure(mask);
        active = control->narrowed(active, valueOf(mask)[0]);
      }
      candidates.push_back({&op, at, active, isStore});
      return true;
    };
    mlir::Block &body = kernel.getBody().front();
    for (mlir::Operation &op : body) {
      if (llvm::isa<LoadOp, LoadIfOp>(op))
        consider(op);
      else if (touchesMemory(op))
        break;
    }
    const size_t loads = candidates.size();
    for (mlir::Operation &op : llvm::reverse(body)) {
      if (llvm::isa<StoreOp, StoreIfOp>(op) ? !consider(op) : touchesMemory(op))
        break;
    }
    std::reverse(candidates.begin() + static_cast<ptrdiff_t>(loads), candidates.end());
    for (const Candidate &candidate : candidates)
      stagedNumber[candidate.op] = memory->stage(candidate.at, candidate.isStore, candidate.mask);
    memory->openBlock(frame->activeLanes());
  }

  const Components &valueOf(mlir::Value value) { return values.find(value)->second; }

  void lower(mlir::Operation &op) {
    if (staticOps.contains(&op) && op.getNumResults() && values.contains(op.getResult(0)))
      return; // built ahead of its turn
    const OpKind kind = kindOf(&op);
    if (const auto query = queryOf(kind)) {
      const unsigned axis =
          query->hasAxis ? static_cast<unsigned>(op.getAttrOfType<mlir::IntegerAttr>("axis").getInt()) : 0;
      values[op.getResult(0)] = {frame->query(query->query, axis)};
      return;
    }
    if (kind == OpKind::as_type)
      return lowerAsType(op);
    if (isElementwise(kind) || isConvergent(kind))
      return lowerElementwise(op, kind);
    if (isVectorwise(kind)) {
      const Components result = vectorwise(op, kind);
      values[op.getResult(0)] = result;
      return;
    }
    if (auto constant = llvm::dyn_cast<ConstantOp>(op)) {
      values[constant] = constantOf(constant);
    } else if (auto make = llvm::dyn_cast<MakeVectorOp>(op)) {
      Components parts;
      for (mlir::Value component : make.getComponents())
        parts.push_back(valueOf(component)[0]);
      values[make] = parts;
    } else if (auto splat = llvm::dyn_cast<SplatOp>(op)) {
      values[splat] = Components(static_cast<size_t>(lanesOf(splat.getType())), valueOf(splat.getX())[0]);
    } else if (auto extract = llvm::dyn_cast<ExtractOp>(op)) {
      const Components one{valueOf(extract.getX())[extract.getIndex()]};
      values[extract] = one;
    } else if (auto swizzle = llvm::dyn_cast<SwizzleOp>(op)) {
      Components parts;
      for (int32_t component : swizzle.getComponents())
        parts.push_back(valueOf(swizzle.getX())[static_cast<size_t>(component)]);
      values[swizzle] = parts;
    } else if (auto at = llvm::dyn_cast<ExtractAtOp>(op)) {
      const Components one = extractAt(*lane, valueOf(at.getX()), valueOf(at.getIndex())[0]);
      values[at] = one;
    } else if (auto load = llvm::dyn_cast<LoadOp>(op)) {
      const Components loaded = lowerLoad(op, load.getBuffer(), load.getIndex(), control->active());
      values[load] = loaded;
    } else if (auto loadIf = llvm::dyn_cast<LoadIfOp>(op)) {
      const Lanes condition = valueOf(loadIf.getMask())[0];
      Components loaded = lowerLoad(op, loadIf.getBuffer(), loadIf.getIndex(), maskOf(op, condition));
      const Components &fallback = valueOf(loadIf.getFallback());
      for (size_t c = 0; c < loaded.size(); ++c)
        loaded[c] = lane->select(condition, loaded[c], fallback[c]);
      values[loadIf] = loaded;
    } else if (auto store = llvm::dyn_cast<StoreOp>(op)) {
      lowerStore(op, store.getValue(), store.getBuffer(), store.getIndex(), control->active());
    } else if (auto storeIf = llvm::dyn_cast<StoreIfOp>(op)) {
      lowerStore(op, storeIf.getValue(), storeIf.getBuffer(), storeIf.getIndex(),
                 maskOf(op, valueOf(storeIf.getMask())[0]));
    } else if (isBarrier(op)) {
      if (llvm::isa<ThreadgroupBarrierOp>(op))
        frame->barrier(siteOf.lookup(&op), control->active());
      else // lanes of a simdgroup are in step
        frame->checkLanes(siteOf.lookup(&op), control->active());
    } else if (auto own = llvm::dyn_cast<RegisterAllocOp>(op)) {
      memory->fillRegisters(*arrays.numberOf(own), elementOf(own.getFill().getType()),
                            valueOf(own.getFill())[0]);
    } else if (llvm::isa<ThreadgroupAllocOp, ConstantArrayOp>(op)) {
      // Addresses known to KernelEmitter.
    } else if (usesMatrices(&op) && op.getNumRegions() == 0) {
      lowerMatrix(op);
    } else if (isAtomic(&op)) {
      lowerAtomic(op, kind);
    } else if (op.getNumRegions()) {
      lowerControl(op);
    } else {
      fail(&op, "the host has no lowering of this operation");
    }
  }

  // ---- Regions

  void lowerAll(mlir::Block &block) {
    for (mlir::Operation &op : block)
      if (!llvm::isa<YieldOp>(op))
        lower(op);
  }

  /// The operations of a region that starts from these values, and the values that it yields.
  Values lowerRegion(mlir::Region &region, mlir::ValueRange arguments, const Values &start) {
    bind(arguments, start);
    lowerAll(region.front());
    return componentsOf(region.front().back().getOperands());
  }

  Values componentsOf(mlir::ValueRange from) {
    Values all;
    for (mlir::Value value : from)
      all.append(valueOf(value));
    return all;
  }

  void bind(mlir::ValueRange to, const Values &all) {
    const Lanes *next = all.begin();
    for (mlir::Value value : to) {
      const size_t count = partsOf(value.getType());
      values[value] = Components(next, next + count);
      next += count;
    }
  }

  /// One entry for each component of the results.
  static llvm::SmallVector<bool, 8> usedOf(mlir::ResultRange results) {
    llvm::SmallVector<bool, 8> used;
    for (mlir::Value result : results)
      used.append(partsOf(result.getType()), !result.use_empty());
    return used;
  }

  /// Whether computing a region costs less than a branch around it.
  static bool isCheap(mlir::Region &region) {
    constexpr size_t kMost = 10;
    size_t count = 0;
    for (mlir::Operation &op : region.front()) {
      if (llvm::isa<YieldOp, ConstantOp, MakeVectorOp, SplatOp, ExtractOp>(op))
        continue;
      switch (kindOf(&op)) {
      case OpKind::add:
      case OpKind::sub:
      case OpKind::mul:
      case OpKind::fma:
      case OpKind::neg:
      case OpKind::and_:
      case OpKind::or_:
      case OpKind::xor_:
      case OpKind::not_:
      case OpKind::min:
      case OpKind::max:
      case OpKind::abs:
      case OpKind::select:
      case OpKind::cast:
      case OpKind::cmp_lt:
      case OpKind::cmp_le:
      case OpKind::cmp_gt:
      case OpKind::cmp_ge:
      case OpKind::cmp_eq:
      case OpKind::cmp_ne:
        count += static_cast<size_t>(lanesOf(op.getResult(0).getType()));
        break;
      default:
        return false;
      }
    }
    return count <= kMost;
  }

  void lowerControl(mlir::Operation &op) {
    try {
      if (auto branch = llvm::dyn_cast<IfOp>(op))
        lowerIf(branch);
      else if (auto loop = llvm::dyn_cast<ForOp>(op))
        lowerFor(loop);
      else
        lowerWhile(llvm::cast<WhileOp>(op));
    } catch (const Error &error) { // of a value that cannot be carried: this is the innermost that carries it
      if (error.loc())
        throw;
      fail(&op, error.message());
    }
  }

  void lowerIf(IfOp op) {
    const Lanes condition = valueOf(op.getCondition())[0];
    mlir::Region &thenRegion = op.getThenRegion(), &elseRegion = op.getElseRegion();
    const auto thenCode = [&] { return lowerRegion(thenRegion, {}, {}); };
    const auto elseCode = [&] { return lowerRegion(elseRegion, {}, {}); };
    bind(op.getResults(),
         control->branch(condition, {thenCode, isCheap(thenRegion)}, {elseCode, isCheap(elseRegion)}));
  }

  void lowerFor(ForOp op) {
    const Lanes lower = valueOf(op.getLower())[0], upper = valueOf(op.getUpper())[0],
                step = valueOf(op.getStep())[0];
    const Values initial = componentsOf(op.getInitial());
    const auto body = [&](const Lanes &position, const Values &carried) {
      values[op.position()] = {position};
      return lowerRegion(op.getBody(), op.carried(), carried);
    };
    // What runs twice as code is to be small, and not to grow with the depth of loops.
    constexpr unsigned kShort = 64;
    unsigned operations = 0;
    bool isInnermost = true;
    op.getBody().walk([&](mlir::Operation *inner) {
      ++operations;
      isInnermost &= !llvm::isa<ForOp, WhileOp>(inner);
    });
    const ControlEmitter::Range range{lower, upper, step, isInnermost && operations <= kShort};
    bind(op.getResults(), control->forLoop(range, initial, usedOf(op.getResults()), body));
  }

  void lowerWhile(WhileOp op) {
    const Values initial = componentsOf(op.getInitial());
    const auto region = [&](mlir::Region &which) {
      return [&](const Values &start) { return lowerRegion(which, which.getArguments(), start); };
    };
    bind(op.getResults(), control->whileLoop(initial, usedOf(op.getResults()),
                                             region(op.getConditionRegion()), region(op.getBody())));
  }

  // ---- Operations

  /// The active lanes in which `condition` holds; a staged access has its mask already.
  LaneMask maskOf(mlir::Operation &op, const Lanes &condition) {
    return stagedNumber.contains(&op) ? LaneMask{} : control->narrowed(control->active(), condition);
  }

  Components lowerLoad(mlir::Operation &op, mlir::Value buffer, mlir::Value index, const LaneMask &mask) {
    if (const auto staged = stagedNumber.find(&op); staged != stagedNumber.end())
      return memory->loadStaged(staged->second);
    return memory->load(access(op, buffer, index, op.getResult(0).getType()), mask);
  }

  void lowerStore(mlir::Operation &op, mlir::Value value, mlir::Value buffer, mlir::Value index,
                  const LaneMask &mask) {
    if (const auto staged = stagedNumber.find(&op); staged != stagedNumber.end())
      return memory->storeStaged(staged->second, valueOf(value));
    memory->store(access(op, buffer, index, value.getType()), valueOf(value), mask);
  }

  void lowerMatrix(mlir::Operation &op) {
    if (needsAllLanes(&op) && control->active().bits != frame->activeLanes().bits)
      fail(&op,
           "all 32 lanes of a simdgroup must take part, and a condition that differs between them leaves "
           "some out; branch on what is the same in all lanes, such as simdgroup_index_in_threadgroup()");
    MatrixEmitter matrices(*frame, *lane, *memory, options.check);
    const auto part = [&](mlir::Value v) { return valueOf(v); };
    // A place is the same in all lanes.
    const auto one = [&](mlir::Value v, const char *what) {
      const Lanes x = part(v)[0];
      if (!x.isUniform())
        fail(&op, std::string(what) +
                      " must be the same in all lanes, and nothing says that it is; take that of "
                      "the first one: simd_broadcast_first(x)");
      return x;
    };
    const auto place = [&](mlir::Value buffer, mlir::Value index) {
      one(index, "the index");
      return access(op, buffer, index, llvm::cast<BufferType>(buffer.getType()).getElementType());
    };
    if (auto fill = llvm::dyn_cast<SimdgroupFillOp>(op)) {
      values[fill] = matrices.fromElements(part(fill.getX())[0], part(fill.getX())[0]);
    } else if (auto from = llvm::dyn_cast<SimdgroupFromElementsOp>(op)) {
      values[from] = matrices.fromElements(part(from.getFirst())[0], part(from.getSecond())[0]);
    } else if (auto elements = llvm::dyn_cast<SimdgroupElementsOp>(op)) {
      const Components both = matrices.elements(part(elements.getMatrix()));
      values[elements.getFirst()] = {both[0]};
      values[elements.getSecond()] = {both[1]};
    } else if (auto load = llvm::dyn_cast<SimdgroupLoadOp>(op)) {
      values[load] = matrices.load(place(load.getBuffer(), load.getIndex()),
                                   one(load.getStride(), "elements_per_row"), load.getTranspose());
    } else if (auto store = llvm::dyn_cast<SimdgroupStoreOp>(op)) {
      matrices.store(place(store.getBuffer(), store.getIndex()), part(store.getMatrix()),
                     one(store.getStride(), "elements_per_row"), store.getTranspose());
    } else {
      const auto result =
          elementOf(llvm::cast<SimdgroupMatrixType>(op.getResult(0).getType()).getElementType());
      const Components sum = op.getNumOperands() > 2 ? part(op.getOperand(2)) : Components{};
      values[op.getResult(0)] =
          matrices.multiply(part(op.getOperand(0)), part(op.getOperand(1)), sum, result);
    }
  }

  void lowerAtomic(mlir::Operation &op, OpKind kind) {
    const unsigned last = op.getNumOperands() - 1;
    const mlir::Type element = llvm::cast<BufferType>(op.getOperand(0).getType()).getElementType();
    const Access at = access(op, op.getOperand(0), op.getOperand(1), element);
    const bool isExchange = kind == OpKind::atomic_compare_exchange_weak;
    const Lanes value = last > 1 ? valueOf(op.getOperand(last))[0] : Lanes{};
    const Lanes expected = isExchange ? valueOf(op.getOperand(2))[0] : Lanes{};
    const bool isUsed = op.getNumResults() && (isExchange || !op.getResult(0).use_empty());
    const auto result = AtomicEmitter(*frame, *lane, *memory)
                            .change(atomicKindOf(kind), at, control->active(), value, expected, isUsed);
    if (isUsed)
      values[op.getResult(0)] = {result.old};
    if (isExchange)
      values[op.getResult(1)] = {result.exchanged};
  }

  Access access(mlir::Operation &op, mlir::Value buffer, mlir::Value index, mlir::Type type) {
    const auto number = arrays.numberOf(buffer);
    if (!number)
      fail(&op, "the host accesses parameters and arrays that the kernel declares");
    Access result;
    result.param = *number;
    result.element = elementOf(type);
    result.components = static_cast<unsigned>(lanesOf(type));
    result.isWhole = llvm::cast<BufferType>(buffer.getType()).getElementType() == type;
    result.index = valueOf(index)[0];
    result.site = siteOf.lookup(&op);
    return result;
  }

  Components constantOf(ConstantOp constant) {
    const ElementKind t = elementOf(constant.getType());
    mlir::Attribute value = constant.getValue();
    if (auto splat = llvm::dyn_cast<mlir::SplatElementsAttr>(value))
      value = splat.getSplatValue<mlir::Attribute>();
    Lanes lanes;
    if (auto number = llvm::dyn_cast<mlir::FloatAttr>(value)) {
      llvm::APFloat wide = number.getValue();
      bool loses = false;
      wide.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &loses);
      lanes = LaneBuilder::uniform(t, llvm::ConstantFP::get(builder.getContext(), wide));
    } else if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(value)) {
      lanes = LaneBuilder::uniform(t, llvm::ConstantInt::get(builder.getContext(), integer.getValue()));
    } else {
      fail(constant, "not a number or a vector of one number");
    }
    return Components(static_cast<size_t>(lanesOf(constant.getType())), lanes);
  }

  /// Component by component; a scalar operand of a vector operation takes part in every component.
  void lowerElementwise(mlir::Operation &op, OpKind kind) {
    const auto count = static_cast<size_t>(lanesOf(op.getResult(0).getType()));
    llvm::SmallVector<Components, 2> results(op.getNumResults());
    for (size_t c = 0; c < count; ++c) {
      Components in;
      for (mlir::Value operand : op.getOperands()) {
        const Components &parts = valueOf(operand);
        in.push_back(parts[parts.size() == 1 ? 0 : c]);
      }
      const Components out = elementwise(op, kind, elementOf(op.getResult(0).getType()), in);
      for (size_t r = 0; r < results.size(); ++r)
        results[r].push_back(out[r]);
    }
    for (size_t r = 0; r < results.size(); ++r)
      values[op.getResult(static_cast<unsigned>(r))] = results[r];
  }

  void lowerAsType(mlir::Operation &op) {
    const mlir::Type to = op.getResult(0).getType();
    const Components result =
        asType(*lane, valueOf(op.getOperand(0)), elementOf(to), static_cast<unsigned>(lanesOf(to)));
    values[op.getResult(0)] = result;
  }

  /// A function of whole vectors.
  Components vectorwise(mlir::Operation &op, OpKind kind) {
    LaneBuilder &b = *lane;
    llvm::SmallVector<Components, 3> in;
    for (mlir::Value operand : op.getOperands())
      in.push_back(valueOf(operand));
    switch (kind) {
#include "enigma/Target/Host/Vectorwise.inc"
    default:
      fail(&op, "the operation table has no host lowering of this operation");
    }
  }

  /// One component: the `host` expressions of the operation table. `t` is the result's element type.
  Components elementwise(mlir::Operation &op, OpKind kind, [[maybe_unused]] ElementKind t,
                         const Components &in) {
    LaneBuilder &b = *lane;
    switch (kind) {
#include "enigma/Target/Host/Elementwise.inc"
    default:
      return amongLanes(op, kind, in);
    }
  }

  /// One component of an operation among the active lanes: `s` in the `host` expressions of the table.
  Components amongLanes(mlir::Operation &op, OpKind kind, const Components &in) {
    SimdEmitter s(*lane, control->active());
    switch (kind) {
#include "enigma/Target/Host/Convergent.inc"
    default:
      fail(&op, "the operation table has no host lowering of this operation");
    }
  }

  KernelOp kernel;
  const HostOptions &options;
  llvm::IRBuilder<> builder;
  llvm::Module &into;
  KernelArrays arrays;
  // Of the attempt at hand.
  LaneBuilder *lane = nullptr;
  KernelEmitter *frame = nullptr;
  MemoryEmitter *memory = nullptr;
  ControlEmitter *control = nullptr;
  llvm::DenseMap<mlir::Value, Components> values;
  llvm::DenseMap<mlir::Operation *, uint32_t> siteOf;
  llvm::DenseMap<mlir::Operation *, unsigned> stagedNumber;
  llvm::DenseSet<mlir::Operation *> staticOps;
  bool hasLoops = false;
};

} // namespace

KernelDescriptor lowerKernel(mlir::ModuleOp module, const HostOptions &options, llvm::Module &into) {
  return KernelLowering(onlyKernel(module), options, into).run();
}

std::vector<SourceLoc> accessSites(mlir::ModuleOp module) {
  std::vector<SourceLoc> sites;
  onlyKernel(module).walk([&](mlir::Operation *op) {
    if (isSite(*op))
      sites.push_back(placeOf(op));
  });
  return sites;
}

} // namespace enigma::host
