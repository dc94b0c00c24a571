// SPDX-License-Identifier: MIT
//
// What code generation needs to know of the CPU beyond what LLVM's target machine decides by itself.
#pragma once

namespace enigma::host {

struct TargetTraits {
  bool hasWideGather = false;   ///< gathers that are worth inlining (AVX-512)
};

} // namespace enigma::host
