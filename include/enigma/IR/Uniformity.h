// SPDX-License-Identifier: MIT
//
// Which values differ between the threads of a threadgroup, and the rule that rests on it: all threads come
// to each barrier. What can be shown to differ is an error before the kernel ever runs; where only data
// decide, the host finds out when it runs.
//
//     if lid < 16:            # differs from thread to thread
//         enigma.barrier()    # error, with the line of the condition
#pragma once

#include "enigma/IR/Function.h"

namespace enigma::ir {

/// Throws a TraceError at a barrier or threadgroup_alloc under a condition that differs between threads, an
/// early return or break under such a condition included.
void checkBarriers(const Function &f);

} // namespace enigma::ir
