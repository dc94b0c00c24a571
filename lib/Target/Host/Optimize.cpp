// SPDX-License-Identifier: MIT
//
// The passes that code in lane form is worth. It is vectorised already and its loops are two, so this is not
// -O2: local clean-up, and index arithmetic out of the inner loop. Coroutines (kernels with barriers) are
// split after that, and cleaned up again. The only file that includes PassBuilder.
#include "Jit.h"

#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/Coroutines/CoroCleanup.h"
#include "llvm/Transforms/Coroutines/CoroEarly.h"
#include "llvm/Transforms/Coroutines/CoroSplit.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

namespace enigma::host {

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);

  bool hasCoroutines = false, hasArrays = false;
  for (llvm::Function &function : module) {
    hasCoroutines |= function.isPresplitCoroutine();
    for (llvm::BasicBlock &block : function)
      for (llvm::Instruction &instruction : block)
        if (auto *memory = llvm::dyn_cast<llvm::AllocaInst>(&instruction))
          hasArrays |= memory->getName().starts_with("registers");
  }
  if (hasCoroutines) {
    llvm::ModulePassManager early;
    early.addPass(llvm::CoroEarlyPass());
    early.run(module, modules);
  }
  llvm::FunctionPassManager passes;
  if (hasArrays)
    passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/false));
  passes.addPass(llvm::InstCombinePass(llvm::InstCombineOptions().setMaxIterations(1)));
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(
      llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true));
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      passes.run(function, functions);
  if (!hasCoroutines)
    return;
  llvm::ModulePassManager split;
  split.addPass(llvm::createModuleToPostOrderCGSCCPassAdaptor(llvm::CoroSplitPass(/*OptimizeFrame=*/true)));
  split.addPass(llvm::CoroCleanupPass());
  llvm::FunctionPassManager again;
  again.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/false));
  again.addPass(llvm::InstCombinePass(llvm::InstCombineOptions().setMaxIterations(1)));
  again.addPass(llvm::SimplifyCFGPass());
  split.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(again)));
  split.run(module, modules);
}

} // namespace enigma::host
