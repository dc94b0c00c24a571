// SPDX-License-Identifier: MIT
//
// The three operations with regions, and what ends a region. Values that a region rebinds are carried: initial values go in, the region
// starts from its arguments, yields the next values, and the operation's results are the last ones.
#ifndef ENIGMA_CONTROL_OPS_TD
#define ENIGMA_CONTROL_OPS_TD

include "enigma/Dialect/EnigmaBase.td"

def Enigma_YieldOp : Enigma_Op<"yield", [Pure, Terminator,
    ParentOneOf<["::enigma::dialect::IfOp", "::enigma::dialect::ForOp", "::enigma::dialect::WhileOp"]>]> {
  let summary = "ends a region with the values that it carries on; a while's first region yields the condition before them";
  let arguments = (ins Variadic<Enigma_Carried>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let python = "";
  let rule = "control";
}

def Enigma_IfOp : Enigma_Op<"if", [RecursiveMemoryEffects, RecursivelySpeculatable, SingleBlock, NoRegionArguments]> {
  let summary = "runs one of two regions";
  let arguments = (ins I1:$condition);
  let results = (outs Variadic<Enigma_Carried>:$results);
  let regions = (region SizedRegion<1>:$thenRegion, SizedRegion<1>:$elseRegion);
  let assemblyFormat = "$condition attr-dict-with-keyword (`->` type($results)^)? $thenRegion `else` $elseRegion";
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let python = "";
  let rule = "control";
}

def Enigma_ForOp : Enigma_Op<"for", [RecursiveMemoryEffects, SingleBlock,
    AllTypesMatch<["lower", "upper", "step"]>]> {
  let summary = "runs its region for positions lower, lower + step, ... on the near side of upper";
  let description = [{
    The step may be negative; a step of 0 runs nothing. Positions are counted before the loop starts, so that a range that
    reaches the end of its type terminates.
  }];
  let arguments = (ins Enigma_Index:$lower, Enigma_Index:$upper, Enigma_Index:$step, Variadic<Enigma_Carried>:$initial);
  let results = (outs Variadic<Enigma_Carried>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $lower `,` $upper `,` $step (`carry` `(` $initial^ `:` type($initial) `)`)? `:` type($lower) attr-dict-with-keyword
    (`->` type($results)^)? $body
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
  let python = "";
  let rule = "control";
  let group = "Control flow";
  let section = "1.4";
  let extraClassDeclaration = [{
    ::mlir::Block &block() { return getBody().front(); }
    ::mlir::BlockArgument position() { return block().getArgument(0); }
    ::mlir::Block::BlockArgListType carried() { return block().getArguments().drop_front(); }
  }];
}

def Enigma_WhileOp : Enigma_Op<"while", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "runs its second region as long as its first one yields true";
  let arguments = (ins Variadic<Enigma_Carried>:$initial);
  let results = (outs Variadic<Enigma_Carried>:$results);
  let regions = (region SizedRegion<1>:$conditionRegion, SizedRegion<1>:$body);
  let assemblyFormat = "($initial^ `:` type($initial))? attr-dict-with-keyword (`->` type($results)^)? $conditionRegion `do` $body";
  let hasVerifier = 1;
  let python = "";
  let rule = "control";
}

#endif // ENIGMA_CONTROL_OPS_TD
