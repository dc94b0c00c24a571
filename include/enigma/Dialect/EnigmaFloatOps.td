// SPDX-License-Identifier: MIT
//
// Float functions: the common, math and relational functions of Metal (specification 6.2, 6.4, 6.5), under Metal's
// names. `ulp` is the error that the specification allows without fast math.
#ifndef ENIGMA_FLOAT_OPS_TD
#define ENIGMA_FLOAT_OPS_TD

include "enigma/Dialect/EnigmaBase.td"

class Enigma_FloatUnary<string mnemonic, string text, int error = 0, bit isModal = 0,
    string domain = "edge [-10,10]"> : Enigma_Unary<mnemonic, Enigma_Float, "Float functions", isModal> {
  let summary = text;
  let types = "float";
  let section = "6.5";
  let ulp = error;
  let samples = domain;
  let host = "b.math(\"" # mnemonic # "\", x)";
  let msl = [!if(isModal, "float: $mode" # mnemonic # "($x)", "float: " # mnemonic # "($x)")];
}

class Enigma_FloatBinary<string mnemonic, string text, int error = 0, bit isModal = 0,
    string domain = "edge [-10,10]"> : Enigma_Binary<mnemonic, Enigma_Float, "Float functions", isModal> {
  let summary = text;
  let types = "float";
  let section = "6.5";
  let ulp = error;
  let samples = domain;
  let host = "b.math(\"" # mnemonic # "\", x, y)";
  let msl = [!if(isModal, "float: $mode" # mnemonic # "($x, $y)", "float: " # mnemonic # "($x, $y)")];
}

// --- Roots and rounding
def Enigma_SqrtOp : Enigma_FloatUnary<"sqrt", "square root, correctly rounded; NaN below zero", 0, 1, "edge [0,1e4]"> {
  let host = "b.sqrt(x)";
}
def Enigma_RsqrtOp : Enigma_FloatUnary<"rsqrt", "reciprocal of the square root", 2, 1, "edge [0,1e4]"> {
  let host = "b.rsqrt(x)";
}
def Enigma_CeilOp : Enigma_FloatUnary<"ceil", "smallest whole number not below x"> {
  let host = "b.ceil(x)";
}
def Enigma_FloorOp : Enigma_FloatUnary<"floor", "largest whole number not above x"> {
  let host = "b.floor(x)";
}
def Enigma_RoundOp : Enigma_FloatUnary<"round", "nearest whole number, halfway cases away from zero"> {
  let host = "b.round(x)";
}
def Enigma_RintOp : Enigma_FloatUnary<"rint", "nearest whole number, halfway cases to even"> {
  let host = "b.rint(x)";
}
def Enigma_TruncOp : Enigma_FloatUnary<"trunc", "x without its fraction"> {
  let host = "b.trunc(x)";
}
def Enigma_FractOp : Enigma_FloatUnary<"fract", "x - floor(x), below 1 also where that rounds up to it; NaN for an infinity"> {
  let host = "b.fract(x)";
}

// --- Common functions
let section = "6.2" in {
def Enigma_SignOp : Enigma_FloatUnary<"sign", "1, -1, or x itself for zeros; 0 for NaN"> {
  let host = "b.sign(x)";
}
def Enigma_SaturateOp : Enigma_FloatUnary<"saturate", "x clamped to [0, 1]; 0 for NaN"> {
  let host = "b.saturate(x)";
}
def Enigma_StepOp : Enigma_FloatBinary<"step", "0 where y < x (x is the edge), else 1"> {
  let host = "b.step(x, y)";
}
def Enigma_MixOp : Enigma_Ternary<"mix", Enigma_Float, "Float functions"> {
  let host = "b.mix(x, y, z)";
  let summary = "linear blend x + (y - x) * z";
  let types = "float";
  let msl = ["float: mix($x, $y, $z)"];
  let samples = "[-10,10]";
  let ulp = 4;
}
def Enigma_SmoothstepOp : Enigma_Ternary<"smoothstep", Enigma_Float, "Float functions"> {
  let host = "b.smoothstep(x, y, z)";
  let summary = "Hermite blend from 0 to 1 while z goes from edge x to edge y";
  let types = "float";
  let msl = ["float: smoothstep($x, $y, $z)"];
  let samples = "edges";
  let ulp = 8;
}
}

// --- Exponentials and logarithms
def Enigma_ExpOp : Enigma_FloatUnary<"exp", "e to the power x", 4, 1>;
def Enigma_Exp2Op : Enigma_FloatUnary<"exp2", "2 to the power x", 4, 1>;
def Enigma_Exp10Op : Enigma_FloatUnary<"exp10", "10 to the power x", 4, 1>;
def Enigma_LogOp : Enigma_FloatUnary<"log", "natural logarithm", 4, 1, "edge [0,1e4]">;
def Enigma_Log2Op : Enigma_FloatUnary<"log2", "logarithm to base 2", 4, 1, "edge [0,1e4]">;
def Enigma_Log10Op : Enigma_FloatUnary<"log10", "logarithm to base 10", 4, 1, "edge [0,1e4]">;
def Enigma_PowOp : Enigma_FloatBinary<"pow", "x to the power y", 16, 1>;
def Enigma_PowrOp : Enigma_FloatBinary<"powr", "x to the power y for x >= 0, defined as exp2(y * log2(x))", 16, 1,
    "[0,10]">;

// --- Trigonometry (radians), and in half turns
def Enigma_SinOp : Enigma_FloatUnary<"sin", "sine of x radians", 4, 1>;
def Enigma_CosOp : Enigma_FloatUnary<"cos", "cosine of x radians", 4, 1>;
def Enigma_TanOp : Enigma_FloatUnary<"tan", "tangent of x radians", 6, 1>;
def Enigma_AsinOp : Enigma_FloatUnary<"asin", "inverse sine in radians", 4, 1, "edge [-1,1]">;
def Enigma_AcosOp : Enigma_FloatUnary<"acos", "inverse cosine in radians", 4, 1, "edge [-1,1]">;
def Enigma_AtanOp : Enigma_FloatUnary<"atan", "inverse tangent in radians", 5, 1>;
def Enigma_Atan2Op : Enigma_FloatBinary<"atan2", "angle of the point (y, x) in radians: atan2(y, x)", 6, 1>;
def Enigma_SinhOp : Enigma_FloatUnary<"sinh", "hyperbolic sine", 4, 1>;
def Enigma_CoshOp : Enigma_FloatUnary<"cosh", "hyperbolic cosine", 4, 1>;
def Enigma_TanhOp : Enigma_FloatUnary<"tanh", "hyperbolic tangent", 5, 1>;
def Enigma_AsinhOp : Enigma_FloatUnary<"asinh", "inverse hyperbolic sine", 4, 1>;
def Enigma_AcoshOp : Enigma_FloatUnary<"acosh", "inverse hyperbolic cosine", 4, 1, "edge [1,100]">;
def Enigma_AtanhOp : Enigma_FloatUnary<"atanh", "inverse hyperbolic tangent", 5, 1, "edge [-1,1]">;
def Enigma_SinpiOp : Enigma_FloatUnary<"sinpi", "sine of x half turns, sin(pi * x)", 4, 1>;
def Enigma_CospiOp : Enigma_FloatUnary<"cospi", "cosine of x half turns, cos(pi * x)", 4, 1>;
def Enigma_TanpiOp : Enigma_FloatUnary<"tanpi", "tangent of x half turns, tan(pi * x)", 6, 1>;

// --- Two operands
def Enigma_FmodOp : Enigma_FloatBinary<"fmod", "remainder of x / y with the sign of x, exact">;
def Enigma_CopysignOp : Enigma_FloatBinary<"copysign", "size of x with the sign of y"> {
  let host = "b.copysign(x, y)";
}
def Enigma_FdimOp : Enigma_FloatBinary<"fdim", "x - y where that is positive, else 0"> {
  let host = "b.fdim(x, y)";
}
def Enigma_NextafterOp : Enigma_FloatBinary<"nextafter", "next value of the type after x in the direction of y"> {
  let host = "b.nextafter(x, y)";
  let mslVersion = "3.1";
  let msl = ["bf16: enigma_nextafter_bfloat($x, $y)", "float: nextafter($x, $y)"];
  let bf16Native = 1;
}
def Enigma_LdexpOp : Enigma_Elementwise<"ldexp", [AllTypesMatch<["x", "result"]>]> {
  let host = "b.ldexp(x, y)";
  let summary = "x * 2**y, y an i32";
  let arguments = (ins Enigma_Float:$x, Enigma_I32Like:$y);
  let results = (outs Enigma_Float:$result);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x) `,` type($y)";
  let types = "float";
  let rule = "T, i32 -> T";
  let group = "Float functions";
  let section = "6.5";
  let msl = ["float: ldexp($x, $y)"];
}

// --- Two results
class Enigma_FloatSplit<string mnemonic, string text, string secondRule, TypeConstraint second>
    : Enigma_Elementwise<mnemonic, [AllTypesMatch<["x", "first"]>]> {
  let summary = text;
  let arguments = (ins Enigma_Float:$x);
  let results = (outs Enigma_Float:$first, second:$second);
  let assemblyFormat = "$x attr-dict `:` type($x) `,` type($second)";
  let types = "float";
  let rule = secondRule;
  let group = "Float functions";
  let section = "6.5";
}
def Enigma_FrexpOp : Enigma_FloatSplit<"frexp", "fraction in [0.5, 1) and i32 exponent of x, fraction * 2**exponent",
    "T -> T, i32", Enigma_I32Like> {
  let host = "b.frexpFraction(x), b.frexpExponent(x)";
  let msl = ["float: frexp($x, $second)"];
}
def Enigma_ModfOp : Enigma_FloatSplit<"modf", "fraction and whole part of x, both with the sign of x", "T -> T, T",
    Enigma_Float> {
  let host = "b.modfFraction(x), b.trunc(x)";
  let msl = ["float: modf($x, $second)"];
}

// --- Fused
def Enigma_FmaOp : Enigma_Ternary<"fma", Enigma_Float, "Float functions"> {
  let host = "b.fma(x, y, z)";
  let summary = "x * y + z, rounded once";
  let types = "float";
  let section = "6.5";
  let msl = ["float: fma($x, $y, $z)"];
}

// --- Questions
class Enigma_FloatQuestion<string mnemonic, string text> : Enigma_Predicate<mnemonic, Enigma_Float, "Float classification"> {
  let summary = text;
  let types = "float";
  let section = "6.4";
  let msl = ["float: " # mnemonic # "($x)"];
}
def Enigma_IsnanOp : Enigma_FloatQuestion<"isnan", "whether x is NaN"> {
  let host = "b.isnan(x)";
}
def Enigma_IsinfOp : Enigma_FloatQuestion<"isinf", "whether x is an infinity"> {
  let host = "b.isinf(x)";
}
def Enigma_IsfiniteOp : Enigma_FloatQuestion<"isfinite", "whether x is neither NaN nor an infinity"> {
  let host = "b.isfinite(x)";
}
def Enigma_IsnormalOp : Enigma_FloatQuestion<"isnormal", "whether x is a normal number: not zero, subnormal, infinite or NaN"> {
  let host = "b.isnormal(x)";
  // Narrow formats are asked in their own range: widening makes their subnormals normal.
  let msl = ["bf16: enigma_isnormal_bfloat($x)", "float: isnormal($x)"];
  let bf16Native = 1;
}
def Enigma_SignbitOp : Enigma_FloatQuestion<"signbit", "whether the sign bit is set, also of -0 and NaN"> {
  let host = "b.signbit(x)";
}
class Enigma_FloatPairQuestion<string mnemonic, string text>
    : Enigma_BinaryPredicate<mnemonic, Enigma_Float, "Float classification"> {
  let summary = text;
  let types = "float";
  let section = "6.4";
  let msl = ["float: " # mnemonic # "($x, $y)"];
}
def Enigma_IsorderedOp : Enigma_FloatPairQuestion<"isordered", "whether neither x nor y is NaN"> {
  let host = "b.isordered(x, y)";
}
def Enigma_IsunorderedOp : Enigma_FloatPairQuestion<"isunordered", "whether x or y is NaN"> {
  let host = "b.isunordered(x, y)";
}

// --- Provided where Metal has none
def Enigma_ErfOp : Enigma_FloatUnary<"erf", "error function", 4> {
  let msl = ["float: enigma_erf($x)"];
  let section = "not in Metal";
}
def Enigma_ErfinvOp : Enigma_FloatUnary<"erfinv", "inverse of the error function; infinite at -1 and 1", 8, 0,
    "edge [-1,1]"> {
  let msl = ["float: enigma_erfinv($x)"];
  let section = "not in Metal";
}

#endif // ENIGMA_FLOAT_OPS_TD
