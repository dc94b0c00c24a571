// SPDX-License-Identifier: MIT
// Reads MLIR with the enigma dialect, runs passes, prints the result.
//
//   enigma-opt kernel.mlir --enigma-index --canonicalize --cse
#include "enigma/Dialect/Enigma.h"
#include "enigma/Transforms/Passes.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<enigma::dialect::EnigmaDialect>();
  mlir::registerTransformsPasses();
  enigma::transforms::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Enigma optimizer driver\n", registry));
}
