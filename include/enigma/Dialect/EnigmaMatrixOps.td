// SPDX-License-Identifier: MIT
//
// Matrices of 8x8 elements that the 32 lanes of a simdgroup hold together, two elements each. Lane l has row (l / 4 & 4) + l / 2 % 4 and
// from column (l / 4 & 2) * 2 + l % 2 * 2 on two; the map is not in the specification, public Metal kernels rely on it. All lanes take
// part in loads, stores and products, so that these read LaneResource (EnigmaSimdOps.td) and stay where they are.
//
//     %a = enigma.simdgroup_load %A[%i], %stride : !enigma.buffer<f16, device>, ui32, ui32 -> !enigma.simdgroup_matrix<f16>
//     %d = enigma.simdgroup_multiply_accumulate %a, %b, %c : (matrix of f16, matrix of f16, matrix of f32)
#ifndef ENIGMA_MATRIX_OPS_TD
#define ENIGMA_MATRIX_OPS_TD

include "enigma/Dialect/EnigmaSimdOps.td"

class Enigma_MatrixOp<string mnemonic, list<Trait> traits, string text> : Enigma_Op<mnemonic, traits> {
  let summary = text;
  let python = "";
  let rule = "matrix";
  let group = "Simdgroup matrices";
  let section = "6.7";
  let mslVersion = "2.3";
  let hasVerifier = 1;
}

def Enigma_SimdgroupFillOp : Enigma_MatrixOp<"make_filled_simdgroup_matrix", [Pure], "a matrix whose elements are all x"> {
  let arguments = (ins Enigma_Scalar:$x);
  let results = (outs Enigma_SimdgroupMatrix:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
}
def Enigma_SimdgroupLoadOp : Enigma_MatrixOp<"simdgroup_load", [MemoryEffects<[MemRead]>],
    "the matrix whose first element is at an index, and whose rows are a stride apart"> {
  let arguments = (ins Enigma_Buffer:$buffer, Enigma_Index:$index, Enigma_Index:$stride, UnitAttr:$transpose);
  let results = (outs Enigma_SimdgroupMatrix:$result);
  let assemblyFormat = "$buffer `[` $index `]` `,` $stride (`transpose` $transpose^)? attr-dict `:` type($buffer) `,` type($index) `,` type($stride) `->` type($result)";
}
def Enigma_SimdgroupStoreOp : Enigma_MatrixOp<"simdgroup_store", [MemoryEffects<[MemWrite]>],
    "writes a matrix, its rows a stride apart"> {
  let arguments = (ins Enigma_SimdgroupMatrix:$matrix, Enigma_Buffer:$buffer, Enigma_Index:$index, Enigma_Index:$stride,
      UnitAttr:$transpose);
  let assemblyFormat = "$matrix `,` $buffer `[` $index `]` `,` $stride (`transpose` $transpose^)? attr-dict `:` type($matrix) `,` type($buffer) `,` type($index) `,` type($stride)";
}
def Enigma_SimdgroupMultiplyOp : Enigma_MatrixOp<"simdgroup_multiply", [MemoryEffects<[MemRead<Enigma_LaneResource>]>,
    AllTypesMatch<["a", "b", "result"]>], "the product a b"> {
  let arguments = (ins Enigma_SimdgroupMatrix:$a, Enigma_SimdgroupMatrix:$b);
  let results = (outs Enigma_SimdgroupMatrix:$result);
  let assemblyFormat = "$a `,` $b attr-dict `:` type($a)";
}
def Enigma_SimdgroupMultiplyAccumulateOp : Enigma_MatrixOp<"simdgroup_multiply_accumulate",
    [MemoryEffects<[MemRead<Enigma_LaneResource>]>, AllTypesMatch<["a", "b"]>, AllTypesMatch<["c", "result"]>],
    "a b + c; c may be of f32 for any a and b"> {
  let arguments = (ins Enigma_SimdgroupMatrix:$a, Enigma_SimdgroupMatrix:$b, Enigma_SimdgroupMatrix:$c);
  let results = (outs Enigma_SimdgroupMatrix:$result);
  let assemblyFormat = "$a `,` $b `,` $c attr-dict `:` type($a) `,` type($c)";
}
def Enigma_SimdgroupElementsOp : Enigma_MatrixOp<"simdgroup_matrix_elements", [Pure], "the two elements of a matrix that this lane holds"> {
  let arguments = (ins Enigma_SimdgroupMatrix:$matrix);
  let results = (outs Enigma_Scalar:$first, Enigma_Scalar:$second);
  let assemblyFormat = "$matrix attr-dict `:` type($matrix) `->` type($first) `,` type($second)";
}
def Enigma_SimdgroupFromElementsOp : Enigma_MatrixOp<"simdgroup_matrix_from_elements", [Pure, AllTypesMatch<["first", "second"]>],
    "the matrix of which this lane holds these two elements"> {
  let arguments = (ins Enigma_Scalar:$first, Enigma_Scalar:$second);
  let results = (outs Enigma_SimdgroupMatrix:$result);
  let assemblyFormat = "$first `,` $second attr-dict `:` type($first) `->` type($result)";
}

#endif // ENIGMA_MATRIX_OPS_TD
