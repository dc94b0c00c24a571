// SPDX-License-Identifier: MIT
//
// See LaneFeatures.h.
#include "LaneFeatures.h"

#include "Jit.h"
#include "enigma/Support/HostAbi.h"

#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/DerivedTypes.h"

namespace enigma::host {

LaneFeatures laneFeatures(llvm::TargetMachine &machine, llvm::Module &module) {
  llvm::LLVMContext &context = module.getContext();
  auto *asked = llvm::Function::Create(llvm::FunctionType::get(llvm::Type::getVoidTy(context), false),
                                       llvm::Function::InternalLinkage, "asked", module);
  asked->addFnAttr("target-cpu", machine.getTargetCPU());
  asked->addFnAttr("target-features", machine.getTargetFeatureString());
  LaneFeatures has;
  has.vectorBits = vectorBits(machine);
  {
    const llvm::TargetTransformInfo target = machine.getTargetTransformInfo(*asked);
    for (const unsigned bytes : {1u, 2u, 4u, 8u}) {
      llvm::Type *element = llvm::Type::getIntNTy(context, bytes * 8);
      auto *lanes = llvm::FixedVectorType::get(element, hostabi::kLanes);
      const llvm::Align align(bytes);
      if (target.isLegalMaskedLoad(lanes, align, 0) && target.isLegalMaskedStore(lanes, align, 0))
        has.maskedBytes |= bytes;
      if (target.isLegalMaskedGather(lanes, align) && !target.forceScalarizeMaskedGather(lanes, align))
        has.gatheredBytes |= bytes;
      if (target.isLegalMaskedScatter(lanes, align) && !target.forceScalarizeMaskedScatter(lanes, align))
        has.scatteredBytes |= bytes;
    }
  }
  asked->eraseFromParent();
  return has;
}

} // namespace enigma::host
