// SPDX-License-Identifier: MIT
//
// Threadgroups with barriers, first half: the body becomes a function of one simdgroup, which calls
// enigma_wait at each barrier, and the entry function calls it once for each threadgroup. BarrierSplit.cpp
// makes of the call loops over the simdgroups, from each barrier to the next. Barriers may so stand in any
// loop or branch. Simdgroups that wait at different barriers, or wait while others have ended, are reported.
// A barrier that a condition or loop inside of a loop stands around says also in which rounds of the loops it
// is, since simdgroups could come to it equally often, but not together.
#include "BarrierSplit.h"
#include "KernelEmitter.h"
#include "LaneGroups.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"

#include <cstddef>

using namespace llvm;

namespace enigma::host {

using hostabi::GroupFault;

FunctionCallee KernelEmitter::runtimeFunction(const char *name, Type *result, ArrayRef<Type *> types) {
  FunctionCallee callee = module.getOrInsertFunction(name, FunctionType::get(result, types, false));
  auto *declared = cast<Function>(callee.getCallee());
  declared->setDoesNotThrow();
  declared->setWillReturn();
  return callee;
}

/// The body as the function that BarrierSplit.h takes apart.
Function *KernelEmitter::emitSimdgroup(bool regular, function_ref<void()> body) {
  LLVMContext &context = ir.getContext();
  Type *ptr = ir.getPtrTy(), *i32 = ir.getInt32Ty();
  SmallVector<Type *, BodyArguments> types(BodyArguments, i32);
  types[BodyLaunch] = types[BodyFrame] = types[BodyMemory] = ptr;
  auto *function =
      Function::Create(FunctionType::get(i32, types, false), Function::InternalLinkage, kBodyName, module);
  function->setDoesNotThrow();
  static constexpr const char *names[BodyArguments] = {"launch", "frame",  "memory",  "first",   "x",
                                                       "y",      "z",      "group.x", "group.y", "group.z",
                                                       "width",  "height", "depth",   "threads"};
  for (unsigned i = 0; i < BodyArguments; ++i)
    function->getArg(i)->setName(names[i]);

  const IRBuilder<>::InsertPointGuard guard(ir);
  const FunctionState outer = *this; // comes back at the end
  static_cast<FunctionState &>(*this) = FunctionState();
  entry = function;
  isSimdgroup = true;
  isRegular = regular;
  launch = function->getArg(BodyLaunch);
  frameMemory = function->getArg(BodyFrame);
  firstThread = function->getArg(BodyFirst);
  for (unsigned axis = 0; axis < 3; ++axis) {
    inGroup[axis] = function->getArg(BodyX + axis);
    group[axis] = function->getArg(BodyGroup + axis);
    groupSize[axis] = function->getArg(BodySize + axis);
  }
  groupThreads = function->getArg(BodyThreads);
  entryBlock = BasicBlock::Create(context, "begin", function);
  BasicBlock *start = BasicBlock::Create(context, "start", function);
  ir.SetInsertPoint(entryBlock);
  ir.CreateBr(start);
  ir.SetInsertPoint(start);
  b.setSlots(frameAddress(slotsOffset()));
  preparePositions();
  body();
  ir.CreateRet(ir.getInt32(0));
  b.setSlots(nullptr);
  static_cast<FunctionState &>(*this) = outer;
  return function;
}

/// Memory for the simdgroups of a whole threadgroup, taken once per call of the entry.
Value *KernelEmitter::emitSimdgroupMemory(BasicBlock *exit) {
  Type *i64 = ir.getInt64Ty(), *ptr = ir.getPtrTy();
  Value *threads = ir.getInt64(1);
  for (unsigned axis = 0; axis < 3; ++axis) {
    const uint64_t offset = offsetof(hostabi::LaunchContext, threads);
    threads = ir.CreateMul(threads, ir.CreateZExt(sizeField(offset, axis, "threads"), i64));
  }
  Value *simdgroups = ir.CreateLShr(ir.CreateAdd(threads, ir.getInt64(kLanes - 1)), 5);
  Value *stride = ir.CreateCall(runtimeFunction(kStrideName, i64, {}));
  Value *memory = ir.CreateCall(runtimeFunction("enigma_take_frames", ptr, {ptr, i64}),
                                {frameMemory, ir.CreateMul(stride, simdgroups)});
  BasicBlock *taken = BasicBlock::Create(ir.getContext(), "taken", entry);
  ir.CreateCondBr(ir.CreateIsNull(memory), exit, taken);
  ir.SetInsertPoint(taken);
  return memory;
}

/// The work of one threadgroup.
void KernelEmitter::emitTurns(Function *simdgroup, BasicBlock *groupEnd, BasicBlock *exit) {
  SmallVector<Value *, BodyArguments> arguments(BodyArguments, ir.getInt32(0));
  arguments[BodyLaunch] = launch;
  arguments[BodyFrame] = frameMemory;
  arguments[BodyMemory] = frames;
  for (unsigned axis = 0; axis < 3; ++axis) {
    arguments[BodyGroup + axis] = group[axis];
    arguments[BodySize + axis] = groupSize[axis];
  }
  arguments[BodyThreads] = groupThreads;
  Value *isOver = ir.CreateICmpNE(ir.CreateCall(simdgroup, arguments), ir.getInt32(0));
  ir.CreateCondBr(isOver, exit, groupEnd);
}

/// Ends the work of a simdgroup before its time.
void KernelEmitter::leave(uint32_t why) {
  auto *type = FunctionType::get(ir.getVoidTy(), {ir.getInt32Ty()}, false);
  FunctionCallee callee = module.getOrInsertFunction(kLeaveName, type); // which does not return
  cast<Function>(callee.getCallee())->setDoesNotThrow();
  cast<Function>(callee.getCallee())->setDoesNotReturn();
  CallInst *call = ir.CreateCall(callee, {ir.getInt32(why)});
  call->addFnAttr(Attribute::NoMerge);
  ir.CreateUnreachable();
}

/// Where a simdgroup goes that reported a fault.
BasicBlock *KernelEmitter::abandonBlock() {
  if (abandoned)
    return abandoned;
  if (!isSimdgroup)
    return abandoned = simdgroupEnd;
  abandoned = BasicBlock::Create(ir.getContext(), "abandoned", entry);
  const IRBuilder<>::InsertPointGuard guard(ir);
  ir.SetInsertPoint(abandoned);
  leave(kFaulty);
  return abandoned;
}

void KernelEmitter::checkLanes(uint32_t site, Value *present, Value *expected, GroupFault::Kind kind) {
  if (present == expected)
    return;
  LLVMContext &context = ir.getContext();
  BasicBlock *all = BasicBlock::Create(context, "all.here", entry),
             *some = BasicBlock::Create(context, "some.here", entry);
  ir.CreateCondBr(ir.CreateICmpEQ(present, expected), all, some);
  ir.SetInsertPoint(some);
  Type *i32 = ir.getInt32Ty();
  ir.CreateCall(runtimeFunction("enigma_report_lanes", ir.getVoidTy(), {ir.getPtrTy(), i32, i32, i32, i32}),
                {frameMemory, ir.getInt32(uint32_t(kind)), ir.getInt32(site), present, expected});
  ir.CreateBr(abandonBlock());
  ir.SetInsertPoint(all);
}

void KernelEmitter::barrier(uint32_t site, const LaneMask &active, Value *rounds) {
  checkLanes(site, active.bits, mask.bits, GroupFault::Kind::Lanes);
  Type *i32 = ir.getInt32Ty();
  FunctionCallee wait = runtimeFunction(kWaitName, ir.getVoidTy(), {i32, i32});
  for (Attribute::AttrKind kind : {Attribute::NoDuplicate, Attribute::Convergent})
    cast<Function>(wait.getCallee())->addFnAttr(kind);
  CallInst *call = ir.CreateCall(wait, {ir.getInt32(site), rounds ? rounds : ir.getInt32(0)});
  call->addFnAttr(Attribute::NoMerge);
}

} // namespace enigma::host
