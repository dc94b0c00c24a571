// SPDX-License-Identifier: MIT
//
// Atomic accesses to an element of a buffer, in relaxed order, the only one below MSL 4.1. They are effects: passes neither move nor share
// them. A buffer may be accessed both ways in one kernel; the emitter casts the element's address where it is used.
//
//     %old = enigma.atomic_fetch_add %A[%i], %x : !enigma.buffer<ui32, device>, ui32
#ifndef ENIGMA_ATOMIC_OPS_TD
#define ENIGMA_ATOMIC_OPS_TD

include "enigma/Dialect/EnigmaBase.td"

class Enigma_OfElement<string what> : TypesMatchWith<what # " has the type of the buffer's elements", "buffer", what,
    "::llvm::cast<::enigma::dialect::BufferType>($_self).getElementType()">;

class Enigma_AtomicOp<string mnemonic, string classes, list<Trait> traits, string text>
    : Enigma_Op<mnemonic, !listconcat([MemoryEffects<[MemRead, MemWrite]>], traits)> {
  let summary = text;
  let python = "";
  let types = classes;
  let rule = "atomic";
  let group = "Atomics";
  let section = "6.15";
}

def Enigma_AtomicLoadOp : Enigma_AtomicOp<"atomic_load", "atomic", [Enigma_OfElement<"result">], "the element at an index"> {
  let arguments = (ins Enigma_Buffer:$buffer, Enigma_Index:$index);
  let results = (outs Enigma_Scalar:$result);
  let assemblyFormat = "$buffer `[` $index `]` attr-dict `:` type($buffer) `,` type($index)";
}
def Enigma_AtomicStoreOp : Enigma_AtomicOp<"atomic_store", "atomic", [Enigma_OfElement<"value">], "writes the element at an index"> {
  let arguments = (ins Enigma_Buffer:$buffer, Enigma_Index:$index, Enigma_Scalar:$value);
  let assemblyFormat = "$buffer `[` $index `]` `,` $value attr-dict `:` type($buffer) `,` type($index)";
}
class Enigma_AtomicChange<string mnemonic, string classes, string text>
    : Enigma_AtomicOp<mnemonic, classes, [Enigma_OfElement<"value">, Enigma_OfElement<"result">], text> {
  let arguments = (ins Enigma_Buffer:$buffer, Enigma_Index:$index, Enigma_Scalar:$value);
  let results = (outs Enigma_Scalar:$result);
  let assemblyFormat = "$buffer `[` $index `]` `,` $value attr-dict `:` type($buffer) `,` type($index)";
}
def Enigma_AtomicExchangeOp : Enigma_AtomicChange<"atomic_exchange", "atomic", "replaces the element at an index by value; gives the old one">;
def Enigma_AtomicFetchAddOp : Enigma_AtomicChange<"atomic_fetch_add", "atomic add", "adds value to the element at an index; gives the old one">;
def Enigma_AtomicFetchSubOp : Enigma_AtomicChange<"atomic_fetch_sub", "atomic add", "subtracts value from the element at an index; gives the old one">;
def Enigma_AtomicFetchMinOp : Enigma_AtomicChange<"atomic_fetch_min", "atomic int", "lowers the element at an index to value; gives the old one">;
def Enigma_AtomicFetchMaxOp : Enigma_AtomicChange<"atomic_fetch_max", "atomic int", "raises the element at an index to value; gives the old one">;
def Enigma_AtomicFetchAndOp : Enigma_AtomicChange<"atomic_fetch_and", "atomic int", "keeps the bits of the element at an index that value has; gives the old one">;
def Enigma_AtomicFetchOrOp : Enigma_AtomicChange<"atomic_fetch_or", "atomic int", "sets the bits of value in the element at an index; gives the old one">;
def Enigma_AtomicFetchXorOp : Enigma_AtomicChange<"atomic_fetch_xor", "atomic int", "flips the bits of value in the element at an index; gives the old one">;

def Enigma_AtomicCompareExchangeOp : Enigma_AtomicOp<"atomic_compare_exchange_weak", "atomic",
    [Enigma_OfElement<"expected">, Enigma_OfElement<"value">, Enigma_OfElement<"old">],
    "replaces the element at an index by value if its bits are those of expected; gives the old one, and whether it did"> {
  let description = "A GPU may fail to although they are the same: do it in a loop.";
  let arguments = (ins Enigma_Buffer:$buffer, Enigma_Index:$index, Enigma_Scalar:$expected, Enigma_Scalar:$value);
  let results = (outs Enigma_Scalar:$old, I1:$exchanged);
  let assemblyFormat = "$buffer `[` $index `]` `,` $expected `,` $value attr-dict `:` type($buffer) `,` type($index)";
}

// On 64 bits Metal has these two alone, without a result.
class Enigma_AtomicWide<string mnemonic, string text> : Enigma_AtomicOp<mnemonic, "u64", [Enigma_OfElement<"value">], text> {
  let arguments = (ins Enigma_Buffer:$buffer, Enigma_Index:$index, Enigma_Scalar:$value);
  let assemblyFormat = "$buffer `[` $index `]` `,` $value attr-dict `:` type($buffer) `,` type($index)";
  let mslVersion = "2.4";
}
def Enigma_AtomicMinOp : Enigma_AtomicWide<"atomic_min", "lowers the element at an index to value; Apple8 and newer">;
def Enigma_AtomicMaxOp : Enigma_AtomicWide<"atomic_max", "raises the element at an index to value; Apple8 and newer">;

#endif // ENIGMA_ATOMIC_OPS_TD
