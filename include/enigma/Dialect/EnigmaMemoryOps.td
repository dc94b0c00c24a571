// SPDX-License-Identifier: MIT
//
// Memory that a kernel brings itself, in Metal's address spaces, and the barriers that order it:
//
//     %tile = enigma.threadgroup_alloc 256 : !enigma.buffer<f32, threadgroup>      shared by a threadgroup
//     %acc = enigma.register_alloc 8, %zero : f32 -> !enigma.buffer<f32, thread>   of one thread
//     %table = enigma.constant_array dense<[1, 2]> : ... -> !enigma.buffer<i32, constant>
//     enigma.threadgroup_barrier 2
//
// Loads and stores are those of EnigmaCoreOps.td. A barrier reads and writes all memory, so that no pass moves an
// access across it, and an allocation is an effect, so that equal ones stay apart.
#ifndef ENIGMA_MEMORY_OPS_TD
#define ENIGMA_MEMORY_OPS_TD

include "enigma/Dialect/EnigmaBase.td"

class Enigma_MemoryOp<string mnemonic, list<Trait> traits = []> : Enigma_Op<mnemonic, traits> {
  let group = "Memory";
}

def Enigma_ThreadgroupAllocOp : Enigma_MemoryOp<"threadgroup_alloc"> {
  let summary = "memory of `count` elements that the threads of a threadgroup share; one for the whole kernel, wherever it stands";
  let arguments = (ins I64Attr:$count);
  let results = (outs Res<Enigma_BufferType, "", [MemAlloc]>:$result);
  let assemblyFormat = "$count attr-dict `:` type($result)";
  let hasVerifier = 1;
  let python = "";
  let rule = "alloc";
  let section = "4.4";
}

def Enigma_RegisterAllocOp : Enigma_MemoryOp<"register_alloc"> {
  let summary = "memory of `count` elements of one thread, which start as `fill` each time";
  let arguments = (ins I64Attr:$count, Enigma_Value:$fill);
  let results = (outs Res<Enigma_BufferType, "", [MemAlloc]>:$result);
  let assemblyFormat = "$count `,` $fill attr-dict `:` type($fill) `->` type($result)";
  let hasVerifier = 1;
  let python = "";
  let rule = "alloc";
  let section = "4.3";
}

def Enigma_ConstantArrayOp : Enigma_MemoryOp<"constant_array", [Pure]> {
  let summary = "memory of the program that holds these values; of vectors those of each are a row";
  let arguments = (ins ElementsAttr:$values);
  let results = (outs Enigma_BufferType:$result);
  let assemblyFormat = "$values attr-dict `->` type($result)";
  let hasVerifier = 1;
  let python = "";
  let rule = "table";
  let section = "4.2";
}

// Flags: the sum of 1 (device) and 2 (threadgroup) that MSL calls mem_flags; 8 leaves the choice to the emitter, which takes
// threadgroup memory, and device memory where the kernel reads a buffer that it also writes.
class Enigma_Barrier<string mnemonic, string text> : Enigma_MemoryOp<mnemonic, [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = text;
  let arguments = (ins I32Attr:$flags);
  let assemblyFormat = "$flags attr-dict";
  let python = "";
  let rule = "barrier";
  let section = "6.9.1";
}
def Enigma_ThreadgroupBarrierOp : Enigma_Barrier<"threadgroup_barrier",
    "waits until all threads of the threadgroup have come here, and orders their memory">;
def Enigma_SimdgroupBarrierOp : Enigma_Barrier<"simdgroup_barrier",
    "waits until all threads of the simdgroup have come here, and orders their memory">;

#endif // ENIGMA_MEMORY_OPS_TD
