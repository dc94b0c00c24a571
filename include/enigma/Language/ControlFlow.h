// SPDX-License-Identifier: MIT
//
// Loops and branches of a kernel. The blocks are lambdas; what they assign to a Variable is known after them.
//
//     Variable sum(0.0f);
//     for_range(0, n, [&](Value k) { sum += A[row * n + k]; });
//     if_(sum > 1, [&] { sum = 1; }, [&] { sum *= 2; });
//     while_([&] { return sum > 0.5f; }, [&] { sum *= 0.5f; });
//     for_range(0, n, [&](Value k) {
//       if_(A[k] < 0, [&] { break_(); });                    // what follows is not for threads that have
//       left sum += A[k];
//     });
//
// A block may be run more than once while the kernel is built, to find out which variables it assigns, so it
// should do nothing but build. A plain C++ loop unrolls.
#pragma once

#include "enigma/Language/Value.h"

#include <functional>

namespace enigma {

/// Runs the body for begin, begin + step, ... before end (after end, for a negative step). The position has
/// the common type of the bounds that are values, i32 where all are numbers. The bounds are computed once.
void for_range(const Operand &begin, const Operand &end, const Operand &step,
               const std::function<void(Value)> &body);
/// The same with a step of 1.
void for_range(const Operand &begin, const Operand &end, const std::function<void(Value)> &body);

/// Runs `then` where the condition (b1) holds, and `otherwise` where it does not.
void if_(const Operand &condition, const std::function<void()> &then,
         const std::function<void()> &otherwise = {});

/// Runs the body as long as the condition, which is computed anew each time, holds.
void while_(const std::function<Value()> &condition, const std::function<void()> &body,
            std::source_location place = std::source_location::current());

/// The thread leaves the innermost loop.
void break_(std::source_location place = std::source_location::current());
/// The thread goes on with the next round of the innermost loop.
void continue_(std::source_location place = std::source_location::current());

} // namespace enigma
