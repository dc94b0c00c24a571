// SPDX-License-Identifier: MIT
//
// Integer functions of Metal (specification 6.3). abs, min, max and clamp, which floats share, stand in EnigmaCoreOps.td.
#ifndef ENIGMA_INTEGER_OPS_TD
#define ENIGMA_INTEGER_OPS_TD

include "enigma/Dialect/EnigmaBase.td"

class Enigma_IntUnary<string mnemonic, string text, string function = mnemonic>
    : Enigma_Unary<mnemonic, Enigma_Int, "Integer functions"> {
  let summary = text;
  let types = "int";
  let section = "6.3";
  let msl = ["int: " # function # "($x)"];
}
class Enigma_IntBinary<string mnemonic, string text, string function = mnemonic, list<Trait> traits = []>
    : Enigma_Binary<mnemonic, Enigma_Int, "Integer functions", 0, traits> {
  let summary = text;
  let types = "int";
  let section = "6.3";
  let msl = ["int: " # function # "($x, $y)"];
}
class Enigma_IntTernary<string mnemonic, string text, string function = mnemonic>
    : Enigma_Ternary<mnemonic, Enigma_Int, "Integer functions"> {
  let summary = text;
  let types = "int";
  let section = "6.3";
  let msl = ["int: " # function # "($x, $y, $z)"];
}

def Enigma_AbsDiffOp : Enigma_Elementwise<"abs_diff", [AllTypesMatch<["x", "y"]>,
    TypesMatchWith<"the result is unsigned in the width of the operands", "x", "result",
                   "::enigma::dialect::unsignedLike($_self)">]> {
  let host = "b.absDiff(x, y)";
  let summary = "|x - y| without overflow, as the unsigned type of the same width";
  let arguments = (ins Enigma_Int:$x, Enigma_Int:$y);
  let results = (outs Enigma_Int:$result);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x)";
  let types = "int";
  let rule = "T, T -> U";
  let group = "Integer functions";
  let section = "6.3";
  let msl = ["int: absdiff($x, $y)"];
}
def Enigma_AddSatOp : Enigma_IntBinary<"add_sat", "x + y, saturated to the type's range", "addsat", [Commutative]> {
  let host = "b.addSat(x, y)";
}
def Enigma_SubSatOp : Enigma_IntBinary<"sub_sat", "x - y, saturated to the type's range", "subsat"> {
  let host = "b.subSat(x, y)";
}
def Enigma_MulHiOp : Enigma_IntBinary<"mul_hi", "high half of the double-width product", "mulhi", [Commutative]> {
  let host = "b.mulHi(x, y)";
}
def Enigma_MadHiOp : Enigma_IntTernary<"mad_hi", "mul_hi(x, y) + z, wrapping", "madhi"> {
  let host = "b.add(b.mulHi(x, y), z)";
}
def Enigma_MadSatOp : Enigma_IntTernary<"mad_sat", "x * y + z, saturated to the type's range", "madsat"> {
  let host = "b.madSat(x, y, z)";
}
def Enigma_HaddOp : Enigma_IntBinary<"hadd", "(x + y) >> 1 without overflow", "hadd", [Commutative]> {
  let host = "b.hadd(x, y)";
}
def Enigma_RhaddOp : Enigma_IntBinary<"rhadd", "(x + y + 1) >> 1 without overflow", "rhadd", [Commutative]> {
  let host = "b.rhadd(x, y)";
}
def Enigma_RotateOp : Enigma_IntBinary<"rotate", "x rotated left by y bits, y taken modulo the width"> {
  let host = "b.rotate(x, y)";
}
def Enigma_PopcountOp : Enigma_IntUnary<"popcount", "how many bits are set"> {
  let host = "b.popcount(x)";
}
def Enigma_ClzOp : Enigma_IntUnary<"clz", "zero bits above the highest set bit; the width for 0"> {
  let host = "b.clz(x)";
}
def Enigma_CtzOp : Enigma_IntUnary<"ctz", "zero bits below the lowest set bit; the width for 0"> {
  let host = "b.ctz(x)";
}
def Enigma_ReverseBitsOp : Enigma_IntUnary<"reverse_bits", "the bits in opposite order"> {
  let host = "b.reverseBits(x)";
  let mslVersion = "2.1";
}
def Enigma_ExtractBitsOp : Enigma_Elementwise<"extract_bits", [AllTypesMatch<["x", "result"]>]> {
  let host = "b.extractBits(x, offset, bits)";
  let summary = "bits [offset, offset + bits) of x, sign-extended for signed types; 0 for no bits";
  let description = "The result is unspecified where offset + bits exceeds the width.";
  let arguments = (ins Enigma_Int:$x, UI32:$offset, UI32:$bits);
  let results = (outs Enigma_Int:$result);
  let assemblyFormat = "$x `,` $offset `,` $bits attr-dict `:` type($x)";
  let types = "int";
  let rule = "T, u32, u32 -> T";
  let group = "Integer functions";
  let section = "6.3";
  let samples = "bits";
  let msl = ["int: extract_bits($x, $offset, $bits)"];
}
def Enigma_InsertBitsOp : Enigma_Elementwise<"insert_bits", [AllTypesMatch<["x", "y", "result"]>]> {
  let host = "b.insertBits(x, y, offset, bits)";
  let summary = "x with its bits [offset, offset + bits) replaced by the low bits of y";
  let description = "The result is unspecified where offset + bits exceeds the width.";
  let arguments = (ins Enigma_Int:$x, Enigma_Int:$y, UI32:$offset, UI32:$bits);
  let results = (outs Enigma_Int:$result);
  let assemblyFormat = "$x `,` $y `,` $offset `,` $bits attr-dict `:` type($x)";
  let types = "int";
  let rule = "T, T, u32, u32 -> T";
  let group = "Integer functions";
  let section = "6.3";
  let samples = "bits";
  let msl = ["int: insert_bits($x, $y, $offset, $bits)"];
}
def Enigma_IpowOp : Enigma_IntBinary<"ipow", "x to the power y, wrapping; 0 for a negative y unless x is 1 or -1"> {
  let host = "b.ipow(x, y)";
  let python = "";
  let section = "not in Metal";
  let msl = ["int: enigma_ipow<$T, $U>($x, $y)"];
}

#endif // ENIGMA_INTEGER_OPS_TD
