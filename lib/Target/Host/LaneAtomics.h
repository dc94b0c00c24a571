// SPDX-License-Identifier: MIT
//
// Atomic accesses of 32 lanes, out of line: active lanes in bounds access memory one after the other, lane 0
// first, each atomically among all threads of the launch. Relaxed order. Lanes out of bounds are reported as
// other accesses are (LaneMemory.h) and get 0.
#pragma once

#include "LaneMemory.h"

namespace enigma::host {

enum class AtomicKind : uint32_t { Load, Store, Exchange, CompareExchange, Add, Sub, Min, Max, And, Or, Xor };

/// Generated code calls it as enigma_atomic.
/// @param how AtomicKind, and ElementKind in the second byte.
/// @param data, count the buffer and its elements.
/// @param indices extended to 64 bits by their own sign, one a lane.
/// @param values one a lane, as in memory; null for loads.
/// @param old where the elements before go; for CompareExchange it holds what is expected. May be null.
/// @return for CompareExchange the lanes that exchanged.
uint32_t atomicLanes(const LaneFrame *frame, const AccessSite *site, uint32_t how, void *data, uint64_t count,
                     const uint64_t *indices, uint32_t mask, const void *values, void *old);

} // namespace enigma::host
