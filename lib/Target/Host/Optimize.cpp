// SPDX-License-Identifier: MIT
//
// The passes that code in lane form is worth. It is vectorised already and its loops are two, so this is not
// -O2: local clean-up, and index arithmetic out of the inner loop. Kernels with barriers are taken apart
// after that (BarrierSplit.h), and cleaned up again. The only file that includes PassBuilder.
#include "BarrierSplit.h"
#include "Jit.h"

#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

namespace enigma::host {

void optimize(llvm::Module &module, llvm::TargetMachine &machine, double mostGrowth) {
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

  bool hasArrays = false;
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *memory = llvm::dyn_cast<llvm::AllocaInst>(&instruction))
        hasArrays |= memory->getName().starts_with("registers");
  const auto clean = [&](llvm::FunctionPassManager &passes) {
    passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/false));
    passes.addPass(llvm::InstCombinePass(llvm::InstCombineOptions().setMaxIterations(1)));
    passes.addPass(llvm::SimplifyCFGPass());
    passes.addPass(
        llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true));
    for (llvm::Function &function : module)
      if (!function.isDeclaration())
        passes.run(function, functions);
  };
  llvm::FunctionPassManager passes;
  if (hasArrays)
    passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  clean(passes);
  functions.clear();
  if (splitAtBarriers(module, mostGrowth)) {
    llvm::FunctionPassManager again;
    clean(again);
  }
}

} // namespace enigma::host
