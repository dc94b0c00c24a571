// SPDX-License-Identifier: MIT
// The enigma dialect: every operation is declared here, once, and everything else about it is generated.
#ifndef ENIGMA_DIALECT_OPS
#define ENIGMA_DIALECT_OPS

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Enigma_Dialect : Dialect {
  let name = "enigma";
  let cppNamespace = "::enigma::dialect";
  let summary = "Compute kernels for Metal";
}

class Enigma_Op<string mnemonic, list<Trait> traits = []> : Op<Enigma_Dialect, mnemonic, traits>;

def Enigma_ExampleOp : Enigma_Op<"example", [Pure, SameOperandsAndResultType]> {
  let summary = "returns its operand";
  let arguments = (ins AnyType:$value);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // ENIGMA_DIALECT_OPS
