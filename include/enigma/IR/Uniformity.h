// SPDX-License-Identifier: MIT
//
// Which values differ between the threads of a threadgroup, and the rules that rest on it: all threads come
// to each barrier, and all lanes of a simdgroup to each operation on a matrix that they hold together. What
// can be shown to differ is an error before the kernel ever runs; where only data decide, the host finds out
// when it runs.
//
//     if lid < 16:            # differs from thread to thread
//         enigma.barrier()    # error, with the line of the condition
#pragma once

#include "enigma/IR/Function.h"

namespace enigma::ir {

/// Throws a TraceError at a barrier or threadgroup_alloc under a condition that differs between threads, an
/// early return or break under such a condition included; at an operation on a simdgroup matrix under a
/// condition, or at a place in memory, that differs between lanes; and at a block that gives lanes different
/// matrices.
void checkConvergence(const Function &f);

} // namespace enigma::ir
