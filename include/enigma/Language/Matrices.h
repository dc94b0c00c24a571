// SPDX-License-Identifier: MIT
//
// Simdgroup matrices: 8 by 8 elements that the 32 lanes of a simdgroup hold together. A matrix is a Value
// without arithmetic of its own.
//
//     Value a = simdgroup_load(A, index, columns), b = simdgroup_load(B, index, columns, {.transpose =
//     true}); Variable sum(make_filled_simdgroup_matrix(f32, 0)); sum = simdgroup_multiply_accumulate(a, b,
//     sum); simdgroup_store(sum, C, index, columns);
#pragma once

#include "enigma/Language/Value.h"

#include <utility>

namespace enigma {

/// Where a matrix lies beyond an index: columns and rows further on, and whether rows of memory are columns.
struct MatrixPlace {
  Operand x = 0, y = 0;
  bool transpose = false;
};

/// A matrix of f16, bf16 or f32 whose 8x8 elements are all the value.
Value make_filled_simdgroup_matrix(ElementType type, const Operand &value);
/// The 8x8 elements of a buffer that start at an index. All lanes of the simdgroup take part, with the same
/// index and elements_per_row, which count elements. Metal: specification 6.7.
Value simdgroup_load(const Buffer &buffer, const Operand &index = 0, const Operand &elements_per_row = 8,
                     const MatrixPlace &at = {});
/// Writes a matrix into a buffer of its type.
void simdgroup_store(const Value &matrix, const Buffer &buffer, const Operand &index = 0,
                     const Operand &elements_per_row = 8, const MatrixPlace &at = {});
/// The product of two matrices of one type.
Value simdgroup_multiply(const Value &a, const Value &b,
                         std::source_location place = std::source_location::current());
/// a b + c; a and b are of one type, c of the same or of f32.
Value simdgroup_multiply_accumulate(const Value &a, const Value &b, const Value &c,
                                    std::source_location place = std::source_location::current());
/// The two elements that this lane holds: lane l those of row (l / 4 & 4) + l / 2 % 4 in the columns
/// (l / 4 & 2) * 2 + l % 2 * 2 and the next.
std::pair<Value, Value>
simdgroup_matrix_elements(const Value &matrix, std::source_location place = std::source_location::current());
/// The matrix of which each lane holds the two elements that it gives.
Value simdgroup_matrix_from_elements(const Operand &first, const Operand &second);

} // namespace enigma
