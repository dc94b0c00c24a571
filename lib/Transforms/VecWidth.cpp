// SPDX-License-Identifier: MIT
//
// vec_width: one thread does the work of W consecutive positions of grid x, with exactly the result of
// unrolling.
//
// Every value is one of three things. *Uniform*: the same at all W positions, and kept as it is. *Linear*: an
// integer that grows by one from position to position, kept as its value at the first. *Varying*: a vector of
// W. What has no vector form (an access that is not contiguous, a mask per position) is done W times.
//
// The first position is W * t. Where a linear value is a multiple of W, the W values cannot wrap among
// themselves, since W divides 2^32; only such values serve as the index of a vector access, whose alignment
// they prove at the same time.
#include "Vectoriser.h"

#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace enigma::transforms {

using namespace dialect;

LogicalResult Vectoriser::run() {
  if (failed(check()))
    return failure();
  hoistPositions();
  findVarying();
  SmallVector<Operation *> original;
  for (Operation &op : kernel.block())
    original.push_back(&op);
  for (Operation *op : original) {
    builder.setInsertionPoint(op);
    rewrite(op);
  }
  for (Operation *op : llvm::reverse(original))
    op->erase();
  kernel.setVecWidth(width);
  return success();
}

LogicalResult Vectoriser::check() {
  if (kernel.getVecWidth() != 1)
    return kernel.emitError() << "vec_width was applied already";
  const bool isRefused = kernel
                             .walk<WalkOrder::PreOrder>([&](Operation *op) {
                               return op == kernel.getOperation() || succeeded(check(*op))
                                          ? WalkResult::advance()
                                          : WalkResult::interrupt();
                             })
                             .wasInterrupted();
  return failure(isRefused);
}

LogicalResult Vectoriser::check(Operation &op) {
  const auto holdsVectors = [](Type t) {
    auto buffer = dyn_cast<BufferType>(t);
    return isVector(buffer ? buffer.getElementType() : t);
  };
  const OpKind kind = kindOf(&op);
  if (llvm::any_of(op.getResultTypes(), holdsVectors) || llvm::any_of(op.getOperandTypes(), holdsVectors))
    return op.emitError() << "vec_width: the kernel computes with vectors already, which have no vectors of "
                          << "their own; leave vec_width out";
  if (kind == OpKind::thread_position_in_grid || isElementwise(kind))
    return success();
  if (isa<ThreadgroupBarrierOp, SimdgroupBarrierOp>(op))
    return op.emitError() << "vec_width: the kernel has a barrier, at which one thread would stand for "
                          << width;
  if (isa<ThreadgroupAllocOp, RegisterAllocOp, ConstantArrayOp>(op))
    return op.emitError() << "vec_width: arrays that the kernel declares have no form for " << width
                          << " positions of one thread";
  const llvm::StringRef name = op.getName().stripDialect();
  if (name.starts_with("thread") || name.starts_with("simdgroup") || name.starts_with("dispatch") ||
      name.starts_with("quadgroup"))
    return op.emitError() << "vec_width: the kernel asks for " << name << ", which cannot be told for "
                          << width << " positions of one thread";
  switch (kind) {
  case OpKind::constant:
  case OpKind::function_constant:
  case OpKind::is_function_constant_defined:
  case OpKind::load:
  case OpKind::store:
  case OpKind::load_if:
  case OpKind::store_if:
  case OpKind::if_:
  case OpKind::for_:
  case OpKind::while_:
  case OpKind::yield:
    return success();
  default:
    return op.emitError() << "vec_width: " << name << " has no form for " << width
                          << " positions of one thread";
  }
}

//===-- Values
//--------------------------------------------------------------------------------------------===//

Vectoriser::Entry &Vectoriser::entry(Value v) {
  auto it = entries.find(v);
  if (it == entries.end()) // a parameter
    it = entries.try_emplace(v, Entry{Shape::uniform, v, {}}).first;
  return it->second;
}

Value Vectoriser::vector(Value v) {
  Entry &e = entry(v);
  if (e.shape == Shape::varying)
    return e.value;
  if (e.vector)
    return e.vector;
  // A vector that is kept for later has to stand where all of its users come after it.
  OpBuilder::InsertionGuard guard(builder);
  if (Block *home = e.value.getParentBlock(); home != builder.getInsertionBlock()) {
    if (Operation *made = e.value.getDefiningOp())
      builder.setInsertionPointAfter(made);
    else
      builder.setInsertionPointToStart(home);
  }
  Type type = vectorOf(v.getType());
  Value splat = SplatOp::create(builder, v.getLoc(), type, e.value);
  if (e.shape == Shape::linear) {
    SmallVector<Attribute> steps;
    for (int k = 0; k < width; ++k)
      steps.push_back(IntegerAttr::get(v.getType(), k));
    SmallVector<Value> parts;
    for (Attribute step : steps)
      parts.push_back(ConstantOp::create(builder, v.getLoc(), v.getType(), cast<TypedAttr>(step)));
    Value offsets = MakeVectorOp::create(builder, v.getLoc(), type, parts);
    splat = AddOp::create(builder, v.getLoc(), type, splat, offsets);
  }
  e.vector = splat;
  return splat;
}

Value Vectoriser::at(Value v, int k) {
  Entry e = entry(v);
  if (e.shape == Shape::uniform)
    return e.value;
  if (e.shape == Shape::varying)
    return ExtractOp::create(builder, v.getLoc(), v.getType(), e.value, k);
  if (k == 0)
    return e.value;
  Value step = ConstantOp::create(builder, v.getLoc(), v.getType(), IntegerAttr::get(v.getType(), k));
  return AddOp::create(builder, v.getLoc(), v.getType(), e.value, step);
}

//===-- Operations
//----------------------------------------------------------------------------------------===//

Operation *Vectoriser::clone(Operation *op) {
  IRMapping map;
  for (Value operand : op->getOperands())
    map.map(operand, entry(operand).value);
  return builder.clone(*op, map);
}

void Vectoriser::rewrite(Operation *op) {
  OpKind kind = kindOf(op);
  if (op->getNumRegions())
    return control(op);
  if (auto query = dyn_cast<ThreadPositionInGridOp>(op); query && query.getAxis() == Axis::x)
    return position(query);
  bool uniform = llvm::all_of(op->getOperands(), [&](Value v) { return isUniform(v); });
  switch (kind) {
  case OpKind::store:
  case OpKind::store_if: // the last of W writes of one place would do, but W is what unrolling says
    return access(op);
  case OpKind::load:
  case OpKind::load_if:
    if (!uniform)
      return access(op);
    break;
  default:
    if (!uniform)
      return elementwise(op);
  }
  Operation *copy = clone(op);
  for (auto [before, after] : llvm::zip(op->getResults(), copy->getResults()))
    define(before, Shape::uniform, after);
}

void Vectoriser::position(ThreadPositionInGridOp query) {
  Location loc = query.getLoc();
  Type type = query.getType();
  Location unnamed = isa<NameLoc>(loc) ? Location(cast<NameLoc>(loc).getChildLoc()) : loc;
  Value thread = ThreadPositionInGridOp::create(builder, unnamed, type, Axis::x);
  Value count = ConstantOp::create(builder, unnamed, type, IntegerAttr::get(type, width));
  define(query, Shape::linear, MulOp::create(builder, loc, type, thread, count));
}

void Vectoriser::elementwise(Operation *op) {
  if (linear(op))
    return;
  // Offset and count of a bit field are scalars in Metal: where they vary, there is no vector form.
  OpKind kind = kindOf(op);
  unsigned scalarsFrom = kind == OpKind::extract_bits  ? 1
                         : kind == OpKind::insert_bits ? 2
                                                       : op->getNumOperands();
  for (Value v : op->getOperands().drop_front(scalarsFrom))
    if (!isUniform(v))
      return unrolled(op);
  SmallVector<Value> operands;
  for (auto [i, v] : llvm::enumerate(op->getOperands())) {
    bool stays = i >= scalarsFrom || (kind == OpKind::select && i == 0 && isUniform(v));
    operands.push_back(stays ? entry(v).value : vector(v));
  }
  SmallVector<Type> types;
  for (Type t : op->getResultTypes())
    types.push_back(vectorOf(t));
  OperationState state(op->getLoc(), op->getName(), operands, types, op->getAttrs());
  Operation *wide = builder.create(state);
  wide->removeAttr(inRangeAttr); // said of scalars
  for (auto [before, after] : llvm::zip(op->getResults(), wide->getResults()))
    define(before, Shape::varying, after);
}

// Sums with a uniform value stay linear; so do conversions between integers where no wrap can fall between
// positions.
bool Vectoriser::linear(Operation *op) {
  if (op->getNumResults() != 1 || !isIntLike(op->getResult(0).getType()))
    return false;
  auto shapeOf = [&](int i) { return entry(op->getOperand(i)).shape; };
  bool stays = false;
  switch (kindOf(op)) {
  case OpKind::add:
    stays = (shapeOf(0) == Shape::linear && shapeOf(1) == Shape::uniform) ||
            (shapeOf(1) == Shape::linear && shapeOf(0) == Shape::uniform);
    break;
  case OpKind::sub:
    stays = shapeOf(0) == Shape::linear && shapeOf(1) == Shape::uniform;
    break;
  case OpKind::cast:
    stays =
        shapeOf(0) == Shape::linear && isIntLike(op->getOperand(0).getType()) && isAligned(op->getOperand(0));
    break;
  default:
    break;
  }
  if (!stays)
    return false;
  Operation *first = clone(op);
  first->removeAttr(inRangeAttr);
  define(op->getResult(0), Shape::linear, first->getResult(0));
  return true;
}

void Vectoriser::unrolled(Operation *op) {
  SmallVector<SmallVector<Value>> parts(op->getNumResults());
  llvm::SetVector<Value> above; // what its blocks use
  getUsedValuesDefinedAbove(op->getRegions(), above);
  for (int k = 0; k < width; ++k) {
    IRMapping map;
    for (Value v : op->getOperands())
      map.map(v, at(v, k));
    for (Value v : above)
      map.map(v, at(v, k));
    Operation *one = builder.clone(*op, map);
    for (auto [r, result] : llvm::enumerate(one->getResults()))
      parts[r].push_back(result);
  }
  for (auto [r, result] : llvm::enumerate(op->getResults()))
    define(result, Shape::varying,
           MakeVectorOp::create(builder, op->getLoc(), vectorOf(result.getType()), parts[r]));
}

void Vectoriser::access(Operation *op) {
  OpKind kind = kindOf(op);
  bool isStore = kind == OpKind::store || kind == OpKind::store_if;
  int bufferAt = isStore ? 1 : 0;
  Value index = op->getOperand(bufferAt + 1);
  Type element = cast<BufferType>(op->getOperand(bufferAt).getType()).getElementType();
  bool masked = kind == OpKind::load_if || kind == OpKind::store_if;
  bool uniformMask = !masked || isUniform(op->getOperand(bufferAt + 2));
  // bool vectors have no layout in memory to rely on.
  bool contiguous =
      entry(index).shape == Shape::linear && isAligned(index) && uniformMask && !isBool(element);
  if (!contiguous) {
    if (!isStore)
      return unrolled(op);
    for (int k = 0; k < width; ++k) {
      IRMapping map;
      for (Value v : op->getOperands())
        map.map(v, at(v, k));
      builder.clone(*op, map);
    }
    return;
  }
  SmallVector<Value> operands;
  for (auto [i, v] : llvm::enumerate(op->getOperands())) {
    bool isValue = isStore ? i == 0 : (masked && i == 3);
    operands.push_back(isValue ? vector(v) : entry(v).value);
  }
  SmallVector<Type> types;
  for (Type t : op->getResultTypes())
    types.push_back(vectorOf(t));
  OperationState state(op->getLoc(), op->getName(), operands, types, op->getAttrs());
  Operation *wide = builder.create(state);
  if (!isStore)
    define(op->getResult(0), Shape::varying, wide->getResult(0));
}

namespace {

struct VecWidthPass : PassWrapper<VecWidthPass, OperationPass<KernelOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VecWidthPass)
  VecWidthPass() = default;
  VecWidthPass(const VecWidthPass &other) : PassWrapper(other) {}
  explicit VecWidthPass(int n) { width = n; }
  StringRef getArgument() const override { return "enigma-vec-width"; }
  StringRef getDescription() const override {
    return "let one thread do the work of several positions of grid x";
  }
  Option<int> width{*this, "width", llvm::cl::desc("positions per thread: 2 or 4"), llvm::cl::init(4)};

  void runOnOperation() override {
    if (width != 2 && width != 4) {
      getOperation().emitError() << "vec_width must be 2 or 4, got " << width;
      return signalPassFailure();
    }
    if (failed(Vectoriser(getOperation(), width).run()))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> createVecWidthPass(int width) { return std::make_unique<VecWidthPass>(width); }

} // namespace enigma::transforms
