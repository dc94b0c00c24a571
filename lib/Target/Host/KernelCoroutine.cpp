// SPDX-License-Identifier: MIT
//
// Threadgroups with barriers. The body of one simdgroup is an LLVM coroutine
// (https://llvm.org/docs/Coroutines.html, "switched-resume"), which LLVM splits into a function that runs to
// the first barrier and one that goes on from where it stopped; what lives across a barrier is in its frame.
// Barriers may so stand in any loop or branch. For a threadgroup the entry function does
//
//   for each simdgroup s:  coroutine(frame, first thread, frames + s * stride)      // to its first barrier
//   until all have ended:  for each s: resume(frames + s * stride)                  // to the next one
//
// and each time compares where they stand (LaneFrame::at): simdgroups that wait at different barriers, or
// wait while others have ended, are reported. A barrier that a condition or loop inside of a loop stands
// around says also in which rounds of the loops it is (LaneFrame::round), since simdgroups could come to it
// equally often, but not together. Called without memory a coroutine tells the size of its frame.
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

/// The body as `ptr coroutine(ptr frame, i32 first, ptr memory)`.
Function *KernelEmitter::emitCoroutine(bool regular, function_ref<void()> body) {
  LLVMContext &context = ir.getContext();
  Type *ptr = ir.getPtrTy(), *i32 = ir.getInt32Ty(), *i64 = ir.getInt64Ty();
  auto *function = Function::Create(FunctionType::get(ptr, {ptr, i32, ptr}, false), Function::InternalLinkage,
                                    "enigma_simdgroup", module);
  function->setDoesNotThrow();
  function->setPresplitCoroutine();
  for (unsigned i = 0; i < 3; ++i)
    function->getArg(i)->setName(std::array{"frame", "first", "memory"}[i]);

  const IRBuilder<>::InsertPointGuard guard(ir);
  const FunctionState outer = *this; // comes back at the end
  static_cast<FunctionState &>(*this) = FunctionState();
  entry = function;
  isCoroutine = true;
  isRegular = regular;
  frameMemory = function->getArg(0);
  firstThread = function->getArg(1);
  Value *memory = function->getArg(2);

  BasicBlock *top = BasicBlock::Create(context, "entry", function);
  BasicBlock *ask = BasicBlock::Create(context, "ask", function);
  entryBlock = BasicBlock::Create(context, "begin", function);
  BasicBlock *start = BasicBlock::Create(context, "start", function);
  coroutineEnd = BasicBlock::Create(context, "suspended", function);
  Constant *null = ConstantPointerNull::get(PointerType::getUnqual(context));
  ir.SetInsertPoint(top);
  Value *id = ir.CreateIntrinsic(Intrinsic::coro_id, {}, {ir.getInt32(kFrameAlign), null, null, null});
  ir.CreateCondBr(ir.CreateIsNull(memory), ask, entryBlock);
  ir.SetInsertPoint(ask);
  Value *size = ir.CreateIntrinsic(Intrinsic::coro_size, {i64}, {});
  ir.CreateRet(ir.CreateIntToPtr(size, ptr));
  ir.SetInsertPoint(entryBlock);
  Value *handle = ir.CreateIntrinsic(Intrinsic::coro_begin, {}, {id, memory});
  launch = ir.CreateLoad(ptr, frameAddress(offsetof(LaneFrame, launch)), "launch");
  ir.CreateBr(start);

  ir.SetInsertPoint(start);
  b.setSlots(frameAddress(slotsOffset()));
  const auto field = [&](uint64_t offset, const char *name) {
    return ir.CreateLoad(i32, frameAddress(offset), name);
  };
  const uint64_t sizes[3] = {offsetof(LaneFrame, width), offsetof(LaneFrame, height),
                             offsetof(LaneFrame, depth)};
  for (unsigned axis = 0; axis < 3; ++axis) {
    group[axis] = field(offsetof(LaneFrame, group) + axis * sizeof(uint32_t), "group");
    groupSize[axis] = field(sizes[axis], "size");
  }
  groupThreads = ir.CreateMul(groupSize[0], ir.CreateMul(groupSize[1], groupSize[2]));
  preparePositions();
  body();
  ir.CreateStore(ir.getInt32(kFinished), frameAddress(offsetof(LaneFrame, at)));
  if (shape.hasRounds)
    ir.CreateStore(ir.getInt32(0), frameAddress(offsetof(LaneFrame, round)));
  ir.CreateBr(coroutineEnd);

  ir.SetInsertPoint(coroutineEnd);
  ir.CreateIntrinsic(ir.getVoidTy(), Intrinsic::coro_end,
                     {handle, ir.getFalse(), ConstantTokenNone::get(context)});
  ir.CreateRet(handle);

  b.setSlots(nullptr);
  static_cast<FunctionState &>(*this) = outer;
  return function;
}

/// Memory for the frames of a whole threadgroup, taken once per call of the entry.
Value *KernelEmitter::emitFrameMemory(ArrayRef<Function *> forms, BasicBlock *exit) {
  Type *i64 = ir.getInt64Ty(), *ptr = ir.getPtrTy();
  Value *stride = ir.getInt64(0);
  for (Function *form : forms) {
    Value *nothing = ConstantPointerNull::get(cast<PointerType>(ptr));
    Value *size = ir.CreatePtrToInt(ir.CreateCall(form, {frameMemory, ir.getInt32(0), nothing}), i64);
    stride = ir.CreateBinaryIntrinsic(Intrinsic::umax, stride, size);
  }
  stride = ir.CreateAnd(ir.CreateAdd(stride, ir.getInt64(kFrameAlign - 1)), ir.getInt64(~(kFrameAlign - 1)));
  Value *threads = ir.getInt64(1);
  for (unsigned axis = 0; axis < 3; ++axis) {
    const uint64_t offset = offsetof(hostabi::LaunchContext, threads);
    threads = ir.CreateMul(threads, ir.CreateZExt(sizeField(offset, axis, "threads"), i64));
  }
  Value *simdgroups = ir.CreateLShr(ir.CreateAdd(threads, ir.getInt64(kLanes - 1)), 5);
  Value *memory = ir.CreateCall(runtimeFunction("enigma_take_frames", ptr, {ptr, i64}),
                                {frameMemory, ir.CreateMul(stride, simdgroups)});
  frameStride = stride;
  BasicBlock *taken = BasicBlock::Create(ir.getContext(), "taken", entry);
  ir.CreateCondBr(ir.CreateIsNull(memory), exit, taken);
  ir.SetInsertPoint(taken);
  return memory;
}

/// Runs the simdgroups of one threadgroup from barrier to barrier.
void KernelEmitter::emitTurns(Value *coroutine, BasicBlock *groupEnd, BasicBlock *exit) {
  LLVMContext &context = ir.getContext();
  Type *i32 = ir.getInt32Ty(), *ptr = ir.getPtrTy();
  auto *type = FunctionType::get(ptr, {ptr, i32, ptr}, false);
  BasicBlock *before = ir.GetInsertBlock();
  BasicBlock *rounds[2] = {BasicBlock::Create(context, "begin", entry),
                           BasicBlock::Create(context, "resume", entry)};
  BasicBlock *ends[2] = {BasicBlock::Create(context, "begun", entry),
                         BasicBlock::Create(context, "resumed", entry)};
  BasicBlock *trouble = BasicBlock::Create(context, "trouble", entry);
  ir.CreateBr(rounds[0]);
  ir.SetInsertPoint(trouble);
  PHINode *wrongAt = ir.CreatePHI(i32, 2), *rightAt = ir.CreatePHI(i32, 2), *wrong = ir.CreatePHI(i32, 2);

  for (unsigned round = 0; round < 2; ++round) {
    ir.SetInsertPoint(rounds[round]);
    PHINode *first = ir.CreatePHI(i32, 2, "first"), *memory = ir.CreatePHI(ptr, 2, "memory"),
            *common = ir.CreatePHI(i32, 2, "common");
    PHINode *commonRound = shape.hasRounds ? ir.CreatePHI(i32, 2, "round") : nullptr;
    if (round == 0)
      ir.CreateCall(type, coroutine, {frameMemory, first, memory});
    else
      ir.CreateIntrinsic(ir.getVoidTy(), Intrinsic::coro_resume, {memory});
    Value *at = ir.CreateLoad(i32, frameAddress(offsetof(LaneFrame, at)), "at");
    Value *expected = ir.CreateSelect(ir.CreateICmpEQ(first, ir.getInt32(0)), at, common);
    Value *isOut = ir.CreateICmpULT(ir.CreateSub(at, ir.getInt32(kStopped)), ir.getInt32(2));
    Value *differs = ir.CreateICmpNE(at, expected), *expectedRound = nullptr;
    if (commonRound) {
      Value *rounds = ir.CreateLoad(i32, frameAddress(offsetof(LaneFrame, round)), "rounds");
      expectedRound = ir.CreateSelect(ir.CreateICmpEQ(first, ir.getInt32(0)), rounds, commonRound);
      differs = ir.CreateOr(differs, ir.CreateICmpNE(rounds, expectedRound));
    }
    BasicBlock *fine = BasicBlock::Create(context, "fine", entry), *here = ir.GetInsertBlock();
    ir.CreateCondBr(ir.CreateOr(isOut, differs), trouble, fine);
    wrongAt->addIncoming(at, here);
    rightAt->addIncoming(expected, here);
    wrong->addIncoming(first, here);
    ir.SetInsertPoint(fine);
    Value *next = ir.CreateAdd(first, ir.getInt32(kLanes));
    first->addIncoming(next, fine);
    memory->addIncoming(ir.CreateGEP(ir.getInt8Ty(), memory, frameStride), fine);
    common->addIncoming(expected, fine);
    if (commonRound)
      commonRound->addIncoming(expectedRound, fine);
    ir.CreateCondBr(ir.CreateICmpULT(next, groupThreads), rounds[round], ends[round]);
    ir.SetInsertPoint(ends[round]);
    ir.CreateCondBr(ir.CreateICmpEQ(expected, ir.getInt32(kFinished)), groupEnd, rounds[1]);
  }
  const auto enter = [&](BasicBlock *round, BasicBlock *from) {
    auto phi = round->phis().begin();
    phi->addIncoming(ir.getInt32(0), from);
    (++phi)->addIncoming(frames, from);
    (++phi)->addIncoming(ir.getInt32(0), from);
    if (shape.hasRounds)
      (++phi)->addIncoming(ir.getInt32(0), from);
  };
  enter(rounds[0], before);
  enter(rounds[1], ends[0]);
  enter(rounds[1], ends[1]);

  ir.SetInsertPoint(trouble);
  BasicBlock *going = BasicBlock::Create(context, "going", entry),
             *differ = BasicBlock::Create(context, "differ", entry);
  ir.CreateCondBr(ir.CreateICmpEQ(wrongAt, ir.getInt32(kStopped)), exit, going);
  ir.SetInsertPoint(going);
  ir.CreateCondBr(ir.CreateICmpEQ(wrongAt, ir.getInt32(kFaulty)), groupEnd, differ);
  ir.SetInsertPoint(differ);
  ir.CreateCall(runtimeFunction("enigma_report_simdgroups", ir.getVoidTy(), {ptr, i32, i32, i32}),
                {frameMemory, rightAt, wrongAt, ir.CreateLShr(wrong, 5)});
  ir.CreateBr(groupEnd);
}

/// Where a simdgroup goes that reported a fault.
BasicBlock *KernelEmitter::abandonBlock() {
  if (abandoned)
    return abandoned;
  if (!isCoroutine)
    return abandoned = simdgroupEnd;
  abandoned = BasicBlock::Create(ir.getContext(), "abandoned", entry);
  const IRBuilder<>::InsertPointGuard guard(ir);
  ir.SetInsertPoint(abandoned);
  ir.CreateStore(ir.getInt32(kFaulty), frameAddress(offsetof(LaneFrame, at)));
  ir.CreateBr(coroutineEnd);
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
  LLVMContext &context = ir.getContext();
  ir.CreateStore(ir.getInt32(site), frameAddress(offsetof(LaneFrame, at)));
  if (shape.hasRounds)
    ir.CreateStore(rounds ? rounds : ir.getInt32(0), frameAddress(offsetof(LaneFrame, round)));
  Value *how =
      ir.CreateIntrinsic(Intrinsic::coro_suspend, {}, {ConstantTokenNone::get(context), ir.getFalse()});
  BasicBlock *onwards = BasicBlock::Create(context, "resumed", entry);
  SwitchInst *which = ir.CreateSwitch(how, coroutineEnd, 2);
  which->addCase(ir.getInt8(0), onwards);
  which->addCase(ir.getInt8(1), coroutineEnd); // destroyed: nothing to clean up
  ir.SetInsertPoint(onwards);
  ir.CreateStore(firstThread, frameAddress(offsetof(LaneFrame, first)));
}

} // namespace enigma::host
