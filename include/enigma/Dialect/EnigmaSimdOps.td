// SPDX-License-Identifier: MIT
//
// Operations among the lanes of a simdgroup (32 threads) or quadgroup (4). Lanes that do not reach the operation are inactive and take no
// part, so what an operation gives depends on where it stands: it reads the resource LaneResource, by which passes neither speculate it
// nor share it between blocks, but drop it when nobody uses it.
//
//     %s = enigma.simd_sum %x : f32
//     %d = enigma.simd_shuffle_down %x, %delta : f32
#ifndef ENIGMA_SIMD_OPS_TD
#define ENIGMA_SIMD_OPS_TD

include "enigma/Dialect/EnigmaBase.td"

def Enigma_LaneResource : Resource<"::enigma::dialect::LaneResource">;

class Enigma_LaneOp<string mnemonic, list<Trait> traits> : Enigma_Op<mnemonic,
    !listconcat([MemoryEffects<[MemRead<Enigma_LaneResource>]>], traits)> {
  // Depends on which lanes are active: see the head of this file.
  bit convergent = 1;
  let section = "6.9.2";
  let samples = "lanes";
}

// `p` is simd or quad, `width` its lanes, `what` its name in sentences.
class Enigma_LaneGroup<string p, int w, string what> {
  string prefix = p;
  int width = w;
  string word = what;
  string group = !if(!eq(p, "simd"), "Simdgroups", "Quadgroups");
}
def Enigma_Simd : Enigma_LaneGroup<"simd", 32, "simdgroup">;
def Enigma_Quad : Enigma_LaneGroup<"quad", 4, "quadgroup">;

class Enigma_LaneUnary<Enigma_LaneGroup g, string function, TypeConstraint type, string classes, list<string> templates>
    : Enigma_LaneOp<g.prefix # "_" # function, [SameOperandsAndResultType]> {
  let arguments = (ins type:$x);
  let results = (outs type:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let types = classes;
  let rule = "T -> T";
  let group = g.group;
  let msl = templates;
}

// Sums and products of signed integers wrap, which C++ promises on unsigned types only.
class Enigma_LaneSum<Enigma_LaneGroup g, string function, string hostCall, string text>
    : Enigma_LaneUnary<g, function, Enigma_Number, "number",
        ["wide: enigma_" # g.prefix # "_" # function # "($x)", "sint: $T(" # g.prefix # "_" # function # "($U($x)))",
         "number: " # g.prefix # "_" # function # "($x)"]> {
  let summary = text # " over the active lanes of the " # g.word;
  let host = hostCall;
}

class Enigma_LaneOrder<Enigma_LaneGroup g, string function, string hostCall, string text>
    : Enigma_LaneUnary<g, function, Enigma_Number, "number",
        ["wide: enigma_" # g.prefix # "_" # function # "($x)", "number: " # g.prefix # "_" # function # "($x)"]> {
  let summary = text # " of the active lanes of the " # g.word;
  let description = "Of a number and NaN the host takes the number; Metal does not say.";
  let host = hostCall;
}

class Enigma_LaneBits<Enigma_LaneGroup g, string function, string hostCall>
    : Enigma_LaneUnary<g, function, Enigma_IntOrBool, "int|bool",
        ["b1: bool(" # g.prefix # "_" # function # "(ushort($x)))", "wide: enigma_" # g.prefix # "_" # function # "($x)",
         "int: " # g.prefix # "_" # function # "($x)"]> {
  let summary = "bitwise " # function # " over the active lanes of the " # g.word # "; logical on b1";
  let host = hostCall;
}

class Enigma_LaneFirst<Enigma_LaneGroup g>
    : Enigma_LaneUnary<g, "broadcast_first", Enigma_Value, "any",
        ["b1: bool(" # g.prefix # "_broadcast_first(ushort($x)))", "wide: enigma_" # g.prefix # "_broadcast_first($x)",
         "any: " # g.prefix # "_broadcast_first($x)"]> {
  let summary = "x of the first active lane of the " # g.word;
  let host = "s.broadcastFirst(x, " # g.width # ")";
}

// x of another lane; `lane` is u16, as in Metal.
class Enigma_LaneShuffle<Enigma_LaneGroup g, string function, string hostCall, string text, string more>
    : Enigma_LaneOp<g.prefix # "_" # function, [AllTypesMatch<["x", "result"]>]> {
  let arguments = (ins Enigma_Value:$x, UI16:$lane);
  let results = (outs Enigma_Value:$result);
  let assemblyFormat = "$x `,` $lane attr-dict `:` type($x)";
  let types = "any";
  let rule = "T, u16 -> T";
  let group = g.group;
  let msl = ["b1: bool(" # g.prefix # "_" # function # "(ushort($x), $lane))", "wide: enigma_" # g.prefix # "_" # function # "($x, $lane)",
             "any: " # g.prefix # "_" # function # "($x, $lane)"];
  let summary = text;
  let description = more # " The value of a lane that is inactive is unspecified: 0 on the host.";
  let host = hostCall;
}

class Enigma_LaneFill<Enigma_LaneGroup g, string function, string hostCall, string text>
    : Enigma_LaneOp<g.prefix # "_" # function, [AllTypesMatch<["x", "fill", "result"]>]> {
  let results = (outs Enigma_Value:$result);
  let types = "any";
  let group = g.group;
  let mslVersion = "2.4";
  let summary = text;
  let host = hostCall;
}
class Enigma_SimdFill<string function, string hostCall, string text>
    : Enigma_LaneFill<Enigma_Simd, function, hostCall, text> {
  let arguments = (ins Enigma_Value:$x, Enigma_Value:$fill, UI16:$lane, UI16:$modulo);
  let assemblyFormat = "$x `,` $fill `,` $lane `,` $modulo attr-dict `:` type($x)";
  let rule = "T, T, u16, u16 -> T";
  let description = [{
    The simdgroup is taken as vectors of `modulo` lanes (2, 4, 8, 16 or 32, a number; 32 where it is left out), and what comes from outside of a
    vector comes from the other end of the same vector of fill. The value of a lane that is inactive is unspecified: 0 on the host.
  }];
  let msl = ["b1: bool(simd_" # function # "(ushort($x), ushort($fill), $lane, $modulo))",
             "wide: enigma_simd_" # function # "($x, $fill, $lane, $modulo)", "any: simd_" # function # "($x, $fill, $lane, $modulo)"];
}
class Enigma_QuadFill<string function, string hostCall, string text>
    : Enigma_LaneFill<Enigma_Quad, function, hostCall, text> {
  let arguments = (ins Enigma_Value:$x, Enigma_Value:$fill, UI16:$lane);
  let assemblyFormat = "$x `,` $fill `,` $lane attr-dict `:` type($x)";
  let rule = "T, T, u16 -> T";
  let description = [{
    What comes from outside of the quadgroup comes from its other end of fill. The value of a lane that is inactive is unspecified: 0 on the host.
  }];
  let msl = ["b1: bool(quad_" # function # "(ushort($x), ushort($fill), $lane))", "wide: enigma_quad_" # function # "($x, $fill, $lane)",
             "any: quad_" # function # "($x, $fill, $lane)"];
}

class Enigma_LaneVote<Enigma_LaneGroup g, string function, TypeConstraint type, string ruleText, string hostCall, string template, string text>
    : Enigma_LaneOp<g.prefix # "_" # function, []> {
  let arguments = (ins I1:$x);
  let results = (outs type:$result);
  let assemblyFormat = "$x attr-dict";
  let types = "b1";
  let rule = ruleText;
  let group = g.group;
  let msl = ["b1: " # template];
  let summary = text;
  let host = hostCall;
}
class Enigma_LaneState<Enigma_LaneGroup g, string function, TypeConstraint type, string name, string hostCall, string template, string text>
    : Enigma_LaneOp<g.prefix # "_" # function, []> {
  let results = (outs type:$result);
  let assemblyFormat = "attr-dict";
  let types = name;
  let rule = "-> " # name;
  let group = g.group;
  let msl = [name # ": " # template];
  let summary = text;
  let host = hostCall;
}

// The functions that simdgroups and quadgroups share: Enigma_SimdSumOp, Enigma_QuadSumOp, ...
multiclass Enigma_LaneFunctions<string cls, Enigma_LaneGroup g> {
  defvar w = g.width;
  defvar p = g.prefix;
  def cls#SumOp : Enigma_LaneSum<g, "sum", "s.reduce(Combine::Add, x, " # w # ")", "sum of x">;
  def cls#ProductOp : Enigma_LaneSum<g, "product", "s.reduce(Combine::Mul, x, " # w # ")", "product of x">;
  def cls#PrefixInclusiveSumOp : Enigma_LaneSum<g, "prefix_inclusive_sum", "s.scan(Combine::Add, x, true, " # w # ")",
      "sum of x of this lane and those before it,">;
  def cls#PrefixExclusiveSumOp : Enigma_LaneSum<g, "prefix_exclusive_sum", "s.scan(Combine::Add, x, false, " # w # ")",
      "sum of x of the lanes before this one, 0 in the first,">;
  def cls#PrefixInclusiveProductOp : Enigma_LaneSum<g, "prefix_inclusive_product",
      "s.scan(Combine::Mul, x, true, " # w # ")", "product of x of this lane and those before it,">;
  def cls#PrefixExclusiveProductOp : Enigma_LaneSum<g, "prefix_exclusive_product",
      "s.scan(Combine::Mul, x, false, " # w # ")", "product of x of the lanes before this one, 1 in the first,">;
  def cls#MinOp : Enigma_LaneOrder<g, "min", "s.reduce(Combine::Min, x, " # w # ")", "smallest x">;
  def cls#MaxOp : Enigma_LaneOrder<g, "max", "s.reduce(Combine::Max, x, " # w # ")", "largest x">;
  def cls#AndOp : Enigma_LaneBits<g, "and", "s.reduce(Combine::And, x, " # w # ")">;
  def cls#OrOp : Enigma_LaneBits<g, "or", "s.reduce(Combine::Or, x, " # w # ")">;
  def cls#XorOp : Enigma_LaneBits<g, "xor", "s.reduce(Combine::Xor, x, " # w # ")">;
  def cls#BroadcastFirstOp : Enigma_LaneFirst<g>;
  def cls#BroadcastOp : Enigma_LaneShuffle<g, "broadcast", "s.shuffle(x, lane, " # w # ")", "x of the lane of that number in the " # g.word,
      "A number that differs from lane to lane makes it a shuffle.">;
  def cls#ShuffleOp : Enigma_LaneShuffle<g, "shuffle", "s.shuffle(x, lane, " # w # ")",
      "x of the lane of that number in the " # g.word, "The number may differ from lane to lane.">;
  def cls#ShuffleXorOp : Enigma_LaneShuffle<g, "shuffle_xor", "s.shuffleXor(x, lane, " # w # ")",
      "x of the lane whose number is that of this one with the bits of lane flipped", "">;
  def cls#ShuffleUpOp : Enigma_LaneShuffle<g, "shuffle_up", "s.shuffleBy(x, lane, /*up=*/true, " # w # ")",
      "x of the lane that is so many before this one; its own where there is none",
      "The count is the same in all lanes.">;
  def cls#ShuffleDownOp : Enigma_LaneShuffle<g, "shuffle_down", "s.shuffleBy(x, lane, /*up=*/false, " # w # ")",
      "x of the lane that is so many after this one; its own where there is none",
      "The count is the same in all lanes.">;
  def cls#ShuffleRotateUpOp : Enigma_LaneShuffle<g, "shuffle_rotate_up", "s.rotate(x, lane, /*up=*/true, " # w # ")",
      "x of the lane that is so many before this one, counted around the " # g.word,
      "The count is the same in all lanes.">;
  def cls#ShuffleRotateDownOp : Enigma_LaneShuffle<g, "shuffle_rotate_down", "s.rotate(x, lane, /*up=*/false, " # w # ")",
      "x of the lane that is so many after this one, counted around the " # g.word,
      "The count is the same in all lanes.">;
  def cls#AllOp : Enigma_LaneVote<g, "all", I1, "b1 -> b1", "s.all(x, " # w # ")", p # "_all($x)",
      "whether x holds in every active lane of the " # g.word>;
  def cls#AnyOp : Enigma_LaneVote<g, "any", I1, "b1 -> b1", "s.any(x, " # w # ")", p # "_any($x)",
      "whether x holds in an active lane of the " # g.word>;
  def cls#BallotOp : Enigma_LaneVote<g, "ballot", UI32, "b1 -> u32", "s.ballot(x, " # w # ")",
      "uint(" # p # "_vote::vote_t(" # p # "_ballot($x)))",
      "the active lanes of the " # g.word # " in which x holds, bit l for lane l">;
  def cls#IsFirstOp : Enigma_LaneState<g, "is_first", I1, "b1", "s.isFirst(" # w # ")", p # "_is_first()",
      "whether this is the first active lane of the " # g.word>;
  def cls#ActiveThreadsMaskOp : Enigma_LaneState<g, "active_threads_mask", UI32, "u32", "s.activeMask(" # w # ")",
      "uint(" # p # "_vote::vote_t(" # p # "_active_threads_mask()))",
      "the active lanes of the " # g.word # ", bit l for lane l">;
}
defm Enigma_ : Enigma_LaneFunctions<"Simd", Enigma_Simd>;
defm Enigma_ : Enigma_LaneFunctions<"Quad", Enigma_Quad>;

def Enigma_SimdShuffleAndFillUpOp : Enigma_SimdFill<"shuffle_and_fill_up", "s.shuffleFill(x, fill, lane, modulo, /*up=*/true, 32)",
    "x of the lane that is so many before this one; where there is none, fill from the end">;
def Enigma_SimdShuffleAndFillDownOp : Enigma_SimdFill<"shuffle_and_fill_down", "s.shuffleFill(x, fill, lane, modulo, /*up=*/false, 32)",
    "x of the lane that is so many after this one; where there is none, fill from the start">;
def Enigma_QuadShuffleAndFillUpOp : Enigma_QuadFill<"shuffle_and_fill_up", "s.shuffleFill(x, fill, lane, {}, /*up=*/true, 4)",
    "x of the lane that is so many before this one; where there is none, fill from the end">;
def Enigma_QuadShuffleAndFillDownOp : Enigma_QuadFill<"shuffle_and_fill_down", "s.shuffleFill(x, fill, lane, {}, /*up=*/false, 4)",
    "x of the lane that is so many after this one; where there is none, fill from the start">;

#endif // ENIGMA_SIMD_OPS_TD
