// SPDX-License-Identifier: MIT
//
// Function constants (specification 5.8): numbers that the text leaves open until a pipeline is made of it. Those that a compile gives are
// constants before they come here.
//
//     %n = enigma.function_constant 3 "N" default 16 : ui32
#ifndef ENIGMA_CONSTANT_OPS_TD
#define ENIGMA_CONSTANT_OPS_TD

include "enigma/Dialect/EnigmaBase.td"

def Enigma_FunctionConstantOp : Enigma_Op<"function_constant", [Pure]> {
  let summary = "the number that a pipeline gives to an index";
  let arguments = (ins I32Attr:$index, StrAttr:$name, OptionalAttr<TypedAttrInterface>:$fallback);
  let results = (outs Enigma_Scalar:$result);
  let assemblyFormat = "$index $name (`default` $fallback^)? attr-dict `:` type($result)";
  let python = "";
  let rule = "function constant";
  let group = "Function constants";
  let section = "5.8";
}
def Enigma_FunctionConstantDefinedOp : Enigma_Op<"is_function_constant_defined", [Pure]> {
  let summary = "whether a pipeline gives the number, so that it is not the default";
  let arguments = (ins Enigma_Scalar:$constant);
  let results = (outs I1:$result);
  let assemblyFormat = "$constant attr-dict `:` type($constant)";
  let python = "";
  let rule = "function constant";
  let group = "Function constants";
  let section = "5.8.1";
}

#endif // ENIGMA_CONSTANT_OPS_TD
