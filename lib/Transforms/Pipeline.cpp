// SPDX-License-Identifier: MIT
//
// The pipeline, as a list.
#include "enigma/Dialect/Enigma.h"
#include "enigma/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace enigma::transforms {

void buildPipeline(OpPassManager &pm, int vecWidth) {
  OpPassManager &kernel = pm.nest<dialect::KernelOp>();
  kernel.addPass(createCanonicalizerPass());
  kernel.addPass(createCSEPass());
  kernel.addPass(createRegistersPass());
  // Before vectorising: a position put together from its group is the grid position, and is contiguous.
  kernel.addPass(createIndexPass());
  if (vecWidth > 1) {
    kernel.addPass(createVecWidthPass(vecWidth));
    kernel.addPass(createCanonicalizerPass());
    kernel.addPass(createCSEPass());
    kernel.addPass(createIndexPass());
  }
  kernel.addPass(createHoistPass());
  // After vectorising: its vectors are lowered too.
  kernel.addPass(createBf16Pass());
  kernel.addPass(createCanonicalizerPass());
  kernel.addPass(createCSEPass());
}

void registerPasses() {
  registerPass([] { return createVecWidthPass(); });
  registerPass(createIndexPass);
  registerPass(createRegistersPass);
  registerPass(createHoistPass);
  registerPass(createBf16Pass);
  static PassPipelineRegistration<> pipeline("enigma-pipeline", "what a compile runs, without vec_width",
                                             [](OpPassManager &pm) { buildPipeline(pm, 0); });
}

} // namespace enigma::transforms
