// SPDX-License-Identifier: MIT
//
// See ControlEmitter.h.
#include "ControlEmitter.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/MDBuilder.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace enigma::host {

namespace {

/// Back edges between two calls of mustStop, which takes some tens of nanoseconds.
constexpr int32_t kBudget = 4096;

MDNode *likely(LLVMContext &context) { return MDBuilder(context).createLikelyBranchWeights(); }
MDNode *unlikely(LLVMContext &context) { return MDBuilder(context).createUnlikelyBranchWeights(); }

/// The same bits as another integer type of the same width.
Lanes relabelled(Lanes x, ElementKind t) {
  x.type = t;
  return x;
}

} // namespace

uint32_t mustStop(const LaneFrame *frame) {
  const hostabi::LaunchContext &launch = *frame->launch;
  if (launch.cancel && launch.cancel->load(std::memory_order_relaxed))
    return 1;
  return launch.poll && launch.poll(&launch);
}

// ---- CarriedShapes

CarriedShapes::Form CarriedShapes::common(const Form &x, const Form &y) {
  if (x.shape != y.shape || x.stride != y.stride)
    return {Lanes::Shape::Varying, 0, false};
  return {x.shape, x.stride, x.isAligned && y.isAligned};
}

void CarriedShapes::beginAttempt() {
  ++attempt;
  next = 0;
  changed = false;
}

unsigned CarriedShapes::enter(const Values &initial) {
  const unsigned number = next++;
  if (number >= loops.size())
    loops.resize(number + 1);
  Loop &loop = loops[number];
  if (!loop.isKnown) {
    loop.isKnown = true;
    for (const Lanes &x : initial)
      loop.carried.push_back(formOf(x));
  }
  if (attempt >= kAttempts) {
    loop.isDivergent = true;
    for (Form &form : loop.carried)
      if (form.shape != Lanes::Shape::Row)
        form = {Lanes::Shape::Varying, 0, false};
  }
  // Nothing is emitted yet, so that a weaker start needs no repetition.
  for (size_t i = 0; i < initial.size(); ++i)
    loop.carried[i] = common(loop.carried[i], formOf(initial[i]));
  return number;
}

void CarriedShapes::weaken(unsigned number, size_t i, const Form &form) {
  Form &own = loops[number].carried[i];
  const Form weaker = common(own, form);
  changed |= weaker != own;
  own = weaker;
}

void CarriedShapes::makeDivergent(unsigned number) {
  changed |= !loops[number].isDivergent;
  loops[number].isDivergent = true;
}

// ---- Blocks and masks

BasicBlock *ControlEmitter::block(const char *name) {
  return BasicBlock::Create(ir.getContext(), name, kernel.function());
}

LaneMask ControlEmitter::maskOf(Value *bits) {
  LaneMask result;
  result.bits = bits;
  result.all = ir.CreateICmpEQ(bits, ir.getInt32(~0u));
  result.vector = ir.CreateBitCast(bits, FixedVectorType::get(ir.getInt1Ty(), kLanes));
  return result;
}

LaneMask ControlEmitter::narrowed(const LaneMask &outer, const Lanes &condition) {
  if (!condition.isUniform())
    return maskOf(ir.CreateAnd(outer.bits, ir.CreateBitCast(b.vector(condition), ir.getInt32Ty())));
  LaneMask result;
  result.all = ir.CreateAnd(outer.all, condition.value);
  result.bits = ir.CreateSelect(condition.value, outer.bits, ir.getInt32(0));
  result.vector = ir.CreateBitCast(result.bits, outer.vector->getType());
  return result;
}

void ControlEmitter::openBlock(bool hasLoops) {
  mask = kernel.activeLanes();
  if (!hasLoops)
    return;
  // The count lives on from block to block, so that many short loops are noticed as one long one is.
  if (!budgetMemory || budgetMemory->getFunction() != kernel.function()) {
    BasicBlock &start = kernel.function()->getEntryBlock();
    IRBuilder<> atStart(&start, start.begin());
    budgetMemory = atStart.CreateAlloca(atStart.getInt32Ty(), nullptr, "budget");
    atStart.CreateStore(atStart.getInt32(kBudget), budgetMemory);
  }
  budget = ir.CreateLoad(ir.getInt32Ty(), budgetMemory);
}

void ControlEmitter::closeBlock() {
  if (budget)
    ir.CreateStore(budget, budgetMemory);
}

PHINode *ControlEmitter::budgetPhi() { return ir.CreatePHI(ir.getInt32Ty(), 2, "budget"); }

BasicBlock *ControlEmitter::goBack(Value *more, BasicBlock *head, BasicBlock *leave, PHINode *before,
                                   BasicBlock *&leaving, Value *&left) {
  LLVMContext &context = ir.getContext();
  BasicBlock *poll = block("poll"), *again = block("again");
  // Below zero where loops ended with nothing left.
  left = ir.CreateSub(budget, ir.getInt32(1));
  Value *isLeft = ir.CreateICmpSGT(left, ir.getInt32(0));
  BasicBlock *from = ir.GetInsertBlock();
  leaving = from;
  if (more) {
    leaving = block("loop.slow");
    ir.CreateCondBr(ir.CreateAnd(more, isLeft), again, leaving, likely(context));
    ir.SetInsertPoint(leaving);
    ir.CreateCondBr(more, poll, leave);
  } else {
    ir.CreateCondBr(isLeft, again, poll, likely(context));
  }

  ir.SetInsertPoint(poll);
  Module &module = *poll->getModule();
  FunctionCallee callee = module.getOrInsertFunction(
      "enigma_must_stop", FunctionType::get(ir.getInt32Ty(), {ir.getPtrTy()}, false));
  auto *declared = cast<Function>(callee.getCallee());
  declared->setDoesNotThrow();
  // What it changes is the runtime's own, so that loads may be moved across it.
  declared->setMemoryEffects(MemoryEffects::inaccessibleMemOnly() |
                             MemoryEffects::argMemOnly(ModRefInfo::Ref));
  Value *isOver = ir.CreateICmpNE(ir.CreateCall(callee, {kernel.frame()}), ir.getInt32(0));
  ir.CreateCondBr(isOver, kernel.stopBlock(), again, unlikely(context));

  ir.SetInsertPoint(again);
  PHINode *next = budgetPhi();
  next->addIncoming(left, from);
  next->addIncoming(ir.getInt32(kBudget), poll);
  before->addIncoming(next, again);
  ir.CreateBr(head);
  return again;
}

/// Lane by lane of two raw values by a word of bits.
Value *ControlEmitter::selected(Value *bits, Value *yes, Value *no) {
  if (yes == no)
    return no;
  return ir.CreateSelect(ir.CreateBitCast(bits, FixedVectorType::get(ir.getInt1Ty(), kLanes)), yes, no);
}

Value *ControlEmitter::enterRound(Value *k) {
  Value *outer = roundsHere;
  // Rounds of two loops are told apart up to some millions; an odd factor spreads them over the word.
  constexpr uint32_t factor = 0x9E3779B1;
  Value *inner = ir.CreateAdd(ir.CreateZExtOrTrunc(k, ir.getInt32Ty()), ir.getInt32(1));
  roundsHere = ir.CreateMul(outer ? ir.CreateAdd(outer, inner) : inner, ir.getInt32(factor));
  return outer;
}

bool ControlEmitter::changesMatrices(const Values &before, const Values &after) {
  for (size_t i = 0; i < before.size(); ++i)
    if (before[i].shape == Lanes::Shape::Row && before[i].value != after[i].value)
      return true;
  return false;
}

// ---- Branches

Values ControlEmitter::branch(const Lanes &condition, Arm thenArm, Arm elseArm, Watch watch) {
  if (condition.isUniform())
    return branchUniformly(condition, thenArm, elseArm);
  const LaneMask thenLanes = narrowed(mask, condition), elseLanes = narrowed(mask, b.bitNot(condition));
  const Values x = armUnderMask(thenLanes, thenArm), y = armUnderMask(elseLanes, elseArm);
  Values results;
  Value *taken = nullptr; // by all lanes, where a matrix depends on it
  for (size_t i = 0; i < x.size(); ++i) {
    const bool isSame =
        x[i].value == y[i].value && CarriedShapes::formOf(x[i]) == CarriedShapes::formOf(y[i]);
    if (!isSame && x[i].shape == Lanes::Shape::Row) {
      if (!taken) {
        taken = ir.CreateICmpNE(thenLanes.bits, ir.getInt32(0));
        kernel.checkLanes(watch.site, ir.CreateSelect(taken, thenLanes.bits, mask.bits), mask.bits,
                          hostabi::GroupFault::Kind::Carried);
      }
      Lanes row = x[i];
      row.value = ir.CreateSelect(taken, x[i].value, y[i].value);
      results.push_back(row);
      continue;
    }
    results.push_back(isSame ? x[i] : b.select(condition, x[i], y[i]));
  }
  return results;
}

/// Emits an arm under a mask. Where no lane takes it its values are 0: they are blended away, but must be
/// defined, as conditions may be made of them.
Values ControlEmitter::armUnderMask(const LaneMask &lanes, Arm arm) {
  const LaneMask outer = mask;
  mask = lanes;
  if (arm.isCheap) {
    Values values = arm.emit();
    mask = outer;
    return values;
  }
  BasicBlock *before = ir.GetInsertBlock(), *inside = block("lanes"), *join = block("join");
  Value *budgetBefore = budget;
  ir.CreateCondBr(ir.CreateICmpNE(lanes.bits, ir.getInt32(0)), inside, join);
  ir.SetInsertPoint(inside);
  Values values = arm.emit();
  BasicBlock *end = ir.GetInsertBlock();
  ir.CreateBr(join);
  ir.SetInsertPoint(join);
  for (Lanes &x : values) {
    if (isa<Constant>(x.value))
      continue;
    PHINode *either = ir.CreatePHI(x.value->getType(), 2);
    either->addIncoming(x.value, end);
    either->addIncoming(Constant::getNullValue(x.value->getType()), before);
    x.value = either;
  }
  if (budget != budgetBefore) {
    PHINode *either = budgetPhi();
    either->addIncoming(budget, end);
    either->addIncoming(budgetBefore, before);
    budget = either;
  }
  mask = outer;
  return values;
}

Values ControlEmitter::branchUniformly(const Lanes &condition, Arm thenArm, Arm elseArm) {
  BasicBlock *starts[2] = {block("then"), block("else")}, *meet = block("endif");
  ir.CreateCondBr(condition.value, starts[0], starts[1]);
  ArmCode arms[2];
  Value *budgetBefore = budget;
  for (int a = 0; a < 2; ++a) {
    ir.SetInsertPoint(starts[a]);
    budget = budgetBefore;
    arms[a].values = (a ? elseArm : thenArm).emit();
    arms[a].end = ir.GetInsertBlock();
    arms[a].budget = budget;
  }
  Values results;
  const size_t count = arms[0].values.size();
  SmallVector<Value *, 8> raw[2];
  for (size_t i = 0; i < count; ++i) {
    const CarriedShapes::Form form = CarriedShapes::common(CarriedShapes::formOf(arms[0].values[i]),
                                                           CarriedShapes::formOf(arms[1].values[i]));
    for (int a = 0; a < 2; ++a) {
      ir.SetInsertPoint(arms[a].end);
      const Lanes &x = arms[a].values[i];
      raw[a].push_back(form.shape == Lanes::Shape::Varying ? b.vector(x) : x.value);
    }
    results.push_back({nullptr, arms[0].values[i].type, form.shape, form.stride, form.isAligned});
  }
  for (ArmCode &arm : arms) {
    ir.SetInsertPoint(arm.end);
    ir.CreateBr(meet);
  }
  ir.SetInsertPoint(meet);
  const auto either = [&](Value *x, Value *y) -> Value * {
    if (x == y)
      return x;
    PHINode *phi = ir.CreatePHI(x->getType(), 2);
    phi->addIncoming(x, arms[0].end);
    phi->addIncoming(y, arms[1].end);
    return phi;
  };
  for (size_t i = 0; i < count; ++i)
    results[i].value = either(raw[0][i], raw[1][i]);
  if (budget)
    budget = either(arms[0].budget, arms[1].budget);
  return results;
}

// ---- Loops

Value *ControlEmitter::inForm(unsigned loop, size_t i, const CarriedShapes::Form &form, const Lanes &x) {
  if (form.shape == Lanes::Shape::Varying)
    return b.vector(x);
  if (CarriedShapes::common(form, CarriedShapes::formOf(x)) == form)
    return x.value;
  shapes.weaken(loop, i, CarriedShapes::formOf(x));
  return PoisonValue::get(b.scalarType(x.type)); // this attempt's code is thrown away
}

void ControlEmitter::passOnWeakness(unsigned loop, size_t i, const CarriedShapes::Form &assumed,
                                    Lanes &result) {
  const CarriedShapes::Form found = shapes.loop(loop).carried[i];
  if (found == assumed || result.shape == Lanes::Shape::Varying)
    return;
  Type *raw = b.shapeType(found.shape, result.type);
  result = {PoisonValue::get(raw), result.type, found.shape, found.stride, found.isAligned};
}

Lanes ControlEmitter::phi(const CarriedShapes::Form &form, ElementKind type, const char *name) {
  Type *raw = b.shapeType(form.shape, type);
  return {ir.CreatePHI(raw, 2, name), type, form.shape, form.stride, form.isAligned};
}

/// What a loop carries, at its head, and beside it what lanes that have left keep.
Values ControlEmitter::carriedPhis(const CarriedShapes::Loop &assumed, const Values &initial,
                                   ArrayRef<Value *> start, BasicBlock *before,
                                   function_ref<bool(size_t)> isKept, MutableArrayRef<PHINode *> kept) {
  Values carried;
  for (size_t i = 0; i < initial.size(); ++i) {
    carried.push_back(phi(assumed.carried[i], initial[i].type, "carried"));
    cast<PHINode>(carried[i].value)->addIncoming(start[i], before);
    if (isKept(i))
      kept[i] = ir.CreatePHI(b.vectorType(initial[i].type), 2, "kept");
  }
  return carried;
}

/// How many positions come before `upper`, as an unsigned number of the same width; 0 for a step of 0.
/// Positions never pass the ends of their type, as they are counted in it unsigned.
Lanes ControlEmitter::tripCount(const Lanes &lower, const Lanes &upper, const Lanes &step) {
  const ElementKind t = lower.type, u = unsignedOf(t);
  const Lanes zero = b.integer(t, 0), one = b.integer(u, 1);
  const auto countOf = [&](const Lanes &first, const Lanes &last, const Lanes &by) {
    const Lanes span = b.sub(relabelled(last, u), relabelled(first, u));
    auto *constant = by.isUniform() ? dyn_cast<ConstantInt>(by.value) : nullptr;
    if (constant && constant->isOne())
      return span;
    if (constant && constant->getValue().isPowerOf2())
      return b.add(b.shr(b.sub(span, one), b.integer(u, constant->getValue().logBase2())), one);
    return b.add(b.floorDiv(b.sub(span, one), by), one);
  };
  const Lanes none = b.integer(u, 0), up = relabelled(step, u), down = b.neg(up);
  const Lanes isUp = b.gt(step, zero), isDown = b.lt(step, zero);
  auto *constant = step.isUniform() ? dyn_cast<ConstantInt>(step.value) : nullptr;
  if (!isSigned(t) || (constant && constant->getValue().isStrictlyPositive()))
    return b.select(b.bitAnd(isUp, b.lt(lower, upper)), countOf(lower, upper, up), none);
  if (constant && constant->isNegative())
    return b.select(b.gt(lower, upper), countOf(upper, lower, down), none);
  const Lanes first = b.select(isUp, lower, upper), last = b.select(isUp, upper, lower);
  const Lanes runs = b.bitAnd(b.bitOr(isUp, isDown), b.lt(first, last));
  return b.select(runs, countOf(first, last, b.select(isUp, up, down)), none);
}

Values ControlEmitter::forLoop(const Range &range, const Values &initial, ArrayRef<bool> used, ForBody body) {
  const Lanes count = tripCount(range.lower, range.upper, range.step);
  const Lanes none = b.integer(count.type, 0);
  if (count.isUniform() || !range.isShort) {
    Values results = countedLoop(range, count, none, initial, used, body);
    shapes.skip();
    return results;
  }
  // As many positions as all lanes have need no mask of their own; the rest follows lane by lane.
  Value *most = ConstantInt::getAllOnesValue(b.vectorType(count.type));
  Value *shared = ir.CreateIntMinReduce(selected(mask.bits, b.vector(count), most), /*IsSigned=*/false);
  const Lanes together = LaneBuilder::uniform(count.type, shared);
  const SmallVector<bool, 8> all(initial.size(), true);
  const Values between = countedLoop(range, together, none, initial, all, body);
  return countedLoop(range, count, together, between, used, body);
}

/// Positions number `from` to `count`; the first is uniform.
Values ControlEmitter::countedLoop(const Range &range, const Lanes &count, const Lanes &from,
                                   const Values &initial, ArrayRef<bool> used, ForBody body) {
  const unsigned number = shapes.enter(initial);
  const CarriedShapes::Loop assumed = shapes.loop(number);
  const LaneMask outer = mask;
  const bool isDivergent = !count.isUniform();
  const ElementKind u = count.type;
  const auto isVarying = [&](size_t i) { return assumed.carried[i].shape == Lanes::Shape::Varying; };
  // A simple value is that of the active lanes; what lanes left with is kept beside it.
  const auto isRow = [&](size_t i) { return assumed.carried[i].shape == Lanes::Shape::Row; };
  const auto isKept = [&](size_t i) { return isDivergent && !isVarying(i) && !isRow(i) && used[i]; };

  SmallVector<Value *, 8> start, keptStart(initial.size());
  for (size_t i = 0; i < initial.size(); ++i) {
    start.push_back(inForm(number, i, assumed.carried[i], initial[i]));
    if (isKept(i))
      keptStart[i] = b.vector(initial[i]);
  }
  const auto activeAt = [&](Value *k, Value *among) {
    const Lanes runs = b.lt(LaneBuilder::uniform(u, k), count);
    return ir.CreateAnd(among, ir.CreateBitCast(b.vector(runs), ir.getInt32Ty()));
  };
  Value *firstActive = isDivergent ? activeAt(from.value, outer.bits) : nullptr;
  Value *runs =
      isDivergent ? ir.CreateICmpNE(firstActive, ir.getInt32(0)) : ir.CreateICmpULT(from.value, count.value);
  BasicBlock *before = ir.GetInsertBlock(), *loop = block("loop"), *end = block("loop.end");
  Value *budgetBefore = budget;
  ir.CreateCondBr(runs, loop, end);

  ir.SetInsertPoint(loop);
  PHINode *k = ir.CreatePHI(b.scalarType(u), 2, "k");
  PHINode *budgetIn = budgetPhi();
  budgetIn->addIncoming(budgetBefore, before);
  budget = budgetIn;
  PHINode *activeIn = isDivergent ? ir.CreatePHI(ir.getInt32Ty(), 2, "active") : nullptr;
  SmallVector<PHINode *, 8> kept(initial.size());
  const Values carried = carriedPhis(assumed, initial, start, before, isKept, kept);
  k->addIncoming(from.value, before);
  if (isDivergent) {
    activeIn->addIncoming(firstActive, before);
    mask = maskOf(activeIn);
  }
  Value *outerRounds = range.watch.countsRounds ? enterRound(k) : roundsHere;
  const Lanes position = b.add(range.lower, b.mul(LaneBuilder::uniform(range.lower.type, k), range.step));
  const Values yielded = body(position, carried);
  roundsHere = outerRounds;
  if (isDivergent && changesMatrices(carried, yielded))
    kernel.checkLanes(range.watch.site, activeIn, outer.bits, hostabi::GroupFault::Kind::Carried);

  SmallVector<Value *, 8> next, keptNext(initial.size());
  for (size_t i = 0; i < initial.size(); ++i) {
    Value *value = inForm(number, i, assumed.carried[i], yielded[i]);
    if (isDivergent && isVarying(i))
      value = selected(activeIn, value, carried[i].value);
    next.push_back(value);
    if (isKept(i))
      keptNext[i] = selected(activeIn, b.vector(yielded[i]), kept[i]);
  }
  Value *following = ir.CreateAdd(k, ConstantInt::get(k->getType(), 1));
  Value *nextActive = isDivergent ? activeAt(following, activeIn) : nullptr;
  Value *more =
      isDivergent ? ir.CreateICmpNE(nextActive, ir.getInt32(0)) : ir.CreateICmpULT(following, count.value);
  BasicBlock *leaving = nullptr;
  Value *left = nullptr;
  BasicBlock *back = goBack(more, loop, end, budgetIn, leaving, left);
  k->addIncoming(following, back);
  if (isDivergent)
    activeIn->addIncoming(nextActive, back);

  ir.SetInsertPoint(end);
  const auto result = [&](Value *never, Value *last) {
    PHINode *phi = ir.CreatePHI(last->getType(), 2);
    phi->addIncoming(never, before);
    phi->addIncoming(last, leaving);
    return phi;
  };
  Values results;
  for (size_t i = 0; i < initial.size(); ++i) {
    cast<PHINode>(carried[i].value)->addIncoming(next[i], back);
    if (isKept(i)) {
      kept[i]->addIncoming(keptStart[i], before);
      kept[i]->addIncoming(keptNext[i], back);
      results.push_back(LaneBuilder::varying(initial[i].type, result(keptStart[i], keptNext[i])));
    } else {
      Lanes last = carried[i];
      last.value = result(start[i], next[i]);
      results.push_back(last);
    }
  }
  budget = result(budgetBefore, left);
  mask = outer;
  for (size_t i = 0; i < initial.size(); ++i)
    passOnWeakness(number, i, assumed.carried[i], results[i]);
  return results;
}

Values ControlEmitter::whileLoop(const Values &initial, ArrayRef<bool> used, Watch watch, Body condition,
                                 Body body) {
  const unsigned number = shapes.enter(initial);
  const CarriedShapes::Loop assumed = shapes.loop(number);
  const LaneMask outer = mask;
  const bool isDivergent = assumed.isDivergent;
  const auto isVarying = [&](size_t i) { return assumed.carried[i].shape == Lanes::Shape::Varying; };
  const auto isRow = [&](size_t i) { return assumed.carried[i].shape == Lanes::Shape::Row; };
  const auto isKept = [&](size_t i) { return isDivergent && !isVarying(i) && !isRow(i) && used[i]; };

  SmallVector<Value *, 8> start;
  for (size_t i = 0; i < initial.size(); ++i)
    start.push_back(inForm(number, i, assumed.carried[i], initial[i]));
  BasicBlock *before = ir.GetInsertBlock(), *head = block("while"), *inside = block("do"),
             *end = block("while.end");
  ir.CreateBr(head);

  ir.SetInsertPoint(head);
  PHINode *budgetIn = budgetPhi();
  budgetIn->addIncoming(budget, before);
  budget = budgetIn;
  PHINode *activeIn = isDivergent ? ir.CreatePHI(ir.getInt32Ty(), 2, "active") : nullptr;
  SmallVector<PHINode *, 8> kept(initial.size());
  const Values carried = carriedPhis(assumed, initial, start, before, isKept, kept);
  if (isDivergent) {
    activeIn->addIncoming(outer.bits, before);
    mask = maskOf(activeIn);
  }
  PHINode *round = nullptr;
  Value *outerRounds = roundsHere;
  if (watch.countsRounds) {
    round = ir.CreatePHI(ir.getInt32Ty(), 2, "round");
    round->addIncoming(ir.getInt32(0), before);
    enterRound(round);
  }
  Values passed = condition(carried);
  const Lanes goesOn = passed.front();
  passed.erase(passed.begin());
  if (!goesOn.isUniform() && !isDivergent)
    shapes.makeDivergent(number);

  // Lanes that left before keep what they left with.
  Values results = passed;
  for (size_t i = 0; i < initial.size() && isDivergent; ++i) {
    if ((!used[i] && !isVarying(i)) || isRow(i)) // a matrix is left by all lanes together
      continue;
    Value *old = isVarying(i) ? carried[i].value : kept[i];
    results[i] = LaneBuilder::varying(passed[i].type, selected(activeIn, b.vector(passed[i]), old));
  }
  Value *runs = nullptr;
  LaneMask going = outer;
  if (isDivergent) {
    going = narrowed(mask, goesOn);
    runs = ir.CreateICmpNE(going.bits, ir.getInt32(0));
  } else {
    runs = goesOn.isUniform() ? goesOn.value : static_cast<Value *>(PoisonValue::get(ir.getInt1Ty()));
  }
  Value *budgetOut = budget;
  ir.CreateCondBr(runs, inside, end);

  ir.SetInsertPoint(inside);
  mask = going;
  const Values yielded = body(passed);
  roundsHere = outerRounds;
  if (isDivergent && changesMatrices(carried, yielded))
    kernel.checkLanes(watch.site, going.bits, outer.bits, hostabi::GroupFault::Kind::Carried);
  Value *nextRound = round ? ir.CreateAdd(round, ir.getInt32(1)) : nullptr;
  SmallVector<Value *, 8> next;
  for (size_t i = 0; i < initial.size(); ++i) {
    Value *value = inForm(number, i, assumed.carried[i], yielded[i]);
    if (isDivergent && isVarying(i))
      value = selected(going.bits, value, results[i].value);
    next.push_back(value);
  }
  BasicBlock *leaving = nullptr;
  Value *left = nullptr;
  BasicBlock *back = goBack(nullptr, head, end, budgetIn, leaving, left);
  if (isDivergent)
    activeIn->addIncoming(going.bits, back);
  if (round)
    round->addIncoming(nextRound, back);
  for (size_t i = 0; i < initial.size(); ++i) {
    cast<PHINode>(carried[i].value)->addIncoming(next[i], back);
    if (isKept(i)) {
      kept[i]->addIncoming(Constant::getNullValue(kept[i]->getType()), before);
      kept[i]->addIncoming(results[i].value, back);
    }
  }

  ir.SetInsertPoint(end);
  budget = budgetOut;
  mask = outer;
  for (size_t i = 0; i < initial.size(); ++i)
    if (passed[i].value == carried[i].value)
      passOnWeakness(number, i, assumed.carried[i], results[i]);
  return results;
}

} // namespace enigma::host
