// SPDX-License-Identifier: MIT
// Reads MLIR with the enigma dialect, runs passes, prints the result.
//
//   enigma-opt kernel.mlir --canonicalize --cse
#include "enigma/Dialect/Enigma.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<enigma::dialect::EnigmaDialect>();
  mlir::registerTransformsPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Enigma optimizer driver\n", registry));
}
