// SPDX-License-Identifier: MIT
// Translates the enigma dialect to target text.
//
//   enigma-translate --enigma-to-msl kernel.mlir
#include "enigma/Dialect/Enigma.h"
#include "enigma/Support/Error.h"
#include "enigma/Target/MSL/Emit.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Tools/mlir-translate/Translation.h"

int main(int argc, char **argv) {
  mlir::TranslateFromMLIRRegistration toMsl(
      "enigma-to-msl", "print kernels as Metal Shading Language",
      [](mlir::Operation *top, llvm::raw_ostream &out) -> mlir::LogicalResult {
        mlir::WalkResult result = top->walk([&](enigma::dialect::KernelOp kernel) {
          try {
            out << enigma::msl::emitMSL(kernel, {}).source;
          } catch (const enigma::Error &error) {
            kernel.emitError() << error.message();
            return mlir::WalkResult::interrupt();
          }
          return mlir::WalkResult::skip();
        });
        return mlir::failure(result.wasInterrupted());
      },
      [](mlir::DialectRegistry &registry) { registry.insert<enigma::dialect::EnigmaDialect>(); });
  return mlir::failed(mlir::mlirTranslateMain(argc, argv, "Enigma translation driver"));
}
