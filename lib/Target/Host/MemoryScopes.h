// SPDX-License-Identifier: MIT
//
// Tells LLVM that threadgroup memory and the buffers that a launch binds never overlap: threadgroup memory is
// a thread's own while a threadgroup runs. Nothing is said of two buffers, which may overlap.
//
//   MemoryScopes scopes(module);
//   scopes.mark(instruction, MemoryScopes::Buffer);       // a load, store or call that touches buffers only
#pragma once

#include "llvm/IR/Instruction.h"
#include "llvm/IR/MDBuilder.h"

namespace enigma::host {

class MemoryScopes {
public:
  enum Kind : unsigned { Buffer, Threadgroup };

  explicit MemoryScopes(llvm::LLVMContext &context) {
    llvm::MDBuilder builder(context);
    llvm::MDNode *domain = builder.createAnonymousAliasScopeDomain("memory");
    for (const Kind kind : {Buffer, Threadgroup})
      lists[kind] = llvm::MDNode::get(context, builder.createAnonymousAliasScope(domain));
  }

  void mark(llvm::Instruction *instruction, Kind kind) const {
    instruction->setMetadata(llvm::LLVMContext::MD_alias_scope, lists[kind]);
    instruction->setMetadata(llvm::LLVMContext::MD_noalias, lists[kind == Buffer ? Threadgroup : Buffer]);
  }

private:
  llvm::MDNode *lists[2];
};

} // namespace enigma::host
