// SPDX-License-Identifier: MIT
//
// Threadgroups with barriers, second half: from the work of one simdgroup, a function that calls enigma_wait
// at each barrier, to loops over the simdgroups of a threadgroup, one from each barrier to the next:
//
//   a; wait; b;                     for s: a(s);   for s: b(s);
//   for k { a; wait; b; wait; }     while: { for s: a(s);   for s: b(s), k(s) += 1; }
//
// From each barrier (and from the start) on, all code that can be reached before another barrier is copied
// into a loop of its own, so barriers may stand in any branch or loop. At the end of its turn each simdgroup
// says where it stands; if one stands elsewhere than the first, that is reported. What lives across a barrier
// is kept in memory of the simdgroup; what can be computed again from where it is cheaply, is; what is the
// same for the launch or for the threadgroup is computed once. Where copies would make the code too long
// there is one loop, which goes on from any barrier.
//
// KernelPhases.cpp emits what this file takes apart:
//
//   i32 enigma_simdgroup(BodyArgument...)   returns 0; called once, for all simdgroups: 1 if the launch stops
//   void enigma_wait(i32 site, i32 rounds)  a barrier, and in which rounds of loops it is
//   void enigma_leave(i32 why)              kFaulty or kStopped; unreachable follows
//   i64 enigma_stride()                     bytes of memory that a simdgroup needs
#pragma once

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

namespace enigma::host {

/// Parameters of enigma_simdgroup. Those from BodyMemory to BodyZ differ between simdgroups; in the one call
/// they are those of the first.
enum BodyArgument : unsigned {
  BodyLaunch, ///< LaunchContext
  BodyFrame,  ///< LaneFrame
  BodyMemory, ///< of the simdgroup
  BodyFirst,  ///< linear index of the first thread in the threadgroup
  BodyX,      ///< its position there, if the simdgroup lies in one row
  BodyY,
  BodyZ,
  BodyGroup,                  ///< position of the threadgroup, three
  BodySize = BodyGroup + 3,   ///< of the threadgroup as it is, three
  BodyThreads = BodySize + 3, ///< in the threadgroup
  BodyArguments,
};

inline constexpr char kBodyName[] = "enigma_simdgroup", kWaitName[] = "enigma_wait",
                      kLeaveName[] = "enigma_leave", kStrideName[] = "enigma_stride";

/// Replaces all bodies of the module by loops. The code of a body may grow by the factor `mostGrowth`, and
/// to a moderate length in any case; by 0, there is one loop. Returns whether there was any.
bool splitAtBarriers(llvm::Module &module, double mostGrowth);

/// The position of the next simdgroup's first thread in a threadgroup whose simdgroups lie in rows.
void advancePosition(llvm::IRBuilder<> &ir, llvm::Value *x, llvm::Value *y, llvm::Value *z,
                     llvm::Value *width, llvm::Value *height, llvm::Value *(&next)[3]);

} // namespace enigma::host
