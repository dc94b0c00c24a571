// SPDX-License-Identifier: MIT
//
// See Lowering.h.
#include "Lowering.h"

#include "KernelLowering.h"
#include "LaneVector.h"

#include "mlir/IR/Location.h"

#include "llvm/ADT/STLExtras.h"

#include <optional>

namespace enigma::host {
namespace {

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

bool isAccess(mlir::Operation &op) {
  return llvm::isa<LoadOp, StoreOp, LoadIfOp, StoreIfOp>(op) || isAtomic(&op) ||
         llvm::isa<SimdgroupLoadOp, SimdgroupStoreOp>(op);
}

} // namespace

void fail(mlir::Operation *op, const std::string &why) {
  throw Error(ErrorKind::Compile, op->getName().stripDialect().str() + ": " + why, placeOf(op));
}

bool isBarrier(mlir::Operation &op) { return llvm::isa<ThreadgroupBarrierOp, SimdgroupBarrierOp>(op); }
bool isSite(mlir::Operation &op) {
  return isAccess(op) || isBarrier(op) || needsAllLanes(&op) ||
         llvm::isa<ThreadgroupAllocOp, RegisterAllocOp, ConstantArrayOp>(op) ||
         (op.getNumRegions() && usesMatrices(&op));
}

bool usesMatrices(mlir::Operation *op) {
  const auto isMatrix = [](mlir::Type t) { return llvm::isa<SimdgroupMatrixType>(t); };
  return llvm::any_of(op->getOperandTypes(), isMatrix) || llvm::any_of(op->getResultTypes(), isMatrix);
}

size_t partsOf(mlir::Type type) {
  return llvm::isa<SimdgroupMatrixType>(type) ? 8 : static_cast<size_t>(lanesOf(type));
}

bool touchesMemory(mlir::Operation &op) {
  return op
      .walk([](mlir::Operation *inner) {
        return isSite(*inner) ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
      })
      .wasInterrupted();
}

KernelDescriptor KernelLowering::run() {
  findStatic();
  findCountedLoops();
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

void KernelLowering::emitOnce(KernelDescriptor &descriptor, CarriedShapes &shapes) {
  LaneBuilder lanes(builder);
  KernelEmitter emitter(into, lanes, shapeOf(descriptor));
  MemoryEmitter memoryEmitter(emitter, lanes, features, options.check);
  ControlEmitter controlEmitter(emitter, lanes, shapes);
  lane = &lanes;
  frame = &emitter;
  memory = &memoryEmitter;
  control = &controlEmitter;
  emitter.emit([&] {
    values.clear();
    stagedNumber.clear();
    laterLoads.clear();
    bindArguments(descriptor);
    controlEmitter.openBlock(hasLoops);
    if (!emitter.hasBarriers()) // a barrier may stand between the access and the slot's use
      stageAccesses();
    lowerAll(kernel.getBody().front());
    memoryEmitter.closeBlock();
    controlEmitter.closeBlock();
  });
}

void KernelLowering::discard() {
  for (llvm::Function &function : into)
    function.deleteBody();
  for (llvm::Function &function : llvm::make_early_inc_range(into))
    function.eraseFromParent();
  for (llvm::GlobalVariable &global : llvm::make_early_inc_range(into.globals()))
    global.eraseFromParent();
}

KernelDescriptor KernelLowering::describe() {
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

KernelEmitter::Shape KernelLowering::shapeOf(KernelDescriptor &descriptor) {
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
      asksPosition = true;
      [[fallthrough]];
    case Query::ThreadgroupPositionInGrid:
    case Query::ThreadsPerThreadgroup:
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
  return {descriptor.name,
          descriptor.params,
          arrays.emitterArrays(into),
          arrays.hostBytes(),
          runs.mostCopies() * MatrixEmitter::kCopyBytes,
          hasBarriers,
          descriptor.traversal,
          asksLanes ? asksPosition : asksGroupX,
          !countedLoops.empty()};
}

void KernelLowering::bindArguments(const KernelDescriptor &descriptor) {
  for (mlir::BlockArgument argument : kernel.getBody().getArguments())
    if (descriptor.params[argument.getArgNumber()].isScalar)
      values[argument] = frame->scalarParam(argument.getArgNumber());
}

void KernelLowering::findStatic() {
  uint32_t next = 0;
  kernel.walk([&](mlir::Operation *op) {
    if (isSite(*op))
      siteOf[op] = next++;
    hasLoops |= llvm::isa<ForOp, WhileOp>(op);
  });
  for (mlir::Operation &op : kernel.getBody().front())
    if (!touchesMemory(op) && op.getNumRegions() == 0 && !usesMatrices(&op) &&
        llvm::all_of(op.getOperands(), [&](mlir::Value operand) { return isStatic(operand); }))
      staticOps.insert(&op);
}

void KernelLowering::lower(mlir::Operation &op) {
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
      frame->barrier(siteOf.lookup(&op), control->active(), control->rounds());
    else // lanes of a simdgroup are in step
      checkLanes(op, GroupFault::Kind::Lanes);
  } else if (auto own = llvm::dyn_cast<RegisterAllocOp>(op)) {
    memory->fillRegisters(*arrays.numberOf(own), valueOf(own.getFill()));
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

void KernelLowering::lowerAll(mlir::Block &block) {
  for (mlir::Operation &op : block)
    if (!llvm::isa<YieldOp>(op))
      lower(op);
}

KernelDescriptor lowerKernel(mlir::ModuleOp module, const HostOptions &options, const LaneFeatures &features,
                             llvm::Module &into) {
  return KernelLowering(onlyKernel(module), options, features, into).run();
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
