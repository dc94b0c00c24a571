// SPDX-License-Identifier: MIT
//
// The functions of the language that are no row of the table of operations (Operations.h has those).
//
//     Value safe = load_if(A, i + 1, i + 1 < n, 0);
//     store_if(Out, i, as_type(safe, u32), i < n);
#pragma once

#include "enigma/Language/Value.h"

namespace enigma {

/// buffer[index] where the mask (b1) holds, else the fallback. Where it does not, memory is not touched and
/// any index is legal.
Value load_if(const Buffer &buffer, const Operand &index, const Operand &mask, const Operand &fallback = 0);
/// buffer[index] = value where the mask (b1) holds. Where it does not, memory is not touched.
void store_if(const Buffer &buffer, const Operand &index, const Operand &value, const Operand &mask);
/// The vector with component number `component` replaced; one that is computed replaces none where there are
/// not so many.
Value insert(const Value &vector, const Operand &component, const Operand &value);
/// The bits of x read as another type of the same width.
Value as_type(const Operand &x, ElementType to);
/// true_value where the condition (b1) holds, else false_value: Metal's order. select_(condition, a, b) has
/// the condition first.
Value where(const Operand &false_value, const Operand &true_value, const Operand &condition);
/// x * y + z; on f32 and f16 rounded once, unless compiled with contract = false.
Value mad(const Operand &x, const Operand &y, const Operand &z);
/// The bits of two integers compared as unsigned numbers.
Value cmp_ult(const Operand &x, const Operand &y);
/// The bits of two integers compared as unsigned numbers.
Value cmp_ule(const Operand &x, const Operand &y);
/// The bits of two integers compared as unsigned numbers.
Value cmp_ugt(const Operand &x, const Operand &y);
/// The bits of two integers compared as unsigned numbers.
Value cmp_uge(const Operand &x, const Operand &y);

} // namespace enigma
