// SPDX-License-Identifier: MIT
//
// Vectors of 2 to 4 components: swizzles, components by an index that is computed, geometry (Metal specification 6.8), any and
// all, and the packing of vectors into words (7.7). What works on each component by itself is declared with the scalars.
#ifndef ENIGMA_VECTOR_OPS_TD
#define ENIGMA_VECTOR_OPS_TD

include "enigma/Dialect/EnigmaBase.td"

//===-- Components ------------------------------------------------------------------------------------------===//

def Enigma_SwizzleOp : Enigma_Op<"swizzle", [Pure]> {
  let summary = "a vector of components of x, in any order";
  let arguments = (ins Enigma_Vector:$x, DenseI32ArrayAttr:$components);
  let results = (outs Enigma_Vector:$result);
  let assemblyFormat = "$x $components attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let python = "";
  let rule = "swizzle";
  let group = "Vectors";
  let section = "2.2.1";
}
def Enigma_ExtractAtOp : Enigma_Op<"extract_at", [Pure,
    TypesMatchWith<"the result is a component of x", "x", "result", "::enigma::dialect::scalarOf($_self)">]> {
  let summary = "component `index` of a vector; the last one where there are not so many";
  let arguments = (ins Enigma_Vector:$x, UI32:$index);
  let results = (outs Enigma_Scalar:$result);
  let assemblyFormat = "$x `[` $index `]` attr-dict `:` type($x)";
  let hasFolder = 1;
  let python = "";
  let rule = "vector";
  let group = "Vectors";
  let section = "2.2.1";
}

//===-- Functions of whole vectors --------------------------------------------------------------------------===//

// `host` is an expression over Components, of lib/Target/Host/LaneVector.h. In rules V is the type of the vector operands, V3 the
// same of 3 components, S one component.
class Enigma_Vectorwise<string mnemonic, list<Trait> traits> : Enigma_Op<mnemonic, !listconcat([Pure], traits)> {
  bit vectorwise = 1;
}
class Enigma_ScalarResult<string operand> : TypesMatchWith<"the result is one component of the operand", operand,
    "result", "::enigma::dialect::scalarOf($_self)">;

class Enigma_Geometric<string mnemonic, string text, list<Trait> traits, bit isModal = 0>
    : Enigma_Vectorwise<mnemonic, traits> {
  let summary = text;
  let group = "Geometry";
  let types = "float";
  let section = "6.8";
  let modal = isModal;
}
class Enigma_Measure<string mnemonic, string text, bit isModal = 0>
    : Enigma_Geometric<mnemonic, text, [Enigma_ScalarResult<"x">], isModal> {
  let arguments = !con((ins Enigma_Vector:$x), Enigma_ModalArg<isModal>.arg);
  let results = (outs Enigma_Scalar:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let rule = "V -> S";
  let host = mnemonic # "(b, x)";
}
class Enigma_Between<string mnemonic, string text, bit isModal = 0>
    : Enigma_Geometric<mnemonic, text, [AllTypesMatch<["x", "y"]>, Enigma_ScalarResult<"x">], isModal> {
  let arguments = !con((ins Enigma_Vector:$x, Enigma_Vector:$y), Enigma_ModalArg<isModal>.arg);
  let results = (outs Enigma_Scalar:$result);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x)";
  let rule = "V, V -> S";
  let host = mnemonic # "(b, x, y)";
}

def Enigma_DotOp : Enigma_Between<"dot", "sum of the products of components"> {
  let msl = ["float: dot($x, $y)"];
}
def Enigma_LengthOp : Enigma_Measure<"length", "length of x: sqrt(dot(x, x))", 1> {
  let msl = ["float: $modelength($x)"];
}
def Enigma_LengthSquaredOp : Enigma_Measure<"length_squared", "dot(x, x)"> {
  let host = "lengthSquared(b, x)";
  let msl = ["float: length_squared($x)"];
}
def Enigma_DistanceOp : Enigma_Between<"distance", "length of x - y", 1> {
  let msl = ["float: $modedistance($x, $y)"];
}
def Enigma_DistanceSquaredOp : Enigma_Between<"distance_squared", "length_squared of x - y"> {
  let host = "distanceSquared(b, x, y)";
  let msl = ["float: distance_squared($x, $y)"];
}
def Enigma_NormalizeOp : Enigma_Geometric<"normalize", "x scaled to length 1", [AllTypesMatch<["x", "result"]>], 1> {
  let description = "NaN for a vector of zeros.";
  let arguments = !con((ins Enigma_Vector:$x), Enigma_ModalArg<1>.arg);
  let results = (outs Enigma_Vector:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let rule = "V -> V";
  let host = "normalize(b, x)";
  let msl = ["float: $modenormalize($x)"];
}
def Enigma_CrossOp : Enigma_Geometric<"cross", "cross product of two vectors of 3", [SameOperandsAndResultType]> {
  let arguments = (ins Enigma_Vector:$x, Enigma_Vector:$y);
  let results = (outs Enigma_Vector:$result);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x)";
  let rule = "V3, V3 -> V3";
  let hasVerifier = 1;
  let host = "cross(b, x, y)";
  let msl = ["float: cross($x, $y)"];
}
def Enigma_ReflectOp : Enigma_Geometric<"reflect", "direction i reflected by a surface with the unit normal n: i - 2 * dot(n, i) * n",
    [SameOperandsAndResultType]> {
  let arguments = (ins Enigma_Vector:$i, Enigma_Vector:$n);
  let results = (outs Enigma_Vector:$result);
  let assemblyFormat = "$i `,` $n attr-dict `:` type($i)";
  let rule = "V, V -> V";
  let host = "reflect(b, i, n)";
  let msl = ["float: reflect($i, $n)"];
}
def Enigma_RefractOp : Enigma_Geometric<"refract",
    "unit direction i refracted at a surface with the unit normal n, eta being the ratio of the indices of refraction",
    [AllTypesMatch<["i", "n", "result"]>, TypesMatchWith<"eta is one component", "i", "eta", "::enigma::dialect::scalarOf($_self)">]> {
  let description = "Zeros where all is reflected.";
  let arguments = (ins Enigma_Vector:$i, Enigma_Vector:$n, Enigma_Scalar:$eta);
  let results = (outs Enigma_Vector:$result);
  let assemblyFormat = "$i `,` $n `,` $eta attr-dict `:` type($i)";
  let rule = "V, V, S -> V";
  let host = "refract(b, i, n, eta)";
  let msl = ["float: refract($i, $n, $eta)"];
}
def Enigma_FaceForwardOp : Enigma_Geometric<"faceforward", "n where dot(nref, i) < 0, else -n", [SameOperandsAndResultType]> {
  let arguments = (ins Enigma_Vector:$n, Enigma_Vector:$i, Enigma_Vector:$nref);
  let results = (outs Enigma_Vector:$result);
  let assemblyFormat = "$n `,` $i `,` $nref attr-dict `:` type($n)";
  let rule = "V, V, V -> V";
  let host = "faceForward(b, n, i, nref)";
  let msl = ["float: faceforward($n, $i, $nref)"];
}

class Enigma_Quantifier<string mnemonic, string text> : Enigma_Vectorwise<mnemonic, [Enigma_ScalarResult<"x">]> {
  let summary = text;
  let arguments = (ins Enigma_Bool:$x);
  let results = (outs I1:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let types = "b1";
  let rule = "V -> S";
  let group = "Comparisons";
  let section = "6.4";
  let msl = ["b1: " # mnemonic # "($x)"];
}
def Enigma_AllOp : Enigma_Quantifier<"all", "whether all components of a vector of b1 hold"> {
  let host = "all(b, x)";
}
def Enigma_AnyOp : Enigma_Quantifier<"any", "whether one or more components of a vector of b1 hold"> {
  let host = "any(b, x)";
}

//===-- Packing ---------------------------------------------------------------------------------------------===//

// Component x goes into the lowest bits. What does not fit is clamped: to [0, 1] for unorm, [-1, 1] for snorm; NaN gives 0.
def Enigma_F2 : Type<CPred<"::enigma::dialect::isVector($_self) && ::enigma::dialect::lanesOf($_self) == 2 && ::enigma::dialect::isFloatLike($_self)">,
    "a vector of 2 floats">;
def Enigma_F4 : Type<CPred<"::enigma::dialect::isVector($_self) && ::enigma::dialect::lanesOf($_self) == 4 && ::enigma::dialect::isFloatLike($_self)">,
    "a vector of 4 floats">;

class Enigma_Pack<string mnemonic, string text, string slot, Type type, string hostExpression>
    : Enigma_Vectorwise<mnemonic, []> {
  let summary = text;
  let arguments = (ins type:$x);
  let results = (outs UI32:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let types = !if(!eq(!substr(slot, 0, 3), "f32"), "f32", "f16");
  let rule = slot # " -> u32";
  let group = "Packing";
  let section = "7.7";
  let host = hostExpression;
  let msl = ["float: " # mnemonic # "($x)"];
}
class Enigma_Unpack<string mnemonic, string text, string slot, Type type, string hostExpression>
    : Enigma_Vectorwise<mnemonic, []> {
  let summary = text;
  let arguments = (ins UI32:$x);
  let results = (outs type:$result);
  let assemblyFormat = "$x attr-dict `:` type($result)";
  let types = "u32";
  let rule = "u32 -> " # slot;
  let group = "Packing";
  let section = "7.7";
  let host = hostExpression;
  let msl = ["u32: " # mnemonic # "($x)"];
}
// One format in f32 and f16: what `fields` (of LaneVector.h) holds for each component.
multiclass Enigma_Format<string name, string packName, string words, int count, Type type, string fields> {
  defvar n = !cast<string>(count);
  def PackFloat : Enigma_Pack<"pack_float_to_" # packName, "x as " # words, "f32x" # n, type, "pack(b, x, " # fields # ")">;
  def PackHalf : Enigma_Pack<"pack_half_to_" # packName, "x as " # words, "f16x" # n, type, "pack(b, x, " # fields # ")">;
  def UnpackFloat : Enigma_Unpack<"unpack_" # name # "_to_float", "the f32 vector that x holds as " # words, "f32x" # n, type,
      "unpack(b, x, " # fields # ", ElementKind::F32)">;
  def UnpackHalf : Enigma_Unpack<"unpack_" # name # "_to_half", "the f16 vector that x holds as " # words, "f16x" # n, type,
      "unpack(b, x, " # fields # ", ElementKind::F16)">;
}
defm Enigma_Unorm4x8 : Enigma_Format<"unorm4x8", "unorm4x8", "4 numbers from 0 to 1 of 8 bits", 4, Enigma_F4, "kUnorm4x8">;
defm Enigma_Snorm4x8 : Enigma_Format<"snorm4x8", "snorm4x8", "4 numbers from -1 to 1 of 8 bits", 4, Enigma_F4, "kSnorm4x8">;
defm Enigma_Srgb4x8 : Enigma_Format<"unorm4x8_srgb", "srgb_unorm4x8", "sRGB red, green, blue and linear alpha of 8 bits", 4,
    Enigma_F4, "kSrgb4x8">;
defm Enigma_Unorm2x16 : Enigma_Format<"unorm2x16", "unorm2x16", "2 numbers from 0 to 1 of 16 bits", 2, Enigma_F2, "kUnorm2x16">;
defm Enigma_Snorm2x16 : Enigma_Format<"snorm2x16", "snorm2x16", "2 numbers from -1 to 1 of 16 bits", 2, Enigma_F2, "kSnorm2x16">;
defm Enigma_Unorm10a2 : Enigma_Format<"unorm10a2", "unorm10a2", "3 numbers from 0 to 1 of 10 bits and one of 2", 4, Enigma_F4,
    "kUnorm10a2">;

#endif // ENIGMA_VECTOR_OPS_TD
