// SPDX-License-Identifier: MIT
//
// What threadgroups with barriers need besides generated code: memory for the simdgroups that wait, and the
// reports of barriers that not all threads reach.
#pragma once

#include "LaneMemory.h"

namespace enigma::host {

/// Where a simdgroup stands, besides the numbers of barriers.
inline constexpr uint32_t kFinished = hostabi::GroupFault::finished; ///< ran to the end
inline constexpr uint32_t kFaulty = ~0u - 1;                         ///< reported a fault
inline constexpr uint32_t kStopped = ~0u - 2;                        ///< the launch is to stop

/// Memory for the simdgroups of one threadgroup, aligned to kFrameAlign; null where there is none,
/// which is reported. It is the thread's own and kept from launch to launch.
inline constexpr uint64_t kFrameAlign = 256;
void *takeFrames(const LaneFrame *frame, uint64_t bytes);
void giveFrames(void *memory);

/// Simdgroup `simdgroup` stands at `at`, where simdgroup 0 stands at `first`; if both are one barrier, they
/// are in different rounds of a loop.
void reportSimdgroups(const LaneFrame *frame, uint32_t first, uint32_t at, uint32_t simdgroup);
/// Of the lanes `expected` only `present` came to `site`, or agree there, as the kind of the fault says.
void reportLanes(const LaneFrame *frame, uint32_t kind, uint32_t site, uint32_t present, uint32_t expected);

} // namespace enigma::host
