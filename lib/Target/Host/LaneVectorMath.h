// SPDX-License-Identifier: MIT
//
// Functions of LaneMath.h that the vector units compute, eight lanes at a time: those that kernels call most.
// They are compiled for each level of instructions that is worth it, and the level is chosen when the process
// starts. All levels give the same results, to the last bit; so do a lane alone and a lane among 32.
//
//   for (const LaneFunction &function : laneVectorFunctions()) ...      // sorted by name; empty on old CPUs
#pragma once

#include "LaneMath.h"

namespace enigma::host {

/// What this CPU has.
std::span<const LaneFunction> laneVectorFunctions();

/// The levels that this CPU can run, best first; for tests.
std::span<const std::span<const LaneFunction>> laneVectorLevels();

} // namespace enigma::host
