// SPDX-License-Identifier: MIT
//
// Loads and stores of 8x8 matrices of which a part is out of bounds: element by element. What is out of
// bounds is reported at the lane that holds it, is not stored, and is loaded as 0.
#pragma once

#include "LaneMemory.h"

namespace enigma::host {

/// Rows and columns of a simdgroup's matrix.
inline constexpr uint32_t kMatrix = 8;
/// The lane that holds an element, and the element's place among its two (EnigmaMatrixOps.td).
constexpr uint32_t matrixLane(uint32_t row, uint32_t column) {
  return (row >> 2) << 4 | (column >> 2) << 3 | (row & 3) << 1 | (column >> 1 & 1);
}
constexpr uint32_t matrixSlot(uint32_t column) { return column & 1; }

// Generated code calls them as enigma_matrix_load and enigma_matrix_store. `values` are 64 elements as in
// memory, row by row; the row r starts at element index + r * stride of the buffer of `count` elements.
void matrixLoad(const LaneFrame *frame, const AccessSite *site, const void *data, uint64_t count,
                uint64_t index, uint64_t stride, void *values);
void matrixStore(const LaneFrame *frame, const AccessSite *site, void *data, uint64_t count, uint64_t index,
                 uint64_t stride, const void *values);

} // namespace enigma::host
